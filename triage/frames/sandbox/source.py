"""A source of frames whose decoder is another process: limited, watched, and never trusted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from triage.errors import Refusal, VideoError
from triage.frames.sandbox import messages
from triage.frames.sandbox.asked import Asked, asked
from triage.frames.sandbox.child import places
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.memory import shared_memory
from triage.frames.sandbox.messages import Heard, NonsenseError
from triage.frames.sandbox.watched import GoneError, is_about_file, words
from triage.frames.source import FrameSource
from triage.frames.times import longest_gap_ms
from triage.original import open_original
from triage.phrases import clock
from triage.records import DECODER_STOPPED, Coverage, Frame, Video
from triage.settings import Sampling

USUAL = Limits()
ROOM_BYTES = 48 * 2**20
"""Of the memory that pictures come through: 8 of full HD, 2 of 4K, and at least 1 of any size."""


@contextmanager
def open_video(path: Path, video_id: str, sampling: Sampling, limits: Limits = USUAL) -> Iterator[FrameSource]:
    """A source of this file's frames, as ``frames.pyav.open_video`` has it, decoded in a process of its own.

    The file is opened here, to be read and nothing else, and handed over open. A decoder that crashes, hangs or takes
    too much costs this file: what came before is kept, and coverage says what happened.

    Raises:
        VideoError: there is no picture to look at; ``kind`` says why.
    """
    with open_original(path) as file, open_stream(file, path, video_id, sampling, limits) as source:
        yield source


@contextmanager
def open_stream(
    file: BinaryIO, path: Path, video_id: str, sampling: Sampling, limits: Limits = USUAL
) -> Iterator[FrameSource]:
    """The same of a file that is open already.

    Args:
        file: has a handle of the system's own.
        path: what the video calls itself.
    """
    request = {"job": "look", "sampling": asdict(sampling), "picture_bytes_in_all": ROOM_BYTES}
    with asked(file, request, limits) as decoder:
        yield _Source(decoder, path, video_id, sampling)


def abilities() -> Mapping[str, bool]:
    """What a decoder could do that was taken over by a file: reach ``files``, the ``network``, start ``processes``.

    Raises:
        VideoError: no decoder can be started.
    """
    with tempfile.TemporaryFile() as nothing, asked(nothing, {"job": "try"}, USUAL) as decoder:
        try:
            heard = decoder.hear()
            return {name: heard.truth(name) for name in ("files", "network", "processes")}
        except (GoneError, NonsenseError) as error:
            raise VideoError(Refusal.NOT_OPENED, f"no decoder can be started: {error}") from error


class _Source:
    """See ``FrameSource``; every word and number comes from a decoder that nobody trusts."""

    def __init__(self, decoder: Asked, path: Path, video_id: str, sampling: Sampling) -> None:
        """Wait for the first picture.

        Raises:
            VideoError: there is none.
        """
        self._decoder = decoder
        self._step_ms = longest_gap_ms(sampling)
        self._is_read = False
        self._coverage: Coverage | None = None
        self._stood_ms: dict[int, int] = {}
        self._times_ms: list[int] = []
        self._reached_ms = self._near_identical = self._undecoded = 0
        try:
            heard = self._hear("video")
            self.video: Video = messages.heard_video(heard, path, video_id)
        except (GoneError, NonsenseError) as error:
            raise self._refused(error) from error
        self._shape = (self.video.height_px, self.video.width_px, 3)

    def frames(self) -> Iterator[Frame]:
        """See ``FrameSource.frames``; also UNREADABLE, where the decoder was stopped before any picture came."""
        if self._is_read:
            raise ValueError("a source is read once; open the video again")
        self._is_read = True
        return self._frames()

    def coverage(self) -> Coverage:
        """See ``FrameSource.coverage``."""
        if self._coverage is None:
            raise ValueError("coverage is known when the frames have been read to their end")
        return self._coverage

    def stood_ms(self) -> Mapping[int, int]:
        """See ``FrameSource.stood_ms``."""
        return MappingProxyType(self._stood_ms)

    def _frames(self) -> Iterator[Frame]:
        size = self._shape[0] * self._shape[1] * 3
        count = places(size, ROOM_BYTES)
        with shared_memory(count * size) as (handle, shown):
            try:
                self._decoder.lend(handle)
                for place in range(count):
                    self._decoder.offer(place)
                while (heard := self._hear("frame", "stood")).kind == "frame":
                    if len(self._times_ms) >= self._decoder.limits.most_looks:
                        raise GoneError(
                            f"it holds more than {self._decoder.limits.most_looks} pictures to be looked at"
                        )
                    place = heard.whole("place", most=count - 1)
                    frame = self._taken(heard, shown[place * size : (place + 1) * size])
                    self._decoder.offer(place)
                    yield frame
                self._note_stood(heard)
                self._coverage = messages.heard_coverage(self._hear("end"), len(self._times_ms), self._step_ms)
            except (GoneError, NonsenseError) as error:
                self._decoder.end()
                self._coverage = self._broken_off(error)

    def _taken(self, heard: Heard, shared: npt.NDArray[np.uint8]) -> Frame:
        """The frame that this message is about, in memory of its own: what is shared may still be written to."""
        time_ms = heard.whole("time_ms", (self._times_ms[-1] + 1) if self._times_ms else 0, messages.LATEST_MS)
        self._note_stood(heard)
        self._note_where(heard)
        self._times_ms.append(time_ms)
        image = shared.reshape(self._shape).copy()
        image.flags.writeable = False
        return Frame(self.video, time_ms, image)

    def _note_stood(self, heard: Heard) -> None:
        """Until when the picture before stood."""
        stood_ms = heard.whole_or_none("stood_ms", messages.LATEST_MS)
        if stood_ms is None:
            return
        if not self._times_ms or stood_ms < self._times_ms[-1]:
            raise NonsenseError("a picture that stood before it came")
        self._stood_ms[self._times_ms[-1]] = stood_ms

    def _note_where(self, heard: Heard) -> None:
        self._reached_ms = max(self._reached_ms, heard.whole("reached_ms", most=messages.LATEST_MS))
        self._near_identical, self._undecoded = heard.whole("near_identical"), heard.whole("undecoded")

    def _hear(self, *kinds: str) -> Heard:
        """The next message of one of these kinds, past signs that it goes on.

        Raises:
            VideoError: there is nothing to look at, or it cannot be read any further.
            NonsenseError, GoneError: as ``Watched.hear``.
        """
        return self._decoder.answer(*kinds, has_begun=bool(self._times_ms), on_sign=self._note_where)

    def _broken_off(self, error: GoneError | NonsenseError) -> Coverage:
        """The coverage of what came before the decoder was stopped.

        Raises:
            VideoError: nothing came, or it was not about the file, so that another try may bring more.
        """
        if not self._times_ms or not is_about_file(error):
            raise self._refused(error) from error
        reached_ms = max(self._reached_ms, self._times_ms[-1])
        claimed_ms = self.video.duration_ms
        return Coverage(
            claimed_ms=claimed_ms,
            reached_ms=reached_ms,
            step_ms=self._step_ms,
            sampled=len(self._times_ms),
            near_identical=self._near_identical,
            undecoded=self._undecoded,
            why=(f"{DECODER_STOPPED} at {clock(reached_ms)}: {words(error)}; nothing after it was looked at",),
            short_ms=max(0, (claimed_ms or 0) - reached_ms),
        )

    def _refused(self, error: GoneError | NonsenseError) -> VideoError:
        """The file's row, where no picture came."""
        self._decoder.end()
        if not is_about_file(error):
            reached = f", at {clock(self._reached_ms)} of the video" if self._reached_ms else ""
            return VideoError(Refusal.NOT_OPENED, f"its decoder did not get through{reached}: {words(error)}")
        return VideoError(Refusal.UNREADABLE, f"{DECODER_STOPPED} before the first picture: {words(error)}")
