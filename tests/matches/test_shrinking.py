"""Pictures made smaller: every pixel counts, and nothing is moved."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.matches.pictures import scene
from triage.matches.shrinking import resized, within


@pytest.mark.parametrize(
    "size", [(512, 288), (160, 90), (100, 33), (400, 400), (768, 432), (900, 500), (96, 400), (24, 24)]
)
def test_it_is_as_good_as_an_average_over_areas(size: tuple[int, int]) -> None:
    image = scene(1)
    small = resized(image, *size)
    assert small.shape == (size[1], size[0], 3)
    wanted = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(small - wanted).mean() < 4


def test_a_line_of_one_pixel_is_not_lost() -> None:
    for place in range(8):
        image = np.zeros((64, 64, 3), np.uint8)
        image[:, 20 + place] = 255
        assert resized(image, 8, 8).max() > 20


def test_a_picture_that_is_small_enough_stays_as_it_is() -> None:
    image = scene(2)
    assert within(image, 768) is image
    assert within(image, 767).shape == (431, 767, 3)
    assert within(np.zeros((2, 900, 3), np.uint8), 90).shape == (1, 90, 3)
