"""The queue as a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk.visitor import Served, add_video, said
from tests.examples import PROVENANCE, report, video_id
from triage.case import store
from triage.case.copies import Known
from triage.case.rows import Row
from triage.case.store import open_case
from triage.desk.queueing import A_PAGE
from triage.errors import Refusal
from triage.original import Stamp
from triage.records import Overlap, Queue, Sealed, Segment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "case"


def copy_of(folder: Path, first: str, second: str, end_ms: int = 3000) -> None:
    """Note that two videos show the same for so long."""
    segment = Segment(0, end_ms, 0, end_ms, speed=1.0, mirrored=False, similarity=0.9)
    share = end_ms / 3000
    with open_case(folder, make=True) as case:
        both = [Known(Overlap(*pair, (segment,), share, share)) for pair in ((first, second), (second, first))]
        case.copies.keep(both, [first, second], "mark")


def names(text: str) -> list[str]:
    """The videos of a page in their order."""
    return [piece.partition("</bdi>")[0] for piece in text.split("data-open><bdi>")[1:]]


def test_what_is_urgent_comes_first_and_in_each_queue_what_nobody_has_seen(folder: Path) -> None:
    add_video(folder, "routine", Queue.ROUTINE)
    shown_before = add_video(folder, "copy", Queue.PRIORITY, weight=1.6)
    add_video(folder, "light", Queue.PRIORITY, weight=1.2)
    add_video(folder, "heavy", Queue.PRIORITY, weight=1.9)
    urgent = add_video(folder, "urgent", Queue.URGENT)
    copy_of(folder, urgent, shown_before)
    page = Served(folder).visitor().get("/")
    assert names(page.text) == ["urgent.mp4", "heavy.mp4", "light.mp4", "copy.mp4", "routine.mp4"]
    assert "00:12.000 unseen of 00:15.000" in said(page)


def test_the_most_unseen_seconds_can_come_first(folder: Path) -> None:
    part = add_video(folder, "urgent", Queue.URGENT)
    other = add_video(folder, "more urgent", Queue.URGENT, weight=1.9)
    add_video(folder, "routine", Queue.ROUTINE)
    copy_of(folder, part, other, 1000)
    page = Served(folder).visitor().get("/?order=unseen")
    assert names(page.text) == ["more urgent.mp4", "routine.mp4", "urgent.mp4"]


@pytest.mark.parametrize(
    ("file", "seen"),
    [
        ("<script>alert(1)</script>.mp4", "script&gt;.mp4"),
        ('"><img src=x onerror=alert(1)>.mp4', "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;.mp4"),
        ("a\u202egpj.mp4", "a\\u202egpj.mp4"),
        ("a\x1b[31mb.mp4", "a\\x1b[31mb.mp4"),
        ("{{ csrf }}{% raw %}.mp4", "{{ csrf }}{% raw %}.mp4"),
        ("javascript:alert(1).mp4", "javascript:alert(1).mp4"),
    ],
)
def test_a_name_from_a_dump_is_text_and_nothing_else(folder: Path, file: str, seen: str) -> None:
    file = file.replace("/", "")  # no file has one in its name
    add_video(folder, "clip", file=file)
    visitor = Served(folder).visitor()
    for path in ("/", f"/video/{video_id()}", "/?words=mp4"):
        text = visitor.get(path).text
        assert seen.replace("/", "") in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text
        assert "\x1b" not in text


def test_a_name_that_is_no_text_is_shown_all_the_same(folder: Path) -> None:
    path = folder.parent / "dump"
    path.mkdir(parents=True)
    broken = path / "a\udcffb.mp4"
    broken.write_bytes(b"clip")
    with open_case(folder, make=True) as case:
        case.save(report())
        case.note_file(broken, Stamp.of(broken.stat()), video_id())
    visitor = Served(folder).visitor()
    assert "a\\udcffb.mp4" in visitor.get("/").text
    assert "a\\udcffb.mp4" in visitor.get(f"/video/{video_id()}").text


def test_only_the_reports_of_one_page_are_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(A_PAGE + 7):
        add_video(folder, f"clip {number}")
    visitor = Served(folder).visitor()
    opened: list[Path] = []
    read = store._read_report

    def counting(path: Path) -> Row | None:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(store, "_read_report", counting)
    first, second = visitor.get("/"), visitor.get("/?page=2")
    assert len(names(first.text)) == A_PAGE
    assert len(names(second.text)) == 7
    assert not set(names(first.text)) & set(names(second.text))
    assert len(opened) == A_PAGE + 7
    assert names(visitor.get("/?page=99999").text) == names(second.text)
    assert "page 2 of 2" in said(second)


@pytest.mark.parametrize(
    "query", ["page=-1", "page=x", "page=²", "queue=none", "order=x", "state=x", "page=" + "9" * 400]
)
def test_what_cannot_be_meant_shows_the_queue(folder: Path, query: str) -> None:
    add_video(folder, "clip")
    assert names(Served(folder).visitor().get(f"/?state=any&{query}").text) == ["clip.mp4"]


def test_videos_are_found_by_their_name_their_hash_and_their_queue(folder: Path) -> None:
    for name, queue in (("one", Queue.URGENT), ("two", Queue.ROUTINE)):
        add_video(folder, name, queue)
    visitor = Served(folder).visitor()
    assert names(visitor.get("/?words=ON").text) == ["one.mp4"]
    assert names(visitor.get(f"/?words={video_id('two')[:10]}").text) == ["two.mp4"]
    assert names(visitor.get("/?queue=routine").text) == ["two.mp4"]
    assert "No video is like that" in said(visitor.get("/?words=three"))


def test_of_what_is_sealed_nothing_is_shown_but_hash_and_reason(folder: Path) -> None:
    video = add_video(folder, "hidden name")
    with open_case(folder, make=True) as case:
        case.save(Sealed(video, 1234, "possible sexual content, and a minor could not be excluded", PROVENANCE))
    visitor = Served(folder).visitor()
    for path in ("/", f"/video/{video}"):
        page = visitor.get(path)
        assert video in page.text
        assert "hidden name" not in page.text
        assert "00:01" not in page.text
    assert "a minor could not be excluded" in said(visitor.get(f"/video/{video}"))
    for address in (f"/video/{video}/climb", f"/video/{video}/make"):
        answer = visitor.post(address, {"rung": "strip"})
        assert answer.status_code == 403
        assert "It is sealed" in said(answer)
    assert visitor.decide(video, "confirm").status_code == 403


def test_a_case_that_is_being_scanned_says_what_is_left_and_grows(folder: Path) -> None:
    add_video(folder, "clip")
    with open_case(folder, make=True) as case:
        case.begin("aaaa.bbbb", [], [Path("/dump/a.mp4"), Path("/dump/b.mp4")])
    served = Served(folder)
    visitor = served.visitor()
    assert "2 files are still to be scanned" in said(visitor.get("/"))
    assert visitor.get("/growth").json() == {"videos": 1, "left": 2}
    add_video(folder, "newer", Queue.URGENT)
    served.desk.overviews._kept = None  # as after a moment
    assert names(visitor.get("/").text) == ["newer.mp4", "clip.mp4"]
    assert visitor.get("/growth").json()["videos"] == 2


def test_a_video_that_was_scanned_a_moment_ago_has_its_page(folder: Path) -> None:
    add_video(folder, "clip")
    served = Served(folder)
    visitor = served.visitor()
    visitor.get("/")
    kept = served.desk.overviews._kept
    video = add_video(folder, "newer")
    assert kept is not None
    served.desk.overviews._kept = (kept[0], float("inf"), kept[2])
    assert visitor.get(f"/video/{video}").status_code == 200


def test_what_could_not_be_read_has_its_line(folder: Path) -> None:
    add_video(folder, "clip")
    with open_case(folder, make=True) as case:
        case.note_unread(Path("/dump/broken.mp4"), Refusal.NOT_OPENED, "permission denied")
    page = said(Served(folder).visitor().get("/"))
    assert "/dump/broken.mp4" in page
    assert "not opened" in page


@pytest.mark.parametrize(
    "video", ["x", "../../etc/passwd", "%2e%2e%2fcatalogue.sqlite", "0" * 64, "A" * 64, "0" * 63 + "\u0660"]
)
def test_an_address_that_names_no_video_opens_nothing(folder: Path, video: str) -> None:
    add_video(folder, "clip")
    visitor = Served(folder).visitor()
    assert visitor.get(f"/video/{video}").status_code == 404
    assert visitor.post(f"/video/{video}/climb", {"rung": "original", "why": "x"}).status_code == 404
    assert visitor.get(f"/static/{video}").status_code == 404


def test_a_case_of_a_newer_version_is_refused_before_anything_is_served(folder: Path) -> None:
    import sqlite3

    from triage.errors import CaseError

    add_video(folder, "clip")
    with sqlite3.connect(folder / "catalogue.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CaseError, match="newer version"):
        Served(folder)
