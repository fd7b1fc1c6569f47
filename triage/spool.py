"""Tars that were packed as a whole, ``.tar.gz`` and its kin: unpacked once, into a file that has no name.

Whoever wants one member must unpack all before it, so that members by themselves would cost the square of their number.
What was unpacked is kept open while its members are read, and its room is free again when another comes or the program
ends, however it ends. It may never become more than an archive of videos can, and never takes the last of the room.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import shutil
import tempfile
import threading
import time
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NoReturn

from triage.errors import Refusal, VideoError
from triage.phrases import sized
from triage.unpacking import MOST_DICTIONARY_BYTES, PACKED_BYTES, Deflated, Unpacking

MOST_UNPACKED_BYTES = 2**40
MOST_RATIO, RATIO_FROM_BYTES = 200, 2**30
"""What would become more times its own size is not unpacked, if it is not small. Video hardly shrinks at all."""
MOST_S, S_FOR_BYTE = 600.0, 10 / 2**20
"""Of calculating, in all and for each byte of the archive: bzip2, the slowest, needs about a tenth for video."""
LEAST_FREE_BYTES = 256 * 2**20
"""Left for others where temporary files lie."""
HELD, MOST_HELD, MOST_HELD_BYTES = 2, 16, 4 * 2**30
"""Archives that are kept unpacked: so many, and more as long as all together are small."""
MOST_REFUSED = 256
"""Archives of which it is remembered that they cannot be unpacked."""
PIECE_BYTES = 2**20
MOST_SNIFFED = 64
"""Pieces in which the beginning of a tar must come."""
ELSEWHERE = "if it is trusted, unpack it with care elsewhere, and scan what comes out"

Stamp = tuple[int, ...]


class _Gunzipping(Deflated):
    """Gives also what came before damage in the same bytes; ``zlib`` gives none of it, and the last members with it."""

    _is_broken = False

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._is_broken:
            raise zlib.error("it was damaged before this")
        before = self._within.copy()
        try:
            return super().decompress(data, max_length)
        except zlib.error:
            self._is_broken = True
            return _up_to_damage(before, before.unconsumed_tail + data, max_length)


def _up_to_damage(unpacking: zlib._Decompress, packed: bytes, most: int) -> bytes:
    made = bytearray()
    with suppress(zlib.error):
        for at in range(len(packed)):
            made += unpacking.decompress(packed[at : at + 1], most)
            if len(made) >= most:
                break
    return bytes(made[:most])


@dataclass(frozen=True, slots=True)
class Packing:
    """A way in which a whole tar may be packed."""

    name: str
    magic: bytes
    make: Callable[[], Unpacking]


PACKINGS = (
    Packing("gzip", b"\x1f\x8b", lambda: _Gunzipping(zlib.MAX_WBITS + 16)),
    Packing("bzip2", b"BZh", bz2.BZ2Decompressor),
    Packing("xz", b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_DICTIONARY_BYTES)),
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of an archive."""

    file: io.BufferedReader
    """With a place of its own, to be closed by whoever asked for it."""
    is_whole: bool
    """The archive did not end early, and was not damaged."""


def packing_of(file: BinaryIO) -> Packing | None:
    """How this tar was packed; None: it is no tar that was packed, by its first bytes and by what they unpack to.

    Raises:
        OSError: it cannot be read.
    """
    file.seek(0)
    head = file.read(max(len(packing.magic) for packing in PACKINGS))
    packing = next((one for one in PACKINGS if head.startswith(one.magic)), None)
    if packing is None:
        return None
    begin = b""
    with suppress(_BrokenError):
        for piece in islice(_pieces(file, packing), MOST_SNIFFED):
            begin += piece
            if len(begin) >= 512:
                break
    return packing if begin[257:262] == b"ustar" else None


