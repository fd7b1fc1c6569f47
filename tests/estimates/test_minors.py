from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.estimates.test_proportions import face as face_px
from tests.estimates.test_proportions import standing
from tests.estimates.test_subjects import BODY, FACE, track
from tests.examples import video_id
from triage.estimates.minors import minors, weigh
from triage.estimates.proportions import BodyClues
from triage.estimates.subjects import Subject
from triage.geometry import Box
from triage.records import AgeReading, Label, Track
from triage.settings import Estimating

SETTINGS = Estimating()
CHILD, ADULT, UNSURE = 0.95, 0.005, 0.2
NOTHING = BodyClues()
looks_of = st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 1)), min_size=1, max_size=30)


def looks(*said: float, quality: float = 1.0) -> tuple[AgeReading, ...]:
    return tuple(look(number, under_18, quality) for number, under_18 in enumerate(said))


def look(number: int, under_18: float, quality: float) -> AgeReading:
    return AgeReading(video_id(), 400 * number, FACE, under_18, quality, "minors@1")


def somebody(ages: tuple[AgeReading, ...], *, label: Label = Label.PERSON, without_face: int = 0) -> Subject:
    times = [reading.time_ms for reading in ages] + [100_000 + 400 * number for number in range(without_face)]
    return Subject(track(label, BODY if label is Label.PERSON else FACE, *(times or [0])), ages=ages)


def said_of(subject: Subject, *company: Subject) -> Track:
    [answer] = minors(subject, [subject, *company], SETTINGS)
    assert answer.estimate is not None
    return answer


def clues_of(subject: Subject, *company: Subject) -> tuple[str, ...]:
    estimate = said_of(subject, *company).estimate
    assert estimate is not None
    return estimate.clues


@pytest.mark.parametrize(
    ("ages", "label"),
    [
        (looks(CHILD, CHILD, CHILD), Label.POSSIBLE_MINOR),
        (looks(CHILD), Label.POSSIBLE_MINOR),
        (looks(0.6), Label.POSSIBLE_MINOR),
        (looks(ADULT, ADULT, ADULT, ADULT), Label.ADULT),
        (looks(UNSURE, UNSURE, UNSURE), Label.AGE_UNKNOWN),
        (looks(ADULT, quality=0.1), Label.AGE_UNKNOWN),
        (looks(CHILD, quality=0.02), Label.AGE_UNKNOWN),
        (looks(CHILD, CHILD, quality=0.0), Label.AGE_UNKNOWN),
        ((), Label.AGE_UNKNOWN),
    ],
    ids=[
        "child",
        "child once",
        "perhaps",
        "adult",
        "unsure",
        "adult, poor",
        "child, poor",
        "child, worthless",
        "no face",
    ],
)
def test_what_is_said_of_somebody(ages: tuple[AgeReading, ...], label: Label) -> None:
    assert said_of(somebody(ages)).label is label


def test_one_adult_looking_look_does_not_cancel_several_child_looking_ones() -> None:
    ages = looks(CHILD, CHILD, CHILD, 0.0)
    assert said_of(somebody(ages)).label is Label.POSSIBLE_MINOR


def test_as_many_adult_looking_looks_do_not_cancel_the_child_looking_ones() -> None:
    assert said_of(somebody(looks(*[CHILD] * 5, *[0.0] * 10))).label is Label.POSSIBLE_MINOR


@pytest.mark.parametrize("adult_looks", [1, 5, 50, 500])
def test_one_clear_child_looking_look_keeps_somebody_from_being_called_an_adult(adult_looks: int) -> None:
    answer = said_of(somebody(looks(*[0.0] * adult_looks, CHILD)))
    assert answer.label is not Label.ADULT
    assert answer.estimate is not None
    assert answer.estimate.high >= CHILD - 0.001
    assert "like a child's in 1 of them" in answer.estimate.clues


@given(looks_of, st.floats(0, 1), st.floats(0.01, 1))
def test_a_look_that_says_child_never_undoes_a_possible_minor(
    before: list[tuple[float, float]], under_18: float, quality: float
) -> None:
    ages = tuple(look(number, *said) for number, said in enumerate(before))
    if said_of(somebody(ages)).label is Label.POSSIBLE_MINOR and under_18 >= SETTINGS.minor_from:
        more = (*ages, look(len(ages), under_18, quality))
        assert said_of(somebody(more)).label is Label.POSSIBLE_MINOR


@given(looks_of, st.floats(0.01, 1))
def test_a_look_more_childlike_than_all_never_lowers_anything(
    before: list[tuple[float, float]], quality: float
) -> None:
    ages = [look(number, *said) for number, said in enumerate(before)]
    most = max(0.5, *(reading.under_18 for reading in ages), 0.0)
    one, two = weigh(ages, NOTHING, SETTINGS), weigh([*ages, look(len(ages), most, quality)], NOTHING, SETTINGS)
    assert two.probability >= one.probability - 1e-9
    assert two.low >= one.low - 1e-9


@given(looks_of, st.data())
def test_a_more_childlike_look_in_place_of_another_never_lowers_anything(
    before: list[tuple[float, float]], data: st.DataObject
) -> None:
    ages = [look(number, *said) for number, said in enumerate(before)]
    place = data.draw(st.integers(0, len(ages) - 1))
    raised = data.draw(st.floats(ages[place].under_18, 1))
    others = [*ages[:place], look(place, raised, ages[place].quality), *ages[place + 1 :]]
    one, two = weigh(ages, NOTHING, SETTINGS), weigh(others, NOTHING, SETTINGS)
    assert (two.low, two.probability, two.high) >= (one.low, one.probability, one.high)
    assert two.high >= one.high


