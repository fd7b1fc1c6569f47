# SPDX-License-Identifier: AGPL-3.0-or-later
"""Training scenes for the `person, weapon, face` detector, composed anew for every step from the stored pictures.

All labelled weapons are grey. So that colour does not come to mean "no weapon", colour pictures are turned grey nearly
half of the time, grey ones are tinted, cut-outs of weapons are pasted onto colour pictures of people, and every
disturbance (tilt, stretch, noise, dark, compression) is drawn alike for both kinds. So that "pasted" does not come to
mean "weapon", harmless things are pasted in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from eval_objects import FACE, PERSON, WEAPON, Array, read_picture, salt_and_pepper, tinted, warp
from torch.utils.data import Dataset, Sampler

SHARES = {"weapons": 0.42, "natural": 0.19, "coco": 0.12, "clip": 0.06, "uniform": 0.05, "face": 0.12, "pose": 0.04}
"""How often each source gives a scene's first picture."""
SIDES = (352, 384, 416, 480, 544)
SIDE_ODDS = (0.2, 0.3, 0.3, 0.12, 0.08)
"""Smaller than the pictures are shown to the finished net: what is too large is cropped, which is cheaper."""
MOSAIC, GREY, TINT = 0.5, 0.45, 0.5
PASTE_WEAPON, PASTE_HARMLESS = 0.33, 0.3
SMALLEST_FACE_PX, SMALLEST_PX = 8, 6
LEAST_VISIBLE = 0.3
CALM_GREY = 0.25
PAD = 114
CLOSEST = 1.7
"""How much a picture is enlarged at most."""
CLOSE_UP, CLOSE_UP_FACE = 0.12, 0.7
"""How often a picture that shows a face is cut to what is around that face; and one of the set of faces."""
CLOSE_UP_SHARES = (0.9, 3.5)
"""How long the cut is, in lengths of the face: at the least, it is not quite whole."""
SMALLEST_CLOSE_UP_PX = 32
Generator = np.random.Generator
Region = tuple[int, int, int, int]


@dataclass
class Tile:
    """A picture (BGR uint8) on its way into a scene, with its rows `class, x1, y1, x2, y2` in pixels."""

    image: Array
    boxes: Array
    ignored: Array
    coloured: bool
    filled: tuple[int, int, int, int] | None = None
    """Of a scene with grey borders: the part `x1, y1, x2, y2` that is picture."""


