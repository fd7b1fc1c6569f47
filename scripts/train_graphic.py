# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export the net for graphic content: where blood or an open injury may be, and how much (grade 0 to 3).

No graphic picture is used or needed. Every scene is an ordinary picture with drawn stains and look-alikes
(`graphic_scenes.py`). The net starts from the first nine layers of YOLO11n and gets a light decoder; its scores
are set right on the `tune` pictures, and that is inside the exported file.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx_files
import torch
from eval_objects import DATA, PEERS, REPO, Array  # first of all: it switches off what OpenVINO would report
from graphic_places import places
from graphic_scenes import SEEDS, Scene, Seeds, Stains, drawn_scene
from graphic_stains import Random
from object_start import teacher_net
from torch import nn
from torch.nn import functional
from ultralytics.nn.modules import Conv

TEACHER = PEERS / "yolo11n_rebuilt_640_fp16.onnx"
WORK = Path(tempfile.gettempdir()) / "train_graphic"
LAYERS = 9
SHAPES = ((224, 224), (160, 256), (256, 160), (192, 224))
"""Height and width of training scenes; one for each batch. All are multiples of the coarsest stride, 32."""
GREY_SET = "weapons_cctv"
SHARD = 256
"""Scenes kept in one file; all have one shape."""
GRADES = 3
TUNE_SCENES, CLEAN_SCENES = 1024, 2048
ALARMS = (0.06, 0.007, 0.003)
"""Share of clean tune scenes that may get a grade of at least 1, 2, 3."""
CUTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
REPORT_STEPS = 100


class Decoder(nn.Module):
    """From features at 1/4, 1/8, 1/16 and 1/32 of the picture to a mask's logits at 1/4 and three grades' logits."""

    def __init__(self) -> None:
        """Widths follow YOLO11n: 64, 128, 128 and 256 channels come in."""
        super().__init__()
        self.deep, self.side16 = Conv(256, 64, 1), Conv(128, 64, 1)
        self.side8, self.side4 = Conv(128, 64, 1), Conv(64, 32, 1)
        self.colour = nn.Conv2d(3, 32, 1)  # the colours themselves come in again at the end
        self.join16, self.join8, self.join4 = Conv(64, 64, 3), Conv(64, 32, 3), Conv(32, 32, 3)
        self.mask = nn.Conv2d(32, 1, 1)
        self.grade = nn.Sequential(nn.Linear(32 + 64 + 3, 64), nn.SiLU(), nn.Linear(64, GRADES))

    def forward(self, pictures: torch.Tensor, features: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 1, H/4, W/4) and (N, 3): logits of the mask and of a grade of at least 1, 2 and 3."""
        at4, at8, at16, at32 = features
        deep = self.deep(at32)
        middle = self.join16(functional.interpolate(deep, scale_factor=2.0) + self.side16(at16))
        fine = self.join8(functional.interpolate(middle, scale_factor=2.0) + self.side8(at8))
        colours = self.colour(functional.avg_pool2d(pictures, 4))
        finest = self.join4(functional.interpolate(fine, scale_factor=2.0) + self.side4(at4) + colours)
        mask = self.mask(finest)
        return mask, self.grades(mask.float(), finest.float(), deep.float())

    def grades(self, mask: torch.Tensor, finest: torch.Tensor, deep: torch.Tensor) -> torch.Tensor:
        """Grades from how much is masked, of what kind, and the whole picture; a higher one is never likelier."""
        likely = mask.sigmoid()
        total = likely.sum((2, 3))
        inside = (finest * likely).sum((2, 3)) / (total + 1)
        share = likely.mean((2, 3))
        sure = likely.square().mean((2, 3))
        sizes = torch.cat([(share + 1e-4).log(), (sure + 1e-4).log(), likely.amax((2, 3))], 1)
        steps = self.grade(torch.cat([inside, deep.mean((2, 3)), sizes], 1))
        least = steps[:, :1]
        more = least - functional.softplus(steps[:, 1:2])
        return torch.cat([least, more, more - functional.softplus(steps[:, 2:])], 1)


class GraphicNet(nn.Module):
    """YOLO11n's first layers and the decoder; in evaluation it answers scores that `tuned` set right."""

    slope: torch.Tensor
    offset: torch.Tensor
    cut: torch.Tensor
    """Added to the mask's logits, so that 0.5 is the score from which a cell is best masked."""

    def __init__(self, backbone: nn.Sequential) -> None:
        """Take over the first `LAYERS` layers."""
        super().__init__()
        self.backbone, self.decoder = backbone, Decoder()
        self.register_buffer("slope", torch.ones(GRADES))
        self.register_buffer("offset", torch.zeros(GRADES))
        self.register_buffer("cut", torch.zeros(1))

    def logits(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As `Decoder.forward`, from pictures (N, 3, H, W), RGB in 0-1."""
        features, kept = pictures, []
        for number, layer in enumerate(self.backbone):
            features = layer(features)
            if number in (2, 4, 6, 8):
                kept.append(features)
        mask, grades = self.decoder(pictures, kept)
        return mask, grades

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores in 0-1, 0.5 the operating point: the mask (N, 1, H/4, W/4), a grade of at least 1, 2, 3 (N, 3)."""
        mask, grades = self.logits(pictures)
        least, more, most = (grades * self.slope + self.offset).sigmoid().unbind(1)
        more = torch.minimum(least, more)  # each was moved by itself
        return (mask + self.cut).sigmoid(), torch.stack([least, more, torch.minimum(more, most)], 1)


def started_net(teacher: Path) -> GraphicNet:
    """The net with the teacher's first layers, all free to learn."""
    backbone = teacher_net(teacher).model[:LAYERS]
    return GraphicNet(backbone.requires_grad_(True))


def take_over(net: GraphicNet, checkpoint: Path) -> None:
    """Copy every tensor of an earlier run's checkpoint that has its place, in its shape, in this net."""
    ours, theirs = net.state_dict(), torch.load(checkpoint, weights_only=True)
    fitting = {name: value for name, value in theirs.items() if name in ours and ours[name].shape == value.shape}
    net.load_state_dict(ours | fitting)
    print(f"taken over from {checkpoint.name}: {len(fitting)} of {len(ours)} tensors")


def as_tensor(pictures: Array) -> torch.Tensor:
    """BGR pictures (N, H, W, 3) as (N, 3, H, W), RGB in 0-1."""
    turned = pictures[..., ::-1].transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(turned, dtype=np.float32) / 255)


