"""Decisions: append-only, superseding, undone and never lost between two who decide at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.examples import PROVENANCE, video_id
from triage.case.catalogue import CATALOGUE
from triage.case.decisions import Act, DecisionLog, Judged, Rung
from triage.case.store import Case, open_case
from triage.errors import CaseError, DecisionConflict, UsageError
from triage.records import Sealed

VIDEO = "a" * 64


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with open_case(tmp_path, make=True) as opened:
        yield opened


def judged(act: Act = Act.CONFIRM, author: str = "amal", **others: Any) -> Judged:
    return Judged(**{"author": author, "video": VIDEO, "act": act, "rung": Rung.STRIP, "about": "weapon", **others})


def numbers(log: DecisionLog) -> list[int]:
    return [one.number for one in log.current(VIDEO)]


def test_a_decision_comes_back_as_it_was_made(case: Case) -> None:
    values = {"label": "blade", "time_ms": 400, "box_xyxy": [1.5, 2.0, 30.0, 40.0]}
    wanted = judged(Act.CORRECT, start_ms=0, end_ms=900, values=values, why="it is a \u202e knife", rung=Rung.ORIGINAL)
    made = case.decisions.add(wanted, seen=None)
    assert (made.number, made.judged) == (1, wanted)
    assert case.decisions.of(VIDEO) == case.decisions.every() == case.decisions.current(VIDEO) == [made]
    assert case.decisions.of("b" * 64) == []


def test_each_decision_is_a_line_of_the_log_with_all_that_it_holds(case: Case) -> None:
    case.decisions.add(judged(start_ms=0, end_ms=900, why="a gun"), seen=None)
    case.decisions.undo(1, "omar", "a slip", Rung.WORDS)
    _, made, undone = case.audit.entries()
    assert (made.kind, made.author, made.what["number"], made.what["why"]) == ("decision", "amal", 1, "a gun")
    assert (undone.kind, undone.author, undone.what["supersedes"]) == ("undo", "omar", 1)
    assert (made.what["start_ms"], made.what["end_ms"], made.what["rung"]) == (0, 900, "strip")


def test_a_later_decision_supersedes_and_erases_nothing(case: Case) -> None:
    first = case.decisions.add(judged(), seen=None)
    second = case.decisions.add(judged(Act.DISMISS, "omar"), seen=first.number)
    assert second.judged.supersedes == first.number
    assert numbers(case.decisions) == [2]
    assert [one.number for one in case.decisions.of(VIDEO)] == [1, 2]


@pytest.mark.parametrize("seen", [None, 7])
def test_who_has_not_seen_the_newest_decision_is_told_of_it(case: Case, seen: int | None) -> None:
    case.decisions.add(judged(), seen=None)
    with pytest.raises(DecisionConflict, match="amal decided on it \\(confirm\\) meanwhile") as told:
        case.decisions.add(judged(Act.DISMISS, "omar"), seen=seen)
    assert (told.value.number, told.value.author, told.value.at) == (1, "amal", case.decisions.every()[0].at)
    assert numbers(case.decisions) == [1]
    assert len(case.audit.entries()) == 2, "what was refused is not on record as a decision"


@pytest.mark.parametrize(
    "other",
    [{"about": "minor"}, {"start_ms": 0, "end_ms": 900}, {"start_ms": 0, "end_ms": 901}, {"video": "b" * 64}],
)
def test_decisions_about_something_else_do_not_meet(case: Case, other: dict[str, Any]) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.add(judged(start_ms=100, end_ms=900), seen=None)
    made = case.decisions.add(judged(Act.DISMISS, "omar", **other), seen=None)
    assert made.judged.supersedes is None


def test_what_was_superseded_stands_again_when_the_later_one_is_undone(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.add(judged(Act.DISMISS), seen=1)
    case.decisions.undo(2, "amal", "a slip", Rung.STRIP)
    assert numbers(case.decisions) == [1]
    case.decisions.undo(3, "amal", "no, it was right", Rung.STRIP)
    assert numbers(case.decisions) == [2]
    assert [one.number for one in case.decisions.of(VIDEO)] == [1, 2, 3, 4]


@pytest.mark.parametrize("seen", [None, 2])
def test_after_an_undoing_one_can_decide_anew(case: Case, seen: int | None) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.undo(1, "amal", "a slip", Rung.STRIP)
    assert numbers(case.decisions) == []
    assert case.decisions.add(judged(Act.DISMISS), seen=seen).judged.supersedes is None
    assert numbers(case.decisions) == [3]


def test_who_still_sees_what_was_undone_is_told(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.undo(1, "omar", "a slip", Rung.STRIP)
    with pytest.raises(DecisionConflict, match="omar took a decision on it back meanwhile") as told:
        case.decisions.add(judged(Act.DISMISS), seen=1)
    assert told.value.number == 2


def test_what_does_not_stand_cannot_be_undone_again(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.add(judged(Act.DISMISS, "omar"), seen=1)
    with pytest.raises(DecisionConflict, match="omar"):
        case.decisions.undo(1, "amal", "a slip", Rung.STRIP)
    case.decisions.undo(2, "omar", "a slip", Rung.STRIP)
    with pytest.raises(DecisionConflict, match="took a decision on it back"):
        case.decisions.undo(2, "omar", "a slip", Rung.STRIP)


def test_undoing_what_was_never_decided_is_said(case: Case) -> None:
    with pytest.raises(UsageError, match="there is no decision 9"):
        case.decisions.undo(9, "amal", "", Rung.STRIP)
    with pytest.raises(ValueError, match="undo takes a decision back"):
        case.decisions.add(judged(Act.UNDO, supersedes=1), seen=None)


def test_a_decision_on_the_whole_can_supersede_one_on_a_stretch(case: Case) -> None:
    case.decisions.add(judged(start_ms=0, end_ms=900), seen=None)
    case.decisions.add(judged(Act.DISMISS, "omar", supersedes=1), seen=None)
    assert numbers(case.decisions) == [2]
    with pytest.raises(DecisionConflict, match="omar"):
        case.decisions.add(judged(Act.NOTE, supersedes=1), seen=None)
    with pytest.raises(DecisionConflict, match="omar"):
        case.decisions.add(judged(Act.DISMISS, start_ms=0, end_ms=900), seen=1)


def test_what_is_superseded_is_about_the_same_video(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    with pytest.raises(UsageError, match="there is no decision 1 about this video"):
        case.decisions.add(judged(video="b" * 64, supersedes=1), seen=None)


def test_a_note_supersedes_nothing_and_never_comes_too_late(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.add(judged(Act.NOTE, "omar", why="ask Lina"), seen=None)
    assert numbers(case.decisions) == [1, 2]
    case.decisions.add(judged(Act.DISMISS), seen=1)
    assert numbers(case.decisions) == [2, 3]


def test_a_second_reader_neither_supersedes_nor_has_to_have_seen_the_first(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    case.decisions.add(judged(Act.DISMISS, "omar", is_second=True), seen=None)
    assert numbers(case.decisions) == [1, 2]
    with pytest.raises(DecisionConflict):
        case.decisions.add(judged(Act.CONFIRM, "lina", is_second=True), seen=None)


def test_a_second_reader_is_another_person_and_reads_what_was_read_once(case: Case) -> None:
    with pytest.raises(UsageError, match="nobody has decided this yet"):
        case.decisions.add(judged(is_second=True), seen=None)
    case.decisions.add(judged(), seen=None)
    with pytest.raises(UsageError, match="somebody else than the first"):
        case.decisions.add(judged(is_second=True), seen=None)


def test_of_what_is_sealed_only_words_are_kept(case: Case) -> None:
    case.save(Sealed(video_id(), 400, "possible", PROVENANCE))
    with pytest.raises(UsageError, match="it is sealed"):
        case.decisions.add(judged(video=video_id()), seen=None)
    with pytest.raises(UsageError, match="it is sealed"):
        case.decisions.add(judged(Act.NOTE, video=video_id()), seen=None)
    case.decisions.add(judged(Act.NOTE, video=video_id(), rung=Rung.WORDS, why="reported"), seen=None)


def test_of_many_who_decide_at_once_exactly_one_wins_and_the_others_are_told(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    start, outcomes = threading.Barrier(6), []

    def decide(author: str) -> None:
        with open_case(tmp_path, make=True) as case:
            start.wait()
            try:
                case.decisions.add(judged(author=author), seen=None)
                outcomes.append("kept")
            except DecisionConflict as conflict:
                outcomes.append(conflict.author)

    people = [threading.Thread(target=decide, args=(f"person {number}",)) for number in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    with open_case(tmp_path) as case:
        [made] = case.decisions.every()
        assert sorted(outcomes) == sorted(["kept", *[made.judged.author] * 5])
        assert [entry.kind for entry in case.audit.entries()] == ["case_created", "decision"]


def test_the_catalogue_itself_refuses_to_change_or_forget_a_decision(case: Case) -> None:
    case.decisions.add(judged(), seen=None)
    for change in ["UPDATE decisions SET act = 'dismiss'", "DELETE FROM decisions"]:
        catalogue = sqlite3.connect(case.folder / CATALOGUE)
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            catalogue.execute(change)
        catalogue.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"author": " "},
        {"start_ms": 1},
        {"start_ms": 5, "end_ms": 5},
        {"act": Act.CORRECT},
        {"act": Act.UNDO},
        {"start_ms": -1, "end_ms": 4},
    ],
)
def test_a_decision_refuses_to_exist_in_a_wrong_state(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(judged(), **wrong)


def test_a_case_that_somebody_else_is_writing_to_for_too_long_is_said(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(case.folder / CATALOGUE)
    other.execute("BEGIN IMMEDIATE")
    case._catalogue._connection.execute("PRAGMA busy_timeout = 20")
    with pytest.raises(CaseError, match="somebody else has been writing to this case"):
        case.decisions.add(judged(), seen=None)
    other.close()
    case.decisions.add(judged(), seen=None)
