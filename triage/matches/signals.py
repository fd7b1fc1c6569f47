"""Hashes as they are exchanged between banks: what kinds there are, and what each looks like as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

LEAST_QUALITY = 50
"""PDQ quality from which a hash says enough to be compared or handed on; the threatexchange tools' own gate."""
MOST_MS = 1000 * 3_600_000
"""Time above which it is no time in a video: a thousand hours."""

_HEX = re.compile(r"[0-9a-fA-F]+")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,2})?")
_QUALITY = re.compile(r"[0-9]{1,3}")


class Kind(StrEnum):
    """A kind of hash."""

    PDQ = "pdq"
    """Of one picture; alike pictures have alike hashes."""
    VPDQ = "vpdq"
    """PDQ of pictures of a video, each with its quality and time."""
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"


DIGITS = {Kind.PDQ: 64, Kind.MD5: 32, Kind.SHA1: 40, Kind.SHA256: 64}
"""Hexadecimal digits of a hash. PDQ and SHA-256 cannot be told apart by looking."""
EXACT = (Kind.SHA256, Kind.SHA1, Kind.MD5)
"""Of a file's bytes: one other byte, another hash."""


class MalformedError(ValueError):
    """This is not what it should be; the text says why, to be named with its line."""


@dataclass(frozen=True, slots=True)
class Feature:
    """The hash of one picture of a video."""

    hash: str
    """64 hexadecimal digits in lower case."""
    quality: int
    """0 to 100."""
    time_ms: int | None
    """None: not known."""

    def __str__(self) -> str:
        """As the threatexchange tools write one in their JSON, but for the time, which is exact here."""
        return f"{self.hash},{self.quality}" + ("" if self.time_ms is None else f",{seconds(self.time_ms)}")


@dataclass(frozen=True, slots=True)
class Signal:
    """One hash, or the hashes of one video, as text that is the same wherever it comes from."""

    kind: Kind
    value: str
    """Hexadecimal digits in lower case; of vPDQ the JSON list that ``vpdq_value`` writes."""
    quality: int | None = None
    """Of PDQ, 0 to 100. None: not known, or it has none."""

    def __post_init__(self) -> None:
        if self.kind is not Kind.VPDQ and (len(self.value) != DIGITS[self.kind] or not _HEX.fullmatch(self.value)):
            raise ValueError(f"{self.kind} has {DIGITS[self.kind]} hexadecimal digits, got {self.value[:80]!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The perceptual hashes of one clip as arrays of N pictures."""

    hashes: npt.NDArray[np.uint8]
    """(N, 32)"""
    times_ms: npt.NDArray[np.int64] | None
    """(N,) ascending. None: they are pictures without times."""


def hash_hex(text: str, kind: Kind) -> str:
    """The digits of a hash in lower case.

    Raises:
        MalformedError: it has other digits, or another number of them, or is the PDQ of a picture of one colour.
    """
    if not text.isascii() or not _HEX.fullmatch(text):
        raise MalformedError(f"{excerpt(text)} is no {kind} hash: it has to be hexadecimal digits alone")
    if len(text) != DIGITS[kind]:
        raise MalformedError(f"{excerpt(text)} has {len(text)} digits; a {kind} hash has {DIGITS[kind]}")
    # PDQ sets about half of its bits, whatever the picture. With none or all of them it is the mark of a picture
    # that shows nothing, and would be like every other one.
    if kind is Kind.PDQ and len(set(text.lower())) == 1 and text[0] in "0fF":
        raise MalformedError("all bits of this PDQ hash are the same, as of a picture that shows nothing")
    return text.lower()


def quality_of(text: str) -> int:
    """A PDQ quality.

    Raises:
        MalformedError: it is no whole number from 0 to 100.
    """
    if not _QUALITY.fullmatch(text) or int(text) > 100:
        raise MalformedError(f"the quality {excerpt(text)} is no whole number from 0 to 100")
    return int(text)


def ms_of(text: str) -> int:
    """A time in seconds, as ms. ``1.23e+03`` is read too: the threatexchange tools keep three digits of a time.

    Raises:
        MalformedError: it is no such number, or longer than a video can be.
    """
    if not _SECONDS.fullmatch(text):
        raise MalformedError(f"the time {excerpt(text)} is no number of seconds")
    ms = Decimal(text) * 1000
    if ms > MOST_MS:
        raise MalformedError(f"the time {excerpt(text)} is more than {MOST_MS // 3_600_000} hours")
    return round(ms)


def seconds(time_ms: int) -> str:
    """``12.480``: always three decimals, so that no ms is lost however long the video."""
    return f"{time_ms // 1000}.{time_ms % 1000:03d}"


def feature_of(text: str) -> Feature:
    """The picture of a vPDQ that ``hash,quality,seconds`` is; without the seconds its time is not known.

    Raises:
        MalformedError: it is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in {2, 3}:
        raise MalformedError(f"{excerpt(text)} is no hash,quality,seconds")
    return Feature(hash_hex(parts[0], Kind.PDQ), quality_of(parts[1]), ms_of(parts[2]) if len(parts) == 3 else None)


def vpdq_value(features: Iterable[Feature]) -> str:
    """The JSON list of these pictures in time order; without any times if one of them has none.

    It is what the threatexchange tools read as a vPDQ signal, unless there are no times.
    """
    kept = list(features)
    times = [each.time_ms for each in kept if each.time_ms is not None]
    if len(times) < len(kept):
        return json.dumps([str(Feature(each.hash, each.quality, None)) for each in kept])
    return json.dumps([str(each) for _, each in sorted(zip(times, kept, strict=True), key=lambda pair: pair[0])])


def features_of(value: str) -> tuple[Feature, ...]:
    """The pictures in a JSON list of ``hash,quality,seconds``.

    Raises:
        MalformedError: it is something else.
    """
    listed = json_of(value)
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise MalformedError('this vPDQ is no JSON list of "hash,quality,seconds"')
    if not listed:
        raise MalformedError("this vPDQ has no picture")
    return tuple(feature_of(each) for each in listed)


def json_of(text: str) -> Any:  # noqa: ANN401  JSON is of any type until it is looked at
    """What a JSON text says.

    Raises:
        MalformedError: it is no JSON, or so deep that it can only be meant badly.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise MalformedError(f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedError("no JSON that can be meant: a number too long, or lists in lists without end") from error


def rows_of(signals: Sequence[Signal]) -> Rows | None:
    """The pictures of a clip that may be compared: those of its vPDQ, or else of its PDQ. None: it has no such hash.

    Hashes of a quality below ``LEAST_QUALITY`` are left out; where none is known, whoever listed it has looked.
    """
    videos = [features_of(signal.value) for signal in signals if signal.kind is Kind.VPDQ]
    pictures = [signal for signal in signals if signal.kind is Kind.PDQ]
    if not videos and not pictures:
        return None
    if not videos:
        kept = [each.value for each in pictures if each.quality is None or each.quality >= LEAST_QUALITY]
        return Rows(_packed(kept), None)
    features = [each for each in videos[0] if each.quality >= LEAST_QUALITY]
    times = [each.time_ms for each in features if each.time_ms is not None]
    return Rows(
        _packed([each.hash for each in features]),
        np.array(times, np.int64) if len(times) == len(features) else None,
    )


def excerpt(text: str) -> str:
    """The beginning of a text, to be named in a sentence."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _packed(hashes: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(-1, DIGITS[Kind.PDQ] // 2)
