"""What a standing body tells of whether it may be a child's: the size of the head, and the height beside others.

Both can only speak for a child. From school age on a head is hardly larger than an adult's against the body, and many
adults are short: a body that says nothing clears nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from triage.estimates.subjects import Subject
from triage.records import Joint, Pose

SEEN = 0.5
"""Score from which a joint counts as seen."""
STRAIGHT = 0.95
"""Share of the limbs' length that must lie between shoulders and ankles in height: nobody who bends or steps wide."""
THIGH, SHIN = (0.6, 1.3), (0.7, 1.4)
"""Thigh against torso and shin against thigh; of somebody who sits facing the camera, the thighs look shorter."""
HEAD_UP = 0.07
"""Share of the body's length by which the nose is above the shoulders at least: not bent over."""
LARGE_FACE = 0.21
"""Face's height against the height from ankles to shoulders, from which it is a small child's. Of 39 standing people in
COCO, BSDS and ImageNet pictures, schoolchildren among them, 38 were below 0.19, and the one small child at 0.27."""
MUCH_SHORTER = 0.72
"""Height from ankles to shoulders against that of others beside. Of 30 people in these pictures none was below 0.73."""
BESIDE = 0.08
"""Share of the other's height by which the ankles may differ for two to stand at about the same depth."""
STEADY_LOOKS = 3
"""Looks from which a clue has its full weight."""
HEAD_WEIGHT, HEIGHT_WEIGHT = 0.8, 0.8
"""Log-odds that each clue adds at most: judgements, kept small since too few children were at hand to measure them."""


@dataclass(frozen=True, slots=True)
class BodyClues:
    """What the body adds to what the face says."""

    log_odds: float = 0.0
    """Never below 0."""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Standing:
    """One upright person whose shoulders, hips, knees and ankles are seen; pixels from the top of the frame."""

    time_ms: int
    height_px: float
    """From ankles to shoulders."""
    ankles_px: float


def body_clues(subject: Subject, company: Iterable[Subject]) -> BodyClues:
    """Clues from the looks in which somebody stands upright, alone or beside others."""
    mine = _standing(subject.poses)
    log_odds, words = 0.0, []
    faces = {reading.time_ms: reading.box.height for reading in subject.ages}
    heads = [faces[one.time_ms] / one.height_px for one in mine if one.time_ms in faces]
    if heads and median(heads) >= LARGE_FACE:
        log_odds += HEAD_WEIGHT * min(1.0, len(heads) / STEADY_LOOKS)
        words.append("body proportions like a child's")
    heights = _against_others(mine, [other for other in company if other is not subject])
    if heights and median(heights) <= MUCH_SHORTER:
        log_odds += HEIGHT_WEIGHT * min(1.0, len(heights) / STEADY_LOOKS)
        words.append("much shorter than others beside")
    return BodyClues(log_odds, tuple(words))


def _against_others(mine: Sequence[_Standing], others: Sequence[Subject]) -> list[float]:
    """For each look with others beside: the height against theirs, the middle one where there are several."""
    theirs = [one for other in others for one in _standing(other.poses)]
    ratios = []
    for one in mine:
        beside = [
            one.height_px / two.height_px
            for two in theirs
            if two.time_ms == one.time_ms and abs(two.ankles_px - one.ankles_px) <= BESIDE * two.height_px
        ]
        if beside:
            ratios.append(median(beside))
    return ratios


def _standing(poses: Iterable[Pose]) -> list[_Standing]:
    return [one for pose in poses if (one := _upright(pose)) is not None]


def _upright(pose: Pose) -> _Standing | None:
    pairs = [
        (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER),
        (Joint.LEFT_HIP, Joint.RIGHT_HIP),
        (Joint.LEFT_KNEE, Joint.RIGHT_KNEE),
        (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE),
    ]
    if any(pose[joint].score < SEEN for pair in pairs for joint in pair):
        return None
    xs, ys = ([(getattr(pose[a], axis) + getattr(pose[b], axis)) / 2 for a, b in pairs] for axis in ("x", "y"))
    torso, thigh, shin = (((xs[i + 1] - xs[i]) ** 2 + (ys[i + 1] - ys[i]) ** 2) ** 0.5 for i in range(3))
    height = ys[3] - ys[0]
    nose = pose[Joint.NOSE]
    stands = (
        height >= STRAIGHT * (torso + thigh + shin)
        and torso > 0
        and THIGH[0] <= thigh / torso <= THIGH[1]
        and SHIN[0] <= shin / thigh <= SHIN[1]
        and (nose.score < SEEN or ys[0] - nose.y >= HEAD_UP * height)
    )
    return _Standing(pose.time_ms, height, ys[3]) if stands else None
