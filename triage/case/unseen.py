"""Which seconds of a video nobody has to look at anew, and how many are left.

What a bank's clip shows was judged when the clip was added. What another video of the case shows counts as known in the
one that waits further down, so that every second of a case is unseen exactly once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from triage.case.rows import Row
from triage.case.store import Case
from triage.geometry import Span, union

Ranks = Mapping[str, int]
"""Content -> its place in the whole queue, 0 for the first; what is sealed has none."""


def known_spans(row: Row, rank: Ranks) -> list[Span]:
    """The stretches of one video, in ms, that need no second look."""
    own = rank[row["video"]["id"]]
    return union(
        span
        for one in row["overlaps"]
        if not one.get("is_parked") and ("bank" in one or rank.get(one["video"], own) < own)
        for span in spans(one)
    )


def spans(overlap: Mapping[str, Any]) -> list[Span]:
    """The stretches of the video itself that an exported overlap is about, in ms."""
    return [(one["query_start_ms"], one["query_end_ms"]) for one in overlap["segments"]]


def rest_ms(length_ms: int, known: Iterable[Span]) -> int:
    """What is left of a video beside these stretches, of which no two overlap."""
    return max(0, length_ms - sum(end - start for start, end in known))


def unseen_ms(case: Case) -> dict[str, int]:
    """How much of each content nobody has seen, in the order of the queue; nothing that is sealed is among them."""
    rank = {video: place for place, video in enumerate(case.unsealed())}
    lengths = case.lengths_ms()
    left = {video: lengths[video] for video in rank}
    known: dict[str, list[Span]] = defaultdict(list)
    for video, other, stretches in case.copies.stretches():
        if video in rank and (not other or rank.get(other, len(rank)) < rank[video]):
            known[video] += stretches
    for video, stretches in known.items():
        left[video] = rest_ms(lengths[video], union(stretches))
    return left
