"""Which way up a picture is stored, and how it is turned upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EXIF_MARKS = (b"Exif\0\0", b"EXIF", b"eXIf")
"""What stands before the tags in a JPEG (twice in some WebP), a WebP and a PNG."""
ORIENTATION_TAG = 0x0112
TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


@dataclass(frozen=True, slots=True)
class Orientation:
    """What to do to a stored picture so that it is upright: first mirror it, then turn it."""

    quarter_turns: int = 0
    """Clockwise, 0 to 3."""
    is_mirrored: bool = False
    """Left and right change places before the turn."""

    def __post_init__(self) -> None:
        if self.quarter_turns not in range(4):
            raise ValueError(f"quarter turns are 0 to 3, got {self.quarter_turns}")

    @property
    def is_sideways(self) -> bool:
        return self.quarter_turns % 2 == 1

    def upright_wh(self, width_px: int, height_px: int) -> tuple[int, int]:
        return (height_px, width_px) if self.is_sideways else (width_px, height_px)

    def upright(self, stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The picture (H, W, 3) turned upright, in memory of its own or as it came, always contiguous."""
        mirrored = stored[:, ::-1] if self.is_mirrored else stored
        return np.ascontiguousarray(np.rot90(mirrored, -self.quarter_turns))


UPRIGHT = Orientation()

EXIF_ORIENTATIONS = {
    1: UPRIGHT,
    2: Orientation(0, is_mirrored=True),
    3: Orientation(2),
    4: Orientation(2, is_mirrored=True),
    5: Orientation(3, is_mirrored=True),
    6: Orientation(1),
    7: Orientation(1, is_mirrored=True),
    8: Orientation(3),
}
"""What the values of the EXIF tag ask for (EXIF 2.32, 4.6.4 A)."""


def from_matrix(matrix: bytes) -> Orientation:
    """The orientation that a display matrix asks for: nine 32 bit integers, 16.16 and 2.30 fixed point, row by row.

    Matrices that do not turn by whole quarters, or do nothing sensible at all, leave the picture as it is.
    """
    if len(matrix) != 36:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    by_signs: dict[tuple[int, ...], Orientation] = {
        (1, 0, 0, 1): UPRIGHT,
        (0, 1, -1, 0): Orientation(1),
        (-1, 0, 0, -1): Orientation(2),
        (0, -1, 1, 0): Orientation(3),
        (-1, 0, 0, 1): Orientation(0, is_mirrored=True),
        (1, 0, 0, -1): Orientation(2, is_mirrored=True),
        (0, 1, 1, 0): Orientation(3, is_mirrored=True),
        (0, -1, -1, 0): Orientation(1, is_mirrored=True),
    }
    largest = max(map(abs, (a, b, c, d)))
    signs = tuple(0 if abs(value) * 4 < largest else (1 if value > 0 else -1) for value in (a, b, c, d))
    return by_signs.get(signs, UPRIGHT)


def from_degrees(counterclockwise: int) -> Orientation:
    """The orientation for a picture that is to be turned by this; other than by whole quarters, it is left as it is."""
    if abs(counterclockwise) > 360 or counterclockwise % 90:
        return UPRIGHT
    return Orientation(-counterclockwise // 90 % 4)


def from_exif(picture: bytes) -> Orientation | None:
    """What the EXIF tags inside a stored JPEG, WebP or PNG ask for; None where they say nothing that can be read."""
    for mark in EXIF_MARKS:
        at = picture.find(mark)
        start = min(
            (at_order for order in TIFF_ORDERS if (at_order := picture.find(order, at, at + 32)) >= 0), default=-1
        )
        if at >= 0 and start >= 0:
            return EXIF_ORIENTATIONS.get(_tiff_orientation(picture[start:]))
    return None


def _tiff_orientation(tiff: bytes) -> int:
    """Value of the orientation tag in the first directory; 0 where there is none."""
    order = TIFF_ORDERS[tiff[:4]]
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * entry)
            if tag == ORIENTATION_TAG:
                return int(value)
    except struct.error:
        return 0
    return 0
