"""The evidence of a video, one rung at a time: words, strip, drawing, review copy, original.

A rung opens by an explicit act, which is noted, and only above one that was seen. A rung that cannot be had is left
out. The original may be asked for past rungs that were not seen; that is on record with the reason for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from triage.case.audit import now_utc
from triage.case.decisions import Rung
from triage.case.exposure import Exposure
from triage.case.rows import Row, is_failure
from triage.case.store import Case
from triage.desk.accounts import DeskRole
from triage.desk.making import MADE, Maker, Stage, made
from triage.desk.subjects import grade_within

RUNGS = tuple(Rung)
STRIP_MS = 12_000
"""What looking at a strip counts as: a second for each picture that it may have. A judgement, not measured."""
GLANCE_MS = 1000
"""What opening a video or a still picture counts as, before anything of it is played or looked at for longer."""
RUNG_WORDS = {
    Rung.WORDS: "words",
    Rung.STRIP: "strip: small drawn pictures, faces covered",
    Rung.DRAWING: "drawing: the video drawn in few colours, faces covered",
    Rung.BLURRED: "review copy: injuries blurred, faces covered",
    Rung.ORIGINAL: "original: nothing is covered",
}


class How(StrEnum):
    """How a rung stands for one person."""

    SEEN = "seen"
    NEXT = "next"
    """It may be asked for now."""
    LATER = "later"
    """A rung below it comes first."""
    OFF = "off"
    """It cannot be had."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rung, for one person and video."""

    rung: Rung
    words: str
    how: How
    is_made: bool
    """It can be shown at once."""
    is_being_made: bool
    why: str
    """How the making goes, or why it cannot be had; empty if there is nothing to say."""

    @property
    def may_be_asked(self) -> bool:
        return self.how in {How.SEEN, How.NEXT}


@dataclass(frozen=True, slots=True)
class Ladder:
    """All rungs above the words."""

    steps: tuple[Step, ...]

    def step(self, rung: Rung) -> Step:
        """That of this rung."""
        return next(one for one in self.steps if one.rung is rung)

    @property
    def next(self) -> Step | None:
        """What one key leads to: the lowest that was not seen."""
        return next((one for one in self.steps if one.how is How.NEXT), None)

    @property
    def passed_over(self) -> tuple[Rung, ...]:
        """What was not seen although it could be had, below the original."""
        below = self.steps[:-1]
        return tuple(one.rung for one in below if one.how not in {How.SEEN, How.OFF})


def ladder_of(case: Case, row: Row, seen: Iterable[Exposure], maker: Maker, role: DeskRole) -> Ladder:
    """The rungs of a video that is not sealed.

    Args:
        seen: what the one who looks saw of this video before.
    """
    video = row["video"]["id"]
    before = {one.rung for one in seen}
    steps: list[Step] = []
    for rung in MADE:
        job = maker.job(video, rung)
        is_made = made(case, video, rung) is not None
        is_made_now = job is not None and job.stage in {Stage.WAITING, Stage.RUNNING}
        why = job.words if job is not None and (is_made_now or (job.stage is Stage.FAILED and not is_made)) else ""
        is_off = is_failure(row) or (job is not None and job.stage is Stage.FAILED and not is_made)
        how = _how(rung, before, steps, is_off=is_off)
        steps.append(Step(rung, RUNG_WORDS[rung], how, is_made, is_made_now, why))
    steps.append(_original(case, row, before, steps, role))
    return Ladder(tuple(steps))


def _how(rung: Rung, before: set[Rung], below: list[Step], *, is_off: bool) -> How:
    if is_off:
        return How.OFF
    if rung in before:
        return How.SEEN
    return How.NEXT if all(one.how in {How.SEEN, How.OFF} for one in below) else How.LATER


def _original(case: Case, row: Row, before: set[Rung], below: list[Step], role: DeskRole) -> Step:
    why = ""
    if not role.may(DeskRole.ANALYST):
        why = "for the role analyst"
    elif not case.files(row["video"]["id"]):
        why = "it is no longer where it was scanned"
    # What cannot be decoded here can be looked at no better in a browser.
    elif is_failure(row):
        why = "no picture could be read from it"
    is_past_words = below[0].how in {How.SEEN, How.OFF}
    how = How.OFF if why else How.SEEN if Rung.ORIGINAL in before else How.NEXT if is_past_words else How.LATER
    return Step(Rung.ORIGINAL, RUNG_WORDS[Rung.ORIGINAL], how, not why, is_being_made=False, why=why)


def highest(seen: Iterable[Exposure], start_ms: int | None, end_ms: int | None) -> Rung:
    """The highest rung at which somebody saw a stretch, or a whole video if there is none; strips show all of it."""
    met = [
        one.rung
        for one in seen
        if start_ms is None
        or end_ms is None
        or one.rung is Rung.STRIP
        or (one.start_ms < end_ms and start_ms < one.end_ms)
    ]
    return max(met, key=RUNGS.index, default=Rung.WORDS)


def looked_at(author: str, row: Row, rung: Rung, start_ms: int, end_ms: int, *, has_sound: bool = False) -> Exposure:
    """What is noted of a stretch that somebody saw."""
    grade = grade_within(row, start_ms, end_ms)
    return Exposure(author, now_utc(), row["video"]["id"], start_ms, end_ms, grade, rung, has_sound)


def first_look(author: str, row: Row, rung: Rung, *, is_still: bool) -> Exposure:
    """What is noted when a rung is opened; what is played or shown for longer comes on top."""
    length_ms = int(row["coverage"]["reached_ms"] or 0)
    if rung is Rung.STRIP:
        of_all = grade_within(row, 0, max(1, length_ms))
        return Exposure(author, now_utc(), row["video"]["id"], 0, min(STRIP_MS, length_ms or STRIP_MS), of_all, rung)
    return looked_at(author, row, rung, 0, GLANCE_MS if is_still else 1)
