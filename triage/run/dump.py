"""Walking a dump: every file in it, and every place that could not be entered."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.archive import Contents, contents
from triage.case.catalogue import CATALOGUE
from triage.copying import left_in
from triage.errors import UsageError, VideoError
from triage.original import open_original
from triage.phrases import counted
from triage.run.copy_list import NAME, is_copy_list


@dataclass(frozen=True, slots=True)
class Found:
    """Something in a dump."""

    path: Path
    size: int
    refused: str | None = None
    """Why it cannot be read; None for an ordinary file."""
    holds: str | None = None
    """Of an archive whose files follow, a sentence that says so."""


def dump_roots(dumps: Sequence[Path]) -> list[Path]:
    """The dumps as absolute paths, each once.

    Raises:
        UsageError: one of them is not there.
    """
    for dump in dumps:
        try:
            is_there = dump.exists()
        except OSError as error:  # a name too long for the system, a parent that may not be entered
            raise UsageError(f"{dump}: cannot be opened: {error.strerror}") from error
        if not is_there:
            raise UsageError(f"{dump}: there is no such folder or file to scan")
    return list(dict.fromkeys(dump.resolve() for dump in dumps))


def walk(dumps: Sequence[Path], leave_out: Path, copies: Counter[Path] | None = None) -> Iterator[Found]:
    """Everything in the dumps that is not a folder, in the order of the alphabet, each path once.

    Symbolic links are never followed: one that points into a dump is skipped, since its target has a row of its own;
    one that leads elsewhere or nowhere is found with its reason. Review copies are left out where they were made, if
    they are what their sidecars say; whatever else lies there is taken, and so is a copy that was moved elsewhere.

    Args:
        dumps: as ``dump_roots`` gives them.
        leave_out: the case folder, which may lie inside a dump.
        copies: counted up: review copies that were left out, by folder.

    Raises:
        UsageError: the case folder is one of the dumps.
    """
    case = leave_out.resolve()
    if case in dumps:
        raise UsageError(
            f"{leave_out}: is the dump itself; --case wants a folder of its own, inside the dump or elsewhere"
        )
    met: set[Path] = set()
    for dump in dumps:
        waiting = [dump]  # a stack and not a recursion: folders may lie deeper than Python can call
        while waiting:
            path = waiting.pop()
            if path == case or path in met:
                continue
            try:
                mode = path.lstat()
                if stat.S_ISDIR(mode.st_mode) and not _is_case(path):
                    # os.listdir keeps the bytes of names that are no text.
                    names = _without_copies(path, os.listdir(path), copies)  # noqa: PTH208
                    waiting += [path / name for name in sorted(names, reverse=True)]
                    continue
                refused = _why_not(path, mode, dumps)
            except OSError as error:
                mode, refused = None, f"the system does not let us look into it: {error.strerror}"
            met.add(path)
            if refused == SKIPPED:
                continue
            inside = _inside(path) if refused is None else None
            holds = None if inside is None else _holds(inside)
            yield Found(path, mode.st_size if mode else 0, refused, holds)
            if inside is not None:
                yield from (Found(member.path, member.size, member.refused) for member in inside.members)


SKIPPED = ""
"""Stands for a link whose target has a row of its own."""


def _without_copies(folder: Path, names: Sequence[str], copies: Counter[Path] | None) -> Iterable[str]:
    left = left_in(folder, names)
    if copies is not None and left.copies:
        copies[folder] = len(left.copies)
    ours = {*left.copies, *left.beside}
    if ours and is_copy_list(folder / NAME):
        ours.add(NAME)
    return (name for name in names if name not in ours)


def _inside(path: Path) -> Contents | None:
    """What is in this file, if it is an archive that can be looked into."""
    try:
        with open_original(path) as file:
            return contents(path, file)
    except (OSError, VideoError):  # whatever it is, it is met again when it is scanned
        return None


def _holds(inside: Contents) -> str:
    files = counted(len(inside.members), "file", "files")
    return f"it is an archive ({inside.kind}) of {files}; each has a row of its own"


def _is_case(folder: Path) -> bool:
    return (folder / CATALOGUE).is_file() and any((folder / kept).is_dir() for kept in ("reports", "sealed"))


def _why_not(path: Path, mode: os.stat_result, dumps: Sequence[Path]) -> str | None:
    """Why this is not to be read; None for an ordinary file."""
    if stat.S_ISREG(mode.st_mode):
        return None
    if stat.S_ISDIR(mode.st_mode):
        return "it is another case of triage, not part of the dump; nobody looked into it"
    if not stat.S_ISLNK(mode.st_mode):
        return "it is a device, a pipe or a socket, not a file; it was not opened"
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links that lead to each other, until Python 3.13
        return "it is a symbolic link that leads nowhere"
    if any(target.is_relative_to(dump) for dump in dumps):
        return SKIPPED
    return "it is a symbolic link that leads out of the dump; it was not followed"
