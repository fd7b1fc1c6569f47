from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.geometry import Box
from triage.records import Finding, Label, Track
from triage.settings import Tracking
from triage.tracks.linker import link

VIDEO = "ab" * 32
PLAIN = Tracking()


def finding(time_ms: int, x: float, *, label: Label = Label.PERSON, score: float = 0.6, y: float = 100) -> Finding:
    """A box of 100 by 200 px whose left border is at x."""
    return Finding(VIDEO, time_ms, label, score, Box(x, y, x + 100, y + 200), "x@12345678")


def spans(tracks: Sequence[Track]) -> list[tuple[Label, int, int, int]]:
    return [(track.label, track.start_ms, track.end_ms, len(track.findings)) for track in tracks]


FINDINGS = st.lists(
    st.builds(
        lambda time_ms, x, y, width, height, score, label: Finding(
            VIDEO, time_ms, label, score, Box(x, y, x + width, y + height), "x@12345678"
        ),
        time_ms=st.sampled_from([0, 1, 40, 400, 800, 1200, 1900, 2300, 3800, 3801, 10_000, 7_200_000]),
        x=st.integers(0, 60).map(lambda step: 10.0 * step),
        y=st.integers(0, 30).map(lambda step: 10.0 * step),
        width=st.sampled_from([0.1, 10.0, 100.0, 640.0]),
        height=st.sampled_from([0.1, 10.0, 100.0, 360.0]),
        score=st.sampled_from([0.0, 0.1, 0.35, 0.6, 0.6, 1.0]),
        label=st.sampled_from([Label.PERSON, Label.WEAPON, Label.FACE]),
    ),
    max_size=24,
)
TRACKING = st.builds(
    Tracking, max_gap_ms=st.sampled_from([1, 100, 400, 1500, 5000]), least_overlap=st.sampled_from([0.0, 0.1, 0.7, 1.0])
)


def test_nothing_seen_makes_no_track() -> None:
    assert link([], PLAIN) == ()


def test_one_finding_is_a_track_of_its_own() -> None:
    assert spans(link([finding(400, 0)], PLAIN)) == [(Label.PERSON, 400, 400, 1)]


def test_a_thing_that_moves_is_one_track() -> None:
    assert spans(link([finding(400 * step, 20 * step) for step in range(10)], PLAIN)) == [(Label.PERSON, 0, 3600, 10)]


def test_two_things_that_move_side_by_side_stay_two() -> None:
    findings = [finding(400 * step, 10 * step + place) for step in range(10) for place in (0, 300)]
    assert spans(link(findings, PLAIN)) == [(Label.PERSON, 0, 3600, 10)] * 2


def test_what_appears_elsewhere_is_another_track() -> None:
    assert len(link([finding(0, 0), finding(400, 500)], PLAIN)) == 2


@pytest.mark.parametrize(("gap_ms", "tracks"), [(400, 1), (1400, 1), (1501, 2), (1600, 2), (60_000, 2)])
def test_a_thing_unseen_for_longer_than_the_gap_starts_anew(gap_ms: int, tracks: int) -> None:
    seen = [finding(400 * step, 0) for step in range(4)]
    again = [finding(1200 + gap_ms + 400 * step, 0) for step in range(4)]
    assert len(link([*seen, *again], PLAIN)) == tracks


def test_the_time_that_a_picture_stands_still_is_no_gap() -> None:
    before, after = finding(400, 0), finding(60_400, 0)
    stood_ms = {400: 60_000, 60_400: 61_000}
    assert spans(link([before, after], PLAIN, stood_ms)) == [(Label.PERSON, 400, 61_000, 2)]
    assert len(link([before, after], PLAIN, {400: 58_899})) == 2


def test_a_track_whose_last_picture_did_not_stand_ends_with_it() -> None:
    [track] = link([finding(0, 0), finding(5000, 0)], PLAIN, {0: 4600})
    assert (track.stood_until_ms, track.end_ms) == (None, 5000)


@pytest.mark.parametrize("scores", [[0.9, 0.05, 0.9, 0.0], [0.05, 0.9, 0.05, 0.9], [0.1, 0.1, 0.1, 0.1]], ids=str)
def test_a_weak_look_belongs_to_its_track_as_a_strong_one_does(scores: list[float]) -> None:
    findings = [finding(400 * step, 0, score=score) for step, score in enumerate(scores)]
    assert spans(link(findings, PLAIN)) == [(Label.PERSON, 0, 1200, 4)]


def test_a_weapon_on_a_person_is_a_track_of_its_own() -> None:
    findings = [finding(400 * step, 0, label=label) for step in range(3) for label in (Label.PERSON, Label.WEAPON)]
    assert spans(link(findings, PLAIN)) == [(Label.PERSON, 0, 800, 3), (Label.WEAPON, 0, 800, 3)]


def test_looks_at_uneven_times_are_linked_too() -> None:
    times_ms = [0, 3, 400, 411, 1600, 1640, 2900]
    assert len(link([finding(time_ms, 0) for time_ms in times_ms], PLAIN)) == 1


def test_tracks_come_in_order_of_start_label_and_place() -> None:
    findings = [
        finding(800, 0),
        finding(0, 600, label=Label.WEAPON),
        finding(0, 600, y=0),
        finding(0, 0, label=Label.FACE),
        finding(0, 200, y=0),
    ]
    keys = [(track.start_ms, track.label, track.findings[0].box.x0) for track in link(findings, PLAIN)]
    assert keys == sorted(keys)


@settings(deadline=None)
@given(FINDINGS, TRACKING)
def test_every_finding_is_in_exactly_one_track(findings: list[Finding], tracking: Tracking) -> None:
    linked = [finding for track in link(findings, tracking) for finding in track.findings]
    assert Counter(linked) == Counter(findings)


@settings(deadline=None)
@given(FINDINGS, TRACKING, st.randoms(use_true_random=False))
def test_the_order_of_the_findings_changes_nothing(
    findings: list[Finding], tracking: Tracking, dice: random.Random
) -> None:
    shuffled = list(findings)
    dice.shuffle(shuffled)
    assert link(shuffled, tracking) == link(findings, tracking)


@settings(deadline=None)
@given(FINDINGS, TRACKING)
def test_no_track_bridges_more_than_the_gap_or_mixes_labels_or_doubles_a_moment(
    findings: list[Finding], tracking: Tracking
) -> None:
    for track in link(findings, tracking):
        assert {finding.label for finding in track.findings} == {track.label}
        times_ms = [finding.time_ms for finding in track.findings]
        assert len(set(times_ms)) == len(times_ms), "one thing is in one place at a time"
        gaps = [after - before for before, after in pairwise(times_ms)]
        assert max(gaps, default=0) <= tracking.max_gap_ms


@settings(deadline=None)
@given(FINDINGS)
def test_what_other_labels_do_changes_no_track(findings: list[Finding]) -> None:
    people = [finding for finding in findings if finding.label is Label.PERSON]
    assert link(people, PLAIN) == tuple(track for track in link(findings, PLAIN) if track.label is Label.PERSON)
