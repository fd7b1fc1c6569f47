# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export the small net that says of a person's crop what they wear, as far as it can be seen.

    python scripts/train_uniforms.py          # about 6 minutes of one processor core, half of it to cut persons out
    python scripts/eval_uniforms.py           # measure

The net is the first layers of YOLO11n, from the teacher's own weights, and a linear layer on what they find anywhere
in the crop. It is to learn cloth, not photographs: persons of both kinds are put onto the same foreign backgrounds, cut
in the same ways and spoiled alike, civilians are dressed in plain green, navy and white and in prints, and in
camouflage drawn on the spot, whereupon they are none; plain uniforms are dyed in the same colours as plain clothes.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import cv2
import numpy as np
import onnx_files
import torch
from eval_objects import DATA, PEERS, REPO, Array
from object_start import teacher_net
from torch import nn
from torch.nn import functional
from uniform_crops import HEIGHT_PX, KINDS, STATES, WIDTH_PX, WORK, Crop, backgrounds, crops_in, fitted, inner
from uniform_views import Views, tensor_of

START = PEERS / "yolo11n_rebuilt_640_fp16.onnx"
LAYERS, TAPS, FROZEN = 9, (4, 6, 8), 3
BATCH, RATE, WEIGHT_DECAY, AVERAGE = 48, 1e-3, 2e-2, 0.99
OUTPUTS = ("civilian", *KINDS)


class Clothes(nn.Module):
    """(N, 3, H, W) RGB in 0-1 -> (N, 4) logits: wears any of the three kinds; and each kind, given that one is worn."""

    def __init__(self, backbone: nn.ModuleList) -> None:
        """Take over the first layers of a net; their widths are read off."""
        super().__init__()
        self.backbone = backbone
        width = 0
        with torch.no_grad():
            width = sum(part.shape[1] for part in self.pooled(torch.zeros(1, 3, 64, 64)))
        self.drop = nn.Dropout(0.25)
        self.head = nn.Linear(width, 1 + len(KINDS))

    def pooled(self, images: torch.Tensor) -> list[torch.Tensor]:
        """What the layers in TAPS find on average over the crop, and the last one at most."""
        found = []
        for index, layer in enumerate(self.backbone):
            images = layer(images)
            if index in TAPS:
                found.append(images.mean(dim=(2, 3)))
        return [*found, images.amax(dim=(2, 3))]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        logits: torch.Tensor = self.head(self.drop(torch.cat(self.pooled(images), dim=1)))
        return logits


class Scores(nn.Module):
    """The trained net as it is shipped: probabilities in the order of OUTPUTS, of which several may be high."""

    def __init__(self, net: Clothes, slope: float, offset: float) -> None:
        """Calibrate the first logit by Platt's rule: slope * logit + offset."""
        super().__init__()
        self.net, self.slope, self.offset = net, slope, offset

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 4): civilian, and the three kinds; one minus civilian is the probability that any is worn."""
        logits = self.net(images)
        worn = torch.sigmoid(self.slope * logits[:, :1] + self.offset)
        return torch.cat([1 - worn, worn * torch.sigmoid(logits[:, 1:])], dim=1)


def starting_net(start: Path) -> Clothes:
    """The first layers of the teacher's net, which have no norms, and a blank last layer."""
    torch.manual_seed(0)
    net = Clothes(nn.ModuleList(list(teacher_net(start).model[:LAYERS])))
    net.requires_grad_(True)
    net.backbone[:FROZEN].requires_grad_(False)
    return net.to(memory_format=torch.channels_last)


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Whether any kind is worn, for all; which, for those who wear one."""
    logits, soft = logits.float(), targets * 0.96 + 0.02
    worn = functional.binary_cross_entropy_with_logits(logits[:, 0], soft[:, 0])
    each = functional.binary_cross_entropy_with_logits(logits[:, 1:], soft[:, 1:], reduction="none")
    return worn + 0.6 * (each.mean(dim=1) * targets[:, 0]).sum() / targets[:, 0].sum().clamp_min(1)


def train(net: Clothes, views: Views, steps: int) -> Clothes:
    """Fine-tune; returns the running average of the weights."""
    groups = [
        {"params": [one for one in net.backbone.parameters() if one.requires_grad], "lr": RATE / 2},
        {"params": net.head.parameters(), "lr": RATE * 2},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [RATE / 2, RATE * 2], total_steps=steps, pct_start=0.1)
    average = copy.deepcopy(net)
    started, seen = time.monotonic(), 0.0
    for step in range(steps):
        net.train()
        images, targets = views.batch(BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(images)
        loss = loss_of(logits, targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            keep = min(AVERAGE, step / (step + 10))
            for ours, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                if ours.is_floating_point():
                    ours.lerp_(theirs, 1 - keep)
        seen += float(loss.detach())
        if (step + 1) % 25 == 0:
            print(f"step {step + 1}: loss {seen / 25:.3f}, {time.monotonic() - started:.0f} s", flush=True)
            seen = 0.0
    return average.eval()


def tuning_crops(crops: list[Crop]) -> tuple[Array, Array]:
    """The tune part plain, grey, dark and small, for calibration: images (n, H, W, 3) and whether a kind is worn."""
    images, worn = [], []
    for crop in crops:
        images += [fitted(change(inner(crop))) for change in STATES.values()]
        worn += [bool(crop.kinds)] * len(STATES)
    return np.stack(images), np.array(worn)


@torch.no_grad()
def logits_of(net: nn.Module, images: Array) -> torch.Tensor:
    """(n, 4) in FP32."""
    return torch.cat([net(tensor_of(list(images[at : at + 64]))) for at in range(0, len(images), 64)])


def platt(logits: torch.Tensor, worn: Array) -> tuple[float, float]:
    """Slope and offset that make the sigmoid of a logit a probability where both kinds are equally common."""
    truth = torch.from_numpy(worn.astype(np.float32))
    weight = torch.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(line[0] * logits + line[1], truth, weight=weight)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return float(line[0].detach()), float(line[1].detach())


def export(net: Clothes, tune: list[Crop], target: Path) -> None:
    """Calibrate, and write the ONNX file."""
    images, worn = tuning_crops(tune)
    slope, offset = platt(logits_of(net, images)[:, 0], worn)
    print(f"calibration: {slope:.3f} * logit {offset:+.3f}")
    shipped = Scores(net, slope, offset).eval()
    axes = {"images": {0: "batch"}, "scores": {0: "batch"}}
    example = {"images": torch.zeros(1, 3, HEIGHT_PX, WIDTH_PX)}
    proto = onnx_files.export(shipped, example, ["scores"], target, axes)
    properties = {
        "description": "what a person wears, as far as it can be seen, by the first layers of YOLO11n",
        "license": "AGPL-3.0-or-later",
        "names": str(dict(enumerate(OUTPUTS))),
    }
    digest = onnx_files.store(proto, target, properties)
    print(f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with uniform_dev, coco128 and the others")
    parser.add_argument("--start", type=Path, default=START, help="COCO YOLO11n as ONNX, whose first layers are taken")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for what is computed once")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "uniforms.onnx")
    parser.add_argument("--steps", type=int, default=600)
    return parser.parse_args()


def main() -> None:
    """Cut, train, calibrate, export."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    crops = crops_in(options.work, options.data)
    views = Views([one for one in crops if one.part == "train"], backgrounds(options.data, "train"))
    net = train(starting_net(options.start), views, options.steps)
    torch.save(net.state_dict(), options.work / "uniforms.pt")
    export(net, [one for one in crops if one.part == "tune"], options.target)


if __name__ == "__main__":
    main()