def grey(picture: Array) -> Array:
    """Replace the three channels of a BGR picture by its luma."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def half_size(picture: Array) -> Array:
    """A copy with a longest side of 320 px, or the picture itself where it is not larger."""
    scale = 320 / max(picture.shape[:2])
    return (
        np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        if scale < 1
        else picture
    )


def scaled(rows: Array, x: float, y: float) -> Array:
    """Rows with their corners multiplied."""
    return np.hstack([rows[:, :1], rows[:, 1:5] * np.array([x, y, x, y])])


class Scenes(Dataset[dict[str, Any]]):
    """Scene number n of side s, the same for the same (n, s): the item key is that pair."""

    def __init__(self, root: Path, part: str, seed: int = 0) -> None:
        """Read every picture and cut-out into memory."""
        rows = json.loads((root / f"{part}.json").read_text())
        self.pictures = [read_picture(root / part / row["file"]) for row in rows]
        # Pictures of a mosaic are shown small: what they go through need not be done at full size.
        self.halves = [half_size(one) for one in self.pictures]
        self.boxes = [np.array(row["boxes"], float).reshape(-1, 5) for row in rows]
        self.ignored = [np.array(row["ignored"], float).reshape(-1, 5) for row in rows]
        self.sources = [row["source"] for row in rows]
        self.of_source = {
            name: np.array([index for index, source in enumerate(self.sources) if source == name]) for name in SHARES
        }
        self.cuts = {
            kind: [
                np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)) for path in sorted((root / kind).glob("*.png"))
            ]
            for kind in ("cuts_armed", "cuts_harmless")
        }
        self.seed = seed

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        """One scene as an RGB tensor (3, side, side) uint8 with its rows in shares of the side."""
        number, side = key
        draw = np.random.default_rng([self.seed, number])
        mosaic = draw.random() < MOSAIC
        stock = self.halves if mosaic else self.pictures
        picked = [self.pick(draw) for _ in range(4 if mosaic else 1)]
        tiles = [self.tile(stock, index, draw) for index in picked]
        scene = self.mosaic(tiles, side, draw) if mosaic else self.single(tiles[0], side, draw)
        picture, calm = disturb(scene.image, draw)
        if scene.filled:
            # A letterbox's border stays clean, whatever the footage went through.
            x1, y1, x2, y2 = scene.filled
            inner, picture = picture[y1:y2, x1:x2], np.full_like(picture, PAD)
            picture[y1:y2, x1:x2] = inner
        boxes, ignored = settle(scene, side)
        return {
            "img": torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1))),
            "boxes": torch.from_numpy(scaled(boxes, 1 / side, 1 / side)).float(),
            "ignored": torch.from_numpy(scaled(ignored, 1 / side, 1 / side)).float(),
            "calm": calm and (scene.coloured or draw.random() < CALM_GREY),
        }

    def pick(self, draw: Generator) -> int:
        """A picture's index, its source drawn by SHARES."""
        names = [name for name in SHARES if len(self.of_source[name])]
        odds = np.array([SHARES[name] for name in names])
        return int(draw.choice(self.of_source[names[int(draw.choice(len(names), p=odds / odds.sum()))]]))

    def tile(self, stock: list[Array], index: int, draw: Generator) -> Tile:
        """One picture of the stock, pasted upon, mirrored, recoloured, stretched and tilted."""
        image = stock[index]
        height, width = image.shape[:2]
        tile = Tile(
            image.copy(), scaled(self.boxes[index], width, height), scaled(self.ignored[index], width, height), True
        )
        armed = self.sources[index] == "weapons"
        unlabelled = bool(np.any(tile.ignored[:, 0] == WEAPON))
        if not armed and not unlabelled and draw.random() < PASTE_WEAPON:
            paste(tile, self.cuts["cuts_armed"], WEAPON, draw)
        if draw.random() < (PASTE_HARMLESS / 2 if armed else PASTE_HARMLESS):
            paste(tile, self.cuts["cuts_harmless"], None, draw)
        recolour(tile, armed, draw)
        if draw.random() < 0.5:
            tile.image = np.ascontiguousarray(tile.image[:, ::-1])
            for rows in (tile.boxes, tile.ignored):
                rows[:, [1, 3]] = width - rows[:, [3, 1]]
        reshape(tile, armed, draw)
        if draw.random() < (CLOSE_UP_FACE if self.sources[index] == "face" else CLOSE_UP):
            close_up(tile, draw)
        return tile

    def single(self, tile: Tile, side: int, draw: Generator) -> Tile:
        """One tile on a padded square, zoomed out or in (then cropped)."""
        zoom = float(draw.uniform(0.45, 1.0) if draw.random() < 0.35 else draw.uniform(0.9, CLOSEST))
        canvas = Tile(np.full((side, side, 3), PAD, np.uint8), np.zeros((0, 5)), np.zeros((0, 5)), tile.coloured)
        height, width = tile.image.shape[:2]
        factor = zoom * side / max(height, width)
        canvas.filled = place(canvas, tile, factor, draw, (0, 0, side, side))
        return canvas

    def mosaic(self, tiles: list[Tile], side: int, draw: Generator) -> Tile:
        """Four tiles around a random centre."""
        canvas = Tile(np.full((side, side, 3), PAD, np.uint8), np.zeros((0, 5)), np.zeros((0, 5)), True)
        x, y = (int(value) for value in draw.uniform(0.3 * side, 0.7 * side, 2))
        for tile, region in zip(
            tiles, ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side)), strict=True
        ):
            height, width = tile.image.shape[:2]
            room = max((region[2] - region[0]) / width, (region[3] - region[1]) / height)
            place(canvas, tile, room * float(draw.uniform(0.7, 1.4)), draw, region)
            canvas.coloured &= tile.coloured
        return canvas


