"""Pictures, covers, sound -> an MP4 that any browser plays, with nothing of the original's but what is seen and heard.

A copy is written to the path that is given and to no other; what could not be finished is removed again. The picture's
planes go to the encoder as they were decoded, and only what is covered is turned into colours and back (``planes``).
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TypeVar

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.codec.context import ThreadType
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from triage.durable import no_room
from triage.errors import RedactionError
from triage.geometry import Box
from triage.phrases import clock
from triage.records import Style, Video
from triage.redaction.mark import stamp
from triage.redaction.planes import Image, Planes, cover_planes
from triage.redaction.shape import ELSE_TICKS, Shape, ticks_per_second
from triage.redaction.sound import Track
from triage.redaction.styles import registry

ENCODER = {"preset": "ultrafast", "coder": "1", "deblock": "0:0", "crf": "25", "bf": "0", "a53cc": "0"}
"""The fastest preset with arithmetic coding and deblocking switched on again: two thirds of the processor time of
``superfast`` at about the same quality and size (``scripts/bench_writer.py``). Without B pictures the order of decoding
is that of showing, so parts can be joined as they are. Captions of the original are not taken over."""
GROUP = 60
"""Pictures from one key picture to the next at the most; a reviewer jumps about."""
LONGEST_TICKS = 2**31 - 1
"""MP4 cannot say that a picture stays longer."""
MUXER = {"movflags": "+faststart", "fflags": "+bitexact"}
"""``bitexact`` leaves out the name and version of what wrote the file."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM})
USUAL_S = Fraction(1, 1000), Fraction(10)
"""Between these, how long a picture usually stays is a hint to the encoder."""


class Colours(Protocol):
    """What the numbers in the planes mean, in the terms of H.273; limited range."""

    @property
    def matrix(self) -> int: ...
    @property
    def primaries(self) -> int: ...
    @property
    def transfer(self) -> int: ...


class Picture(Protocol):
    """One picture of an original; ``frames.pictures.Picture`` is one."""

    @property
    def at(self) -> Fraction: ...
    @property
    def time_ms(self) -> int: ...
    @property
    def lasts(self) -> Fraction: ...
    @property
    def end_ms(self) -> int: ...
    def planes(self, width_px: int, height_px: int) -> tuple[Image, Image, Image]: ...


class Original(Protocol):
    """What is the same for all pictures; ``frames.pictures.PictureSource`` is one."""

    @property
    def video(self) -> Video: ...
    @property
    def time_base(self) -> Fraction | None: ...
    @property
    def usual_s(self) -> Fraction: ...
    @property
    def colours(self) -> Colours: ...


AnyPicture = TypeVar("AnyPicture", bound=Picture)
Covers = Callable[[Picture], Mapping[Style, Sequence[Box]]]
"""What is to be covered in a picture: boxes in upright stored pixels, by style."""


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in a file that was just written."""

    pictures: int
    covered: int | None
    """Pictures in which something was covered; None of joined parts: who wrote them knows."""
    width_px: int
    height_px: int
    start_ms: int
    """Of the first picture, on the original's clock."""
    end_ms: int
    """Of the last picture's end."""
    shift_ms: int
    """What is to be added to times seen in this file to have the original's: when its first picture or sound comes."""
    remarks: tuple[str, ...] = ()


def write_copy(
    original: Original,
    pictures: Iterable[Picture],
    target: Path,
    covers: Covers,
    *,
    sound: Track | None = None,
    has_mark: bool = True,
) -> Written:
    """Write these pictures, covered, as H.264 in MP4, and the sound beside them.

    Args:
        original: where the pictures are from.
        pictures: all of them, or those of a part that ``join_copies`` will join to the others; read once, in order.
        target: a name under which nothing stands yet.
        covers: asked once for each picture, in order.
        sound: None: a file without sound; parts have none.
        has_mark: the words "REVIEW COPY, masked" in a corner.

    Raises:
        RedactionError: no copy could be made of these pictures; nothing stands at the target.
        CaseFullError, CaseError: the target cannot be written, or the disk is full; nothing stands at the target.
        VideoError: the system refused to read the original any further; likewise.
    """
    shape = Shape.of(original.video.width_px, original.video.height_px)
    ticks = ticks_per_second(original.time_base)
    painter = _Painter(shape, original.colours.matrix, covers, has_mark=has_mark)
    with _appearing(target), _container(target, ticks) as container:
        encoder = _Encoder(container, original, shape, ticks)
        if sound:
            sound.add_to(container)
        first: Picture | None = None
        count, end_ms = 0, 0
        for picture in pictures:
            encoder.encode(painter.frame(picture), picture)
            _mux_all(container, sound.until(picture.at) if sound else ())
            first, count, end_ms = first or picture, count + 1, picture.end_ms
        if first is None:
            raise RedactionError("there is no picture in what was to be copied: no copy was written")
        encoder.finish()
        _mux_all(container, sound.rest() if sound else ())
    return Written(
        pictures=count,
        covered=painter.covered,
        width_px=shape.coded_wh[0],
        height_px=shape.coded_wh[1],
        start_ms=first.time_ms,
        end_ms=end_ms,
        shift_ms=_shift_ms(first.at, sound),
        remarks=(*shape.remarks, *(sound.remarks if sound else ())),
    )


