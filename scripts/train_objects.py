# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export the small `person, weapon, face` detector (YOLO11n).

`object_pictures` writes the pictures and labels, `object_scenes` composes scenes from them, `object_start` builds the
net from the teacher's own float weights. Here it learns: ultralytics' detection loss without what is to be ignored,
plus a pull towards the teacher's own answer for persons on undisturbed colour pictures, so that they are not forgotten
while weapons and faces are learned. The result is a running mean of the weights.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import object_pictures
import onnx_files
import torch
from eval_objects import (  # first of all: it switches off what OpenVINO and ultralytics would report
    COCO_PERSON,
    DATA,
    NAMES,
    PEERS,
    PERSON,
    REPO,
    letterbox,
    natural_samples,
    read_picture,
)
from object_scenes import Order, Scenes, collate
from object_start import change_of, starting_net, teacher_net
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax, softmax
from torch.utils.data import DataLoader
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss
from ultralytics.utils.tal import make_anchors

PERSON_TEACHER = PEERS / "yolo11n_rebuilt_640_fp16.onnx"
FACE_TEACHER = PEERS / "yunet_n_dynamic.onnx"
WORK = Path(tempfile.gettempdir()) / "train_objects"
Batch = dict[str, Any]
Outputs = dict[str, torch.Tensor]
RATES = {"backbone": 1e-4, "neck": 2e-4, "boxes": 1.5e-4, "classes": 4e-4}
"""AdamW's highest learning rates: what finds persons changes least. At twice these, tried for 400 steps, persons and
weapons got worse: without batch norm nothing holds the layers' scales."""
EARLIER_SHARE = 0.4
"""How much of an earlier detector's change is added. Of 0.3 and 0.5, tried on the tune pictures, the one found fewer
weapons, the other fewer persons."""
CLASS_WEIGHTS = (1.0, 2.0, 1.0)
LAST_BACKBONE_LAYER = 10
WARM_UP_STEPS = 150
LAST_RATE_SHARE = 0.02
MEAN_DECAY, MEAN_RAMP = 0.999, 200
TEACHER_SURE = 0.25
TEACHER_SCORE_GAIN, TEACHER_BOX_GAIN = 1.0, 1.0


