"""What was done with a case, in order: ``audit.jsonl``, to which lines of JSON are added.

Each holds the hash of the line before it. A line that is changed, taken out, put in or moved no longer fits the one
after it, and ``chain.check`` names it. What no chain can show by itself is that its newest lines were cut off: for that
somebody has to have written the newest hash down elsewhere (``AuditLog.head``). And whoever may write the file may
write it anew from beginning to end: the chain shows that nothing was changed since a hash of it was in other hands.

A program that is killed while it writes leaves a beginning without an end. It is kept: the next to write ends that line
and says in a line of its own that it was torn.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from triage import __version__
from triage.durable import no_room, read_whole, sync_folder
from triage.errors import CaseError

AUDIT = "audit.jsonl"
LOCK = ".audit.lock"
NOTHING = "0" * 64
"""What stands for the hash of the line before the first."""
PATIENCE_S = 30.0
"""How long one who wants to add a line waits for another."""
MOST_NUMBER = 2**53
"""Of a line; above, somebody wrote it who was not counting."""
_BLOCK = 65_536
"""Bytes that are read at once in looking for the last line."""
_KEYS = ("number", "at", "author", "kind", "what", "before")


class AuditKind(StrEnum):
    """What can be on record."""

    CASE_CREATED = "case_created"
    """The first line. Of a case that is older than its log, or that has lost one, it says so (``Start``)."""
    SCAN = "scan"
    """Begun: with which dumps and settings. Ended: with how many files, and hashes over the reports."""
    REVEAL = "reveal"
    """Something that is always covered was asked to be shown, and why; written before anything is shown."""
    DECISION = "decision"
    UNDO = "undo"
    VIEW_ORIGINAL = "view_original"
    """Somebody looked at an original, and why; written before it is shown."""
    COPY = "copy"
    """Review copies or contact sheets were made."""
    EXPORT = "export"
    REPORT = "report"
    MATCH = "match"
    BANK = "bank"
    """A bank of known clips was used with the case. What changes in a bank is in the bank's own log."""
    SETTINGS = "settings"
    """The rules of the team were changed."""
    ACCOUNT = "account"
    HANDOVER = "handover"
    MENDED = "mended"
    """The lines just before this one were torn: a program was stopped while it wrote."""


class Start(StrEnum):
    """How a log began."""

    NEW = "new"
    OLDER = "older"
    LOST = "lost"
    RESTORED = "restored"
    """Not a beginning: the log went on, and the catalogue began anew."""


