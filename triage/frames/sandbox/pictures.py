"""Every picture of a video whose decoder is another process; what comes from it is pixels of a size that we know.

There the stored pictures are turned upright, scaled and brought to the planes of an encoder too, by the very code of
``frames.pictures``, so here nothing is read but bytes: three arrays or one for each picture, when it is shown, and for
how long. Which pictures and in what form is said before the first of them comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from triage.frames.pictures import Colours, Image
from triage.frames.sandbox import messages
from triage.frames.sandbox.asked import READING, Asked, asked, stopping
from triage.frames.sandbox.child import places
from triage.frames.sandbox.forms import Form, Wanted
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.memory import shared_memory
from triage.frames.sandbox.messages import Heard, NonsenseError
from triage.frames.sandbox.source import ROOM_BYTES
from triage.frames.sandbox.watched import GoneError
from triage.original import open_original
from triage.records import Coverage, Video

EARLIEST_S = Fraction(-1, 2000)
"""What still is 0 ms when it is rounded."""


@contextmanager
def open_pictures(
    path: Path, video_id: str, *, is_undamaged: bool = False, is_rough: bool = False, limits: Limits = READING
) -> Iterator[PictureSource]:
    """This file's pictures, decoded in a process of its own, to which the file is handed open.

    Args:
        is_undamaged, is_rough: what may be done to be faster; see ``pyav.open_decoder``.

    Raises:
        VideoError: there is no picture to look at, or its decoder was stopped; ``kind`` says which.
    """
    request = {
        "job": "pictures",
        "is_undamaged": is_undamaged,
        "is_rough": is_rough,
        "picture_bytes_in_all": ROOM_BYTES,
    }
    with open_original(path) as file, asked(file, request, limits) as decoder:
        yield PictureSource(decoder, path, video_id)


class Picture:
    """One picture in the form that was asked for. See ``frames.pictures.Picture``."""

    def __init__(self, heard: Heard, wanted: Wanted, arrays: Sequence[Image]) -> None:
        """
        Args:
            arrays: in the memory that is shared, where they may still be written to.
        """
        self._wanted, self._arrays = wanted, arrays
        self.at = heard.fraction("at", EARLIEST_S, messages.LONGEST_S)
        self.time_ms = round(self.at * 1000)
        self.lasts = heard.fraction("lasts", messages.SHORTEST_S, messages.LONGEST_S)
        self.is_last, self.is_key = heard.truth("is_last"), heard.truth("is_key")
        self.is_damaged = heard.truth("is_damaged")

    @property
    def end_ms(self) -> int:
        """When the next picture takes its place; later than ``time_ms``."""
        return max(round((self.at + self.lasts) * 1000), self.time_ms + 1)

    @property
    def image(self) -> Image:
        """(H, W, 3) BGR, upright, read-only; of ``images``."""
        return self._of(Form.IMAGE)[0]

    @property
    def small(self) -> Image:
        """(H', W') luma, upright, read-only; of ``small``."""
        return self._of(Form.SMALL)[0]

    def planes(self, width_px: int, height_px: int) -> tuple[Image, Image, Image]:
        """Luma and two chroma planes, upright, read-only; of ``planes``, and of the size that was asked for there.

        They lie in the memory that is shared, until the next picture is asked for: to be copied once, and not to be
        looked at twice.
        """
        luma, blue, red = self._of(Form.PLANES)
        if luma.shape != (height_px, width_px):
            raise ValueError(f"planes of {luma.shape[::-1]} were asked for, not of {(width_px, height_px)}")
        return luma, blue, red

    def keep(self) -> None:
        """Have its pixels in memory of our own."""
        self._arrays = [array.copy() for array in self._arrays]
        for array in self._arrays:
            array.flags.writeable = False

    def leave(self) -> None:
        """Have no pixels any more."""
        self._arrays = ()

    def _of(self, form: Form) -> Sequence[Image]:
        if self._wanted.form is not form:
            raise ValueError(f"{self._wanted.form} was asked for, not {form}")
        if not self._arrays:
            raise ValueError("its pixels are gone: the next picture was asked for")
        return self._arrays


class PictureSource:
    """The pictures of one video, read once, in the order in which they are shown; every word is another process's."""

    def __init__(self, decoder: Asked, path: Path, video_id: str) -> None:
        """Wait for the first picture.

        Raises:
            VideoError: there is none.
        """
        self._decoder = decoder
        self._is_read = False
        self._coverage: Coverage | None = None
        with stopping(decoder, []):
            heard = decoder.answer("video", has_begun=False)
            self.video: Video = messages.heard_video(heard, path, video_id)
            self._same = messages.heard_same(heard)

    @property
    def time_base(self) -> Fraction | None:
        """Seconds in one unit of the file's own times; None where it has none."""
        return self._same.time_base

    @property
    def usual_s(self) -> Fraction:
        """How long a picture usually stays, in seconds, on the header's word."""
        return self._same.usual_s

    @property
    def colours(self) -> Colours:
        """Of ``Picture.planes``, the same for all."""
        return self._same.colours

    def small(self) -> Iterator[Picture]:
        """Every picture, as a small copy.

        Raises:
            VideoError: also of what comes later: the decoder was stopped, or the file cannot be read any further.
            ValueError: pictures were asked for before.
        """
        return self._begin(Wanted(Form.SMALL, self.video.width_px, self.video.height_px))

    def images(self, at_ms: Sequence[int] | None = None) -> Iterator[Picture]:
        """Every picture in BGR; raises as ``small``.

        Args:
            at_ms: ascending; only the picture that is on screen at each of these times, as far as the video goes.
        """
        given = None if at_ms is None else tuple(at_ms)
        return self._begin(Wanted(Form.IMAGE, self.video.width_px, self.video.height_px, given))

    def planes(self, width_px: int, height_px: int) -> Iterator[Picture]:
        """Every picture in planes of this size, upright, in ``colours``; raises as ``small``.

        Each has its planes until the next is asked for: another copy of 1080p would take half a millisecond.
        """
        return self._begin(Wanted(Form.PLANES, width_px, height_px))

    def coverage(self) -> Coverage:
        """How much of the video the pictures came from, and what was damaged.

        Raises:
            ValueError: the pictures have not been read to their end.
        """
        if self._coverage is None:
            raise ValueError("coverage is known when the pictures have been read to their end")
        return self._coverage

    def _begin(self, wanted: Wanted) -> Iterator[Picture]:
        if self._is_read:
            raise ValueError("pictures are read once; open the video again")
        self._is_read = True
        return self._read(wanted)

    def _read(self, wanted: Wanted) -> Iterator[Picture]:
        count, reached_ms = places(wanted.size, ROOM_BYTES), list[int]()
        with shared_memory(count * wanted.size) as (handle, shared), stopping(self._decoder, reached_ms):
            self._decoder.ask(wanted.message, handle, count)
            before: Picture | None = None
            number = 0
            while (heard := self._next(before)).kind == "picture":
                place = heard.whole("place", most=count - 1)
                picture = Picture(heard, wanted, wanted.arrays(shared, place))
                _check_order(before, picture, is_every=wanted.at_ms is None)
                before, number, reached_ms[:] = picture, number + 1, [picture.time_ms]
                if number > self._decoder.limits.most_looks:
                    raise GoneError(f"it holds more than {self._decoder.limits.most_looks} pictures")
                if wanted.form is not Form.PLANES:
                    picture.keep()
                    self._decoder.offer(place)
                yield picture
                if wanted.form is Form.PLANES:
                    picture.leave()
                    self._decoder.offer(place)
            if wanted.at_ms is None:
                self._coverage = self._ended(heard, before, number)
            elif heard.kind != "enough":
                raise NonsenseError("an end where only some pictures were asked for")

    def _next(self, before: Picture | None) -> Heard:
        return self._decoder.answer("picture", "end", "enough", has_begun=before is not None)

    @staticmethod
    def _ended(heard: Heard, last: Picture | None, number: int) -> Coverage:
        if heard.kind != "end" or last is None or not last.is_last:
            raise NonsenseError("an end before the last picture")
        return messages.heard_coverage(heard, number, 0)


def _check_order(before: Picture | None, picture: Picture, *, is_every: bool) -> None:
    """Each picture comes when the one before it goes."""
    if before is None:
        return
    is_next = picture.at == before.at + before.lasts and not before.is_last if is_every else picture.at > before.at
    if not is_next or picture.time_ms <= before.time_ms:
        raise NonsenseError("a picture that does not follow on the one before it")
