from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.examples import finding, report, video_id
from triage.case.decisions import Act, Decision, Judged, Rung
from triage.exports.labelling import APART_MS, Labelled, Standing, Unused, labelled
from triage.records import Finding, Label, Report, Track

HERE = [10.0, 10.0, 60.0, 100.0]
"""Corners of the findings that ``finding`` makes."""


def decided(number: int, act: Act, about: str = "", span: tuple[int, int] | None = None, **more: Any) -> Decision:
    start, end = span or (None, None)
    given = {"rung": Rung.BLURRED, **more}
    return Decision(
        number,
        "2026-11-23T13:05:00Z",
        Judged("Ana", video_id(), act, about=about, start_ms=start, end_ms=end, **given),
    )


def corrected(number: int, values: Mapping[str, Any], about: str = "", span: tuple[int, int] | None = None) -> Decision:
    return decided(number, Act.CORRECT, about, span, values=values)


def seen(*findings: Finding) -> Report:
    by_label = {one.label: [each for each in findings if each.label is one.label] for one in findings}
    return replace(report(), tracks=tuple(Track(label, tuple(some)) for label, some in by_label.items()))


def said(report: Report, *decisions: Decision, disputed: Sequence[int] = ()) -> list[tuple[int, Label, Standing]]:
    return [(one.time_ms, one.label, one.standing) for one in boxes(report, *decisions, disputed=disputed)[0]]


def boxes(report: Report, *decisions: Decision, disputed: Sequence[int] = ()) -> tuple[list[Labelled], Counter[Unused]]:
    unused: Counter[Unused] = Counter()
    found = labelled(report, decisions, disputed, unused)
    return found, +unused


ARMED = seen(finding(0, Label.WEAPON), finding(2000, Label.WEAPON), finding(4000, Label.WEAPON), finding(0))


def test_what_is_confirmed_is_vouched_for_within_its_stretch_alone() -> None:
    assert said(ARMED, decided(1, Act.CONFIRM, "weapon", (0, 3999))) == [
        (0, Label.WEAPON, Standing.VOUCHED),
        (2000, Label.WEAPON, Standing.VOUCHED),
    ]


def test_a_decision_about_a_track_means_its_last_look_too() -> None:
    track = ARMED.tracks[0]
    assert len(said(ARMED, decided(1, Act.CONFIRM, "weapon", (track.start_ms, track.end_ms)))) == len(track.findings)


def test_what_is_dismissed_is_listed_as_that_and_says_nothing_of_other_kinds() -> None:
    assert said(ARMED, decided(1, Act.DISMISS, "weapon", (0, 1))) == [(0, Label.WEAPON, Standing.DISMISSED)]


def test_what_nobody_decided_on_is_listed_beside_what_somebody_did() -> None:
    both = seen(finding(0, Label.WEAPON), finding(0, Label.BLADE, x0=200), finding(0), finding(3000, Label.BLADE))
    assert said(both, decided(1, Act.CONFIRM, "weapon")) == [
        (0, Label.BLADE, Standing.UNDECIDED),
        (0, Label.WEAPON, Standing.VOUCHED),
    ]


@pytest.mark.parametrize(
    ("first", "second", "standing"),
    [
        (decided(1, Act.CONFIRM, "weapon", (0, 500)), decided(2, Act.DISMISS, "weapon"), Standing.VOUCHED),
        (decided(1, Act.CONFIRM, "weapon"), decided(2, Act.DISMISS, "weapon", (0, 500)), Standing.DISMISSED),
        (decided(1, Act.CONFIRM, "weapon"), decided(2, Act.DISMISS, "weapon"), Standing.DISMISSED),
    ],
)
def test_the_shorter_stretch_counts_and_then_the_later_decision(
    first: Decision, second: Decision, standing: Standing
) -> None:
    assert (0, Label.WEAPON, standing) in said(ARMED, first, second)


def test_a_decision_on_whether_somebody_is_a_minor_counts_for_every_answer_to_that() -> None:
    person = seen(finding(0, Label.ADULT), finding(0))
    assert said(person, corrected(1, {"minor": "yes"}, "minor")) == [(0, Label.POSSIBLE_MINOR, Standing.VOUCHED)]
    assert said(person, corrected(1, {"minor": "unknown"})) == [(0, Label.AGE_UNKNOWN, Standing.VOUCHED)]
    assert said(person, corrected(1, {"minor": "yes"}, "person")) == [(0, Label.POSSIBLE_MINOR, Standing.VOUCHED)], (
        "a minor is a person still"
    )


