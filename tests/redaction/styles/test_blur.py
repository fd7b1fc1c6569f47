"""A blur that leaves nothing sharp within its box."""

from __future__ import annotations

import numpy as np
import pytest

from triage.geometry import Box
from triage.redaction.styles import blur


@pytest.mark.parametrize("side", [20, 101, 400])
def test_detail_is_lost_up_to_the_border_whatever_the_size(side: int) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (440, 440, 3), np.uint8)
    blur.apply(image, [Box(20, 20, 20 + side, 20 + side)])
    inside = image[20 : 20 + side, 20 : 20 + side].astype(int)
    for axis in (0, 1):
        steps = np.abs(np.diff(inside, axis=axis))
        assert steps.max() < 25, "neighbours in noise differ by 85 on average"


def test_features_of_a_face_are_gone_from_a_box_of_its_size() -> None:
    """Stripes of a tenth of the box, as eyes and mouth are; stronger ones of a half remain as light and dark."""
    stripes = np.where(np.arange(200) // 20 % 2, 255, 0).astype(np.uint8)
    image = np.repeat(np.repeat(stripes[:, None], 200, axis=1)[..., None], 3, axis=2)
    blur.apply(image, [Box(0, 0, 200, 200)])
    assert np.ptp(image[60:140]) < 25


def test_what_lies_around_a_box_shows_at_its_border_so_that_it_fits_in() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, :50] = 255
    blur.apply(image, [Box(50, 0, 100, 100)])
    assert image[50, 50, 0] > 60 > image[50, 99, 0]
