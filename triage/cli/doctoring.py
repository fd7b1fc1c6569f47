"""What ``doctor`` looks at."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from triage import __version__
from triage.errors import WeightsError
from triage.findings.yolo import pick_device
from triage.phrases import listing
from triage.records import Role
from triage.verdicts.words import ROLE_WORDS
from triage.weights import all_weights, chosen, user_folder

PACKAGES = ("av", "opencv-python", "numpy", "openvino", "torch", "torchvision", "ultralytics", "trackers")


def findings() -> Iterator[tuple[str, bool]]:
    """One line each, with whether it is as it should be."""
    yield f"triage {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}", True
    for package in PACKAGES:
        try:
            yield f"  {package} {version(package)}", True
        except PackageNotFoundError:
            yield f"  {package} is missing; install triage again with pip", False
    yield from _device()
    yield from _weights()
    yield f"Your own weights live in {user_folder()}", True
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield f"Free space here: {free:.0f} GiB", free > 1
    yield "Network: no command of this version uses it.", True


def _device() -> Iterator[tuple[str, bool]]:
    device = pick_device("auto")
    if device == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        yield f"Device: the processor, {cores} cores, through OpenVINO (.onnx and OpenVINO models)", True
        yield (
            "  Slow here: models in .pt format run in torch; export them to ONNX to have them 4 to 5 times as fast.",
            True,
        )
        yield "  Slow here: --settings thorough looks at every picture that changes.", True
    else:
        yield f"Device: {device}, through ultralytics and torch", True


def _weights() -> Iterator[tuple[str, bool]]:
    yield "Weights:", True
    serving = chosen(Role)
    for weights in all_weights():
        try:
            weights.check()
        except WeightsError as error:
            yield f"  {error}", False
            continue
        used = [ROLE_WORDS[role] for role, used in serving.items() if used.name == weights.name]
        yield f"  {weights.name}: {f'looks for {listing(used)}' if used else 'not in use'}; card {weights.card}", True
    missing = [ROLE_WORDS[role] for role in Role if role not in serving]
    if missing:
        yield f"  Blind: no model looks for {listing(missing)}, so nothing will be said about them.", True
