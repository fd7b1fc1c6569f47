"""A mosaic that holds nothing of what it covers."""

from __future__ import annotations

import numpy as np
import pytest

from triage.geometry import Box
from triage.redaction.styles import pixelate, solid


def test_a_mosaic_has_no_more_than_five_cells_a_side_whatever_its_size() -> None:
    for side in (8, 50, 333):
        image = np.full((400, 400, 3), 90, np.uint8)
        pixelate.apply(image, [Box(20, 20, 20 + side, 20 + side)])
        inside = image[20 : 20 + side, 20 : 20 + side]
        for axis in (0, 1):
            borders = np.abs(np.diff(inside.astype(int), axis=axis)).any(axis=(1 - axis, 2))
            assert borders.sum() < pixelate.CELLS


def test_a_mosaic_is_seen_as_one_in_light_and_in_dark_scenes() -> None:
    for level in (0, 90, 255):
        image = np.full((100, 100, 3), level, np.uint8)
        pixelate.apply(image, [Box(20, 20, 80, 80)])
        inside = image[20:80, 20:80].astype(int)
        assert np.ptp(inside) > pixelate.NOISE / 2
        assert np.abs(inside - level).max() <= 2 * pixelate.NOISE + 1, (
            "a cell that is lighter than white comes out black"
        )


def test_the_colour_comes_from_around_the_box() -> None:
    image = np.full((100, 100, 3), (40, 160, 200), np.uint8)
    image[20:80, 20:80] = (0, 0, 255)
    pixelate.apply(image, [Box(20, 20, 80, 80)])
    noise = pixelate.PATTERN.mean()
    assert image[20:80, 20:80].mean(axis=(0, 1)) == pytest.approx([40 + noise, 160 + noise, 200 + noise], abs=1)


def test_a_box_beside_another_takes_no_colour_from_what_the_other_covers() -> None:
    image = np.full((100, 200, 3), 60, np.uint8)
    image[:, 100:] = (0, 0, 255)
    left, right = Box(10, 10, 100, 90), Box(100, 0, 200, 100)
    pixelate.apply(image, [left, right])
    cells = image[10:90, 10:100].astype(int)
    assert (cells[..., 0] == cells[..., 2]).all(), "the red beside it, which is covered too, shows in its colour"


def test_a_whole_picture_is_covered_around_grey() -> None:
    image = np.full((50, 50, 3), 255, np.uint8)
    pixelate.apply(image, [Box(0, 0, 50, 50)])
    assert np.abs(image.astype(int) - solid.GREY).max() <= pixelate.NOISE + 1


def test_nobody_can_foretell_the_noise() -> None:
    assert not np.array_equal(pixelate.drawn_pattern(), pixelate.drawn_pattern())
