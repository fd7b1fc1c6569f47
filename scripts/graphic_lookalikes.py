# SPDX-License-Identifier: AGPL-3.0-or-later
"""Red, dark and wet things that are no injury, drawn with the same blending and edges as the stains.

The rule that training teaches: a stain-like thing in a colour of blood counts as blood, whatever it really is, since no
picture can tell it from paint of that colour. What is bright red, of another colour, of a made shape (a flag, a disc,
letters), or fills an object to its own edges (a red shirt) does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from graphic_stains import BLOOD, SIDE, Array, Paint, Random, between, exposed, lay, noise

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class View:
    """A picture (height, width, 3) BGR and what is known of it, all in its own pixels."""

    picture: Array
    things: Array
    """(height, width) uint8: 0, or the number of the thing that covers the pixel (cut out roughly)."""
    persons: tuple[Corners, ...] = ()
    person_things: tuple[int, ...] = ()
    """Numbers in `things` that are persons."""
    faces: tuple[Array, ...] = field(default=())
    """(7, 2) each: both corners of the box, right eye, left eye, nose, right and left corner of the mouth."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.picture.shape[0], self.picture.shape[1]


def bgr(red: float, green: float, blue: float, absorbs: Sequence[float] = (3, 3, 3), wet: float = 0.0) -> Paint:
    """A paint by its colour in the usual order."""
    return Paint((blue, green, red), (absorbs[2], absorbs[1], absorbs[0]), wet)


OTHER: Mapping[str, tuple[Paint, Paint]] = {
    "blue": (bgr(15, 40, 150, (3, 2, 0.8), 0.5), bgr(60, 120, 210)),
    "green": (bgr(20, 90, 30, (3, 1, 3), 0.5), bgr(90, 170, 60)),
    "black": (bgr(12, 12, 14, wet=0.8), bgr(35, 33, 32)),
    "white": (bgr(235, 235, 230), bgr(200, 200, 195)),
    "yellow": (bgr(215, 180, 30, (0.5, 1, 3)), bgr(235, 215, 90)),
    "mud": (bgr(88, 72, 48, (2, 2.3, 2.8), 0.5), bgr(130, 108, 78)),
    "rust": (bgr(165, 85, 35, (0.8, 1.8, 3)), bgr(200, 120, 55)),
    "water": (bgr(45, 45, 48, (0.7, 0.7, 0.6), 1.0), bgr(80, 82, 84, (0.5, 0.5, 0.5), 1.0)),
    "oil": (bgr(22, 18, 14, (2.5, 2.8, 3), 1.0), bgr(40, 34, 22, (2, 2.2, 3), 1.0)),
    "purple": (bgr(75, 10, 75, (1.4, 3, 1.3), 0.4), bgr(110, 30, 120)),
    "bright red": (bgr(225, 25, 28, wet=0.5), bgr(250, 60, 50)),
    "orange": (bgr(235, 90, 25), bgr(245, 130, 40)),
    "pink": (bgr(240, 110, 150), bgr(250, 170, 190)),
    "coffee": (bgr(70, 48, 28, (1.2, 1.8, 2.6)), bgr(105, 76, 46, (1, 1.6, 2.4))),
}
REDS = (bgr(225, 25, 28), bgr(190, 20, 30), bgr(160, 20, 25), bgr(235, 60, 40), bgr(130, 16, 24), bgr(150, 30, 60))


def any_red(random: Random) -> Paint:
    """Any red of cloth, lacquer or fruit: the colours of blood among them."""
    if random.random() < 0.35:
        return between(random, *BLOOD[str(random.choice(("fresh", "dark", "dried")))])
    first, second = (REDS[index] for index in random.integers(0, len(REDS), 2))
    return between(random, first, second)


