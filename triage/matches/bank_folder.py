"""The folder of a bank: made once, with an id of its own, and written by one program at a time."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import filelock

from triage.durable import no_room, read_whole, write_whole
from triage.errors import MatchIndexError, UsageError
from triage.fingerprint_file import SUFFIX
from triage.matches.bank_log import is_video
from triage.matches.bank_state import Listed
from triage.matches.signals import Kind, Signal, features_of

KIND = 1
"""Goes up by one when a bank is laid out in another way."""
HEAD = "bank.json"
_ID = re.compile(r"[0-9a-zA-Z-]{1,64}")
_VPDQ = re.compile(r'\[("[0-9a-f]{64},[0-9]{1,3}(,[0-9]{1,7}\.[0-9]{3})?"(, (?="))?)+\]')
"""As ``vpdq_value`` writes one; told at once, where thousands of them are read."""
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
        head = json.loads(read_whole(path))
        kind, found = head["kind"], head["id"]
        if type(kind) is not int or not isinstance(found, str) or not _ID.fullmatch(found):
            raise ValueError("a head says which kind it is, a whole number, and its id")
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
        MatchIndexError: it is gone, not the one that was written, or holds what is no hash of a clip.
    """
    path = list_path(folder, name)
    try:
        data = read_whole(path)
    except OSError as error:
        raise MatchIndexError(f"{path}: a list of hashes cannot be read: {error.strerror}; put it back") from error
    if hashlib.sha256(data).hexdigest() != name:
        raise MatchIndexError(f"{path}: this list of hashes was changed or damaged; put back a copy")
    try:
        return [_listed(json.loads(line)) for line in data.splitlines()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MatchIndexError(
            f"{path}: this list of hashes was not written by triage, or not whole; put back a copy of the bank"
        ) from error


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
    video, name = said["video"], said["name"]
    if not is_video(video) or not isinstance(name, str) or not said["signals"]:
        raise ValueError("a clip has a SHA-256, a name and a hash")
    return Listed(video, name, tuple(_signal(each) for each in said["signals"]))


def _signal(said: Mapping[str, Any]) -> Signal:
    signal = Signal(Kind(said["kind"]), said["value"], said["quality"])
    if signal.kind is Kind.VPDQ and not _VPDQ.fullmatch(signal.value):
        features_of(signal.value)
    if signal.quality is not None and (type(signal.quality) is not int or not 0 <= signal.quality <= 100):
        raise ValueError("a quality is a whole number from 0 to 100")
    return signal
