"""The log of a case: its chain, many writers, and what a crash leaves."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.case.test_checking import fill
from tests.hostile import STEADY, replaced, spoiled
from triage.case import audit
from triage.case.audit import AUDIT, MOST_NUMBER, NOTHING, AuditKind, AuditLog, Start, entry_in, who
from triage.case.chain import check, verify
from triage.case.checking import _beginning, check_catalogue, check_decisions
from triage.case.store import open_case
from triage.errors import CaseError, CaseFullError
from triage.names import shown


def written(folder: Path, many: int = 6) -> AuditLog:
    """A log of so many lines; the first says how the case began."""
    log = AuditLog(folder)
    log.begin("amal", Start.NEW)
    for number in range(2, many + 1):
        log.add(AuditKind.SCAN, "amal", {"number of files": number})
    return log


def lines(log: AuditLog) -> list[bytes]:
    return log.path.read_bytes().split(b"\n")[:-1]


def put(log: AuditLog, changed: list[bytes]) -> None:
    log.path.write_bytes(b"".join(line + b"\n" for line in changed))


def named(log: AuditLog) -> list[int]:
    return [problem.line for problem in verify(log.path)]


def test_lines_are_numbered_chained_and_hold_what_was_said(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    first, second, third = log.entries()
    assert (first.number, first.kind, first.before, first.what["start"]) == (1, "case_created", NOTHING, "new")
    assert (second.before, third.before) == (first.sha256, second.sha256)
    assert third.what == {"number of files": 3}
    assert log.head() == (3, third.sha256)
    assert verify(log.path) == verify(tmp_path) == []


def test_a_line_is_compact_ascii_with_its_keys_in_one_order(tmp_path: Path) -> None:
    log = written(tmp_path, 1)
    name = "a\u202e\x1b[2J\udcff نص.mp4"
    log.add(AuditKind.EXPORT, "amal", {"out": name})
    line = lines(log)[1]
    assert line.isascii()
    assert b"\x1b" not in line
    assert list(json.loads(line)) == ["number", "at", "author", "kind", "what", "before"]
    assert b", " not in line
    assert log.entries()[1].what == {"out": name}


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    assert (log.entries(), log.head(), verify(log.path)) == ([], (0, NOTHING), [])
    assert not log.is_there()


def test_a_log_that_is_first_written_to_later_says_what_it_does_not_hold(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.add(AuditKind.EXPORT, "amal", {})
    first, second = log.entries()
    assert (first.kind, first.what["start"]) == ("case_created", "lost")
    assert "not on record" in first.what["why"]
    assert second.kind == "export"


def test_beginning_twice_writes_one_line(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    log.begin("amal", Start.OLDER)
    assert [entry.number for entry in log.entries()] == [1, 2]


def rewritten(line: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(line), **changes}, separators=(",", ":")).encode()


@pytest.mark.parametrize("line", [1, 3, 5])
@pytest.mark.parametrize("changes", [{"author": "omar"}, {"what": {}}, {"at": "2020-01-01T00:00:00Z"}])
def test_a_changed_line_is_named(tmp_path: Path, line: int, changes: dict[str, object]) -> None:
    log = written(tmp_path)
    changed = lines(log)
    changed[line - 1] = rewritten(changed[line - 1], **changes)
    put(log, changed)
    [problem] = verify(log.path)
    assert problem.line == line
    assert "was changed" in problem.why


def test_a_space_more_is_a_changed_line(tmp_path: Path) -> None:
    log = written(tmp_path)
    changed = lines(log)
    changed[2] = changed[2].replace(b":", b": ", 1)
    put(log, changed)
    assert named(log) == [3]


def test_lines_that_were_taken_out_are_named_by_their_numbers(tmp_path: Path) -> None:
    log = written(tmp_path, 8)
    whole = lines(log)
    put(log, whole[:2] + whole[4:])
    problems = verify(log.path)
    assert {problem.line for problem in problems} == {3}
    assert "3 to 4 is missing" in problems[0].why


def test_a_log_without_its_first_line_is_named(tmp_path: Path) -> None:
    log = written(tmp_path)
    put(log, lines(log)[1:])
    assert {problem.line for problem in verify(log.path)} == {1}


def test_a_line_that_was_put_in_is_named(tmp_path: Path) -> None:
    log = written(tmp_path)
    whole = lines(log)
    forged = rewritten(whole[2], author="nobody")
    put(log, [*whole[:3], forged, *whole[3:]])
    assert 4 in named(log)


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    log = written(tmp_path)
    whole = lines(log)
    for strange in [b"", b"{}", b"[1]", b"\xff\xfe", b'{"number":"3"}', b"[" * 100_000]:
        put(log, [*whole[:3], strange, *whole[3:]])
        assert 4 in named(log), strange[:20]


def test_lines_in_another_order_are_named(tmp_path: Path) -> None:
    log = written(tmp_path)
    one, two, three, four, *rest = lines(log)
    put(log, [one, three, two, four, *rest])
    assert {2, 3} <= set(named(log))
    assert any("order was changed" in problem.why for problem in verify(log.path))


def test_lines_that_were_cut_off_at_the_end_are_only_seen_by_who_knows_the_newest_one(tmp_path: Path) -> None:
    log = written(tmp_path)
    head = log.head()
    put(log, lines(log)[:-2])
    assert verify(log.path) == []
    assert log.head() != head


def test_a_clock_that_was_set_back_is_noted_and_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path, 2)
    monkeypatch.setattr(audit, "now_utc", lambda: "2001-01-01T00:00:00Z")
    log.add(AuditKind.SCAN, "amal", {})
    monkeypatch.undo()
    log.add(AuditKind.SCAN, "amal", {})
    checked = check(log.path)
    assert checked.problems == ()
    [note] = checked.notes
    assert note.line == 3
    assert "clock" in note.why


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_line_torn_by_a_crash_is_kept_and_the_next_one_says_so(tmp_path: Path, kept: int) -> None:
    log = written(tmp_path, 4)
    *whole, last = lines(log)
    log.path.write_bytes(b"".join(line + b"\n" for line in whole) + last[:kept])
    [note] = check(log.path).notes
    assert (note.line, "has no end" in note.why) == (4, True)
    assert log.head().number == 3
    log.add(AuditKind.EXPORT, "amal", {})
    *_, torn, mended, added = lines(log)
    assert torn == last[:kept], "nothing of it was cut"
    assert (json.loads(mended)["kind"], json.loads(added)["kind"]) == ("mended", "export")
    assert [entry.number for entry in log.entries()] == [1, 2, 3, 5, 6]
    checked = check(log.path)
    assert checked.problems == ()
    assert [(one.line, "torn" in one.why) for one in checked.notes] == [(4, True)]


def test_a_line_that_lacks_only_its_end_is_ended_and_counts(tmp_path: Path) -> None:
    log = written(tmp_path, 4)
    log.path.write_bytes(log.path.read_bytes()[:-1])
    log.add(AuditKind.EXPORT, "amal", {})
    assert [entry.number for entry in log.entries()] == [1, 2, 3, 4, 5]
    assert check(log.path).notes == ()


def test_a_second_crash_while_mending_is_mended_too(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    with log.path.open("ab") as file:
        file.write(b'{"number":4,"at"\n{"number":5,')
    log.add(AuditKind.EXPORT, "amal", {})
    checked = check(log.path)
    assert checked.problems == ()
    assert [one.line for one in checked.notes] == [4, 5]
    assert [entry.number for entry in checked.entries] == [1, 2, 3, 6, 7]


def test_a_line_of_nonsense_with_an_end_is_not_excused_by_those_after_it(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    with log.path.open("ab") as file:
        file.write(b"nonsense\n")
    log.add(AuditKind.EXPORT, "amal", {})
    assert named(log) == [4]
    assert [entry.number for entry in log.entries()] == [1, 2, 3, 5]


def test_mending_excuses_no_more_lines_than_it_names_right_above_it(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    put(log, [lines(log)[0], b"nonsense", *lines(log)[2:]])
    log.path.write_bytes(log.path.read_bytes() + b"torn")
    log.add(AuditKind.EXPORT, "amal", {})
    assert 2 in named(log)
    assert 4 not in named(log)


def full(_: object, __: object = None) -> None:
    raise OSError(28, "No space left on device")


def half(file: Any, text: bytes) -> None:
    file.write(text[: len(text) // 2])
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("where", "name", "failing"), [(os, "fsync", full), (audit, "_write_all", half)])
def test_a_full_disk_leaves_nothing_of_the_line_and_all_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, failing: Callable[..., None]
) -> None:
    log = written(tmp_path)
    before = log.path.read_bytes()
    monkeypatch.setattr(where, name, failing)
    with pytest.raises(CaseFullError, match="the disk is full"):
        log.add(AuditKind.EXPORT, "amal", {})
    assert log.path.read_bytes() == before
    monkeypatch.undo()
    log.add(AuditKind.EXPORT, "amal", {})
    assert verify(log.path) == []


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "nowhere" / "at all")
    (tmp_path / "nowhere").write_text("a file")
    with pytest.raises(CaseError, match="cannot be written"):
        log.add(AuditKind.EXPORT, "amal", {})


def test_waiting_too_long_for_another_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PATIENCE_S", 0.01)
    log = written(tmp_path, 2)
    with (
        log.adding() as add,
        pytest.raises(CaseError, match="somebody else has been writing"),
        AuditLog(tmp_path).adding(),
    ):
        pass
    add(AuditKind.EXPORT, "amal", {})


def add_many(folder: Path, author: str, many: int) -> None:
    """Add lines from three threads, each of which takes its time between reading the last line and writing its own."""
    log, last_line = AuditLog(folder), audit._last_line

    def slowly(*arguments: Any) -> Any:
        found = last_line(*arguments)
        time.sleep(0.003)
        return found

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(3) as threads:
        patched.setattr(audit, "_last_line", slowly)
        list(threads.map(lambda one: log.add(AuditKind.EXPORT, author, {"one": one}), range(many)))


def test_lines_of_many_programs_and_threads_are_all_there_and_chained(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    programs = [spawn.Process(target=add_many, args=(tmp_path, f"person {number}", 9)) for number in range(2)]
    for program in programs:
        program.start()
    add_many(tmp_path, "person 2", 9)
    for program in programs:
        program.join()
    checked = check(tmp_path)
    assert checked.problems == ()
    said = [(entry.author, entry.what["one"]) for entry in checked.entries if entry.kind == "export"]
    assert len(said) == len(set(said)) == 27
    assert sum(entry.kind == "case_created" for entry in checked.entries) == 1


def test_a_long_line_is_found_as_the_last_one(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    log.add(AuditKind.HANDOVER, "amal", {"words": "x" * 200_000})
    log.add(AuditKind.EXPORT, "amal", {})
    assert verify(log.path) == []
    assert log.head().number == 4


def test_a_kind_of_a_newer_version_is_an_entry_like_others(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    last = log.entries()[-1]
    newer = {"number": 3, "at": last.at, "author": "amal", "kind": "telepathy", "what": {}, "before": last.sha256}
    put(log, [*lines(log), json.dumps(newer).encode()])
    assert verify(log.path) == []
    assert log.entries()[-1].kind == "telepathy"


def test_the_author_is_who_is_named_or_else_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_AUTHOR", " amal ")
    assert who() == "amal"
    monkeypatch.delenv("TRIAGE_AUTHOR")
    monkeypatch.setenv("LOGNAME", "omar")
    assert who() == "omar"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setenv("TRIAGE_AUTHOR", "")
    monkeypatch.setattr("getpass.getuser", nameless)
    assert who() == f"user {os.getuid()}"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log with lines of several kinds, one of them torn and mended."""
    folder = tmp_path_factory.mktemp("log")
    fill(folder)
    with (folder / AUDIT).open("ab") as file:
        file.write(b'{"number":8,')
    with open_case(folder, make=True) as case:
        case.exposure.handover("lina", "more")
    return (folder / AUDIT).read_bytes()


