"""Overlaps of made-up videos that show stretches of one source or of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from tests.prints import video_id
from triage.geometry import union
from triage.matches.genealogy import Facts
from triage.records import Overlap, Segment


@dataclass(frozen=True)
class Show:
    """A video that shows these stretches of sources one after the other: source, from and until in ms."""

    name: str
    stretches: tuple[tuple[str, int, int], ...]

    @property
    def id(self) -> str:
        return video_id(self.name)

    @property
    def length_ms(self) -> int:
        return sum(end - start for _, start, end in self.stretches)

    def placed(self) -> Iterable[tuple[str, int, int, int]]:
        """Each stretch, and when it comes."""
        now = 0
        for source, start, end in self.stretches:
            yield source, start, end, now
            now += end - start


def show(name: str, *stretches: tuple[str, int, int]) -> Show:
    return Show(name, stretches)


def overlap(query: Show, stored: Show, edits: Sequence[str] = (), least_ms: int = 1) -> Overlap | None:
    """What the first shows of the second; None: nothing."""
    segments = []
    for source, start, end, now in query.placed():
        for other, their_start, their_end, then in stored.placed():
            first, last = max(start, their_start), min(end, their_end)
            if source == other and last - first >= least_ms:
                ours, theirs = now + first - start, then + first - their_start
                segments.append(
                    Segment(ours, ours + last - first, theirs, theirs + last - first, 1.0, "mirrored" in edits, 0.9)
                )
    if not segments:
        return None
    return Overlap(
        query.id,
        stored.id,
        tuple(sorted(segments, key=lambda segment: (segment.query_start_ms, segment.stored_start_ms))),
        _share(((each.query_start_ms, each.query_end_ms) for each in segments), query.length_ms),
        _share(((each.stored_start_ms, each.stored_end_ms) for each in segments), stored.length_ms),
        tuple(edits),
    )


def overlaps(*shows: Show, least_ms: int = 1) -> list[Overlap]:
    """What all pairs of them share."""
    found = (overlap(one, other, least_ms=least_ms) for one, other in combinations(shows, 2))
    return [each for each in found if each is not None]


def flipped(each: Overlap) -> Overlap:
    """The same, had the other been asked for; what was done is left out."""
    segments = [
        replace(
            segment,
            query_start_ms=segment.stored_start_ms,
            query_end_ms=segment.stored_end_ms,
            stored_start_ms=segment.query_start_ms,
            stored_end_ms=segment.query_end_ms,
            speed=1 / segment.speed,
        )
        for segment in each.segments
    ]
    return Overlap(
        each.stored,
        each.query,
        tuple(sorted(segments, key=lambda segment: (segment.query_start_ms, segment.stored_start_ms))),
        each.stored_share,
        each.query_share,
    )


def facts(of: Show, width_px: int = 1280, height_px: int = 720, **known: object) -> Facts:
    return replace(Facts(of.id, of.length_ms, width_px, height_px, "h264"), **known)  # type: ignore[arg-type]


def _share(spans: Iterable[tuple[int, int]], length_ms: int) -> float:
    return min(1.0, sum(end - start for start, end in union(spans)) / length_ms)
