"""Random SIGKILLs while a pool scans: of processes that look, decoders, what those are forked from, and the scan."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.bench import Bench
from tests.chaos.scanning import begin, end

LONGEST_S = (3.0, 0.05)
"""Between two kills: now and then, and in the middle of what the last one brought about."""
SHARE_OF_SCANS = 0.1
"""Of the kills; each costs a start."""
MOST_SCANS = 400
"""Started for so many kills; more would be a scan that cannot be disturbed, or never ends."""


def kill(bench: Bench, chance: random.Random) -> Iterator[str]:
    """Kill until ``bench.times`` of them met a process."""
    case = bench.case("killed")
    met: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for _ in range(MOST_SCANS):
        if met.total() >= bench.times:
            break
        working = begin(bench.dump, case, 2)
        while working.poll() is None and met.total() < bench.times:
            time.sleep(chance.random() * chance.choice(LONGEST_S))
            met.update(_killed(working.pid, chance))
        last = end(working)
        ended[last.said.strip()[-100:] or f"code {last.code}"] += 1
        if "Traceback" in last.said:
            yield f"a scan ended with: {last.said[-3000:]}"
        if met.total() < bench.times and last.code == 0:
            for report in sorted((case / "reports").rglob("*.json")):  # so that there is something to do again
                if chance.random() < 0.5:
                    report.unlink()
    bench.say(f"killed: {', '.join(f'{kind} {count} times' for kind, count in sorted(met.items()))}")
    bench.say(f"scans ended with: {', '.join(f'{how} {count} times' for how, count in sorted(ended.items()))}")
    if met.total() < bench.times:
        yield f"only {met.total()} kills of {bench.times} met a process"
    yield from bench.resumed(case, bench.dump, processes=2)


def _killed(scan: int, chance: random.Random) -> list[str]:
    """Kill one process of a scan; what it was."""
    met = family(scan)
    others = sorted(set(met.values()) - {"the scan"})
    if not others:
        return []  # it has only begun
    kind = "the scan" if chance.random() < SHARE_OF_SCANS else chance.choice(others)
    pid = chance.choice([pid for pid, its in met.items() if its == kind])
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return []
    return [kind]


def family(pid: int) -> dict[int, str]:
    """A process and all below it that have not ended, by what they are."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(folder.name)] = int(parent)
    found = {pid: "the scan"} if pid in parents else {}
    for _ in range(3):
        for child, parent_pid in parents.items():
            if parent_pid in found and child not in found:
                found[child] = _kind(child, found[parent_pid])
    return found


def _kind(pid: int, parent: str) -> str:
    if parent == "the server":
        return "a decoder"
    try:
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        words = b""
    return "the server" if b"sandbox.server" in words else "a looker"
