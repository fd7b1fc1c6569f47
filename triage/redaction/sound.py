"""The sound of a copy: none, the same, or with voices masked; in time with the pictures.

It is encoded anew from what was decoded, so that nothing of the coded original comes into a copy, and becomes one
unbroken run of samples from the start of the video on: silence where sound is missing, and what overlaps only once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import chain
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet

from triage.errors import RedactionError
from triage.phrases import counted
from triage.redaction.voices import VoiceMask

Samples: TypeAlias = npt.NDArray[np.float32]
"""(N, C), -1 to 1."""

RATES_HZ = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
"""Rates that AAC has and browsers play; sound of any other is converted to the last."""
ELSE_HZ = 48000
BITS_PER_CHANNEL = 64_000
BLOCK_S = 1
"""Length of the blocks that are masked and encoded."""
TOLERANCE = Fraction(15, 1000)
"""Seconds that times may be off before samples are put in or left out: containers round times to 1 ms, and half of a
picture's stay at 30 per second is 17 ms."""
BACKWARDS = Fraction(1)
"""Seconds; a clock that goes back by more has been set anew, as ``Frame.time_ms`` takes it too."""
MOST_AFTER = Fraction(60)
"""Seconds of nothing after which sound that goes on beyond the last picture is no longer waited for."""


LONGEST = Fraction(366 * 24 * 3600)
"""Seconds; later times are damage."""


class Sounding(StrEnum):
    """What a copy sounds like."""

    MUTE = "mute"
    KEEP = "keep"
    VOICES_MASKED = "voices-masked"


class Mask(Protocol):
    """One stream, masked block by block: in all as many samples, some of it later. ``voices.VoiceMask`` is one."""

    def mask(self, block: Samples) -> Samples: ...
    def rest(self) -> Samples: ...


MakeMask: TypeAlias = Callable[[int, int], Mask]
"""Rate in Hz, channels -> a mask for such a stream."""


class Coded(Protocol):
    """How the sound of an original is coded."""

    @property
    def codec(self) -> str: ...
    @property
    def rate_hz(self) -> int: ...
    @property
    def channels(self) -> int: ...


class Heard(Protocol):
    """The sound of an original, opened; ``frames.sandbox.sound.open_sound`` gives one."""

    @property
    def streams(self) -> int: ...
    @property
    def coded(self) -> Coded | None: ...
    @property
    def undecoded(self) -> int: ...

    def samples(self, rate_hz: int, channels: int) -> Iterator[tuple[Fraction, Samples]]: ...


class Track:
    """The sound that goes into a copy, piece by piece, beside the pictures."""

    def __init__(self, making: _Encoding) -> None:
        self._making = making
        self._pieces: Iterator[_Piece] | None = None
        self._head: _Piece | None = None
        self._reached = Fraction(0)
        """When the last piece begins that was given, or the last picture, if that is later."""
        self._stream: AudioStream | None = None
        self.starts: Fraction | None = None
        """When it begins, in seconds on the pictures' clock; None before it does."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was met while it was written."""
        pieces = self._making.undecoded
        if not pieces:
            return ()
        return (f"{counted(pieces, 'piece of its sound was', 'pieces of its sound were')} damaged, and are silence",)

    def add_to(self, container: OutputContainer) -> None:
        """Give the container a stream for it, before anything is written."""
        self._stream = self._making.add_to(container)
        self._pieces = self._making.pieces(self._stream)

    def until(self, at: Fraction) -> Iterator[Packet[AudioStream]]:
        """What begins up to this time, in seconds on the pictures' clock.

        Raises:
            VideoError: NOT_OPENED, the system refused to read the original any further.
            RedactionError: the mask gave something else than as many samples.
        """
        self._reached = max(self._reached, at)
        yield from self._up_to(at)

    def rest(self) -> Iterator[Packet[AudioStream]]:
        """What comes after the last picture, up to a long pause; raises as ``until``."""
        self._making.is_past_pictures = True
        while True:
            yield from self._up_to(self._reached + MOST_AFTER)
            if self._head is None or self._head.at > self._reached + MOST_AFTER:
                return

    def _up_to(self, at: Fraction) -> Iterator[Packet[AudioStream]]:
        assert self._pieces is not None, "it was added to a container"
        while True:
            self._head = self._head or next(self._pieces, None)
            if self._head is None or self._head.at > at:
                return
            piece, self._head = self._head, None
            self._reached = max(self._reached, piece.at)
            if self.starts is None:
                self.starts = max(piece.at, Fraction(0))
            assert self._stream is not None
            piece.packet.stream = self._stream
            yield piece.packet


@dataclass(frozen=True, slots=True)
class Prepared:
    """What becomes of the sound, known before the copy is begun."""

    track: Track | None
    """None: the copy is mute."""
    how: str
    """What is done, in a few words."""
    remarks: tuple[str, ...] = ()
    """Why it is less than was wanted."""


