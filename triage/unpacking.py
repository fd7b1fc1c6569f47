"""The bytes of one member of a ZIP file, unpacked piece by piece: however much it would become, never more at once.

The standard library unpacks bzip2 and LZMA members without a bound on what comes of one piece, and LZMA into as much
memory as the member asks for; so only its decompressors are used here, and not its way of reading.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO, BinaryIO, Protocol, Self, cast

PACKED_BYTES = 2**16
"""Read at once of what is packed."""
MOST_DICTIONARY_BYTES = 256 * 2**20
"""Memory that an LZMA member may ask for; 7-Zip's strongest setting takes 64 MiB."""


class Unpacking(Protocol):
    """As ``bz2.BZ2Decompressor`` and ``lzma.LZMADecompressor`` are."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def open_zip_member(found: zipfile.ZipInfo, archive: BinaryIO) -> IO[bytes]:
    """The contents of a member; the archive's list of members is not read again.

    Reading it raises ``zipfile.BadZipFile``, ``zlib.error`` or ``ValueError`` where it is damaged.
    """
    if found.header_offset < 0:
        raise zipfile.BadZipFile("its place lies before the archive")
    archive.seek(found.header_offset)
    head = archive.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("its place in the archive is not where the list says")
    name_bytes, extra_bytes = struct.unpack("<HH", head[26:30])
    packed = Part(archive, found.header_offset + 30 + name_bytes + extra_bytes, found.compress_size)
    make = METHODS[found.compress_type]
    return cast("IO[bytes]", _Checked(packed, found.CRC, None if make is None else make(packed)))


class Part:
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


class _Checked:
    """The contents of a ZIP member, whose check sum is compared at the end."""

    def __init__(self, packed: Part, check_sum: int, unpacking: Unpacking | None) -> None:
        self._packed, self._wanted, self._sum, self._unpacking = packed, check_sum, 0, unpacking

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

    def _unpack(self, unpacking: Unpacking, size: int) -> bytes:
        while not unpacking.eof:
            is_waiting = unpacking.needs_input
            packed = self._packed.read(PACKED_BYTES) if is_waiting else b""
            try:
                piece = unpacking.decompress(packed, size)
            except (lzma.LZMAError, OSError) as error:  # OSError is how bz2 says that its data are damaged
                raise zipfile.BadZipFile(str(error)) from error
            if piece or (is_waiting and not packed):
                return piece
            if not is_waiting and not unpacking.needs_input:
                raise zipfile.BadZipFile("it unpacks to nothing without an end")
        return b""


class Deflated:
    """``zlib``'s decompressor, with what it has not used yet kept within."""

    def __init__(self, window_bits: int) -> None:
        """Args: as ``zlib.decompressobj`` has it, which says by it what stands around the stream."""
        self._within = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._within.eof

    @property
    def needs_input(self) -> bool:
        return not self._within.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._within.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._within.decompress(self._within.unconsumed_tail + data, max_length)


def _lzma(packed: Part) -> Unpacking:
    """LZMA as ZIP files have it: a version, then how it was packed, then the stream."""
    head = packed.read(4)
    if len(head) < 4 or head[2:] != b"\x05\x00":
        raise zipfile.BadZipFile("it does not say how it was packed")
    said = packed.read(5)
    if len(said) < 5 or said[0] >= 9 * 5 * 5:
        raise zipfile.BadZipFile("it does not say how it was packed")
    (dictionary_bytes,) = struct.unpack("<I", said[1:])
    if dictionary_bytes > MOST_DICTIONARY_BYTES:
        raise zipfile.BadZipFile("it asks for more memory than any video needs")
    filters = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(dictionary_bytes, 4096),
        "lc": said[0] % 9,
        "lp": said[0] // 9 % 5,
        "pb": said[0] // 45,
    }
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters])
    except lzma.LZMAError as error:
        raise zipfile.BadZipFile(str(error)) from error


METHODS: Mapping[int, Callable[[Part], Unpacking] | None] = {
    zipfile.ZIP_STORED: None,
    zipfile.ZIP_DEFLATED: lambda _: Deflated(-zlib.MAX_WBITS),
    zipfile.ZIP_BZIP2: lambda _: bz2.BZ2Decompressor(),
    zipfile.ZIP_LZMA: _lzma,
}
"""Ways of packing that are understood -> what undoes them; None: it is not packed."""
