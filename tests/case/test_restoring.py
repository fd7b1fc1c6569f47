"""A catalogue that was moved away, and what the log gives back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.examples import report, video_id
from triage.case.catalogue import CATALOGUE
from triage.case.chain import verify
from triage.case.checking import check_decisions, check_log
from triage.case.decisions import Act, Judged, Rung
from triage.case.exposure import TeamRules
from triage.case.store import open_case
from triage.errors import CaseError

BOX: dict[str, str | int | list[float]] = {"label": "blade", "time_ms": 400, "box_xyxy": [1.5, 2.0, 30.0, 40.0]}


def fill(folder: Path) -> None:
    with open_case(folder, make=True) as case:
        case.save(report())
        case.decisions.add(Judged("amal", video_id(), Act.CONFIRM, Rung.STRIP, "weapon", 0, 900), seen=None)
        case.decisions.add(Judged("omar", video_id(), Act.CORRECT, Rung.BLURRED, "weapon", 0, 900, BOX), seen=1)
        case.decisions.undo(2, "omar", "a slip", Rung.STRIP)
        case.exposure.set_rules(TeamRules(budget=99, second_reader_labels=("minor",)), "lina", "agreed")
        case.exposure.handover("lina", "go on")


def test_a_catalogue_made_anew_takes_decisions_rules_and_notes_from_the_log(tmp_path: Path) -> None:
    fill(tmp_path)
    with open_case(tmp_path) as case:
        before = (case.decisions.every(), case.exposure.past_rules(), case.exposure.handovers())
    (tmp_path / CATALOGUE).rename(tmp_path / "set aside")
    with open_case(tmp_path, make=True) as case:
        assert (case.decisions.every(), case.exposure.past_rules(), case.exposure.handovers()) == before
        assert [one.number for one in case.decisions.current(video_id())] == [1]
        said = case.audit.entries()[-1]
        assert (said.kind, said.what["start"], said.what["rows"]) == ("case_created", "restored", 5)
        assert check_decisions(case) == check_log(case)[1] == []
    with open_case(tmp_path, make=True) as case:
        assert case.audit.entries()[-1] == said, "it is said once"


def test_what_is_decided_afterwards_has_numbers_and_lines_of_its_own(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / CATALOGUE).unlink()
    with open_case(tmp_path, make=True) as case:
        made = case.decisions.add(Judged("amal", video_id(), Act.DISMISS, Rung.STRIP), seen=None)
        assert made.number == 4
        case.exposure.handover("amal", "more")
        assert [note.number for note in case.exposure.handovers()] == [1, 2]
        assert check_decisions(case) == []
        kept = [entry.what["kept_as"] for entry in case.audit.entries() if "kept_as" in entry.what]
        assert kept == [1, 2, 3, 4, 5, 6, 7]
    assert verify(tmp_path) == []


@pytest.mark.parametrize("change", [{"act": "dance"}, {"author": 7}, {"number": 1}, {"number": 2**70}, {"at": None}])
def test_a_line_that_was_tampered_with_gives_nothing_back_and_keeps_no_other_from_it(
    tmp_path: Path, change: dict[str, object]
) -> None:
    fill(tmp_path)
    (tmp_path / CATALOGUE).unlink()
    log = tmp_path / "audit.jsonl"
    lines = log.read_bytes().splitlines()
    second = json.loads(lines[2])
    second["what"].update(change)
    lines[2] = json.dumps(second).encode()
    log.write_bytes(b"".join(line + b"\n" for line in lines))
    with open_case(tmp_path, make=True) as case:
        assert [one.number for one in case.decisions.every()] == [1, 3]
        assert len(case.exposure.handovers()) == 1
        assert any(remark.is_wrong for remark in check_log(case)[1])


def test_a_damaged_catalogue_is_said_with_what_moving_it_away_costs(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / CATALOGUE).write_bytes(b"x" * 9000)
    with (
        pytest.raises(CaseError, match="decisions are in the log: move this one file away") as told,
        open_case(tmp_path),
    ):
        pass
    assert "only it holds who saw how much" in str(told.value)
