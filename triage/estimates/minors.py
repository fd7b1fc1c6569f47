"""Whether somebody may be a minor: all looks at the face together, and what the body adds. Never an age.

Missing a child is graver than taking an adult for one. So the looks that say child count for more than their share, no
look undoes another's, and an adult is somebody of whom no look that is worth anything says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from triage.estimates.odds import log_odds, probability_of
from triage.estimates.proportions import BodyClues, body_clues
from triage.estimates.subjects import Subject
from triage.phrases import counted
from triage.records import AgeReading, Estimate, Finding, Label, Track
from triage.settings import Estimating

Values = npt.NDArray[np.float64]

CERTAIN = 0.99
"""Beyond this and its counterpart, one look's probability is no surer: single looks err more often than they say."""
UNKNOWN_WORTH = 0.25
"""How many clear looks it is worth to know nothing; it draws few and poor looks to ``minor_from``, to neither side."""
UPPER_SHARE = 0.67
"""Share of the looks, by what they are worth, that are averaged: those that say child most. The others may be turned
away, in shadow or somebody else. Over seven mild views of each FairFace face 0.97 of 10 to 19 years are called so, and
0.18 of adults; with 0.5 it is 1.00 and 0.21, with all looks 0.90 and 0.12."""
ALIKE = 0.6
"""How much of a look's error every other look at the same face shares: thousands of looks are worth 1 / 0.6 of one."""
LOOK_ERROR = 1.2
"""Standard deviation, in log-odds, of what clear looks at one face say: 0.9 was measured where boxes and compression
differ a little, 2.0 where they differ a lot."""
SAME_ERROR = 0.7
"""The same of what all looks at one face have in common, and more looks do not mend: a judgement."""
TAIL = 1.64
"""Standard deviations to each end of the interval: 90 % of a normal distribution."""


def minors(subject: Subject, company: Sequence[Subject], settings: Estimating) -> tuple[Track, ...]:
    """Possible minor, adult, or that it cannot be told; always one of the three."""
    body = body_clues(subject, company)
    looks = [reading for reading in subject.ages if reading.quality > 0]
    if not looks and not body.words:
        return (subject.cannot_tell(Label.AGE_UNKNOWN, [_why_no_look(subject)]),)
    estimate = weigh(looks, body, settings)
    worth = sum(reading.quality for reading in looks)
    label = Label.AGE_UNKNOWN
    if estimate.probability >= settings.minor_from and (worth >= settings.minors_least_worth or body.words):
        label = Label.POSSIBLE_MINOR
    elif estimate.high < settings.adult_below:
        label = Label.ADULT
    return (subject.answer(label, _findings(subject, label, estimate), estimate),)


def weigh(looks: Sequence[AgeReading], body: BodyClues, settings: Estimating) -> Estimate:
    """What looks of some worth, in any order, and the body say together."""
    worth = np.array([reading.quality for reading in looks], dtype=float)
    said = np.array([log_odds(reading.under_18, CERTAIN) for reading in looks], dtype=float)
    total = float(worth.sum())
    unknown = log_odds(settings.minor_from, CERTAIN)
    face = high = unknown
    if looks:
        face = (_upper_mean(said, worth) * total + unknown * UNKNOWN_WORTH) / (total + UNKNOWN_WORTH)
        high = float((unknown + (said - unknown) * worth).max())
    middle = face + body.log_odds
    effective = total / (1 - ALIKE + ALIKE * total)
    spread = TAIL * math.sqrt(SAME_ERROR**2 + LOOK_ERROR**2 / max(effective, 0.05))
    high = max(middle + spread, high)
    probability, low, top = (round(probability_of(value), 4) for value in (middle, middle - spread, high))
    return Estimate(probability, low, top, (*_face_clues(looks, settings), *body.words))


def _upper_mean(said: Values, worth: Values) -> float:
    """Mean log-odds of the looks that say child most, as many as make up ``UPPER_SHARE`` of all they are worth."""
    order = np.argsort(-said, kind="stable")
    wanted = UPPER_SHARE * float(worth.sum())
    before = np.concatenate([[0.0], np.cumsum(worth[order])[:-1]])
    counted_worth = np.clip(wanted - before, 0.0, worth[order])
    return float(counted_worth @ said[order]) / wanted


def _face_clues(looks: Sequence[AgeReading], settings: Estimating) -> list[str]:
    if not looks:
        return ["no face clear enough"]
    clues = [f"face in {counted(len(looks), 'look', 'looks')}"]
    if sum(reading.quality for reading in looks) < settings.minors_least_worth:
        clues.append("too small or too blurred to tell")
    childlike = sum(reading.under_18 >= settings.minor_from for reading in looks)
    if 0 < childlike < len(looks):
        clues.append(f"like a child's in {childlike} of them")
    return clues


def _why_no_look(subject: Subject) -> str:
    if not subject.ages:
        return "no face was seen"
    return f"face too small or too blurred in {counted(len(subject.ages), 'look', 'looks')}"


def _findings(subject: Subject, label: Label, estimate: Estimate) -> list[Finding]:
    """One for each look at the person: their face where it was read, else what was seen of them."""
    read = {reading.time_ms: reading for reading in subject.ages}
    found = []
    for seen in subject.track.findings:
        reading = read.get(seen.time_ms)
        if reading is None:
            found.append(Finding(seen.video, seen.time_ms, label, estimate.probability, seen.box, seen.detector))
        else:
            found.append(Finding(seen.video, seen.time_ms, label, reading.under_18, reading.box, reading.detector))
    return found
