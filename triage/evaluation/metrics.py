"""What labels and answers amount to: precision, recall, average precision, AUROC, and intervals. Pure numpy.

Boxes are corner boxes, rows of x0, y0, x1, y1 in any unit that both sides share. The rules are COCO's: a found box and
a labelled box belong together from an overlap on, the best score chooses first, and what is marked as not to be counted
counts neither for nor against anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

IOUS = np.arange(0.5, 1.0, 0.05)
"""The ten overlaps of COCO's AP50-95; the first is AP50's."""
INTERVAL_PERCENT = (5.0, 95.0)
"""Every interval is a 90 % one."""
ROUNDS = 500
"""Bootstrap rounds; two runs with other seeds then differ by about 0.005 at the ends on a hundred pictures."""


class Interval(NamedTuple):
    """A figure, and between which values 90 % of redrawn sets of pictures put it."""

    value: float
    """Not a number where there is nothing to count."""
    low: float
    high: float


@dataclass(frozen=True)
class Matches:
    """One kind of thing in one picture: what was found beside what is labelled."""

    scores: Array
    """(n,) of the found boxes, the best first."""
    hits: Array
    """(n, 10) bool: whether each is right at each of ``IOUS``."""
    labelled: int
    """How many are there."""
    counts: Array | None = None
    """(n, 10) bool: whether each counts at all; None: all do."""


def iou_matrix(first: Array, second: Array) -> Array:
    """Intersection over union of two lists of corner boxes: (n, 4) and (m, 4) -> (n, m)."""
    shared = _shared(first, second)
    areas = [_areas(boxes) for boxes in (first, second)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-9))


def within_matrix(first: Array, second: Array) -> Array:
    """Which share of each box of ``first`` lies within each of ``second``: (n, 4) and (m, 4) -> (n, m)."""
    return np.asarray(_shared(first, second) / np.maximum(_areas(first)[:, None], 1e-9))


def match_boxes(
    boxes: Array,
    scores: Array,
    real: Array,
    *,
    crowds: Array | None = None,
    band: tuple[float, float] | None = None,
) -> Matches:
    """Assign found boxes to labelled boxes, best score first, each labelled box once per overlap.

    Args:
        boxes: (n, 4) found.
        scores: (n,) of them.
        real: (m, 4) labelled.
        crowds: (k, 4) places where things are not told apart: what is found there counts neither way.
        band: areas (low, high), half-open: labelled boxes outside it count neither way, and neither does what matches
            them, nor what is found outside it and matches nothing. None: all sizes.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order].reshape(-1, 4), scores[order]
    hits = np.zeros((len(boxes), len(IOUS)), dtype=bool)
    counts = np.ones_like(hits)
    inside = _in_band(real, band)
    overlaps = iou_matrix(boxes, real) if len(real) else np.zeros((len(boxes), 0))
    for column, least in enumerate(IOUS):
        free = np.ones(len(real), dtype=bool)
        for row, overlap in enumerate(overlaps):
            # A labelled box that counts goes before one that does not, whatever overlaps more.
            for those in (inside, ~inside):
                open_to_it = np.where(free & those, overlap, -1.0)
                best = int(np.argmax(open_to_it)) if len(real) else -1
                if best >= 0 and open_to_it[best] >= least:
                    free[best] = False
                    hits[row, column], counts[row, column] = inside[best], inside[best]
                    break
    unmatched = ~hits & counts
    idle = ~_in_band(boxes, band)
    if crowds is not None and len(crowds):
        idle |= within_matrix(boxes, crowds).max(axis=1, initial=0.0) >= 0.5
    counts &= ~(unmatched & idle[:, None])
    return Matches(scores, hits, int(inside.sum()), None if counts.all() else counts)


def average_precision(matches: Sequence[Matches]) -> Array:
    """101-point interpolated average precision (the COCO rule) per overlap of ``IOUS``, shape (10,)."""
    if not sum(one.labelled for one in matches):
        return np.full(len(IOUS), np.nan)
    curve = _Curve.of(matches)
    once = np.ones(len(matches))
    return np.array([curve.average_precision(once, column) for column in range(len(IOUS))])


def ap50_interval(matches: Sequence[Matches], rounds: int = ROUNDS) -> Interval:
    """AP50 over pictures, and its 90 % interval."""
    curve = _Curve.of(matches)
    return with_interval(len(matches), lambda times: curve.average_precision(times, 0), rounds)


