"""One video in plain sentences: what was seen, what is known of it, what was decided, and what was not looked at.

Pure. A card never says that something is not there: what was looked for and not seen stands beside where nobody looked,
what could not be told, and what the models are known to miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.case.decisions import Decision
from triage.case.rows import Row, is_failure, is_sealed
from triage.case.spreading import Spread
from triage.case.unseen import Ranks, known_spans, rest_ms
from triage.geometry import Span, union
from triage.names import shown
from triage.phrases import LABEL_WORDS, ROLE_WORDS, counted, listing, roughly
from triage.records import ROLE_LABELS, ROLE_NEEDS, Label, Queue, Role
from triage.report.decided import decided_lines
from triage.report.known import known_lines
from triage.report.line import Line
from triage.report.not_looked_at import NotLookedAt, not_looked_at, pictures_looked_at

JOIN_MS = 2000
"""Sightings of one label that are no further apart are said as one stretch."""
MOST_STRETCHES = 4
"""Of a label, said one by one; of more, only how many there are."""
MOST_PEOPLE_APART = 3
"""Between the fewest and the most people that a range such as "2 to 4" may span; beyond, sightings are no measure."""
WEAPONS = (Label.LONG_GUN, Label.HANDGUN, Label.BLADE, Label.WEAPON)
CLOTHES = (Label.CAMOUFLAGE, Label.TACTICAL_GEAR, Label.SERVICE_DRESS)
GRADES = {1: "a trace", 2: "clearly visible", 3: "a lot"}
"""Of graphic content; see ``Finding.grade``."""
NEUTRAL = frozenset({Label.HANDS_UNKNOWN, Label.AGE_UNKNOWN, Label.CLOTHING_UNKNOWN, Label.ADULT, Label.CIVILIAN})
"""Answers that are no sight of what was looked for."""

Tracks = Sequence[Mapping[str, Any]]
"""As a row has them."""


@dataclass(frozen=True, slots=True)
class Card:
    """What there is to say of one video that is not sealed."""

    video: str | None
    """SHA-256; None: its bytes could not be read."""
    names: tuple[str, ...]
    """Where its bytes lie, harmless to show."""
    past_names: tuple[str, ...]
    """Where they lay once."""
    queue: Queue
    length_ms: int
    """How much was reached; 0: a still picture, or nothing."""
    unseen_ms: int
    """How much of that nobody has to have seen yet: it stands in no bank and in no video further up."""
    seen: tuple[Line, ...]
    not_seen: Line | None
    """What was looked for and not seen, and beside it, in short, where nobody looked. None: all of it was seen."""
    known: tuple[Line, ...]
    decided: tuple[Line, ...]
    reasons: tuple[Line, ...]
    """Why it waits where it waits, in the words of the scan."""
    not_looked_at: NotLookedAt

    looks: int
    """Pictures in which everything was looked for."""

    @property
    def lead(self) -> str:
        """The card in one sentence without times; where nothing was seen, that, and beside it where nobody looked."""
        if self.seen:
            return "; ".join(line.brief or line.words for line in self.seen)
        if self.not_seen is None or not self.looks:
            return (self.not_seen or self.not_looked_at.gaps[0]).words
        pictures = counted(self.looks, "picture", "pictures")
        beside = "; ".join((*self.not_looked_at.own, "and what its page says"))
        return f"in {pictures} nothing was seen of what was looked for; not looked at: {beside}"


@dataclass(frozen=True, slots=True)
class SealedItem:
    """All that is ever shown of a sealed content."""

    video: str
    """SHA-256."""
    why: str


def sealed_item(row: Row) -> SealedItem:
    """Hash and reason of a sealed content; neither name, nor time, nor anything else."""
    if not is_sealed(row):
        raise ValueError("only what is sealed is shown so")
    return SealedItem(row["video"]["id"], shown(row["verdict"]["reasons"][0]["words"]))


def card_of(
    row: Row,
    rank: Ranks,
    name_of: Callable[[str], str],
    *,
    blind: Mapping[str, Sequence[str]],
    decisions: Iterable[Decision] = (),
    spread: Iterable[Spread] = (),
) -> Card:
    """The card of a row as ``Case.rows`` yields it.

    Args:
        rank: content -> its place in the whole queue, 0 for the first.
        name_of: content -> what to call it, harmless to show.
        blind: model -> what its card says that it misses; see ``models.blind_spots_of_all``.
        decisions: on this very content, that stand.
        spread: decisions on other contents, for the stretches of this one that show the same.

    Raises:
        ValueError: it is sealed; of that, ``sealed_item`` is all.
    """
    if is_sealed(row):
        raise ValueError(f"{row['video']['id'][:12]} is sealed: there is no card of it")
    video, length_ms = row["video"], row["coverage"]["reached_ms"]
    beside = not_looked_at(row, blind)
    known = known_spans(row, rank) if row["overlaps"] else []
    return Card(
        video=video["id"],
        names=tuple(map(shown, video["paths"])),
        past_names=tuple(map(shown, video["past_paths"])),
        queue=Queue(row["verdict"]["queue"]),
        length_ms=length_ms,
        unseen_ms=rest_ms(length_ms, known),
        seen=tuple(_seen(row["tracks"])),
        not_seen=None if is_failure(row) else _not_seen(row, beside),
        known=tuple(known_lines(row, rank, name_of, roughly)),
        decided=tuple(decided_lines(decisions, spread, name_of)),
        reasons=tuple(_reasons(row)),
        not_looked_at=beside,
        looks=pictures_looked_at(row),
    )


def _seen(tracks: Tracks) -> Iterator[Line]:
    """What was seen, what says most first."""
    of = _by_label(tracks)
    if found := of.get(Label.BOUND_HANDS):
        best = max(found, key=lambda track: float(track["score"]))
        yield _line("restraint possible", f", {_when(found)}{_estimated(best)}", found)
    for label in WEAPONS:
        if found := of.get(label):
            yield _line(f"{LABEL_WORDS[label]} possible in {_samples(found)}", f", {_when(found)}{_best(found)}", found)
    if found := of.get(Label.GRAPHIC):
        yield _line("graphic content possible", f"{_graded(found)} in {_samples(found)}, {_when(found)}", found)
    if found := of.get(Label.SEXUAL):
        yield _line(f"sexual content possible in {_samples(found)}", f", {_when(found)}", found)
    if people := of.get(Label.PERSON):
        least, words = _people(people)
        yield Line(words, tuple(_stretches(people)), least)
    if found := of.get(Label.POSSIBLE_MINOR):
        one = counted(len(found), "sighting of somebody", "sightings of people")
        yield _line(f"{one} possibly a minor, cannot be excluded", f", {_when(found)}", found)
    for label in CLOTHES:
        if found := of.get(label):
            sightings = counted(len(found), "sighting", "sightings")
            yield _line(f"{LABEL_WORDS[label]} possible", f" in {sightings}, {_when(found)}", found)


def _people(found: Tracks) -> tuple[str, str]:
    """``2 to 4 people``, briefly and wholly: so many were there at once, and so many sightings there are.

    One person may be several sightings.
    """
    at_once = Counter(finding["time_ms"] for track in found for finding in track["findings"])
    least, sightings = max(at_once.values()), len(found)
    if sightings <= least:
        return "", counted(least, "person", "people")
    if sightings - least <= MOST_PEOPLE_APART:
        return "", f"{least} to {sightings} people"
    more = f"{counted(least, 'person', 'people')} or more"
    return more, f"{more} ({sightings} sightings, of which several may be of one person)"


def _not_seen(row: Row, beside: NotLookedAt) -> Line | None:
    """What was looked for in vain, never without what was not looked at."""
    of = _by_label(row["tracks"])
    vain = [
        role
        for role in map(Role, row["provenance"]["looked_for"])
        if role is not Role.FACES and not any(of.get(label) for label in ROLE_LABELS[role] - NEUTRAL)
    ]
    if not vain:
        return None
    looks = pictures_looked_at(row)
    if not looks:
        return Line("no picture was looked at, so nothing can be said of what is in it")
    words = f"looked for in {counted(looks, 'picture', 'pictures')} and not seen there: {listing(map(_asked, vain))}"
    if Role.PEOPLE in vain and any(Role.PEOPLE in ROLE_NEEDS.get(role, ()) for role in vain):
        words += " (told only of people who were seen)"
    return Line(f"{words}; it may be there all the same. Not looked at: {beside.brief}")


def _asked(role: Role) -> str:
    return "possible minors" if role is Role.MINORS else ROLE_WORDS[role]


def _reasons(row: Row) -> Iterator[Line]:
    for reason in row["verdict"]["reasons"]:
        start, end = reason["start_ms"], reason["end_ms"]
        yield Line(shown(reason["words"]), () if start is None or end is None else ((start, max(end, start + 1)),))


def _by_label(tracks: Tracks) -> dict[Label, Tracks]:
    labels = dict.fromkeys(Label(track["label"]) for track in tracks)
    return {label: [track for track in tracks if track["label"] == label] for label in labels}


def _line(brief: str, rest: str, tracks: Tracks) -> Line:
    return Line(f"{brief}{rest}", tuple(_stretches(tracks)), brief)


def _stretches(tracks: Tracks) -> list[Span]:
    """When, with what is close together as one."""
    widened = union((track["start_ms"], max(track["end_ms"], track["start_ms"] + 1) + JOIN_MS) for track in tracks)
    return [(start, end - JOIN_MS) for start, end in widened]


def _when(tracks: Tracks) -> str:
    stretches = _stretches(tracks)
    said = [roughly(start, end) for start, end in stretches[:MOST_STRETCHES]]
    more = len(stretches) - MOST_STRETCHES
    return listing([*said, counted(more, "stretch more", "stretches more")] if more > 0 else said)


def _samples(tracks: Tracks) -> str:
    """Pictures in which it was seen."""
    looks = {finding["time_ms"] for track in tracks for finding in track["findings"]}
    return counted(len(looks), "sample", "samples")


def _best(tracks: Tracks) -> str:
    return f", best score {max(float(track['score']) for track in tracks):.2f}"


def _estimated(track: Mapping[str, Any]) -> str:
    """What it rests on: ``(0.40, or 0.20 to 0.60; kneeling)``."""
    estimate = track["estimate"]
    if estimate is None:
        return ""
    figures = f"{estimate['probability']:.2f}, or {estimate['low']:.2f} to {estimate['high']:.2f}"
    return f" ({'; '.join([figures, *map(shown, estimate['clues'])])})"


def _graded(tracks: Tracks) -> str:
    grades = [finding.get("grade") or 0 for track in tracks for finding in track["findings"]]
    return f" up to grade {max(grades)} of 3, {GRADES[max(grades)]}," if any(grades) else ""
