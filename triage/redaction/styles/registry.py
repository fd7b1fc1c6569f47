"""Which styles there are, in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from triage.geometry import Box
from triage.records import Style
from triage.redaction.styles import blur, drawing, pixelate, solid
from triage.redaction.styles.rectangles import Image

Apply: TypeAlias = Callable[[Image, Sequence[Box]], None]
"""Covers, in place, every pixel of an (H, W, 3) BGR picture that a box touches, boxes in its pixels. Nothing else
changes, except that ``drawing`` always draws the whole picture."""

STYLES: Mapping[Style, Apply] = {
    Style.SOLID: solid.apply,
    Style.PIXELATE: pixelate.apply,
    Style.BLUR: blur.apply,
    Style.DRAWING: drawing.apply,
}
"""What hides identity comes first. A blur, or a colour that is taken from the surroundings, reads beyond its box and
must find there what is already covered."""


def cover(image: Image, boxes: Mapping[Style, Sequence[Box]]) -> None:
    """Apply each style that is named to its boxes, in place and in the order of ``STYLES``."""
    for style, apply in STYLES.items():
        if style in boxes:
            apply(image, boxes[style])
