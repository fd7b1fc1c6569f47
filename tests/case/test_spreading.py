"""Decisions carried to copies."""

from __future__ import annotations

from typing import Any

import pytest

from triage.case.decisions import Act, Decision, Judged, Rung
from triage.case.spreading import RESHAPED, Spread, around, mirrored, spread
from triage.matches.edits import Edit
from triage.records import Overlap, Segment

A, B, C, D = (letter * 64 for letter in "abcd")


def decision(video: str = A, number: int = 1, act: Act = Act.CONFIRM, **others: Any) -> Decision:
    values = {"label": "blade"} if act is Act.CORRECT else {}
    judged = Judged(**{"author": "amal", "video": video, "act": act, "rung": Rung.STRIP, "values": values, **others})
    return Decision(number, "2026-11-23T13:05:00Z", judged)


def segment(query: tuple[int, int], stored: tuple[int, int], *, is_mirrored: bool = False) -> Segment:
    speed = (stored[1] - stored[0]) / (query[1] - query[0])
    return Segment(*query, *stored, speed, is_mirrored, 0.9)


def overlap(query: str, stored: str, *segments: Segment, edits: tuple[str, ...] = ()) -> Overlap:
    return Overlap(query, stored, segments, 0.5, 0.5, edits)


def places(found: list[Spread]) -> list[tuple[str, int, int]]:
    return [(one.video, one.start_ms, one.end_ms) for one in found]


LATER = overlap(A, B, segment((0, 10_000), (5000, 15_000)))
"""B shows the first ten seconds of A, five seconds later."""


def test_a_stretch_is_carried_to_where_the_copy_shows_it() -> None:
    [found] = spread([decision(start_ms=2000, end_ms=3000)], [LATER])
    assert places([found]) == [(B, 7000, 8000)]
    assert (found.decision.judged.video, found.by_way_of, found.is_mirrored) == (A, (), False)


def test_it_is_carried_the_other_way_too_and_from_either_direction_of_the_overlap() -> None:
    back = overlap(B, A, segment((5000, 15_000), (0, 10_000)))
    for known in ([LATER], [back], [LATER, back]):
        assert places(spread([decision(B, start_ms=7000, end_ms=8000)], known)) == [(A, 2000, 3000)]


@pytest.mark.parametrize(
    ("span", "wanted"),
    [
        ((9000, 12_000), [(B, 14_000, 15_000)]),
        ((10_000, 12_000), []),
        ((0, 50_000), [(B, 5000, 15_000)]),
    ],
)
def test_only_what_the_copy_shows_of_it_is_carried(span: tuple[int, int], wanted: list[tuple[str, int, int]]) -> None:
    assert places(spread([decision(start_ms=span[0], end_ms=span[1])], [LATER])) == wanted


def test_a_decision_on_the_whole_video_is_carried_to_the_stretches_that_show_it_alone() -> None:
    two = overlap(A, B, segment((0, 1000), (5000, 6000)), segment((4000, 5000), (9000, 10_000)))
    assert places(spread([decision()], [two])) == [(B, 5000, 6000), (B, 9000, 10_000)]


@pytest.mark.parametrize(("stored", "wanted"), [((0, 5000), (1000, 1500)), ((0, 20_000), (4000, 6000))])
def test_another_speed_is_respected(stored: tuple[int, int], wanted: tuple[int, int]) -> None:
    known = [overlap(A, B, segment((0, 10_000), stored))]
    assert places(spread([decision(start_ms=2000, end_ms=3000)], known)) == [(B, *wanted)]


def test_a_part_of_a_millisecond_widens_the_stretch_and_never_narrows_it() -> None:
    known = [overlap(A, B, segment((0, 3000), (0, 1000)))]
    assert places(spread([decision(start_ms=100, end_ms=101)], known)) == [(B, 33, 34)]


def test_a_stretch_that_is_shown_twice_is_carried_twice_and_one_that_is_cut_in_two_stays_one() -> None:
    twice = overlap(A, B, segment((0, 1000), (0, 1000)), segment((0, 1000), (8000, 9000)))
    assert places(spread([decision(start_ms=0, end_ms=1000)], [twice])) == [(B, 0, 1000), (B, 8000, 9000)]
    halves = overlap(A, B, segment((0, 1000), (0, 1000)), segment((1000, 2000), (1000, 2000)))
    assert places(spread([decision(start_ms=500, end_ms=1500)], [halves])) == [(B, 500, 1500)]


MIRROR = overlap(A, B, segment((0, 10_000), (0, 10_000), is_mirrored=True))
CORRECTED = {"label": "blade", "time_ms": 2500, "box_xyxy": [10, 20, 30, 60]}


def test_the_box_of_a_correction_is_mirrored_scaled_and_timed_for_the_copy() -> None:
    made = decision(act=Act.CORRECT, start_ms=2000, end_ms=3000, values=CORRECTED)
    [found] = spread([made], [MIRROR], {A: (100, 100), B: (200, 50)})
    assert found.is_mirrored
    assert found.values == {"label": "blade", "time_ms": 2500, "box_xyxy": [140.0, 10.0, 180.0, 30.0]}
    assert found.decision.judged.values == CORRECTED, "the decision itself stays as it was made"


