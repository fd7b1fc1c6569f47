from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.media import plain
from triage.geometry import Box
from triage.records import Finding, Label, Track
from triage.redaction.sheet import COLUMNS, GAP_PX, LEAST_APART_MS, LINE_PX, MOST, TILE_PX, moments, strip

TIMES = range(0, 60_000, 40)


def track(label: Label, *scored: tuple[int, float]) -> Track:
    return Track(
        label, tuple(Finding("0" * 64, time_ms, label, score, Box(0, 0, 9, 9), "a@0") for time_ms, score in scored)
    )


def test_the_moment_at_which_something_was_seen_best_is_shown() -> None:
    tracks = [track(Label.WEAPON, (4000, 0.4), (4400, 0.9), (4800, 0.5))]
    assert 4400 in moments(tracks, [0], TIMES, 60_000)


def test_every_shot_is_shown_if_there_is_room() -> None:
    shots = [0, 10_000, 20_000, 50_000]
    chosen = moments([], shots, TIMES, 60_000)
    for start, stop in zip(shots, [*shots[1:], 60_000], strict=True):
        assert any(start <= time_ms < stop for time_ms in chosen)


def test_what_says_most_comes_first_where_there_is_no_room_for_all() -> None:
    people = [track(Label.PERSON, (number * 3000, 0.99)) for number in range(15)]
    assert 59_000 in moments([*people, track(Label.GRAPHIC, (59_000, 0.3))], [0], TIMES, 60_000)


@pytest.mark.parametrize("end_ms", [40, 1000, 60_000])
def test_a_strip_is_never_too_long_nor_empty_and_shows_nothing_twice(end_ms: int) -> None:
    tracks = [track(Label.FACE, (time_ms, 0.5)) for time_ms in range(0, end_ms, 40)]
    chosen = moments(tracks, range(0, end_ms, 200), range(0, end_ms, 40), end_ms)
    assert 1 <= len(chosen) <= MOST
    assert all(after - before >= LEAST_APART_MS - 40 for before, after in pairwise(chosen))
    assert set(chosen) <= set(range(0, end_ms, 40))


def test_a_picture_is_shown_at_the_time_that_is_written_below_it() -> None:
    assert moments([], [0], [0, 30_000], 60_000) == [0, 30_000]


def test_pictures_are_laid_out_in_rows() -> None:
    sheet = strip([(number * 1000, plain(40 * number, width=64, height=48)) for number in range(6)])
    assert sheet.shape[1] > COLUMNS * TILE_PX
    assert sheet.shape[0] > 2 * (TILE_PX * 48 // 64 + LINE_PX)
    assert sheet[60, 60].tolist() == [0, 0, 0]
    assert sheet[60, 60 + TILE_PX].tolist() == [40, 40, 40]


def test_the_mark_of_review_copies_stands_below_all_pictures() -> None:
    sheet = strip([(0, plain(200, width=64, height=48))])
    height = GAP_PX + TILE_PX * 48 // 64 + LINE_PX
    written = np.flatnonzero(sheet[height:].min(axis=(0, 2)) < 150)
    assert written.size, "it is not written there"
    assert 140 < written.max() < sheet.shape[1] - GAP_PX, "it is longer than a time, and not cut off"


def test_pixels_that_are_not_square_are_shown_as_wide_as_they_are() -> None:
    image = plain(0, width=64, height=48)
    wide = strip([(0, image)], 2.0)
    assert abs(int(np.count_nonzero(wide[:, 160, 0] == 0)) - 120) <= 10
