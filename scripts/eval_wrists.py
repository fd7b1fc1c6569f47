# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure body keypoint models on held-back pictures: upright, turned, dark, small, and on people's own labels.

Two kinds of truth:

* `teacher`  what the teacher sees at 640 px in the clean, upright picture (person >= 0.5, point >= 0.5), moved along
  when the picture is turned or spoiled. It says how much survives, and flatters the teacher where nothing is spoiled.
* `people`   keypoints that people marked, in the sample pictures of several sets. None of them is trained on.

The program's own reader looks, told where each person is. A point counts as found if it lies within 0.2 torso lengths
of the truth; a person whose body is not found has no point found.
The pictures and their parts are the same as in `train_wrists.py`, which imports them from here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from eval_objects import (  # first of all: it switches off what OpenVINO and ultralytics would report
    DATA,
    PEERS,
    REPO,
    Array,
    Part,
    coco_samples,
    compressed,
    darkened,
    letterbox,
    part_of,
    plain,
    read_picture,
    shrunk,
    suppress,
    weapons_samples,
)

from triage.durable import sha256_of
from triage.findings.pose import LEAST_SCORE, PoseReader
from triage.geometry import Box
from triage.records import Finding, Frame, Label, Pose, Role, Video
from triage.settings import Detecting, Precision
from triage.weights import Weights

TEACHER = PEERS / "yolo11n-pose_rebuilt_640_fp16.onnx"
VAL_SHARE = 0.20
TURNS = {"upright": 0, "turned left": 3, "turned right": 1, "upside down": 2}
SPOILINGS: dict[str, Callable[[Array], Array]] = {
    "plain": plain,
    "dark": darkened,
    "240p": shrunk,
    "JPEG 12": compressed,
}
CONDITIONS = [(turn, "plain") for turn in TURNS] + [("upright", name) for name in SPOILINGS if name != "plain"]
CONDITIONS += [("turned left", "dark"), ("turned left", "240p")]
SHOULDERS, ELBOWS, WRISTS, HIPS = (5, 6), (7, 8), (9, 10), (11, 12)
LIMBS = tuple(range(5, 17))
NEAR = 0.2
REFERENCE_PERSON = REFERENCE_POINT = 0.5
FRAMES_PER_CLIP = 24
COCO_17 = tuple(range(17))
# Where other sets keep the twelve body points, in COCO's order from the left shoulder to the right ankle.
CROWDPOSE = tuple(range(12))
AIC = (3, 0, 4, 1, 5, 2, 9, 6, 10, 7, 11, 8)
MPII = (13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0)


@dataclass(frozen=True)
class People:
    """Persons of one picture: boxes (n, 4) corners px, scores (n,), points (n, 17, 3) x, y px and score."""

    boxes: Array
    scores: Array
    points: Array

    def __getitem__(self, chosen: Array) -> People:
        """Those persons alone."""
        return People(self.boxes[chosen], self.scores[chosen], self.points[chosen])


@dataclass(frozen=True)
class Picture:
    """One picture to learn from or to measure on."""

    name: str
    image: Array
    """(h, w, 3) uint8 BGR."""
    people: People | None = None
    """What people marked; None: nobody did."""


class PoseNet:
    """A YOLO pose model in an ONNX file: BGR picture of any size -> People."""

    def __init__(self, file: Path, size: int, threads: int = 1, precision: str = "f32") -> None:
        """Compile for squares of `size` px; by default in FP32 on every processor, so that figures are the same."""
        import openvino

        core = openvino.Core()
        model = core.read_model(str(file))
        if model.input().partial_shape.is_dynamic:
            model.reshape([1, 3, size, size])
        self.size = size
        self.compiled = core.compile_model(
            model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
        )

    def __call__(self, picture: Array, at_least: float = 0.05) -> People:
        """Persons scored `at_least`, without weaker doubles."""
        square, scale, (left, top) = letterbox(picture, self.size)
        tensor = np.ascontiguousarray((square[..., ::-1] / np.float32(255)).transpose(2, 0, 1)[None], dtype=np.float32)
        raw = np.asarray(self.compiled([tensor])[0])[0].T.astype(np.float32)
        raw = raw[raw[:, 4] >= at_least]
        corners = np.hstack([raw[:, :2] - raw[:, 2:4] / 2, raw[:, :2] + raw[:, 2:4] / 2])
        kept = suppress(corners, raw[:, 4])
        points = raw[kept, 5:].reshape(-1, 17, 3).copy()
        points[..., :2] = (points[..., :2] - (left, top)) / scale
        return People((corners[kept] - (left, top, left, top)) / scale, raw[kept, 4], points)


