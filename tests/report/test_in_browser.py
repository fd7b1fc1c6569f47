"""A report as a person opens it: from its file, in Debian's Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import Visit, barriers, follow
from tests.examples import video_id
from tests.report.cases import ARABIC, HOSTILE, SEALED, fill, note, report_of
from triage.case.review import Copied
from triage.case.store import open_case
from triage.durable import sha256_of
from triage.names import shown
from triage.records import Queue
from triage.report.front import ON_A_PAGE
from triage.run.reporting import Wished, make_report
from triage.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

MORE = 2 * ON_A_PAGE


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with something of everything, and with a still review copy of one video."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "masked.png").write_bytes(picture())
    with open_case(folder / "case", make=True) as case:
        fill(case)
        for number in range(MORE):
            case.save(report_of(f"more {number}", Queue.ROUTINE, 0.001 * number))
            note(case, f"more {number}.mp4", video_id(f"more {number}"))
        sha256 = sha256_of(folder / "masked.png")
        for style in ("drawing", "blur"):
            path = folder / f"masked {style}.png"
            path.write_bytes((folder / "masked.png").read_bytes())
            case.review.note(Copied(video_id("clip"), "2026-11-23", path, sha256, style, "graphic", "", "", "copied"))
        make_report(case, folder / "report", Wished(copies=True), Settings(), unwatched)
    return folder / "report"


def picture() -> bytes:
    import cv2
    import numpy as np

    return bytes(cv2.imencode(".png", np.full((40, 60, 3), 90, np.uint8))[1])


def unwatched(_: object) -> Any:
    raise AssertionError("no strip is drawn here")


@pytest.fixture
def page(visit: Visit, out: Path) -> Page:
    return visit(out / "index.html")


def shown_pictures(page: Page) -> int:
    return page.locator("img, video").count()


def test_a_report_opens_from_its_file_without_a_picture(visit: Visit, page: Page) -> None:
    assert page.get_by_role("heading", level=1).inner_text() == "Report of case"
    assert page.locator("#all tbody tr").count() == ON_A_PAGE
    page.wait_for_load_state("networkidle")
    assert {asked.kind for asked in visit.of(page)} == {"document", "stylesheet", "script"}


def test_somebody_climbs_one_rung_at_a_time_and_comes_back(page: Page) -> None:
    follow(page.get_by_role("link", name=shown(HOSTILE)).first)
    assert shown_pictures(page) == 0
    assert page.get_by_role("heading", name="Not looked at").count() == 1
    follow(page.get_by_role("link", name="Show the drawing"))
    assert shown_pictures(page) == 1
    assert page.locator("img").evaluate("picture => picture.naturalWidth") == 60
    follow(page.get_by_role("link", name="One rung further: the covered copy"))
    assert "nothing further in this report" in page.locator("main").inner_text()
    follow(page.get_by_role("link", name="Back to the words"))
    assert shown_pictures(page) == 0
    follow(page.get_by_role("link", name="Back to the list"))
    assert page.url.endswith("index.html#list")


def test_a_hostile_name_is_shown_and_does_nothing(page: Page) -> None:
    page.get_by_label("Name, or first digits of the hash").fill("onerror")
    found = page.locator("#found-list tbody tr")
    found.first.wait_for()
    assert found.count() == 1
    assert shown(HOSTILE) in found.inner_text()
    assert shown_pictures(page) == 0
    assert page.locator("#found-list").locator("script, img").count() == 0


def test_the_list_is_searched_by_name_hash_queue_and_what_was_seen(page: Page) -> None:
    words, status = page.get_by_label("Name, or first digits of the hash"), page.get_by_role("status")
    whole = MORE + 5
    words.fill("more 1")
    page.locator("#found-list tbody tr").first.wait_for()
    assert status.inner_text() == f"{sum(str(number).startswith('1') for number in range(MORE))} of {whole} in the list"
    words.fill(video_id("more 7")[:12])
    assert page.locator("#found-list tbody tr").count() == 1
    words.fill("")
    page.get_by_label("Queue", exact=True).select_option("urgent")
    assert status.inner_text() == f"1 of {whole} in the list"
    page.get_by_role("button", name="Clear").click()
    page.locator("#all").wait_for()
    page.get_by_label("Seen", exact=True).select_option("restraint")
    assert page.locator("#found-list tbody tr").count() == ON_A_PAGE
    page.get_by_role("button", name="Next").click()
    assert "Page 2 of 3" in page.locator("#found-list").inner_text()
    page.get_by_label("Seen", exact=True).select_option("anything")
    page.get_by_label("Order", exact=True).select_option("the most unseen first")
    first = page.locator("#found-list tbody tr").first
    assert first.locator(".c-unseen").inner_text() == "00:03.000"


def test_strips_that_the_script_draws_are_those_of_the_pages(page: Page) -> None:
    def drawn(row: str) -> list[str]:
        read = "all => all.map(one => ['x', 'y', 'width', 'height', 'fill'].map(name => one.getAttribute(name)).join())"
        return list(page.locator(f"{row} .c-strip svg rect").evaluate_all(read))

    written = drawn("#all tbody tr:nth-child(2)")
    page.get_by_label("Name, or first digits of the hash").fill(ARABIC)
    page.locator("#found-list tbody tr").first.wait_for()
    assert len(written) > 3
    assert sorted(drawn("#found-list tbody tr")) == sorted(written)


def test_a_name_in_arabic_is_searched_and_shown(page: Page) -> None:
    page.get_by_label("Name, or first digits of the hash").fill(ARABIC)
    found = page.locator("#found-list tbody tr")
    found.first.wait_for()
    assert ARABIC in found.inner_text()


def test_without_script_the_report_still_reads(visit: Visit, out: Path) -> None:
    page = visit(out / "index.html", has_script=False)
    assert page.locator("#finder").is_hidden()
    assert page.locator("#all tbody tr").count() == ON_A_PAGE
    follow(page.get_by_role("link", name="Next"))
    assert "page 2 of 3" in page.get_by_role("heading", level=1).inner_text()
    follow(page.get_by_role("link", name=re.compile("^more ")).first)
    assert page.get_by_role("heading", name="Not looked at").is_visible()
    follow(page.get_by_role("link", name="Sealed"))
    assert SEALED.id in page.locator("main").inner_text()


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    reached = set()
    for _ in range(40):
        reached.add(page.locator(":focus").evaluate("one => one.id || one.textContent"))
        page.keyboard.press("Tab")
    assert {"f-words", "f-queue", "f-kind", "f-order", "f-unseen", "Clear", shown(HOSTILE)} <= reached


PAGES = ("index.html", "list/0002.html", "sealed.html", "models.html", "reading.html", "copies-1.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_keeps_anybody_from_using_it(visit: Visit, out: Path, scheme: Any) -> None:
    page = visit(out / "index.html", scheme=scheme)
    start = out.resolve().as_uri()
    clip = f"videos/{video_id('clip')[:2]}/{video_id('clip')}"
    for name in (*PAGES, f"{clip}.html", f"{clip}.drawing.html"):
        page.goto(f"{start}/{name}")
        assert barriers(page) == [], name
    page.goto(f"{start}/index.html")
    page.get_by_label("Seen", exact=True).select_option("people")
    page.locator("#found-list").wait_for()
    assert barriers(page) == []


@pytest.mark.parametrize("width_px", [1280, 390])
def test_no_page_is_wider_than_its_window(visit: Visit, out: Path, width_px: int) -> None:
    page = visit(out / "index.html", width_px=width_px)
    clip = f"videos/{video_id('clip')[:2]}/{video_id('clip')}.html"
    for name in (*PAGES, clip):
        page.goto(f"{out.resolve().as_uri()}/{name}")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, name


def test_a_printed_list_has_its_strips_and_no_search_field(page: Page, tmp_path: Path) -> None:
    page.emulate_media(media="print")
    assert page.locator("#finder").is_hidden()
    assert page.locator("#all svg").first.is_visible()
    assert page.pdf(path=tmp_path / "list.pdf", format="A4").startswith(b"%PDF")