def close_up(tile: Tile, draw: Generator) -> None:
    """Cut a picture to what is around one of its faces, if it has one that is large enough to be enlarged."""
    faces = tile.boxes[(tile.boxes[:, 0] == FACE) & ((tile.boxes[:, 4] - tile.boxes[:, 2]) >= SMALLEST_CLOSE_UP_PX)]
    if not len(faces):
        return
    _, x1, y1, x2, y2 = faces[int(draw.integers(len(faces)))]
    length = (y2 - y1) * float(np.exp(draw.uniform(*np.log(CLOSE_UP_SHARES))))
    width, height = length * draw.uniform(0.75, 1.35), length
    at = [(x1 + x2 - width) / 2, (y1 + y2 - height) / 2] + draw.normal(0, 0.12, 2) * (width, height)
    left, top = np.clip(at, 0, None).astype(int)
    image = tile.image[top : round(at[1] + height), left : round(at[0] + width)]
    if min(image.shape[:2]) < SMALLEST_CLOSE_UP_PX:
        return
    for rows in (tile.boxes, tile.ignored):
        rows[:, 1:] -= np.array([left, top] * 2)
    tile.image = image.copy()
    tile.boxes, tile.ignored = cut_to(tile, (0, 0, image.shape[1], image.shape[0]))


def cut_to(tile: Tile, region: Region) -> tuple[Array, Array]:
    """Cut a tile's rows to a region (pixels): boxes, and what to ignore, to which hardly visible ones are added."""
    limit = np.array(region, float)
    cut = tile.boxes.copy(), tile.ignored.copy()
    for rows in cut:
        rows[:, 1:] = np.clip(rows[:, 1:], limit[[0, 1, 0, 1]], limit[[2, 3, 2, 3]])
    seen = area(cut[0]) >= LEAST_VISIBLE * area(tile.boxes)
    return cut[0][seen], np.concatenate([cut[1], cut[0][~seen]])


def place(canvas: Tile, tile: Tile, factor: float, draw: Generator, region: Region) -> Region:
    """Resize a tile and lay it into a region (pixels) of the canvas at a random shift; returns where it came to lie."""
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.resize(tile.image, None, fx=factor, fy=factor, interpolation=way)
    height, width = image.shape[:2]
    left, top, right, bottom = region
    spare = right - left - width, bottom - top - height
    x, y = (round(float(draw.uniform(min(0, room), max(0, room)))) for room in spare)
    x0, y0, x1, y1 = max(0, -x), max(0, -y), min(width, right - left - x), min(height, bottom - top - y)
    canvas.image[top + y + y0 : top + y + y1, left + x + x0 : left + x + x1] = image[y0:y1, x0:x1]
    shift = np.array([left + x, top + y] * 2)
    tile.boxes, tile.ignored = scaled(tile.boxes, factor, factor), scaled(tile.ignored, factor, factor)
    for rows in (tile.boxes, tile.ignored):
        rows[:, 1:] += shift
    boxes, ignored = cut_to(tile, region)
    canvas.boxes = np.concatenate([canvas.boxes, boxes])
    canvas.ignored = np.concatenate([canvas.ignored, ignored])
    return left + x + x0, top + y + y0, left + x + x1, top + y + y1


def area(rows: Array) -> Array:
    """Area of each row's box."""
    return np.asarray(np.prod(np.clip(rows[:, 3:5] - rows[:, 1:3], 0, None), axis=1))


def settle(scene: Tile, side: int) -> tuple[Array, Array]:
    """Boxes to learn and boxes to ignore, the too small ones among the latter."""
    sides = (scene.boxes[:, 3:5] - scene.boxes[:, 1:3]).min(axis=1, initial=side)
    large = sides >= np.where(scene.boxes[:, 0] == FACE, SMALLEST_FACE_PX, SMALLEST_PX)
    ignored = np.concatenate([scene.ignored, scene.boxes[~large]])
    # An anchor's centre must be able to lie within an ignored box, however small.
    ignored[:, 1:3] -= 4
    ignored[:, 3:5] += 4
    return scene.boxes[large], ignored[area(ignored) > 64]


def recolour(tile: Tile, armed: bool, draw: Generator) -> None:
    """Grey, tinted, or with its own colours shifted; grey pictures have the first two choices only."""
    if armed or draw.random() < GREY:
        tile.image = grey(tile.image)
        tile.coloured = draw.random() < (TINT if armed else TINT / 2)
        if tile.coloured:
            tile.image = tinted(tile.image, draw)
    elif draw.random() < 0.7:
        steps = np.arange(256)
        hue, saturation = (steps + draw.uniform(-8, 8)) % 180, np.clip(steps * draw.uniform(0.4, 1.5), 0, 255)
        tables = np.dstack([hue, saturation, steps]).astype(np.uint8)
        bgr = cv2.cvtColor(cv2.LUT(cv2.cvtColor(tile.image, cv2.COLOR_BGR2HSV), tables), cv2.COLOR_HSV2BGR)
        casts = np.clip(steps[:, None] * draw.uniform(0.88, 1.12, 3), 0, 255).astype(np.uint8)[None]
        tile.image = cv2.LUT(bgr, casts)
    if draw.random() < 0.5:
        gain, gamma = draw.uniform(0.7, 1.25), draw.uniform(0.7, 1.4)
        table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
        tile.image = cv2.LUT(tile.image, table)


