# SPDX-License-Identifier: AGPL-3.0-or-later
"""The net that training starts from: a YOLO11n with the float weights that lie inside the teacher's ONNX file.

Batch norm is folded into the teacher's convolutions, and stays folded: the net trained here has none. It therefore
answers at the first step exactly as the teacher does, and no statistics of mixed batches can spoil what it knows.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import torch
from eval_objects import COCO_KNIFE, COCO_PERSON, NAMES  # first: it switches off what ultralytics would report
from onnx import numpy_helper
from torch import nn
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel

NECK_LAYERS = (13, 16, 17, 19, 20, 22)
ATTENTION_NAMES = {"10.attn.": "10.m.0.attn.", "10.f1.": "10.m.0.ffn.0.", "10.f2.": "10.m.0.ffn.1."}
NEW_CLASS_LOGIT = -6.0
GAINS = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)


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


def teacher_net(file: Path) -> DetectionModel:
    """The teacher itself, 80 classes, without batch norm; for any input size."""
    model = DetectionModel("yolo11n.yaml", nc=80, verbose=False)
    load_folded(model, teacher_weights(file))
    model.fuse(verbose=False)
    return model.to(memory_format=torch.channels_last)


@torch.no_grad()
def narrow_head(model: DetectionModel) -> None:
    """Cut the 80 COCO outputs down to ours: person keeps its row, weapon has the kitchen knife's, face starts blank."""
    head = model.model[-1]
    rows = [COCO_PERSON, COCO_KNIFE, COCO_PERSON]
    for branch in head.cv3:
        wide = branch[-1]
        branch[-1] = nn.Conv2d(wide.in_channels, len(NAMES), 1)
        branch[-1].weight.copy_(wide.weight[rows])
        branch[-1].bias.copy_(wide.bias[rows])
        branch[-1].weight[2:] = 0
        branch[-1].bias[2:] = NEW_CLASS_LOGIT
    head.nc = model.nc = model.yaml["nc"] = len(NAMES)
    head.no = len(NAMES) + 4 * head.reg_max
    model.names = dict(enumerate(NAMES))


def starting_net(file: Path) -> DetectionModel:
    """YOLO11n for our classes with the teacher's weights, every convolution free to learn."""
    model = teacher_net(file)
    narrow_head(model)
    model.args = GAINS
    for name, value in model.named_parameters():
        value.requires_grad_(".dfl." not in name)
    return model.to(memory_format=torch.channels_last)


@torch.no_grad()
def change_of(earlier: Path, teacher_file: Path) -> dict[str, torch.Tensor]:
    """What an earlier colour-blind `person, weapon` detector (its ONNX file) had learned beyond the teacher.

    Its first layer saw luma alone, so of that layer only the sum over the colours is known; each gets a third.
    """
    start = starting_net(teacher_file).state_dict()
    change = {name: torch.zeros_like(value) for name, value in start.items()}
    for initialiser in onnx.load(str(earlier)).graph.initializer:
        name = initialiser.name.removesuffix("_fp16")
        if name in change and ".dfl." not in name:
            value = torch.from_numpy(numpy_helper.to_array(initialiser).astype(np.float32))
            if name == "model.0.conv.weight":
                value = start[name] + (value - start[name]).sum(dim=1, keepdim=True) / 3
            rows = slice(0, len(value))
            change[name][rows] = value - start[name][rows]
    return change