def told(folder: Path, data: bytes) -> None:
    """Everything that reads a log gives an answer."""
    (folder / AUDIT).write_bytes(data)
    log = AuditLog(folder)
    checked, entries, head = check(folder), log.entries(), log.head()
    assert head.number <= MOST_NUMBER + len(checked.hashes)
    assert list(checked.entries) == entries
    for problem in (*checked.problems, *checked.notes):
        assert 0 <= problem.line <= len(checked.hashes) + 1
        assert shown(problem.why).isprintable()
    list(_beginning(checked.entries))
    log.add(AuditKind.HANDOVER, "lina", {})
    assert log.entries()[-1].author == "lina"


@settings(STEADY, max_examples=100)
@given(data=st.data())
def test_whatever_is_in_a_log_it_is_read_and_goes_on(data: st.DataObject, kept: bytes, tmp_path: Path) -> None:
    told(tmp_path, data.draw(st.one_of(spoiled([kept]), st.binary(max_size=60))))


@settings(STEADY, max_examples=100)
@given(data=st.data())
def test_whatever_stands_in_the_place_of_a_value_the_log_is_read(
    data: st.DataObject, kept: bytes, tmp_path: Path
) -> None:
    lines = kept.splitlines()
    number = data.draw(st.sampled_from([at for at, line in enumerate(lines) if line.endswith(b"}")]))
    lines[number] = json.dumps(data.draw(replaced(json.loads(lines[number])))).encode()
    told(tmp_path, b"\n".join(lines) + b"\n")