def reshape(tile: Tile, armed: bool, draw: Generator) -> None:
    """Change the proportions (the weapons set is squeezed into squares), and tilt now and then."""
    height, width = tile.image.shape[:2]
    if draw.random() < 0.5:
        stretch = float(np.exp(draw.uniform(-0.25, 0.6) if armed else draw.uniform(-0.35, 0.35)))
        x, y = (1.0, 1 / stretch) if stretch > 1 else (stretch, 1.0)
        tile.image = cv2.resize(
            tile.image, (max(8, round(width * x)), max(8, round(height * y))), interpolation=cv2.INTER_AREA
        )
        tile.boxes, tile.ignored = scaled(tile.boxes, x, y), scaled(tile.ignored, x, y)
    if draw.random() < 0.2:
        height, width = tile.image.shape[:2]
        whole = scaled(np.concatenate([tile.boxes, tile.ignored]), 1 / width, 1 / height)
        tile.image, whole = warp(tile.image, whole, draw)
        whole = scaled(whole, width, height)
        tile.boxes, tile.ignored = whole[: len(tile.boxes)], whole[len(tile.boxes) :]


def paste(tile: Tile, cuts: list[Array], label: int | None, draw: Generator) -> None:
    """Lay a cut-out near somebody's hands or anywhere: turned, feathered, lit as its surroundings.

    Args:
        label: the class it is to be learned as; None: a harmless thing.
    """
    if not cuts:
        return
    cut = cuts[int(draw.integers(len(cuts)))]
    height, width = tile.image.shape[:2]
    persons = tile.boxes[(tile.boxes[:, 0] == PERSON) & (tile.boxes[:, 4] - tile.boxes[:, 2] > 40)]
    if len(persons) and draw.random() < 0.8:
        _, x1, y1, x2, y2 = persons[int(draw.integers(len(persons)))]
        centre = draw.uniform(x1 - 0.15 * (x2 - x1), x2 + 0.15 * (x2 - x1)), y1 + (y2 - y1) * draw.uniform(0.3, 0.75)
        longest = (y2 - y1) * draw.uniform(0.12, 0.6)
    else:
        centre = draw.uniform(0.1, 0.9) * width, draw.uniform(0.1, 0.9) * height
        longest = max(height, width) * draw.uniform(0.06, 0.5)
    turned = turn(
        cut, max(longest, 14.0), float(draw.normal(0, 25) if draw.random() < 0.7 else draw.uniform(-180, 180)), draw
    )
    opacity = (
        cv2.GaussianBlur(turned[..., 3], (0, 0), float(draw.uniform(0.5, 1.1))).astype(np.float32)[..., None] / 255
    )
    left, top = (round(value - side / 2) for value, side in zip(centre, turned.shape[1::-1], strict=True))
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + turned.shape[1], width), min(top + turned.shape[0], height)
    if x1 - x0 < 8 or y1 - y0 < 4:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    under = tile.image[y0:y1, x0:x1].astype(np.float32)
    colours = turned[..., :3][part].astype(np.float32)
    if label == WEAPON and draw.random() < 0.85:
        colours = painted(colours, draw)
    # Half-way towards the brightness and the cast of what is around it.
    colours *= np.clip((under.mean((0, 1)) + 60) / (colours.mean((0, 1)) + 60), 0.5, 1.6) ** draw.uniform(0, 0.6)
    tile.image[y0:y1, x0:x1] = np.clip(under + (colours - under) * opacity[part], 0, 255).astype(np.uint8)
    ys, xs = np.nonzero(opacity[part][..., 0] > 0.4)
    if not len(ys):
        return
    box = np.array([x0 + xs.min(), y0 + ys.min(), x0 + xs.max() + 1, y0 + ys.max() + 1], float)
    hide_faces(tile, box)
    if label is not None:
        tile.boxes = np.concatenate([tile.boxes, [[label, *box]]])


