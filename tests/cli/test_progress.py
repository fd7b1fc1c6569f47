"""What the line of progress says, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.cli.progress import CopyProgress, ScanProgress
from triage.copying import Pass
from triage.run.blurring import Became, Original
from triage.run.blurring import Outcome as Copy
from triage.run.dump import Found
from triage.run.local import Done, Outcome


def test_one_tiny_file_is_no_reason_to_promise_hours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("triage.cli.progress.time.monotonic", lambda: float(next(clock)))
    shown = ScanProgress(files=9, size=3_000_000)
    shown.end(Found(Path("tiny.mp4"), 1700), Outcome(Done.REFUSED, None, "why"))
    assert "left" not in capsys.readouterr().err
    shown.end(Found(Path("half.mp4"), 1_500_000), Outcome(Done.REFUSED, None, "why"))
    assert "left" in capsys.readouterr().err


def test_the_time_left_is_told_within_one_long_video_that_is_copied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("triage.cli.progress.time.monotonic", lambda: float(next(clock)))
    long = Original(Path("long.mp4"), 3_000_000)
    shown = CopyProgress([long])
    shown.begin(long)
    shown.at(Pass.EXAMINING, 1_800_000, None)
    assert "left" not in capsys.readouterr().err, "examining comes before it is known how long it is"
    shown.at(Pass.WRITING, 1_800_000, 3_600_000)
    assert "left, writing a copy of long.mp4 at 30:00.000" in capsys.readouterr().err
    shown.end(long, Copy(Became.REFUSED, why="it changed"))
    assert shown.failed == ["long.mp4: it changed"]
    assert "writing" not in capsys.readouterr().err, "nothing is being written any more"
