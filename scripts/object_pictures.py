# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pictures that the `person, weapon, face` detector learns from, with the labels that people and teachers gave.

Persons: the data set's own labels, and those of YOLO11n at 640 px where a set has none or misses some. Faces: YuNet
everywhere. Weapons: only what people labelled; no detector ever labels one. What a teacher is unsure of is written
down as *ignored*, and so is the weapon class on pictures of soldiers that nobody labelled for weapons.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from eval_objects import (  # first of all: it switches off what OpenVINO would report
    COCO_PERSON,
    FACE,
    PERSON,
    WEAPON,
    Array,
    Detector,
    FaceDetector,
    Part,
    Sample,
    Spec,
    coco_samples,
    natural_samples,
    near_duplicates,
    part_of,
    read_picture,
    uniform_samples,
    weapons_samples,
)

from triage.errors import VideoError
from triage.evaluation.metrics import iou_matrix
from triage.frames.pyav import open_video
from triage.settings import Sampling

PERSON_SCORE, PERSON_DOUBT = 0.45, 0.2
FACE_SCORE, FACE_DOUBT = 0.6, 0.3
LONGEST_PX = 640
CLIP_FRAMES = 10
CLIP_VAL_SHARE = 0.2
UNLABELLED_WEAPONS = ("sintel",)
CUT_SIDE_PX = 24
EVERYWHERE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Picture:
    """One stored picture: rows `class, x1, y1, x2, y2` in shares, of what is there and of what must not count."""

    file: str
    source: str
    boxes: list[list[float]]
    ignored: list[list[float]]


class Teachers:
    """YOLO11n for persons and YuNet for faces."""

    def __init__(self, person_file: Path, face_file: Path) -> None:
        """Open both on one thread."""
        self.persons = Detector(Spec(person_file, 640, {PERSON: (COCO_PERSON,)}), threads=1)
        self.faces = FaceDetector(face_file)

    def label(self, picture: Array, boxes: Array, complete: bool) -> tuple[Array, Array]:
        """Labels with the teachers' additions, and what to ignore.

        Args:
            boxes: people's own labels, rows `class, x1, y1, x2, y2`.
            complete: the labels claim to hold every person; what the teacher adds is then ignored, not taught.
        """
        added, ignored = [boxes], []
        for label, found, sure, doubt in (
            (PERSON, self.persons(picture), PERSON_SCORE, PERSON_DOUBT),
            (FACE, self.faces(picture), FACE_SCORE, FACE_DOUBT),
        ):
            rows = found[found[:, 1] >= doubt]
            known = boxes[boxes[:, 0] == label]
            if len(known) and len(rows):
                rows = rows[iou_matrix(rows[:, 2:], known[:, 1:]).max(axis=1) < 0.4]
            taught = rows[:, 1] >= (sure if label == FACE or not complete else 2.0)
            added.append(rows[taught][:, [0, 2, 3, 4, 5]])
            ignored.append(rows[~taught][:, [0, 2, 3, 4, 5]])
        return np.concatenate(added), np.concatenate(ignored)


def doubting_lone_faces(boxes: Array, ignored: Array) -> tuple[Array, Array]:
    """Ignore faces within nobody: the teacher of faces takes dogs for some (24 of 84 in ordinary pictures)."""
    people = np.concatenate([boxes, ignored])
    people = people[people[:, 0] == PERSON]
    centres = (boxes[:, 1:3] + boxes[:, 3:5]) / 2
    within = (centres[:, None] >= people[None, :, 1:3]) & (centres[:, None] <= people[None, :, 3:5])
    lone = (boxes[:, 0] == FACE) & ~within.all(axis=2).any(axis=1)
    return boxes[~lone], np.concatenate([ignored, boxes[lone]])


class Writer:
    """Writes pictures of one part under `root/part`, and in the end their labels beside them."""

    def __init__(self, root: Path, part: str, teachers: Teachers) -> None:
        """Make the folder."""
        self.folder, self.teachers = root / part, teachers
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pictures: list[Picture] = []

    def add(
        self, name: str, picture: Array, source: str, boxes: Array, *, complete: bool = False, armed: bool | None = True
    ) -> None:
        """Write one picture, longest side at most 640 px; `armed` None: nobody has labelled its weapons."""
        scale = min(1.0, LONGEST_PX / max(picture.shape[:2]))
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        boxes, ignored = self.teachers.label(picture, boxes, complete)
        if source != "face":
            boxes, ignored = doubting_lone_faces(boxes, ignored)
        if armed is None:
            ignored = np.concatenate([ignored, [[WEAPON, *EVERYWHERE]]])
        cv2.imwrite(str(self.folder / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 96])
        self.pictures.append(Picture(f"{name}.jpg", source, np.round(boxes, 5).tolist(), np.round(ignored, 5).tolist()))

    def close(self) -> None:
        """Write the labels."""
        rows = [asdict(one) for one in self.pictures]
        self.folder.with_suffix(".json").write_text(json.dumps(rows))
        counts = [sum(row[0] == label for one in self.pictures for row in one.boxes) for label in range(3)]
        print(f"{self.folder.name}: {len(self.pictures)} pictures; persons, weapons, faces: {counts}", flush=True)


