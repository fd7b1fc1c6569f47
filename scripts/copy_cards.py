# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures with little in them, drawn: title cards, test patterns, dark rooms, bare walls, skies, pages of text.

Unrelated videos share such pictures. As vectors of a background set they say how little a likeness to them means.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from copy_edits import FONTS, LETTERS, Picture, Rng

HEIGHT, WIDTH = 216, 320
BARS = np.array(
    [(191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0)], np.uint8
)  # fmt: skip
"""Of the usual colour bars, BGR."""


def _any(rng: Rng, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    blue, green, red = (int(value) for value in rng.integers(low, high, 3))
    return blue, green, red


def _plain(rng: Rng, colour: tuple[int, int, int], noise: float) -> Picture:
    return np.asarray(np.clip(rng.normal(colour, noise, (HEIGHT, WIDTH, 3)), 0, 255), np.uint8)


def _line(rng: Rng, picture: Picture, y: int, scale: float, ink: tuple[int, int, int]) -> None:
    text = "".join(LETTERS[rng.integers(0, 52, rng.integers(4, 16))])
    font = FONTS[rng.integers(len(FONTS))]
    (wide, _), _ = cv2.getTextSize(text, font, scale, 1)
    cv2.putText(picture, text, (max(2, (WIDTH - wide) // 2), y), font, scale, ink, max(1, int(scale * 2)), cv2.LINE_AA)


def title(rng: Rng) -> Picture:
    """A few large words in the middle of one colour."""
    dark = rng.random() < 0.7
    card = _plain(rng, _any(rng, 0, 60) if dark else _any(rng, 190, 256), 1.0)
    ink = (255, 255, 255) if dark else _any(rng, 0, 90)
    for line in range(rng.integers(1, 4)):
        _line(rng, card, int(70 + 45 * line + rng.integers(-10, 10)), rng.uniform(0.5, 1.4), ink)
    return card


def page(rng: Rng) -> Picture:
    """Small lines of text from the top to the bottom."""
    card = np.full((HEIGHT, WIDTH, 3), int(rng.integers(215, 256)), np.uint8)
    step = int(rng.integers(10, 22))
    for y in range(step, HEIGHT, step):
        _line(rng, card, y, step / 34, (20, 20, 20))
    return card


def colour_bars(rng: Rng) -> Picture:
    """Upright bars, with another row of blocks below as often as not."""
    order = BARS if rng.random() < 0.6 else BARS[rng.permutation(7)]
    card = np.asarray(cv2.resize(order[None], (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST), np.uint8)
    if rng.random() < 0.6:
        below = BARS[rng.permutation(7)][None] // np.uint8(rng.integers(1, 4))
        card[int(0.7 * HEIGHT) :] = cv2.resize(
            below, (WIDTH, HEIGHT - int(0.7 * HEIGHT)), interpolation=cv2.INTER_NEAREST
        )
    return card


def chequers(rng: Rng) -> Picture:
    """Squares or rings of two colours."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    size = int(rng.integers(8, 50))
    on = (rows // size + columns // size) % 2
    if rng.random() < 0.3:
        on = (np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2) // size).astype(int) % 2
    return np.asarray(np.array([_any(rng), _any(rng)], np.uint8)[on], np.uint8)


def gradient(rng: Rng) -> Picture:
    """One colour running into another."""
    ends = np.array([[_any(rng), _any(rng)], [_any(rng), _any(rng)]], np.uint8)
    return np.asarray(cv2.resize(ends, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def dark(rng: Rng) -> Picture:
    """Nearly black, with a sensor's noise, sometimes a distant lamp."""
    card = _plain(rng, _any(rng, 2, 26), rng.uniform(2, 12))
    for _lamp in range(rng.integers(0, 4)):
        at = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        cv2.circle(card, at, int(rng.integers(2, 9)), _any(rng, 120, 256), -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(card, (0, 0), rng.uniform(0.5, 3))
    return np.asarray(soft if rng.random() < 0.6 else card, np.uint8)


def wall(rng: Rng) -> Picture:
    """A bare wall: one colour, a shade across, perhaps the line of the floor."""
    shade = np.linspace(rng.uniform(0.6, 1), 1, WIDTH)[None, :, None]
    card = _plain(rng, _any(rng, 90, 230), rng.uniform(1, 6)) * shade
    if rng.random() < 0.5:
        card[int(rng.uniform(0.6, 0.9) * HEIGHT) :] *= rng.uniform(0.4, 0.8)
    return np.asarray(card, np.uint8)


def sky(rng: Rng) -> Picture:
    """Blue or grey above, lighter below, with soft clouds."""
    top, low = np.array((200, 130, 60)) * rng.uniform(0.5, 1.1), np.array((235, 215, 200)) * rng.uniform(0.7, 1.05)
    fade = np.linspace(0, 1, HEIGHT)[:, None, None]
    clouds = cv2.resize(rng.uniform(-1, 1, (int(rng.integers(3, 9)), int(rng.integers(4, 12)))), (WIDTH, HEIGHT))
    return np.asarray(np.clip(top * (1 - fade) + low * fade + 40 * clouds.clip(0)[..., None], 0, 255), np.uint8)


KINDS = (title, title, page, colour_bars, chequers, gradient, dark, wall, sky)


def drawn_cards(rng: Rng, count: int) -> Iterator[Picture]:
    """Cards that say something: titles, pages, bars and patterns, the kinds in turn."""
    kinds = (title, title, page, colour_bars, chequers)
    return (kinds[number % len(kinds)](rng) for number in range(count))


def drawn_background(rng: Rng, count: int) -> Iterator[Picture]:
    """All kinds in turn, one at a time."""
    return (KINDS[number % len(KINDS)](rng) for number in range(count))
