from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from triage.geometry import Box
from triage.records import Coverage, Estimate, Fault, Finding, Label, Queue, Reason, Role, Track, Verdict
from triage.settings import Judging
from triage.verdicts.policy import NEVER_ROUTINE, Policy, load_policy, parse_policy
from triage.verdicts.rules import NOT_LOOKED_FOR, judge
from triage.verdicts.words import Likelihood

ORDER = list(Queue)
WHOLE = Coverage(10_000, 10_000, 400, 25, 0, 0)
PARTIAL = Coverage(10_000, 4_000, 400, 10, 0, 0, why=("4 of 10 s could be read",), short_ms=6_000)
UNKNOWN = Coverage(None, 10_000, 400, 25, 0, 0)
FAULT = Fault("findings", 400, "objects@12345678 failed on 8 pictures")
SHIPPED = load_policy("default")
EVERY_ROLE = tuple(Role)


def track(label: Label, start_ms: int = 0, *, looks: int = 3, score: float = 0.9) -> Track:
    box = Box(start_ms / 100, 0, start_ms / 100 + 10, 10)
    return Track(
        label,
        tuple(Finding("ab" * 32, start_ms + 400 * look, label, score, box, "x@12345678") for look in range(looks)),
    )


def verdict_of(
    tracks: Sequence[Track] = (),
    coverage: Coverage = WHOLE,
    faults: Sequence[Fault] = (),
    looked_for: Sequence[Role] = EVERY_ROLE,
    policy: Policy = SHIPPED,
) -> Verdict:
    return judge(tracks, coverage, faults, looked_for, policy=policy, settings=Judging())


def policy_of(*rules: str, floors: str = "") -> Policy:
    """A policy from lines such as ``urgent: weapon person at likely``."""
    rows = []
    for number, line in enumerate(rules):
        queue, _, rest = line.partition(": ")
        together, _, at_least = rest.partition(" at ")
        row = {"name": f"rule{number}", "queue": queue, "together": together.split()}
        rows.append({**row, "at_least": at_least} if at_least else row)
    return parse_policy({"rule": rows, "not_wholly_seen": dict.fromkeys(floors.split(), "urgent")}, "test", "")


def fired(verdict: Verdict) -> list[str]:
    return [reason.rule for reason in verdict.reasons]


def only(verdict: Verdict, rule: str) -> Reason:
    [reason] = [reason for reason in verdict.reasons if reason.rule == rule]
    return reason


@pytest.mark.parametrize(
    ("labels", "queue", "rule"),
    [
        ([], Queue.ROUTINE, "looked"),
        ([Label.PERSON], Queue.ROUTINE, "people"),
        ([Label.FACE, Label.ADULT, Label.CIVILIAN], Queue.ROUTINE, "looked"),
        ([Label.HANDS_UNKNOWN], Queue.ROUTINE, "cannot_tell"),
        ([Label.CAMOUFLAGE], Queue.ROUTINE, "military"),
        ([Label.BLADE], Queue.PRIORITY, "armed"),
        ([Label.WEAPON, Label.PERSON], Queue.PRIORITY, "armed_person"),
        ([Label.WEAPON, Label.PERSON, Label.PERSON], Queue.URGENT, "armed_among_people"),
        ([Label.LONG_GUN, Label.BOUND_HANDS], Queue.URGENT, "armed_beside_bound"),
        ([Label.HANDGUN, Label.POSSIBLE_MINOR], Queue.URGENT, "armed_beside_possible_minor"),
        ([Label.POSSIBLE_MINOR], Queue.PRIORITY, "possible_minor"),
        ([Label.GRAPHIC], Queue.PRIORITY, "graphic"),
        ([Label.SEXUAL], Queue.PRIORITY, "sexual_content"),
        ([Label.GRAPHIC, Label.POSSIBLE_MINOR], Queue.URGENT, "graphic_with_possible_minor"),
    ],
)
def test_the_shipped_policy_puts_what_was_seen_where_it_says(labels: list[Label], queue: Queue, rule: str) -> None:
    verdict = verdict_of([track(label) for label in labels])
    assert (verdict.queue, verdict.reasons[0].rule) == (queue, rule)


def test_what_could_not_be_judged_is_said_and_how_often() -> None:
    tracks = [track(Label.AGE_UNKNOWN), track(Label.HANDS_UNKNOWN), track(Label.AGE_UNKNOWN, 9000)]
    assert only(verdict_of(tracks), "cannot_tell").words == (
        "it cannot be told in 1 sighting of people whether hands are bound "
        "and in 2 sightings of people whether they are minors"
    )


