"""What people decided about videos: a log that is only added to. A later decision supersedes, and never erases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from triage.case.audit import AuditKind, AuditLog, now_utc
from triage.case.catalogue import Catalogue, Writing
from triage.case.recording import Recorder, Recording
from triage.errors import DecisionConflict, UsageError
from triage.records import Queue


class Act(StrEnum):
    """What somebody decided."""

    CONFIRM = "confirm"
    """What is said of it is right."""
    DISMISS = "dismiss"
    """What is said of it is wrong, or does not matter here."""
    CORRECT = "correct"
    """It is something else: see ``values``."""
    ESCALATE = "escalate"
    """Somebody with more say is to see it."""
    NOTE = "note"
    """Words only."""
    UNDO = "undo"
    """The decision that this one supersedes was a slip."""


class Rung(StrEnum):
    """How much of a video somebody saw, the least first."""

    WORDS = "words"
    """No picture at all."""
    STRIP = "strip"
    """Small drawn pictures."""
    DRAWING = "drawing"
    """Drawn pictures, large or moving."""
    BLURRED = "blurred"
    """A review copy."""
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Judged:
    """What somebody wants to be kept; the log gives it a number and a time."""

    author: str
    video: str
    """SHA-256."""
    act: Act
    rung: Rung
    """The highest at which the author had seen what it is about."""
    about: str = ""
    """What of it: a ``Label``, ``minor`` or ``grade``; empty: all of it."""
    start_ms: int | None = None
    end_ms: int | None = None
    """Half-open; both None: the whole video."""
    values: Mapping[str, str | int | list[float]] = field(default_factory=dict)
    """Of a correction: ``label``, ``minor`` (yes, no, unknown), ``grade`` (0 to 3), ``time_ms`` and ``box_xyxy``."""
    why: str = ""
    supersedes: int | None = None
    """Number of the decision that this one replaces."""
    is_second: bool = False
    """Made by a second reader who had not been shown the first one's decision."""

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.video:
            raise ValueError("a decision has an author and is about a video")
        if (self.start_ms is None) != (self.end_ms is None):
            raise ValueError("a stretch has a start and an end, or there is none")
        if self.start_ms is not None and self.end_ms is not None and not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"a stretch lasts, got {self.start_ms} to {self.end_ms} ms")
        if self.act is Act.CORRECT and not self.values:
            raise ValueError("a correction says what it is instead")
        if self.act is Act.UNDO and self.supersedes is None:
            raise ValueError("who undoes something says what")


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it was kept."""

    number: int
    """In the order in which they were made, in the whole case."""
    at: str
    """In UTC: ``2026-11-23T13:05:00Z``."""
    judged: Judged


class DecisionLog:
    """The decisions of one case, in their order."""

    def __init__(self, catalogue: Catalogue, audit: AuditLog) -> None:
        self._catalogue = catalogue
        self._recorder = Recorder(catalogue, audit)

    def add(self, judged: Judged, *, seen: int | None) -> Decision:
        """Keep a decision. Where one about the same stands, this one supersedes it, also if it does not say so.

        "The same" is the same video, the same ``about`` and the same stretch; what a second reader says is a matter of
        its own beside it. A note supersedes nothing and never comes too late.

        Args:
            seen: number of the decision about the same that the author was shown; None: none was.

        Raises:
            DecisionConflict: another stands by now, or the one that was shown does not any more.
            UsageError: a second reader where there is no first one, or in the same name; or the content is sealed.
            CaseFullError, CaseError: it could not be kept, or not put on record; the sentence says which.
        """
        if judged.act is Act.UNDO:
            raise ValueError("undo takes a decision back")
        with self._recorder.recording() as recording:
            _refuse_sealed(recording.rows, judged)
            known = _of(recording.rows, judged.video)
            same = [one for one in known if _is_same(one.judged, judged)]
            now = _newest(same, known)
            is_up_to_date = seen == (now.number if now else None) or (seen is not None and seen == _undoing(same))
            if judged.act is not Act.NOTE and not is_up_to_date:
                raise _conflict(now, same, known)
            if judged.is_second:
                _refuse_same_reader(known, judged)
            if judged.supersedes is not None:
                _refuse_superseding(known, judged.supersedes)
            elif now is not None and judged.act is not Act.NOTE:
                judged = replace(judged, supersedes=now.number)
            return _keep(recording, judged)

    def undo(self, number: int, author: str, why: str, rung: Rung) -> Decision:
        """Take a decision back: what it superseded stands again. An undoing can be undone itself.

        Raises:
            DecisionConflict: it was superseded or undone already.
            UsageError: there is no such decision.
            CaseFullError, CaseError: as ``add``.
        """
        with self._recorder.recording() as recording:
            slip = next(iter(_read(recording.rows, "WHERE number = ?", (number,))), None)
            if slip is None:
                raise UsageError(f"there is no decision {number} in this case")
            _refuse_superseding(_of(recording.rows, slip.judged.video), number)
            judged = replace(slip.judged, author=author, act=Act.UNDO, rung=rung, values={}, why=why, supersedes=number)
            return _keep(recording, judged)

    def of(self, video: str) -> list[Decision]:
        """Every decision about one content, also those that do not stand any more, in order."""
        return self._read("WHERE video = ?", (video,))

    def current(self, video: str) -> list[Decision]:
        """The decisions about one content that stand: neither superseded nor undone; notes and second readers' too."""
        return standing(self.of(video))

    def every(self) -> list[Decision]:
        """Every decision of the case, in order."""
        return self._read("", ())

    def _read(self, where: str, values: Sequence[object]) -> list[Decision]:
        # A case of an earlier version, opened to be read, has no such table.
        if not self._catalogue.has("decisions"):
            return []
        return [_decision(row) for row in self._catalogue.all(f"{_SELECT} {where} ORDER BY number", values)]


