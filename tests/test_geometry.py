from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.geometry import Box

PIXEL = st.integers(0, 4000)
SIDE = st.integers(1, 4000)
BOXES = st.builds(lambda x, y, width, height: Box(x, y, x + width, y + height), PIXEL, PIXEL, SIDE, SIDE)


@pytest.mark.parametrize(
    "xyxy",
    [
        (0, 0, 0, 1),
        (0, 0, 1, 0),
        (1, 0, 0, 1),
        (0, 1, 1, 0),
        (math.nan, 0, 1, 1),
        (0, 0, math.nan, 1),
        (0, 0, 1, math.nan),
    ],
)
def test_a_box_without_area_cannot_be_made(xyxy: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="a box needs area"):
        Box(*xyxy)


def test_a_box_knows_its_measures() -> None:
    box = Box(1, 2, 4, 8)
    assert (box.width, box.height, box.area, box.xyxy) == (3, 6, 18, (1, 2, 4, 8))


def test_a_box_grows_by_a_share_of_its_own_size_on_every_side() -> None:
    assert Box(10, 10, 20, 30).grown(0.5) == Box(5, 0, 25, 40)


@pytest.mark.parametrize(
    ("other", "meets"),
    [
        pytest.param(Box(9, 9, 20, 20), True, id="a corner"),
        pytest.param(Box(10, 0, 20, 10), False, id="side by side"),
        pytest.param(Box(0, 10, 10, 20), False, id="one below the other"),
        pytest.param(Box(2, 2, 3, 3), True, id="inside"),
        pytest.param(Box(20, 0, 30, 10), False, id="apart in x"),
        pytest.param(Box(0, 20, 10, 30), False, id="apart in y"),
    ],
)
def test_boxes_that_only_touch_share_no_area(other: Box, meets: bool) -> None:
    box = Box(0, 0, 10, 10)
    assert box.meets(other) is meets
    assert other.meets(box) is meets


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 15, 10), 50 / 150),
        (Box(10, 0, 20, 10), 0.0),
        (Box(11, 11, 20, 20), 0.0),
        (Box(0, 0, 5, 10), 0.5),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, share: float) -> None:
    assert Box(0, 0, 10, 10).overlap(other) == pytest.approx(share)


@given(BOXES, BOXES)
def test_overlap_is_the_same_from_both_sides_and_positive_just_where_they_meet(one: Box, other: Box) -> None:
    assert one.overlap(other) == other.overlap(one)
    assert 0.0 <= one.overlap(other) <= 1.0
    assert (one.overlap(other) > 0) is one.meets(other)


@given(BOXES, st.floats(0, 3))
def test_a_grown_box_holds_the_box_it_grew_from(box: Box, share: float) -> None:
    grown = box.grown(share)
    assert grown.x0 <= box.x0 < box.x1 <= grown.x1
    assert grown.y0 <= box.y0 < box.y1 <= grown.y1


def test_the_share_of_a_box_in_another_is_of_its_own_area() -> None:
    assert Box(0, 0, 10, 10).share_in(Box(5, 0, 100, 100)) == 0.5
    assert Box(0, 0, 10, 10).share_in(Box(20, 0, 30, 10)) == 0
    assert Box(2, 2, 4, 4).share_in(Box(0, 0, 10, 10)) == 1


def test_a_moved_box_keeps_its_size() -> None:
    assert Box(1, 2, 3, 5).moved(10, -1) == Box(11, 1, 13, 4)
