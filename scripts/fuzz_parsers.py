# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever our own readers are given, they answer, or say no in the one way that they promise.

Each target is a reader with whole inputs to begin from. With atheris (``pip install atheris``; no dependency of ours)
its inputs are led by what they reach in the code; without, they are made of the whole ones by a seeded chance. A target
runs in a process of its own, in which an input may take ten seconds and two GiB. What failed is kept with --keep.

    PYTHONPATH=. python scripts/fuzz_parsers.py --minutes 2               every target for two minutes
    PYTHONPATH=. python scripts/fuzz_parsers.py archive rows --runs 5000
    PYTHONPATH=. python scripts/fuzz_parsers.py archive --again FILE      one input that was kept
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SLOWEST_S = 10
"""Of calculating, for one input."""
WAITING_S = 300
"""That one input may take in all: a machine that is busy, or was put to sleep, is no failure."""
MOST_MIB = 2048
TESTED = ("triage",)
"""Packages whose branches atheris watches."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a target."""

    runs: int
    why: str
    """Empty: nothing failed."""


def main() -> None:
    """Print a line for each target; leave with 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="all, where none is named")
    parser.add_argument("--minutes", type=float, default=0.5, help="for each target, at the most")
    parser.add_argument("--runs", type=int, default=10**9, help="for each target, at the most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for inputs that failed")
    parser.add_argument("--without-atheris", action="store_true")
    parser.add_argument("--again", type=Path, help="try this input and nothing else")
    parser.add_argument("--child", choices=("atheris", "chance"), help=argparse.SUPPRESS)
    parser.add_argument("--now", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child == "atheris":
        _led(asked)
    elif asked.child == "chance":
        _by_chance(asked)
    else:
        _all(asked)


def _all(asked: argparse.Namespace) -> None:
    from fuzz_targets import TARGETS

    unknown = set(asked.targets) - set(TARGETS)
    if unknown:
        raise SystemExit(f"no target {', '.join(sorted(unknown))}; known are {', '.join(TARGETS)}")
    if asked.again:
        for name in asked.targets:
            TARGETS[name].read(asked.again.read_bytes())
        print("nothing failed")
        return
    has_atheris = importlib.util.find_spec("atheris") is not None and not asked.without_atheris
    print(f"led by {'atheris' if has_atheris else 'chance alone'}, seed {asked.seed}", flush=True)
    failed = 0
    for name in asked.targets or TARGETS:
        began = time.monotonic()
        outcome = _run(name, "atheris" if has_atheris else "chance", asked)
        failed += bool(outcome.why)
        took = time.monotonic() - began
        print(f"{name:<12} {outcome.runs:>9} runs {took:>6.0f} s  {outcome.why or 'nothing failed'}", flush=True)
    if failed:
        raise SystemExit(1)


def _run(name: str, how: str, asked: argparse.Namespace) -> Outcome:
    """One target in a process of its own."""
    words = [sys.executable, __file__, name, "--child", how, "--seed", str(asked.seed)]
    words += ["--minutes", str(asked.minutes), "--runs", str(asked.runs), "--keep", str(asked.keep)]
    patience_s = 60 * asked.minutes + 2 * WAITING_S
    from fuzz_targets import FOLDER

    memory = Path("/dev/shm")  # noqa: S108  a folder with a random name in it, for thousands of small files a second
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        words += ["--now", f"{folder}/now"]
        given = {**os.environ, FOLDER: folder}
        try:
            ended = subprocess.run(
                words, env=given, capture_output=True, text=True, errors="replace", timeout=patience_s, check=False
            )
        except subprocess.TimeoutExpired:
            return Outcome(0, f"FAILED: it did not end within {patience_s:.0f} s; {_rescued(name, asked, folder)}")
        rescued = _rescued(name, asked, folder) if ended.returncode else ""
    said = ended.stdout + ended.stderr
    counts = re.findall(r"(?:number_of_executed_units: |^runs |^#|Done )(\d+)", said, re.MULTILINE)
    runs = max((int(count) for count in counts), default=0)
    if ended.returncode == 0:
        return Outcome(runs, "")
    wrong = re.findall(r"^.*ERROR: libFuzzer.*$|^[\w.]*(?:Error|Exception)\b.*$", said, re.MULTILINE)
    wrong.sort(key=lambda line: "libFuzzer" not in line)  # what was raised says more
    kept = re.findall(r"Test unit written to (\S+)", said) or [rescued]
    return Outcome(runs, f"FAILED ({ended.returncode}): {(wrong or said.splitlines() or ['?'])[-1][:300]}; {kept[-1]}")


def _rescued(name: str, asked: argparse.Namespace, folder: str) -> str:
    """Where the input is kept that a process was at when it ended."""
    now = Path(folder) / "now"
    if not now.is_file():
        return "no input was kept"
    data = now.read_bytes()
    asked.keep.mkdir(parents=True, exist_ok=True)
    kept: Path = asked.keep / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
    kept.write_bytes(data)
    return str(kept)


def _led(asked: argparse.Namespace) -> None:
    """This process: one target, led by atheris, which ends the process itself."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    with atheris.instrument_imports(include=TESTED):
        from fuzz_targets import TARGETS
    [name] = asked.targets
    target = TARGETS[name]
    asked.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds()):
            (Path(folder) / f"{number}").write_bytes(seed)
        longest = max(4096, *(len(seed) + 1024 for seed in target.seeds()))
        words = [f"-max_total_time={int(60 * asked.minutes)}", f"-runs={asked.runs}", f"-seed={asked.seed}"]
        words += [f"-timeout={WAITING_S}", f"-rss_limit_mb={MOST_MIB}", f"-max_len={longest}", "-print_final_stats=1"]
        words += [f"-artifact_prefix={asked.keep}/{name}-"]
        atheris.Setup([sys.argv[0], *words, folder], _timed(target.read))
        atheris.Fuzz()


