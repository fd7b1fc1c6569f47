"""What was seen in a video, over its time, as cells; and the strip that is drawn of them.

Colour, height and a letter each say the same, so that one may be missing: on paper, or for who sees colours otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeVar

from triage.case.rows import Row, is_failure, is_sealed
from triage.case.unseen import Ranks, known_spans
from triage.geometry import Span, union
from triage.phrases import listing, roughly
from triage.records import Label

CELLS = 60
"""Of a strip; a cell is a sixtieth of the video, and shows what was seen at any moment of it."""
MOST_STRETCHES = 4
"""Of one kind, said one by one; of more, only how many there are."""
DAMAGED = "damaged somewhere, where is not known"

Value = TypeVar("Value")


class Kind(StrEnum):
    """What a strip tells apart, the first to be looked at first."""

    RESTRAINT = "restraint"
    WEAPON = "weapons"
    GRAPHIC = "graphic"
    SEXUAL = "sexual content"
    MINOR = "possible minors"
    UNIFORM = "uniforms"
    PERSON = "people"


LETTERS: Mapping[Kind, str] = {
    Kind.RESTRAINT: "R",
    Kind.WEAPON: "W",
    Kind.GRAPHIC: "G",
    Kind.SEXUAL: "S",
    Kind.MINOR: "M",
    Kind.UNIFORM: "U",
    Kind.PERSON: "P",
}
KIND_OF: Mapping[Label, Kind] = {
    Label.BOUND_HANDS: Kind.RESTRAINT,
    Label.WEAPON: Kind.WEAPON,
    Label.HANDGUN: Kind.WEAPON,
    Label.LONG_GUN: Kind.WEAPON,
    Label.BLADE: Kind.WEAPON,
    Label.GRAPHIC: Kind.GRAPHIC,
    Label.SEXUAL: Kind.SEXUAL,
    Label.POSSIBLE_MINOR: Kind.MINOR,
    Label.CAMOUFLAGE: Kind.UNIFORM,
    Label.SERVICE_DRESS: Kind.UNIFORM,
    Label.TACTICAL_GEAR: Kind.UNIFORM,
    Label.PERSON: Kind.PERSON,
}
"""Faces, adults, civilian clothes and what could not be told are no sights of what is looked for."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was seen within a cell."""

    kind: Kind
    strength: int
    """1 to 3: the grade, where it has one; else in which third of the scale its score lies."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of the time."""

    marks: tuple[Mark, ...] = ()
    """In the order of ``Kind``, each kind once."""
    is_known: bool = False
    """At least half of it stands in a bank, or in a video further up the queue."""
    is_unlooked: bool = False
    """At least half of it was not reached, or a model failed somewhere in it."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A video over its time."""

    cells: tuple[Cell, ...]
    """Never empty."""
    length_ms: int
    """What the cells span: what was reached, or what the header claims if that is more. 0: a still picture."""
    is_damaged: bool = False
    """Something in it could not be decoded, or only with errors; where is not known."""

    @property
    def step_ms(self) -> float:
        """How long a cell is."""
        return self.length_ms / len(self.cells)

    def span(self, first: int, last: int) -> Span:
        """From and until, in ms, of the cells from ``first`` up to ``last``, exclusive."""
        return round(first * self.step_ms), round(last * self.step_ms)

    def kinds(self) -> tuple[Kind, ...]:
        """What was seen at all."""
        there = {mark.kind for cell in self.cells for mark in cell.marks}
        return tuple(kind for kind in Kind if kind in there)