def unpacked(path: Path, stamp: Stamp, file: BinaryIO, packing: Packing) -> Unpacked:
    """The tar that was packed; it is unpacked if it was not a moment ago. Threads may ask at once.

    Args:
        path, stamp: by which the archive is known again.
        file: the archive, open; it is left anywhere.
        packing: as ``packing_of`` says.

    Raises:
        VideoError: ARCHIVE, it would become more than it may; NOT_OPENED, there is no room for it now.
        OSError: the archive cannot be read.
    """
    key = (path, stamp)
    with _LOCK:
        refused = _REFUSED.get(key)
        slot = _HELD.pop(key, None) or _Slot()
        _HELD[key] = slot
        while len(_HELD) > HELD and (len(_HELD) > MOST_HELD or sum(map(_size, _HELD.values())) > MOST_HELD_BYTES):
            _HELD.popitem(last=False)  # whoever still reads it has a handle of its own
    with slot.lock:
        if slot.spool is None:
            if refused is not None and refused.stands():
                raise refused.said(packing)
            try:
                slot.spool = _unpack(file, packing, lambda: _let_go(slot))
            except _RefusedError as refusal:
                with _LOCK:
                    _REFUSED[key] = refusal.why
                    while len(_REFUSED) > MOST_REFUSED:
                        _REFUSED.popitem(last=False)
                raise refusal.why.said(packing) from None
        return slot.spool.opened()


@dataclass(frozen=True, slots=True)
class _Why:
    """Why an archive is not unpacked."""

    bound: str
    """Which one it is beyond; empty: there was no room."""
    wanted_bytes: int = 0
    """Of room."""

    def stands(self) -> bool:
        """Whether it is still so."""
        return bool(self.bound) or _room()[1] < self.wanted_bytes

    def said(self, packing: Packing) -> VideoError:
        """What whoever asked for it is told."""
        what = f"it is an archive (tar, {packing.name}) that was not unpacked"
        if self.bound:
            return VideoError(Refusal.ARCHIVE, f"{what}: {self.bound}; {ELSEWHERE}")
        folder, free = _room()
        return VideoError(
            Refusal.NOT_OPENED,
            f"{what}: that takes {sized(self.wanted_bytes)} of room in {folder or 'a folder for temporary files'}, "
            f"where {sized(free)} are free; make room there, or name a folder that has it in TMPDIR, and scan again",
        )


class _RefusedError(Exception):
    def __init__(self, why: _Why) -> None:
        super().__init__(why.bound)
        self.why = why


class _BrokenError(Exception):
    """A packed stream ends early, or is damaged."""


class _Spool:
    """A file without a name, whose room is free again when nobody knows it any more."""

    def __init__(self, handle: int, size: int, *, is_whole: bool) -> None:
        self._handle, self.size, self._is_whole = os.dup(handle), size, is_whole
        weakref.finalize(self, os.close, self._handle)

    def opened(self) -> Unpacked:
        return Unpacked(io.BufferedReader(_Apart(self._handle, self.size), PACKED_BYTES), self._is_whole)


class _Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.spool: _Spool | None = None


_LOCK = threading.Lock()
_HELD: OrderedDict[tuple[Path, Stamp], _Slot] = OrderedDict()
"""The one that was asked for last is the last."""
_REFUSED: OrderedDict[tuple[Path, Stamp], _Why] = OrderedDict()


def _size(slot: _Slot) -> int:
    return slot.spool.size if slot.spool else 0


def _let_go(but: _Slot) -> None:
    """Forget all others, so that the room is free that they take."""
    with _LOCK:
        for key in [key for key, slot in _HELD.items() if slot is not but]:
            del _HELD[key]


class _Apart(io.RawIOBase):
    """The same file for one more reader, who has a place of its own in it."""

    def __init__(self, handle: int, size: int) -> None:
        self._handle, self._size, self._at = os.dup(handle), size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._at = place + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        read = os.pread(self._handle, len(target), self._at)
        target[: len(read)] = read
        self._at += len(read)
        return len(read)

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()


