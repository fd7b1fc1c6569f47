"""What somebody wears, by all looks at them: camouflage, service dress, tactical gear, or none of these.

It is about cloth and gear that anybody can put on; it says nothing of a unit, a force, or who somebody is. Somebody in
other clothes is called civilian for short, and nothing follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from triage.estimates.odds import log_odds, probability_of
from triage.estimates.subjects import Subject
from triage.phrases import counted
from triage.records import ClothingReading, Estimate, Finding, Label, Track
from triage.settings import Estimating

KINDS = (Label.CAMOUFLAGE, Label.SERVICE_DRESS, Label.TACTICAL_GEAR)
ALIKE = 0.75
"""How alike the errors of two looks at one person are, a judgement: clothes and mostly light are the same. Any number
of good looks then counts as at most 1 / 0.75 of one, and ten looks do not make certain what each of them doubts."""
CERTAIN = 0.995
"""Beyond this and its counterpart one look's score is no surer: one look alone makes nothing certain."""
SPREAD = 1.2
"""Standard deviation, in log-odds, of what one good look says of somebody. Held-back persons in colour, grey, dark and
small differed by 0.8; the rest is for what such changes do not show, and a judgement."""
SHARED = 0.5
"""Share of the looks' weight, given that any kind is worn, from which a second kind is said beside the likeliest."""


def uniforms(subject: Subject, company: Sequence[Subject], settings: Estimating) -> tuple[Track, ...]:  # noqa: ARG001
    """The kinds of clothes that somebody likely wears, or that they wear others, or that it cannot be told."""
    if subject.track.label is not Label.PERSON:  # a face that nobody's body was found around
        return ()
    looks = [reading for reading in subject.clothing if reading.quality > 0]
    if not looks:
        return (subject.cannot_tell(Label.CLOTHING_UNKNOWN, ["nowhere large and light enough to see the clothes"]),)
    worn = _weigh([(1 - look.scores[Label.CIVILIAN], look.quality) for look in looks])
    kinds = _kinds(looks)
    if worn.probability >= settings.uniform_from:
        said = [kind for kind in KINDS if kinds[kind] >= SHARED] or [max(KINDS, key=lambda kind: kinds[kind])]
        return tuple(_answer(subject, looks, kind, worn, kinds[kind]) for kind in said)
    if 1 - worn.probability >= settings.civilian_from:
        others = Estimate(
            round(1 - worn.probability, 4),
            round(1 - worn.high, 4),
            round(1 - worn.low, 4),
            _clues(looks, Label.CIVILIAN),
        )
        return (subject.answer(Label.CIVILIAN, [_finding(look, Label.CIVILIAN) for look in looks], others),)
    return (subject.cannot_tell(Label.CLOTHING_UNKNOWN, [_seen(looks), "what is worn could be either"]),)


def _answer(subject: Subject, looks: Sequence[ClothingReading], kind: Label, worn: Estimate, share: float) -> Track:
    """One kind: how likely any is worn, times how likely it is then this one; on the looks that show it."""
    probability = round(worn.probability * share, 4)
    low, high = round(worn.low * share, 4), round(max(worn.high * share, probability), 4)
    showing = [look for look in looks if look.scores[kind] >= look.scores[Label.CIVILIAN]] or [
        max(looks, key=lambda look: look.scores[kind] * look.quality)
    ]
    estimate = Estimate(probability, min(low, probability), high, _clues(looks, kind))
    return subject.answer(kind, [_finding(look, kind) for look in showing], estimate)


def _weigh(looks: Sequence[tuple[float, float]]) -> Estimate:
    """What looks of (probability, quality) say together, shrunk towards not knowing where they are few or bad."""
    weight = sum(quality for _, quality in looks)
    mean = sum(log_odds(score, CERTAIN) * quality for score, quality in looks) / weight
    counted_as = weight / (1 + ALIKE * max(weight - 1, 0.0))
    apart = sum((log_odds(score, CERTAIN) - mean) ** 2 * quality for score, quality in looks) / weight
    error = math.sqrt((SPREAD**2 + apart) / max(counted_as, 0.1))
    middle = mean * counted_as
    low, likely, high = (round(probability_of(middle + side * error), 4) for side in (-1, 0, 1))
    return Estimate(likely, low, high, ())


def _kinds(looks: Sequence[ClothingReading]) -> dict[Label, float]:
    """For each kind, how likely it is worn given that any is; in the looks that show any more than others."""
    weights = [look.quality * max(1 - look.scores[Label.CIVILIAN], 1e-6) for look in looks]
    return {kind: min(sum(look.quality * look.scores[kind] for look in looks) / sum(weights), 1.0) for kind in KINDS}


def _finding(look: ClothingReading, label: Label) -> Finding:
    return Finding(look.video, look.time_ms, label, look.scores[label], look.box, look.detector)


def _clues(looks: Sequence[ClothingReading], label: Label) -> tuple[str, ...]:
    showing = sum(look.scores[label] >= 0.5 for look in looks)
    return (f"seen so in {showing} of {counted(len(looks), 'look', 'looks')}", _seen(looks))


def _seen(looks: Sequence[ClothingReading]) -> str:
    tallest = max(look.box.height for look in looks)
    return f"at most {tallest:.0f} px tall in {counted(len(looks), 'look', 'looks')}"
