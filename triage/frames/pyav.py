"""PyAV as a source of frames: the only place that reads a video with it, and where FFmpeg's errors become ours.

FFmpeg is given bytes, never a name or a path: it judges by content, it cannot write, and whatever else a file asks for
(a segment, a playlist, a URL) is refused. Its log is left switched off, PyAV's default: pictures carry their own
mark of damage, and taking the log from decoder threads can lock up (they wait for Python, Python waits for them).
"""

from __future__ import annotations

import errno
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Never, TypeVar, cast

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Discard, Disposition, Stream
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from triage.errors import VideoError
from triage.frames import content, luma, orientation, refusal
from triage.frames.dates import made_at
from triage.frames.grid import Grid, read_alpha, read_grid
from triage.frames.orientation import Orientation
from triage.frames.outline import Outline, read_outline
from triage.frames.source import FrameSource
from triage.frames.tally import Claim, Tally
from triage.frames.times import LONGEST_MS, Chooser, Clock, Glimpse, longest_gap_ms
from triage.original import open_original, unread
from triage.records import OUT_OF_MEMORY, Coverage, Frame, Video
from triage.settings import Mode, Sampling

Result = TypeVar("Result")

READ_BYTES = 1 << 18
"""Read at once; on a 10 s clip of 1080p, reading through Python cost the same as by path, from 32 KiB to 1 MiB."""
DECODER_THREADS = 4
"""Threads within one picture, never one per picture: with those FFmpeg 8.1 fills damaged pictures with whatever its
other threads have done so far. In 25 runs one damaged H.264 came in 6 versions, one MPEG-4 in 3."""
THREADED = frozenset({"vp8", "vp9", "hevc", "av1", "libdav1d", "vvc"})
"""Codecs that gain from threads within one picture and do not invent what is missing of it. H.264 and MPEG-4 do invent
it, and with such threads too a damaged picture once came out otherwise on a busy machine; five H.264 clips decoded no
faster with 4 of them than with 1 (0.92 to 1.03 of the time)."""
PICTURE_THREADS = 2
"""Threads for a picture each, where nothing is damaged and nothing is to be invented: a picture of 1080p took 2.9 ms
instead of 4.4 on two cores. Each thread holds a picture more."""
MOST_PIXELS = 16384 * 8192
"""Larger pictures are refused before memory is taken for them; the largest cameras make 100 to 150 million pixels."""
MOST_READ_ERRORS = 1000
"""As many errors in a row, without one good piece between them, are taken for the end; each steps over one piece."""
SLOWEST = Fraction(1, 24 * 3600)
"""Pictures per second; a header that states less than one a day is not believed."""
ENCRYPTED_TRIES = 500
"""After as many pieces without a picture, a file marked as encrypted is not tried further."""

NOT_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails
"""Video streams that are a cover or previews."""

CLAIMING = frozenset({"mov", "mp4", "matroska", "webm", "avi", "asf", "flv", "mxf", "rm", "wtv", "amv"})
"""Containers whose header says how long they are. For the others FFmpeg makes the duration up from what it finds at the
end of the file, or from the bit rate: that is no claim, a file cut in half would meet it."""

TEXTS = frozenset({"adf", "bin", "idf", "tty", "xbin", "ffmetadata", "svg_pipe"})
SUBTITLES = frozenset(
    {"aqtitle", "ass", "dvbsub", "dvbtxt", "jacosub", "lrc", "mcc", "microdvd", "mpl2", "mpsub", "pjs"}
)
MORE_SUBTITLES = frozenset(
    {"realtext", "sami", "scc", "srt", "stl", "subviewer", "sup", "tedcaptions", "vobsub", "webvtt"}
)
OTHER_FILES = frozenset({"concat", "dash", "hls", "image2", "imf", "rtp", "rtsp", "sap", "sdp", "webm_dash_manifest"})
DEVICES = frozenset({"alsa", "fbdev", "kmsgrab", "lavfi", "oss", "video4linux2", "v4l2", "x11grab"})
SHAPELESS = frozenset({"bitpacked", "cdg", "data", "image2pipe", "rawvideo", "sbg", "v210", "v210x"})
NOT_READ = TEXTS | SUBTITLES | MORE_SUBTITLES | OTHER_FILES | DEVICES | SHAPELESS
"""FFmpeg's readers that are switched off: those that paint text, open other files or devices, or take any bytes for
samples."""