def _unpack(file: BinaryIO, packing: Packing, make_room: Callable[[], None]) -> _Spool:
    """All that comes out of it, on the disk; where there is no room it is only counted, to say how much it takes.

    Raises:
        _RefusedError: it would become more than it may, or there is no room.
        OSError: it cannot be read.
    """
    packed_bytes = file.seek(0, os.SEEK_END)
    most = min(MOST_UNPACKED_BYTES, max(RATIO_FROM_BYTES, MOST_RATIO * packed_bytes))
    until_s = time.thread_time() + MOST_S + S_FOR_BYTE * packed_bytes
    size, is_whole, target = 0, True, _temporary()
    try:
        pieces = _pieces(file, packing)
        while True:
            try:
                piece = next(pieces)
            except StopIteration:
                break
            except _BrokenError:
                is_whole = False
                break
            size += len(piece)
            if size > most:
                _refuse_size(packed_bytes, most)
            if time.thread_time() > until_s:
                raise _RefusedError(_Why("unpacking it takes more time than any archive of videos, as a trap would"))
            if target is not None and not (_has_room(len(piece), make_room) and _written(target, piece)):
                target.close()
                target = None
        if target is None:
            raise _RefusedError(_Why("", size + LEAST_FREE_BYTES))
        return _Spool(target.fileno(), size, is_whole=is_whole)
    finally:
        if target is not None:
            target.close()


def _refuse_size(packed_bytes: int, most: int) -> NoReturn:
    than = f"more than {sized(most)}"
    if most < MOST_UNPACKED_BYTES:
        times = (
            f"{MOST_RATIO} times its own size" if most > RATIO_FROM_BYTES else f"and is {sized(packed_bytes)} itself"
        )
        than = f"{than}, {times}, which is more likely a trap than videos"
    raise _RefusedError(_Why(f"it holds {than}"))


def _temporary() -> io.FileIO | None:
    """A new file without a name; None: none can be made."""
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError:
        return None


def _has_room(size: int, make_room: Callable[[], None]) -> bool:
    if _room()[1] < LEAST_FREE_BYTES + size:
        make_room()
    return _room()[1] >= LEAST_FREE_BYTES + size


def _written(target: io.FileIO, piece: bytes) -> bool:
    """False: there is no room for it."""
    left = memoryview(piece)
    try:
        while left:
            left = left[target.write(left) :]
    except OSError:  # also where the disk has room, and this user's share of it is used up
        return False
    return True


def _room() -> tuple[str, int]:
    """Where temporary files lie, and how many bytes are free there; none where there is no such place."""
    try:
        folder = tempfile.gettempdir()
        return folder, shutil.disk_usage(folder).free
    except OSError:
        return "", 0


def _pieces(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """What a file unpacks to, also where it is several streams behind each other, as programs for many cores write.

    Yields:
        no piece larger than ``PIECE_BYTES``; also empty ones, whenever something was read.

    Raises:
        _BrokenError: it ends early, or is damaged.
        OSError: it cannot be read.
    """
    file.seek(0)
    unpacking = packing.make()
    while True:
        is_waiting = unpacking.needs_input
        packed = b""
        if unpacking.eof:
            packed, unpacking = _behind(file, unpacking.unused_data, len(packing.magic)), packing.make()
            if not packed.startswith(packing.magic):
                return  # what lies behind is nothing of it
        elif is_waiting:
            packed = file.read(PACKED_BYTES)
        try:
            piece = unpacking.decompress(packed, PIECE_BYTES)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError) as error:  # OSError is bzip2's
            raise _BrokenError from error
        if not (piece or packed or unpacking.eof) and (is_waiting or not unpacking.needs_input):
            raise _BrokenError
        yield piece


def _behind(file: BinaryIO, unused: bytes, least: int) -> bytes:
    """What follows a stream, without the zeros that fill up tapes; so many bytes at least, if there are any."""
    while not (behind := unused.lstrip(b"\0")):
        if not (unused := file.read(PACKED_BYTES)):
            return b""
    return behind if len(behind) >= least else behind + file.read(least - len(behind))
