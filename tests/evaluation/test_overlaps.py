from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.evaluation.overlaps import (
    Covered,
    Point,
    Scored,
    end_errors_ms,
    length,
    micro_average_precision,
    recall_at_precision,
    segment_coverage,
    segment_f1,
)

TEN = (0.0, 10.0, 0.0, 10.0)


def ranked(*rows: tuple[float, bool], copies: int) -> Scored:
    """Pairs with their scores, each a group of its own; true pairs beyond those given have no score."""
    is_copy = np.array([right for _, right in rows], bool)
    missing = copies - int(is_copy.sum())
    return Scored(
        np.array([score for score, _ in rows], float),
        is_copy,
        np.arange(len(rows)),
        np.array([*is_copy, missing], float),
    )


def test_a_ranking_with_all_copies_first_is_perfect() -> None:
    pairs = ranked((0.9, True), (0.8, True), (0.1, False), copies=2)
    assert micro_average_precision(pairs) == 1
    assert recall_at_precision(pairs, 1.0) == Point(1.0, 0.8)


def test_a_copy_without_a_score_is_missed() -> None:
    pairs = ranked((0.9, True), copies=2)
    assert micro_average_precision(pairs) == 0.5
    assert recall_at_precision(pairs, 0.5).recall == 0.5


def test_precision_counts_the_false_pairs_above_each_copy() -> None:
    pairs = ranked((0.9, True), (0.8, False), (0.7, True), copies=2)
    assert micro_average_precision(pairs) == pytest.approx((1 + 2 / 3) / 2)


def test_recall_at_no_false_pair_stops_above_the_first_one() -> None:
    pairs = ranked((0.9, True), (0.8, False), (0.7, True), copies=2)
    assert recall_at_precision(pairs, 1.0) == Point(0.5, 0.9)
    assert recall_at_precision(pairs, 0.6) == Point(1.0, 0.7)


def test_a_copy_with_the_score_of_a_false_pair_is_not_found_before_it() -> None:
    for rows in (((0.9, True), (0.9, False)), ((0.9, False), (0.9, True))):
        pairs = ranked(*rows, copies=1)
        assert micro_average_precision(pairs) == 0.5
        assert recall_at_precision(pairs, 1.0) == Point(0.0, math.inf)


def test_where_nothing_is_true_there_is_no_recall() -> None:
    pairs = ranked((0.9, False), copies=0)
    assert math.isnan(micro_average_precision(pairs))
    assert math.isnan(recall_at_precision(pairs, 0.99).recall)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=20), st.integers(1, 5))
def test_counting_every_group_twice_changes_nothing(rows: list[tuple[float, bool]], missing: int) -> None:
    pairs = ranked(*rows, copies=sum(right for _, right in rows) + missing)
    twice = np.full(len(pairs.copies), 2.0)
    assert micro_average_precision(pairs, twice) == pytest.approx(micro_average_precision(pairs))
    assert recall_at_precision(pairs, 0.9, twice) == pytest.approx(recall_at_precision(pairs, 0.9))


def test_the_same_stretches_are_right_however_they_are_cut() -> None:
    halves = [(0.0, 5.0, 0.0, 5.0), (5.0, 10.0, 5.0, 10.0)]
    assert segment_coverage(halves, [TEN]) == Covered(1, 1)
    assert segment_coverage([TEN], halves) == Covered(1, 1)


def test_a_stretch_that_is_too_long_costs_precision_on_both_axes() -> None:
    assert segment_coverage([(0, 20, 0, 20)], [TEN]) == Covered(0.25, 1)


def test_half_a_stretch_costs_recall_on_both_axes() -> None:
    assert segment_coverage([(0, 5, 0, 5)], [TEN]) == Covered(1, 0.25)


def test_the_right_seconds_of_the_wrong_part_are_not_found() -> None:
    assert segment_coverage([(0, 10, 20, 30)], [TEN]) == Covered(0, 0)


def test_a_stretch_told_twice_is_counted_once() -> None:
    assert segment_coverage([TEN, TEN], [TEN]) == Covered(1, 1)
    assert length([(0, 2), (1, 3), (10, 11)]) == 4


def test_what_is_found_in_a_video_that_is_no_copy_lowers_the_precision_of_all() -> None:
    right, false, missed = segment_coverage([TEN], [TEN]), segment_coverage([TEN], []), segment_coverage([], [TEN])
    assert false.precision == 0
    assert math.isnan(missed.precision)
    assert segment_f1([right]) == 1
    assert segment_f1([right, false]) == pytest.approx(2 / 3)
    assert segment_f1([right, missed]) == pytest.approx(2 / 3)
    assert segment_f1([right, segment_coverage([], [])]) == 1


def test_ends_are_held_against_the_stretch_that_shares_most() -> None:
    near, far = (1.0, 11.0, 2.0, 12.0), (9.0, 30.0, 9.0, 30.0)
    assert end_errors_ms([far, near], [TEN]).tolist() == [1, 1, 2, 2]


def test_a_stretch_that_nothing_meets_has_no_ends_to_measure() -> None:
    assert not len(end_errors_ms([(20, 30, 20, 30)], [TEN]))
    assert not len(end_errors_ms([], [TEN]))
