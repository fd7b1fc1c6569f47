"""How sure a finding is said to be."""

from __future__ import annotations

from enum import StrEnum

from triage.records import Track
from triage.settings import Judging


class Likelihood(StrEnum):
    """How sure a sentence may sound, the least sure first. There is no word for "not there"."""

    POSSIBLE = "possible"
    LIKELY = "likely"
    VERY_LIKELY = "very likely"

    @property
    def rank(self) -> int:
        return list(Likelihood).index(self)


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
