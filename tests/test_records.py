from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from triage import records
from triage.errors import Refusal
from triage.geometry import Box
from triage.records import (
    JOINTS,
    LOOKS,
    ROLE_NEEDS,
    AgeReading,
    ClothingReading,
    Coverage,
    Estimate,
    Extent,
    Failure,
    Finding,
    Frame,
    Joint,
    Label,
    Mask,
    Point,
    Pose,
    Provenance,
    Queue,
    Reason,
    Role,
    Track,
    Verdict,
    Video,
)

VIDEO = Video("ab" * 32, Path("clip.mp4"), 64, 48, 10_000, "mov", "h264")
COVERAGE = Coverage(10_000, 10_000, 400, 25, 3, 0)
FINDING = Finding(VIDEO.id, 400, Label.PERSON, 0.5, Box(0, 0, 10, 10), "objects@12345678")
PROVENANCE = Provenance("0.1.0", "a.b", MappingProxyType({}), MappingProxyType({}), (Role.PEOPLE, Role.FACES))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "ab"},
        {"width_px": 0},
        {"height_px": 0},
        {"pixel_aspect": 0.0},
        {"pixel_aspect": -1.0},
        {"pixel_aspect": float("nan")},
        {"duration_ms": -1},
    ],
    ids=str,
)
def test_a_video_in_a_wrong_state_cannot_be_made(changes: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"video needs|duration cannot"):
        replace(VIDEO, **changes)


def test_a_video_whose_length_is_not_known_can_be_made() -> None:
    assert replace(VIDEO, duration_ms=None).duration_ms is None


@pytest.mark.parametrize(
    ("shape", "kind"), [((64, 48, 3), "u1"), ((48, 64), "u1"), ((48, 64, 4), "u1"), ((48, 64, 3), "f4")], ids=str
)
def test_a_frame_of_another_size_than_its_video_cannot_be_made(shape: tuple[int, ...], kind: str) -> None:
    image = np.zeros(shape, kind)
    image.flags.writeable = False
    with pytest.raises(ValueError, match=r"a frame of this video is \(48, 64, 3\) uint8"):
        Frame(VIDEO, 0, image)


def test_a_frame_whose_picture_can_be_written_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Frame(VIDEO, 0, np.zeros((48, 64, 3), np.uint8))


@pytest.mark.parametrize("count", ["reached_ms", "step_ms", "sampled", "near_identical", "undecoded", "short_ms"])
def test_coverage_cannot_count_below_zero(count: str) -> None:
    below: dict[str, Any] = {count: -1, "why": ("x",)}
    with pytest.raises(ValueError, match="cannot be negative"):
        replace(COVERAGE, **below)


@pytest.mark.parametrize("gap", ["undecoded", "short_ms"])
def test_partial_coverage_must_say_why(gap: str) -> None:
    silent: dict[str, Any] = {gap: 1}
    with pytest.raises(ValueError, match="says why"):
        replace(COVERAGE, **silent)


@pytest.mark.parametrize(
    ("claimed_ms", "why", "extent"),
    [
        (10_000, (), Extent.WHOLE),
        (None, (), Extent.UNKNOWN),
        (10_000, ("it ends early",), Extent.PARTIAL),
        (None, ("damaged",), Extent.PARTIAL),
    ],
)
def test_the_extent_follows_from_the_claim_and_the_gaps(
    claimed_ms: int | None, why: tuple[str, ...], extent: Extent
) -> None:
    assert replace(COVERAGE, claimed_ms=claimed_ms, why=why).extent is extent


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_score_outside_0_to_1_cannot_be_made(score: float) -> None:
    with pytest.raises(ValueError, match=r"a score is in \[0, 1\]"):
        replace(FINDING, score=score)


def test_a_track_is_of_one_label_in_time_order_and_never_empty() -> None:
    later = replace(FINDING, time_ms=800)
    for findings in [(), (later, FINDING)]:
        with pytest.raises(ValueError, match="in time order"):
            Track(Label.PERSON, findings)
    with pytest.raises(ValueError, match="only findings of person"):
        Track(Label.PERSON, (FINDING, replace(later, label=Label.FACE)))


def test_a_track_spans_its_findings_and_is_as_sure_as_the_best() -> None:
    track = Track(
        Label.PERSON, tuple(replace(FINDING, time_ms=ms, score=s) for ms, s in [(0, 0.2), (5, 0.9), (9, 0.1)])
    )
    assert (track.start_ms, track.end_ms, track.score) == (0, 9, 0.9)


def test_a_track_stands_as_long_as_its_last_picture_and_never_ends_before_it() -> None:
    assert Track(Label.PERSON, (FINDING,), stood_until_ms=900).end_ms == 900
    with pytest.raises(ValueError, match="stands from its look on"):
        Track(Label.PERSON, (FINDING,), stood_until_ms=399)


