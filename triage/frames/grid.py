"""What the items of a photograph are to each other (HEIC, AVIF): which tile lies where, and what is transparency.

FFmpeg gives every tile as a stream of its own and leaves putting them together to whoever asks; an alpha plane is to it
one more stream, without a mark.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from triage.frames.orientation import UPRIGHT, Orientation
from triage.frames.outline import Box, boxes

MOST_META_BYTES = 1 << 22
"""Descriptions longer than this are not read; a photograph of 100 tiles has some 4 kB."""
ALPHA_NAMES = (
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
    b"urn:mpeg:avc:2015:auxid:1",
)
"""What an alpha plane is called (ISO/IEC 23008-12, 6.5.8)."""
UNFIT = (struct.error, ValueError, KeyError, IndexError)
"""What comes of a description that is damaged."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One picture in equal tiles, row by row."""

    tiles: tuple[int, ...]
    """Item numbers, which are also the ids of FFmpeg's streams."""
    rows: int
    columns: int
    width_px: int
    height_px: int
    """Size of the whole as stored; tiles at the right and at the bottom may reach beyond."""
    orientation: Orientation

    def __post_init__(self) -> None:
        if len(self.tiles) != self.rows * self.columns or min(self.width_px, self.height_px) < 1:
            raise ValueError(f"a grid has a tile in every place, got {self}")


def read_grid(file: BinaryIO) -> Grid | None:
    """The grid that is this file's main picture; None where it has none, or none that can be made out.

    The file is left at its beginning.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        parts = _parts(file)
        return _grid(file, parts) if "iref" in parts else None
    except UNFIT:
        return None
    finally:
        file.seek(0)


def read_alpha(file: BinaryIO) -> frozenset[int]:
    """The items, which are also the ids of FFmpeg's streams, that say how transparent the main picture is.

    The file is left at its beginning.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        parts = _parts(file)
        return frozenset(_alpha(file, parts)) if "iref" in parts else frozenset()
    except UNFIT:
        return frozenset()
    finally:
        file.seek(0)


def _parts(file: BinaryIO) -> dict[str, Box]:
    """The parts of the description that stands at the beginning of a photograph; none in other files."""
    for box in boxes(file, 0, file.seek(0, os.SEEK_END)):
        if box.kind == "meta" and box.end - box.start <= MOST_META_BYTES:
            # four bytes of version stand before the boxes inside
            return {part.kind: part for part in boxes(file, box.start + 4, box.end)}
        if box.kind not in ("ftyp", "free", "skip"):
            break
    return {}


def _main(file: BinaryIO, parts: Mapping[str, Box]) -> int:
    told = _bytes(file, parts["pitm"])
    return int(struct.unpack_from(">H" if told[0] == 0 else ">I", told, 4)[0])


def _alpha(file: BinaryIO, parts: Mapping[str, Box]) -> Iterator[int]:
    main = _main(file, parts)
    for kind, item, targets in _references(file, parts["iref"]):
        if kind == "auxl" and main in targets:
            names = (_bytes(file, box)[4:] for box in _properties(file, parts["iprp"], item) if box.kind == "auxC")
            if any(name.split(b"\0")[0] in ALPHA_NAMES for name in names):
                yield item


def _grid(file: BinaryIO, parts: Mapping[str, Box]) -> Grid | None:
    main = _main(file, parts)
    references = _references(file, parts["iref"])
    tiles = next((targets for kind, item, targets in references if kind == "dimg" and item == main), ())
    if not tiles:
        return None
    described = _item_bytes(file, parts, main)
    rows, columns = described[2] + 1, described[3] + 1
    width_px, height_px = struct.unpack_from(">II" if described[1] & 1 else ">HH", described, 4)
    return Grid(tiles, rows, columns, width_px, height_px, _orientation(file, parts["iprp"], main))


def _bytes(file: BinaryIO, box: Box) -> bytes:
    if box.end - box.start > MOST_META_BYTES:
        raise ValueError("a part is longer than what it is part of")
    file.seek(box.start)
    return file.read(box.end - box.start)


def _references(file: BinaryIO, references: Box) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """What kind of reference, from which item, to which items, in order."""
    layout = "H" if _bytes(file, references)[0] == 0 else "I"
    for box in boxes(file, references.start + 4, references.end):
        body = _bytes(file, box)
        source, count = struct.unpack_from(f">{layout}H", body)
        yield box.kind, source, struct.unpack_from(f">{count}{layout}", body, struct.calcsize(f">{layout}H"))


def _item_bytes(file: BinaryIO, parts: Mapping[str, Box], item: int) -> bytes:
    """The bytes of one item, by the table of locations (``iloc``, versions 0 to 2)."""
    table = _bytes(file, parts["iloc"])
    version, sizes = table[0], struct.unpack_from(">H", table, 4)[0]
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    at = 6
    count, at = _number(table, at, wide)
    for _ in range(count):
        number, at = _number(table, at, wide)
        method, at = _number(table, at, 2 if version else 0)
        base, at = _number(table, at + 2, base_size)
        extents, at = _number(table, at, 2)
        if extents > 1 and not offset_size + length_size + index_size:
            raise ValueError("many pieces that take no room")  # counted out, 65 535 for each item
        for _ in range(extents):
            _, at = _number(table, at, index_size)
            offset, at = _number(table, at, offset_size)
            length, at = _number(table, at, length_size)
            if number == item:
                start = base + offset + (parts["idat"].start if method & 15 == 1 else 0)
                if start >= file.seek(0, os.SEEK_END):
                    raise ValueError("an item lies beyond the end of the file")
                file.seek(start)
                return file.read(min(length, 64))
    raise KeyError(item)


def _number(table: bytes, at: int, size: int) -> tuple[int, int]:
    """An unsigned number of this many bytes, and where the next begins."""
    if at + size > len(table):
        raise ValueError("the table ends early")
    return int.from_bytes(table[at : at + size], "big"), at + size


def _orientation(file: BinaryIO, properties: Box, item: int) -> Orientation:
    """The turn (``irot``) and mirror (``imir``) that belong to an item."""
    turns, is_mirrored = 0, False
    for box in _properties(file, properties, item):
        value = _bytes(file, box)[:1]
        if box.kind == "irot":
            turns -= value[0] & 3
        if box.kind == "imir":
            # Mirrored after a turn is the opposite turn after the mirror; top to bottom is half a turn more.
            turns, is_mirrored = -turns + 2 * (value[0] & 1), not is_mirrored
    return Orientation(turns % 4, is_mirrored=is_mirrored) if turns % 4 or is_mirrored else UPRIGHT


def _properties(file: BinaryIO, properties: Box, item: int) -> list[Box]:
    """What belongs to an item, in order."""
    parts = {box.kind: box for box in boxes(file, properties.start, properties.end)}
    known = list(boxes(file, parts["ipco"].start, parts["ipco"].end))
    return [known[index - 1] for index in _associated(_bytes(file, parts["ipma"]), item)]


def _associated(table: bytes, item: int) -> list[int]:
    """Numbers, from 1, of the properties of an item (``ipma``)."""
    version, is_long = table[0], table[3] & 1
    count, at = _number(table, 4, 4)
    for _ in range(count):
        number, at = _number(table, at, 4 if version else 2)
        links, at = _number(table, at, 1)
        found = []
        for _ in range(links):
            link, at = _number(table, at, 2 if is_long else 1)
            found.append(link & (0x7FFF if is_long else 0x7F))
        if number == item:
            return [link for link in found if link]
    return []
