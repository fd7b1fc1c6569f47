"""The outline of a file: its outermost parts, whether its end is missing, whether its pictures are encrypted.

Containers say how long their parts are. So a file that was cut off can be told by its outline, even where what is left
decodes without an error.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MP4_KINDS = frozenset(
    {
        "ftyp",
        "styp",
        "moov",
        "moof",
        "mdat",
        "free",
        "skip",
        "wide",
        "sidx",
        "emsg",
        "prft",
        "meta",
        "mfra",
        "uuid",
        "pnot",
    }
)
"""Boxes that stand at the top of an MP4 or QuickTime file; anything else there is damage or not such a file."""
TO_SAMPLE_ENTRIES = ("trak", "mdia", "minf", "stbl", "stsd")
"""The boxes that lie around the description of how pictures are coded, inside the header."""
MOST_BOXES = 100_000
"""As many boxes are read at one level; a file of hours in fragments has tens of thousands."""
JPEG = b"\xff\xd8\xff"
END_MARKS = ((b"GIF8", b"\x3b"), (b"\x89PNG", b"IEND\xae\x42\x60\x82"), (JPEG, b"\xff\xd9"))
"""How files that begin like this end."""
MOST_PHOTO_BYTES = 2**26
"""As much of a photograph is searched for a video behind it."""
TRAILING_BYTES = 4096
"""The end mark is looked for in as many last bytes: messengers and cameras append notes of their own."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What the outermost parts say, without looking at a single picture."""

    kinds: frozenset[str] = frozenset()
    """Kinds of the boxes at the top of an MP4 or QuickTime file; empty for other files."""
    missing_bytes: int | None = 0
    """By how much the file is shorter than it says itself; None: its end is missing, and it does not say how much."""
    has_end_mark: bool = False
    """Files of its kind mark their own end, and the mark is there."""
    has_video_behind: bool = False
    """An MP4 follows the picture in the same file, as phones store a moving photograph."""
    is_encrypted: bool = False
    """Some pictures are marked as encrypted (sample entry ``encv``)."""
    picture_wh: tuple[int, int] | None = None
    """Width and height that a PNG claims. FFmpeg does not tell them where it refuses to decode so large a picture."""
    is_fragmented: bool = False
    """The header announces that the pictures follow in fragments, in this file or in others (``mvex``)."""

    @property
    def is_mp4(self) -> bool:
        return bool(self.kinds)

    @property
    def has_header(self) -> bool:
        return "moov" in self.kinds or "meta" in self.kinds

    @property
    def has_pictures(self) -> bool:
        """Whether there is a part that could hold pictures; always so where the parts are not known."""
        return not self.kinds or "mdat" in self.kinds or "meta" in self.kinds


def _video_behind(file: BinaryIO) -> bool:
    """Whether the header of an MP4 stands somewhere behind the beginning."""
    file.seek(0)
    return re.search(rb"\0\0\0[\x10-\x40]ftyp(mp4|iso|M4V|qt  |MSNV|3gp)", file.read(MOST_PHOTO_BYTES)) is not None


def read_outline(file: BinaryIO) -> Outline:
    """The outline of this file, of a kind that we know or not; the file is left at its beginning.

    Raises:
        OSError: the file cannot be read.
    """
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(24)
    outline = _mp4(file, file_bytes)
    if head.startswith(b"RIFF") and len(head) == 24:
        (riff_bytes,) = struct.unpack("<I", head[4:8])
        # Recorders that were broken off leave 0 or the largest number there.
        outline = Outline(missing_bytes=max(0, riff_bytes + 8 - file_bytes) if 0 < riff_bytes < 0xFFFFFFFF else 0)
    for begin, end in END_MARKS:
        if head.startswith(begin):
            file.seek(max(0, file_bytes - TRAILING_BYTES))
            tail = file.read(TRAILING_BYTES)
            is_whole = tail.rstrip(b"\0").endswith(end) or (len(end) > 1 and end in tail)
            wh = struct.unpack(">II", head[16:24]) if head[12:16] == b"IHDR" and len(head) == 24 else None
            follows = begin == JPEG and _video_behind(file)
            missing = 0 if is_whole or follows else None
            outline = Outline(missing_bytes=missing, has_end_mark=is_whole, picture_wh=wh, has_video_behind=follows)
    file.seek(0)
    return outline


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an MP4, QuickTime or HEIF file."""

    kind: str
    start: int
    """Byte after the box's header."""
    end: int
    """Byte after the box, on its own word."""


def _mp4(file: BinaryIO, file_bytes: int) -> Outline:
    kinds: set[str] = set()
    missing_bytes, is_encrypted, is_fragmented = 0, False, False
    for box in boxes(file, 0, file_bytes):
        if box.kind not in MP4_KINDS:
            break
        kinds.add(box.kind)
        missing_bytes = max(0, box.end - file_bytes)
        if box.kind == "moov":
            header = Box("moov", box.start, min(box.end, file_bytes))
            is_encrypted = is_encrypted or _is_encrypted(file, header)
            is_fragmented = is_fragmented or any(part.kind == "mvex" for part in boxes(file, header.start, header.end))
    return Outline(frozenset(kinds), missing_bytes, is_encrypted=is_encrypted, is_fragmented=is_fragmented)


def _is_encrypted(file: BinaryIO, header: Box) -> bool:
    inside = [header]
    for kind in TO_SAMPLE_ENTRIES:
        inside = [box for around in inside for box in boxes(file, around.start, around.end) if box.kind == kind]
    # eight bytes of version and count stand before the entries
    return any(entry.kind == "encv" for around in inside for entry in boxes(file, around.start + 8, around.end))


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Boxes that begin in ``start <= byte < end`` and in the file; the last may say that it reaches beyond."""
    file_bytes = file.seek(0, os.SEEK_END)
    for _ in range(MOST_BOXES):
        # Sizes are 64 bits on the file's word: a place beyond what the system can seek to is an OverflowError.
        if min(end, file_bytes) - start < 8:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if size == 1 and len(head) == 16:
            (size,), header = struct.unpack(">Q", head[8:]), 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        yield Box(kind.decode("latin-1"), start + header, start + size)
        start += size
