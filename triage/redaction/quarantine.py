"""Where a copy is made before it has its name: a hidden folder beside that name, on the same file system.

Nothing is ever written under a final name. A copy comes to it by one rename, when it has been checked and what is said
of it is on the disk already; so whatever happens, what stands under a final name is whole.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from triage.durable import no_room, sync_folder, write_whole
from triage.errors import CaseError, RedactionError, UsageError

SUFFIX = ".quarantine"
LOCK = ".copies.lock"
OURS = re.compile(r"(copy|\d{6,}-[0-9a-f]{16})\.mp4(\.part)?|copy\.png|\.copy\.png\.part")
"""Names of all that is ever in such a folder; nothing else is removed."""


class Quarantine:
    """The folder of one copy."""

    def __init__(self, target: Path) -> None:
        self._folder = target.with_name(f".{target.name}{SUFFIX}")

    @property
    def copy(self) -> Path:
        """The whole copy, while it is being checked."""
        return self._folder / "copy.mp4"

    @property
    def picture(self) -> Path:
        """The same of a still picture."""
        return self._folder / "copy.png"

    def part(self, number: int, key: str) -> Path:
        """One part of it; ``key``, 16 hex digits, names all that it was made of."""
        return self._folder / f"{number:06d}-{key}.mp4"

    def keep_only(self, wanted: Collection[Path]) -> None:
        """Remove what is left of an earlier attempt, but for these."""
        for file in _ours(self._folder):
            if file not in wanted:
                try:
                    file.unlink()
                except OSError as error:
                    raise no_room(file, error) from error

    def publish(self, target: Path, sidecar: bytes, made: Path) -> None:
        """Give a copy that was made here its name, and what is said of it a name beside it, which is there first.

        Raises:
            CaseFullError, CaseError: the place cannot be written.
        """
        beside = sidecar_of(target)
        try:
            target.unlink(missing_ok=True)  # else there would be a moment in which the old copy has the new one's words
            write_whole(beside, sidecar)
            made.chmod(beside.stat().st_mode & 0o666)
            made.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            raise no_room(target, error) from error


def sidecar_of(copy: Path) -> Path:
    """Where it stands what is known of a copy."""
    return copy.with_name(f"{copy.name}.json")


@contextmanager
def quarantine(target: Path) -> Iterator[Quarantine]:
    """A folder for what becomes ``target``; gone afterwards, but after Ctrl-C, when the next attempt goes on from it.

    Raises:
        CaseFullError, CaseError: it cannot be made, or nothing more can be written in it. The sentence names the
            target, since nobody knows of this folder.
    """
    folder = target.with_name(f".{target.name}{SUFFIX}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise no_room(target, error) from error
    try:
        yield Quarantine(target)
    except CaseError as error:
        clear(folder)
        if isinstance(error.__cause__, OSError):
            raise no_room(target, error.__cause__) from error.__cause__
        raise
    except Exception:
        clear(folder)
        raise
    clear(folder)


def clear(folder: Path) -> None:
    """Remove a quarantine; whatever else somebody put there stays."""
    with suppress(OSError):  # it must not hide what went wrong before
        for file in _ours(folder):
            file.unlink()
        folder.rmdir()


@contextmanager
def place_for_copies(place: Path) -> Iterator[None]:
    """A folder that copies are made in, by nobody else meanwhile; afterwards no quarantine is left there.

    After Ctrl-C they stay: the next run goes on from them, and removes what it did not need.

    Raises:
        UsageError: it is a file.
        CaseError: another run is at work there, or it cannot be written.
        CaseFullError: there is no room.
    """
    _make_place(place)
    lock = filelock.FileLock(place / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise CaseError(f"{place}: another triage blur is at work there; wait for it, or give another --out") from error
    except OSError as error:
        raise no_room(place, error) from error
    try:
        yield
        for folder in place.glob(f".*{SUFFIX}"):
            if folder.is_dir() and not folder.is_symlink():
                clear(folder)
    finally:
        lock.release()


def _make_place(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
        trial = place / f".trial{SUFFIX}"
        trial.mkdir(exist_ok=True)
        trial.rmdir()
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTDIR}:
            raise UsageError(f"{place}: is a file; --out wants a folder") from error
        raise no_room(place, error) from error


def may_replace(target: Path, *, force: bool) -> None:
    """Say no to a name that is taken.

    Raises:
        RedactionError: something stands there, and it is not to be replaced, or is no copy of ours.
    """
    if not os.path.lexists(target):
        return
    if not sidecar_of(target).is_file() or not target.is_file() or target.is_symlink():
        raise RedactionError(f"{target.name} exists, and triage did not make it: give another --out, or move it away")
    if not force:
        raise RedactionError(f"{target.name} exists and is not written over; --force makes it anew")


def _ours(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if OURS.fullmatch(file.name)]
