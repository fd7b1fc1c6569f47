"""Covering in the planes of a picture, and the mark."""

from __future__ import annotations

import numpy as np
import pytest

from tests import media
from triage.geometry import Box
from triage.records import Style
from triage.redaction.mark import stamp
from triage.redaction.planes import Planes, Rect, cover_planes
from triage.redaction.styles import registry, solid

WHOLE = Rect(0, 0, 160, 120)


def planes(level: int = 200, *, width: int = 160, height: int = 120, matrix: int = 1) -> Planes:
    """A picture of noise around this level, loud in colour too."""
    noise = np.random.default_rng(3)
    luma = np.clip(noise.normal(level, 10, (height, width)), 16, 235).astype(np.uint8)
    blue, red = (noise.integers(40, 90, (height // 2, width // 2), np.uint8) for _ in range(2))
    return Planes(luma, blue, red, matrix)


def copied(before: Planes) -> Planes:
    return Planes(before.luma.copy(), before.blue.copy(), before.red.copy(), before.matrix)


@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 9])
def test_there_and_back_is_the_same_picture(matrix: int) -> None:
    image = np.full((120, 160, 3), 90, np.uint8)
    image[20:80, 40:100] = (40, 60, 200)
    image[90:110, 20:140] = (200, 120, 30)
    painted = planes(matrix=matrix)
    painted.paint(image, WHOLE, [WHOLE])
    difference = np.abs(painted.bgr(WHOLE).astype(int) - image)
    # Beside an edge, colours are those of two by two pixels.
    assert np.median(difference) <= 1
    assert difference[25:75, 45:95].max() <= 2


BOXES = {
    "even": Box(40, 30, 80, 60),
    "odd": Box(41, 31, 79, 59),
    "broken": Box(41.3, 31.7, 78.2, 58.1),
    "one pixel": Box(77, 51, 78, 52),
    "top left": Box(-20, -20, 15, 11),
    "last row and column": Box(131, 99, 160, 120),
    "beyond the edge": Box(131, 99, 1000, float("inf")),
    "all of it": Box(0, 0, 160, 120),
}


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("name", BOXES)
def test_a_box_is_covered_to_its_last_pixel_and_nothing_else_changes(name: str, style: Style) -> None:
    before = planes()
    after = copied(before)
    assert cover_planes(after, {style: [BOXES[name]]}, registry.cover)
    rect = after.rect(BOXES[name])
    assert rect is not None
    box = BOXES[name]
    assert rect.x0 <= max(box.x0, 0)
    assert rect.y1 >= min(box.y1, 120)
    if style is Style.SOLID:
        assert np.ptp(after.luma[rect.whole]) == 0
        assert np.ptp(after.blue[rect.half]) == np.ptp(after.red[rect.half]) == 0
    if style is not Style.DRAWING:
        outside = np.ones(before.luma.shape, bool)
        outside[rect.whole] = False
        assert np.array_equal(after.luma[outside], before.luma[outside])
        half = outside[::2, ::2]
        assert np.array_equal(after.blue[half], before.blue[half])
    assert np.mean(after.luma[rect.whole] != before.luma[rect.whole]) > 0.5 or rect.area < 9


def test_a_box_outside_the_picture_covers_nothing() -> None:
    before = planes()
    after = copied(before)
    assert not cover_planes(after, {Style.SOLID: [Box(160, 0, 200, 50), Box(-9, -9, 0, 0)]}, registry.cover)
    assert np.array_equal(after.luma, before.luma)


def test_no_colour_of_what_is_covered_is_left_at_its_border() -> None:
    loud = Planes(
        np.full((120, 160), 120, np.uint8), np.full((60, 80), 128, np.uint8), np.full((60, 80), 128, np.uint8), 1
    )
    box = Box(41, 31, 79, 59)
    rect = loud.rect(box)
    assert rect is not None
    loud.red[rect.half] = 240
    cover_planes(loud, {Style.SOLID: [box]}, registry.cover)
    assert np.abs(loud.red.astype(int) - 128).max() <= 1


def test_a_blur_never_sees_what_identity_covers_in_another_part() -> None:
    dark = planes(30)
    dark.luma[40:60, 40:60] = 235
    cover_planes(dark, {Style.BLUR: [Box(62, 30, 120, 80)], Style.SOLID: [Box(40, 40, 60, 60)]}, registry.cover)
    seen = dark.luma[40:60, 62:70].astype(int)
    assert seen.max() < 150


def test_parts_give_what_the_whole_gives() -> None:
    before = planes(width=640, height=480)
    before.luma[:] = np.linspace(20, 230, 640).astype(np.uint8)
    before.luma[:, 200:] = 20  # a blur reaches here
    boxes = {Style.BLUR: [Box(100, 100, 180, 160)], Style.SOLID: [Box(400, 300, 460, 380), Box(450, 350, 500, 400)]}
    inside, whole = copied(before), copied(before)
    cover_planes(inside, boxes, registry.cover)
    image = whole.bgr(whole.whole)
    registry.cover(image, boxes)
    rects = [rect for given in boxes.values() for box in given if (rect := whole.rect(box))]
    whole.paint(image, whole.whole, rects)
    assert np.abs(inside.luma.astype(int) - whole.luma).max() <= 2


def test_only_what_is_covered_is_turned_into_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    turned: list[int] = []
    bgr = Planes.bgr

    def noted(of: Planes, rect: Rect) -> media.Image:
        turned.append(rect.area)
        return bgr(of, rect)

    monkeypatch.setattr(Planes, "bgr", noted)
    big = planes(width=1920, height=1080)
    cover_planes(big, {}, registry.cover)
    stamp(big)
    boxes = [Box(300, 300, 400, 420), Box(1500, 100, 1600, 220)]
    cover_planes(big, {Style.SOLID: boxes}, registry.cover)
    assert not turned, "one grey is the same in all colours"
    cover_planes(big, {Style.PIXELATE: boxes}, registry.cover)
    assert 0 < sum(turned) < 0.05 * 1920 * 1080


@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_the_grey_of_a_video_is_the_grey_of_a_still(matrix: int) -> None:
    covered = planes(matrix=matrix)
    cover_planes(covered, {Style.SOLID: [Box(40, 30, 80, 60)]}, registry.cover)
    assert np.abs(covered.bgr(Rect(40, 30, 80, 60)).astype(int) - solid.GREY).max() <= 1


@pytest.mark.parametrize("ground", [16, 60, 128, 200, 235])
@pytest.mark.parametrize(("width", "height"), [(320, 240), (1920, 1080), (608, 1080)])
def test_the_mark_is_legible_on_any_ground_and_small(ground: int, width: int, height: int) -> None:
    before = planes(width=width, height=height)
    before.luma[:] = ground
    after = copied(before)
    stamp(after)
    changed = np.argwhere(after.luma != before.luma)
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
    assert (bottom - top) * (right - left) < 0.03 * width * height
    assert (bottom - top) < 0.15 * height
    inside = after.luma[top:bottom, left:right]
    assert inside.max() > 200
    assert inside.max() - np.median(inside) > 100 or ground > 200
    assert inside.max() - np.percentile(inside, 20) > 90


def test_a_mark_that_could_not_be_read_is_left_out() -> None:
    small = planes(width=48, height=48)
    before = small.luma.copy()
    stamp(small)
    assert np.array_equal(small.luma, before)
