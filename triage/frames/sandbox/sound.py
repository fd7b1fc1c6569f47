"""The sound of a video whose decoder is another process; what comes from it is samples and when they are heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from triage.frames.sandbox import messages
from triage.frames.sandbox.asked import READING, Asked, asked, stopping
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.memory import shared_memory
from triage.frames.sandbox.messages import Heard
from triage.frames.sandbox.watched import GoneError
from triage.frames.sound import Samples
from triage.original import open_original
from triage.phrases import rough

PLACES, PIECE_BYTES = 8, 2**19
"""Of the memory that samples come through: 1.4 s of stereo at 48 kHz each."""
LONGEST_S = 100 * 3600
"""Of sound that is taken from one file, or a decoder that lies could fill a disk."""


@contextmanager
def open_sound(path: Path, limits: Limits = READING) -> Iterator[SoundSource]:
    """This file's sound, opened once more and beside its pictures, decoded in a process of its own.

    Raises:
        VideoError: it cannot be opened, or its decoder was stopped.
    """
    request = {"job": "sound", "places": PLACES, "piece_bytes": PIECE_BYTES}
    with open_original(path) as file, asked(file, request, limits) as decoder:
        yield SoundSource(decoder)


class SoundSource:
    """The sound of one file, read once; every word is another process's."""

    def __init__(self, decoder: Asked) -> None:
        self._decoder = decoder
        with stopping(decoder, []):
            self.streams, self.coded = messages.heard_sound(decoder.answer("sound", has_begun=False))
        self.undecoded = 0
        """Pieces that could not be decoded, up to now."""

    def samples(self, rate_hz: int, channels: int) -> Iterator[tuple[Fraction, Samples]]:
        """See ``frames.sound.SoundSource.samples``.

        Raises:
            VideoError: also: the decoder was stopped.
        """
        reached_ms = list[int]()
        count = 0
        with shared_memory(PLACES * PIECE_BYTES) as (handle, shared), stopping(self._decoder, reached_ms):
            self._decoder.ask({"rate_hz": rate_hz, "channels": channels}, handle, PLACES)
            while (heard := self._decoder.answer("piece", "end", has_begun=bool(count))).kind == "piece":
                at = heard.fraction("at", -messages.LONGEST_S, messages.LONGEST_S)
                samples = self._taken(heard, shared, channels)
                count += len(samples)
                if count > LONGEST_S * rate_hz:
                    raise GoneError(f"its sound goes on for more than {rough(LONGEST_S)}")
                reached_ms[:] = [max(0, round(at * 1000))]
                yield at, samples
            self.undecoded = heard.whole("undecoded")

    def _taken(self, heard: Heard, shared: npt.NDArray[np.uint8], channels: int) -> Samples:
        """The samples that this message is about, in memory of their own: what is shared may still be written to."""
        place = heard.whole("place", most=PLACES - 1)
        number = heard.whole("samples", 1, PIECE_BYTES // (4 * channels))
        self.undecoded = heard.whole("undecoded")
        flat = np.frombuffer(shared, np.float32, number * channels, place * PIECE_BYTES)
        samples = flat.reshape(number, channels).copy()
        self._decoder.offer(place)
        return samples