def placed(stain: Array, size: tuple[int, int], centre: tuple[float, float], spread: tuple[float, float],
           degrees: float) -> Array:  # fmt: skip
    """A stain's density in a picture of `size`, its square `spread` (width, height) pixels large, turned."""
    turn = np.radians(degrees)
    scale = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * (np.array(spread) / SIDE)
    shift = np.array(centre) - scale @ (np.array([SIDE, SIDE]) / 2)
    matrix = np.hstack([scale, shift[:, None]])
    shrinks = min(spread) < SIDE * 0.7
    if shrinks:  # warpAffine jumps over pixels when it shrinks
        factor = max(min(spread) / SIDE, 0.06)
        stain = cv2.resize(stain, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= SIDE / np.array([stain.shape[1], stain.shape[0]])
    return np.asarray(cv2.warpAffine(stain, matrix, size[::-1], flags=cv2.INTER_LINEAR))


def somewhere(view: View, random: Random) -> tuple[float, float]:
    """A place: on a person, on the ground, or anywhere."""
    height, width = view.size
    draw = random.random()
    if view.persons and draw < 0.5:
        x0, y0, x1, y1 = view.persons[int(random.integers(len(view.persons)))]
        return float(random.uniform(x0, x1)), float(random.uniform(y0, y1))
    top = 0.55 if draw < 0.8 else 0.0
    return float(random.uniform(0, width)), float(random.uniform(top, 1) * height)


def soft(mask: Array, random: Random) -> Array:
    """A mask with edges as soft as those of things in pictures."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), random.uniform(0.4, 1.3)))


def cover(view: View, mask: Array, paint: Paint, random: Random) -> Array:
    """The picture with a thing of one colour, its light and folds kept."""
    return lay(view.picture, soft(mask, random), paint, float(random.uniform(0.8, 2.5)), random)


def other_paint(view: View, stains: Sequence[Array], random: Random) -> Array:
    """Splashes, puddles and smears of other substances."""
    picture = view.picture
    paint = between(random, *OTHER[str(random.choice(list(OTHER)))])
    for _ in range(int(random.integers(1, 4))):
        spread = min(view.size) * np.exp(random.uniform(np.log(0.12), np.log(1.2)))
        sides = (spread, spread * random.uniform(0.4, 1))
        stain = stains[int(random.integers(len(stains)))]
        density = placed(stain, view.size, somewhere(view, random), sides, random.uniform(0, 360))
        picture = lay(picture, density, paint, float(random.uniform(0.8, 2.5)), random)
    return picture


def shapes(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """Signs, discs, crosses, tiles, letters."""
    mask = np.zeros(view.size, np.uint8)
    for _ in range(int(random.integers(1, 6))):
        x, y = (int(value) for value in somewhere(view, random))
        size = int(min(view.size) * np.exp(random.uniform(np.log(0.03), np.log(0.5))))
        kind = random.integers(5)
        if kind == 0:
            axes = (size // 2 + 1, int(size * random.uniform(0.3, 0.5)) + 1)
            cv2.ellipse(mask, (x, y), axes, random.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
        elif kind == 1:
            corners = cv2.boxPoints(((x, y), (size, size * random.uniform(0.2, 1)), random.uniform(-20, 20)))
            cv2.fillPoly(mask, [corners.astype(np.int32)], 255, cv2.LINE_AA)
        elif kind == 2:
            points = np.array([x, y]) + random.uniform(-0.7, 0.7, (int(random.integers(3, 6)), 2)) * size
            cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
        elif kind == 3:
            arm = max(size // 6, 1)
            cv2.rectangle(mask, (x - size // 2, y - arm), (x + size // 2, y + arm), 255, -1)
            cv2.rectangle(mask, (x - arm, y - size // 2), (x + arm, y + size // 2), 255, -1)
        else:
            letters = "".join(random.choice(list("ABEHKMNORSTUX27"), int(random.integers(2, 8))))
            cv2.putText(mask, letters, (x, y), int(random.integers(0, 8)), size / 60, 255, max(size // 15, 1))
    return cover(view, mask, any_red(random), random)


def flag(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """Bands of colour on waving cloth."""
    x, y = somewhere(view, random)
    width = min(view.size) * random.uniform(0.15, 0.9)
    rows, columns = np.mgrid[: view.size[0], : view.size[1]].astype(np.float32)
    wave = np.sin((columns - x) / width * random.uniform(3, 14) + random.uniform(0, 6))
    inside = (abs(columns - x) < width / 2) & (abs(rows - y + wave * width * 0.03) < width / 3)
    upright = random.random() < 0.5
    band = ((columns - x) / width + 0.5) * 3 if upright else ((rows - y) / width * 1.5 + 0.5) * 3
    red_band = random.integers(3)
    others = [between(random, *OTHER[str(name)]) for name in random.choice(list(OTHER), 2)]
    picture, paints = view.picture, [any_red(random), *others]
    for number, paint in enumerate(paints):
        mask = (inside & (np.clip(band.astype(int), 0, 2) == (number + red_band) % 3)).astype(np.uint8) * 255
        picture = lay(picture, cv2.GaussianBlur(mask, (0, 0), 0.7), paint, 2.5, random)
    shade = 1 + inside * wave * 0.15
    return np.asarray(np.clip(picture * shade[..., None], 0, 255).astype(np.uint8))


def fruit(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """Round red things with a light side: tomatoes, apples, balls, balloons."""
    picture = view.picture.copy()
    exposure = exposed(view.picture)
    colour = np.array(any_red(random).thick, np.float32) * random.uniform(1, 1.5)
    size = min(view.size) * random.uniform(0.03, 0.16)
    x, y = somewhere(view, random)
    for _ in range(int(random.integers(1, 9))):
        at_x, at_y = x + random.normal(0, size * 2), y + random.normal(0, size * 1.4)
        wide = size * random.uniform(0.85, 1.15)
        left, top = max(int(at_x - wide) - 1, 0), max(int(at_y - wide) - 1, 0)
        here = picture[top : max(int(at_y + wide) + 2, 0), left : max(int(at_x + wide) + 2, 0)]
        rows, columns = np.mgrid[top : top + here.shape[0], left : left + here.shape[1]].astype(np.float32)
        far = np.hypot((columns - at_x) / wide, (rows - at_y) / (wide * random.uniform(0.8, 1.05)))
        light = np.hypot(columns - at_x + wide * 0.35, rows - at_y + wide * 0.4) / wide
        ball = colour * np.clip(1.25 - 0.6 * light, 0.15, 1.3)[..., None]
        ball += 190 * np.exp(-((light / random.uniform(0.12, 0.3)) ** 2))[..., None] * random.uniform(0, 1)
        edge = np.clip((1 - far) * wide / 1.5, 0, 1)[..., None]
        here[:] = np.clip(here * (1 - edge) + ball * exposure * edge, 0, 255).astype(np.uint8)
    return picture


def lights(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """Brake lights, lamps and neon: they add light, mostly at night."""
    dark = view.picture * np.float32(random.uniform(0.15, 1) if random.random() < 0.7 else 1)
    mask = np.zeros(view.size, np.uint8)
    x, y = somewhere(view, random)
    size = min(view.size) * random.uniform(0.015, 0.12)
    if random.random() < 0.3:
        points = np.array([x, y]) + np.cumsum(random.normal(0, size * 2, (8, 2)), axis=0)
        cv2.polylines(mask, [points.astype(np.int32)], False, 255, max(int(size / 3), 1), cv2.LINE_AA)
    for number in range(int(random.integers(1, 7))):
        side = size * (3 + 2 * (number // 2)) * (1 if number % 2 else -1)
        place = (int(x + side), int(y + random.normal(0, size / 4)))
        axes = (int(size) + 1, int(size * random.uniform(0.3, 1)) + 1)
        cv2.ellipse(mask, place, axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
    colour = np.array([random.uniform(10, 90), random.uniform(5, 80), 255], np.float32)
    core = cv2.GaussianBlur(mask, (0, 0), 1.0).astype(np.float32) / 255
    halo = cv2.resize(mask, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    halo = cv2.GaussianBlur(halo, (0, 0), float(np.clip(size / 3, 1, 14))).astype(np.float32) / 255
    halo = cv2.resize(halo, view.size[::-1])
    white = np.array([random.uniform(60, 220)] * 2 + [255], np.float32)
    glow = halo[..., None] * colour * random.uniform(0.4, 1.2) + core[..., None] ** 3 * white
    return np.asarray(np.clip(dark + glow, 0, 255).astype(np.uint8))


def recoloured(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """A thing, a garment or a surface in the picture made red up to its own edges."""
    numbers = [int(number) for number in np.unique(view.things) if number]
    if numbers and random.random() < 0.6:
        number = numbers[int(random.integers(len(numbers)))]
        mask = (view.things == number).astype(np.uint8) * 255
        if number in view.person_things and random.random() < 0.85:
            rows = np.nonzero(mask.any(axis=1))[0]
            low, high = [(0.18, 0.6), (0.5, 0.95), (0.18, 0.95), (0.0, 0.14)][int(random.integers(4))]
            tall = rows[-1] - rows[0] + 1
            mask[: rows[0] + int(low * tall)] = 0
            mask[rows[0] + int(high * tall) :] = 0
    else:
        calm = cv2.blur(view.picture, (5, 5))
        canvas = np.zeros((view.size[0] + 2, view.size[1] + 2), np.uint8)
        step = (int(random.integers(4, 14)),) * 3
        for _ in range(int(random.integers(1, 4))):
            x, y = somewhere(view, random)
            seed = (min(int(x), view.size[1] - 1), min(int(y), view.size[0] - 1))
            cv2.floodFill(calm, canvas, seed, 0, step, step, 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY)
        mask = cv2.medianBlur(canvas[1:-1, 1:-1], 5)
    return cover(view, mask, any_red(random), random)


def lipstick(view: View, stains: Sequence[Array], random: Random) -> Array:
    """Painted lips, and now and then a painted nose, on every face; without a face, something red instead."""
    if not view.faces:
        return recoloured(view, stains, random)
    mask = np.zeros(view.size, np.uint8)
    for face in view.faces:
        right, left = face[5], face[6]
        along = left - right
        wide = float(np.hypot(*along)) * random.uniform(0.5, 0.62)
        axes = (int(wide * 8) + 1, int(wide * random.uniform(0.22, 0.5) * 8) + 1)
        place = (int((right + left)[0] * 4), int((right + left)[1] * 4))
        cv2.ellipse(
            mask, place, axes, float(np.degrees(np.arctan2(along[1], along[0]))), 0, 360, 255, -1, cv2.LINE_AA, 3
        )
        if random.random() < 0.08:
            cv2.circle(mask, (int(face[4, 0]), int(face[4, 1])), int(wide * 0.6) + 1, 255, -1, cv2.LINE_AA)
    paint = any_red(random)
    thin = Paint(paint.thick, (2.0, 2.2, 0.3), random.uniform(0, 0.6))
    return lay(view.picture, soft(mask, random), thin, float(random.uniform(0.4, 2)), random)


def red_light(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """Sunsets, and rooms under red or warm light."""
    rows = np.linspace(0, 1, view.size[0], dtype=np.float32)[:, None, None]
    warm = np.array([random.uniform(0.1, 0.7), random.uniform(0.25, 0.8), random.uniform(1, 1.5)], np.float32)
    if random.random() < 0.5:
        share = np.float32(random.uniform(0.4, 1))
    else:
        share = np.clip(1.2 - rows * random.uniform(0.8, 2.5), 0, 1) * random.uniform(0.5, 1)
    glow = share * np.array([20, 50, 150], np.float32) * random.uniform(0, 1)
    return np.asarray(np.clip(view.picture * (1 - share + share * warm) + glow, 0, 255).astype(np.uint8))


def bricks(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """A wall or floor of bricks or tiles in reddish tones."""
    rows, columns = np.mgrid[: view.size[0], : view.size[1]].astype(np.float32)
    tall = random.uniform(4, 18)
    course = np.floor(rows / tall)
    across = columns / (tall * random.uniform(1.8, 3)) + 0.5 * (course % 2)
    joint = (rows % tall < max(tall * 0.12, 1)) | ((across % 1) < 0.06)
    tone = 1 + 0.2 * np.sin(course * 12.9 + np.floor(across) * 78.2) + 0.08 * noise(random, 40, view.size)
    colour = np.array([random.uniform(35, 70), random.uniform(40, 75), random.uniform(115, 180)], np.float32)
    wall = np.where(joint[..., None], np.float32(130), colour * tone[..., None])
    x, y = somewhere(view, random)
    size = min(view.size) * random.uniform(0.3, 1.4)
    inside = (abs(columns - x) < size / 2) & (abs(rows - y) < size / 2)
    light = exposed(view.picture)
    return np.where(inside[..., None], np.clip(wall * light, 0, 255).astype(np.uint8), view.picture)


def cloth(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """A clean bandage, sheet or towel: pale bands with folds."""
    x, y = somewhere(view, random)
    size = min(view.size) * random.uniform(0.06, 0.5)
    turn = random.uniform(0, 180)
    corners = cv2.boxPoints(((x, y), (size, size * random.uniform(0.25, 0.9)), turn))
    mask = np.zeros(view.size, np.uint8)
    cv2.fillPoly(mask, [corners.astype(np.int32)], 255, cv2.LINE_AA)
    rows, columns = np.mgrid[: view.size[0], : view.size[1]].astype(np.float32)
    along = columns * np.cos(np.radians(turn)) + rows * np.sin(np.radians(turn))
    folds = 1 + 0.1 * np.sin(along / size * random.uniform(10, 60)) + 0.04 * noise(random, 20, view.size)
    light = exposed(view.picture)
    pale = np.array([random.uniform(165, 225), random.uniform(185, 230), random.uniform(195, 235)], np.float32)
    edge = soft(mask, random)[..., None].astype(np.float32) / 255
    result = view.picture * (1 - edge) + pale * folds[..., None] * light * edge
    return np.asarray(np.clip(result, 0, 255).astype(np.uint8))


def turned_hue(view: View, _stains: Sequence[Array], random: Random) -> Array:
    """The whole picture with its hues turned so that something colourful in it becomes red."""
    hsv = cv2.cvtColor(view.picture, cv2.COLOR_BGR2HSV)
    colourful = np.argwhere(hsv[::4, ::4, 1] > 70)
    if not len(colourful):
        return recoloured(view, _stains, random)
    y, x = colourful[int(random.integers(len(colourful)))] * 4
    table = ((np.arange(256) - int(hsv[y, x, 0]) + int(random.integers(-4, 5))) % 180).astype(np.uint8)
    hsv[..., 0] = cv2.LUT(hsv[..., 0], table)
    hsv[..., 1] = cv2.convertScaleAbs(hsv[..., 1], alpha=random.uniform(0.9, 1.5))
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))


LOOKALIKES: Mapping[str, Callable[[View, Sequence[Array], Random], Array]] = {
    "other paint": other_paint, "shapes": shapes, "flag": flag, "fruit": fruit, "lights": lights,
    "recoloured": recoloured, "lipstick": lipstick, "red light": red_light, "bricks": bricks, "cloth": cloth,
    "turned hue": turned_hue,
}  # fmt: skip
