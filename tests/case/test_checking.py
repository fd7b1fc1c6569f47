"""What ``verify`` tells apart: changed, put in, gone, missing, and only worth knowing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.case.older import turn_back
from tests.examples import PROVENANCE, failure, report, under_other_settings, video_id
from triage.case.audit import AuditKind, Head
from triage.case.catalogue import CATALOGUE
from triage.case.checking import (
    Remark,
    check_catalogue,
    check_copies,
    check_decisions,
    check_log,
    check_original,
    check_reports,
)
from triage.case.decisions import Act, Judged, Rung
from triage.case.exposure import TeamRules
from triage.case.hashes import files
from triage.case.review import Copied
from triage.case.store import Case, open_case
from triage.durable import sha256_of
from triage.original import Stamp
from triage.records import Queue, Sealed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that nobody touches: every write waits for the disk, so it is made once."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder)
    return folder


@pytest.fixture
def filled(whole: Path, tmp_path: Path) -> Path:
    """A case with two reports, a seal, decisions, rules and a handover note, all on record."""
    return Path(shutil.copytree(whole, tmp_path / "filled"))


def fill(folder: Path) -> None:
    with open_case(folder, make=True) as case:
        for name in ("clip", "two"):
            case.note_file(Path(f"/dump/{name}.mp4"), Stamp(1, 1, 1), video_id(name))
            case.save(report(name))
        case.save(failure())
        case.save(Sealed(video_id("sealed"), 400, "possible", PROVENANCE))
        case.decisions.add(Judged("amal", video_id(), Act.CONFIRM, Rung.STRIP), seen=None)
        case.decisions.add(Judged("omar", video_id(), Act.DISMISS, Rung.BLURRED, why="a toy"), seen=1)
        case.decisions.undo(2, "omar", "a slip", Rung.STRIP)
        case.exposure.set_rules(TeamRules(budget=99, second_reader_labels=("minor",)), "lina", "agreed")
        case.exposure.handover("lina", "go on")
        anchor = case.hashes.anchors()[-1]
        what = {"step": "ends", "reports": anchor.reports, "reports_sha256": anchor.sha256}
        case.recorder.put(AuditKind.SCAN, "lina", what)


def everything(folder: Path) -> list[Remark]:
    with open_case(folder) as case:
        checked = check_log(case)[1] + check_catalogue(case) + check_decisions(case)
        return [*checked, *check_reports(case), *check_copies(case)]


def wrong(folder: Path) -> list[tuple[str, str]]:
    return [(one.part.value, one.where) for one in everything(folder) if one.is_wrong]


def tamper(folder: Path, *statements: str) -> None:
    """What somebody does who opens the catalogue with another program."""
    catalogue = sqlite3.connect(folder / CATALOGUE)
    triggers = catalogue.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (trigger,) in triggers:
        catalogue.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        catalogue.execute(statement)
    catalogue.commit()
    catalogue.close()


def test_an_untouched_case_has_nothing_to_remark(filled: Path) -> None:
    assert everything(filled) == []


def test_checking_writes_nothing(filled: Path) -> None:
    before = {path: path.read_bytes() for path in filled.rglob("*") if path.is_file()}
    everything(filled)
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in filled.rglob("*") if path.suffix not in {".sqlite-shm", ".sqlite-wal"}} >= set(before)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE decisions SET act = 'dismiss' WHERE number = 1", "decision 1"),
        ("UPDATE decisions SET author = 'nobody' WHERE number = 2", "decision 2"),
        ("DELETE FROM decisions WHERE number = 3", "decision 3"),
        (
            "INSERT INTO decisions SELECT 9, at, author, video, act, rung, about, start_ms, end_ms, instead, why, "
            "supersedes, is_second FROM decisions WHERE number = 1",
            "decision 9",
        ),
        ("UPDATE team_rules SET rules = replace(rules, '99', '999999')", "team rules 1"),
        ("DELETE FROM handovers", "handover 1"),
    ],
)
def test_a_decision_that_was_changed_put_in_or_taken_out_behind_the_log_is_named(
    filled: Path, statement: str, where: str
) -> None:
    tamper(filled, statement)
    assert wrong(filled) == [("decisions", where)]


def test_a_log_that_was_cut_alone_is_seen_by_the_catalogue(filled: Path) -> None:
    log = filled / "audit.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    with open_case(filled) as case:
        checked, remarks = check_log(case)
    assert checked.problems == (), "the chain itself cannot show it"
    assert [(one.where, one.is_wrong) for one in remarks] == [("audit.jsonl", True)]


def test_a_log_that_is_gone_is_wrong_and_one_that_never_was_is_not(tmp_path: Path, filled: Path) -> None:
    (filled / "audit.jsonl").unlink()
    assert ("log", "audit.jsonl") in wrong(filled)
    with open_case(tmp_path / "older", make=True) as case:
        case.save(report())
    turn_back(tmp_path / "older", 3)
    assert wrong(tmp_path / "older") == []
    assert [one.part.value for one in everything(tmp_path / "older")] == ["log", "reports"]


def test_a_log_begun_anew_is_held_against_what_the_catalogue_has_seen(filled: Path) -> None:
    (filled / "audit.jsonl").unlink()
    with open_case(filled, make=True):
        pass
    found = wrong(filled)
    assert ("log", "audit.jsonl") in found
    assert ("decisions", "decision 1") in found


def test_a_line_that_was_written_down_is_looked_for(filled: Path) -> None:
    with open_case(filled, make=True) as case:
        head = case.audit.head()
        case.exposure.handover("lina", "more")
        assert check_log(case, head)[1] == []
        [remark] = check_log(case, Head(head.number, "0" * 64))[1]
        assert remark.is_wrong
        assert check_log(case, Head(99, head.sha256))[1] != []


def test_a_log_without_its_beginning_is_wrong(filled: Path) -> None:
    log = filled / "audit.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[1:]))
    assert ("log", "audit.jsonl line 1") in wrong(filled)


def test_a_case_that_was_killed_while_its_first_line_was_written_is_not_called_forged(tmp_path: Path) -> None:
    tmp_path.joinpath("audit.jsonl").write_bytes(b'{"number":1,"at"')
    fill(tmp_path)
    assert wrong(tmp_path) == []
    assert [one.where for one in everything(tmp_path)] == ["audit.jsonl line 1"] * 2


def altered(path: Path) -> None:
    row = json.loads(path.read_bytes())
    row["coverage"]["sampled"] += 1
    path.write_text(json.dumps(row))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (altered, "is not what was written"),
        (lambda path: path.write_bytes(b""), "is not what was written"),
        (Path.unlink, "is gone"),
    ],
)
def test_a_report_that_was_changed_or_is_gone_is_named(
    filled: Path, change: Callable[[Path], None], words: str
) -> None:
    [path] = (filled / "reports").rglob(f"{video_id('two')}*")
    change(path)
    [remark] = everything(filled)
    assert (remark.where, remark.is_wrong) == (path.relative_to(filled).as_posix(), True)
    assert words in remark.why


def test_a_report_whose_hash_was_changed_with_it_no_longer_fits_the_log(filled: Path) -> None:
    [path] = (filled / "reports").rglob(f"{video_id('two')}*")
    altered(path)
    name = path.relative_to(filled).as_posix()
    tamper(filled, f"UPDATE report_hashes SET sha256 = '{sha256_of(path)}' WHERE name = '{name}'")
    [remark] = everything(filled)
    assert (remark.part.value, remark.is_wrong) == ("reports", True)
    assert "of the log stands for" in remark.why


@pytest.mark.parametrize("change", ["queue = 'routine'", "place = 2", "weight = 0.1", "reached_ms = 0"])
def test_a_video_that_was_queued_otherwise_than_its_report_says_is_named(filled: Path, change: str) -> None:
    tamper(filled, f"UPDATE results SET {change} WHERE video = '{video_id()}'")
    [remark] = everything(filled)
    assert (remark.part.value, remark.is_wrong) == ("reports", True)
    assert video_id() in remark.where
    assert "the catalogue queues it otherwise" in remark.why


def test_a_report_under_other_settings_than_the_last_scan_is_not_held_against_the_catalogue(filled: Path) -> None:
    with open_case(filled, make=True) as case:
        case.save(under_other_settings(report("clip", Queue.URGENT), "cccc.bbbb"))
    assert everything(filled) == []


def test_the_report_of_one_video_under_the_name_of_another_is_named(filled: Path) -> None:
    tamper(filled, "DELETE FROM report_hashes")
    tamper(filled, f"DELETE FROM results WHERE video = '{video_id()}'")
    (filled / "audit.jsonl").unlink()
    [one], [two] = ((filled / "reports").rglob(f"{video_id(name)}*") for name in ("clip", "two"))
    two.write_bytes(one.read_bytes())
    found = [remark for remark in everything(filled) if remark.is_wrong and remark.part.value == "reports"]
    assert [remark.where for remark in found] == [two.relative_to(filled).as_posix()]
    assert f"is the report of {video_id()[:12]}" in found[0].why


@pytest.mark.parametrize("contents", [b"", b"{}", b"[]", b'{"schema": 1}', b"\xff"])
def test_a_report_without_a_kept_hash_has_to_load(tmp_path: Path, contents: bytes) -> None:
    with open_case(tmp_path, make=True) as case:
        case.save(report())
    [path] = files(tmp_path)
    path.write_bytes(contents)
    tamper(tmp_path, "DELETE FROM report_hashes")
    [remark] = everything(tmp_path)
    assert remark.is_wrong
    assert "damaged" in remark.why


@pytest.mark.parametrize(
    ("part", "value"),
    [("tracks", [{"label": "dragon"}]), ("video", {}), ("verdict", {"queue": "urgent", "reasons": []}), ("faults", 7)],
)
def test_a_report_without_a_kept_hash_has_to_be_one_in_all_its_parts(tmp_path: Path, part: str, value: object) -> None:
    with open_case(tmp_path, make=True) as case:
        case.save(report())
    [path] = files(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), part: value}))
    tamper(tmp_path, "DELETE FROM report_hashes")
    [remark] = everything(tmp_path)
    assert remark.is_wrong
    assert "damaged" in remark.why


def test_a_report_of_what_is_sealed_is_wrong_and_its_absence_is_not(filled: Path) -> None:
    with open_case(filled, make=True) as case:
        path = case._report_path(video_id("two"), PROVENANCE.settings)
        before = path.read_bytes()
        case.save(Sealed(video_id("two"), 1, "possible", PROVENANCE))
    assert wrong(filled) == []
    path.write_bytes(before)
    assert wrong(filled) == [("reports", path.relative_to(filled).as_posix())]


def test_a_seal_that_is_gone_or_changed_is_named(filled: Path) -> None:
    seal = filled / "sealed" / f"{video_id('sealed')}.json"
    seal.write_bytes(seal.read_bytes() + b" ")
    assert wrong(filled) == [("reports", f"sealed/{seal.name}")]
    seal.unlink()
    assert wrong(filled) == [("reports", f"sealed/{seal.name}")]


def test_the_hashes_of_reports_from_before_are_kept_by_the_next_scan(filled: Path) -> None:
    turn_back(filled, 3)
    with open_case(filled, make=True) as case:
        assert [one.is_wrong for one in check_reports(case)] == [False] * 4
        assert case.hashes.adopt() == 4
        assert case.hashes.adopt() == 0
        assert list(check_reports(case)) == []


def test_the_anchor_is_a_hash_that_anybody_can_work_out(tmp_path: Path, filled: Path) -> None:
    with open_case(filled) as case:
        *_, last = case.hashes.anchors()
        assert last.reports == 4
        catalogue = sqlite3.connect(filled / CATALOGUE)
        rows = catalogue.execute("SELECT name, sha256 FROM report_hashes ORDER BY number").fetchall()
        catalogue.close()
    listed = tmp_path / "list"
    listed.write_text("".join(f"{name} {sha256}\n" for name, sha256 in rows))
    assert sha256_of(listed) == last.sha256
    for name, sha256 in rows:
        assert sha256_of(filled / name) == sha256


def test_a_review_copy_that_was_changed_is_wrong_and_one_that_was_moved_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"covered")
    with open_case(tmp_path / "case", make=True) as case:
        for sha256 in ("b" * 64, sha256_of(path)):  # it was made anew at the same place
            case.review.note(Copied(video_id(), "2026-11-23T13:05:00Z", path, sha256, "solid", "", "", "", "copied"))
        assert list(check_copies(case)) == []
        path.write_bytes(b"shown")
        [remark] = check_copies(case)
        assert (remark.is_wrong, remark.where) == (True, str(path))
        path.unlink()
        [remark] = check_copies(case)
        assert (remark.is_wrong, "is missing" in remark.why) == (False, True)


def look(case: Case, path: Path, video: str, stamp: Stamp, *, read: bool) -> list[tuple[bool, str]]:
    found = check_original(case, path, video, stamp, read=read)
    return [(remark.is_wrong, " ".join(remark.why.split()[:3])) for remark in found]


def test_an_original_at_an_address_is_not_read_and_not_called_missing(tmp_path: Path) -> None:
    with open_case(tmp_path / "case", make=True) as case:
        [remark] = check_original(case, Path("s3:/bucket/clip.mp4"), "0" * 64, Stamp(1, 1, 1), read=True)
    assert (remark.is_wrong, remark.where) == (False, "s3://bucket/clip.mp4")
    assert remark.why == "was not read: it lies at an address, and checking uses no network"


def test_an_original_is_missing_or_changed_and_these_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"original")
    video, stamp = sha256_of(path), Stamp.of(path.stat())
    with open_case(tmp_path / "case", make=True) as case:
        assert look(case, path, video, stamp, read=False) == look(case, path, video, stamp, read=True) == []
        path.write_bytes(b"Original")
        os.utime(path, ns=(stamp.mtime_ns, stamp.mtime_ns))
        assert look(case, path, video, stamp, read=False) == [], "nobody read it"
        assert look(case, path, video, stamp, read=True) == [(True, "is not what")]
        path.write_bytes(b"another one")
        assert look(case, path, video, stamp, read=False) == [(False, "has another size")]
        path.unlink()
        assert look(case, path, video, stamp, read=True) == [(False, "is missing: moved,")]
        path.symlink_to(tmp_path)
        assert look(case, path, video, stamp, read=True) == [(False, "could not be")]


def test_a_sealed_original_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"original")
    video, stamp = sha256_of(path), Stamp.of(path.stat())
    with open_case(tmp_path / "case", make=True) as case:
        case.save(Sealed(video, 1, "possible", PROVENANCE))
        monkeypatch.setattr("triage.case.checking.open_original", lambda _: pytest.fail("it was opened"))
        assert look(case, path, video, stamp, read=True) == []
        path.write_bytes(b"changed")
        assert look(case, path, video, stamp, read=True) == [(False, "has another size")]
