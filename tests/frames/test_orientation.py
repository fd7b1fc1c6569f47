"""Turning pictures upright."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from triage.frames.orientation import EXIF_ORIENTATIONS, UPRIGHT, Orientation, from_degrees, from_exif, from_matrix

ONE = 1 << 16


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("terms", "orientation"),
    [
        ((ONE, 0, 0, ONE), UPRIGHT),
        ((0, ONE, -ONE, 0), Orientation(1)),
        ((-ONE, 0, 0, -ONE), Orientation(2)),
        ((0, -ONE, ONE, 0), Orientation(3)),
        ((-ONE, 0, 0, ONE), Orientation(0, is_mirrored=True)),
        ((ONE, 0, 0, -ONE), Orientation(2, is_mirrored=True)),
        ((2 * ONE, 0, 0, 2 * ONE), UPRIGHT),
        ((0, 0, 0, 0), UPRIGHT),
        ((46341, 46341, -46341, 46341), UPRIGHT),
    ],
)
def test_a_matrix_turns_by_whole_quarters_or_not_at_all(
    terms: tuple[int, int, int, int], orientation: Orientation
) -> None:
    assert from_matrix(matrix(*terms)) == orientation


@pytest.mark.parametrize("degrees", [-2147483648, 45, 1, 450])
def test_an_angle_that_makes_no_sense_turns_nothing(degrees: int) -> None:
    assert from_degrees(degrees) == UPRIGHT


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (-90, 1), (90, 3), (180, 2), (-180, 2), (270, 1), (360, 0)])
def test_angles_count_counterclockwise(degrees: int, turns: int) -> None:
    assert from_degrees(degrees) == Orientation(turns)


@pytest.mark.parametrize("orientation", EXIF_ORIENTATIONS.values())
def test_a_turned_picture_has_the_size_that_was_announced(orientation: Orientation) -> None:
    turned = orientation.upright(np.zeros((5, 9, 3), np.uint8))
    assert (turned.shape[1], turned.shape[0]) == orientation.upright_wh(9, 5)
    assert turned.flags.c_contiguous


@pytest.mark.parametrize(
    "tags", [b"", b"Exif\0\0", b"Exif\0\0MM\0*", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"x" * 99]
)
def test_broken_exif_says_nothing(tags: bytes) -> None:
    assert from_exif(b"\xff\xd8" + tags) is None
