from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.skeletons import (
    HIDDEN_FACE,
    KNEELING,
    NOT_SEEN,
    SITTING,
    Figure,
    Places,
    both,
    over_time,
    subject,
)
from triage.estimates.bound_hands import CEILING, bound_hands
from triage.estimates.subjects import Subject
from triage.records import ROLE_LABELS, Joint, Label, Point, Role, Track
from triage.settings import Estimating, Judging, load_settings
from triage.verdicts.words import Likelihood, likelihood

SETTINGS = Estimating()
TIED_LOW = {**both("wrist", 0.05, 0.0), **both("elbow", 0.42, 0.42)}
TIED_BEHIND = {**both("wrist", 0.06, 0.1), **both("elbow", 0.46, 0.48)}
PULLED_UP = {**both("wrist", 0.08, 1.95), **both("elbow", 0.25, 1.5)}
RAISED_FOREARMS = {**both("wrist", 0.06, 0.75), **both("elbow", 0.42, 0.42)}
AT_HEAD = {**both("wrist", 0.22, 1.5), **both("elbow", 0.6, 1.25)}
FOLDED: Places = {Joint.LEFT_WRIST: -0.28 + 0.55j, Joint.RIGHT_WRIST: 0.25 + 0.6j, **both("elbow", 0.42, 0.45)}
STANDS = Figure()

BOUND: Mapping[str, Sequence[Figure]] = {
    "led away, seen from behind": over_time(lambda n: STANDS.with_joints(TIED_BEHIND).from_behind().moved(0.2 * n)),
    "stands with the back to the camera": [STANDS.with_joints(TIED_BEHIND).from_behind()] * 20,
    "led along, tied in front": over_time(lambda n: STANDS.with_joints(TIED_LOW).moved(0.2 * n)),
    "kneels, tied in front": [STANDS.with_joints(TIED_LOW, KNEELING)] * 20,
    "kneels, hands behind the back": [STANDS.with_joints(TIED_BEHIND, KNEELING).with_scores(NOT_SEEN)] * 20,
    "kneels, hands behind the head": [STANDS.with_joints(AT_HEAD, KNEELING)] * 20,
    "hooded, hands behind the back": [STANDS.with_joints(TIED_BEHIND).with_scores(NOT_SEEN, HIDDEN_FACE)] * 20,
    "prone, tied behind": [Figure(turned=1j).with_joints(TIED_BEHIND).from_behind()] * 20,
    "dragged by the arms": over_time(lambda n: Figure(turned=-1j).with_joints(PULLED_UP).moved(0.2 * n)),
    "lies on the back, tied in front": [Figure(turned=-1j).with_joints(TIED_LOW)] * 20,
    "from the side, tied behind": over_time(
        lambda n: (
            STANDS.from_the_side()
            .with_joints({Joint.LEFT_WRIST: -0.3 + 0.1j, Joint.RIGHT_WRIST: -0.28 + 0.12j})
            .with_joints({Joint.LEFT_ELBOW: -0.28 + 0.5j, Joint.RIGHT_ELBOW: -0.26 + 0.5j})
            .moved(0.2 * n)
        )
    ),
    "tied only in the last eight seconds of a minute": over_time(
        lambda n: STANDS.moved(0.2 * n) if n < 130 else STANDS.with_joints(TIED_BEHIND).from_behind().moved(0.2 * n),
        looks=150,
    ),
}


def clap(number: int) -> Figure:
    return STANDS.with_joints(both("wrist", (0.06, 0.3, 0.5)[number % 3], 0.75), both("elbow", 0.45, 0.45))


def walk(number: int) -> Figure:
    swing = 0.25 * math.sin(number)
    arms = {Joint.LEFT_WRIST: complex(swing, 0.0), Joint.RIGHT_WRIST: complex(-swing, 0.0)}
    elbows = {Joint.LEFT_ELBOW: complex(0.4 * swing, 0.45), Joint.RIGHT_ELBOW: complex(-0.4 * swing, 0.45)}
    return STANDS.from_the_side().with_joints(arms, elbows).moved(0.3 * number)


def cycle(number: int) -> Figure:
    handlebar: Places = {Joint.LEFT_WRIST: 0.75 + 0.45j, Joint.RIGHT_WRIST: 0.73 + 0.43j}
    elbows: Places = {Joint.LEFT_ELBOW: 0.4 + 0.6j, Joint.RIGHT_ELBOW: 0.38 + 0.6j}
    leaning = complex(math.cos(-0.5), math.sin(-0.5))
    return Figure(turned=leaning).from_the_side().with_joints(handlebar, elbows).moved(0.5 * number)


