# SPDX-License-Identifier: AGPL-3.0-or-later
"""Persons cut out of the team's pictures, with what they wear (labelled by hand), parts and masks of cloth.

`uniform_labels.csv` names a picture (or a clip and the number of a frame), the person's box in shares, and what is
visible: `camouflage`, `service_dress`, `tactical_gear` (one or two of them) or `civilian`; and the part that its
picture belongs to, which `python scripts/uniform_crops.py` writes anew. Boxes come from YOLO11n and
from the labels of `weapons_cctv`; the words were written by one person looking at the crops, and nobody checked them.
The folders' names (Army, Navy, ...) were not used: a folder is no attribute.

What the words mean: `camouflage` is cloth with a pattern that hides; `service_dress` a plain uniform that shows as one
by its insignia, belt, cap or cut (parade dress, shirts with shoulder boards, flight suits); `tactical_gear` a vest with
pouches, webbing, or a combat helmet. Clothes of one colour, green or khaki too, are `civilian` without such signs;
so are sports kits, work clothes and high-visibility vests. What could not be told by eye is not in the table.
"""

from __future__ import annotations

import csv
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from eval_objects import (  # first of all: it switches off what OpenVINO would report
    DATA,
    REPO,
    Array,
    Part,
    darkened,
    natural_samples,
    perceptual_hash,
    plain,
    read_picture,
    unit_hash,
)
from eval_wrists import TEACHER, PoseNet
from uniform_masks import NOTHING, cut, cut_out

from triage.evaluation.metrics import iou_matrix

WORK = Path(tempfile.gettempdir()) / "train_uniforms"
LABELS = REPO / "scripts" / "uniform_labels.csv"
SAME_PERSON = 0.4
"""Intersection over union of a labelled box and a pose from which they are of one person."""
PARTS: tuple[Part, ...] = ("train", "tune", "val")
KINDS = ("camouflage", "service_dress", "tactical_gear")
VAL_SHARE, TUNE_SHARE = 0.22, 0.16
SAME_BITS = 10
"""Pictures whose perceptual hashes differ in at most so many of 64 bits are one group, and go to one part."""
SAME_SCENE = {"uniform_dev/Airforce/airforce_072.jpg": "uniform_dev/Airforce/airforce_007.jpg"}
"""A picture that is another, cut differently, which its hash does not show; found by eye."""
HEIGHT_PX, WIDTH_PX = 160, 96
GREY = 114


@dataclass(frozen=True)
class Crop:
    """One person with a little of what is around them."""

    source: str
    """First folder of the file's path: `uniform_dev`, `coco128`, ..."""
    name: str
    image: Array
    """(h, w, 3) uint8 BGR, the longer side of the box at most LONGEST_PX."""
    box: tuple[float, float, float, float]
    """The person's box in pixels of `image`."""
    kinds: frozenset[str]
    """Empty: civilian."""
    part: Part
    mask: Array | None
    """(h, w) uint8 of NOTHING, PERSON, CLOTH; None: no pose was found, so it could not be cut out."""
    head: tuple[float, float, float] | None
    """Centre and radius of the head in pixels of `image`."""


def read_rows() -> list[dict[str, str]]:
    """The table, row by row."""
    with LABELS.open(newline="") as handle:
        return list(csv.DictReader(handle))


def part_in(row: dict[str, str]) -> Part:
    """The part that a row names."""
    return next(part for part in PARTS if part == row["part"])


def part_of_group(name: str) -> Part:
    """Part of a group of pictures, by the hash of the first of their names."""
    value = unit_hash(f"uniforms {name}")
    return "val" if value < VAL_SHARE else "tune" if value < VAL_SHARE + TUNE_SHARE else "train"


def parts(pictures: dict[str, Array], clip_of: dict[str, str]) -> dict[str, Part]:
    """Part of every picture; look-alikes (also mirrored) and frames of one clip stay together."""
    names = sorted(pictures)
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    plain = np.array([perceptual_hash(pictures[name]) for name in names])
    turned = np.array([perceptual_hash(np.ascontiguousarray(pictures[name][:, ::-1])) for name in names])
    first_of_clip: dict[str, str] = {}
    for index, name in enumerate(names):
        others = [SAME_SCENE[name]] if SAME_SCENE.get(name) in leader else []
        others += [first_of_clip.setdefault(clip_of[name], name)] if name in clip_of else []
        for hashes in (plain, turned):
            near = np.nonzero((hashes != plain[index]).sum(axis=1) <= SAME_BITS)[0]
            others += [names[other] for other in near]
        for other in others:
            low, high = sorted((find(name), find(other)))
            leader[high] = low
    return {name: part_of_group(find(name)) for name in names}


def frames_of(clip: Path) -> list[Array]:
    """Every decoded picture of a clip, in order."""
    import av

    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(container.streams.video[0])]


