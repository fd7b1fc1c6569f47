"""The case's SQLite catalogue: its tables, how it is opened, and SQLite's errors as our sentences."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from triage.durable import NO_ROOM, no_room
from triage.errors import CaseError, CaseFullError

CATALOGUE = "catalogue.sqlite"
FORMAT = 4
"""Version of the catalogue's tables, kept in SQLite's ``user_version``."""
LEAST_ROOM = 65_536
"""Bytes below which a disk counts as full: SQLite's log starts with 32 KiB."""
PATIENCE_S = 30.0
"""How long one who wants to write waits for another; each writes for milliseconds, but a disk may be slow."""

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

_DECISION_TABLES = """
CREATE TABLE decisions (        -- only added to
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,           -- in UTC
    author TEXT NOT NULL,
    video TEXT NOT NULL,        -- SHA-256 of the content
    act TEXT NOT NULL,
    rung TEXT NOT NULL,         -- the highest that the author had seen
    about TEXT NOT NULL,        -- a label, 'minor' or 'grade'; '' for all of it
    start_ms INTEGER,           -- half-open; both NULL: the whole video
    end_ms INTEGER,
    instead TEXT NOT NULL,      -- of a correction, as JSON
    why TEXT NOT NULL,
    supersedes INTEGER,
    is_second INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_of_video ON decisions (video, number);
CREATE TABLE exposures (        -- only added to
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    at TEXT NOT NULL,           -- in UTC
    video TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    grade INTEGER NOT NULL,
    rung TEXT NOT NULL,
    has_sound INTEGER NOT NULL
) STRICT;
CREATE INDEX exposures_of_author ON exposures (author, at);
CREATE TABLE team_rules (       -- only added to; the last row counts
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    why TEXT NOT NULL,
    rules TEXT NOT NULL         -- as JSON
) STRICT;
CREATE TABLE handovers (        -- only added to
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    words TEXT NOT NULL
) STRICT;
CREATE TABLE to_log (           -- what was written here and is not in audit.jsonl yet
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL          -- as JSON
) STRICT;
CREATE TABLE log_seen (         -- the newest line of audit.jsonl that was seen from here: one row
    number INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE report_hashes (    -- only added to; the last row of a name counts
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,         -- of a report or a seal, within the case
    sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX report_hashes_of_name ON report_hashes (name);
""" + "".join(
    f"CREATE TRIGGER {table}_stay_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are only added to'); END;\n"
    for table in ("decisions", "exposures", "team_rules", "handovers", "report_hashes")
    for verb in ("UPDATE", "DELETE")
)


Writing = sqlite3.Connection
"""An open transaction."""
RowRefused = sqlite3.DatabaseError
"""What a transaction raises for a row that cannot stand in its table; the rows before it do."""


