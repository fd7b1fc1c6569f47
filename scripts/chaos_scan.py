# SPDX-License-Identifier: AGPL-3.0-or-later
"""Random SIGKILLs while a pool scans: of processes that look, decoders, what those are forked from, and the scan.

A drawn dump is scanned once undisturbed in one process, then by a pool while at random moments one of its processes is
killed, anew whenever the scan itself was hit or ended with files left, until so many kills met one. A last scan nobody
disturbs. All reports and rows are then those of the first, byte for byte, or this leaves with 1. Models are scripted.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests import media
from tests.examples import scripted_stages
from tests.run.test_local import Watched, reports
from tests.run.test_pool import at_work
from triage.case.rows import Row
from triage.case.store import open_case
from triage.run.dump import dump_roots, walk
from triage.run.local import Hands, Tally, scan

LONGEST_S = 3.0
"""Between two kills."""
SHARE_OF_SCANS = 0.1
"""Of the kills; each costs a start."""


def scan_once(dump: Path, folder: Path, processes: int) -> None:
    """A scan with scripted models; 0 processes: in this one."""
    with open_case(folder, make=True) as case:
        roots = dump_roots([dump])
        found = list(walk(roots, leave_out=folder))
        if not processes:
            scan(case, roots, found, scripted_stages(), Watched(), Tally(), Hands())
            return
        with at_work(scripted_stages, processes) as (stages, hands):
            scan(case, roots, found, stages, Watched(), Tally(), hands)


def family(pid: int) -> dict[int, str]:
    """All processes below this one and itself, by what they are."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found = {pid: "the scan"}
    for _ in range(3):
        for child, parent in parents.items():
            if parent in found and child not in found:
                found[child] = _kind(child, found[parent])
    return found


def _kind(pid: int, parent: str) -> str:
    if parent == "the server":
        return "a decoder"
    try:
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        words = b""
    return "the server" if b"sandbox.server" in words else "a looker"


def rows(folder: Path) -> list[Row]:
    with open_case(folder) as case:
        return list(case.rows())


def draw(folder: Path, clips: int) -> None:
    folder.mkdir()
    for number in range(clips):
        media.video(folder / f"{number}.mp4", pictures=30 + 7 * number)
    media.cut(media.streamable(folder / "half.mp4", pictures=60))
    (folder / "note.mp4").write_text("only words\n" * 20)
    (folder / "empty.mp4").touch()


def disturb(dump: Path, case: Path, kills: int, chance: random.Random) -> Mapping[str, int]:
    """Scan again and again, killing, until so many kills met a process."""
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        command = [sys.executable, "-m", "scripts.chaos_scan", "--scan", str(dump), str(case)]
        working = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while working.poll() is None and killed.total() < kills:
            time.sleep(chance.random() * LONGEST_S)
            met = family(working.pid)
            others = sorted(set(met.values()) - {"the scan"})
            if not others:
                continue  # it has only begun
            kind = "the scan" if chance.random() < SHARE_OF_SCANS else chance.choice(others)
            pid = chance.choice([pid for pid, its in met.items() if its == kind])
            try:
                if working.poll() is None:
                    os.kill(pid, signal.SIGKILL)
                    killed[kind] += 1
            except ProcessLookupError:
                continue
        working.wait()
        if working.returncode not in {0, -signal.SIGKILL}:
            killed["ended with an error"] += 1
        if killed.total() < kills and working.returncode == 0:
            for report in list((case / "reports").rglob("*.json")):  # so that there is something to do again
                if chance.random() < 0.5:
                    report.unlink()
    return killed


def main() -> None:
    """Print what was killed, and whether all is as it would have been."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scan", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.scan:
        scan_once(asked.scan[0], asked.scan[1], 2)
        return
    with tempfile.TemporaryDirectory() as name:
        dump, whole, killed = (Path(name) / part for part in ("dump", "whole", "killed"))
        draw(dump, asked.clips)
        scan_once(dump, whole, 0)
        met = disturb(dump, killed, asked.kills, random.Random(asked.seed))
        scan_once(dump, killed, 2)
        same = reports(killed) == reports(whole) and rows(killed) == rows(whole)
        count = len(reports(whole))
        for one, other in zip(rows(killed), rows(whole), strict=False):
            if one != other:
                print({key: (one[key], other[key]) for key in one if one[key] != other[key]})
        print(sorted(reports(killed).items() ^ reports(whole).items()))
    print(", ".join(f"{kind} {count} times" for kind, count in sorted(met.items())))
    print(f"{count} reports: {'the same' if same else 'NOT THE SAME'}")
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