EVERYDAY: Mapping[str, Sequence[Figure]] = {
    "stands": [STANDS] * 20,
    "walks, seen from the side": over_time(walk),
    "stands in profile, one arm hanging down and the other covered": [
        STANDS.from_the_side()
        .with_joints({Joint.LEFT_WRIST: -0.08 + 0j, Joint.LEFT_ELBOW: -0.16 + 0.5j})
        .with_scores({Joint.RIGHT_WRIST: 0.2})
    ]
    * 20,
    "walks, seen from the front": over_time(lambda n: STANDS.moved(0.1 * n)),
    "prays": [STANDS.with_joints(RAISED_FOREARMS)] * 20,
    "prays on the knees": [STANDS.with_joints(RAISED_FOREARMS, KNEELING)] * 20,
    "claps": over_time(clap),
    "walks with a cup in both hands": over_time(lambda n: STANDS.with_joints(RAISED_FOREARMS).moved(0.2 * n)),
    "looks at a telephone held in both hands": [
        STANDS.with_joints(both("wrist", 0.1, 0.85), both("elbow", 0.4, 0.4)).moved(0.02) for _ in range(20)
    ],
    "telephones": [STANDS.with_joints({Joint.LEFT_WRIST: 0.2 + 1.4j, Joint.LEFT_ELBOW: 0.6 + 0.6j})] * 20,
    "hands in the pockets": [
        STANDS.with_joints(both("wrist", 0.4, -0.05), both("elbow", 0.52, 0.4)).with_scores(
            {Joint.LEFT_WRIST: 0.5, Joint.RIGHT_WRIST: 0.5}
        )
    ]
    * 20,
    "arms folded": [STANDS.with_joints(FOLDED)] * 20,
    "arms folded tightly": [
        STANDS.with_joints({Joint.LEFT_WRIST: -0.12 + 0.55j, Joint.RIGHT_WRIST: 0.12 + 0.6j}, both("elbow", 0.32, 0.62))
    ]
    * 20,
    "sits with clasped hands": [STANDS.with_joints(TIED_LOW, SITTING)] * 20,
    "speaks with clasped hands": over_time(lambda n: STANDS.with_joints(TIED_LOW).moved(0.1 * (n % 3))),
    "carries a box": over_time(lambda n: STANDS.with_joints(both("wrist", 0.33, 0.3)).moved(0.2 * n)),
    "cycles": over_time(cycle),
    "clasps the hands for two seconds": over_time(
        lambda n: (STANDS.with_joints(TIED_LOW) if n < 5 else STANDS).moved(0.2 * n)
    ),
    "puts the hands behind the back for two seconds": over_time(
        lambda n: (STANDS.with_joints(TIED_BEHIND) if n < 5 else STANDS).from_behind().moved(0.2 * n)
    ),
    "turned away, with the hands in front": over_time(
        lambda n: STANDS.with_joints(RAISED_FOREARMS).with_scores(NOT_SEEN).from_behind().moved(0.2 * n)
    ),
}


def said(person: Subject) -> Track | None:
    answers = bound_hands(person, [person], SETTINGS)
    assert len(answers) <= 1
    return answers[0] if answers else None


def probability(person: Subject) -> float:
    """Of bound hands; 0 where they are not reported."""
    answer = said(person)
    return answer.score if answer is not None and answer.label is Label.BOUND_HANDS else 0.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scene", BOUND)
def test_bound_hands_are_reported_as_possible_and_never_as_more(scene: str, seed: int) -> None:
    answer = said(subject(BOUND[scene], seed))
    assert answer is not None
    assert answer.label is Label.BOUND_HANDS
    assert answer.estimate is not None
    assert answer.estimate.clues
    assert likelihood(answer, load_settings().settings.judging) is Likelihood.POSSIBLE


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scene", EVERYDAY)
def test_everyday_hands_are_not_reported_as_bound(scene: str, seed: int) -> None:
    assert probability(subject(EVERYDAY[scene], seed)) == 0.0


@pytest.mark.parametrize("scene", ["prays", "sits with clasped hands", "speaks with clasped hands"])
def test_hands_that_stay_together_without_more_are_said_to_be_undecided(scene: str) -> None:
    answer = said(subject(EVERYDAY[scene]))
    assert answer is not None
    assert answer.label is Label.HANDS_UNKNOWN
    assert answer.estimate is not None
    assert answer.estimate.clues[0].startswith("wrists together")


@pytest.mark.parametrize(
    "scene",
    [
        "stands",
        "walks, seen from the front",
        "arms folded",
        "arms folded tightly",
        "carries a box",
        "claps",
        "clasps the hands for two seconds",
        "puts the hands behind the back for two seconds",
    ],
)
def test_nothing_is_said_of_hands_that_are_seen_apart(scene: str) -> None:
    assert said(subject(EVERYDAY[scene])) is None


def test_hidden_wrists_without_more_cannot_be_told() -> None:
    answer = said(subject([STANDS.with_joints(TIED_BEHIND).with_scores(NOT_SEEN)] * 20))
    assert answer is not None
    assert answer.label is Label.HANDS_UNKNOWN


