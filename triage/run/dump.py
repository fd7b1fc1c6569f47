"""Walking a dump: every file in it, and every place that could not be entered."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage import remote
from triage.archive import Contents, contents
from triage.case.catalogue import CATALOGUE
from triage.copying import left_in
from triage.errors import Refusal, UsageError, VideoError
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
    """Of an archive whose files follow, a sentence that says so; or why they do not."""
    kind: Refusal = Refusal.NOT_MEDIA
    """With ``holds``: ARCHIVE, if not all that is in it follows."""


def dump_roots(dumps: Sequence[Path]) -> list[Path]:
    """The dumps as absolute paths, each once; addresses as paths that stand for them (see ``triage.remote``).

    Raises:
        UsageError: one of them is not there.
    """
    dumps = [remote.as_place(dump) for dump in dumps]
    for dump in dumps:
        if remote.url_of(dump) is not None:
            remote.make_sure_it_answers(dump)
            remote.name_for_scan(dump)
            continue
        try:
            is_there = dump.exists()
        except OSError as error:  # a name too long for the system, a parent that may not be entered
            raise UsageError(f"{dump}: cannot be opened: {error.strerror}") from error
        if not is_there:
            raise UsageError(f"{dump}: there is no such folder or file to scan")
    return list(dict.fromkeys(dump if remote.url_of(dump) is not None else dump.resolve() for dump in dumps))


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
        if remote.url_of(dump) is not None:
            new = [file for file in remote.listed(dump) if file.path not in met]
            met.update(file.path for file in new)
            yield from (Found(file.path, file.size, file.refused) for file in new)
            continue
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
            size = mode.st_size if mode else 0
            yield from [Found(path, size, refused)] if refused is not None else _with_members(path, size)


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


def _with_members(path: Path, size: int) -> Iterator[Found]:
    """This file, and if it is an archive that can be looked into, what is in it."""
    try:
        file = open_original(path)
    except VideoError:  # whatever it is, it is met again when it is scanned
        yield Found(path, size)
        return
    try:
        with file:
            inside = contents(path, file)
    except VideoError as refusal:
        is_momentary = refusal.kind is Refusal.NOT_OPENED
        yield Found(path, size, refusal.why) if is_momentary else Found(path, size, None, refusal.why, refusal.kind)
    except OSError:
        yield Found(path, size)
    else:
        yield Found(path, size) if inside is None else _archive(path, size, inside)
        yield from (Found(member.path, member.size, member.refused) for member in (inside.members if inside else ()))


def _archive(path: Path, size: int, inside: Contents) -> Found:
    files = counted(len(inside.members), "file", "files")
    holds = f"it is an archive ({inside.kind}) of {files}; each has a row of its own"
    if inside.is_whole:
        return Found(path, size, None, holds)
    cut = "but it ends early or is damaged, and nobody looked at what may follow"
    return Found(path, size, None, f"{holds}, {cut}", Refusal.ARCHIVE)


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
