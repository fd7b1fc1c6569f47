"""How two small copies differ, and what counts as small."""

from __future__ import annotations

import numpy as np
import pytest

from triage.frames import luma
from triage.frames.luma import SmallCopy, copy_wh


def copy(level: int = 100, *, width: int = 160, height: int = 90) -> SmallCopy:
    return SmallCopy(np.full((3, height, width), level, np.uint8))


def marked(plane: int, rows: slice, columns: slice, level: int) -> SmallCopy:
    planes = copy().planes.copy()
    planes[plane, rows, columns] = level
    return SmallCopy(planes)


@pytest.mark.parametrize("plane", range(3))
@pytest.mark.parametrize(("row", "column"), [(0, 0), (89, 159), (45, 80)])
def test_one_changed_cell_is_a_change_wherever_it_is_and_in_any_plane(plane: int, row: int, column: int) -> None:
    now = marked(plane, slice(row, row + 1), slice(column, column + 1), 107)
    assert luma.change(copy(), now) == 7


@pytest.mark.parametrize(("before", "now"), [(100, 60), (60, 100), (0, 255), (255, 0)])
def test_differences_have_no_sign_and_do_not_wrap(before: int, now: int) -> None:
    for measure in (luma.cut, luma.novelty, luma.change):
        assert measure(copy(before), copy(now)) == abs(before - now)


def test_what_fills_one_block_is_all_new_there_and_little_in_the_mean() -> None:
    now = marked(0, slice(0, 11), slice(140, 160), 200)
    assert luma.novelty(copy(), now) == 100
    assert luma.cut(copy(), now) == pytest.approx(100 * 11 * 20 / (160 * 90))


@pytest.mark.parametrize("measure", [luma.cut, luma.novelty, luma.change])
def test_what_cannot_be_compared_differs_wholly(measure: luma.Measure) -> None:
    assert measure(None, copy()) == 255
    assert measure(copy(), copy(height=120)) == 255


@pytest.mark.parametrize("height", range(1, 20))
def test_pictures_smaller_than_the_blocks_are_compared_as_well(height: int) -> None:
    assert luma.novelty(copy(width=3, height=height), copy(140, width=3, height=height)) == 40


@pytest.mark.parametrize(
    ("picture_wh", "wh"),
    [
        ((1920, 1080), (160, 90)),
        ((1080, 1920), (160, 284)),
        ((1, 1), (1, 1)),
        ((9000, 3), (160, 1)),
        ((3, 9000), (3, 1280)),
    ],
)
def test_a_copy_is_never_larger_than_its_picture_and_never_empty(
    picture_wh: tuple[int, int], wh: tuple[int, int]
) -> None:
    assert copy_wh(*picture_wh) == wh
