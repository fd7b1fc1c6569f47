"""What every style owes, run over the registry: each pixel that a box touches is covered, and no other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.geometry import Box
from triage.records import Style
from triage.redaction.styles.rectangles import Image
from triage.redaction.styles.registry import STYLES, cover

WHOLE = (Style.DRAWING,)
"""Styles that draw the whole picture, whatever the boxes."""
IDENTITY = (Style.SOLID, Style.PIXELATE)
"""Styles under which nothing of what was there may be left."""
SIZES = ((64, 96), (63, 97), (1, 2), (1, 50), (37, 2), (9, 7))
"""(height, width)."""
EDGE = 1e-3


def checkers(height: int, width: int) -> Image:
    """Black and white pixels in turn: whatever is smoothed at all is neither."""
    board = (np.indices((height, width)).sum(axis=0) % 2 * 255).astype(np.uint8)
    return np.repeat(board[..., None], 3, axis=2)


def touched(image: Image, boxes: list[Box]) -> np.ndarray:
    """(H, W) bool: the pixels whose area meets that of a box; by what half-open means, not by anybody's rounding."""
    height, width = image.shape[:2]
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    mask = np.zeros((height, width), bool)
    for box in boxes:
        mask |= (rows < box.y1) & (box.y0 < rows + 1) & (columns < box.x1) & (box.x0 < columns + 1)
    return mask


def is_changed(before: Image, after: Image) -> np.ndarray:
    return np.asarray((before != after).any(axis=2))


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> Style:
    return Style(request.param)


def hold(style: Style, image: Image, boxes: list[Box]) -> None:
    """The whole contract on one picture."""
    before = image.copy()
    assert STYLES[style](image, boxes) is None
    mask, changed = touched(image, boxes), is_changed(before, image)
    assert changed[mask].all(), "a pixel of a box was not covered"
    if style not in WHOLE:
        assert not changed[~mask].any(), "a pixel outside of the boxes was changed"
    if style not in IDENTITY:
        return
    other = before.copy()
    other[mask] = np.random.default_rng(3).integers(0, 256, other.shape, np.uint8)[mask]
    STYLES[style](other, boxes)
    assert np.array_equal(other, image), "what is shown depends on what is covered"


def test_every_style_that_can_be_asked_for_is_registered() -> None:
    assert set(STYLES) == set(Style)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_last_row_and_column_are_covered_too(style: Style, height: int, width: int) -> None:
    hold(style, checkers(height, width), [Box(width - 1, height - 1, width, height)])
    hold(style, checkers(height, width), [Box(0, 0, 1, 1)])
    hold(style, checkers(height, width), [Box(width / 2, height / 2, width, height)])


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_box_that_is_larger_than_the_picture_covers_all_of_it(style: Style, height: int, width: int) -> None:
    hold(style, checkers(height, width), [Box(0, 0, width, height)])
    hold(style, checkers(height, width), [Box(-1e9, -3, 1e9, height + 40)])
    hold(style, checkers(height, width), [Box(-math.inf, -math.inf, math.inf, math.inf)])


@pytest.mark.parametrize(
    "box",
    [
        Box(20.999, 10.999, 22.001, 12.001),
        Box(20.2, 10.2, 20.3, 10.3),
        Box(-5, -5, EDGE, EDGE),
        Box(97 - EDGE, 63 - EDGE, 200, 200),
        Box(-5, 20, EDGE, 22),
    ],
    ids=lambda box: str(box.xyxy),
)
def test_a_pixel_that_a_box_only_touches_is_covered(style: Style, box: Box) -> None:
    image = checkers(63, 97)
    assert touched(image, [box]).any()
    hold(style, image, [box])


@pytest.mark.parametrize("box", [Box(-9, -9, 0, 0), Box(97, 0, 120, 63), Box(0, 63, 97, 64), Box(0, -4, 97, 0)])
def test_a_box_beside_the_picture_covers_nothing_and_is_no_error(style: Style, box: Box) -> None:
    hold(style, checkers(63, 97), [box])


@pytest.mark.parametrize("style", IDENTITY)
def test_a_picture_of_a_single_pixel_is_covered(style: Style) -> None:
    """A blur would need a second one."""
    hold(style, checkers(1, 1), [Box(0.4, 0.4, 0.6, 0.6)])


def test_no_boxes_cover_nothing(style: Style) -> None:
    hold(style, checkers(63, 97), [])


def test_many_boxes_that_overlap_are_all_covered(style: Style) -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform(-20, 110, (200, 2))
    boxes = [Box(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, rng.uniform(0.5, 60, (200, 2)), strict=True)]
    hold(style, checkers(63, 97), boxes)
    hold(style, checkers(301, 203), boxes)


coordinates = st.floats(-30, 130, allow_nan=False)
sides = st.floats(0.01, 150)


@given(
    style=st.sampled_from(sorted(STYLES)),
    height=st.integers(1, 40),
    width=st.integers(2, 40),
    places=st.lists(st.tuples(coordinates, coordinates, sides, sides), max_size=4),
)
def test_whatever_the_boxes_each_touched_pixel_is_covered_and_no_other(
    style: Style, height: int, width: int, places: list[tuple[float, float, float, float]]
) -> None:
    hold(style, checkers(height, width), [Box(x, y, x + w, y + h) for x, y, w, h in places])


def test_a_picture_that_is_a_view_into_a_larger_one_is_covered_in_place(style: Style) -> None:
    sheet = checkers(80, 120)
    hold(style, sheet[7:70, 11:101], [Box(0, 0, 90, 63)])
    assert not is_changed(checkers(80, 120)[:7], sheet[:7]).any()
    hold(style, checkers(80, 120)[::-1, ::-1], [Box(3, 3, 90, 63)])


def test_a_picture_that_cannot_be_written_is_an_error_and_not_left_as_it_was(style: Style) -> None:
    image = checkers(20, 20)
    image.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        STYLES[style](image, [Box(2, 2, 9, 9)])


def test_the_same_picture_is_covered_alike_each_time(style: Style) -> None:
    """Within one run of the program: a cover that flickers tires the eye and is costly to encode."""
    one, other = checkers(40, 60), checkers(40, 60)
    for image in (one, other):
        STYLES[style](image, [Box(5, 5, 50, 30)])
    assert np.array_equal(one, other)


@pytest.mark.parametrize("later", [Style.PIXELATE, Style.BLUR, Style.DRAWING])
@pytest.mark.parametrize("hiding", IDENTITY)
def test_nothing_of_a_hidden_face_shows_in_a_style_that_reads_around_its_box(hiding: Style, later: Style) -> None:
    face, beside = Box(20, 20, 40, 40), Box(41, 10, 80, 60)
    one, other = checkers(70, 100), checkers(70, 100)
    other[20:40, 20:40] = (0, 0, 255)
    for image in (one, other):
        cover(image, {later: [beside], hiding: [face]})
    assert np.array_equal(one, other)