def clip_frames(data: Path, part: Part) -> Iterator[tuple[str, Array]]:
    """A few frames of every readable clip of a part, which its name's hash decides; unreadable ones are passed over."""
    seen: set[str] = set()
    clips = [path for folder in ("videos", "pose") for path in sorted((data / folder).rglob("*.*"))]
    for path in clips:
        if path.suffix not in {".mp4", ".mkv", ".mov", ".gif", ".webm", ".ts"}:
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if part_of(path.name, CLIP_VAL_SHARE) != part or digest in seen:
            continue
        seen.add(digest)
        try:
            with open_video(path, digest, Sampling(step_ms=500)) as source:
                frames = [frame.image for frame in source.frames()]
        except VideoError:
            continue
        chosen = sorted({round(at) for at in np.linspace(0, len(frames) - 1, min(CLIP_FRAMES, len(frames)))})
        yield from ((f"{path.stem}_{digest[:4]}_{at:03}", np.array(frames[at])) for at in chosen)


def pose_samples(data: Path) -> list[Sample]:
    """The pose sets' pictures without those of COCO that may be held back elsewhere; no labels are taken."""
    root = data / "pose"
    held = {path.name for path in (data / "coco128").rglob("*.jpg")} | {path.name for path in root.rglob("coco/*.jpg")}
    return [Sample(path, armed=False) for path in sorted(root.rglob("*.jpg")) if path.name not in held]


def face_samples(data: Path, part: Part) -> list[Sample]:
    """The FairFace crops of a part, by the hash of the name."""
    paths = sorted((data / "fairface_age" / "images").glob("*.jpg"))
    return [Sample(path, armed=False) for path in paths if part_of(path.name, 0.2) == part]


def framed(picture: Array) -> Array:
    """Give a picture that a face fills a border of its own blurred edge, so that the teacher of faces sees it."""
    edge = picture.shape[0] // 2
    wide = cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    soft = cv2.blur(wide, (31, 31))
    soft[edge:-edge, edge:-edge] = picture
    return soft


def write_part(data: Path, part: Part, writer: Writer, weapons: list[Sample], others: Iterable[Sample]) -> None:
    """Write everything of one part; `others` are natural pictures."""
    for one in weapons:
        writer.add(f"w_{one.path.stem}", read_picture(one.path), "weapons", one.boxes)
    for one in others:
        writer.add(f"n_{one.path.stem}", read_picture(one.path), "natural", one.boxes, armed=False)
    for one in coco_samples(data, part):
        writer.add(f"c_{one.path.stem}", read_picture(one.path), "coco", one.boxes, complete=True, armed=False)
    for one in uniform_samples(data, part):
        writer.add(
            f"u_{one.path.parent.name}_{one.path.stem}", read_picture(one.path), "uniform", one.boxes, armed=None
        )
    for one in face_samples(data, part):
        writer.add(f"f_{one.path.stem}", framed(read_picture(one.path)), "face", one.boxes, armed=False)
    for name, picture in clip_frames(data, part):
        armed = None if any(word in name for word in UNLABELLED_WEAPONS) else False
        writer.add(f"v_{name}", picture, "clip", np.zeros((0, 5)), armed=armed)


def without_look_alikes(samples: list[Sample], held_back: list[Sample]) -> list[Sample]:
    """Leave out the samples whose perceptual hash is near that of a held-back picture."""
    doubled = {index for index, _ in near_duplicates(samples, held_back)}
    print(f"left out as look-alikes of held-back pictures: {len(doubled)} of {len(samples)}")
    return [one for index, one in enumerate(samples) if index not in doubled]