def test_one_person_in_two_kinds_of_clothes_is_seen_once() -> None:
    words = only(verdict_of([track(Label.CAMOUFLAGE), track(Label.TACTICAL_GEAR)]), "military").words
    assert "camouflage clothing or tactical gear (seen in 3 pictures), " in words


def test_what_was_weighed_over_time_names_its_clues() -> None:
    weighed = replace(track(Label.BOUND_HANDS), estimate=Estimate(0.4, 0.2, 0.6, ("wrists together", "kneeling")))
    words = only(verdict_of([weighed]), "bound").words
    assert words == "possible bound hands (seen in 3 pictures; wrists together; kneeling), 00:00.000 to 00:00.800"


@pytest.mark.parametrize(("gap_ms", "together"), [(0, True), (2000, True), (2001, False)])
def test_things_further_apart_than_the_rule_allows_are_not_together(gap_ms: int, together: bool) -> None:
    policy = policy_of("urgent: weapon person")
    for first, second in [(Label.WEAPON, Label.PERSON), (Label.PERSON, Label.WEAPON)]:
        seen = [track(first, 0, looks=2), track(second, 400 + gap_ms)]
        assert (verdict_of(seen, policy=policy).queue is Queue.URGENT) is together


def test_two_people_are_two_tracks_and_one_person_seen_twice_is_not() -> None:
    policy = policy_of("urgent: person person")
    assert verdict_of([track(Label.PERSON, looks=9)], policy=policy).queue is Queue.ROUTINE
    assert verdict_of([track(Label.PERSON), track(Label.PERSON)], policy=policy).queue is Queue.URGENT


def test_one_person_lost_and_found_again_is_not_two_people() -> None:
    again = [track(Label.WEAPON, looks=8), track(Label.PERSON, 0, looks=3), track(Label.PERSON, 1600, looks=3)]
    assert verdict_of(again).queue is Queue.PRIORITY
    assert verdict_of([*again, track(Label.PERSON, 1600, looks=3)]).queue is Queue.URGENT


def test_one_thing_cannot_stand_for_two_entries_of_a_rule() -> None:
    policy = policy_of("urgent: weapon weapon person")
    assert verdict_of([track(Label.WEAPON), track(Label.PERSON)], policy=policy).queue is Queue.ROUTINE


@pytest.mark.parametrize(
    ("score", "looks", "fires_at"),
    [
        (0.3, 5, ["possible"]),
        (0.6, 5, ["possible", "likely"]),
        (0.9, 1, ["possible", "likely"]),
        (0.9, 2, list(Likelihood)),
    ],
)
def test_a_rule_fires_only_for_things_as_sure_as_it_asks(score: float, looks: int, fires_at: list[str]) -> None:
    for at_least in Likelihood:
        verdict = verdict_of(
            [track(Label.BLADE, score=score, looks=looks)], policy=policy_of(f"urgent: blade at {at_least}")
        )
        assert (verdict.queue is Queue.URGENT) is (at_least in fires_at)


def test_every_part_of_a_combination_must_be_as_sure_as_the_rule_asks() -> None:
    policy = policy_of("urgent: weapon person at likely")
    assert verdict_of([track(Label.WEAPON), track(Label.PERSON, score=0.3)], policy=policy).queue is Queue.ROUTINE


def test_a_reason_says_what_was_seen_how_surely_and_when() -> None:
    seen = [track(Label.LONG_GUN, 12_480, looks=2), track(Label.BOUND_HANDS, 12_480, score=0.6)]
    reason = verdict_of(seen).reasons[0]
    assert reason.words == "likely long gun beside bound hands (seen in 2 pictures), 00:12.480 to 00:12.880"
    assert (reason.start_ms, reason.end_ms) == (12_480, 12_880)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (Label.PERSON, "2 people or more"),
        (Label.BLADE, "2 blades or more"),
        (Label.BOUND_HANDS, "2 pairs of bound hands or more"),
        (Label.POSSIBLE_MINOR, "2 people who may be minors or more"),
        (Label.AGE_UNKNOWN, "2 people of unknown age or more"),
    ],
)
def test_two_of_a_kind_are_said_in_the_plural(label: Label, words: str) -> None:
    verdict = verdict_of([track(label), track(label)], policy=policy_of(f"urgent: {label} {label}"))
    assert words in verdict.reasons[0].words


def test_a_reason_says_how_many_were_seen_at_once() -> None:
    beside = replace(track(Label.BLADE).findings[0], box=Box(20, 0, 30, 10))
    words = verdict_of([track(Label.BLADE, looks=2), Track(Label.BLADE, (beside,))]).reasons[0].words
    assert words == "very likely blade (seen in 2 pictures, up to 2 at once), 00:00.000 to 00:00.400"


