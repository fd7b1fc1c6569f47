# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export the small `person, weapon` detector (YOLO11n) from labelled and teacher-labelled pictures.

Three steps, each a function: `prepare` writes a grey training set, `train` fine-tunes a YOLO11n that starts from
the teacher's own float weights, `export` writes a deterministic ONNX file that takes ordinary RGB pictures.

Every training picture is grey, because all labelled weapons are: with colour left in, "colour" would mean "no weapon".
At export the luma conversion is folded into the first convolution, so that the ONNX model sees grey by itself.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnx_files
import torch
from eval_objects import (  # first of all: it switches off what OpenVINO and ultralytics would report
    COCO_KNIFE,
    COCO_PERSON,
    DATA,
    NAMES,
    PEERS,
    PERSON,
    REPO,
    Array,
    Detector,
    Sample,
    Spec,
    coco_samples,
    iou_matrix,
    letterbox,
    natural_samples,
    near_duplicates,
    read_picture,
    salt_and_pepper,
    unit_hash,
    warp,
    weapons_samples,
)
from onnx import numpy_helper
from torch import nn
from torch.utils.hooks import RemovableHandle
from ultralytics.data.augment import Compose
from ultralytics.data.dataset import YOLODataset
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel

LUMA = (0.299, 0.587, 0.114)
TEACHER = PEERS / "yolo11n_rebuilt_640_fp16.onnx"
PERSON_SCORE = 0.45
CALIBRATION_PICTURES = 240
WORK = Path(tempfile.gettempdir()) / "train_objects"
Batch = dict[str, Any]
NECK_LAYERS = (13, 16, 17, 19, 20, 22)
ATTENTION_NAMES = {"10.attn.": "10.m.0.attn.", "10.f1.": "10.m.0.ffn.0.", "10.f2.": "10.m.0.ffn.1."}


def grey(picture: Array) -> Array:
    """Replace the three channels of a BGR picture by its luma."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def with_teacher_persons(sample: Sample, teacher: Detector) -> Array:
    """Add the persons that the teacher sees and the labels miss (no labelled person at IoU 0.4 or more)."""
    found = teacher(read_picture(sample.path))
    persons = found[found[:, 1] >= PERSON_SCORE][:, [0, 2, 3, 4, 5]]
    known = sample.boxes[sample.boxes[:, 0] == PERSON]
    if len(known) and len(persons):
        persons = persons[iou_matrix(persons[:, 1:], known[:, 1:]).max(axis=1) < 0.4]
    return np.concatenate([sample.boxes, persons])


class Writer:
    """Writes grey pictures and YOLO labels of one part under `root/images/part` and `root/labels/part`."""

    def __init__(self, root: Path, part: str) -> None:
        """Make the two folders."""
        self.images, self.labels = root / "images" / part, root / "labels" / part
        self.images.mkdir(parents=True, exist_ok=True)
        self.labels.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, picture: Array, boxes: Array) -> None:
        """Write one picture (any colour, longest side limited to 640 px) and its boxes (class and corner shares)."""
        scale = min(1.0, 640 / max(picture.shape[:2]))
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        cv2.imwrite(str(self.images / f"{name}.jpg"), grey(picture), [cv2.IMWRITE_JPEG_QUALITY, 95])
        sizes = boxes[:, 3:5] - boxes[:, 1:3]
        lines = [
            f"{int(label)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}"
            for label, (x, y), (width, height) in zip(
                boxes[:, 0], (boxes[:, 1:3] + boxes[:, 3:5]) / 2, sizes, strict=True
            )
            if min(width, height) > 0.004
        ]
        (self.labels / f"{name}.txt").write_text("\n".join(lines))


def restretch(picture: Array, name: str) -> Array:
    """Undo the square shape of half of the weapons pictures: 4:3, 16:9 or 3:4, by the file's hash."""
    draw = unit_hash(f"shape {name}")
    side = picture.shape[0]
    if draw < 0.5:
        return picture
    size = (side, side * 3 // 4) if draw < 0.75 else (side, side * 9 // 16) if draw < 0.9 else (side * 3 // 4, side)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def write_weapons(samples: list[Sample], teacher: Detector, writer: Writer) -> None:
    """Write the CCTV-style pictures, with the persons that their labels miss."""
    for sample in samples:
        name = sample.path.stem
        picture = restretch(read_picture(sample.path), name)
        writer.add(f"w_{name}", picture, with_teacher_persons(sample, teacher))


def write_unarmed(samples: list[Sample], teacher: Detector | None, writer: Writer, copies: bool) -> None:
    """Write weapon-free pictures, and where asked a second copy each: square as the weapons set is, warped or noisy."""
    for sample in samples:
        name = sample.path.stem
        picture = read_picture(sample.path)
        boxes = with_teacher_persons(sample, teacher) if teacher else sample.boxes
        writer.add(f"n_{name}", picture, boxes)
        if copies:
            generator = np.random.default_rng(int(unit_hash(name) * 2**32))
            marked = cv2.resize(grey(picture), (416, 416), interpolation=cv2.INTER_AREA)
            if generator.random() < 0.6:
                marked, boxes = warp(marked, boxes, generator)
            if generator.random() < 0.4:
                marked = salt_and_pepper(marked, generator)
            writer.add(f"m_{name}", marked, boxes)


def prepare(data: Path, teacher_file: Path, root: Path) -> Path:
    """Write the training and tuning pictures under `root`; returns the data set's YAML file."""
    shutil.rmtree(root, ignore_errors=True)
    teacher = Detector(Spec(teacher_file, 640, {PERSON: (COCO_PERSON,)}))
    weapons = weapons_samples(data, "train")
    doubled = {index for index, _ in near_duplicates(weapons, weapons_samples(data, "val"))}
    print(f"left out of training as look-alikes of validation pictures: {len(doubled)}")
    kept = [one for index, one in enumerate(weapons) if index not in doubled]
    train, tune = Writer(root, "train"), Writer(root, "tune")
    write_weapons(kept, teacher, train)
    write_unarmed(natural_samples(data, "train"), teacher, train, copies=True)
    write_unarmed(coco_samples(data, "train"), None, train, copies=True)
    write_weapons(weapons_samples(data, "tune"), teacher, tune)
    write_unarmed(natural_samples(data, "tune"), teacher, tune, copies=False)
    write_unarmed(coco_samples(data, "tune"), None, tune, copies=False)
    for part in ("train", "tune"):
        print(f"{part}: {len(list((root / 'images' / part).iterdir()))} pictures")
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(NAMES))
    (root / "data.yaml").write_text(f"path: {root.resolve()}\ntrain: images/train\nval: images/tune\nnames:\n{names}")
    return root / "data.yaml"


