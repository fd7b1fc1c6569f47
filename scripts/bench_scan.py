#!/usr/bin/env python3
"""How fast a scan is, side by side in one run, and how much memory it takes.

Three ways of looking at the same moments of the same clip, in turn, several rounds:

- **ours**: ``triage.pipeline.examine``, as ``triage scan`` runs it, with the shipped weights and default settings;
- **ultralytics**: ``YOLO(...).predict(source=clip, vid_stride=n)`` in torch, with the very same weights put back into
  ultralytics' own network, at the stride that looks at no more pictures than ours;
- **limit**: PyAV decoding every picture and nothing else, then OpenVINO on as many ready-made inputs as ours looked at.

With ``--memory``: peak memory of a whole ``triage scan`` process on one minute and on ten minutes of 1080p.

Machines are noisy: quote the ratios. Clips are drawn on the spot unless some are given.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from triage.durable import sha256_of
from triage.network import switch_off_telemetry
from triage.pipeline import examine, make_stages
from triage.records import Report, Role
from triage.settings import load_settings
from triage.weights import chosen

RATE = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path, help="clips to measure on; without, a drawn one of 1080p")
    parser.add_argument("--seconds", type=int, default=30, help="length of the drawn clip")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead of speed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.memory:
            measure_memory(Path(folder))
            return
        for clip in asked.clips or [draw(Path(folder) / "drawn.mp4", asked.seconds)]:
            measure_speed(clip, asked.rounds)


def measure_speed(clip: Path, rounds: int) -> None:
    """Run the three ways in turn and print a table of medians and of ratios round by round."""
    stages = make_stages(load_settings().settings)
    video = sha256_of(clip)
    report = examine(clip, video, stages)
    assert isinstance(report, Report), "a clip to measure on is not sealed"
    pictures, seconds = count(clip)
    stride = -(-pictures // report.coverage.sampled)
    side = chosen([Role.PEOPLE])[Role.PEOPLE].input_px
    predict, looked = ultralytics_way(clip, stride, side)
    inputs = (report.coverage.sampled, report.video.width_px, report.video.height_px)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: examine(clip, video, stages),
        "ultralytics": predict,
        "limit": limit_way(clip, *inputs, side),
    }
    for way in ways.values():
        way()  # once uncounted: first calls compile and allocate
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    print(f"{clip.name}: {report.video.width_px}x{report.video.height_px}, {seconds:.1f} s, {pictures} pictures")
    print(f"looked at: ours {report.coverage.sampled}, ultralytics {looked()} (vid_stride {stride}, imgsz {side})")
    print("| way | wall s | CPU s | footage s per wall s | wall, times ours by round | CPU, times ours |")
    print("|---|---|---|---|---|---|")
    for name, took in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*took, strict=True))
        pairs = list(zip(took, times["ours"], strict=True))
        ratios = ", ".join(f"{theirs[0] / ours[0]:.2f}" for theirs, ours in pairs)
        by_cpu = statistics.median(theirs[1] / ours[1] for theirs, ours in pairs)
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {seconds / wall:.1f} | {ratios} | {by_cpu:.2f} |")


def ultralytics_way(clip: Path, stride: int, side: int) -> tuple[Callable[[], object], Callable[[], int]]:
    """A run of ultralytics' own prediction over the clip in torch, and how many pictures it looked at."""
    switch_off_telemetry()
    from ultralytics import YOLO
    from ultralytics.utils import LOGGER

    LOGGER.setLevel("ERROR")
    model = YOLO("yolo11n.yaml", task="detect")
    model.model = same_weights_in_torch()
    looked = 0

    def run() -> None:
        nonlocal looked
        looked = 0
        for _ in model.predict(
            source=str(clip), vid_stride=stride, stream=True, imgsz=side, conf=0.25, device="cpu", verbose=False
        ):
            looked += 1

    return run, lambda: looked


