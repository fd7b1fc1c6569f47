"""How one person holds themselves in one look: where the hands are, and how the body stands. Geometry of a pose alone.

Lengths are in torsos (middle of the shoulders to middle of the hips), so that near and far people compare, and places
are relative to the torso, so that it does not matter how somebody lies in the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from triage.records import Joint, Pose

SHOULDERS = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
ELBOWS = (Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW)
WRISTS = (Joint.LEFT_WRIST, Joint.RIGHT_WRIST)
HIPS = (Joint.LEFT_HIP, Joint.RIGHT_HIP)
LEGS = ((Joint.LEFT_KNEE, Joint.LEFT_ANKLE), (Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE))
EYES = (Joint.LEFT_EYE, Joint.RIGHT_EYE)
EARS = (Joint.LEFT_EAR, Joint.RIGHT_EAR)

GUESSED = 0.3
"""Score from which the place of a large part (shoulder, hip, knee, head) is used, seen or guessed."""
TORSO_PER_SHOULDERS, TORSO_PER_UPPER_ARM = 1.2, 1.5
"""A torso is 0.288 of a body's height, shoulders 0.259 between their outer ends, an upper arm 0.186 (Drillis and
Contini 1966); shoulder joints are a little nearer to each other. What is seen foreshortened is shorter, so the longest
of what they say counts."""
TOGETHER = 0.35
"""Wrists no further apart than this, about 17 cm, may be tied or cuffed to each other."""
SIDEWAYS = 0.3
"""Shoulders no further apart than this, across the torso, are of somebody seen from the side."""
OUTLINE = 0.45
"""Half of a torso's width with some room."""
LYING_DEG, UPRIGHT_DEG = 60.0, 50.0
"""How far the torso leans from the vertical for somebody who lies, and at most for somebody who kneels."""
FOLDED_LEG = 0.4
"""An ankle less than this below its knee, where a leg that stands or sits has 0.85, is of somebody on the ground."""


class Hands(StrEnum):
    """Where both hands are, as it may be said."""

    BEHIND = "wrists behind the back"
    BEHIND_SIDE = "hands behind the body, seen from the side"
    LOW = "wrists together"
    HIGH = "wrists together before raised forearms"
    SIDE = "wrists together, seen from the side"
    OVERHEAD = "wrists together above the head"
    AT_HEAD = "both hands at the head, elbows out"
    HIDDEN = "hands hidden behind the body"
    APART = "hands apart"
    UNREADABLE = "hands not seen"


@dataclass(frozen=True, slots=True)
class Posture:
    """One look at one person."""

    hands: Hands
    is_low: bool = False
    """Kneels, squats or sits on the ground."""
    is_lying: bool = False
    """Lies, or is bent down."""
    is_faceless: bool = False
    """Shoulders from the front, a head above them, and no face."""
    middle: complex = 0j
    """Middle of the shoulders, px of the frame."""
    elbows: tuple[complex, complex] | None = None
    """Relative to the torso; None: not both seen."""
    torso_px: float = 0.0
    """0: nothing could be measured."""


UNREADABLE = Posture(Hands.UNREADABLE)


def posture(pose: Pose, seen: float) -> Posture:
    """What one look tells.

    Args:
        seen: score from which a wrist or an elbow counts as seen.
    """
    body = _Body.of(pose)
    if body is None:
        return UNREADABLE
    return Posture(
        body.hands(seen),
        body.is_low(),
        body.is_lying(),
        body.is_faceless(),
        body.middle,
        (body.at(ELBOWS[0]), body.at(ELBOWS[1])) if body.lowest(ELBOWS) >= seen else None,
        body.torso_px,
    )


