from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import video_id
from triage.geometry import Box
from triage.records import Coverage, Covered, Estimate, Fault, Finding, Label, Role, Track
from triage.redaction.heads import head_region
from triage.redaction.plan import FOREVER_MS, Plan, plan
from triage.redaction.trails import Sight, Trail, joined

BODY = Box(100, 100, 200, 400)
FACE = Box(130, 110, 170, 160)
ALL_ROLES = frozenset(Role)
WHOLE = Coverage(4000, 4000, 400, 10, 0, 0)
SURE = Estimate(0.02, 0.01, 0.1, ("face in 3 looks",))


def track(label: Label, box: Box, *times_ms: int, stood_until_ms: int | None = None) -> Track:
    estimate = SURE if label in (Label.ADULT, Label.POSSIBLE_MINOR, Label.AGE_UNKNOWN) else None
    findings = tuple(Finding(video_id(), time_ms, label, 0.8, box, "objects@12345678") for time_ms in times_ms)
    return Track(label, findings, stood_until_ms, estimate)


def planned(
    *tracks: Track, asked: Iterable[Covered] = (), revealed: Sequence[Covered] = (), coverage: Coverage = WHOLE
) -> Plan:
    return plan(tracks, coverage, ALL_ROLES, (), asked, revealed=revealed)


def covered(of: Plan, what: Covered) -> list[tuple[int, Box]]:
    return [(sight.time_ms, sight.box) for trail in of.trails if trail.what is what for sight in trail.sights]


def person(*times_ms: int) -> Track:
    return track(Label.PERSON, BODY, *times_ms)


def face(*times_ms: int) -> Track:
    return track(Label.FACE, FACE, *times_ms)


@pytest.mark.parametrize("label", [None, Label.POSSIBLE_MINOR, Label.AGE_UNKNOWN])
def test_a_face_is_covered_unasked_unless_its_person_is_surely_an_adult(label: Label | None) -> None:
    said = [] if label is None else [track(label, FACE, 0, 400)]
    got = planned(person(0, 400), face(0, 400), *said, asked={Covered.GRAPHIC})
    assert covered(got, Covered.MINOR_FACES) == [(0, FACE), (400, FACE)]


def test_a_face_is_shown_whose_person_all_looks_call_an_adult() -> None:
    assert planned(person(0, 400), face(0, 400), track(Label.ADULT, FACE, 0, 400)).trails == ()


def test_a_lone_face_that_all_looks_call_an_adults_is_shown_and_one_that_nobody_judged_is_not() -> None:
    assert planned(face(0), track(Label.ADULT, FACE, 0)).trails == ()
    assert covered(planned(face(0)), Covered.MINOR_FACES) == [(0, FACE)]


def test_an_adult_is_covered_where_another_answer_says_otherwise_of_the_same_look() -> None:
    got = planned(face(0), track(Label.ADULT, FACE, 0), track(Label.POSSIBLE_MINOR, FACE, 0))
    assert covered(got, Covered.MINOR_FACES) == [(0, FACE)]


def test_one_models_word_on_single_pictures_makes_nobody_an_adult() -> None:
    word = Track(Label.ADULT, track(Label.ADULT, FACE, 0).findings)
    assert covered(planned(face(0), word), Covered.MINOR_FACES) == [(0, FACE)]


def test_a_childs_face_within_an_adults_box_is_covered() -> None:
    child = Box(140, 250, 175, 290)
    got = planned(person(0), face(0), track(Label.FACE, child, 0), track(Label.ADULT, FACE, 0))
    assert covered(got, Covered.MINOR_FACES) == [(0, child)]


def test_the_head_is_covered_of_somebody_whose_face_was_not_found() -> None:
    got = planned(person(0, 400), face(0))
    [(_, first), (_, second)] = covered(got, Covered.MINOR_FACES)
    assert first == FACE
    assert FACE.share_in(second) == 1
    assert second.y1 < 260


def test_a_look_that_missed_a_face_seen_just_before_and_after_widens_nothing() -> None:
    short = covered(planned(person(0, 400, 800, 1200), face(0, 1200)), Covered.MINOR_FACES)
    assert short == [(0, FACE), (1200, FACE)]
    long = covered(planned(person(0, 400, 800, 1200, 1600), face(0, 1600)), Covered.MINOR_FACES)
    assert len(long) == 5, "it was missed for too long to be followed"