def pictures_of(rows: list[dict[str, str]], data: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The named pictures, and which clip a frame is from. A frame's name is `clip#number`."""
    pictures: dict[str, Array] = {}
    clip_of: dict[str, str] = {}
    for row in rows:
        name = key(row)
        if name in pictures:
            continue
        if not row["frame"]:
            pictures[name] = read_picture(data / row["file"])
            continue
        wanted = {key(other): int(other["frame"]) for other in rows if other["file"] == row["file"]}
        frames = frames_of(data / row["file"])
        pictures |= {other: frames[number] for other, number in wanted.items()}
        clip_of |= dict.fromkeys(wanted, row["file"])
    return pictures, clip_of


def key(row: dict[str, str]) -> str:
    """Name of the picture of a row."""
    return f"{row['file']}#{row['frame']}" if row["frame"] else row["file"]


def read_crops(data: Path = DATA, teacher: Path = TEACHER) -> list[Crop]:
    """All labelled persons, cut out, with their parts and masks."""
    rows = read_rows()
    pictures, _ = pictures_of(rows, data)
    pose = PoseNet(teacher, 640)
    seen = {name: pose(picture, 0.25) for name, picture in pictures.items()}
    crops = []
    for row in rows:
        name, picture = key(row), pictures[key(row)]
        size = np.array([picture.shape[1], picture.shape[0]] * 2)
        box = np.array([float(row[side]) for side in ("x0", "y0", "x1", "y1")]) * size
        people = seen[name]
        points = None
        if len(people.boxes):
            overlaps = iou_matrix(box[None], people.boxes)[0]
            points = people.points[int(overlaps.argmax())] if overlaps.max() > SAME_PERSON else None
        image, moved_box, points = cut(picture, box, points)
        mask, head = (None, None) if points is None else cut_out(image, moved_box, points)
        kinds = frozenset(row["kinds"].split()) - {"civilian"}
        crops.append(Crop(row["file"].split("/")[0], name, image, moved_box, kinds, part_in(row), mask, head))
    return crops


def framed_by_box(image: Array, box: tuple[float, float, float, float]) -> Array:
    """What is in a box."""
    x0, y0, x1, y1 = (max(0, round(side)) for side in box)
    return image[y0 : max(y1, y0 + 4), x0 : max(x1, x0 + 4)]


def inner(crop: Crop) -> Array:
    """The person's box alone."""
    return framed_by_box(crop.image, crop.box)


def fitted(image: Array) -> Array:
    """The crop in the net's size with its true proportions, grey around it."""
    scale = min(HEIGHT_PX / image.shape[0], WIDTH_PX / image.shape[1])
    width, height = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    canvas = np.full((HEIGHT_PX, WIDTH_PX, 3), GREY, np.uint8)
    left, top = (WIDTH_PX - width) // 2, (HEIGHT_PX - height) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=how)
    return canvas


def placed(image: Array, mask: Array, ground: Array, generator: np.random.Generator) -> Array:
    """The person cut out by the mask, before a part of another picture."""
    height, width = image.shape[:2]
    scale = max(height / ground.shape[0], width / ground.shape[1]) * generator.uniform(1.0, 1.8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    wide = cv2.resize(ground, None, fx=scale, fy=scale, interpolation=how)
    wide = cv2.copyMakeBorder(wide, 0, 2, 0, 2, cv2.BORDER_REPLICATE)
    top, left = (int(generator.integers(max(1, wide.shape[axis] - (height, width)[axis] + 1))) for axis in (0, 1))
    whole = cv2.dilate((mask != NOTHING).astype(np.float32), np.ones((3, 3)))
    soft = cv2.GaussianBlur(whole, (3, 3), 0)[..., None]
    return np.asarray((image * soft + wide[top : top + height, left : left + width] * (1 - soft)).astype(np.uint8))


def greyed(image: Array) -> Array:
    """Without colour."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def far(image: Array) -> Array:
    """At most 64 px tall, as in pictures of 240 lines, and compressed (JPEG quality 40)."""
    scale = min(1.0, 64 / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


STATES: dict[str, Callable[[Array], Array]] = {"plain": plain, "grey": greyed, "dark": darkened, "240p": far}


def crops_in(work: Path, data: Path = DATA) -> list[Crop]:
    """All crops; they are cut once and kept in the work folder."""
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "crops.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(read_crops(data)))
    crops: list[Crop] = pickle.loads(kept.read_bytes())  # noqa: S301  this script wrote it
    return crops


def backgrounds(data: Path, part: Part) -> list[Array]:
    """Places for persons to stand in: ordinary pictures, and what is free of people in the uniforms' pictures."""
    return [*natural_backgrounds(data, part), *uniform_backgrounds(data, part)]


def natural_backgrounds(data: Path, part: Part) -> list[Array]:
    """Ordinary pictures of a part in which nobody was labelled."""
    peopled = {row["file"] for row in read_rows()}
    chosen = [one.path for each in PARTS for one in natural_samples(data, each)]
    files = [path for path in chosen if str(path.relative_to(data)) not in peopled]
    return [read_picture(path) for path in files if part_of_group(path.name) == part]


def uniform_backgrounds(data: Path, part: Part) -> list[Array]:
    """Strips beside the labelled persons in the pictures of uniforms, at least 40 px wide."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for row in read_rows():
        if row["file"].startswith("uniform_dev") and part_in(row) == part:
            spans.setdefault(row["file"], []).append((float(row["x0"]), float(row["x1"])))
    return [strip for name, taken in spans.items() for strip in free(read_picture(data / name), taken)]


def free(picture: Array, spans: list[tuple[float, float]], least_px: int = 40) -> Iterator[Array]:
    """The full-height strips of a picture that no span (shares of its width) touches."""
    width = picture.shape[1]
    edge = 0.0
    for low, high in [*sorted(spans), (1.0, 1.0)]:
        if (low - edge) * width >= least_px:
            yield picture[:, round(edge * width) : round(low * width)]
        edge = max(edge, high)


def main() -> None:
    """Write the part of every picture into the table, by the look of the pictures and the hash of their names."""
    rows = read_rows()
    part = parts(*pictures_of(rows, DATA))
    with LABELS.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, [*rows[0]], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "part": part[key(row)]} for row in rows)


if __name__ == "__main__":
    main()