def standing(decisions: Sequence[Decision]) -> list[Decision]:
    """Those of these that are neither superseded nor undone, in order; none of them is an ``UNDO``.

    Args:
        decisions: all of one or more videos, in order.
    """
    void = _void(decisions)
    return [one for one in decisions if one.number not in void and one.judged.act is not Act.UNDO]


_COLUMNS = (
    "number, at, author, video, act, rung, about, start_ms, end_ms, instead, why, supersedes, is_second"  # as Judged
)
_SELECT = f"SELECT {_COLUMNS} FROM decisions"  # noqa: S608  no words of a user's


def _void(decisions: Sequence[Decision]) -> set[int]:
    """Numbers of those that were superseded or undone by one that itself was not."""
    void: set[int] = set()
    for one in sorted(decisions, key=lambda one: one.number, reverse=True):
        if one.number not in void and one.judged.supersedes is not None:
            void.add(one.judged.supersedes)
    return void


def _of(rows: Writing, video: str) -> list[Decision]:
    return _read(rows, "WHERE video = ? ORDER BY number", (video,))


def _is_same(one: Judged, other: Judged) -> bool:
    """Whether both are about the same, and both or neither by a second reader."""
    return _subject(one) == _subject(other) and one.is_second == other.is_second


def _subject(judged: Judged) -> tuple[str, str, int | None, int | None]:
    """What it is about."""
    return judged.video, judged.about, judged.start_ms, judged.end_ms


def _newest(same: Sequence[Decision], known: Sequence[Decision]) -> Decision | None:
    """The newest of ``same`` that stands, by all that is ``known``."""
    void = _void(known)
    decided = [one for one in same if one.judged.act not in {Act.NOTE, Act.UNDO} and one.number not in void]
    return decided[-1] if decided else None


def _undoing(same: Sequence[Decision]) -> int | None:
    """Number of the newest, if it is an undoing: who was shown that is up to date, though it does not stand itself."""
    last = next((one for one in reversed(same) if one.judged.act is not Act.NOTE), None)
    return last.number if last is not None and last.judged.act is Act.UNDO else None


def _conflict(now: Decision | None, same: Sequence[Decision], known: Sequence[Decision]) -> DecisionConflict:
    void, numbers = _void(known), {one.number for one in same}
    changed = [one for one in known if one.judged.supersedes in numbers and one.number not in void]
    newest = max([*changed, *([] if now is None else [now])], key=lambda one: one.number, default=None)
    if newest is None:
        raise UsageError("the decision that was shown is about something else, or not of this case; load the page anew")
    by, is_undone = newest.judged.author, newest.judged.act is Act.UNDO
    did = "took a decision on it back" if is_undone else f"decided on it ({newest.judged.act.value})"
    return DecisionConflict(
        newest.number,
        by,
        newest.at,
        f"{by} {did} meanwhile, at {newest.at} (decision {newest.number}). Nothing was changed: look at it, and decide "
        "again if you still want to",
    )


