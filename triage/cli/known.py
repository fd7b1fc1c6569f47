"""What of a video is known already, as lines under it in the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from triage.case.copies import WITHIN
from triage.case.rows import Row
from triage.case.store import Case
from triage.matches.spans import Span, union
from triage.names import shown
from triage.phrases import clock, counted, listing

MOST_NAMED = 3
"""Videos named one by one in a line."""


def known_lines(row: Row, rank: Mapping[str, int], name_of: Callable[[str], str]) -> Iterator[str]:
    """How much of a video nobody has to look at anew, and why.

    What a bank's clip shows was judged when the clip was added. What another video of the case shows counts as known in
    the one that waits further down, so that every second is unseen exactly once.

    Args:
        rank: content -> its place in the whole queue, 0 for the first.
        name_of: content -> what to call it.
    """
    overlaps = row["overlaps"]
    if blank := row["not_comparable_ms"]:
        blank_ms = sum(end - start for start, end in blank)
        yield f"- {clock(blank_ms)} of it shows too little to be compared with anything (black, blank, one colour)"
    if not overlaps:
        return
    length_ms, own = row["coverage"]["reached_ms"], rank[row["video"]["id"]]
    clips = [one for one in overlaps if "bank" in one]
    others = [one for one in overlaps if "video" in one and one["video"] in rank]
    before = [one for one in others if rank[one["video"]] < own]
    after = [one for one in others if rank[one["video"]] > own]
    known = union(span for one in [*clips, *before] if not one.get("is_parked") for span in spans(one))
    if length_ms:
        yield f"unseen: {clock(_rest_ms(length_ms, known))} of {clock(length_ms)}"
    for one in clips:
        flood = ", parked: found in too many videos to mean anything" if one["is_parked"] else ""
        yield f"- {extent(one)} identical to bank clip {shown(one['bank_entry'])} of {shown(one['bank'])}{flood}"
    for one in sorted(before, key=lambda one: rank[one["video"]])[:MOST_NAMED]:
        yield f"- {extent(one)} identical to {name_of(one['video'])}, which comes before it"
    if len(before) > MOST_NAMED:
        yield f"- and to {len(before) - MOST_NAMED} more that come before it"
    if after:
        names = listing([name_of(one["video"]) for one in after[:MOST_NAMED]])
        more = f" and {len(after) - MOST_NAMED} more" if len(after) > MOST_NAMED else ""
        yield f"- shown again, whole or in part, in {counted(len(after), 'video', 'videos')} below: {names}{more}"


def unseen_line(case: Case) -> str | None:
    """How much of a case nobody has seen, each second counted in the most urgent video that shows it. None: all."""
    rank = {video: place for place, video in enumerate(case.unsealed())}
    lengths = case.lengths_ms()
    total_ms = sum(lengths[video] for video in rank)
    unseen_ms = total_ms
    for video, overlaps in case.copies.every().items():
        counting = [
            (one.query_start_ms, one.query_end_ms)
            for known in overlaps
            if not known.is_parked and (known.bank != WITHIN or rank.get(known.overlap.stored, len(rank)) < rank[video])
            for one in known.overlap.segments
        ]
        unseen_ms -= lengths[video] - _rest_ms(lengths[video], union(counting))
    if unseen_ms == total_ms:
        return None
    return f"{clock(unseen_ms)} unseen of {clock(total_ms)}: the rest is known from a bank, or shown again by a copy"


def _rest_ms(length_ms: int, known: list[Span]) -> int:
    return max(0, length_ms - sum(end - start for start, end in known))


def extent(overlap: Mapping[str, Any]) -> str:
    """How much of a video an exported overlap is: ``84 % (00:12 to 00:31; mirrored)``."""
    times = [f"{clock(start)} to {clock(end)}" for start, end in union(spans(overlap))]
    shown_times = listing(times[:MOST_NAMED]) + (
        f" and {len(times) - MOST_NAMED} more" if len(times) > MOST_NAMED else ""
    )
    return f"{max(1, round(100 * overlap['query_share']))} % ({'; '.join([shown_times, *overlap['edits']])})"


def spans(overlap: Mapping[str, Any]) -> list[Span]:
    """The stretches of the video itself, in ms, half-open."""
    return [(one["query_start_ms"], one["query_end_ms"]) for one in overlap["segments"]]