@dataclass(frozen=True, slots=True)
class _Body:
    """A pose in the torso's own directions: real is up the spine, imaginary is to the viewer's right of it."""

    pose: Pose
    root: complex
    """Middle of the hips, px; where they should be if they are not seen."""
    middle: complex
    up: complex
    """Of length 1, from the hips to the shoulders."""
    torso_px: float
    has_hips: bool

    @classmethod
    def of(cls, pose: Pose) -> _Body | None:
        """None: without both shoulders there is nothing to measure with."""

        def px(joint: Joint) -> complex:
            return complex(pose[joint].x, pose[joint].y)

        def known(*joints: Joint) -> bool:
            return all(pose[joint].score >= GUESSED for joint in joints)

        if not known(*SHOULDERS):
            return None
        middle, hips = (px(SHOULDERS[0]) + px(SHOULDERS[1])) / 2, (px(HIPS[0]) + px(HIPS[1])) / 2
        lengths = [TORSO_PER_SHOULDERS * abs(px(SHOULDERS[0]) - px(SHOULDERS[1]))]
        for shoulder, elbow in zip(SHOULDERS, ELBOWS, strict=True):
            if known(elbow):
                lengths.append(TORSO_PER_UPPER_ARM * abs(px(shoulder) - px(elbow)))
        has_hips = known(*HIPS) and abs(middle - hips) > 0
        if has_hips:
            lengths.append(abs(middle - hips))
            up = (middle - hips) / abs(middle - hips)
        else:
            heads = [px(joint) for joint in (*EARS, Joint.NOSE) if known(joint)]
            above = sum(heads) / len(heads) - middle if heads else -1j
            up = above / abs(above) if abs(above) > 0 else -1j
        torso_px = max(lengths)
        if torso_px <= 0:
            return None
        return cls(pose, hips if has_hips else middle - up * torso_px, middle, up, torso_px, has_hips)

    def at(self, joint: Joint) -> complex:
        """A joint relative to the torso, in torsos: the hips are 0, the shoulders about 1."""
        return (complex(self.pose[joint].x, self.pose[joint].y) - self.root) / (self.up * self.torso_px)

    def lowest(self, joints: tuple[Joint, ...]) -> float:
        return min(self.pose[joint].score for joint in joints)

    def highest(self, joints: tuple[Joint, ...]) -> float:
        return max(self.pose[joint].score for joint in joints)

    @property
    def shoulders(self) -> float:
        """How wide they look; negative from behind, where the left one is on the viewer's left."""
        return self.at(SHOULDERS[0]).imag - self.at(SHOULDERS[1]).imag

    @property
    def is_from_behind(self) -> bool:
        # A face that is clearly seen knows better than a net that mixes up left and right.
        return self.shoulders < -SIDEWAYS and self.pose[Joint.NOSE].score < 2 * GUESSED

    def hands(self, seen: float) -> Hands:
        left, right = self.at(WRISTS[0]), self.at(WRISTS[1])
        if self._are_at_head(left, right):
            return Hands.AT_HEAD
        if abs(self.shoulders) <= SIDEWAYS:
            return self._hands_from_the_side(seen)
        if self.lowest(WRISTS) < seen:
            return self._hands_not_both_seen(left, right, seen)
        is_apart = abs(left - right) > TOGETHER or self._are_crossed(left, right)
        return Hands.APART if is_apart else self._hands_together((left + right) / 2)

    def _hands_not_both_seen(self, left: complex, right: complex, seen: float) -> Hands:
        if self._is_one_free(seen):
            return Hands.APART
        would_show = self.has_hips and self.lowest(ELBOWS) >= seen and self.highest(WRISTS) < seen
        is_covered = not self.is_from_behind and self._is_inside(left) and self._is_inside(right)
        return Hands.HIDDEN if would_show and is_covered else Hands.UNREADABLE

    def _hands_together(self, wrists: complex) -> Hands:
        elbows = (self.at(ELBOWS[0]).real + self.at(ELBOWS[1]).real) / 2
        if wrists.real > 1.35:  # the crown of a head is at 1.6
            return Hands.OVERHEAD
        if self.is_from_behind:
            # From behind, hands that are held up in front are no hands behind the back.
            return Hands.BEHIND if self._is_inside(wrists) else Hands.HIGH
        return Hands.HIGH if self.lowest(ELBOWS) >= GUESSED and wrists.real > elbows + 0.05 else Hands.LOW

    def _hands_from_the_side(self, seen: float) -> Hands:
        """From the side two arms always lie over each other: only hands behind the back are told apart from others."""
        nose, ears = self.at(Joint.NOSE), max(EARS, key=lambda joint: self.pose[joint].score)
        ahead = 0.0
        if self.pose[Joint.NOSE].score >= GUESSED and self.pose[ears].score >= GUESSED:
            ahead = math.copysign(1.0, (nose - self.at(ears)).imag)
        shown = [
            (self.at(elbow), self.at(wrist))
            for elbow, wrist in zip(ELBOWS, WRISTS, strict=True)
            if self.pose[wrist].score >= seen and self.pose[elbow].score >= GUESSED
        ]
        if ahead and shown and all(_is_behind(elbow, wrist, ahead) for elbow, wrist in shown):
            return Hands.BEHIND_SIDE
        if len(shown) < 2:
            return Hands.UNREADABLE
        return Hands.SIDE if abs(shown[0][1] - shown[1][1]) <= TOGETHER else Hands.APART

    def _are_at_head(self, left: complex, right: complex) -> bool:
        heads = [self.at(joint) for joint in EARS if self.pose[joint].score >= GUESSED]
        head = sum(heads) / len(heads) if heads else 1.45 + 0j
        elbows = [self.at(joint) for joint in ELBOWS]
        return (
            self.lowest((*WRISTS, *ELBOWS)) >= GUESSED
            and all(abs(wrist - head) < 0.45 and wrist.real > 1.1 for wrist in (left, right))
            and all(elbow.real > 0.85 for elbow in elbows)
            and all(abs(elbow.imag) > abs(wrist.imag) for elbow, wrist in zip(elbows, (left, right), strict=True))
        )

    def _are_crossed(self, left: complex, right: complex) -> bool:
        """Arms folded: each hand at the other arm's elbow."""
        return min(abs(left - self.at(ELBOWS[1])), abs(right - self.at(ELBOWS[0]))) < 0.3

    def _is_one_free(self, seen: float) -> bool:
        """Whether one hand that is seen is where a tied one could hardly be: far to the side, or raised."""
        shown = [self.at(wrist) for wrist in WRISTS if self.pose[wrist].score >= seen]
        return any(abs(wrist.imag) > 0.65 or 1.0 < wrist.real < 1.35 for wrist in shown)

    def _is_inside(self, place: complex) -> bool:
        """Whether it lies on the lower part of the torso, as seen from the front or from behind."""
        return abs(place.imag) <= OUTLINE and -0.35 <= place.real <= 0.75

    def is_low(self) -> bool:
        """Whether no leg that is seen has its ankle clearly below its knee, though the torso is upright."""
        if not self.has_hips or abs(_lean_deg(self.up)) > UPRIGHT_DEG:
            return False
        shown = [
            (self.pose[ankle].y - self.pose[knee].y) / self.torso_px
            for knee, ankle in LEGS
            if self.pose[knee].score >= GUESSED and self.pose[ankle].score >= GUESSED
        ]
        return bool(shown) and max(shown) < FOLDED_LEG

    def is_lying(self) -> bool:
        return self.has_hips and abs(_lean_deg(self.up)) > LYING_DEG

    def is_faceless(self) -> bool:
        crown_is_inside = self.pose.box.y0 < self.middle.imag - 0.35 * self.torso_px
        shows_a_face = self.highest((Joint.NOSE, *EYES, *EARS)) >= GUESSED
        return self.shoulders > SIDEWAYS and crown_is_inside and not shows_a_face


def _is_behind(elbow: complex, wrist: complex, ahead: float) -> bool:
    """Behind the middle of the trunk by more than half its depth: an arm that hangs is not."""
    return ahead * elbow.imag < -0.1 and ahead * wrist.imag < -0.2 and -0.35 <= wrist.real <= 0.75


def _lean_deg(up: complex) -> float:
    """How far a direction is from straight up in the picture."""
    return math.degrees(math.atan2(up.real, -up.imag))