def test_firings_close_in_time_are_one_reason_and_firings_apart_are_two() -> None:
    close = [track(Label.GRAPHIC, start_ms, looks=1) for start_ms in (0, 2000, 4000)]
    reason = only(verdict_of(close), "graphic")
    assert (reason.start_ms, reason.end_ms) == (0, 4000)
    apart = [track(Label.GRAPHIC, start_ms, looks=1) for start_ms in (0, 2001)]
    assert fired(verdict_of(apart)).count("graphic") == 2


def test_the_most_urgent_reason_comes_first_and_among_equals_the_rule_further_up() -> None:
    seen = [track(label) for label in (Label.PERSON, Label.GRAPHIC, Label.BLADE, Label.BOUND_HANDS)]
    verdict = verdict_of(seen, PARTIAL)
    assert fired(verdict) == [
        "armed_beside_bound",
        "bound",
        "graphic",
        "armed_person",
        "partial",
        "people",
        "looked",
    ]


def test_what_a_policy_forgets_is_said_all_the_same() -> None:
    verdict = verdict_of([track(Label.BLADE, 400, looks=2)], policy=policy_of())
    reason = only(verdict, "no_rule")
    assert reason.words == (
        "also found, though no rule of the policy asks for it: very likely blade, 00:00.400 to 00:00.800"
    )


def test_what_another_reason_says_already_is_not_said_again() -> None:
    assert fired(verdict_of([track(Label.WEAPON), track(Label.PERSON)])) == ["armed_person", "people", "looked"]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(["priority: weapon person", "urgent: weapon"], id="it is more urgent"),
        pytest.param(["urgent: weapon", "urgent: weapon person"], id="its rule stands further up"),
        pytest.param(["urgent: person weapon", "urgent: weapon"], id="it is about another thing first"),
    ],
)
def test_a_reason_that_another_does_not_wholly_say_is_said_too(rules: list[str]) -> None:
    verdict = verdict_of([track(Label.WEAPON), track(Label.PERSON)], policy=policy_of(*rules))
    assert {"rule0", "rule1"} <= set(fired(verdict))


def test_a_weapon_that_is_there_longer_than_the_person_is_said_for_as_long() -> None:
    alone_later = [track(Label.WEAPON, looks=6), track(Label.PERSON, looks=1), track(Label.WEAPON, 3500, looks=9)]
    policy = policy_of("urgent: weapon person", "urgent: weapon")
    reason = only(verdict_of(alone_later, policy=policy), "rule1")
    assert (reason.start_ms, reason.end_ms) == (0, 6700)


def test_a_surer_sight_under_one_rule_is_read_first() -> None:
    sure, unsure = (verdict_of([track(Label.BLADE, score=score)]) for score in (0.9, 0.5))
    assert sure.weight > unsure.weight


def test_a_rule_further_up_weighs_more_however_unsure_it_is() -> None:
    upper, lower = verdict_of([track(Label.BOUND_HANDS, score=0.0)]), verdict_of([track(Label.GRAPHIC, score=1.0)])
    assert upper.weight > lower.weight


@pytest.mark.parametrize("coverage", [PARTIAL, UNKNOWN], ids=["partial", "unknown"])
def test_what_was_not_wholly_seen_is_never_routine_and_says_why(coverage: Coverage) -> None:
    verdict = verdict_of(coverage=coverage)
    assert verdict.queue is Queue.PRIORITY
    assert "4 of 10 s could be read" in verdict.reasons[0].words or "does not say how long" in verdict.reasons[0].words


@pytest.mark.parametrize("key", NEVER_ROUTINE)
def test_a_policy_can_make_what_was_not_wholly_seen_urgent(key: str) -> None:
    policy = policy_of(floors=key)
    seen = {"partial": (PARTIAL, []), "unknown_extent": (UNKNOWN, []), "fault": (WHOLE, [FAULT])}
    coverage, faults = seen[key]
    verdict = verdict_of(coverage=coverage, faults=faults, policy=policy)
    assert (verdict.queue, verdict.reasons[0].rule) == (Queue.URGENT, key)


def test_every_fault_is_a_reason_with_its_time() -> None:
    verdict = verdict_of(faults=[FAULT, Fault("findings", None, "another")])
    words = {(reason.words, reason.start_ms) for reason in verdict.reasons if reason.rule == "fault"}
    assert words == {("findings: objects@12345678 failed on 8 pictures", 400), ("findings: another", None)}


