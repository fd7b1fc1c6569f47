"""Copies of one thing laid on one timeline: what they show together, and who holds which second of it.

The timeline begins with the longest copy, whole. What others show beyond it follows, each stretch once, so that places
on it say who holds the same and not what came first. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from triage.geometry import Span, union
from triage.matches.pairs import Pair, Pairs, neighbours, total_ms, without

LEAST_MS = 1000
"""What is shorter is taken for the blur at the ends of a stretch, which are found in steps of looking: nobody is said
to hold it alone, and no copy is kept for its sake."""


class Piece(NamedTuple):
    """A stretch of a video and where it lies on the timeline, in ms of each."""

    start_ms: int
    end_ms: int
    at_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where everybody's stretches lie."""

    length_ms: int
    """What all show together; never less than the longest shows."""
    pieces: Mapping[str, tuple[Piece, ...]]
    """By video; a stretch that a copy shows in a loop has several places, or several stretches one place."""
    blank: Mapping[str, Sequence[Span]]
    """What of a video could not be compared, in its own time."""

    def held(self, video: str) -> list[Span]:
        """What of the timeline this video shows."""
        return union((piece.at_ms, piece.until_ms) for piece in self.pieces[video])

    def lone(self) -> dict[str, list[Span]]:
        """What one video shows and no other does, in its own time; nothing below ``LEAST_MS``, and nothing blank."""
        found: dict[str, list[Span]] = {video: [] for video in self.pieces}
        for video, span in _alone({video: self.held(video) for video in self.pieces}):
            found[video] += self._own(video, span)
        left = {video: _worth_keeping(without(found[video], self.blank.get(video, ()))) for video in found}
        return {video: spans for video, spans in left.items() if spans}

    def _own(self, video: str, span: Span) -> Iterator[Span]:
        """A stretch of the timeline in the time of a video that holds it."""
        start, end = span
        for piece in sorted(self.pieces[video], key=lambda piece: (piece.at_ms, piece)):
            until = min(end, piece.until_ms)
            if piece.at_ms <= start < until:
                there = (piece.at_ms, piece.until_ms), (piece.start_ms, piece.end_ms)
                yield _moved(start, *there), _moved(until, *there)
                start = until


def lay_out(lengths_ms: Mapping[str, int], pairs: Pairs, blank: Mapping[str, Sequence[Span]]) -> Timeline:
    """The timeline of these copies.

    Args:
        lengths_ms: of each of them; ties between equal ones are decided by id.
        pairs: what they share, each of them with the others through some chain.
        blank: what of a video shows nothing to compare, such as black; it is not laid out where only it has it.
    """
    sharing = neighbours(pairs)
    lasting = {video: _lasting(video, length, sharing.get(video, ())) for video, length in lengths_ms.items()}
    order = sorted(lasting, key=lambda video: (-lasting[video], video))
    base = order.pop(0)
    layout = _Layout(base, lasting[base])
    while order:
        linked = (
            video for video in order if any(pair.opposite(video) in layout.pieces for pair in sharing.get(video, ()))
        )
        video = next(linked, None)
        if video is None:
            raise ValueError(f"{order[0][:12]} shares nothing with those that are laid out")
        order.remove(video)
        layout.place(video, lasting[video], sharing[video], blank.get(video, ()))
    return Timeline(layout.length_ms, {video: tuple(layout.pieces[video]) for video in lengths_ms}, blank)


def cover(timeline: Timeline, ranking: Sequence[str]) -> tuple[str, ...]:
    """A few videos that together hold all of the timeline: the first of the ranking, then whichever adds the most."""
    held = {video: timeline.held(video) for video in ranking}
    kept: list[str] = []
    while missing := _worth_keeping(
        without([(0, timeline.length_ms)], (span for video in kept for span in held[video]))
    ):
        kept.append(max(ranking, key=partial(_gain, held, missing)) if kept else ranking[0])
    for video in reversed(kept[1:]):
        others = [span for other in kept if other != video for span in held[other]]
        if not _worth_keeping(without([(0, timeline.length_ms)], others)):
            kept.remove(video)
    return tuple(kept or ranking[:1])


