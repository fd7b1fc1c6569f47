"""Boxes as slices of a picture: clipped to it, and rounded outwards, so that no touched pixel is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from triage.geometry import Box

Image: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) BGR."""
Slices: TypeAlias = tuple[slice, slice]
"""Rows, columns; never empty."""


def slices_of(box: Box, image: Image) -> Slices | None:
    """The rows and columns of every pixel that the box touches; None where it touches none of the picture's."""
    height, width = image.shape[:2]
    rows = slice(*_span(box.y0, box.y1, height))
    columns = slice(*_span(box.x0, box.x1, width))
    return (rows, columns) if rows.stop > rows.start and columns.stop > columns.start else None


def each(boxes: Sequence[Box], image: Image) -> Iterator[Slices]:
    """The slices of the boxes that touch the picture, in their order."""
    return (slices for box in boxes if (slices := slices_of(box, image)) is not None)


def around(slices: Slices, share: float, least_px: int, image: Image) -> Slices:
    """The slices with ``share`` of their longer side, or so many pixels, added on every side that the picture has."""
    rows, columns = slices
    margin = max(least_px, round(share * max(rows.stop - rows.start, columns.stop - columns.start)))
    height, width = image.shape[:2]
    return (
        slice(max(rows.start - margin, 0), min(rows.stop + margin, height)),
        slice(max(columns.start - margin, 0), min(columns.stop + margin, width)),
    )


def _span(start: float, stop: float, length: int) -> tuple[int, int]:
    """Whole pixels within 0 and ``length``; clipped before rounding, since a box may reach to infinity."""
    return floor(min(max(start, 0.0), length)), ceil(min(max(stop, 0.0), length))
