"""A report and what people decided about it -> which boxes of which moments they vouch for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

from triage.case.decisions import Act, Decision, Judged, Rung
from triage.geometry import Box
from triage.records import ROLE_LABELS, Finding, Label, Report, Role

APART_MS = 1000
"""Least time between two moments that one decision brings: the pictures of one track are nearly the same picture, and a
hundred of them would teach, and count, no more than the few that are kept. Chosen, not measured."""
SAME_PLACE = 0.3
"""Overlap (intersection over union) from which on a box that somebody drew is taken for a better one of a finding."""
MINOR = "minor"
GRADE = "grade"
MINOR_LABELS: Mapping[str, Label] = {
    "yes": Label.POSSIBLE_MINOR,
    "no": Label.ADULT,
    "unknown": Label.AGE_UNKNOWN,
}


class Standing(StrEnum):
    """What is known of a box."""

    VOUCHED = "vouched"
    """Somebody says that it is there."""
    DISMISSED = "dismissed"
    """Somebody says that it is not what a model took it for."""
    UNDECIDED = "undecided"
    """Nobody has said anything of it, though of others of its kind in the same picture."""


class Unused(StrEnum):
    """Why a decision says nothing of a picture; the words are those of a sentence that counts them."""

    DISPUTED = "on which the second reader says otherwise"
    NO_PICTURE = "made without a look at any picture"
    AS_A_WHOLE = "about all that is said of a video or a stretch, and not about one thing in it"
    NOTHING_THERE = "about something of which the present report holds no finding then"
    NO_REPORT = "about a video of which there is no report, or none any more"
    SEALED = "about sealed contents"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One box in one picture, and what is known of it."""

    time_ms: int
    label: Label
    box: Box
    standing: Standing
    decision: Decision | None
    """None: undecided."""
    score: float | None = None
    """Of the finding; None: somebody drew it."""
    grade: int | None = None
    taken_for: Label | None = None
    """What a model took it for, where a correction says that it is something else."""

    @property
    def roles(self) -> set[Role]:
        """Of what it is, and of what it was taken for."""
        return {role_of(label) for label in (self.label, self.taken_for) if label is not None}


def labelled(
    report: Report, decisions: Iterable[Decision], disputed: Collection[int], unused: Counter[Unused]
) -> list[Labelled]:
    """What people vouch for in some pictures of one video, in order of time.

    Of several decisions that cover a finding, the one about the shortest stretch counts, then the one that names its
    label, then the latest. In each picture that is kept, whatever else was found of the same role and not decided upon
    is listed as such, so that it is taken neither for right nor for wrong.

    Args:
        decisions: about this video, those that stand, in order.
        disputed: numbers of those on which two readers disagree.
        unused: counts what could not be used; escalations, notes and second readers who agree are not among it.
    """
    usable = list(_usable(decisions, disputed, unused))
    boxes: list[Labelled] = []
    touched: set[int] = set()
    for finding in chain.from_iterable(track.findings for track in report.tracks):
        covering = [one for one in usable if not _is_drawn(one.judged) and _effect_on(one.judged, finding)]
        chosen = max(covering, key=_weight, default=None)
        touched.update(one.number for one in covering)
        boxes.append(_undecided(finding) if chosen is None else _decided(finding, chosen))
    for decision in usable:
        if _is_drawn(decision.judged):
            touched.add(decision.number)
            boxes = list(_with_drawn(boxes, decision))
    unused[Unused.NOTHING_THERE] += sum(decision.number not in touched for decision in usable)
    return sorted(_kept(boxes), key=lambda one: (one.time_ms, one.label, one.box.xyxy))


def _usable(decisions: Iterable[Decision], disputed: Collection[int], unused: Counter[Unused]) -> Iterator[Decision]:
    for decision in decisions:
        judged = decision.judged
        if judged.act not in {Act.CONFIRM, Act.DISMISS, Act.CORRECT}:
            continue
        if decision.number in disputed:
            unused[Unused.DISPUTED] += 1
        elif judged.is_second:
            continue  # it says what the first one says, who counts
        elif judged.rung is Rung.WORDS:
            unused[Unused.NO_PICTURE] += 1
        elif not _says_of_what(judged):
            unused[Unused.AS_A_WHOLE] += 1
        else:
            yield decision


