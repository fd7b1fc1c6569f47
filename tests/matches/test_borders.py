"""Borders around drawn pictures, and pictures that have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.matches.pictures import scene
from tests.media import Image
from triage.matches.borders import LEAST_LEFT, find_borders
from triage.matches.views import Borders

NONE = (0.0, 0.0, 0.0, 0.0)
Sides = tuple[int, int, int, int]
"""Pixels put around a picture: left, top, right, bottom."""


def compressed(image: Image, quality: int = 50) -> Image:
    written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    picture = cv2.imdecode(written, cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def framed(image: Image, sides: Sides, tone: tuple[int, int, int]) -> Image:
    left, top, right, bottom = sides
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=tone).astype(np.uint8)


def write(image: Image, words: str, baseline: int, tone: tuple[int, int, int]) -> None:
    width = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 3)[0][0]
    place = (image.shape[1] - width) // 2, baseline
    cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 1.2, tone, 3, cv2.LINE_AA)


def meme(image: Image) -> tuple[Image, Sides]:
    """A white band with two lines above, a black one with a line below."""
    sides = (0, 130, 0, 70)
    whole = framed(image, sides, (255, 255, 255))
    whole[-70:] = 0
    write(whole, "nobody expected this", 50, (0, 0, 0))
    write(whole, "to happen again", 100, (0, 0, 0))
    write(whole, "see it", whole.shape[0] - 25, (255, 255, 255))
    return whole, sides


def screenshot(image: Image) -> tuple[Image, Sides]:
    """A dark bar with a clock, a white band with a title, the picture, and a dark bar with buttons."""
    sides = (0, 110, 0, 60)
    whole = framed(image, sides, (245, 245, 245))
    whole[:40], whole[-60:] = 30, 20
    cv2.putText(whole, "12:03", (650, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (230, 230, 230), 2, cv2.LINE_AA)
    cv2.putText(whole, "A clip from today", (30, 85), cv2.FONT_HERSHEY_SIMPLEX, 1, (10, 10, 10), 2, cv2.LINE_AA)
    for x in (200, 384, 570):
        cv2.circle(whole, (x, whole.shape[0] - 30), 12, (200, 200, 200), 2, cv2.LINE_AA)
    return whole, sides


def over_itself(image: Image, *, turned: bool) -> tuple[Image, Sides]:
    """Put over an enlarged and blurred copy: an upright picture in a wide frame, or turned."""
    height, width = image.shape[:2]
    wide = (height * 16 // 9, height) if not turned else (width, width * 16 // 9)
    scale = max(wide[0] / width, wide[1] / height)
    large = cv2.resize(image, None, fx=scale, fy=scale)
    y, x = (large.shape[0] - wide[1]) // 2, (large.shape[1] - wide[0]) // 2
    whole = cv2.GaussianBlur(large[y : y + wide[1], x : x + wide[0]], (0, 0), max(wide) / 30)
    left, top = (wide[0] - width) // 2, (wide[1] - height) // 2
    whole[top : top + height, left : left + width] = image
    return whole.astype(np.uint8), (left, top, wide[0] - width - left, wide[1] - height - top)


def plain(sides: Sides, tone: tuple[int, int, int]) -> Callable[[Image], tuple[Image, Sides]]:
    return lambda image: (framed(image, sides, tone), sides)


EDITS: Mapping[str, Callable[[Image], tuple[Image, Sides]]] = {
    "letterbox": plain((0, 60, 0, 60), (0, 0, 0)),
    "pillar box": plain((120, 0, 120, 0), (0, 0, 0)),
    "both": plain((120, 60, 120, 60), (0, 0, 0)),
    "a wide pillar box": plain((700, 0, 700, 0), (0, 0, 0)),
    "grey bars": plain((0, 80, 0, 80), (90, 90, 90)),
    "a red frame": plain((40, 40, 40, 40), (30, 20, 190)),
    "a bar on one side": plain((0, 0, 0, 100), (200, 40, 40)),
    "a meme": meme,
    "a meme in a pillar box": lambda image: (
        framed(meme(image)[0], (200, 0, 200, 0), (0, 0, 0)),
        (200, 130, 200, 70),
    ),
    "a screenshot": screenshot,
}


def apart(found: Borders, image: Image, sides: Sides) -> float:
    """The largest error of a side, as a share of width or height."""
    height, width = image.shape[:2]
    lengths = (width, height, width, height)
    return max(abs(share - float(side / length)) for share, side, length in zip(found, sides, lengths, strict=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("edit", EDITS)
def test_a_border_is_found_on_every_side(edit: str, seed: int) -> None:
    whole, sides = EDITS[edit](scene(seed))
    assert apart(find_borders(compressed(whole)), whole, sides) <= 0.015


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_a_blurred_copy_around_a_picture_is_a_border(turned: bool, seed: int) -> None:
    image = scene(seed, 270, 480) if not turned else scene(seed, 480, 300)
    whole, sides = over_itself(image, turned=turned)
    assert apart(find_borders(compressed(whole)), whole, sides) <= 0.015


def test_black_bars_beside_a_dark_scene_are_found() -> None:
    whole, sides = EDITS["letterbox"](scene(2, light=0.25))
    assert apart(find_borders(compressed(whole)), whole, sides) <= 0.015


def sky_over_hills(tone: float) -> Image:
    """The upper half without a trace of anything, the lower half hills."""
    image = scene(5)
    line = 216 + 30 * np.sin(np.arange(768) / 60) + 15 * np.sin(np.arange(768) / 17)
    image[np.arange(432)[:, None] < line] = tone
    return image


def gradient_sky() -> Image:
    image = scene(5)
    image[:216] = np.linspace(140, 240, 216)[:, None, None].astype(np.uint8)
    return image


def thing_on_white() -> Image:
    image = np.full((432, 768, 3), 255, np.uint8)
    cv2.ellipse(image, (400, 230), (210, 130), 20, 0, 360, (60, 90, 160), -1, cv2.LINE_AA)
    return image


def lamps_in_the_dark() -> Image:
    image = np.zeros((432, 768, 3), np.uint8)
    for place in ((80, 60), (310, 150), (500, 90), (690, 300), (200, 380)):
        cv2.circle(image, place, 14, (190, 220, 250), -1, cv2.LINE_AA)
    return image


PICTURES: Mapping[str, Callable[[], Image]] = {
    **{f"scene {seed}": lambda seed=seed: scene(seed) for seed in range(12)},  # type: ignore[misc]
    "at night": lambda: scene(3, light=0.08),
    "a white sky": lambda: sky_over_hills(255),
    "a black sky": lambda: sky_over_hills(0),
    "a sky that gets lighter": gradient_sky,
    "a thing on white": thing_on_white,
    "lamps in the dark": lamps_in_the_dark,
    "black": lambda: np.zeros((432, 768, 3), np.uint8),
    "white": lambda: np.full((432, 768, 3), 255, np.uint8),
    "noise": lambda: np.random.default_rng(0).integers(0, 255, (432, 768, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_without_a_border_loses_nothing(name: str) -> None:
    assert find_borders(compressed(PICTURES[name]())) == NONE


@settings(max_examples=60)
@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60), st.just(3))))
def test_at_least_a_quarter_of_each_side_is_always_left(image: Image) -> None:
    left, top, right, bottom = find_borders(image)
    assert min(left, top, right, bottom) >= 0
    assert 1 - left - right >= LEAST_LEFT - 1e-9
    assert 1 - top - bottom >= LEAST_LEFT - 1e-9


@pytest.mark.parametrize("edit", EDITS)
def test_a_mirrored_picture_has_mirrored_borders(edit: str) -> None:
    whole, _ = EDITS[edit](scene(4))
    left, top, right, bottom = find_borders(whole)
    turned = find_borders(np.ascontiguousarray(whole[:, ::-1]))
    assert turned == pytest.approx((right, top, left, bottom), abs=0.01)


def test_looking_for_borders_does_not_change_the_picture() -> None:
    image, _ = EDITS["a meme"](scene(1))
    image.flags.writeable = False
    before = image.copy()
    find_borders(image)
    assert np.array_equal(image, before)


@pytest.mark.shared
def test_hardly_any_photograph_loses_a_part_that_matters(shared: Path) -> None:
    """10 of 593 lost a tenth or more when this was written, and these have borders; 6 % lost a line at some side."""
    folders = [shared / "data" / "natural", shared / "data" / "coco128"]
    pictures = [cv2.imread(str(path)) for folder in folders for path in sorted(folder.rglob("*.jpg"))]
    found = [find_borders(picture.astype(np.uint8)) for picture in pictures if picture is not None]
    left_over = [(1 - left - right) * (1 - top - bottom) for left, top, right, bottom in found]
    assert len(found) >= 500
    assert sum(share < 0.9 for share in left_over) <= 0.03 * len(found)
    assert sum(share < 1 for share in left_over) <= 0.08 * len(found)