def test_without_any_detector_a_video_is_not_routine() -> None:
    verdict = verdict_of(looked_for=[])
    assert verdict.queue is Queue.PRIORITY
    assert fired(verdict) == [NOT_LOOKED_FOR]


def test_a_video_of_which_no_picture_was_looked_at_is_not_routine() -> None:
    verdict = verdict_of(coverage=Coverage(10_000, 10_000, 400, 0, 0, 0))
    assert verdict.queue is Queue.PRIORITY


def test_every_verdict_says_what_was_looked_for_and_what_nobody_looked_for() -> None:
    verdict = verdict_of(coverage=Coverage(10_000, 10_000, 400, 25, 3, 0), looked_for=[Role.PEOPLE, Role.WEAPONS])
    assert [reason.words for reason in verdict.reasons] == [
        "looked for people and weapons in 25 pictures, 3 more were the same as the one before",
        "nobody looked for bound hands, uniforms, minors, graphic content, faces and sexual content",
    ]


def test_a_crowd_is_judged_in_moments() -> None:
    crowd = [track(Label.PERSON, looks=1) for _ in range(400)]
    policy = policy_of("urgent: person person person bound_hands", "priority: person person")
    assert verdict_of(crowd, policy=policy).queue is Queue.PRIORITY


TRACKS = st.lists(
    st.builds(
        track,
        st.sampled_from(Label),
        st.sampled_from([0, 400, 1900, 2800, 6000, 60_000]),
        looks=st.integers(1, 3),
        score=st.sampled_from([0.0, 0.3, 0.5, 0.6, 0.75, 0.9, 1.0]),
    ),
    max_size=7,
)
COVERAGES = st.sampled_from([WHOLE, PARTIAL, UNKNOWN])
FAULTS = st.lists(
    st.builds(Fault, st.just("findings"), st.none() | st.integers(0, 9999), st.just("it failed")), max_size=3
)
ROLES = st.lists(st.sampled_from(Role), unique=True)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "queue": st.sampled_from(["urgent", "priority", "routine"]),
            "together": st.lists(st.sampled_from([*Label, "armed"]), min_size=1, max_size=4),
            "at_least": st.sampled_from(Likelihood),
            "within_ms": st.sampled_from([0, 2000, 10_000]),
        }
    ),
    max_size=5,
)
FLOORS = st.dictionaries(st.sampled_from(NEVER_ROUTINE), st.sampled_from(["urgent", "priority"]))
POLICIES = st.just(SHIPPED) | st.builds(
    lambda rows, floors: parse_policy(
        {
            "rule": [{**row, "name": f"rule{number}"} for number, row in enumerate(rows)],
            "groups": {"armed": ["weapon", "handgun", "long_gun", "blade"]},
            "not_wholly_seen": floors,
        },
        "random",
        "",
    ),
    ROWS,
    FLOORS,
)
ARMED_AND_HANDGUN = parse_policy(
    {
        "rule": [{"name": "x", "queue": "urgent", "together": ["person", "armed", "handgun"]}],
        "groups": {"armed": ["weapon", "handgun"]},
    },
    "test",
    "",
)


def place(verdict: Verdict) -> tuple[int, float]:
    """Where a video waits: the smaller comes first."""
    return (ORDER.index(verdict.queue), -verdict.weight)


@given(TRACKS, TRACKS, COVERAGES, FAULTS, ROLES, POLICIES)
@example(  # a surer sight, close to an earlier one, which must not be judged by that one
    [track(Label.WEAPON, 1000, looks=1, score=0.74)],
    [track(Label.WEAPON, 0, looks=1, score=0.5)],
    WHOLE,
    [],
    [],
    SHIPPED,
)
@example(  # a very likely sight of a low score beside a likely one of a high score
    [track(Label.WEAPON, looks=1, score=1.0)], [track(Label.WEAPON, looks=2, score=0.75)], WHOLE, [], [], SHIPPED
)
@example(  # a further handgun must not free the better one for the wrong entry
    [track(Label.PERSON), track(Label.HANDGUN, score=0.9), track(Label.WEAPON, score=0.5)],
    [track(Label.HANDGUN, score=0.0)],
    WHOLE,
    [],
    [],
    ARMED_AND_HANDGUN,
)
def test_more_tracks_never_move_a_video_back(
    some: list[Track], more: list[Track], coverage: Coverage, faults: list[Fault], roles: list[Role], policy: Policy
) -> None:
    before = verdict_of(some, coverage, faults, roles, policy)
    after = verdict_of([*some, *more], coverage, faults, roles, policy)
    assert place(after) <= place(before)


