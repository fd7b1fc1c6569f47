"""What happened to a bank, in order: a file of JSON lines to which lines are added, and from which none is taken.

A line counts once its end is written. A program that is killed while it writes leaves a beginning without an end; what
that line was to say has not happened, and the next to write puts its own line in that place.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from triage import __version__
from triage.durable import no_room, read_whole
from triage.errors import MatchIndexError

LOG = "log.jsonl"


class What(StrEnum):
    """What can happen to a bank. Each kind of event has its own values."""

    ADDED = "added"
    """video, name, note, source, file, model, length_ms, md5: a clip, or vectors of another model for a known one."""
    IMPORTED = "imported"
    """list (name of the file in ``hashes``), file, note, source, entries."""
    DISABLED = "disabled"
    """video, why."""
    ENABLED = "enabled"
    """video, why."""
    CASE = "case"
    """folder: a case that was compared with the bank, to be asked again when the bank grows."""


_TEXTS: Mapping[What, tuple[str, ...]] = {
    What.ADDED: ("video", "model", "name", "note", "source", "file", "md5"),
    What.IMPORTED: ("list", "file", "note", "source"),
    What.DISABLED: ("video", "why"),
    What.ENABLED: ("video", "why"),
    What.CASE: ("folder",),
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_MS = 2**53


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    what: What
    at_utc: str
    """When, as ``2026-11-23T08:40:00+00:00``."""
    version: str
    """Of the triage that wrote it."""
    values: Mapping[str, Any]

    @classmethod
    def now(cls, what: What, **values: Any) -> Event:  # noqa: ANN401  each kind has its own
        """An event of this moment."""
        return cls(what, datetime.now(UTC).isoformat(timespec="seconds"), __version__, values)


@dataclass(frozen=True, slots=True)
class Past:
    """What a log says."""

    events: tuple[Event, ...]
    whole_bytes: int
    """Length of the lines that have an end."""
    was_cut: bool
    """A beginning without an end follows them."""


def read_log(folder: Path) -> Past:
    """What happened so far; nothing, if there is no log yet.

    Raises:
        MatchIndexError: a line is damaged, or it cannot be read.
    """
    path = folder / LOG
    try:
        data = read_whole(path)
    except FileNotFoundError:
        return Past((), 0, was_cut=False)
    except OSError as error:
        raise MatchIndexError(f"{path}: cannot be read: {error.strerror}") from error
    whole = data.rfind(b"\n") + 1
    lines = data[:whole].split(b"\n")[:-1]
    events = tuple(_event(line, f"{path}: line {number}") for number, line in enumerate(lines, 1))
    return Past(events, whole, was_cut=whole < len(data))


def is_current(folder: Path, past: Past) -> bool:
    """Whether nothing was added to the log since it was read: it only ever grows."""
    try:
        return (folder / LOG).stat().st_size == past.whole_bytes
    except OSError:
        return False


def append(folder: Path, past: Past, event: Event) -> Past:
    """Add a line, and wait until the disk has it. Whoever calls this holds the lock, and ``past`` was read under it.

    Raises:
        CaseFullError, CaseError: it cannot be written; then nothing of it is there.
    """
    path = folder / LOG
    said = {"event": event.what, "at_utc": event.at_utc, "version": event.version, **event.values}
    line = json.dumps(said, sort_keys=True).encode() + b"\n"
    try:
        # Without a buffer, which would try once more on closing to write what a full disk refused.
        with path.open("ab", buffering=0) as file:
            file.truncate(past.whole_bytes)  # the beginning of a line that never got its end
            try:
                _write_all(file, line)
            except OSError:
                file.truncate(past.whole_bytes)
                raise
            os.fsync(file.fileno())
    except OSError as error:
        raise no_room(path, error) from error
    return Past((*past.events, event), past.whole_bytes + len(line), was_cut=False)


def _write_all(file: io.FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


def is_video(said: object) -> bool:
    """Whether this is the id of a clip: it becomes a part of file names."""
    return isinstance(said, str) and _SHA256.fullmatch(said) is not None


def _event(line: bytes, where: str) -> Event:
    try:
        said = json.loads(line)
        what, at_utc, version = (_text(said.pop(key)) for key in ("event", "at_utc", "version"))
        if what in set(What):
            _check(What(what), said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MatchIndexError(
            f"{where} is damaged. The bank is not used as long as its history cannot be read; put back a copy of the "
            "log from before, or take this one line out if you know what it said"
        ) from error
    try:
        return Event(What(what), at_utc, version, said)
    except ValueError as error:
        raise MatchIndexError(
            f"{where} says {what!r:.40}, which this version does not know; a newer triage ({version!r:.20}) wrote it: "
            "update triage"
        ) from error


def _check(what: What, values: Mapping[str, Any]) -> None:
    """Whether an event's values are of their kinds; what a newer version added is let be.

    Raises:
        KeyError, ValueError: they are not.
    """
    for name in _TEXTS[what]:
        _text(values[name])
    if "\0" in values.get("folder", ""):
        raise ValueError("no folder is called so")
    for name in ("video", "list"):
        if name in _TEXTS[what] and not is_video(values[name]):
            raise ValueError(f"{name} is a SHA-256")
    if what is What.ADDED and (type(values["length_ms"]) is not int or not 0 <= values["length_ms"] <= MOST_MS):
        raise ValueError("length_ms is a whole number")


def _text(said: object) -> str:
    if not isinstance(said, str):
        raise ValueError("a text is wanted")  # noqa: TRY004  one of many ways to be damaged
    return said
