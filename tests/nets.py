"""Tiny detection networks, made on the spot: they see coloured squares, so nothing has to be trained or stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

CELL = 16
"""Side of a square, in pixels of the model's picture, that the network looks at as one. A square that fills a cell
gives one box; its colour says the class (red, green, blue: 0, 1, 2), its brightness the score."""
TWO = {0: "person", 1: "weapon"}


def squares_net(
    path: Path,
    *,
    names: Mapping[int, str] | None = TWO,
    classes: int = 2,
    box_px: float = CELL,
    batch: int | None = None,
    size_hw: tuple[int, int] | None = None,
    extra: int = 0,
    fails_on: float | None = None,
    is_turned: bool = False,
) -> Path:
    """Write an ONNX network with the layout that ultralytics exports: (N, 4 + classes, anchors).

    Args:
        names: class names as ultralytics leaves them in the metadata; None: no metadata at all.
        classes: up to three.
        box_px: side of every box, around the middle of its cell.
        batch: the only batch that it takes; None: any.
        size_hw: the only picture size that it takes; None: any.
        extra: channels after the classes, such as a segmentation model's mask coefficients.
        is_turned: whether it answers (N, anchors, 4 + classes), as other families of networks do.
        fails_on: not None: every output is this number (``nan``), as from a network that overflowed.
    """
    import onnx
    from onnx import TensorProto, helper

    height, width = size_hw or ("height", "width")
    constants = {
        "half": np.float32(0.5),
        "two": np.float32(2),
        "none": np.float32(0),
        "cell": np.float32(CELL),
        "side": np.float32(box_px),
        "row_axis": np.int64(2),
        "column_axis": np.int64(3),
        "flat": np.array([0, 4 + classes + extra, -1], np.int64),
        "from": np.array([0], np.int64),
        "to": np.array([classes], np.int64),
        "along": np.array([1], np.int64),
        "first": np.array([1], np.int64),
        "poison": np.float32(0 if fails_on is None else fails_on),
    }
    nodes = [
        helper.make_node("AveragePool", ["images"], ["mean"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        # grey, which pads a picture, and all that is darker than half give nothing
        helper.make_node("Sub", ["mean", "half"], ["above"]),
        helper.make_node("Mul", ["above", "two"], ["bright"]),
        helper.make_node("Relu", ["bright"], ["seen"]),
        helper.make_node("Slice", ["seen", "from", "to", "along"], ["scores"]),
        helper.make_node("Slice", ["seen", "from", "first", "along"], ["one"]),
        helper.make_node("Mul", ["one", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "cell"], ["cells"]),
        helper.make_node("CumSum", ["cells", "column_axis"], ["right"]),
        helper.make_node("CumSum", ["cells", "row_axis"], ["bottom"]),
        helper.make_node("Mul", ["cells", "half"], ["middle"]),
        helper.make_node("Sub", ["right", "middle"], ["x"]),
        helper.make_node("Sub", ["bottom", "middle"], ["y"]),
        helper.make_node("Add", ["zero", "side"], ["sides"]),
        helper.make_node("Concat", ["x", "y", "sides", "sides", "scores", *["zero"] * extra], ["grid"], axis=1),
        helper.make_node("Reshape", ["grid", "flat"], ["clean"]),
        helper.make_node("Add", ["clean", "poison"], ["answer"]),
        helper.make_node("Transpose", ["answer"], ["output0"], perm=[0, 2, 1] if is_turned else [0, 1, 2]),
    ]
    sides = [None, 4 + classes + extra] if is_turned else [4 + classes + extra, None]
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch or "batch", 3, height, width])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [batch or "batch", *sides])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if names is not None:
        helper.set_model_props(model, {"names": str(dict(names)), "task": "detect", "stride": "32"})
    onnx.save(model, str(path))
    return path


def painted(
    width_px: int, height_px: int, squares: Sequence[tuple[int, int, int, int, int, int]]
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) BGR, black but for squares: left, top, right, bottom, class, brightness (128 to 255)."""
    image = np.zeros((height_px, width_px, 3), np.uint8)
    for left, top, right, bottom, class_id, bright in squares:
        image[top:bottom, left:right, 2 - class_id] = bright
    image.flags.writeable = False
    return image


