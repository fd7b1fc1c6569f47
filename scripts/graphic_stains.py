# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drawn stains: how thick blood lies where (density), and how a thing of some colour looks on a picture (`lay`).

Nothing here comes from a picture of an injury. A stain is a (SIDE, SIDE) uint8 density, 255 the thickest, made from
noise and ellipses by one of the FAMILIES. Laid on a picture it absorbs light as a film does: green and blue first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Random = np.random.Generator

SIDE = 192


def noise(random: Random, cells: int, shape: tuple[int, int] = (SIDE, SIDE)) -> Array:
    """Smooth noise (height, width), mean 0, deviation about 1, with about `cells` bumps along a side."""
    coarse = random.normal(0, 1, (cells + 3, cells + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)) * 1.3


def fractal(random: Random, cells: int) -> Array:
    """Noise with finer and finer bumps, each octave half as strong."""
    layers = [noise(random, cells * 2**octave) / 2**octave for octave in range(3)]
    return np.asarray(sum(layers[1:], layers[0]) / 1.3)


def ramp(values: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def grid() -> tuple[Array, Array]:
    """Coordinates x and y from -1 to 1."""
    line = np.linspace(-1, 1, SIDE, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return x, y


def as_density(values: Array) -> Array:
    """uint8 density from 0-1, with nothing at the border of the square."""
    x, y = grid()
    inside = ramp(1 - np.maximum(abs(x), abs(y)), 0.0, 0.06)
    return np.asarray(np.clip(values * inside * 255, 0, 255).astype(np.uint8))


def pool(random: Random) -> Array:
    """A puddle with a sharp, wavy edge that dries darker at the rim."""
    x, y = grid()
    field = 0.62 - np.hypot(x, y * random.uniform(1, 1.8)) + fractal(random, 3) * random.uniform(0.08, 0.22)
    body = ramp(field, 0, random.uniform(0.02, 0.12)) * (0.8 + 0.12 * noise(random, 4))
    return as_density(body + 0.3 * np.exp(-((field / 0.05) ** 2)) * (field > 0))


def spatter(random: Random) -> Array:
    """Drops thrown in one direction, many small and few large."""
    canvas = np.zeros((SIDE, SIDE), np.float32)
    heading = random.uniform(0, 2 * np.pi)
    start = np.array([SIDE / 2, SIDE / 2]) - 0.3 * SIDE * np.array([np.cos(heading), np.sin(heading)])
    for _ in range(int(random.integers(15, 130))):
        turn = heading + random.normal(0, random.uniform(0.2, 0.9))
        far = abs(random.normal(0, 0.32)) * SIDE
        centre = start + far * np.array([np.cos(turn), np.sin(turn)])
        radius = min(random.lognormal(0.6, 0.75), 14)
        longer = radius * (1 + random.uniform(0, 1.8) * far / SIDE)
        axes = (max(round(longer * 8), 6), max(round(radius * 8), 6))
        place = (int(centre[0] * 8), int(centre[1] * 8))
        cv2.ellipse(canvas, place, axes, np.degrees(turn), 0, 360, random.uniform(0.6, 1), -1, cv2.LINE_AA, 3)
    return as_density(cv2.GaussianBlur(canvas, (0, 0), random.uniform(0.4, 1.1)))


def streaks(random: Random) -> Array:
    """What a brush or a cloth leaves along x: (SIDE, SIDE) in about 0-1."""
    fine = random.normal(0, 1, (SIDE // 3, 5)).astype(np.float32)
    long = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(0.55 + 0.45 * long, 0, 1.2))


def smear(random: Random) -> Array:
    """A wiped stroke that runs out."""
    x, y = grid()
    wide = random.uniform(0.15, 0.5)
    bent = y + random.uniform(-0.3, 0.3) * x**2 + 0.05 * noise(random, 3)
    across = ramp(1 - abs(bent) / wide, 0, 0.35)
    along = ramp(0.9 - abs(x) + 0.12 * noise(random, 6), 0, 0.2) * ramp(0.95 - x, 0, random.uniform(0.6, 1.9))
    return as_density(across * along * streaks(random))


def runs(random: Random) -> Array:
    """Liquid that runs down from an edge or a blot, each run ending in a drop."""
    canvas = np.zeros((SIDE, SIDE), np.float32)
    top, left, right = (int(SIDE * random.uniform(*share)) for share in ((0.12, 0.3), (0.15, 0.4), (0.6, 0.85)))
    for _ in range(int(random.integers(2, 9))):
        at, thick = random.uniform(left, right), random.uniform(1.5, 7)
        ends = top + random.uniform(0.1, 0.65) * SIDE
        ys = np.arange(top, ends, 4)
        xs = at + np.cumsum(random.normal(0, 0.5, len(ys)))
        line = (np.stack([xs, ys], 1) * 8).astype(np.int32)
        cv2.polylines(canvas, [line], False, random.uniform(0.6, 1), max(round(thick * 0.8), 1), cv2.LINE_AA, 3)
        drop = (int(xs[-1] * 8), int(ends * 8))
        cv2.ellipse(canvas, drop, (int(thick * 5), int(thick * 8)), 0, 0, 360, 1.0, -1, cv2.LINE_AA, 3)
    x, y = grid()
    middle, half = (left + right) / SIDE - 1, (right - left) / SIDE
    blot = 1 - np.hypot((x - middle) / half, (y - 2 * top / SIDE + 1) / random.uniform(0.12, 0.3))
    body = ramp(blot + 0.3 * fractal(random, 4), 0, 0.15) * (0.85 + 0.1 * noise(random, 5))
    return as_density(np.maximum(body, cv2.GaussianBlur(canvas, (0, 0), 0.8)))


def soaked(random: Random) -> Array:
    """What spreads in cloth: soft, weaker to the outside, with a weave."""
    x, y = grid()
    field = 0.7 - np.hypot(x * random.uniform(0.9, 1.4), y) + fractal(random, 2) * random.uniform(0.1, 0.25)
    pitch = random.uniform(50, 90)
    weave = 1 + 0.08 * np.sin(x * pitch) * np.sin(y * pitch)
    return as_density(ramp(field, 0, random.uniform(0.25, 0.7)) * weave * (0.85 + 0.1 * noise(random, 6)))


def patch(random: Random) -> Array:
    """An open place: long, torn at the edge, mottled inside, with a weak surround."""
    x, y = grid()
    field = 0.5 - np.hypot(x, y * random.uniform(1.2, 4)) + fractal(random, 5) * random.uniform(0.08, 0.18)
    core = ramp(field, 0.03, 0.1) * np.clip(0.75 + 0.3 * fractal(random, 9), 0.25, 1)
    return as_density(np.maximum(core, 0.3 * ramp(field, -0.25, 0.1)))


def drops(random: Random) -> Array:
    """A row of round drops, as from something carried."""
    canvas = np.zeros((SIDE, SIDE), np.float32)
    bend = random.uniform(-0.3, 0.3)
    for at in np.sort(random.uniform(-0.85, 0.85, int(random.integers(3, 16)))):
        y = bend * at**2 + random.normal(0, 0.07)
        radius = int(random.lognormal(1.4, 0.5) * 8)
        place = (int((at + 1) / 2 * SIDE * 8), int((y + 1) / 2 * SIDE * 8))
        axes = (radius, int(radius * random.uniform(0.7, 1)))
        cv2.ellipse(canvas, place, axes, random.uniform(0, 180), 0, 360, random.uniform(0.7, 1), -1, cv2.LINE_AA, 3)
    return as_density(cv2.GaussianBlur(canvas, (0, 0), random.uniform(0.5, 1.2)))


def trail(random: Random) -> Array:
    """Drag marks along a curve. Never trained on."""
    x, y = grid()
    bent = y - random.uniform(0.2, 0.6) * np.sin(x * random.uniform(1.2, 3) + random.uniform(0, 6)) * 0.6
    two = abs(abs(bent) - random.uniform(0, 0.2))
    body = ramp(1 - two / random.uniform(0.08, 0.22), 0, 0.5) * ramp(0.95 - abs(x), 0, 0.25)
    return as_density(body * np.clip(streaks(random) + 0.25 * fractal(random, 5), 0, 1.1))


def prints(random: Random) -> Array:
    """Palms with fingers, pressed on. Never trained on."""
    canvas = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(int(random.integers(1, 4))):
        centre = random.uniform(0.25, 0.75, 2) * SIDE
        size, turn = random.uniform(14, 26), random.uniform(0, 2 * np.pi)
        parts = [(0.0, 0.0, 1.0, 0.9)] + [(1.9, side, 0.85, 0.24) for side in (-0.75, -0.25, 0.25, 0.75)]
        for ahead, side, length, wide in parts:
            offset = size * np.array(
                [ahead * np.cos(turn) - side * np.sin(turn), ahead * np.sin(turn) + side * np.cos(turn)]
            )
            place = tuple(int(value * 8) for value in centre + offset)
            axes = (int(length * size * 8), int(wide * size * 8))
            cv2.ellipse(canvas, place, axes, np.degrees(turn), 0, 360, random.uniform(0.6, 1), -1, cv2.LINE_AA, 3)
    return as_density(cv2.GaussianBlur(canvas, (0, 0), 1.2) * np.clip(0.8 + 0.35 * fractal(random, 9), 0, 1.1))


FAMILIES: Mapping[str, Callable[[Random], Array]] = {
    "pool": pool, "spatter": spatter, "smear": smear, "runs": runs, "soaked": soaked, "patch": patch, "drops": drops,
    "trail": trail, "prints": prints,
}  # fmt: skip
HELD_BACK_FAMILIES = frozenset({"trail", "prints"})


@dataclass(frozen=True)
class Paint:
    """How a substance looks.

    `thick` is its colour (BGR, 0-255) where nothing shines through; `absorbs` how fast it takes each channel away.
    """

    thick: tuple[float, float, float]
    absorbs: tuple[float, float, float]
    wet: float = 0.0
    """Strength of highlights, 0 to 1."""


def between(random: Random, first: Paint, second: Paint) -> Paint:
    """Some mixture of two."""
    share = random.uniform()
    thick = tuple(a + share * (b - a) for a, b in zip(first.thick, second.thick, strict=True))
    absorbs = tuple(a + share * (b - a) for a, b in zip(first.absorbs, second.absorbs, strict=True))
    return Paint((thick[0], thick[1], thick[2]), (absorbs[0], absorbs[1], absorbs[2]), first.wet)


BLOOD: Mapping[str, tuple[Paint, Paint]] = {
    "fresh": (Paint((14, 10, 145), (2.8, 3.2, 0.9), 0.7), Paint((8, 4, 110), (3.0, 3.4, 1.3), 0.7)),
    "dark": (Paint((12, 8, 95), (3.0, 3.2, 1.4), 0.5), Paint((8, 6, 55), (3.0, 3.2, 2.0), 0.5)),
    "dried": (Paint((22, 24, 78), (2.6, 2.4, 1.4)), Paint((16, 18, 48), (2.6, 2.6, 2.0))),
    "watery": (Paint((38, 32, 150), (1.2, 1.4, 0.35), 0.4), Paint((34, 28, 115), (1.4, 1.6, 0.55), 0.4)),
    "clotted": (Paint((18, 12, 72), (3.0, 3.0, 1.7), 0.2), Paint((14, 10, 100), (3.0, 3.2, 1.0), 0.2)),
}
"""Ranges from fresh (140, 10, 15 in RGB) to brown-black; thin films shine red on what is light below."""
HELD_BACK_BLOOD = frozenset({"clotted"})


def lay(picture: Array, density: Array, paint: Paint, strength: float, random: Random) -> Array:
    """The picture (height, width, 3) uint8 with a substance on it where `density` (height, width) uint8 says.

    The film takes light away by channel, its own colour comes back under the light of the place, and the surface's
    fine structure stays. Wet films get highlights on the side of one light.
    """
    steps = np.arange(256, dtype=np.float32) / 255 * strength
    through = np.exp(-steps[:, None] * np.array(paint.absorbs, np.float32))
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    soft = cv2.blur(grey, (15, 15)).astype(np.float32) + 8
    exposure = exposed(grey)
    light = exposure * np.clip(0.55 + 0.45 * soft / (cv2.mean(soft)[0] + 1), 0.4, 1.3) * np.sqrt((grey + 8.0) / soft)
    own = (255 * (1 - through) * np.array(paint.thick, np.float32) / 255).astype(np.float32)
    film = cv2.LUT(cv2.merge([density] * 3), through[None].astype(np.float32))
    back = cv2.LUT(cv2.merge([density] * 3), own[None])
    result = picture * film + back * light[..., None].astype(np.float32)
    if paint.wet and random.random() < 0.6:
        shine = relief(density, random) * (paint.wet * random.uniform(60, 220) * exposure)
        result += shine[..., None]
    return np.asarray(np.clip(result, 0, 255).astype(np.uint8))


def exposed(picture: Array) -> float:
    """How much light a picture (height, width) or (height, width, 3) was given, 1 for an ordinary day."""
    channels = 1 if picture.ndim == 2 else 3
    return min(sum(cv2.mean(picture)[:channels]) / channels / 105, 1.25)


def strongest(picture: Array) -> Array:
    """The largest channel of each pixel; several times as fast as numpy's maximum along the last axis."""
    blue, green, red = cv2.split(picture)
    return np.asarray(cv2.max(cv2.max(blue, green), red))


def relief(density: Array, random: Random) -> Array:
    """Highlights, 0 to 1, where the film's surface turns to a light from one side; only where it is thick."""
    turn = random.uniform(0, 2 * np.pi)
    bumpy = cv2.GaussianBlur(density, (0, 0), 1.5).astype(np.float32) / 255
    bumpy += 0.15 * noise(random, 28, density.shape[:2])
    slope = np.cos(turn) * cv2.Sobel(bumpy, -1, 1, 0) + np.sin(turn) * cv2.Sobel(bumpy, -1, 0, 1)
    return np.asarray(np.clip(slope * 2 - random.uniform(0.5, 1.2), 0, 1) * (density > 150))


def banked(folder_seed: int, each: int) -> dict[str, list[Array]]:
    """`each` stains of every family, the same for the same seed."""
    random = np.random.default_rng(folder_seed)
    return {name: [draw(random) for _ in range(each)] for name, draw in FAMILIES.items()}
