"""A mosaic that looks like pixelation and holds nothing of what it covers.

Pixelation proper averages the picture in cells, and the averages give people away: somebody who has photographs of
those it might be covers each of them in the same way and looks which fits. By ``scripts/attack_covers.py``, among 270
people: 4x4 cells in 4 levels tell all of them apart, also with noise that is new in every frame (100 frames average it
away); 2x2 cells in 3 levels with noise that stays tell 18 %; a single cell for the whole face, in 3 levels, 12 %.
Chance is 0.4 %.

So the cells' colours come from elsewhere: from the picture *around* the box, which one sees anyway, and from noise that
is drawn once for a run of the program. What stood in the box is overwritten before a colour is chosen.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from triage.geometry import Box
from triage.redaction.styles import solid
from triage.redaction.styles.rectangles import Image, Slices, around, each

CELLS = 5
"""Cells across and down, whatever the size of the box."""
NOISE = 36.0
"""Grey levels up or down that a cell may differ from the surroundings: seen as a mosaic in light and dark scenes."""
RING = 0.125
"""Share of the box's longer side that counts as its surroundings."""


def drawn_pattern() -> npt.NDArray[np.float32]:
    """(CELLS, CELLS, 1) noise that nobody can foretell, in -NOISE to NOISE."""
    noise = np.random.default_rng(secrets.randbits(128)).uniform(-NOISE, NOISE, (CELLS, CELLS, 1))
    return noise.astype(np.float32)


PATTERN: Final = drawn_pattern()
"""The same for every frame, so that a cover neither flickers nor is costly to encode."""


def apply(image: Image, boxes: Sequence[Box]) -> None:
    """Cover every pixel that a box touches, in place."""
    # First all of them, then their colours: a colour can come from nothing that any of the boxes covers.
    solid.apply(image, boxes)
    painted = [(slices, _mosaic(image, slices)) for slices in each(boxes, image)]
    for slices, mosaic in painted:
        image[slices] = mosaic


def _mosaic(image: Image, slices: Slices) -> Image:
    """As large as the slices."""
    rows, columns = slices
    size_wh = (columns.stop - columns.start, rows.stop - rows.start)
    # Away from 0 and 255, where the noise would be cut off and the mosaic be one flat colour.
    base = np.clip(_colour_around(image, slices), NOISE, 255 - NOISE)
    cells = np.rint(base + PATTERN).astype(np.uint8)
    return np.asarray(cv2.resize(cells, size_wh, interpolation=cv2.INTER_NEAREST), np.uint8)


def _colour_around(image: Image, slices: Slices) -> npt.NDArray[np.float32]:
    """(3,) mean of the ring around the slices; the grey of ``solid`` where the box leaves nothing of the picture."""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in slices)
    rows, columns = around(slices, RING, 2, image)
    strips = (
        image[rows.start : top, columns],
        image[bottom : rows.stop, columns],
        image[top:bottom, columns.start : left],
        image[top:bottom, right : columns.stop],
    )
    seen = [strip for strip in strips if strip.size]
    if not seen:
        return np.full(3, solid.GREY, np.float32)
    total = sum(np.asarray(cv2.sumElems(strip)[:3]) for strip in seen)
    return np.asarray(total / sum(strip.shape[0] * strip.shape[1] for strip in seen), np.float32)
