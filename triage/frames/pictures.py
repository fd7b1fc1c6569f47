"""Every picture of a video, upright and with its exact time: for following what moves, and for writing copies.

A picture is decoded when it is asked for and turned into pixels only where somebody looks at it: in BGR, as a small
copy, or as the planes that an encoder takes. Decoding is that of ``pyav``, so what is seen here is what was looked at
there, also where the file is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc, Interpolation, VideoReformatter

from triage.frames import pyav
from triage.frames.orientation import Orientation
from triage.frames.pyav import Decoder
from triage.records import Coverage, Video

Image = npt.NDArray[np.uint8]

SMALL_WIDTH_PX = 320
"""A face of 2 % of the picture's width is then 6 px wide, and of 1080p 1 pixel in 36 is left."""
BYTE_LUMA = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray", "yuv410p", "yuv411p"}
)
"""Formats whose first plane is the luma, a byte for each pixel."""
MATRICES = frozenset({1, 4, 5, 6, 7, 9})
"""Of H.273: those that FFmpeg converts; 709, FCC, 601 twice, 240M, 2020."""
BT709, UNSAID, BT601, RGB = 1, 2, 6, 0
KNOWN_PRIMARIES, KNOWN_TRANSFERS = frozenset(map(int, ColorPrimaries)), frozenset(map(int, ColorTrc))
FALLBACK_LUMA, FALLBACK_CHROMA = 16, 128
"""Black, in place of a picture that FFmpeg cannot convert."""


@dataclass(frozen=True, slots=True)
class Colours:
    """What the numbers in the planes mean, in the terms of H.273; always limited range, 8 bit."""

    matrix: int
    """Never 2 (not said): where the file does not say it, as players take it."""
    primaries: int
    transfer: int


class Picture:
    """One decoded picture. Its pixels are made at the first look, by one thread at a time, and kept."""

    def __init__(
        self, frame: VideoFrame, at: Fraction, *, lasts: Fraction, is_last: bool, source: PictureSource
    ) -> None:
        self._frame, self._source = frame, source
        self.at = at
        """Exact seconds on the clock of ``time_ms``; differences are those of the file's own times."""
        self.time_ms = round(at * 1000)
        """As ``Frame.time_ms`` of the same picture."""
        self.lasts = lasts
        """Seconds until the next picture; of the last, on the file's word, or as long as pictures usually stay."""
        self.is_last = is_last
        self.is_damaged = bool(frame.is_corrupt)
        """Parts of it were made up by the decoder."""
        self.is_key = bool(frame.key_frame)
        """It was coded without any other."""

    @property
    def end_ms(self) -> int:
        """When the next picture takes its place; later than ``time_ms``."""
        return max(round((self.at + self.lasts) * 1000), self.time_ms + 1)

    @cached_property
    def image(self) -> Image:
        """(H, W, 3) BGR, upright, of the size that the video states, read-only; black if it cannot be converted."""
        return self._source.bgr(self._frame)

    @cached_property
    def small(self) -> Image:
        """(H', W') luma, upright and read-only, the longer side at most 320 px; a cell is a mean of what it covers."""
        return self._source.small(self._frame)

    def planes(self, width_px: int, height_px: int) -> tuple[Image, Image, Image]:
        """Luma (H, W) and two chroma planes ((H + 1) // 2, (W + 1) // 2) in the source's ``colours``, upright.

        They may be the decoder's own memory: not to be written to.

        Args:
            width_px: of the upright picture that is wanted; scaled if it is not the stored size.
            height_px: likewise.
        """
        return self._source.planes(self._frame, width_px, height_px)


