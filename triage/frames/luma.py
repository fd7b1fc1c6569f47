"""A small copy of a picture, and how two of them differ. Cheap enough for every decoded picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

COPY_WIDTH_PX = 160
"""One cell is then 4 px of a 640 px wide picture: something 1 % as wide as the picture fills a cell's width at least to
three quarters wherever it falls."""
BLOCKS = 8
"""The picture in 8 x 8 blocks, for novelty: a block is about as large as a head and shoulders across a room."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallCopy:
    """A picture, every cell the mean of what it covers, as it is stored: not yet upright."""

    planes: npt.NDArray[np.uint8]
    """(3, H, W): luma and the two colour differences, each 0 to 255."""


def copy_wh(width_px: int, height_px: int) -> tuple[int, int]:
    """Size of the small copy of a picture of this size; never larger than the picture."""
    width = min(COPY_WIDTH_PX, width_px)
    return width, max(1, min(height_px, 8 * COPY_WIDTH_PX, round(height_px * width / width_px)))


Measure = Callable[["SmallCopy | None", "SmallCopy"], float]
"""A difference between 0 and 255 of a picture against an earlier one."""

MOST = 255.0
"""The difference of what cannot be compared: no picture before, or one of another shape."""


def cut(before: SmallCopy | None, now: SmallCopy) -> float:
    """Mean difference of luma, 0 to 255."""
    if before is None or before.planes.shape != now.planes.shape:
        return MOST
    return float(_difference(before.planes[0], now.planes[0]).mean())


def novelty(looked: SmallCopy | None, now: SmallCopy) -> float:
    """Mean difference of luma in the most changed of the blocks, 0 to 255."""
    if looked is None or looked.planes.shape != now.planes.shape:
        return MOST
    difference = _difference(looked.planes[0], now.planes[0])
    rows, columns = (_edges(length) for length in difference.shape)
    sums = np.add.reduceat(np.add.reduceat(difference, rows, axis=0, dtype=np.int64), columns, axis=1)
    cells = np.outer(np.diff([*rows, difference.shape[0]]), np.diff([*columns, difference.shape[1]]))
    return float((sums / cells).max())


def change(looked: SmallCopy | None, now: SmallCopy) -> float:
    """Largest difference in any cell of any plane, 0 to 255: the small and the merely recoloured count too."""
    if looked is None or looked.planes.shape != now.planes.shape:
        return MOST
    return float(_difference(looked.planes, now.planes).max())


def _difference(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(np.maximum(one, other) - np.minimum(one, other), dtype=np.uint8)


def _edges(length: int) -> list[int]:
    return sorted({length * block // BLOCKS for block in range(BLOCKS)})
