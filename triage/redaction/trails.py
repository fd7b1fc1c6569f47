"""Trails: something to cover, where it was seen at each look, before it is followed from look to look."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from triage.geometry import Box
from triage.records import Covered

LONGEST_BRIDGE_MS = 3000
"""What is seen again within this time, where it may have come to, is taken for the same that was missed in between."""
NEAR, REACH, FAR = 1.0, 6.0, 4.0
"""In its own sizes: how far something may be at once when it is seen again, how much further after each second, and how
far at the most. Taking two for one only covers more."""
MOST_SCALE = 2.0
"""By how much larger or smaller it may have become."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Something seen at one look."""

    time_ms: int
    box: Box
    """In pixels of the upright picture."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One thing to cover."""

    what: Covered
    why: str
    sights: tuple[Sight, ...]
    """In order of time, each time once, never empty."""

    def __post_init__(self) -> None:
        times = [sight.time_ms for sight in self.sights]
        if not times or any(after <= before for before, after in pairwise(times)):
            raise ValueError("a trail has sights, in time order, one at a time")

    @classmethod
    def of(cls, what: Covered, why: str, sights: Iterable[Sight]) -> Trail:
        """A trail of sights in any order; those at one time become one that holds them all."""
        at_once: dict[int, Box] = {}
        for sight in sights:
            at_once[sight.time_ms] = hull(sight.box, at_once.get(sight.time_ms, sight.box))
        return cls(what, why, tuple(Sight(time_ms, at_once[time_ms]) for time_ms in sorted(at_once)))

    @property
    def start_ms(self) -> int:
        return self.sights[0].time_ms

    @property
    def end_ms(self) -> int:
        return self.sights[-1].time_ms


def hull(*boxes: Box) -> Box:
    """The smallest box that holds all of these."""
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def joined(trails: Iterable[Trail], longest_ms: int = LONGEST_BRIDGE_MS) -> tuple[Trail, ...]:
    """Trails of which one begins where another may have come to, as one; in order of (start, what, box).

    Each end goes on with the nearest beginning, the nearest pairs first.

    Args:
        longest_ms: time from an end to a beginning, inclusive.
    """
    ordered = sorted(trails, key=_order)
    starts = [trail.start_ms for trail in ordered]
    pairs = sorted(
        (distance, first, second)
        for first, ended in enumerate(ordered)
        for second in range(bisect_right(starts, ended.end_ms), bisect_right(starts, ended.end_ms + longest_ms))
        if (distance := _distance(ended, ordered[second])) is not None
    )
    following: dict[int, int] = {}
    taken: set[int] = set()
    for _, first, second in pairs:
        if first not in following and second not in taken:
            following[first] = second
            taken.add(second)
    return tuple(_chain(ordered, first, following) for first in range(len(ordered)) if first not in taken)


def _distance(ended: Trail, begun: Trail) -> float | None:
    """How far apart an end and a beginning are, in sizes; None: they cannot be the same."""
    if ended.what is not begun.what:
        return None
    last, first = ended.sights[-1], begun.sights[0]
    size = max(last.box.width, last.box.height, first.box.width, first.box.height)
    for one, other in ((last.box.width, first.box.width), (last.box.height, first.box.height)):
        if not 1 / MOST_SCALE <= one / other <= MOST_SCALE:
            return None
    dx = (first.box.x0 + first.box.x1 - last.box.x0 - last.box.x1) / 2
    dy = (first.box.y0 + first.box.y1 - last.box.y0 - last.box.y1) / 2
    distance = float((dx**2 + dy**2) ** 0.5 / size)
    most = min(NEAR + REACH * (first.time_ms - last.time_ms) / 1000, FAR)
    return distance if distance <= most else None


def _chain(trails: Sequence[Trail], first: int, following: dict[int, int]) -> Trail:
    sights = list(trails[first].sights)
    at = first
    while at in following:
        at = following[at]
        sights += trails[at].sights
    return replace(trails[first], sights=tuple(sights))


def _order(trail: Trail) -> tuple[int, str, tuple[float, ...]]:
    return (trail.start_ms, trail.what, trail.sights[0].box.xyxy)
