"""How much somebody saw, and of what: a ledger that is only added to. It counts, and does not promise protection.

The weights are judgements. Nobody has measured how much harm a second of anything does, and people differ; a figure
says whether a day was heavier than another by the same yardstick, and no more. Everyone who can read the case folder
can read the ledger; the desk shows it to the analyst first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from triage.case.audit import AuditKind, AuditLog, now_utc
from triage.case.catalogue import Catalogue, Writing
from triage.case.decisions import Rung
from triage.case.recording import Recorder
from triage.errors import UsageError

RUNG_WEIGHTS: Mapping[Rung, float] = {
    Rung.WORDS: 0.0,
    Rung.STRIP: 0.1,
    Rung.DRAWING: 0.25,
    Rung.BLURRED: 0.5,
    Rung.ORIGINAL: 1.0,
}
"""What a second at each rung counts. A judgement, not measured: drawn pictures keep the scene and lose the surface."""
SOUND_WEIGHT = 2.0
"""What sound multiplies a second by. A judgement, not measured: many who do this work say that sound stays longest."""
BUDGET = 3600.0
"""Weighted seconds a day after which the desk says so: an hour of ungraded originals without sound, or a quarter of an
hour of the worst. A judgement, not measured; a team sets its own."""
BREAK_EVERY_MIN = 45
"""Minutes after which the desk proposes a break. A judgement, not measured."""
BREAK_MS = 10 * 60_000
"""How long nothing must have been looked at for it to count as a break. A judgement, not measured."""
MOST_GRADE = 3
"""The worst graphic grade."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Somebody saw a stretch of a video."""

    author: str
    at: str
    """When it ended, in UTC: ``2026-11-23T13:05:00Z``."""
    video: str
    """SHA-256."""
    start_ms: int
    end_ms: int
    """Half-open, of the video; of a still picture, from 0 to how long it was shown."""
    grade: int
    """The worst graphic grade found there, 0 to 3; 0: nothing graphic was found, which is not to say that none is."""
    rung: Rung
    has_sound: bool = False

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.video:
            raise ValueError("somebody saw something of a video")
        if not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"a stretch lasts, got {self.start_ms} to {self.end_ms} ms")
        if not 0 <= self.grade <= MOST_GRADE:
            raise ValueError(f"a grade is 0 to {MOST_GRADE}, got {self.grade}")

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


def weight(exposure: Exposure) -> float:
    """Seconds × (1 + grade) × what the rung counts × 2 with sound."""
    seconds = exposure.length_ms / 1000
    sound = SOUND_WEIGHT if exposure.has_sound else 1.0
    return seconds * (1 + exposure.grade) * RUNG_WEIGHTS[exposure.rung] * sound


@dataclass(frozen=True, slots=True)
class Day:
    """What somebody saw in a day."""

    weight: float
    """Weighted seconds, to be held against ``TeamRules.budget``."""
    length_ms: Mapping[Rung, int]
    """How long at each rung that anything was seen at."""
    without_break_ms: int
    """From the first look after the last break until the last look."""


@dataclass(frozen=True, slots=True)
class TeamRules:
    """What a team agreed on."""

    budget: float = BUDGET
    """Weighted seconds for a person and day."""
    break_every_min: int = BREAK_EVERY_MIN
    is_on: bool = True
    """Whether budget and breaks are spoken of at all; the ledger is kept in any case."""
    second_reader_labels: tuple[str, ...] = ()
    """What ``Judged.about`` of a decision must be for a second reader to look at it too; ``*`` for everything."""

    def __post_init__(self) -> None:
        if not self.budget > 0 or self.break_every_min < 1:
            raise ValueError("a budget and the time between breaks are more than nothing")


@dataclass(frozen=True, slots=True)
class RulesSet:
    """When the rules were set, by whom, and why."""

    number: int
    at: str
    author: str
    why: str
    rules: TeamRules = field(default_factory=TeamRules)


@dataclass(frozen=True, slots=True)
class Handover:
    """What somebody leaves for whoever goes on."""

    number: int
    at: str
    author: str
    words: str


