"""A file sent to a browser in the pieces that a player asks for, and never more than it asks for."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.desk.refusal import DeskError

LARGEST_PIECE = 8 * 1024 * 1024
"""Bytes in one answer to a player that asks for a range; it asks again for the next."""
PIECE = 256 * 1024
"""Bytes read at once."""
_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file, half-open."""

    start: int
    end: int
    size: int
    """Of the whole file."""

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def part(asked: str | None, size: int) -> Part | None:
    """Which part of a file of that size is asked for by a Range header; None: all of it.

    Raises:
        DeskError: it lies outside the file, asks for several parts, or cannot be meant.
    """
    if asked is None:
        return None
    found = _ONE.fullmatch(asked.strip())
    if found is None or found[1] == found[2] == "":
        raise DeskError(416, "The player asked for several parts of the file at once, or for none.")
    first, last = found[1], found[2]
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise DeskError(416, "The player asked for a part that the file does not have.")
    return Part(start, min(end, start + LARGEST_PIECE), size)


def pieces(file: io.BufferedReader, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a file from here to there; closes it."""
    with file:
        file.seek(start)
        left = end - start
        while left > 0 and (piece := file.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
