"""Small files that claim or become far more than they are. Each is drawn; none holds a picture of anything."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests import media
from tests.media import Recipe

TEN_HOURS_MS = 36_000_000
VAST = 65_535
"""Pixels of a side, as many as 16 bits can say: a picture of 13 GB."""


def bombs(folder: Path, *, pictures: int = 20_000) -> Mapping[str, bytes]:
    """All of them, by a name that has the right ending.

    Args:
        folder: to draw in; nothing is left there.
        pictures: how many a file has that has very many.
    """
    clip = _drawn(folder, "clip.mp4", Recipe(container_options={"movflags": "+faststart"}))
    matroska = _drawn(folder, "clip.mkv", Recipe())
    jpeg = media.still(folder / "still.jpg").read_bytes()
    (folder / "still.jpg").unlink()
    return {
        "vast.png": _png(VAST, VAST),
        "vast.jpg": _with_jpeg_size(jpeg),
        "vast.gif": _gif(1, VAST, VAST),
        "vast.bmp": _bmp(VAST, VAST),
        "vast.tiff": _tiff(VAST, VAST),
        "vast.mp4": _with_mp4_size(clip),
        "vast.mov": _drawn(folder, "motion.mov", Recipe("mjpeg", "yuvj420p"), _with_jpeg_size),
        "many.gif": _gif(pictures, 1, 1),
        "many.mjpeg.avi": _many_in_avi(pictures),
        "long.mp4": _longer_mp4(clip),
        "long.mkv": _longer_matroska(matroska),
        "counts.mp4": _counted(clip),
        "deep.mp4": clip[: clip.index(b"moov") - 4] + _nested(b"moov", b"trak", 20_000) + box(b"mdat", bytes(64)),
        "deep.mkv": _deep_matroska(2_000),
        "deep.zip": zips_in_zips(60),
        "zeros.zip": _zeros(zipfile.ZIP_DEFLATED, 80 * 2**20),
        "zeros.bz2.zip": _lying(_zeros(zipfile.ZIP_BZIP2, 40 * 2**20), 1000),
        "zeros.lzma.zip": _lying(_zeros(zipfile.ZIP_LZMA, 40 * 2**20), 1000),
        "many.zip": _many_in_zip(min(pictures, 3_000)),
        "absurd.tar": _tar(size=2**60),
        "less.tar": _tar(size=-512),
        "digits.tar": _tar(kind=tarfile.XHDTYPE, inside=b"1" * 2**20),
        "outside.zip": _outside_zip(),
        "outside.tar": _outside_tar(),
    }


def box(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def zips_in_zips(depth: int) -> bytes:
    """A clip's name in an archive in an archive, and so on."""
    held, name = b"nothing", "clip.mp4"
    for _ in range(depth):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, held)
        held, name = file.getvalue(), "inner.zip"
    return held


def _drawn(folder: Path, name: str, recipe: Recipe, change: Callable[[bytes], bytes] = bytes) -> bytes:
    path = media.video(folder / name, pictures=10, recipe=recipe)
    data = path.read_bytes()
    path.unlink()
    return change(data)


def _png(width: int, height: int) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", zlib.compress(bytes(1000))) + part(b"IEND", b"")


def _with_jpeg_size(data: bytes) -> bytes:
    """Every JPEG in these bytes says that it is vast."""
    changed, at = bytearray(data), 0
    while (at := changed.find(b"\xff\xc0\x00\x11\x08", at)) >= 0:
        changed[at + 5 : at + 9] = struct.pack(">HH", VAST, VAST)
        at += 9
    return bytes(changed)


