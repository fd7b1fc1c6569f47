"""Rows and their lines: both are there in the end, wherever a program was stopped."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from triage.case import audit
from triage.case.audit import AuditKind, AuditLog
from triage.case.chain import verify
from triage.case.checking import check_decisions
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import open_case
from triage.errors import CaseError, CaseFullError

VIDEO = "a" * 64


def judged(author: str = "amal", video: str = VIDEO) -> Judged:
    return Judged(author, video, Act.CONFIRM, Rung.STRIP, why="seen")


def kinds(folder: Path) -> list[str]:
    return [entry.kind for entry in AuditLog(folder).entries()]


KILLED = """
import os, signal, sys
from pathlib import Path
from triage.case import audit, recording
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import open_case

def stop(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "before the line":
    audit.AuditLog._append = stop
elif sys.argv[2] == "in the line":
    def torn(file, text):
        file.write(text[:40])
        stop()
    audit._write_all = torn
elif sys.argv[2] == "after the line":
    recording.Recorder._note_seen = stop
with open_case(Path(sys.argv[1]), make=True) as case:
    case.decisions.add(Judged("amal", "a" * 64, Act.CONFIRM, Rung.STRIP, why="seen"), seen=None)
"""


@pytest.mark.parametrize("moment", ["before the line", "in the line", "after the line"])
def test_a_decision_of_a_program_that_was_killed_is_kept_seen_by_verify_and_put_on_record_once(
    tmp_path: Path, moment: str
) -> None:
    with open_case(tmp_path, make=True):
        pass
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], check=False)
    assert ended.returncode == -9
    with open_case(tmp_path) as case:
        assert [one.judged.why for one in case.decisions.every()] == ["seen"]
        remarks = check_decisions(case)
    assert [(remark.is_wrong, remark.where) for remark in remarks] == [(False, "decision 1")]
    with open_case(tmp_path, make=True) as case:
        assert check_decisions(case) == []
    assert kinds(tmp_path).count("decision") == 1
    assert verify(tmp_path) == []


def test_a_line_that_another_program_left_out_comes_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object, __: object) -> None:
        raise OSError(28, "No space left on device")

    with open_case(tmp_path, make=True) as case, open_case(tmp_path, make=True) as other:
        monkeypatch.setattr(audit, "_write_all", refused)
        with pytest.raises(CaseFullError, match="it is kept, and its line in the log is still to be written"):
            case.decisions.add(judged(), seen=None)
        monkeypatch.undo()
        other.decisions.add(judged("omar", "b" * 64), seen=None)
        said = [(entry.author, entry.what["number"]) for entry in case.audit.entries() if entry.kind == "decision"]
        assert said == [("amal", 1), ("omar", 2)]
        assert case.recorder.waiting() == []


def test_what_is_refused_leaves_neither_row_nor_line(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        with contextlib.suppress(ZeroDivisionError), case.recorder.recording() as recording:
            recording.line(AuditKind.HANDOVER, "amal", {"number": 1})
            raise ZeroDivisionError
        assert case.recorder.waiting() == []
    assert kinds(tmp_path) == ["case_created"]


def test_the_catalogue_knows_the_newest_line_after_each_recording(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        assert case.recorder.seen() is None
        case.decisions.add(judged(), seen=None)
        assert case.recorder.seen() == case.audit.head()
        case.recorder.put(AuditKind.SCAN, "amal", {})
        assert case.recorder.seen() == case.audit.head()
        assert case.audit.head().number == 3


def test_a_case_opened_to_be_read_refuses_a_decision_with_a_sentence(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True):
        pass
    with open_case(tmp_path) as case, pytest.raises(CaseError, match="cannot be written: it is read-only"):
        case.decisions.add(judged(), seen=None)
    assert kinds(tmp_path) == ["case_created"]
