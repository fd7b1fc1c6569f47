"""The views of a picture that are embedded: the whole without its borders, mirrored and turned, and nine parts."""

from __future__ import annotations

import numpy as np

from triage.matches.shrinking import Image, resized
from triage.records import VIEWS, View

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
    view = dict(zip(VIEWS, views, strict=True))
    whole = view[View.WHOLE]
    whole[:] = resized(large, side_px, side_px)
    view[View.MIRRORED][:] = whole[:, ::-1]
    view[View.TURNED_LEFT][:] = np.rot90(whole)
    view[View.TURNED_RIGHT][:] = np.rot90(whole, -1)
    view[View.UPSIDE_DOWN][:] = whole[::-1, ::-1]
    first, second, middle = slice(side_px), slice(side_px, double), slice(side_px // 2, side_px // 2 + side_px)
    view[View.TOP_LEFT][:], view[View.TOP_RIGHT][:] = large[first, first], large[first, second]
    view[View.BOTTOM_LEFT][:], view[View.BOTTOM_RIGHT][:] = large[second, first], large[second, second]
    view[View.MIDDLE][:] = large[middle, middle]
    view[View.LEFT][:], view[View.RIGHT][:] = (resized(large[:, part], side_px, side_px) for part in (first, second))
    view[View.TOP][:], view[View.BOTTOM][:] = (resized(large[part], side_px, side_px) for part in (first, second))
    return views


def _span(length: int, before: float, after: float) -> tuple[int, int]:
    start, end = round(length * before), length - round(length * after)
    return (start, end) if end > start else (0, length)
