from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.blinking import clip, seeing
from tests.cli.test_commands import triage
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


def test_a_page_is_made_of_a_case(case: Path, tmp_path: Path) -> None:
    result = triage("sheet", case, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "This run: 1 video, 1 with a strip." in result.stderr
    assert f"The page: {tmp_path / 'out/index.html'}" in result.stdout
    assert len(list((tmp_path / "out/strips").glob("*.jpg"))) == 1


def test_a_video_without_a_strip_is_named_and_ends_with_1(case: Path, tmp_path: Path) -> None:
    clip(tmp_path / "dump/clip.mp4", pictures=10)
    result = triage("sheet", case, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "clip.mp4: it is not what was examined" in result.stderr


def test_a_queue_in_which_nothing_waits_is_said(case: Path, tmp_path: Path) -> None:
    result = triage("sheet", case, "--queue", "sealed", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "there is nothing to draw" in result.stderr


def test_a_strip_of_one_content_is_made_alone(case: Path, tmp_path: Path) -> None:
    clip(tmp_path / "dump/other.mp4", pictures=10)
    triage("scan", tmp_path / "dump", "--case", case)
    digits = hashlib.sha256((tmp_path / "dump/other.mp4").read_bytes()).hexdigest()
    result = triage("sheet", case, "--video", digits[:12].upper(), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert [strip.stem for strip in (tmp_path / "out/strips").glob("*.jpg")] == [digits[:16]]
