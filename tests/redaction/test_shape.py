"""How large a copy is, and how it counts time."""

from __future__ import annotations

from fractions import Fraction

import pytest

from triage.geometry import Box
from triage.redaction.shape import BLOCK_PX, LONGEST_SIDE_PX, MOST_BLOCKS, Shape, ticks_per_second


@pytest.mark.parametrize(
    ("stored", "shown", "coded"),
    [
        ((1920, 1080), (1920, 1080), (1920, 1080)),
        ((161, 99), (161, 99), (162, 100)),
        ((1, 1), (1, 1), (2, 2)),
        ((4096, 2304), (4096, 2304), (4096, 2304)),
        ((2160, 3840), (2160, 3840), (2160, 3840)),
        ((7680, 4320), (4096, 2304), (4096, 2304)),
        ((4320, 7680), (2304, 4096), (2304, 4096)),
        ((16384, 16), (4096, 2), (4096, 2)),
    ],
)
def test_a_copy_is_as_large_as_its_original_or_as_browsers_play(
    stored: tuple[int, int], shown: tuple[int, int], coded: tuple[int, int]
) -> None:
    shape = Shape.of(*stored)
    assert (shape.shown_wh, shape.coded_wh) == (shown, coded)
    assert bool(shape.remarks) is (stored != shown)


@pytest.mark.parametrize("stored", [(8000, 6000), (5000, 5000), (3000, 3200), (4095, 2400), (12000, 700)])
def test_no_copy_is_larger_than_its_level_allows(stored: tuple[int, int]) -> None:
    wide, tall = Shape.of(*stored).coded_wh
    assert max(wide, tall) <= LONGEST_SIDE_PX
    assert -(-wide // BLOCK_PX) * -(-tall // BLOCK_PX) <= MOST_BLOCKS


@pytest.mark.parametrize("stored", [(8000, 6000), (7681, 4319), (161, 99)])
def test_a_copy_is_shown_as_its_original_is(stored: tuple[int, int]) -> None:
    shape = Shape.of(*stored)
    wide, tall = shape.shown_wh
    assert float(shape.pixel_aspect(4 / 3)) * wide / tall == pytest.approx(4 / 3 * stored[0] / stored[1], rel=2e-3)


@pytest.mark.parametrize("stored", [(8000, 6000), (161, 99), (160, 120)])
def test_what_reaches_the_edge_reaches_that_of_the_copy(stored: tuple[int, int]) -> None:
    shape = Shape.of(*stored)
    placed = shape.placed(Box(10, 10, *stored))
    assert (placed.x1, placed.y1) == tuple(map(float, shape.coded_wh))
    assert placed.x0 <= 10


def test_a_box_is_scaled_with_its_picture() -> None:
    assert Shape.of(8192, 4608).placed(Box(100, 50, 300, 450)) == Box(50, 25, 150, 225)


@pytest.mark.parametrize(
    ("time_base", "ticks"),
    [
        (Fraction(1, 15360), 15360),
        (Fraction(1, 90000), 90000),
        (Fraction(1, 1000), 16000),
        (Fraction(1001, 30000), 30000),
        (Fraction(1, 25), 12800),
        (Fraction(1, 10_000_000), 90000),
        (None, 90000),
    ],
)
def test_the_original_s_times_are_whole_numbers_of_ticks(time_base: Fraction | None, ticks: int) -> None:
    assert ticks_per_second(time_base) == ticks
