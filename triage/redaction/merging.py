"""Boxes on pictures -> few covers that are nearly as tight, and which covers there are at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from triage.geometry import Box
from triage.records import Cover, Covered
from triage.redaction.trails import hull

LOOSE = 1.2
"""A cover may be so many times as large as the smallest box that it stands for."""


@dataclass(slots=True)
class _Run:
    """Boxes of neighbouring pictures that may become one cover."""

    start_ms: int
    end_ms: int
    hull: Box
    least: float
    """Area of the smallest box."""


class Merger:
    """The covers of one trail: boxes of neighbouring pictures become one cover while their hull is tight."""

    def __init__(self, what: Covered, why: str) -> None:
        self._what, self._why = what, why
        self._runs: dict[int, _Run] = {}

    def add(self, boxes: Iterable[tuple[int, int, Sequence[Box]]]) -> Iterator[Cover]:
        """Covers that are complete now.

        Args:
            boxes: start and end of a picture in ms, half-open, and what is to be covered on it; mostly by start.
        """
        for start_ms, end_ms, at_once in boxes:
            for lane, box in enumerate(at_once):
                run = self._runs.get(lane)
                if run is not None:
                    wider, least = hull(run.hull, box), min(run.least, box.area)
                    if run.start_ms <= start_ms <= run.end_ms and wider.area <= LOOSE * least:
                        self._runs[lane] = _Run(run.start_ms, max(end_ms, run.end_ms), wider, least)
                        continue
                    yield self._cover(run)
                self._runs[lane] = _Run(start_ms, end_ms, box, box.area)

    def rest(self) -> Iterator[Cover]:
        """What has not been told yet."""
        yield from map(self._cover, self._runs.values())
        self._runs.clear()

    def _cover(self, run: _Run) -> Cover:
        box = run.hull
        outwards = Box(math.floor(box.x0), math.floor(box.y0), math.ceil(box.x1), math.ceil(box.y1))
        return Cover(run.start_ms, run.end_ms, outwards, self._what, self._why)


class Timeline:
    """Covers by time, asked for picture after picture. To go back is allowed and slow."""

    def __init__(self, covers: Iterable[Cover]) -> None:
        self._covers = sorted(covers, key=lambda cover: (cover.start_ms, cover.end_ms))
        self._next, self._now_ms = 0, 0
        self._shown: list[tuple[int, int]] = []

    def at(self, time_ms: int) -> tuple[Cover, ...]:
        """All that is to be covered on the picture shown at this time, what has lasted longest first."""
        if time_ms < self._now_ms:
            self._next = 0
            self._shown.clear()
        self._now_ms = time_ms
        while self._next < len(self._covers) and self._covers[self._next].start_ms <= time_ms:
            heappush(self._shown, (self._covers[self._next].end_ms, self._next))
            self._next += 1
        while self._shown and self._shown[0][0] <= time_ms:
            heappop(self._shown)
        return tuple(self._covers[number] for number in sorted(number for _, number in self._shown))
