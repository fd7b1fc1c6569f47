"""Whose readings are whose: each person's track with all that was read on that person, in time order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from triage.geometry import Box
from triage.records import AgeReading, ClothingReading, Estimate, Finding, Label, Pose, Reading, Track

INSIDE = 0.6
"""Share of a face that must lie within a person's box to be that person's."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One person, as far as a track holds together, and what was read on them."""

    track: Track
    """Of the person; of the face alone where no person was found around it, as in a close-up."""
    poses: tuple[Pose, ...] = ()
    ages: tuple[AgeReading, ...] = ()
    clothing: tuple[ClothingReading, ...] = ()

    def answer(self, label: Label, findings: Iterable[Finding], estimate: Estimate) -> Track:
        """What is said of this person, as a track of its own.

        Args:
            findings: the looks that it rests on, of this label, in any order.
        """
        ordered = tuple(sorted(findings, key=lambda finding: finding.time_ms))
        last = self.track.findings[-1].time_ms
        stood = self.track.stood_until_ms if ordered[-1].time_ms == last else None
        return Track(label, ordered, stood, estimate)

    def cannot_tell(self, label: Label, clues: Sequence[str]) -> Track:
        """That nothing can be said of this person: as likely as not, for all the time that they were seen."""
        findings = [
            Finding(finding.video, finding.time_ms, label, finding.score, finding.box, finding.detector)
            for finding in self.track.findings
        ]
        return self.answer(label, findings, Estimate(0.5, 0.0, 1.0, tuple(clues)))


def subjects(tracks: Sequence[Track], readings: Iterable[Reading]) -> tuple[Subject, ...]:
    """Everybody who was seen, in the order of the tracks; every reading belongs to at most one of them.

    A reading of a person has that person's box, one of a face lies within it. Faces that no person's box holds are
    subjects of their own.
    """
    people = _by_time(track for track in tracks if track.label is Label.PERSON)
    faces = _by_time(track for track in tracks if track.label is Label.FACE)
    held: dict[int, list[Reading]] = defaultdict(list)
    lone: dict[int, list[Reading]] = defaultdict(list)
    owner_of = _owners(people, faces)
    for reading in readings:
        is_face = isinstance(reading, AgeReading)
        at_once = (faces if is_face else people).get(reading.time_ms, ())
        track = next((track for track, box in at_once if box == reading.box), None)
        if track is None:  # of nobody that was found in this look
            continue
        owner = owner_of.get((reading.time_ms, reading.box)) if is_face else track
        if owner is None:
            lone[id(track)].append(reading)
        else:
            held[id(owner)].append(reading)
    alone = {id(track) for time_ms, seen in faces.items() for track, box in seen if (time_ms, box) not in owner_of}
    return tuple(
        _subject(track, (held if track.label is Label.PERSON else lone)[id(track)])
        for track in tracks
        if track.label is Label.PERSON or (track.label is Label.FACE and id(track) in alone)
    )


def _subject(track: Track, readings: Sequence[Reading]) -> Subject:
    ordered = sorted(readings, key=lambda reading: (reading.time_ms, reading.box.xyxy))
    return Subject(
        track,
        poses=tuple(reading for reading in ordered if isinstance(reading, Pose)),
        ages=tuple(reading for reading in ordered if isinstance(reading, AgeReading)),
        clothing=tuple(reading for reading in ordered if isinstance(reading, ClothingReading)),
    )


def _by_time(tracks: Iterable[Track]) -> Mapping[int, Sequence[tuple[Track, Box]]]:
    found: dict[int, list[tuple[Track, Box]]] = defaultdict(list)
    for track in tracks:
        for finding in track.findings:
            found[finding.time_ms].append((track, finding.box))
    return found


def _owners(
    people: Mapping[int, Sequence[tuple[Track, Box]]], faces: Mapping[int, Sequence[tuple[Track, Box]]]
) -> dict[tuple[int, Box], Track]:
    """Time and box of a face -> the person whose it is: nearest to where a head would be, one face to a person."""
    owners: dict[tuple[int, Box], Track] = {}
    for time_ms, at_once in faces.items():
        costs = sorted(
            (
                (_off_head(face, body), face.xyxy, body.xyxy, face, person)
                for _, face in at_once
                for person, body in people.get(time_ms, ())
                if face.share_in(body) >= INSIDE
            ),
            key=lambda cost: cost[:3],
        )
        taken: set[tuple[float, ...]] = set()
        for _, _, body_xyxy, face, person in costs:
            if (time_ms, face) not in owners and body_xyxy not in taken:
                owners[time_ms, face] = person
                taken.add(body_xyxy)
    return owners


def _off_head(face: Box, body: Box) -> float:
    """How far a face is from the middle of the upper edge of a body's box, in shares of the box."""
    x, y = (face.x0 + face.x1) / 2, (face.y0 + face.y1) / 2
    return abs(x - (body.x0 + body.x1) / 2) / body.width + max(0.0, y - body.y0) / body.height
