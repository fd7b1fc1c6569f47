from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.examples import PROVENANCE, failure, report, under_other_settings, video_id
from triage.case.catalogue import CATALOGUE, FORMAT
from triage.case.rows import row_of
from triage.case.store import Case, only_scan, open_case
from triage.errors import CaseError, CaseFullError, Refusal, UsageError
from triage.original import Stamp
from triage.records import Queue

STAMP = Stamp(size=10, mtime_ns=1, ctime_ns=2)


def put(case: Case, name: str, queue: Queue, weight: float = 1.0) -> None:
    case.note_file(Path(f"/dump/{name}.mp4"), STAMP, video_id(name))
    case.save(report(name, queue, weight))


def names(case: Case, queue: Queue | None = None, limit: int | None = None) -> list[str]:
    return [Path(row["video"]["path"]).stem for row in case.rows(queue, limit)]


def test_rows_come_the_most_urgent_first_and_the_weightiest_of_a_queue_first(tmp_path: Path) -> None:
    with open_case(tmp_path / "case", make=True) as case:
        put(case, "calm", Queue.ROUTINE, 9.0)
        put(case, "light", Queue.URGENT, 1.0)
        put(case, "heavy", Queue.URGENT, 2.0)
        put(case, "middle", Queue.PRIORITY)
        case.note_unread(Path("/dump/locked.mp4"), Refusal.NOT_OPENED, "permission denied")
        assert names(case) == ["heavy", "light", "middle", "calm", "locked"]
        assert names(case, Queue.URGENT) == ["heavy", "light"]
        assert names(case, limit=2) == ["heavy", "light"]
        assert names(case, limit=4) == ["heavy", "light", "middle", "calm"]
        assert names(case, Queue.UNREADABLE) == ["locked"]


def test_the_same_bytes_at_two_places_are_one_row_with_both_paths(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.ROUTINE)
        case.note_file(Path("/dump/a copy.mp4"), STAMP, video_id("one"))
        (row,) = case.rows()
        assert row["video"]["paths"] == ["/dump/a copy.mp4", "/dump/one.mp4"]
        assert case.counts().files == 2
        assert case.counts().videos == 1


def test_a_name_that_is_no_text_is_kept_as_it_is(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(b"/dump/\xff\xfe.mp4"))
    with open_case(tmp_path, make=True) as case:
        case.note_file(odd, STAMP, video_id())
        case.save(report())
        (row,) = case.rows()
        assert os.fsencode(row["video"]["path"]) == b"/dump/\xff\xfe.mp4"


def test_a_case_outlives_the_program(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.URGENT)
    with open_case(tmp_path) as case:
        assert names(case) == ["one"]
        assert case.known(Path("/dump/one.mp4"), STAMP) == video_id("one")


@pytest.mark.parametrize("changed", [Stamp(11, 1, 2), Stamp(10, 9, 2), Stamp(10, 1, 9)])
def test_a_file_with_another_size_or_date_is_not_known(tmp_path: Path, changed: Stamp) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.ROUTINE)
        assert case.known(Path("/dump/one.mp4"), changed) is None


