"""ZIP and tar files as they come in dumps: what is in them, and one member at a time opened to be read.

Nothing is unpacked by name: a member is read from the archive's own bytes, or while it is read lies in a file that has
no name, and so does all of a tar that was packed as a whole. Only what an archive says of itself is used to find it,
within bounds; what it says of places outside is not.
An archive within an archive is not looked into. The lists are read by the standard library, whose readers of some
versions spend hours on, or take all memory for, what was made for that; so it is given neither much at once nor that.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO, cast

from triage.errors import Refusal, VideoError
from triage.spool import ELSEWHERE, Packing, Stamp, packing_of, unpacked
from triage.unpacking import METHODS, Part, open_zip_member

INSIDE = "!"
"""Stands behind the archive's name in the path of a member: ``dump/photos.zip!/2023/clip.mp4``."""
MOST_MEMBERS = 100_000
MOST_LIST_BYTES = 16 * 2**20
"""Of a ZIP file's list of members: more is a trap."""
MOST_TAR_HEADER_BYTES = 2**20
"""Of all that a tar says of one member before its contents."""
LONGEST_NUMBER = 128
"""Digits. Python 3.11 before 3.11.10, 3.12 before 3.12.6 and 3.13 before 3.13.0rc2 take time with the square of them in
a tar's headers (CVE-2024-6232): 100,000 took 9 s. A number there has some twenty, a name of digits up to 64."""
MOST_RATIO, RATIO_FROM_BYTES = 200, 64 * 2**20
"""A member that would unpack to more times its own size is refused, if it is not small. Video hardly shrinks at all."""
RATIO_IN_ALL_FROM_BYTES = 2**30
"""If all members together are larger and that much packed, the small ones count as well."""
LONGEST_NAME, DEEPEST = 4096, 100
"""Letters of a member's name, and folders that it lies in. Systems end at 4096 bytes for both."""
PIECE_BYTES = 2**20
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, EOFError, ValueError, NotImplementedError),
    *(RuntimeError, OverflowError, KeyError, IndexError, UnicodeError, MemoryError),
)
"""What the readers of the standard library raise over what is no whole archive."""
OFFICE = ("[Content_Types].xml", "mimetype", "META-INF/container.xml", "AndroidManifest.xml")
"""Members of ZIP files that are documents or programs, and no dumps."""


@dataclass(frozen=True, slots=True)
class Member:
    """Something in an archive."""

    path: Path
    """Of the archive, ``!``, and its name within; the second that would have this path has ``!2`` behind it."""
    size: int
    refused: str | None
    """Why it cannot be read; None for an ordinary file."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in an archive."""

    kind: str
    """``ZIP``, ``tar``, or ``tar, gzip`` and its kin."""
    members: tuple[Member, ...]
    is_whole: bool = True
    """False: it ends early or is damaged, and may hold more than these."""


def contents(path: Path, file: BinaryIO) -> Contents | None:
    """What is in an archive that is open; None: it is none, or cannot be looked into, as one of a kind not known here.

    Args:
        path: where it lies.
        file: is left anywhere.

    Raises:
        VideoError: it is a packed tar. ARCHIVE, it is beyond what is unpacked; NOT_OPENED, there is no room for it now.
        OSError: it cannot be read.
    """
    listed = _listed(path, _stamp(os.fstat(file.fileno())), file)
    if listed is None:
        return None
    members = tuple(Member(place, entry.size, entry.refused) for place, entry in listed.entries.items())
    return Contents(listed.kind, members, listed.is_whole)


def archive_of(path: Path) -> Path | None:
    """The archive that this path leads into; None: into none, it is a place of its own."""
    text, leads_into = str(path), f"{INSIDE}{os.sep}"
    if leads_into not in text or os.path.lexists(path):
        return None
    end = len(text)
    while (end := text.rfind(leads_into, 0, end)) > 0:
        archive = Path(text[:end])
        try:
            if stat.S_ISREG(archive.lstat().st_mode):
                return archive
        except OSError:  # nothing lies there, or it may not be looked at
            continue
    return None


