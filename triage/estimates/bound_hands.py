"""Whether somebody's hands may be bound: how they hold them over time, and how the body stands meanwhile.

There is no footage to learn this from, so it is geometry with weights that are judgements, not measurements. Nothing
here sees a cord or a cuff. What is said is therefore never more than possible, and of hands that simply stay together,
as in a lap, it is said that it cannot be told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from triage.estimates.postures import Hands, Posture, posture
from triage.estimates.subjects import Subject
from triage.phrases import counted
from triage.records import Estimate, Finding, Label, Pose, Track
from triage.settings import Estimating

CEILING = 0.49
"""The highest probability without a visible binding: below ``likely_from``, so that the word stays "possible"."""
WEIGHTS: Mapping[Hands, float] = {
    Hands.BEHIND: 0.7,
    Hands.BEHIND_SIDE: 0.45,
    Hands.HIDDEN: 0.3,
    Hands.AT_HEAD: 0.3,
    Hands.OVERHEAD: 0.3,
    Hands.LOW: 0.25,
    Hands.SIDE: 0.15,
    Hands.HIGH: 0.05,
}
"""How much each way of holding the hands speaks for it if it lasts. Prayer, a cup, a telephone are held before raised
forearms; from the side both arms of anybody lie over each other, and an arm swings back at every step."""
MOVING, LOW, LYING, FACELESS = 0.3, 0.35, 0.35, 0.3
"""How much each support adds to what the hands say. None counts alone."""
STAYING = frozenset({Hands.BEHIND, Hands.BEHIND_SIDE, Hands.LOW, Hands.OVERHEAD})
"""Where staying together while the body moves says something."""
MOVED = 1.0
"""Torsos that the shoulders must have come along to be moving: more than swaying or shifting on a seat."""
ELBOW_SWING = 0.35
"""Torsos that an elbow must have moved against the torso to be moving."""
FEW = 0.8
"""Share that is left of the weight of few or short looks, such as a single picture."""
WIDEST = 0.95
"""Stands for the ceiling in the upper end of the interval: a binding that the program cannot see may be there."""


@dataclass(frozen=True, slots=True)
class _Look:
    pose: Pose
    posture: Posture

    @property
    def is_held(self) -> bool:
        return self.posture.hands in WEIGHTS


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What one stretch of time says."""

    estimate: Estimate
    looks: tuple[_Look, ...]
    """Those in which the hands are held in such a way."""


def bound_hands(subject: Subject, company: Sequence[Subject], settings: Estimating) -> tuple[Track, ...]:  # noqa: ARG001
    """Possible bound hands, that it cannot be told, or nothing where the hands were seen apart.

    The stretch of ``hands_stretch_ms`` that says most decides: somebody tied up at the end of a long film must not be
    outweighed by its beginning.
    """
    looks = [_Look(pose, posture(pose, settings.hands_seen)) for pose in subject.poses]
    found = [one for stretch in _stretches(looks, settings) if (one := _weigh(stretch, settings)) is not None]
    best = max(found, key=lambda one: one.estimate.probability, default=None)
    if best is not None and best.estimate.probability >= settings.hands_from:
        firing = [one for one in found if one.estimate.probability >= settings.hands_from]
        held = {id(look.pose): look for one in firing for look in one.looks}
        findings = [_finding(look.pose, best.estimate.probability) for look in held.values()]
        return (subject.answer(Label.BOUND_HANDS, findings, best.estimate),)
    shown = sum(look.posture.hands not in (Hands.UNREADABLE, Hands.HIDDEN) for look in looks)
    every = len(subject.track.findings)
    if best is not None:
        return (subject.cannot_tell(Label.HANDS_UNKNOWN, best.estimate.clues),)
    if shown < settings.hands_least_shown * every:
        clue = f"wrists not seen in {every - shown} of {counted(every, 'look', 'looks')}"
        return (subject.cannot_tell(Label.HANDS_UNKNOWN, [clue]),)
    return ()


