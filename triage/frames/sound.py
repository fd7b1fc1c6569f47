"""The sound of a video, decoded: runs of samples, and when each begins on the clock of its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import BinaryIO, TypeAlias, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

from triage.frames import pyav
from triage.frames.pyav import MOST_READ_ERRORS, Known

Samples: TypeAlias = npt.NDArray[np.float32]
"""(N, C), -1 to 1."""
LAYOUTS = {1: "mono", 2: "stereo"}
"""What sound can be asked for in, by its number of channels."""


@dataclass(frozen=True, slots=True)
class Coded:
    """How sound is coded in a file."""

    codec: str
    """FFmpeg's name."""
    rate_hz: int
    channels: int


class SoundSource:
    """The sound of one file, read once."""

    def __init__(self, container: InputContainer, file: Known) -> None:
        self._container, self._file = container, file.bytes_read
        streams = [stream for stream in container.streams if stream.type == "audio"]
        self._stream = next((stream for stream in container.streams.audio if pyav.has_decoder(stream)), None)
        self.streams = len(streams)
        """How many the file has, those that FFmpeg does not know counted too."""
        self.coded = _coded(self._stream) if self._stream else None
        """The first that FFmpeg can decode; None: there is none."""
        self.undecoded = 0
        """Pieces that could not be decoded, up to now."""
        first = next(iter(container.streams), None)
        self._origin = pyav.presentation_ms(container, first) / 1000 if first else Fraction(0)

    def samples(self, rate_hz: int, channels: int) -> Iterator[tuple[Fraction, Samples]]:
        """All of it at this rate, in one channel or two, and when each run begins, in seconds on the pictures' clock.

        Raises:
            VideoError: NOT_OPENED, the system refused to read any further.
        """
        resampler, before = None, None
        expected = Fraction(0)
        for frame in self._decoded():
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or kind != before:
                resampler = AudioResampler(format="fltp", layout=LAYOUTS[channels], rate=rate_hz)
                before = kind
            at = self._at(frame, expected)
            expected = at + Fraction(frame.samples, frame.sample_rate)
            frame.pts = None
            made = [cast("Samples", part.to_ndarray()) for part in resampler.resample(frame)]
            if made:
                yield at, np.concatenate(made, axis=1).T

    def _at(self, frame: AudioFrame, expected: Fraction) -> Fraction:
        if frame.pts is None or not frame.time_base:
            return expected
        return frame.pts * frame.time_base - self._origin

    def _decoded(self) -> Iterator[AudioFrame]:
        if self._stream is None:
            return
        for packet in chain(self._packets(self._stream), [None]):
            try:
                yield from self._stream.decode(packet)
            except av.FFmpegError:
                self.undecoded += 1

    def _packets(self, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        """Its pieces in order, stepping over what cannot be read."""
        for other in self._container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        packets = self._container.demux(stream)
        errors = 0
        while errors < MOST_READ_ERRORS:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self._file.check()
                errors, packets = errors + 1, self._container.demux(stream)
                continue
            self._file.check()
            if packet is None:
                break
            if packet.size:
                errors = 0
                yield packet


def _coded(stream: AudioStream) -> Coded:
    context = stream.codec_context
    return Coded(context.name, context.sample_rate, context.channels)


@contextmanager
def open_stream(file: BinaryIO, video_id: str) -> Iterator[SoundSource]:
    """The sound of a file that is open already, in the calling thread; as ``pyav.open_stream``.

    Raises:
        VideoError: it cannot be opened.
    """
    with pyav.opened_stream(file, video_id) as (container, known):
        yield SoundSource(container, known)