def _says_of_what(judged: Judged) -> bool:
    """Whether it is about one thing: who waves a whole video through has not looked at each box of it."""
    return _is_drawn(judged) or any(effect.on for effect in _effects(judged))


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a decision makes of findings."""

    on: frozenset[Label]
    """Of which labels."""
    label: Label | None
    """What they are by this decision; None: not what they were taken for."""
    grade: int | None = None


def _effects(judged: Judged) -> list[_Effect]:
    """What the decision makes of which findings; of a correction, one for each value that it gives."""
    about, values = labels_of(judged.about), judged.values
    if judged.act is not Act.CORRECT:
        return [_Effect(about, None)]
    effects = []
    if "label" in values:
        effects.append(_Effect(about, Label(str(values["label"])) if values["label"] in list(Label) else None))
    if values.get(MINOR) in MINOR_LABELS:
        effects.append(_Effect(ROLE_LABELS[Role.MINORS], MINOR_LABELS[str(values[MINOR])]))
    if isinstance(grade := values.get(GRADE), int):
        effects.append(_Effect(ROLE_LABELS[Role.GRAPHIC], Label.GRAPHIC if grade else None, grade or None))
    return effects


def labels_of(about: str) -> frozenset[Label]:
    """Which findings a decision about this is about; empty: about everything, or nothing of ours."""
    if about == MINOR:
        return ROLE_LABELS[Role.MINORS]
    if about == GRADE:
        return ROLE_LABELS[Role.GRAPHIC]
    return frozenset({Label(about)}) if about in list(Label) else frozenset()


def _drawn_label(judged: Judged) -> Label | None:
    """What a drawn box is: what the correction says, else what it is about."""
    said = (effect.label for effect in _effects(judged) if effect.label is not None)
    about = labels_of(judged.about)
    return next(said, next(iter(about)) if len(about) == 1 else None)


def _is_drawn(judged: Judged) -> bool:
    """A box at a time, with the label that it has."""
    box, time_ms = judged.values.get("box_xyxy"), judged.values.get("time_ms")
    is_box = isinstance(box, list) and len(box) == 4 and box[2] > box[0] and box[3] > box[1]
    return judged.act is Act.CORRECT and is_box and isinstance(time_ms, int) and _drawn_label(judged) is not None


def _effect_on(judged: Judged, finding: Finding) -> _Effect | None:
    """What the decision makes of this finding; None: it is not about it."""
    # A track ends with its last look, so whoever decides about a track from its start to its end means that look too.
    is_then = judged.start_ms is None or judged.end_ms is None or judged.start_ms <= finding.time_ms <= judged.end_ms
    return next((one for one in _effects(judged) if is_then and finding.label in one.on), None)


def _weight(decision: Decision) -> tuple[float, int, int]:
    start, end = decision.judged.start_ms, decision.judged.end_ms
    lasts = float("inf") if start is None or end is None else end - start
    return -lasts, -len(labels_of(decision.judged.about)), decision.number


def _undecided(finding: Finding) -> Labelled:
    return Labelled(finding.time_ms, finding.label, finding.box, Standing.UNDECIDED, None, finding.score)


def _decided(finding: Finding, decision: Decision) -> Labelled:
    effect = _effect_on(decision.judged, finding)
    assert effect is not None, "only decisions about a finding are asked what they make of it"
    here = Labelled(
        finding.time_ms, finding.label, finding.box, Standing.DISMISSED, decision, finding.score, finding.grade
    )
    if decision.judged.act is Act.CONFIRM:
        return replace(here, standing=Standing.VOUCHED)
    if effect.label is None:
        return here
    was = finding.label if effect.label is not finding.label else None
    grade = effect.grade or finding.grade
    return replace(here, label=effect.label, standing=Standing.VOUCHED, grade=grade, taken_for=was)


def _with_drawn(boxes: Sequence[Labelled], decision: Decision) -> Iterator[Labelled]:
    """The boxes with the one that somebody drew, in place of the finding that it is a better box of, if there is."""
    judged = decision.judged
    label, time_ms, corners = _drawn_label(judged), judged.values["time_ms"], judged.values["box_xyxy"]
    assert label is not None, "only a box with a label is drawn"
    assert isinstance(time_ms, int), "a drawn box has a time"
    assert isinstance(corners, list), "a drawn box has corners"
    grade = next((effect.grade for effect in _effects(judged) if effect.label is label), None)
    drawn = Labelled(time_ms, label, Box(*corners), Standing.VOUCHED, decision, None, grade)
    alike = labels_of(judged.about) | {label}
    same = [one for one in boxes if one.time_ms == time_ms and one.label in alike and one.score is not None]
    nearest = max(same, key=lambda one: one.box.overlap(drawn.box), default=None)
    if nearest is None or nearest.box.overlap(drawn.box) < SAME_PLACE:
        yield from (*boxes, drawn)
    else:
        yield from (one for one in boxes if one is not nearest)
        yield replace(drawn, taken_for=nearest.label if nearest.label is not label else None)


def _kept(boxes: Sequence[Labelled]) -> Iterator[Labelled]:
    """All that was decided in the pictures that each decision brings, and what is undecided of the same roles there."""
    times = set(chain.from_iterable(_moments(some) for some in _by_decision(boxes).values()))
    decided_roles: dict[int, set[Role]] = {}
    for one in boxes:
        if one.time_ms in times and one.decision is not None:
            decided_roles.setdefault(one.time_ms, set()).update(one.roles)
    for one in boxes:
        if one.time_ms in times and (one.decision is not None or role_of(one.label) in decided_roles[one.time_ms]):
            yield one


def _by_decision(boxes: Iterable[Labelled]) -> dict[int, list[Labelled]]:
    found: dict[int, list[Labelled]] = {}
    for one in boxes:
        if one.decision is not None:
            found.setdefault(one.decision.number, []).append(one)
    return found


def _moments(boxes: Sequence[Labelled]) -> list[int]:
    """Times of one decision's pictures: what was drawn, then the surest findings, none nearer than ``APART_MS``."""
    kept = sorted({one.time_ms for one in boxes if one.score is None})
    for one in sorted(boxes, key=lambda one: (-(one.score or 0.0), one.time_ms)):
        if all(abs(one.time_ms - time_ms) >= APART_MS for time_ms in kept):
            kept.append(one.time_ms)
    return kept


def role_of(label: Label) -> Role:
    """The role that answers with it."""
    return next(role for role in Role if label in ROLE_LABELS[role])
