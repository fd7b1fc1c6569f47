"""Cases of earlier versions, and many who open one at once."""

from __future__ import annotations

import errno
import sqlite3
import threading
from pathlib import Path

import filelock
import pytest

from tests.case.older import NEWER, turn_back
from tests.examples import report, video_id
from triage.case import catalogue
from triage.case.audit import AuditKind
from triage.case.catalogue import CATALOGUE, FORMAT
from triage.case.copies import Known
from triage.case.decisions import Act, Judged, Rung
from triage.case.exposure import TeamRules
from triage.case.review import Copied
from triage.case.store import Case, open_case
from triage.errors import CaseError, CaseFullError
from triage.original import Stamp
from triage.records import Overlap, Segment

OVERLAP = Overlap(video_id(), video_id("other"), (Segment(0, 900, 0, 900, 1.0, False, 0.9),), 0.5, 0.5)
COPIED = Copied(video_id(), "2026-11-23T13:05:00Z", Path("/out/a.mp4"), "b" * 64, "solid", "faces", "", "", "copied")


def fill(case: Case, version: int) -> None:
    """Put in what a version knew."""
    case.note_file(Path("/dump/clip.mp4"), Stamp(1, 1, 1), video_id())
    case.save(report())
    if version >= 2:
        case.copies.keep([Known(OVERLAP)], [video_id()], "mark")
    if version >= 3:
        case.review.note(COPIED)


def assert_kept(case: Case, version: int) -> None:
    [row] = case.rows()
    assert row["video"]["path"] == "/dump/clip.mp4"
    assert case.copies.within() == ([Known(OVERLAP)] if version >= 2 else [])
    assert case.review.all() == ([COPIED] if version >= 3 else [])


def nothing_decided(case: Case) -> bool:
    kept = [case.decisions.every(), case.exposure.of("amal"), case.exposure.handovers(), case.recorder.waiting()]
    return not any(kept) and case.exposure.rules() == TeamRules() and case.recorder.seen() is None


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_case_can_be_read_as_it_is_and_keeps_everything_when_it_is_brought_up_to_date(
    tmp_path: Path, version: int
) -> None:
    with open_case(tmp_path, make=True) as case:
        fill(case, version)
    turn_back(tmp_path, version)
    with open_case(tmp_path) as case:
        assert_kept(case, version)
        assert nothing_decided(case)
        assert case.hashes.last() == {}
        assert not case.audit.is_there()
    with open_case(tmp_path, make=True) as case:
        assert_kept(case, version)
        assert nothing_decided(case)
        case.decisions.add(Judged("amal", video_id(), Act.CONFIRM, Rung.STRIP), seen=None)
        first, _ = case.audit.entries()
    assert (first.kind, first.what["start"]) == ("case_created", "older")
    assert "without a log" in first.what["why"]
    with open_case(tmp_path) as case:
        assert len(case.decisions.every()) == 1
        assert_kept(case, version)


def test_every_table_of_the_newest_format_is_known_to_what_makes_cases_older(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    catalogue = sqlite3.connect(tmp_path / CATALOGUE)
    there = {name for (name,) in catalogue.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    catalogue.close()
    assert there - {"sqlite_sequence", "places", "results", "last_scan"} == {name for names in NEWER for name in names}
    assert len(NEWER) == FORMAT - 1


@pytest.mark.parametrize("version", [0, 2, 3])
def test_of_many_who_open_a_case_at_once_one_makes_its_tables_and_its_first_line(tmp_path: Path, version: int) -> None:
    if version:
        with open_case(tmp_path, make=True):
            pass
        turn_back(tmp_path, version)
    start = threading.Barrier(5)
    met: list[int | CaseError] = []

    def open_it() -> None:
        start.wait()
        try:
            with open_case(tmp_path, make=True) as case:
                met.append(len(case.decisions.every()))
        except CaseError as error:
            met.append(error)

    people = [threading.Thread(target=open_it) for _ in range(5)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert met == [0] * 5
    with open_case(tmp_path) as case:
        assert [entry.what["start"] for entry in case.audit.entries()] == ["older" if version else "new"]


def test_a_case_whose_log_was_taken_away_says_so_in_the_next_one(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        path = case.audit.path
    path.unlink()
    with open_case(tmp_path, make=True) as case:
        [first] = case.audit.entries()
    assert first.what["start"] == "lost"


def test_a_case_that_is_read_gets_neither_log_nor_tables(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    turn_back(tmp_path, 3)
    with open_case(tmp_path) as case:
        assert not case.audit.is_there()
    catalogue = sqlite3.connect(tmp_path / CATALOGUE)
    assert catalogue.execute("PRAGMA user_version").fetchone() == (3,)
    catalogue.close()


def test_an_older_case_that_may_not_be_written_is_said_and_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_case(tmp_path, make=True):
        pass
    turn_back(tmp_path, 3)

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    with pytest.raises(CaseError, match="cannot be written"), open_case(tmp_path, make=True):
        pass
    monkeypatch.undo()
    with open_case(tmp_path) as case:
        assert not case.audit.is_there()


def test_what_is_put_on_record_of_an_older_case_that_is_only_read_says_how_old_it_is(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    turn_back(tmp_path, 3)
    with open_case(tmp_path) as case:
        case.audit.add(AuditKind.EXPORT, "amal", {})
    with open_case(tmp_path, make=True) as case:
        assert [entry.what.get("start") for entry in case.audit.entries()] == ["older", None]


def test_a_reader_sees_what_another_one_writes_meanwhile(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as writer, open_case(tmp_path) as reader:
        assert reader.counts().videos == 0
        fill(writer, 3)
        assert reader.counts().videos == 1
        assert_kept(reader, 3)


def test_a_reader_who_comes_while_somebody_writes_is_not_kept_waiting(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as writer:
        fill(writer, 3)
        with writer._catalogue.writing() as writing:
            writing.execute("UPDATE results SET queue = 'urgent'")
            with open_case(tmp_path) as reader:
                assert reader.queue_of(video_id()) == "priority"
        assert writer.queue_of(video_id()) == "urgent"


def test_a_case_whose_making_was_stopped_says_so_and_can_be_made(tmp_path: Path) -> None:
    (tmp_path / CATALOGUE).touch()
    with pytest.raises(CaseError, match="is being made at this moment, or that was stopped"), open_case(tmp_path):
        pass
    with open_case(tmp_path, make=True) as case:
        assert case.counts().files == 0


def test_a_quota_that_is_used_up_on_a_disk_with_room_is_said_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    said = sqlite3.OperationalError("disk I/O error")
    said.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(CaseError, match="disk I/O error"), catalogue._spoken(tmp_path):
        raise said
    monkeypatch.setattr("triage.case.catalogue.tempfile.TemporaryFile", refused)
    with pytest.raises(CaseFullError, match="the disk is full"), catalogue._spoken(tmp_path):
        raise said
