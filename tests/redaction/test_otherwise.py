from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import media
from triage.geometry import Box
from triage.records import Finding, Frame, Label, Video
from triage.redaction.otherwise import AS_IT_IS, CLOSER, EVERY, MIRRORED, Way, ways

VIDEO = Video("0" * 64, Path(), 203, 117, None, "mp4", "h264")
"""Odd, so that halves and quarters do not divide it."""


def frame(box: Box, level: int = 255, ground: int = 0) -> Frame:
    image: media.Image = np.full((VIDEO.height_px, VIDEO.width_px, 3), ground, np.uint8)
    image[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = level
    image.flags.writeable = False
    return Frame(VIDEO, 40, image)


def seen(of: Frame, at_least: int = 100) -> Finding | None:
    rows, columns = np.nonzero(of.image.min(axis=2) >= at_least)
    if not len(rows):
        return None
    box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return Finding(VIDEO.id, of.time_ms, Label.FACE, 0.9, box, "eye@00000000")


@pytest.mark.parametrize("how", EVERY)
@pytest.mark.parametrize("box", [Box(5, 7, 25, 30), Box(180, 90, 203, 117), Box(90, 50, 110, 65)])
def test_what_is_found_in_any_way_is_put_back_where_it_is(how: Way, box: Box) -> None:
    found = seen(how.shown(frame(box)))
    if found is not None:
        back = how.back(found, VIDEO).box
        assert back.share_in(box) == 1
        assert back == box or how.quarter is not None, "only a quarter cuts anything off"


def test_whatever_is_small_lies_whole_in_a_quarter() -> None:
    for x in range(0, VIDEO.width_px - 30, 7):
        for y in range(0, VIDEO.height_px - 20, 7):
            box = Box(x, y, x + 30, y + 20)
            found = [seen(how.shown(frame(box))) for how in CLOSER]
            assert any(one is not None and one.box.area == box.area for one in found)


def test_a_faint_thing_stands_out_where_light_is_spread() -> None:
    flat = frame(Box(60, 40, 100, 80), level=60, ground=48).image
    # Noise, or there would be nothing to equalise.
    image = np.clip(flat + np.random.default_rng(1).normal(0, 2, flat.shape), 0, 255).astype(np.uint8)
    image.flags.writeable = False
    mirrored = MIRRORED.shown(Frame(VIDEO, 40, image)).image[:, ::-1]

    def contrast(of: media.Image) -> float:
        return float(of[40:80, 60:100].mean()) - float(of[40:80, :40].mean())

    assert contrast(mirrored) > 1.4 * contrast(image)


def test_four_looks_go_through_all_ways() -> None:
    assert [one for number in range(4) for one in ways(number)] == [AS_IT_IS, *CLOSER[:2], MIRRORED, *CLOSER[2:]]
    assert ways(4) == ways(0)


def test_the_picture_itself_is_not_changed() -> None:
    one = frame(Box(5, 7, 25, 30))
    before = one.image.copy()
    for how in EVERY:
        shown = how.shown(one)
        assert not shown.image.flags.writeable
        assert shown.image.shape == (shown.video.height_px, shown.video.width_px, 3)
    assert np.array_equal(one.image, before)
