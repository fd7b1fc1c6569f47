# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pictures that the copy descriptor learns from, and those that it never sees.

Pictures of one clip, of one group of the weapons set or with nearly the same PDQ hash are one *group*: whether they are
copies of each other nobody has said, so they are taught to be neither alike nor different. What resembles a held-back
picture is left out altogether.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from copy_cards import drawn_cards
from copy_edits import Picture, shrink
from eval_objects import part_of, read_picture

from triage.errors import VideoError
from triage.frames.pyav import open_video
from triage.matches import pdq
from triage.settings import Sampling

VAL_SHARE = 0.20
"""Of natural pictures, COCO pictures and clips, by the hash of the file's name."""
STORED_PX, SMALLEST_PX, LEAST_CONTRAST = 320, 64, 8.0
CLIP_SUFFIXES = {".mp4", ".mkv", ".mov", ".gif", ".webm", ".ts"}
CLIP_FRAMES, STEP_MS, STEPS_APART = 30, 200, 5
"""Pictures of a clip, the time from a picture to the one just after it, and how many such times lie between two."""
SAME_BITS, HELD_BITS = 60, 80
"""PDQ bits up to which pictures are one group, and up to which one counts as held back."""
HASH_QUALITY = 50
FEW, MANY = 1.0, 0.3
"""How often a picture is shown, and one of the sets whose pictures are much alike."""


@dataclass(frozen=True)
class Source:
    """One picture, and in a clip perhaps the one that comes just after it."""

    name: str
    group: str
    picture: Picture
    later: Picture | None = None
    weight: float = FEW


@dataclass(frozen=True)
class Stored:
    """A source in the folder that training reads."""

    file: str
    later: str | None
    group: int
    weight: float


def is_held_back(path: Path) -> bool:
    """Whether a file was kept from training; by its name alone, so that every script knows it."""
    return part_of(path.name, VAL_SHARE) == "val"


def still_paths(data: Path) -> list[Path]:
    """Ordinary pictures of both parts."""
    return [*sorted((data / "natural").rglob("*.jpg")), *sorted((data / "coco128" / "images").rglob("*.jpg"))]


def clip_paths(data: Path) -> list[Path]:
    """Clips of both parts, each content once."""
    found: dict[str, Path] = {}
    for folder in ("videos", "pose"):
        for path in sorted((data / folder).rglob("*.*")):
            if path.suffix in CLIP_SUFFIXES:
                found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return list(found.values())


def clip_sources(path: Path) -> Iterator[Source]:
    """Pictures of a clip at least a second apart, spread over it; none of one that cannot be read."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        with open_video(path, digest, Sampling(step_ms=STEP_MS)) as source:
            frames = [shrink(np.array(frame.image), STORED_PX) for frame in source.frames()]
    except VideoError:
        return
    places = np.arange(0, len(frames), STEPS_APART)
    for at in places[np.linspace(0, len(places) - 1, min(CLIP_FRAMES, len(places))).round().astype(int)]:
        later = frames[at + 1] if at + 1 < len(frames) else None
        yield Source(f"{path.stem}_{digest[:4]}_{at:04}", f"clip {digest}", frames[at], later)


def weapons_sources(data: Path) -> Iterator[Source]:
    """The CCTV-style set with its own groups."""
    root = data / "weapons_cctv"
    with (root / "manifest.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            picture = read_picture(root / "images" / row["split"] / row["file"])
            yield Source(row["file"], f"weapons {row['group']}", shrink(picture, STORED_PX), weight=MANY)


def still_sources(paths: list[Path], weight: float = FEW) -> Iterator[Source]:
    """Pictures that are each a group of their own."""
    for path in paths:
        yield Source(path.stem, str(path.name), shrink(read_picture(path), STORED_PX), weight=weight)


def held_back(data: Path) -> list[Source]:
    """What training must not see."""
    sources = list(still_sources([path for path in still_paths(data) if is_held_back(path)]))
    for path in filter(is_held_back, clip_paths(data)):
        sources += clip_sources(path)
    return sources


def training_sources(data: Path) -> Iterator[Source]:
    """Everything else, before look-alikes of the held-back pictures are taken out."""
    yield from still_sources([path for path in still_paths(data) if not is_held_back(path)])
    for path in clip_paths(data):
        if not is_held_back(path):
            yield from clip_sources(path)
    yield from still_sources(sorted((data / "uniform_dev").rglob("*.jpg")), weight=0.7)
    held = {path.name for path in (data / "coco128").rglob("*.jpg")}
    yield from still_sources([path for path in sorted((data / "pose").rglob("*.jpg")) if path.name not in held])
    yield from weapons_sources(data)
    for number, card in enumerate(drawn_cards(np.random.default_rng(5), 120)):
        yield Source(f"card_{number:03}", f"card {number}", card, weight=MANY)


def says_something(picture: Picture) -> bool:
    """Whether there is anything in a picture that it could be known by."""
    return min(picture.shape[:2]) >= SMALLEST_PX and float(picture.std(axis=(0, 1)).mean()) >= LEAST_CONTRAST


def groups_of(sources: list[Source], hashes: pdq.Hashes, sure: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
    """One number per source; alike for those of one group, or of groups that share a nearly equal hash."""
    parent = {source.group: source.group for source in sources}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    close = (pdq.distances(hashes, hashes) <= SAME_BITS) & sure[:, None] & sure[None, :]
    for one, other in np.argwhere(np.triu(close, 1)):
        parent[root(sources[one].group)] = root(sources[other].group)
    numbers = {name: number for number, name in enumerate(sorted({root(source.group) for source in sources}))}
    return [numbers[root(source.group)] for source in sources]


def prepare(data: Path, target: Path) -> None:
    """Write the training pictures and their list."""
    target.mkdir(parents=True, exist_ok=True)
    kept_apart = np.array([pdq.compute(source.picture)[0] for source in held_back(data)])
    sources = [source for source in training_sources(data) if says_something(source.picture)]
    hashed = [pdq.compute(source.picture) for source in sources]
    hashes, sure = np.array([one[0] for one in hashed]), np.array([one[1] >= HASH_QUALITY for one in hashed])
    fit = ~((pdq.distances(hashes, kept_apart) <= HELD_BITS).any(axis=1) & sure)
    chosen = [source for source, is_fit in zip(sources, fit, strict=True) if is_fit]
    groups = groups_of(chosen, hashes[fit], sure[fit])
    rows = []
    for number, (source, group) in enumerate(zip(chosen, groups, strict=True)):
        file, later = f"{number:05}.jpg", f"{number:05}_later.jpg" if source.later is not None else None
        cv2.imwrite(str(target / file), source.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        if source.later is not None and later:
            cv2.imwrite(str(target / later), source.later, [cv2.IMWRITE_JPEG_QUALITY, 95])
        rows.append(asdict(Stored(file, later, group, source.weight)))
    (target / "set.json").write_text(json.dumps(rows))
    print(
        f"{len(rows)} pictures in {len(set(groups))} groups; {int((~fit).sum())} look like held-back ones", flush=True
    )
