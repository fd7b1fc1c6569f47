"""Two videos that show the same, looked at from either side, whichever of them was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from triage.geometry import Span, union
from triage.records import Overlap


class Shared(NamedTuple):
    """A stretch of one video and where another shows it, in ms of each."""

    start_ms: int
    end_ms: int
    their_start_ms: int
    their_end_ms: int


@dataclass(frozen=True, slots=True)
class Pair:
    """All that is known of what two videos share."""

    one: str
    other: str
    """Their ids; ``one`` comes first in the alphabet."""
    overlaps: tuple[Overlap, ...]
    """One, or one for each way in which it was asked."""

    def opposite(self, video: str) -> str:
        return self.other if video == self.one else self.one

    def share_of(self, video: str) -> float:
        """How much of this video is shown in the other, in [0, 1]."""
        return max(each.query_share if each.query == video else each.stored_share for each in self.overlaps)

    @property
    def share(self) -> float:
        """The larger of both shares."""
        return max(self.share_of(self.one), self.share_of(self.other))

    @property
    def similarity(self) -> float:
        return max(segment.similarity for each in self.overlaps for segment in each.segments)

    def shared(self, video: str) -> Iterator[Shared]:
        """Its stretches and where the other shows them; a stretch that comes more than once is named as often."""
        for each in self.overlaps:
            for segment in each.segments:
                query = segment.query_start_ms, segment.query_end_ms
                stored = segment.stored_start_ms, segment.stored_end_ms
                yield Shared(*query, *stored) if each.query == video else Shared(*stored, *query)

    def spans(self, video: str) -> list[Span]:
        """Which of its stretches the other shows, in time order and without gaps of nothing between them."""
        return union((each.start_ms, each.end_ms) for each in self.shared(video))


Pairs = Mapping[tuple[str, str], Pair]
"""By both ids, the first in the alphabet first."""


def paired(overlaps: Iterable[Overlap]) -> Pairs:
    """The overlaps by the two videos they are of, in an order that does not depend on theirs.

    Raises:
        ValueError: a video overlaps with itself.
    """
    met: dict[tuple[str, str], list[Overlap]] = {}
    for overlap in overlaps:
        if overlap.query == overlap.stored:
            raise ValueError(f"a video is not compared with itself, got {overlap.query[:12]} twice")
        one, other = sorted((overlap.query, overlap.stored))
        met.setdefault((one, other), []).append(overlap)
    return {key: Pair(*key, tuple(sorted(set(met[key]), key=_order))) for key in sorted(met)}


def neighbours(pairs: Pairs) -> dict[str, list[Pair]]:
    """Every video that is in a pair, and its pairs."""
    met: dict[str, list[Pair]] = {}
    for pair in pairs.values():
        met.setdefault(pair.one, []).append(pair)
        met.setdefault(pair.other, []).append(pair)
    return met


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of these spans when others are taken out of them."""
    cuts = union(taken)
    left: list[Span] = []
    at = 0
    for start, end in union(spans):
        while at < len(cuts) and cuts[at][1] <= start:
            at += 1
        now = start
        for cut_start, cut_end in cuts[at:]:
            if cut_start >= end:
                break
            if cut_start > now:
                left.append((now, cut_start))
            now = max(now, cut_end)
        if now < end:
            left.append((now, end))
    return left


def total_ms(spans: Iterable[Span]) -> int:
    """How long spans that do not overlap are together."""
    return sum(end - start for start, end in spans)


def _order(overlap: Overlap) -> tuple[object, ...]:
    return overlap.query, repr(overlap)
