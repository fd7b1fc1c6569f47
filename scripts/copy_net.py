# SPDX-License-Identifier: AGPL-3.0-or-later
"""The net of `copies` and what it learns by: YOLO11n's backbone, pooled at two depths into a unit vector."""

from __future__ import annotations

from pathlib import Path

import torch
from object_start import teacher_net  # first: it switches off what ultralytics would report
from torch import nn
from torch.nn.functional import normalize

DIM = 128
SIDE_PX = 160
"""Fourteen views of a frame take 11 ms on one core; with 192 px they would take a third more."""
LAST_LAYER, MIDDLE_LAYER = 10, 6
CHANNELS = {MIDDLE_LAYER: 128, LAST_LAYER: 256}
FROZEN_LAYERS = 2
"""Edges and colours stay as COCO taught them; learning them too would take a fifth longer per step."""
SMALLEST = 1e-4
Labels = dict[str, torch.Tensor]
"""`picture`, `group`, `mirrored`, each (B,): which picture, which it may be alike to, whether left is right."""


class CopyNet(nn.Module):
    """(N, 3, H, W) RGB in 0-1 to (N, 128) of unit length."""

    def __init__(self, teacher: Path) -> None:
        """Take the teacher's backbone with its weights; the last layer begins at random."""
        super().__init__()
        self.layers = nn.ModuleList(list(teacher_net(teacher).model[: LAST_LAYER + 1]))
        self.head = nn.Linear(sum(CHANNELS.values()), DIM)
        for place, layer in enumerate(self.layers):
            layer.requires_grad_(place >= FROZEN_LAYERS)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 384): the cube root of the mean cube of each channel, of the two layers, in FP32."""
        pooled = []
        for place, layer in enumerate(self.layers):
            images = layer(images)
            if place in CHANNELS:
                seen = images.float().clamp(min=SMALLEST)
                pooled.append((seen * seen * seen).mean((2, 3)).pow(1 / 3))
        return torch.cat(pooled, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) to (N, 128)."""
        with torch.autocast("cpu", enabled=False):
            return normalize(self.head(self.features(images)))

    def learn(self, images: torch.Tensor) -> torch.Tensor:
        """The same, calculated in bfloat16 but for the last layer."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = self.features(images)
        return normalize(self.head(features.float()))

    @torch.no_grad()
    def whiten(self, features: torch.Tensor) -> None:
        """Begin with the 128 directions in which these features (N, 384) differ most, each as wide as the others."""
        mean = features.mean(0)
        values, directions = torch.linalg.eigh(torch.cov((features - mean).T))
        scale = (values[-DIM:] + 0.02 * values[-1]).rsqrt()
        self.head.weight.copy_((directions[:, -DIM:] * scale).T)
        self.head.bias.copy_(-self.head.weight @ mean)


class Memory:
    """The vectors of the last steps, as further pictures that a picture must not be like."""

    def __init__(self, size: int) -> None:
        """Empty."""
        self.vectors = torch.zeros(size, DIM)
        self.groups = torch.full((size,), -1)
        self.at, self.size = 0, size

    def add(self, vectors: torch.Tensor, groups: torch.Tensor) -> None:
        """Put the newest in the places of the oldest."""
        places = (torch.arange(len(vectors)) + self.at) % self.size
        self.vectors[places], self.groups[places] = vectors.detach(), groups
        self.at = int((self.at + len(vectors)) % self.size)


def copy_loss(
    vectors: torch.Tensor, labels: Labels, memory: Memory, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """How badly two views of a picture find each other among others, and how unevenly vectors fill the sphere.

    Args:
        vectors: (2 B, 128), the first views of B pictures, then their second views.

    Returns:
        InfoNCE, and the differential entropy of Kozachenko and Leonenko, negative. A picture is compared with
        nothing of its own group but its other view; and with its own mirror image, where the batch has it.
    """
    count = len(vectors)
    picture, group, mirrored = (labels[name].repeat(2) for name in ("picture", "group", "mirrored"))
    other_view = (torch.arange(count) + count // 2) % count
    within = vectors @ vectors.T
    twins = (picture[:, None] == picture) & (mirrored[:, None] != mirrored)
    apart = (group[:, None] != group) | twins
    outside = vectors @ memory.vectors.T
    is_other = (group[:, None] != memory.groups) & (memory.groups >= 0)
    others = torch.cat([within.masked_fill(~apart, -2.0), outside.masked_fill(~is_other, -2.0)], 1)
    alike = within[torch.arange(count), other_view]
    logits = torch.cat([alike[:, None], others], 1) / temperature
    logits = logits.masked_fill(logits < -1.5 / temperature, -1e4)
    info = (torch.logsumexp(logits, 1) - logits[:, 0]).mean()
    nearest = others.amax(1)
    entropy = -0.5 * torch.log((2 - 2 * nearest).clamp(min=1e-3)).mean()
    return info, entropy
