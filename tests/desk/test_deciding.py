"""What is decided at the desk, by one, by two at once, and by a second reader who does not know."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.desk.test_queueing import copy_of
from tests.desk.visitor import Served, Visitor, add_video, said, team, wait_for
from tests.examples import video_id
from triage.case.decisions import Act, Decision, Rung
from triage.case.exposure import TeamRules
from triage.case.store import open_case
from triage.desk.accounts import DeskRole
from triage.desk.deciding import moment
from triage.desk.refusal import DeskError

CLIP = video_id("clip")
WEAPON = {"about": "weapon", "start_ms": "0", "end_ms": "900", "anchor": "weapon-0-900"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_video(tmp_path / "case", "clip")
    return tmp_path / "case"


def decisions(folder: Path) -> list[Decision]:
    with open_case(folder) as case:
        return case.decisions.every()


def seen_of(page: str, anchor: str) -> str:
    """What the form of a subject says was the newest decision that was shown."""
    form = page.partition(f'<li id="{anchor}"')[2]
    found = re.search(r'name="seen" value="(\d*)"', form)
    assert found is not None, f"there is no form for {anchor}"
    return found[1]


def twice(folder: Path, *labels: str) -> None:
    with open_case(folder, make=True) as case:
        case.exposure.set_rules(TeamRules(second_reader_labels=labels), "lead", "these are hard")


@pytest.mark.parametrize("act", ["confirm", "dismiss", "escalate", "note"])
def test_a_decision_about_the_whole_is_kept_with_author_time_and_reason(folder: Path, act: str) -> None:
    visitor = Served(folder).visitor()
    answer = visitor.decide(CLIP, act, why="seen in the words")
    page = said(visitor.follow(answer))
    [kept] = decisions(folder)
    assert kept.judged.author == "owner"
    assert (kept.judged.act, kept.judged.why, kept.judged.rung) == (Act(act), "seen in the words", Rung.WORDS)
    assert kept.judged.start_ms is None
    assert "Kept:" in page
    assert "seen in the words" in page


def test_every_stretch_of_evidence_can_be_decided_by_its_own(folder: Path) -> None:
    visitor = Served(folder).visitor()
    page = visitor.get(f"/video/{CLIP}").text
    assert re.findall(r'<li id="([^"]+)" class="subject"', page) == [
        "whole", "bound_hands-0-1", "weapon-0-900", "graphic-400-401", "missed",
    ]  # fmt: skip
    assert visitor.decide(CLIP, "dismiss", **WEAPON).status_code == 303
    [kept] = decisions(folder)
    assert (kept.judged.about, kept.judged.start_ms, kept.judged.end_ms) == ("weapon", 0, 900)


def test_a_correction_says_what_it_is_instead(folder: Path) -> None:
    visitor = Served(folder).visitor()
    nothing = visitor.decide(CLIP, "correct", why="no weapon", **WEAPON)
    assert nothing.status_code == 400
    assert "choose a label" in said(nothing)
    assert 'value="no weapon"' in nothing.text, "what was typed is still there"
    answer = visitor.decide(CLIP, "correct", label="blade", minor="unknown", grade="1", **WEAPON)
    assert answer.status_code == 303
    [kept] = decisions(folder)
    assert kept.judged.values == {"label": "blade", "minor": "unknown", "grade": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"act": "x"},
        {"act": "undo"},
        {"act": "correct", "label": "gun"},
        {"act": "correct", "minor": "maybe"},
        {"act": "correct", "grade": "4"},
        {"act": "confirm", "about": "x' OR 1=1"},
        {"act": "confirm", "start_ms": "5", "end_ms": "5"},
        {"act": "confirm", "start_ms": "x", "end_ms": "9"},
        {"act": "confirm", "start_ms": "99999999", "end_ms": "999999999"},
        {"act": "note", "why": " "},
        {"act": "confirm", "why": "x" * 4001},
    ],
)
def test_what_cannot_be_meant_is_not_kept(folder: Path, fields: dict[str, str]) -> None:
    answer = Served(folder).visitor().post(f"/video/{CLIP}/decide", {"anchor": "whole", **fields})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert not decisions(folder)


def test_what_nobody_found_can_be_kept_with_its_time(folder: Path) -> None:
    visitor = Served(folder).visitor()
    fields = {"anchor": "missed", "label": "blade", "from": "00:01.5", "until": "0:02"}
    assert visitor.decide(CLIP, "correct", **fields).status_code == 303
    [kept] = decisions(folder)
    assert (kept.judged.about, kept.judged.start_ms, kept.judged.end_ms) == ("blade", 1500, 2000)
    assert kept.judged.values == {"label": "blade"}
    assert "blade-1500-2000" in visitor.get(f"/video/{CLIP}").text
    wrong = visitor.decide(CLIP, "correct", **{**fields, "from": "soon"})
    assert wrong.status_code == 400
    assert "is no time of the video" in said(wrong)


@pytest.mark.parametrize(
    ("text", "ms"), [("0", 0), ("3", 3000), ("02:13", 133_000), ("1:02:13.5", 3_733_500), (" 0:00.04 ", 40)]
)
def test_times_are_read_as_people_write_them(text: str, ms: int) -> None:
    assert moment(text) == ms


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-1", "1e9", "nan", "1.2.3", "²", ":", "9" * 30])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(DeskError, match="no time of the video"):
        moment(text)


def test_it_is_kept_how_much_was_seen_before_deciding(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for _ in range(2):
        visitor.climb(CLIP, "strip")
        wait_for(served)
    visitor.decide(CLIP, "confirm", **WEAPON)
    assert decisions(folder)[-1].judged.rung is Rung.STRIP


def test_a_slip_is_undone_and_stays_in_the_history(folder: Path) -> None:
    visitor = Served(folder).visitor()
    page = visitor.follow(visitor.decide(CLIP, "dismiss", why="a slip"))
    number = re.search(r'name="number" value="(\d+)"', page.text)
    assert number is not None
    after = visitor.follow(visitor.post(f"/video/{CLIP}/undo", {"number": number[1]}))
    assert "Undone. It stays in the history." in said(after)
    assert [one.judged.act for one in decisions(folder)] == [Act.DISMISS, Act.UNDO]
    with open_case(folder) as case:
        assert case.decisions.current(CLIP) == []
    assert "a slip" in said(after)


def test_nobody_undoes_what_another_decided(folder: Path) -> None:
    served = Served(folder, team("amal", "ben"))
    served.visitor("amal").decide(CLIP, "dismiss")
    answer = served.visitor("ben").post(f"/video/{CLIP}/undo", {"number": "1"})
    assert answer.status_code == 403
    assert "Decide anew instead" in said(answer)
    assert served.visitor("amal").post(f"/video/{CLIP}/undo", {"number": "7"}).status_code == 404
    assert served.visitor("amal").post(f"/video/{CLIP}/undo", {"number": "x"}).status_code == 404


def test_readers_decide_nothing(folder: Path) -> None:
    served = Served(folder, team("amal", rita=DeskRole.READER))
    rita = served.visitor("rita")
    assert rita.decide(CLIP, "confirm").status_code == 403
    assert rita.post("/handover", {"words": "x"}).status_code == 403
    assert rita.post("/rules", {"why": "x"}).status_code == 403
    assert "Confirm" not in said(rita.get(f"/video/{CLIP}"))
    assert not decisions(folder)


def test_of_two_who_decide_the_same_the_second_is_told_and_keeps_what_they_typed(folder: Path) -> None:
    served = Served(folder, team("amal", "ben"))
    amal, ben = served.visitor("amal"), served.visitor("ben")
    both = [seen_of(one.get(f"/video/{CLIP}").text, "weapon-0-900") for one in (amal, ben)]
    assert both == ["", ""]
    assert amal.decide(CLIP, "dismiss", why="a toy", seen=both[0], **WEAPON).status_code == 303
    late = ben.decide(CLIP, "correct", label="blade", why="a long knife", seen=both[1], **WEAPON)
    assert late.status_code == 409
    page = said(late)
    assert "amal decided on it (dismiss) meanwhile" in page
    assert "What you typed is still here" in page
    assert 'value="a long knife"' in late.text
    assert '<option value="blade" selected' in late.text
    assert "a toy" in page, "and what the other one said"
    assert len(decisions(folder)) == 1
    again = ben.decide(
        CLIP, "correct", label="blade", why="a long knife", seen=seen_of(late.text, "weapon-0-900"), **WEAPON
    )
    assert again.status_code == 303
    assert decisions(folder)[-1].judged.supersedes == 1


def test_of_many_who_decide_at_the_same_moment_one_is_kept_and_all_others_are_told(folder: Path) -> None:
    names = [f"analyst {number}" for number in range(6)]
    served = Served(folder, team(*names))
    visitors = [served.visitor(name) for name in names]

    def decide(visitor: Visitor) -> int:
        return visitor.decide(CLIP, "confirm", seen="", **WEAPON).status_code

    with ThreadPoolExecutor(len(visitors)) as pool:
        statuses = sorted(pool.map(decide, visitors))
    assert statuses == [303, *[409] * 5]
    assert len(decisions(folder)) == 1


def test_a_note_never_comes_too_late(folder: Path) -> None:
    served = Served(folder, team("amal", "ben"))
    served.visitor("amal").decide(CLIP, "dismiss")
    assert served.visitor("ben").decide(CLIP, "note", why="I see it otherwise").status_code == 303


def test_what_was_decided_about_a_copy_is_shown_as_that_and_is_no_decision(folder: Path) -> None:
    other = add_video(folder, "copy")
    copy_of(folder, CLIP, other)
    visitor = Served(folder).visitor()
    visitor.decide(CLIP, "dismiss", why="a toy", **WEAPON)
    page = visitor.get(f"/video/{other}")
    assert "from a copy: dismiss by owner" in said(page)
    assert "No decision of its own" in said(page)
    assert seen_of(page.text, "weapon-0-900") == ""
    assert len(decisions(folder)) == 1


def test_a_second_reader_does_not_know_what_the_first_one_said(folder: Path) -> None:
    other = add_video(folder, "copy")
    copy_of(folder, CLIP, other)
    twice(folder, "weapon")
    served = Served(folder, team("amal", "ben"))
    amal, ben = served.visitor("amal"), served.visitor("ben")
    amal.decide(CLIP, "dismiss", why="a toy", **WEAPON)
    for path in ("/?state=any", f"/video/{CLIP}", f"/video/{other}", "/second"):
        page = said(ben.get(path))
        assert "a toy" not in page, path
        assert "dismiss by" not in page
        assert "amal" not in page
        assert "begun" not in page.replace("begun (0)", "")
    assert "a second reader is to decide without knowing" in said(ben.get(f"/video/{CLIP}"))
    assert "weapon, 00:00" in said(ben.get("/second"))
    assert "a toy" in said(amal.get(f"/video/{CLIP}")), "its own author knows it"
    assert (
        ben.decide(CLIP, "confirm", seen=seen_of(ben.get(f"/video/{CLIP}").text, "weapon-0-900"), **WEAPON).status_code
        == 303
    )
    first, second = decisions(folder)
    assert second.judged.is_second
    assert second.judged.supersedes is None
    page = said(ben.get(f"/video/{CLIP}"))
    assert "a toy" in page
    assert "second reader ben: confirm" in page
    apart = said(amal.get("/second"))
    assert "Where two disagree (1)" in apart
    assert "dismiss (amal) confirm (ben)" in apart
    assert "too few for a figure" in apart
    assert first.judged.author == "amal"


def test_a_disagreement_is_settled_by_a_decision(folder: Path) -> None:
    twice(folder, "*")
    served = Served(folder, team("amal", "ben", ines=DeskRole.LEAD))
    served.visitor("amal").decide(CLIP, "dismiss", **WEAPON)
    served.visitor("ben").decide(CLIP, "confirm", **WEAPON)
    ines = served.visitor("ines")
    seen = seen_of(ines.get(f"/video/{CLIP}").text, "weapon-0-900")
    assert ines.decide(CLIP, "confirm", why="it is real", seen=seen, **WEAPON).status_code == 303
    assert "Where two disagree (0)" in said(ines.get("/second"))
    assert "Nothing waits for you" in said(served.visitor("ben").get("/second"))


def test_the_queue_shows_what_is_still_to_be_decided(folder: Path) -> None:
    other = add_video(folder, "other")
    served = Served(folder)
    visitor = served.visitor()
    visitor.decide(CLIP, "confirm")
    queue = visitor.get("/").text
    assert f"/video/{CLIP}" not in queue
    assert f"/video/{other}" in queue
    assert f"/video/{CLIP}" in visitor.get("/?state=decided").text
    visitor.decide(other, "escalate")
    assert "Everything here is decided or escalated" in said(visitor.get("/"))
    assert f"/video/{other}" in visitor.get("/?state=escalated").text


def test_deciding_leads_back_to_what_was_uncovered_and_only_there(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    visitor.climb(CLIP, "strip")
    wait_for(served)
    place = visitor.climb(CLIP, "strip").headers["location"]
    visitor.get(place)
    back = visitor.decide(CLIP, "confirm", ticket=place.rpartition("/")[2], at="1200", **WEAPON)
    assert back.headers["location"] == f"{place}?at=1200#weapon-0-900"
    assert "<img" in visitor.follow(back).text
    other = add_video(folder, "other")
    elsewhere = visitor.decide(other, "confirm", ticket=place.rpartition("/")[2])
    assert elsewhere.headers["location"].startswith(f"/video/{other}#")


def test_where_to_go_back_to_is_no_address_of_the_forms_own(folder: Path) -> None:
    visitor = Served(folder).visitor()
    answer = visitor.decide(CLIP, "confirm", anchor='"><script>\r\nset-cookie: x')
    assert answer.headers["location"] == f"/video/{CLIP}#scriptset-cookiex"
