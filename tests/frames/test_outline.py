"""The outermost parts of files, and the items of photographs, on the word of files that lie."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from tests import media
from tests.media import Recipe
from triage.errors import VideoError
from triage.frames.grid import read_alpha, read_grid
from triage.frames.outline import read_outline
from triage.frames.pyav import open_video
from triage.settings import Sampling

READERS: list[Callable[[BinaryIO], object]] = [read_outline, read_grid, read_alpha]
HUGE = [0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 1 << 40]


class Watched(io.FileIO):
    """A file that nobody may ask for more than it could hold in memory."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= 1 << 22
        return super().read(size) or b""


def read_by_all(path: Path) -> None:
    """Read as ``open_video`` does before anything else: the system's own seek, with its own limits."""
    for reader in READERS:
        with Watched(path) as file:
            reader(file)
            assert file.tell() == 0


def large(kind: str, size: int) -> bytes:
    """The beginning of a box that says its size in 64 bits."""
    return struct.pack(">I4sQ", 1, kind.encode(), size)


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("kind", ["free", "moov", "meta", "mdat"])
def test_a_box_may_claim_any_size(kind: str, size: int, tmp_path: Path) -> None:
    inside = bytes(4) + large("iref", size) + large("trak", size) + large("mdia", size)
    path = tmp_path / "clip.mp4"
    path.write_bytes(media.box("ftyp", b"mif1", bytes(4), b"mif1heic") + large(kind, size) + inside + bytes(64))
    read_by_all(path)
    with pytest.raises(VideoError), open_video(path, media.VIDEO_ID, Sampling()):
        pass


@pytest.mark.parametrize("size", HUGE)
def test_a_box_in_a_box_may_claim_any_size(size: int, tmp_path: Path) -> None:
    header = media.box("moov", large("trak", size), large("mdia", size // 2), bytes(64))
    path = tmp_path / "clip.mp4"
    path.write_bytes(media.box("ftyp", b"isom", bytes(4)) + header)
    read_by_all(path)


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("kind", ["pitm", "iloc", "iref", "iprp", "ipco", "ipma", "auxC", "dimg", "auxl"])
def test_a_part_of_a_photograph_may_claim_any_size(kind: str, size: int, tmp_path: Path) -> None:
    path = photograph(tmp_path)
    contents = path.read_bytes()
    at = contents.index(kind.encode()) - 4
    path.write_bytes(contents[:at] + large(kind, size) + contents[at + 16 :])
    read_by_all(path)


def test_an_item_may_claim_to_lie_anywhere(tmp_path: Path) -> None:
    path = photograph(tmp_path)
    contents = path.read_bytes()
    at = contents.index(b"iloc")
    # offsets, lengths and bases of 8 bytes, which makes nonsense of all that follows: places around 2^63
    for sizes in (b"\x88\x80", b"\x80\x00", b"\x00\x80"):
        for filling in (b"\xff", b"\x7f", b"\x01"):
            places = struct.pack(">H", 5) + filling * 32
            path.write_bytes(contents[: at + 8] + sizes + places + contents[at + 12 + len(places) :])
            read_by_all(path)
    wide = struct.pack(">HHHH", 0x8880, 1, 6, 0) + struct.pack(">HQHQQ", 0, (1 << 64) - 1, 1, (1 << 64) - 1, 1 << 63)
    path.write_bytes(contents[: at + 8] + wide + contents[at + 8 + len(wide) :])
    read_by_all(path)


@pytest.mark.timeout(20)
def test_items_in_many_pieces_that_take_no_room_are_not_counted_out(tmp_path: Path) -> None:
    path = photograph(tmp_path)
    contents = path.read_bytes()
    start = contents.index(b"iloc") - 4
    (length,) = struct.unpack_from(">I", contents, start)
    items = 40_000
    iloc = media.box("iloc", struct.pack(">IHH", 0, 0, items), struct.pack(">HHH", 9, 0, 0xFFFF) * items)
    meta = contents.index(b"meta") - 4
    (meta_bytes,) = struct.unpack_from(">I", contents, meta)
    longer = struct.pack(">I", meta_bytes + len(iloc) - length)
    path.write_bytes(
        contents[:meta] + longer + contents[meta + 4 : start] + iloc + contents[start + length :],
    )
    read_by_all(path)


def photograph(folder: Path) -> Path:
    """Four tiles and an alpha plane, a few kilobytes."""
    tiles = [media.plain(level, width=16, height=16) for level in (10, 80, 150, 220)]
    return media.photograph(folder / "photo.heic", tiles, columns=2, alpha=tiles[0][..., 0])


def avif(folder: Path) -> Path:
    return media.still(folder / "photo.avif")


def png(folder: Path) -> Path:
    return media.still(folder / "photo.png", media.plain(10, width=16, height=16))


def gif(folder: Path) -> Path:
    return media.video(folder / "clip.gif", pictures=2, recipe=Recipe(codec="gif", pix_fmt="rgb8"))


def mp4(folder: Path) -> Path:
    return media.streamable(folder / "clip.mp4", pictures=3)


def fragments(folder: Path) -> Path:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    return media.video(folder / "clip.mp4", pictures=3, recipe=Recipe(container_options=options))


@pytest.mark.parametrize("make", [photograph, avif, png, gif, mp4, fragments])
def test_no_change_of_a_header_makes_reading_it_fail(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    whole = path.read_bytes()
    read_by_all(path)
    chance = random.Random(11)
    for _ in range(600):
        changed = bytearray(whole)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(min(len(changed), 1200))
            filling = chance.choice([b"\xff" * 8, b"\0" * 4, b"\x7f" + b"\xff" * 7, b"\0\0\0\1", chance.randbytes(1)])
            changed[at : at + len(filling)] = filling
        path.write_bytes(changed[: chance.randrange(8, len(changed))] if chance.random() < 0.2 else changed)
        read_by_all(path)
