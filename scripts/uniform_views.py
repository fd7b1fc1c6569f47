# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `train_uniforms.py` shows its net: persons in their own and in other clothes and places, cut and spoiled.

Nothing but the cloth may tell the kinds apart, so whatever is done to a person is done to all kinds alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from eval_objects import Array  # first: it switches off what libraries would report
from uniform_cloth import CAMOUFLAGE, PRINTS, dressed, geared, plain
from uniform_crops import KINDS, Crop, fitted, placed
from uniform_masks import CLOTH

TILES = 160
"""Cloths drawn of each sort."""
SHARES = {
    "civilian": 0.18,
    "close civilian": 0.07,
    "dyed": 0.13,
    "printed": 0.05,
    "grey civilian": 0.07,
    "camouflage": 0.17,
    "drawn": 0.10,
    "grey uniform": 0.07,
    "service_dress": 0.16,
}
"""How often each sort of example is drawn: half of them are civilians. `grey` is the CCTV-style set, `close` the faces
with shoulders of FairFace: with COCO's civilians alone, faces and skin would tell the two sets of pictures apart."""
AMONG_UNIFORMS = 4
"""How many times as often civilians are drawn who stand beside uniforms in one picture."""


def framed(image: Array, box: Sequence[float], generator: np.random.Generator) -> Array:
    """The box with the errors of a detector; now and then only a part of the person, as at a frame's border."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    x0, x1 = x0 + generator.normal(0, 0.04) * width, x1 + generator.normal(0, 0.04) * width
    y0, y1 = y0 + generator.normal(0, 0.03) * height, y1 + generator.normal(0, 0.04) * height
    draw = generator.random()
    if draw < 0.30 and height > 1.4 * width:
        y1 = y0 + max(0.35, generator.uniform(0.3, 0.9)) * height
    elif draw < 0.36 and height > 2 * width:
        y0 += generator.uniform(0.05, 0.3) * height
    elif draw < 0.44:
        x0, x1 = (x0 + 0.35 * width, x1) if generator.random() < 0.5 else (x0, x1 - 0.35 * width)
    left, top = max(0, round(x0)), max(0, round(y0))
    return image[top : max(top + 8, round(y1)), left : max(left + 8, round(x1))]


def spoiled(image: Array, generator: np.random.Generator) -> Array:
    """A crop as bad cameras, distance, night and messengers leave it; both kinds alike."""
    if generator.random() < 0.25:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    elif generator.random() < 0.5:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
        image = np.clip(grey + (image - grey) * generator.uniform(0.4, 1.5), 0, 255).astype(np.uint8)
    if generator.random() < 0.6:
        cast = generator.uniform(0.88, 1.12, 3) * generator.uniform(0.7, 1.3)
        image = np.clip(image * cast + generator.uniform(-25, 25), 0, 255).astype(np.uint8)
    if generator.random() < 0.6:
        scale = max(24 / image.shape[0], generator.uniform(0.2, 0.9))
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if generator.random() < 0.15:
        noise = generator.normal(0, generator.uniform(2, 10), image.shape[:2])[..., None]
        image = np.clip(image * generator.uniform(0.15, 0.6) + noise, 0, 255).astype(np.uint8)
    if generator.random() < 0.08:
        image = cv2.blur(image, (int(generator.choice((1, 3, 5))), int(generator.choice((1, 3)))))
    if generator.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(15, 85))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    return np.asarray(image)


class Views:
    """Draws training examples: a crop, perhaps in other clothes, perhaps elsewhere, cut and spoiled."""

    def __init__(self, crops: list[Crop], grounds: list[Array], seed: int = 0) -> None:
        """Sort the crops, and draw the cloths."""
        self.generator = np.random.default_rng(seed)
        self.grounds = grounds
        whole = [one for one in crops if not one.kinds and one.source not in {"weapons_cctv", "fairface_age"}]
        self.piles = {
            "civilian": [*whole, *(AMONG_UNIFORMS - 1) * [one for one in whole if one.source == "uniform_dev"]],
            "close civilian": [one for one in crops if not one.kinds and one.source == "fairface_age"],
            "grey civilian": [one for one in crops if not one.kinds and one.source == "weapons_cctv"],
            "camouflage": [one for one in crops if "camouflage" in one.kinds and one.source != "weapons_cctv"],
            "grey uniform": [one for one in crops if one.kinds and one.source == "weapons_cctv"],
            "service_dress": [one for one in crops if "service_dress" in one.kinds],
        }
        undressed = [*whole, *self.piles["close civilian"]]
        self.dressable = [one for one in undressed if one.mask is not None and one.head is not None]
        self.camouflage, self.prints, self.plains = (
            [makers[int(self.generator.integers(len(makers)))](self.generator) for _ in range(TILES)]
            for makers in (CAMOUFLAGE, PRINTS, (plain,))
        )

    def draw(self) -> tuple[Array, Array]:
        """One crop of the net's size, BGR, and its target (4,): any kind, camouflage, service dress, gear."""
        generator = self.generator
        what = str(generator.choice(list(SHARES), p=list(SHARES.values())))
        pile = self.dressable if what in {"dyed", "printed", "drawn"} else self.piles[what]
        crop: Crop = pile[int(generator.integers(len(pile)))]
        image, kinds = crop.image, set(crop.kinds)
        cloth: Array | None = None if crop.mask is None else np.asarray(crop.mask == CLOTH)
        if cloth is not None and (
            what in {"dyed", "printed", "drawn"} or (what == "service_dress" and generator.random() < 0.3)
        ):
            tiles = {"printed": self.prints, "drawn": self.camouflage}.get(what, self.plains)
            worn = cloth.copy()
            if generator.random() < 0.3:  # only the shirt, or only the trousers
                rows = np.nonzero(worn.any(axis=1))[0]
                if len(rows) > 20:
                    waist = int(rows[0] + 0.45 * len(rows))
                    worn[slice(waist, None) if what == "drawn" or generator.random() < 0.6 else slice(0, waist)] = False
            image = dressed(image, worn, tiles[int(generator.integers(len(tiles)))], generator)
            kinds |= {"camouflage"} if what == "drawn" else set()
            if what == "drawn" and crop.head is not None and generator.random() < 0.3:
                image, kinds = geared(image, cloth, crop.head, generator), kinds | {"tactical_gear"}
        if crop.mask is not None and generator.random() < 0.55:
            image = placed(image, crop.mask, self.grounds[int(generator.integers(len(self.grounds)))], generator)
        image = spoiled(framed(image, crop.box, generator), generator)
        if generator.random() < 0.5:
            image = image[:, ::-1]
        return fitted(image), np.array([bool(kinds), *(kind in kinds for kind in KINDS)], np.float32)

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(size, 3, H, W) RGB in 0-1 and (size, 4)."""
        images, targets = zip(*(self.draw() for _ in range(size)), strict=True)
        return tensor_of(list(images)), torch.from_numpy(np.stack(targets))


def tensor_of(images: list[Array]) -> torch.Tensor:
    """BGR crops of the net's size as (N, 3, H, W) RGB in 0-1."""
    stacked = np.ascontiguousarray(np.stack(images)[..., ::-1].transpose(0, 3, 1, 2))
    return (torch.from_numpy(stacked).float() / 255).contiguous(memory_format=torch.channels_last)
