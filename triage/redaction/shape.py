"""How large a copy is and in which units it counts time, beside its original. Arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from triage.geometry import Box

LONGEST_SIDE_PX, MOST_BLOCKS, BLOCK_PX = 4096, 36_864, 16
"""What a copy is scaled down to: the pictures of H.264 level 5.2 (4096 x 2304), which browsers play everywhere."""
LEAST_TICKS, MOST_TICKS, ELSE_TICKS = 10_000, 100_000, 90_000
"""Units of time in a second: a multiple of the original's own, if that lies between the first two; else the third."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of an original's pictures and of its copy's."""

    width_px: int
    height_px: int
    """As stored, upright."""
    shown_wh: tuple[int, int]
    """What of the copy is picture: the stored size, or smaller."""

    @classmethod
    def of(cls, width_px: int, height_px: int) -> Shape:
        blocks = -(-width_px // BLOCK_PX) * -(-height_px // BLOCK_PX)
        share = min(1.0, LONGEST_SIDE_PX / max(width_px, height_px), (MOST_BLOCKS / blocks) ** 0.5)
        if share == 1.0:
            return cls(width_px, height_px, (width_px, height_px))
        wide, tall = (max(2, int(side * share) // BLOCK_PX * BLOCK_PX) for side in (width_px, height_px))
        return cls(width_px, height_px, (wide, tall))

    @property
    def coded_wh(self) -> tuple[int, int]:
        """Even: an odd picture gets one more column or row, which repeats the last."""
        wide, tall = self.shown_wh
        return wide + wide % 2, tall + tall % 2

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reviewer is to know of it."""
        wide, tall = self.shown_wh
        if self.shown_wh == (self.width_px, self.height_px):
            return ()
        return (f"its pictures were scaled down from {self.width_px} x {self.height_px} to {wide} x {tall}",)

    def pixel_aspect(self, stored: float) -> Fraction:
        """Of the copy, so that it is shown as the original is."""
        wide, tall = self.shown_wh
        return (Fraction(stored) * self.width_px * tall / (self.height_px * wide)).limit_denominator(1000)

    def placed(self, box: Box) -> Box:
        """The box in the copy; what reaches the edge of the picture reaches that of the copy."""
        (wide, tall), (coded_wide, coded_tall) = self.shown_wh, self.coded_wh
        across, down = wide / self.width_px, tall / self.height_px
        x1 = max(coded_wide, box.x1 * across) if box.x1 >= self.width_px else box.x1 * across
        y1 = max(coded_tall, box.y1 * down) if box.y1 >= self.height_px else box.y1 * down
        return Box(box.x0 * across, box.y0 * down, x1, y1)


def ticks_per_second(time_base: Fraction | None) -> int:
    """The copy's unit of time, in which every time of the original is a whole number or nearly so."""
    ticks = time_base.denominator if time_base else ELSE_TICKS
    while ticks < LEAST_TICKS:
        ticks *= 2
    return ticks if ticks <= MOST_TICKS else ELSE_TICKS
