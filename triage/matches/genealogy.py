"""Which copy may come from which. Pure.

A sign says which of two is the later one: it is contained in the other, it has borders or has lost its colour, its
pictures are smaller or coded with fewer bits. Mirroring, another speed or a caption show that something was done, but
not to which of both. Only where all signs of two point one way is anything claimed. Dates in metadata are no sign:
anyone can write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from triage.matches.edits import INVERSE, SLOWEST_CHANGE, Edit
from triage.matches.pairs import Pair, Pairs, total_ms

CONTAINED_SHARE = 0.8
"""Of a copy that another must show for it to be contained there; ends and added captions are not found to the frame."""
LESS_SHARE = 0.1
"""By how much less of the other must be shown in return."""
FEWER_PIXELS = 0.8
FEWER_BITS = 0.6
"""Of the other's, from which down a picture is called smaller, or coded with fewer bits by the same codec."""
LIKE_SPEED = 0.05
"""By how much of it two speeds may differ and still be called one."""

_DONE = (Edit.LETTERBOXED, Edit.GREY)
"""What was surely done to the one that has it."""
_LENGTHS = (Edit.SHORTENED, Edit.LONGER)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a video beside its pictures."""

    video: str
    """Its id."""
    length_ms: int
    """How long it was seen to be; 0: a still picture."""
    width_px: int
    height_px: int
    codec: str
    made_at: str | None = None
    """By its metadata; see ``Video.made_at``."""
    size_bytes: int | None = None
    """None: the file is no longer there."""
    is_whole: bool = True
    """False: it was not wholly reached, or is damaged."""
    blank: tuple[tuple[int, int], ...] = ()
    """From and until, of what shows nothing that could be compared, such as black; see ``spans.uncomparable_ms``."""

    def __post_init__(self) -> None:
        if self.length_ms < 0 or self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"a video has pictures and no negative length, got {self}")

    @property
    def pixels(self) -> int:
        return self.width_px * self.height_px

    @property
    def density(self) -> float | None:
        """Bits of the file for each pixel and second, sound included. None: a still picture, or the file is gone."""
        if self.size_bytes is None or not self.length_ms:
            return None
        return self.size_bytes * 8 / (self.pixels * self.length_ms / 1000)


@dataclass(frozen=True, slots=True)
class Descent:
    """One copy that may come from another."""

    child: str
    parent: str
    reason: str
    """In words: how much of the child is in the parent, the signs, and what else was done to one of them."""


def descents(facts: Mapping[str, Facts], pairs: Pairs) -> tuple[Descent, ...]:
    """At most one parent for each copy, the one that it shares the most with; nobody descends from themselves."""
    claims = [claim for pair in pairs.values() if (claim := _claim(pair, facts)) is not None]
    parents: dict[str, str] = {}
    found = []
    for _, child, parent, reason in sorted(claims):
        if child not in parents and child not in _line(parent, parents):
            parents[child] = parent
            found.append(Descent(child, parent, reason))
    return tuple(sorted(found, key=lambda each: (each.child, each.parent)))


def undecided(pairs: Pairs, found: Iterable[Descent]) -> tuple[tuple[str, str], ...]:
    """Copies without a parent, each with the one that it shares the most with.

    Of the others without a parent, only those count that contain it or that it contains.
    """
    settled = {each.child for each in found}
    near = [key for key, pair in pairs.items() if pair.share >= CONTAINED_SHARE and not settled & set(key)]
    closest: dict[str, tuple[str, str]] = {}
    for key in sorted(near, key=lambda key: (-pairs[key].share, -pairs[key].similarity, key)):
        for video in key:
            closest.setdefault(video, key)
    return tuple(sorted(set(closest.values())))


def done_to(video: str, pair: Pair) -> set[str]:
    """What was done to this one of the two, as far as it can be told to which."""
    return {edit for edit in edits_of(video, pair) if edit in _DONE}


def edits_of(video: str, pair: Pair) -> list[str]:
    """What sets this one of the two apart from the other, without what their lengths say."""
    words = dict.fromkeys(
        edit if overlap.query == video else INVERSE.get(edit, edit)
        for overlap in pair.overlaps
        for edit in overlap.edits
        if edit not in _LENGTHS and not edit.startswith(Edit.SPEED)
    )
    return [*words, *_speed(video, pair)]


def _speed(video: str, pair: Pair) -> Iterator[str]:
    """At which speed it shows most of what both share, if at another; one short stretch may be misjudged."""
    speeds = [
        (segment.query_end_ms - segment.query_start_ms, segment.speed if overlap.query == video else 1 / segment.speed)
        for overlap in pair.overlaps
        for segment in overlap.segments
    ]

    def lasting(usual: float) -> int:
        return sum(length for length, speed in speeds if abs(speed / usual - 1) <= LIKE_SPEED)

    usual = max(sorted({speed for _, speed in speeds}), key=lasting)
    if 2 * lasting(usual) <= sum(length for length, _ in speeds):
        yield "at several speeds"
    elif abs(usual - 1) > SLOWEST_CHANGE:
        yield f"{Edit.SPEED} ×{usual:.3g}"


def _claim(pair: Pair, facts: Mapping[str, Facts]) -> tuple[tuple[float, ...], str, str, str] | None:
    """How near the two are, the child, the parent and why.

    None where the signs are none or contradict one another, or where much of the child is not in the parent: then both
    may come from a third.
    """
    ways = [(child, pair.opposite(child)) for child in (pair.one, pair.other)]
    signs = {way: list(_signs(pair, facts[way[0]], facts[way[1]])) for way in ways}
    pointing = [way for way in ways if signs[way]]
    if len(pointing) != 1:
        return None
    [(child, parent)] = pointing
    if pair.share_of(child) < CONTAINED_SHARE:
        return None
    edits = len(edits_of(child, pair))
    near = -round(pair.share_of(child), 1), edits, -round(pair.share_of(parent), 1), -pair.similarity
    return near, child, parent, _reason(pair, facts[child], signs[child, parent])


def _signs(pair: Pair, child: Facts, parent: Facts) -> Iterator[str]:
    """What says that ``child`` is the later of the two; nothing, if nothing does."""
    own, theirs = pair.share_of(child.video), pair.share_of(parent.video)
    if own >= CONTAINED_SHARE and theirs <= own - LESS_SHARE:
        yield "the other has more"
    yield from sorted(done_to(child.video, pair))
    if child.pixels <= FEWER_PIXELS * parent.pixels:
        yield f"{child.width_px}x{child.height_px} instead of {parent.width_px}x{parent.height_px}"
    elif child.pixels * FEWER_PIXELS < parent.pixels and child.codec == parent.codec:
        less, more = child.density, parent.density
        if less is not None and more is not None and less <= FEWER_BITS * more:
            yield "coded with fewer bits"


def _reason(pair: Pair, child: Facts, signs: list[str]) -> str:
    shown_ms = total_ms(pair.spans(child.video))
    length_ms = max(child.length_ms, shown_ms)
    share = f"{_seconds(shown_ms)} of its {_seconds(length_ms)}" if child.length_ms else "the same picture"
    also = [edit for edit in edits_of(child.video, pair) if edit not in signs and edit != Edit.SAME]
    return ", ".join([share, *signs, *also])


def _seconds(time_ms: int) -> str:
    return f"{round(time_ms / 1000)} s" if time_ms >= 10_000 else f"{time_ms / 1000:.1f} s"


def _line(video: str, parents: Mapping[str, str]) -> Iterator[str]:
    """The video, its parent, and so on."""
    now: str | None = video
    while now is not None:
        yield now
        now = parents.get(now)
