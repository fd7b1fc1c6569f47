"""Drawn skeletons: somebody upright is ten heads or five high, seen from the front."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.examples import video_id
from triage.estimates.proportions import HEAD_WEIGHT, HEIGHT_WEIGHT, BodyClues, body_clues
from triage.estimates.subjects import Subject
from triage.geometry import Box
from triage.records import JOINTS, AgeReading, Finding, Joint, Label, Point, Pose, Track

GROUND = 900.0
UP: Mapping[str, float] = {"shoulder": 1.0, "elbow": 0.8, "wrist": 0.6, "hip": 0.6, "knee": 0.3, "ankle": 0.0}
"""Share of the height up to the shoulders at which a joint is."""


def pose(
    time_ms: int,
    shoulders_px: float,
    *,
    x: float = 300,
    ground: float = GROUND,
    bend: float = 0.0,
    sit: float = 0.0,
    legs: float = 1.0,
    seen: float = 0.9,
) -> Pose:
    """Somebody whose shoulders are so far above the ground.

    Args:
        bend: how far the shoulders are moved sideways, and down, as a share of the height.
        sit: share of the thighs that is hidden by foreshortening.
        legs: share of the legs' length that is left of them, as of somebody who stretches them towards the camera.
    """
    drop = 0.3 * sit * shoulders_px
    points = []
    for joint in JOINTS:
        part = joint.value.removeprefix("left_").removeprefix("right_")
        side = 0.1 * shoulders_px * (1 if joint.value.startswith("left") else -1)
        up = UP.get(part, 1.2) * shoulders_px
        across = x + side
        up -= (1 - legs) * min(up, 0.6 * shoulders_px)
        if UP.get(part, 1.2) > 0.3:
            up -= drop
        if UP.get(part, 1.2) > 0.6:
            across, up = across + bend * shoulders_px, up - bend * shoulders_px / 2
        points.append(Point(across, ground - up, seen))
    box = Box(x - 80, ground - 1.3 * shoulders_px, x + 80, ground)
    return Pose(video_id(), time_ms, box, 0.9, tuple(points), "wrists@1")


def face(time_ms: int, height_px: float) -> AgeReading:
    box = Box(280, 100, 280 + 0.75 * height_px, 100 + height_px)
    return AgeReading(video_id(), time_ms, box, 0.5, 1.0, "minors@1")


def somebody(*poses: Pose, faces: tuple[AgeReading, ...] = ()) -> Subject:
    times = sorted({pose.time_ms for pose in poses} | {one.time_ms for one in faces})
    findings = tuple(
        Finding(video_id(), time_ms, Label.PERSON, 0.9, Box(100, 100, 400, 900), "objects@1") for time_ms in times
    )
    return Subject(Track(Label.PERSON, findings), poses=poses, ages=faces)


LOOKS = (0, 400, 800)


def standing(shoulders_px: float, face_px: float | None = None, **how: float) -> Subject:
    faces = () if face_px is None else tuple(face(time_ms, face_px) for time_ms in LOOKS)
    return somebody(*(pose(time_ms, shoulders_px, **how) for time_ms in LOOKS), faces=faces)


def test_a_large_head_on_a_standing_body_speaks_for_a_child() -> None:
    child = standing(400, 100)
    assert body_clues(child, [child]) == BodyClues(HEAD_WEIGHT, ("body proportions like a child's",))


def test_a_head_as_adults_have_it_says_nothing_of_either_side() -> None:
    adult = standing(400, 64)
    assert body_clues(adult, [adult]) == BodyClues()


@pytest.mark.parametrize(
    "how",
    [{"bend": 0.3}, {"sit": 0.8}, {"legs": 0.4}, {"seen": 0.3}],
    ids=["bent", "seated", "legs to the camera", "not seen"],
)
def test_nobody_is_taken_for_a_child_by_how_they_hold_themselves(how: dict[str, float]) -> None:
    adult = standing(400, 100, **how)
    others = standing(700, 100, x=600)
    assert body_clues(adult, [adult, others]) == BodyClues()


def test_one_look_counts_less_than_several() -> None:
    once = somebody(pose(0, 400), faces=(face(0, 100),))
    assert body_clues(once, [once]).log_odds == pytest.approx(HEAD_WEIGHT / 3)


def test_a_face_of_another_moment_is_not_held_against_the_body() -> None:
    walked_up = somebody(pose(0, 400), faces=(face(400, 100),))
    assert body_clues(walked_up, [walked_up]) == BodyClues()


def test_somebody_much_shorter_than_those_beside_may_be_a_child() -> None:
    child, adult = standing(400), standing(700, x=600)
    assert body_clues(child, [child, adult]) == BodyClues(HEIGHT_WEIGHT, ("much shorter than others beside",))
    assert body_clues(adult, [child, adult]) == BodyClues()


@pytest.mark.parametrize(
    "other",
    [
        standing(700, x=600, ground=1100),
        standing(500, x=600),
        standing(700, x=600, seen=0.2),
        somebody(*(pose(time_ms, 700, x=600) for time_ms in (100, 500))),
    ],
    ids=["nearer to the camera", "a little taller", "not seen whole", "at another moment"],
)
def test_height_is_only_held_against_those_who_stand_at_about_the_same_depth(other: Subject) -> None:
    person = standing(400)
    assert body_clues(person, [person, other]) == BodyClues()


def test_height_is_held_against_the_middle_one_of_several() -> None:
    person = standing(400)
    giant, *alike = [standing(height, x=500 + height) for height in (700, 420, 410)]
    assert body_clues(person, [person, giant, *alike]) == BodyClues()


def test_joints_that_lie_on_one_another_are_no_body() -> None:
    flat = Pose(video_id(), 0, Box(0, 0, 10, 10), 0.9, (Point(5, 5, 0.9),) * len(JOINTS), "wrists@1")
    assert body_clues(somebody(flat, faces=(face(0, 100),)), []) == BodyClues()
    assert flat[Joint.NOSE].x == 5