def test_mirrored_twice_is_not_mirrored() -> None:
    assert mirrored(mirrored((10, 20, 30, 60), 100), 100) == (10, 20, 30, 60)
    known = [MIRROR, overlap(B, C, segment((0, 10_000), (0, 10_000), is_mirrored=True))]
    made = decision(act=Act.CORRECT, start_ms=2000, end_ms=3000, values=CORRECTED)
    found = {one.video: one for one in spread([made], known, dict.fromkeys((A, B, C), (100, 100)))}
    assert not found[C].is_mirrored
    assert found[C].values["box_xyxy"] == [10, 20, 30, 60]


def test_no_box_is_carried_where_nobody_can_tell_its_place() -> None:
    made = decision(act=Act.CORRECT, start_ms=2000, end_ms=3000, values=CORRECTED)
    sizes = dict.fromkeys((A, B), (100, 100))
    for known, told in [
        ([LATER], {}),
        ([overlap(A, B, segment((0, 10_000), (5000, 15_000)), edits=("cropped",))], sizes),
    ]:
        [found] = spread([made], known, told)
        assert found.values == {"label": "blade", "time_ms": 7500}


def test_the_edits_that_move_a_box_are_called_as_matching_calls_them() -> None:
    kept = {Edit.SAME, Edit.MIRRORED, Edit.GREY, Edit.COLOURED, Edit.CAPTION, Edit.SPEED, Edit.SHORTENED, Edit.LONGER}
    assert {edit.value for edit in Edit} - {edit.value for edit in kept} == RESHAPED


def test_what_somebody_decided_about_the_copy_itself_wins_there() -> None:
    made = [decision(start_ms=0, end_ms=10_000), decision(B, 2, Act.DISMISS, start_ms=7000, end_ms=8000)]
    found = spread(made, [LATER])
    assert places([one for one in found if one.decision.number == 1]) == [(B, 5000, 7000), (B, 8000, 15_000)]
    assert places([one for one in found if one.decision.number == 2]) == [], "nothing of A is left to be told"


def test_a_decision_about_something_else_or_a_mere_note_does_not_win() -> None:
    first = decision(about="weapon", start_ms=0, end_ms=1000)
    for other in (decision(B, 2, about="minor"), decision(B, 2, Act.NOTE, about="weapon")):
        assert (B, 5000, 6000) in places(spread([first, other], [LATER]))
    about_all = decision(B, 2, Act.DISMISS)
    assert [one for one in spread([first, about_all], [LATER]) if one.video == B] == []


def test_superseded_undone_and_second_readers_decisions_are_not_carried() -> None:
    made = [
        decision(start_ms=0, end_ms=1000),
        decision(A, 2, Act.DISMISS, supersedes=1, start_ms=0, end_ms=1000),
        decision(A, 3, start_ms=3000, end_ms=4000),
        decision(A, 4, Act.UNDO, supersedes=3, start_ms=3000, end_ms=4000),
        decision(A, 5, start_ms=5000, end_ms=6000, is_second=True),
    ]
    assert [one.decision.number for one in spread(made, [LATER])] == [2]


def test_a_copy_of_a_copy_is_reached_and_says_by_way_of_which() -> None:
    known = [LATER, overlap(B, C, segment((5000, 15_000), (100_000, 110_000)))]
    found = {one.video: one for one in spread([decision(start_ms=2000, end_ms=3000)], known)}
    assert places([found[C]]) == [(C, 102_000, 103_000)]
    assert (found[B].by_way_of, found[C].by_way_of) == ((), (B,))


def test_the_shortest_way_is_taken_and_rings_come_to_an_end() -> None:
    ring = [LATER, overlap(B, C, segment((0, 20_000), (0, 20_000))), overlap(C, A, segment((0, 10_000), (0, 10_000)))]
    found = spread([decision(start_ms=2000, end_ms=3000)], ring)
    assert {one.video: one.by_way_of for one in found} == {B: (), C: ()}
    assert len(found) == 2


def test_nothing_is_carried_past_a_copy_that_does_not_show_it() -> None:
    known = [LATER, overlap(B, D, segment((0, 5000), (0, 5000)))]
    assert {one.video for one in spread([decision(start_ms=2000, end_ms=3000)], known)} == {B}


def test_the_same_comes_out_whatever_the_order_of_the_overlaps() -> None:
    known = [LATER, overlap(B, C, segment((0, 20_000), (0, 20_000))), overlap(A, D, segment((0, 4000), (0, 4000)))]
    made = [decision(start_ms=2000, end_ms=3000), decision(C, 2, start_ms=7500, end_ms=7600)]
    assert spread(made, known) == spread(made, known[::-1])


def test_the_overlaps_around_a_video_carry_what_all_of_the_case_carry() -> None:
    known = [LATER, overlap(B, C, segment((0, 20_000), (0, 20_000))), overlap(D, "e" * 64, segment((0, 9), (0, 9)))]
    found = around(C, lambda video: [one for one in known if video in {one.query, one.stored}])
    assert {(one.query, one.stored) for one in found} == {(A, B), (B, C)}
    made = [decision(start_ms=2000, end_ms=3000)]
    assert spread(made, found) == spread(made, known)
