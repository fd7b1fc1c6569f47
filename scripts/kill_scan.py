#!/usr/bin/env python3
"""A scan killed again and again, then completed: are its reports those of a scan that nobody disturbed?

Runs ``triage scan DUMP`` once undisturbed, then into another case with SIGKILL at random moments, then to its end, and
compares every report and the whole export byte for byte. Leaves with 1 if anything differs, or no kill met a scan.
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
from pathlib import Path

TRIAGE = Path(sys.executable).with_name("triage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", type=Path, help="folder of videos")
    parser.add_argument("--kills", type=int, default=20, help="how often the scan is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        began = time.monotonic()
        finish(asked.dump, whole)
        seconds = time.monotonic() - began
        met = kill_often(asked.dump, killed, asked.kills, random.Random(asked.seed), seconds)
        finish(asked.dump, killed)
        wanted, got = reports(whole), reports(killed)
        is_same_case = exported(whole) == exported(killed)
    differing = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
    print(f"{met} of {asked.kills} scans killed while at work; {len(wanted)} reports, {len(differing)} differ")
    for name in differing:
        print(f"differs: {name}")
    print("the cases export the same rows" if is_same_case else "the cases export different rows")
    sys.exit(bool(differing) or not met or not is_same_case)


def kill_often(dump: Path, case: Path, kills: int, chance: random.Random, seconds: float) -> int:
    """Start a scan and kill it, ``kills`` times; how many were still at work when they were killed."""
    met = 0
    for _ in range(kills):
        working = subprocess.Popen(
            [TRIAGE, "scan", dump, "--case", case],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Starting takes seconds in which no report is written; moments are drawn from there to a share of the whole.
        while working.poll() is None and not (case / "catalogue.sqlite").exists():
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 5 + seconds / kills))
        if working.poll() is None:
            os.killpg(working.pid, signal.SIGKILL)
            met += 1
        working.wait()
    return met


def finish(dump: Path, case: Path) -> None:
    ended = subprocess.run(
        [TRIAGE, "scan", dump, "--case", case],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    if ended.returncode not in {0, 1}:  # 1: some files could not be examined, which is the dump's affair
        raise SystemExit(f"the scan ended with {ended.returncode}: {ended.stderr}")


def exported(case: Path) -> bytes:
    return subprocess.run([TRIAGE, "export", case], capture_output=True, check=True).stdout


def reports(case: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (case / "reports").rglob("*.json")}


if __name__ == "__main__":
    main()
