"""Boxes and stretches of time as arithmetic: both half-open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels ``x0 <= x < x1``, ``y0 <= y < y1`` of an upright picture, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not (self.x1 > self.x0 and self.y1 > self.y0):
            raise ValueError(f"a box needs area, got {self}")

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        return (self.x0, self.y0, self.x1, self.y1)

    def grown(self, share: float) -> Box:
        """The box with ``share`` of its own width and height added on every side."""
        dx, dy = self.width * share, self.height * share
        return Box(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)

    def moved(self, dx: float, dy: float) -> Box:
        """The box so far to the right and down."""
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def overlap(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        shared = self._shared(other)
        return shared / (self.area + other.area - shared)

    def share_in(self, other: Box) -> float:
        """How much of this box lies within the other, in [0, 1]."""
        return self._shared(other) / self.area

    def _shared(self, other: Box) -> float:
        """Area of both, in square pixels."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def meets(self, other: Box) -> bool:
        """Whether the two share any area."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1


Span = tuple[int, int]
"""A stretch of time, in ms, half-open."""


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time, in order, without overlaps."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