@dataclass(frozen=True)
class Batch:
    """Scenes of one shape as arrays: pictures (n, h, w, 3) BGR, masks (n, h / 4, w / 4), grades (n,), all uint8."""

    pictures: Array
    masks: Array
    grades: Array

    @classmethod
    def of(cls, scenes: Sequence[Scene]) -> Batch:
        """Stack scenes."""
        grades = np.array([one.grade for one in scenes], np.uint8)
        return cls(np.stack([one.picture for one in scenes]), np.stack([one.mask for one in scenes]), grades)

    def part(self, chosen: Array, mirrored: bool) -> Batch:
        """Some of the scenes, perhaps all mirrored."""
        step = -1 if mirrored else 1
        return Batch(self.pictures[chosen][:, :, ::step], self.masks[chosen][:, :, ::step], self.grades[chosen])

    @property
    def steps(self) -> torch.Tensor:
        """(n, 3): whether the grade is at least 1, 2, 3."""
        return torch.from_numpy((self.grades[:, None] >= np.arange(1, GRADES + 1)).astype(np.float32))


def paint(options: argparse.Namespace, part: Seeds, count: int, share: float) -> list[Path]:
    """Draw scenes, a share of them with stains, into files of `SHARD`, unless they lie there already."""
    folder = options.work / "scenes" / f"{part}-{share}"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:04}.npz" for number in range(count // SHARD)]
    missing = [number for number, file in enumerate(files) if not file.exists()]
    if missing:
        found = places("train" if part == "train" else "tune", options.work, options.data)
        if part == "tune":  # half of the tune pictures are grey, where nobody can tell: they must not set the scores
            found = [place for place in found if place.collection != GREY_SET]
        stains = Stains(part, 80)
        for number in missing:
            random, shape = np.random.default_rng([SEEDS[part], number]), SHAPES[number % len(SHAPES)]
            views = [found[int(index)].view for index in random.integers(0, len(found), SHARD)]
            batch = Batch.of([drawn_scene(view, stains, random, shape, share) for view in views])
            half_written = files[number].with_suffix(".part.npz")
            np.savez(half_written, pictures=batch.pictures, masks=batch.masks, grades=batch.grades)
            half_written.rename(files[number])
    return files


def read(file: Path) -> Batch:
    """The scenes of one file."""
    with np.load(file) as stored:
        return Batch(stored["pictures"], stored["masks"], stored["grades"])


