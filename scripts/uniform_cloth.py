# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cloth drawn by arithmetic: camouflage of many kinds, ordinary prints, plain dyes, and how they are put onto a person.

No pattern here copies one that any force wears: palettes and shapes are drawn at random around what such patterns have
in common (muted colours, interlocking patches), so that a net learns the principle. Ordinary prints (stripes, checks,
dots, flowers, spotted fur) and plain dyes in the same muted colours are the look-alikes.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from eval_objects import Array

TILE_PX = 256
# Typical colours (hue 0-180, saturation, value 0-255, as OpenCV has them) that patches scatter around.
GROUNDS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "woodland": ((38, 90, 90), (50, 80, 60), (14, 110, 70), (30, 60, 35), (22, 70, 130)),
    "desert": ((18, 70, 200), (14, 90, 160), (12, 90, 110), (20, 50, 220)),
    "dry": ((22, 80, 150), (30, 90, 110), (14, 100, 90), (20, 50, 60), (20, 60, 180)),
    "grey": ((0, 8, 170), (0, 10, 120), (110, 20, 80), (0, 10, 45)),
    "sea": ((108, 90, 110), (112, 110, 70), (105, 60, 150), (115, 60, 40)),
    "snow": ((0, 5, 235), (0, 8, 190), (90, 20, 140), (40, 40, 110)),
}
GROUND_SHARES = (0.40, 0.17, 0.20, 0.09, 0.09, 0.05)
DYES = (
    (40, 90, 75),
    (34, 80, 110),
    (20, 90, 150),
    (14, 60, 110),
    (110, 110, 60),
    (105, 100, 190),
    (0, 0, 235),
    (0, 0, 110),
    (0, 0, 35),
)
"""Olive, green, khaki, brown, navy, light blue, white, grey, black: what plain uniforms and plain shirts share."""


def noise(shape: tuple[int, int], cell: tuple[float, float], generator: np.random.Generator) -> Array:
    """Smooth noise around 0 with features of about `cell` (rows, columns) pixels."""
    grid = [max(2, round(side / size) + 2) for side, size in zip(shape, cell, strict=True)]
    coarse = generator.standard_normal(grid).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC))


def scattered(colour: tuple[int, int, int], generator: np.random.Generator, spread: float = 1.0) -> Array:
    """A BGR colour near one in HSV."""
    hue = (colour[0] + generator.normal(0, 5 * spread)) % 180
    saturation, value = (np.clip(part + generator.normal(0, 22 * spread), 0, 255) for part in colour[1:])
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32))


def painted(levels: Array, colours: list[Array]) -> Array:
    """(h, w, 3) float of the colours that an (h, w) array of whole numbers names."""
    return np.stack(colours)[levels]


def palette(generator: np.random.Generator) -> list[Array]:
    """Three to five muted colours that belong together, in any order."""
    ground = list(GROUNDS.values())[generator.choice(len(GROUNDS), p=GROUND_SHARES)]
    chosen = generator.permutation(len(ground))[: generator.integers(3, len(ground) + 1)]
    return [scattered(ground[index], generator) for index in chosen]


def patches(generator: np.random.Generator, digital: bool = False) -> Array:
    """Interlocking patches of several sizes; `digital`: made of squares. Some lie down, as brush strokes do."""
    step = int(generator.integers(3, 9)) if digital else 1
    side = TILE_PX // step
    cell = generator.uniform(14, 60) / step
    stretch = generator.choice((1.0, 1.0, 1.7, 3.0))
    colours = palette(generator)
    levels = np.zeros((side, side), np.int64)
    for layer in range(1, len(colours)):
        wave = noise((side, side), (cell, cell * stretch), generator)
        wave += generator.uniform(0.2, 0.8) * noise((side, side), (cell / 3, cell * stretch / 3), generator)
        levels[wave > np.quantile(wave, 1 - generator.uniform(0.15, 0.45))] = layer
    cloth: Array = painted(levels, colours).astype(np.float32)
    if step > 1:
        cloth = np.asarray(cv2.resize(cloth, None, fx=step, fy=step, interpolation=cv2.INTER_NEAREST), np.float32)
    return np.asarray(cv2.resize(cloth, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA))


