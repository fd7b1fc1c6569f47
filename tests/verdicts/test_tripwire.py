from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.geometry import Box
from triage.records import Fault, Finding, Label, Role, Track
from triage.verdicts.tripwire import tripped

ROLES = (Role.PEOPLE, Role.MINORS, Role.FACES, Role.SEXUAL)
BODY = Box(10, 10, 60, 200)
FACE = Box(25, 12, 45, 40)
SIGHT = Box(20, 90, 50, 120)
ELSEWHERE = Box(200, 10, 260, 200)


def track(label: Label, box: Box = BODY, times_ms: tuple[int, ...] = (400,), score: float = 0.6) -> Track:
    return Track(label, tuple(Finding("ab" * 32, time_ms, label, score, box, "x@1") for time_ms in times_ms))


def adult(box: Box = BODY, answer: Box | None = None, times_ms: tuple[int, ...] = (0, 400, 800)) -> list[Track]:
    """A person with the answer that they are an adult."""
    return [track(Label.PERSON, box, times_ms), track(Label.ADULT, answer or box, times_ms[:1])]


SEXUAL = track(Label.SEXUAL, SIGHT)
FAULT = Fault("findings", 400, "age failed", 1)


def seals(
    *tracks: Track, roles: tuple[Role, ...] = ROLES, faults: tuple[Fault, ...] = (), is_over: bool = True
) -> bool:
    return tripped(tracks, faults, roles, is_over=is_over) is not None


def test_sexual_content_among_confident_adults_alone_is_not_sealed() -> None:
    assert not seals(SEXUAL, *adult())
    assert not seals(SEXUAL, *adult(answer=FACE))
    assert not seals(SEXUAL, *adult(), *adult(ELSEWHERE))


@pytest.mark.parametrize("label", [Label.POSSIBLE_MINOR, Label.AGE_UNKNOWN, Label.PERSON, Label.WEAPON, Label.GRAPHIC])
def test_without_sexual_content_nothing_is_sealed(label: Label) -> None:
    assert not seals(track(label), faults=(FAULT,), roles=())


@pytest.mark.parametrize(
    "somebody",
    [
        [track(Label.POSSIBLE_MINOR, ELSEWHERE)],
        [track(Label.AGE_UNKNOWN, ELSEWHERE)],
        [track(Label.PERSON, ELSEWHERE)],
        [track(Label.FACE, Box(300, 10, 320, 30))],
        [track(Label.POSSIBLE_MINOR, ELSEWHERE, (3_600_000,))],
    ],
    ids=["possible minor", "unknown age", "person without an answer", "face without a body", "an hour later"],
)
def test_anybody_who_is_not_confidently_an_adult_seals_it(somebody: list[Track]) -> None:
    assert not seals(SEXUAL, *adult())
    assert seals(SEXUAL, *adult(), *somebody)


def test_a_face_within_a_body_is_not_somebody_else() -> None:
    assert not seals(SEXUAL, *adult(), track(Label.FACE, FACE))


def test_a_face_alone_can_be_an_adult_but_the_body_that_was_seen_is_then_nobodys() -> None:
    face = [track(Label.FACE, FACE), track(Label.ADULT, FACE)]
    assert seals(SEXUAL, *face)
    assert not seals(SEXUAL, *adult(times_ms=(0, 400)), track(Label.FACE, ELSEWHERE), track(Label.ADULT, ELSEWHERE))


def test_one_answer_is_not_the_answer_for_two() -> None:
    assert seals(SEXUAL, track(Label.PERSON), track(Label.PERSON), track(Label.ADULT))


@pytest.mark.parametrize("roles", [(Role.SEXUAL,), (Role.SEXUAL, Role.PEOPLE), (Role.SEXUAL, Role.MINORS)])
def test_where_nobody_looked_for_minors_every_sight_seals(roles: tuple[Role, ...]) -> None:
    assert seals(SEXUAL, *adult(), roles=roles)
    assert seals(SEXUAL, roles=roles, is_over=False), "no further look would undo it"


def test_a_model_that_failed_seals_at_once() -> None:
    assert seals(SEXUAL, *adult(), faults=(FAULT,), is_over=False)


def test_a_body_of_nobody_who_was_found_seals() -> None:
    assert seals(SEXUAL)
    assert seals(SEXUAL, *adult(ELSEWHERE))
    assert seals(track(Label.SEXUAL, SIGHT, (400, 1200)), *adult()), "at 1200 ms nobody is there"


def test_before_the_end_only_what_no_further_look_would_undo_seals() -> None:
    assert seals(SEXUAL, track(Label.POSSIBLE_MINOR, ELSEWHERE), is_over=False)
    assert not seals(SEXUAL, track(Label.AGE_UNKNOWN), track(Label.PERSON), is_over=False)
    assert seals(SEXUAL, track(Label.AGE_UNKNOWN), track(Label.PERSON))


def test_the_time_is_that_of_the_first_sight_and_the_reason_is_modest() -> None:
    trip = tripped([track(Label.SEXUAL, SIGHT, (1200,)), SEXUAL], (), ROLES, is_over=True)
    assert trip is not None
    assert trip.time_ms == 400
    assert trip.why.startswith("possible sexual content, and it cannot be told")


ADDED = st.sampled_from([label for label in Label if label is not Label.ADULT])
PLACES = st.builds(lambda x, y: Box(x, y, x + 40, y + 60), st.integers(0, 300), st.integers(0, 200))
TRACKS = st.lists(st.builds(track, ADDED, PLACES, st.sampled_from([(0,), (400,), (400, 800)])), max_size=4)
SCENES = st.lists(PLACES.map(adult), max_size=3).map(lambda people: [track for person in people for track in person])


@given(SCENES, TRACKS, ADDED, PLACES, st.booleans())
def test_nothing_further_that_is_seen_unseals_but_the_answer_that_somebody_is_an_adult(
    people: list[Track], others: list[Track], label: Label, box: Box, is_over: bool
) -> None:
    scene = [*people, *others]
    more = [*scene, track(label, box)]
    assert seals(*scene, is_over=is_over) <= seals(*more, is_over=is_over)
    assert seals(*scene, is_over=is_over) <= seals(*scene, faults=(FAULT,), is_over=is_over)
    assert seals(*scene, is_over=False) <= seals(*scene)