def hide_faces(tile: Tile, box: Array) -> None:
    """Ignore the faces that a pasted thing covers by half or more."""
    low, high = np.maximum(tile.boxes[:, 1:3], box[:2]), np.minimum(tile.boxes[:, 3:5], box[2:])
    covered = np.prod(np.clip(high - low, 0, None), axis=1) > 0.5 * area(tile.boxes)
    hidden = covered & (tile.boxes[:, 0] == FACE)
    tile.ignored = np.concatenate([tile.ignored, tile.boxes[hidden]])
    tile.boxes = tile.boxes[~hidden]


def turn(cut: Array, longest: float, degrees: float, draw: Generator) -> Array:
    """Resize a BGRA cut-out, mirror it perhaps, and rotate it on a canvas that holds it whole."""
    scale = longest / max(cut.shape[:2])
    size = max(4, round(cut.shape[1] * scale)), max(4, round(cut.shape[0] * scale))
    small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    small = small[:, ::-1] if draw.random() < 0.5 else small
    across = int(np.ceil(np.hypot(*small.shape[:2]))) + 4
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, 1)
    matrix[:, 2] += (across - size[0]) / 2, (across - size[1]) / 2
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(small), matrix, (across, across)))


def painted(picture: Array, draw: Generator) -> Array:
    """Give a grey weapon colours of steel, wood, sand or green: dark and light ends drawn apart."""
    luma = picture.mean(axis=2, keepdims=True) / 255
    families = np.array([[1.0, 1.0, 1.0], [1.06, 1.0, 0.95], [0.6, 0.85, 1.15], [0.75, 0.95, 1.1], [0.85, 1.08, 0.95]])
    low, high = families[draw.choice(5, 2, p=(0.35, 0.2, 0.2, 0.15, 0.1))]
    hue = low + (high - low) * luma + draw.normal(0, 0.03, 3)
    return np.asarray(luma * 255 * hue, dtype=np.float32)


def disturb(picture: Array, draw: Generator) -> tuple[Array, bool]:
    """Now and then make a BGR scene dark, small, blurred, noisy or badly compressed; also whether it was left alone."""
    calm = True
    if draw.random() < 0.15:
        shape = picture.shape[:2] if draw.random() < 0.6 else picture.shape
        noise = draw.standard_normal(shape, dtype=np.float32) * np.float32(draw.uniform(2, 11))
        noise = noise[..., None] if noise.ndim == 2 else noise
        picture, calm = np.clip(picture * np.float32(draw.uniform(0.12, 0.6)) + noise, 0, 255).astype(np.uint8), False
    if draw.random() < 0.18:
        height, width = picture.shape[:2]
        scale = draw.uniform(0.35, 0.8)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture, calm = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), False
    if draw.random() < 0.10:
        picture = cv2.blur(picture, (int(draw.choice((1, 3, 7))), int(draw.choice((1, 3, 5)))))
    if draw.random() < 0.06:
        picture, calm = salt_and_pepper(picture, draw), False
    if draw.random() < 0.3:
        quality = int(draw.integers(10, 70))
        code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture, calm = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR)), calm and quality > 40
    return np.asarray(picture), calm


class Order(Sampler[list[tuple[int, int]]]):
    """Batches of scene keys, every batch of one side."""

    def __init__(self, steps: int, batch: int, seed: int = 0) -> None:
        """So many steps of batches of one size."""
        self.steps, self.batch, self.seed = steps, batch, seed

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Keys (scene number, side)."""
        for step in range(self.steps):
            side = int(np.random.default_rng([self.seed, step]).choice(SIDES, p=SIDE_ODDS))
            yield [(step * self.batch + index, side) for index in range(self.batch)]


def collate(scenes: list[dict[str, Any]]) -> dict[str, Any]:
    """Stack scenes; boxes become ultralytics' flat rows, ignored ones `picture, class, x1, y1, x2, y2`."""
    rows = [
        torch.cat([torch.full((len(one["boxes"]), 1), float(at)), one["boxes"]], 1) for at, one in enumerate(scenes)
    ]
    ignored = [
        torch.cat([torch.full((len(one["ignored"]), 1), float(at)), one["ignored"]], 1) for at, one in enumerate(scenes)
    ]
    flat = torch.cat(rows)
    corners = flat[:, 2:6]
    return {
        "img": torch.stack([one["img"] for one in scenes]),
        "batch_idx": flat[:, 0],
        "cls": flat[:, 1:2],
        "bboxes": torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1),
        "ignored": torch.cat(ignored),
        "calm": torch.tensor([one["calm"] for one in scenes]),
    }
