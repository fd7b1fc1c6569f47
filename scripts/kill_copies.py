#!/usr/bin/env python3
"""Copies killed again and again, then completed: did ever one have its final name that was not whole and checked?

Runs ``triage blur VIDEO...`` with SIGKILL at random moments. After each, every copy in the folder must be the one that
its sidecar describes, byte for byte, and must decode to as many pictures as are named there. At the end the copies are
completed, and nothing else may be left in the folder. Leaves with 1 if anything is wrong, or no kill met the work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from triage.durable import sha256_of
from triage.errors import VideoError
from triage.frames.pictures import open_pictures
from triage.redaction.quarantine import LOCK

TRIAGE = Path(sys.executable).with_name("triage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--kills", type=int, default=50, help="how often the copying is killed")
    parser.add_argument("--longest-s", type=float, default=12, help="seconds after its start within which it is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    met = finished = 0
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        for _ in range(asked.kills):
            met += killed(asked.videos, out, chance.uniform(0, asked.longest_s))
            copies = list(out.glob("*.review.mp4"))
            finished += len(copies)
            wrong += [f"after kill {met}: {what}" for copy in copies for what in faults(copy)]
            # So that there is always work to be met; a new copy must be made by the next run.
            for copy in copies if chance.random() < 0.5 else ():
                copy.unlink()
        ended = subprocess.run(
            [TRIAGE, "blur", *asked.videos, "--out", out], capture_output=True, text=True, check=False
        )
        copies = list(out.glob("*.review.mp4"))
        wrong += [f"at the end: {what}" for copy in copies for what in faults(copy)]
        kept = {"copies.csv", LOCK, *(name for copy in copies for name in (copy.name, f"{copy.name}.json"))}
        wrong += [f"left over: {file.name}" for file in out.iterdir() if file.name not in kept]
    print(
        f"{met} of {asked.kills} runs killed while at work; {finished} copies met after kills, {len(copies)} at the end"
    )
    print(ended.stderr.strip().splitlines()[0])
    for line in wrong:
        print(line)
    sys.exit(bool(wrong) or not met or not copies)


def killed(videos: list[Path], out: Path, after_s: float) -> bool:
    """Start copying and kill it so long after it has begun; whether it was still at work."""
    (out / LOCK).unlink(missing_ok=True)  # of the one before; that it is there again says that this one has begun
    working = subprocess.Popen(
        [TRIAGE, "blur", *videos, "--out", out],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while working.poll() is None and not (out / LOCK).exists():
        time.sleep(0.02)
    time.sleep(after_s)
    is_at_work = working.poll() is None
    if is_at_work:
        os.killpg(working.pid, signal.SIGKILL)
    working.wait()
    return is_at_work


def faults(copy: Path) -> Iterator[str]:
    """What is wrong with a copy under its final name."""
    try:
        row = json.loads(copy.with_name(f"{copy.name}.json").read_bytes())
    except (OSError, ValueError) as error:
        yield f"{copy.name} has no sidecar: {error}"
        return
    if sha256_of(copy) != row["copy"]["sha256"]:
        yield f"{copy.name} is not the copy that its sidecar describes"
    try:
        with open_pictures(copy, row["copy"]["sha256"]) as source:
            pictures = sum(1 for _ in source)
            damage = source.coverage().why
    except VideoError as error:
        yield f"{copy.name} cannot be opened: {error}"
        return
    if pictures != row["copy"]["pictures"] or damage:
        yield f"{copy.name} has {pictures} pictures of {row['copy']['pictures']}; {damage}"
    if not any("searched" in said for said in row["checks"]):
        yield f"{copy.name} was not searched: {row['checks']}"


if __name__ == "__main__":
    main()
