"""What ``doctor`` looks at."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from triage import __version__
from triage.cards import blind_spots
from triage.cli.known_models import NUDENET
from triage.cli.showing import background_words
from triage.errors import VideoError, WeightsError
from triage.findings.yolo import pick_device
from triage.frames.sandbox.source import USUAL, abilities
from triage.phrases import ROLE_WORDS, listing
from triage.records import LOOKS, ROLE_NEEDS, Role
from triage.shipped import shipped
from triage.weights import Weights, all_weights, chosen, user_folder

PACKAGES = (
    "av",
    "opencv-python",
    "numpy",
    "openvino",
    "torch",
    "torchvision",
    "ultralytics",
    "trackers",
    "faiss-cpu",
    "pdqhash",
)


def findings() -> Iterator[tuple[str, int]]:
    """One line each, with the exit code that it asks for: 0 where all is well, 3 for unfit weights, else 1."""
    yield f"triage {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}", 0
    for package in PACKAGES:
        try:
            yield f"  {package} {version(package)}", 0
        except PackageNotFoundError:
            yield f"  {package} is missing; install triage again with pip", 1
    yield from _device()
    yield from _decoding()
    yield from _weights()
    yield _tripwire(), 0
    yield f"Your own weights live in {user_folder()}", 0
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield f"Free space here: {free:.0f} GiB", int(free < 1)
    yield "Network: no command of this version uses it.", 0


def _device() -> Iterator[tuple[str, int]]:
    device = pick_device("auto")
    if device == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        yield f"Device: the processor, {cores} cores, through OpenVINO (.onnx and OpenVINO models)", 0
        yield "  Slow here: models in .pt format run in torch; exported to ONNX they are several times as fast.", 0
        yield "  Slow here: --settings thorough looks at every picture that changes.", 0
    else:
        yield f"Device: {device}, through ultralytics and torch", 0


def _decoding() -> Iterator[tuple[str, int]]:
    """What a file could do that takes over its decoder, tried here and now."""
    limits = f"at most {USUAL.memory_bytes // 2**30} GiB of memory, and ended when it gives no sign of going on"
    try:
        can = abilities()
    except VideoError as error:
        yield f"Decoding: in a process of its own, which cannot be started here: {error.why}", 1
        return
    able = [words for name, words in ABILITIES.items() if can[name]]
    if not able:
        yield f"Decoding: in a process of its own without files, network or other processes; {limits}", 0
        return
    yield f"Decoding: in a process of its own; {limits}", 0
    yield (
        f"  Weak here: this system has no filter of system calls that triage knows (seccomp on Linux). A file made to "
        f"take over its decoder could {listing(able)}. Scan what you do not trust in a virtual machine.",
        0,
    )


ABILITIES = {
    "files": "read and write what you can",
    "network": "reach the network",
    "processes": "start other programs",
}


def _weights() -> Iterator[tuple[str, int]]:
    yield "Weights:", 0
    serving = chosen(Role)
    for weights in all_weights():
        try:
            weights.check()
        except WeightsError as error:
            yield f"  {error}", error.exit_code
            continue
        used = [role for role, used in serving.items() if used.name == weights.name]
        yield f"  {weights.name}: {_duty(used)}; card {weights.card}", 0
        if Role.COPIES in weights.roles:
            yield f"    {background_words(weights)}", 0
        if weights.reader == "yolo":
            yield f"    {_scores(weights)}", 0
        if used:
            yield from ((f"    Blind: {spot}", 0) for spot in blind_spots(weights.card))
    missing = [ROLE_WORDS[role] for role in LOOKS if role not in serving]
    if missing:
        yield f"  Blind: no model looks for {listing(missing)}, so nothing will be said about them.", 0
    if Role.COPIES not in serving:
        yield "  Blind: no model finds copies, so nothing will be said about known clips.", 0


def _duty(used: Sequence[Role]) -> str:
    looks = [ROLE_WORDS[role] for role in used if role is not Role.COPIES]
    duties = [f"looks for {listing(looks)}"] if looks else []
    duties += ["finds copies"] if Role.COPIES in used else []
    return " and ".join(duties) or "not in use"


def _tripwire() -> str:
    """Whether a video is sealed where sexual content and a possible minor are seen."""
    serving = chosen(Role)
    if Role.SEXUAL not in serving:
        card = shipped("docs") / "cards" / NUDENET.measured.card
        return (
            f"Tripwire: off. No model for sexual content is shipped, so nothing is ever sealed; how to get one: {card}"
        )
    if not ROLE_NEEDS[Role.MINORS] | {Role.MINORS} <= serving.keys():
        return "Tripwire: on. Nobody looks for minors, so every video with possible sexual content is sealed."
    return (
        "Tripwire: on. A video with possible sexual content is sealed unless everybody in it is confidently an adult."
    )


def _scores(weights: Weights) -> str:
    """Where the scores stand from which on its findings count."""
    if weights.calibration is not None:
        return f"scores calibrated on labelled pictures: {weights.calibration.name}"
    return "scores as the model gives them, not calibrated"
