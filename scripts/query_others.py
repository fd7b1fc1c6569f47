# SPDX-License-Identifier: AGPL-3.0-or-later
"""The kinds of videos that are no copies, for `copy_queries.py`: some are near misses on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from eval_objects import read_picture
from query_edits import PICTURE_EDITS
from query_footage import DRESSES, FACES_KNOWN, SAME_FILM, TAKES, Footage, intro
from query_kinds import Made, timed
from query_sources import (
    OLD,
    RATE,
    TALL,
    WIDE,
    Picture,
    Rng,
    at_night,
    bars,
    held,
    panned,
    read_clip,
    shots,
    with_face,
    written,
)


def redressed(footage: Footage, scene: list[Picture], rng: Rng) -> Made:
    """Coded anew, and as often as not edited like a copy."""
    if rng.random() < 0.5:
        return Made(timed(scene), ())
    kind = list(PICTURE_EDITS)[rng.integers(len(PICTURE_EDITS))]
    edit = PICTURE_EDITS[kind](rng, (scene[0].shape[1], scene[0].shape[0]), footage.moving(rng))
    return Made(timed(edit(picture, index / RATE) for index, picture in enumerate(scene)), (), edit=kind)


def unknown_scene(footage: Footage, rng: Rng, length_s: float) -> list[Picture]:
    """One or two shots over stills that no known clip shows."""
    count = int(rng.integers(1, 3))
    paths = [footage.others[index] for index in rng.choice(len(footage.others), count, replace=False)]
    size = (WIDE, WIDE, OLD, TALL)[rng.integers(4)]
    return shots([read_picture(path) for path in paths], [length_s / count] * count, size, rng)


def other_footage(footage: Footage, rng: Rng) -> Made:
    return redressed(footage, unknown_scene(footage, rng, rng.uniform(4, 7)), rng)


def other_take(footage: Footage, rng: Rng) -> Made:
    names = [name for name, take in TAKES.items() if take.others]
    name = names[rng.integers(len(names))]
    return stretch(footage, name, TAKES[name].others, rng)


def same_film(footage: Footage, rng: Rng) -> Made:
    return stretch(footage, "bunny", SAME_FILM, rng)


def stretch(footage: Footage, source: str, places: Sequence[tuple[str, float, float]], rng: Rng) -> Made:
    """At least 4 s, as far as there are so many, of one of these places."""
    path, start_s, end_s = places[int(rng.integers(len(places)))]
    pictures = read_clip(footage.data / path, start_s, end_s)
    count = min(len(pictures), round(rng.uniform(4, 9) * RATE))
    first = int(rng.integers(0, len(pictures) - count + 1))
    return replace(redressed(footage, pictures[first : first + count], rng), source=source)


def same_intro(kind: str) -> Callable[[Footage, Rng], Made]:
    def make(footage: Footage, rng: Rng) -> Made:
        path = footage.others[rng.integers(len(footage.others))]
        scene = panned(read_picture(path), rng.uniform(3, 5), WIDE, rng)
        return Made(timed([*intro(kind, WIDE), *scene]), ())

    return make


def same_face(footage: Footage, rng: Rng) -> Made:
    path = footage.others[rng.integers(len(footage.others))]
    face = read_picture(footage.faces[rng.integers(FACES_KNOWN)])
    scene = with_face(panned(read_picture(path), rng.uniform(4, 6), WIDE, rng), face, rng)
    return Made(timed(scene), ())


def other_night(footage: Footage, rng: Rng) -> Made:
    return Made(timed(at_night(unknown_scene(footage, rng, 5.0), rng)), ())


def same_dress(footage: Footage, rng: Rng) -> Made:
    kind = list(DRESSES)[rng.integers(len(DRESSES))]
    path = footage.others[rng.integers(len(footage.others))]
    scene = panned(read_picture(path), rng.uniform(4, 6), WIDE, rng)
    return Made(timed(footage.dressed(kind, scene)), ())


def featureless(_footage: Footage, rng: Rng) -> Made:
    """Black, white, one colour, a gradient, noise, a test pattern or a title card."""
    width, height = WIDE
    kind = int(rng.integers(7))
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    plain = {
        0: np.zeros((height, width, 3), np.uint8),
        1: np.full((height, width, 3), 250, np.uint8),
        2: np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8),
        3: np.repeat(np.repeat(ramp[None, :, None], height, axis=0), 3, axis=2),
        4: bars(WIDE),
        5: written(WIDE, (f"Chapter {rng.integers(1, 99)}", "to be continued"), (16, 32, 90), (240, 240, 240), 24),
    }
    if kind in plain:
        return Made(timed(held(plain[kind], 5.0)), ())
    return Made(timed(rng.integers(0, 256, (60, height, width, 3), np.uint8)), ())


OTHERS: Mapping[str, tuple[Callable[[Footage, Rng], Made], int]] = {
    "other footage": (other_footage, 7),
    "same place, other take": (other_take, 3),
    "same film, other shot": (same_film, 1),
    "same black intro": (same_intro("black"), 1),
    "same title card": (same_intro("title"), 1),
    "same test pattern": (same_intro("pattern"), 1),
    "same face, other scene": (same_face, 2),
    "other night": (other_night, 1),
    "same band or logo": (same_dress, 1),
    "featureless": (featureless, 1),
}
"""How each kind is made, and how many of nineteen it is."""
