# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export the descriptor by which copies of pictures are found, without any labels.

`copy_pictures` chooses the pictures, `copy_edits` does to them what uploaders do, `copy_net` is the net. It learns in
the manner of SSCD (Pizzi et al., 2022): two views of a picture shall find each other among all others (InfoNCE), while
vectors shall fill the sphere evenly (differential entropy), so that one threshold serves all pictures. Beside the net
goes a background set: vectors of pictures that have nothing to do with any case.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import copy_pictures
import cv2
import numpy as np
import onnx_files
import torch
from copy_cards import drawn_background
from copy_edits import Picture, Rng, crop, edited, lightly, shrink, squared
from copy_net import SIDE_PX, CopyNet, Labels, Memory, copy_loss
from eval_objects import DATA, PEERS, REPO, read_picture
from torch import nn
from torch.utils.data import DataLoader, Dataset

TEACHER = PEERS / "yolo11n_rebuilt_640_fp16.onnx"
WORK = Path(tempfile.gettempdir()) / "train_copies"
RATES = {"backbone": 2.5e-4, "head": 1e-3}
TEMPERATURE, ENTROPY_GAIN = 0.05, 8.0
MEMORY_SIZE, MEMORY_FROM = 1024, 50
WARM_UP_STEPS, LAST_RATE_SHARE = 100, 0.02
MEAN_DECAY, MEAN_RAMP = 0.998, 150
TWIN_SHARE = 0.06
"""How many pictures of a batch are another's mirror image, which is not to be taken for it."""
LIGHT_SHARE = 0.7
"""How often the first view of a picture is as in a bank; otherwise both are edited."""
LATER_SHARE = 0.4
"""How often the second view of a clip's picture is of the moment just after."""
KEPT_BATCHES = 24
BACKGROUND_ORDINARY, BACKGROUND_DRAWN = 360, 270
Batch = tuple[torch.Tensor, Labels]


class Pairs(Dataset[Batch]):
    """Batches of two views of each of several pictures, (2 B, side, side, 3) BGR uint8, first all first views."""

    def __init__(self, folder: Path, batch: int, steps: int, seed: int) -> None:
        """Read every picture into memory."""
        self.rows = [copy_pictures.Stored(**row) for row in json.loads((folder / "set.json").read_text())]
        self.pictures = [read_picture(folder / row.file) for row in self.rows]
        self.later = [read_picture(folder / row.later) if row.later else None for row in self.rows]
        weights = np.array([row.weight for row in self.rows])
        self.chances = weights / weights.sum()
        self.batch, self.steps, self.seed = batch, steps, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step, the same every time."""
        if step >= self.steps:
            raise IndexError(step)
        rng = np.random.default_rng((self.seed, step))
        twins = round(TWIN_SHARE * self.batch)
        chosen = rng.choice(len(self.rows), self.batch - twins, replace=False, p=self.chances)
        mirrored = rng.random(len(chosen)) < 0.5
        chosen, mirrored = np.append(chosen, chosen[:twins]), np.append(mirrored, ~mirrored[:twins])
        pairs = [self._views(rng, int(place), bool(turned)) for place, turned in zip(chosen, mirrored, strict=True)]
        views = np.stack([pair[0] for pair in pairs] + [pair[1] for pair in pairs])
        group = torch.tensor([self.rows[place].group for place in chosen])
        labels = {"picture": torch.from_numpy(chosen), "group": group, "mirrored": torch.from_numpy(mirrored)}
        return torch.from_numpy(views), labels

    def _views(self, rng: Rng, place: int, mirrored: bool) -> tuple[Picture, Picture]:
        one, later = self.pictures[place], self.later[place]
        other = later if later is not None and rng.random() < LATER_SHARE else one
        if mirrored:
            one, other = one[:, ::-1], other[:, ::-1]
        one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)

        def others() -> Picture:
            return self.pictures[int(rng.integers(len(self.pictures)))]

        first = lightly(rng, one, others) if rng.random() < LIGHT_SHARE else edited(rng, one, others)
        return squared(rng, first, SIDE_PX), squared(rng, edited(rng, other, others), SIDE_PX)


class Stream:
    """Batches as they come from the loader, and between them others that are put together from those kept."""

    def __init__(self, loader: DataLoader[Batch], uses: int, seed: int) -> None:
        """Take how often a pair of views is used on average."""
        self.loader, self.uses, self.rng = loader, uses, np.random.default_rng(seed)
        self.kept: list[Batch] = []

    def __iter__(self) -> Iterator[Batch]:
        """Every batch of the loader, each followed by `uses` - 1 mixed ones."""
        for views, labels in self.loader:
            self.kept = [*self.kept[1 - KEPT_BATCHES :], (views, labels)]
            yield views, labels
            for _ in range(self.uses - 1 if len(self.kept) > KEPT_BATCHES // 3 else 0):
                yield self._mixed(len(views) // 2)

    def _mixed(self, count: int) -> Batch:
        """Pairs of the kept batches, no picture twice."""
        pool = {name: torch.cat([labels[name] for _, labels in self.kept]) for name in ("picture", "group", "mirrored")}
        order = self.rng.permutation(len(pool["picture"]))
        _, first = np.unique(pool["picture"].numpy()[order], return_index=True)
        chosen = order[self.rng.permutation(first)[:count]]
        ones = torch.cat([views[:count] for views, _ in self.kept])
        others = torch.cat([views[count:] for views, _ in self.kept])
        return torch.cat([ones[chosen], others[chosen]]), {name: pool[name][chosen] for name in pool}


class RunningMean:
    """An exponential running mean of a net's weights, short-sighted at first."""

    def __init__(self, net: CopyNet) -> None:
        """Start with a copy."""
        self.net, self.steps = copy.deepcopy(net).eval(), 0

    @torch.no_grad()
    def update(self, net: CopyNet) -> None:
        """Move towards the net's weights."""
        self.steps += 1
        decay = MEAN_DECAY * (1 - np.exp(-self.steps / MEAN_RAMP))
        for mean, value in zip(self.net.parameters(), net.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)


