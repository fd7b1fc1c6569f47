from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.examples import video_id
from tests.report.cases import ARABIC, HOSTILE, SEALED, SEALED_NAME, made_case, note, pages, report_of, write
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import Case, open_case
from triage.names import shown
from triage.records import Queue
from triage.report.front import ON_A_PAGE
from triage.report.item import page_of
from triage.report.page import POLICY


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with made_case(tmp_path / "case") as made:
        yield made


@pytest.fixture
def out(case: Case, tmp_path: Path) -> Path:
    write(case, tmp_path / "report")
    return tmp_path / "report"


def test_nothing_in_a_report_refers_to_another_host(out: Path) -> None:
    for name, page in pages(out).items():
        for address in page.addresses:
            target = address.partition("#")[0]
            is_pattern = address.startswith("url(#")
            assert is_pattern or re.fullmatch(r"[\w./-]*", target), f"{name} leads to {address}"
            if target and not is_pattern:
                assert ((out / name).parent / target).resolve().is_relative_to(out.resolve())
                assert ((out / name).parent / target).is_file(), f"{name} leads to {target}, which is not there"
    for file in [*out.rglob("*.css"), *out.rglob("*.js")]:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$|/\*.*?\*/", "", text, flags=re.MULTILINE), file.name
        assert "url(" not in text.replace("url(#", "")


def test_no_page_but_one_of_pictures_embeds_anything(out: Path) -> None:
    for name, page in pages(out).items():
        assert page.embedded == [], name
    assert {file.suffix for file in out.rglob("*") if file.is_file()} == {".html", ".css", ".js", ""}


def test_every_page_has_a_strict_policy_and_nothing_within_it_that_the_policy_stops(out: Path) -> None:
    for name, page in pages(out).items():
        assert POLICY in (out / name).read_text(encoding="utf-8").replace("&#39;", "'"), name
        assert page.handlers == [], name
    assert "unsafe" not in POLICY


def test_every_file_is_listed_with_its_hash(out: Path) -> None:
    lines = (out / "SHA256SUMS").read_text().splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    files = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()} - {"SHA256SUMS"}
    assert set(listed) == files
    for name, sha256 in listed.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == sha256


def test_a_sealed_item_shows_nothing_but_hash_and_reason(out: Path) -> None:
    for file in out.rglob("*"):
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        assert SEALED_NAME not in text
        assert "00:04.321" not in text
    assert not (out / page_of(SEALED.id)).exists()
    text = pages(out)["sealed.html"].text
    assert f"{SEALED.id} {SEALED.why}" in text
    assert "This is not legal advice" in text
    assert SEALED.id not in (out / "static/list-0.js").read_text()


def test_names_with_markup_directions_and_controls_are_words(out: Path) -> None:
    name = shown(HOSTILE)
    assert "\\u202e" in name
    for place in ("index.html", page_of(video_id("clip"))):
        page = pages(out)[place]
        assert name in page.text
        assert "img" not in page.tags
    for file in out.rglob("*"):
        if file.is_file():
            assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b\x00]", file.read_text(encoding="utf-8"))
    assert ARABIC in pages(out)["index.html"].text  # a name in another script is a name


def test_the_list_that_is_searched_holds_every_name_as_data(out: Path) -> None:
    text = (out / "static/list-0.js").read_text(encoding="utf-8")
    found = re.fullmatch(r"triageList\(0,(.*)\);\n", text)
    assert found is not None
    rows = json.loads(found[1])
    assert [row[2] for row in rows][:2] == [shown(HOSTILE), ARABIC]
    assert text.isascii()


def test_paths_are_shown_below_the_folder_that_all_files_lie_in(out: Path) -> None:
    for page in pages(out).values():
        assert "/dump" not in page.text.replace("/dump/locked.mp4", "")


def test_what_could_not_be_read_is_in_the_list_with_its_reason(out: Path) -> None:
    text = pages(out)["index.html"].text
    assert "locked.mp4" in text
    assert "nothing of this file was looked at: permission denied" in text


def test_each_page_of_a_video_says_beside_what_was_not_seen_what_was_not_looked_at(out: Path) -> None:
    text = pages(out)[page_of(video_id("third"))].text
    assert "not seen there: people and weapons" in text
    assert "Not looked at" in text
    assert "objects@12345678" in text
    assert "weapon from 0.30, weapon night from 0.25" in text
    for page in pages(out).values():
        assert "no weapon" not in page.text.lower()


def test_a_case_that_is_being_scanned_says_so(case: Case, tmp_path: Path) -> None:
    case.begin("aaaa.bbbb", [Path("/dump")], [Path("/dump/new one.mp4"), Path("/dump/new two.mp4")])
    write(case, tmp_path / "report")
    text = pages(tmp_path / "report")["index.html"].text
    assert "This is not the whole case. 2 files were still to be examined" in text


def test_a_report_of_a_part_says_of_how_much(case: Case, tmp_path: Path) -> None:
    assert write(case, tmp_path / "report", limit=2) == 2
    assert "This report tells of the first 2 of 6" in pages(tmp_path / "report")["index.html"].text


def test_a_case_without_a_video_has_a_report(tmp_path: Path) -> None:
    with open_case(tmp_path / "empty", make=True) as case:
        assert write(case, tmp_path / "report") == 0
    assert "No video was examined in this case." in pages(tmp_path / "report")["index.html"].text


def test_a_long_list_is_cut_into_pages_that_lead_to_each_other(case: Case, tmp_path: Path) -> None:
    for number in range(2 * ON_A_PAGE):
        case.save(report_of(f"more {number}"))
        note(case, f"more {number}.mp4", video_id(f"more {number}"))
    write(case, tmp_path / "report")
    found = pages(tmp_path / "report")
    assert {"index.html", "list/0002.html", "list/0003.html"} <= set(found)
    assert "list/0002.html" in found["index.html"].addresses
    assert "../list/0003.html" in found["list/0002.html"].addresses
    listed = [name for name in found if name == "index.html" or name.startswith("list/")]
    places = [
        place
        for name in listed
        for place in re.findall(r"c-place num\">(\d+)<", (tmp_path / "report" / name).read_text())
    ]
    assert len(places) == len(set(places)) == 2 * ON_A_PAGE + 5
    assert "routine (1)" in found["index.html"].text


def test_a_decision_is_told_where_it_was_made_and_at_copies_as_from_a_copy(case: Case, tmp_path: Path) -> None:
    judged = Judged("Ana <b>", video_id("clip"), Act.DISMISS, Rung.STRIP, "weapon", 0, 1500, {}, "a broom")
    case.decisions.add(judged, seen=None)
    case.decisions.undo(case.decisions.add(replace(judged, about="blade"), seen=None).number, "Ana", "slip", Rung.WORDS)
    write(case, tmp_path / "report")
    found = pages(tmp_path / "report")
    own = found[page_of(video_id("clip"))].text
    assert re.search(
        r"dismissed on \d+ \w+ \d{4} by Ana <b>: weapon, 00:00.0–00:01.5 \(seen as strip; “a broom”\)", own
    )
    assert "blade" not in own
    copy = found[page_of(video_id("other"))].text
    assert f"from a copy: decided on {shown(HOSTILE)}" in copy
    assert "What people decided" not in found[page_of(video_id("third"))].text


def test_queues_come_in_their_order(out: Path) -> None:
    text = pages(out)["index.html"].text
    places = [text.index(f"{queue.value} (") for queue in Queue if queue is not Queue.SEALED]
    assert places == sorted(places)
