# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ordinary pictures with drawn stains and look-alikes on them, and what is then true of them: where, and which grade.

Grades: 0 nothing seen; 1 a little (less than 0.5 % of the picture, or weak); 2 clearly visible; 3 a lot (4 % of the
picture or more, or a fifth of a face, or 15 % of a person's box).

Pictures for training, for tuning and for measuring are apart by the hash of their names; whole sets of pictures, two
stain families, one palette and all seeds besides are kept for measuring.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from graphic_lookalikes import LOOKALIKES, Corners, View, placed, somewhere
from graphic_stains import (
    BLOOD,
    HELD_BACK_BLOOD,
    HELD_BACK_FAMILIES,
    Array,
    Paint,
    Random,
    banked,
    between,
    lay,
    strongest,
)

CELL = 4
"""The net's mask has one cell for 4 x 4 pixels of its input."""
CELL_SHARE = 0.15
"""Share of a cell that a visible stain must cover for the cell to count: the mask is meant to be a little wide."""
VISIBLE = 20
"""Least change, of 255 levels, by which a stain counts as visible."""
LEAST_SHARE, LITTLE, MUCH = 0.0002, 0.005, 0.04
FACE_MUCH, PERSON_MUCH = 0.20, 0.15
WEAK = 28
GREY = 114

Seeds = Literal["train", "tune", "held"]
SEEDS: dict[Seeds, int] = {"train": 1, "tune": 2, "held": 3}


@dataclass(frozen=True)
class Scene:
    """A picture (height, width, 3) BGR and what is true of it."""

    picture: Array
    mask: Array
    """(height / 4, width / 4) uint8, 1 where a stain is."""
    grade: int
    tags: tuple[str, ...] = ()
    """What was drawn and done: `family:`, `blood:`, `like:` and `state:` names."""


class Stains:
    """The drawn stains and palettes of one part; `held` has families and a palette that training never saw."""

    def __init__(self, part: Seeds, each: int) -> None:
        """Draw the bank: a few seconds for `each` of 60."""
        bank = banked(SEEDS[part], each)
        self.families = {
            name: stains for name, stains in bank.items() if part == "held" or name not in HELD_BACK_FAMILIES
        }
        self.bloods = [name for name in BLOOD if part == "held" or name not in HELD_BACK_BLOOD]
        self.all = [stain for stains in self.families.values() for stain in stains]

    def only(self, family: str) -> Stains:
        """The same with one family."""
        chosen = copy.copy(self)
        chosen.families = {family: self.families[family]}
        return chosen


def blank(view: View) -> Array:
    """No density anywhere."""
    return np.zeros(view.size, np.uint8)


def kept_to_surface(view: View, density: Array, random: Random) -> Array:
    """The stain only where the picture has about the colour that it has in the stain's middle: it ends at edges."""
    moments = cv2.moments(density)
    if not moments["m00"]:
        return density
    x, y = int(moments["m10"] / moments["m00"]), int(moments["m01"] / moments["m00"])
    calm = cv2.blur(view.picture, (5, 5))
    far = strongest(cv2.absdiff(calm, np.broadcast_to(calm[y, x], calm.shape).copy()))
    near = np.clip(2 - np.arange(256) / random.uniform(25, 60), 0, 1) * 255
    return np.asarray(cv2.multiply(density, cv2.LUT(far, near.astype(np.uint8)), scale=1 / 255))


def kept_to_thing(view: View, density: Array) -> Array:
    """The stain only on the person that most of it lies on, if it lies on one."""
    counts = np.bincount(view.things[density > 40], minlength=256)[:256]
    number = max(view.person_things, key=lambda one: int(counts[one]), default=0)
    if not number or counts[number] < 0.3 * counts.sum():
        return density
    inside = cv2.GaussianBlur((view.things == number).astype(np.uint8) * 255, (0, 0), 0.8)
    return np.asarray(cv2.multiply(density, inside, scale=1 / 255))


def stain_once(view: View, stains: Stains, family: str, random: Random) -> Array:
    """Density of one stain somewhere in a picture, as its family lies: pools flat, runs upright."""
    bank = stains.families[family]
    stain = bank[int(random.integers(len(bank)))]
    if random.random() < 0.5:
        stain = np.ascontiguousarray(stain[:, ::-1])
    spread = min(view.size) * float(np.exp(random.uniform(np.log(0.07), np.log(1.5))))
    flat = (
        random.uniform(0.25, 0.7) if family in ("pool", "drops") and random.random() < 0.6 else random.uniform(0.7, 1)
    )
    degrees = (
        random.uniform(-12, 12)
        if family == "runs"
        else random.uniform(0, 360)
        if flat > 0.7
        else random.uniform(-15, 15)
    )
    density = placed(stain, view.size, somewhere(view, random), (spread, spread * flat), degrees)
    draw = random.random()
    if draw < 0.3:
        return kept_to_surface(view, density, random)
    return kept_to_thing(view, density) if draw < 0.7 else density


def blood_once(stains: Stains, random: Random) -> tuple[str, Paint]:
    """A palette's name and a colour of it."""
    name = str(random.choice(stains.bloods))
    return name, between(random, *BLOOD[name])


def stained(view: View, stains: Stains, random: Random) -> tuple[Array, tuple[str, ...]]:
    """The picture with one to four stains of one or two families and one palette."""
    picture, tags = view.picture, set[str]()
    blood, paint = blood_once(stains, random)
    families = random.choice(list(stains.families), int(random.integers(1, 3)))
    strength = float(np.exp(random.uniform(np.log(0.7), np.log(3.2))))
    for _ in range(int(random.integers(1, 5))):
        family = str(random.choice(families))
        density = stain_once(replace(view, picture=picture), stains, family, random)
        picture = lay(picture, density, paint, strength, random)
        tags.add(f"family:{family}")
    return picture, (*sorted(tags), f"blood:{blood}")


@dataclass(frozen=True)
class State:
    """What the camera and the file do to a scene."""

    grey: bool = False
    gain: float = 1.0
    noise: float = 0.0
    lines: int = 0
    """Height in pixels that the picture is shrunk to before it is seen; 0: not."""
    blur: int = 0
    quality: int = 0
    """JPEG quality; 0: not compressed."""
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def tags(self) -> tuple[str, ...]:
        """The conditions that figures are given for."""
        named = {"grey": self.grey, "dark": self.gain < 0.5, "240p": 0 < self.lines <= 160}
        return tuple(f"state:{name}" for name, is_so in named.items() if is_so) or ("state:plain",)


def drawn_state(random: Random, is_grey: bool) -> State:
    """Everyday conditions: half of the pictures compressed, some dark, small, blurred, tinted or grey."""
    dark = random.random() < 0.15
    return State(
        grey=is_grey or random.random() < 0.04,
        gain=random.uniform(0.25, 0.55) if dark else random.uniform(0.7, 1.2),
        noise=random.uniform(2, 9) if dark else max(random.uniform(-6, 4), 0),
        lines=int(random.integers(90, 200)) if random.random() < 0.2 else 0,
        blur=int(random.choice((3, 5))) if random.random() < 0.1 else 0,
        quality=int(random.integers(12, 80)) if random.random() < 0.55 else 0,
        cast=(random.uniform(0.8, 1.12), random.uniform(0.92, 1.06), random.uniform(0.88, 1.12)),
    )


def seen(picture: Array, state: State, random: Random) -> Array:
    """The picture as the file holds it."""
    height, width = picture.shape[:2]
    result = picture * (np.array(state.cast, np.float32) * state.gain)
    if state.grey:
        result = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if state.noise:
        channels = 1 if state.grey or random.random() < 0.5 else 3
        result = result + state.noise * random.standard_normal((height, width, channels), np.float32)
    image = np.clip(result, 0, 255).astype(np.uint8)
    if state.blur:
        image = cv2.blur(image, (state.blur, int(random.choice((1, state.blur)))))
    if state.lines and state.lines < height:
        small = cv2.resize(image, (width * state.lines // height, state.lines), interpolation=cv2.INTER_AREA)
        if state.quality:
            small = recompressed(small, state.quality)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    return recompressed(image, state.quality) if state.quality else image


def recompressed(image: Array, quality: int) -> Array:
    """Saved and reloaded as a JPEG."""
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def truth(before: Array, after: Array, view: View, state: State) -> tuple[Array, int]:
    """Mask in cells, and grade, from the picture without and with stains: what the state leaves visible counts."""
    if state.grey:
        changed = cv2.absdiff(cv2.cvtColor(before, cv2.COLOR_BGR2GRAY), cv2.cvtColor(after, cv2.COLOR_BGR2GRAY))
    else:
        changed = strongest(cv2.absdiff(before, after))
    visible = (changed * min(state.gain, 1.0) > VISIBLE * (0.6 if state.gain < 0.5 else 1)).astype(np.uint8)
    height, width = visible.shape
    shares = cv2.resize(visible.astype(np.float32), (width // CELL, height // CELL), interpolation=cv2.INTER_AREA)
    mask = (shares >= CELL_SHARE).astype(np.uint8)
    share = float(visible.mean())
    if share < LEAST_SHARE:
        return mask, 0
    weak = float(changed[visible > 0].mean()) * min(state.gain, 1.0) < WEAK
    if share >= MUCH or is_much_covered(visible, view):
        return mask, 2 if weak else 3
    return mask, 1 if share < LITTLE or weak else 2


def is_much_covered(visible: Array, view: View) -> bool:
    """Whether a fifth of a face, or 15 % of a person's box that is not tiny, is covered."""
    boxes = [(box, PERSON_MUCH) for box in view.persons]
    boxes += [((*face[0], *face[1]), FACE_MUCH) for face in view.faces]
    for (x0, y0, x1, y1), much in boxes:
        inside = visible[max(int(y0), 0) : max(int(y1), 0), max(int(x0), 0) : max(int(x1), 0)]
        if inside.size > 0.008 * visible.size and float(inside.mean()) >= much:
            return True
    return False


def window(view: View, size: tuple[int, int], random: Random) -> View:
    """A random part of a picture, perhaps mirrored, at `size` (height, width), now and then with grey bars."""
    height, width = view.size
    share = random.uniform(0.45, 1) if random.random() < 0.75 else 1.0
    aspect = size[1] / size[0] * np.exp(random.uniform(-0.12, 0.12))
    tall = min(height, width / aspect) * share
    wide = tall * aspect
    left, top = random.uniform(0, width - wide + 1e-6), random.uniform(0, height - tall + 1e-6)
    bars = int(random.integers(1, 16)) if random.random() < 0.25 else 0
    inner = (size[0] - 2 * bars, size[1])
    scale = np.array([inner[1] / wide, inner[0] / tall])
    rows, columns = slice(int(top), int(top + tall) or 1), slice(int(left), int(left + wide) or 1)
    picture = cv2.resize(view.picture[rows, columns], inner[::-1], interpolation=cv2.INTER_AREA)
    things = cv2.resize(view.things[rows, columns], inner[::-1], interpolation=cv2.INTER_NEAREST)
    corner = np.array([left, top])
    persons = [(np.array(box).reshape(2, 2) - corner) * scale for box in view.persons]
    faces = [(face - corner) * scale for face in view.faces]
    if random.random() < 0.5:
        picture, things = picture[:, ::-1], things[:, ::-1]
        persons = [(box * (-1, 1) + (inner[1], 0))[[1, 0]][:, [0, 1]] for box in persons]
        persons = [np.stack([box.min(axis=0), box.max(axis=0)]) for box in persons]
        faces = [mirrored(face, inner[1]) for face in faces]
    limit = np.array([inner[1], inner[0]])
    shift = np.array([0, bars])
    boxes: list[Corners] = []
    for box in persons:
        (x0, y0), (x1, y1) = np.clip(box, 0, limit) + shift
        if (x1 - x0) * (y1 - y0) > 0.004 * inner[0] * inner[1]:
            boxes.append((float(x0), float(y0), float(x1), float(y1)))
    shown = tuple(face + shift for face in faces if (face[2:] > 0).all() and (face[2:] < limit).all())
    picture = cv2.copyMakeBorder(picture, bars, bars, 0, 0, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    things = cv2.copyMakeBorder(things, bars, bars, 0, 0, cv2.BORDER_CONSTANT, value=0)
    return View(np.ascontiguousarray(picture), np.ascontiguousarray(things), tuple(boxes), view.person_things, shown)


def mirrored(face: Array, width: int) -> Array:
    """A face's points in the mirrored picture."""
    turned = face * (-1, 1) + (width, 0)
    box = np.stack([turned[:2].min(axis=0), turned[:2].max(axis=0)])
    return np.concatenate([box, turned[[3, 2, 4, 6, 5]]])


def scene(view: View, stains: Stains, random: Random, *, bloody: bool, likes: Sequence[str],
          state: State) -> Scene:  # fmt: skip
    """Draw one scene on a view: the named look-alikes first, then stains if `bloody`, then the camera's state."""
    tags = tuple(f"like:{name}" for name in likes)
    for name in likes:
        view = replace(view, picture=LOOKALIKES[name](view, stains.all, random))
    after, what = stained(view, stains, random) if bloody else (view.picture, ())
    mask, grade = truth(view.picture, after, view, state)
    return Scene(seen(after, state, random), mask, grade, (*tags, *what, *state.tags))


def is_colourless(picture: Array) -> bool:
    """Whether all three channels are about the same everywhere, so that colour on it would give it away."""
    return bool(np.ptp(picture.astype(np.int16), axis=2).max() < 6)


def drawn_scene(view: View, stains: Stains, random: Random, size: tuple[int, int], share: float = 0.5) -> Scene:
    """One scene: a share of them with stains; look-alikes in two thirds of the others and in some of these."""
    part = window(view, size, random)
    is_grey = is_colourless(part.picture[::8, ::8])
    bloody = bool(random.random() < share)
    count = int(random.random() < (0.4 if bloody else 0.65)) + int(random.random() < 0.15)
    likes = [str(name) for name in random.choice(list(LOOKALIKES), count, replace=False)]
    return scene(part, stains, random, bloody=bloody, likes=likes, state=drawn_state(random, is_grey))