@dataclass(frozen=True)
class _Curve:
    """The found boxes of many pictures, the best first, so that pictures can be counted several times or not at all."""

    picture: Array
    """(n,) number of the picture that each is in."""
    hits: Array
    counts: Array
    labelled: Array
    """(pictures,)."""

    @classmethod
    def of(cls, matches: Sequence[Matches]) -> _Curve:
        empty = np.zeros((0, len(IOUS)), dtype=bool)
        scores = np.concatenate([one.scores for one in matches] or [np.zeros(0)])
        order = np.argsort(-scores, kind="stable")
        picture = np.repeat(np.arange(len(matches)), [len(one.scores) for one in matches])[order]
        hits = np.concatenate([one.hits for one in matches] or [empty])[order]
        counted = [np.ones_like(one.hits) if one.counts is None else one.counts for one in matches]
        return cls(picture, hits, np.concatenate(counted or [empty])[order], np.array([m.labelled for m in matches]))

    def average_precision(self, times: Array, column: int) -> float:
        """With each picture counted so many ``times``; NaN where nothing is labelled."""
        labelled = float(times @ self.labelled) if len(times) else 0.0
        if not labelled:
            return float("nan")
        each = times[self.picture]
        right = np.cumsum(self.hits[:, column] * each)
        raised = np.cumsum(self.counts[:, column] * each)
        precision = np.maximum.accumulate((right / np.maximum(raised, 1))[::-1])[::-1]
        index = np.searchsorted(right / labelled, np.linspace(0, 1, 101) - 1e-12, side="left")
        return float(np.where(index < len(right), np.append(precision, 0)[index], 0).mean())


def precision_recall(matches: Sequence[Matches], at_least: float) -> tuple[float, float]:
    """Precision and recall, at an overlap of 0.5, of the boxes at or above a score; NaN where nothing is to count."""
    right, raised, labelled = (column.sum() for column in tallies(matches, at_least))
    return float(right / raised) if raised else float("nan"), float(right / labelled) if labelled else float("nan")


def tallies(matches: Sequence[Matches], at_least: float | Sequence[float]) -> tuple[Array, Array, Array]:
    """Per picture, at an overlap of 0.5: how many boxes are right, how many were raised, how many are labelled.

    Args:
        at_least: score from which a box is raised; one for all pictures, or one for each.
    """
    bars = np.broadcast_to(np.asarray(at_least, dtype=float), len(matches))
    chosen = [one.scores >= bar for one, bar in zip(matches, bars, strict=True)]
    right = [int(one.hits[those, 0].sum()) for one, those in zip(matches, chosen, strict=True)]
    raised = [
        int(those.sum() if one.counts is None else one.counts[those, 0].sum())
        for one, those in zip(matches, chosen, strict=True)
    ]
    return np.array(right), np.array(raised), np.array([one.labelled for one in matches])


def best_f1(matches: Sequence[Matches]) -> tuple[float, float]:
    """The score (a multiple of 0.01) from which F1 at an overlap of 0.5 is highest, and that F1; (0, 0) for none."""
    best = 0.0, 0.0
    for at_least in np.arange(0.05, 0.90, 0.01):
        precision, recall = np.nan_to_num(precision_recall(matches, float(at_least)))
        best = max(best, (2 * precision * recall / max(precision + recall, 1e-9), float(at_least)))
    return round(best[1], 2), float(best[0])


def score_for_recall(matches: Sequence[Matches], recall: float) -> float | None:
    """The highest score from which the recall at an overlap of 0.5 is reached; None: no score does."""
    labelled = sum(one.labelled for one in matches)
    right = np.sort(np.concatenate([one.scores[one.hits[:, 0]] for one in matches] or [np.zeros(0)]))[::-1]
    needed = max(1, int(np.ceil(recall * labelled - 1e-9)))
    return float(right[needed - 1]) if labelled and len(right) >= needed else None


def auroc(positive: Array, negative: Array) -> float:
    """Chance that a positive scores above a negative, ties counting half; NaN where one of them is missing."""
    if not len(positive) or not len(negative):
        return float("nan")
    low, high = (np.searchsorted(np.sort(negative), positive, side=side) for side in ("left", "right"))
    return float(((low + high) / 2).mean() / len(negative))


def share_at_least(scores: Array, at_least: float) -> float:
    """Share of the scores that reach this one; NaN where there are none."""
    return float((scores >= at_least).mean()) if len(scores) else float("nan")