class _OtherFileError(Exception):
    """The file asks for another file or an address, which is the message."""


class _Nameless:
    """A file without its name, for reading only.

    Whatever goes wrong here is remembered, and the file seems to end: an exception would have to find its way through
    FFmpeg, which now and then drops it. So after every step of FFmpeg's, before anything is concluded from it, it is
    asked for with ``check``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell = file.tell
        self._failure: BaseException | None = None
        self._is_left = False

    def read(self, size: int) -> bytes:
        if self._failure or self._is_left:
            return b""
        try:
            return self._file.read(size)
        except BaseException as error:  # noqa: BLE001  raised again by ``check``
            self._failure = error
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where the file is then, or a negative error number: damaged files ask for places before their beginning."""
        try:
            return self._file.seek(offset, whence)
        except BaseException as error:  # noqa: BLE001  raised again by ``check``
            number = error.errno if isinstance(error, OSError) else None
            if number != errno.EINVAL:
                self._failure = error
            return -(number or errno.EIO)

    def check(self, reached_ms: int = 0) -> None:
        """Raise what went wrong while FFmpeg read.

        Args:
            reached_ms: up to where pictures have come.

        Raises:
            VideoError: NOT_OPENED, the system refused to read.
        """
        if isinstance(self._failure, OSError):
            error = self._failure
            raise (refusal.no_longer_read(error, reached_ms) if reached_ms else unread(error)) from error
        if self._failure:
            raise self._failure

    def leave(self) -> None:
        """The file seems to end here, so that whoever is reading stops soon."""
        self._is_left = True


@contextmanager
def open_video(path: Path, video_id: str, sampling: Sampling) -> Iterator[FrameSource]:
    """A source of this file's frames, its first picture decoded; the file is only read, whatever it says.

    Args:
        path: the file; its name plays no part.
        video_id: SHA-256 of the file, 64 hex digits.
        sampling: which moments to look at.

    Raises:
        VideoError: there is no picture to look at; ``kind`` says why. All that is about the file is raised here;
            ``frames`` raises only when the system refuses to read any further.
    """
    with opened(path, video_id) as (container, file):
        yield _apart(lambda: _PyavSource(container, file, sampling), file.bytes_read)


@contextmanager
def open_stream(file: BinaryIO, video_id: str, sampling: Sampling) -> Iterator[_PyavSource]:
    """The same of a file that is open already, decoded in the calling thread: for a process that Ctrl-C does not reach.

    Args:
        file: is read and sought in, no more.
        video_id: as in ``open_video``; the video's path is empty.
        sampling: which moments to look at.

    Raises:
        VideoError: as ``open_video``.
    """
    with opened_stream(file, video_id) as (container, known):
        yield _PyavSource(container, known, sampling)


@contextmanager
def open_decoder(path: Path, video_id: str, *, is_undamaged: bool = False, is_rough: bool = False) -> Iterator[Decoder]:
    """All pictures of this file, opened as ``open_video`` does it.

    Args:
        is_undamaged: every picture was decoded before and none was damaged, so that several can be decoded at once. If
            it is not so, the coverage says it, and the pictures are not to be used.
        is_rough: H.264 without its smoothing of block edges, in three quarters of the time: for measuring movements.

    Raises:
        VideoError: there is no picture to look at; ``kind`` says why.
    """
    with opened(path, video_id) as (container, file):
        yield _apart(lambda: Decoder(container, file, is_undamaged=is_undamaged, is_rough=is_rough), file.bytes_read)


@contextmanager
def opened(path: Path, video_id: str) -> Iterator[tuple[InputContainer, Known]]:
    """This file in FFmpeg's hands, and what is known of it; the container is closed with the block.

    Raises:
        VideoError: it cannot be opened; ``kind`` says why.
    """
    with open_original(path) as original:
        file = _read_beginning(path, video_id, original)
        with _apart(lambda: _open_container(file), file.bytes_read) as container:
            yield container, file


@contextmanager
def opened_stream(file: BinaryIO, video_id: str) -> Iterator[tuple[InputContainer, Known]]:
    """The same of a file that is open already, in the calling thread; as for ``open_stream``."""
    known = _read_beginning(Path(), video_id, file)
    with _open_container(known) as container:
        yield container, known


