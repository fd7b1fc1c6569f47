# SPDX-License-Identifier: AGPL-3.0-or-later
"""The net of `minors`: the small Xception of face-api.js' age net (MIT), rebuilt from its own weights."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from eval_objects import PEERS  # first of all: it switches off what OpenVINO would report
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

TEACHER = PEERS / "faceapi_age_gender.onnx"
MEAN_RGB = (122.782, 117.001, 104.298)
MIDDLE_YEARS, YEARS_PER_LOGIT = 20.0, 3.5
"""The teacher's years as log-odds of being a minor, before any calibration: where it is even, and how steep."""


class Separable(nn.Sequential):
    """A depthwise 3 x 3 and a pointwise convolution."""

    def __init__(self, before: int, after: int) -> None:
        """Channels before and after."""
        super().__init__(
            nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False), nn.Conv2d(before, after, 1)
        )


class Reduction(nn.Module):
    """Two separable convolutions and a pooling, beside a shortcut of the same stride."""

    def __init__(self, before: int, after: int, *, is_first: bool = False) -> None:
        """Channels before and after; the first block comes after an activation already."""
        super().__init__()
        self.first, self.second = Separable(before, after), Separable(after, after)
        self.shortcut = nn.Conv2d(before, after, 1, stride=2)
        self.is_first = is_first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, before, H, W) to (N, after, H/2, W/2)."""
        seen = self.second(functional.relu(self.first(x if self.is_first else functional.relu(x))))
        # TensorFlow's padding of an even side: nothing before, one after.
        pooled = functional.max_pool2d(functional.pad(seen, (0, 1, 0, 1), value=-1e4), 3, stride=2)
        return torch.add(pooled, self.shortcut(x))


class FaceNet(nn.Module):
    """The teacher's small Xception, with a head for "under 18" beside its years."""

    def __init__(self) -> None:
        """With random weights; ``from_teacher`` gives it the teacher's."""
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2)
        self.down = nn.ModuleList([Reduction(32, 64, is_first=True), Reduction(64, 128)])
        self.middle = nn.ModuleList([nn.ModuleList([Separable(128, 128) for _ in range(3)]) for _ in range(2)])
        self.out = Reduction(128, 256)
        self.last = Separable(256, 512)
        self.years = nn.Linear(512, 1)
        self.under = nn.Linear(512, 1)
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1) / 255)

    def front(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 112, 112) RGB in 0-1 to (N, 256, 7, 7): the teacher's, not trained further."""
        x = (images - self.get_buffer("mean")) * (255 / 256)
        x = functional.relu(self.stem(functional.pad(x, (0, 1, 0, 1))))
        for block in self.down:
            x = block(x)
        for three in self.middle:
            seen = x
            for layer in three.children():
                seen = layer(functional.relu(seen))
            x = x + seen
        return torch.as_tensor(self.out(x))

    def back(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From the front's answer to log-odds of being under 18, and years; each (N, 1)."""
        seen = functional.relu(self.last(x)).mean(dim=(2, 3))
        return self.under(seen), self.years(seen)


class Shipped(nn.Module):
    """What is exported: a probability alone."""

    def __init__(self, net: FaceNet, slope: float, offset: float) -> None:
        """Build the calibration (log-odds times slope plus offset) into the head."""
        super().__init__()
        self.net = net
        with torch.no_grad():
            net.under.weight *= slope
            net.under.bias.copy_(net.under.bias * slope + offset)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 1): probability of being under 18; the mean, in log-odds, of the picture's and its mirror's."""
        both = self.net.back(self.net.front(images))[0] + self.net.back(self.net.front(images.flip(3)))[0]
        return torch.sigmoid(both / 2)


def from_teacher(file: Path = TEACHER) -> FaceNet:
    """The teacher rebuilt from its own weights; those of its gender output are never read."""
    net = FaceNet()
    graph = onnx.load(str(file)).graph
    stored = {one.name: one for one in graph.initializer if "gender" not in one.name}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    order = _in_graph_order(net)
    assert len(order) == len(convolutions)
    with torch.no_grad():
        for layer, node in zip(order, convolutions, strict=True):
            for target, name in zip((layer.weight, layer.bias), node.input[1:], strict=False):
                assert target is not None
                target.copy_(torch.tensor(numpy_helper.to_array(stored[name])))
        weight, bias = (torch.tensor(numpy_helper.to_array(stored[f"fc_age_{name}"])) for name in ("weights", "bias"))
        net.years.weight.copy_(weight.T)
        net.years.bias.copy_(bias)
        net.under.weight.copy_(-weight.T / YEARS_PER_LOGIT)
        net.under.bias.copy_((MIDDLE_YEARS - bias) / YEARS_PER_LOGIT)
    return net


def _in_graph_order(net: FaceNet) -> list[nn.Conv2d]:
    """Its convolutions in the order in which the teacher's file names them."""
    parts: list[nn.Module] = [net.stem]
    for block in [*net.down, *net.middle, net.out]:
        parts += [block.first, block.second, block.shortcut] if isinstance(block, Reduction) else [block]
    return [layer for part in [*parts, net.last] for layer in part.modules() if isinstance(layer, nn.Conv2d)]
