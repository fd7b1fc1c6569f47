"""The contents of a case in the order of its queue, without a report being opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import PROVENANCE, failure, report, video_id
from triage.case import store
from triage.case.rows import row_of
from triage.case.store import open_case
from triage.errors import CaseError, Refusal
from triage.original import Stamp
from triage.records import Queue, Sealed

STAMP = Stamp(1, 2, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open_case(tmp_path / "case", make=True) as case:
        case.save(report("calm", Queue.ROUTINE))
        case.save(report("armed", Queue.URGENT))
        case.save(failure("broken"))
        for path in ("/dump/b/armed.mp4", "/dump/a/armed\u202e.mp4"):
            case.note_file(Path(path), STAMP, video_id("armed"))
        case.note_unread(Path("/dump/closed.mp4"), Refusal.NOT_OPENED, "permission denied")
    return tmp_path / "case"


def test_everything_is_listed_the_most_urgent_first_and_no_report_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_read_report", lambda path: pytest.fail(f"{path} was opened"))
    with open_case(folder) as case:
        listed = case.listing.all()
    assert [one.queue for one in listed] == [Queue.URGENT, Queue.ROUTINE, Queue.UNREADABLE, Queue.UNREADABLE]
    first, calm, broken, closed = listed
    assert (first.name, first.places, first.length_ms) == ("/dump/a/armed\\u202e.mp4", 2, 3000)
    assert (calm.name, calm.places) == (video_id("calm")[:12], 0)
    assert (broken.video, broken.kind) == (video_id("broken"), "unreadable")
    assert (closed.video, closed.name, closed.kind) == ("", "/dump/closed.mp4", "not_opened")


def test_it_is_in_the_order_of_the_rows(folder: Path) -> None:
    with open_case(folder) as case:
        assert [one.video for one in case.listing.all()] == [row["video"]["id"] or "" for row in case.rows()]


def test_of_what_is_sealed_there_is_its_hash_alone_even_where_only_one_mark_is_left(folder: Path) -> None:
    with open_case(folder, make=True) as case:
        case.save(Sealed(video_id("armed"), 100, "sealed", PROVENANCE))
        case.take(row_of(report("armed")))  # as if the catalogue had lost its mark
        sealed = next(one for one in case.listing.all() if one.video == video_id("armed"))
        assert video_id("armed") not in case.unsealed()
    assert (sealed.queue, sealed.name, sealed.places, sealed.length_ms) == (Queue.SEALED, video_id("armed"), 0, 0)


def test_where_seals_cannot_be_read_nothing_is_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("triage.case.listing.os.scandir", refuse)
    with open_case(folder) as case, pytest.raises(CaseError, match="What is sealed in this case cannot be told"):
        case.listing.all()


def test_one_row_is_what_stands_among_all(folder: Path) -> None:
    with open_case(folder) as case:
        assert case.row(video_id("armed")) == next(case.rows())
        assert case.row(video_id("nothing")) is None
