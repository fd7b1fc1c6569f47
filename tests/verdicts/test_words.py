from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.geometry import Box
from triage.phrases import LABEL_PLURALS, LABEL_WORDS, ROLE_WORDS
from triage.records import Estimate, Finding, Label, Role, Track
from triage.settings import Judging
from triage.verdicts.words import Likelihood, likelihood

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def track(scores: list[float]) -> Track:
    box = Box(0, 0, 10, 10)
    return Track(
        Label.WEAPON,
        tuple(Finding("ab" * 32, 400 * at, Label.WEAPON, score, box, "x@1") for at, score in enumerate(scores)),
    )


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.4], Likelihood.POSSIBLE),
        ([0.49, 0.49, 0.49, 0.49], Likelihood.POSSIBLE),
        ([0.1, 0.5], Likelihood.LIKELY),
        ([0.99], Likelihood.LIKELY),
        ([0.75, 0.74], Likelihood.LIKELY),
        ([0.75, 0.75], Likelihood.VERY_LIKELY),
        ([0.1, 0.8, 0.1, 0.9], Likelihood.VERY_LIKELY),
    ],
)
def test_how_sure_a_track_sounds_follows_from_its_best_looks(scores: list[float], said: Likelihood) -> None:
    assert likelihood(track(scores), Judging()) is said


@given(SCORES, st.floats(0, 1))
def test_another_look_never_makes_a_track_sound_less_sure(scores: list[float], another: float) -> None:
    before, after = (likelihood(track(some), Judging()).rank for some in (scores, [*scores, another]))
    assert after >= before


@pytest.mark.parametrize(
    ("probability", "low", "said"),
    [
        (0.49, 0.4, Likelihood.POSSIBLE),
        (0.5, 0.1, Likelihood.LIKELY),
        (0.9, 0.49, Likelihood.LIKELY),
        (0.75, 0.5, Likelihood.VERY_LIKELY),
    ],
)
def test_what_was_weighed_over_time_sounds_as_sure_as_its_interval(
    probability: float, low: float, said: Likelihood
) -> None:
    weighed = replace(track([0.99, 0.99, 0.99]), estimate=Estimate(probability, low, 0.95, ()))
    assert likelihood(weighed, Judging()) is said


def test_there_is_a_word_for_every_label_and_role_and_none_for_absence() -> None:
    assert set(LABEL_WORDS) == set(LABEL_PLURALS) == set(Label)
    assert set(ROLE_WORDS) == set(Role)
    assert list(Likelihood) == ["possible", "likely", "very likely"]


def test_this_repository_says_nowhere_that_a_weapon_is_absent() -> None:
    folder = Path(__file__).resolve().parents[2] / "triage" / "verdicts"
    for file in folder.glob("*.py"):
        text = file.read_text(encoding="utf-8").lower()
        assert "no weapon" not in text
        assert "nothing found" not in text
