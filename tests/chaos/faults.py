"""Reads that fail and clocks that jump, in another program: ``faults.c``, compiled on the spot."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")
COMPILER = shutil.which("cc")
"""None: there is none, so no such fault can be brought about."""

Stretch = tuple[Path, int, int]
"""A file, and the first and the past-the-last byte of it that cannot be read."""


def library(folder: Path) -> Path:
    """What is to be loaded before the C library, compiled into ``folder``."""
    made = folder / "faults.so"
    if not made.exists():
        assert COMPILER is not None, "asked only where there is one"
        command = [COMPILER, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(made), str(SOURCE)]
        subprocess.run(command, check=True)
    return made


def unreadable(folder: Path, stretches: Iterable[Stretch]) -> Mapping[str, str]:
    """The environment of a program for which these stretches cannot be read."""
    words = []
    for path, start, end in stretches:
        found = path.stat()
        words.append(f"{found.st_dev} {found.st_ino} {start} {end}")
    return {"LD_PRELOAD": str(library(folder)), "TRIAGE_CHAOS_READS": ";".join(words)}


class Clock:
    """A clock that can be set while a program looks at it."""

    def __init__(self, shared: mmap.mmap, means: Mapping[str, str]) -> None:
        self._shared = shared
        self.means = means
        """The environment of a program whose clock this is."""

    def set(self, ahead_s: int) -> None:
        """Have it run so much ahead of ours."""
        self._shared[:8] = struct.pack("=q", ahead_s)


@contextmanager
def clock(folder: Path) -> Iterator[Clock]:
    path = folder / "clock"
    path.write_bytes(bytes(8))
    handle = os.open(path, os.O_RDWR)
    try:
        with mmap.mmap(handle, 8) as shared:
            yield Clock(shared, {"LD_PRELOAD": str(library(folder)), "TRIAGE_CHAOS_CLOCK": str(path)})
    finally:
        os.close(handle)
