"""What a team shares: rules, exposure, handover notes, keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk.visitor import Served, add_video, said, team
from tests.examples import video_id
from triage.case.audit import AuditKind, now_utc
from triage.case.decisions import Rung
from triage.case.exposure import Exposure, TeamRules
from triage.case.store import open_case
from triage.desk.accounts import DeskRole

CLIP = video_id("clip")
FIELDS = {"budget": "1800", "break_every_min": "30", "is_on": "1", "why": "agreed on Monday"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_video(tmp_path / "case", "clip")
    return tmp_path / "case"


def test_a_lead_changes_the_rules_on_record(folder: Path) -> None:
    served = Served(folder, team("amal", ines=DeskRole.LEAD))
    ines = served.visitor("ines")
    page = said(ines.follow(ines.post("/rules", {**FIELDS, "twice-weapon": "1", "twice-graphic": "1"})))
    assert "the change is on record" in page
    assert "agreed on Monday" in page
    with open_case(folder) as case:
        rules = case.exposure.rules()
        [entry] = [entry for entry in case.audit.entries() if entry.kind == AuditKind.SETTINGS]
    assert rules == TeamRules(1800.0, 30, is_on=True, second_reader_labels=("weapon", "graphic"))
    assert (entry.author, entry.what["why"]) == ("ines", "agreed on Monday")
    amal = served.visitor("amal")
    assert amal.post("/rules", FIELDS).status_code == 403
    assert "A lead can change them" in said(amal.get("/rules"))


@pytest.mark.parametrize(
    "wrong",
    [{"why": " "}, {"budget": "0"}, {"budget": "x"}, {"budget": "nan"}, {"budget": "inf"}, {"break_every_min": "-5"}],
)
def test_rules_that_cannot_be_meant_change_nothing(folder: Path, wrong: dict[str, str]) -> None:
    answer = Served(folder).visitor().post("/rules", {**FIELDS, **wrong})
    assert answer.status_code == 400
    with open_case(folder) as case:
        assert case.exposure.past_rules() == []


def test_a_team_can_switch_budget_and_breaks_off_and_everyone_reads_that(folder: Path) -> None:
    served = Served(folder, team("amal", ines=DeskRole.LEAD))
    served.visitor("ines").post("/rules", {**FIELDS, "is_on": "", "why": "we talk instead"})
    page = said(served.visitor("amal").get("/exposure"))
    assert "Your team has switched budget and breaks off" in page
    assert "on record" in page


def look(folder: Path, author: str, length_ms: int) -> None:
    with open_case(folder, make=True) as case:
        case.exposure.note(Exposure(author, now_utc(), CLIP, 0, length_ms, 1, Rung.ORIGINAL))


def test_everyone_sees_their_own_figures_and_nobody_elses(folder: Path) -> None:
    served = Served(folder, team("amal", ines=DeskRole.LEAD))
    look(folder, "amal", 700_000)
    assert "1400 of 3600 weighted seconds" in said(served.visitor("amal").get("/exposure"))
    for path in ("/exposure", "/", "/rules", "/second"):
        assert "1400" not in said(served.visitor("ines").get(path))


def test_a_break_is_proposed_and_nothing_is_kept_from_anybody(folder: Path) -> None:
    with open_case(folder, make=True) as case:
        case.exposure.set_rules(TeamRules(break_every_min=30), "lead", "agreed")
    look(folder, "owner", 31 * 60_000)
    visitor = Served(folder).visitor()
    for path in (f"/video/{CLIP}", "/exposure"):
        page = said(visitor.get(path))
        assert "Time for a break." in page
        assert "for 31 minutes" in page
    with open_case(folder, make=True) as case:
        case.exposure.set_rules(TeamRules(break_every_min=30, is_on=False), "lead", "off")
    assert "Time for a break." not in said(visitor.get(f"/video/{CLIP}"))


def test_a_handover_note_is_kept_and_shown_as_words(folder: Path) -> None:
    visitor = Served(folder).visitor()
    answer = visitor.follow(visitor.post("/handover", {"words": "done until <b>page</b> 3"}))
    assert "done until &lt;b&gt;page&lt;/b&gt; 3" in answer.text
    assert "done until <b>" not in answer.text
    assert visitor.post("/handover", {"words": "  "}).status_code == 400


def test_single_keys_can_be_switched_off(folder: Path) -> None:
    visitor = Served(folder).visitor()
    assert 'data-keys="on"' in visitor.get("/").text
    visitor.post("/keys", {"keys": "off"})
    assert 'data-keys="off"' in visitor.get("/").text


def test_what_is_being_made_is_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(folder)
    visitor = served.visitor()
    assert "Nothing." in said(visitor.get("/making"))
    monkeypatch.setattr(served.desk.maker, "_work", lambda: None)  # nothing is begun
    visitor.climb(CLIP, "strip")
    page = said(visitor.get("/making"))
    assert "strip, waits for its turn" in page
    assert "1 being made" in page


def test_a_mistake_of_ours_is_a_sentence_and_no_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(folder)
    visitor = served.visitor()

    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(served.desk.overviews, "newest", broken)
    answer = visitor.get("/", is_traced=False)
    assert answer.status_code == 500
    assert "Something went wrong in the desk itself" in said(answer)
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
