"""Where a box is on the pictures between two looks, followed forwards from the one and backwards from the other.

What is covered is the hull of both ways and of the straight line between the looks, so that where one goes astray (a
head that turns, something that passes in front) the others still cover. Where there is a look on one side only, it is
the box and what is around it, followed each by itself (the features of a head that turns run away, what is around it
stays), and where it would be had it gone on as before. Nothing is followed over a cut.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from triage.geometry import Box
from triage.redaction.motion import Corners, Luma, Picture, is_cut
from triage.redaction.trails import Sight, hull
from triage.redaction.ways import Place, followed, gone_on

GROW = 0.15
"""Of its width and height that a box is grown by on each side, at the least: 1.3 times in all."""
LEAST_PX = 2.0
"""Of the small copy, that it is grown by beside that: nothing is followed or found more exactly."""
AROUND = 0.3
"""Sizes on each side of a box that belong to what is around it."""
APART = 1.3
"""Two boxes are covered as two where their hull is so many times as large as both."""
DISAGREE, MOST_DISAGREE = 0.3, 0.4
"""Of the distance between the two ways, by which their hull is grown on each side; and sizes, at the most."""
LONG_TAIL_MS = 6000
"""How far from its only look something is covered while it is followed and still looks as it did there."""
LAST_MS = 60_000
"""How long the last picture is covered for: nothing says when it ends."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What lies between two looks of a trail, or before the first (no ``before``) or after the last (no ``after``)."""

    trail: int
    """Its place among the trails."""
    before: Sight | None
    after: Sight | None
    start_ms: int
    end_ms: int
    """Both inclusive."""
    tail_ms: int = 0
    """How far from its only look something is covered though it no longer looks as it did there."""

    @classmethod
    def before_first(cls, trail: int, first: Sight, tail_ms: int) -> Stretch:
        return cls(trail, None, first, max(0, first.time_ms - max(tail_ms, LONG_TAIL_MS)), first.time_ms, tail_ms)

    @classmethod
    def after_last(cls, trail: int, last: Sight, tail_ms: int) -> Stretch:
        return cls(trail, last, None, last.time_ms, last.time_ms + max(tail_ms, LONG_TAIL_MS), tail_ms)


