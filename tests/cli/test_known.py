"""What of a video is known, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.examples import report
from triage.case.copies import Known
from triage.case.store import open_case
from triage.cli.known import known_lines, unseen_line
from triage.phrases import clock
from triage.records import Overlap, Segment

RANK = {"a": 0, "b": 1, "c": 2}


def row(video: str, *overlaps: dict[str, Any]) -> dict[str, Any]:
    return {
        "video": {"id": video},
        "coverage": {"reached_ms": 10_000},
        "overlaps": list(overlaps),
        "not_comparable_ms": [],
    }


def shows(start_ms: int, end_ms: int, **whose: Any) -> dict[str, Any]:
    segment = {"query_start_ms": start_ms, "query_end_ms": end_ms}
    return {"segments": [segment], "query_share": (end_ms - start_ms) / 10_000, "edits": [], **whose}


def clip(name: str, *, is_parked: bool = False) -> dict[str, Any]:
    return {"bank": "bank", "bank_entry": name, "is_parked": is_parked}


def lines(one: dict[str, Any]) -> list[str]:
    return list(known_lines(one, RANK, lambda video: f"{video}.mp4"))


def test_a_second_that_two_videos_show_is_unseen_in_one_of_them_only() -> None:
    first, second = row("a", shows(2000, 10_000, video="b")), row("b", shows(0, 8000, video="a"))
    assert lines(first)[0] == "unseen: 00:10.000 of 00:10.000"
    assert lines(second)[0] == "unseen: 00:02.000 of 00:10.000"
    assert "80 % (00:00.000 to 00:08.000) identical to a.mp4, which comes before it" in lines(second)[1]
    assert "in 1 video below: b.mp4" in lines(first)[1]


def test_a_second_that_a_bank_and_another_video_show_is_counted_once() -> None:
    both = row("b", shows(0, 5000, **clip("K-1")), shows(2000, 6000, video="a"))
    assert lines(both)[0] == "unseen: 00:04.000 of 00:10.000"
    assert lines(both)[1] == "- 50 % (00:00.000 to 00:05.000) identical to bank clip K-1 of bank"


def test_a_parked_clip_is_listed_and_hides_no_second() -> None:
    parked = lines(row("b", shows(0, 5000, **clip("logo", is_parked=True))))
    assert parked[0] == "unseen: 00:10.000 of 00:10.000"
    assert "found in too many videos" in parked[1]


def test_a_video_without_overlaps_has_no_line_and_one_without_length_no_unseen_seconds() -> None:
    assert lines(row("a")) == []
    still = row("b", shows(0, 1, video="a"))
    still["coverage"]["reached_ms"] = 0
    assert not any("unseen" in line for line in lines(still))


def test_what_could_not_be_compared_is_said_even_where_nothing_was_found() -> None:
    blank = {**row("a"), "not_comparable_ms": [[0, 2000], [5000, 5500]]}
    assert lines(blank) == [
        "- 00:02.500 of it shows too little to be compared with anything (black, blank, one colour)"
    ]


def test_a_case_counts_each_second_once_and_says_nothing_where_all_is_unseen(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        for name in "abc":
            case.save(report(name))
        total_ms = sum(case.lengths_ms().values())
        assert unseen_line(case) is None
        first, second, _ = case.unsealed()
        segment = Segment(0, 1000, 0, 1000, speed=1.0, mirrored=False, similarity=0.9)
        both_ways = [Known(Overlap(*pair, (segment,), 0.3, 0.3)) for pair in ((first, second), (second, first))]
        case.copies.keep(both_ways, [first, second], "mark")
        assert unseen_line(case) == (
            f"{clock(total_ms - 1000)} unseen of {clock(total_ms)}: "
            "the rest is known from a bank, or shown again by a copy"
        )
