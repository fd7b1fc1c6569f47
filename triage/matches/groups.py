"""Which videos are copies of one thing, and which only share a part. Pure.

Two are copies where one is for at least half shown in the other; what shares less is a link, and puts nothing together.
A compilation would still tie everything in it into one, so it is set apart: a video that shows parts of two others, at
different places of it, that share nothing with each other, and that both go on otherwise than it does, is taken to be
put together from them. A video that wholly contains two others is not: it may be the recording that both are from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from triage.geometry import Span
from triage.matches.pairs import Pair, Pairs, neighbours, total_ms, without

COPY_SHARE = 0.5
"""How much of one of two videos the other must show for them to be copies of one thing."""
ANOTHER_MS = 2000
"""Both of two videos must go on for as long, and not alike, to be said to part: a caption or a fade lasts less."""


def grouped(lengths_ms: Mapping[str, int], pairs: Pairs) -> tuple[list[frozenset[str]], frozenset[str]]:
    """The videos in groups of copies, and which of them are compilations.

    Args:
        lengths_ms: of every video; each is in one group, alone if it has no copy.
    """
    sharing = neighbours(pairs)
    mixed = frozenset(video for video, theirs in sharing.items() if _is_compiled(video, theirs, pairs, lengths_ms))
    ties = [key for key, pair in pairs.items() if pair.share >= COPY_SHARE]
    plain = _components(lengths_ms, (tie for tie in ties if not mixed & set(tie)))
    group_of = {video: group for group in plain for video in group}

    def is_held_apart(one: str, other: str) -> bool:
        """Whether the first is a compilation, and goes on otherwise than something in the other's group."""
        theirs = group_of[other]
        return one in mixed and other not in mixed and _parts_from_any(sharing[one], theirs, lengths_ms)

    kept = (tie for tie in ties if not is_held_apart(*tie) and not is_held_apart(*reversed(tie)))
    return sorted(_components(lengths_ms, kept), key=sorted), mixed


def parts(pair: Pair, lengths_ms: Mapping[str, int]) -> bool:
    """Whether both go on, after the longest stretch that they share or before it, with what the other does not show.

    They do not where one ends and the other has more, as an excerpt does, where the end of one is the beginning of the
    other, or where they go on with the same in another order.
    """
    start, end, their_start, their_end = max(
        pair.shared(pair.one), key=lambda each: (each.end_ms - each.start_ms, each)
    )
    before = _goes_on(start - ANOTHER_MS, start, pair.spans(pair.one), lengths_ms[pair.one])
    after = _goes_on(end, end + ANOTHER_MS, pair.spans(pair.one), lengths_ms[pair.one])
    theirs = pair.spans(pair.other), lengths_ms[pair.other]
    return (before and _goes_on(their_start - ANOTHER_MS, their_start, *theirs)) or (
        after and _goes_on(their_end, their_end + ANOTHER_MS, *theirs)
    )


def apart_without(video: str, group: Iterable[str], pairs: Pairs) -> int:
    """Into how many that share nothing at all the others of a group fall if this one is taken away."""
    others = set(group) - {video}
    return len(_components(sorted(others), (key for key in pairs if others.issuperset(key))))


def _is_compiled(video: str, theirs: list[Pair], pairs: Pairs, lengths_ms: Mapping[str, int]) -> bool:
    """Whether it shows parts of two others that go on otherwise and have nothing to do with each other."""
    others = [(pair.opposite(video), pair.spans(video)) for pair in theirs if parts(pair, lengths_ms)]
    return any(
        (min(one, other), max(one, other)) not in pairs and _is_elsewhere(here, there)
        for (one, here), (other, there) in combinations(others, 2)
    )


def _is_elsewhere(here: list[Span], there: list[Span]) -> bool:
    """Whether each has most of its stretches for itself; the ends of stretches are not exact."""
    return all(2 * total_ms(without(some, others)) > total_ms(some) for some, others in ((here, there), (there, here)))


def _goes_on(start: int, end: int, shared: list[Span], length_ms: int) -> bool:
    """Whether a video has this stretch, and the other shows less than half of it."""
    return start >= 0 and end <= length_ms and 2 * total_ms(without([(start, end)], shared)) > end - start


def _parts_from_any(theirs: Iterable[Pair], group: frozenset[str], lengths_ms: Mapping[str, int]) -> bool:
    return any(group & {pair.one, pair.other} and parts(pair, lengths_ms) for pair in theirs)


def _components(videos: Iterable[str], ties: Iterable[tuple[str, str]]) -> list[frozenset[str]]:
    """The videos in groups, each tied to the others of its own through some chain."""
    group_of = {video: {video} for video in videos}
    for one, other in ties:
        large, small = sorted((group_of[one], group_of[other]), key=len, reverse=True)
        if large is not small:
            large |= small
            for video in small:
                group_of[video] = large
    return list({id(group): frozenset(group) for group in group_of.values()}.values())
