"""Which pictures hold too little to be compared, and which have no colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pytest

from tests.matches.pictures import scene
from tests.media import Image
from triage.matches.information import is_comparable, is_grey, structure

ACROSS = np.linspace(0, 255, 768)[None, :, None]


def plain(tone: tuple[int, int, int]) -> Image:
    return np.full((432, 768, 3), tone, np.uint8)


def noise(level: float, deviation: float) -> Image:
    return np.clip(np.random.default_rng(0).normal(level, deviation, (432, 768, 3)), 0, 255).astype(np.uint8)


def compressed(image: Image, quality: int = 40) -> Image:
    written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    picture = cv2.imdecode(written, cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def vignette() -> Image:
    y, x = np.mgrid[-1:1:432j, -1:1:768j]
    return np.repeat((160 - 60 * (x * x + y * y))[..., None], 3, axis=2).astype(np.uint8)


def with_clock() -> Image:
    image = plain((0, 0, 0))
    cv2.putText(image, "12:03:44", (610, 420), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 1, cv2.LINE_AA)
    return image


def one_lamp() -> Image:
    image = noise(3, 2)
    cv2.circle(image, (500, 100), 6, (200, 230, 255), -1)
    return image


def square_on_black() -> Image:
    image = plain((0, 0, 0))
    image[100:190, 500:620] = 255
    return image


EMPTY: Mapping[str, Callable[[], Image]] = {
    "black": lambda: plain((0, 0, 0)),
    "a bright square on black": square_on_black,
    "white": lambda: plain((255, 255, 255)),
    "red": lambda: plain((20, 20, 200)),
    "faint noise": lambda: noise(5, 3),
    "noise on grey": lambda: compressed(noise(120, 10)),
    "an untuned set": lambda: compressed(noise(120, 30)),
    "a ramp": lambda: np.repeat(np.repeat(ACROSS, 432, axis=0), 3, axis=2).astype(np.uint8),
    "an even light with a vignette": vignette,
    "nearly faded to black": lambda: compressed(scene(1, light=0.02, grain=1)),
    "nearly faded to white": lambda: compressed((250 - scene(1) * 0.02).astype(np.uint8)),
    "black with a clock": with_clock,
    "one lamp in the dark": one_lamp,
}
FULL: Mapping[str, Callable[[], Image]] = {
    "a scene": lambda: scene(1),
    "at dusk": lambda: compressed(scene(1, light=0.3)),
    "at night": lambda: compressed(scene(1, light=0.1)),
    "in fog": lambda: compressed((190 + scene(1) * 0.1).astype(np.uint8)),
    "out of focus": lambda: cv2.GaussianBlur(scene(1), (0, 0), 20).astype(np.uint8),
    "grey": lambda: np.repeat(scene(1).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8),
}


@pytest.mark.parametrize("what", EMPTY)
def test_what_holds_nothing_is_not_compared(what: str) -> None:
    assert not is_comparable(EMPTY[what]())


@pytest.mark.parametrize("what", FULL)
def test_what_shows_something_is_compared_also_in_the_dark(what: str) -> None:
    assert is_comparable(FULL[what]())


@pytest.mark.parametrize("size", [(1, 1), (1, 600), (33, 32), (2000, 20)])
def test_a_picture_of_any_size_is_judged(size: tuple[int, int]) -> None:
    assert structure(np.zeros((*size, 3), np.uint8)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("image", "answer"),
    [
        (scene(1), False),
        (scene(1, light=0.3), False),
        (FULL["grey"](), True),
        (compressed(FULL["grey"]()), True),
        (plain((0, 0, 0)), True),
        (plain((20, 20, 200)), False),
    ],
    ids=["a scene", "at dusk", "grey", "grey and compressed", "black", "red"],
)
def test_grey_is_what_has_no_colour(image: Image, answer: bool) -> None:
    assert is_grey(image) is answer