def as_input(views: torch.Tensor) -> torch.Tensor:
    """(N, side, side, 3) BGR uint8 to (N, 3, side, side) RGB in 0-1."""
    return (views.flip(3).permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)


def set_rates(optimiser: torch.optim.Optimizer, step: int, progress: float) -> None:
    """Warm up linearly, then follow a cosine down over the progress from 0 to 1."""
    share = LAST_RATE_SHARE + (1 - LAST_RATE_SHARE) * (1 + np.cos(np.pi * min(progress, 1.0))) / 2
    for group in optimiser.param_groups:
        group["lr"] = group["top"] * share * min(1.0, (step + 1) / WARM_UP_STEPS)


def first_net(options: argparse.Namespace, pairs: Pairs) -> CopyNet:
    """The net that learning starts from: an earlier checkpoint, or the teacher's backbone and whitened features."""
    net = CopyNet(options.teacher).to(memory_format=torch.channels_last)
    if options.start:
        net.load_state_dict(torch.load(options.start, weights_only=True))
        return net
    rng = np.random.default_rng(0)
    some = [squared(rng, pairs.pictures[at], SIDE_PX) for at in rng.permutation(len(pairs.pictures))[:900]]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        pieces = [net.features(as_input(torch.from_numpy(np.stack(some[at : at + 100])))) for at in range(0, 900, 100)]
    net.whiten(torch.cat(pieces).float())
    return net


def rate_groups(net: CopyNet, share: float) -> list[dict[str, Any]]:
    """Parameters with their highest learning rates."""
    backbone = [value for value in net.layers.parameters() if value.requires_grad]
    groups = {"backbone": backbone, "head": list(net.head.parameters())}
    return [{"params": groups[name], "lr": 0.0, "top": share * rate} for name, rate in RATES.items()]


def train(pictures: Path, out: Path, options: argparse.Namespace) -> Path:
    """Learn for `options.minutes`; returns the last checkpoint of the running mean."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    pairs = Pairs(pictures, options.batch, options.steps, options.seed)
    net = first_net(options, pairs).train()
    mean, memory = RunningMean(net), Memory(MEMORY_SIZE)
    optimiser = torch.optim.AdamW(rate_groups(net, options.rate), weight_decay=1e-3)
    loader = DataLoader(pairs, batch_size=None, num_workers=1, prefetch_factor=4, worker_init_fn=start_worker)
    begun, kept_at, sums = time.monotonic(), 0.0, np.zeros(3)
    for step, (views, labels) in enumerate(Stream(loader, options.uses, options.seed)):
        minutes = (time.monotonic() - begun) / 60
        if minutes >= options.minutes:
            break
        set_rates(optimiser, step, minutes / options.minutes)
        vectors = net.learn(as_input(views))
        info, entropy = copy_loss(vectors, labels, memory, TEMPERATURE)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(info + ENTROPY_GAIN * entropy)
        norm = nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        mean.update(net)
        if step >= MEMORY_FROM:
            memory.add(vectors, labels["group"].repeat(2))
        sums += [float(info.detach()), float(entropy.detach()), float(norm)]
        if (step + 1) % options.report == 0:
            shown = " ".join(f"{value:.3f}" for value in sums / options.report)
            print(f"step {step + 1}, {minutes:.1f} min: info entropy norm {shown}", flush=True)
            sums[:] = 0
        if minutes - kept_at >= options.keep:
            kept_at = minutes
            save(mean.net, out / "mean.pt")
            save(net, out / "net.pt")
    save(mean.net, out / "mean.pt")
    return out / "mean.pt"


def save(net: CopyNet, target: Path) -> None:
    """Write a checkpoint; the one before it stays until this one is whole."""
    torch.save(net.state_dict(), target.with_suffix(".new"))
    target.with_suffix(".new").replace(target)


def start_worker(_: int) -> None:
    """One thread per loading process, which may run beside the learning one and gives way to others."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    os.nice(10)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