def with_interval(
    pictures: int,
    figure: Callable[[Array], float],
    rounds: int = ROUNDS,
    percent: tuple[float, float] = INTERVAL_PERCENT,
) -> Interval:
    """A figure over pictures, and its 90 % interval over pictures drawn again with replacement (fixed seed).

    Args:
        figure: of an array (pictures,) that says how often each is counted; NaN where it has nothing to count.
        percent: other ends of the interval than those of 90 %.
    """
    value = figure(np.ones(pictures))
    if pictures < 2 or np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    generator = np.random.default_rng(0)
    draws = (generator.integers(0, pictures, pictures) for _ in range(rounds))
    drawn = np.array([figure(np.bincount(draw, minlength=pictures).astype(float)) for draw in draws])
    low, high = np.nanpercentile(drawn, percent)
    return Interval(value, float(low), float(high))


def ratio_interval(parts: Array, wholes: Array, rounds: int = ROUNDS) -> Interval:
    """Sum of ``parts`` over sum of ``wholes``, each (pictures,), with its interval over pictures."""

    def ratio(times: Array) -> float:
        whole = float(times @ wholes)
        return float(times @ parts) / whole if whole else float("nan")

    return with_interval(len(wholes), ratio, rounds)


def auroc_interval(positive: Array, negative: Array, rounds: int = ROUNDS) -> Interval:
    """AUROC and its interval; positives and negatives are redrawn each among themselves."""
    value = auroc(positive, negative)
    if np.isnan(value):
        return Interval(value, value, value)
    generator = np.random.default_rng(0)
    drawn = [
        auroc(generator.choice(positive, len(positive)), generator.choice(negative, len(negative)))
        for _ in range(rounds)
    ]
    low, high = np.percentile(drawn, INTERVAL_PERCENT)
    return Interval(value, float(low), float(high))


def wilson(part: int, whole: int) -> Interval:
    """A share and its 90 % interval (Wilson's score): also where the share is 0, which redrawing cannot judge."""
    if not whole:
        return Interval(float("nan"), float("nan"), float("nan"))
    z, share = 1.6449, part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * np.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    return Interval(share, float(max(middle - half, 0)), float(min(middle + half, 1)))


def log_odds(score: Array | float) -> Array:
    """A score in [0, 1] as log odds, kept finite."""
    clear = np.clip(np.asarray(score, dtype=float), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clear / (1 - clear)))


def platt(scores: Array, is_right: Array, times: Array | None = None) -> tuple[float, float] | None:
    """Logistic regression of right or wrong on the log odds of a score: P = 1 / (1 + exp(-(a * odds + b))).

    With Platt's targets, which keep a small set from promising certainty (Platt 1999, 2.2).

    Args:
        times: how often each counts; None: once.

    Returns:
        (a, b); None where all are right, or all wrong, or better scores are not more often right.
    """
    right = int(np.sum(is_right))
    wrong = len(is_right) - right
    if not right or not wrong:
        return None
    times = np.ones(len(scores)) if times is None else times
    odds = log_odds(scores)
    target = np.where(is_right, (right + 1) / (right + 2), 1 / (wrong + 2))
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    start = np.array(
        [1.0, 0.0]
    )  # "leave the score as it is", with a little weight: finite where the kinds part cleanly

    def loss(parameters: Array) -> float:
        line = design @ parameters
        misfit = times * (np.logaddexp(0, line) - target * line)
        return float(np.sum(misfit) + 5e-4 * np.sum((parameters - start) ** 2))

    parameters = start
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(design @ parameters, -30, 30)))
        hessian = design.T @ (design * (times * chance * (1 - chance))[:, None]) + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, design.T @ (times * (chance - target)) + 1e-3 * (parameters - start))
        length = 1.0
        while loss(parameters - length * step) > loss(parameters) and length > 1e-6:
            length /= 2  # a whole step may jump over the valley
        parameters = parameters - length * step
        if np.abs(step).max() < 1e-8:
            break
    a, b = (float(value) for value in parameters)
    return (a, b) if a > 0 and np.isfinite(parameters).all() else None


def expected_calibration_error(chances: Array, is_right: Array, bins: int = 10) -> float:
    """Mean distance between what was promised and what came true, over ten equal steps of the promise."""
    if not len(chances):
        return float("nan")
    place = np.minimum((chances * bins).astype(int), bins - 1)
    gaps = [
        np.abs(chances[place == one].mean() - is_right[place == one].mean()) * (place == one).sum()
        for one in range(bins)
        if (place == one).any()
    ]
    return float(np.sum(gaps) / len(chances))


def _in_band(boxes: Array, band: tuple[float, float] | None) -> Array:
    if band is None:
        return np.ones(len(boxes), dtype=bool)
    areas = _areas(boxes.reshape(-1, 4))
    return np.asarray((areas >= band[0]) & (areas < band[1]))


def _shared(first: Array, second: Array) -> Array:
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.prod(np.clip(high - low, 0, None), axis=2))


def _areas(boxes: Array) -> Array:
    return np.asarray(np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1))
