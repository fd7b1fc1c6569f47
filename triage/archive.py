"""ZIP and tar files as they come in dumps: what is in them, and one member at a time opened to be read.

Nothing is unpacked by name: a member is read from the archive's own bytes, or while it is read lies in a file that has
no name. Only what an archive says of itself is used to find it, within bounds; what it says of places outside is not.
An archive within an archive is not looked into.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, BinaryIO, Self, cast

from triage.errors import Refusal, VideoError

INSIDE = "!"
"""Stands behind the archive's name in the path of a member: ``dump/photos.zip!/2023/clip.mp4``."""
MOST_MEMBERS = 100_000
MOST_LIST_BYTES = 16 * 2**20
"""Of a ZIP file's list of members, and of any one header in a tar: more is a trap."""
MOST_RATIO, RATIO_FROM_BYTES = 200, 64 * 2**20
"""A member that would unpack to more times its own size is refused, if it is not small. Video hardly shrinks at all."""
PIECE_BYTES = 2**20
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError),
    *(OverflowError, KeyError, IndexError, UnicodeError, MemoryError),
)
"""What the readers of the standard library raise over what is no whole archive."""
OFFICE = ("[Content_Types].xml", "mimetype", "META-INF/container.xml", "AndroidManifest.xml")
"""Members of ZIP files that are documents or programs, and no dumps."""


@dataclass(frozen=True, slots=True)
class Member:
    """Something in an archive."""

    path: Path
    """Of the archive, ``!``, and its name within; the second of one name has ``!2`` behind it."""
    size: int
    refused: str | None
    """Why it cannot be read; None for an ordinary file."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in an archive."""

    kind: str
    """``ZIP`` or ``tar``."""
    members: tuple[Member, ...]


def contents(path: Path, file: BinaryIO) -> Contents | None:
    """What is in an archive that is open; None: it is none, or cannot be looked into, as one of a kind not known here.

    Args:
        path: where it lies.
        file: is left anywhere.

    Raises:
        OSError: it cannot be read.
    """
    listed = _listed(file)
    if listed is None:
        return None
    kind, entries = listed
    return Contents(kind, tuple(Member(_inside(path, entry), entry.size, entry.refused) for entry in entries))


def archive_of(path: Path) -> Path | None:
    """The archive that this path leads into; None: into none, it is a place of its own."""
    if INSIDE not in str(path) or os.path.lexists(path):
        return None
    for above in path.parents:
        if above.name.endswith(INSIDE):
            archive = above.with_name(above.name[: -len(INSIDE)])
            with_mode = archive.lstat().st_mode if os.path.lexists(archive) else 0
            if stat.S_ISREG(with_mode):
                return archive
    return None


def open_member(path: Path, archive: BinaryIO, found: os.stat_result) -> io.BufferedReader:
    """One member, to be read; the caller closes it.

    Args:
        path: as ``contents`` gives it.
        archive: open, at any place.
        found: what the system says of the archive, by which its list is known again.

    Raises:
        VideoError: NOT_OPENED, there is no such member (any more); UNREADABLE or ENCRYPTED, it cannot be unpacked.
        OSError: the archive cannot be read.
    """
    listed = _listed_again(_archive(path), found.st_size, found.st_mtime_ns, _Same(archive))
    entry = next((entry for entry in listed if _inside(_archive(path), entry) == path), None)
    if entry is None or entry.refused is not None:
        raise VideoError(Refusal.NOT_OPENED, entry.refused if entry and entry.refused else "it is not in the archive")
    try:
        with entry.open(archive) as member:
            return _unpacked(member, entry.size)
    except DAMAGE as error:
        raise VideoError(
            Refusal.UNREADABLE,
            "it is damaged within its archive and cannot be unpacked whole; perhaps another program can",
        ) from error


def _archive(path: Path) -> Path:
    archive = archive_of(path)
    assert archive is not None, "asked only of what lies in an archive"
    return archive


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    ordinal: int
    """1, and more for what has the name of another before it."""
    size: int
    refused: str | None
    open: Callable[[BinaryIO], IO[bytes]]


@dataclass(frozen=True, slots=True)
class _Same:
    """An open archive; all that are open are the same to the memory of lists."""

    file: BinaryIO

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4)
def _listed_again(_path: Path, _size: int, _mtime_ns: int, archive: _Same) -> tuple[_Entry, ...]:
    listed = _listed(archive.file)
    return () if listed is None else listed[1]


def _listed(file: BinaryIO) -> tuple[str, tuple[_Entry, ...]] | None:
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    careful = cast("BinaryIO", _Careful(file))
    try:
        if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
            entries = _numbered(_zip_entries(careful))
            return None if any(entry.name in OFFICE for entry in entries) else ("ZIP", entries)
        if head[257:262] == b"ustar":
            return "tar", _numbered(_tar_entries(careful))
    except DAMAGE:
        return None
    return None


