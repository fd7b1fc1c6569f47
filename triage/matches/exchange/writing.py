"""Lists of hashes for elsewhere. What is written here can be read here, and says the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triage.errors import UsageError
from triage.matches.bank import Bank
from triage.matches.bank_state import Entry
from triage.matches.signals import (
    LEAST_QUALITY,
    Feature,
    Kind,
    Signal,
    features_of,
    rows_of,
    vpdq_value,
)
from triage.names import shown
from triage.records import Fingerprint
from triage.settings import nearest

TYPE_NAMES = {
    Kind.PDQ: "pdq",
    Kind.VPDQ: "vpdq",
    Kind.MD5: "video_md5",
    Kind.SHA1: "sha1",
    Kind.SHA256: "video_sha256",
}
"""What the threatexchange tools call each kind; they have no SHA-1."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a bank can hand on of one entry."""

    name: str
    signals: tuple[Signal, ...]


Writer = Callable[[Sequence[Held]], Iterator[str]]


def held(bank: Bank) -> Iterator[Held]:
    """Enabled entries with their hashes; perceptual ones only of a quality that others compare, too.

    Raises:
        MatchIndexError: a fingerprint is gone or damaged.
    """
    for entry in bank.entries():
        if entry.is_enabled:
            exact = [signal for signal in entry.signals if signal.kind not in {Kind.PDQ, Kind.VPDQ}]
            yield Held(entry.name, (*_perceptual(bank, entry), *exact))


def of_fingerprint(fingerprint: Fingerprint) -> tuple[Signal, ...]:
    """The perceptual hashes of a clip: vPDQ, or PDQ of a still picture. None, if all of them say too little."""
    rated = zip(fingerprint.hashes, fingerprint.qualities, fingerprint.times_ms, strict=True)
    features = [
        Feature(np.asarray(bits).tobytes().hex(), int(quality), int(time_ms))
        for bits, quality, time_ms in rated
        if quality >= LEAST_QUALITY
    ]
    if fingerprint.length_ms == 0:
        return tuple(Signal(Kind.PDQ, each.hash, each.quality) for each in features)
    return (Signal(Kind.VPDQ, vpdq_value(features)),) if features else ()


def _perceptual(bank: Bank, entry: Entry) -> tuple[Signal, ...]:
    if entry.models:
        return of_fingerprint(bank.fingerprint(entry, entry.models[0]))
    kept: list[Signal] = []
    for signal in entry.signals:
        if signal.kind is Kind.VPDQ:
            features = [each for each in features_of(signal.value) if each.quality >= LEAST_QUALITY]
            kept += [Signal(Kind.VPDQ, vpdq_value(features))] if features else []
        elif signal.kind is Kind.PDQ and (signal.quality is None or signal.quality >= LEAST_QUALITY):
            kept.append(signal)
    return tuple(kept)


def _vpdq(entries: Sequence[Held]) -> Iterator[str]:
    """One JSON list a line. A video without times is left out: the others' tools cannot read it."""
    yield from (f"{signal.value}\n" for _, signal in _of_kind(entries, Kind.VPDQ) if _has_times(signal))


def _pdq(entries: Sequence[Held]) -> Iterator[str]:
    """Every picture of every entry, once."""
    rows = (rows_of(entry.signals) for entry in entries)
    digits = (bits.tobytes().hex() for each in rows if each is not None for bits in each.hashes)
    yield from (f"{each}\n" for each in dict.fromkeys(digits))


def _only(kind: Kind) -> Writer:
    def write(entries: Sequence[Held]) -> Iterator[str]:
        yield from (f"{value}\n" for value in dict.fromkeys(signal.value for _, signal in _of_kind(entries, kind)))

    return write


def _signals(entries: Sequence[Held]) -> Iterator[str]:
    """``signal_type value``, as the threatexchange tools read from a file."""
    for _, signal in _of_kind(entries):
        if _has_times(signal):
            yield f"{TYPE_NAMES[signal.kind]} {signal.value}\n"


def _csv(entries: Sequence[Held]) -> Iterator[str]:
    """All that is known, with names; hidden characters in these as escapes."""
    yield _row("signal_type", "signal_str", "name", "quality")
    for entry, signal in _of_kind(entries):
        quality = "" if signal.quality is None else str(signal.quality)
        yield _row(TYPE_NAMES[signal.kind], signal.value, shown(entry.name), quality)


FORMATS: Mapping[str, Writer] = {
    "vpdq": _vpdq,
    "pdq": _pdq,
    "md5": _only(Kind.MD5),
    "sha1": _only(Kind.SHA1),
    "sha256": _only(Kind.SHA256),
    "signals": _signals,
    "csv": _csv,
}
"""Name of a format -> what writes it."""
ENDINGS = {".json": "vpdq", ".txt": "signals", **{f".{name}": name for name in FORMATS}}


def format_for(file: Path, asked: str | None) -> str:
    """The format that was asked for, or that the file's ending means.

    Raises:
        UsageError: there is none of that name, or the ending means none.
    """
    if asked is None:
        if file.suffix.lower() not in ENDINGS:
            raise UsageError(f"{file}: its ending means no format; say which with --to {', '.join(FORMATS)}")
        return ENDINGS[file.suffix.lower()]
    if asked not in FORMATS:
        raise UsageError(f"there is no format {asked!r}{nearest(asked, FORMATS)}")
    return asked


def _of_kind(entries: Iterable[Held], kind: Kind | None = None) -> Iterator[tuple[Held, Signal]]:
    yield from ((entry, each) for entry in entries for each in entry.signals if kind is None or each.kind is kind)


def _has_times(signal: Signal) -> bool:
    return signal.kind is not Kind.VPDQ or all(each.time_ms is not None for each in features_of(signal.value))


def _row(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
