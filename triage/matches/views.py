"""The views of a picture that are embedded: the whole without its borders, mirrored, and five parts."""

from __future__ import annotations

import numpy as np

from triage.matches.shrinking import Image, resized
from triage.records import VIEWS

Borders = tuple[float, float, float, float]
"""Shares of width and height that are borders: left, top, right, bottom."""


def inside(image: Image, borders: Borders) -> Image:
    """What lies between the borders, at least one pixel; a view of the same memory."""
    height, width = image.shape[:2]
    left, top, right, bottom = borders
    x0, x1 = _span(width, left, right)
    y0, y1 = _span(height, top, bottom)
    return image[y0:y1, x0:x1]


def cut(image: Image, borders: Borders, side_px: int) -> Image:
    """The pictures of ``VIEWS``, in their order, as (V, side, side, 3).

    Each is squashed to the square, as the net was trained. All are taken from one copy of twice the side, so that a
    picture is read once and a view of a mirrored picture is the mirrored view.
    """
    double = 2 * side_px
    shown = inside(image, borders)
    large = resized(shown, double, double)
    views = np.empty((len(VIEWS), side_px, side_px, 3), np.uint8)
    whole, mirrored, *parts = views
    whole[:] = resized(large, side_px, side_px)
    mirrored[:] = whole[:, ::-1]
    half = side_px // 2
    for part, (y, x) in zip(parts, _corners(side_px, half), strict=True):
        part[:] = large[y : y + side_px, x : x + side_px]
    return views


def _corners(side_px: int, half_px: int) -> tuple[tuple[int, int], ...]:
    """Where the quarters and the middle begin in the copy of twice the side: top, left."""
    return (0, 0), (0, side_px), (side_px, 0), (side_px, side_px), (half_px, half_px)


def _span(length: int, before: float, after: float) -> tuple[int, int]:
    start, end = round(length * before), length - round(length * after)
    return (start, end) if end > start else (0, length)