def prepare(heard: Heard | None, sounding: Sounding, make_mask: MakeMask = VoiceMask) -> Prepared:
    """The sound of a copy; mute where there is nothing that can be used, and saying so.

    Args:
        heard: the sound of the original, open until the copy is written; None: it is not wanted.
        sounding: what is wanted.
        make_mask: for ``Sounding.VOICES_MASKED``.

    Raises:
        VideoError: NOT_OPENED, the system refused to read the original.
    """
    if heard is None or sounding is Sounding.MUTE:
        return Prepared(None, "muted")
    if not heard.streams:
        return Prepared(None, "none", ("the original has no sound",))
    if heard.coded is None:
        return Prepared(None, "none", ("its sound is coded in a way that triage cannot decode: the copy is mute",))
    remarks: tuple[str, ...] = ()
    if heard.streams > 1:
        remarks = (f"it holds {heard.streams} sound streams, and only the first that can be decoded is in the copy",)
    making = _Encoding(heard, heard.coded, make_mask if sounding is Sounding.VOICES_MASKED else None)
    if not making.has_any:
        return Prepared(None, "none", (*remarks, "nothing of its sound could be decoded: the copy is mute"))
    return Prepared(Track(making), making.how, remarks)


@dataclass(frozen=True, slots=True)
class _Piece:
    at: Fraction
    """Seconds on the pictures' clock."""
    packet: Packet[AudioStream]


class _Encoding:
    """Perhaps masked, and encoded to AAC."""

    def __init__(self, heard: Heard, coded: Coded, make_mask: MakeMask | None) -> None:
        self.how = "voices masked" if make_mask else f"encoded anew from {coded.codec}"
        self.is_past_pictures = False
        self._heard = heard
        self._rate_hz = coded.rate_hz if coded.rate_hz in RATES_HZ else ELSE_HZ
        self._layout, self._channels = ("mono", 1) if coded.channels == 1 else ("stereo", 2)
        self._mask = make_mask(self._rate_hz, self._channels) if make_mask else None
        blocks = self._blocks()
        first = next(blocks, None)
        self.has_any = first is not None
        self._all_blocks = chain([first] if first is not None else [], blocks)

    @property
    def undecoded(self) -> int:
        """Pieces that are silence because they could not be decoded."""
        return self._heard.undecoded

    def add_to(self, container: OutputContainer) -> AudioStream:
        stream = container.add_stream("aac", rate=self._rate_hz)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = self._layout
        stream.codec_context.flags |= Flags.bitexact  # else the encoder writes its name into the sound
        stream.codec_context.bit_rate = BITS_PER_CHANNEL * (1 if self._layout == "mono" else 2)
        return stream

    def pieces(self, stream: AudioStream) -> Iterator[_Piece]:
        position = 0
        for block in filter(len, self._masked()):
            for packet in stream.encode(self._frame(block, position)):
                yield self._piece(packet)
            position += len(block)
        for packet in stream.encode(None):
            yield self._piece(packet)

    def _piece(self, packet: Packet[AudioStream]) -> _Piece:
        return _Piece((packet.pts or 0) * packet.time_base, packet)

    def _masked(self) -> Iterator[Samples]:
        if self._mask is None:
            yield from self._all_blocks
            return
        taken = given = 0
        for block in self._all_blocks:
            masked = self._mask.mask(block)
            taken, given = taken + len(block), given + len(masked)
            yield masked
        rest = self._mask.rest()
        yield rest
        if taken != given + len(rest):
            raise RedactionError(f"of {taken} samples of sound {given + len(rest)} came back from masking voices")

    def _frame(self, block: Samples, position: int) -> AudioFrame:
        sane = np.clip(np.nan_to_num(block), -1, 1).astype(np.float32)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(sane.T), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, position, Fraction(1, self._rate_hz)
        return frame

    def _blocks(self) -> Iterator[Samples]:
        """The unbroken run in blocks of equal length; the last may be shorter."""
        size, held, count = BLOCK_S * self._rate_hz, [], 0
        for samples in self._unbroken():
            held.append(samples)
            count += len(samples)
            if count < size:
                continue
            whole = np.concatenate(held)
            full = count // size * size
            yield from (whole[start : start + size] for start in range(0, full, size))
            held, count = [whole[full:]], count - full
        if count:
            yield np.concatenate(held)

    def _unbroken(self) -> Iterator[Samples]:
        """All samples in order, the first at time 0, each where its time says."""
        position, shift = 0, Fraction(0)
        for at, samples in self._heard.samples(self._rate_hz, self._channels):
            start = round((at + shift) * self._rate_hz)
            lack = start - position
            if lack < -BACKWARDS * self._rate_hz or at > LONGEST:
                shift, lack = shift - Fraction(lack, self._rate_hz), 0
            if lack > TOLERANCE * self._rate_hz or (position == 0 and lack > 0):
                for missing in range(lack, 0, -BLOCK_S * self._rate_hz):
                    if self.is_past_pictures and missing > MOST_AFTER * self._rate_hz:
                        return
                    yield np.zeros((min(BLOCK_S * self._rate_hz, missing), samples.shape[1]), np.float32)
                position += lack
            first = -lack if lack < -TOLERANCE * self._rate_hz or (position == 0 and lack < 0) else 0
            yield samples[first:]
            position += len(samples[first:])
