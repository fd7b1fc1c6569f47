# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a cluster of this machine costs against a pool, and whether the memory of who keeps the reports is flat.

With a folder of videos: scans with --jobs 2 and with --on ray --jobs 2, waited and calculated by all their processes
(read from /proc twice a second, so that the last half second of each is lost); their reports are compared byte for
byte. With --many N: N drawn clips with scripted models on a cluster of this machine, and the memory of this process
after each tenth of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests import media
from tests.examples import scripted_stages
from triage.case.store import open_case
from triage.run.cluster.starting import Share, joined, where
from triage.run.cluster.workers import Cluster
from triage.run.crew import planned
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Outcome, Tally, scan

SCAN = "from triage.cli.main import app; app()"
TICKS = os.sysconf("SC_CLK_TCK")


def calculated(root: int, seen: dict[int, float]) -> None:
    """Note of every process below this one how many seconds it has calculated."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            spent[int(folder.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    family = {root}
    while True:
        more = {child for child, parent in parents.items() if parent in family} - family
        if not more:
            break
        family |= more
    for pid in family & spent.keys():
        seen[pid] = max(seen.get(pid, 0.0), spent[pid])


def timed(dump: Path, case: Path, *options: str) -> tuple[float, float]:
    """Seconds waited, and calculated."""
    seen: dict[int, float] = {}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SCAN, "scan", str(dump), "--case", str(case), "--jobs", "2", *options],
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        calculated(process.pid, seen)
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"the scan ended with {process.returncode}")
    return time.perf_counter() - began, sum(seen.values())


def reports(case: Path) -> Mapping[str, bytes]:
    return {file.name: file.read_bytes() for file in (case / "reports").rglob("*.json")}


class Memory:
    """A watcher that notes how much memory this process has."""

    def __init__(self) -> None:
        self.mib: list[float] = []

    def begin(self, found: Found) -> None:
        pass

    def at(self, found: Found, time_ms: int) -> None:
        pass

    def end(self, found: Found, outcome: Outcome) -> None:  # noqa: ARG002  as a watcher is told
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.mib.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def many(clips: int) -> None:
    """Print the memory of this process over a run of many clips."""
    with tempfile.TemporaryDirectory() as name:
        dump, case = Path(name) / "dump", Path(name) / "case"
        dump.mkdir()
        for number in range(clips):
            clip = media.video(dump / f"{number:05}.mp4", pictures=12 + number % 40)
            with clip.open("ab") as file:  # a box that nobody reads, so that no two have the same bytes
                file.write((12).to_bytes(4) + b"free" + number.to_bytes(4))
        memory, began = Memory(), time.perf_counter()
        with joined(where("ray"), planned(2), scripted_stages, Share()) as there, open_case(case, make=True) as opened:
            roots = dump_roots([dump])
            found = list(walk(roots, leave_out=case))
            scan(opened, roots, found, there.stages, memory, Tally(), Cluster(there).hands)
        tenths = [f"{memory.mib[len(memory.mib) * tenth // 10 - 1]:.0f}" for tenth in range(1, 11)]
        took_s = time.perf_counter() - began
        print(
            f"{len(reports(case))} reports of {clips} clips in {took_s:.0f} s; MiB after each tenth: {' '.join(tenths)}"
        )


def main() -> None:
    """Print a table, or the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", nargs="?", type=Path)
    parser.add_argument("--many", type=int, default=0)
    asked = parser.parse_args()
    if asked.many:
        many(asked.many)
    if asked.dump is not None:
        with tempfile.TemporaryDirectory() as name:
            print("| | waited, s | calculated, s |\n|---|---|---|")
            for title, options in (("pool", ()), ("ray", ("--on", "ray"))):
                waited, spent = timed(asked.dump, Path(name) / title, *options)
                print(f"| {title} | {waited:.1f} | {spent:.1f} |")
            if reports(Path(name) / "pool") != reports(Path(name) / "ray"):
                raise SystemExit("the reports are not the same")


if __name__ == "__main__":
    main()