def in_parts(pictures: Iterable[AnyPicture], part_ms: int) -> Iterator[tuple[int, Iterator[AnyPicture]]]:
    """The pictures of each stretch of so many milliseconds, with its number; stretches without one are left out.

    A part that is not read is decoded and passed over when the next one is asked for.
    """
    return groupby(pictures, key=lambda picture: picture.time_ms // part_ms)


def join_copies(parts: Sequence[Path], target: Path, *, sound: Track | None = None) -> Written:
    """Put parts that ``write_copy`` wrote into one file, without encoding their pictures again.

    Args:
        parts: in order; none of them is changed.
        target: a name under which nothing stands yet.
        sound: of the whole original.

    Raises:
        RedactionError: the parts do not belong together or one is damaged; nothing stands at the target.
        CaseFullError, CaseError: the target cannot be written, or the disk is full; likewise.
        VideoError: the system refused to read the original any further; likewise.
    """
    with _part(parts[0]) as first, _appearing(target), _container(target, first.ticks) as container:
        stream = container.add_stream_from_template(first.stream, opaque=True)
        if sound:
            sound.add_to(container)
        start = end = count = 0
        for packet in _joined(parts, first):
            start, count = (start if count else packet.pts or 0), count + 1
            end = (packet.pts or 0) + (packet.duration or 0)
            at = Fraction(packet.pts or 0, first.ticks)
            packet.stream = stream
            container.mux(packet)
            _mux_all(container, sound.until(at) if sound else ())
        _mux_all(container, sound.rest() if sound else ())
        width, height = stream.width, stream.height
    return Written(
        pictures=count,
        covered=None,
        width_px=width,
        height_px=height,
        start_ms=round(Fraction(start * 1000, first.ticks)),
        end_ms=round(Fraction(end * 1000, first.ticks)),
        shift_ms=_shift_ms(Fraction(start, first.ticks), sound),
        remarks=sound.remarks if sound else (),
    )


class _Painter:
    """Decoded pictures -> what the encoder is given, covered."""

    def __init__(self, shape: Shape, matrix: int, covers: Covers, *, has_mark: bool) -> None:
        self._shape, self._matrix, self._covers, self._has_mark = shape, matrix, covers, has_mark
        self.covered = 0

    def frame(self, picture: Picture) -> VideoFrame:
        """The covered picture, in memory of its own: later pictures are decoded from what was decoded.

        A fresh frame also carries nothing along: no captions, no time code, no wish to be a key picture.
        """
        frame = VideoFrame(*self._shape.coded_wh, "yuv420p")
        luma, blue, red = (_writable(frame, index) for index in range(3))
        for whole, shown in zip((luma, blue, red), picture.planes(*self._shape.shown_wh), strict=True):
            height, width = shown.shape
            whole[:height, :width] = shown
            whole[height:, :width] = shown[-1:]
            whole[:, width:] = whole[:, width - 1 : width]
        planes = Planes(luma, blue, red, self._matrix)
        boxes = {style: [self._shape.placed(box) for box in given] for style, given in self._covers(picture).items()}
        self.covered += cover_planes(planes, boxes, registry.cover)
        if self._has_mark:
            stamp(planes)
        return frame


class _Encoder:
    """Frames -> coded pictures in a container."""

    def __init__(self, container: OutputContainer, original: Original, shape: Shape, ticks: int) -> None:
        self._container, self._ticks = container, ticks
        usual_s = min(max(original.usual_s, USUAL_S[0]), USUAL_S[1])
        stream = container.add_stream("libx264", rate=(1 / usual_s).limit_denominator(10_000), options=ENCODER)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = shape.coded_wh
        stream.pix_fmt, stream.gop_size = "yuv420p", GROUP
        stream.time_base = stream.codec_context.time_base = Fraction(1, ticks)
        # Else x264 cuts pictures into as many slices as there are processors.
        stream.codec_context.thread_type = ThreadType.FRAME
        stream.codec_context.sample_aspect_ratio = shape.pixel_aspect(original.video.pixel_aspect)
        colours = original.colours
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.colorspace = colours.matrix
        stream.codec_context.color_primaries, stream.codec_context.color_trc = colours.primaries, colours.transfer
        self._stream = stream
        self._without_name: BitStreamFilterContext | None = None
        self._waiting: deque[tuple[int, int]] = deque()
        """Time and stay of pictures that the encoder has not given yet."""

    def encode(self, frame: VideoFrame, picture: Picture) -> None:
        start, end = round(picture.at * self._ticks), round((picture.at + picture.lasts) * self._ticks)
        if end - start > LONGEST_TICKS:
            raise RedactionError(
                f"the picture at {clock(picture.time_ms)} stays for {clock(picture.end_ms - picture.time_ms)}, longer"
                " than a copy can say; its times are probably damaged: no copy was written"
            )
        frame.pts, frame.time_base = start, Fraction(1, self._ticks)
        self._waiting.append((start, max(1, end - start)))
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Take what the encoder still holds back."""
        self._mux(self._stream.encode(None))
        assert not self._waiting, "a coded picture for each"

    def _mux(self, packets: Iterable[Packet[VideoStream]]) -> None:
        for packet in packets:
            start, packet.duration = self._waiting.popleft()
            assert packet.pts == packet.dts == start, "without B pictures they come in order"
            if self._without_name is None:
                # x264 writes its name and settings into the first picture, as supplementary information (type 6).
                self._container.start_encoding()
                self._without_name = BitStreamFilterContext("filter_units=remove_types=6", in_stream=self._stream)
            for clean in self._without_name.filter(packet):
                clean.stream = self._stream
                self._container.mux(clean)


@contextmanager
def _appearing(target: Path) -> Iterator[None]:
    """Make the file; it is on the disk when the block is left, and gone if it is left by an error."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise RedactionError(f"{target} exists already, and nothing is written over: remove it first") from error
    except OSError as error:
        raise no_room(target, error) from error
    try:
        yield
        _sync(target)
    except BaseException:
        with suppress(OSError):  # it must not hide what went wrong before
            target.unlink()
        raise


def _sync(target: Path) -> None:
    try:
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise no_room(target, error) from error


@contextmanager
def _container(target: Path, ticks: int) -> Iterator[OutputContainer]:
    """An MP4 to write to; finished when the block is left."""
    options = {**MUXER, "movie_timescale": str(ticks)}
    try:
        container = av.open(str(target.absolute()), "w", format="mp4", container_options=options)
        try:
            yield container
        except BaseException:
            with suppress(av.FFmpegError):
                container.close()
            raise
        _close(container)
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise no_room(target, error) from error
        raise RedactionError(
            f"the copy could not be written: {error.strerror or error}; nothing of it is left"
        ) from error


def _close(container: OutputContainer) -> None:
    container.close()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that was written before, opened."""

    container: InputContainer
    stream: VideoStream

    @property
    def ticks(self) -> int:
        return self.stream.time_base.denominator if self.stream.time_base else ELSE_TICKS

    @property
    def coding(self) -> tuple[object, ...]:
        """What must be the same in all parts."""
        stream = self.stream
        return stream.codec_context.extradata, stream.time_base, stream.width, stream.height

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Its coded pictures.

        Raises:
            RedactionError: they are not all there.
        """
        packets, count = self.container.demux(self.stream), 0
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                raise _damaged() from error
            if packet is None:
                break
            if packet.size:
                count += 1
                yield packet
        if count != self.stream.frames:
            raise _damaged()


@contextmanager
def _part(path: Path) -> Iterator[_Part]:
    try:
        container = av.open(str(path.absolute()), format="mp4", container_options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        raise _damaged() from error
    with container:
        if not container.streams.video:
            raise _damaged()
        yield _Part(container, container.streams.video[0])


def _joined(parts: Sequence[Path], first: _Part) -> Iterator[Packet[VideoStream]]:
    """The coded pictures of all parts, each later than the one before."""
    before: int | None = None
    for path in parts:
        with _part(path) as part:
            if part.coding != first.coding:
                raise RedactionError("the parts of the copy are coded in different ways: make the copy anew")
            for packet in part.packets():
                if packet.pts is None or (before is not None and packet.pts <= before):
                    raise RedactionError("a part of the copy does not come after the one before it: make the copy anew")
                before = packet.pts
                yield packet


def _damaged() -> RedactionError:
    # It is not named: parts lie where nobody sees them, and go with what could not be finished.
    return RedactionError("a part of the copy is damaged: run the same command again, and it is made anew")


def _mux_all(container: OutputContainer, packets: Iterable[Packet[Any]]) -> None:
    for packet in packets:
        container.mux(packet)


def _writable(frame: VideoFrame, index: int) -> Image:
    plane = frame.planes[index]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def _shift_ms(first_at: Fraction, sound: Track | None) -> int:
    starts = min(first_at, sound.starts) if sound and sound.starts is not None else first_at
    return round(starts * 1000)
