"""Reading a file that was handed over open, each reader from a place of its own.

A file that is handed to another process is the same open file there: when one process reads on, the place moves for
all of them. Two decoders can meet at one file, when the process that they are forked from is ended and another takes
its place, and what the first had read would be missing for the second: a whole video then looked empty or damaged.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _FromItsOwnPlace(io.RawIOBase):
    """A file by its handle, read from the beginning, wherever others have come to in it."""

    def __init__(self, handle: int) -> None:
        self._handle, self._place = handle, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, target: WriteableBuffer, /) -> int:
        with memoryview(target) as wanted:
            piece = os.pread(self._handle, wanted.nbytes, self._place)
            wanted.cast("B")[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_CUR:
            offset, whence = self._place + offset, os.SEEK_SET
        # Only the system knows which places there are; that the common one moves with it, nobody here minds.
        self._place = os.lseek(self._handle, offset, whence)
        return self._place


def from_the_beginning(handle: int) -> io.BufferedReader:
    """A file that is open for reading, from its beginning on; ``handle`` stays somebody else's to close."""
    return io.BufferedReader(_FromItsOwnPlace(handle))