def limited(picture: Array, longest: int = 640) -> Array:
    """The picture, made smaller where a side is longer than `longest` px."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    if scale == 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def clips(data: Path) -> list[Path]:
    """The clips with people in them."""
    videos, pose = data / "videos", data / "pose" / "mmpose"
    return [
        *sorted((videos / "intel" / "asl_gestures").glob("*.mkv")),
        videos / "intel" / "one-by-one-person-detection.mp4",
        *sorted((videos / "intel" / "preview").glob("*.gif")),
        videos / "egoblur" / "gen1" / "demo_assets" / "test_video.mp4",
        pose / "demo" / "resources" / "demo.mp4",
        *sorted((pose / "tests" / "data" / "posetrack18").rglob("*.mp4")),
    ]


def frames(clip: Path) -> Iterator[Array]:
    """Up to FRAMES_PER_CLIP pictures of a clip, evenly spaced."""
    reader = cv2.VideoCapture(str(clip))
    step = max(1, int(reader.get(cv2.CAP_PROP_FRAME_COUNT)) // FRAMES_PER_CLIP)
    number = 0
    while reader.grab():
        if number % step == 0:
            yield np.asarray(reader.retrieve()[1])
        number += 1
    reader.release()


def pictures(data: Path, part: Part) -> Iterator[Picture]:
    """Pictures without marked keypoints: COCO, CCTV and stock, soldiers, frames of clips (split by clip)."""
    for sample in [*coco_samples(data, part), *weapons_samples(data, part)]:
        if len(sample.boxes):
            yield Picture(sample.path.stem, read_picture(sample.path))
    for path in sorted((data / "uniform_dev").rglob("*.jpg")):
        if part_of(path.name, VAL_SHARE) == part:
            yield Picture(path.stem, limited(read_picture(path)))
    for clip in clips(data):
        if part_of(clip.name, VAL_SHARE) == part:
            for number, frame in enumerate(frames(clip)):
                yield Picture(f"{clip.stem}_{number}", limited(frame))


def marked(points: Array, places: tuple[int, ...]) -> Array:
    """(17, 3) in COCO's order from another set's (k, 3), points never marked scored 0."""
    result = np.zeros((17, 3))
    result[-len(places) :] = points[list(places)]
    result[:, 2] = result[:, 2] > 0
    return result


def people_of(rows: list[Array], places: tuple[int, ...]) -> People:
    """People from marked points, each with the box around them."""
    points = np.array([marked(row, places) for row in rows])
    boxes = [np.concatenate([seen.min(0), seen.max(0)]) for seen in (one[one[:, 2] > 0, :2] for one in points)]
    return People(np.array(boxes), np.ones(len(points)), points)


def marked_pictures(data: Path) -> Iterator[Picture]:
    """The pictures whose keypoints people marked."""
    hub = data / "pose" / "ultralytics_hub" / "example_datasets" / "coco8-pose"
    for label in sorted(hub.rglob("labels/*/*.txt")):
        image = read_picture(hub / "images" / label.parent.name / f"{label.stem}.jpg")
        size = (image.shape[1], image.shape[0], 1)
        rows = [np.array(line.split()[5:], float).reshape(17, 3) * size for line in label.read_text().splitlines()]
        yield Picture(f"coco8 {label.stem}", image, people_of([row for row in rows if row[:, 2].any()], COCO_17))
    root = data / "pose" / "mmpose" / "tests" / "data"
    for name, places in (("coco", COCO_17), ("ochuman", COCO_17), ("aic", AIC), ("crowdpose", CROWDPOSE)):
        table: dict[str, Any] = json.loads((root / name / f"test_{name}.json").read_text())
        for entry in table["images"]:
            rows = [
                np.array(one["keypoints"], float).reshape(-1, 3)
                for one in table["annotations"]
                if one["image_id"] == entry["id"] and any(one["keypoints"])
            ]
            if name == "aic":  # 1 visible, 2 hidden, 3 not marked
                rows = [np.where(row[:, 2:] == 3, 0, row) for row in rows]
            file = root / name / Path(entry["file_name"]).name
            yield Picture(f"{name} {file.stem}", read_picture(file), people_of(rows, places))
    for one in json.loads((root / "mpii" / "test_mpii.json").read_text()):
        row = np.hstack([np.array(one["joints"], float), np.array(one["joints_vis"], float)[:, None]])
        yield Picture(f"mpii {one['image']}", read_picture(root / "mpii" / one["image"]), people_of([row], MPII))


def turned(people: People, quarter: int, hw: tuple[int, int]) -> People:
    """People of a picture of `hw`, where `np.rot90(picture, -quarter)` shows them (quarter turns to the right)."""
    height, width = hw
    boxes, points = people.boxes.reshape(-1, 2, 2), people.points.copy()
    for _ in range(quarter):
        boxes = np.stack([height - boxes[..., 1], boxes[..., 0]], -1)
        points[..., :2] = np.stack([height - points[..., 1], points[..., 0]], -1)
        height, width = width, height
    ordered = np.hstack([boxes.min(axis=1), boxes.max(axis=1)]) if len(boxes) else people.boxes
    return People(ordered, people.scores, points)


def in_condition(picture: Picture, truth: People, turn: str, spoiling: str) -> tuple[Array, People]:
    """The picture turned and spoiled, and its people in its own px afterwards."""
    quarter = TURNS[turn]
    image = np.ascontiguousarray(np.rot90(picture.image, -quarter))
    people = turned(truth, quarter, picture.image.shape[:2])
    spoilt = SPOILINGS[spoiling](image)
    scale = np.array([spoilt.shape[1] / image.shape[1], spoilt.shape[0] / image.shape[0]])
    points = people.points.copy()
    points[..., :2] *= scale
    return spoilt, replace(people, boxes=people.boxes * np.tile(scale, 2), points=points)


def torso_px(points: Array) -> Array:
    """Middle of the shoulders to middle of the hips, (n,) px; NaN where one of the four is not known."""
    known = (points[:, [*SHOULDERS, *HIPS], 2] > 0).all(axis=1)
    gap = points[:, SHOULDERS, :2].mean(1) - points[:, HIPS, :2].mean(1)
    return np.where(known, np.linalg.norm(gap, axis=1), np.nan)


def found_points(seen: People, truth: People, at_least: float) -> tuple[Array, Array]:
    """Which known points were found, and which are known: two (n, 17) of bool, for persons with a torso."""
    torso = torso_px(truth.points)
    truth, torso = truth[torso > 0], torso[torso > 0]
    known = truth.points[..., 2] > 0
    right = np.zeros_like(known)
    seen = seen[seen.scores >= at_least]
    if len(seen.scores):
        for person, row in enumerate(truth.points):
            gap = np.linalg.norm(seen.points[..., :2] - row[None, :, :2], axis=2) / torso[person]
            near = (gap < NEAR) & known[person]
            right[person] = near[np.argmax(near.sum(axis=1))]
    return right, known


def shares(results: Iterable[tuple[Array, Array]]) -> dict[str, float]:
    """Share of known points found: all twelve of the body, the wrists; and persons with half of theirs found."""
    rights, knowns = zip(*results, strict=True)
    right, known = np.concatenate(rights), np.concatenate(knowns)
    body, body_known = right[:, LIMBS], known[:, LIMBS]
    persons = (body & body_known).sum(1) >= 0.5 * body_known.sum(1)
    return {
        "persons": len(right),
        "body": float(body[body_known].mean()),
        "wrists": float(right[:, WRISTS][known[:, WRISTS]].mean()),
        "persons found": float(persons.mean()),
        "body error": interval(body, body_known),
    }


def interval(right: Array, known: Array) -> float:
    """Half of a 95 % bootstrap interval (over persons) of the share of known points found."""
    generator = np.random.default_rng(0)
    draws = generator.integers(0, len(right), (300, len(right)))
    values = [(right[draw] & known[draw]).sum() / max(1, known[draw].sum()) for draw in draws]
    low, high = np.percentile(values, (2.5, 97.5))
    return float(high - low) / 2


def reference(teacher: PoseNet, picture: Picture) -> People:
    """What the teacher is sure of in the clean, upright picture; points that it is not sure of count as unknown."""
    people = teacher(picture.image, REFERENCE_PERSON)
    points = people.points.copy()
    points[points[..., 2] < REFERENCE_POINT] = 0
    return replace(people, points=points)


def product(model: Path, size: int, turned: bool) -> PoseReader:
    """The program's own reader, in FP32 so that figures do not depend on the machine."""
    labels = {"bound_hands": Label.BOUND_HANDS}
    weights = Weights("wrists", (Role.BOUND_HANDS,), model, sha256_of(model), "", "", labels, size, model, "pose")
    return PoseReader(weights, weights.roles, Detecting(device="cpu", precision=Precision.EXACT, turned=turned))


