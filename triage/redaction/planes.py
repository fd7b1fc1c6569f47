"""Covering a picture in the planes that an encoder takes: only what is covered is ever turned into BGR and back.

A chroma sample stands for two by two pixels. So boxes are grown outwards to even pixels before anything is covered: no
colour of what lies beneath is left in a sample at the border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from triage.geometry import Box
from triage.records import Style
from triage.redaction.styles import solid

Image: TypeAlias = npt.NDArray[np.uint8]
Cover: TypeAlias = Callable[[Image, Mapping[Style, Sequence[Box]]], None]
"""``styles.registry.cover``: an (H, W, 3) BGR picture, boxes by style; in place."""

MARGIN, LEAST_MARGIN_PX = 0.3, 12
"""Share of a box's longer side that styles see around it at the most: ``blur`` reads two sigma of 0.15 beyond it."""
MOST_PARTS = 0.6
"""Share of the picture above which it is converted as a whole, in one go."""
WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087)}
"""H.273's number of a matrix -> weights of red and blue in luma."""
BT2020 = (0.2627, 0.0593)
FLAT_LUMA, NO_COLOUR = round(16 + solid.GREY * 219 / 255), 128


@dataclass(frozen=True, slots=True)
class Rect:
    """Whole even pixels, half-open."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def area(self) -> int:
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    @property
    def whole(self) -> tuple[slice, slice]:
        """Where it lies in the luma plane."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def half(self) -> tuple[slice, slice]:
        """Where it lies in the chroma planes."""
        return slice(self.y0 // 2, self.y1 // 2), slice(self.x0 // 2, self.x1 // 2)

    def meets(self, other: Rect) -> bool:
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def joined(self, other: Rect) -> Rect:
        """The smallest that holds both."""
        return Rect(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """A picture in 4:2:0, 8 bit and limited range, with an even width and height."""

    luma: Image
    """(H, W), writable, as the others."""
    blue: Image
    """(H / 2, W / 2), as ``red``."""
    red: Image
    matrix: int
    """H.273's number."""

    @property
    def whole(self) -> Rect:
        height, width = self.luma.shape
        return Rect(0, 0, width, height)

    def rect(self, box: Box) -> Rect | None:
        """Every pixel that the box touches, grown outwards to even ones; None where it touches none of the picture."""
        height, width = self.luma.shape
        x0, x1 = _even(box.x0, box.x1, width)
        y0, y1 = _even(box.y0, box.y1, height)
        return Rect(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def bgr(self, rect: Rect) -> Image:
        """What lies there, as (H, W, 3) BGR."""
        luma = np.ascontiguousarray(self.luma[rect.whole])
        size_wh = luma.shape[::-1]
        blue, red = (cv2.resize(plane[rect.half], size_wh) for plane in (self.blue, self.red))
        image = cv2.transform(cv2.merge((luma, blue, red)), _to_bgr(self.matrix))
        return np.asarray(image, np.uint8)

    def flatten(self, rect: Rect) -> None:
        """Make what lies there the grey of the style ``solid``, which has no colour by any matrix."""
        self.luma[rect.whole] = FLAT_LUMA
        self.blue[rect.half] = self.red[rect.half] = NO_COLOUR

    def paint(self, image: Image, at: Rect, onto: Iterable[Rect]) -> None:
        """Put parts of a BGR picture of ``at`` where they belong.

        Args:
            image: (H, W, 3), as large as ``at``.
            at: where the image lies.
            onto: the parts, each within ``at``.
        """
        to_yuv = _from_bgr(self.matrix)
        for rect in onto:
            part = image[rect.y0 - at.y0 : rect.y1 - at.y0, rect.x0 - at.x0 : rect.x1 - at.x0]
            halved = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
            # Three channels each, also where fewer are wanted: for others OpenCV is 4 times slower.
            whole, half = cv2.transform(part, to_yuv), cv2.transform(halved, to_yuv)
            self.luma[rect.whole] = cv2.extractChannel(whole, 0)
            self.blue[rect.half], self.red[rect.half] = half[..., 1], half[..., 2]


def cover_planes(planes: Planes, boxes: Mapping[Style, Sequence[Box]], cover: Cover) -> bool:
    """Cover these boxes, in place; whether there was anything to cover in the picture.

    Args:
        planes: the picture; a box that reaches its right or bottom edge must reach that of the planes.
        boxes: by style, in pixels of the planes. ``Style.DRAWING`` is drawn over the whole picture, whatever its boxes.
        cover: what covers them.
    """
    placed = {style: [rect for box in given if (rect := planes.rect(box))] for style, given in boxes.items()}
    if Style.DRAWING in placed:
        placed[Style.DRAWING] = [planes.whole]
    is_any = any(placed.values())
    # Half of the time of writing went into turning what is to be one grey into BGR and back.
    for rect in placed.pop(Style.SOLID, ()):
        planes.flatten(rect)
    rects = [rect for given in placed.values() for rect in given]
    for part in _parts([_with_margin(rect, planes.whole) for rect in rects], planes.whole):
        here = {style: [rect for rect in given if rect.meets(part)] for style, given in placed.items()}
        image = planes.bgr(part)
        cover(image, {style: [_moved(rect, part) for rect in given] for style, given in here.items() if given})
        planes.paint(image, part, (rect for given in here.values() for rect in given))
    return is_any


def _parts(rects: Sequence[Rect], whole: Rect) -> list[Rect]:
    """Parts of the picture that do not meet and hold all of these."""
    parts: list[Rect] = []
    for rect in rects:
        joined = rect
        while met := [part for part in parts if part.meets(joined)]:
            parts = [part for part in parts if not part.meets(joined)]
            for part in met:
                joined = joined.joined(part)
        parts.append(joined)
    return [whole] if sum(part.area for part in parts) > MOST_PARTS * whole.area else parts


def _with_margin(rect: Rect, whole: Rect) -> Rect:
    longer = max(rect.x1 - rect.x0, rect.y1 - rect.y0)
    margin = 2 * ceil(max(MARGIN * longer, LEAST_MARGIN_PX) / 2) + 2
    return Rect(
        max(rect.x0 - margin, 0),
        max(rect.y0 - margin, 0),
        min(rect.x1 + margin, whole.x1),
        min(rect.y1 + margin, whole.y1),
    )


def _moved(rect: Rect, part: Rect) -> Box:
    return Box(rect.x0 - part.x0, rect.y0 - part.y0, rect.x1 - part.x0, rect.y1 - part.y0)


def _even(start: float, stop: float, length: int) -> tuple[int, int]:
    """Even pixels within 0 and ``length``, outwards; clipped before rounding, since a box may reach to infinity."""
    first, last = min(max(start, 0.0), length), min(max(stop, 0.0), length)
    return floor(first) // 2 * 2, (ceil(last) + 1) // 2 * 2


def _from_bgr(matrix: int) -> npt.NDArray[np.float32]:
    """(3, 4): BGR, 1 -> luma and the two chroma, limited range."""
    of_red, of_blue = WEIGHTS.get(matrix, BT2020)
    luma = np.array([of_blue, 1 - of_red - of_blue, of_red])
    blue = (np.array([1, 0, 0]) - luma) / (2 * (1 - of_blue))
    red = (np.array([0, 0, 1]) - luma) / (2 * (1 - of_red))
    scaled = np.stack([luma * 219, blue * 224, red * 224]) / 255
    return np.hstack([scaled, [[16], [128], [128]]]).astype(np.float32)


def _to_bgr(matrix: int) -> npt.NDArray[np.float32]:
    """(3, 4): luma, blue, red, 1 -> BGR."""
    forth = _from_bgr(matrix).astype(np.float64)
    back = np.linalg.inv(forth[:, :3])
    return np.hstack([back, -back @ forth[:, 3:]]).astype(np.float32)
