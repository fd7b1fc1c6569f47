"""One video in a process of its own: opened, limited, decoded, told. What it says is believed by nobody."""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import numpy as np

from triage.errors import VideoError
from triage.frames import pictures, sound
from triage.frames.pyav import Decoder, open_stream
from triage.frames.sandbox import messages
from triage.frames.sandbox.forms import Wanted
from triage.frames.sandbox.limits import confine
from triage.frames.sandbox.messages import Message
from triage.frames.sandbox.reading import from_the_beginning
from triage.frames.source import FrameSource
from triage.records import Frame
from triage.settings import Mode, Sampling

FILE, CHANNEL = 3, 4
"""Where the original and the way to who asked are open."""
NOBODY = "0" * 64
"""Stands for the id of the video, which is none of this process's business."""
PICTURES_A_SIGN = 64
READS_A_SIGN = 64
"""A sign that it goes on after so many pictures, and after so many reads of up to 256 KiB without any."""


def run(request: Message) -> None:
    """Do what was asked for with the open original, behind the limits; does not return.

    Args:
        request: ``job``, and what that job needs.
    """
    try:
        channel = socket.socket(fileno=CHANNEL)
        file = from_the_beginning(FILE)
        confine(request["memory_bytes"], request["cpu_s"])
        with suppress(BrokenPipeError, ConnectionResetError):  # nobody waits any more
            JOBS[request["job"]](_Told(file, channel), request)
    except BaseException:  # noqa: BLE001  a process of its own ends here, and says so by its exit status
        os._exit(1)
    os._exit(0)


class _Told:
    """The original, whose reading is told as a sign of life, and the way to who asked."""

    def __init__(self, file: BinaryIO, channel: socket.socket) -> None:
        self._file, self._channel = file, channel
        self._reads = self._pictures = 0
        self.tell, self.decoder = file.tell, cast("Decoder | None", None)

    def read(self, size: int = -1) -> bytes:
        self._reads += 1
        if self._reads % READS_A_SIGN == 0:
            self._sign()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def on_picture(self) -> None:
        """One more picture was decoded."""
        self._pictures += 1
        if self._pictures % PICTURES_A_SIGN == 0:
            self._sign()

    def say(self, message: Message) -> None:
        self._channel.sendall(messages.said(message))

    def ask(self) -> Message:
        """What is wanted of the file that was described."""
        message = messages.hear(self._channel)
        if message is None:
            os._exit(0)
        return message

    def where(self) -> Message:
        """How far it has come; the same at the same picture of the same file."""
        if self.decoder is None:
            return {"reached_ms": 0, "near_identical": 0, "undecoded": 0}
        tally = self.decoder.tally
        undecoded = tally.skipped_packets + tally.damaged_pictures
        return {"reached_ms": tally.reached_ms, "near_identical": tally.near_identical, "undecoded": undecoded}

    def _sign(self) -> None:
        self.say({"is": "sign", **self.where()})

    def receive_memory(self, size: int) -> mmap.mmap:
        """The memory that pictures are put into."""
        _, [handle], _, _ = socket.recv_fds(self._channel, 1, 1)
        try:
            memory = mmap.mmap(handle, size)
        except OSError as error:  # no address space is left for it
            raise MemoryError from error
        os.close(handle)
        return memory

    def wait_for_place(self) -> int:
        """The number of a place for the next picture, when there is one."""
        place = self._channel.recv(1)
        if not place:
            os._exit(0)
        return place[0]


def _look(told: _Told, request: Message) -> None:
    """The moments of a video that are to be looked at, then its coverage."""
    sampling = Sampling(**{**request["sampling"], "mode": Mode(request["sampling"]["mode"])})
    with open_stream(cast("BinaryIO", told), NOBODY, sampling) as source:
        told.decoder = source
        source.on_picture = told.on_picture
        told.say(messages.video_message(source.video))
        _frames(told, source, request["picture_bytes_in_all"])
        told.say(messages.coverage_message(source.coverage()))


