"""``triage verify``, and the script in docs/verify.md that tries the chain without this program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_commands import triage
from tests.examples import report
from triage.case.audit import AuditKind
from triage.case.chain import verify
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import open_case
from triage.durable import sha256_of
from triage.original import Stamp

PAGE = Path(__file__).parent.parent.parent / "docs" / "verify.md"
BEFORE = '"before":"'


def fill(folder: Path, original: Path) -> None:
    original.write_bytes(b"original")
    with open_case(folder, make=True) as case:
        case.note_file(original, Stamp.of(original.stat()), sha256_of(original))
        case.save(report())
        for number in range(4):
            judged = Judged("amal", sha256_of(original), Act.CONFIRM, Rung.STRIP, about=f"label {number}")
            case.decisions.add(judged, seen=None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that nobody touches, and beside it its original."""
    folder = tmp_path_factory.mktemp("made")
    fill(folder / "case", folder / "clip.mp4")
    return folder


@pytest.fixture
def case(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "case", tmp_path / "case"))


def lines(case: Path) -> list[bytes]:
    return (case / "audit.jsonl").read_bytes().split(b"\n")[:-1]


def put(case: Path, changed: list[bytes]) -> None:
    (case / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in changed))


def test_a_case_that_was_left_alone_is_called_right(case: Path) -> None:
    result = triage("verify", case)
    assert result.exit_code == 0, result.stdout
    assert "The log has 5 lines, and its chain holds." in result.stdout
    assert "4 decisions, with rules and handover notes, held against the log." in result.stdout
    assert "1 report or seal read." in result.stdout.lower()
    assert "1 original looked for, and not read." in result.stdout
    assert result.stdout.rstrip().endswith("Nothing is wrong.")


def test_a_tampered_line_is_named_and_the_exit_code_is_1(case: Path) -> None:
    put(case, [line.replace(b"label 1", b"label 9") for line in lines(case)])
    result = triage("verify", case)
    assert result.exit_code == 1
    assert "The log has 5 lines, and its chain is broken." in result.stdout
    assert "WRONG  audit.jsonl line 3 is not what line 4 says stood before it" in result.stdout
    assert "WRONG  decision 2 is not what entry 3 of the log says" in result.stdout
    assert result.stdout.rstrip().endswith("2 things are wrong.")


def test_a_line_that_was_written_down_tells_a_log_that_was_cut(case: Path) -> None:
    [head] = re.findall(r"The newest line of the log is (5:[0-9a-f]{64})", triage("verify", case).stdout)
    assert triage("verify", case, "--head", head).exit_code == 0
    put(case, lines(case)[:-1])
    result = triage("verify", case, "--head", head)
    assert result.exit_code == 1
    assert "there is no entry 5 with the hash that you gave" in result.stdout


@pytest.mark.parametrize("head", ["5", "x:y", "5:abc", f"5:{'g' * 64}"])
def test_a_head_that_cannot_be_meant_is_said(case: Path, head: str) -> None:
    result = triage("verify", case, "--head", head)
    assert result.exit_code == 2
    assert "--head: it is the number and the hash of a line" in result.stderr


def test_a_missing_original_is_named_as_missing_and_is_not_wrong(tmp_path: Path) -> None:
    fill(tmp_path / "case", tmp_path / "clip.mp4")
    assert triage("verify", tmp_path / "case", "--originals").exit_code == 0
    (tmp_path / "clip.mp4").rename(tmp_path / "other.mp4")
    result = triage("verify", tmp_path / "case", "--originals")
    assert result.exit_code == 0
    assert f"note   {tmp_path / 'clip.mp4'} is missing: moved, renamed or deleted" in result.stdout
    (tmp_path / "clip.mp4").write_bytes(b"an other")
    result = triage("verify", tmp_path / "case", "--originals")
    assert result.exit_code == 1
    assert f"WRONG  {tmp_path / 'clip.mp4'} is not what was scanned there" in result.stdout


def test_many_notes_are_counted_and_a_name_commands_no_screen(tmp_path: Path) -> None:
    with open_case(tmp_path / "case", make=True) as case:
        for number in range(30):
            case.note_file(tmp_path / f"\x1b[2J\u202e{number:02}.mp4", Stamp(1, 1, 1), "a" * 64)
    result = triage("verify", tmp_path / "case")
    assert result.exit_code == 0
    assert "and 10 more like these" in result.stdout
    assert "\\x1b[2J\\u202e00.mp4 is missing" in result.stdout
    assert "\x1b" not in result.stdout


def test_no_case_and_a_newer_case_are_refused(tmp_path: Path) -> None:
    assert triage("verify", tmp_path).exit_code == 2
    assert "there is no case here" in triage("verify", tmp_path).stderr


def script(folder: Path) -> Path:
    """The script that is printed in the page."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = folder / "chain.py"
    path.write_text(code)
    return path


def run_script(folder: Path, log: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "-W", "error", str(script(folder)), str(log)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_in_the_page_is_about_twenty_lines_of_the_standard_library(tmp_path: Path) -> None:
    code = script(tmp_path).read_text()
    assert len(code.strip().splitlines()) <= 24
    assert re.findall(r"^(?:import|from) .*", code, re.MULTILINE) == ["import hashlib, json, sys"]


def changed(line: bytes) -> bytes:
    return line.replace(b"amal", b"omar")


def torn(whole: list[bytes]) -> list[bytes]:
    return [*whole[:-1], whole[-1][:30]]


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (lambda whole: whole, set()),
        (lambda whole: whole[:-1], set()),  # cut at the end: the newest line is printed, to be compared
        (lambda whole: [*whole[:2], changed(whole[2]), *whole[3:]], {3}),
        (lambda whole: whole[:2] + whole[3:], {2, 3}),
        (lambda whole: [*whole[:3], whole[2], *whole[3:]], {3, 4}),
        (lambda whole: [whole[0], whole[2], whole[1], *whole[3:]], {1, 2, 3, 4}),
        (lambda whole: [*whole[:2], b"nonsense", *whole[2:]], {3, 4}),
        (torn, {5}),
    ],
)
def test_the_script_in_the_page_finds_what_verify_finds(
    case: Path, tmp_path: Path, tamper: Callable[[list[bytes]], list[bytes]], named: set[int]
) -> None:
    put(case, tamper(lines(case)))
    result = run_script(tmp_path, case / "audit.jsonl")
    assert result.stderr == ""
    assert result.returncode == (1 if named else 0)
    *_, last = result.stdout.splitlines()
    assert bool(verify(case)) == bool(named)
    with open_case(case) as opened:
        head = opened.audit.head()
    assert last == f"newest line: {head.number}:{head.sha256}"
    said = {int(number) for number in re.findall(r"^line (\d+)", result.stdout, re.MULTILINE)}
    assert said <= named | {min(named, default=1) - 1}
    assert {problem.line for problem in verify(case)} <= named


def test_the_script_in_the_page_knows_a_line_that_was_torn_and_mended(case: Path, tmp_path: Path) -> None:
    log = case / "audit.jsonl"
    log.write_bytes(log.read_bytes()[:-30])
    with open_case(case, make=True) as opened:
        opened.recorder.put(AuditKind.EXPORT, "amal", {})
    assert [json.loads(line)["kind"] for line in lines(case)[5:]] == ["mended", "export"]
    result = run_script(tmp_path, log)
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 1)


def test_the_page_shows_a_line_as_it_is_written(case: Path) -> None:
    [shown] = re.findall(r"```json\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert list(json.loads(shown)) == list(json.loads(lines(case)[0]))
