"""Clips drawn on the spot: shapes and gradients, small and quick. Nothing here shows people, and nothing is kept."""

from __future__ import annotations

import random
import struct
import wave
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

Image = npt.NDArray[np.uint8]
"""(H, W, 3) BGR."""

VIDEO_ID = "0123456789abcdef" * 4
"""Stands for the hash of a file where it does not matter."""


@dataclass(frozen=True)
class Recipe:
    """How a clip is coded."""

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    fps: Fraction = Fraction(25)
    gop: int = 12
    options: dict[str, str] = field(default_factory=dict)
    container: str | None = None
    """FFmpeg's name; None: by the file's ending."""
    container_options: dict[str, str] = field(default_factory=dict)
    pixel_aspect: Fraction | None = None
    turn_degrees: int = 0
    """Written into the file: how far a player is to turn the picture, counterclockwise."""


def moving(index: int, *, width: int = 160, height: int = 120) -> Image:
    """Picture ``index`` of a gradient that slides and a disc that runs across it; no two are the same."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([(x + 3 * index) % 256, (y * 2 + index) % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    image[(y - height // 2) ** 2 + (x - (20 + 3 * index) % width) ** 2 < (height // 6) ** 2] = 255
    return image


def plain(level: int, *, width: int = 160, height: int = 120) -> Image:
    """One grey."""
    return np.full((height, width, 3), level, np.uint8)


def with_square(
    image: Image, *, left: int, top: int, side: int, colour: tuple[int, int, int] = (255, 255, 255)
) -> Image:
    """A copy with a filled square."""
    drawn = image.copy()
    drawn[top : top + side, left : left + side] = colour
    return drawn


def draw(
    path: Path,
    images: Iterable[Image],
    recipe: Recipe = Recipe(),
    *,
    times_ms: Sequence[int] | None = None,
) -> Path:
    """Write these pictures as a video, at the recipe's rate or at these times."""
    with av.open(str(path), "w", format=recipe.container, options=recipe.container_options) as container:
        stream: VideoStream | None = None
        for index, image in enumerate(images):
            if stream is None:
                stream = _stream(container, recipe, image)
            picture = av.VideoFrame.from_ndarray(image, "bgr24").reformat(format=recipe.pix_fmt)
            picture.time_base = Fraction(1, 1000) if times_ms else 1 / recipe.fps
            picture.pts = times_ms[index] if times_ms else index
            container.mux(stream.encode(picture))
        assert stream is not None, "a clip has pictures"
        container.mux(stream.encode())
    return path


def _stream(container: av.container.OutputContainer, recipe: Recipe, image: Image) -> VideoStream:
    stream = container.add_stream(recipe.codec, rate=recipe.fps, options=recipe.options)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = image.shape[:2]
    stream.pix_fmt = recipe.pix_fmt
    stream.gop_size = recipe.gop
    stream.codec_context.time_base = Fraction(1, 1000) if recipe.codec == "libx264" else 1 / recipe.fps
    if recipe.pixel_aspect:
        stream.codec_context.sample_aspect_ratio = recipe.pixel_aspect
    if recipe.turn_degrees:
        stream.set_display_rotation(recipe.turn_degrees)
    return stream


def video(path: Path, *, pictures: int = 50, recipe: Recipe = Recipe()) -> Path:
    """A clip of ``moving`` pictures; 2 s at the default rate."""
    return draw(path, (moving(index) for index in range(pictures)), recipe)


def streamable(path: Path, *, pictures: int = 50) -> Path:
    """An MP4 with its header in front, as from the web: cut off, it still claims its whole length."""
    return video(path, pictures=pictures, recipe=Recipe(container_options={"movflags": "+faststart"}))


def cut(path: Path, *, share: float = 0.5) -> Path:
    """Keep the first ``share`` of the file's bytes."""
    contents = path.read_bytes()
    path.write_bytes(contents[: int(len(contents) * share)])
    return path


def scratched(path: Path, *, bits: int = 24, start: float = 0.3, end: float = 0.7, seed: int = 7) -> Path:
    """Flip bits between these shares of the file."""
    contents = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(bits):
        contents[chance.randrange(int(len(contents) * start), int(len(contents) * end))] ^= 1 << chance.randrange(8)
    path.write_bytes(contents)
    return path


def still(path: Path, image: Image | None = None) -> Path:
    """A picture file in the format of its ending."""
    assert cv2.imwrite(str(path), moving(0) if image is None else image)
    return path


def turned_jpeg(path: Path, image: Image, tag: int) -> Path:
    """A JPEG whose EXIF orientation tag has this value."""
    tags = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, tag, 0, 0)
    segment = b"Exif\0\0" + tags
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + coded.tobytes()[2:])
    return path


def dated_jpeg(path: Path, image: Image, date: str) -> Path:
    """A JPEG that was taken then, by its EXIF, ``2021:02:03 04:05:06``."""
    own, nothing_follows = 26, struct.pack(">I", 0)
    tags = b"MM\0*" + struct.pack(">IHHHII", 8, 1, 0x8769, 4, 1, own) + nothing_follows
    tags += struct.pack(">HHHII", 1, 0x9003, 2, len(date) + 1, own + 18) + nothing_follows + date.encode() + b"\0"
    segment = b"Exif\0\0" + tags
    _, coded = cv2.imencode(".jpg", image)
    path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + coded.tobytes()[2:])
    return path