class ExposureLog:
    """The ledger of one case, with the team's rules and the handover notes."""

    def __init__(self, catalogue: Catalogue, audit: AuditLog) -> None:
        self._catalogue = catalogue
        self._recorder = Recorder(catalogue, audit)

    def note(self, exposure: Exposure) -> None:
        """Add that somebody saw something.

        Raises:
            CaseFullError, CaseError: it cannot be written.
        """
        values = (
            *(exposure.author, exposure.at, exposure.video, exposure.start_ms, exposure.end_ms, exposure.grade),
            *(exposure.rung.value, exposure.has_sound),
        )
        with self._catalogue.writing() as writing:
            writing.execute(f"INSERT INTO exposures ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608  no words of a user's

    def of(self, author: str, since: str = "", video: str | None = None) -> list[Exposure]:
        """What somebody saw, in the order in which it was noted.

        Args:
            since: in UTC, inclusive; ``2026-11-23T00:00:00Z``.
            video: of this one alone.
        """
        if not self._catalogue.has("exposures"):
            return []
        found = self._catalogue.all(
            f"SELECT {_COLUMNS} FROM exposures WHERE author = ?1 AND at >= ?2 AND (?3 IS NULL OR video = ?3) "  # noqa: S608  no words of a user's
            "ORDER BY number",
            (author, since, video),
        )
        return [_exposure(row) for row in found]

    def today(self, author: str, now: datetime | None = None) -> Day:
        """What somebody saw since midnight, by the clock and the time zone of this machine.

        Args:
            now: another moment than this one, with its time zone.
        """
        now = now or datetime.now().astimezone()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        return day_of(self.of(author, f"{midnight:%Y-%m-%dT%H:%M:%SZ}"), now)

    def rules(self) -> TeamRules:
        """The rules that hold."""
        past = self.past_rules()
        return past[-1].rules if past else TeamRules()

    def past_rules(self) -> list[RulesSet]:
        """Every time that they were set, in order."""
        if not self._catalogue.has("team_rules"):
            return []
        found = self._catalogue.all("SELECT number, at, author, why, rules FROM team_rules ORDER BY number")
        return [RulesSet(number, at, by, why, _rules(json.loads(rules))) for number, at, by, why, rules in found]

    def set_rules(self, rules: TeamRules, author: str, why: str) -> None:
        """Change the rules, on record.

        Raises:
            UsageError: there is no reason.
            CaseFullError, CaseError: it cannot be written.
        """
        if not why.strip():
            raise UsageError("the rules are changed for a reason, which is kept; give one")
        with self._recorder.recording() as recording:
            made = RulesSet(_next(recording.rows, "team_rules"), now_utc(), author, why.strip(), rules)
            restore_rules(recording.rows, rules_row(made))
            recording.line(AuditKind.SETTINGS, author, rules_row(made))

    def handover(self, author: str, words: str) -> None:
        """Leave a note for whoever goes on, on record.

        Raises:
            UsageError: it is empty.
            CaseFullError, CaseError: it cannot be written.
        """
        if not words.strip():
            raise UsageError("a handover note says something; write what the next one should know")
        with self._recorder.recording() as recording:
            note = Handover(_next(recording.rows, "handovers"), now_utc(), author, words.strip())
            restore_handover(recording.rows, asdict(note))
            recording.line(AuditKind.HANDOVER, author, asdict(note))

    def handovers(self) -> list[Handover]:
        """Every handover note, in order."""
        if not self._catalogue.has("handovers"):
            return []
        return [Handover(*row) for row in self._catalogue.all("SELECT * FROM handovers ORDER BY number")]


def day_of(seen: Sequence[Exposure], now: datetime) -> Day:
    """What these looks of one person come to.

    Args:
        seen: in the order in which they were noted.
        now: a moment with its time zone.
    """
    lengths: Counter[Rung] = Counter()
    for one in seen:
        lengths[one.rung] += one.length_ms
    return Day(sum(weight(one) for one in seen), dict(lengths), _without_break_ms(seen, now))


def _without_break_ms(seen: Sequence[Exposure], now: datetime) -> int:
    """What is read in words alone is no looking, and a clock that was set back is no break."""
    start = last = None
    pause = timedelta(milliseconds=BREAK_MS)
    for one in seen:
        if one.rung is Rung.WORDS:
            continue
        ended = datetime.strptime(one.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        began = ended - timedelta(milliseconds=one.length_ms)
        if last is None or start is None or began - last >= pause:
            start = began
        last = ended if last is None else max(last, ended)
    if start is None or last is None or now - last >= pause:
        return 0
    return max(0, round((last - start).total_seconds() * 1000))


def rules_row(made: RulesSet) -> dict[str, Any]:
    """The rules as their line of the log holds them."""
    return {**asdict(made), "rules": {**asdict(made.rules), "second_reader_labels": [*made.rules.second_reader_labels]}}


def restore_rules(rows: Writing, row: Mapping[str, Any]) -> None:
    """Put in what ``rules_row`` made this row of.

    Raises:
        KeyError, TypeError, ValueError: it is no such row.
    """
    values = (row["number"], row["at"], row["author"], row["why"], json.dumps(asdict(_rules(row["rules"]))))
    rows.execute("INSERT INTO team_rules (number, at, author, why, rules) VALUES (?, ?, ?, ?, ?)", values)


def restore_handover(rows: Writing, row: Mapping[str, Any]) -> None:
    """Put in a handover note that stood in the log.

    Raises:
        KeyError, TypeError: it is no such row.
    """
    rows.execute("INSERT INTO handovers VALUES (?, ?, ?, ?)", [row[key] for key in ("number", "at", "author", "words")])


def _next(rows: Writing, table: str) -> int:
    """The number of the next row."""
    found = rows.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return 1 if found is None else int(found[0]) + 1


_COLUMNS = "author, at, video, start_ms, end_ms, grade, rung, has_sound"


def _exposure(row: Sequence[Any]) -> Exposure:
    author, at, video, start_ms, end_ms, grade, rung, has_sound = row
    return Exposure(author, at, video, start_ms, end_ms, grade, Rung(rung), bool(has_sound))


def _rules(kept: Mapping[str, Any]) -> TeamRules:
    return TeamRules(**{**kept, "second_reader_labels": tuple(kept["second_reader_labels"])})
