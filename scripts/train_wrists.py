# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export the small body keypoint net (YOLO11n-pose), starting from the teacher's float weights.

The teacher labels the training pictures, clean and upright at 640 px, and another view of them is learned from: turned
(people who lie), dark, grey, noisy, small, badly compressed. So the net is asked to see in the bad picture what the
teacher saw in the good one; the scores of the points are learned as the teacher gives them, not rounded to seen or
hidden, since a wrist's score is evidence later. What ships goes only part of the way to what was learned.

    python scripts/train_wrists.py                  # about 10 minutes of one core, then write weights/wrists.onnx
    python scripts/eval_wrists.py                   # measure
"""

from __future__ import annotations

import argparse
import copy
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import onnx_files
import torch
from eval_objects import DATA, REPO, Array, letterbox  # first of all: it switches off what libraries would report
from eval_wrists import TEACHER, People, PoseNet, pictures
from object_start import load_folded, teacher_weights
from torch import nn
from ultralytics.nn.tasks import PoseModel
from ultralytics.utils.loss import v8PoseLoss

WORK = Path(tempfile.gettempdir()) / "train_wrists"
PERSON_SCORE = 0.3
SIZES = (416, 416, 512)
BATCH = 16
SHARE = 0.25
"""Of what was learned. On tune pictures a quarter of it kept the upright joints and gained a sixth where compressed;
half of it gained no more, and lost twice as much of people who lie."""
RATE, WEIGHT_DECAY, AVERAGE = 2e-4, 5e-4, 0.995
SWAPPED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Left and right change places in a mirrored picture."""
LIKELY = 0.5
"""Score of the teacher from which a point's place is learned, and not only its score."""


@dataclass(frozen=True)
class Example:
    """One clean picture and what the teacher saw in it."""

    image: Array
    people: People


def examples(teacher_file: Path, data: Path, kept: Path, few: int | None) -> list[Example]:
    """The first ``few`` training pictures that show somebody; what the teacher says is kept in a file."""
    images = [one.image for one in islice(pictures(data, "train"), few)]
    if not kept.exists():
        teacher = PoseNet(teacher_file, 640, precision="bf16")
        rows = [np.hstack([*parts(teacher(image, PERSON_SCORE))]) for image in images]
        np.savez(kept, rows=np.concatenate(rows), counts=[len(row) for row in rows])
    stored = np.load(kept)
    rows = np.split(stored["rows"], np.cumsum(stored["counts"])[:-1])
    return [
        Example(image, People(row[:, :4], row[:, 4], row[:, 5:].reshape(-1, 17, 3)))
        for image, row in zip(images, rows, strict=True)
        if len(row)
    ]


def parts(people: People) -> tuple[Array, Array, Array]:
    """Boxes, scores and points as columns."""
    return people.boxes, people.scores[:, None], people.points.reshape(len(people.points), 51)


def placing(example: Example, size: int, generator: np.random.Generator) -> tuple[Array, bool]:
    """A (2, 3) matrix from the picture into a square of `size`: turned, scaled, shifted; and whether to mirror it."""
    height, width = example.image.shape[:2]
    quarter = generator.choice(4, p=(0.52, 0.18, 0.12, 0.18))
    lean = generator.uniform(-45, 45) if generator.random() < 0.15 else generator.normal(0, 7)
    angle = math.radians(90 * quarter + lean)
    centre = np.array([width / 2, height / 2])
    scale = size / max(height, width) * math.exp(generator.uniform(-0.5, 0.35))
    if generator.random() < 0.4:  # come near to one person
        x0, y0, x1, y1 = example.people.boxes[generator.integers(len(example.people.boxes))]
        centre = np.array([x0 + x1, y0 + y1]) / 2
        scale = min(size * generator.uniform(0.3, 0.95) / max(x1 - x0, y1 - y0), 4 * size / max(height, width))
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    mirror = generator.random() < 0.5
    if mirror:
        turn = np.diag([-1.0, 1.0]) @ turn
    target = size / 2 + generator.uniform(-0.12, 0.12, 2) * size
    return np.hstack([turn, (target - turn @ centre)[:, None]]), mirror


def moved(people: People, matrix: Array, mirror: bool, size: int) -> People:
    """People where the placed picture shows them; those of whom little is left inside are gone."""
    points = people.points.copy()
    points[..., :2] = points[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    if mirror:
        points = points[:, SWAPPED]
    outside = ((points[..., :2] < 0) | (points[..., :2] >= size)).any(axis=2)
    points[..., 2][outside] = 0
    # A turned box is too large for who is in it: the box of the turned ellipse, and of the points, fits better.
    centres = (people.boxes[:, :2] + people.boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = np.sqrt((((people.boxes[:, 2:] - people.boxes[:, :2]) / 2) ** 2) @ (matrix[:, :2] ** 2).T)
    likely = (points[..., 2] >= LIKELY)[..., None]
    low = np.minimum(centres - half, np.where(likely, points[..., :2], np.inf).min(axis=1))
    high = np.maximum(centres + half, np.where(likely, points[..., :2], -np.inf).max(axis=1))
    boxes = np.hstack([np.clip(low, 0, size), np.clip(high, 0, size)])
    left, whole = (np.prod(ends[1] - ends[0], axis=1) for ends in ((boxes[:, :2], boxes[:, 2:]), (low, high)))
    kept = (left > 0.3 * whole) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1) > 8)
    return People(boxes, people.scores, points)[kept]