def prepare(data: Path, person_file: Path, face_file: Path, root: Path) -> None:
    """Write `train` and `tune` pictures, their labels, and cut-outs of weapons and of harmless things."""
    shutil.rmtree(root, ignore_errors=True)
    teachers = Teachers(person_file, face_file)
    held_back = coco_samples(data, "val") + natural_samples(data, "val")
    train, tune = Writer(root, "train", teachers), Writer(root, "tune", teachers)
    weapons = without_look_alikes(weapons_samples(data, "train"), weapons_samples(data, "val"))
    for one in without_look_alikes(pose_samples(data), held_back):
        train.add(
            f"p_{one.path.parent.parent.name}_{one.path.stem}", read_picture(one.path), "pose", one.boxes, armed=False
        )
    write_part(data, "train", train, weapons, natural_samples(data, "train"))
    train.close()
    write_part(data, "tune", tune, weapons_samples(data, "tune"), natural_samples(data, "tune"))
    tune.close()
    cut_out(root, weapons, natural_samples(data, "train"), data)


def mask_of(picture: Array, box: Array) -> Array | None:
    """Opacity (0-255) of the thing in a pixel box `x1, y1, x2, y2` of a crop; None where it cannot be told.

    Before a plain background (the ring around the box hardly varies) whatever differs from it is the thing; elsewhere
    GrabCut decides, and an implausible share of the box is refused.
    """
    x1, y1, x2, y2 = (int(value) for value in box)
    inside = np.zeros(picture.shape[:2], bool)
    inside[y1:y2, x1:x2] = True
    ring = picture[~inside]
    if len(ring) > 40 and float(ring.std(axis=0).max()) < 14:
        far = np.abs(picture.astype(np.int16) - np.median(ring, axis=0)).max(axis=2) > 22
        mask = cv2.morphologyEx((far & inside).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    else:
        mask = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
        try:
            cv2.grabCut(picture, mask, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
        except cv2.error:
            return None
        mask = (mask == cv2.GC_PR_FGD).astype(np.uint8)
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    large = np.isin(parts, [part for part in range(1, count) if sizes[part, 4] > 0.15 * sizes[1:, 4].max()])
    share = large[y1:y2, x1:x2].mean()
    return large.astype(np.uint8) * 255 if 0.12 < share < 0.85 else None


def store_cut(picture: Array, row: Array, target: Path) -> bool:
    """Cut one labelled thing out of a picture into a PNG with transparency; False where that fails."""
    size = np.array([picture.shape[1], picture.shape[0]] * 2)
    box = np.clip(row[1:5] * size, 0, size).round()
    if min(box[2] - box[0], box[3] - box[1]) < CUT_SIDE_PX:
        return False
    margin = max(6.0, 0.08 * max(box[2] - box[0], box[3] - box[1]))
    outer = np.concatenate([np.maximum(box[:2] - margin, 0), np.minimum(box[2:] + margin, size[:2])]).astype(int)
    crop = picture[outer[1] : outer[3], outer[0] : outer[2]]
    box = box - np.concatenate([outer[:2], outer[:2]])
    scale = min(1.0, 240 / max(crop.shape[:2]))
    crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else crop
    mask = mask_of(np.ascontiguousarray(crop), np.array(box) * scale)
    if mask is None:
        return False
    ys, xs = np.nonzero(mask)
    whole = np.dstack([crop, mask])[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    return min(whole.shape[:2]) >= 8 and max(whole.shape[:2]) >= 60 and cv2.imwrite(str(target), whole)


def cut_out(root: Path, weapons: list[Sample], natural: list[Sample], data: Path) -> None:
    """Write cut-outs: labelled weapons, and as harmless things COCO's objects and the middle of ImageNet's pictures."""
    armed, harmless = root / "cuts_armed", root / "cuts_harmless"
    for folder in (armed, harmless):
        folder.mkdir(parents=True, exist_ok=True)
    for one in weapons:
        for index, row in enumerate(one.boxes[one.boxes[:, 0] == WEAPON][:3]):
            store_cut(read_picture(one.path), row, armed / f"{one.path.stem}_{index}.png")
    for one in natural:
        if "imagenet" in one.path.parent.name:
            store_cut(read_picture(one.path), np.array([0, 0.12, 0.12, 0.88, 0.88]), harmless / f"{one.path.stem}.png")
    for one in coco_samples(data, "train", every_class=True):
        for index, row in enumerate(one.boxes[one.boxes[:, 0] >= 24][:4]):
            store_cut(read_picture(one.path), row, harmless / f"{one.path.stem}_{index}.png")
    print(
        f"cut-outs: {len(list(armed.iterdir()))} weapons, {len(list(harmless.iterdir()))} harmless things", flush=True
    )