def _stretches(looks: Sequence[_Look], settings: Estimating) -> list[Sequence[_Look]]:
    """Overlapping stretches of time, a new one each eighth of their length."""
    stretches = []
    next_ms = -math.inf
    for start, look in enumerate(looks):
        if look.pose.time_ms < next_ms:
            continue
        until_ms = look.pose.time_ms + settings.hands_stretch_ms
        end = start
        while end < len(looks) and looks[end].pose.time_ms < until_ms:
            end += 1
        stretches.append(looks[start:end])
        if end == len(looks):  # the others would be parts of this one
            break
        next_ms = look.pose.time_ms + settings.hands_stretch_ms / 8
    return stretches


def _weigh(looks: Sequence[_Look], settings: Estimating) -> _Evidence | None:
    """What a stretch says; None: nothing, the hands were apart in too many looks, or never seen."""
    readable = [look for look in looks if look.posture.hands is not Hands.UNREADABLE]
    held = [look for look in readable if look.is_held]
    if not held or len(held) < settings.hands_least_share * len(readable):
        return None
    lasted_ms = held[-1].pose.time_ms - held[0].pose.time_ms
    is_short = len(held) < settings.hands_least_looks or lasted_ms < settings.hands_least_ms
    ways = Counter(look.posture.hands for look in held)
    hands = sum(WEIGHTS[look.posture.hands] for look in held) / len(readable)
    clues = [_often(way, count, readable) for way, count in sorted(ways.items(), key=lambda pair: -pair[1])]
    support, support_clues = _support(held, is_short)
    strength = 1 - (1 - hands) * (1 - support)
    lowest = _wilson_low(len(held), len(readable))
    kept = FEW if is_short else 1.0
    estimate = Estimate(
        probability=round(CEILING * strength * kept, 4),
        low=0.0 if is_short else round(CEILING * strength * lowest / 2, 4),
        high=round(WIDEST * strength, 4),
        clues=(*clues, *support_clues),
    )
    return _Evidence(estimate, tuple(held))


def _support(held: Sequence[_Look], is_short: bool) -> tuple[float, list[str]]:
    """How much the body adds in the looks in which the hands are held so, and in which words."""
    low = sum(look.posture.is_low for look in held)
    lying = sum(look.posture.is_lying for look in held)
    faceless = sum(look.posture.is_faceless for look in held)
    against, clues = 1.0, []
    if not is_short and _moves([look for look in held if look.posture.hands in STAYING]):
        against *= 1 - MOVING
        clues.append("they stay so while the body moves")
    for count, weight, words in (
        (low, LOW, "kneeling or low on the ground"),
        (lying, LYING, "lying or bent down"),
        (faceless, FACELESS, "no face above the shoulders"),
    ):
        if 2 * count >= len(held):
            against *= 1 - weight * count / len(held)
            clues.append(_often(words, count, held))
    return 1 - against, clues


def _moves(looks: Sequence[_Look]) -> bool:
    """Whether the body goes somewhere, or the elbows do, while the wrists stay where they are to each other."""
    if len(looks) < 2:
        return False
    torso_px = median(look.posture.torso_px for look in looks)
    elbows = [look.posture.elbows for look in looks if look.posture.elbows is not None]
    swings = [_extent([pair[side] for pair in elbows]) for side in (0, 1)]
    return _extent([look.posture.middle for look in looks]) >= MOVED * torso_px or min(swings) >= ELBOW_SWING


def _extent(places: Sequence[complex]) -> float:
    """Diagonal of the box around most of the places: the furthest tenth at each end is left out, as jitter."""
    if not places:
        return 0.0
    cut = len(places) // 10
    sides = (sorted(place.real for place in places), sorted(place.imag for place in places))
    return math.hypot(*(numbers[len(numbers) - 1 - cut] - numbers[cut] for numbers in sides))


def _often(words: str, count: int, looks: Sequence[_Look]) -> str:
    return f"{words} in {count} of {counted(len(looks), 'look', 'looks')}"


def _wilson_low(hits: int, tries: int) -> float:
    """Lower end of the 95 % interval of a share (Wilson 1927)."""
    share, z = hits / tries, 1.96
    middle = share + z**2 / (2 * tries)
    return max(0.0, (middle - z * math.sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))) / (1 + z**2 / tries))


def _finding(pose: Pose, score: float) -> Finding:
    return Finding(pose.video, pose.time_ms, Label.BOUND_HANDS, score, pose.box, pose.detector)