class _Careful:
    """A file that never gives more at once than any list may have."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        read = self._file.read(min(size, MOST_LIST_BYTES + 1) if size >= 0 else MOST_LIST_BYTES + 1)
        if len(read) > MOST_LIST_BYTES:
            raise ValueError("an archive whose list is larger than any")
        return read

    def seekable(self) -> bool:
        return True


def _numbered(entries: Iterator[_Entry]) -> tuple[_Entry, ...]:
    met: Counter[str] = Counter()
    numbered = []
    for entry in entries:
        met[entry.name] += 1
        numbered.append(_Entry(entry.name, met[entry.name], entry.size, entry.refused, entry.open))
        if len(numbered) > MOST_MEMBERS:
            raise ValueError("more members than any dump has")
    return tuple(numbered)


def _zip_entries(file: BinaryIO) -> Iterator[_Entry]:
    with zipfile.ZipFile(file) as opened:
        for found in opened.infolist():
            if not found.is_dir():
                yield _Entry(found.filename, 1, found.file_size, _zip_refusal(found), partial(_open_zip, found))


def _zip_refusal(found: zipfile.ZipInfo) -> str | None:
    mode = found.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return "it is a link or a device in an archive, not a file; it was not opened"
    if found.flag_bits & 0x1:
        return "it is encrypted in its archive; unpack it with the password into the dump"
    try:
        zipfile._check_compression(found.compress_type)  # type: ignore[attr-defined]
    except (NotImplementedError, RuntimeError):
        return "it is packed in a way that triage cannot unpack; unpack it into the dump"
    if found.file_size > RATIO_FROM_BYTES and found.file_size > MOST_RATIO * found.compress_size:
        times = found.file_size // max(1, found.compress_size)
        return f"it would unpack to {times} times its size, which is more likely a trap than a video"
    return _name_refusal(found.filename)


def _open_zip(found: zipfile.ZipInfo, archive: BinaryIO) -> IO[bytes]:
    """The member's contents; the usual two ways of packing without reading the whole list of members again."""
    if found.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return zipfile.ZipFile(archive).open(found)
    archive.seek(found.header_offset)
    head = archive.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("its place in the archive is not where the list says")
    name_bytes, extra_bytes = struct.unpack("<HH", head[26:30])
    packed = _Part(archive, found.header_offset + 30 + name_bytes + extra_bytes, found.compress_size)
    return cast("IO[bytes]", _Checked(packed, found.CRC, is_packed=found.compress_type == zipfile.ZIP_DEFLATED))


class _Checked:
    """The contents of a ZIP member, whose check sum is compared at the end."""

    def __init__(self, packed: _Part, check_sum: int, *, is_packed: bool) -> None:
        self._packed, self._wanted, self._sum = packed, check_sum, 0
        self._unpacking = zlib.decompressobj(-zlib.MAX_WBITS) if is_packed else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The archive is somebody else's to close."""

    def read(self, size: int) -> bytes:
        piece = self._packed.read(size) if self._unpacking is None else self._unpack(self._unpacking, size)
        self._sum = zlib.crc32(piece, self._sum)
        if not piece and self._sum != self._wanted:
            raise zipfile.BadZipFile("the check sum is another")
        return piece

    def _unpack(self, unpacking: zlib._Decompress, size: int) -> bytes:
        while not unpacking.eof:
            packed = unpacking.unconsumed_tail or self._packed.read(PIECE_BYTES // 16)
            piece = unpacking.decompress(packed, size)
            if piece or not packed:
                return piece
        return b""


def _tar_entries(file: BinaryIO) -> Iterator[_Entry]:
    with tarfile.open(fileobj=file, mode="r:") as opened:
        for number, found in enumerate(opened):
            if number > MOST_MEMBERS:
                raise ValueError("more folders than any dump has")
            if found.isdir():
                continue
            refused = _name_refusal(found.name)
            if not found.isreg() or found.sparse is not None:
                refused = "it is a link, a device or a file with holes in an archive; it was not opened"
            yield _Entry(found.name, 1, found.size, refused, partial(_open_tar, found))


def _open_tar(found: tarfile.TarInfo, archive: BinaryIO) -> IO[bytes]:
    return cast("IO[bytes]", _Part(archive, found.offset_data, found.size))


class _Part:
    """Some bytes of a file, from the first on."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._left = file, size
        file.seek(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The file is somebody else's to close."""

    def read(self, size: int) -> bytes:
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        return piece


def _name_refusal(name: str) -> str | None:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or not name.strip("/. "):
        return "its name leads out of the archive; it was not opened"
    return None


def _inside(archive: Path, entry: _Entry) -> Path:
    """The path of a member; one whose name leads elsewhere is named without what leads there."""
    parts = [part for part in entry.name.replace("\0", "").split("/") if part not in {"", ".", ".."}]
    last = parts.pop() if parts else "(no name)"
    again = f"{INSIDE}{entry.ordinal}" if entry.ordinal > 1 else ""
    return archive.with_name(f"{archive.name}{INSIDE}").joinpath(*parts, f"{last}{again}")


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
