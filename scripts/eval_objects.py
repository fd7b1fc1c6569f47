# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure the `person, weapon, face` detector, and other people's detectors of the same things, on held-back pictures.

Every detector runs from its ONNX file, on the picture sets that training has not seen:

* `weapons`   the validation part of the grey CCTV-style set (labels: person and weapon), plain and worsened;
* `coco`      a name-hashed fifth of the colour COCO pictures (label: person), plain and worsened;
* `natural`   a name-hashed third of ordinary pictures without weapons, for counting false weapon alarms;
* `faces`     held-back pictures of all kinds with the faces that YuNet sees: agreement with it, not truth.

Operating points are chosen on a fourth part, `tune`, which is split off the training pictures by group.
The same splits are imported by `train_objects.py`, so the two scripts cannot disagree on them.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics import (
    Matches,
    ap50_interval,
    average_precision,
    best_f1,
    iou_matrix,
    match_boxes,
    precision_recall,
)
from triage.network import switch_off_telemetry

switch_off_telemetry()

import openvino as ov  # noqa: E402  it reports its import unless that was switched off

Array = NDArray[Any]
Part = Literal["train", "tune", "val"]

NAMES = ("person", "weapon", "face")
PERSON, WEAPON, FACE = 0, 1, 2
COCO_PERSON, COCO_KNIFE = 0, 43
REPO = Path(__file__).resolve().parent.parent
DATA = REPO.parent / "shared" / "data"
PEERS = REPO.parent / "shared" / "weights"
TUNE_SHARE, COCO_VAL_SHARE, NATURAL_VAL_SHARE, UNIFORM_VAL_SHARE = 0.10, 0.20, 1 / 3, 0.20
# Looked at by eye: a gun part, an axe from a knife shop, a missile launch, a museum rocket, a guard and soldiers.
ARMED_NATURAL = frozenset({"rifle", "hatchet", "missile", "projectile", "372047", "170057"})
SCORE_FLOOR, NMS_IOU, MAX_BOXES = 0.01, 0.6, 300
DUPLICATE_BITS = 10
FACE_PX = 640
BANDS = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, 1e9)}
FACE_SURE, FACE_DOUBT, FACE_SMALLEST_PX, FACE_IOU = 0.6, 0.3, 8.0, 0.4
CURVE = (0.15, 0.25, 0.35, 0.5)
ALARM_SHARE = 0.05


@dataclass(frozen=True)
class Sample:
    """One picture with its boxes: float rows `class, x1, y1, x2, y2`, corners as shares of width and height."""

    path: Path
    boxes: Array = field(default_factory=lambda: np.zeros((0, 5)))
    armed: bool = True
    ignored: Array = field(default_factory=lambda: np.zeros((0, 5)))
    """Places of the same kind that count neither way."""


