"""Which seconds nobody has seen: each of them once in a whole case."""

from __future__ import annotations

from pathlib import Path

from tests.examples import PROVENANCE, report, video_id
from triage.case.copies import Known
from triage.case.store import Case, open_case
from triage.case.unseen import known_spans, rest_ms, unseen_ms
from triage.records import Overlap, Queue, Sealed, Segment


def overlap(query: str, stored: str, start_ms: int, end_ms: int) -> Overlap:
    segment = Segment(start_ms, end_ms, start_ms, end_ms, speed=1.0, mirrored=False, similarity=0.9)
    return Overlap(video_id(query), video_id(stored), (segment,), 0.5, 0.5)


def keep(case: Case, *known: Known) -> None:
    case.copies.keep(known, [one.overlap.query for one in known], "mark")


def pair(first: str, second: str, start_ms: int, end_ms: int) -> list[Known]:
    return [Known(overlap(*names, start_ms, end_ms)) for names in ((first, second), (second, first))]


def test_a_second_is_unseen_in_the_most_urgent_video_alone(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        for name, queue in (("a", Queue.URGENT), ("b", Queue.PRIORITY), ("c", Queue.ROUTINE)):
            case.save(report(name, queue))
        keep(case, *pair("a", "b", 0, 2000), *pair("b", "c", 1000, 3000), *pair("a", "c", 1000, 2000))
        assert unseen_ms(case) == {video_id("a"): 3000, video_id("b"): 1000, video_id("c"): 1000}


def test_rows_and_the_whole_case_count_alike(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        for name in "abcd":
            case.save(report(name))
        bank = Known(overlap("a", "clip", 500, 900), "bank id", "K-1")
        parked = Known(overlap("b", "logo", 0, 3000), "bank id", "logo", is_parked=True)
        keep(case, *pair("a", "b", 0, 700), *pair("c", "d", 0, 3000), bank, parked)
        rank = {video: place for place, video in enumerate(case.unsealed())}
        by_row = {row["video"]["id"]: rest_ms(3000, known_spans(row, rank)) for row in case.rows()}
        assert unseen_ms(case) == by_row
        assert 12_000 - 3000 - 700 - 400 <= sum(by_row.values()) < 12_000 - 3000 - 700


def test_what_is_sealed_counts_nowhere_and_hides_nothing(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.save(report("a", Queue.URGENT))
        case.save(report("b", Queue.ROUTINE))
        keep(case, *pair("a", "b", 0, 3000))
        case.save(Sealed(video_id("a"), 0, "sealed", PROVENANCE))
        assert unseen_ms(case) == {video_id("b"): 3000}