def ultralytics_name(name: str) -> str | None:
    """Translate the teacher file's names (b. backbone, n. neck, head.) to ultralytics' `model.<layer>...`."""
    area, _, rest = name.partition(".")
    if area == "n":
        layer, _, rest = rest.partition(".")
        return f"model.{NECK_LAYERS[int(layer)]}.{rest}"
    if area == "head":
        return f"model.23.{rest}"
    for theirs, ours in ATTENTION_NAMES.items():
        rest = rest.replace(theirs, ours)
    return f"model.{rest}" if area == "b" else None


def teacher_weights(file: Path) -> dict[str, torch.Tensor]:
    """Read the teacher's convolutions under ultralytics' names; batch norm is already folded into them."""
    found = {}
    for initialiser in onnx.load(str(file)).graph.initializer:
        key = ultralytics_name(initialiser.name)
        if key is not None:
            found[key] = torch.from_numpy(numpy_helper.to_array(initialiser).astype(np.float32))
    return found


@torch.no_grad()
def load_folded(model: nn.Module, folded: dict[str, torch.Tensor]) -> None:
    """Copy folded weights in; batch norm becomes the addition of the folded bias (mean 0, deviation 1)."""
    modules = dict(model.named_modules())
    needed = {name for name in model.state_dict() if name.endswith("conv.weight") and ".dfl." not in name}
    if missing := needed - set(folded):
        raise ValueError(f"the teacher lacks {sorted(missing)[:3]}")
    for key, value in folded.items():
        owner, _, kind = key.rpartition(".")
        parent = modules.get(owner.rpartition(".")[0])
        if isinstance(parent, Conv) and kind == "bias":
            parent.bn.running_mean.zero_()
            parent.bn.running_var.fill_(1 - parent.bn.eps)
            parent.bn.weight.fill_(1)
            parent.bn.bias.copy_(value)
        else:
            getattr(modules[owner], kind).copy_(value)


