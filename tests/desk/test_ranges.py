"""Which part of a file a player asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.desk.ranges import LARGEST_PIECE, part, pieces
from triage.desk.refusal import DeskError


@pytest.mark.parametrize(
    ("asked", "size", "start", "end"),
    [
        ("bytes=0-", 100, 0, 100),
        ("bytes=0-0", 100, 0, 1),
        ("bytes=99-99", 100, 99, 100),
        ("bytes=90-200", 100, 90, 100),
        ("bytes=-10", 100, 90, 100),
        ("bytes=-200", 100, 0, 100),
        (" bytes=5-7 ", 100, 5, 8),
        ("bytes=0-", 10 * LARGEST_PIECE, 0, LARGEST_PIECE),
        ("bytes=7-", 10 * LARGEST_PIECE, 7, 7 + LARGEST_PIECE),
    ],
)
def test_a_part_is_what_is_asked_for_and_never_larger_than_a_piece(asked: str, size: int, start: int, end: int) -> None:
    found = part(asked, size)
    assert found is not None
    assert (found.start, found.end) == (start, end)
    assert found.content_range == f"bytes {start}-{end - 1}/{size}"


@pytest.mark.parametrize(
    "asked",
    [
        *("bytes=100-", "bytes=200-300", "bytes=7-5", "bytes=-", "bytes=-0", "bytes=0-1,3-4", "items=0-1", "bytes"),
        *("bytes=a-b", "bytes=0x1-2", "bytes=" + "9" * 30 + "-", "bytes=²-3"),
    ],
)
def test_what_cannot_be_had_or_meant_is_refused(asked: str) -> None:
    with pytest.raises(DeskError) as refused:
        part(asked, 100)
    assert refused.value.status == 416


def test_without_a_range_all_of_it_is_meant() -> None:
    assert part(None, 100) is None


def test_the_bytes_are_those_of_the_part(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 4000)
    assert b"".join(pieces(file.open("rb"), 300, 500_000)) == file.read_bytes()[300:500_000]
    assert b"".join(pieces(file.open("rb"), 0, 10**9)) == file.read_bytes(), "it ends where the file ends"