def _pictures(told: _Told, request: Message) -> None:
    """Every picture of a video, or those of some moments, in the form that is asked for; then its coverage."""
    cv2.setNumThreads(1)  # others wait by calculating, and who asked has work for every core
    how = {name: request[name] for name in ("is_undamaged", "is_rough")}
    with pictures.open_stream(cast("BinaryIO", told), NOBODY, **how) as source:
        told.decoder = source.decoder
        source.decoder.on_picture = told.on_picture
        told.say(messages.pictures_message(source))
        wanted = Wanted.of(told.ask())
        memory = told.receive_memory(places(wanted.size, request["picture_bytes_in_all"]) * wanted.size)
        for picture in wanted.chosen(source):
            made = wanted.made(picture)
            place = told.wait_for_place()
            for target, array in zip(wanted.arrays(memory, place), made, strict=True):
                np.copyto(target, array)
            told.say(messages.picture_message(picture, place))
        told.say({"is": "enough"} if wanted.at_ms is not None else messages.coverage_message(source.coverage()))


def _sound(told: _Told, request: Message) -> None:
    """The sound of a video, decoded; in pieces that fit into a place."""
    with sound.open_stream(cast("BinaryIO", told), NOBODY) as source:
        told.say(messages.sound_message(source.streams, source.coded))
        wanted = told.ask()
        rate_hz, channels, size = wanted["rate_hz"], wanted["channels"], request["piece_bytes"]
        memory = told.receive_memory(request["places"] * size)
        for at, samples in source.samples(rate_hz, channels):
            most = size // (4 * channels)
            for first in range(0, len(samples), most):
                piece = samples[first : first + most]
                place = told.wait_for_place()
                np.copyto(np.frombuffer(memory, np.float32, piece.size, place * size).reshape(piece.shape), piece)
                told.say(messages.piece_message(place, at + Fraction(first, rate_hz), len(piece), source.undecoded))
        told.say({"is": "end", "undecoded": source.undecoded})


def _of_file(work: Callable[[_Told, Message], None]) -> Callable[[_Told, Message], None]:
    """The same work, which says instead why there is nothing, or no more."""

    def guarded(told: _Told, request: Message) -> None:
        try:
            work(told, request)
        except VideoError as refusal:
            told.say(messages.refusal_message(refusal))
        except MemoryError:
            told.say({"is": "full"})
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a file brought about, it is this file's row
            told.say({"is": "failed", "how": _place(error)})

    return guarded


def _place(error: Exception) -> str:
    """Which error, and where: no text of it, which may hold what the file holds."""
    deepest = error.__traceback__
    while deepest is not None and deepest.tb_next is not None:
        deepest = deepest.tb_next
    where = f" in {Path(deepest.tb_frame.f_code.co_filename).name}, line {deepest.tb_lineno}" if deepest else ""
    return f"{type(error).__name__}{where}"


def _frames(told: _Told, source: FrameSource, room: int) -> None:
    """All pictures, each in its place in the shared memory."""
    video = source.video
    size = video.width_px * video.height_px * 3
    memory = told.receive_memory(places(size, room) * size)
    before: int | None = None
    stood: int | None
    for frame in source.frames():
        stood = None if before is None else source.stood_ms().get(before)
        place = told.wait_for_place()
        _put(frame, memory, place * size)
        told.say({"is": "frame", "place": place, "time_ms": frame.time_ms, "stood_ms": stood, **told.where()})
        before = frame.time_ms
    stood = None if before is None else source.stood_ms().get(before)
    told.say({"is": "stood", "stood_ms": stood})


def places(picture_bytes: int, room: int) -> int:
    """How many pictures lie in the shared memory."""
    return max(1, min(MOST_PLACES, room // picture_bytes))


MOST_PLACES = 8


def _put(frame: Frame, memory: mmap.mmap, at: int) -> None:
    target = np.frombuffer(memory, np.uint8, frame.image.size, at).reshape(frame.image.shape)
    np.copyto(target, frame.image)


def _try_out(told: _Told, _: Message) -> None:
    """What this process can still do, tried."""
    tries: dict[str, Any] = {
        "files": lambda: os.close(os.open("/", os.O_RDONLY)),
        "network": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "processes": _fork,
    }
    can = {}
    for name, attempt in tries.items():
        try:
            attempt()
            can[name] = True
        except OSError:
            can[name] = False
    told.say({"is": "tried", **can})


def _fork() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


JOBS = {"look": _of_file(_look), "pictures": _of_file(_pictures), "sound": _of_file(_sound), "try": _try_out}
"""What can be asked of a decoder."""
