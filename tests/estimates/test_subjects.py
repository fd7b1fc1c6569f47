from __future__ import annotations

import pytest

from tests.examples import video_id
from triage.estimates.subjects import Subject, subjects
from triage.geometry import Box
from triage.records import AgeReading, ClothingReading, Estimate, Finding, Label, Point, Pose, Track

BODY = Box(100, 100, 200, 400)
FACE = Box(130, 110, 170, 160)


def track(label: Label, box: Box, *times_ms: int, stood_until_ms: int | None = None) -> Track:
    findings = tuple(Finding(video_id(), time_ms, label, 0.8, box, "objects@1") for time_ms in times_ms)
    return Track(label, findings, stood_until_ms)


def age(box: Box, time_ms: int = 0) -> AgeReading:
    return AgeReading(video_id(), time_ms, box, 0.5, 1.0, "minors@1")


def pose(box: Box, time_ms: int = 0) -> Pose:
    return Pose(video_id(), time_ms, box, 0.9, (Point(1, 1, 0.5),) * 17, "wrists@1")


def clothing(box: Box, time_ms: int = 0) -> ClothingReading:
    return ClothingReading(video_id(), time_ms, box, {Label.CIVILIAN: 1.0}, 1.0, "uniforms@1")


def test_readings_go_to_the_person_whose_box_they_have_in_time_order() -> None:
    other = Box(300, 100, 400, 400)
    people = [track(Label.PERSON, BODY, 0, 400), track(Label.PERSON, other, 0)]
    one, two = subjects(people, [pose(BODY, 400), pose(other), clothing(BODY), pose(BODY)])
    assert [reading.time_ms for reading in one.poses] == [0, 400]
    assert (len(one.clothing), len(two.poses), len(two.clothing)) == (1, 1, 0)


def test_a_face_belongs_to_the_person_whose_box_holds_it() -> None:
    [person] = subjects([track(Label.PERSON, BODY, 0), track(Label.FACE, FACE, 0)], [age(FACE)])
    assert person.track.label is Label.PERSON
    assert len(person.ages) == 1


def test_a_face_between_two_people_belongs_to_the_one_whose_head_would_be_there() -> None:
    behind = Box(90, 20, 260, 420)
    people = [track(Label.PERSON, behind, 0), track(Label.PERSON, BODY, 0), track(Label.FACE, FACE, 0)]
    one, two = subjects(people, [age(FACE)])
    assert (len(one.ages), len(two.ages)) == (0, 1)


def test_a_person_has_one_face_at_a_time() -> None:
    lower = Box(130, 250, 170, 300)
    tracks = [track(Label.PERSON, BODY, 0), track(Label.FACE, FACE, 0), track(Label.FACE, lower, 0)]
    person, child = subjects(tracks, [age(FACE), age(lower)])
    assert [reading.box for reading in person.ages] == [FACE]
    assert child.track.label is Label.FACE
    assert [reading.box for reading in child.ages] == [lower]


def test_a_face_that_fills_the_picture_is_somebody_though_no_person_was_found() -> None:
    [somebody] = subjects([track(Label.FACE, FACE, 0, 400)], [age(FACE), age(FACE, 400)])
    assert somebody.track.label is Label.FACE
    assert len(somebody.ages) == 2


def test_what_is_neither_person_nor_face_is_nobody() -> None:
    assert subjects([track(Label.WEAPON, BODY, 0)], []) == ()


def test_a_reading_of_nobody_that_was_found_is_left_out() -> None:
    [person] = subjects([track(Label.PERSON, BODY, 0)], [pose(BODY, 400), pose(FACE), age(FACE)])
    assert person == Subject(person.track)


def test_everybody_is_there_without_any_reading() -> None:
    assert [subject.ages for subject in subjects([track(Label.PERSON, BODY, 0)], [])] == [()]


@pytest.mark.parametrize(("times_ms", "stood"), [((0, 400), 9000), ((0,), None)])
def test_an_answer_stands_as_long_as_the_picture_of_its_last_look(times_ms: tuple[int, ...], stood: int | None) -> None:
    person = Subject(track(Label.PERSON, BODY, 0, 400, stood_until_ms=9000))
    findings = track(Label.ADULT, FACE, *times_ms).findings
    answer = person.answer(Label.ADULT, reversed(findings), Estimate(0.5, 0.4, 0.6, ()))
    assert [finding.time_ms for finding in answer.findings] == list(times_ms)
    assert answer.stood_until_ms == stood


def test_cannot_tell_covers_all_that_was_seen_and_leans_to_neither_side() -> None:
    person = Subject(track(Label.PERSON, BODY, 0, 400))
    answer = person.cannot_tell(Label.AGE_UNKNOWN, ["no face was seen"])
    assert (answer.start_ms, answer.end_ms, answer.label) == (0, 400, Label.AGE_UNKNOWN)
    assert answer.estimate == Estimate(0.5, 0.0, 1.0, ("no face was seen",))
