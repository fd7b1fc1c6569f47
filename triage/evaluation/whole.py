"""Figures of what is said of a picture as a whole: each picture through the whole of a scan, as a dump of one still."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from triage.errors import VideoError
from triage.evaluation.formats import LabelledPicture, Mark
from triage.evaluation.labelled import Meaning, labels_of
from triage.evaluation.looking import LeftOut, opened
from triage.evaluation.metrics import Interval, auroc_interval, wilson
from triage.evaluation.moments import OneFrame, Originals
from triage.findings.conditions import Condition, condition
from triage.pipeline import Stages, examine, look_through
from triage.records import ROLE_LABELS, Frame, Label, Report, Role, Sealed, Track

UNTOLD = frozenset({Label.HANDS_UNKNOWN, Label.CLOTHING_UNKNOWN, Label.AGE_UNKNOWN})
"""Answers that say that nobody can tell."""
HARMLESS = UNTOLD | {Label.ADULT, Label.CIVILIAN}
"""Answers that are no alarm."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: what it bears, beside what a scan says of it."""

    path: Path
    condition: Condition
    real: frozenset[Label]
    scores: Mapping[Label, float]
    """For each alarm that the scan could raise, how sure it is; 0 where nothing was found."""
    raised: frozenset[Label]
    is_untold: bool
    """Of somebody in it the scan says that it cannot tell."""


@dataclass(frozen=True, slots=True)
class WholeRow:
    """One line of the table."""

    kind: str
    with_it: int
    without: int
    auroc: Interval
    recall: Interval
    false_alarms: Interval
    """Share of the pictures without it that raise an alarm."""
    untold: Interval
    """Share of all pictures in which it says of somebody that it cannot tell."""


def alarms_of(role: Role) -> frozenset[Label]:
    """The answers of a role that are alarms."""
    return ROLE_LABELS[role] - HARMLESS


def judge_all(
    pictures: Sequence[LabelledPicture],
    meant: Meaning,
    role: Role,
    stages: Stages,
    originals: Originals | None = None,
) -> Iterator[Judged | LeftOut]:
    """Each picture, or why it is left out; in the order of the data, as ``opened`` gives them."""
    for picture, frame in opened(pictures, originals):
        if isinstance(frame, LeftOut):
            yield frame
            continue
        real = labels_of(picture.marks, meant)
        if real & UNTOLD:
            yield LeftOut(picture.path, "by its label nobody can tell, so neither answer would be wrong")
            continue
        if not real & alarms_of(role) and _may_be(picture.marks, meant) & alarms_of(role):
            yield LeftOut(picture.path, "of something that was found in it nobody has said yet whether it is one")
            continue
        try:
            report = _report_on(picture, frame, stages)
        except VideoError as error:
            yield LeftOut(picture.path, str(error))
            continue
        if isinstance(report, Sealed):
            yield LeftOut(picture.path, f"it is sealed: {report.why}")
            continue
        if report.faults:
            yield LeftOut(picture.path, report.faults[0].why)
            continue
        yield _judged(picture.path, condition(frame.image), real & alarms_of(role), role, report)


def _may_be(marks: Iterable[Mark], meant: Meaning) -> frozenset[Label]:
    """What models took things for of which nobody has said what they are."""
    return frozenset(meant.label_of[mark.name] for mark in marks if mark.is_undecided and mark.name in meant.label_of)


def _report_on(picture: LabelledPicture, frame: Frame, stages: Stages) -> Report | Sealed:
    if picture.moment is None:
        return examine(picture.path, frame.video.id, stages)
    result = look_through(OneFrame(frame), replace(stages, embedder=None))
    return result if isinstance(result, Sealed) else result.report


def whole_rows(judged: Sequence[Judged], role: Role) -> list[WholeRow]:
    """Any alarm of the role first, then each kind that the data tells apart."""
    alarms = alarms_of(role)
    told = [label for label in Label if label in alarms and any(label in one.real for one in judged)]
    rows = [_whole_row(str(role), judged, alarms)]
    return rows + [_whole_row(str(label), judged, frozenset({label})) for label in told if len(alarms) > 1]


def _judged(path: Path, taken: Condition, real: frozenset[Label], role: Role, report: Report) -> Judged:
    tracks = [track for track in report.tracks if track.label in ROLE_LABELS[role]]
    scores = {alarm: max((_how_sure(track, alarm) for track in tracks), default=0.0) for alarm in alarms_of(role)}
    raised = frozenset(track.label for track in tracks) & alarms_of(role)
    return Judged(path, taken, real, scores, raised, any(track.label in UNTOLD for track in tracks))


def _how_sure(track: Track, alarm: Label) -> float:
    """How sure a track is of an alarm, also one that was answered otherwise, in [0, 1]."""
    if track.label in {Label.ADULT, Label.AGE_UNKNOWN, Label.CLOTHING_UNKNOWN, alarm}:
        return track.score  # of minors and adults alike it is the probability to be a minor
    return 1 - track.score if track.label is Label.CIVILIAN else 0.0


def _whole_row(kind: str, judged: Sequence[Judged], alarms: frozenset[Label]) -> WholeRow:
    with_it = [one for one in judged if one.real & alarms]
    without = [one for one in judged if not one.real & alarms]
    positive, negative = (
        np.array([max(one.scores[label] for label in alarms) for one in some]) for some in (with_it, without)
    )
    raised = [sum(bool(one.raised & alarms) for one in some) for some in (with_it, without)]
    return WholeRow(
        kind=kind,
        with_it=len(with_it),
        without=len(without),
        auroc=auroc_interval(positive, negative),
        recall=wilson(raised[0], len(with_it)),
        false_alarms=wilson(raised[1], len(without)),
        untold=wilson(sum(one.is_untold for one in judged), len(judged)),
    )
