"""A drawing keeps shapes, and mutes texture and red."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from triage.redaction.styles import drawing
from triage.redaction.styles.rectangles import Image

FRESH_BLOOD, DARK_BLOOD, FLUSHED = (20, 15, 150), (15, 10, 80), (150, 150, 200)


def plain(colour: tuple[int, int, int], height: int = 270, width: int = 480) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def redness(image: Image) -> float:
    return float(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., 1].mean()) - 128


def roughness(image: Image) -> float:
    return float(np.abs(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_32F)).mean())


@pytest.mark.parametrize("colour", [FRESH_BLOOD, DARK_BLOOD, (0, 0, 255)])
def test_red_becomes_a_pale_brown(colour: tuple[int, int, int]) -> None:
    image = plain(colour)
    before = redness(image)
    drawing.apply(image, [])
    assert redness(image) <= drawing.REDDEST + 1 < before


def test_a_faint_red_is_muted_as_well() -> None:
    image = plain(FLUSHED)
    before = redness(image)
    drawing.apply(image, [])
    assert 0 < redness(image) < 0.4 * before


def test_blue_and_green_keep_more_of_their_colour_than_red_does() -> None:
    kept = {}
    for name, colour in {"red": (0, 0, 200), "green": (0, 160, 0), "blue": (200, 0, 0)}.items():
        image = plain(colour)
        before = float(np.ptp(image[0, 0]))
        drawing.apply(image, [])
        kept[name] = float(np.ptp(image[0, 0])) / before
    assert kept["red"] < 0.5 * min(kept["green"], kept["blue"])


def test_a_texture_is_smoothed_away() -> None:
    """Of grains two pixels wide, which making the picture smaller does not take away."""
    rng = np.random.default_rng(2)
    grains = np.clip(112 + rng.normal(0, 12, (270, 480, 1)).repeat(3, axis=2), 0, 255).astype(np.uint8)
    image = grains.repeat(2, axis=0).repeat(2, axis=1)
    before = roughness(image)
    drawing.apply(image, [])
    assert roughness(image) < 0.1 * before


@pytest.mark.parametrize(("height", "width"), [(240, 320), (540, 960), (1080, 1920)])
def test_the_border_of_a_thing_stays_where_it_was_and_is_outlined(height: int, width: int) -> None:
    image = plain((200, 190, 180), height, width)
    top, left = height // 3, width // 3
    image[top : 2 * top, left : 2 * left] = (70, 90, 80)
    drawing.apply(image, [])
    row = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[height // 2].astype(int)
    steepest = int(np.abs(np.diff(row)).argmax())
    assert min(abs(steepest - left), abs(steepest - 2 * left)) <= max(4, width // 160)
    assert row[: width // 6].min() > row[left + width // 8] > row.min(), "the outline is the darkest"


def test_lightness_comes_in_steps() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None, :, None]
    image = np.ascontiguousarray(np.broadcast_to(ramp, (270, 256, 3)))
    drawing.apply(image, [])
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[135].astype(int)
    assert (np.diff(grey) == 0).mean() > 0.5
    assert np.ptp(grey) > 150, "light and dark stay apart"
