"""Disks that are full: a case on a disk of its own, of some size."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.bench import Bench
from tests.chaos.scanning import scanned

PAGE_BYTES = 4096
AMPLE_BYTES = 2**28


def full_disk(bench: Bench, chance: random.Random) -> Iterator[str]:
    """The case lies on a disk that is full at some moment, sometimes more than once, and then has room."""
    if os.geteuid() != 0:
        yield "only root may make a small disk here; or run it under: unshare --map-root-user --mount"
        return
    # What begins a page takes a page, folders do too, and the catalogue has a log beside it.
    most = PAGE_BYTES * 3 * bench.reports
    most += 2 * sum(file.stat().st_size for file in bench.case("whole").rglob("*") if file.is_file())
    for number in range(bench.times):
        case = bench.case(f"full disk {number}")
        sizes = sorted(chance.randrange(2, most // PAGE_BYTES) * PAGE_BYTES for _ in range(chance.choice([1, 1, 2])))
        with _disk(case) as resize:
            codes = []
            for size in sizes:
                resize(size)
                ended = scanned(bench.dump, case, chance.choice([0, 2]))
                codes.append(ended.code)
                if ended.code not in {0, 1} or "Traceback" in ended.said:
                    yield f"on a disk of {size} bytes the scan ended with {ended.code}: {ended.said[-3000:]}"
                if ended.code == 1 and "the disk is full" not in ended.said:
                    yield f"on a disk of {size} bytes the scan said: {ended.said[-3000:]}"
            resize(AMPLE_BYTES)
            kib = ", ".join(str(size // 1024) for size in sizes)
            bench.say(f"disk of {kib} KiB: ended with {codes}, {bench.missing(case)} reports were missing")
            yield from bench.resumed(case, bench.dump)


@contextmanager
def _disk(place: Path) -> Iterator[_Resize]:
    """A small disk at this place, and what changes its size."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={PAGE_BYTES}", "chaos", str(place)], check=True)
    try:
        yield _Resize(place)
    finally:
        subprocess.run(["umount", str(place)], check=True)


class _Resize:
    def __init__(self, place: Path) -> None:
        self._place = place

    def __call__(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self._place)], check=True)
