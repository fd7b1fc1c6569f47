"""Walking a dump: every file in it, and every place that could not be entered."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.errors import UsageError


@dataclass(frozen=True, slots=True)
class Found:
    """Something in a dump."""

    path: Path
    dump: Path
    """The folder or file that was asked for."""
    size: int
    refused: str | None = None
    """Why it cannot be read; None for an ordinary file."""


def dump_roots(dumps: Sequence[Path]) -> list[Path]:
    """The dumps as absolute paths, each once.

    Raises:
        UsageError: one of them is not there.
    """
    for dump in dumps:
        if not dump.exists():
            raise UsageError(f"{dump}: there is no such folder or file to scan")
    return list(dict.fromkeys(dump.resolve() for dump in dumps))


def walk(dumps: Sequence[Path], leave_out: Path) -> Iterator[Found]:
    """Everything in the dumps that is not a folder, in the order of the alphabet, each path once.

    Symbolic links are never followed: one that points into the dump is skipped, since its target has a row of its own;
    one that leads out of it or nowhere is found with its reason.

    Args:
        dumps: as ``dump_roots`` gives them.
        leave_out: the case folder, which may lie inside a dump.
    """
    met: set[Path] = set()
    for dump in dumps:
        for found in _below(dump, dump, leave_out.resolve()):
            if found.path not in met:
                met.add(found.path)
                yield found


def _below(path: Path, dump: Path, leave_out: Path) -> Iterator[Found]:
    if path == leave_out:
        return
    try:
        mode = path.lstat()
        if stat.S_ISDIR(mode.st_mode):
            for name in sorted(os.listdir(path)):  # noqa: PTH208  names may be no text; os.listdir keeps their bytes
                yield from _below(path / name, dump, leave_out)
        elif stat.S_ISREG(mode.st_mode):
            yield Found(path, dump, mode.st_size)
        elif stat.S_ISLNK(mode.st_mode):
            yield from _link(path, dump)
        else:
            yield Found(path, dump, 0, "it is a device, a pipe or a socket, not a file; it was not opened")
    except OSError as error:
        yield Found(path, dump, 0, f"the system does not let us look into it: {error.strerror}")


def _link(path: Path, dump: Path) -> Iterator[Found]:
    target = path.resolve()
    if not target.exists():
        yield Found(path, dump, 0, "it is a symbolic link that leads nowhere")
    elif not target.is_relative_to(dump):
        yield Found(path, dump, 0, "it is a symbolic link that leads out of the dump; it was not followed")