def test_a_verdict_without_a_reason_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="a verdict has a reason"):
        Verdict(Queue.ROUTINE, ())


def test_a_verdict_that_no_reason_of_it_asks_for_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="a verdict's queue is that of its first reason"):
        Verdict(Queue.ROUTINE, (Reason("graphic", "…", Queue.PRIORITY),))


def test_the_weight_of_a_verdict_is_that_of_its_heaviest_reason_in_its_own_queue() -> None:
    reasons = (
        Reason("a", "…", Queue.PRIORITY, weight=2.5),
        Reason("b", "…", Queue.PRIORITY, weight=3.5),
        Reason("c", "…", Queue.ROUTINE, weight=9),
    )
    assert Verdict(Queue.PRIORITY, reasons).weight == 3.5


@pytest.mark.parametrize("kind", Refusal)
def test_a_file_without_pictures_is_unreadable_for_the_reason_it_was_refused(kind: Refusal) -> None:
    verdict = Failure(None, kind, "why it was", PROVENANCE).verdict
    assert verdict.queue is Queue.UNREADABLE
    assert [(reason.rule, reason.words) for reason in verdict.reasons] == [(kind.value, "why it was")]


def test_what_was_looked_for_and_what_was_not_are_all_there_is() -> None:
    assert set(PROVENANCE.not_looked_for) == set(LOOKS) - {Role.PEOPLE, Role.FACES}


def test_what_finds_copies_looks_for_nothing_in_a_picture() -> None:
    assert set(LOOKS) == set(Role) - {Role.COPIES}


@pytest.mark.parametrize("record", [value for value in vars(records).values() if is_dataclass(value)], ids=str)
def test_every_record_is_frozen(record: type) -> None:
    empty: Any = object.__new__(record)
    for field in fields(record):
        with pytest.raises(FrozenInstanceError):
            setattr(empty, field.name, None)


def test_a_track_scores_what_its_looks_together_say_where_they_were_weighed() -> None:
    assert Track(Label.PERSON, (FINDING,)).score == 0.5
    assert Track(Label.PERSON, (FINDING,), None, Estimate(0.2, 0.1, 0.6, ())).score == 0.2


@pytest.mark.parametrize(("low", "probability", "high"), [(0.5, 0.4, 0.6), (0.1, 0.7, 0.6), (-0.1, 0.2, 0.3)])
def test_an_estimate_lies_within_its_interval(low: float, probability: float, high: float) -> None:
    with pytest.raises(ValueError, match="within its interval"):
        Estimate(probability, low, high, ())


@pytest.mark.parametrize("shape", [(1, 1), (2, 4), (3, 5), (7, 3)])
def test_a_mask_gives_back_the_cells_that_it_was_made_of(shape: tuple[int, int]) -> None:
    cells = np.random.default_rng(1).random(shape) < 0.5
    assert np.array_equal(Mask.of(cells).cells(), cells)


@pytest.mark.parametrize("mask", [(0, 1, b""), (3, 3, b"\xff"), (3, 3, b"\xff\xff\xff")])
def test_a_mask_without_a_bit_for_every_cell_cannot_be_made(mask: tuple[int, int, bytes]) -> None:
    with pytest.raises(ValueError, match="a bit for each of its cells"):
        Mask(*mask)


@pytest.mark.parametrize("grade", [0, 4, -1])
def test_what_was_found_has_a_grade_from_one_to_three(grade: int) -> None:
    with pytest.raises(ValueError, match="a grade from 1 to 3"):
        replace(FINDING, grade=grade)


def test_a_pose_has_every_joint_in_its_place() -> None:
    points = tuple(Point(float(place), 0.0, 0.5) for place in range(len(JOINTS)))
    pose = Pose(VIDEO.id, 0, FINDING.box, 0.9, points, "wrists@12345678")
    assert [pose[joint].x for joint in Joint] == list(range(17))
    with pytest.raises(ValueError, match="a pose has 17 points"):
        replace(pose, points=points[:-1])


def test_readings_are_probabilities_with_a_quality() -> None:
    with pytest.raises(ValueError, match="a probability and a quality"):
        AgeReading(VIDEO.id, 0, FINDING.box, 1.1, 0.5, "minors@12345678")
    with pytest.raises(ValueError, match="a probability and a quality"):
        AgeReading(VIDEO.id, 0, FINDING.box, 0.5, -0.1, "minors@12345678")
    with pytest.raises(ValueError, match="probabilities and a quality"):
        ClothingReading(VIDEO.id, 0, FINDING.box, {Label.CIVILIAN: 1.5}, 0.5, "uniforms@12345678")
    with pytest.raises(ValueError, match="score is in"):
        Point(0.0, 0.0, 1.5)


def test_what_must_be_found_first_needs_nothing_itself() -> None:
    needed = frozenset[Role]().union(*ROLE_NEEDS.values())
    assert not needed & set(ROLE_NEEDS)