@torch.no_grad()
def calibrate(model: nn.Module, pictures: torch.Tensor) -> None:
    """Move each convolution's output mean and variance into its batch norm without changing what the net computes.

    `pictures` is (n, 3, height, width) in 0-1. The statistics come from one pass, with every norm still an addition.
    """
    totals: dict[Conv, list[torch.Tensor]] = {}

    def watch(layer: Conv) -> RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            wide = output.double()
            step = [wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3)), torch.tensor(float(wide[:, 0].numel()))]
            totals[layer] = [a + b for a, b in zip(totals[layer], step, strict=True)] if layer in totals else step

        handle: RemovableHandle = layer.conv.register_forward_hook(hook)
        return handle

    layers = [module for module in model.modules() if isinstance(module, Conv)]
    handles = [watch(layer) for layer in layers]
    model.eval()
    for start in range(0, len(pictures), 8):
        model(pictures[start : start + 8])
    for handle in handles:
        handle.remove()
    for layer in layers:
        total, squares, count = totals[layer]
        mean = total / count
        variance = (squares / count - mean.square()).clamp_min(0)
        norm = layer.bn
        norm.bias.add_(mean.float())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())


@torch.no_grad()
def check_against(model: nn.Module, file: Path, pictures: torch.Tensor) -> None:
    """Print the largest difference between the un-fused net and the teacher's ONNX file on 640 px pictures."""
    import openvino

    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    model.eval()
    worst = [0.0, 0.0]
    for picture in pictures:
        theirs = torch.from_numpy(np.asarray(compiled([picture[None].numpy()])[0]))
        gap = (model(picture[None])[0] - theirs).abs()
        worst = [max(worst[0], float(gap[:, :4].max())), max(worst[1], float(gap[:, 4:].max()))]
    print(f"un-fused net against the teacher's file: boxes {worst[0]:.2e} px, scores {worst[1]:.2e}")


@torch.no_grad()
def narrow_head(model: DetectionModel) -> None:
    """Cut the 80 COCO outputs down to ours: person keeps its row, weapon starts from the kitchen knife's."""
    head = model.model[-1]
    for branch in head.cv3:
        wide = branch[-1]
        branch[-1] = nn.Conv2d(wide.in_channels, len(NAMES), 1)
        branch[-1].weight.copy_(wide.weight[[COCO_PERSON, COCO_KNIFE]])
        branch[-1].bias.copy_(wide.bias[[COCO_PERSON, COCO_KNIFE]])
    head.nc = model.nc = model.yaml["nc"] = len(NAMES)
    head.no = len(NAMES) + 4 * head.reg_max
    model.names = dict(enumerate(NAMES))


def picture_tensor(paths: list[Path], size: int) -> torch.Tensor:
    """Letterbox pictures into one RGB 0-1 tensor (n, 3, size, size)."""
    squares = [letterbox(read_picture(path), size)[0][..., ::-1] for path in paths]
    return torch.from_numpy(np.stack(squares).transpose(0, 3, 1, 2).astype(np.float32) / 255)


def starting_model(teacher_file: Path, pictures: list[Path], size: int) -> DetectionModel:
    """Build YOLO11n for our two classes from the teacher's folded weights."""
    model = MixedModel("yolo11n.yaml", nc=80, verbose=False)
    load_folded(model, teacher_weights(teacher_file))
    order = np.random.default_rng(0).permutation(len(pictures))
    chosen = [pictures[index] for index in order[:CALIBRATION_PICTURES]]
    calibrate(model, picture_tensor(chosen, size))
    check_against(model, teacher_file, picture_tensor(chosen[:4], 640))
    narrow_head(model)
    return model


class MixedModel(DetectionModel):  # type: ignore[misc]
    """YOLO whose training pass runs in bfloat16 on processors (ultralytics allows that on GPUs only); loss in FP32."""

    def loss(self, batch: Batch, preds: dict[str, torch.Tensor] | None = None) -> tuple[torch.Tensor, object]:
        """Compute the loss of a batch; in training, the net's own pass is the part in bfloat16."""
        if preds is None:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.training):
                preds = self.forward(batch["img"].contiguous(memory_format=torch.channels_last))
            if self.training:
                preds |= {"boxes": preds["boxes"].float(), "scores": preds["scores"].float()}
        result: tuple[torch.Tensor, object] = super().loss(batch, preds)
        return result


