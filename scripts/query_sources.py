# SPDX-License-Identifier: AGPL-3.0-or-later
"""Footage for `copy_queries.py`: short clips, and clips made of stills under a camera that moves and shakes.

All is brought to `RATE` pictures a second and `LONGEST_PX` on the longer side, which keeps hundreds of queries cheap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
"""(H, W, 3) BGR."""
Rng = np.random.Generator

RATE = 15
LONGEST_PX = 320
WIDE, TALL, OLD = (320, 180), (180, 320), (256, 192)
"""Widths and heights of clips made of stills."""
PAN_ROOM = 1.35
"""How much larger than the frame a still is laid out, so that the camera has somewhere to go."""


def rng_of(*words: object) -> Rng:
    """A generator that depends on these words alone, so that one query does not depend on which others are made."""
    digest = hashlib.sha256("|".join(str(word) for word in words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """Stretched to this size."""
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    inter = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=inter), np.uint8)


def covering(picture: Picture, width: int, height: int) -> Picture:
    """Scaled to cover this size, and cut to it from the middle."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    large = fitted(picture, max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width])


def even(picture: Picture, longest_px: int = LONGEST_PX) -> Picture:
    """At most this large, with even sides, as H.264 wants them."""
    scale = min(1.0, longest_px / max(picture.shape[:2]))
    height, width = (max(2, round(side * scale / 2) * 2) for side in picture.shape[:2])
    return picture if (height, width) == picture.shape[:2] else fitted(picture, width, height)


def read_clip(path: Path, start_s: float = 0.0, end_s: float = 1e9) -> list[Picture]:
    """The pictures of a stretch of a clip, at ``RATE``: each moment shows the last picture that had come."""
    shown: list[Picture] = []
    latest: Picture | None = None
    origin_s: float | None = None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            origin_s = float(frame.time or 0.0) if origin_s is None else origin_s
            time_s = float(frame.time or 0.0) - origin_s - start_s
            while latest is not None and len(shown) / RATE < min(time_s, end_s - start_s):
                shown.append(latest)
            if time_s >= end_s - start_s:
                break
            if time_s >= -0.5:
                latest = even(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
    if latest is not None and len(shown) / RATE < end_s - start_s:
        shown.append(latest)
    if not shown:
        raise ValueError(f"{path.name} has no pictures between {start_s} and {end_s} s")
    return shown


def panned(picture: Picture, length_s: float, size: tuple[int, int], rng: Rng) -> list[Picture]:
    """A camera that pans and zooms over a still, with the shake of a hand."""
    width, height = size
    laid = covering(picture, round(width * PAN_ROOM), round(height * PAN_ROOM))
    room = np.array([laid.shape[1] - width, laid.shape[0] - height], float)
    ends = rng.permutation([[0.1, 0.15], [0.9, 0.85]]) if rng.random() < 0.5 else np.array([[0.1, 0.85], [0.9, 0.15]])
    zooms = rng.permutation([1.0, rng.uniform(1.1, 1.35)])
    phases, beats = rng.uniform(0, 6.3, 4), rng.uniform(0.6, 2.4, 4)
    shown = []
    count = max(2, round(length_s * RATE))
    for index in range(count):
        share, time_s = index / (count - 1), index / RATE
        shake = np.sin(beats * time_s * 6.3 + phases) * [0.012, 0.008, 0.012, 0.008]
        left, top = (ends[0] * (1 - share) + ends[1] * share) * room
        left, top = left + width * (shake[0] + shake[1]), top + height * (shake[2] + shake[3])
        zoom = zooms[0] * (1 - share) + zooms[1] * share
        matrix = np.array([[1 / zoom, 0, left + width * (1 - 1 / zoom) / 2],
                           [0, 1 / zoom, top + height * (1 - 1 / zoom) / 2]], np.float32)  # fmt: skip
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(laid, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        shown.append(np.asarray(warped, np.uint8))
    return shown


def shots(pictures: Sequence[Picture], lengths_s: Sequence[float], size: tuple[int, int], rng: Rng) -> list[Picture]:
    """One shot after the other."""
    return [
        frame
        for picture, length_s in zip(pictures, lengths_s, strict=True)
        for frame in panned(picture, length_s, size, rng)
    ]


def with_face(scene: Sequence[Picture], face: Picture, rng: Rng, share: float = 0.42) -> list[Picture]:
    """A face laid into moving footage, soft at its edges, wandering; ``share`` of the height."""
    height, width = scene[0].shape[:2]
    side = round(height * share)
    cut = fitted(face, side, side).astype(np.float32)
    mask = np.zeros((side, side), np.float32)
    cv2.ellipse(mask, (side // 2, side // 2), (round(side * 0.38), round(side * 0.46)), 0, 0, 360, 1.0, -1)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), side / 40))[..., None]
    start, end = rng.uniform(0.05, 0.95, (2, 2)) * [width - side, height - side]
    shown = []
    for index, frame in enumerate(scene):
        left, top = np.round(start + (end - start) * index / max(1, len(scene) - 1)).astype(int)
        drawn = frame.copy()
        under = drawn[top : top + side, left : left + side]
        under[:] = np.clip(under * (1 - mask) + cut * mask, 0, 255).astype(np.uint8)
        shown.append(drawn)
    return shown


def at_night(scene: Sequence[Picture], rng: Rng) -> list[Picture]:
    """The same scene with hardly any light, and a sensor that is noisy about it."""
    level, floor = rng.uniform(0.10, 0.18), rng.uniform(4, 10)
    noise = rng.normal(0, 4.0, (8, *scene[0].shape)).astype(np.float32)
    dark = (frame * level + floor + noise[index % 8] for index, frame in enumerate(scene))
    return [np.clip(frame, 0, 255).astype(np.uint8) for frame in dark]


def held(picture: Picture, length_s: float) -> list[Picture]:
    """A picture that stands still."""
    return [picture] * max(1, round(length_s * RATE))


def written(
    size: tuple[int, int], lines: Sequence[str], paper: tuple[int, ...], ink: tuple[int, ...], text_px: int
) -> Picture:
    """Lines of text in the middle of plain paper; colours are RGB."""
    page = Image.new("RGB", size, paper)
    drawing = ImageDraw.Draw(page)
    font = ImageFont.load_default(text_px)
    top = (size[1] - len(lines) * text_px * 1.4) / 2
    for number, line in enumerate(lines):
        left = (size[0] - drawing.textlength(line, font=font)) / 2
        drawing.text((left, top + number * text_px * 1.4), line, fill=ink, font=font)
    return np.ascontiguousarray(np.asarray(page)[..., ::-1])


def bars(size: tuple[int, int]) -> Picture:
    """A test pattern: seven bars over a grey ramp."""
    width, height = size
    colours = [(192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0), (192, 0, 192), (0, 0, 192), (192, 0, 0)]
    pattern = np.zeros((height, width, 3), np.uint8)
    for number, colour in enumerate(colours):
        pattern[: height * 3 // 4, number * width // 7 : (number + 1) * width // 7] = colour
    pattern[height * 3 // 4 :] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    return pattern
