"""The views: which part of a picture each one is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.matches.pictures import scene
from tests.media import Image
from triage.matches.views import Borders, cut, inside
from triage.records import VIEWS, View

NONE = (0.0, 0.0, 0.0, 0.0)
SIDE = 96


def view(image: Image, which: View, borders: Borders = NONE) -> Image:
    return np.asarray(cut(image, borders, SIDE)[VIEWS.index(which)])


def squashed(image: Image) -> Image:
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def difference(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize(
    ("which", "x", "y"),
    [
        (View.WHOLE, slice(0, 768), slice(0, 432)),
        (View.TOP_LEFT, slice(0, 384), slice(0, 216)),
        (View.TOP_RIGHT, slice(384, 768), slice(0, 216)),
        (View.BOTTOM_LEFT, slice(0, 384), slice(216, 432)),
        (View.BOTTOM_RIGHT, slice(384, 768), slice(216, 432)),
        (View.MIDDLE, slice(192, 576), slice(108, 324)),
        (View.LEFT, slice(0, 384), slice(0, 432)),
        (View.RIGHT, slice(384, 768), slice(0, 432)),
        (View.TOP, slice(0, 768), slice(0, 216)),
        (View.BOTTOM, slice(0, 768), slice(216, 432)),
    ],
)
def test_each_view_is_the_part_that_its_name_says(which: View, x: slice, y: slice) -> None:
    image = scene(4)
    assert difference(view(image, which), squashed(np.ascontiguousarray(image[y, x]))) < 4


def test_there_is_one_square_for_each_view() -> None:
    assert cut(scene(4), NONE, SIDE).shape == (len(VIEWS), SIDE, SIDE, 3)


def test_the_mirrored_view_is_the_whole_of_the_mirrored_picture() -> None:
    image = scene(5)
    turned = np.ascontiguousarray(image[:, ::-1])
    assert np.array_equal(view(image, View.MIRRORED), view(image, View.WHOLE)[:, ::-1])
    assert difference(view(image, View.MIRRORED), view(turned, View.WHOLE)) < 0.5


@pytest.mark.parametrize(
    ("which", "turned"),
    [
        (View.TURNED_LEFT, cv2.ROTATE_90_COUNTERCLOCKWISE),
        (View.TURNED_RIGHT, cv2.ROTATE_90_CLOCKWISE),
        (View.UPSIDE_DOWN, cv2.ROTATE_180),
    ],
)
def test_a_turned_view_is_the_whole_of_the_turned_picture(which: View, turned: int) -> None:
    image = scene(5)
    assert difference(view(image, which), view(cv2.rotate(image, turned).astype(np.uint8), View.WHOLE)) < 2


def test_borders_are_in_no_view() -> None:
    image = scene(6)
    framed = cv2.copyMakeBorder(image, 54, 27, 96, 48, cv2.BORDER_CONSTANT, value=(0, 0, 255)).astype(np.uint8)
    height, width = framed.shape[:2]
    borders = (96 / width, 54 / height, 48 / width, 27 / height)
    assert np.array_equal(inside(framed, borders), image)
    assert np.array_equal(cut(framed, borders, SIDE), cut(image, NONE, SIDE))


@given(st.integers(1, 40), st.integers(1, 40), *[st.floats(0, 1, allow_nan=False)] * 4)
def test_something_is_always_left(
    width: int, height: int, left: float, top: float, right: float, bottom: float
) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    assert inside(image, (left, top, right, bottom)).size > 0
    assert cut(image, (left, top, right, bottom), 32).shape == (len(VIEWS), 32, 32, 3)


def test_cutting_does_not_change_the_picture() -> None:
    image = scene(7)
    image.flags.writeable = False
    before = image.copy()
    cut(image, (0.1, 0.1, 0.0, 0.0), SIDE)
    assert np.array_equal(image, before)