def unit_hash(text: str) -> float:
    """Map a text to a fixed number in [0, 1), the same on every machine."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def part_of(text: str, val_share: float) -> Part:
    """Say to which part a file name or group belongs: the lowest hashes are `val`, the next ones `tune`."""
    value = unit_hash(text)
    return "val" if value < val_share else "tune" if value < val_share + TUNE_SHARE else "train"


def read_labels(path: Path) -> Array:
    """Read a YOLO label file (class, centre x, centre y, width, height as shares) into Sample.boxes rows."""
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    raw = np.array([row[:5] for row in rows if len(row) >= 5], dtype=float).reshape(-1, 5)
    half = raw[:, 3:5] / 2
    return np.hstack([raw[:, :1], np.clip(raw[:, 1:3] - half, 0, 1), np.clip(raw[:, 1:3] + half, 0, 1)])


def weapons_samples(data: Path, part: Part) -> list[Sample]:
    """List the CCTV-style set; `tune` is a tenth of its training groups, so that look-alikes stay together."""
    root = data / "weapons_cctv"
    samples = []
    with (root / "manifest.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            split, name = row["split"], row["file"]
            if (part_of(row["group"], 0.0) if split == "train" else "val") == part:
                label = (root / "labels" / split / name).with_suffix(".txt")
                samples.append(Sample(root / "images" / split / name, read_labels(label)))
    return samples


def coco_samples(data: Path, part: Part, every_class: bool = False) -> list[Sample]:
    """List the COCO pictures; those with a kitchen knife are neither armed nor unarmed.

    Args:
        every_class: give the boxes of all 80 classes under COCO's numbers, not the persons alone.
    """
    root = data / "coco128"
    samples = []
    for path in sorted((root / "images" / "train2017").glob("*.jpg")):
        if part_of(path.name, COCO_VAL_SHARE) != part:
            continue
        boxes = read_labels((root / "object_detection" / "labels" / "train2017" / path.name).with_suffix(".txt"))
        knife = bool(np.any(boxes[:, 0] == COCO_KNIFE))
        if knife and part != "val":
            continue
        samples.append(Sample(path, boxes if every_class else boxes[boxes[:, 0] == COCO_PERSON], armed=knife))
    return samples


def uniform_samples(data: Path, part: Part) -> list[Sample]:
    """List the press and stock pictures of soldiers by the hash of their names; they carry no boxes."""
    paths = sorted((data / "uniform_dev").rglob("*.jpg"))
    return [Sample(path) for path in paths if part_of(path.name, UNIFORM_VAL_SHARE) == part]


def natural_samples(data: Path, part: Part) -> list[Sample]:
    """List the ordinary pictures without weapons; they carry no labels."""
    paths = sorted((data / "natural").rglob("*.jpg"))
    unarmed = [path for path in paths if (path.stem.partition("_")[2] or path.stem) not in ARMED_NATURAL]
    return [Sample(path, armed=False) for path in unarmed if part_of(path.name, NATURAL_VAL_SHARE) == part]


def read_picture(path: Path) -> Array:
    """Decode a picture to BGR uint8 of shape (height, width, 3)."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"cannot decode {path.name}")
    return picture


