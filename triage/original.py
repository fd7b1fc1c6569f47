"""Opening an original: to read it, and nothing else."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from triage import remote
from triage.archive import archive_of, open_member
from triage.errors import Refusal, VideoError


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells without reading it that a file has not changed."""

    size: int
    mtime_ns: int
    ctime_ns: int
    """Set by the system at every change; a changed file whose date was set back still differs here."""

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def open_original(path: Path) -> io.BufferedReader:
    """The file, or the member of an archive, opened for reading alone; the caller closes it.

    A dump may change while it is scanned, so what was an ordinary file a moment ago is looked at again: a symbolic link
    is not followed, and a pipe is not waited for. What lies at an address is fetched into a file without a name.

    Raises:
        VideoError: NOT_OPENED, if it is not an ordinary file any more or the system does not let us read it; of a
            member also UNREADABLE, it cannot be unpacked.
    """
    if remote.url_of(path) is not None:
        return remote.fetch(path)
    archive = archive_of(path)
    if archive is None:
        return _open_file(path)
    with _open_file(archive) as file:
        try:
            return open_member(path, file, os.fstat(file.fileno()))
        except OSError as error:
            raise unread(error) from error


def stamp_now(path: Path) -> Stamp:
    """What the system says of the file, or of the archive that it lies in, now.

    Raises:
        VideoError: NOT_OPENED, as ``open_original``.
    """
    if remote.url_of(path) is not None:
        return Stamp(*remote.stamp_of(path))
    with _open_file(archive_of(path) or path) as file:
        return Stamp.of(os.fstat(file.fileno()))


def _open_file(path: Path) -> io.BufferedReader:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise unread(error) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise VideoError(Refusal.NOT_OPENED, "it is not an ordinary file any more; it was not read")
    return os.fdopen(handle, "rb")


def unread(error: OSError) -> VideoError:
    """Our sentence for a read that the system refused; it is about the moment, so it is tried again at every scan."""
    return VideoError(Refusal.NOT_OPENED, f"it cannot be read: {error.strerror or error}")
