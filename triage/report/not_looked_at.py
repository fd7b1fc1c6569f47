"""What was not looked at in a video: what stands beside every negative. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from triage.case.rows import Row, is_failure
from triage.names import shown
from triage.phrases import CONDITION_WORDS, ROLE_WORDS, clock, counted, listing, roughly
from triage.records import Extent, Label, Role
from triage.report.line import Line

UNTOLD: Mapping[Label, str] = {
    Label.HANDS_UNKNOWN: "whether hands are bound could not be told",
    Label.AGE_UNKNOWN: "minors cannot be excluded, age could not be told",
    Label.CLOTHING_UNKNOWN: "clothes could not be told",
}
BRIEF_UNTOLD: Mapping[Label, str] = {
    Label.HANDS_UNKNOWN: "hands",
    Label.AGE_UNKNOWN: "age",
    Label.CLOTHING_UNKNOWN: "clothes",
}


@dataclass(frozen=True, slots=True)
class Model:
    """What looked, from which scores on, and what it is known to miss."""

    name: str
    """With the first digits of its weights' hash."""
    thresholds: tuple[str, ...]
    """``weapon from 0.30``, by label, and by condition where that has its own."""
    blind: tuple[str, ...]
    """The first sentences of its card's list; none: no card of these very weights is at hand."""


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """Where nobody looked, what nobody looked for, and where looking is known to be poor."""

    gaps: tuple[Line, ...]
    """Seconds and pictures that were not reached, not decoded, not sampled or not examined."""
    untold: tuple[Line, ...]
    """Looked at, and it could not be told."""
    hard: tuple[Line, ...]
    """Dark, grey and small pictures, in which models see less."""
    roles: tuple[str, ...]
    """Nobody looked for these."""
    models: tuple[Model, ...]
    own: tuple[str, ...]
    """What holds for this video and not for every one, in some words each."""
    every: tuple[str, ...]
    """What holds for most videos, likewise; never empty."""

    @property
    def brief(self) -> str:
        """All of it in one sentence, to stand beside a negative; never empty."""
        return "; ".join((*self.own, *self.every))


def not_looked_at(row: Row, blind: Mapping[str, Sequence[str]]) -> NotLookedAt:
    """Of a row that is not sealed.

    Args:
        blind: model -> what its card says that it misses.
    """
    roles = tuple(ROLE_WORDS[Role(role)] for role in row["provenance"]["not_looked_for"])
    if is_failure(row):
        why = shown(row["verdict"]["reasons"][0]["words"])
        gap = Line(f"nothing of this file was looked at: {why}")
        return NotLookedAt((gap,), (), (), roles, (), (), ("all of it",))
    return NotLookedAt(
        gaps=tuple(_gaps(row)),
        untold=tuple(_untold(row)),
        hard=tuple(_hard(row)),
        roles=roles,
        models=tuple(_models(row, blind)),
        own=tuple(_own(row)),
        every=tuple(_every(row, roles)),
    )


def pictures_looked_at(row: Row) -> int:
    """Pictures in which everything was looked for; where a model failed on some, those are taken off."""
    missed = max((fault["pictures"] for fault in row["faults"]), default=0)
    return int(row["coverage"]["sampled"] - missed)


def _gaps(row: Row) -> Iterator[Line]:
    coverage = row["coverage"]
    if coverage["short_ms"]:
        start, end = coverage["reached_ms"], coverage["claimed_ms"]
        yield Line(f"not reached: {roughly(start, end)} of what its header claims", ((start, end),))
    if coverage["undecoded"]:
        pieces = counted(coverage["undecoded"], "picture or piece", "pictures or pieces")
        yield Line(f"{pieces} could not be decoded, or only with errors; where is known of the first only, if at all")
    if coverage["why"]:
        yield Line(f"as the scan said: {'; '.join(map(shown, coverage['why']))}")
    if coverage["extent"] == Extent.UNKNOWN:
        yield Line("its header does not say how long it is, so whether more is missing cannot be told")
    for fault in row["faults"]:
        at = fault["time_ms"]
        when = "" if at is None else f", from {clock(at)} on"
        words = f"{shown(fault['stage'])}: {shown(fault['why'])}{when}"
        yield Line(words, () if at is None else ((at, at + max(1, coverage["step_ms"])),))
    if coverage["step_ms"]:
        yield Line(
            f"between two looks: what was on screen for less than {coverage['step_ms'] / 1000:g} s may have been missed"
        )


def _untold(row: Row) -> Iterator[Line]:
    for label, number in _counts(row).items():
        if label in UNTOLD:
            tracks = [track for track in row["tracks"] if track["label"] == label]
            spans = tuple((track["start_ms"], max(track["end_ms"], track["start_ms"] + 1)) for track in tracks)
            yield Line(f"{UNTOLD[label]} in {counted(number, 'sighting', 'sightings')} of people", spans)


def _hard(row: Row) -> Iterator[Line]:
    conditions = row.get("conditions", {})
    for condition, word in CONDITION_WORDS.items():
        if number := conditions.get(condition):
            pictures = counted(row["coverage"]["sampled"], "picture", "pictures")
            yield Line(
                f"{number} of {pictures} looked at {'is' if number == 1 else 'are'} {word}: models miss more there"
            )


def _models(row: Row, blind: Mapping[str, Sequence[str]]) -> Iterator[Model]:
    provenance = row["provenance"]
    for name in sorted(provenance["weights"]):
        bars = provenance.get("thresholds", {}).get(name, {})
        thresholds = tuple(f"{shown(label).replace('_', ' ')} from {bar:.2f}" for label, bar in sorted(bars.items()))
        yield Model(shown(name), thresholds, tuple(map(shown, blind.get(name, ()))))


def _own(row: Row) -> Iterator[str]:
    coverage, counts = row["coverage"], _counts(row)
    if coverage["short_ms"]:
        yield f"{roughly(coverage['reached_ms'], coverage['claimed_ms'])}, not reached"
    if coverage["undecoded"]:
        yield counted(coverage["undecoded"], "damaged picture or piece", "damaged pictures or pieces")
    if coverage["extent"] == Extent.UNKNOWN:
        yield "whatever may be missing at its end"
    if missed := max((fault["pictures"] for fault in row["faults"]), default=0):
        yield f"{counted(missed, 'picture', 'pictures')} where a model failed"
    elif row["faults"]:
        yield "what a fault left out"
    told = [
        f"{BRIEF_UNTOLD[label]} in {counted(counts[label], 'sighting', 'sightings')}"
        for label in counts
        if label in UNTOLD
    ]
    if told:
        yield f"{listing(told)}, not told"
    conditions = row.get("conditions", {})
    hard = [
        f"{conditions[condition]} {word}" for condition, word in CONDITION_WORDS.items() if conditions.get(condition)
    ]
    if hard:
        yield f"{listing(hard)} of the pictures, where models miss more"


def _every(row: Row, roles: Sequence[str]) -> Iterator[str]:
    if step_ms := row["coverage"]["step_ms"]:
        yield f"what was shown for less than {step_ms / 1000:g} s"
    if roles:
        yield f"nobody looked for {listing(roles)}"
    yield "what the models are blind to"


def _counts(row: Row) -> Counter[Label]:
    return Counter(Label(track["label"]) for track in row["tracks"])