@torch.no_grad()
def export(net: CopyNet, pictures: Path, target: Path) -> None:
    """Write the ONNX file and the background set, and print how far its answers are from the net's."""
    rows = [copy_pictures.Stored(**row) for row in json.loads((pictures / "set.json").read_text())]
    axes = {"images": {0: "pictures"}, "vectors": {0: "pictures"}}
    fresh = target.with_suffix(".new")
    proto = onnx_files.export(net, {"images": torch.zeros(2, 3, SIDE_PX, SIDE_PX)}, ["vectors"], fresh, axes)
    digest = onnx_files.store(proto, fresh, {"description": "copy descriptor", "license": "AGPL-3.0-or-later"})
    views = background_views(pictures, rows)
    vectors = answers(fresh, views)
    gap = np.abs(vectors[:64] - net(as_input(torch.from_numpy(views[:64]))).numpy()).max()
    background = target.with_suffix(".background.npy")
    np.save(background.with_suffix(".new.npy"), vectors.astype(np.float16), allow_pickle=False)
    background.with_suffix(".new.npy").replace(background)
    fresh.replace(target)
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}; furthest from the net {gap:.1e}")
    print(f"{background.name}: {vectors.shape}, sha256 {hashlib.sha256(background.read_bytes()).hexdigest()}")


def background_views(pictures: Path, rows: list[copy_pictures.Stored]) -> Picture:
    """Pieces of ordinary training pictures, and cards, as the net takes them: (B, side, side, 3)."""
    rng = np.random.default_rng(3)
    weights = np.array([row.weight for row in rows])
    chosen = rng.choice(len(rows), BACKGROUND_ORDINARY, replace=False, p=weights / weights.sum())
    ordinary = [read_picture(pictures / rows[place].file) for place in chosen]
    pieces = [crop(rng, picture, lambda: ordinary[0]) for picture in ordinary]
    drawn = [shrink(card) for card in drawn_background(rng, BACKGROUND_DRAWN)]
    return np.stack([squared(rng, np.ascontiguousarray(one), SIDE_PX) for one in [*pieces, *drawn]])


def answers(file: Path, views: Picture) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """What the ONNX file says of pictures (N, side, side, 3) BGR, in FP32."""
    from triage.network import Network
    from triage.settings import Precision

    network = Network(file, Precision.EXACT)
    pieces = [network.run(views[at : at + 32])[0] for at in range(0, len(views), 32)]
    found = np.concatenate(pieces)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with natural, coco128, videos ...")
    parser.add_argument(
        "--teacher", type=Path, default=TEACHER, help="COCO YOLO11n as ONNX, whose backbone is the start"
    )
    parser.add_argument("--work", type=Path, default=WORK, help="folder for pictures and checkpoints")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "copies.onnx")
    parser.add_argument("--minutes", type=float, default=65.0, help="how long to learn; the rates fall over this time")
    parser.add_argument("--steps", type=int, default=100_000, help="end after so many batches of the loader")
    parser.add_argument("--batch", type=int, default=128, help="pictures a step, each in two views")
    parser.add_argument("--uses", type=int, default=2, help="how often a pair of views is used on average")
    parser.add_argument("--rate", type=float, default=1.0, help="learning rates as a share of the usual ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", type=int, default=50, help="steps between two lines of figures")
    parser.add_argument("--keep", type=float, default=4.0, help="minutes between two checkpoints")
    parser.add_argument("--start", type=Path, help="a checkpoint of this script to start from")
    parser.add_argument("--checkpoint", type=Path, help="only export this checkpoint")
    return parser.parse_args()


def main() -> None:
    """Prepare, learn and export; or only export."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(options.threads)
    pictures = options.work / "set"
    if not (pictures / "set.json").is_file():
        copy_pictures.prepare(options.data, pictures)
    checkpoint = options.checkpoint or train(pictures, options.work / "run", options)
    net = CopyNet(options.teacher)
    net.load_state_dict(torch.load(checkpoint, weights_only=True))
    export(net.eval(), pictures, options.target)


if __name__ == "__main__":
    main()