@settings(STEADY, max_examples=30)
@given(data=st.data())
def test_a_catalogue_is_made_anew_from_whatever_is_in_a_log(data: st.DataObject, kept: bytes) -> None:
    lines = kept.splitlines()
    number = data.draw(st.sampled_from([at for at, line in enumerate(lines) if b'"kept_as"' in line or b"}" in line]))
    if lines[number].endswith(b"}"):
        lines[number] = json.dumps(data.draw(replaced(json.loads(lines[number])))).encode()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / AUDIT).write_bytes(b"\n".join(lines) + b"\n")
        with open_case(Path(folder), make=True) as case:
            assert [remark for remark in check_catalogue(case) if remark.is_wrong] == []
            list(check_decisions(case))


def test_a_line_that_claims_that_everything_was_torn_is_read_at_once(kept: bytes, tmp_path: Path) -> None:
    told(tmp_path, kept.replace(b'"torn_lines":1', b'"torn_lines":9000000000000000'))


@pytest.mark.parametrize("number", [b"9" * 4299, b"-1", b"9007199254740993"])
def test_a_number_that_nobody_counted_to_is_no_entry(number: bytes, kept: bytes, tmp_path: Path) -> None:
    line = kept.splitlines()[-1]
    assert entry_in(line.replace(b'"number":10', b'"number":' + number)) is None
    told(tmp_path, line.replace(b'"number":10', b'"number":' + number) + b"\n")
