"""Drawn people: where 17 joints are, as a pose net would say it, with its jitter. No picture of anybody is involved."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.examples import video_id
from triage.estimates.subjects import Subject
from triage.geometry import Box
from triage.records import JOINTS, Finding, Joint, Label, Point, Pose, Track

TORSO_PX = 80.0
STEP_MS = 400
HEAD = JOINTS[:5]

Places = Mapping[Joint, complex]
"""In torsos: real to the viewer's right, imaginary upwards; the middle of the hips is 0, of the shoulders 1j."""


def both(name: str, x: float, y: float) -> dict[Joint, complex]:
    """A pair of joints, the person's left one on the viewer's right."""
    return {Joint(f"left_{name}"): complex(x, y), Joint(f"right_{name}"): complex(-x, y)}


STANDING: Places = {
    Joint.NOSE: 1.45j,
    **both("eye", 0.07, 1.52),
    **both("ear", 0.15, 1.48),
    **both("shoulder", 0.36, 1.0),
    **both("elbow", 0.45, 0.45),
    **both("wrist", 0.5, -0.05),
    **both("hip", 0.22, 0.0),
    **both("knee", 0.22, -0.85),
    **both("ankle", 0.22, -1.7),
}
KNEELING = {**both("knee", 0.25, -0.8), **both("ankle", 0.25, -0.85)}
SITTING = {**both("knee", 0.3, -0.1), **both("ankle", 0.3, -0.95)}
HIDDEN_FACE = dict.fromkeys(HEAD, 0.05)
NOT_SEEN = {Joint.LEFT_WRIST: 0.25, Joint.RIGHT_WRIST: 0.25}


@dataclass(frozen=True)
class Figure:
    """One person at one moment."""

    places: Places = field(default_factory=lambda: STANDING)
    scores: Mapping[Joint, float] = field(default_factory=dict)
    """Where they are not 0.85."""
    at: complex = 300 + 300j
    """Middle of the hips, px, y downwards."""
    turned: complex = 1
    """Of length 1: 1j lies with the head to the viewer's left, -1j to the right."""

    def with_joints(self, *changes: Mapping[Joint, complex]) -> Figure:
        places = dict(self.places)
        for change in changes:
            places |= change
        return replace(self, places=places)

    def with_scores(self, *changes: Mapping[Joint, float]) -> Figure:
        scores = dict(self.scores)
        for change in changes:
            scores |= change
        return replace(self, scores=scores)

    def moved(self, torsos: float) -> Figure:
        return replace(self, at=self.at + torsos * TORSO_PX)

    def from_behind(self) -> Figure:
        """The same person walking away: no face, left on the viewer's left."""
        places = {joint: complex(-place.real, place.imag) for joint, place in self.places.items()}
        face = {Joint.NOSE: 0.1, Joint.LEFT_EYE: 0.05, Joint.RIGHT_EYE: 0.05, Joint.LEFT_EAR: 0.6, Joint.RIGHT_EAR: 0.6}
        return replace(self, places=places).with_scores(face)

    def from_the_side(self) -> Figure:
        """The same person facing the viewer's right: both sides of the trunk over each other."""
        narrow = {
            joint: complex(self.places[joint].real * 0.1, self.places[joint].imag)
            for joint in JOINTS[:5] + JOINTS[5:7] + JOINTS[11:]
        }
        nose = {Joint.NOSE: 0.2 + 1.45j, Joint.LEFT_EYE: 0.15 + 1.52j, Joint.RIGHT_EYE: 0.15 + 1.52j}
        return self.with_joints(narrow, nose)

    def pose(self, time_ms: int, jitter: random.Random | None = None) -> Pose:
        """As a pose net sees it; with ``jitter`` off by some hundredths of a torso, and now and then without wrists."""
        drops = jitter is not None and jitter.random() < 0.1
        points = []
        for joint in JOINTS:
            place, score = self.places[joint], self.scores.get(joint, 0.85)
            if jitter is not None:
                place += complex(jitter.gauss(0, 0.03), jitter.gauss(0, 0.03))
                score += jitter.gauss(0, 0.05)
                score = min(score, 0.2) if drops and joint in {Joint.LEFT_WRIST, Joint.RIGHT_WRIST} else score
            px = self.at + (place * self.turned).conjugate() * TORSO_PX
            points.append(Point(px.real, px.imag, min(max(score, 0.0), 1.0)))
        return Pose(video_id(), time_ms, self._box(points), 0.9, tuple(points), "wrists@12345678")

    def _box(self, points: Sequence[Point]) -> Box:
        """Around the body, with room for the crown."""
        crown = self.at + (1.7j * self.turned).conjugate() * TORSO_PX
        xs, ys = [crown.real, *(point.x for point in points)], [crown.imag, *(point.y for point in points)]
        return Box(min(xs) - 5, min(ys) - 5, max(xs) + 5, max(ys) + 5)


def subject(figures: Sequence[Figure], seed: int | None = 0, step_ms: int = STEP_MS) -> Subject:
    """A person shown so, one look after the other; without a seed there is no jitter."""
    jitter = None if seed is None else random.Random(seed)
    poses = tuple(figure.pose(number * step_ms, jitter) for number, figure in enumerate(figures))
    findings = tuple(Finding(pose.video, pose.time_ms, Label.PERSON, 0.9, pose.box, "objects@1") for pose in poses)
    return Subject(Track(Label.PERSON, findings), poses=poses)


def over_time(draw: Callable[[int], Figure], looks: int = 20) -> list[Figure]:
    return [draw(number) for number in range(looks)]