def spoiled(image: Array, generator: np.random.Generator) -> Array:
    """The BGR picture, now and then grey, dark, noisy, small, blurred or badly compressed."""
    if generator.random() < 0.3:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if generator.random() < 0.3:
        image = np.clip(image * generator.uniform(0.5, 1.4, 3) + generator.uniform(-20, 20), 0, 255).astype(np.uint8)
    if generator.random() < 0.25:
        noise = generator.normal(0, generator.uniform(2, 12), image.shape[:2])[..., None]
        image = np.clip(image * generator.uniform(0.12, 0.6) + noise, 0, 255).astype(np.uint8)
    if generator.random() < 0.3:
        size, scale = image.shape[1::-1], generator.uniform(0.3, 0.8)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    if generator.random() < 0.1:
        image = cv2.blur(image, (int(generator.choice((1, 3, 7))), int(generator.choice((1, 3, 5)))))
    if generator.random() < 0.35:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(10, 61))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    return np.asarray(image)


def batches(known: list[Example], steps: int) -> Iterator[dict[str, torch.Tensor]]:
    """Batches of views as ultralytics' loss wants them; a point's third number is the teacher's score."""
    generator = np.random.default_rng(0)
    order: list[int] = []
    for step in range(steps):
        size = SIZES[step % len(SIZES)]
        images, boxes, points, owners = [], [], [], []
        for place in range(BATCH):
            order = order or generator.permutation(len(known)).tolist()
            example = known[order.pop()]
            matrix, mirror = placing(example, size, generator)
            image = cv2.warpAffine(example.image, matrix, (size, size), borderValue=(114, 114, 114))
            people = moved(example.people, matrix, mirror, size)
            images.append(spoiled(np.asarray(image), generator))
            centres = np.hstack([people.boxes[:, :2] + people.boxes[:, 2:], people.boxes[:, 2:] - people.boxes[:, :2]])
            boxes.append(centres / np.array([2, 2, 1, 1]) / size)
            points.append(people.points / np.array([size, size, 1]))
            owners += [place] * len(people.scores)
        stacked = np.ascontiguousarray(np.stack(images)[..., ::-1].transpose(0, 3, 1, 2))
        yield {
            "img": (torch.from_numpy(stacked).float() / 255).contiguous(memory_format=torch.channels_last),
            "cls": torch.zeros(len(owners), 1),
            "bboxes": torch.from_numpy(np.concatenate(boxes)).float(),
            "keypoints": torch.from_numpy(np.concatenate(points)).float(),
            "batch_idx": torch.tensor(owners).float(),
        }


class SoftPoseLoss(v8PoseLoss):  # type: ignore[misc]
    """Ultralytics' loss, where a point's score is learned as the teacher gave it instead of as marked or not."""

    def calculate_keypoints_loss(
        self,
        masks: torch.Tensor,
        target_gt_idx: torch.Tensor,
        keypoints: torch.Tensor,
        stride_tensor: torch.Tensor,
        target_bboxes: torch.Tensor,
        pred_kpts: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Place and score loss of the anchors `masks` (pictures, anchors) against the points of their persons."""
        strides = stride_tensor.view(1, -1, 1).expand(masks.shape[0], -1, 1)[masks]
        truth = keypoints[masks.nonzero(as_tuple=True)[0], target_gt_idx[masks]]
        sizes = (target_bboxes[masks][:, 2:] - target_bboxes[masks][:, :2]) / strides
        seen = pred_kpts[masks]
        places = truth[..., :2] / strides[:, None]
        loss = self.keypoint_loss(seen, places, truth[..., 2] >= LIKELY, sizes.prod(1, keepdim=True))
        return loss, self.bce_pose(seen[..., 2], truth[..., 2])


def starting_model(teacher_file: Path, known: list[Example]) -> PoseModel:
    """YOLO11n-pose with the teacher's weights; its batch norms stay folded, so it begins as the teacher."""
    model = PoseModel("yolo11n-pose.yaml", ch=3, nc=1, data_kpt_shape=(17, 3), verbose=False)
    load_folded(model, teacher_weights(teacher_file))
    model.fuse(verbose=False)
    images = tensor([one.image for one in known[:2]], 640)
    print_gaps("net against the teacher's file", model.eval()(images)[0], teacher_file, images)
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, pose=12.0, kobj=2.0)
    for name, value in model.named_parameters():
        value.requires_grad_(".dfl." not in name)
    return model


def tensor(images: list[Array], size: int) -> torch.Tensor:
    """BGR pictures of any size as one RGB 0-1 tensor (n, 3, size, size)."""
    squares = np.stack([letterbox(image, size)[0][..., ::-1] for image in images])
    return torch.from_numpy(squares.transpose(0, 3, 1, 2).astype(np.float32) / 255)


