from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import video_id
from triage.findings.tiles import OVERLAP, is_cut, merged, tiles
from triage.geometry import Box
from triage.records import Finding, Label


def found(box: Box, score: float = 0.5, label: Label = Label.WEAPON) -> Finding:
    return Finding(video_id(), 0, label, score, box, "objects@1")


@given(st.integers(16, 4096), st.integers(16, 4096), st.integers(2, 4))
def test_tiles_cover_every_pixel_and_nothing_outside(width: int, height: int, per_side: int) -> None:
    scale = 16
    covered = np.zeros((height // scale, width // scale), bool)
    for tile in tiles(width, height, per_side):
        assert 0 <= tile.x0 < tile.x1 <= width
        assert 0 <= tile.y0 < tile.y1 <= height
        covered[int(tile.y0 / scale) : int(tile.y1 / scale) + 1, int(tile.x0 / scale) : int(tile.x1 / scale) + 1] = True
    assert covered.all()


@given(st.integers(64, 4096), st.integers(64, 4096), st.integers(2, 4), st.data())
def test_what_is_smaller_than_the_overlap_is_whole_in_some_tile(
    width: int, height: int, per_side: int, data: st.DataObject
) -> None:
    pieces = tiles(width, height, per_side)
    side = int(min(min(tile.width, tile.height) for tile in pieces) * OVERLAP) - 2
    if side < 1:
        return
    x0, y0 = data.draw(st.integers(0, width - side)), data.draw(st.integers(0, height - side))
    box = Box(x0, y0, x0 + side, y0 + side)
    assert any(box.share_in(tile) == 1 for tile in pieces)


@pytest.mark.parametrize(
    ("width", "height", "count"), [(1920, 1080, 4), (1080, 1920, 4), (1000, 1000, 4), (4000, 400, 2)]
)
def test_two_tiles_lie_along_the_longer_side(width: int, height: int, count: int) -> None:
    assert len(tiles(width, height, 2)) == count


def test_one_tile_is_the_picture_itself_and_asks_for_no_further_look() -> None:
    assert tiles(1920, 1080, 1) == []


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        (Box(110, 110, 150, 150), False),
        (Box(100, 110, 150, 150), True),
        (Box(110, 101, 150, 150), True),
        (Box(110, 110, 199, 150), True),
        (Box(110, 110, 150, 300), False),
    ],
)
def test_a_box_is_cut_where_it_meets_an_edge_beyond_which_the_picture_goes_on(box: Box, cut: bool) -> None:
    assert is_cut(box, Box(100, 100, 200, 300), 400, 300) is cut


def test_one_thing_seen_in_two_looks_is_one_and_keeps_the_better_score() -> None:
    box, nearly = Box(0, 0, 100, 100), Box(2, 0, 100, 100)
    assert merged([found(box, 0.4), found(nearly, 0.9)]) == [found(nearly, 0.9)]


def test_two_things_stay_two() -> None:
    apart = [found(Box(0, 0, 100, 100)), found(Box(60, 0, 160, 100)), found(Box(0, 0, 100, 100), label=Label.PERSON)]
    assert sorted(merged(apart), key=str) == sorted(apart, key=str)