def open_member(path: Path, archive: BinaryIO, found: os.stat_result) -> io.BufferedReader:
    """One member, to be read; the caller closes it.

    Args:
        path: as ``contents`` gives it.
        archive: open, at any place.
        found: what the system says of the archive, by which its list is known again.

    Raises:
        VideoError: NOT_OPENED, there is no such member (any more); UNREADABLE or ENCRYPTED, it cannot be unpacked; or
            as ``contents``.
        OSError: the archive cannot be read.
    """
    place, stamp = archive_of(path), _stamp(found)
    listed = None if place is None else _listed_again(place, stamp, archive)
    entry = None if listed is None else listed.entries.get(path)
    if place is None or listed is None or entry is None or entry.refused is not None:
        raise VideoError(Refusal.NOT_OPENED, entry.refused if entry and entry.refused else "it is not in the archive")
    try:
        with ExitStack() as opened:
            if listed.packing is not None:
                archive = opened.enter_context(unpacked(place, stamp, archive, listed.packing).file)
            return _unpacked(opened.enter_context(entry.open(archive)), entry.size)
    except DAMAGE as error:
        raise VideoError(
            Refusal.UNREADABLE,
            "it is damaged within its archive and cannot be unpacked whole; perhaps another program can",
        ) from error


def size_in(path: Path, archive: BinaryIO, found: os.stat_result) -> int:
    """How large a member is by its archive's word, without unpacking it; 0 where there is none of that path.

    Args and errors: as ``open_member``, but for those of unpacking.
    """
    place = archive_of(path)
    listed = None if place is None else _listed_again(place, _stamp(found), archive)
    return listed.entries[path].size if listed and path in listed.entries else 0


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    size: int
    refused: str | None
    open: Callable[[BinaryIO], IO[bytes]]


@dataclass(frozen=True, slots=True)
class _Listed:
    kind: str
    entries: Mapping[Path, _Entry]
    """By their paths, in their order."""
    is_whole: bool = True
    packing: Packing | None = None
    """How the whole of it is packed; what opens an entry wants what it unpacks to."""


class _BeyondError(ValueError):
    """A list was made to take time or memory."""


class _CutError(ValueError):
    """A place that the file does not have."""


_LOCK = threading.Lock()
_LISTS: OrderedDict[tuple[Path, Stamp], _Listed | None] = OrderedDict()
"""Lists of archives that were read not long ago, of ``MOST_LISTS`` at most and of ``MOST_MEMBERS`` members together, or
one that has more."""
MOST_LISTS = 64


def _listed_again(path: Path, stamp: Stamp, file: BinaryIO) -> _Listed | None:
    with _LOCK:
        if (path, stamp) in _LISTS:
            _LISTS.move_to_end((path, stamp))
            return _LISTS[path, stamp]
    listed = _listed(path, stamp, file)
    _remember(path, stamp, listed)
    return listed


def _remember(path: Path, stamp: Stamp, listed: _Listed | None) -> None:
    with _LOCK:
        _LISTS[path, stamp] = listed
        members = sum(len(one.entries) for one in _LISTS.values() if one is not None)
        while len(_LISTS) > 1 and (members > MOST_MEMBERS or len(_LISTS) > MOST_LISTS):
            _, oldest = _LISTS.popitem(last=False)
            members -= len(oldest.entries) if oldest is not None else 0


def _listed(path: Path, stamp: Stamp, file: BinaryIO) -> _Listed | None:
    file.seek(0)
    head = file.read(512)
    try:
        if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
            entries = _placed(path, _zip_entries(cast("BinaryIO", _Careful(file, MOST_LIST_BYTES))))
            return None if any(entry.name in OFFICE for entry in entries.values()) else _Listed("ZIP", entries)
        if head[257:262] == b"ustar":
            found, is_whole = _tar_entries(_CarefulTar(file, MOST_TAR_HEADER_BYTES))
            return _Listed("tar", _placed(path, found), is_whole)
    except DAMAGE:
        return None
    packing = packing_of(file)
    return None if packing is None else _listed_packed(path, stamp, file, packing)


