"""The folder of a bank: made once, with an id of its own, and written by one program at a time."""

from __future__ import annotations

import errno
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import filelock

from triage.durable import no_room, write_whole
from triage.errors import MatchIndexError, UsageError
from triage.fingerprint_file import SUFFIX
from triage.matches.bank_state import Listed
from triage.matches.signals import Kind, Signal

KIND = 1
"""Goes up by one when a bank is laid out in another way."""
HEAD = "bank.json"
LOCK_S = 60
"""Seconds to wait for another program that writes in the bank; each write takes a moment."""


def bank_id(folder: Path, *, make: bool) -> str:
    """The id of the bank in a folder; with ``make`` one is made where there is none.

    Raises:
        UsageError: there is no bank, or the folder holds something else.
        MatchIndexError: it is damaged, or a newer version made it.
        CaseError: it is to be made, and the folder cannot be written.
    """
    path = folder / HEAD
    try:
        is_there = path.is_file()
    except OSError as error:  # a name too long for the system, a parent that may not be entered
        raise UsageError(f"{folder}: cannot be opened: {error.strerror}") from error
    if not is_there:
        if not make:
            raise UsageError(f"{folder}: there is no bank here; make one with: triage bank add {folder} CLIP")
        _make(folder)
    try:
        head = json.loads(path.read_bytes())
        kind, found = int(head["kind"]), str(head["id"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise MatchIndexError(f"{path}: cannot be read, or is no head of a bank; put back a copy") from error
    if kind > KIND:
        raise MatchIndexError(
            f"{folder}: this bank was made by a newer version of triage (kind {kind}, this one knows {KIND}); update "
            "triage"
        )
    return found


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other programs from writing in the bank meanwhile.

    Raises:
        MatchIndexError: another one does not let go of it.
        CaseError: the folder cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=LOCK_S)
    except filelock.Timeout as error:
        raise MatchIndexError(
            f"{folder}: another program has been writing in this bank for {LOCK_S} s; wait"
        ) from error
    except OSError as error:
        raise no_room(folder / HEAD, error) from error
    try:
        yield
    finally:
        lock.release()


def fingerprint_path(folder: Path, video: str, model: str) -> Path:
    """Where what this model made of a clip is kept."""
    return folder / "fingerprints" / f"{video}.{quote(model, safe='@')}{SUFFIX}"


def list_path(folder: Path, name: str) -> Path:
    """Where a list of hashes is kept."""
    return folder / "hashes" / f"{name}.jsonl"


def put(path: Path, data: bytes) -> None:
    """Write a file whole, in a folder that is made if absent.

    Raises:
        CaseError: it cannot be written.
    """
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise no_room(path, error) from error
    write_whole(path, data)


def dump_list(listed: Sequence[Listed]) -> tuple[str, bytes]:
    """Name and bytes of a list of hashes, one JSON object a line; the name is the SHA-256 of the bytes."""
    text = "".join(json.dumps(_said(each), sort_keys=True) + "\n" for each in listed).encode()
    return hashlib.sha256(text).hexdigest(), text


def load_list(folder: Path, name: str) -> Sequence[Listed]:
    """A list of hashes.

    Raises:
        MatchIndexError: it is gone, or not the one that was written.
    """
    path = list_path(folder, name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MatchIndexError(f"{path}: a list of hashes cannot be read: {error.strerror}; put it back") from error
    if hashlib.sha256(data).hexdigest() != name:
        raise MatchIndexError(f"{path}: this list of hashes was changed or damaged; put back a copy")
    return [_listed(json.loads(line)) for line in data.splitlines()]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTDIR}:
            raise UsageError(f"{folder}: is a file; a bank is a folder") from error
        raise no_room(folder / HEAD, error) from error
    if any(not item.name.startswith(".") for item in folder.iterdir()) and not (folder / HEAD).is_file():
        raise UsageError(f"{folder}: holds other files and no bank; give a folder that is new or empty")
    with alone(folder):
        if not (folder / HEAD).is_file():  # else another program was faster
            head = {"kind": KIND, "id": uuid.uuid4().hex}
            write_whole(folder / HEAD, json.dumps(head, sort_keys=True).encode() + b"\n")


def _said(listed: Listed) -> Mapping[str, Any]:
    signals = [{"kind": each.kind, "value": each.value, "quality": each.quality} for each in listed.signals]
    return {"video": listed.video, "name": listed.name, "signals": signals}


def _listed(said: Mapping[str, Any]) -> Listed:
    signals = tuple(Signal(Kind(each["kind"]), each["value"], each["quality"]) for each in said["signals"])
    return Listed(said["video"], said["name"], signals)