def test_a_face_on_a_shirt_is_not_taken_for_the_head() -> None:
    print_ = Box(130, 300, 170, 350)
    got = covered(planned(person(0), track(Label.FACE, print_, 0)), Covered.MINOR_FACES)
    assert sorted(box.y0 for _, box in got) == [head_region(BODY).y0, print_.y0]


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (Box(100, 100, 200, 400), Box(125, 100, 175, 160)),
        (Box(100, 100, 300, 300), Box(150, 100, 250, 240)),
        (Box(100, 100, 400, 200), Box(340, 120, 400, 190)),
        (Box(100, 100, 160, 400), Box(110, 95, 150, 205)),
    ],
    ids=["stands", "from the chest up", "lies", "arms raised"],
)
def test_the_region_of_a_head_holds_it_however_somebody_is_seen(body: Box, head: Box) -> None:
    assert head.share_in(head_region(body)) == 1


@pytest.mark.parametrize(
    ("seen_ms", "unsure_ms"), [(0, [2400, 2800, 3200, 3600, 4000]), (4000, [0, 400, 800, 1200, 1600])]
)
def test_an_adult_whose_face_is_not_seen_for_a_while_is_nobody_known(seen_ms: int, unsure_ms: list[int]) -> None:
    times = tuple(range(0, 4400, 400))
    answer = [track(Label.ADULT, FACE if time_ms == seen_ms else BODY, time_ms).findings[0] for time_ms in times]
    whole = Track(Label.ADULT, tuple(answer), None, SURE)
    got = covered(planned(person(*times), face(seen_ms), whole), Covered.MINOR_FACES)
    assert [time_ms for time_ms, _ in got] == unsure_ms


def test_an_answer_of_age_about_neither_a_face_nor_a_person_is_covered() -> None:
    own = Box(10, 10, 60, 90)
    assert covered(planned(track(Label.POSSIBLE_MINOR, own, 800)), Covered.MINOR_FACES) == [(800, own)]


def test_all_faces_are_covered_when_asked_for_and_minors_stay_so() -> None:
    got = planned(face(0), track(Label.ADULT, FACE, 0), asked={Covered.FACES})
    assert covered(got, Covered.FACES) == [(0, FACE)]
    assert covered(planned(face(0), asked={Covered.FACES}), Covered.MINOR_FACES) == [(0, FACE)]


def test_faces_of_minors_are_shown_only_where_they_are_revealed_by_name() -> None:
    assert planned(face(0), revealed=[Covered.UNSEEN]).trails
    assert not planned(face(0), revealed=[Covered.MINOR_FACES]).trails
    assert covered(planned(face(0), asked={Covered.FACES}, revealed=[Covered.MINOR_FACES]), Covered.FACES)


@pytest.mark.parametrize(
    ("label", "what"),
    [
        (Label.GRAPHIC, Covered.GRAPHIC),
        (Label.SEXUAL, Covered.GRAPHIC),
        (Label.PERSON, Covered.PEOPLE),
        (Label.WEAPON, Covered.WEAPONS),
        (Label.HANDGUN, Covered.WEAPONS),
        (Label.LONG_GUN, Covered.WEAPONS),
        (Label.BLADE, Covered.WEAPONS),
    ],
)
def test_what_was_found_is_covered_where_it_was_found_and_only_when_asked(label: Label, what: Covered) -> None:
    found = track(label, BODY, 0, 400)
    assert covered(planned(found, asked={what}), what) == [(0, BODY), (400, BODY)]
    assert not covered(planned(found), what)


def test_something_is_covered_for_as_long_as_its_picture_stood() -> None:
    got = planned(track(Label.GRAPHIC, BODY, 0, stood_until_ms=3000), asked={Covered.GRAPHIC})
    assert covered(got, Covered.GRAPHIC) == [(0, BODY), (3000, BODY)]
    got = planned(track(Label.FACE, FACE, 0, stood_until_ms=3000))
    assert covered(got, Covered.MINOR_FACES) == [(0, FACE), (3000, FACE)]


def test_two_findings_of_one_track_at_one_time_are_covered_both() -> None:
    low = Box(100, 500, 200, 600)
    both = Track(Label.WEAPON, tuple(track(Label.WEAPON, box, 0).findings[0] for box in (BODY, low)))
    [(_, box)] = covered(planned(both, asked={Covered.WEAPONS}), Covered.WEAPONS)
    assert box == Box(100, 100, 200, 600)


@pytest.mark.parametrize(
    ("what", "role"),
    [
        (Covered.GRAPHIC, Role.GRAPHIC),
        (Covered.MINOR_FACES, Role.FACES),
        (Covered.FACES, Role.FACES),
        (Covered.PEOPLE, Role.PEOPLE),
        (Covered.WEAPONS, Role.WEAPONS),
    ],
)
def test_what_nobody_looked_for_may_be_anywhere(what: Covered, role: Role) -> None:
    got = plan((), WHOLE, ALL_ROLES - {role}, (), {what})
    assert any(cover.box is None and cover.start_ms == 0 and cover.end_ms == FOREVER_MS for cover in got.covers)
    assert "nobody looked for" in got.covers[0].why


