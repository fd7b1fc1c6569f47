"""Labels of moments -> the pictures that were on screen then, decoded from the originals. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from triage.ahead import ahead
from triage.frames.sandbox.pictures import open_pictures
from triage.records import Coverage, Frame, Video

Originals = Callable[[str], Path]
"""SHA-256 of a video -> where these very bytes lie.

Raises:
    VideoError: nobody is to look at them, or they are nowhere any more.
"""
ROOM = 8
"""Pictures decoded ahead."""


def frames_at(path: Path, video_id: str, times_ms: Sequence[int]) -> Iterator[Frame]:
    """The picture that is on screen at each of these times, as far as the video goes.

    Decoded from the beginning on, as a scan does it, so a late moment of a long video takes its time.

    Args:
        times_ms: ascending, each once. The frames that come out bear these times.

    Raises:
        VideoError: it cannot be read, or there is no picture in it.
    """
    waiting = list(times_ms)
    with open_pictures(path, video_id) as source, ahead(source.images(waiting), room=ROOM) as coming:
        for picture in coming:
            while waiting and waiting[0] < picture.end_ms:
                time_ms = waiting.pop(0)
                if picture.time_ms <= time_ms:  # before the first picture there is none
                    yield Frame(source.video, time_ms, picture.image)
            if not waiting:
                return


class OneFrame:
    """A frame by itself, as if it were a video of one picture."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    @property
    def video(self) -> Video:
        return self._frame.video

    def frames(self) -> Iterator[Frame]:
        return iter([self._frame])

    def coverage(self) -> Coverage:
        """Of a still picture, which it is here: all of it was seen."""
        return Coverage(claimed_ms=0, reached_ms=0, step_ms=0, sampled=1, near_identical=0, undecoded=0)

    def stood_ms(self) -> Mapping[int, int]:
        return {}