@given(TRACKS, st.integers(0, 6), st.floats(0, 1), POLICIES)
def test_another_look_at_a_thing_never_lowers_the_queue(
    tracks: list[Track], which: int, score: float, policy: Policy
) -> None:
    assume(which < len(tracks))
    old = tracks[which]
    last = old.findings[-1]
    longer = Track(
        old.label,
        (*old.findings, Finding(last.video, last.time_ms + 400, old.label, score, last.box, last.detector)),
    )
    before = verdict_of(tracks, policy=policy)
    after = verdict_of([*tracks[:which], longer, *tracks[which + 1 :]], policy=policy)
    assert ORDER.index(after.queue) <= ORDER.index(before.queue)


@given(TRACKS, COVERAGES, FAULTS, FAULTS, ROLES, POLICIES)
def test_more_faults_never_lower_the_queue(
    tracks: list[Track], coverage: Coverage, some: list[Fault], more: list[Fault], roles: list[Role], policy: Policy
) -> None:
    before = verdict_of(tracks, coverage, some, roles, policy)
    after = verdict_of(tracks, coverage, [*some, *more], roles, policy)
    assert ORDER.index(after.queue) <= ORDER.index(before.queue)


@given(TRACKS, FAULTS, ROLES, POLICIES, st.sampled_from([PARTIAL, UNKNOWN]))
def test_a_gap_never_lowers_the_queue(
    tracks: list[Track], faults: list[Fault], roles: list[Role], policy: Policy, gap: Coverage
) -> None:
    before = verdict_of(tracks, WHOLE, faults, roles, policy)
    after = verdict_of(tracks, gap, faults, roles, policy)
    assert ORDER.index(after.queue) <= ORDER.index(before.queue)


@given(TRACKS, COVERAGES, FAULTS, ROLES, POLICIES)
def test_whatever_the_policy_a_gap_or_a_fault_or_no_detector_is_never_routine(
    tracks: list[Track], coverage: Coverage, faults: list[Fault], roles: list[Role], policy: Policy
) -> None:
    assume(coverage is not WHOLE or faults or not roles)
    assert verdict_of(tracks, coverage, faults, roles, policy).queue in {Queue.URGENT, Queue.PRIORITY}


@given(TRACKS, COVERAGES, FAULTS, ROLES, POLICIES)
def test_no_reason_says_that_something_is_not_there(
    tracks: list[Track], coverage: Coverage, faults: list[Fault], roles: list[Role], policy: Policy
) -> None:
    for reason in verdict_of(tracks, coverage, faults, roles, policy).reasons:
        assert not re.search(r"no weapon|nothing|not found|harmless|safe|clear|without", reason.words, re.IGNORECASE)


@given(TRACKS, COVERAGES, FAULTS, ROLES, POLICIES)
def test_the_reasons_lead_from_the_most_urgent_on_and_the_first_is_the_queue(
    tracks: list[Track], coverage: Coverage, faults: list[Fault], roles: list[Role], policy: Policy
) -> None:
    verdict = verdict_of(tracks, coverage, faults, roles, policy)
    queues = [ORDER.index(reason.queue) for reason in verdict.reasons]
    assert queues == sorted(queues)
    assert verdict.reasons[0].queue is verdict.queue
    assert all(
        reason.end_ms is not None and reason.end_ms >= reason.start_ms
        for reason in verdict.reasons
        if reason.start_ms is not None
    )


@given(TRACKS, COVERAGES, FAULTS, ROLES, POLICIES)
def test_the_same_evidence_gives_the_same_words(
    tracks: list[Track], coverage: Coverage, faults: list[Fault], roles: list[Role], policy: Policy
) -> None:
    again = [Track(item.label, item.findings) for item in tracks]
    assert verdict_of(tracks, coverage, faults, roles, policy) == verdict_of(again, coverage, faults, roles, policy)


def test_every_pair_of_labels_is_judged_at_least_as_urgent_as_either_alone() -> None:
    alone = {label: ORDER.index(verdict_of([track(label)]).queue) for label in Label}
    for one, other in product(Label, repeat=2):
        both = ORDER.index(verdict_of([track(one), track(other)]).queue)
        assert both <= min(alone[one], alone[other])


def test_pictures_with_thresholds_of_their_own_are_counted_where_the_looking_is_said() -> None:
    verdict = judge(
        [],
        WHOLE,
        [],
        [Role.WEAPONS],
        conditions={"night": 3, "small": 1},
        policy=load_policy("default"),
        settings=Judging(),
    )
    assert "(3 dark and 1 small of them, with thresholds of their own)" in only(verdict, "looked").words
    assert "thresholds" not in only(verdict_of([]), "looked").words