def _refuse_superseding(known: Sequence[Decision], number: int) -> None:
    """Only what stands is superseded or undone."""
    meant = [one for one in known if one.number == number]
    if not meant:
        raise UsageError(f"there is no decision {number} about this video")
    if number in _void(known):
        raise _conflict(None, meant, known)


def _refuse_same_reader(known: Sequence[Decision], judged: Judged) -> None:
    first = _newest([one for one in known if _is_same(one.judged, replace(judged, is_second=False))], known)
    if first is None:
        raise UsageError("nobody has decided this yet, so there is nothing to read for a second time")
    if first.judged.author == judged.author:
        raise UsageError("the second reader is somebody else than the first")


def _refuse_sealed(rows: Writing, judged: Judged) -> None:
    found = rows.execute("SELECT queue FROM results WHERE video = ?", (judged.video,)).fetchone()
    is_words_alone = judged.act in {Act.NOTE, Act.ESCALATE, Act.UNDO} and judged.rung is Rung.WORDS
    if found is not None and found[0] == Queue.SEALED and not is_words_alone:
        raise UsageError("it is sealed, and nobody is to look at it: only a note or an escalation can be kept of it")


def _keep(recording: Recording, judged: Judged) -> Decision:
    at = now_utc()
    decision = Decision(_put_in(recording.rows, None, at, judged), at, judged)
    kind = AuditKind.UNDO if judged.act is Act.UNDO else AuditKind.DECISION
    recording.line(kind, judged.author, decision_row(decision))
    return decision


def _put_in(rows: Writing, number: int | None, at: str, judged: Judged) -> int:
    """Add a row; without a number, under the next one."""
    values = (
        *(number, at, judged.author, judged.video, judged.act.value, judged.rung.value, judged.about),
        *(judged.start_ms, judged.end_ms, json.dumps(dict(judged.values)), judged.why, judged.supersedes),
        judged.is_second,
    )
    marks = ", ".join("?" * len(values))
    kept = rows.execute(f"INSERT INTO decisions ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608  no words of a user's
    assert kept.lastrowid is not None, "a row was put in"
    return kept.lastrowid


def restore(rows: Writing, row: Mapping[str, Any]) -> None:
    """Put a decision back that ``decision_row`` made this row of.

    Raises:
        KeyError, TypeError, ValueError: it is no such row.
    """
    judged = {**row, "act": Act(row["act"]), "rung": Rung(row["rung"])}
    _put_in(rows, judged.pop("number"), judged.pop("at"), Judged(**judged))


def decision_row(decision: Decision) -> dict[str, Any]:
    """The decision as its line of the log and exports hold it."""
    judged = decision.judged
    return {
        "number": decision.number,
        "at": decision.at,
        "author": judged.author,
        "video": judged.video,
        "act": judged.act.value,
        "rung": judged.rung.value,
        "about": judged.about,
        "start_ms": judged.start_ms,
        "end_ms": judged.end_ms,
        "values": dict(judged.values),
        "why": judged.why,
        "supersedes": judged.supersedes,
        "is_second": judged.is_second,
    }


def _read(rows: Writing, where: str, values: Sequence[object]) -> list[Decision]:
    return [_decision(row) for row in rows.execute(f"{_SELECT} {where}", tuple(values)).fetchall()]


def _decision(row: Sequence[Any]) -> Decision:
    number, at, author, video, act, rung, about, start_ms, end_ms, instead, why, supersedes, is_second = row
    return Decision(
        number,
        at,
        Judged(
            author=author,
            video=video,
            act=Act(act),
            rung=Rung(rung),
            about=about,
            start_ms=start_ms,
            end_ms=end_ms,
            values=json.loads(instead),
            why=why,
            supersedes=supersedes,
            is_second=bool(is_second),
        ),
    )
