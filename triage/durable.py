"""Files that appear whole or not at all, the hash that names one, and reading one that others may have put there."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from triage.errors import CaseError, CaseFullError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The system's numbers for a disk, or somebody's share of it, that is full."""


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: a temporary file beside it, fsync, rename, fsync of the folder.

    Raises:
        CaseFullError: the disk or the quota is full. What stood at ``path`` before still stands there.
        CaseError: the folder cannot be written.
    """
    write_stream(path, [data])


def write_stream(path: Path, pieces: Iterable[bytes]) -> None:
    """``write_whole`` of what comes piece by piece."""
    with appearing(path) as waiting, waiting.open("wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A name to write under; what was written there stands at ``path`` once the block is left without an error.

    Raises:
        CaseFullError, CaseError: as ``write_whole``.
    """
    # One name per target, not a random one: a scan killed in between leaves at most one, and the next scan reuses it.
    waiting = path.with_name(f".{path.name}.part")
    try:
        yield waiting
        waiting.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise no_room(path, error) from error
    finally:
        with suppress(OSError):  # it must not hide what went wrong before
            waiting.unlink(missing_ok=True)  # half of it would only keep a full disk full


def no_room(path: Path, error: OSError) -> CaseError:
    """Our sentence for a write that the system refused.

    Args:
        path: the file that was written, by a name that its reader knows, or the folder that was written in.
    """
    if error.errno in NO_ROOM:
        folder = path if path.is_dir() else path.parent
        return CaseFullError(
            f"{folder}: the disk is full. Nothing that was finished is lost: free some space and run the same "
            "command again, it goes on where it stopped"
        )
    return CaseError(f"{path}: cannot be written: {error.strerror or error}. Give a place that you may write to")


def read_whole(path: Path) -> bytes:
    """The bytes of an ordinary file, or of one that a link leads to: a pipe is not waited for, nor a device emptied.

    Raises:
        OSError: it is something else, or cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
        return file.read()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a folder's files (each one's relative name and hash, by name)."""
    if path.is_dir():
        whole = hashlib.sha256()
        for inner in sorted(item for item in path.rglob("*") if item.is_file()):
            whole.update(f"{inner.relative_to(path).as_posix()}\0{sha256_of(inner)}\n".encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make sure that names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
