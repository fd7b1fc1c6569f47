"""What must be covered, and when: tracks, gaps and faults -> trails to follow and whole pictures. It sees no pixel.

Faces of everyone who is not confidently adult are covered whatever was asked, unless they are revealed by name. What
nobody looked at or could tell is covered whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from triage.phrases import clock
from triage.records import Cover, Coverage, Covered, Fault, Label, Role, Track
from triage.redaction.heads import Head, heads
from triage.redaction.trails import LONGEST_BRIDGE_MS, Sight, Trail, joined

FOREVER_MS = 10 * 366 * 24 * 3600 * 1000
"""The end of a cover that ends with the video, however long it turns out to be."""
TAIL_MS = 2000
"""How long before its first and after its last look something is covered, if no cut comes between; longer where looks
lie far apart."""

LABELS: Mapping[Covered, frozenset[Label]] = MappingProxyType(
    {
        # Sexual content that did not seal a video is no more to be shown than injuries are.
        Covered.GRAPHIC: frozenset({Label.GRAPHIC, Label.SEXUAL}),
        Covered.PEOPLE: frozenset({Label.PERSON}),
        Covered.WEAPONS: frozenset({Label.WEAPON, Label.HANDGUN, Label.LONG_GUN, Label.BLADE}),
    }
)
"""What is covered as it was found. Faces are not among them: see ``heads``."""
NEEDS: Mapping[Covered, frozenset[Role]] = MappingProxyType(
    {
        Covered.GRAPHIC: frozenset({Role.GRAPHIC}),
        Covered.MINOR_FACES: frozenset({Role.FACES}),
        Covered.FACES: frozenset({Role.FACES}),
        Covered.PEOPLE: frozenset({Role.PEOPLE}),
        Covered.WEAPONS: frozenset({Role.WEAPONS}),
    }
)
"""Without these nobody knows where it is. Without people, heads whose face was missed are not covered; without minors,
every face is."""
WORDS: Mapping[Covered, str] = MappingProxyType(
    {
        Covered.GRAPHIC: "graphic content",
        Covered.MINOR_FACES: "faces of possible minors",
        Covered.FACES: "faces",
        Covered.PEOPLE: "people",
        Covered.WEAPONS: "weapons",
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be covered, before pictures have been seen."""

    trails: tuple[Trail, ...]
    """To be followed from look to look."""
    covers: tuple[Cover, ...]
    """Whole pictures."""
    tail_ms: int
    """How long before its first and after its last look each trail is covered."""
    step_ms: int
    """How far apart looks are at the most."""
    covers_unseen: bool = True
    """Whether pictures and shots that nobody looked at are covered whole."""