START_WORDS: Mapping[Start, str] = {
    Start.NEW: "the case was made",
    Start.OLDER: "the case was made by a version without a log: what was done with it before is not on record",
    Start.RESTORED: "the catalogue was made anew, since there was none: decisions, rules and handover notes were taken "
    "from this log; who saw how much and which copies were made before is not known any more",
    Start.LOST: "there was no log where one should be: what was done with the case before is not on record any more",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    number: int
    """1 for the first."""
    at: str
    """In UTC: ``2026-11-23T13:05:00Z``."""
    author: str
    kind: str
    """An ``AuditKind``, or the word of a newer version."""
    what: Mapping[str, Any]
    before: str
    """SHA-256 of the line before it, without its end, 64 hex digits."""
    sha256: str
    """Of this line, likewise."""


class Head(NamedTuple):
    """The newest line: who has this written down elsewhere can tell later that no line was cut off."""

    number: int
    """0: there is no line."""
    sha256: str
    """Of the line without its end."""


def who() -> str:
    """In whose name this program works: ``TRIAGE_AUTHOR``, or the user of the system. Nobody checks it."""
    named = os.environ.get("TRIAGE_AUTHOR", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may have no user of that number
        return f"user {os.getuid()}"


def now_utc() -> str:
    """``2026-11-23T13:05:00Z``"""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class AuditLog:
    """The log of one case. May be shared between threads, and between as many programs as there are."""

    def __init__(self, folder: Path, beginning: Callable[[], Start] = lambda: Start.LOST) -> None:
        """The log in the case ``folder``.

        Args:
            beginning: how it begins, where a line is added and there is no log.
        """
        self.path = folder / AUDIT
        self._lock = folder / LOCK
        self._beginning = beginning

    def add(self, kind: AuditKind, author: str, what: Mapping[str, Any]) -> Entry:
        """Add a line, and wait until the disk has it.

        Raises:
            CaseFullError, CaseError: it cannot be written; then nothing of it is there.
        """
        with self.adding() as add:
            return add(kind, author, what)

    @contextmanager
    def adding(self) -> Iterator[Callable[[AuditKind, str, Mapping[str, Any]], Entry]]:
        """``add`` for several lines between which nobody else's come.

        Raises:
            CaseFullError, CaseError: as ``add``.
        """
        with self._only_one():
            yield self._add

    def is_there(self) -> bool:
        """Whether there is a log; a case of an earlier version has none until something is done with it."""
        try:
            return self.path.stat().st_size > 0
        except FileNotFoundError:
            return False

    def begin(self, author: str, start: Start) -> None:
        """Write the first line, if there is none yet.

        Raises:
            CaseFullError, CaseError: it cannot be written.
        """
        if not self.is_there():
            with self._only_one():
                self._begin(author, lambda: start)

    def entries(self) -> list[Entry]:
        """What can be read of the log, in its order; whether to believe it is ``chain.check``'s to say.

        Raises:
            CaseError: the file cannot be read.
        """
        return [entry for entry in map(entry_in, self._lines()) if entry is not None]

    def head(self) -> Head:
        """The newest whole line, to be written down elsewhere.

        Raises:
            CaseError: the file cannot be read.
        """
        try:
            with self.path.open("rb", buffering=0) as file:
                last = _last_line(file, file.seek(0, os.SEEK_END))
        except FileNotFoundError:
            return Head(0, NOTHING)
        except OSError as error:
            raise CaseError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not last.is_torn:
            return Head(last.number, last.sha256)
        whole = self._lines()
        return Head(number_of_last([entry_in(line) for line in whole]), sha256_of_line(whole[-1]) if whole else NOTHING)

    def _lines(self) -> list[bytes]:
        """Every line that has an end."""
        try:
            return read_whole(self.path).split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CaseError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _add(self, kind: AuditKind, author: str, what: Mapping[str, Any]) -> Entry:
        if kind is not AuditKind.CASE_CREATED:
            self._begin(author, self._beginning)
        try:
            return self._append(kind, author, what)
        except OSError as error:
            raise no_room(self.path, error) from error

    def _begin(self, author: str, beginning: Callable[[], Start]) -> None:
        if not self.is_there():
            start = beginning()
            what = {"version": __version__, "start": start.value, "why": START_WORDS[start]}
            self._add(AuditKind.CASE_CREATED, author, what)

    def _append(self, kind: AuditKind, author: str, what: Mapping[str, Any]) -> Entry:
        is_first = not self.path.exists()
        # Without a buffer, which would try once more on closing to write what a full disk refused.
        with self.path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            last = _last_line(file, size)
            text = b""
            if last.is_torn:
                text += b"\n"
                if not last.is_entry:
                    mended = _line(last.number + 1, author, AuditKind.MENDED, {"torn_lines": last.torn}, last.sha256)
                    text += mended + b"\n"
                    last = _Last(last.number + 1, sha256_of_line(mended), is_torn=False, is_entry=True)
            line = _line(last.number + 1, author, kind, what, last.sha256)
            try:
                _write_all(file, text + line + b"\n")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)  # our own beginning alone: nothing that stood there before is touched
                raise
        if is_first:
            sync_folder(self.path.parent)
        entry = entry_in(line)
        assert entry is not None, "it was just made"
        return entry

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        lock = filelock.FileLock(self._lock, timeout=PATIENCE_S)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise CaseError(
                f"{self.path}: somebody else has been writing to it for {PATIENCE_S:.0f} seconds; no line was added: "
                "try again in a moment"
            ) from error
        except OSError as error:
            raise no_room(self.path, error) from error
        try:
            yield
        finally:
            lock.release()


@dataclass(frozen=True, slots=True)
class _Last:
    """The last line, with or without an end."""

    number: int
    """0: there is none."""
    sha256: str
    is_torn: bool
    """It has no end."""
    is_entry: bool
    torn: int = 0
    """How many lines that cannot be read are at the end, if the last of them has no end."""


def _last_line(file: Any, size: int) -> _Last:  # noqa: ANN401  a raw file
    if not size:
        return _Last(0, NOTHING, is_torn=False, is_entry=True)
    tail, start = b"", size
    while start and b"\n" not in tail[:-1]:
        many = min(max(_BLOCK, len(tail)), start)  # twice as much each time, however long a line without an end is
        start -= many
        file.seek(start)
        tail = _read_all(file, many) + tail
    is_torn = not tail.endswith(b"\n")
    line = tail.removesuffix(b"\n").rpartition(b"\n")[2]
    entry = entry_in(line)
    if entry is not None:
        return _Last(entry.number, sha256_of_line(line), is_torn=is_torn, is_entry=True)
    # Rare: what cannot be read does not say its number.
    file.seek(0)
    entries = [entry_in(line) for line in _read_all(file, size).removesuffix(b"\n").split(b"\n")]
    torn = _unread(entries) if is_torn else 0
    return _Last(number_of_last(entries), sha256_of_line(line), is_torn=is_torn, is_entry=False, torn=torn)


def _unread(entries: Sequence[Entry | None]) -> int:
    """How many lines at the end cannot be read."""
    return next((many for many, entry in enumerate(reversed(entries)) if entry is not None), len(entries))


def number_of_last(entries: Sequence[Entry | None]) -> int:
    """Of the last line: its own, or what it should be."""
    unread = _unread(entries)
    above = entries[-1 - unread] if unread < len(entries) else None
    return (above.number if above is not None else 0) + unread


def _line(number: int, author: str, kind: AuditKind, what: Mapping[str, Any], before: str) -> bytes:
    said = (number, now_utc(), author, kind.value, dict(what), before)
    # ASCII alone: also a name that is no text, or that commands a screen, is a line that any program can read.
    return json.dumps(dict(zip(_KEYS, said, strict=True)), ensure_ascii=True, separators=(",", ":")).encode()


def entry_in(line: bytes) -> Entry | None:
    """The entry in this line; None: it is none."""
    try:
        said = json.loads(line)
        number, at, author, kind, what, before = (said[key] for key in _KEYS)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (at, author, kind, before)
    if (
        type(number) is not int
        or not 0 <= number <= MOST_NUMBER
        or not isinstance(what, dict)
        or not all(isinstance(text, str) for text in texts)
    ):
        return None
    return Entry(number, at, author, kind, what, before, sha256_of_line(line))


def sha256_of_line(line: bytes) -> str:
    """Of the line without its end."""
    return hashlib.sha256(line).hexdigest()


def _read_all(file: Any, many: int) -> bytes:  # noqa: ANN401  a raw file
    read = b""
    while len(read) < many and (piece := file.read(many - len(read))):
        read += piece
    return read


def _write_all(file: Any, data: bytes) -> None:  # noqa: ANN401  a raw file
    while data:
        data = data[file.write(data) :]
