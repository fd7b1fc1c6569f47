# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much faster two processes look than one: scans of one folder with --jobs 1 on one core, --jobs 2 on two.

Efficiency is the time of one divided by twice the time of two; 1 is the ideal where the processor is the limit.
Loading models is in it, once for each process; so is hashing, and writing reports. The processor time of all processes
together is told as well: on a busy machine the waiting says little, and what two processes calculate more than one is
what can be lost at best. The reports of both scans are compared byte for byte.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "videos"
CLIPS = (
    "intel/one-by-one-person-detection.mp4",
    "intel/bottle-detection.mp4",
    "egoblur/gen2/demo_assets/test_face_video.mp4",
)
SCAN = "from triage.cli.main import app; app()"


def scan(dump: Path, case: Path, jobs: int, cores: list[int]) -> tuple[float, float, float]:
    """Seconds waited, seconds calculated by all processes, and the largest of them in GiB."""
    shutil.rmtree(case, ignore_errors=True)
    command = [sys.executable, "-P", "-c", SCAN, "scan", str(dump), "--case", str(case), "--jobs", str(jobs)]
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509  no thread runs here
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the scan with --jobs {jobs} ended with {process.returncode}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def reports(case: Path) -> Mapping[str, bytes]:
    return {file.name: file.read_bytes() for file in (case / "reports").rglob("*.json")}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", nargs="?", type=Path, help="folder of videos; without, three of the shared ones")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dump = asked.dump or folder / "dump"
        if asked.dump is None:
            dump.mkdir()
            for clip in CLIPS:
                shutil.copy(DATA / clip, dump)
        cores = sorted(os.sched_getaffinity(0))
        took: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
        for _ in range(asked.rounds):
            for jobs, rounds in took.items():
                rounds.append(scan(dump, folder / f"case {jobs}", jobs, cores[-jobs:]))
        if reports(folder / "case 1") != reports(folder / "case 2"):
            raise SystemExit("the reports are not the same")
        print("| jobs | waited, s | calculated, s | largest process, GiB |\n|---|---|---|---|")
        waited, calculated = {}, {}
        for jobs, rounds in took.items():
            waited[jobs], calculated[jobs], largest = (
                statistics.median(values) for values in zip(*rounds, strict=True)
            )
            print(f"| {jobs} | {waited[jobs]:.1f} | {calculated[jobs]:.1f} | {largest:.2f} |")
        print(
            f"\nefficiency {waited[1] / 2 / waited[2]:.2f}; calculated by two {calculated[2] / calculated[1]:.2f} times"
        )


if __name__ == "__main__":
    main()
