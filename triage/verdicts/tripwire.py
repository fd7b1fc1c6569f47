"""When a video is sealed: possible sexual content, and somebody of whom it cannot be told that they are an adult. Pure.

Missing one is graver than sealing too much, so everything that is not known counts against opening it further:

- the whole video counts, not a stretch around the sight: who is in it elsewhere may be who is seen here, and no setting
  narrows this;
- everybody in it must be an adult with confidence; an unknown age, a face or a person without an answer, a model that
  failed, or nobody having looked for minors at all is not an adult;
- what was seen must lie on one of these adults; a body of nobody who was found is a body of unknown age.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from triage.geometry import Box
from triage.records import Fault, Finding, Label, Role, Track

INSIDE = 0.6
"""Share of a face, or of what was seen, that must lie within a person's box to be that person's."""
SEEN = "possible sexual content"


@dataclass(frozen=True, slots=True)
class Trip:
    """That a video is to be sealed."""

    time_ms: int
    """When the sexual content was first seen."""
    why: str


def tripped(tracks: Sequence[Track], faults: Sequence[Fault], roles: Iterable[Role], *, is_over: bool) -> Trip | None:
    """Whether what was seen so far seals the video; None: it does not, or not yet.

    Args:
        roles: what somebody looked for.
        is_over: whether the video was looked at to its end; before, an age that is not known yet may become known.
    """
    sexual = [track for track in tracks if track.label is Label.SEXUAL]
    if not sexual:
        return None
    why = _why_now(tracks, faults, roles) or (_why_at_last(tracks, sexual) if is_over else None)
    return None if why is None else Trip(min(track.start_ms for track in sexual), f"{SEEN}, and {why}")


def _why_now(tracks: Sequence[Track], faults: Sequence[Fault], roles: Iterable[Role]) -> str | None:
    """What no further look would undo."""
    if any(track.label is Label.POSSIBLE_MINOR for track in tracks):
        return "somebody who may be a minor"
    if not {Role.PEOPLE, Role.MINORS} <= set(roles):
        return "nobody looked for minors, so it cannot be told whether one is in it"
    if faults:
        return "a model failed on some of it, so it cannot be told whether a minor is in it"
    return None


def _why_at_last(tracks: Sequence[Track], sexual: Iterable[Track]) -> str | None:
    """What is still not known when all was looked at."""
    people = [track for track in tracks if track.label is Label.PERSON]
    bodies = _boxes(people)
    lone = [
        track
        for track in tracks
        if track.label is Label.FACE and not any(_lies_in(face, bodies) for face in track.findings)
    ]
    adults = [track for track in tracks if track.label is Label.ADULT]
    is_unknown = any(track.label is Label.AGE_UNKNOWN for track in tracks)
    if is_unknown or not _each_an_adult([*people, *lone], adults):
        return "somebody of whom it cannot be told whether they are a minor"
    if not all(_lies_in(finding, bodies) for track in sexual for finding in track.findings):
        return "it cannot be told whose body it is, nor whether a minor's"
    return None


def _each_an_adult(people: Iterable[Track], adults: Sequence[Track]) -> bool:
    """Whether everybody has an answer of their own, and all answers are that they are an adult.

    An answer lies where its person was at the time: in the person's box, or in the face's within it.
    """
    left = list(adults)
    for person in people:
        boxes = _boxes([person])
        own = [(sum(_lies_in(look, boxes) for look in adult.findings), place) for place, adult in enumerate(left)]
        looks, place = max(own, default=(0, 0))
        if not looks:
            return False
        left.pop(place)
    return True


def _boxes(tracks: Iterable[Track]) -> Mapping[int, Sequence[Box]]:
    """Time of a look -> where these tracks were in it."""
    boxes: dict[int, list[Box]] = defaultdict(list)
    for track in tracks:
        for finding in track.findings:
            boxes[finding.time_ms].append(finding.box)
    return boxes


def _lies_in(finding: Finding, boxes: Mapping[int, Sequence[Box]]) -> bool:
    return any(finding.box.share_in(box) >= INSIDE for box in boxes.get(finding.time_ms, ()))