def squares(generator: np.random.Generator) -> Array:
    """Patches made of squares."""
    return patches(generator, digital=True)


def flecks(generator: np.random.Generator) -> Array:
    """Many small spots that crowd in places."""
    colours = palette(generator)
    levels = np.zeros((TILE_PX, TILE_PX), np.int64)
    fine = generator.uniform(5, 12)
    for layer in range(1, len(colours)):
        crowd = noise((TILE_PX, TILE_PX), (50, 50), generator) * 0.6
        wave = noise((TILE_PX, TILE_PX), (fine, fine), generator) + crowd
        levels[wave > np.quantile(wave, 1 - generator.uniform(0.2, 0.35))] = layer
    return painted(levels, colours)


def blended(generator: np.random.Generator) -> Array:
    """Soft gradients of ground colours with small hard twigs over them."""
    colours = palette(generator)
    weight = noise((TILE_PX, TILE_PX), (70, 50), generator)
    weight = ((weight - weight.min()) / np.ptp(weight))[..., None]
    cloth = colours[0] * weight + colours[1] * (1 - weight)
    for colour in colours[2:]:
        cell = generator.uniform(9, 26)
        wave = noise((TILE_PX, TILE_PX), (cell / 2, cell), generator)
        cloth[wave > np.quantile(wave, generator.uniform(0.8, 0.92))] = colour
    return np.asarray(cloth)


def stripes(generator: np.random.Generator) -> Array:
    """Stripes or checks in any two or three colours."""
    colours = [generator.uniform(10, 245, 3) for _ in range(3)]
    period, wide = generator.uniform(8, 50), generator.uniform(0.2, 0.6)
    rows, columns = ((np.indices((TILE_PX, TILE_PX)) / period % 1) < wide).astype(np.int64)
    kind = generator.integers(3)
    levels = rows if kind == 0 else columns if kind == 1 else rows + columns
    return painted(levels, colours)


def blossoms(generator: np.random.Generator) -> Array:
    """Round spots, crowded or loose, in lively colours on any ground; large ones look like flowers, small like dots."""
    cloth = np.empty((TILE_PX, TILE_PX, 3), np.float32)
    cloth[:] = generator.uniform(0, 255, 3)
    colours = [scattered((int(generator.integers(180)), 190, 200), generator) for _ in range(3)]
    size = generator.uniform(3, 16)
    for x, y in generator.uniform(0, TILE_PX, (int(6000 / size**1.6), 2)):
        colour = colours[generator.integers(3)].tolist()
        cv2.circle(cloth, (round(x), round(y)), max(1, round(size * generator.uniform(0.6, 1.2))), colour, -1)
    return cloth


def fur(generator: np.random.Generator) -> Array:
    """Dark rings and spots on tan, as a leopard print has: muted and patchy, and no camouflage."""
    wave = noise((TILE_PX, TILE_PX), (generator.uniform(8, 16),) * 2, generator)
    low, high = np.quantile(wave, (0.62, 0.8))
    levels = np.where((wave > low) & (wave < high), 2, np.where(wave >= high, 1, 0))
    colours = [
        scattered((16, 120, 200), generator),
        scattered((13, 140, 140), generator),
        scattered((10, 80, 35), generator),
    ]
    return painted(levels, colours)


CAMOUFLAGE: tuple[Callable[[np.random.Generator], Array], ...] = (patches, patches, squares, flecks, blended)
PRINTS: tuple[Callable[[np.random.Generator], Array], ...] = (stripes, blossoms, fur)


def plain(generator: np.random.Generator) -> Array:
    """One dye of those that uniforms and ordinary clothes share, or now and then any other."""
    dye = DYES[generator.integers(len(DYES))]
    if generator.random() < 0.25:
        dye = (int(generator.integers(180)), int(generator.integers(60, 230)), int(generator.integers(40, 240)))
    return np.full((TILE_PX, TILE_PX, 3), scattered(dye, generator), np.float32)


