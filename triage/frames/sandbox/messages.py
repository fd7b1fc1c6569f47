"""What is said between us and a decoder: short JSON objects, each checked as if the other side were hostile.

Nothing is unpickled, no number, size, time or text is believed before it has been looked at. Pictures go through shared
memory of a size that we chose.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from triage.errors import Refusal, VideoError
from triage.frames.pictures import KNOWN_PRIMARIES, KNOWN_TRANSFERS, MATRICES, Colours, Picture, PictureSource
from triage.frames.pyav import MOST_PIXELS
from triage.frames.sound import Coded
from triage.frames.times import LONGEST_MS
from triage.names import shown
from triage.records import Coverage, Video

MOST_BYTES = 2**20
"""Of one message; the longest holds the sentences of a coverage."""
MOST_TEXT = 16_384
MOST_COUNT = 2**53
"""Of anything that is counted."""
LATEST_MS = 2 * LONGEST_MS
"""Times stay near ``LONGEST_MS``, 1 ms more for each picture that comes after it."""

LONGEST_S = Fraction(LATEST_MS, 1000)
SHORTEST_S = Fraction(1, 2**63)
MOST_STREAMS, MOST_CHANNELS, MOST_RATE_HZ = 100_000, 1024, 2**31
MOST_PARTS = 2**96
"""Numerators and denominators of exact times: products of a container's units, which have 32 bits each."""

Message = dict[str, Any]


class NonsenseError(Exception):
    """The other side said what cannot be; the message says what."""


def said(message: Mapping[str, Any]) -> bytes:
    """A message as it is sent: its length in 4 bytes, then JSON."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return struct.pack(">I", len(body)) + body


def hear(channel: socket.socket) -> Message | None:
    """The next message; None: the other side is gone.

    Raises:
        NonsenseError: it is no message.
        TimeoutError: none came within the channel's timeout.
    """
    head = _exactly(channel, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">I", head)
    if size > MOST_BYTES:
        raise NonsenseError(f"a message of {size} bytes")
    body = _exactly(channel, size)
    if body is None:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NonsenseError("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise NonsenseError("a message that is no object")
    return message


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    """So many bytes; None if the other side is gone before."""
    pieces = b""
    while len(pieces) < size:
        try:
            piece = channel.recv(size - len(pieces))
        except ConnectionResetError:
            return None
        if not piece:
            return None
        pieces += piece
    return pieces


class Heard:
    """A message from a decoder; every way of reading a field checks it."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message

    @property
    def kind(self) -> str:
        return self.text("is", most=16)

    def _field(self, name: str) -> Any:  # noqa: ANN401  whatever the other side wrote
        if name not in self._message:
            raise NonsenseError(f"a message without {name}")
        return self._message[name]

    def whole(self, name: str, least: int = 0, most: int = MOST_COUNT) -> int:
        """A whole number within these, both included."""
        value = self._field(name)
        if type(value) is not int or not least <= value <= most:
            raise NonsenseError(f"a {name} that is not from {least} to {most}")
        return value

    def whole_or_none(self, name: str, most: int = MOST_COUNT) -> int | None:
        return None if self._field(name) is None else self.whole(name, most=most)

    def wholes(self, name: str, count: int) -> list[int]:
        """So many whole numbers, each up to a byte."""
        value = self._field(name)
        if type(value) is not list or len(value) != count:
            raise NonsenseError(f"a {name} that is no list of {count}")
        if any(type(item) is not int or not 0 <= item <= 255 for item in value):
            raise NonsenseError(f"a {name} that is no list of bytes")
        return value

    def is_there(self, name: str) -> bool:
        return self._field(name) is not None

    def part(self, name: str) -> Heard:
        """An object within the message."""
        value = self._field(name)
        if type(value) is not dict:
            raise NonsenseError(f"a {name} that is no object")
        return Heard(value)

    def number(self, name: str, least: float, most: float) -> float:
        """A number between these."""
        value = self._field(name)
        if type(value) is not float or not math.isfinite(value) or not least < value < most:
            raise NonsenseError(f"a {name} that is not between {least} and {most}")
        return value

    def fraction(self, name: str, least: Fraction, most: Fraction) -> Fraction:
        """An exact number within these, both included."""
        value = self._field(name)
        if type(value) is not list or len(value) != 2 or any(type(part) is not int for part in value):
            raise NonsenseError(f"a {name} that is no fraction")
        if not (abs(value[0]) <= MOST_PARTS and 0 < value[1] <= MOST_PARTS):
            raise NonsenseError(f"a {name} that is no fraction")
        number = Fraction(*value)
        if not least <= number <= most:
            raise NonsenseError(f"a {name} that is not from {least} to {most}")
        return number

    def truth(self, name: str) -> bool:
        value = self._field(name)
        if type(value) is not bool:
            raise NonsenseError(f"a {name} that is neither true nor false")
        return value

    def text(self, name: str, most: int = MOST_TEXT) -> str:
        return _text(self._field(name), name, most)

    def text_or_none(self, name: str, most: int = MOST_TEXT) -> str | None:
        return None if self._field(name) is None else self.text(name, most)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._field(name)
        if type(value) is not list or len(value) > 64:
            raise NonsenseError(f"a {name} that is no short list")
        return tuple(_text(item, name, MOST_TEXT) for item in value)


def _text(value: Any, name: str, most: int) -> str:  # noqa: ANN401  whatever the other side wrote
    if type(value) is not str or len(value) > most:
        raise NonsenseError(f"a {name} that is no text of up to {most} letters")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # halves of letters, which no report can hold
        raise NonsenseError(f"a {name} that is no text")
    return value


