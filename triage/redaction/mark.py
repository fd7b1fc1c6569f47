"""The mark of a review copy: a few small words in a corner."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from triage.redaction.planes import Image, Planes

TEXT = "REVIEW COPY, masked"
HEIGHT = 0.022
"""Height of the capitals as a share of the picture's shorter side."""
LEAST_HEIGHT_PX, MOST_WIDTH = 7, 0.6
"""Below this height the words cannot be read; wider than this share of the picture they would not be discreet."""
PLATE = 0.45
"""Share of the picture's light that is left under the words."""
WHITE, BLACK_LUMA, GREY = 235, 16, 128
FONT = cv2.FONT_HERSHEY_SIMPLEX
UNIT_HEIGHT_PX = 21
"""Height of this font's capitals at scale 1."""


def stamp(planes: Planes) -> None:
    """White words on a darkened plate in the top right corner, in place; too small a picture is left as it is."""
    height, width = planes.luma.shape
    words = _words(width, height)
    if words is None:
        return
    rows, columns = _place(words, width, height)
    dark = (planes.luma[rows, columns].astype(np.float32) - BLACK_LUMA) * PLATE + BLACK_LUMA
    planes.luma[rows, columns] = np.rint(dark + (WHITE - dark) * words)
    for plane in (planes.blue, planes.red):
        plane[rows.start // 2 : rows.stop // 2, columns.start // 2 : columns.stop // 2] = GREY


def stamp_picture(image: Image) -> None:
    """The same on a still picture, (H, W, 3) BGR, in place."""
    height, width = image.shape[:2]
    words = _words(width, height)
    if words is None:
        return
    rows, columns = _place(words, width, height)
    dark = cv2.cvtColor(image[rows, columns], cv2.COLOR_BGR2GRAY).astype(np.float32) * PLATE
    image[rows, columns] = np.rint(dark + (WHITE - dark) * words)[..., None]


def has_room(width: int, height: int) -> bool:
    """Whether the words can be read in a picture of this size, and so stand there."""
    return _words(width, height) is not None


def _place(words: npt.NDArray[np.float32], width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the plate; even in a picture of even sides."""
    tall, wide = words.shape
    gap = max(2, min(width, height) // 100 // 2 * 2)
    return slice(gap, gap + tall), slice(width - gap - wide, width - gap)


@lru_cache(maxsize=4)
def _words(width: int, height: int) -> npt.NDArray[np.float32] | None:
    """The words for a picture of this size, (H, W) in 0 to 1, both even; None where they would not be readable."""
    capitals = max(LEAST_HEIGHT_PX, HEIGHT * min(width, height))
    scale = capitals / UNIT_HEIGHT_PX
    thick = max(1, round(capitals / 9))
    (wide, tall), below = cv2.getTextSize(TEXT, FONT, scale, thick)
    edge = max(2, tall // 3)
    plate_wide, plate_tall = (wide + 2 * edge + 1) // 2 * 2, (tall + below + 2 * edge + 1) // 2 * 2
    if plate_wide > MOST_WIDTH * width or plate_tall > height // 4:
        return None
    canvas = np.zeros((plate_tall, plate_wide), np.uint8)
    cv2.putText(canvas, TEXT, (edge, edge + tall), FONT, scale, 255, thick, cv2.LINE_AA)
    return canvas.astype(np.float32) / np.float32(255)
