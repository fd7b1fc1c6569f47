"""The whole picture as a calm drawing: flat pale areas with dark outlines. For comfort, not for identity.

Areas are smoothed in a small copy by a bilateral filter, which stops at edges; their lightness is brought to a few
steps, and their colours towards grey, reds most of all, so that blood is no longer what one sees first. Outlines are
drawn where an area is darker than what lies around it. Texture is lost on the way; people and things stay readable.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike

from triage.geometry import Box
from triage.redaction.styles.rectangles import Image

OUTLINE_ROWS = 540
"""Rows, or columns if fewer, of the copy that is drawn; a smaller picture is drawn in its own size."""
ROUNDS = 3
"""Of the bilateral filter, at half the size of the outlines: five pixels across, colours 35 levels apart kept apart."""
STEPS = 8
"""Of lightness."""
SOFTNESS = 0.35
"""Share of a step over which lightness goes from one to the next, so that areas do not flicker between two."""
REDDISH, COLOURS = 0.3, 0.55
"""Share kept of a colour's distance from grey, towards red and else."""
REDDEST = 14
"""Levels of Cr above grey that no colour passes; the dark and the fresh blood of the tests have 35 and 67."""
NEAR_SIGMA, WIDE = 1.2, 9
"""Pixels of a point, as the sigma of a Gaussian, and of its surroundings, as the side of a square."""
OUTLINE_FROM, OUTLINE_TO = 4.0, 14.0
"""Levels darker than the surroundings at which an outline begins, and at which it is darkest."""
DARKEST = 0.4
"""Share of the lightness left under an outline."""


def apply(image: Image, boxes: Sequence[Box]) -> None:  # noqa: ARG001  (every style is called alike)
    """Draw the whole picture, in place, whatever the boxes."""
    height, width = image.shape[:2]
    scale = min(OUTLINE_ROWS / min(height, width), 1.0)
    fine_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    coarse_wh = (max(fine_wh[0] // 2, 1), max(fine_wh[1] // 2, 1))
    fine = cv2.resize(image, fine_wh, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(fine, coarse_wh, interpolation=cv2.INTER_AREA)
    for _ in range(ROUNDS):
        coarse = cv2.bilateralFilter(coarse, 5, 35, 3)
    depth = _depth(cv2.resize(cv2.cvtColor(coarse, cv2.COLOR_BGR2GRAY), fine_wh, interpolation=cv2.INTER_LINEAR))
    lines = cv2.LUT(depth, OUTLINES)
    areas = cv2.cvtColor(cv2.LUT(cv2.cvtColor(coarse, cv2.COLOR_BGR2YCrCb), PALETTE), cv2.COLOR_YCrCb2BGR)
    areas = cv2.resize(areas, fine_wh, interpolation=cv2.INTER_LINEAR)
    drawn = cv2.multiply(areas, cv2.merge((lines, lines, lines)), scale=1 / 255)
    image[:] = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR)


def _depth(grey: MatLike) -> MatLike:
    """Eight times how much darker each pixel is than its surroundings, at most 255."""
    near, wide = cv2.GaussianBlur(grey, (0, 0), NEAR_SIGMA), cv2.blur(grey, (WIDE, WIDE))
    return cv2.convertScaleAbs(cv2.subtract(wide, near), alpha=8)


def _palette() -> npt.NDArray[np.uint8]:
    """(1, 256, 3): what becomes of each Y, Cr and Cb."""
    levels = np.arange(256.0)
    step = levels / 255 * STEPS
    within = step - np.floor(step) - 0.5
    lightness = np.floor(step) + np.clip(within / SOFTNESS + 0.5, 0, 1)
    away = levels - 128
    red = np.where(away > 0, np.minimum(REDDISH * away, REDDEST), COLOURS * away)
    # No area is quite black: the darkest tone is that of the outlines.
    table = np.stack([40 + lightness / STEPS * 208, 128 + red, 128 + COLOURS * away], axis=-1)
    return np.asarray(np.clip(np.rint(table), 0, 255)[None], np.uint8)


def _outlines() -> npt.NDArray[np.uint8]:
    """(256,): what is left of the lightness, of 255, by depth."""
    share = np.clip((np.arange(256) / 8 - OUTLINE_FROM) / (OUTLINE_TO - OUTLINE_FROM), 0, 1)
    return np.asarray(np.rint(255 * (1 - (1 - DARKEST) * share)), np.uint8)


PALETTE = _palette()
OUTLINES = _outlines()