def letterbox(picture: Array, size: int) -> tuple[Array, float, tuple[int, int]]:
    """Fit a picture into a size x size square with grey borders; returns it, the scale and the left, top border."""
    height, width = picture.shape[:2]
    scale = min(size / height, size / width)
    new = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (size - new[0]) // 2, (size - new[1]) // 2
    canvas = np.full((size, size, 3), 114, np.uint8)
    resized = cv2.resize(picture, new, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas[top : top + new[1], left : left + new[0]] = resized
    return canvas, scale, (left, top)


def suppress(boxes: Array, scores: Array, iou: float = NMS_IOU) -> Array:
    """Greedy non-maximum suppression of corner boxes (n, 4); returns the kept indices, best score first."""
    order = np.argsort(-scores, kind="stable")[:1000]
    kept: list[int] = []
    while order.size and len(kept) < MAX_BOXES:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[iou_matrix(boxes[best : best + 1], boxes[order])[0] <= iou]
    return np.array(kept, dtype=int)


def decode_yolox(raw: Array, size: int) -> tuple[Array, Array]:
    """Turn YOLOX's raw grid (A, 85) into xywh pixels (A, 4) and class scores (A, 80); strides 8, 16, 32."""
    cells, strides = [], []
    for stride in (8, 16, 32):
        side = size // stride
        ys, xs = np.mgrid[:side, :side]
        cells.append(np.stack([xs.ravel(), ys.ravel()], 1))
        strides.append(np.full((side * side, 1), stride))
    cell, stride_column = np.concatenate(cells), np.concatenate(strides)
    boxes = np.hstack([(raw[:, :2] + cell) * stride_column, np.exp(raw[:, 2:4]) * stride_column])
    return boxes, raw[:, 4:5] * raw[:, 5:]


@dataclass(frozen=True)
class Spec:
    """How to feed and read one ONNX detector. `rows` maps our class to the model's class columns."""

    file: Path
    size: int
    rows: dict[int, tuple[int, ...]]
    family: Literal["ultralytics", "yolox"] = "ultralytics"


class Detector:
    """An ONNX detector behind one call: BGR picture -> rows `class, score, x1, y1, x2, y2` as shares."""

    def __init__(self, spec: Spec, threads: int = 2) -> None:
        """Compile the model for a fixed 1 x 3 x size x size input on the processor."""
        self.spec = spec
        core = ov.Core()
        model = core.read_model(str(spec.file))
        model.reshape([1, 3, spec.size, spec.size])
        # FP32 on every processor: some would pick bfloat16 by themselves, and figures would depend on the machine.
        config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        self.compiled = core.compile_model(model, "CPU", config)

    def raw(self, square: Array) -> tuple[Array, Array]:
        """Run one letterboxed BGR square; returns xywh pixel boxes (A, 4) and class scores (A, classes)."""
        ordered = square if self.spec.family == "yolox" else square[..., ::-1] / np.float32(255)
        tensor = np.ascontiguousarray(ordered.transpose(2, 0, 1)[None], dtype=np.float32)
        output = np.asarray(self.compiled([tensor])[0])[0]
        if self.spec.family == "yolox":
            return decode_yolox(output, self.spec.size)
        return output[:4].T, output[4:].T

    def __call__(self, picture: Array) -> Array:
        """Detect in a BGR picture of any size; rows are sorted by class, then score."""
        square, scale, (left, top) = letterbox(picture, self.spec.size)
        centres, scores = self.raw(square)
        corners = np.hstack([centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2])
        shape = np.array([picture.shape[1], picture.shape[0]] * 2) * scale
        corners = np.clip((corners - np.array([left, top, left, top])) / shape, 0, 1)
        found = []
        for ours, columns in self.spec.rows.items():
            score = scores[:, list(columns)].max(axis=1)
            likely = score > SCORE_FLOOR
            kept = suppress(corners[likely], score[likely])
            block = np.full((len(kept), 6), float(ours))
            block[:, 1], block[:, 2:] = score[likely][kept], corners[likely][kept]
            found.append(block)
        return np.concatenate(found)


class FaceDetector:
    """YuNet behind the same call as `Detector`, at a longest side of 640 px."""

    def __init__(self, file: Path) -> None:
        """Open the model."""
        self.spec = Spec(file, FACE_PX, {FACE: ()})
        self.net = cv2.FaceDetectorYN.create(str(file), "", (FACE_PX, FACE_PX), score_threshold=0.1, nms_threshold=0.4)

    def __call__(self, picture: Array) -> Array:
        """Detect in a BGR picture of any size; rows `class, score, x1, y1, x2, y2` in shares, best score first."""
        scale = FACE_PX / max(picture.shape[:2])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        sized = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way)
        height, width = sized.shape[:2]
        self.net.setInputSize((width, height))
        answer: Array | None = self.net.detect(sized)[1]
        if answer is None:
            return np.zeros((0, 6))
        found = np.asarray(answer)
        corners = np.hstack([found[:, :2], found[:, :2] + found[:, 2:4]]) / np.array([width, height] * 2)
        rows = np.hstack([np.full((len(found), 1), FACE), found[:, 14:15], np.clip(corners, 0, 1)])
        return np.asarray(rows[np.argsort(-rows[:, 1], kind="stable")], dtype=float)


def plain(picture: Array) -> Array:
    """Leave the picture as it is."""
    return picture


def compressed(picture: Array) -> Array:
    """Save and reload the picture as a bad JPEG (quality 12)."""
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 12])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def darkened(picture: Array) -> Array:
    """Take a quarter of the light away and add sensor noise (standard deviation 8 of 255, fixed seed)."""
    noise = np.random.default_rng(0).normal(0, 8, picture.shape[:2])[..., None]
    return np.asarray(np.clip(picture.astype(np.float32) * 0.25 + noise, 0, 255).astype(np.uint8))


