"""Boxes become whole pixels, rounded outwards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from triage.geometry import Box
from triage.redaction.styles.rectangles import around, each, slices_of

PICTURE = np.zeros((60, 80, 3), np.uint8)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        (Box(10, 20, 30, 40), (20, 40), (10, 30)),
        (Box(10.9, 20.1, 29.1, 39.9), (20, 40), (10, 30)),
        (Box(-5, -5, 0.01, 0.01), (0, 1), (0, 1)),
        (Box(79.99, 59.99, 200, 200), (59, 60), (79, 80)),
        (Box(-math.inf, 3, math.inf, 4), (3, 4), (0, 80)),
    ],
)
def test_a_box_is_rounded_outwards_and_clipped(box: Box, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    assert slices_of(box, PICTURE) == (slice(*rows), slice(*columns))


@pytest.mark.parametrize("box", [Box(-3, 0, 0, 9), Box(80, 0, 81, 9), Box(0, 60, 9, 61), Box(0, -2, 9, 0)])
def test_a_box_beside_the_picture_has_no_slices(box: Box) -> None:
    assert slices_of(box, PICTURE) is None
    assert list(each([box, Box(0, 0, 1, 1)], PICTURE)) == [(slice(0, 1), slice(0, 1))]


def test_the_surroundings_end_where_the_picture_ends() -> None:
    assert around((slice(10, 20), slice(70, 80)), 0.5, 2, PICTURE) == (slice(5, 25), slice(65, 80))
    assert around((slice(0, 1), slice(0, 1)), 0.5, 2, PICTURE) == (slice(0, 3), slice(0, 3))
