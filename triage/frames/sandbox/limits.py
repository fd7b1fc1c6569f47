"""How much a decoder may take, and how it is held to that."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass

from triage.frames.sandbox import seccomp

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoder may take for one file. Nothing here changes what a report says of a file that stays within."""

    memory_bytes: int = 4 * 2**30
    """Address space, of which some 500 MiB are there before the first picture. A picture of the largest size that is
    not refused takes 400 MB, and decoders hold a dozen of ordinary ones."""
    least_cpu_s: int = 300
    cpu_s_for_mib: int = 120
    """Seconds of calculating that any file may take, and more for each MiB of it. A recorded screen of ten hours in
    20 MB took 0.5 ms a picture here, so 10 minutes of the 45 that it would have."""
    idle_s: float = 60.0
    """Seconds without a sign that it goes on."""
    most_waits: int = 50
    """So many times the seconds of calculating are waited for it altogether, whatever signs it gives."""
    most_looks: int = 250_000
    """Pictures that are looked at in one file: of ordinary footage, a day and a quarter."""

    def cpu_s(self, size: int) -> int:
        """Seconds of calculating that a file of so many bytes may take."""
        return self.least_cpu_s + self.cpu_s_for_mib * -(-size // 2**20)


OPEN_FILES = 16
"""The original, the way to who asked, the pictures' memory, and room for what Python opens in passing."""


def confine(memory_bytes: int, cpu_s: int) -> bool:
    """Hold this process to the limits for good: memory, time, no files written, and where it can be had, the filter.

    Returns:
        Whether the filter of system calls is in place; without it, files and the network can still be reached.
    """
    for what, most, most_of_all in (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 5),  # first a signal that says why, then one that cannot be ignored
        (resource.RLIMIT_CORE, 0, 0),  # a dump of its memory would hold pictures
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
    ):
        with suppress(ValueError, OSError):  # a lower one is set already, or this system has none
            resource.setrlimit(what, (most, most_of_all))
    return seccomp.install()


def die_with(parent: int) -> None:
    """Ask the system to end this process with the one that it was forked from, where it can (Linux)."""
    import ctypes
    import signal
    import sys

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before this was asked; who takes over what it leaves behind, the machine decides.
    if os.getppid() != parent:
        os._exit(1)