class PartialLoss(v8DetectionLoss):  # type: ignore[misc]
    """Ultralytics' loss; where a class is to be ignored, a missing box costs nothing."""

    def __init__(self, model: nn.Module) -> None:
        """Put the weighing in the place of the plain binary cross-entropy."""
        super().__init__(model)
        self.class_weights = torch.tensor(CLASS_WEIGHTS).view(1, 1, -1)
        self.counted = torch.ones(())
        self.bce = self.weighed

    def weighed(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy per picture, anchor and class."""
        every = binary_cross_entropy_with_logits(scores, targets, reduction="none")
        return every * torch.where(targets > 0, torch.ones_like(targets), self.counted)

    def __call__(self, preds: Outputs, batch: Batch) -> tuple[torch.Tensor, object]:
        """The three losses, of the shape (3,), summed over the batch."""
        anchors, strides = make_anchors(preds["feats"], self.stride, 0.5)
        self.counted = counted_anchors(anchors * strides, batch, len(preds["scores"]), self.nc)
        result: tuple[torch.Tensor, object] = super().__call__(preds, batch)
        return result


def counted_anchors(centres: torch.Tensor, batch: Batch, pictures: int, classes: int) -> torch.Tensor:
    """1 where an anchor counts for a class, 0 within an ignored box: (pictures, anchors, classes)."""
    counted = torch.ones(pictures, len(centres), classes)
    sides = torch.tensor(batch["img"].shape[:1:-1] * 2)
    for row in batch["ignored"]:
        x1, y1, x2, y2 = row[2:] * sides
        inside = (centres[:, 0] >= x1) & (centres[:, 0] <= x2) & (centres[:, 1] >= y1) & (centres[:, 1] <= y2)
        counted[int(row[0]), inside, int(row[1])] = 0
    return counted


def answers(model: DetectionModel, pictures: torch.Tensor) -> Outputs:
    """A net's raw answers, calculated in bfloat16 and handed on in FP32."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        preds: Outputs = model(pictures)
    return preds | {"boxes": preds["boxes"].float(), "scores": preds["scores"].float()}


def teacher_pull(ours: Outputs, theirs: Outputs, chosen: torch.Tensor) -> torch.Tensor:
    """How far our persons are from the teacher's: scores by cross-entropy, sides of its sure boxes by divergence."""
    scores, target = ours["scores"][chosen, PERSON], theirs["scores"][:, COCO_PERSON].sigmoid()
    weight = target.sum().clamp(min=1)
    entropy = binary_cross_entropy_with_logits(torch.logit(target, eps=1e-6), target, reduction="sum")
    by_score = (binary_cross_entropy_with_logits(scores, target, reduction="sum") - entropy) / weight
    picture, anchor = (target > TEACHER_SURE).nonzero(as_tuple=True)
    sides = [(boxes[picture, :, anchor]).view(-1, 4, 16) for boxes in (ours["boxes"][chosen], theirs["boxes"])]
    gap = kl_div(log_softmax(sides[0], 2), softmax(sides[1], 2), reduction="none").sum(2).mean(1)
    by_box = (gap * target[picture, anchor]).sum() / weight
    return TEACHER_SCORE_GAIN * by_score + TEACHER_BOX_GAIN * by_box


def rate_groups(model: DetectionModel, share: float) -> list[dict[str, Any]]:
    """Parameters with their highest learning rates, `share` of RATES."""
    groups: dict[str, list[nn.Parameter]] = {name: [] for name in RATES}
    for name, value in model.named_parameters():
        if value.requires_grad:
            layer = int(name.split(".")[1])
            area = "backbone" if layer <= LAST_BACKBONE_LAYER else "neck" if layer < len(model.model) - 1 else None
            groups[area or ("boxes" if ".cv2." in name else "classes")].append(value)
    return [
        {"params": values, "lr": share * RATES[name], "top": share * RATES[name]} for name, values in groups.items()
    ]


class RunningMean:
    """An exponential running mean of a net's weights, short-sighted at first."""

    def __init__(self, model: DetectionModel) -> None:
        """Start with a copy."""
        self.net, self.steps = copy.deepcopy(model).eval(), 0

    @torch.no_grad()
    def update(self, model: DetectionModel) -> None:
        """Move towards the model's weights."""
        self.steps += 1
        decay = MEAN_DECAY * (1 - np.exp(-self.steps / MEAN_RAMP))
        for mean, value in zip(self.net.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)


def set_rates(optimiser: torch.optim.Optimizer, step: int, progress: float) -> None:
    """Warm up linearly, then follow a cosine down over the progress from 0 to 1."""
    share = LAST_RATE_SHARE + (1 - LAST_RATE_SHARE) * (1 + np.cos(np.pi * min(progress, 1.0))) / 2
    for group in optimiser.param_groups:
        group["lr"] = group["top"] * share * min(1.0, (step + 1) / WARM_UP_STEPS)


def train(pictures: Path, out: Path, options: argparse.Namespace) -> Path:
    """Learn for `options.steps` steps, or until `options.minutes` are over; returns the last mean checkpoint.

    The rates follow whichever of the two is nearer its end, so that a busy machine's run ends low, too.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model, teacher = starting_net(options.teacher), teacher_net(options.teacher)
    if options.start:
        model.load_state_dict(torch.load(options.start, weights_only=True))
    if options.earlier:
        change = change_of(options.earlier, options.teacher)
        values = {name: value + EARLIER_SHARE * change[name] for name, value in model.state_dict().items()}
        model.load_state_dict(values)
    teacher.requires_grad_(False).train()
    model.train()
    mean, loss_of = RunningMean(model), PartialLoss(model)
    optimiser = torch.optim.AdamW(rate_groups(model, options.rate), weight_decay=5e-4)
    loader = DataLoader(
        Scenes(pictures, "train", options.seed), batch_sampler=Order(options.steps, options.batch, options.seed),
        collate_fn=collate, num_workers=options.workers, prefetch_factor=6, worker_init_fn=start_worker,
    )  # fmt: skip
    begun, checkpoint, sums = time.monotonic(), out / "mean.pt", np.zeros(4)
    for step, batch in enumerate(loader):
        minutes = (time.monotonic() - begun) / 60
        if minutes >= options.minutes:
            break
        set_rates(optimiser, step, max(step / options.steps, minutes / options.minutes))
        images = batch["img"].float().div_(255).contiguous(memory_format=torch.channels_last)
        preds = answers(model, images)
        parts = loss_of(preds, batch)[0] / len(images)
        total, pull = parts.sum(), torch.zeros(())
        if batch["calm"].any():
            with torch.no_grad():
                theirs = answers(teacher, images[batch["calm"]].contiguous(memory_format=torch.channels_last))
            pull = teacher_pull(preds, theirs, batch["calm"])
            total = total + pull
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        mean.update(model)
        sums += [*parts.detach().tolist(), float(pull.detach())]
        if (step + 1) % options.report == 0:
            shown = " ".join(f"{value:.3f}" for value in sums / options.report)
            print(f"step {step + 1}, {(time.monotonic() - begun) / 60:.1f} min: box cls dfl pull {shown}", flush=True)
            sums[:] = 0
        if (step + 1) % options.keep == 0:
            torch.save(mean.net.state_dict(), out / f"mean_{options.seed}_{step + 1:05}.pt")
    torch.save(mean.net.state_dict(), checkpoint)
    return checkpoint


def start_worker(_: int) -> None:
    """One thread per loading process."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def load_net(teacher: Path, checkpoint: Path) -> DetectionModel:
    """A net with a checkpoint's weights, for evaluation."""
    model = starting_net(teacher)
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model.eval()


def metadata(size: int) -> dict[str, str]:
    """What ultralytics reads from an ONNX file; nothing that changes from run to run."""
    values = {
        "description": "person, weapon and face detector, YOLO11n",
        "license": "AGPL-3.0-or-later",
        "task": "detect",
        "stride": 32,
        "batch": 1,
        "imgsz": [size, size],
        "names": dict(enumerate(NAMES)),
        "channels": 3,
        "end2end": False,
        "args": {"batch": 1, "half": False, "dynamic": True, "nms": False},
    }
    return {key: str(value) for key, value in values.items()}


@torch.no_grad()
def export(model: DetectionModel, target: Path, size: int, pictures: list[Path]) -> None:
    """Write the ONNX file and print how far its answers are from the net's on some pictures."""
    squares = [letterbox(read_picture(path), size)[0][..., ::-1] for path in pictures]
    tensor = torch.from_numpy(np.stack(squares).transpose(0, 3, 1, 2).astype(np.float32) / 255)
    expected = model(tensor)[0]
    head = model.model[-1]
    head.export, head.dynamic, head.format, head.shape = True, True, "onnx", None
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "anchors"}}
    proto = onnx_files.export(model, {"images": torch.zeros(1, 3, size, size)}, ["output0"], target, axes)
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4 + len(NAMES)
    digest = onnx_files.store(proto, target, metadata(size))
    check_export(expected, target, tensor)
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}")


