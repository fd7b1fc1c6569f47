"""Members of ZIP files, unpacked piece by piece."""

from __future__ import annotations

import io
import zipfile
from typing import IO

import pytest

from triage.unpacking import METHODS, Part, open_zip_member

WORDS = b"the same words " * 20_000


def packed(packing: int) -> tuple[zipfile.ZipInfo, bytes]:
    """A member as the list of its archive has it, and the archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr("words.txt", WORDS)
        [found] = archive.infolist()
    return found, file.getvalue()


def all_of(member: IO[bytes], size: int = 2**16) -> list[bytes]:
    """Its pieces."""
    return list(iter(lambda: member.read(size), b""))


@pytest.mark.parametrize("packing", METHODS)
@pytest.mark.parametrize("size", [1000, 2**20])
def test_no_piece_is_larger_than_was_asked_for_and_together_they_are_all(packing: int, size: int) -> None:
    found, data = packed(packing)
    with open_zip_member(found, io.BytesIO(data)) as member:
        pieces = all_of(member, size)
    assert max(map(len, pieces)) <= size
    assert b"".join(pieces) == WORDS


@pytest.mark.parametrize("packing", METHODS)
def test_what_unpacks_to_something_else_is_refused_at_its_end(packing: int) -> None:
    found, data = packed(packing)
    found.CRC ^= 1
    with open_zip_member(found, io.BytesIO(data)) as member, pytest.raises(zipfile.BadZipFile, match="check sum"):
        all_of(member)


@pytest.mark.parametrize("place", [-1, 1, 10**9])
def test_a_member_that_is_not_where_the_list_says_is_refused(place: int) -> None:
    found, data = packed(zipfile.ZIP_STORED)
    found.header_offset = place
    with pytest.raises(zipfile.BadZipFile, match="its place"):
        open_zip_member(found, io.BytesIO(data))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (2, b"\x06\x00"),  # six letters of how it was packed, which are always five
        (4, bytes([225])),  # a way that there is not
        (4, bytes([4 * 9 + 8])),  # more context than LZMA has
        (5, b"\xff\xff\xff\xff"),  # a dictionary of 4 GiB
    ],
)
def test_a_member_that_cannot_have_been_packed_so_is_refused(at: int, said: bytes) -> None:
    found, data = packed(zipfile.ZIP_LZMA)
    start = 30 + len("words.txt") + at
    with pytest.raises(zipfile.BadZipFile):
        open_zip_member(found, io.BytesIO(data[:start] + said + data[start + len(said) :]))


def test_a_member_without_an_end_comes_to_one() -> None:
    found, data = packed(zipfile.ZIP_DEFLATED)
    found.compress_size //= 2
    with open_zip_member(found, io.BytesIO(data)) as member, pytest.raises(zipfile.BadZipFile, match="check sum"):
        all_of(member)


def test_a_part_of_a_file_ends_where_it_ends() -> None:
    part = Part(io.BytesIO(b"0123456789"), 3, 4)
    assert (part.read(3), part.read(3), part.read(3)) == (b"345", b"6", b"")