class PictureSource:
    """The pictures of one video, read once, in the order in which they are shown."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._small, self._planes = VideoReformatter(), VideoReformatter()
        self._is_done = False
        self._is_read = False
        self._colours = _colours(decoder.first)
        self.unconverted = 0
        """Pictures that FFmpeg could not convert and that are black instead."""

    @property
    def decoder(self) -> Decoder:
        """Where the pictures come from."""
        return self._decoder

    @property
    def video(self) -> Video:
        """Size of the upright picture, in stored pixels, and their aspect."""
        return self._decoder.video

    @property
    def time_base(self) -> Fraction | None:
        """Seconds in one unit of the file's own times; None where it has none."""
        return self._decoder.time_base

    @property
    def usual_s(self) -> Fraction:
        """How long a picture usually stays, in seconds, on the header's word."""
        return self._decoder.picture_ms / 1000

    @property
    def colours(self) -> Colours:
        """Of ``Picture.planes``, the same for all: what the first picture says."""
        return self._colours

    def __iter__(self) -> Iterator[Picture]:
        """Every picture that can be decoded; memory does not grow.

        Read in the main thread, Ctrl-C may be lost inside the decoder; ``ahead`` reads it in another.

        Raises:
            VideoError: NOT_OPENED, the system refused to read any further.
            ValueError: asked for a second time.
        """
        if self._is_read:
            raise ValueError("pictures are read once; open the video again")
        self._is_read = True
        return self._all()

    def coverage(self) -> Coverage:
        """How much of the video the pictures came from, and what was damaged.

        Raises:
            ValueError: the pictures have not been read to their end.
        """
        if not self._is_done:
            raise ValueError("coverage is known when the pictures have been read to their end")
        return self._decoder.tally.coverage(0)

    def _all(self) -> Iterator[Picture]:
        waiting: tuple[VideoFrame, Fraction] | None = None
        for frame, at_ms in self._decoder.timed():
            if waiting:
                yield self._picture(*waiting, stay_ms=at_ms - waiting[1])
            waiting = frame, at_ms
        if waiting:
            last = self._picture(*waiting, stay_ms=self._decoder.stay_ms(waiting[0], round(waiting[1])), is_last=True)
            self._decoder.end(last.end_ms)
            self._is_done = True
            yield last

    def _picture(self, frame: VideoFrame, at_ms: Fraction, *, stay_ms: Fraction, is_last: bool = False) -> Picture:
        self._decoder.tally.sampled += 1
        return Picture(frame, at_ms / 1000, lasts=stay_ms / 1000, is_last=is_last, source=self)

    def bgr(self, frame: VideoFrame) -> Image:
        """See ``Picture.image``."""
        try:
            return self._decoder.upright(frame)
        except av.FFmpegError:
            self.unconverted += 1
            image = np.zeros((self.video.height_px, self.video.width_px, 3), np.uint8)
            image.flags.writeable = False
            return image

    def small(self, frame: VideoFrame) -> Image:
        """See ``Picture.small``."""
        turn = self._decoder.orientation(frame)
        width, height = turn.upright_wh(self.video.width_px, self.video.height_px)
        width, height = small_wh(width, height)
        try:
            if frame.format.name in BYTE_LUMA and frame.planes[0].line_size > 0:
                stored = cv2.resize(pyav.plane(frame, 0), (width, height), interpolation=cv2.INTER_AREA)
            else:
                grey = self._small.reformat(
                    frame, width, height, format="gray", interpolation=Interpolation.AREA, threads=1
                )
                stored = pyav.plane(grey, 0)
        except av.FFmpegError:
            stored = np.zeros((height, width), np.uint8)
        small = _turned(turn, np.asarray(stored, np.uint8))
        small.flags.writeable = False
        return small

    def planes(self, frame: VideoFrame, width_px: int, height_px: int) -> tuple[Image, Image, Image]:
        """See ``Picture.planes``."""
        turn = self._decoder.orientation(frame)
        width, height = turn.upright_wh(width_px, height_px)
        try:
            converted = self._as_yuv(frame, width, height)
        except av.FFmpegError:
            self.unconverted += 1
            half = ((height_px + 1) // 2, (width_px + 1) // 2)
            black = np.full((height_px, width_px), FALLBACK_LUMA, np.uint8)
            return black, np.full(half, FALLBACK_CHROMA, np.uint8), np.full(half, FALLBACK_CHROMA, np.uint8)
        luma, blue, red = (_turned(turn, pyav.plane(converted, index)) for index in range(3))
        return luma, blue, red

    def _as_yuv(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        """The stored picture as yuv420p of this size in our colours; itself, if it is that already."""
        matrix, wanted = _matrix(frame), self.colours.matrix
        is_same = (frame.format.name, frame.width, frame.height, matrix) == ("yuv420p", width, height, wanted)
        if is_same and frame.color_range != ColorRange.JPEG and frame.planes[0].line_size > 0:
            return frame
        if matrix not in {RGB, *MATRICES}:
            # FFmpeg has no way from these but through RGB, as ``image`` goes too.
            frame, matrix = self._planes.reformat(frame, format="bgr24", threads=1), RGB
        return self._planes.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            src_colorspace=None if matrix == RGB else _SCALER[matrix],
            dst_colorspace=_SCALER[wanted],
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.AREA if width < frame.width else Interpolation.BILINEAR,
            threads=1,
        )


def small_wh(width_px: int, height_px: int) -> tuple[int, int]:
    """Size of the small copy of a picture of this size."""
    share = min(1.0, SMALL_WIDTH_PX / max(width_px, height_px))
    return max(1, round(width_px * share)), max(1, round(height_px * share))


_SCALER = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
"""H.273's number of a matrix -> libswscale's."""


def _matrix(frame: VideoFrame) -> int:
    """The matrix of a picture, as ``pyav`` takes it where the file does not say."""
    if frame.format.is_rgb:
        return RGB
    if frame.colorspace == UNSAID:
        return BT709 if pyav.colorspace(frame) else BT601
    return int(frame.colorspace)


def _colours(first: VideoFrame) -> Colours:
    """What planes made of this picture, and of all that follow, are to be taken as."""
    matrix = _matrix(first)
    if matrix not in MATRICES:
        matrix = BT709 if first.height > 576 else BT601
    primaries = first.color_primaries if first.color_primaries in KNOWN_PRIMARIES else UNSAID
    transfer = first.color_trc if first.color_trc in KNOWN_TRANSFERS else UNSAID
    return Colours(matrix, int(primaries), int(transfer))


def _turned(turn: Orientation, plane: Image) -> Image:
    """A plane (H, W) turned upright; itself, where it is upright already."""
    if turn.quarter_turns == 0 and not turn.is_mirrored:
        return plane
    mirrored = cv2.flip(plane, 1) if turn.is_mirrored else plane
    codes = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
    turned = cv2.rotate(mirrored, codes[turn.quarter_turns]) if turn.quarter_turns else mirrored
    return np.asarray(turned, np.uint8)


@contextmanager
def open_pictures(
    path: Path, video_id: str, *, is_undamaged: bool = False, is_rough: bool = False
) -> Iterator[PictureSource]:
    """This file's pictures; the file is only read, as ``open_video`` does it.

    Args:
        is_undamaged, is_rough: what may be done to be faster; see ``pyav.open_decoder``.

    Raises:
        VideoError: there is no picture to look at; ``kind`` says why.
    """
    with pyav.open_decoder(path, video_id, is_undamaged=is_undamaged, is_rough=is_rough) as decoder:
        yield PictureSource(decoder)


@contextmanager
def open_stream(
    file: BinaryIO, video_id: str, *, is_undamaged: bool = False, is_rough: bool = False
) -> Iterator[PictureSource]:
    """The same of a file that is open already, in the calling thread; as ``pyav.open_stream``."""
    with pyav.opened_stream(file, video_id) as (container, known):
        yield PictureSource(Decoder(container, known, is_undamaged=is_undamaged, is_rough=is_rough))