def test_a_grade_of_nothing_dismisses_what_was_taken_for_graphic() -> None:
    blood = seen(replace(finding(0, Label.GRAPHIC), grade=3))
    [milder] = boxes(blood, corrected(1, {"grade": 1}, "graphic"))[0]
    assert (milder.grade, milder.standing) == (1, Standing.VOUCHED)
    [none] = boxes(blood, corrected(1, {"grade": 0}, "grade"))[0]
    assert none.standing is Standing.DISMISSED
    [same] = boxes(blood, decided(1, Act.CONFIRM, "graphic"))[0]
    assert same.grade == 3


def test_a_corrected_label_takes_the_place_of_the_one_before() -> None:
    [one] = boxes(seen(finding(0, Label.WEAPON)), corrected(1, {"label": "long_gun"}, "weapon"))[0]
    assert (one.label, one.taken_for, one.box.xyxy) == (Label.LONG_GUN, Label.WEAPON, tuple(HERE))
    [gone] = boxes(seen(finding(0, Label.WEAPON)), corrected(1, {"label": "an umbrella"}, "weapon"))[0]
    assert (gone.label, gone.standing) == (Label.WEAPON, Standing.DISMISSED)


def test_a_drawn_box_is_new_or_takes_the_place_of_the_finding_it_betters() -> None:
    armed = seen(finding(0, Label.WEAPON))
    elsewhere = corrected(1, {"label": "weapon", "time_ms": 0, "box_xyxy": [300, 10, 350, 60]})
    assert said(armed, elsewhere) == [(0, Label.WEAPON, Standing.UNDECIDED), (0, Label.WEAPON, Standing.VOUCHED)]
    tighter = corrected(1, {"label": "long_gun", "time_ms": 0, "box_xyxy": [12, 12, 58, 98]}, "weapon")
    [one] = boxes(armed, tighter)[0]
    assert (one.box.xyxy, one.label, one.taken_for) == ((12, 12, 58, 98), Label.LONG_GUN, Label.WEAPON)
    unfound = corrected(1, {"label": "blade", "time_ms": 777, "box_xyxy": [1, 2, 3, 4]})
    assert said(armed, unfound) == [(777, Label.BLADE, Standing.VOUCHED)]


def test_a_box_without_area_is_not_taken_for_one() -> None:
    found, unused = boxes(ARMED, corrected(1, {"label": "weapon", "time_ms": 0, "box_xyxy": [9, 9, 9, 20]}))
    assert found == []
    assert unused == {Unused.AS_A_WHOLE: 1}


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (decided(1, Act.CONFIRM, "weapon", rung=Rung.WORDS), Unused.NO_PICTURE),
        (decided(1, Act.CONFIRM), Unused.AS_A_WHOLE),
        (decided(1, Act.DISMISS, "", (0, 500)), Unused.AS_A_WHOLE),
        (corrected(1, {"label": "weapon"}), Unused.AS_A_WHOLE),
        (decided(1, Act.CONFIRM, "blade"), Unused.NOTHING_THERE),
        (decided(1, Act.CONFIRM, "weapon", (100, 200)), Unused.NOTHING_THERE),
        (decided(1, Act.ESCALATE, "weapon"), None),
        (decided(1, Act.NOTE, "weapon"), None),
        (decided(1, Act.CONFIRM, "weapon", is_second=True), None),
    ],
)
def test_what_says_nothing_of_a_picture_is_left_out_and_counted_by_why(decision: Decision, why: Unused | None) -> None:
    assert boxes(ARMED, decision) == ([], {} if why is None else {why: 1})


def test_what_two_readers_disagree_on_is_left_out_and_counted() -> None:
    disputed = decided(1, Act.CONFIRM, "weapon", (0, 1)), decided(2, Act.DISMISS, "weapon", (0, 1), is_second=True)
    agreed = decided(3, Act.CONFIRM, "person")
    found, unused = boxes(ARMED, *disputed, agreed, disputed=(1, 2))
    assert [one.label for one in found] == [Label.PERSON]
    assert unused == {Unused.DISPUTED: 2}


def test_of_a_long_track_only_pictures_apart_are_kept_the_surest_among_them() -> None:
    many = seen(*(finding(40 * step, Label.WEAPON, 0.9 if step == 30 else 0.5) for step in range(100)))
    times = [time_ms for time_ms, _, _ in said(many, decided(1, Act.CONFIRM, "weapon"))]
    assert 1200 in times
    assert all(later - earlier >= APART_MS for earlier, later in pairwise(times))
    assert len(times) == 4


def test_a_short_track_is_not_lost_beside_another_decision() -> None:
    both = seen(finding(0, Label.WEAPON), finding(100))
    assert {
        time_ms for time_ms, _, _ in said(both, decided(1, Act.CONFIRM, "weapon"), decided(2, Act.CONFIRM, "person"))
    }
