from __future__ import annotations

import numpy as np
import pytest

from tests.prints import filmed, fingerprint
from triage.matches.moments import MOST_REPEATS, moments

FILM = filmed(1, 60_000)


def test_a_picture_that_stood_has_a_moment_each_step() -> None:
    shown = moments(
        fingerprint("a", FILM[:4], times_ms=[0, 400, 4400, 4800], until_ms=[0, 4000, 4400, 4800], length_ms=5200)
    )
    assert shown.step_ms == 400
    assert shown.rows.tolist() == [0, *[1] * 10, 2, 3]
    assert shown.times_ms.tolist() == [*range(0, 4400, 400), 4400, 4800]
    assert shown.spans_ms.tolist() == [400] * 13


def test_a_year_of_one_picture_has_no_more_moments_than_ten_seconds_of_it() -> None:
    year = 365 * 24 * 3600 * 1000
    assert len(moments(fingerprint("a", FILM[:1], times_ms=[0], until_ms=[year], length_ms=year))) == MOST_REPEATS


def test_where_every_picture_was_looked_at_some_are_passed_over() -> None:
    shown = moments(fingerprint("a", FILM[:300], times_ms=list(range(0, 300 * 33, 33))))
    assert 45 <= len(shown) <= 51
    assert np.diff(shown.times_ms).max() <= 240


def test_looks_at_cuts_are_all_kept() -> None:
    times = [0, 400, 450, 800, 1200, 1210, 1600, 2000]
    assert moments(fingerprint("a", FILM[:8], times_ms=times)).times_ms.tolist() == times


def test_a_gap_does_not_make_a_picture_last() -> None:
    shown = moments(fingerprint("a", FILM[:4], times_ms=[0, 400, 800, 60_000]))
    assert shown.spans_ms.tolist() == [400, 400, 600, 400]


@pytest.mark.parametrize("length_ms", [0, 200])
def test_a_single_picture_has_one_moment(length_ms: int) -> None:
    shown = moments(fingerprint("a", FILM[:1], length_ms=length_ms))
    assert len(shown) == 1
    assert shown.spans_ms[0] > 0
    assert shown.length_ms == max(1, length_ms)


def test_a_video_without_pictures_has_no_moments() -> None:
    assert len(moments(fingerprint("a", FILM[:0], length_ms=0))) == 0
