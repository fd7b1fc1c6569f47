"""Whose face is whose, who is surely an adult, and where a head is whose face nobody found."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from triage.geometry import Box
from triage.records import Finding, Label, Track
from triage.redaction.trails import Sight

INSIDE = 0.6
"""Share of a face that must lie within a person's box to be that person's, as when ages are estimated."""
HEAD_HEIGHT, HEAD_BY_WIDTH = 0.4, 0.75
"""How far down a person's box the head may reach: the larger of these shares, of its height and of its width. In
somebody who stands with arms raised it ends at about 0.35; somebody seen from the chest up is as wide as high."""
ABOVE = 0.1
"""Of the head's region that is added above the box and at its sides: boxes often cut the hair."""
BRIDGED_MS = 1300
"""Between two looks at somebody's face that are no further apart, those that missed it are left out: it is followed
from both, and the head's region by the body would be many times as large and spread to its neighbours."""
SURE_FOR_MS = 2000
"""For how long somebody is taken for the adult whose face was last seen there. After that it may be somebody else."""

AGES = (Label.POSSIBLE_MINOR, Label.AGE_UNKNOWN, Label.ADULT)


@dataclass(frozen=True, slots=True)
class Head:
    """A face, or where a face may be, at one look."""

    sight: Sight
    is_adult: bool
    """Confidently, and seen here or a moment ago."""
    why: str


def heads(tracks: Sequence[Track]) -> Iterator[tuple[Head, ...]]:
    """For each person, each face that is nobody's and each answer of age that is about neither, their looks in time.

    Nobody is taken for an adult but by an answer over all looks, and only where that very face was read.
    """
    people = [track for track in tracks if track.label is Label.PERSON]
    faces = [track for track in tracks if track.label is Label.FACE]
    ages = _ages(tracks)
    owned = _owned(people, faces)
    for person in people:
        yield _and_stood(person, tuple(_of_person(person, owned, ages)))
    whose = {(time_ms, face.xyxy) for (_, time_ms), face in owned.items()}
    for face in faces:
        if any((seen.time_ms, seen.box.xyxy) not in whose for seen in face.findings):
            yield _and_stood(face, tuple(_of_face(face, ages)))
    known = {(seen.time_ms, seen.box.xyxy) for track in (*people, *faces) for seen in track.findings}
    for track in tracks:
        if track.label in AGES:
            strays = [seen for seen in track.findings if (seen.time_ms, seen.box.xyxy) not in known]
            yield tuple(Head(_sight(seen), is_adult=False, why="somebody whose age was judged") for seen in strays)


def _and_stood(track: Track, looks: tuple[Head, ...]) -> tuple[Head, ...]:
    """The same, and once more when the picture had stood to its end."""
    last = looks[-1]
    return (*looks, replace(last, sight=Sight(track.end_ms, last.sight.box)))


_Ages = Mapping[tuple[int, tuple[float, ...]], set[Label]]
"""Time and box of a look -> what is said of the age of whom it shows."""


def _ages(tracks: Iterable[Track]) -> _Ages:
    said: dict[tuple[int, tuple[float, ...]], set[Label]] = defaultdict(set)
    for track in tracks:
        if track.label in AGES:
            # Without an estimate it is one model's word on single pictures, which clears nobody.
            label = Label.AGE_UNKNOWN if track.estimate is None and track.label is Label.ADULT else track.label
            for seen in track.findings:
                said[seen.time_ms, seen.box.xyxy].add(label)
    return said


