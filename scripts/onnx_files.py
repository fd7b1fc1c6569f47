# SPDX-License-Identifier: AGPL-3.0-or-later
"""How trained nets become the ONNX files in `weights/`: FP16 inside, FP32 outside, the same bytes every time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

OPSET = 17


def export(
    model: nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: list[str],
    target: Path,
    axes: Mapping[str, Mapping[int, str]],
) -> onnx.ModelProto:
    """Trace a net in evaluation mode into an ONNX file.

    Args:
        inputs: name to an example; by our custom one input, `images`, (N, 3, H, W) RGB in 0-1.
        axes: name of an input or output to its axes that may have any length.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model.eval(), tuple(inputs.values()), str(target), opset_version=OPSET, dynamo=False,
        input_names=list(inputs), output_names=outputs, dynamic_axes={name: dict(at) for name, at in axes.items()},
    )  # fmt: skip
    return onnx.load(str(target))


def store(proto: onnx.ModelProto, target: Path, properties: Mapping[str, str]) -> str:
    """Round the weights to FP16, write what is told of the model into it, check it; returns the file's SHA-256."""
    _store_half(proto.graph)
    for node in proto.graph.node:
        node.doc_string = ""
    helper.set_model_props(proto, dict(properties))
    onnx.checker.check_model(proto, full_check=True)
    target.write_bytes(proto.SerializeToString(deterministic=True))
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _store_half(graph: onnx.GraphProto) -> None:
    """Store float weights as FP16 with a cast back to float, so that inputs, outputs and arithmetic stay FP32."""
    casts = []
    for initialiser in graph.initializer:
        if initialiser.data_type != onnx.TensorProto.FLOAT or np.prod(initialiser.dims) < 8:
            continue
        name = initialiser.name
        half = numpy_helper.from_array(numpy_helper.to_array(initialiser).astype(np.float16), f"{name}_fp16")
        initialiser.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}_fp16"], [name], f"{name}_cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