def batches(files: Sequence[Path], size: int, random: Random) -> Iterator[Batch]:
    """Batches without end: files in random order, four at a time mixed, half of the batches mirrored."""
    while True:
        order = random.permutation(len(files))
        for start in range(0, len(order), 4):
            waiting = []
            for index in order[start : start + 4]:
                whole = read(files[index])
                picked = random.permutation(len(whole.grades))
                waiting += [
                    whole.part(picked[at : at + size], bool(random.random() < 0.5))
                    for at in range(0, len(picked), size)
                ]
            for index in random.permutation(len(waiting)):
                yield waiting[index]


def loss_of(net: GraphicNet, batch: Batch) -> torch.Tensor:
    """Cross entropy and overlap of the mask, cross entropy of the grades."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mask, grades = net.logits(as_tensor(batch.pictures).contiguous(memory_format=torch.channels_last))
    wanted = torch.from_numpy(np.ascontiguousarray(batch.masks))[:, None].float()
    mask = mask.float()
    likely = mask.sigmoid()
    shared, there = (likely * wanted).sum((1, 2, 3)), wanted.sum((1, 2, 3))
    overlap = 1 - (2 * shared + 4) / (likely.sum((1, 2, 3)) + there + 4)
    cells = functional.binary_cross_entropy_with_logits(mask, wanted)
    ordinal = functional.binary_cross_entropy_with_logits(grades, batch.steps)
    return 3 * cells + 0.5 * (overlap * (there > 0)).mean() + 0.5 * ordinal


def train(net: GraphicNet, options: argparse.Namespace) -> GraphicNet:
    """Train for `options.epochs` or `options.minutes`, whichever ends first; returns the averaged net."""
    files = paint(options, "train", options.scenes, 0.5)
    stream = batches(files, options.batch, np.random.default_rng(0))
    net = net.to(memory_format=torch.channels_last).train()
    mean, steps = copy.deepcopy(net), options.epochs * len(files) * SHARD // options.batch
    slow = {"params": net.backbone.parameters(), "lr": options.rate * 0.4}
    optimiser = torch.optim.AdamW([slow, {"params": net.decoder.parameters(), "lr": options.rate}], weight_decay=1e-3)
    rates = [group["lr"] for group in optimiser.param_groups]
    began, done, recent = time.monotonic(), 0, 0.0
    while (passed := max(done / steps if steps else 1.0, (time.monotonic() - began) / 60 / options.minutes)) < 1:
        pace = min(1, done / 80) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * passed)))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * pace
        loss = loss_of(net, next(stream))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        done += 1
        follow(mean, net, min(0.998, done / (done + 19)))
        recent += float(loss.detach()) / REPORT_STEPS
        if done % REPORT_STEPS == 0:
            print(f"step {done} of {steps}: loss {recent:.4f}, {time.monotonic() - began:.0f} s", flush=True)
            recent = 0.0
            torch.save(mean.state_dict(), options.work / "mean.pt")
    print(f"trained on {done * options.batch} scenes in {(time.monotonic() - began) / 60:.1f} minutes")
    torch.save(mean.state_dict(), options.work / "mean.pt")
    return mean.eval()


@torch.no_grad()
def follow(mean: nn.Module, net: nn.Module, keep: float) -> None:
    """Move the averaged net a little towards the trained one."""
    for ours, theirs in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        if ours.dtype.is_floating_point:
            ours.lerp_(theirs, 1 - keep)
        else:
            ours.copy_(theirs)


@torch.no_grad()
def answers(net: GraphicNet, files: Sequence[Path]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (n, 3) and truths (n, 3) of the grades, and shared and united cells (cuts, 2) of the mask by cut."""
    raw, wanted, overlaps = [], [], torch.zeros(len(CUTS), 2)
    for file in files:
        whole = read(file)
        for start in range(0, SHARD, 32):
            batch = whole.part(np.arange(start, min(start + 32, SHARD)), mirrored=False)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                mask, grades = net.logits(as_tensor(batch.pictures).contiguous(memory_format=torch.channels_last))
            raw.append(grades.float())
            wanted.append(batch.steps)
            cells = torch.from_numpy(batch.masks)[:, None] > 0
            said = [mask + cut > 0 for cut in CUTS]
            overlaps += torch.tensor([[float((one & cells).sum()), float((one | cells).sum())] for one in said])
    return torch.cat(raw), torch.cat(wanted), overlaps


