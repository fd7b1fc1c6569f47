from __future__ import annotations

from pathlib import Path

from tests.case.older import turn_back
from triage.case.review import Copied
from triage.case.store import open_case


def copied(outcome: str = "copied", path: Path | None = Path("/out/clip.review.mp4")) -> Copied:
    return Copied("a" * 64, "2026-11-23T13:05:00Z", path, "b" * 64, "solid", "faces", "minor_faces", "asked", outcome)


def test_the_log_holds_every_attempt_in_order(tmp_path: Path) -> None:
    attempts = [copied("without a copy: no", None), copied(), copied(path=Path("/out/\udcff.review.mp4"))]
    with open_case(tmp_path, make=True) as case:
        for attempt in attempts:
            case.review.note(attempt)
    with open_case(tmp_path) as case:
        assert case.review.all() == case.review.all("a" * 64) == attempts
        assert case.review.all("c" * 64) == []


def test_a_case_from_before_there_were_review_copies_can_be_read_and_gets_its_table_when_written(
    tmp_path: Path,
) -> None:
    with open_case(tmp_path, make=True):
        pass
    turn_back(tmp_path, 2)
    with open_case(tmp_path) as case:
        assert case.review.all() == []
    with open_case(tmp_path, make=True) as case:
        case.review.note(copied())
        assert case.review.all() == [copied()]
