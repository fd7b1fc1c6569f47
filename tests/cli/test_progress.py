"""What the line of progress says, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.cli.progress import ScanProgress
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
