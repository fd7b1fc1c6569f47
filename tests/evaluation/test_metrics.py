from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.evaluation.metrics import (
    IOUS,
    Array,
    Matches,
    ap50_interval,
    auroc,
    auroc_interval,
    average_precision,
    best_f1,
    expected_calibration_error,
    iou_matrix,
    log_odds,
    match_boxes,
    platt,
    precision_recall,
    ratio_interval,
    score_for_recall,
    tallies,
    wilson,
    with_interval,
    within_matrix,
)

SQUARE = (0.0, 0.0, 10.0, 10.0)
FAR = (100.0, 100.0, 110.0, 110.0)


def boxes(*rows: tuple[float, float, float, float]) -> Array:
    return np.array(rows, dtype=float).reshape(-1, 4)


def of(found: Sequence[tuple[tuple[float, float, float, float], float]], *real: Any, **more: Any) -> Matches:
    """Found boxes with their scores, beside labelled boxes."""
    return match_boxes(boxes(*(box for box, _ in found)), np.array([score for _, score in found]), boxes(*real), **more)


def test_the_overlap_of_two_boxes_is_their_shared_area_by_all_their_area() -> None:
    [[same, half, none]] = iou_matrix(boxes(SQUARE), boxes(SQUARE, (5, 0, 15, 10), FAR))
    assert (same, half, none) == (1, pytest.approx(1 / 3), 0)


def test_a_box_lies_within_a_crowd_by_its_own_area() -> None:
    assert within_matrix(boxes(SQUARE), boxes((5, 0, 1000, 1000)))[0, 0] == pytest.approx(0.5)


def test_the_better_score_takes_the_labelled_box_and_the_other_is_wrong() -> None:
    seen = of([(SQUARE, 0.4), (SQUARE, 0.9)], SQUARE)
    assert seen.scores.tolist() == [0.9, 0.4]
    assert seen.hits[:, 0].tolist() == [True, False]


def test_a_box_is_right_only_up_to_the_overlap_that_it_has() -> None:
    [right] = of([((0, 0, 10, 7.2), 0.9)], SQUARE).hits
    assert right.tolist() == [bool(least < 0.72) for least in IOUS]


def test_what_is_found_in_a_crowd_counts_neither_way() -> None:
    seen = of([(SQUARE, 0.9), (FAR, 0.8)], FAR, crowds=boxes((0, 0, 30, 30)))
    assert seen.counts is not None
    assert seen.counts[:, 0].tolist() == [False, True]
    assert precision_recall([seen], 0.0) == (1.0, 1.0)


def test_in_a_band_of_sizes_others_count_neither_way() -> None:
    large = (0.0, 0.0, 100.0, 100.0)
    small_and_large = of([(SQUARE, 0.9), (large, 0.8), (FAR, 0.7)], SQUARE, large, band=(0, 32**2))
    assert small_and_large.labelled == 1
    assert precision_recall([small_and_large], 0.0) == (0.5, 1.0), "the large one is gone, the false small one is not"
    only_large = of([((0, 0, 90, 90), 0.9)], band=(0, 32**2))
    assert tallies([only_large], 0.0)[1].tolist() == [0], "a false large box says nothing of small things"


def test_a_labelled_box_that_counts_goes_before_one_that_does_not() -> None:
    just_small, just_large = (0.0, 0.0, 31.0, 32.0), (0.0, 0.0, 33.0, 32.0)
    seen = of([(just_large, 0.9)], just_large, just_small, band=(0, 32**2))
    assert seen.hits[0, 0], "its overlap with the small one is smaller, and enough"


def test_average_precision_of_all_right_is_one_and_of_all_wrong_nought() -> None:
    assert average_precision([of([(SQUARE, 0.9)], SQUARE)]).tolist() == [1.0] * 10
    assert average_precision([of([(FAR, 0.9)], SQUARE)]).tolist() == [0.0] * 10


def test_average_precision_is_cocos_101_points() -> None:
    # right, wrong, right of 2 labelled: precision 1 up to recall 0.5, then 2/3: 51 points of 1 and 50 of 2/3
    seen = of([(SQUARE, 0.9), ((300, 300, 310, 310), 0.8), (FAR, 0.7)], SQUARE, FAR)
    assert average_precision([seen])[0] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_nothing_labelled_is_not_a_number_rather_than_nought() -> None:
    assert np.isnan(average_precision([of([(SQUARE, 0.9)])])).all()
    assert np.isnan(precision_recall([of([])], 0.5)).all()
    assert np.isnan(ap50_interval([]).value)


