"""What happened to a bank, in order: a file of JSON lines to which lines are added, and from which none is taken.

A line counts once its end is written. A program that is killed while it writes leaves a beginning without an end; what
that line was to say has not happened, and the next to write puts its own line in that place.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from triage import __version__
from triage.durable import no_room
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
        data = path.read_bytes()
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


def _event(line: bytes, where: str) -> Event:
    try:
        said = json.loads(line)
        what, at_utc, version = said.pop("event"), said.pop("at_utc"), said.pop("version")
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
