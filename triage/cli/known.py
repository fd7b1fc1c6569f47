"""What of a video is known already, as lines under it in the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from triage.case.rows import Row
from triage.case.store import Case
from triage.case.unseen import known_spans, rest_ms, unseen_ms
from triage.phrases import clock
from triage.report import known


def known_lines(row: Row, rank: Mapping[str, int], name_of: Callable[[str], str]) -> Iterator[str]:
    """How much of a video nobody has to look at anew, and why; see ``report.known``."""
    length_ms = row["coverage"]["reached_ms"]
    if row["overlaps"] and length_ms:
        yield f"unseen: {clock(rest_ms(length_ms, known_spans(row, rank)))} of {clock(length_ms)}"
    yield from (f"- {line.words}" for line in known.known_lines(row, rank, name_of))


def unseen_line(case: Case) -> str | None:
    """How much of a case nobody has seen, each second counted in the most urgent video that shows it. None: all."""
    left = unseen_ms(case)
    lengths = case.lengths_ms()
    total_ms = sum(lengths[video] for video in left)
    unseen = sum(left.values())
    if unseen == total_ms:
        return None
    return f"{clock(unseen)} unseen of {clock(total_ms)}: the rest is known from a bank, or shown again by a copy"