def fine_tune(model: PoseModel, known: list[Example], steps: int) -> PoseModel:
    """Train in bfloat16; returns the running average of the weights."""
    model = model.to(memory_format=torch.channels_last)
    loss = SoftPoseLoss(model)
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    warm = max(1, steps // 20)
    curve = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warm) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
    )
    model.train()
    began = time.monotonic()
    for step, batch in enumerate(batches(known, steps), 1):
        with torch.autocast("cpu", torch.bfloat16):
            answers = model(batch["img"])
        answers |= {name: answers[name].float() for name in ("boxes", "scores", "kpts")}
        total, parts = loss(answers, batch)
        optimizer.zero_grad(set_to_none=True)
        total.sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        curve.step()
        with torch.no_grad():
            weight = min(AVERAGE, step / (step + 10))
            for kept, now in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                kept.mul_(weight).add_(now, alpha=1 - weight) if kept.is_floating_point() else kept.copy_(now)
        if step % 20 == 0 or step == steps:
            told = ", ".join(f"{name} {float(value):.3f}" for name, value in parts.items())
            print(f"step {step} of {steps}, {time.monotonic() - began:.0f} s: {told}", flush=True)
    return average


@torch.no_grad()
def between(start: dict[str, torch.Tensor], end: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """Weights on the straight line from one net to another; a net in between often keeps what both can (WiSE-FT)."""
    return {
        name: torch.lerp(value, end[name], share) if value.is_floating_point() else end[name]
        for name, value in start.items()
    }


def export(model: PoseModel, target: Path, size: int, known: list[Example]) -> None:
    """Write the ONNX file, for any size and number of pictures, and print how far it is from the net."""
    images = tensor([one.image for one in known[:2]], size)
    before = model.eval()(images)[0]
    head = model.model[-1]
    head.export, head.dynamic, head.format = True, True, "onnx"
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "anchors"}}
    proto = onnx_files.export(model, {"images": torch.zeros(1, 3, size, size)}, ["output0"], target, axes)
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 56
    digest = onnx_files.store(proto, target, properties(size))
    print_gaps("export against net (weights rounded to FP16)", before, target, images)
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}")


def print_gaps(what: str, ours: torch.Tensor, file: Path, images: torch.Tensor) -> None:
    """Print the largest differences from an ONNX file's answer, where a person is likely."""
    import openvino

    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    theirs = torch.cat([torch.from_numpy(np.asarray(compiled([one[None].numpy()])[0])) for one in images])
    gaps = ((ours - theirs).abs() * (theirs[:, 4:5] > 0.25)).detach().amax(dim=(0, 2))
    points = gaps[5:].reshape(17, 3)
    print(f"{what}: boxes {gaps[:4].max():.1e} px, person's score {gaps[4]:.1e}, "
          f"points {points[:, :2].max():.1e} px, their scores {points[:, 2].max():.1e}")  # fmt: skip


def properties(size: int) -> dict[str, str]:
    """What ultralytics reads from an ONNX file; nothing that changes from run to run."""
    values = {
        "description": "persons and 17 body points, YOLO11n-pose",
        "license": "AGPL-3.0-or-later",
        "task": "pose",
        "stride": 32,
        "batch": 1,
        "imgsz": [size, size],
        "names": {0: "person"},
        "kpt_shape": [17, 3],
        "channels": 3,
        "end2end": False,
        "args": {"batch": 1, "half": False, "dynamic": True, "nms": False},
    }
    return {key: str(value) for key, value in values.items()}


def main() -> None:
    """Label, train, export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--teacher", type=Path, default=TEACHER)
    parser.add_argument("--work", type=Path, default=WORK, help="where the trained net is kept")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "wrists.onnx")
    parser.add_argument("--steps", type=int, default=400, help=f"of {BATCH} views each; 0: the start as it is")
    parser.add_argument("--tuned", type=Path, help="an earlier run's wrists.pt, instead of learning anew")
    parser.add_argument("--share", type=float, default=SHARE, help="how far to go from the start to what was learned")
    parser.add_argument("--size", type=int, default=512, help="input size that the file is marked with")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--few", type=int, help="learn from this many pictures only, to try the script out")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    few = options.few or (None if options.steps or options.tuned else 4)
    known = examples(options.teacher, options.data, options.work / f"labels_{few or 'all'}.npz", few)
    count = sum(len(one.people.scores) for one in known)
    print(f"{len(known)} pictures with {count} persons, labelled in {time.monotonic() - began:.0f} s", flush=True)
    model = starting_model(options.teacher, known)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    if options.tuned:
        model.load_state_dict(torch.load(options.tuned, weights_only=True))
    elif options.steps:
        model = fine_tune(model, known, options.steps)
        torch.save(model.state_dict(), options.work / "wrists.pt")
    model.load_state_dict(between(start, model.state_dict(), options.share))
    export(model, options.target, options.size, known)


if __name__ == "__main__":
    main()
