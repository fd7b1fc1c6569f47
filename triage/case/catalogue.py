"""The case's SQLite catalogue: its tables, how it is opened, and SQLite's errors as our sentences."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triage.durable import no_room
from triage.errors import CaseError, CaseFullError

CATALOGUE = "catalogue.sqlite"
FORMAT = 3
"""Version of the catalogue's tables, kept in SQLite's ``user_version``."""
LEAST_ROOM = 65_536
"""Bytes below which a disk counts as full: SQLite's log starts with 32 KiB."""

_TABLES = """
CREATE TABLE places (
    path BLOB NOT NULL,         -- as the system spells it; a name need not be text
    video TEXT NOT NULL,        -- SHA-256 of what lies or lay there; '' for what was not read (yet)
    size INTEGER,
    mtime_ns INTEGER,
    ctime_ns INTEGER,
    kind TEXT,                  -- why it could not be read; NULL with video '': its turn has not come
    why TEXT,
    is_there INTEGER NOT NULL,  -- 0: these bytes lay there once
    PRIMARY KEY (path, video)
) STRICT;
CREATE INDEX places_of_video ON places (video);
CREATE TABLE results (
    video TEXT PRIMARY KEY,
    settings TEXT NOT NULL,     -- the last ones it was scanned with
    queue TEXT NOT NULL,
    place INTEGER NOT NULL,     -- of the queue, 0 for urgent; what is sealed comes before it
    weight REAL NOT NULL,
    kind TEXT NOT NULL,         -- extent of a report, or why there is none
    reached_ms INTEGER NOT NULL
) STRICT;
CREATE VIEW unread AS SELECT path, kind, why FROM places WHERE video = '' AND kind IS NOT NULL;
CREATE TABLE last_scan (settings TEXT NOT NULL) STRICT;
"""


_MATCH_TABLES = """
CREATE TABLE overlaps (
    video TEXT NOT NULL,        -- SHA-256 of the content that was asked for
    bank TEXT NOT NULL,         -- id of the bank; '' for another content of this case
    other TEXT NOT NULL,        -- SHA-256 of the other content, or of the bank's clip
    entry TEXT NOT NULL,        -- the bank's name for it; '' without a bank
    parked INTEGER NOT NULL,    -- 1: found in too many videos to mean anything
    overlap TEXT NOT NULL,      -- as it is exported
    PRIMARY KEY (video, bank, other, entry)
) STRICT;
CREATE TABLE matched (          -- contents that were compared with all others, or with all of a bank
    video TEXT NOT NULL,
    bank TEXT NOT NULL,
    mark TEXT NOT NULL,         -- model and settings that it was compared under
    blank TEXT NOT NULL,        -- stretches of it that show too little to be compared, as they are exported
    PRIMARY KEY (video, bank)
) STRICT;
CREATE TABLE banks (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
"""

_REVIEW_TABLES = """
CREATE TABLE review_copies (    -- only added to
    video TEXT NOT NULL,        -- SHA-256 of the original
    at TEXT NOT NULL,           -- in UTC
    path BLOB,                  -- of the copy; NULL: there is none
    sha256 TEXT NOT NULL,       -- of the copy; '' where there is none
    style TEXT NOT NULL,
    covers TEXT NOT NULL,       -- what was asked to be covered, with commas
    revealed TEXT NOT NULL,
    why_revealed TEXT NOT NULL,
    outcome TEXT NOT NULL       -- in words
) STRICT;
CREATE INDEX review_copies_of_video ON review_copies (video);
"""


class Catalogue:
    """An open catalogue. Not to be shared between threads."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self._folder = folder
        self._connection = connection

    def all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Every row of the answer."""
        with _spoken(self._folder):
            return self._connection.execute(query, values).fetchall()

    def one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of the answer."""
        rows = self.all(query, values)
        return rows[0] if rows else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing."""
        with _spoken(self._folder), self._connection:
            yield self._connection


@contextmanager
def open_catalogue(folder: Path, *, make: bool) -> Iterator[Catalogue]:
    """The catalogue in ``folder``, to be read, or with ``make`` to be written.

    Raises:
        CaseError: a newer version made it, it cannot be written, or it is damaged.
    """
    with _spoken(folder):
        connection = sqlite3.connect(folder / CATALOGUE) if make else _connect_to_read(folder)
    try:
        with _spoken(folder):
            _prepare(connection, folder, make=make)
        yield Catalogue(folder, connection)
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, folder: Path, *, make: bool) -> None:
    (made_by,) = connection.execute("PRAGMA user_version").fetchone()
    if made_by > FORMAT:
        raise CaseError(
            f"{folder}: this case was made by a newer version of triage (kind {made_by}, this one knows {FORMAT}); "
            "update triage, or use another case"
        )
    if not make:
        return
    if made_by < FORMAT:
        connection.execute("PRAGMA journal_mode = WAL")
        tables = "".join([_TABLES, _MATCH_TABLES, _REVIEW_TABLES][made_by:])
        # One transaction, so that a kill in between leaves no half-made catalogue.
        connection.executescript(f"BEGIN; {tables} PRAGMA user_version = {FORMAT}; COMMIT;")
    connection.execute("PRAGMA synchronous = FULL")


def _connect_to_read(folder: Path) -> sqlite3.Connection:
    """A connection that cannot write, also where nobody may: a case on a read-only disk is evidence to look at."""
    address = f"{(folder / CATALOGUE).resolve().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(address, uri=True)
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        return sqlite3.connect(f"{address}&immutable=1", uri=True)
    return connection


@contextmanager
def _spoken(folder: Path) -> Iterator[None]:
    """SQLite's errors as our sentences."""
    try:
        yield
    except sqlite3.OperationalError as error:
        # On a very full disk SQLite cannot even make its log, and calls that an I/O error.
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL or _is_full(folder):
            raise CaseFullError(str(no_room(folder / CATALOGUE, OSError(errno.ENOSPC, "")))) from error
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY:
            raise no_room(folder / CATALOGUE, OSError(errno.EROFS, "it is read-only")) from error
        raise CaseError(f"{folder / CATALOGUE}: the catalogue cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise CaseError(
            f"{folder / CATALOGUE}: not a catalogue of triage, or damaged ({error}). The reports beside it are whole: "
            "move this one file away and scan again, nothing will be examined twice"
        ) from error


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < LEAST_ROOM
