"""The exposure ledger, the team's rules and handover notes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from triage.case.decisions import Rung
from triage.case.exposure import BUDGET, Exposure, TeamRules, day_of, weight
from triage.case.store import open_case
from triage.errors import CaseError, UsageError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def exposure(minute: float = 0, seconds: float = 10, **others: Any) -> Exposure:
    """A look that ended so many minutes after noon."""
    at = (NOON + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"author": "amal", "video": "a" * 64, "start_ms": 0, "grade": 0, "rung": Rung.ORIGINAL}
    return Exposure(**{**fields, "at": at, "end_ms": round(seconds * 1000), **others})


@pytest.mark.parametrize(
    ("grade", "rung", "has_sound", "wanted"),
    [
        (0, Rung.ORIGINAL, False, 10),
        (3, Rung.ORIGINAL, False, 40),
        (3, Rung.ORIGINAL, True, 80),
        (0, Rung.BLURRED, False, 5),
        (1, Rung.DRAWING, False, 5),
        (0, Rung.STRIP, False, 1),
        (3, Rung.WORDS, True, 0),
    ],
)
def test_a_look_weighs_its_seconds_grade_rung_and_sound(grade: int, rung: Rung, has_sound: bool, wanted: float) -> None:
    assert math.isclose(weight(exposure(grade=grade, rung=rung, has_sound=has_sound)), wanted)


def test_a_higher_rung_never_weighs_less() -> None:
    weights = [weight(exposure(rung=rung)) for rung in Rung]
    assert weights == sorted(weights)


@pytest.mark.parametrize("wrong", [{"author": ""}, {"end_ms": 0}, {"start_ms": -1}, {"grade": 4}, {"grade": -1}])
def test_an_exposure_refuses_to_exist_in_a_wrong_state(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(exposure(), **wrong)


def test_the_ledger_keeps_each_look_of_each_person(tmp_path: Path) -> None:
    mine, others = [exposure(0), exposure(1, has_sound=True)], exposure(1, author="omar")
    with open_case(tmp_path, make=True) as case:
        for one in [mine[0], others, mine[1]]:
            case.exposure.note(one)
    with open_case(tmp_path) as case:
        assert case.exposure.of("amal") == mine
        assert case.exposure.of("omar") == [others]
        assert case.exposure.of("amal", since=mine[1].at) == mine[1:]
        assert case.exposure.of("nobody") == []


def test_today_begins_at_midnight_of_this_place(tmp_path: Path) -> None:
    beirut = timezone(timedelta(hours=2))
    with open_case(tmp_path, make=True) as case:
        case.exposure.note(exposure(60 * 9.5))  # 23:30 there
        case.exposure.note(exposure(60 * 10.5, seconds=30))  # 00:30 there
        day = case.exposure.today("amal", datetime(2026, 11, 24, 1, tzinfo=beirut))
    assert day.weight == 30
    assert day.length_ms == {Rung.ORIGINAL: 30_000}


def test_a_break_is_ten_minutes_without_a_look() -> None:
    looks = [exposure(0, 60), exposure(9, 60), exposure(25, 60), exposure(30, 60)]
    assert day_of(looks, NOON + timedelta(minutes=31)).without_break_ms == 6 * 60_000
    assert day_of(looks[:2], NOON + timedelta(minutes=9)).without_break_ms == 10 * 60_000
    assert day_of(looks, NOON + timedelta(minutes=41)).without_break_ms == 0, "this is a break"
    assert day_of([], NOON).without_break_ms == 0


def test_reading_words_is_no_looking_and_a_clock_set_back_no_break() -> None:
    assert day_of([exposure(0, 60, rung=Rung.WORDS)], NOON).without_break_ms == 0
    looks = [exposure(0, 60), exposure(-30, 60), exposure(1, 60)]
    assert day_of(looks, NOON + timedelta(minutes=2)).without_break_ms == 2 * 60_000


def test_the_rules_are_those_that_were_set_last_and_each_change_is_on_record(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        assert case.exposure.rules() == TeamRules()
        off = TeamRules(budget=100, is_on=False, second_reader_labels=("minor", "weapon"))
        case.exposure.set_rules(off, "lina", "we count by hand ")
        case.exposure.set_rules(TeamRules(), "omar", "again")
        assert case.exposure.rules() == TeamRules()
        assert [(one.author, one.why, one.rules) for one in case.exposure.past_rules()] == [
            ("lina", "we count by hand", off),
            ("omar", "again", TeamRules()),
        ]
        _, switched_off, on = case.audit.entries()
    assert (switched_off.kind, switched_off.author, switched_off.what["rules"]["is_on"]) == ("settings", "lina", False)
    assert on.what["rules"]["budget"] == BUDGET


def test_rules_are_not_changed_without_a_reason(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        with pytest.raises(UsageError, match="for a reason"):
            case.exposure.set_rules(TeamRules(), "lina", "  ")
        assert len(case.audit.entries()) == 1
    with pytest.raises(ValueError, match="more than nothing"):
        TeamRules(budget=0)


def test_a_handover_note_is_kept_and_on_record(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.exposure.handover("amal", "the rest of the market videos, please\n")
        with pytest.raises(UsageError, match="says something"):
            case.exposure.handover("amal", " \n")
        [note] = case.exposure.handovers()
        assert (note.author, note.words) == ("amal", "the rest of the market videos, please")
        assert case.audit.entries()[-1].what["words"] == note.words


def test_a_look_that_cannot_be_noted_is_said(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    with open_case(tmp_path) as case, pytest.raises(CaseError, match="read-only"):
        case.exposure.note(exposure())