class Worsen:
    """Training transform: now and then make a BGR picture dark, small, blurred, noisy or badly compressed.

    It draws from numpy's global generator, which ultralytics seeds in every loading process.
    """

    def __call__(self, labels: Batch) -> Batch:
        """Change `labels["img"]`, leaving its shape and the boxes alone."""
        picture = labels["img"]
        if np.random.random() < 0.15:
            gain = np.random.uniform(0.15, 0.6)
            noise = np.random.normal(0, np.random.uniform(2, 10), picture.shape[:2])[..., None]
            picture = np.clip(picture * gain + noise, 0, 255).astype(np.uint8)
        if np.random.random() < 0.20:
            height, width = picture.shape[:2]
            scale = np.random.uniform(0.3, 0.8)
            small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        if np.random.random() < 0.10:
            picture = cv2.blur(picture, (int(np.random.choice((1, 3, 7))), int(np.random.choice((1, 3, 5)))))
        if np.random.random() < 0.25:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(np.random.randint(10, 61))]
            picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
        labels["img"] = np.ascontiguousarray(picture)
        return labels


class WorsenedDataset(YOLODataset):  # type: ignore[misc]
    """Ultralytics' data set with `Worsen` as the last step before the tensor is made."""

    def build_transforms(self, hyp: object = None) -> Compose:
        """Insert the extra step, also after mosaic is switched off."""
        transforms = super().build_transforms(hyp)
        if self.augment:
            transforms.insert(-1, Worsen())
        return transforms


class Trainer(DetectionTrainer):  # type: ignore[misc]
    """Ultralytics' trainer with our data set, and the memory order that is faster on processors too."""

    threads = 2
    model: nn.Module

    def get_model(self, cfg: str | None = None, weights: nn.Module | None = None, verbose: bool = True) -> nn.Module:
        """Take a resumed checkpoint's own net; ultralytics would build one with a narrower head."""
        return weights or super().get_model(cfg, weights, verbose)

    def set_model_attributes(self) -> None:
        """Also lay the weights out channels-last and limit the threads."""
        super().set_model_attributes()
        self.model = self.model.to(memory_format=torch.channels_last)
        torch.set_num_threads(self.threads)

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> YOLODataset:
        """Use `WorsenedDataset` for training, ultralytics' own for validation."""
        if mode != "train":
            return super().build_dataset(img_path, mode, batch)
        return WorsenedDataset(
            img_path=img_path,
            imgsz=self.args.imgsz,
            batch_size=batch or self.args.batch,
            augment=True,
            hyp=self.args,
            cache=self.args.cache or None,
            stride=32,
            task="detect",
            data=self.data,
            prefix="train: ",
        )


