"""Originals in an object store or behind another address: listed, stamped, and fetched to be read. The only fsspec.

Their place is kept as a path like any other, ``s3:/bucket/clip.mp4`` for ``s3://bucket/clip.mp4``: it is relative, as
no place of this system that is kept ever is. Nothing is fetched but below an address that somebody named for a scan.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from triage.errors import Refusal, UsageError, VideoError

PIECE_BYTES = 2**20
ROOM_LEFT = 2**28
"""Bytes of the disk that stay free when a file was fetched."""
MARKS = ("ETag", "etag", "checksum", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
"""What stores say of an object that changes with it."""
_named: set[str] = set()


@dataclass(frozen=True, slots=True)
class Listed:
    """A file at an address."""

    path: Path
    size: int
    refused: str | None = None


def url_of(path: Path) -> str | None:
    """The address that this path stands for; None: it is a place of this system."""
    found = re.fullmatch(r"([a-z][a-z0-9+-]+):/(.+)", str(path), re.DOTALL)
    return f"{found[1]}://{found[2]}" if found else None


def as_place(path: Path) -> Path:
    """The same, but for ``file:///…``, which is a place of this system."""
    url = url_of(path) or ""
    return Path("/", url.removeprefix("file://")) if url.startswith("file://") else path


def name_for_scan(path: Path) -> None:
    """Let what lies at this address, or below it, be fetched by this process: somebody named it for a scan."""
    url = url_of(path)
    assert url is not None, "asked only of addresses"
    _named.add(url.rstrip("/"))


def make_sure_it_answers(path: Path) -> None:
    """Nothing, if there is something at this address.

    Raises:
        UsageError: there is not, or nothing installed knows this kind of address.
    """
    url = url_of(path)
    assert url is not None, "asked only of addresses"
    try:
        system, inside = _system(url)
        is_there = bool(system.exists(inside))
    except ImportError as error:
        raise UsageError(f"{url}: {error}; what reads such addresses is a package of its own beside fsspec") from error
    except Exception as error:  # stores raise errors of their own libraries
        raise UsageError(f"{url}: cannot be asked: {_words(error)}") from error
    if not is_there:
        raise UsageError(f"{url}: there is no such folder or file to scan")


def listed(root: Path) -> Iterator[Listed]:
    """Every file at or below an address, in the order of the alphabet.

    Raises:
        UsageError: the store does not say what is there.
    """
    url = url_of(root)
    assert url is not None, "asked only of addresses"
    scheme = url.partition("://")[0]
    try:
        system, inside = _system(url)
        files: Mapping[str, Mapping[str, Any]] = system.find(inside, detail=True)
    except Exception as error:  # stores raise errors of their own libraries
        raise UsageError(f"{url}: the store does not say what is there: {_words(error)}") from error
    for name, told in sorted(files.items()):
        whole = f"{scheme}://{name.lstrip('/')}"
        path = Path(whole)
        is_kept = url_of(path) == whole
        why = None if is_kept else "its name has empty parts or dots in place of a folder, which no path can keep"
        yield Listed(path, int(told.get("size") or 0), why)


def stamp_of(path: Path) -> tuple[int, int, int]:
    """Size, time of change in ns where the store tells, and a number over all that changes with the object.

    Raises:
        VideoError: NOT_OPENED.
    """
    system, inside = _allowed(path)
    try:
        told = system.info(inside)
    except Exception as error:  # stores raise errors of their own libraries
        raise _unread(error) from error
    marks = "\n".join(f"{name} {told[name]}" for name in MARKS if told.get(name) is not None)
    changed = next((_ns(told[name]) for name in ("mtime", "LastModified", "last_modified") if told.get(name)), 0)
    return int(told.get("size") or 0), changed, int.from_bytes(hashlib.sha256(marks.encode()).digest()[:7])


def fetch(path: Path) -> io.BufferedReader:
    """The object's bytes in a file without a name, open for reading; the caller closes it.

    Raises:
        VideoError: NOT_OPENED, it cannot be fetched, or the disk has no room for it.
    """
    system, inside = _allowed(path)
    try:
        size = int(system.info(inside).get("size") or 0)
        if size + ROOM_LEFT > shutil.disk_usage(tempfile.gettempdir()).free:
            raise VideoError(
                Refusal.NOT_OPENED,
                f"there is no room to fetch its {size:,} bytes to, in {tempfile.gettempdir()}; see TMPDIR",
            )
        with tempfile.TemporaryFile() as target, system.open(inside, "rb") as source:
            left = size
            while piece := source.read(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    break
                target.write(piece)
            if left:
                raise VideoError(Refusal.NOT_OPENED, "it has not as many bytes as the store says; scan again")
            target.flush()
            handle = os.dup(target.fileno())
    except VideoError:
        raise
    except Exception as error:  # stores raise errors of their own libraries
        raise _unread(error) from error
    file = os.fdopen(handle, "rb")
    file.seek(0)
    return file


def _allowed(path: Path) -> tuple[Any, str]:
    url = url_of(path)
    assert url is not None, "asked only of addresses"
    if not any(url == root or url.startswith(f"{root}/") for root in _named):
        raise VideoError(
            Refusal.NOT_OPENED,
            f"it lies at {url}, and only a scan that names this address fetches anything; to look at it, fetch it "
            "yourself and scan that folder: it is known by its bytes",
        )
    try:
        return _system(url)
    except Exception as error:  # as above
        raise _unread(error) from error


def _system(url: str) -> tuple[Any, str]:
    import fsspec

    system, inside = fsspec.core.url_to_fs(url)
    return system, inside


def _ns(told: object) -> int:
    if isinstance(told, datetime):
        return int(told.timestamp() * 1e9)
    return int(told * 1e9) if isinstance(told, int | float) else 0


def _words(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _unread(error: Exception) -> VideoError:
    return VideoError(Refusal.NOT_OPENED, f"it cannot be fetched: {_words(error)}")