def plan(
    tracks: Sequence[Track],
    coverage: Coverage,
    looked_for: Collection[Role],
    faults: Iterable[Fault],
    asked: Iterable[Covered],
    *,
    revealed: Collection[Covered] = (),
    damaged_ms: Sequence[tuple[int, int]] | None = None,
    also: Iterable[Trail] = (),
) -> Plan:
    """What a copy must not show.

    Args:
        looked_for: what some detector looked for, on the pictures that ``coverage`` counts.
        faults: every one is taken to concern what is to be covered; leave out those that surely do not.
        asked: what is to be covered, beside the faces of possible minors and what nobody saw.
        revealed: what is shown nevertheless. It undoes ``MINOR_FACES`` and ``UNSEEN`` only where this names them.
        damaged_ms: start and end of every stretch whose pictures are damaged or missing. None: not known, and then
            any damage is taken to be everywhere.
        also: to be covered beside what the tracks say.
    """
    wanted = ({*asked, Covered.MINOR_FACES, Covered.UNSEEN}) - set(revealed)
    found = [*_faces(tracks, wanted), *_others(tracks, wanted), *also]
    longest_ms = max(LONGEST_BRIDGE_MS, 3 * coverage.step_ms)
    whole: list[Cover] = []
    if Covered.UNSEEN in wanted:
        whole += _not_looked_for(wanted, looked_for)
        whole += _failed(faults, coverage)
        whole += _not_reached(coverage)
        whole += _damaged(coverage, damaged_ms)
    return Plan(
        trails=joined(found, longest_ms),
        covers=tuple(whole),
        tail_ms=max(TAIL_MS, 3 * coverage.step_ms // 2),
        step_ms=coverage.step_ms,
        covers_unseen=Covered.UNSEEN in wanted,
    )


def _faces(tracks: Sequence[Track], wanted: Collection[Covered]) -> Iterator[Trail]:
    for looks in heads(tracks):
        if Covered.FACES in wanted:
            is_minors = Covered.MINOR_FACES in wanted and not all(head.is_adult for head in looks)
            what = Covered.MINOR_FACES if is_minors else Covered.FACES
            yield from _trail(what, looks)
        elif Covered.MINOR_FACES in wanted:
            for is_adult, run in groupby(looks, key=lambda head: head.is_adult):
                if not is_adult:
                    yield from _trail(Covered.MINOR_FACES, tuple(run))


def _trail(what: Covered, looks: Sequence[Head]) -> Iterator[Trail]:
    if looks:
        whys = list(dict.fromkeys(head.why for head in looks))
        yield Trail.of(what, "; ".join(whys), (head.sight for head in looks))


def _others(tracks: Iterable[Track], wanted: Collection[Covered]) -> Iterator[Trail]:
    for track in tracks:
        for what, labels in LABELS.items():
            if what in wanted and track.label in labels:
                yield Trail.of(what, _found(track), _sights(track))


def _found(track: Track) -> str:
    detectors = ", ".join(sorted({seen.detector for seen in track.findings}))
    grades = [seen.grade for seen in track.findings if seen.grade is not None]
    grade = f" of grade {max(grades)}" if grades else ""
    return f"{track.label.value.replace('_', ' ')}{grade}, found by {detectors}"


def _sights(track: Track) -> Iterator[Sight]:
    yield from (Sight(seen.time_ms, seen.box) for seen in track.findings)
    yield Sight(track.end_ms, track.findings[-1].box)


def _unseen(start_ms: int, why: str, end_ms: int = FOREVER_MS) -> Cover:
    return Cover(start_ms, end_ms, None, Covered.UNSEEN, why)


def _not_looked_for(wanted: Iterable[Covered], looked_for: Collection[Role]) -> Iterator[Cover]:
    for what in sorted(wanted):
        if any(role not in looked_for for role in NEEDS.get(what, ())):
            yield _unseen(0, f"nobody looked for {WORDS[what]}, which are to be covered, so they may be anywhere")


def _failed(faults: Iterable[Fault], coverage: Coverage) -> Iterator[Cover]:
    for fault in faults:
        # What is on screen between the last good look and the first that failed was seen at neither.
        start_ms = max(0, (fault.time_ms or 0) - coverage.step_ms)
        yield _unseen(start_ms, f"not known what is there from {clock(start_ms)} on: {fault.why}")


def _not_reached(coverage: Coverage) -> Iterator[Cover]:
    end_ms = max(coverage.reached_ms, 1)
    if not coverage.sampled:
        yield _unseen(0, "no picture was looked at")
    else:
        yield _unseen(end_ms, f"pictures were examined until {clock(end_ms)} and no further")


def _damaged(coverage: Coverage, damaged_ms: Sequence[tuple[int, int]] | None) -> Iterator[Cover]:
    if damaged_ms is None and coverage.undecoded:
        yield _unseen(0, "pictures are damaged or missing and it is not known which, so all are covered")
    for start_ms, end_ms in damaged_ms or ():
        early_ms, late_ms = max(0, start_ms - coverage.step_ms), end_ms + coverage.step_ms
        yield _unseen(early_ms, f"pictures are damaged or missing {clock(start_ms)} to {clock(end_ms)}", late_ms)