class _Layout:
    """A timeline that is being laid out."""

    def __init__(self, base: str, length_ms: int) -> None:
        self.length_ms = length_ms
        self.pieces: dict[str, list[Piece]] = {base: [Piece(0, length_ms, 0, length_ms)]}
        self._runs: list[Span] = [(0, length_ms)]

    def place(self, video: str, length_ms: int, pairs: Sequence[Pair], blank: Sequence[Span]) -> None:
        """Lay out another video: where it shows what is there already, and then what it adds."""
        found = {piece for pair in pairs for piece in self._seen(video, pair)}
        pieces = self._up_to_the_ends(_enough(found), length_ms)
        new = without([(0, length_ms)], [*((piece.start_ms, piece.end_ms) for piece in pieces), *blank])
        for start, end in _worth_keeping(new):
            until = self.length_ms + end - start
            pieces.append(Piece(start, end, self.length_ms, until))
            self._runs.append((self.length_ms, until))
            self.length_ms = until
        self.pieces[video] = pieces

    def _seen(self, video: str, pair: Pair) -> Iterator[Piece]:
        """Where it shows what a video shows that is laid out already."""
        for shared in pair.shared(video):
            own, theirs = (shared.start_ms, shared.end_ms), (shared.their_start_ms, shared.their_end_ms)
            for piece in self.pieces.get(pair.opposite(video), ()):
                start, end = max(theirs[0], piece.start_ms), min(theirs[1], piece.end_ms)
                if start < end:
                    there = (piece.start_ms, piece.end_ms), (piece.at_ms, piece.until_ms)
                    yield from _lasting_piece(
                        _moved(start, theirs, own), _moved(end, theirs, own), _moved(start, *there), _moved(end, *there)
                    )

    def _up_to_the_ends(self, pieces: list[Piece], length_ms: int) -> list[Piece]:
        """The pieces, with those beside a short gap drawn out over it: the ends of a stretch are not exact."""
        for start, end in without([(0, length_ms)], ((piece.start_ms, piece.end_ms) for piece in pieces)):
            if end - start < LEAST_MS:
                pieces = [self._drawn_out(piece, start, end) for piece in pieces]
        return pieces

    def _drawn_out(self, piece: Piece, start: int, end: int) -> Piece:
        run_start, run_end = next(run for run in self._runs if run[0] <= piece.at_ms < run[1])
        there = (piece.start_ms, piece.end_ms), (piece.at_ms, piece.until_ms)
        if piece.end_ms == start:
            until = max(piece.until_ms, min(_moved(end, *there), run_end))
            return piece._replace(end_ms=end, until_ms=until)
        if piece.start_ms == end:
            at = min(piece.at_ms, max(_moved(start, *there), run_start))
            return piece._replace(start_ms=start, at_ms=at)
        return piece


def _lasting(video: str, length_ms: int, pairs: Sequence[Pair]) -> int:
    """How long it lasts, also where pairs know more of it than its length; a still picture lasts a moment."""
    return max([1, length_ms, *(shared.end_ms for pair in pairs for shared in pair.shared(video))])


def _enough(found: Iterable[Piece]) -> list[Piece]:
    """The longest of these, and of the others those that add something.

    Each copy that is laid out already tells once more where a stretch lies, by a hair otherwise. If all were kept,
    their number would double with every copy.
    """
    chosen: list[Piece] = []
    for piece in sorted(found, key=lambda piece: (piece.at_ms - piece.until_ms, piece)):
        own = without([(piece.start_ms, piece.end_ms)], ((each.start_ms, each.end_ms) for each in chosen))
        there = without([(piece.at_ms, piece.until_ms)], ((each.at_ms, each.until_ms) for each in chosen))
        if not chosen or _worth_keeping(own) or _worth_keeping(there):
            chosen.append(piece)
    return sorted(chosen)


def _lasting_piece(start: int, end: int, at: int, until: int) -> Iterator[Piece]:
    if start < end and at < until:
        yield Piece(start, end, at, until)


def _moved(time: int, of: Span, to: Span) -> int:
    """Where a time of one span lies in the other, which may go by faster or slower."""
    return to[0] + round((time - of[0]) * (to[1] - to[0]) / (of[1] - of[0]))


def _worth_keeping(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span[1] - span[0] >= LEAST_MS]


def _gain(held: Mapping[str, list[Span]], missing: list[Span], video: str) -> int:
    return total_ms(missing) - total_ms(without(missing, held[video]))


def _alone(held: Mapping[str, list[Span]]) -> Iterator[tuple[str, Span]]:
    """The stretches that only one holds, and who."""
    turns: dict[int, set[str]] = {}
    for video, spans in held.items():
        for time in (time for span in spans for time in span):
            turns.setdefault(time, set()).add(video)
    now: set[str] = set()
    whole: dict[str, list[Span]] = {}
    for time, until in pairwise(sorted(turns)):
        now ^= turns[time]
        if len(now) == 1:
            [video] = now
            whole.setdefault(video, []).append((time, until))
    for video in sorted(whole):
        yield from ((video, span) for span in union(whole[video]))