def same_weights_in_torch() -> Any:  # noqa: ANN401  ultralytics has no types
    """Ultralytics' network with the numbers of the shipped ONNX file: its convolutions have the layers' names."""
    import onnx
    import torch
    from onnx import numpy_helper
    from ultralytics.nn.tasks import DetectionModel

    weights = chosen([Role.PEOPLE])[Role.PEOPLE]
    kept = onnx.load(weights.file).graph.initializer
    stored = {item.name.removesuffix("_fp16"): numpy_helper.to_array(item) for item in kept}
    # Trained from an 80-class start: its class branches are as wide as for 80 classes, only their ends are narrower.
    net = DetectionModel("yolo11n.yaml", nc=80, verbose=False).fuse(verbose=False).eval()
    head, classes = net.model[-1], len(weights.labels)
    for branch in head.cv3:
        branch[-1] = torch.nn.Conv2d(branch[-1].in_channels, classes, 1)
    head.nc, head.no = classes, classes + 4 * head.reg_max
    missing = []
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name in stored and stored[name].shape == tuple(parameter.shape):
                parameter.copy_(torch.from_numpy(stored[name].astype(np.float32)))
            elif "dfl" not in name:
                missing.append(name)
    if missing:
        raise SystemExit(f"{weights.file.name} has no {', '.join(missing[:3])}: not an export of this network")
    net.names = dict(enumerate(weights.labels))
    return net


def limit_way(clip: Path, looks: int, width: int, height: int, side: int) -> Callable[[], object]:
    """Decoding alone, then the network alone on ready-made inputs."""
    switch_off_telemetry()
    import openvino

    weights = chosen([Role.PEOPLE])[Role.PEOPLE]
    network = openvino.Core().compile_model(weights.file, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    scale = side / max(width, height)
    rows, columns = (-(-round(length * scale) // 32) * 32 for length in (height, width))
    batch = np.zeros((8, 3, rows, columns), np.float32)

    def run() -> None:
        for _ in decoded(clip):
            pass
        for start in range(0, looks, len(batch)):
            network(batch[: min(len(batch), looks - start)])

    return run


def decoded(clip: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        yield from container.decode(video=0)


def count(clip: Path) -> tuple[int, float]:
    """Pictures and seconds of a clip."""
    pictures, last = 0, 0.0
    for picture in decoded(clip):
        pictures, last = pictures + 1, picture.time or last
    return pictures, last


def draw(path: Path, seconds: int) -> Path:
    """1080p: a hand-held camera over ultralytics' photographs, a cut every five seconds."""
    switch_off_telemetry()
    from ultralytics.utils import ASSETS

    photographs = [cv2.imread(str(ASSETS / name)) for name in ("bus.jpg", "zidane.jpg")]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for index in range(seconds * RATE):
            photograph = photographs[index // (5 * RATE) % 2]
            assert photograph is not None
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view(photograph, index), format="bgr24")))
        container.mux(stream.encode())
    return path


def view(photograph: npt.NDArray[Any], index: int) -> npt.NDArray[np.uint8]:
    """What the camera sees of a photograph in picture ``index``."""
    height, width = photograph.shape[:2]
    across = width * 0.9
    down = min(height, across * 9 / 16)
    left = (width - across) * (0.5 + 0.5 * np.sin(index / 40))
    top = (height - down) * (0.5 + 0.4 * np.sin(index / 65))
    part = photograph[int(top) : int(top + down), int(left) : int(left + across)]
    return cv2.resize(part, (1920, 1080), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def repeated(clip: Path, path: Path, times: int) -> Path:
    """The clip so many times in a row, without encoding it again."""
    with av.open(str(path), "w") as container:
        target, shift = None, 0
        for _ in range(times):
            with av.open(str(clip)) as source:
                stream = source.streams.video[0]
                if target is None:
                    target = container.add_stream_from_template(stream)
                assert stream.duration
                for packet in source.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, target
                    container.mux(packet)
                shift += stream.duration
    return path


def measure_memory(folder: Path) -> None:
    """Peak memory of a scan of one minute and of ten minutes."""
    minute = draw(folder / "minute.mp4", 60)
    clips = {"1 min": minute, "10 min": repeated(minute, folder / "ten.mp4", 10)}
    peaks = {}
    for name, clip in clips.items():
        command = [
            str(Path(sys.executable).with_name("triage")),
            *("scan", str(clip), "--case", str(folder / f"case of {clip.stem}")),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"the scan of {name} failed")
        peaks[name] = peak_mib(used)
        print(f"{name} of 1080p ({Fraction(count(clip)[0], RATE)} s): peak memory {peaks[name]:.0f} MiB")
    print(f"difference: {peaks['10 min'] - peaks['1 min']:.0f} MiB")


def peak_mib(used: resource.struct_rusage) -> float:
    """``ru_maxrss`` is in KiB on Linux and in bytes on macOS."""
    return used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


if __name__ == "__main__":
    main()