def train(model: DetectionModel, data_file: Path, out: Path, options: argparse.Namespace) -> Path:
    """Fine-tune a starting model; returns the best checkpoint."""
    settings = {
        "model": "yolo11n.yaml", "data": str(data_file), "project": str(out.resolve()), "name": "run",
        "exist_ok": True, "device": "cpu", "amp": False, "cache": "ram", "plots": False,
        "imgsz": options.imgsz, "epochs": options.epochs, "batch": 16, "nbs": 16, "seed": 0, "patience": 0,
        "optimizer": "AdamW", "lr0": 5e-4, "lrf": 0.02, "cos_lr": True, "weight_decay": 5e-4,
        "warmup_epochs": 1, "warmup_bias_lr": 0.0, "close_mosaic": max(1, options.epochs // 5),
        "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.4, "degrees": 4.0, "shear": 3.0, "scale": 0.5, "translate": 0.1,
        "mosaic": 1.0, "fliplr": 0.5, "erasing": 0.0,
    }  # fmt: skip
    trainer = Trainer(overrides=settings)
    trainer.model = model
    return run(trainer, options.threads)


def resume(last: Path, out: Path, options: argparse.Namespace) -> Path:
    """Go on from a run's last checkpoint with `options.epochs` as the new total, the learning rate's curve included."""
    stored = torch.load(last, map_location="cpu", weights_only=False)
    closing = {"epochs": options.epochs, "close_mosaic": max(1, options.epochs // 5)}
    stored["train_args"] |= closing
    changed = out / "resumed.pt"
    torch.save(stored, changed)
    return run(Trainer(overrides={"model": str(changed), "resume": str(changed)}), options.threads)


def run(trainer: Trainer, threads: int) -> Path:
    """Train; returns the checkpoint with the best result on the tuning part."""
    trainer.threads = threads
    # ultralytics would load pictures in the training process itself on machines without a GPU.
    trainer.args.workers = 1
    trainer.train()
    return Path(trainer.best)


def load_model(checkpoint: Path) -> DetectionModel:
    """Load a checkpoint that this script wrote (a pickle: never feed it a file from elsewhere)."""
    stored = torch.load(checkpoint, map_location="cpu", weights_only=False)
    model: DetectionModel = (stored.get("ema") or stored["model"]).float().eval()
    return model


@contextmanager
def exporting(model: DetectionModel) -> Iterator[None]:
    """Switch the detection head to one plain output tensor and to grids that follow the input's size."""
    head = model.model[-1]
    head.export, head.dynamic, head.format = True, True, "onnx"
    yield
    head.export, head.dynamic, head.format = False, False, None


def fold_luma(model: DetectionModel) -> None:
    """Let the first convolution read RGB and see luma: W'[:, c] = luma[c] * sum of W over its colour channels."""
    first = model.model[0].conv
    total = first.weight.data.sum(dim=1, keepdim=True)
    first.weight.data = total * torch.tensor(LUMA).view(1, 3, 1, 1)


def metadata(size: int) -> dict[str, str]:
    """What ultralytics reads from an ONNX file; nothing that changes from run to run."""
    values = {
        "description": "person and weapon detector, YOLO11n, luma folded into the first convolution",
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
def export(checkpoint: Path, target: Path, size: int, pictures: list[Path]) -> None:
    """Write the ONNX file and print how far it is, fed with colour, from the net fed with grey."""
    model = load_model(checkpoint)
    grey_model = load_model(checkpoint)
    model.fuse(verbose=False)
    fold_luma(model)
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "anchors"}}
    with exporting(model):
        proto = onnx_files.export(model, {"images": torch.zeros(1, 3, size, size)}, ["output0"], target, axes)
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4 + len(NAMES)
    digest = onnx_files.store(proto, target, metadata(size))
    check_export(grey_model, target, picture_tensor(pictures, size))
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}")


def check_export(grey_model: DetectionModel, target: Path, colour: torch.Tensor) -> None:
    """Compare the ONNX file on colour pictures (n, 3, size, size) with the trained net on their luma."""
    import openvino

    compiled = openvino.Core().compile_model(str(target), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    luma = (colour * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True).expand_as(colour)
    theirs = torch.from_numpy(np.asarray(compiled([colour.numpy()])[0]))
    gap = (grey_model(luma.contiguous())[0] - theirs).abs()
    likely = theirs[:, 4:].amax(dim=1) > 0.05
    boxes = gap[:, :4].amax(dim=1)[likely]
    print(f"export on colour against net on grey: scores {float(gap[:, 4:].max()):.2e}, boxes scored over 0.05 "
          f"{float(boxes.max()) if len(boxes) else 0.0:.2e} px (the weights are rounded to FP16)")  # fmt: skip


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with weapons_cctv, coco128 and natural")
    parser.add_argument("--teacher", type=Path, default=TEACHER, help="COCO YOLO11n as ONNX: start and labeller")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for pictures and runs")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "objects.onnx")
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--imgsz", type=int, default=416)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", type=Path, help="go on from this run's last checkpoint, to --epochs in all")
    parser.add_argument("--checkpoint", type=Path, help="only export this checkpoint of an earlier run")
    return parser.parse_args()


def main() -> None:
    """Prepare, train and export; or only export."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(options.threads)
    checkpoint = options.checkpoint
    if options.resume:
        checkpoint = resume(options.resume, options.work, options)
    elif checkpoint is None:
        data_file = prepare(options.data, options.teacher, options.work / "set")
        pictures = sorted((options.work / "set" / "images" / "train").glob("*.jpg"))
        model = starting_model(options.teacher, pictures, options.imgsz)
        checkpoint = train(model, data_file, options.work, options)
    colour = [sample.path for sample in natural_samples(options.data, "tune")[:16]]
    export(checkpoint, options.target, options.imgsz, colour)


if __name__ == "__main__":
    main()