def dressed(image: Array, cloth: Array, tile: Array, generator: np.random.Generator) -> Array:
    """The picture with a tile's cloth where `cloth` (h, w, bool) is true; folds and light stay as they were."""
    ys, xs = np.nonzero(cloth)
    if len(ys) < 60:
        return image
    width = int(xs.max() - xs.min() + 1)
    # A tile covers one to three times the body's width, so that patches are about as large on it as real ones.
    scale = generator.uniform(0.9, 2.6) * width / TILE_PX
    turned = tile[:: generator.choice((-1, 1)), :: generator.choice((-1, 1))]
    small = cv2.resize(
        turned, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    repeats = [-(-side // part) + 1 for side, part in zip(image.shape[:2], small.shape[:2], strict=True)]
    top, left = (int(generator.integers(part)) for part in small.shape[:2])
    wide = np.tile(small, (*repeats, 1))[top : top + image.shape[0], left : left + image.shape[1]]
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    own = float(np.median(luma[cloth]))
    # Folds are the difference from the mean of the surroundings; a dark coat has few, which is then true of the copy.
    folds = np.clip((luma + 12) / (own + 12), 0.35, 2.0) ** generator.uniform(0.4, 0.9)
    light = np.clip((own + 60) / 180, 0.55, 1.25) ** generator.uniform(0.2, 1.0)
    drawn = np.clip(wide * (folds * light)[..., None], 0, 255)
    soft = cv2.GaussianBlur(cloth.astype(np.float32), (3, 3), 0)[..., None]
    return np.asarray((image * (1 - soft) + drawn * soft).astype(np.uint8))


def geared(image: Array, cloth: Array, head: tuple[float, float, float], generator: np.random.Generator) -> Array:
    """A vest with rows of pouches drawn over the chest, and most times a helmet: crude, but it lies where gear lies."""
    out = image.copy()
    x, y, radius = head
    rows = np.nonzero(cloth.any(axis=1))[0]
    if len(rows) < 20:
        return image
    top = max(int(rows[0]), round(y + 1.1 * radius))
    bottom = min(top + round(3.6 * radius), int(rows[-1]))
    half = 1.35 * radius
    dye = scattered(DYES[generator.choice((0, 1, 2, 3, 7, 8))], generator)
    layer = np.full(image.shape, dye, np.float32)
    area = np.zeros(image.shape[:2], np.uint8)
    cv2.rectangle(area, (round(x - half), top), (round(x + half), bottom), 1, -1)
    pouch = max(3, round(radius * generator.uniform(0.45, 0.8)))
    for place_y in range(top + pouch, bottom - pouch // 2, round(pouch * 1.6) + 1):
        for place_x in range(round(x - half) + 1, round(x + half) - pouch // 2, pouch + 2):
            shade = (dye * generator.uniform(0.65, 1.15)).tolist()
            cv2.rectangle(layer, (place_x, place_y), (place_x + pouch, place_y + round(pouch * 1.4)), shade, -1)
            cv2.rectangle(
                layer, (place_x, place_y), (place_x + pouch, place_y + round(pouch * 1.4)), (dye * 0.4).tolist(), 1
            )
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    inside = (area > 0) & cloth
    if inside.any():
        folds = np.clip((luma + 25) / (float(np.median(luma[inside])) + 25), 0.5, 1.6)
        out[inside] = np.clip(layer * folds[..., None], 0, 255).astype(np.uint8)[inside]
    if generator.random() < 0.7:
        centre = (round(x), round(y - 0.35 * radius))
        axes = (max(1, round(1.15 * radius)), max(1, round(1.0 * radius)))
        cv2.ellipse(out, centre, axes, 0, 180, 360, (dye * generator.uniform(0.7, 1.2)).clip(0, 255).tolist(), -1)
        cv2.ellipse(out, centre, axes, 0, 180, 360, (dye * 0.5).tolist(), 1)
    return out