_OF_VIDEO = ("width_px", "height_px", "duration_ms", "container", "codec", "pixel_aspect", "made_at")
_OF_COVERAGE = (
    *("claimed_ms", "reached_ms", "step_ms", "sampled", "near_identical", "undecoded", "why", "short_ms"),
    "has_end_mark",
)


def video_message(video: Video) -> Message:
    return {"is": "video", **{name: getattr(video, name) for name in _OF_VIDEO}}


def heard_video(heard: Heard, path: Path, video_id: str) -> Video:
    """The video that a decoder describes, under our own path and id.

    Raises:
        NonsenseError: there can be no such video.
    """
    width_px, height_px = heard.whole("width_px", 1, MOST_PIXELS), heard.whole("height_px", 1, MOST_PIXELS)
    if width_px * height_px > MOST_PIXELS:
        raise NonsenseError(f"a picture of {width_px} x {height_px} pixels")
    return Video(
        id=video_id,
        path=path,
        width_px=width_px,
        height_px=height_px,
        duration_ms=heard.whole_or_none("duration_ms", LATEST_MS),
        container=heard.text("container", 256),
        codec=heard.text("codec", 256),
        pixel_aspect=heard.number("pixel_aspect", 0.0099, 101.0),
        made_at=heard.text_or_none("made_at", 64),
    )


def _said_fraction(number: Fraction) -> list[int]:
    return [number.numerator, number.denominator]


def pictures_message(source: PictureSource) -> Message:
    """A video whose pictures can be had, and what is the same for all of them."""
    colours, base = source.colours, source.time_base
    return {
        **video_message(source.video),
        "time_base": _said_fraction(base) if base else None,
        "usual_s": _said_fraction(source.usual_s),
        "colours": [colours.matrix, colours.primaries, colours.transfer],
    }


@dataclass(frozen=True, slots=True)
class Same:
    """What is the same for all pictures of a video."""

    time_base: Fraction | None
    usual_s: Fraction
    colours: Colours


def heard_same(heard: Heard) -> Same:
    """The rest of ``pictures_message``, beside the video.

    Raises:
        NonsenseError: there can be no such video.
    """
    given = heard.wholes("colours", 3)
    if given[0] not in MATRICES or given[1] not in KNOWN_PRIMARIES or given[2] not in KNOWN_TRANSFERS:
        raise NonsenseError("colours that there are not")
    is_based = heard.is_there("time_base")
    return Same(
        time_base=heard.fraction("time_base", SHORTEST_S, LONGEST_S) if is_based else None,
        usual_s=heard.fraction("usual_s", SHORTEST_S, LONGEST_S),
        colours=Colours(*given),
    )


def picture_message(picture: Picture, place: int) -> Message:
    return {
        "is": "picture",
        "place": place,
        "at": _said_fraction(picture.at),
        "lasts": _said_fraction(picture.lasts),
        "is_last": picture.is_last,
        "is_key": picture.is_key,
        "is_damaged": picture.is_damaged,
    }


def sound_message(streams: int, coded: Coded | None) -> Message:
    """What sound there is in a file."""
    return {"is": "sound", "streams": streams, "coded": None if coded is None else asdict(coded)}


def heard_sound(heard: Heard) -> tuple[int, Coded | None]:
    """Number of streams of sound, and how the first is coded that can be decoded.

    Raises:
        NonsenseError: there can be no such sound.
    """
    streams = heard.whole("streams", most=MOST_STREAMS)
    if not heard.is_there("coded"):
        return streams, None
    coded = heard.part("coded")
    if not streams:
        raise NonsenseError("sound without a stream")
    return streams, Coded(
        shown(coded.text("codec", 64)),
        coded.whole("rate_hz", most=MOST_RATE_HZ),
        coded.whole("channels", most=MOST_CHANNELS),
    )


def piece_message(place: int, at: Fraction, samples: int, undecoded: int) -> Message:
    return {"is": "piece", "place": place, "at": _said_fraction(at), "samples": samples, "undecoded": undecoded}


def coverage_message(coverage: Coverage) -> Message:
    return {"is": "end", **{name: getattr(coverage, name) for name in _OF_COVERAGE}}


def heard_coverage(heard: Heard, sampled: int, step_ms: int) -> Coverage:
    """The coverage that a decoder tells of.

    Args:
        heard: its message.
        sampled: how many pictures came.
        step_ms: what was asked for.

    Raises:
        NonsenseError: there can be no such coverage, or it is of other pictures.
    """
    if heard.whole("sampled") != sampled or heard.whole("step_ms") != step_ms:
        raise NonsenseError("a coverage of other pictures than those that came")
    try:
        return Coverage(
            claimed_ms=heard.whole_or_none("claimed_ms", LATEST_MS),
            reached_ms=heard.whole("reached_ms", most=LATEST_MS),
            step_ms=step_ms,
            sampled=sampled,
            near_identical=heard.whole("near_identical"),
            undecoded=heard.whole("undecoded"),
            why=heard.texts("why"),
            short_ms=heard.whole("short_ms", most=LATEST_MS),
            has_end_mark=heard.truth("has_end_mark"),
        )
    except ValueError as error:
        raise NonsenseError(str(error)) from error


def refusal_message(refusal: VideoError) -> Message:
    return {"is": "refused", "kind": refusal.kind.value, "why": refusal.why[:MOST_TEXT]}


def heard_refusal(heard: Heard) -> VideoError:
    """Why a decoder has no pictures.

    Raises:
        NonsenseError: for no reason that there is.
    """
    kind = heard.text("kind", 64)
    if kind not in set(Refusal):
        raise NonsenseError(f"a refusal that is called {kind}")
    return VideoError(Refusal(kind), shown(heard.text("why")))
