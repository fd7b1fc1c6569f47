"""What found copies amount to: µAP and recall over pairs of videos, precision and recall over stretches of time.

A *pair* is a query and a known clip. A *stretch* is a box in two times: query start, query end, stored start, stored
end, half-open, in ms. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Stretch = tuple[float, float, float, float]
Span = tuple[float, float]


@dataclass(frozen=True)
class Scored:
    """Every pair that was given a score; one that was not is not found at any threshold."""

    scores: Array
    """(n,)"""
    is_copy: Array
    """(n,) bool: whether the query does show the clip."""
    groups: Array
    """(n,) number of the group that the pair is redrawn with, for intervals."""
    copies: Array
    """(groups,) how many true pairs each group has, found or not."""


def micro_average_precision(pairs: Scored, times: Array | None = None) -> float:
    """µAP, as DISC21 and VSC22 use it: precision averaged over true pairs, all pairs of all queries in one ranking.

    A true pair without a score counts 0. Pairs of equal score count as found together.

    Args:
        times: (groups,) how often each group is counted; None: once.
    """
    right, raised, total, _ = _curve(pairs, times)
    if not total:
        return float("nan")
    gained = np.diff(right, prepend=0.0)
    return float((gained * right / np.maximum(raised, 1e-9)).sum() / total)


class Point(NamedTuple):
    """Where a threshold may be put."""

    recall: float
    at_least: float
    """The score from which a pair counts; infinite, where even the best one does not reach the precision."""


def recall_at_precision(pairs: Scored, precision: float, times: Array | None = None) -> Point:
    """The highest recall of true pairs at this precision or a better one; 1.0 asks for no false pair at all.

    Args:
        times: as in ``micro_average_precision``.
    """
    right, raised, total, scores = _curve(pairs, times)
    good = np.flatnonzero((right >= precision * raised - 1e-9) & (raised > 0))
    if not total or not len(good):
        return Point(0.0 if total else float("nan"), float("inf"))
    best = good[np.argmax(right[good])]
    return Point(float(right[best] / total), float(scores[best]))


def _curve(pairs: Scored, times: Array | None) -> tuple[Array, Array, float, Array]:
    """From the best score down, at each that differs: true pairs so far, pairs so far; all true pairs; the scores."""
    times = np.ones(len(pairs.copies)) if times is None else times
    order = np.argsort(-pairs.scores, kind="stable")
    each = times[pairs.groups[order]]
    scores = pairs.scores[order]
    last = np.flatnonzero(np.diff(scores, append=-np.inf))
    right, raised = np.cumsum(each * pairs.is_copy[order])[last], np.cumsum(each)[last]
    return right, raised, float(times @ pairs.copies), scores[last]


class Covered(NamedTuple):
    """How well the stretches that were found for a pair are those that are true."""

    precision: float
    recall: float


def segment_coverage(found: Sequence[Stretch], true: Sequence[Stretch]) -> Covered:
    """Precision and recall of stretches of a pair, in the manner of VCSL (He et al. 2022, section 4).

    What every found box shares with every true one is laid on both axes of time. Precision is the share of what was
    found that is so covered, on the one axis times on the other; recall is the same of what is true. How either is
    cut into pieces does not matter. A pair where nothing is true has precision 0 as soon as anything was found; where
    nothing was found there is no precision (NaN), where nothing is true no recall (NaN).
    """
    shared = [
        (max(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), min(one[3], two[3]))
        for one in found
        for two in true
        if min(one[1], two[1]) > max(one[0], two[0]) and min(one[3], two[3]) > max(one[2], two[2])
    ]
    return Covered(_share(shared, found), _share(shared, true))


def segment_f1(pairs: Sequence[Covered], times: Array | None = None) -> float:
    """F1 of the mean precision over pairs with something found and the mean recall over pairs with something true."""
    if not pairs:
        return float("nan")
    times = np.ones(len(pairs)) if times is None else times
    columns = np.array(pairs, float)
    known = ~np.isnan(columns)
    weights = known * times[:, None]
    if not weights[:, 1].sum():
        return float("nan")
    precision, recall = (np.nan_to_num(columns) * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def end_errors_ms(found: Sequence[Stretch], true: Sequence[Stretch]) -> Array:
    """(4 n,) distances of starts and ends, in both times, for the n true stretches that some found one meets.

    Each is held against the found one that shares most with it, by intersection over union of the boxes.
    """
    errors: list[float] = []
    for one in true:
        overlaps = [_iou(one, other) for other in found]
        if overlaps and max(overlaps) > 0:
            best = found[int(np.argmax(overlaps))]
            errors.extend(abs(a - b) for a, b in zip(one, best, strict=True))
    return np.array(errors, float)


def length(spans: Sequence[Span]) -> float:
    """How long spans are together, what they share counted once."""
    total, reached = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _share(shared: Sequence[Stretch], whole: Sequence[Stretch]) -> float:
    if not whole:
        return float("nan")
    in_query = length([box[:2] for box in shared]) / max(length([box[:2] for box in whole]), 1e-9)
    in_stored = length([box[2:] for box in shared]) / max(length([box[2:] for box in whole]), 1e-9)
    return in_query * in_stored


def _iou(one: Stretch, two: Stretch) -> float:
    shared = _area((max(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), min(one[3], two[3])))
    return shared / max(_area(one) + _area(two) - shared, 1e-9)


def _area(box: Stretch) -> float:
    return max(0.0, box[1] - box[0]) * max(0.0, box[3] - box[2])
