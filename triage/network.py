"""A network in OpenVINO, on a processor: pictures in, numbers out. Beside yolo.py the only file that knows OpenVINO."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from triage.errors import DetectorError, WeightsError
from triage.settings import Precision

if TYPE_CHECKING:
    import openvino

Images = npt.NDArray[np.uint8]
"""(N, H, W, 3) BGR."""
Numbers = npt.NDArray[np.float32]


def switch_off_telemetry() -> None:
    """Keep ultralytics and OpenVINO from the network; must run before the first import of either.

    Ultralytics downloads, installs and reports unless told otherwise. OpenVINO (2026.4) reports its mere import to an
    analytics service from a process of its own, without asking; without this package of its it has nothing to do so.
    """
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_VERBOSE"] = "false"
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # None: importing it fails, which OpenVINO expects


class Network:
    """One model, of one input, which takes RGB in 0-1 as (N, 3, H, W)."""

    def __init__(self, file: Path, precision: Precision) -> None:
        """Read and compile the model: an ONNX file or an OpenVINO folder.

        Raises:
            WeightsError: it takes several pictures at once, and no other number.
            RuntimeError: OpenVINO cannot read it.
        """
        core = _core()
        import openvino
        from openvino.preprocess import ColorFormat, PrePostProcessor

        source = next(iter(sorted(file.glob("*.xml")))) if file.is_dir() else file
        self.model: openvino.Model = core.read_model(source)
        height, width = (self.model.input().partial_shape[axis] for axis in (2, 3))
        is_fixed = height.is_static and width.is_static
        self.fixed_hw: tuple[int, int] | None = (height.get_length(), width.get_length()) if is_fixed else None
        pictures = self.model.input().partial_shape[0]
        if pictures.is_static and pictures.get_length() > 1:
            raise WeightsError(
                f"{file}: takes exactly {pictures.get_length()} pictures at once; export it for one picture, or dynamic"
            )
        self._one_by_one = pictures.is_static
        # Bytes go in as they are; turning them into numbers is a layer of the network, many times as fast as ours.
        steps = PrePostProcessor(self.model)
        steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        steps.input().tensor().set_color_format(ColorFormat.BGR)
        steps.input().model().set_layout(openvino.Layout("NCHW"))
        steps.input().preprocess().convert_element_type(openvino.Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
        # THROUGHPUT would keep one request per core waiting for others; we hand over a batch and wait for it.
        hints = {"PERFORMANCE_HINT": "LATENCY"}
        if precision is Precision.EXACT:
            hints["INFERENCE_PRECISION_HINT"] = "f32"
        self._compiled = core.compile_model(steps.build(), "CPU", hints)
        self.runs_on = f"OpenVINO CPU {self._compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name()}"

    def run(self, images: Images) -> list[Numbers]:
        """Every output for these pictures, in the model's order; the pictures are their first axis.

        Raises:
            RuntimeError: OpenVINO failed.
        """
        pieces = np.split(images, len(images)) if self._one_by_one else [images]
        answers = [self._compiled(piece) for piece in pieces]
        return [np.concatenate([answer[place] for answer in answers]) for place in range(len(self._compiled.outputs))]


@cache
def _core() -> openvino.Core:
    """OpenVINO, once for the whole process and to its end.

    On processors with AMX each core gives the thread a stack for signals and puts the one before back when it goes
    (2026.4). Cores that went in another order than they came left one whose memory was freed, and Ctrl-C ended the
    program with a segmentation fault.
    """
    switch_off_telemetry()
    import openvino

    core = openvino.Core()
    # Pinned, the threads of every process sit on the same cores, the first: two that look took turns on one of two.
    core.set_property("CPU", {"ENABLE_CPU_PINNING": False})
    if _threads:
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": _threads[-1]})
    return core


_threads: list[int] = []


def use_threads(threads: int) -> None:
    """Let networks that are made from now on calculate in so many threads; without this, in one for each core.

    The answers are the same: on a clip of 121 pictures, one and two threads gave the same report and fingerprint.
    """
    _threads[:] = [threads]


def open_network(file: Path, precision: Precision, trial_hw: tuple[int, int]) -> Network:
    """A model that is one of ours, tried on one picture of this size.

    Raises:
        WeightsError: the file cannot be read as a model.
    """
    try:
        network = Network(file, precision)
        network.run(np.full((1, *(network.fixed_hw or trial_hw), 3), 114, np.uint8))
    except (RuntimeError, IndexError, OSError) as error:
        raise WeightsError(f"{file}: cannot be read as a model of OpenVINO or ONNX: {first_line(error)}") from error
    return network


def ask(network: Network, images: Images, name: str) -> list[Numbers]:
    """What the network answers, checked to be numbers.

    Args:
        name: of the detector, for the sentence.

    Raises:
        DetectorError: the network failed, so nobody looked at these pictures.
    """
    try:
        answers = network.run(images)
    except RuntimeError as error:
        raise DetectorError(f"{name} failed: {first_line(error)}") from error
    if any(not np.isfinite(answer).all() for answer in answers):
        raise DetectorError(f"{name} failed: the network's answer is not a number")
    return answers


def first_line(error: BaseException) -> str:
    """The error in one line."""
    if "http" in str(error):  # ultralytics wanted to fetch something in its place
        return "ultralytics would have to download another file in its place, and triage never does"
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