def reds_net(path: Path, *, masks: bool = True, grades: int = 3, fails_on: float | None = None) -> Path:
    """Write an ONNX network laid out as the one for graphic content: what is red is masked and graded.

    A cell's score is how much redder than anything else it is. The largest score is the probability of a grade of at
    least 1; of 2 and 3 it is forty and eight times the mean score, up to 1.

    Args:
        masks: False: its mask is empty, whatever it grades.
        grades: how many probabilities it answers with.
        fails_on: not None: every probability is this number (``nan``), as from a network that overflowed.
    """
    import onnx
    from onnx import TensorProto, helper

    constants = {
        **{f"at{place}": np.array([place], np.int64) for place in range(4)},
        "sides": np.array([2, 3], np.int64),
        "low": np.float32(0),
        "high": np.float32(1),
        "scale": np.array([[1, 40, 8][:grades]], np.float32),
        "shown": np.float32(masks),
        "poison": np.float32(0 if fails_on is None else fails_on),
    }
    nodes = [
        helper.make_node("AveragePool", ["images"], ["mean"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Slice", ["mean", "at0", "at1", "at1"], ["red"]),
        helper.make_node("Slice", ["mean", "at1", "at2", "at1"], ["green"]),
        helper.make_node("Slice", ["mean", "at2", "at3", "at1"], ["blue"]),
        helper.make_node("Max", ["green", "blue"], ["other"]),
        helper.make_node("Sub", ["red", "other"], ["more"]),
        helper.make_node("Clip", ["more", "low", "high"], ["score"]),
        helper.make_node("Mul", ["score", "shown"], ["mask"]),
        helper.make_node("ReduceMax", ["score"], ["most"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["score"], ["usual"], axes=[2, 3], keepdims=0),
        helper.make_node("Concat", ["most", *["usual"] * (grades - 1)], ["amounts"], axis=1),
        helper.make_node("Mul", ["amounts", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["clean"]),
        helper.make_node("Add", ["clean", "poison"], ["grade"]),
    ]
    graph = helper.make_graph(
        nodes,
        "reds",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", 1, None, None]),
            helper.make_tensor_value_info("grade", TensorProto.FLOAT, ["batch", grades]),
        ],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def vectors_net(
    path: Path,
    *,
    dim: int = 16,
    side_px: int = 64,
    outputs: int = 1,
    batch: int | None = None,
    fails_on: float | None = None,
) -> Path:
    """Write an ONNX network laid out as the one that finds copies: pictures in, a vector of unit length for each.

    It sees 8 x 8 places of colour, less their mean, through directions that are always the same: pictures that are
    alike get vectors that are alike, and a picture of one colour gets none.

    Args:
        side_px: the only picture size that it takes, a multiple of 8.
        outputs: how many times it answers.
        batch: the only number of pictures that it takes; None: any.
        fails_on: not None: every number of a vector is this (``nan``), as from a network that overflowed.
    """
    import onnx
    from onnx import TensorProto, helper

    cells = 3 * 8 * 8
    constants = {
        "flat": np.array([0, cells], np.int64),
        "directions": np.random.default_rng(7).normal(size=(cells, dim)).astype(np.float32),
        "least": np.float32(1e-3),
        "poison": np.float32(0 if fails_on is None else fails_on),
    }
    cell_px = side_px // 8
    nodes = [
        helper.make_node("AveragePool", ["images"], ["seen"], kernel_shape=[cell_px] * 2, strides=[cell_px] * 2),
        helper.make_node("Reshape", ["seen", "flat"], ["row"]),
        helper.make_node("ReduceMean", ["row"], ["mean"], axes=[1]),
        helper.make_node("Sub", ["row", "mean"], ["structure"]),
        helper.make_node("MatMul", ["structure", "directions"], ["raw"]),
        helper.make_node("ReduceL2", ["raw"], ["length"], axes=[1]),
        helper.make_node("Max", ["length", "least"], ["divisor"]),
        helper.make_node("Div", ["raw", "divisor"], ["clean"]),
        *(helper.make_node("Add", ["clean", "poison"], [f"vectors{number}"]) for number in range(outputs)),
    ]
    graph = helper.make_graph(
        nodes,
        "vectors",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch or "batch", 3, side_px, side_px])],
        [
            helper.make_tensor_value_info(f"vectors{number}", TensorProto.FLOAT, [batch or "batch", dim])
            for number in range(outputs)
        ],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path
