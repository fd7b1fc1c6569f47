"""How findings are said to an analyst: modest words, times as in a player."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from triage.records import Label, Role, Track
from triage.settings import Judging


class Likelihood(StrEnum):
    """How sure a sentence may sound, the least sure first. There is no word for "not there"."""

    POSSIBLE = "possible"
    LIKELY = "likely"
    VERY_LIKELY = "very likely"

    @property
    def rank(self) -> int:
        return list(Likelihood).index(self)


LABEL_WORDS: Mapping[Label, str] = {
    Label.PERSON: "person",
    Label.WEAPON: "weapon",
    Label.HANDGUN: "handgun",
    Label.LONG_GUN: "long gun",
    Label.BLADE: "blade",
    Label.BOUND_HANDS: "bound hands",
    Label.HANDS_UNKNOWN: "person whose hands cannot be judged",
    Label.CAMOUFLAGE: "camouflage clothing",
    Label.SERVICE_DRESS: "service dress",
    Label.TACTICAL_GEAR: "tactical gear",
    Label.CIVILIAN: "civilian clothing",
    Label.CLOTHING_UNKNOWN: "person whose clothes cannot be judged",
    Label.POSSIBLE_MINOR: "person who may be a minor",
    Label.ADULT: "adult",
    Label.AGE_UNKNOWN: "person of unknown age",
    Label.GRAPHIC: "graphic content",
    Label.SEXUAL: "sexual content",
    Label.FACE: "face",
}

CONDITION_WORDS: Mapping[str, str] = {"night": "dark", "grey": "grey", "small": "small"}

LABEL_PLURALS: Mapping[Label, str] = {
    Label.PERSON: "people",
    Label.WEAPON: "weapons",
    Label.HANDGUN: "handguns",
    Label.LONG_GUN: "long guns",
    Label.BLADE: "blades",
    Label.BOUND_HANDS: "pairs of bound hands",
    Label.HANDS_UNKNOWN: "people whose hands cannot be judged",
    Label.CAMOUFLAGE: "sets of camouflage clothing",
    Label.SERVICE_DRESS: "sets of service dress",
    Label.TACTICAL_GEAR: "sets of tactical gear",
    Label.CIVILIAN: "sets of civilian clothing",
    Label.CLOTHING_UNKNOWN: "people whose clothes cannot be judged",
    Label.POSSIBLE_MINOR: "people who may be minors",
    Label.ADULT: "adults",
    Label.AGE_UNKNOWN: "people of unknown age",
    Label.GRAPHIC: "sights of graphic content",
    Label.SEXUAL: "sights of sexual content",
    Label.FACE: "faces",
}

ROLE_WORDS: Mapping[Role, str] = {
    Role.PEOPLE: "people",
    Role.WEAPONS: "weapons",
    Role.BOUND_HANDS: "bound hands",
    Role.UNIFORMS: "uniforms",
    Role.MINORS: "minors",
    Role.GRAPHIC: "graphic content",
    Role.FACES: "faces",
    Role.SEXUAL: "sexual content",
    Role.COPIES: "copies",
}


def likelihood(track: Track, settings: Judging) -> Likelihood:
    """How sure a track may be said to be; another finding in it never makes it less sure."""
    if track.estimate is not None:  # it has weighed its looks already
        is_sure = track.estimate.probability >= settings.very_likely_from and track.estimate.low >= settings.likely_from
        likely = track.estimate.probability >= settings.likely_from
        return Likelihood.VERY_LIKELY if is_sure else Likelihood.LIKELY if likely else Likelihood.POSSIBLE
    scores = [finding.score for finding in track.findings]
    if sum(score >= settings.very_likely_from for score in scores) >= 2:
        return Likelihood.VERY_LIKELY
    return Likelihood.LIKELY if max(scores) >= settings.likely_from else Likelihood.POSSIBLE