def _timed(read: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The same, and what calculates for too long has failed."""

    def timed(data: bytes) -> None:
        began = time.process_time()
        read(data)
        took = time.process_time() - began
        assert took < SLOWEST_S, f"it took {took:.1f} s"

    return timed


def _by_chance(asked: argparse.Namespace) -> None:
    """This process: one target, with inputs made of its whole ones."""
    from fuzz_targets import TARGETS

    [name] = asked.targets
    read, seeds = TARGETS[name].read, list(TARGETS[name].seeds())
    now: Path = asked.now
    resource.setrlimit(resource.RLIMIT_AS, (4 * MOST_MIB * 2**20,) * 2)  # what numpy and OpenCV map counts as well
    until, run = time.monotonic() + 60 * asked.minutes, 0
    while run < asked.runs and time.monotonic() < until:
        data = changed(seeds, random.Random(f"{asked.seed} {name} {run}"))
        now.write_bytes(data)
        signal.setitimer(signal.ITIMER_PROF, SLOWEST_S)  # nobody catches it: it ends this process
        read(data)
        run += 1
        if run % 1000 == 0:
            print(f"runs {run}", flush=True)
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(f"runs {run}", flush=True)


def changed(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """An input made of one of these by one to four changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4))):
        _change(data, seeds, chance)
    return bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    """Turn a bit, or put nothing, the same twice, something of another, what readers stumble over, or noise."""
    from tests.hostile import TOKENS

    at, size = chance.randrange(len(data) + 1), 2 ** chance.randrange(8)
    other = chance.choice(seeds)
    start = chance.randrange(len(other) + 1)
    match chance.randrange(7):
        case 0:
            if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
        case 1:
            del data[at : at + size]
        case 2:
            data[at:at] = data[at : at + size]
        case 3:
            data[at : at + size] = other[start : start + size]
        case 4:
            data[at : at + size] = chance.choice(TOKENS)
        case 5:
            data[at : at + size] = chance.randbytes(size)
        case 6:
            data[at : at + size] = bytes([chance.choice((0, 1, 127, 128, 255))]) * min(size, 8)


if __name__ == "__main__":
    main()