def shrunk(picture: Array) -> Array:
    """Scale the picture down to 240 lines and compress it (JPEG quality 40), as old phones and messengers do."""
    scale = 240 / picture.shape[0]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def salt_and_pepper(picture: Array, generator: np.random.Generator) -> Array:
    """Set 2 to 5 % of the pixels to black or white."""
    noisy = picture.copy()
    chosen = generator.random(picture.shape[:2]) < generator.uniform(0.02, 0.05)
    noisy[chosen] = generator.choice(np.array([0, 255], np.uint8), (int(chosen.sum()), 1))
    return noisy


def warp(picture: Array, boxes: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Rotate and shear by up to 15 degrees each on black; boxes become the hulls of their moved corners."""
    height, width = picture.shape[:2]
    angle, shear_x, shear_y = np.radians(generator.uniform(-15, 15, 3))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, np.tan(shear_x)], [np.tan(shear_y), 1]])
    centre = np.array([width, height]) / 2
    matrix = np.hstack([linear, (centre - linear @ centre)[:, None]])
    size = np.array([width, height])
    corners = boxes[:, [1, 2, 3, 2, 3, 4, 1, 4]].reshape(-1, 4, 2) * size
    moved = (corners @ matrix[:, :2].T + matrix[:, 2]) / size
    hulls = np.clip(np.hstack([moved.min(axis=1), moved.max(axis=1)]), 0, 1)
    return cv2.warpAffine(picture, matrix, (width, height)), np.hstack([boxes[:, :1], hulls])


def tinted(picture: Array, generator: np.random.Generator) -> Array:
    """Colour a grey BGR picture: two casts from dark to light, and soft blotches of colour across it."""
    luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    height, width = luma.shape
    # Colour is soft in most footage: it is made at a quarter of the size.
    small = cv2.resize(luma, (max(2, width // 4), max(2, height // 4)), interpolation=cv2.INTER_AREA).astype(np.float32)
    ramp = small[..., None] / 255
    low, middle, high = generator.normal(0, generator.uniform(4, 22), (3, 2)).astype(np.float32)
    chroma = low * (1 - ramp) ** 2 + 2 * middle * ramp * (1 - ramp) + high * ramp**2
    if generator.random() < 0.7:
        coarse = generator.normal(0, generator.uniform(4, 26), (*generator.integers(2, 9, 2), 2)).astype(np.float32)
        chroma = chroma + cv2.resize(coarse, small.shape[::-1], interpolation=cv2.INTER_CUBIC)
    if generator.random() < 0.5:
        # Things of one brightness side by side tend to be one thing: a colour per band of softened luma.
        bands = (cv2.blur(small, (3, 3)) / 256 * generator.integers(3, 8)).astype(int)
        chroma = chroma + generator.normal(0, generator.uniform(4, 18), (8, 2)).astype(np.float32)[bands]
    whole = cv2.resize(np.clip(chroma + 128, 40, 216).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(cv2.merge([luma, whole[..., 0], whole[..., 1]]), cv2.COLOR_LAB2BGR))


WORSENINGS: dict[str, Callable[[Array], Array]] = {
    "plain": plain,
    "JPEG 12": compressed,
    "dark": darkened,
    "240p": shrunk,
}
STATES = (*WORSENINGS, "salt and pepper", "tilted", "tinted")
COCO_STATES = ("plain", "grey", "dark", "240p")
FACE_STATES = ("plain", "dark", "240p")


def greyed(picture: Array) -> Array:
    """Take the colour away."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def worsened(sample: Sample, state: str) -> tuple[Array, Array]:
    """Read a sample's picture and boxes in one of the STATES; the random ones depend on the file name alone."""
    picture = read_picture(sample.path)
    generator = np.random.default_rng(int(unit_hash(sample.path.name) * 2**32))
    if state == "tilted":
        return warp(picture, sample.boxes, generator)
    if state == "salt and pepper":
        return salt_and_pepper(picture, generator), sample.boxes
    if state in {"tinted", "grey"}:
        return tinted(picture, generator) if state == "tinted" else greyed(picture), sample.boxes
    return WORSENINGS[state](picture), sample.boxes


def match(found: Array, truth: Array, label: int) -> Matches:
    """Assign detections to labelled boxes of one class."""
    mine, real = found[found[:, 0] == label], truth[truth[:, 0] == label]
    return match_boxes(mine[:, 2:], mine[:, 1], real[:, 1:])


def shares(matches: list[Matches], threshold: float) -> tuple[float, float]:
    """Precision and recall at a threshold; 0 where there is nothing to count."""
    precision, recall = np.nan_to_num(precision_recall(matches, threshold))
    return float(precision), float(recall)


def without_ignored(found: Array, ignored: Array) -> Array:
    """Leave out what was found where a label of its class says that nothing counts (IoU above 0.4)."""
    kept = np.ones(len(found), dtype=bool)
    if len(found) and len(ignored):
        same = found[:, None, 0] == ignored[None, :, 0]
        kept = ~np.any((iou_matrix(found[:, 2:], ignored[:, 1:]) > 0.4) & same, axis=1)
    return found[kept]


def in_band(found: Array, truth: Array, band: tuple[float, float], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """What was found and labelled of one size band, as COCO counts: what matches a box of another band is left out.

    Args:
        band: square root of a box's area, from and below, in pixels of the picture at a longest side of 640 px.
        shape: the picture's (height, width, ...).
    """
    sides = np.array([shape[1], shape[0]]) * 640 / max(shape[:2])

    def size(corners: Array) -> Array:
        return np.asarray(np.sqrt(np.prod((corners[:, 2:] - corners[:, :2]) * sides, axis=1)))

    real = (size(truth[:, 1:]) >= band[0]) & (size(truth[:, 1:]) < band[1])
    mine = (size(found[:, 2:]) >= band[0]) & (size(found[:, 2:]) < band[1])
    if len(truth) and len(found):
        same = found[:, None, 0] == truth[None, :, 0]
        overlaps = np.where(same, iou_matrix(found[:, 2:], truth[:, 1:]), 0)
        best = overlaps.argmax(axis=1)
        mine = np.where(overlaps.max(axis=1) >= 0.5, real[best], mine)
    return found[mine], truth[real]


def perceptual_hash(picture: Array) -> Array:
    """64 bits from the signs of the lowest 8 x 8 cosine coefficients (mean-free) of the grey 32 x 32 picture."""
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()
    return np.asarray(low > np.median(low[1:]))


def near_duplicates(first: list[Sample], second: list[Sample], bits: int = DUPLICATE_BITS) -> list[tuple[int, int]]:
    """Pairs (index in first, index in second) whose hashes, one of them perhaps mirrored, differ in at most `bits`."""
    plain_hashes = np.array([perceptual_hash(read_picture(one.path)) for one in second])
    pairs: list[tuple[int, int]] = []
    for index, one in enumerate(first):
        picture = read_picture(one.path)
        both = [perceptual_hash(picture), perceptual_hash(np.ascontiguousarray(picture[:, ::-1]))]
        distance = np.min([(plain_hashes != bits_of).sum(axis=1) for bits_of in both], axis=0)
        pairs.extend((index, int(other)) for other in np.nonzero(distance <= bits)[0])
    return pairs


def specs(model: Path, peers: Path, size: int) -> dict[str, Spec]:
    """The detectors to compare; peers whose files are absent are left out."""
    known = {
        "objects (this model)": Spec(model, size, {PERSON: (0,), WEAPON: (1,), FACE: (2,)}),
        "yolo11n_rebuilt, 640": Spec(peers / "yolo11n_rebuilt_640_fp16.onnx", 640, {PERSON: (0,)}),
        "yolox_nano, 416": Spec(peers / "yolox_nano.onnx", 416, {PERSON: (0,)}, "yolox"),
        "arcis_weapons, 256": Spec(peers / "arcis_weapons_256.onnx", 256, {WEAPON: (0, 1, 2, 3)}),
    }
    return {name: spec for name, spec in known.items() if spec.file.exists()}


def face_labelled(samples: list[Sample], teacher: FaceDetector) -> list[Sample]:
    """The same pictures with YuNet's sure faces as labels; its doubtful ones, and the tiny ones, are to be ignored."""
    labelled = []
    for one in samples:
        picture = read_picture(one.path)
        found = teacher(picture)
        sides = np.array([picture.shape[1], picture.shape[0]]) * min(1.0, 640 / max(picture.shape[:2]))
        large = ((found[:, 4:6] - found[:, 2:4]) * sides).min(axis=1, initial=1e9) >= FACE_SMALLEST_PX
        sure = (found[:, 1] >= FACE_SURE) & large
        doubtful = (found[:, 1] >= FACE_DOUBT) & ~sure
        boxes = found[:, [0, 2, 3, 4, 5]]
        labelled.append(Sample(one.path, boxes[sure], one.armed, boxes[doubtful]))
    return labelled


def face_samples(data: Path, part: Part) -> list[Sample]:
    """Pictures of every kind of one part: weapons, COCO, natural and uniform sets; no face is labelled yet."""
    return [
        one for kind in (weapons_samples, coco_samples, natural_samples, uniform_samples) for one in kind(data, part)
    ]


def operating_points(detector: Detector, data: Path, teacher: FaceDetector) -> dict[int, float]:
    """Choose, per class, the threshold with the best F1 on the `tune` part."""
    weapons, coco, natural = weapons_samples(data, "tune"), coco_samples(data, "tune"), natural_samples(data, "tune")
    points = {}
    for label in detector.spec.rows:
        # Natural pictures carry no person labels; COCO pictures without knives and natural ones count as unarmed.
        chosen = weapons + coco + (natural if label == WEAPON else [])
        if label == FACE:
            chosen = face_labelled(face_samples(data, "tune"), teacher)
        seen = [(without_ignored(detector(read_picture(one.path)), one.ignored), one.boxes) for one in chosen]
        points[label], _ = best_f1([match(found, boxes, label) for found, boxes in seen])
    return points


Row = dict[str, Any]


def labelled_rows(
    detector: Detector, points: dict[int, float], sets: dict[str, list[Sample]], rounds: int
) -> list[Row]:
    """Figures on labelled sets: AP50 with its interval, AP50-95, precision and recall at the operating point."""
    rows = []
    for title, samples in sets.items():
        name, _, state = title.partition(" / ")
        seen = [worsened(one, state) for one in samples]
        found = [
            without_ignored(detector(picture), one.ignored) for (picture, _), one in zip(seen, samples, strict=True)
        ]
        truths = [boxes for _, boxes in seen]
        shapes = [picture.shape for picture, _ in seen]
        for label in detector.spec.rows:
            matches = [match(mine, boxes, label) for mine, boxes in zip(found, truths, strict=True)]
            if not sum(one.labelled for one in matches) or (name.startswith("faces") and label != FACE):
                continue
            values = average_precision(matches)
            precision, recall = shares(matches, points[label])
            rows.append(
                {
                    "set": name,
                    "state": state,
                    "class": NAMES[label],
                    "pictures": len(samples),
                    "boxes": sum(one.labelled for one in matches),
                    "AP50": float(values[0]),
                    "interval": ap50_interval(matches, rounds)[1:],
                    "AP50-95": float(values.mean()),
                    "threshold": points[label],
                    "precision": precision,
                    "recall": recall,
                    "curve": [(one, *shares(matches, one)) for one in CURVE],
                    "bands": band_figures(found, truths, shapes, label, points[label]) if state == "plain" else {},
                    "recall at IoU 0.4": loose_recall(found, truths, points[label]) if label == FACE else None,
                }
            )
    return rows


def band_figures(
    found: list[Array], truths: list[Array], shapes: list[tuple[int, ...]], label: int, point: float
) -> dict[str, tuple[int, float, float]]:
    """Per size band: labelled boxes, AP50 and recall at the operating point."""
    figures = {}
    for name, band in BANDS.items():
        pairs = [in_band(mine, boxes, band, shape) for mine, boxes, shape in zip(found, truths, shapes, strict=True)]
        matches = [match(mine, boxes, label) for mine, boxes in pairs]
        labelled = sum(one.labelled for one in matches)
        figures[name] = (labelled, float(average_precision(matches)[0]), shares(matches, point)[1])
    return figures


def loose_recall(found: list[Array], truths: list[Array], point: float) -> float:
    """Share of labelled faces with a face found at the operating point and IoU 0.4 or more."""
    hits = total = 0
    for mine, boxes in zip(found, truths, strict=True):
        real = boxes[boxes[:, 0] == FACE]
        sure = mine[(mine[:, 0] == FACE) & (mine[:, 1] >= point)]
        total += len(real)
        if len(real) and len(sure):
            hits += int((iou_matrix(real[:, 1:], sure[:, 2:]).max(axis=1) >= FACE_IOU).sum())
    return hits / max(total, 1)


def top_scores(detector: Detector, samples: list[Sample], state: str = "plain") -> Array:
    """The highest weapon score in each picture, 0 where there is none."""
    found = [detector(worsened(one, state)[0]) for one in samples]
    return np.array([rows[rows[:, 0] == WEAPON, 1].max(initial=0.0) for rows in found])


def alarm_rows(tops: Array, name: str, point: float) -> list[Row]:
    """Share of weapon-free pictures with any weapon box at the operating point, and at fixed thresholds."""
    return [
        {"set": name, "pictures": len(tops), "threshold": threshold, "alarms": float(np.mean(tops >= threshold))}
        for threshold in (point, *CURVE)
    ]


def at_equal_alarms(detector: Detector, tops: Array, samples: list[Sample]) -> Row:
    """Weapon precision and recall at the threshold that raises an alarm in at most 5 % of weapon-free pictures."""
    allowed = int(ALARM_SHARE * len(tops))
    threshold = float(np.nextafter(np.sort(tops)[::-1][allowed], 1.0))
    matches = [match(detector(read_picture(one.path)), one.boxes, WEAPON) for one in samples]
    precision, recall = shares(matches, threshold)
    return {"threshold": threshold, "precision": precision, "recall": recall}


def labelled_sets(data: Path, teacher: FaceDetector) -> dict[str, list[Sample]]:
    """The labelled evaluation sets; ` / ` in a title separates the set from its worsening."""
    weapons, coco = weapons_samples(data, "val"), coco_samples(data, "val")
    pairs = near_duplicates(weapons, weapons_samples(data, "train") + weapons_samples(data, "tune"))
    doubled = {index for index, _ in pairs}
    distinct = [one for index, one in enumerate(weapons) if index not in doubled]
    faces = face_labelled(face_samples(data, "val"), teacher)
    sets = {f"weapons val / {state}": weapons for state in STATES}
    sets["weapons val, no near-duplicates / plain"] = distinct
    sets |= {f"coco held back / {state}": coco for state in COCO_STATES}
    sets |= {f"faces held back / {state}": faces for state in FACE_STATES}
    return sets


def as_markdown(name: str, result: dict[str, Any]) -> str:
    """Write one detector's figures as Markdown table rows."""
    lines = []
    for row in result["labelled"]:
        low, high = row["interval"]
        lines.append(
            f"| {name} | {row['set']}, {row['state']} | {row['class']} | {row['pictures']} / {row['boxes']} "
            f"| {row['AP50']:.3f} ({low:.2f}–{high:.2f}) | {row['AP50-95']:.3f} "
            f"| {row['threshold']:.2f} | {row['precision']:.2f} | {row['recall']:.2f} |"
        )
    for row in result["labelled"]:
        if row["recall at IoU 0.4"] is not None:
            lines.append(
                f"| {name} | {row['set']}, {row['state']} | recall at IoU 0.4: {row['recall at IoU 0.4']:.3f} |"
            )
        for band, (labelled, precision, recall) in row["bands"].items():
            lines.append(
                f"| {name} | {row['set']} | {row['class']} {band}: {labelled} boxes "
                f"| AP50 {precision:.3f}, recall {recall:.2f} |"
            )
        if row["state"] == "plain":
            pairs = " | ".join(f"{precision:.2f} / {recall:.2f}" for _, precision, recall in row["curve"])
            lines.append(f"| {name} | {row['set']} | {row['class']} precision / recall at {CURVE} | {pairs} |")
    lines += [
        f"| {name} | {one['set']} | {one['pictures']} | {one['threshold']:.2f} | {one['alarms']:.3f} |"
        for one in result["alarms"]
    ]
    if equal := result.get("equal alarms"):
        lines.append(
            f"| {name} | at most {ALARM_SHARE:.0%} alarms: threshold {equal['threshold']:.2f}, weapon precision "
            f"{equal['precision']:.2f}, recall {equal['recall']:.2f} |"
        )
    lines.append(f"operating points of {name}: {result['operating points']}")
    return "\n".join(lines)


def evaluate(
    detector: Detector, data: Path, sets: dict[str, list[Sample]], teacher: FaceDetector, rounds: int
) -> dict[str, Any]:
    """All figures of one detector; only on the sets that have labels of its classes."""
    points = operating_points(detector, data, teacher)
    asked = {title: one for title, one in sets.items() if FACE in points or not title.startswith("faces")}
    if set(points) == {WEAPON}:
        asked = {title: one for title, one in asked.items() if title.startswith("weapons")}
    result: dict[str, Any] = {
        "operating points": {NAMES[label]: value for label, value in points.items()},
        "labelled": labelled_rows(detector, points, asked, rounds),
        "alarms": [],
    }
    if WEAPON in points:
        unarmed = [one for one in coco_samples(data, "val") if not one.armed]
        natural = natural_samples(data, "val")
        tops = top_scores(detector, natural)
        result["alarms"] = alarm_rows(tops, "natural held back", points[WEAPON])
        result["alarms"] += alarm_rows(top_scores(detector, natural, "grey"), "natural, grey", points[WEAPON])
        result["alarms"] += alarm_rows(top_scores(detector, natural, "tinted"), "natural, tinted", points[WEAPON])
        result["alarms"] += alarm_rows(top_scores(detector, unarmed), "coco held back, no knife", points[WEAPON])
        result["equal alarms"] = at_equal_alarms(detector, tops, weapons_samples(data, "val"))
    return result


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPO / "weights" / "objects.onnx")
    parser.add_argument("--imgsz", type=int, default=512, help="input side of this model in pixels")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with weapons_cctv, coco128 and natural")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with other people's ONNX files")
    parser.add_argument("--rounds", type=int, default=500, help="bootstrap rounds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="measure only detectors whose name contains this text")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    return parser.parse_args()


def main() -> None:
    """Print the figures of every detector as Markdown rows, and write them as JSON where asked."""
    options = parse_arguments()
    cv2.setNumThreads(options.threads)
    results = {}
    teacher = FaceDetector(options.peers / "yunet_n_dynamic.onnx")
    sets = labelled_sets(options.data, teacher)
    for name, spec in specs(options.model, options.peers, options.imgsz).items():
        if options.only in name:
            results[name] = evaluate(Detector(spec, options.threads), options.data, sets, teacher, options.rounds)
            print(as_markdown(name, results[name]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
