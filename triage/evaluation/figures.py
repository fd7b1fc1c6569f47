"""Figures of a detector that draws boxes: per kind of thing, per size, per condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from triage.evaluation.looking import Corners, Looked
from triage.evaluation.metrics import (
    Array,
    Interval,
    Matches,
    ap50_interval,
    average_precision,
    iou_matrix,
    match_boxes,
    ratio_interval,
    tallies,
    wilson,
)
from triage.findings.calibration import threshold_of
from triage.findings.conditions import Condition
from triage.records import ROLE_LABELS, Finding, Label, Role

SIZES: Mapping[str, tuple[float, float]] = {
    "small things (below 32x32 px)": (0, 32**2),
    "middle-sized things": (32**2, 96**2),
    "large things (from 96x96 px)": (96**2, float("inf")),
}
"""COCO's bands, by the area of the labelled box in the picture as it is."""
SAME_THING = 0.6
"""Overlap above which boxes of several labels of one role are one thing, as within one label in a scan."""
COMPRESSED = "all, saved as JPEG at quality 12"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is counted as one: a label, or all labels of a role together."""

    title: str
    real: frozenset[Label]
    found: frozenset[Label]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    kind: str
    on: str
    """Which pictures, or which things in them."""
    pictures: int
    labelled: int
    ap50: Interval
    ap50_95: float
    precision: Interval
    recall: Interval


@dataclass(frozen=True, slots=True)
class Alarm:
    """How many pictures without the thing were said to have it."""

    kind: str
    on: str
    pictures: int
    raised: int

    @property
    def share(self) -> Interval:
        return wilson(self.raised, self.pictures)


def kinds(role: Role, real: Iterable[Label], found: Iterable[Label]) -> list[Kind]:
    """All labels of the role as one, then each that both the data and the model tell apart.

    A general label (weapon) of a model stands for all of the role's; one of the data can be none of the finer ones.
    """
    theirs, ours, all_of_it = frozenset(real), frozenset(found), ROLE_LABELS[role]
    whole = [Kind(str(role) if len(all_of_it) > 1 else str(min(all_of_it)), all_of_it, all_of_it)]
    if theirs == ours and len(ours) == 1:
        return whole
    fine = [label for label in Label if label in theirs & ours and label is not Label.WEAPON]
    return whole + [Kind(str(label), frozenset({label}), frozenset({label})) for label in fine]


def rows(
    kind: Kind,
    plain: Sequence[Looked],
    worsened: Sequence[Looked],
    thresholds: Mapping[str, float],
) -> list[Row]:
    """The lines of one kind of thing; those without a labelled thing are left out, but for the first."""
    every = [_both(kind, one, thresholds) for one in plain]
    table = [_row(kind, "all", every)]
    table += [_row(kind, size, [_both(kind, one, thresholds, band) for one in plain]) for size, band in SIZES.items()]
    for condition in Condition:
        some = [both for one, both in zip(plain, every, strict=True) if one.condition is condition]
        table.append(_row(kind, CONDITION_WORDS[condition], some))
    table.append(_row(kind, COMPRESSED, [_both(kind, one, thresholds) for one in worsened]))
    return [row for place, row in enumerate(table) if row.labelled or place == 0]


CONDITION_WORDS: Mapping[Condition, str] = {
    Condition.DAY: "pictures by day",
    Condition.NIGHT: "dark pictures",
    Condition.GREY: "grey pictures",
    Condition.SMALL: "small pictures (up to 288 px)",
}


def alarms(
    kind: Kind, plain: Sequence[Looked], worsened: Sequence[Looked], thresholds: Mapping[str, float]
) -> list[Alarm]:
    """Alarms on pictures in which nothing of the kind is labelled, by condition."""
    told = []
    groups = {"all": plain}
    groups |= {CONDITION_WORDS[one]: [seen for seen in plain if seen.condition is one] for one in Condition}
    groups[COMPRESSED] = worsened
    for on, some in groups.items():
        without = [one for one in some if not any(label in kind.real for label, _ in one.real) and not one.crowds]
        raised = sum(bool(_raised(kind, one, thresholds)) for one in without)
        if without:
            told.append(Alarm(kind.title, on, len(without), raised))
    return told


def matches(kind: Kind, looked: Looked, found: Sequence[Finding], band: tuple[float, float] | None = None) -> Matches:
    """What was found of a kind in one picture beside what is labelled."""
    mine = _once([finding for finding in found if finding.label in kind.found])
    real = [box for label, box in looked.real if label in kind.real]
    return match_boxes(
        _corners(finding.box.xyxy for finding in mine),
        np.array([finding.score for finding in mine]),
        _corners(real),
        crowds=_corners(looked.crowds),
        band=band,
    )


@dataclass(frozen=True, slots=True)
class _Both:
    """One picture's boxes against its labels."""

    every: Matches
    """All boxes down to the lowest score: for the curve."""
    counting: Matches
    """Those that a scan would have found."""


def _both(
    kind: Kind, looked: Looked, thresholds: Mapping[str, float], band: tuple[float, float] | None = None
) -> _Both:
    counting = matches(kind, looked, _raised(kind, looked, thresholds), band)
    return _Both(matches(kind, looked, looked.found, band), counting)


def _row(kind: Kind, on: str, seen: Sequence[_Both]) -> Row:
    every = [one.every for one in seen]
    right, raised, labelled = tallies([one.counting for one in seen], 0.0)
    return Row(
        kind=kind.title,
        on=on,
        pictures=len(seen),
        labelled=int(labelled.sum()),
        ap50=ap50_interval(every),
        ap50_95=float(average_precision(every).mean()),
        precision=ratio_interval(right, raised),
        recall=ratio_interval(right, labelled),
    )


def _raised(kind: Kind, looked: Looked, thresholds: Mapping[str, float]) -> list[Finding]:
    """What a scan would have found in this picture."""
    return [
        finding
        for finding in looked.found
        if finding.label in kind.found and finding.score >= threshold_of(thresholds, finding.label, looked.condition)
    ]


def _once(found: Sequence[Finding]) -> list[Finding]:
    """The best of those boxes that several labels drew around one thing."""
    best_first = sorted(found, key=lambda finding: -finding.score)
    if len({finding.label for finding in found}) < 2:
        return best_first
    overlaps = iou_matrix(*[_corners(finding.box.xyxy for finding in best_first)] * 2)
    kept: list[int] = []
    for place, finding in enumerate(best_first):
        if not any(
            overlaps[place, other] > SAME_THING and best_first[other].label is not finding.label for other in kept
        ):
            kept.append(place)
    return [best_first[place] for place in kept]


def _corners(boxes: Iterable[Corners]) -> Array:
    return np.array(list(boxes), dtype=float).reshape(-1, 4)
