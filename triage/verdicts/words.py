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
    Label.CAMOUFLAGE: "camouflage clothing",
    Label.SERVICE_DRESS: "service dress",
    Label.TACTICAL_GEAR: "tactical gear",
    Label.POSSIBLE_MINOR: "person who may be a minor",
    Label.AGE_UNKNOWN: "person of unknown age",
    Label.GRAPHIC: "graphic content",
    Label.FACE: "face",
}

LABEL_PLURALS: Mapping[Label, str] = {
    Label.PERSON: "people",
    Label.WEAPON: "weapons",
    Label.HANDGUN: "handguns",
    Label.LONG_GUN: "long guns",
    Label.BLADE: "blades",
    Label.BOUND_HANDS: "pairs of bound hands",
    Label.CAMOUFLAGE: "sets of camouflage clothing",
    Label.SERVICE_DRESS: "sets of service dress",
    Label.TACTICAL_GEAR: "sets of tactical gear",
    Label.POSSIBLE_MINOR: "people who may be minors",
    Label.AGE_UNKNOWN: "people of unknown age",
    Label.GRAPHIC: "sights of graphic content",
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
}


def likelihood(track: Track, settings: Judging) -> Likelihood:
    """How sure a track may be said to be; another finding in it never makes it less sure."""
    scores = [finding.score for finding in track.findings]
    if sum(score >= settings.very_likely_from for score in scores) >= 2:
        return Likelihood.VERY_LIKELY
    return Likelihood.LIKELY if max(scores) >= settings.likely_from else Likelihood.POSSIBLE