def _listed_packed(path: Path, stamp: Stamp, file: BinaryIO, packing: Packing) -> _Listed:
    """As ``_listed``; but where a plain tar can be unpacked by whoever wants to, of this nothing else is said."""
    with _LOCK:
        known = _LISTS.get((path, stamp))
    if known is not None:
        return known
    what = f"it is an archive (tar, {packing.name}) that was not looked into"
    opened = unpacked(path, stamp, file, packing)
    with opened.file as tar:
        try:
            found, is_whole = _tar_entries(_CarefulTar(tar, MOST_TAR_HEADER_BYTES))
            listed = _Listed(f"tar, {packing.name}", _placed(path, found), is_whole and opened.is_whole, packing)
        except _BeyondError as error:
            raise VideoError(Refusal.ARCHIVE, f"{what}: {error}, as a trap would; {ELSEWHERE}") from error
        except DAMAGE as error:
            raise VideoError(Refusal.ARCHIVE, f"{what}: its list of files is damaged; {ELSEWHERE}") from error
    _remember(path, stamp, listed)
    return listed


class _Careful:
    """A file that gives no more between two jumps than any list may have."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most, self._given = file, most, 0
        self.end = file.seek(0, os.SEEK_END)
        file.seek(0)
        self.tell = file.tell

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and not 0 <= place <= self.end:
            raise _CutError("a place that the file does not have")
        self._given = 0
        return self._file.seek(place, whence)

    def read(self, size: int = -1) -> bytes:
        left = self._most - self._given + 1
        read = self._file.read(min(size, left) if size >= 0 else left)
        self._given += len(read)
        if self._given > self._most:
            raise _BeyondError("what it says of its files is longer than any archive has it")
        return read

    def seekable(self) -> bool:
        return True


_DIGITS_ALONE = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))


class _CarefulTar(_Careful):
    """The same, without numbers longer than any."""

    def read(self, size: int = -1) -> bytes:
        read = super().read(size)
        if len(read) > tarfile.BLOCKSIZE and b"0" * LONGEST_NUMBER in read.translate(_DIGITS_ALONE):
            raise _BeyondError("it says of a file what is a longer number than any")
        return read


def _placed(archive: Path, entries: Iterable[_Entry]) -> dict[Path, _Entry]:
    """The members by their paths; no two share one, whatever their names."""
    placed: dict[Path, _Entry] = {}
    met: Counter[Path] = Counter()
    for entry in entries:
        path = meant = _inside(archive, entry.name)
        met[meant] += 1
        while path in placed:
            path = meant.with_name(f"{meant.name}{INSIDE}{max(2, met[meant])}")
            met[meant] += path in placed
        placed[path] = entry
        if len(placed) > MOST_MEMBERS:
            raise _BeyondError(f"it holds more than {MOST_MEMBERS} files")
    return placed


def _zip_entries(file: BinaryIO) -> Iterator[_Entry]:
    with zipfile.ZipFile(file) as opened:
        # What ends in a slash is a folder, unless it has contents: then it would go unseen.
        members = [found for found in opened.infolist() if not found.is_dir() or found.file_size]
    in_all, packed = sum(found.file_size for found in members), sum(found.compress_size for found in members)
    is_trap = in_all > RATIO_IN_ALL_FROM_BYTES and in_all > MOST_RATIO * packed
    sharing = _sharing(members)
    for found in members:
        refused = _zip_refusal(found, 0 if is_trap else RATIO_FROM_BYTES)
        if id(found) in sharing:
            refused = "its bytes in the archive are those of another member as well, as in a trap; it was not opened"
        yield _Entry(found.filename, found.file_size, refused, partial(open_zip_member, found))


def _sharing(members: Iterable[zipfile.ZipInfo]) -> set[int]:
    """``id`` of members that reach into the next: without them, no byte of the archive is unpacked twice."""
    ordered = sorted(members, key=lambda found: found.header_offset)
    return {
        id(one) for one, after in pairwise(ordered) if one.header_offset + 30 + one.compress_size > after.header_offset
    }


def _zip_refusal(found: zipfile.ZipInfo, ratio_from_bytes: int) -> str | None:
    mode = found.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "it is a link or a device in an archive, not a file; it was not opened"
    if found.flag_bits & 0x41:  # encrypted in either way
        return "it is encrypted in its archive; unpack it with the password into the dump"
    if found.compress_type not in METHODS or found.flag_bits & 0x20:  # changes to another file, and not a file
        return "it is packed in a way that triage cannot unpack; unpack it into the dump"
    if found.file_size > ratio_from_bytes and found.file_size > MOST_RATIO * found.compress_size:
        times = found.file_size // max(1, found.compress_size)
        return f"it would unpack to {times} times its size, which is more likely a trap than a video"
    return _name_refusal(found.filename)


def _tar_entries(file: _CarefulTar) -> tuple[list[_Entry], bool]:
    """What is in it, up to where it ends or is damaged; and whether that is its end."""
    entries: list[_Entry] = []
    with tarfile.open(fileobj=cast("BinaryIO", file), mode="r:") as opened:
        try:
            for number, found in enumerate(opened):
                if number > MOST_MEMBERS:
                    raise _BeyondError(f"it holds more than {MOST_MEMBERS} files and folders")
                if found.size < 0:  # the next would be one from before
                    raise _BeyondError("it says of a file that it is smaller than nothing")
                if not found.isdir():
                    entries.append(_tar_entry(found, file.end))
            file.seek(opened.offset)
        except (_CutError, tarfile.ReadError):
            return entries, False
        return entries, file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)


def _tar_entry(found: tarfile.TarInfo, end: int) -> _Entry:
    refused = _name_refusal(found.name)
    if found.offset_data + found.size > end:
        refused = "its archive ends early, within it or before it; it was not opened"
    if not found.isreg() or found.sparse is not None:
        refused = "it is a link, a device or a file with holes in an archive; it was not opened"
    return _Entry(found.name, found.size, refused, partial(_open_tar, found))


def _open_tar(found: tarfile.TarInfo, archive: BinaryIO) -> IO[bytes]:
    return cast("IO[bytes]", Part(archive, found.offset_data, found.size))


def _name_refusal(name: str) -> str | None:
    if _is_beyond(name):
        return (
            f"its name is longer than {LONGEST_NAME} letters or leads deeper than {DEEPEST} folders, as in a trap; "
            "it was not opened"
        )
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or not name.strip("/. "):
        return "its name leads out of the archive; it was not opened"
    return None


def _is_beyond(name: str) -> bool:
    return len(name) > LONGEST_NAME or len(re.findall(r"[/\\]+", name)) > DEEPEST


def _inside(archive: Path, name: str) -> Path:
    """The path of a member; one whose name leads elsewhere is named without what leads there."""
    if _is_beyond(name):
        name = name[-100:].replace("/", "_")
    parts = [part for part in name.replace("\0", "").split("/") if part not in {"", ".", ".."}]
    return archive.with_name(f"{archive.name}{INSIDE}").joinpath(*(parts or ["(no name)"]))


def _unpacked(member: IO[bytes], size: int) -> io.BufferedReader:
    """The member's bytes in a file without a name, open for reading alone.

    Raises:
        ValueError: it has not as many bytes as it says.
    """
    with tempfile.TemporaryFile() as target:
        left = size
        while piece := member.read(min(PIECE_BYTES, left + 1)):
            left -= len(piece)
            if left < 0:
                raise ValueError("it unpacks to more than it says")
            target.write(piece)
        if left:
            raise ValueError("it unpacks to less than it says")
        target.flush()
        try:
            handle = os.open(f"/dev/fd/{target.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            handle = os.dup(target.fileno())
        file = os.fdopen(handle, "rb")
        file.seek(0)
        return file
