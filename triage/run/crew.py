"""How many work on a scan, and how much memory they may have."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from triage.errors import UsageError
from triage.pipeline import Stages, let_go_of_videos, make_stages
from triage.run.local import Hands
from triage.run.pool import pool
from triage.settings import Settings

GIB = 2**30
BASE_BYTES = GIB // 2
"""This program itself, the decoders' server, the catalogue."""
LOOKER_BYTES = 7 * GIB // 4
"""One process with all models that ship; looking at 640 x 360 it took 1.55 GiB."""
VIDEO_BYTES = GIB // 2
"""One video in hand: its decoder, and the pictures that wait."""
AHEAD_BYTES = GIB // 2
"""What pictures that wait or are looked at may take, together, however few look."""
AHEAD_BYTES_EACH = GIB // 8
"""The same for each process, where there are more: with half a GiB for all, 64 would be no quicker than 33
(``scripts/simulate_scan.py``)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a scan is worked on."""

    jobs: int
    """Processes that look; 1: this one."""
    videos: int
    """In hand at once."""
    threads: int
    """That each process that looks calculates in."""
    ahead_bytes: int

    @property
    def memory_bytes(self) -> int:
        """What is reckoned with."""
        return BASE_BYTES + self.jobs * LOOKER_BYTES + self.videos * VIDEO_BYTES


def planned(
    jobs: int, memory_limit: int | None = None, cores: int | None = None, *, looks_on_card: bool = False
) -> Plan:
    """A plan for this machine.

    Args:
        jobs: processes that look; 0: as many as there are cores, which on two of them was a quarter to a third quicker
            than one process that calculates in both.
        memory_limit: bytes that all together may take, as far as it can be reckoned; None: what is free now.
        cores: of this machine; None: those that this process may use.
        looks_on_card: the models run on a graphics card, where a second set of them would stand in the way of the
            first: then 0 is one.

    Raises:
        UsageError: not even one fits into the memory that was named.
    """
    cores = cores or _cores()
    limit = memory_limit if memory_limit is not None else _free_bytes()
    wanted = jobs or (1 if looks_on_card else cores)
    if wanted > 1 and (memory_limit is not None or not jobs):
        while wanted > 1 and _plan(wanted, cores).memory_bytes > limit:
            wanted -= 1
    plan = _plan(wanted, cores)
    if memory_limit is not None and plan.memory_bytes > memory_limit:
        raise UsageError(
            f"--memory-limit: {memory_limit / GIB:.1f} GiB is less than one process needs, "
            f"{plan.memory_bytes / GIB:.1f} GiB"
        )
    return plan


def may_look_on_card(device: str) -> bool:
    """Whether models may run elsewhere than on the processor; without loading what would know it for sure."""
    if device != "auto":
        return device != "cpu"
    is_mac = sys.platform == "darwin" and platform.machine() == "arm64"
    return is_mac or Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def _plan(jobs: int, cores: int) -> Plan:
    # One video more than processes, so that there is work while the next is being opened.
    videos = jobs + 1 if jobs > 1 else 1
    return Plan(jobs, videos, max(1, cores // jobs), max(AHEAD_BYTES, jobs * AHEAD_BYTES_EACH))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_bytes() -> int:
    """Memory that is free for new programs; where it cannot be told, much."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123  not a path of anybody's
            match = re.search(r"MemAvailable:\s+(\d+) kB", file.read())
    except OSError:
        match = None
    return int(match[1]) * 1024 if match else 2**62


def memory_size(text: str) -> int:
    """Bytes of a size as people write it: ``8G``, ``6000M``, ``7.5 GiB``.

    Raises:
        UsageError: it is none.
    """
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT])(?:i?B)?\s*", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise UsageError(f"--memory-limit: {text[:40]!r} was given, a size such as 8G or 6000M is wanted")
    return int(float(match[1]) * 1024 ** ("KMGT".index(match[2].upper()) + 1))


@contextmanager
def crew(plan: Plan, settings: Settings, *, at_once: bool = False) -> Iterator[tuple[Stages, Hands]]:
    """Stages for these settings, and who works: this process, or a pool with models of their own.

    Args:
        at_once: there is work for all of them.

    Raises:
        TriageError: the stages cannot be made.
    """
    if plan.jobs == 1:
        yield make_stages(settings), Hands()
        return
    with pool(partial(make_stages, settings), plan.jobs, plan.threads, plan.ahead_bytes, at_once=at_once) as opened:

        def let_go() -> None:
            opened.kill()
            let_go_of_videos()

        yield opened.stages, Hands(opened.looking, plan.videos, let_go=let_go)