def heat_of(row: Row, rank: Ranks) -> Heat:
    """The heat of a row as ``Case.rows`` yields it.

    Raises:
        ValueError: it is sealed, so nothing of it is drawn.
    """
    if is_sealed(row):
        raise ValueError(f"{row['video']['id'][:12]} is sealed: nothing of it is drawn")
    coverage = row["coverage"]
    reached_ms = coverage["reached_ms"]
    length_ms = max(reached_ms, coverage["claimed_ms"] or 0)
    if is_failure(row) or not length_ms:
        marks = _marks([(*_seen(track), (0, 1)) for track in row["tracks"]], (0, 1))
        is_unlooked = is_failure(row) or bool(row["faults"])
        return Heat((Cell(marks, is_unlooked=is_unlooked),), 0, bool(coverage["undecoded"]))
    count = min(CELLS, length_ms)
    seen = [(*_seen(track), _lasting(track, coverage["step_ms"], reached_ms)) for track in row["tracks"]]
    known = known_spans(row, rank) if row["overlaps"] else []
    missed = _missed(row, reached_ms, length_ms)
    faults = [fault["time_ms"] for fault in row["faults"]]
    cells = []
    for number in range(count):
        span = number * length_ms // count, (number + 1) * length_ms // count
        failed = any(at is None or span[0] <= at < span[1] for at in faults)
        cells.append(Cell(_marks(seen, span), _is_half(known, span), failed or _is_half(missed, span)))
    return Heat(tuple(cells), length_ms, bool(coverage["undecoded"]))


def words_of(heat: Heat) -> str:
    """The strip read aloud: what was seen when, what is known, and where nobody looked."""
    named = [(kind.value, [_has(cell, kind) for cell in heat.cells]) for kind in heat.kinds()]
    named.append(("known already", [cell.is_known for cell in heat.cells]))
    named.append(("not looked at, or not for all,", [cell.is_unlooked for cell in heat.cells]))
    parts = [f"{name} {when}" for name, there in named if (when := when_of(heat, there))]
    parts += [DAMAGED] if heat.is_damaged else []
    return "; ".join(parts) or "nothing was seen that a strip tells apart"


def when_of(heat: Heat, there: Sequence[bool], most: int = MOST_STRETCHES) -> str:
    """In words, when the cells are that say so; empty: never.

    Args:
        most: stretches that are said one by one.
    """
    stretches = [heat.span(first, last) for is_there, first, last in runs(there) if is_there]
    if not stretches or not heat.length_ms:
        return "in it" if stretches else ""
    said = [roughly(*stretch) for stretch in stretches[:most]]
    more = len(stretches) - most
    return listing([*said, f"{more} more"] if more > 0 else said)


def runs(values: Sequence[Value]) -> Iterator[tuple[Value, int, int]]:
    """Each value with the first cell that has it and the first that no longer has it."""
    place = 0
    for value, some in groupby(values):
        first, place = place, place + len(list(some))
        yield value, first, place


def _has(cell: Cell, kind: Kind) -> bool:
    return any(mark.kind is kind for mark in cell.marks)


Seen = tuple[Kind | None, int, Span]


def _seen(track: Mapping[str, Any]) -> tuple[Kind | None, int]:
    grades = [finding.get("grade") or 0 for finding in track["findings"]]
    score = float(track["score"])
    return KIND_OF.get(Label(track["label"])), max(grades) or (3 if score >= 2 / 3 else 2 if score >= 1 / 3 else 1)


def _lasting(track: Mapping[str, Any], step_ms: int, reached_ms: int) -> Span:
    """From the first look to a step after the last, since it may have gone on as long; not beyond what was reached."""
    start, end = track["start_ms"], track["end_ms"]
    return start, max(start + 1, min(end + max(1, step_ms), reached_ms))


def _marks(seen: list[Seen], span: Span) -> tuple[Mark, ...]:
    strongest: dict[Kind, int] = {}
    for kind, strength, (start, end) in seen:
        if kind is not None and start < span[1] and span[0] < end:
            strongest[kind] = max(strength, strongest.get(kind, 0))
    return tuple(Mark(kind, strongest[kind]) for kind in Kind if kind in strongest)


def _missed(row: Row, reached_ms: int, length_ms: int) -> list[Span]:
    # A header may claim a little more than there is; only what counts as missing is shown as that.
    return [(reached_ms, length_ms)] if row["coverage"]["short_ms"] and reached_ms < length_ms else []


def _is_half(spans: list[Span], cell: Span) -> bool:
    within = union(
        (max(start, cell[0]), min(end, cell[1])) for start, end in spans if start < cell[1] and cell[0] < end
    )
    return bool(within) and 2 * sum(end - start for start, end in within) >= cell[1] - cell[0]
