from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.estimates.test_subjects import BODY, track
from triage.estimates.subjects import Subject
from triage.estimates.uniforms import uniforms
from triage.records import ROLE_LABELS, ClothingReading, Label, Role, Track
from triage.settings import Estimating

SETTINGS = Estimating()
STEP_MS = 400
CAMOUFLAGED = (0.96, 0.02, 0.1)
"""Scores of camouflage, service dress, tactical gear in one look; what is left of the highest is civilian."""
DRESSED = (0.02, 0.95, 0.02)
GEARED = (0.93, 0.03, 0.9)
ORDINARY = (0.01, 0.03, 0.02)
DOUBTFUL = (0.6, 0.1, 0.1)


def subject(*looks: tuple[float, float, float], quality: float | Sequence[float] = 1.0) -> Subject:
    times = [STEP_MS * place for place in range(max(len(looks), 1))]
    worths = [quality] * len(looks) if isinstance(quality, float) else quality
    person = track(Label.PERSON, BODY, *times)
    readings = tuple(
        ClothingReading(
            person.findings[0].video,
            time_ms,
            BODY,
            {
                Label.CIVILIAN: 1 - max(scores),
                Label.CAMOUFLAGE: scores[0],
                Label.SERVICE_DRESS: scores[1],
                Label.TACTICAL_GEAR: scores[2],
            },
            worth,
            "uniforms@12345678",
        )
        for time_ms, scores, worth in zip(times, looks, worths, strict=False)
    )
    return Subject(person, clothing=readings)


def said(person: Subject, settings: Estimating = SETTINGS) -> dict[Label, Track]:
    return {answer.label: answer for answer in uniforms(person, [person], settings)}


def test_camouflage_that_is_seen_is_said() -> None:
    answers = said(subject(*[CAMOUFLAGED] * 5))
    assert set(answers) == {Label.CAMOUFLAGE}
    estimate = answers[Label.CAMOUFLAGE].estimate
    assert estimate is not None
    assert estimate.probability > 0.8
    assert estimate.clues[0] == "seen so in 5 of 5 looks"


def test_somebody_in_camouflage_and_a_vest_wears_both() -> None:
    assert set(said(subject(*[GEARED] * 5))) == {Label.CAMOUFLAGE, Label.TACTICAL_GEAR}


def test_service_dress_is_not_camouflage() -> None:
    assert set(said(subject(*[DRESSED] * 5))) == {Label.SERVICE_DRESS}


def test_somebody_in_other_clothes_is_called_civilian() -> None:
    answers = said(subject(*[ORDINARY] * 5))
    assert set(answers) == {Label.CIVILIAN}
    assert answers[Label.CIVILIAN].score > 0.8


def test_one_look_that_saw_nothing_does_not_undo_the_others() -> None:
    assert set(said(subject(*[CAMOUFLAGED] * 5, ORDINARY))) == {Label.CAMOUFLAGE}


def test_a_bad_look_counts_for_less_than_a_good_one() -> None:
    mixed = [CAMOUFLAGED] * 4 + [ORDINARY] * 4
    good_show_it = said(subject(*mixed, quality=[1.0] * 4 + [0.1] * 4))
    bad_show_it = said(subject(*mixed, quality=[0.1] * 4 + [1.0] * 4))
    assert set(good_show_it) == {Label.CAMOUFLAGE}
    assert set(bad_show_it) == {Label.CIVILIAN}


def test_one_poor_look_is_not_enough() -> None:
    assert set(said(subject(CAMOUFLAGED, quality=0.2))) == {Label.CLOTHING_UNKNOWN}


def test_a_hundred_doubtful_looks_do_not_make_one_certain() -> None:
    assert set(said(subject(*[DOUBTFUL] * 100))) == {Label.CLOTHING_UNKNOWN}


def test_more_looks_make_the_interval_narrower() -> None:
    few, many = (said(subject(*[CAMOUFLAGED] * looks, quality=0.5))[Label.CAMOUFLAGE].estimate for looks in (2, 20))
    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize("person", [subject(), subject(*[CAMOUFLAGED] * 9, quality=0.0)], ids=["unread", "worthless"])
def test_somebody_too_small_or_dark_in_every_look_is_unknown(person: Subject) -> None:
    [answer] = uniforms(person, [person], SETTINGS)
    assert answer.label is Label.CLOTHING_UNKNOWN
    assert answer.estimate is not None
    assert (answer.estimate.low, answer.estimate.high) == (0, 1)


def test_of_a_face_without_a_body_nothing_is_said() -> None:
    face = Subject(track(Label.FACE, BODY, 0))
    assert uniforms(face, [face], SETTINGS) == ()


def test_the_answer_rests_on_the_looks_that_show_it() -> None:
    answer = said(subject(*[CAMOUFLAGED] * 3, ORDINARY, CAMOUFLAGED))[Label.CAMOUFLAGE]
    assert [finding.time_ms for finding in answer.findings] == [0, 400, 800, 1600]
    assert {finding.label for finding in answer.findings} == {Label.CAMOUFLAGE}


def test_the_thresholds_are_the_settings() -> None:
    person = subject(*[DOUBTFUL] * 5)
    assert Label.CAMOUFLAGE in said(person, Estimating(uniform_from=0.5))
    assert Label.CIVILIAN in said(person, Estimating(uniform_from=0.9, civilian_from=0.3))


shares = st.floats(0, 1)


@given(st.lists(st.tuples(shares, shares, shares), max_size=12), st.data())
def test_whatever_is_read_something_true_to_the_role_is_said_of_everybody(
    looks: list[tuple[float, float, float]], data: st.DataObject
) -> None:
    worths = data.draw(st.lists(shares, min_size=len(looks), max_size=len(looks)))
    person = subject(*looks, quality=worths)
    answers = uniforms(person, [person], SETTINGS)
    assert answers
    assert {answer.label for answer in answers} <= ROLE_LABELS[Role.UNIFORMS]
    assert len({answer.label for answer in answers}) == len(answers)
    assert {finding.time_ms for answer in answers for finding in answer.findings} <= {
        finding.time_ms for finding in person.track.findings
    }
