"""The whole way in a browser: come in, read, look one rung at a time, decide, undo, hand over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.browser import Visit, barriers, eventually, follow, until
from tests.desk.serving import Running, add_clip, keep_copies, running
from tests.desk.visitor import PASSWORD, team
from tests.examples import PROVENANCE, video_id
from tests.report.cases import HOSTILE, SEALED_NAME
from triage.case.decisions import Act, Judged, Rung
from triage.case.exposure import Exposure, TeamRules
from triage.case.store import open_case
from triage.cli.main import app
from triage.desk.accounts import Accounts, DeskRole
from triage.names import shown
from triage.original import Stamp
from triage.records import Queue, Sealed

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SEALED = Sealed(video_id("sealed"), 4321, "possible sexual content, and a minor could not be excluded", PROVENANCE)
PICTURES = frozenset({"image", "media"})


@dataclass(frozen=True)
class Place:
    """A case with two clips of which one is a copy of the other, and a sealed one."""

    case: Path
    first: str
    copy: str
    original: Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    dump = tmp_path / "dump"
    with open_case(tmp_path / "case", make=True) as case:
        first = add_clip(case, dump, HOSTILE, 0, Queue.URGENT)
        copy = add_clip(case, dump, "شاهد.mp4", 60)
        keep_copies(case, first, copy)
        case.save(SEALED)
        case.note_file(dump / SEALED_NAME, Stamp(1, 1, 1), SEALED.id)
    return Place(tmp_path / "case", first, copy, dump / HOSTILE)


@pytest.fixture
def desk(place: Place) -> Iterator[Running]:
    with running(place.case) as found:
        yield found


def come_in(visit: Visit, desk: Running, **window: object) -> Page:
    """A window that is in, at the queue."""
    page = visit(desk.link, **window)  # type: ignore[arg-type]
    page.wait_for_url(f"{desk.origin}/")
    return page


def log_in(visit: Visit, desk: Running, name: str) -> Page:
    page = visit(f"{desk.origin}/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Come in"))
    return page


def climb(page: Page, rung: str) -> None:
    """Ask for a rung, and for it to be made if it is not there."""
    step = page.locator(f"[data-rung={rung}]")
    if step.get_by_role("button", name="Make it").count():
        follow(step.get_by_role("button", name="Make it"))
        step.get_by_role("button", name="Show it").wait_for()  # the page's script loads it anew
    follow(step.get_by_role("button", name="Show it"))
    assert "/view/" in page.url


def subject(page: Page, words: str) -> Locator:
    """What can be decided about, the first of these words."""
    return page.locator("#decide .subject").filter(has=page.locator(".what", has_text=words)).first


def pictures_asked_for(visit: Visit) -> list[str]:
    return [one.url for one in visit.requests if one.kind in PICTURES and not one.url.endswith("/static/icon.svg")]


def test_the_link_lets_one_browser_in_once(visit: Visit, desk: Running) -> None:
    link = desk.link
    come_in(visit, desk)
    assert "used already" in visit(link).content()
    assert "You are not in" in visit(f"{desk.origin}/").content()
    come_in(visit, desk)  # with the next link, which the terminal shows


def test_a_case_is_read_without_a_picture(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    for address in ("/", f"/video/{place.first}", "/second", "/exposure", "/rules", "/keys", "/making"):
        page.goto(f"{desk.origin}{address}")
    assert pictures_asked_for(visit) == []
    assert desk.bytes_of(place.original) == []
    assert not page.locator("img, video, audio").count()


def test_a_decision_is_made_and_undone_with_the_keyboard_alone(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.keyboard.press("j")  # the sealed one, which comes first
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(f"/video/{place.first}")
    page.keyboard.press("j")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("c")
    page.get_by_text("Kept: confirmed").wait_for()
    chosen = page.locator("[data-item].is-chosen")
    assert "confirm by Ana" in chosen.inner_text()
    with page.expect_navigation():
        page.keyboard.press("u")
    page.get_by_text("Undone. It stays in the history.").wait_for()
    assert "confirm by" not in page.locator("#decide").inner_text()
    with open_case(place.case) as case:
        assert [one.judged.act for one in case.decisions.of(place.first)] == [Act.CONFIRM, Act.UNDO]
        assert {one.judged.rung for one in case.decisions.of(place.first)} == {Rung.WORDS}


def test_single_keys_can_be_switched_off(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/keys")
    follow(page.get_by_role("button", name="Switch them off"))
    page.goto(f"{desk.origin}/video/{place.first}")
    for key in ("j", "j", "c"):
        page.keyboard.press(key)
    page.goto(f"{desk.origin}/")
    with open_case(place.case) as case:
        assert case.decisions.every() == []


def test_rungs_are_climbed_one_at_a_time_and_the_original_by_an_act_with_a_reason(
    visit: Visit, desk: Running, place: Place
) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    assert not page.locator("[data-rung=drawing]").get_by_role("button").count(), "the strip comes first"
    climb(page, "strip")
    strip = page.locator(".picture img")
    assert strip.evaluate("image => image.complete && image.naturalWidth > 0")
    climb(page, "drawing")
    assert page.locator("#player").evaluate("video => video.muted && video.paused && !video.autoplay")
    assert desk.bytes_of(place.original) == []
    follow(page.get_by_role("button", name="Show the original"))
    page.get_by_text("give one").wait_for()
    assert desk.bytes_of(place.original) == [], "not without a reason"
    page.get_by_label("Reason, kept in the case's log").fill("a licence plate must be read")
    follow(page.get_by_role("button", name="Show the original"))
    until(page, "document.getElementById('player').readyState > 0")
    assert {path.rpartition("/")[2] for path in desk.bytes_of(place.original)} == {"file"}
    assert page.locator("#player").evaluate("video => video.muted && video.paused && video.playbackRate < 1")
    log = (place.case / "audit.jsonl").read_text()
    assert "view_original" in log
    assert "a licence plate must be read" in log


def test_a_page_that_was_left_is_covered_when_somebody_comes_back(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    climb(page, "strip")
    uncovered = page.url
    page.goto(f"{desk.origin}/")
    page.go_back()
    assert not page.locator(".picture").count()
    page.goto(uncovered)
    assert "It is covered again" in page.content()


def test_what_is_uncovered_is_covered_by_itself_when_nobody_looks_any_more(
    visit: Visit, desk: Running, place: Place
) -> None:
    page = come_in(visit, desk)
    page.clock.install()
    page.goto(f"{desk.origin}/video/{place.first}")
    climb(page, "strip")
    assert page.locator(".picture img").count()
    page.clock.run_for(6 * 60 * 1000)
    page.get_by_text("It is covered again").wait_for()
    assert not page.locator(".picture img").count()


def test_a_decision_holds_for_a_copy_and_is_shown_as_that(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    weapon = subject(page, "weapon")
    follow(weapon.get_by_role("button", name="Dismiss"))
    page.get_by_text("Kept: dismissed").wait_for()
    page.goto(f"{desk.origin}/video/{place.copy}")
    there = subject(page, "weapon")
    assert re.search(r"from a copy: dismiss by\s+Ana", there.inner_text())
    assert "No decision of its own" in there.inner_text()
    with open_case(place.case) as case:
        assert case.decisions.of(place.copy) == []


def test_a_correction_is_kept_as_what_it_is_instead(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    graphic = subject(page, "graphic")
    graphic.get_by_text("Correct", exact=True).first.click()
    graphic.get_by_label("Graphic grade").select_option("1")
    follow(graphic.get_by_role("button", name="Correct"))
    page.get_by_text("Kept: corrected").wait_for()
    with open_case(place.case) as case:
        [kept] = case.decisions.of(place.first)
        assert (kept.judged.about, dict(kept.judged.values)) == ("graphic", {"grade": 1})


def test_what_was_typed_wrongly_is_still_there_beside_what_is_wanted(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    missed = page.locator("#missed")
    missed.locator("summary").click()
    for label, typed in (("from", "at noon"), ("until", "00:01.5"), ("Reason or note", "behind the door")):
        missed.get_by_label(label).fill(typed)
    follow(missed.get_by_role("button", name="Keep it"))
    assert "write it like 02:13" in page.get_by_role("alert").inner_text()
    assert [missed.get_by_label(label).input_value() for label in ("from", "until", "Reason or note")] == [
        *("at noon", "00:01.5", "behind the door"),
    ]


def at_player(visit: Visit, desk: Running, place: Place) -> Page:
    """A window with a drawn copy that can be played."""
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    climb(page, "strip")
    climb(page, "drawing")
    until(page, "document.getElementById('player').readyState > 1")
    return page


def test_a_review_copy_plays_by_a_key_and_what_was_played_is_counted(visit: Visit, desk: Running, place: Place) -> None:
    page = at_player(visit, desk, place)
    page.locator("h1").click()
    page.keyboard.press("Space")
    until(page, "document.getElementById('player').currentTime > 0.5")
    page.keyboard.press("Space")
    until(page, "document.getElementById('player').paused")
    everything_is_counted(page, desk, place)
    assert not any(one.has_sound for one in of_drawing(place))


def test_who_leaves_a_copy_while_it_plays_has_seen_what_was_played(visit: Visit, desk: Running, place: Place) -> None:
    page = at_player(visit, desk, place)
    page.get_by_role("button", name="Play").click()
    until(page, "document.getElementById('player').currentTime > 0.3")
    everything_is_counted(page, desk, place)


def of_drawing(place: Place) -> list[Exposure]:
    with open_case(place.case) as case:
        return [one for one in case.exposure.of("Ana", video=place.first) if one.rung is Rung.DRAWING]


def everything_is_counted(page: Page, desk: Running, place: Place) -> None:
    played_ms = int(1000 * page.evaluate("document.getElementById('player').currentTime"))
    page.goto(f"{desk.origin}/exposure")
    # What a page tells of as it is left is not waited for, and that it plays a browser says some milliseconds late.
    eventually(page, lambda: sum(one.end_ms - one.start_ms for one in of_drawing(place)) >= played_ms - 40)


def test_of_two_browsers_on_one_item_the_second_is_told_and_keeps_what_was_typed(visit: Visit, place: Place) -> None:
    with running(place.case, team("Ana", "Ben")) as desk:
        ana, ben = log_in(visit, desk, "Ana"), log_in(visit, desk, "Ben")
        for page in (ana, ben):
            page.goto(f"{desk.origin}/video/{place.first}")
        whole = ben.locator("#whole")
        whole.get_by_placeholder("reason or note").fill("seen before in another dump")
        follow(ana.locator("#whole").get_by_role("button", name="Confirm"))
        ana.get_by_text("Kept: confirmed").wait_for()
        follow(whole.get_by_role("button", name="Dismiss"))
        alert = ben.get_by_role("alert")
        assert re.search(r"Ana decided .*\(confirm\) meanwhile", alert.inner_text())
        assert ben.locator("#whole").get_by_placeholder("reason or note").input_value() == "seen before in another dump"
        with open_case(place.case) as case:
            assert [one.judged.author for one in case.decisions.every()] == ["Ana"]
        follow(ben.locator("#whole").get_by_role("button", name="Dismiss"))
        ben.get_by_text("Kept: dismissed").wait_for()


def second_readers(case: Path) -> Accounts:
    with open_case(case, make=True) as opened:
        rules = TeamRules(budget=3600, break_every_min=30, is_on=True, second_reader_labels=("weapon",))
        opened.exposure.set_rules(rules, "Ana", "agreed in the team")
    return team("Ana", "Ben", Chris=DeskRole.READER)


def test_a_second_reader_decides_without_knowing_and_a_disagreement_is_listed(visit: Visit, place: Place) -> None:
    with running(place.case, second_readers(place.case)) as desk:
        ana, ben = log_in(visit, desk, "Ana"), log_in(visit, desk, "Ben")
        ana.goto(f"{desk.origin}/video/{place.first}")
        follow(subject(ana, "weapon").get_by_role("button", name="Confirm"))
        ana.get_by_text("Kept: confirmed").wait_for()
        ben.goto(f"{desk.origin}/video/{place.first}")
        item = subject(ben, "weapon")
        assert "waits for a second reader" in item.inner_text()
        for hidden in ("confirm by", "confirmed on"):
            assert hidden not in ben.locator("main").inner_text()
        follow(item.get_by_role("button", name="Dismiss"))
        ben.get_by_text("Kept: dismissed").wait_for()
        ben.goto(f"{desk.origin}/second")
        assert re.search(r"confirm.*dismiss", ben.locator("main").inner_text(), re.DOTALL)
        assert barriers(ben) == []


def test_a_reader_sees_and_decides_nothing(visit: Visit, place: Place) -> None:
    with running(place.case, second_readers(place.case)) as desk:
        page = log_in(visit, desk, "Chris")
        page.goto(f"{desk.origin}/video/{place.first}")
        assert not page.get_by_role("button", name="Confirm").count()
        assert not page.get_by_role("button", name="Show the original").count()


def test_a_budget_stops_before_a_picture_and_can_be_passed_knowingly(visit: Visit, place: Place, desk: Running) -> None:
    with open_case(place.case, make=True) as case:
        case.exposure.set_rules(TeamRules(0.5, 30, is_on=True, second_reader_labels=()), "Ana", "a trial")
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    climb(page, "strip")  # a strip weighs more than this budget
    page.goto(f"{desk.origin}/video/{place.first}")
    step = page.locator("[data-rung=drawing]")
    before = len(pictures_asked_for(visit))
    follow(step.get_by_role("button"))
    assert page.get_by_role("button", name=re.compile("Show it anyway")).count()
    assert barriers(page) == []
    assert len(pictures_asked_for(visit)) == before
    follow(page.get_by_role("link", name="Stop here"))
    assert "weighted seconds" in page.locator("main").inner_text()


def test_a_name_from_a_dump_is_text_wherever_it_stands(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk)
    page.on("dialog", lambda dialog: pytest.fail(f"a name ran as a script: {dialog.message}"))
    for address in ("/", f"/video/{place.first}", f"/?words={HOSTILE[:12]}"):
        page.goto(f"{desk.origin}{address}")
        assert '<img src=x onerror="alert(1)">' in page.locator("main").inner_text()
        assert not page.locator("img[src=x]").count()
        assert not {"\u202e", "\x1b"} & set(page.content())


def test_of_a_sealed_file_there_is_its_hash_and_why_and_nothing_else(visit: Visit, desk: Running) -> None:
    page = come_in(visit, desk)
    assert SEALED_NAME not in page.content()
    page.goto(f"{desk.origin}/video/{SEALED.id}")
    assert SEALED.id in page.content()
    assert not page.locator("#ladder, #decide, img, video").count()
    assert SEALED_NAME not in page.content()
    assert barriers(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_the_desk_keeps_anybody_out(visit: Visit, desk: Running, place: Place, scheme: str) -> None:
    with open_case(place.case, make=True) as case:
        case.decisions.add(Judged("Ben", place.first, Act.CONFIRM, Rung.BLURRED, why="tied with rope"), seen=None)
        case.exposure.handover("Ben", "begin with the second video")
    found = {"/door": barriers(visit(f"{desk.origin}/door", scheme=scheme))}  # type: ignore[arg-type]
    page = come_in(visit, desk, scheme=scheme)
    for address in ("/", f"/video/{place.first}", "/second", "/exposure", "/rules", "/keys", "/making", "/nowhere"):
        page.goto(f"{desk.origin}{address}")
        found[address] = barriers(page)
    page.goto(f"{desk.origin}/video/{place.first}")
    for rung in ("strip", "drawing"):
        climb(page, rung)
        found[rung] = barriers(page)
    assert {address: some for address, some in found.items() if some} == {}


def test_without_scripts_the_desk_reads_and_decides(visit: Visit, desk: Running, place: Place) -> None:
    page = come_in(visit, desk, has_script=False)
    page.goto(f"{desk.origin}/video/{place.first}")
    follow(page.locator("#whole").get_by_role("button", name="Confirm"))
    page.get_by_text("Kept: confirmed").wait_for()
    follow(page.locator("[data-rung=strip]").get_by_role("button"))
    page.get_by_text("It is being made").wait_for()
    ready = page.locator("[data-rung=strip]").get_by_role("button", name="Show it")

    def is_made() -> bool:  # without its script, the page does not load itself anew
        page.goto(f"{desk.origin}/video/{place.first}")
        return ready.count() == 1

    eventually(page, is_made)
    follow(ready)
    assert page.locator(".picture img").count()
    page.reload()
    assert "It is covered again" in page.content()


def test_a_report_that_is_handed_over_tells_what_was_decided(
    visit: Visit, desk: Running, place: Place, tmp_path: Path
) -> None:
    page = come_in(visit, desk)
    page.goto(f"{desk.origin}/video/{place.first}")
    subject(page, "weapon").get_by_placeholder("reason or note").fill("a toy gun")
    follow(subject(page, "weapon").get_by_role("button", name="Dismiss"))
    page.get_by_text("Kept: dismissed").wait_for()
    out = tmp_path / "report"
    result = CliRunner().invoke(app, ["report", str(place.case), "--out", str(out)])
    assert result.exit_code == 0, result.output
    report = visit(out / "index.html")
    follow(report.get_by_role("link", name=shown(HOSTILE)).first)
    assert re.search(r"dismissed on .* by Ana: weapon.*a toy gun", report.locator("main").inner_text(), re.IGNORECASE)
    assert not report.locator("img, video").count()
    assert not [file for file in out.rglob("*") if file.is_file() and place.original.read_bytes() in file.read_bytes()]