@torch.no_grad()
def tuned(net: GraphicNet, options: argparse.Namespace) -> GraphicNet:
    """The net with its mask and grades read right, by scenes of the tune pictures.

    The mask's cut is the one with the best overlap. Each grade's slope is Platt's, on scenes of which half have stains;
    its offset lets 0.5 be the operating point: as many clean scenes as `ALARMS` allows get at least that grade.
    """
    logits, truths, overlaps = answers(net.eval(), paint(options, "tune", TUNE_SCENES, 0.5))
    clean = answers(net, paint(options, "tune", CLEAN_SCENES, 0.0))[0]
    shares = overlaps[:, 0] / overlaps[:, 1].clamp_min(1)
    net.cut.fill_(CUTS[int(shares.argmax())])
    print("overlap by cut: " + ", ".join(f"{cut}: {share:.3f}" for cut, share in zip(CUTS, shares, strict=True)))
    for grade, alarms in enumerate(ALARMS):
        slope, offset = platt(logits[:, grade], truths[:, grade])
        bar = float(torch.quantile(clean[:, grade], 1 - alarms))
        seen = float((logits[truths[:, grade] > 0, grade] > bar).float().mean())
        net.slope[grade], net.offset[grade] = slope, -slope * bar
        chance = float(torch.tensor(slope * bar + offset).sigmoid())
        print(
            f"grade {grade + 1}: at {alarms:.1%} alarms {seen:.3f} are seen, from Platt's probability {chance:.3f} on"
        )
    return net


def platt(logits: torch.Tensor, truths: torch.Tensor) -> tuple[float, float]:
    """Slope and offset with the least cross entropy, by Newton's method."""
    terms = torch.stack([logits, torch.ones_like(logits)], 1).double()
    values = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for _ in range(50):
        likely = (terms @ values).sigmoid()
        slope = terms.T @ (likely - truths) + 1e-3 * values
        bend = (terms * (likely * (1 - likely))[:, None]).T @ terms + 1e-3 * torch.eye(2, dtype=torch.float64)
        values = values - torch.linalg.solve(bend, slope).clamp(-2, 2)
    return float(values[0]), float(values[1])


@torch.no_grad()
def export(net: GraphicNet, target: Path) -> None:
    """Write the ONNX file, with batch norms folded in, and print how far it is from the net."""
    fused = copy.deepcopy(net).eval()
    example = torch.rand(1, 3, 256, 256)
    before = fused(example)
    fuse(fused)
    after = fused(example)
    print(
        "folding the norms moved: "
        + ", ".join(f"{float((a - b).abs().max()):.1e}" for a, b in zip(before, after, strict=True))
    )
    axes = {
        "images": {0: "batch", 2: "height", 3: "width"},
        "mask": {0: "batch", 2: "h", 3: "w"},
        "grade": {0: "batch"},
    }
    proto = onnx_files.export(fused, {"images": example}, ["mask", "grade"], target, axes)
    properties = {
        "description": "blood or open injury: mask at 1/4 and probabilities of a grade of at least 1, 2, 3",
        "license": "AGPL-3.0-or-later", "task": "graphic", "stride": "32",
    }  # fmt: skip
    digest = onnx_files.store(proto, target, properties)
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}")


def fuse(net: nn.Module) -> None:
    """Fold every norm into the convolution before it."""
    for module in net.modules():
        if isinstance(module, Conv) and hasattr(module, "bn"):
            module.conv = nn.utils.fusion.fuse_conv_bn_eval(module.conv, module.bn)
            del module.bn
            module.forward = module.forward_fuse


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with natural, coco128, videos and others")
    parser.add_argument("--teacher", type=Path, default=TEACHER, help="COCO YOLO11n as ONNX: the start")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for surveyed pictures and checkpoints")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "graphic.onnx")
    parser.add_argument("--scenes", type=int, default=20480, help="training scenes to draw")
    parser.add_argument("--epochs", type=int, default=2, help="how often each scene is learned from")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop earlier than --epochs after this time")
    parser.add_argument("--only-draw", action="store_true", help="draw the scenes and stop")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--checkpoint", type=Path, help="start from what fits of an earlier run")
    return parser.parse_args()


def main() -> None:
    """Draw, train, calibrate and export; with `--epochs 0` and a checkpoint only the last two."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if options.only_draw:
        paint(options, "train", options.scenes, 0.5)
        paint(options, "tune", TUNE_SCENES, 0.5)
        paint(options, "tune", CLEAN_SCENES, 0.0)
        return
    net = started_net(options.teacher)
    if options.checkpoint:
        take_over(net, options.checkpoint)
    export(tuned(train(net, options), options), options.target)


if __name__ == "__main__":
    main()
