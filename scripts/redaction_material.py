# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clips whose faces are known on every picture: real ones, enlarged ones, drawn ones with a photograph in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from redaction_clips import AT_LEAST, SIDE, known_boxes, see
from redaction_scenes import FPS, HEIGHT, LEAST_SEEN, WIDTH, Shown, draw

from triage.frames.pictures import open_pictures
from triage.geometry import Box

HEAD = 0.2
"""Of a face, what a head that is pasted into a drawn scene has beside it on each side."""
TURNED = 95 / 160
"""Of a drawn head's width, how far its features slide when it is turned to one side."""
FULL_HD = (1920, 1080)
TOP = 0.08
"""Of what is cut off above and below a clip that is enlarged to 16:9, how much of it above: faces are high up."""
NOISE = 2.0
"""Standard deviation, in levels, of the noise of a camera, which enlarged pictures lack."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A video, and what must be covered on each of its pictures."""

    name: str
    path: Path
    times_ms: Sequence[int]
    known: Sequence[Sequence[Box]]
    wh: tuple[int, int]


def write_clip(path: Path, pictures: Iterable[NDArray[np.uint8]]) -> None:
    """H.264 as a telephone writes it, ``FPS`` pictures a second, from (H, W, 3) BGR or (H, W) grey."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "18"})
        assert isinstance(stream, VideoStream)
        for index, image in enumerate(pictures):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "gray" if image.ndim == 2 else "bgr24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def drawn(name: str, seed: int, face: NDArray[np.uint8] | None, folder: Path) -> Clip:
    """A drawn scene; no detector of faces takes the patch that moves in it for one, unless it shows a photograph."""
    with patch("redaction_scenes._face", lambda _: face) if face is not None else nullcontext():
        shown = list(draw(name, seed))
    path = folder / f"{name}-{seed}.mp4"
    write_clip(path, (picture.image for picture in shown))
    found = [picture.box if face is None else _face_of(picture) for picture in shown]
    boxes = [[] if box is None else [box] for box in found]
    return Clip(path.stem, path, [picture.time_ms for picture in shown], boxes, (WIDTH, HEIGHT))


def _face_of(picture: Shown) -> Box | None:
    """Where the face is that is pasted on a drawn head and slides to its side as it turns; None: it is hardly there."""
    if picture.box is None:
        return None
    head, edge = picture.box, HEAD / (1 + 2 * HEAD)
    left, right = (min(max(side - TURNED * picture.turn, 0.0), 1.0) for side in (edge, 1 - edge))
    if right - left < LEAST_SEEN * (1 - 2 * edge):
        return None
    y0, y1 = head.y0 + edge * head.height, head.y1 - edge * head.height
    return Box(head.x0 + left * head.width, y0, head.x0 + right * head.width, y1)


def pasted(photo: Path, detector: Path) -> NDArray[np.uint8]:
    """(200, 400) grey: the head in a photograph in the middle, a plain grey where its sides and back would be."""
    image = cv2.imread(str(photo))
    if image is None:
        raise SystemExit(f"{photo} is no picture that can be read")
    finder = cv2.FaceDetectorYN.create(str(detector), "", (SIDE, SIDE), AT_LEAST)
    scale = SIDE / max(image.shape[:2])
    square = np.full((SIDE, SIDE, 3), 114, np.uint8)
    small = cv2.resize(image, None, fx=scale, fy=scale)[:SIDE, :SIDE]
    square[: small.shape[0], : small.shape[1]] = small
    _, faces = finder.detect(square)
    if faces is None:
        raise SystemExit(f"{photo}: no face was found in it")
    x, y, width, height = max(faces, key=lambda face: face[2] * face[3])[:4] / scale
    # Warped rather than cut, since the head may reach beyond the photograph.
    across, down = 160 / (width * (1 + 2 * HEAD)), 200 / (height * (1 + 2 * HEAD))
    matrix = np.array([[across, 0, -(x - HEAD * width) * across], [0, down, -(y - HEAD * height) * down]])
    panorama = np.full((200, 400), 60, np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    panorama[:, 120:280] = cv2.warpAffine(
        grey, matrix, (160, 200), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    return panorama


def real(path: Path, detector: Path, kept: Path) -> Clip:
    seen = see(path, detector, kept)
    return Clip(path.stem, path, seen.times_ms, known_boxes(seen), seen.wh)


def full_hd(clips: Sequence[Path], target: Path, seconds: float) -> Path:
    """The pictures of all these, one clip after the other, cut to 16:9 and enlarged to 1080p30, with noise."""
    noise = np.random.default_rng(1).normal(0, NOISE, (FULL_HD[1] + 64, FULL_HD[0] + 64)).astype(np.int16)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for index, image in enumerate(islice(_images(clips), round(seconds * FPS))):
            height = min(image.shape[0], image.shape[1] * 9 // 16)
            top = round((image.shape[0] - height) * TOP)
            large = cv2.resize(image[top : top + height], FULL_HD, interpolation=cv2.INTER_CUBIC)
            y, x = 37 * index % 64, 23 * index % 64
            grain = noise[y : y + FULL_HD[1], x : x + FULL_HD[0], None]
            yield np.clip(large.astype(np.int16) + grain, 0, 255).astype(np.uint8)

    write_clip(target, pictures())
    return target


def _images(clips: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
    for clip in clips:
        with open_pictures(clip, "0" * 64) as source:
            yield from (picture.image for picture in source)