class Catalogue:
    """An open catalogue. Not to be shared between threads; each may open its own, in as many programs as there are."""

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
    def writing(self) -> Iterator[Writing]:
        """One transaction: all of it, or nothing. What is read in it stays true until it is written: others wait."""
        with _spoken(self._folder), self._connection:
            # Not when the first row is written, as SQLite would: two who have both read could then not both go on.
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def damages(self) -> list[str]:
        """What SQLite finds wrong with its file, in its words."""
        return [said for (said,) in self.all("PRAGMA quick_check") if said != "ok"]

    def has(self, table: str) -> bool:
        """Whether there is such a table; a case of an earlier version, opened to be read, lacks the newer ones."""
        return self.one("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)) is not None


@contextmanager
def open_catalogue(
    folder: Path,
    *,
    make: bool,
    before_making: Callable[[bool], None] = lambda _: None,
    filling: Callable[[Writing], None] = lambda _: None,
) -> Iterator[Catalogue]:
    """The catalogue in ``folder``, to be read, or with ``make`` to be written.

    Args:
        before_making: called before tables are made, once however many programs open the catalogue at a time, and told
            whether there were none.
        filling: called where there were none, to put in what is known already; in the transaction that makes them.

    Raises:
        CaseError: a newer version made it, it cannot be written, or it is damaged.
    """
    with _spoken(folder):
        connection = sqlite3.connect(folder / CATALOGUE, timeout=PATIENCE_S) if make else _connect_to_read(folder)
    try:
        with _spoken(folder):
            if make:
                _prepare(connection, folder, before_making, filling)
            elif _made_by(connection, folder) == 0:
                raise CaseError(
                    f"{folder}: this case is being made at this moment, or that was stopped before anything was in it; "
                    f"try again in a moment, or scan again: triage scan DUMP --case {folder}"
                )
        yield Catalogue(folder, connection)
    finally:
        connection.close()


def _prepare(
    connection: Writing, folder: Path, before_making: Callable[[bool], None], filling: Callable[[Writing], None]
) -> None:
    if _made_by(connection, folder) < FORMAT:
        try:
            with filelock.FileLock(folder / ".catalogue.lock"):
                _bring_up_to_date(connection, folder, before_making, filling)
        except OSError as error:
            raise no_room(folder / CATALOGUE, error) from error
    connection.execute("PRAGMA synchronous = FULL")


def _made_by(connection: sqlite3.Connection, folder: Path) -> int:
    """Version of the tables that are there; 0: none are."""
    (made_by,) = connection.execute("PRAGMA user_version").fetchone()
    if made_by > FORMAT:
        raise CaseError(
            f"{folder}: this case was made by a newer version of triage (kind {made_by}, this one knows {FORMAT}); "
            "update triage, or use another case"
        )
    return int(made_by)


def _bring_up_to_date(
    connection: Writing, folder: Path, before_making: Callable[[bool], None], filling: Callable[[Writing], None]
) -> None:
    """Make the tables that are missing. Whoever calls this holds the lock."""
    made_by = _made_by(connection, folder)  # another may have made them meanwhile
    if made_by < FORMAT:
        before_making(made_by == 0)
        connection.execute("PRAGMA journal_mode = WAL")
        tables = "".join([_TABLES, _MATCH_TABLES, _REVIEW_TABLES, _DECISION_TABLES][made_by:])
        # One transaction, so that a kill in between leaves no half-made catalogue.
        connection.executescript(f"BEGIN IMMEDIATE; {tables}")
        if made_by == 0:
            filling(connection)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.commit()


def _connect_to_read(folder: Path) -> sqlite3.Connection:
    """A connection that cannot write, also where nobody may: a case on a read-only disk is evidence to look at."""
    address = f"{(folder / CATALOGUE).resolve().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(address, uri=True)
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE_S * 1000:.0f}")
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise  # then it can be read as soon as the other is done, and what is read must not lack its newest rows
        return sqlite3.connect(f"{address}&immutable=1", uri=True)
    return connection


@contextmanager
def _spoken(folder: Path) -> Iterator[None]:
    """SQLite's errors as our sentences."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF  # the rest says where in SQLite
        # On a very full disk SQLite cannot even make its log, and calls that an I/O error.
        if code == sqlite3.SQLITE_FULL or _is_full(folder):
            raise CaseFullError(str(no_room(folder / CATALOGUE, OSError(errno.ENOSPC, "")))) from error
        if code == sqlite3.SQLITE_READONLY:
            raise no_room(folder / CATALOGUE, OSError(errno.EROFS, "it is read-only")) from error
        if code == sqlite3.SQLITE_BUSY:
            raise CaseError(
                f"{folder / CATALOGUE}: somebody else has been writing to this case for {PATIENCE_S:.0f} seconds; "
                "nothing was changed: try again in a moment"
            ) from error
        raise CaseError(f"{folder / CATALOGUE}: the catalogue cannot be used: {error}") from error
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise  # our doing, and no damage to the file: nobody should be told to move it away for that
    except sqlite3.DatabaseError as error:
        raise CaseError(
            f"{folder / CATALOGUE}: not a catalogue of triage, or damaged ({error}). The reports beside it are whole, "
            "and decisions are in the log: move this one file away and scan again, nothing will be examined twice. "
            "Keep it: only it holds who saw how much, and which review copies were made"
        ) from error


def _is_full(folder: Path) -> bool:
    if shutil.disk_usage(folder).free < LEAST_ROOM:
        return True
    try:  # a quota may be used up where the disk has room, and only who writes is told
        with tempfile.TemporaryFile(dir=folder, buffering=0) as trial:
            trial.write(bytes(LEAST_ROOM))
            os.fsync(trial.fileno())
    except OSError as error:
        return error.errno in NO_ROOM
    return False