def seen_by(reader: PoseReader, image: Array, truth: People) -> People:
    """What the program reads where somebody told it that these people are there."""
    height, width = image.shape[:2]
    video = Video("0" * 64, Path(), width, height, None, "", "")
    image = np.ascontiguousarray(image)
    image.flags.writeable = False
    corners = np.clip(truth.boxes, 0, np.array([width, height] * 2))
    found = [
        Finding(video.id, 0, Label.PERSON, 1.0, Box(*box.tolist()), "truth")
        for box in corners
        if box[2] > box[0] and box[3] > box[1]
    ]
    [readings] = reader.read([Frame(video, 0, image)], [found])
    poses = [one for one in readings if isinstance(one, Pose)]
    points = [[(point.x, point.y, point.score) for point in pose.points] for pose in poses]
    boxes = np.array([pose.box.xyxy for pose in poses]).reshape(-1, 4)
    return People(boxes, np.array([pose.score for pose in poses]), np.array(points).reshape(-1, 17, 3))


def measure(reader: PoseReader, cases: list[tuple[Picture, People]]) -> dict[str, dict[str, float]]:
    """Shares per condition."""
    table = {}
    for turn, spoiling in CONDITIONS:
        results = []
        for picture, truth in cases:
            image, people = in_condition(picture, truth, turn, spoiling)
            results.append(found_points(seen_by(reader, image, people), people, LEAST_SCORE))
        table[f"{turn}, {spoiling}"] = shares(results)
    return table


def main() -> None:
    """Measure one file at one size; prints a table and appends it to a JSON lines file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPO / "weights" / "wrists.onnx")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--part", choices=("tune", "val"), default="val")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture")
    parser.add_argument("--turned", action="store_true", help="turn the picture for everybody who is not clearly seen")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--teacher", type=Path, default=TEACHER)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    teacher, reader = PoseNet(options.teacher, 640), product(options.model, options.size, options.turned)
    chosen = list(pictures(options.data, options.part))[:: options.every]
    by_teacher = [(one, reference(teacher, one)) for one in chosen]
    by_people = [(one, one.people) for one in marked_pictures(options.data) if one.people is not None]
    for truth, cases in (("teacher", by_teacher), ("people", by_people)):
        table = measure(reader, cases)
        for condition, row in table.items():
            print(f"{options.model.stem} {options.size} {truth:8} {condition:22} " + json.dumps(row), flush=True)
        if options.out:
            with options.out.open("a") as handle:
                key = {"model": options.model.name, "size": options.size, "turned": options.turned, "truth": truth}
                handle.write(json.dumps({**key, "table": table}) + "\n")


if __name__ == "__main__":
    main()