class Window:
    """The pictures that are still needed."""

    def __init__(self, picture_wh: tuple[int, int], grow_by: float) -> None:
        self._wh = picture_wh
        self._grow_by = grow_by
        self._scale: Corners = np.ones(4)
        self._pictures: list[Picture] = []

    def add(self, time_ms: int, luma: Luma) -> Picture | None:
        """Take the next picture.

        Returns:
            The one before it, of which it is known only now whether it is a flash.

        Raises:
            ValueError: it does not come after the last one, or its small copy has another size.
        """
        if self._pictures and (time_ms <= self._pictures[-1].time_ms or luma.shape != self._pictures[-1].luma.shape):
            raise ValueError(
                f"small copies are of one size and come in order of time, got {luma.shape} at {time_ms} ms"
            )
        self._scale = np.tile((luma.shape[1] / self._wh[0], luma.shape[0] / self._wh[1]), 2)
        before = self.last()
        begins_shot = before is None or is_cut(before.luma, luma)
        if before is not None and begins_shot and before.begins_shot and len(self._pictures) > 1:
            earlier = self._pictures[-2]
            if not is_cut(earlier.luma, luma):
                before = self._pictures[-1] = replace(before, begins_shot=False, is_flash=True)
                begins_shot = False
        self._pictures.append(Picture(time_ms, luma, begins_shot))
        return before

    def last(self) -> Picture | None:
        return self._pictures[-1] if self._pictures else None

    def forget(self, before_ms: int) -> None:
        """Drop what was no longer shown at this time, but for the last two."""
        del self._pictures[: max(0, min(self._shown_at(before_ms), len(self._pictures) - 2))]

    def boxes(self, stretch: Stretch) -> Iterator[tuple[int, int, tuple[Box, ...]]]:
        """Start and end of each picture of a stretch but that of the look after it, and what to cover there."""
        pictures = self._pictures[self._shown_at(stretch.start_ms) :]
        ends = [picture.time_ms for picture in pictures[1:]] + [pictures[-1].time_ms + LAST_MS]
        pictures = [picture for picture in pictures if picture.time_ms <= stretch.end_ms]
        for picture, end_ms, boxes in zip(pictures, ends, self._covered(pictures, stretch), strict=False):
            if stretch.after is None or picture.time_ms < stretch.after.time_ms:
                yield picture.time_ms, end_ms, boxes

    def _shown_at(self, time_ms: int) -> int:
        return max(0, bisect_right(self._pictures, time_ms, key=lambda picture: picture.time_ms) - 1)

    def _covered(self, pictures: Sequence[Picture], stretch: Stretch) -> Iterator[tuple[Box, ...]]:
        """For each picture what to cover, in its own pixels; nothing where no look of the same shot shows it."""
        tail_ms = stretch.tail_ms if stretch.before is None or stretch.after is None else None
        forth = self._followed(pictures, stretch.before, tail_ms)
        back = self._followed(pictures[::-1], stretch.after, tail_ms)[::-1]
        around_forth: list[Place | None] = [None] * len(pictures)
        around_back = gone_forth = gone_back = around_forth
        if None in forth or None in back:
            gone_forth, gone_back = gone_on(pictures, forth), gone_on(pictures[::-1], back[::-1])[::-1]
            around_forth = self._followed(pictures, stretch.before, around=AROUND)
            around_back = self._followed(pictures[::-1], stretch.after, around=AROUND)[::-1]
        for number, picture in enumerate(pictures):
            one, other = forth[number], back[number]
            if one is not None and other is not None and stretch.before and stretch.after:
                yield (self._between(picture.time_ms, stretch.before, stretch.after, one, other),)
            else:
                sides = (
                    (one, around_forth[number], gone_forth[number]),
                    (other, around_back[number], gone_back[number]),
                )
                ways = [place for side in sides if side[0] is not None for place in side if place is not None]
                yield _as_few([self._hull([(place.box, place.unsure(is_alone=True))]) for place in ways])

    def _between(self, time_ms: int, before: Sight, after: Sight, forth: Place, back: Place) -> Box:
        share = (time_ms - before.time_ms) / max(after.time_ms - before.time_ms, 1)
        line = (np.array(before.box.xyxy) * (1 - share) + np.array(after.box.xyxy) * share) * self._scale
        unsure = min(forth.unsure(is_alone=False), back.unsure(is_alone=False))
        kept = [place.box for place in (forth, back) if not place.lost_ms]
        if len(kept) == 2:
            size = float(max(line[2] - line[0], line[3] - line[1]))
            apart = float(np.abs(forth.box - back.box).max()) / size
            unsure += min(DISAGREE * apart, MOST_DISAGREE)
        return self._hull([(box, unsure) for box in (line, *(kept or (forth.box, back.box)))])

    def _followed(
        self, pictures: Sequence[Picture], sight: Sight | None, tail_ms: int | None = None, *, around: float = 0.0
    ) -> list[Place | None]:
        """Where the box of a look is; nowhere, if there is no look."""
        if sight is None or not pictures:
            return [None] * len(pictures)
        return followed(pictures, np.array(sight.box.xyxy) * self._scale, tail_ms, around=around)

    def _hull(self, boxes: Sequence[tuple[Corners, float]]) -> Box:
        """What holds all these boxes, each grown by so many of its sizes more, in pixels of the picture."""
        by = np.array([(box[2:] - box[:2]) * (self._grow_by + unsure) + LEAST_PX for box, unsure in boxes])
        corners = np.array([box for box, _ in boxes])
        x0, y0 = (corners[:, :2] - by).min(axis=0) / self._scale[:2]
        x1, y1 = (corners[:, 2:] + by).max(axis=0) / self._scale[2:]
        return Box(float(x0), float(y0), float(x1), float(y1))


def _as_few(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """These boxes, or their hull where it is not much larger."""
    if not boxes:
        return ()
    whole = hull(*boxes)
    return (whole,) if whole.area <= APART * sum(box.area for box in boxes) else tuple(boxes)