def _gif(pictures: int, width: int, height: int) -> bytes:
    """Pictures of one pixel, of two colours in turn, on a ground of this size."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    timed = b"\x21\xf9\x04\0\x02\0\0\0"
    shown = [
        b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02" + pixel + b"\x01\0" for pixel in (b"\x44", b"\x4c")
    ]
    return head + b"".join(timed + shown[number % 2] for number in range(pictures)) + b"\x3b"


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + struct.pack("<IiiHH", 40, width, height, 1, 24) + bytes(124)


def _tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200), (278, 4, height)]
    tags.append((279, 4, 64))
    listed = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return (b"II*\0" + struct.pack("<IH", 8, len(tags)) + listed + bytes(4)).ljust(200, b"\0") + bytes(64)


def _with_mp4_size(clip: bytes) -> bytes:
    """The description of its pictures says that they are vast."""
    at = clip.index(b"avc1") + 28
    return clip[:at] + struct.pack(">HH", VAST, VAST) + clip[at + 4 :]


def _longer_mp4(clip: bytes) -> bytes:
    """The header says ten hours."""
    changed = bytearray(clip)
    for kind, place in ((b"mvhd", 16), (b"mdhd", 16)):
        at = clip.index(kind) + place
        (scale,) = struct.unpack(">I", clip[at : at + 4])
        changed[at + 4 : at + 8] = struct.pack(">I", min(scale * TEN_HOURS_MS // 1000, 2**32 - 1))
    at = clip.index(b"tkhd") + 24
    (scale,) = struct.unpack(">I", clip[clip.index(b"mvhd") + 16 :][:4])
    changed[at : at + 4] = struct.pack(">I", scale * TEN_HOURS_MS // 1000)
    return bytes(changed)


def _longer_matroska(clip: bytes) -> bytes:
    at = clip.index(b"\x44\x89\x88") + 3
    return clip[:at] + struct.pack(">d", float(TEN_HOURS_MS)) + clip[at + 8 :]


def _counted(clip: bytes) -> bytes:
    """Tables of two thousand million pictures of one byte, each shown for a moment."""
    changed = bytearray(clip)
    at = clip.index(b"stsz")
    changed[at + 8 : at + 16] = struct.pack(">II", 1, 2**31 - 1)
    at = clip.index(b"stts")
    changed[at + 12 : at + 16] = struct.pack(">I", 2**31 - 1)
    at = clip.index(b"stsc")
    changed[at + 16 : at + 20] = struct.pack(">I", 2**31 - 1)
    return bytes(changed)


def _nested(outermost: bytes, kind: bytes, depth: int) -> bytes:
    """Boxes in boxes."""
    sizes = range(8 * depth, 0, -8)
    return struct.pack(">I4s", 8 * depth + 8, outermost) + b"".join(struct.pack(">I4s", size, kind) for size in sizes)


def _deep_matroska(depth: int) -> bytes:
    """Tags in tags, which that format allows."""
    inside = b""
    for _ in range(depth):
        inside = b"\x67\xc8" + struct.pack(">Q", len(inside) | 1 << 56) + inside
    tags = b"\x12\x54\xc3\x67" + struct.pack(">Q", (len(inside) + 10) | 1 << 56)
    tags += b"\x73\x73" + struct.pack(">Q", len(inside) | 1 << 56) + inside
    return b"\x1aE\xdf\xa3\x8b\x42\x82\x88matroska" + b"\x18S\x80g" + struct.pack(">Q", len(tags) | 1 << 56) + tags


def _many_in_avi(pictures: int) -> bytes:
    """An AVI whose pictures are empty."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)

    head = struct.pack("<14I", 1000, 0, 0, 0x10, pictures, 0, 1, 0, 16, 16, 0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<IHHIIIIIIII4H", 0, 0, 0, 0, 1, 1000, 0, pictures, 0, 0, 0, 0, 0, 16, 16)
    form = struct.pack("<IiiHH4sIiiII", 40, 16, 16, 1, 24, b"MJPG", 768, 0, 0, 0, 0)
    told = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", form))
    header = chunk(b"LIST", b"hdrl" + chunk(b"avih", head) + told)
    return (
        b"RIFF" + struct.pack("<I", 2**31) + b"AVI " + header + chunk(b"LIST", b"movi" + chunk(b"00dc", b"") * pictures)
    )


def _zeros(packing: int, size: int) -> bytes:
    """A member that is nothing but zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive, archive.open("zeros.mp4", "w") as member:
        for _ in range(size // 2**20):
            member.write(bytes(2**20))
    return file.getvalue()


def _lying(archive: bytes, size: int) -> bytes:
    """The list gives the first member another size."""
    at = archive.index(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<I", size) + archive[at + 4 :]


def _many_in_zip(members: int) -> bytes:
    """Many members that are all the same bytes of the archive."""
    whole = _zeros(zipfile.ZIP_DEFLATED, 2**20)
    at, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entry = whole[at:end]
    listed = b"".join(entry.replace(b"zeros.mp4", f"{number:05}.mp4".encode()) for number in range(members))
    tail = whole[end : end + 8] + struct.pack("<HHII", members, members, len(listed), at) + whole[end + 20 :]
    return whole[:at] + listed + tail


def _tar(kind: bytes = tarfile.REGTYPE, size: int | None = None, inside: bytes = b"") -> bytes:
    found = tarfile.TarInfo("clip.mp4")
    found.type, found.size = kind, len(inside) if size is None else size
    return found.tobuf(tarfile.GNU_FORMAT) + inside + bytes(-len(inside) % 512) + bytes(1024)


NAMES = ("../../outside.mp4", "/etc/outside.mp4", "a/../../../outside.mp4", "..\\outside.mp4", "C:\\outside.mp4", "..")


def _outside_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in NAMES:
            archive.writestr(name, b"outside")
    return file.getvalue()


def _outside_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        kinds = [*((name, tarfile.REGTYPE) for name in NAMES), ("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE)]
        for name, kind in kinds:
            found = tarfile.TarInfo(name)
            found.type, found.linkname = kind, "../../../etc/passwd"
            archive.addfile(found)
    return file.getvalue()


SMALL: Callable[[Path], Mapping[str, bytes]] = partial(bombs, pictures=300)
"""The same with few pictures, to be spoiled further."""
