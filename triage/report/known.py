"""What of a video is known already, from banks and from other videos of the case, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from triage.case.rows import Row
from triage.case.unseen import Ranks, spans
from triage.geometry import union
from triage.names import shown
from triage.phrases import clock, counted, listing, span
from triage.report.line import Line

MOST_NAMED = 3
"""Videos, or stretches, named one by one in a line."""

When = Callable[[int, int], str]
"""A stretch in words."""


def known_lines(row: Row, rank: Ranks, name_of: Callable[[str], str], when: When = span) -> Iterator[Line]:
    """Why somebody may not have to look at all of a video anew.

    Args:
        rank: content -> its place in the whole queue, 0 for the first.
        name_of: content -> what to call it.
        when: how stretches are said.
    """
    if blank := row["not_comparable_ms"]:
        blank_ms = sum(end - start for start, end in blank)
        words = f"{clock(blank_ms)} of it shows too little to be compared with anything (black, blank, one colour)"
        yield Line(words, tuple((start, end) for start, end in blank))
    overlaps = row["overlaps"]
    if not overlaps:
        return
    own = rank[row["video"]["id"]]
    others = [one for one in overlaps if "video" in one and one["video"] in rank]
    before = sorted((one for one in others if rank[one["video"]] < own), key=lambda one: rank[one["video"]])
    after = [one for one in others if rank[one["video"]] > own]
    for one in overlaps:
        if "bank" in one:
            flood = ", parked: found in too many videos to mean anything" if one["is_parked"] else ""
            clip = f"bank clip {shown(one['bank_entry'])} of {shown(one['bank'])}"
            yield Line(f"{extent(one, when)} identical to {clip}{flood}", tuple(union(spans(one))))
    for one in before[:MOST_NAMED]:
        words = f"{extent(one, when)} identical to {name_of(one['video'])}, which comes before it"
        yield Line(words, tuple(union(spans(one))))
    if len(before) > MOST_NAMED:
        yield Line(f"and to {len(before) - MOST_NAMED} more that come before it")
    if after:
        names = listing([name_of(one["video"]) for one in after[:MOST_NAMED]])
        more = f" and {len(after) - MOST_NAMED} more" if len(after) > MOST_NAMED else ""
        yield Line(f"shown again, whole or in part, in {counted(len(after), 'video', 'videos')} below: {names}{more}")


def extent(overlap: Mapping[str, Any], when: When = span) -> str:
    """How much of a video an exported overlap is: ``84 % (00:12.000 to 00:31.000; mirrored)``."""
    times = [when(start, end) for start, end in union(spans(overlap))]
    more = f" and {len(times) - MOST_NAMED} more" if len(times) > MOST_NAMED else ""
    said = listing(times[:MOST_NAMED]) + more
    return f"{max(1, round(100 * overlap['query_share']))} % ({'; '.join([said, *map(shown, overlap['edits'])])})"