def vast_png(path: Path, *, width: int = 20_000, height: int = 20_000) -> Path:
    """A few kilobytes that say they are a picture of hundreds of millions of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def sound(path: Path, *, seconds: int = 1) -> Path:
    """A tone without pictures."""
    samples = (np.sin(np.arange(8000 * seconds) / 8000 * 440 * 2 * np.pi) * 8000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return path


def sound_with_cover(path: Path) -> Path:
    """An MP3-like tag with a cover picture, then sound frames of silence."""
    _, cover = cv2.imencode(".jpg", moving(0))
    body = b"\0image/jpeg\0\x03\0" + cover.tobytes()
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = len(frame)
    sizes = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    silence = (b"\xff\xfb\x10\xc4" + bytes(100)) * 40  # MPEG 1 layer III, 32 kbit/s, 44.1 kHz: 104 bytes each
    path.write_bytes(b"ID3\x03\0\0" + sizes + frame + silence)
    return path


def two_videos(path: Path) -> Path:
    """One file with two video streams, the second twice as large."""
    with av.open(str(path), "w") as container:
        streams = []
        for scale in (1, 2):
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 160 * scale, 120 * scale, "yuv420p"
            streams.append((stream, scale))
        for index in range(10):
            for stream, scale in streams:
                image = moving(index, width=160 * scale, height=120 * scale)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        for stream, _ in streams:
            container.mux(stream.encode())
    return path


def box(kind: str, *parts: bytes) -> bytes:
    """A box of an MP4 or HEIF file."""
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind.encode()) + body


def photograph(path: Path, tiles: Sequence[Image], *, columns: int = 1, alpha: Image | None = None) -> Path:
    """A HEIF file: equal tiles in this many columns (one alone: a plain picture), each a JPEG, and an alpha plane."""
    height, width = tiles[0].shape[:2]
    coded = [cv2.imencode(".jpg", tile)[1].tobytes() for tile in (*tiles, *(() if alpha is None else (alpha,)))]
    rows, is_grid = len(tiles) // columns, len(tiles) > 1
    main = len(coded) + 1 if is_grid else 1
    kinds = {number + 1: "jpeg" for number in range(len(coded))} | ({main: "grid"} if is_grid else {})
    whole = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width * columns, height * rows)
    sizes = [struct.pack(">III", 0, width, height), struct.pack(">III", 0, width * columns, height * rows)]
    properties = [*(box("ispe", size) for size in sizes), box("auxC", bytes(4), b"urn:mpeg:hevc:2015:auxid:1\0")]
    uses = {number: [2] if number == main else [1] for number in kinds}
    references = []
    if is_grid:
        derived = struct.pack(f">HH{len(tiles)}H", main, len(tiles), *range(1, len(tiles) + 1))
        references.append(box("dimg", derived))
    if alpha is not None:
        uses[len(coded)].append(3)
        references.append(box("auxl", struct.pack(">HHH", len(coded), 1, main)))

    def meta(first: int) -> bytes:
        """The description, with the pictures from this byte of the file on."""
        places, at = [], first
        for number, piece in enumerate(coded, 1):
            places.append(struct.pack(">HHHHII", number, 0, 0, 1, at, len(piece)))
            at += len(piece)
        if is_grid:
            places.append(struct.pack(">HHHHII", main, 1, 0, 1, 0, len(whole)))
        entries = [box("infe", struct.pack(">BxxxHH4sx", 2, item, 0, kind.encode())) for item, kind in kinds.items()]
        links = [struct.pack(f">HB{len(of)}B", item, len(of), *of) for item, of in uses.items()]
        return box(
            "meta",
            bytes(4),
            box("hdlr", bytes(8), b"pict", bytes(13)),
            box("pitm", struct.pack(">IH", 0, main)),
            box("iloc", struct.pack(">BxxxHH", 1, 0x4400, len(places)), *places),
            box("iinf", struct.pack(">IH", 0, len(entries)), *entries),
            box("iref", bytes(4), *references),
            box("iprp", box("ipco", *properties), box("ipma", struct.pack(">II", 0, len(links)), *links)),
            box("idat", whole),
        )

    brand = box("ftyp", b"mif1", bytes(4), b"mif1heic")
    path.write_bytes(brand + meta(len(brand) + len(meta(0)) + 8) + box("mdat", *coded))
    return path


NOT_VIDEOS: dict[str, Callable[[Path], object]] = {
    "note.mp4": lambda path: path.write_text("The camera stood in the second room.\n" * 40, encoding="utf-8"),
    "ansi.mp4": lambda path: path.write_bytes(b"\x1b[2J\x1b[1;31mHELLO\x1b[0m\r\n" * 200),
    "subtitles.mp4": lambda path: path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", encoding="utf-8"),
    "playlist.mp4": lambda path: path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nclip.ts\n", encoding="utf-8"
    ),
    "paper.mp4": lambda path: path.write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 20),
    "archive.mp4": lambda path: path.write_bytes(b"PK\x03\x04\x14\0\0\0\x08\0" + random.Random(1).randbytes(9000)),
    "noise.mp4": lambda path: path.write_bytes(random.Random(2).randbytes(20_000)),
    "zeros.mp4": lambda path: path.write_bytes(bytes(20_000)),
}
"""Files that are no videos, whatever they are called."""