def test_reports_of_other_settings_stay_beside_the_new_one(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.save(report())
        case.save(under_other_settings(report(), "cccc.bbbb"))
        assert case.stored(video_id("clip"), PROVENANCE.settings) == row_of(report())
        assert case.stored(video_id("clip"), "cccc.bbbb") is not None
        assert case.stored(video_id("clip"), "dddd.bbbb") is None
        assert len(list((tmp_path / "reports").rglob("*.json"))) == 2


def test_the_same_looking_under_another_policy_is_found(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.save(report())
        assert case.stored_looking(video_id("clip"), "aaaa.9999") == row_of(report())
        assert case.stored_looking(video_id("clip"), "9999.bbbb") is None


def test_a_file_that_is_gone_keeps_its_row_and_is_counted(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "stays", Queue.ROUTINE)
        put(case, "goes", Queue.ROUTINE)
        case.begin("aaaa.bbbb", [Path("/dump")], [Path("/dump/stays.mp4")])
        assert case.counts().gone == 1
        rows = {Path(row["video"]["path"]).stem: row["video"] for row in case.rows()}
        assert rows["goes"]["paths"] == []
        assert rows["goes"]["past_paths"] == ["/dump/goes.mp4"]


@pytest.mark.parametrize(("root", "gone"), [("/dump", 1), ("/", 1), ("/dump/sub", 1), ("/dum", 0), ("/elsewhere", 0)])
def test_only_what_lies_below_a_scanned_dump_can_be_gone(tmp_path: Path, root: str, gone: int) -> None:
    with open_case(tmp_path, make=True) as case:
        case.note_file(Path("/dump/sub/one.mp4"), STAMP, video_id("one"))
        case.begin("aaaa.bbbb", [Path(root)], [])
        assert case.counts().gone == gone


def test_a_dump_that_was_moved_is_where_it_is_now_and_one_whose_disk_is_unplugged_is_not_forgotten(
    tmp_path: Path,
) -> None:
    there = tmp_path / "copy.mp4"
    there.touch()
    with open_case(tmp_path / "case", make=True) as case:
        put(case, "one", Queue.ROUTINE)
        put(case, "two", Queue.ROUTINE)
        case.note_file(there, STAMP, video_id("one"))
        moved = Path("/moved/one.mp4")
        case.begin("aaaa.bbbb", [Path("/moved")], [moved])
        case.note_file(moved, STAMP, video_id("one"))
        rows = {row["video"]["id"]: row["video"] for row in case.rows()}
        assert rows[video_id("one")]["paths"] == sorted([str(moved), str(there)])
        assert rows[video_id("one")]["past_paths"] == ["/dump/one.mp4"]
        assert rows[video_id("two")]["paths"] == ["/dump/two.mp4"], "nobody looked there"


def test_a_file_that_could_not_be_read_had_its_turn_and_is_not_left(tmp_path: Path) -> None:
    path = Path("/dump/one.mp4")
    with open_case(tmp_path, make=True) as case:
        case.begin(PROVENANCE.settings, [Path("/dump")], [path])
        case.note_file(path, STAMP, video_id("one"))
        assert (case.counts().left, case.left()) == (1, [path])
        case.note_unread(path, Refusal.NOT_OPENED, "its decoder was ended from outside")
        assert (case.counts().left, case.left()) == (0, [])
        case.note_file(path, STAMP, video_id("one"))
        assert case.counts().left == 1, "its turn has come again"


def test_bytes_that_were_replaced_before_anybody_examined_them_are_not_left(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.note_file(Path("/dump/one.mp4"), STAMP, video_id("half"))
        case.note_file(Path("/dump/one.mp4"), Stamp(11, 3, 4), video_id("whole"))
        case.save(report("whole", Queue.ROUTINE))
        assert (case.counts().left, case.left()) == (0, [])


def test_a_replaced_file_keeps_the_path_of_what_lay_there(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.URGENT)
        case.note_file(Path("/dump/one.mp4"), Stamp(11, 3, 4), video_id("two"))
        case.save(report("two", Queue.ROUTINE))
        old, new = (row["video"] for row in case.rows())
        assert (old["path"], old["paths"], old["past_paths"]) == ("/dump/one.mp4", [], ["/dump/one.mp4"])
        assert new["paths"] == ["/dump/one.mp4"]
        assert case.counts().gone == 0, "something lies there"


def test_a_file_that_cannot_be_read_today_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.URGENT)
        case.note_unread(Path("/dump/one.mp4"), Refusal.NOT_OPENED, "permission denied")
        urgent, unread = case.rows()
        assert urgent["video"]["paths"] == ["/dump/one.mp4"]
        assert unread["verdict"]["reasons"][0]["words"] == "permission denied"


def test_what_could_not_be_read_and_is_no_longer_there_has_no_row(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.note_unread(Path("/dump/locked"), Refusal.NOT_OPENED, "permission denied")
        case.begin("aaaa.bbbb", [Path("/dump")], [Path("/dump/locked/one.mp4")])
        assert list(case.rows()) == []
        assert case.counts().queues[Queue.UNREADABLE] == 0


def test_what_a_scan_has_not_come_to_is_counted_as_left(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.begin(PROVENANCE.settings, [Path("/dump")], [Path("/dump/one.mp4"), Path("/dump/two.mp4")])
        assert case.counts().left == 2
        put(case, "one", Queue.ROUTINE)
        assert case.counts().left == 1


def test_results_of_other_settings_than_the_last_scan_are_counted(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.ROUTINE)
        case.begin(PROVENANCE.settings, [Path("/dump")], [Path("/dump/one.mp4")])
        assert case.counts().otherwise == 0
        case.begin("cccc.bbbb", [Path("/dump")], [Path("/dump/one.mp4")])
        assert case.counts().otherwise == 1


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.ROUTINE)
        before = case._catalogue._connection.total_changes
        case.note_file(Path("/dump/one.mp4"), STAMP, video_id("one"))
        case.take(row_of(report("one", Queue.ROUTINE, 1.0)))
        assert case._catalogue._connection.total_changes == before


def test_a_case_that_may_not_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_case(tmp_path / "case", make=True) as case:
        put(case, "one", Queue.URGENT)
    connect = sqlite3.connect

    def on_a_read_only_disk(address: str, *, uri: bool) -> sqlite3.Connection:
        # Such a disk refuses the log that a reader would open beside the catalogue.
        return connect(address if "immutable" in address else "file:/nowhere/at/all?mode=ro", uri=uri)

    monkeypatch.setattr(sqlite3, "connect", on_a_read_only_disk)
    with open_case(tmp_path / "case") as case:
        assert names(case) == ["one"]


def test_what_was_read_but_not_examined_is_counted_as_left(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "done", Queue.ROUTINE)
        case.note_file(Path("/dump/next.mp4"), STAMP, video_id("next"))
        assert case.counts().left == 1


def test_a_file_that_became_readable_is_no_longer_counted_as_unreadable(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.note_unread(Path("/dump/one.mp4"), Refusal.NOT_OPENED, "permission denied")
        assert case.counts().queues[Queue.UNREADABLE] == 1
        put(case, "one", Queue.ROUTINE)
        assert case.counts().queues[Queue.UNREADABLE] == 0


def test_refused_contents_are_counted_by_their_reason(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.save(failure("a", Refusal.EMPTY))
        case.save(failure("b", Refusal.ENCRYPTED))
        assert case.counts().kinds == {"empty_file": 1, "encrypted": 1}


def test_no_case_is_said_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no case here; make one with: triage scan"), open_case(tmp_path):
        pass


def test_a_case_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    newer = sqlite3.connect(tmp_path / CATALOGUE)
    newer.execute(f"PRAGMA user_version = {FORMAT + 1}")
    newer.close()
    with pytest.raises(CaseError, match="made by a newer version of triage"), open_case(tmp_path, make=True):
        pass
    kept = sqlite3.connect(tmp_path / CATALOGUE)
    assert kept.execute("PRAGMA user_version").fetchone() == (FORMAT + 1,)
    kept.close()


def test_a_damaged_catalogue_is_named_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / CATALOGUE).write_bytes(b"this is no database, but it is long enough to look like a file" * 20)
    with pytest.raises(CaseError, match="move this one file away and scan again"), open_case(tmp_path):
        pass


def test_a_case_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "case").write_text("x")
    with pytest.raises(UsageError, match="--case wants a folder"), open_case(tmp_path / "case", make=True):
        pass


def test_a_second_scan_of_one_case_is_kept_out(tmp_path: Path) -> None:
    with (
        open_case(tmp_path, make=True) as case,
        only_scan(case),
        open_case(tmp_path) as other,
        pytest.raises(CaseError, match="another scan is at work"),
        only_scan(other),
    ):
        pass


@pytest.mark.parametrize("contents", [None, b"", b"{}"])
def test_a_missing_or_damaged_report_is_a_row_that_says_so_and_hides_no_other(
    tmp_path: Path, contents: bytes | None
) -> None:
    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.ROUTINE)
        put(case, "two", Queue.URGENT)
        [file] = (tmp_path / "reports").rglob(f"{video_id('two')}*.json")
        file.unlink() if contents is None else file.write_bytes(contents)
        damaged, whole = case.rows()
        assert damaged["video"]["paths"] == ["/dump/two.mp4"]
        assert "scan again" in damaged["verdict"]["reasons"][0]["words"].replace("run the scan", "scan")
        assert whole["verdict"]["queue"] == "routine"


def test_a_full_disk_is_said_and_what_was_saved_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with open_case(tmp_path, make=True) as case:
        put(case, "one", Queue.ROUTINE)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(CaseFullError, match=r"the disk is full\. Nothing that was finished is lost"):
            case.save(report("two"))
        monkeypatch.undo()
        assert names(case) == ["one"]
        assert case.stored(video_id("two"), PROVENANCE.settings) is None


def test_what_is_gone_from_an_archive_that_is_the_dump_is_not_there_any_more(tmp_path: Path) -> None:
    root = tmp_path / "a.zip"
    root.write_bytes(b"an archive")
    inside = [root, tmp_path / "a.zip!" / "stays.mp4", tmp_path / "a.zip!" / "goes.mp4"]
    with open_case(tmp_path / "case", make=True) as case:
        case.begin("aaaa.bbbb", [root], inside)
        case.begin("aaaa.bbbb", [root], inside[:2])
        assert case.left() == inside[:2]


def test_a_folder_that_is_named_like_the_inside_of_an_archive_is_no_part_of_it(tmp_path: Path) -> None:
    root, other = tmp_path / "a.zip", tmp_path / "a.zip!" / "other.mp4"
    root.write_bytes(b"an archive")
    other.parent.mkdir()
    other.write_bytes(b"a file of its own")
    with open_case(tmp_path / "case", make=True) as case:
        case.begin("aaaa.bbbb", [tmp_path], [root, other])
        case.begin("aaaa.bbbb", [root], [root])
        assert case.left() == [root, other]
