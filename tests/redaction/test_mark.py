from __future__ import annotations

import numpy as np
import pytest

from tests.media import Image, plain
from triage.redaction.mark import has_room, stamp, stamp_picture
from triage.redaction.planes import Planes


def luma_of(image: Image) -> Planes:
    """A grey picture of even sides as planes."""
    height, width = image.shape[:2]
    blue, red = (np.full((height // 2, width // 2), 90, np.uint8) for _ in range(2))
    return Planes(image[..., 0].copy(), blue, red, 1)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (192, 128)])
def test_the_mark_stands_in_the_same_place_on_a_still_picture_as_in_a_video(width: int, height: int) -> None:
    image = plain(120, width=width, height=height)
    planes = luma_of(image)
    stamp(planes)
    stamp_picture(image)
    still, moving = (np.argwhere(plane != 120) for plane in (image[..., 0], planes.luma))
    assert still.min(axis=0).tolist() == moving.min(axis=0).tolist()
    assert still.max(axis=0).tolist() == moving.max(axis=0).tolist()
    assert still[:, 0].max() < height // 4
    assert still[:, 1].min() > width // 4
    assert image.max() > 200, "white words"
    assert image.min() < 70, "on a dark plate"


def test_of_a_coloured_picture_only_its_light_is_left_under_the_words() -> None:
    image = plain(0, width=640, height=360)
    image[:] = (255, 0, 0)
    stamp_picture(image)
    changed = image[(image != (255, 0, 0)).any(axis=2)]
    assert (changed.max(axis=1) == changed.min(axis=1)).all()
    assert 1000 < len(changed) < 640 * 360 // 10


@pytest.mark.parametrize(("width", "height"), [(64, 48), (1, 1), (4000, 20)])
def test_a_picture_that_is_too_small_for_the_words_is_left_as_it_is(width: int, height: int) -> None:
    image = plain(120, width=width, height=height)
    stamp_picture(image)
    assert not has_room(width, height)
    assert (image == 120).all()


def test_a_picture_of_odd_sides_has_its_mark() -> None:
    image = plain(120, width=193, height=129)
    stamp_picture(image)
    assert has_room(193, 129)
    assert (image != 120).any()
