from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.blinking import clip, seeing
from tests.cli.test_commands import triage
from triage.case.audit import AuditKind, AuditLog
from triage.findings import registry


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_models(_: object) -> tuple[list[Any], list[Any]]:
        return [seeing()], []

    monkeypatch.setattr(registry, "open_models", open_models)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    (tmp_path / "dump").mkdir()
    clip(tmp_path / "dump/clip.mp4", pictures=15)
    triage("scan", tmp_path / "dump", "--case", tmp_path / "case")
    return tmp_path / "case"


def test_a_report_is_made_and_put_on_record(case: Path, tmp_path: Path) -> None:
    result = triage("report", case, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert f"The report: {tmp_path / 'out/index.html'}" in result.stdout
    assert "It tells of 1 video or file and holds no picture." in result.stderr
    assert "--strips" in result.stderr
    last = AuditLog(case).entries()[-1]
    assert last.kind == AuditKind.REPORT
    assert str(last.what["sha256"]) in result.stdout


def test_strips_are_counted(case: Path, tmp_path: Path) -> None:
    result = triage("report", case, "--out", tmp_path / "out", "--strips")
    assert result.exit_code == 0, result.stderr
    assert "holds 1 picture or copy." in result.stderr
    assert len(list((tmp_path / "out/strips").glob("*.jpg"))) == 1


def test_a_video_without_the_strip_that_was_wished_for_is_named_and_ends_with_1(case: Path, tmp_path: Path) -> None:
    clip(tmp_path / "dump/clip.mp4", pictures=10)
    result = triage("report", case, "--out", tmp_path / "out", "--strips")
    assert result.exit_code == 1
    assert "clip.mp4: it is not what was examined" in result.stderr
    assert (tmp_path / "out/index.html").is_file()


def test_a_folder_that_holds_something_else_is_refused(case: Path, tmp_path: Path) -> None:
    result = triage("report", case, "--out", tmp_path / "dump")
    assert result.exit_code == 2
    assert "is no report by triage; give another --out" in result.stderr
    assert [file.name for file in (tmp_path / "dump").iterdir()] == ["clip.mp4"]


def test_a_folder_without_a_case_is_refused(tmp_path: Path) -> None:
    result = triage("report", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "there is no case here" in result.stderr
