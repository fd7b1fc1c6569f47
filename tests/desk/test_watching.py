"""The evidence ladder: what it takes to see anything, and what is kept of it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tests.desk.visitor import Made, Served, Visitor, add_video, said, team, wait_for
from tests.examples import PROVENANCE, failure, video_id
from triage.case.audit import AuditKind
from triage.case.decisions import Rung
from triage.case.exposure import Exposure, TeamRules
from triage.case.store import open_case
from triage.desk.accounts import DeskRole
from triage.desk.ladder import STRIP_MS
from triage.desk.making import Maker
from triage.desk.views import COVER_AFTER_S, LATE_S, LONGEST_S
from triage.errors import CaseFullError
from triage.original import stamp_now
from triage.records import Sealed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_video(tmp_path / "case", "clip")
    return tmp_path / "case"


CLIP = video_id("clip")


def made(served: Served, visitor: Visitor, rung: str) -> None:
    """Have a rung made that may be asked for."""
    assert visitor.climb(CLIP, rung).status_code == 303
    wait_for(served)


def uncovered(visitor: Visitor, rung: str, **fields: str) -> str:
    """Uncover a rung; the address of its file."""
    answer = visitor.climb(CLIP, rung, **fields)
    assert answer.status_code == 303, said(answer)
    place = answer.headers["location"]
    assert f"/video/{CLIP}/view/" in place, "it was there already"
    page = visitor.get(place)
    assert page.status_code == 200
    return f"/view/{place.rpartition('/')[2]}"


def to_the_blurred(served: Served, visitor: Visitor) -> None:
    for rung in ("strip", "drawing", "blurred"):
        made(served, visitor, rung)
        uncovered(visitor, rung)


def seen(folder: Path, author: str = "owner") -> list[Exposure]:
    with open_case(folder) as case:
        return case.exposure.of(author)


def test_the_pages_of_a_video_hold_no_picture_until_one_is_asked_for(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    for path in ("/", f"/video/{CLIP}", "/exposure"):
        text = visitor.get(path).text
        assert "<img" not in text
        assert "<video" not in text
        assert "/file" not in text
    assert not seen(folder), "having something made is not seeing it"


def test_rungs_are_climbed_one_at_a_time_and_each_is_noted(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("drawing", "blurred", "original"):
        answer = visitor.climb(CLIP, rung, why="why not")
        assert answer.status_code == 409, rung
        assert "one is climbed at a time" in said(answer)
    to_the_blurred(served, visitor)
    assert [one.rung for one in seen(folder)] == [Rung.STRIP, Rung.DRAWING, Rung.BLURRED]
    strip = seen(folder)[0]
    assert (strip.start_ms, strip.end_ms) == (0, min(3000, STRIP_MS))
    assert strip.grade == 2, "the worst that was found in it"


@pytest.mark.parametrize("rung", ["", "words", "x", "../original", "STRIP"])
def test_there_are_no_other_rungs(folder: Path, rung: str) -> None:
    visitor = Served(folder).visitor()
    assert visitor.climb(CLIP, rung).status_code == 400
    assert visitor.post(f"/video/{CLIP}/make", {"rung": rung}).status_code == 400
    assert visitor.post(f"/video/{CLIP}/make", {"rung": "original"}).status_code == 400


def test_what_is_uncovered_is_sent_to_whoever_uncovered_it_alone(folder: Path) -> None:
    served = Served(folder, team("amal", "ben"))
    amal, ben = served.visitor("amal"), served.visitor("ben")
    made(served, amal, "strip")
    place = uncovered(amal, "strip")
    answer = amal.get(f"{place}/file")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content == b"strip of " + CLIP.encode()
    assert ben.get(f"{place}/file").status_code == 410
    assert Visitor(served).get(f"{place}/file").status_code == 303
    assert ben.post(f"{place}/cover").status_code == 303
    assert amal.get(f"{place}/file").status_code == 200, "nobody else covers it"


def test_its_page_opens_once_and_is_covered_for_whoever_comes_back(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    place = visitor.climb(CLIP, "strip").headers["location"]
    assert "<img" in visitor.get(place).text
    again = visitor.get(place)
    assert (again.status_code, again.headers["location"]) == (303, f"/video/{CLIP}")
    assert "It is covered again" in said(visitor.follow(again))
    assert visitor.get(f"/view/{place.rpartition('/')[2]}/file").status_code == 410


def test_it_is_covered_when_nobody_says_that_they_still_look(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "drawing"):
        made(served, visitor, rung)
        place = uncovered(visitor, rung)
    served.clock.now += COVER_AFTER_S - 1
    assert visitor.get(f"{place}/file").status_code == 200
    assert visitor.post(f"{place}/saw", {"start_ms": "0", "end_ms": "1000"}).text == str(COVER_AFTER_S)
    served.clock.now += COVER_AFTER_S - 1
    assert visitor.get(f"{place}/file").status_code == 200
    served.clock.now += 2
    assert visitor.get(f"{place}/file").status_code == 410
    assert visitor.post(f"{place}/saw", {"start_ms": "0", "end_ms": "1000"}).status_code == 410


def test_an_original_is_covered_after_a_while_however_much_somebody_looks(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    place = uncovered(visitor, "original", why="to read a sign")
    for _ in range(LONGEST_S[Rung.ORIGINAL] // 60):
        served.clock.now += 60
        last = visitor.post(f"{place}/saw", {"start_ms": "0", "end_ms": "10"}).status_code
    assert last == 200
    served.clock.now += 1
    assert visitor.get(f"{place}/file").status_code == 410


def test_it_is_covered_on_asking_and_when_its_viewer_leaves(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    place = uncovered(visitor, "strip")
    assert visitor.post(f"{place}/cover").headers["location"] == f"/video/{CLIP}"
    assert visitor.get(f"{place}/file").status_code == 410
    uncovered(visitor, "strip")
    visitor.post("/leave")
    assert not served.desk.views._views


def test_what_was_played_is_noted_with_its_grade_and_sound(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    place = uncovered(visitor, "original", why="to read a sign")
    visitor.post(f"{place}/saw", {"start_ms": "1500", "end_ms": "2500", "sound": "1"})
    visitor.post(f"{place}/saw", {"start_ms": "0", "end_ms": "500", "sound": "0"})
    late, early = seen(folder)[-2:]
    assert (late.rung, late.start_ms, late.end_ms, late.grade, late.has_sound) == (Rung.ORIGINAL, 1500, 2500, 0, True)
    assert (early.start_ms, early.end_ms, early.grade, early.has_sound) == (0, 500, 2, False)


def test_what_was_seen_is_noted_also_if_it_comes_after_it_was_covered(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "drawing"):
        made(served, visitor, rung)
        place = uncovered(visitor, rung)
    visitor.post(f"{place}/cover")
    uncovered(visitor, "strip")
    assert visitor.post(f"{place}/saw", {"start_ms": "0", "end_ms": "700"}).text == "0", "it stays covered"
    assert (seen(folder)[-1].rung, seen(folder)[-1].end_ms) == (Rung.DRAWING, 700)
    assert visitor.get(f"{place}/file").status_code == 410
    served.clock.now += LATE_S + 1
    assert visitor.post(f"{place}/saw", {"start_ms": "700", "end_ms": "900"}).status_code == 410


@pytest.mark.parametrize(
    ("start", "end"), [("5", "5"), ("x", "y"), ("", ""), ("2000", "1000"), ("99999999", "999999999"), ("-5", "-1")]
)
def test_what_cannot_have_been_seen_is_not_noted(folder: Path, start: str, end: str) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "drawing"):
        made(served, visitor, rung)
        place = uncovered(visitor, rung)
    before = seen(folder)
    assert visitor.post(f"{place}/saw", {"start_ms": start, "end_ms": end}).status_code == 200
    assert seen(folder) == before


def test_an_original_takes_a_reason_which_is_on_record_before_anything_is_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    without = visitor.climb(CLIP, "original", why="  ")
    assert without.status_code == 400
    assert "for a reason, which is kept" in said(without)
    place = uncovered(visitor, "original", why="to read a sign")
    assert visitor.get(f"{place}/file").content == b"clip"
    with open_case(folder) as case:
        [entry] = [entry for entry in case.audit.entries() if entry.kind == AuditKind.VIEW_ORIGINAL]
    assert entry.author == "owner"
    assert entry.what == {"video": CLIP, "why": "to read a sign", "not_seen_before": ["drawing", "blurred"]}

    def full(*_: object) -> None:
        raise CaseFullError("the disk is full")

    monkeypatch.setattr("triage.case.audit.AuditLog.add", full)
    before = dict(served.desk.views._views)
    assert visitor.climb(CLIP, "original", why="once more").status_code == 507
    assert served.desk.views._views == before


def test_an_original_is_not_for_readers(folder: Path) -> None:
    served = Served(folder, team(rita=DeskRole.READER))
    visitor = served.visitor("rita")
    to_the_blurred(served, visitor)
    answer = visitor.climb(CLIP, "original", why="I would like to")
    assert answer.status_code == 409
    assert "for the role analyst" in said(answer)
    assert "Show the original" not in visitor.get(f"/video/{CLIP}").text


@pytest.mark.parametrize("how", ["changed", "gone", "link"])
def test_an_original_that_is_not_what_was_scanned_is_not_shown(folder: Path, how: str) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    file = folder.parent / "dump/clip.mp4"
    if how == "changed":
        file.write_bytes(b"another")
    else:
        file.unlink()
    if how == "link":
        file.symlink_to("/etc/hostname")
    answer = visitor.climb(CLIP, "original", why="to read a sign")
    assert answer.status_code == 409
    assert "The original cannot be shown" in said(answer)
    assert ("its bytes have changed" in said(answer)) == (how == "changed")


def test_an_original_whose_date_alone_changed_is_shown(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    os.utime(folder.parent / "dump/clip.mp4", (1, 1))
    assert visitor.get(f"{uncovered(visitor, 'original', why='a sign')}/file").content == b"clip"


def test_an_original_in_an_archive_is_shown_until_the_archive_changes(folder: Path) -> None:
    dump = folder.parent / "dump"
    (dump / "clip.mp4").unlink()
    with zipfile.ZipFile(dump / "a.zip", "w") as file:
        file.writestr("b/clip.mp4", b"clip")
    member = dump / "a.zip!" / "b" / "clip.mp4"
    with open_case(folder, make=True) as case:
        case.note_file(member, stamp_now(member), CLIP)
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    place = uncovered(visitor, "original", why="to read a sign")
    for _ in range(2):
        answer = visitor.get(f"{place}/file")
        assert (answer.status_code, answer.content) == (200, b"clip"), said(answer)
    with zipfile.ZipFile(dump / "a.zip", "a") as file:
        file.writestr("c.mp4", b"more")
    answer = visitor.get(f"{place}/file")
    assert answer.status_code == 409
    assert "has changed since it was uncovered" in said(answer)
    assert b"clip" not in answer.content


def test_a_file_that_changes_while_it_is_uncovered_is_not_sent_any_more(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    place = uncovered(visitor, "original", why="to read a sign")
    (folder.parent / "dump/clip.mp4").write_bytes(b"another")
    answer = visitor.get(f"{place}/file")
    assert answer.status_code == 409
    assert b"another" not in answer.content


def test_what_is_sealed_meanwhile_is_not_sent_any_more(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    place = uncovered(visitor, "strip")
    with open_case(folder, make=True) as case:
        case.save(Sealed(CLIP, 0, "possible sexual content", PROVENANCE))
    answer = visitor.get(f"{place}/file")
    assert answer.status_code == 403
    assert b"strip of" not in answer.content
    assert visitor.climb(CLIP, "strip").status_code == 403


def test_sealing_takes_what_was_made_out_of_the_case(folder: Path) -> None:
    other = add_video(folder, "other")
    served = Served(folder)
    visitor = served.visitor()
    to_the_blurred(served, visitor)
    visitor.climb(other, "strip")
    wait_for(served)
    with open_case(folder, make=True) as case:
        case.save(Sealed(CLIP, 0, "possible sexual content", PROVENANCE))
    assert [path.name for path in (folder / "review").rglob("*") if path.is_file()] == [f"{other[:16]}.jpg"]


def test_a_copy_that_is_not_what_was_searched_is_made_anew_and_not_shown(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "drawing"):
        made(served, visitor, rung)
        uncovered(visitor, rung)
    [copy] = (folder / "review/drawing").glob("*.mp4")
    copy.write_bytes(b"something else")
    page = said(visitor.follow(visitor.climb(CLIP, "drawing")))
    assert "not what was searched" in page
    assert "Uncovered" not in page
    wait_for(served)
    assert visitor.get(f"{uncovered(visitor, 'drawing')}/file").content.startswith(b"copy of")


def test_a_copy_that_covers_less_than_its_rung_says_is_not_taken(folder: Path) -> None:
    run = Made(folder)
    run.covers = "graphic"
    served = Served(folder, maker=Maker(folder, "default", run))
    visitor = served.visitor()
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    for _ in range(2):
        made(served, visitor, "drawing")
        assert not served.desk.views._views or all(
            view.rung is Rung.STRIP for view in served.desk.views._views.values()
        )
    assert len(run.commands) == 3, "it is made anew"


def test_a_case_that_was_moved_takes_its_copies_along(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "drawing"):
        made(served, visitor, rung)
        uncovered(visitor, rung)
    moved = folder.rename(folder.with_name("moved"))
    visitor = Served(moved).visitor()
    place = uncovered(visitor, "drawing")
    assert visitor.get(f"{place}/file").status_code == 200


def test_a_player_gets_the_pieces_that_it_asks_for(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "drawing"):
        made(served, visitor, rung)
        place = uncovered(visitor, rung)
    whole = visitor.get(f"{place}/file")
    assert whole.headers["accept-ranges"] == "bytes"
    piece = visitor.get(f"{place}/file", {"range": "bytes=5-9"})
    assert (piece.status_code, piece.content) == (206, whole.content[5:10])
    assert piece.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    assert visitor.get(f"{place}/file", {"range": "bytes=0-1,5-9"}).status_code == 416
    assert visitor.get(f"{place}/file", {"range": f"bytes={len(whole.content)}-"}).status_code == 416


def test_what_cannot_be_made_says_why_and_does_not_stand_in_the_way(folder: Path) -> None:
    why = "no copy: clip.mp4: it is not what was examined: its bytes have changed since; scan again"
    served = Served(folder, maker=Maker(folder, "default", Made(folder, why_not=why)))
    visitor = served.visitor()
    made(served, visitor, "strip")
    page = said(visitor.get(f"/video/{CLIP}"))
    assert "its bytes have changed since" in page
    assert "Try again" in page
    made(served, visitor, "drawing")
    assert visitor.climb(CLIP, "original", why="to read a sign").status_code == 303


def test_what_has_no_pictures_has_no_rung(folder: Path) -> None:
    with open_case(folder, make=True) as case:
        case.save(failure("broken"))
    served = Served(folder)
    visitor = served.visitor()
    for rung in ("strip", "original"):
        assert visitor.climb(video_id("broken"), rung, why="x").status_code == 409
    assert visitor.post(f"/video/{video_id('broken')}/make", {"rung": "strip"}).status_code == 409
    assert "its header cannot be read" in said(visitor.get(f"/video/{video_id('broken')}"))


def test_strips_and_copies_are_made_by_hash_in_the_name_of_whoever_asked(folder: Path) -> None:
    run = Made(folder)
    served = Served(folder, team("amal"), maker=Maker(folder, "quick", run))
    visitor = served.visitor("amal")
    made(served, visitor, "strip")
    uncovered(visitor, "strip")
    made(served, visitor, "drawing")
    (sheet, author), (blur, _) = run.commands
    assert author == "amal"
    assert sheet == [
        "sheet",
        str(folder),
        "--video",
        CLIP,
        "--out",
        str(folder / "review/strips"),
        "--settings",
        "quick",
    ]
    assert blur[:2] == ["blur", str(folder)]
    assert list(blur[-5:]) == ["--style", "drawing", "--audio", "mute", "--force"]


def test_how_the_making_goes_is_told(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    assert visitor.get(f"/video/{CLIP}/making").json() == {}
    made(served, visitor, "strip")
    assert visitor.get(f"/video/{CLIP}/making").json() == {"strip": {"stage": "done", "words": "is there"}}


def test_a_reached_budget_is_said_before_anything_is_uncovered_and_can_be_passed(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    made(served, visitor, "strip")
    with open_case(folder, make=True) as case:
        case.exposure.set_rules(TeamRules(budget=1), "lead", "a short day")
    uncovered(visitor, "strip")
    uncovered(visitor, "strip")
    before = seen(folder)
    assert sum(one.length_ms for one in before) > 1000
    stop = visitor.climb(CLIP, "strip")
    assert stop.status_code == 200
    assert "Your budget for today is reached" in said(stop)
    assert seen(folder) == before
    uncovered(visitor, "strip", anyway="1")
    with open_case(folder, make=True) as case:
        case.exposure.set_rules(TeamRules(budget=1, is_on=False), "lead", "we talk instead")
    uncovered(visitor, "strip")


def test_a_path_of_the_file_system_gets_nobody_anywhere(folder: Path) -> None:
    visitor = Served(folder).visitor()
    for path in (
        "/static/../accounts.py",
        "/static/..%2f..%2fdesk%2faccounts.py",
        "/static/%00",
        "/view/../../etc/passwd/file",
    ):
        assert visitor.get(path).status_code in {404, 410, 303}
        assert "import" not in visitor.get(path).text