def many(pictures: int, share: float, seed: int = 0) -> list[Matches]:
    """Pictures with one labelled thing each, found in this share of them, with better scores than noise."""
    generator = np.random.default_rng(seed)
    told = []
    for _ in range(pictures):
        found = [(SQUARE, 0.5 + generator.random() / 2)] if generator.random() < share else []
        told.append(of([*found, (FAR, generator.random() / 2)], SQUARE))
    return told


def test_an_interval_holds_its_figure_and_narrows_with_pictures() -> None:
    few, lots = ap50_interval(many(20, 0.7)), ap50_interval(many(400, 0.7))
    for one in (few, lots):
        assert one.low < one.value < one.high
    assert lots.high - lots.low < (few.high - few.low) / 2


def test_an_interval_is_the_same_at_every_run() -> None:
    assert ap50_interval(many(20, 0.7)) == ap50_interval(many(20, 0.7))


def test_nine_in_ten_intervals_hold_the_truth() -> None:
    held = 0
    for seed in range(60):
        right, _, labelled = tallies(many(60, 0.7, seed), 0.5)
        one = ratio_interval(right, labelled, 200)
        held += one.low <= 0.7 <= one.high
    assert 46 <= held <= 60


def test_a_share_of_nought_has_an_interval_too() -> None:
    assert wilson(0, 50).value == 0
    assert 0.02 < wilson(0, 50).high < 0.07
    assert wilson(50, 50).high == pytest.approx(1)
    assert np.isnan(wilson(0, 0).value)


def test_the_best_f1_parts_right_from_wrong() -> None:
    at_least, f1 = best_f1(many(200, 1.0))
    assert at_least == pytest.approx(0.5, abs=0.011)
    assert f1 > 0.95


def test_the_score_for_a_recall_is_the_highest_that_reaches_it() -> None:
    seen = [of([(SQUARE, score)], SQUARE) for score in (0.9, 0.7, 0.5, 0.3)]
    assert score_for_recall(seen, 0.75) == 0.5
    assert score_for_recall(seen, 0.76) == 0.3
    assert score_for_recall([*seen, of([], SQUARE)], 1.0) is None
    assert score_for_recall([], 0.5) is None


def test_auroc_is_the_chance_to_rank_right_and_ties_count_half() -> None:
    assert auroc(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1
    assert auroc(np.array([0.5]), np.array([0.5, 0.5])) == 0.5
    assert auroc(np.array([0.1]), np.array([0.9])) == 0
    assert np.isnan(auroc_interval(np.array([]), np.array([0.1])).value)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_auroc_is_what_comparing_every_pair_gives(positive: list[float], negative: list[float]) -> None:
    pairs = [(1.0 if high > low else 0.5 if high == low else 0.0) for high in positive for low in negative]
    assert auroc(np.array(positive), np.array(negative)) == pytest.approx(float(np.mean(pairs)))


def test_platt_finds_the_line_that_made_the_answers() -> None:
    generator = np.random.default_rng(0)
    scores = generator.random(20_000)
    truth = 1 / (1 + np.exp(-(1.5 * log_odds(scores) - 0.7)))
    fitted = platt(scores, generator.random(20_000) < truth)
    assert fitted == pytest.approx((1.5, -0.7), abs=0.05)


@pytest.mark.parametrize(
    ("scores", "right"),
    [
        ([0.2, 0.9], [True, True]),
        ([0.2, 0.9], [False, False]),
        ([], []),
        ([0.9, 0.8, 0.1, 0.2], [False, False, True, True]),
    ],
    ids=["all right", "all wrong", "nothing", "better scores are less often right"],
)
def test_platt_promises_nothing_where_nothing_can_be_learned(scores: list[float], right: list[bool]) -> None:
    assert platt(np.array(scores), np.array(right, dtype=bool)) is None


def test_platt_stays_finite_where_right_and_wrong_part_cleanly() -> None:
    fitted = platt(np.array([0.1] * 40 + [0.9] * 40), np.array([False] * 40 + [True] * 40))
    assert fitted is not None
    assert np.isfinite(fitted).all()


def test_a_promise_that_comes_true_has_no_calibration_error() -> None:
    right = np.arange(100) < 80
    assert expected_calibration_error(np.full(100, 0.8), right) == pytest.approx(0)
    assert expected_calibration_error(np.full(100, 0.3), right) == pytest.approx(0.5)


def test_an_interval_of_95_percent_holds_that_of_90() -> None:
    values = np.random.default_rng(1).random(40)

    def mean(times: Array) -> float:
        return float(times @ values / times.sum())

    usual, wider = with_interval(40, mean), with_interval(40, mean, percent=(2.5, 97.5))
    assert wider.low < usual.low < usual.value < usual.high < wider.high