def test_somebody_whose_arms_are_out_of_the_picture_cannot_be_told() -> None:
    out = {joint: 0.0 for joint in Joint if any(part in joint for part in ("wrist", "elbow", "hip", "knee", "ankle"))}
    answer = said(subject([STANDS.with_scores(out)] * 20))
    assert answer is not None
    assert answer.label is Label.HANDS_UNKNOWN
    assert answer.estimate is not None
    assert answer.estimate.clues == ("wrists not seen in 20 of 20 looks",)


def test_the_clues_name_what_was_seen_and_how_often() -> None:
    answer = said(subject(BOUND["kneels, tied in front"], seed=None))
    assert answer is not None
    assert answer.estimate is not None
    assert answer.estimate.clues == (
        "wrists together in 20 of 20 looks",
        "kneeling or low on the ground in 20 of 20 looks",
    )


def test_moving_with_the_wrists_together_is_a_clue_of_its_own() -> None:
    answer = said(subject(BOUND["led along, tied in front"], seed=None))
    assert answer is not None
    assert answer.estimate is not None
    assert answer.estimate.clues[-1] == "they stay so while the body moves"


def test_a_single_picture_of_wrists_behind_a_back_is_not_dropped() -> None:
    answer = said(subject([STANDS.with_joints(TIED_BEHIND).from_behind()], seed=None))
    assert answer is not None
    assert answer.label is Label.BOUND_HANDS
    assert answer.estimate is not None
    assert answer.estimate.low == 0.0


def test_a_single_picture_counts_less_than_many() -> None:
    figure = STANDS.with_joints(TIED_BEHIND).from_behind()
    assert 0 < probability(subject([figure], seed=None)) < probability(subject([figure] * 20, seed=None))


def test_a_single_picture_of_clasped_hands_cannot_be_told() -> None:
    answer = said(subject([STANDS.with_joints(TIED_LOW)], seed=None))
    assert answer is not None
    assert answer.label is Label.HANDS_UNKNOWN


def test_a_single_picture_of_a_hand_behind_the_body_seen_from_the_side_cannot_be_told() -> None:
    answer = said(subject([BOUND["from the side, tied behind"][0]], seed=None))
    assert answer is not None
    assert answer.label is Label.HANDS_UNKNOWN
    assert answer.estimate is not None
    assert answer.estimate.clues == ("hands behind the body, seen from the side in 1 of 1 look",)


points = st.builds(Point, st.floats(-50, 50), st.floats(-50, 50), st.sampled_from([0.0, 0.2, 0.4, 0.9]))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(points, min_size=17, max_size=17), min_size=1, max_size=6))
def test_whatever_a_net_says_the_answer_is_of_this_role_and_never_more_than_possible(bodies: list[list[Point]]) -> None:
    person = subject([STANDS] * len(bodies))
    poses = tuple(replace(pose, points=tuple(body)) for pose, body in zip(person.poses, bodies, strict=True))
    for answer in bound_hands(replace(person, poses=poses), [], SETTINGS):
        assert answer.label in ROLE_LABELS[Role.BOUND_HANDS]
        assert answer.label is Label.HANDS_UNKNOWN or SETTINGS.hands_from <= answer.score <= CEILING


def test_the_findings_are_the_looks_that_show_it() -> None:
    answer = said(subject(BOUND["tied only in the last eight seconds of a minute"], seed=None))
    assert answer is not None
    assert [finding.time_ms for finding in answer.findings] == [400 * number for number in range(130, 150)]


@pytest.mark.parametrize("pair", [("kneels, hands behind the back", "prays on the knees")])
def test_bound_counterparts_stand_above_their_look_alikes(pair: tuple[str, str]) -> None:
    bound, everyday = (said(subject(scenes[name])) for scenes, name in zip((BOUND, EVERYDAY), pair, strict=True))
    assert bound is not None
    assert everyday is None or everyday.label is Label.HANDS_UNKNOWN


@pytest.mark.parametrize("quarter", [1, 1j, -1, -1j])
def test_hands_behind_the_back_are_seen_however_somebody_lies(quarter: complex) -> None:
    assert probability(subject([Figure(turned=quarter).with_joints(TIED_BEHIND).from_behind()] * 20)) > 0


@pytest.mark.parametrize("size", [0.2, 1.0, 4.0])
def test_it_does_not_depend_on_how_large_somebody_is(size: float) -> None:
    person = subject(BOUND["led along, tied in front"], seed=None)
    grown = tuple(
        replace(pose, points=tuple(Point(size * p.x, size * p.y, p.score) for p in pose.points))
        for pose in person.poses
    )
    assert probability(replace(person, poses=grown)) == probability(person)


def test_no_evidence_reaches_what_is_called_likely() -> None:
    worst = Figure(turned=1j).with_joints(TIED_BEHIND).from_behind().with_scores(HIDDEN_FACE)
    assert 0.3 < probability(subject([worst.moved(0.2 * n) for n in range(200)], None)) < Judging().likely_from