def _apart(call: Callable[[], Result], file: _Nameless) -> Result:
    """What ``call`` returns or raises, made in a thread of its own.

    Ctrl-C is raised in the main thread alone, there wherever Python code runs next: inside FFmpeg, that is the first
    instruction of ``_Nameless.read``, before its ``try``, and PyAV drops it. Of 300 interrupted readings 12 ended so,
    quietly and early, and 1 in the ``try``.
    """
    with ThreadPoolExecutor(1, "opening") as thread:
        coming = thread.submit(call)
        try:
            return coming.result()
        except BaseException:
            file.leave()
            raise


def _read_beginning(path: Path, video_id: str, file: BinaryIO) -> Known:
    """What is known of a file before FFmpeg is given it."""
    try:
        head = _read_head(file)
        known = read_outline(file), read_grid(file), read_alpha(file)
    except OSError as error:
        raise unread(error) from error
    return Known(path, video_id, head, *known, _Nameless(file))


def _read_head(file: BinaryIO) -> bytes:
    head = file.read(content.HEAD_BYTES)
    if not head:
        raise refusal.empty()
    if content.text_kind(head):
        raise refusal.not_media(head)
    return head


def _open_container(file: Known) -> InputContainer:
    try:
        container = av.open(
            file.bytes_read,
            "r",
            options={"max_pixels": str(MOST_PIXELS)},
            container_options=_container_options(),
            metadata_errors="replace",
            buffer_size=READ_BYTES,
            io_open=_refuse_other_file,
        )
    except (av.FFmpegError, ValueError) as error:
        file.bytes_read.check()
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, MemoryError):
            reason = f"it {OUT_OF_MEMORY}"
        raise refusal.no_header(file.head, file.outline, reason) from error
    except _OtherFileError as error:
        raise refusal.asks_for_others(str(error)) from error
    file.bytes_read.check()
    return container


def _container_options() -> dict[str, str]:
    """FFmpeg's own locks: readers that it may not use, and no way to reach a file or the network.

    ``io_open`` alone would not do: FFmpeg 8.1 opens what an ffconcat list names without asking it.
    """
    formats = {name for names in av.formats_available for name in names.split(",")} - NOT_READ
    return {"format_whitelist": ",".join(sorted(formats)), "protocol_whitelist": ""}


def _refuse_other_file(url: str, _flags: int, _options: dict[str, str]) -> Never:
    raise _OtherFileError(url)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A decoded picture whose successor has not come yet."""

    picture: VideoFrame
    time_ms: int
    copy: luma.SmallCopy
    cut: float


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a file before its first picture."""

    path: Path
    video_id: str
    head: bytes
    outline: Outline
    grid: Grid | None
    alpha: frozenset[int]
    """Items that are not pictures, but say how transparent the picture is."""
    bytes_read: _Nameless


