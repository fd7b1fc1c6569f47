from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.geometry import Box
from triage.records import Cover, Covered
from triage.redaction.following import follow
from triage.redaction.merging import LOOSE, Merger, Timeline
from triage.redaction.motion import is_cut, moved
from triage.redaction.plan import Plan
from triage.redaction.trails import Sight, Trail

WIDTH, HEIGHT = 320, 180
"""Of the pictures; the small copies are half as wide and high."""
STEP_MS = 40
Grey = npt.NDArray[np.uint8]


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Grey:
    """A texture with large and small parts."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for cell in (4, 16):
        coarse = random.uniform(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(total * 100 + 20, 0, 255), np.uint8)


GROUND, PATCH = noise(1), noise(2, 48, 40)


def picture(x: float, y: float = 60, ground: Grey = GROUND) -> Grey:
    """The small copy of a picture with the patch, whose upper left corner is there."""
    image = ground.copy()
    left, top = max(0, round(x)), max(0, round(y))
    part = PATCH[top - round(y) :, left - round(x) :][: max(0, HEIGHT - top), : max(0, WIDTH - left)]
    image[top : top + part.shape[0], left : left + part.shape[1]] = part
    return np.asarray(cv2.resize(image, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA), np.uint8)


def box(x: float, y: float = 60) -> Box:
    return Box(x, y, x + 40, y + 48)


def planned(*trails: Trail, tail_ms: int = 400, covers_unseen: bool = False) -> Plan:
    return Plan(trails, (), tail_ms, 400, covers_unseen)


def trail(*sights: tuple[int, Box]) -> Trail:
    return Trail(Covered.FACES, "a face", tuple(Sight(*sight) for sight in sights))


def shown(lumas: Iterable[Grey]) -> Iterator[tuple[int, Grey]]:
    return ((index * STEP_MS, luma) for index, luma in enumerate(lumas))


def covers(plan: Plan, lumas: Iterable[Grey], looks: Sequence[tuple[int, int]] | None = None) -> Timeline:
    return Timeline(follow(plan, shown(lumas), (WIDTH, HEIGHT), looks=looks))


def is_covered(timeline: Timeline, index: int, wanted: Box) -> bool:
    return any(cover.box is None or wanted.share_in(cover.box) == 1 for cover in timeline.at(index * STEP_MS))


def test_what_moves_between_two_looks_is_covered_on_every_picture_and_little_beside_it() -> None:
    way = [40 + 3 * index + 20 * np.sin(index / 3) for index in range(11)]
    timeline = covers(planned(trail((0, box(way[0])), (400, box(way[10])))), map(picture, way))
    for index, x in enumerate(way):
        assert is_covered(timeline, index, box(x))
        assert all(cover.box and cover.box.area < 5 * box(0).area for cover in timeline.at(index * STEP_MS))


def test_what_starts_suddenly_is_covered_though_it_is_nowhere_near_the_straight_line() -> None:
    way = [40.0] * 8 + [60, 90, 120, 150, 180, 200] + [200.0] * 7
    timeline = covers(planned(trail((0, box(40)), (800, box(200)))), map(picture, way))
    assert all(is_covered(timeline, index, box(x)) for index, x in enumerate(way))


def test_it_is_covered_before_its_first_and_after_its_last_look_even_where_it_is_gone() -> None:
    lumas = [picture(100) if 13 <= index <= 17 else picture(900) for index in range(30)]
    timeline = covers(planned(trail((600, box(100)))), lumas)
    assert all(is_covered(timeline, index, box(100)) for index in range(5, 26))
    assert not timeline.at(4 * STEP_MS)
    assert not timeline.at(26 * STEP_MS)


def test_it_is_covered_for_as_long_as_it_looks_the_same_though_no_look_finds_it() -> None:
    way = [20 + 2 * index for index in range(100)]
    timeline = covers(planned(trail((2000, box(way[50])))), map(picture, way))
    assert all(is_covered(timeline, index, box(x)) for index, x in enumerate(way))


def test_what_was_taken_for_something_else_a_moment_later_is_covered_as_long_as_without_it() -> None:
    timeline = covers(planned(trail((0, box(40)), (400, box(220, 100))), tail_ms=1000), [picture(40)] * 40)
    assert all(is_covered(timeline, index, box(40)) for index in range(25)), "it is there still"


def test_a_head_is_covered_whose_features_run_to_the_side_as_it_turns() -> None:
    features = noise(5, 48, 400)
    lumas = []
    for index in range(11):
        image = GROUND.copy()
        image[60:108, 100:140] = features[:, 3 * index + 20 : 3 * index + 60]
        lumas.append(np.asarray(cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA), np.uint8))
    timeline = covers(planned(trail((0, box(100)))), lumas)
    assert all(is_covered(timeline, index, box(100)) for index in range(11))


def test_what_passes_in_front_of_something_does_not_take_the_cover_along() -> None:
    bar = noise(9, HEIGHT // 2, 30)
    lumas = []
    for index in range(40):
        luma = picture(140)
        part = luma[:, max(0, 4 * index) : 4 * index + 30]
        part[:] = bar[:, : part.shape[1]]
        lumas.append(luma)
    timeline = covers(planned(trail((0, box(140))), tail_ms=1600), lumas)
    assert all(is_covered(timeline, index, box(140)) for index in range(40))


def test_a_trail_goes_up_to_the_cut_on_either_side_and_not_over_it() -> None:
    other = np.asarray(255 - picture(60, ground=noise(7)), np.uint8)
    lumas = [other if index < 10 else picture(60) for index in range(20)]
    timeline = covers(planned(trail((480, box(60)))), lumas)
    assert [bool(timeline.at(index * STEP_MS)) for index in range(20)] == [False] * 10 + [True] * 10
    timeline = covers(planned(trail((320, box(60)), (560, box(100)))), lumas)
    assert is_covered(timeline, 9, box(60))
    assert is_covered(timeline, 10, box(100))


def test_where_only_pictures_are_missing_a_trail_goes_on() -> None:
    changed = np.asarray(255 - noise(7), np.uint8)
    lumas = [picture(60, ground=changed) if index < 10 else picture(70) for index in range(20)]
    assert is_cut(lumas[9], lumas[10])
    timeline = covers(planned(trail((480, box(70)))), lumas)
    assert all(is_covered(timeline, index, box(60 if index < 10 else 70)) for index in range(3, 20))


def test_where_nothing_can_be_followed_the_straight_line_is_covered_and_more() -> None:
    flat = [np.full((HEIGHT // 2, WIDTH // 2), 90, np.uint8)] * 11
    timeline = covers(planned(trail((0, box(40)), (400, box(120)))), flat)
    for index in range(11):
        assert is_covered(timeline, index, box(40 + 8 * index))
    middle = timeline.at(200)[0].box
    assert middle is not None
    assert middle.width > 2 * 40


def test_what_is_lost_is_covered_wider_than_what_is_followed_and_the_wider_the_longer() -> None:
    flat = [np.full((HEIGHT // 2, WIDTH // 2), 90, np.uint8)] * 20
    for plan in (planned(trail((0, box(100)))), planned(trail((0, box(100)), (800, box(100))))):
        lost, followed = (
            [width(covers(plan, lumas), index) for index in (0, 5, 10)] for lumas in (flat, [picture(100)] * 20)
        )
        assert lost[0] < 70
        assert followed[1] + 8 < lost[1]
        assert lost[1] + 8 < lost[2]


def width(timeline: Timeline, index: int) -> float:
    [cover] = timeline.at(index * STEP_MS)
    assert cover.box is not None
    return cover.box.width


def test_the_first_and_the_last_picture_are_covered_too() -> None:
    timeline = covers(planned(trail((0, box(60)), (400, box(60)))), [picture(60)] * 11)
    assert is_covered(timeline, 0, box(60))
    assert is_covered(timeline, 10, box(60))
    assert timeline.at(400 + 10_000)


def test_looks_that_fall_between_pictures_cover_the_pictures_around_them() -> None:
    plan = planned(trail((130, box(60)), (530, box(60))), tail_ms=0)
    slow = [(0, picture(60)), (500, picture(60)), (1500, picture(900))]
    timeline = Timeline(follow(plan, slow, (WIDTH, HEIGHT)))
    assert [bool(timeline.at(time_ms)) for time_ms in (0, 499, 500, 1499, 1500)] == [True] * 4 + [False]


def test_looks_minutes_apart_cover_what_lies_between_without_keeping_pictures() -> None:
    plan = planned(trail((0, box(60)), (120_000, box(80))))
    timeline = Timeline(
        follow(plan, [(0, picture(60)), (60_000, picture(70)), (120_000, picture(80))], (WIDTH, HEIGHT))
    )
    assert any(cover.box and box(70).share_in(cover.box) == 1 for cover in timeline.at(60_000))
    assert any(cover.box and box(70).share_in(cover.box) == 1 for cover in timeline.at(30_000))


def test_small_copies_need_not_have_the_shape_of_the_picture() -> None:
    lumas = [np.asarray(cv2.resize(picture(60 + 4 * index), (160, 160)), np.uint8) for index in range(11)]
    timeline = covers(planned(trail((0, box(60)), (400, box(100)))), lumas)
    assert all(is_covered(timeline, index, box(60 + 4 * index)) for index in range(11))


@pytest.mark.parametrize("last", [(40, picture(60)), (20, picture(60)), (80, picture(60)[:80])])
def test_pictures_out_of_order_or_of_another_size_are_refused(last: tuple[int, Grey]) -> None:
    with pytest.raises(ValueError, match="in order of time"):
        list(follow(planned(), [(0, picture(60)), (40, picture(60)), last], (WIDTH, HEIGHT)))


def test_pictures_are_kept_only_from_look_to_look() -> None:
    alive: list[weakref.ref[Grey]] = []
    most = 0

    def lumas() -> Iterator[Grey]:
        nonlocal most
        for index in range(600):
            luma = picture(60 + index % 7)
            alive.append(weakref.ref(luma))
            most = max(most, sum(each() is not None for each in alive[-200:]))
            yield luma

    sights = [(time_ms, box(60)) for time_ms in range(0, 24_000, 400)]
    for _ in follow(planned(trail(*sights)), shown(lumas()), (WIDTH, HEIGHT)):
        pass
    assert most < 40


def test_the_same_pictures_give_the_same_covers() -> None:
    plan = planned(trail((0, box(40)), (400, box(80))), trail((200, box(200, 100))))
    lumas = [picture(40 + 4 * index) for index in range(20)]
    once, again = (list(follow(plan, shown(lumas), (WIDTH, HEIGHT))) for _ in range(2))
    assert once == again


def test_a_shaking_camera_makes_no_cut_and_another_place_does() -> None:
    wide = noise(3, 300, 400)
    before, after = (np.ascontiguousarray(wide[y : y + 90, x : x + 160]) for x, y in ((100, 100), (124, 112)))
    striped = np.asarray(np.where(np.arange(160) // 20 % 2, 220, 30) * np.ones((90, 1)), np.uint8)
    shifted = np.roll(striped, 14, axis=1)
    assert not is_cut(before, after)
    assert not is_cut(striped, shifted)
    assert is_cut(before, striped)


def test_a_flash_does_not_end_a_trail_and_is_covered_whole_unless_it_was_looked_at() -> None:
    lumas = [picture(60)] * 20
    lumas[12] = np.full_like(lumas[0], 255)
    plan = planned(trail((0, box(60)), (400, box(60))), covers_unseen=True)
    timeline = covers(plan, lumas)
    assert [cover.box for cover in timeline.at(12 * STEP_MS)][-1:] == [None]
    assert is_covered(timeline, 14, box(60))
    assert all(cover.box for cover in timeline.at(14 * STEP_MS))
    looks = [(time_ms, time_ms) for time_ms in (0, 400, 480, 760)]
    assert all(cover.box for index in range(20) for cover in covers(plan, lumas, looks).at(index * STEP_MS))


@pytest.mark.parametrize(
    ("looks", "whole"),
    [
        (None, True),
        ([(0, 0), (400, 400), (800, 800), (1160, 1160)], True),
        ([(0, 0), (400, 400), (480, 480), (800, 800), (1160, 1160)], False),
        ([(0, 500), (800, 1160)], False),
    ],
    ids=["looks unknown", "no look", "a look", "the picture stood"],
)
def test_a_shot_that_nobody_looked_at_is_covered_whole(looks: list[tuple[int, int]] | None, whole: bool) -> None:
    lumas = [picture(60)] * 30
    lumas[12:16] = [np.asarray(255 - picture(200), np.uint8)] * 4
    timeline = covers(planned(covers_unseen=True), lumas, looks)
    for index in range(30):
        is_whole = any(cover.box is None for cover in timeline.at(index * STEP_MS))
        assert is_whole == (whole and 12 <= index < 16)


def test_pictures_far_from_any_look_are_covered_whole() -> None:
    timeline = covers(planned(covers_unseen=True), [picture(60)] * 60, [(0, 0), (2000, 2360)])
    far = [bool(timeline.at(index * STEP_MS)) for index in range(60)]
    assert far == [400 < index * STEP_MS < 1600 for index in range(60)]


def test_a_video_of_which_no_look_is_known_to_be_there_is_covered_whole() -> None:
    assert all(covers(planned(covers_unseen=True), [picture(60)] * 20, []).at(time_ms) for time_ms in (0, 400, 760))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 99),
    st.floats(-60, 300),
    st.floats(-60, 160),
    st.sampled_from([2, 9, 40, 200]),
    st.lists(st.sampled_from(range(0, 1200, 40)), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_whatever_is_shown_a_look_is_covered_and_nothing_fails(
    seed: int, x: float, y: float, size: int, times: list[int]
) -> None:
    random = np.random.default_rng(seed)
    ground, other = noise(seed, 40, 60), noise(seed + 100, 40, 60)
    shares = random.uniform(0, 1, 30)
    lumas = [
        np.asarray(np.roll(cv2.addWeighted(ground, share, other, 1 - share, 0), int(9 * share), axis=1), np.uint8)
        for share in shares
    ]
    here = Box(x, y, x + size, y + size)
    timeline = covers(planned(trail(*((time_ms, here) for time_ms in times))), lumas)
    assert all(is_covered(timeline, time_ms // STEP_MS, here) for time_ms in times)


def test_something_that_shrinks_and_is_lost_does_not_turn_inside_out() -> None:
    lumas = []
    for index in range(30):
        image = GROUND.copy()
        side = 100 - 6 * index
        if side > 40:
            image[50 : 50 + side, 50 : 50 + side] = cv2.resize(PATCH, (side, side))
        lumas.append(np.asarray(cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA), np.uint8))
    assert covers(planned(trail((0, Box(50, 50, 150, 150)))), lumas).at(400)


@pytest.mark.parametrize("step", [(3.0, 0.0), (-9.0, 5.0), (16.0, -8.0)])
def test_a_textured_box_is_found_again_within_a_pixel(step: tuple[float, float]) -> None:
    before, after = picture(100), picture(100 + step[0], 60 + step[1])
    here = np.array([50.0, 30.0, 70.0, 54.0])
    there = moved(before, after, here)
    assert there is not None
    assert np.abs(there - here - np.tile(step, 2) / 2).max() < 1


def test_a_box_outside_the_picture_or_without_area_is_lost_and_no_error() -> None:
    luma = picture(100)
    for corners in ([-90.0, -90.0, -60.0, -60.0], [500.0, 10.0, 530.0, 40.0], [50.0, 50.0, 50.2, 50.2]):
        assert moved(luma, luma, np.array(corners)) is None


WHERE = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), st.floats(0, 300), st.floats(0, 300), st.floats(1, 90), st.floats(1, 90)
)


@given(st.lists(st.tuples(st.integers(0, 3), WHERE), min_size=1, max_size=20))
def test_merged_covers_hold_every_box_at_its_time_and_are_nearly_as_tight(steps: list[tuple[int, Box]]) -> None:
    boxes, time_ms = [], 0
    for gap, each in steps:
        time_ms += 40 + 40 * gap
        boxes.append((time_ms - 40, time_ms, each))
    merger = Merger(Covered.FACES, "a face")
    timeline = Timeline([*merger.add((start, end, (each,)) for start, end, each in boxes), *merger.rest()])
    assert all(not timeline.at(end_ms) for (_, end_ms, _), (start_ms, _, _) in pairwise(boxes) if start_ms > end_ms)
    for start_ms, end_ms, each in boxes:
        for at_ms in (start_ms, end_ms - 1):
            [cover] = timeline.at(at_ms)
            assert cover.box is not None
            assert each.share_in(cover.box) > 0.999
            assert cover.box.area <= LOOSE * (each.width + 2) * (each.height + 2) + 700


def test_what_is_told_late_is_covered_at_its_time_and_not_until_then() -> None:
    merger = Merger(Covered.FACES, "a face")
    timeline = Timeline([*merger.add([(400, 440, (box(60),)), (200, 240, (box(60),))]), *merger.rest()])
    assert [bool(timeline.at(time_ms)) for time_ms in (199, 200, 239, 240, 399, 400, 440)] == [
        *(False, True, True),
        *(False, False, True, False),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=12),
    st.lists(st.integers(0, 90), max_size=12),
)
def test_a_timeline_answers_as_all_covers_asked_one_by_one(spans: list[tuple[int, int]], times: list[int]) -> None:
    each = [Cover(start, start + lasts, None, Covered.UNSEEN, str(index)) for index, (start, lasts) in enumerate(spans)]
    timeline = Timeline(each)
    for time_ms in times:
        wanted = {cover.why for cover in each if cover.start_ms <= time_ms < cover.end_ms}
        assert {cover.why for cover in timeline.at(time_ms)} == wanted