def _of_person(person: Track, owned: Mapping[tuple[int, int], Box], ages: _Ages) -> Iterator[Head]:
    sure_ms = [
        seen.time_ms
        for seen in person.findings
        if (face := owned.get((id(person), seen.time_ms))) and ages.get((seen.time_ms, face.xyxy)) == {Label.ADULT}
    ]
    faces_ms = [seen.time_ms for seen in person.findings if (id(person), seen.time_ms) in owned]
    for seen in person.findings:
        face = owned.get((id(person), seen.time_ms))
        if face is None and _is_between(seen.time_ms, faces_ms):
            continue
        said = ages.get((seen.time_ms, (face or seen.box).xyxy), set())
        near = bisect_left(sure_ms, seen.time_ms - SURE_FOR_MS)
        is_recent = near < len(sure_ms) and sure_ms[near] <= seen.time_ms + SURE_FOR_MS
        is_adult = said == {Label.ADULT} and is_recent
        if face is not None:
            yield Head(Sight(seen.time_ms, face), is_adult, f"face of {_somebody(said)}")
        else:
            whom = "an adult whose face was not seen for a while" if said == {Label.ADULT} else _somebody(said)
            yield Head(Sight(seen.time_ms, head_region(seen.box)), is_adult, f"head, by the body alone, of {whom}")


def _is_between(time_ms: int, faces_ms: Sequence[int]) -> bool:
    """Whether a face was seen before and after, not long apart."""
    after = bisect_left(faces_ms, time_ms)
    return 0 < after < len(faces_ms) and faces_ms[after] - faces_ms[after - 1] <= BRIDGED_MS


def _of_face(face: Track, ages: _Ages) -> Iterator[Head]:
    for seen in face.findings:
        said = ages.get((seen.time_ms, seen.box.xyxy), set())
        yield Head(_sight(seen), said == {Label.ADULT}, f"face of {_somebody(said)}")


def _somebody(said: set[Label]) -> str:
    if Label.POSSIBLE_MINOR in said:
        return "a possible minor"
    if said == {Label.ADULT}:
        return "an adult"
    return "somebody whose age could not be told" if said else "somebody whose age nobody judged"


def _sight(seen: Finding) -> Sight:
    return Sight(seen.time_ms, seen.box)


def head_region(person: Box) -> Box:
    """Where the head of somebody may be whose box this is; rather too much, and of somebody who lies, anywhere."""
    height = min(person.height, max(HEAD_HEIGHT * person.height, HEAD_BY_WIDTH * person.width))
    return Box(person.x0, person.y0, person.x1, person.y0 + height).grown(ABOVE)


def _owned(people: Sequence[Track], faces: Sequence[Track]) -> dict[tuple[int, int], Box]:
    """Person (by ``id``) and time -> their face: nearest to where a head would be, one for each person.

    A face that lies within a person but not where the head may be (on a shirt, or of a child in somebody's arms) is
    nobody's here, and the person's head is covered as if no face had been found.
    """
    bodies: dict[int, list[tuple[Track, Box]]] = defaultdict(list)
    for person in people:
        for seen in person.findings:
            bodies[seen.time_ms].append((person, seen.box))
    at_once: dict[int, list[Box]] = defaultdict(list)
    for track in faces:
        for seen in track.findings:
            at_once[seen.time_ms].append(seen.box)
    owned: dict[tuple[int, int], Box] = {}
    for time_ms, found in at_once.items():
        there = bodies.get(time_ms, [])
        pairs = sorted(
            (_off_head(face, body), face.xyxy, body.xyxy, number, place)
            for number, face in enumerate(found)
            for place, (_, body) in enumerate(there)
            if face.share_in(body) >= INSIDE and _is_within(face, head_region(body))
        )
        taken: set[tuple[float, ...]] = set()
        for _, xyxy, _, number, place in pairs:
            whose = (id(there[place][0]), time_ms)
            if whose not in owned and xyxy not in taken:
                owned[whose] = found[number]
                taken.add(xyxy)
    return owned


def _off_head(face: Box, body: Box) -> float:
    """How far a face is from the middle of the upper edge of a body's box, in shares of the box."""
    x, y = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
    return abs(x - (body.x0 + body.x1) / 2) / body.width + max(0.0, y - body.y0) / body.height


def _is_within(face: Box, region: Box) -> bool:
    """Whether the middle of the face lies in the region."""
    x, y = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
    return region.x0 <= x < region.x1 and region.y0 <= y < region.y1
