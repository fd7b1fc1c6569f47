"""What any decoder promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from triage.records import Coverage, Frame, Video


class FrameSource(Protocol):
    """One video, opened, its first picture already decoded; whoever has one knows that there is something to see."""

    @property
    def video(self) -> Video: ...

    def frames(self) -> Iterator[Frame]:
        """The moments to look at, in strict order of time, one by one; memory does not grow with the video's length.

        Damage ends it or leaves holes, and is told by ``coverage``; it never raises for the video's sake.

        Raises:
            ValueError: asked for a second time; a source is read once.
        """
        ...

    def coverage(self) -> Coverage:
        """How much of the video the frames came from.

        Raises:
            ValueError: ``frames`` has not been read to its end.
        """
        ...

    def stood_ms(self) -> Mapping[int, int]:
        """Time of a look -> time of the last moment due for a look whose picture was the same as then.

        As far as ``frames`` has been read. A look whose picture changed before the next moment is absent.
        """
        ...
