"""One flat colour. What was under it is gone."""

from __future__ import annotations

from collections.abc import Sequence

from triage.geometry import Box
from triage.redaction.styles.rectangles import Image, each

GREY = 128
"""Of every channel. Black is lost in night footage, so that one would not see that something is covered, and white
glares; this grey has no colour that could bleed over the border when chroma is stored at half size."""


def apply(image: Image, boxes: Sequence[Box]) -> None:
    """Cover every pixel that a box touches, in place."""
    for slices in each(boxes, image):
        image[slices] = GREY
