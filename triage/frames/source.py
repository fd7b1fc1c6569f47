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

        Damage in the file ends it or leaves holes, and is told by ``coverage``. That the system refuses to read is no
        damage: it is about the moment, and the same file may be whole at the next try.

        Read in the main thread, Ctrl-C may be lost inside the decoder; ``ahead`` reads it in another.

        Raises:
            VideoError: NOT_OPENED, the system refused to read any further; what came before is not the video.
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

        As far as ``frames`` has been read. Every look that stood is in it, whatever was found in it; a look whose
        picture changed before the next moment is absent.
        """
        ...