def test_what_is_not_asked_for_needs_nobody_to_look_for_it() -> None:
    got = plan((), WHOLE, {Role.FACES}, (), ())
    assert [cover.start_ms for cover in got.covers] == [WHOLE.reached_ms]


@pytest.mark.parametrize(("time_ms", "start_ms"), [(None, 0), (300, 0), (2000, 1600)])
def test_from_the_last_look_before_a_detector_failed_all_is_covered(time_ms: int | None, start_ms: int) -> None:
    fault = Fault("findings", time_ms, "objects failed: out of memory")
    covers = plan((), WHOLE, ALL_ROLES, [fault], ()).covers
    assert (start_ms, FOREVER_MS, None) in [(cover.start_ms, cover.end_ms, cover.box) for cover in covers]
    assert any("out of memory" in cover.why for cover in covers)


def test_beyond_what_was_reached_all_is_covered() -> None:
    [cover] = planned(coverage=Coverage(9000, 3000, 400, 8, 0, 0, ("it breaks off",), 6000)).covers
    assert (cover.start_ms, cover.end_ms, cover.box, cover.what) == (3000, FOREVER_MS, None, Covered.UNSEEN)


def test_a_still_picture_that_was_looked_at_is_not_covered_whole_and_one_that_was_not_is() -> None:
    [cover] = planned(coverage=Coverage(0, 0, 400, 1, 0, 0)).covers
    assert cover.start_ms == 1
    [cover] = planned(coverage=Coverage(0, 0, 400, 0, 0, 0)).covers
    assert cover.start_ms == 0


def test_damage_is_taken_to_be_everywhere_unless_it_is_known_where() -> None:
    damaged = Coverage(4000, 4000, 400, 10, 0, 3, ("it is damaged",))
    assert planned(coverage=damaged).covers[-1].start_ms == 0
    got = plan((), damaged, ALL_ROLES, (), (), damaged_ms=[(2000, 2080)])
    assert (got.covers[-1].start_ms, got.covers[-1].end_ms, got.covers[-1].box) == (1600, 2480, None)


def test_what_nobody_saw_is_shown_only_where_it_is_revealed_by_name() -> None:
    got = plan((), WHOLE, (), (), {Covered.GRAPHIC}, revealed=[Covered.UNSEEN])
    assert (got.covers, got.covers_unseen) == ((), False)


def trail(*sights: tuple[int, Box], what: Covered = Covered.FACES) -> Trail:
    return Trail(what, "face", tuple(Sight(*sight) for sight in sights))


def test_what_is_seen_again_nearby_soon_after_it_was_missed_is_one() -> None:
    [one] = joined([trail((0, FACE), (400, FACE)), trail((2000, FACE.moved(60, 0)))])
    assert [sight.time_ms for sight in one.sights] == [0, 400, 2000]


@pytest.mark.parametrize(
    "other",
    [
        trail((5000, FACE)),
        trail((800, FACE.moved(500, 0))),
        trail((800, Box(130, 110, 330, 360))),
        trail((800, FACE), what=Covered.GRAPHIC),
        trail((0, FACE)),
    ],
    ids=["much later", "far away", "of another size", "something else", "at once"],
)
def test_what_cannot_be_the_same_stays_two(other: Trail) -> None:
    assert len(joined([trail((0, FACE)), other])) == 2


PLACES = st.sampled_from([FACE, FACE.moved(4, 2), FACE.moved(60, 0), Box(140, 250, 180, 300), BODY, BODY.moved(80, 5)])
LOOKS = st.lists(st.sampled_from(range(0, 4000, 400)), min_size=1, max_size=6, unique=True).map(sorted)
AGES = (Label.POSSIBLE_MINOR, Label.AGE_UNKNOWN, Label.ADULT)
TRACKS = st.lists(
    st.builds(
        lambda label, box, times: track(label, box, *times),
        st.sampled_from([Label.PERSON, Label.FACE, *AGES]),
        PLACES,
        LOOKS,
    ),
    max_size=7,
)


@given(TRACKS)
def test_whatever_was_found_no_face_is_left_out_but_of_an_adult(tracks: list[Track]) -> None:
    got = covered(planned(*tracks), Covered.MINOR_FACES)
    said: dict[tuple[int, Box], set[Label]] = {}
    for one in tracks:
        for seen in one.findings:
            said.setdefault((seen.time_ms, seen.box), set()).add(one.label)
    for (time_ms, box), labels in said.items():
        if Label.FACE in labels and labels & set(AGES) != {Label.ADULT}:
            assert any(time_ms == at_ms and box.share_in(over) > 0.999 for at_ms, over in got)