@given(looks_of, st.randoms(use_true_random=False))
def test_the_order_of_looks_does_not_matter(before: list[tuple[float, float]], random: object) -> None:
    ages = [look(number, *said) for number, said in enumerate(before)]
    other = list(ages)
    random.shuffle(other)  # type: ignore[attr-defined]
    one, two = weigh(ages, NOTHING, SETTINGS), weigh(other, NOTHING, SETTINGS)
    assert one.clues == two.clues
    assert math.isclose(one.probability, two.probability, abs_tol=2e-4)


@given(st.floats(0, 1), st.floats(0.02, 0.98))
def test_a_poorer_look_leaves_a_wider_interval_and_says_less(under_18: float, quality: float) -> None:
    poor, good = (weigh(looks(under_18, quality=worth), NOTHING, SETTINGS) for worth in (quality, 1.0))
    assert abs(poor.probability - SETTINGS.minor_from) <= abs(good.probability - SETTINGS.minor_from) + 1e-4
    width = [
        math.log(max(one.high, 1e-4) / max(1 - one.high, 1e-4)) - math.log(max(one.low, 1e-4) / max(1 - one.low, 1e-4))
        for one in (poor, good)
    ]
    assert width[0] >= width[1] - 0.05


def test_thousands_of_looks_alike_are_never_certain() -> None:
    estimate = weigh([look(number, ADULT, 1.0) for number in range(2000)], NOTHING, SETTINGS)
    assert estimate.high > 2 * estimate.probability


@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_the_body_only_ever_raises_it(under_18: float, log_odds: float) -> None:
    one, two = (weigh(looks(under_18), BodyClues(added, ("a clue",)), SETTINGS) for added in (0.0, log_odds))
    assert two.probability >= one.probability


def test_body_clues_alone_make_nobody_an_adult_and_a_child_of_somebody_without_a_face() -> None:
    child, adult = standing(400), standing(700, x=600)
    answer = said_of(child, adult)
    assert answer.label is Label.POSSIBLE_MINOR
    assert answer.estimate is not None
    assert answer.estimate.clues == ("no face clear enough", "much shorter than others beside")
    assert said_of(adult, child).label is Label.AGE_UNKNOWN
    assert clues_of(adult, child) == ("no face was seen",)


def test_a_face_without_a_body_is_judged_by_itself() -> None:
    answer = said_of(somebody(looks(CHILD, CHILD), label=Label.FACE))
    assert answer.label is Label.POSSIBLE_MINOR
    assert {finding.box for finding in answer.findings} == {FACE}


def test_the_answer_lies_on_the_face_where_it_was_read_and_on_the_person_elsewhere() -> None:
    answer = said_of(somebody(looks(CHILD, CHILD), without_face=2))
    assert [finding.box for finding in answer.findings] == [FACE, FACE, BODY, BODY]
    assert [finding.detector for finding in answer.findings] == ["minors@1", "minors@1", "objects@1", "objects@1"]
    assert answer.start_ms == 0
    assert answer.end_ms == 100_400


@pytest.mark.parametrize(
    ("subject", "clues"),
    [
        (somebody(looks(CHILD, CHILD)), ("face in 2 looks",)),
        (somebody(looks(CHILD)), ("face in 1 look",)),
        (somebody(looks(CHILD, ADULT)), ("face in 2 looks", "like a child's in 1 of them")),
        (somebody(looks(CHILD, quality=0.1)), ("face in 1 look", "too small or too blurred to tell")),
        (somebody(looks(CHILD, CHILD, quality=0)), ("face too small or too blurred in 2 looks",)),
        (somebody(()), ("no face was seen",)),
        (standing(400, 100), ("face in 3 looks", "body proportions like a child's")),
    ],
)
def test_clues_say_what_it_rests_on(subject: Subject, clues: tuple[str, ...]) -> None:
    assert clues_of(subject) == clues


@given(looks_of)
def test_no_clue_is_an_age(before: list[tuple[float, float]]) -> None:
    ages = tuple(look(number, *said) for number, said in enumerate(before))
    words = " ".join([*clues_of(somebody(ages)), *clues_of(standing(400, 100), standing(700, x=600))])
    assert not re.search(r"\b(years?|old|aged?|teen\w*|adult|baby|toddler|boy|girl|man|woman)\b", words)
    numbers = {int(digits) for digits in re.findall(r"\d+", words)}
    assert numbers <= set(range(1, max(len(ages), 3) + 1))


def test_the_threshold_is_a_setting() -> None:
    subject = somebody(looks(0.5, 0.5, 0.5))
    strict, loose = (minors(subject, [subject], Estimating(minor_from=least))[0].label for least in (0.9, 0.2))
    assert (strict, loose) == (Label.AGE_UNKNOWN, Label.POSSIBLE_MINOR)


def test_a_face_that_a_pose_was_read_beside_is_still_one_look() -> None:
    ages = (face_px(0, 64),)
    subject = Subject(track(Label.PERSON, Box(0, 0, 500, 900), 0), ages=ages)
    assert clues_of(subject)[0] == "face in 1 look"