class Decoder:
    """One opened video, whose pictures come in the order in which they are shown; read once."""

    def __init__(
        self,
        container: InputContainer,
        file: Known,
        *,
        key_gap_ms: int | None = None,
        is_undamaged: bool = False,
        is_rough: bool = False,
    ) -> None:
        """Decode the first picture.

        Args:
            container: the opened file.
            file: what is known of it.
            key_gap_ms: only key pictures, where they are no further apart than this; None: every picture.
            is_undamaged, is_rough: see ``open_decoder``.

        Raises:
            VideoError: there is no picture.
        """
        self._container = container
        self._is_undamaged, self._is_rough = is_undamaged, is_rough
        self._key_gap_ms = key_gap_ms
        self._outline = file.outline
        self._file = file.bytes_read
        self._stream = _choose_stream(container, file)
        self._is_still = _is_still(container, self._stream, file.outline)
        self._picture_ms = _picture_ms(self._stream)
        claim, remarks = _claim(container, self._stream, is_still=self._is_still), _remarks(container, file)
        if claim and claim.end_ms > LONGEST_MS:
            claim = None
            remarks.append("its header claims that it goes on for more than a year, which cannot be true")
        self._tally = Tally(claim, file.outline.has_end_mark, remarks)
        self._clock = Clock(origin_ms=presentation_ms(container, self._stream), picture_ms=self._picture_ms)
        self._stated: Orientation | None = file.grid.orientation if file.grid else None
        self._turns: dict[int, Orientation] = {}
        self._bgr = VideoReformatter()
        self.on_picture: Callable[[], None] = _nothing
        """Called for every decoded picture."""
        self._pictures = self._stitch(file.grid) if file.grid else self._decode()
        self._first = next(self._pictures, None)
        codec = self._stream.codec_context.codec.canonical_name
        if self._first is None:
            tally = self._tally
            raise refusal.no_picture(
                codec,
                file.head,
                file.outline,
                tried=tally.skipped_packets,
                short_of_memory=tally.short_of_memory,
                end_error=tally.end_error,
            )
        turn = self.orientation(self._first)
        width_px, height_px = turn.upright_wh(self._first.width, self._first.height)
        self.video = Video(
            id=file.video_id,
            path=file.path,
            width_px=width_px,
            height_px=height_px,
            duration_ms=claim.end_ms if claim and not self._is_still else None,
            container=container.format.name,
            codec=codec,
            pixel_aspect=_pixel_aspect(self._stream, turn),
            made_at=self._made_at(self._first),
        )

    @property
    def time_base(self) -> Fraction | None:
        """Seconds in one unit of the stream's own times; None where the file has none."""
        return self._stream.time_base or None

    @property
    def picture_ms(self) -> Fraction:
        """How long a picture usually stays."""
        return self._picture_ms

    @property
    def first(self) -> VideoFrame:
        """The first picture, until the pictures are read.

        Raises:
            ValueError: they have been read.
        """
        if self._first is None:
            raise ValueError("the first picture was handed out already")
        return self._first

    @property
    def tally(self) -> Tally:
        """What was counted so far."""
        return self._tally

    def timed(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Every picture with its time in milliseconds, which rounded is ``Frame.time_ms`` of the same picture."""
        for picture in self._all_pictures():
            self._tally.reached_ms = self._time_ms(picture)
            yield picture, self._clock.exact_ms

    def stay_ms(self, last: VideoFrame, time_ms: int) -> Fraction:
        """How long a picture stays that no other follows: on the file's word, else as long as usual."""
        time_base = self._stream.time_base
        stated_ms = last.duration * time_base * 1000 if last.duration and time_base else Fraction(0)
        return stated_ms if 0 < stated_ms < LONGEST_MS - time_ms else self._picture_ms

    def end(self, time_ms: int) -> None:
        """All pictures have come, and this is when the last one ends."""
        self._tally.reached_ms = 0 if self._is_still else time_ms

    def _all_pictures(self) -> Iterator[VideoFrame]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        first = None  # or its memory would be held to the end
        yield from self._pictures

    def _time_ms(self, picture: VideoFrame) -> int:
        """The time of the next picture, which is this one; marks of damage are counted."""
        time_ms = self._clock.tell(self._stored_ms(picture))
        self.on_picture()
        self._tally.false_times = max(self._tally.false_times, self._clock.false_times)
        if picture.is_corrupt:
            self._tally.damaged_pictures += 1
            self._tally.damage(time_ms)
        return time_ms

    def _stored_ms(self, picture: VideoFrame) -> Fraction | None:
        stored = picture.pts if picture.pts is not None else picture.dts
        time_base = self._stream.time_base
        return None if stored is None or not time_base else stored * time_base * 1000

    def _decode(self) -> Iterator[VideoFrame]:
        """Pictures in the order in which they are shown, until nothing more comes."""
        stream, tally = self._stream, self._tally
        name = stream.codec_context.name
        stream.thread_type = ThreadType.SLICE
        stream.thread_count = DECODER_THREADS if name in THREADED else 1
        options = {"max_pixels": str(MOST_PIXELS)}
        if name == "h264" and self._is_undamaged:
            stream.thread_type, stream.thread_count = ThreadType.FRAME, PICTURE_THREADS
        if name == "h264" and self._is_rough:
            options["skip_loop_filter"] = "all"
        stream.codec_context.options = options
        # Evidence: show what can be shown, and count it as damaged.
        stream.codec_context.flags |= Flags.output_corrupt
        packets = self._packets()
        if self._key_gap_ms is not None:
            stream.codec_context.skip_frame = "NONREF"
            packets = _thinned(packets, Fraction(self._key_gap_ms, 1000))
        for tried, packet in enumerate(packets):
            if tally.decoded == 0 and tried >= ENCRYPTED_TRIES and self._outline.is_encrypted:
                return
            if self._is_still:
                self._stated = orientation.from_exif(bytes(packet)) if _has_exif(stream) else None
            yield from self._decode_one(packet)
        yield from self._decode_one(None)

    def _stitch(self, grid: Grid) -> Iterator[VideoFrame]:
        """The one picture that the tiles make; a tile that is missing stays black and counts as a skipped piece."""
        canvas: npt.NDArray[np.uint8] = np.zeros((grid.height_px, grid.width_px, 3), np.uint8)
        streams = {stream.id: stream for stream in self._container.streams.video if stream.id in grid.tiles}
        for stream in streams.values():
            stream.thread_count = 1  # dozens of decoders, each for one small picture
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        for item, tile in self._tiles(tuple(streams.values())):
            self._lay(canvas, tile, grid, item)
            self._tally.decoded += 1
        self._tally.skipped_packets += max(0, len(set(grid.tiles)) - self._tally.decoded)
        if self._tally.decoded:
            picture = VideoFrame.from_ndarray(canvas, "bgr24")
            picture.pts = 0
            yield picture

    def _tiles(self, streams: tuple[VideoStream, ...]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """Each tile (H, W, 3) that can be had, with its item number."""
        packets = self._container.demux(streams)
        while True:
            try:
                packet = next(packets, None)
                self._file.check()
                if packet is None:
                    return
                for tile in packet.decode():
                    yield packet.stream.id, self._to_bgr(tile, tile.width, tile.height)
            except av.FFmpegError as error:
                self._tally.short_of_memory += isinstance(error, MemoryError)

    @staticmethod
    def _lay(canvas: npt.NDArray[np.uint8], tile: npt.NDArray[np.uint8], grid: Grid, item: int) -> None:
        """Copy a tile (H, W, 3) to each of its places, as far as it lies within the picture."""
        for place in (place for place, other in enumerate(grid.tiles) if other == item):
            row, column = divmod(place, grid.columns)
            here = canvas[row * tile.shape[0] :, column * tile.shape[1] :][: tile.shape[0], : tile.shape[1]]
            here[:] = tile[: here.shape[0], : here.shape[1]]

    def _decode_one(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Pictures that come out for this packet; None: those still held back at the end."""
        try:
            pictures = self._stream.decode(packet)
        except av.FFmpegError as error:
            self._tally.refused(self._tally.reached_ms, error)
            return []
        self._tally.decoded += len(pictures)
        return pictures

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Coded pieces of the video stream, stepping over what cannot be read."""
        errors = 0
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = Discard.all
        while errors < MOST_READ_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    self._file.check(self._tally.reached_ms)
                    # Without contents it would tell the decoder that this is the end.
                    if packet.size:
                        self._tally.packets += 1
                        self._tally.skipped_packets += errors
                        errors = 0
                        yield packet
            except av.FFmpegError as error:
                self._file.check(self._tally.reached_ms)
                errors += 1
                self._tally.short_of_memory += isinstance(error, MemoryError)
                self._tally.damage(self._tally.reached_ms)
                if errors == MOST_READ_ERRORS:
                    self._tally.end_error = f"what follows is damaged ({error.strerror})"
            else:
                break
        self._file.check(self._tally.reached_ms)

    def orientation(self, picture: VideoFrame) -> Orientation:
        """How this picture is to be turned; read once for each angle that occurs."""
        if self._stated is not None:
            return self._stated
        angle = picture.rotation
        if angle not in self._turns:
            self._turns[angle] = _read_orientation(picture)
        return self._turns[angle]

    def _made_at(self, first: VideoFrame) -> str | None:
        """When it was recorded, on the file's word; EXIF comes with a picture, and speaks for the file if it is one."""
        of_picture = first.metadata if self._is_still else {}
        return made_at(self._container.metadata, self._stream.metadata, of_picture)

    def upright(self, picture: VideoFrame) -> npt.NDArray[np.uint8]:
        """The picture as (H, W, 3) BGR, upright, of the size that ``video`` states, and read-only.

        Raises:
            av.FFmpegError: FFmpeg cannot convert it.
        """
        turn = self.orientation(picture)
        width, height = turn.upright_wh(self.video.width_px, self.video.height_px)
        image = turn.upright(self._to_bgr(picture, width, height))
        image.flags.writeable = False
        return image

    def _to_bgr(self, picture: VideoFrame, width: int, height: int) -> npt.NDArray[np.uint8]:
        bgr = self._bgr.reformat(
            picture,
            width=width,
            height=height,
            format="bgr24",
            src_colorspace=colorspace(picture),
            interpolation=Interpolation.BILINEAR,
            threads=1,
        )
        return bgr.to_ndarray().astype(np.uint8, copy=False)


class _PyavSource(Decoder):
    """The moments of one opened video that are to be looked at."""

    def __init__(self, container: InputContainer, file: Known, sampling: Sampling) -> None:
        super().__init__(container, file, key_gap_ms=sampling.max_gap_ms if sampling.mode is Mode.KEYFRAMES else None)
        self._sampling = sampling
        self._small = VideoReformatter()
        self._is_read = self._is_done = False
        self._stood_ms: dict[int, int] = {}

    def frames(self) -> Iterator[Frame]:
        """See ``FrameSource.frames``."""
        if self._is_read:
            raise ValueError("a source is read once; open the video again")
        self._is_read = True
        return self._frames()

    def coverage(self) -> Coverage:
        """See ``FrameSource.coverage``."""
        if not self._is_done:
            raise ValueError("coverage is known when the frames have been read to their end")
        return self._tally.coverage(longest_gap_ms(self._sampling))

    def stood_ms(self) -> Mapping[int, int]:
        """See ``FrameSource.stood_ms``."""
        return MappingProxyType(self._stood_ms)

    def _frames(self) -> Iterator[Frame]:
        chooser = Chooser(self._sampling)
        looked: luma.SmallCopy | None = None
        looked_ms = 0
        for seen, end_ms, is_last in self._seen():
            glimpse = Glimpse(
                time_ms=seen.time_ms,
                end_ms=end_ms,
                is_key=seen.picture.key_frame,
                is_last=is_last,
                cut=seen.cut,
                novelty=luma.novelty(looked, seen.copy),
                change=luma.change(looked, seen.copy),
            )
            choice = chooser.choose(glimpse)
            if choice.is_same:
                self._tally.near_identical += 1
                self._stood_ms[looked_ms] = seen.time_ms
            if choice.is_look:
                image = self._image(seen)
                if image is None:
                    chooser.take_back()
                else:
                    looked, looked_ms = seen.copy, seen.time_ms
                    self._tally.sampled += 1
                    yield Frame(self.video, seen.time_ms, image)
        self._is_done = True

    def _seen(self) -> Iterator[tuple[_Seen, int, bool]]:
        """Every picture, when it ends in milliseconds, and whether it is the last."""
        waiting: _Seen | None = None
        for picture in self._all_pictures():
            now = self._see(picture, waiting)
            if now is None:
                continue
            if waiting:
                yield waiting, now.time_ms, False
            waiting = now
        if waiting:
            self._tally.reached_ms = 0 if self._is_still else self._end_ms(waiting)
            yield waiting, max(self._tally.reached_ms, waiting.time_ms), True

    def _see(self, picture: VideoFrame, before: _Seen | None) -> _Seen | None:
        """The picture with its time and its small copy; None if FFmpeg cannot convert it."""
        time_ms = self._time_ms(picture)
        try:
            copy = self._small_copy(picture)
        except av.FFmpegError as error:
            self._tally.refused(time_ms, error)
            return None
        self._tally.reached_ms = time_ms
        return _Seen(picture, time_ms, copy, luma.cut(before.copy if before else None, copy))

    def _end_ms(self, last: _Seen) -> int:
        return last.time_ms + max(1, round(self.stay_ms(last.picture, last.time_ms)))

    def _small_copy(self, picture: VideoFrame) -> luma.SmallCopy:
        width, height = luma.copy_wh(picture.width, picture.height)
        small = self._small.reformat(
            picture, width=width, height=height, format="yuv444p", interpolation=Interpolation.AREA, threads=1
        )
        return luma.SmallCopy(np.stack([plane(small, index) for index in range(3)]))

    def _image(self, seen: _Seen) -> npt.NDArray[np.uint8] | None:
        """The picture as (H, W, 3) BGR, upright and read-only; None if FFmpeg cannot convert it."""
        picture = seen.picture
        if picture.width * picture.height > self.video.width_px * self.video.height_px:
            self._tally.shrunk_pictures += 1
        try:
            return self.upright(picture)
        except av.FFmpegError as error:
            self._tally.refused(seen.time_ms, error)
            return None


def _nothing() -> None:
    """Nobody wants to know."""


def load_whole() -> None:
    """Load all of PyAV, which otherwise loads parts of itself when they are first needed."""
    for part in pkgutil.walk_packages(av.__path__, "av."):
        if part.name != "av.__main__":  # that one runs
            importlib.import_module(part.name)


def _read_orientation(picture: VideoFrame) -> Orientation:
    """The display matrix of this picture. Read rarely: PyAV's side data and its frame keep each other alive."""
    try:
        # PyAV's annotations know of motion vectors only.
        matrix = cast("Mapping[SideDataType, SideData]", picture.side_data)[SideDataType.DISPLAYMATRIX]
    except KeyError:
        return orientation.UPRIGHT
    except ValueError:
        # PyAV 18.1 has no name for EXIF side data and then hands out none at all; the angle it does.
        return orientation.from_degrees(picture.rotation)
    return orientation.from_matrix(bytes(matrix))


def plane(picture: VideoFrame, index: int) -> npt.NDArray[np.uint8]:
    plane = picture.planes[index]
    samples = np.frombuffer(memoryview(plane), np.uint8)
    return samples.reshape(-1, plane.line_size)[: plane.height, : plane.width]


def colorspace(picture: VideoFrame) -> Colorspace | None:
    """BT.709 for large pictures that do not say, as players take it; else what the picture says."""
    is_said = picture.colorspace != 2
    return Colorspace.ITU709 if not is_said and picture.height > 576 else None


def _choose_stream(container: InputContainer, file: Known) -> VideoStream:
    """The video stream with the largest pictures; of those one that goes on in time, and of those the first."""
    streams = _picture_streams(container, file)
    if not streams:
        raise _no_video(container, file.head)
    stream = max(streams, key=_worth)
    if not has_decoder(stream):
        raise refusal.no_decoder()
    width_px, height_px = file.outline.picture_wh or (stream.width, stream.height)
    if file.grid:
        width_px, height_px = file.grid.width_px, file.grid.height_px
    if width_px * height_px > MOST_PIXELS:
        raise refusal.too_large(width_px, height_px, MOST_PIXELS)
    return stream


def _worth(stream: VideoStream) -> tuple[int, bool, int]:
    """What makes a stream the one to look at; an animated AVIF has its first picture once more as a still one."""
    pixels = stream.width * stream.height if has_decoder(stream) else 0
    return pixels, bool(stream.duration), -stream.index


def _picture_streams(container: InputContainer, file: Known) -> list[VideoStream]:
    """The streams that are to be seen; of a photograph in tiles, the tiles."""
    if file.grid:
        return [stream for stream in container.streams.video if stream.id in file.grid.tiles]
    streams = [stream for stream in container.streams.video if not stream.disposition & NOT_PICTURES]
    return [stream for stream in streams if not _is_alpha(stream, streams[0], file)]


def _is_alpha(stream: VideoStream, picture: VideoStream, file: Known) -> bool:
    """Whether it says how transparent a photograph is: by the file's word, without colour and as large as it."""
    return (
        stream.id in file.alpha
        and stream is not picture
        and not stream.duration
        and has_decoder(stream)
        and stream.pix_fmt is not None
        and stream.pix_fmt.startswith("gray")
        and (stream.width, stream.height) == (picture.width, picture.height)
    )


def has_decoder(stream: Stream) -> bool:
    """Whether FFmpeg knows how the stream is coded; PyAV's annotations promise a codec context in any case."""
    return getattr(stream, "codec_context", None) is not None


def _no_video(container: InputContainer, head: bytes) -> VideoError:
    sounds = {stream.codec_context.name if has_decoder(stream) else "unknown" for stream in container.streams.audio}
    others = {stream.type for stream in container.streams} - {"audio", "video"}
    return refusal.no_video(head, sounds, others, has_cover=bool(container.streams.video))


def _is_still(container: InputContainer, stream: VideoStream, outline: Outline) -> bool:
    """One picture, not a video: FFmpeg's readers of picture files, and HEIC or AVIF without a track."""
    if container.format.name.endswith("_pipe"):
        return True
    return "meta" in outline.kinds and "moov" not in outline.kinds and stream.duration is None


def _has_exif(stream: VideoStream) -> bool:
    return stream.codec_context.name in ("mjpeg", "png", "webp")


def presentation_ms(container: InputContainer, stream: Stream) -> Fraction:
    """Start of the presentation in the file's own time: where its earliest stream starts.

    So a recording of a broadcast begins at 0, and pictures that come 2 s after the sound begin at 2 s, as in a player.
    """
    start_us = cast("int | None", container.start_time)
    if start_us is not None:
        return Fraction(start_us, 1000)
    if stream.start_time is not None and stream.time_base:
        return stream.start_time * stream.time_base * 1000
    return Fraction(0)


def _picture_ms(stream: VideoStream) -> Fraction:
    """How long a picture usually stays: from the average rate in the header, else 40 ms."""
    rate = stream.average_rate or stream.guessed_rate
    return 1000 / Fraction(rate) if rate and SLOWEST <= rate <= 1000 else Fraction(40)


def _claim(container: InputContainer, stream: VideoStream, *, is_still: bool) -> Claim | None:
    """When the pictures end on the header's word, counted like our own times."""
    if is_still:
        return Claim(0, is_for_pictures=True)
    if not CLAIMING & set(container.format.name.split(",")):
        return None
    origin_ms = presentation_ms(container, stream)
    tagged_ms = _tagged_ms(stream.metadata.get("DURATION", ""))
    if tagged_ms is not None:
        return Claim(max(0, round(tagged_ms - origin_ms)), is_for_pictures=True)
    if stream.duration and stream.time_base:
        start_ms = (stream.start_time or 0) * stream.time_base * 1000
        end_ms = start_ms + stream.duration * stream.time_base * 1000
        return Claim(max(0, round(end_ms - origin_ms)), is_for_pictures=True)
    if container.duration:
        return Claim(max(0, round(Fraction(container.duration, 1000))), is_for_pictures=len(container.streams) == 1)
    return None


def _tagged_ms(tag: str) -> Fraction | None:
    """Matroska writes the end of each stream as a tag, ``00:00:02.600000000``."""
    match = re.fullmatch(r"(\d{1,9}):(\d\d):(\d\d(?:\.\d+)?)", tag.strip("\0 "))
    if not match:
        return None
    hours, minutes, seconds = match.groups()
    return (int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)) * 1000


def _pixel_aspect(stream: VideoStream, turn: Orientation) -> float:
    aspect = stream.sample_aspect_ratio
    if not aspect or not 0.01 < aspect < 100:
        return 1.0
    return float(1 / aspect if turn.is_sideways else aspect)


def _remarks(container: InputContainer, file: Known) -> list[str]:
    """Why this may be less than the whole, before a picture is decoded."""
    remarks = []
    if file.outline.is_encrypted:
        remarks.append("it is marked as encrypted: the pictures may be scrambled although they decode")
    remarks += refusal.missing(file.outline)
    streams = len(_picture_streams(container, file))
    if streams > 1 and not file.grid:
        remarks.append(f"it holds {streams} video streams, and only the one with the largest pictures was looked at")
    return remarks


def _thinned(packets: Iterator[Packet[VideoStream]], max_gap_s: Fraction) -> Iterator[Packet[VideoStream]]:
    """Only the key pictures, where they are no further apart than this; else all from one to the next.

    Holds back what lies between two key pictures, up to the gap, and lets it through at the end of the file, so that
    the end is decoded.
    """
    held: list[Packet[VideoStream]] = []
    key_s: Fraction | None = None
    has_skipped = has_left_out = False
    for packet in packets:
        now_s = packet.pts * packet.time_base if packet.pts is not None else None
        if packet.is_keyframe:
            has_skipped = has_left_out or bool(held)
            held, key_s, has_left_out = [], now_s, False
            yield packet
        elif key_s is None or now_s is None or now_s - key_s >= max_gap_s:
            yield from held
            yield packet
            held, key_s = [], None
        elif now_s > key_s or not has_skipped:
            # A picture shown before the key picture it comes after needs those that were skipped.
            held.append(packet)
        else:
            has_left_out = True
    yield from held