def check_export(expected: torch.Tensor, target: Path, pictures: torch.Tensor) -> None:
    """Compare the ONNX file's answers (n, 7, anchors) with the net's."""
    import openvino

    compiled = openvino.Core().compile_model(str(target), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    gap = (torch.from_numpy(np.asarray(compiled([pictures.numpy()])[0])) - expected).abs()
    boxes = gap[:, :4].amax(dim=1)[expected[:, 4:].amax(dim=1) > 0.05]
    print(f"export against net: scores {float(gap[:, 4:].max()):.2e}, boxes scored over 0.05 "
          f"{float(boxes.max()) if len(boxes) else 0.0:.2e} px (the weights are rounded to FP16)")  # fmt: skip


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with weapons_cctv, coco128, natural ...")
    parser.add_argument("--teacher", type=Path, default=PERSON_TEACHER, help="COCO YOLO11n as ONNX: start and labeller")
    parser.add_argument("--face-teacher", type=Path, default=FACE_TEACHER, help="YuNet as ONNX: labels faces")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for pictures and checkpoints")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "objects.onnx")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--minutes", type=float, default=10_000.0, help="end after so long, whatever step it is")
    parser.add_argument("--rate", type=float, default=1.0, help="learning rates as a share of the usual ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--imgsz", type=int, default=512, help="side that the exported file is meant for")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that compose scenes")
    parser.add_argument("--report", type=int, default=50, help="steps between two lines of figures")
    parser.add_argument("--keep", type=int, default=400, help="steps between two kept checkpoints")
    parser.add_argument("--start", type=Path, help="a checkpoint of this script to start from")
    parser.add_argument("--earlier", type=Path, help="an earlier detector's ONNX file: add a share of what it learned")
    parser.add_argument("--checkpoint", type=Path, help="only export this checkpoint of an earlier run")
    return parser.parse_args()


def main() -> None:
    """Prepare, train and export; or only export."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(options.threads)
    checkpoint = options.checkpoint
    if checkpoint is None:
        pictures = options.work / "set"
        if not (pictures / "cuts_harmless").is_dir():
            object_pictures.prepare(options.data, options.teacher, options.face_teacher, pictures)
        checkpoint = train(pictures, options.work / "run", options)
    colour = [sample.path for sample in natural_samples(options.data, "tune")[:16]]
    export(load_net(options.teacher, checkpoint), options.target, options.imgsz, colour)


if __name__ == "__main__":
    main()
