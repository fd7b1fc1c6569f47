"""The folder that a job leaves behind: a SQLite catalogue and one report file per video.

::

    CASE/
      catalogue.sqlite      which file lies where, and where each video waits
      reports/ab/ab….json   one per video and settings, named by the video's SHA-256 and the settings' hash

A report file, written whole or not at all, *is* the mark that its video is done. The catalogue can lag behind by the
one video that was in hand when the program was killed; the next scan finds the report and catches up.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from triage.case.rows import Row, dump_row, load_row, row_of, with_paths
from triage.durable import no_room, write_whole
from triage.errors import CaseError, CaseFullError, Refusal, UsageError
from triage.records import Failure, Provenance, Queue, Report

FORMAT = 1
"""Version of the catalogue's tables, kept in SQLite's ``user_version``."""
CATALOGUE = "catalogue.sqlite"

_TABLES = """
CREATE TABLE files (
    path BLOB PRIMARY KEY,      -- as the system spells it; a name need not be text
    dump BLOB NOT NULL,
    size INTEGER,
    mtime_ns INTEGER,
    ctime_ns INTEGER,
    video TEXT,                 -- SHA-256; NULL where the bytes could not be read
    kind TEXT,                  -- why they could not be read
    why TEXT,
    is_there INTEGER NOT NULL   -- 0: it was there once
) STRICT;
CREATE INDEX files_of_video ON files (video);
CREATE TABLE results (
    video TEXT PRIMARY KEY,
    settings TEXT NOT NULL,     -- the last ones it was scanned with
    queue TEXT NOT NULL,
    place INTEGER NOT NULL,     -- of the queue, 0 for the most urgent
    weight REAL NOT NULL,
    kind TEXT NOT NULL,         -- extent of a report, or why there is none
    reached_ms INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells without reading it that a file has not changed."""

    size: int
    mtime_ns: int
    ctime_ns: int
    """Set by the system at every change; a changed file whose date was set back still differs here."""

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Counts:
    """How a case stands."""

    files: int
    videos: int
    """Different contents; the same bytes at two places are one."""
    queues: Mapping[Queue, int]
    """Contents by queue; files whose bytes could not be read count as unreadable."""
    kinds: Mapping[str, int]
    """Contents by extent, or by why there is nothing to look at."""
    reached_ms: int
    gone: int
    """Files that are no longer where they were."""
    left: int
    """Contents that no scan has finished yet."""


class Case:
    """An open case folder. Not to be shared between threads."""

    def __init__(self, folder: Path, catalogue: sqlite3.Connection) -> None:
        self.folder = folder
        self._catalogue = catalogue

    def known(self, path: Path, stamp: Stamp) -> str | None:
        """The SHA-256 of a file that was read before and has not changed since."""
        row = self._one(
            "SELECT video FROM files WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?",
            (os.fsencode(path), stamp.size, stamp.mtime_ns, stamp.ctime_ns),
        )
        return row[0] if row else None

    def note_file(self, path: Path, dump: Path, stamp: Stamp, video: str) -> None:
        """Keep where these bytes lie."""
        values = (os.fsencode(path), os.fsencode(dump), stamp.size, stamp.mtime_ns, stamp.ctime_ns, video)
        with self._writing():
            self._catalogue.execute("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, 1)", values)

    def note_unread(self, path: Path, dump: Path, kind: Refusal, why: str) -> None:
        """Keep that there is something at ``path`` whose bytes could not be read."""
        values = (os.fsencode(path), os.fsencode(dump), kind.value, why)
        with self._writing():
            self._catalogue.execute("REPLACE INTO files VALUES (?, ?, NULL, NULL, NULL, NULL, ?, ?, 1)", values)

    def note_gone(self, dumps: Sequence[Path], there: set[Path]) -> None:
        """Mark the files of these dumps that were not met this time; their rows stay."""
        known = self._catalogue.execute("SELECT path, dump FROM files WHERE is_there").fetchall()
        roots = {os.fsencode(dump) for dump in dumps}
        gone = [(path,) for path, dump in known if dump in roots and Path(os.fsdecode(path)) not in there]
        with self._writing():
            self._catalogue.executemany("UPDATE files SET is_there = 0 WHERE path = ?", gone)

    def stored(self, video: str, settings: str) -> Row | None:
        """The row of this content under these settings, if it was done."""
        path = self._report_path(video, settings)
        try:
            return load_row(path.read_bytes(), path)
        except FileNotFoundError:
            return None

    def stored_looking(self, video: str, settings: str) -> Row | None:
        """A row that was looked at in the same way, under whatever policy."""
        looking = settings.partition(".")[0]
        for path in sorted(self._report_path(video, settings).parent.glob(f"{video}.{looking}.*.json")):
            return load_row(path.read_bytes(), path)
        return None

    def save(self, result: Report | Failure) -> Row:
        """Write a report, or why there is none, whole or not at all; then take it into the catalogue."""
        video = result.video.id if isinstance(result, Report) else result.id
        assert video is not None, "bytes that could not be read are noted with their path"
        row = row_of(result)
        path = self._report_path(video, result.provenance.settings)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_room(path, error) from error
        write_whole(path, dump_row(row))
        self.take(row)
        return row

    def take(self, row: Row) -> None:
        """Make the catalogue say what this row says of its content."""
        verdict, coverage = row["verdict"], row["coverage"]
        queue = verdict["queue"]
        weight = max(reason["weight"] for reason in verdict["reasons"] if reason["queue"] == queue)
        kind = verdict["reasons"][0]["rule"] if queue == Queue.UNREADABLE else coverage["extent"]
        place = list(Queue).index(Queue(queue))
        values = (row["video"]["id"], row["provenance"]["settings"], queue, place, weight, kind, coverage["reached_ms"])
        with self._writing():
            self._catalogue.execute("REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def rows(self, queue: Queue | None = None, limit: int | None = None) -> Iterator[Row]:
        """The rows with their paths, the most urgent first: one for every content, and for every file not read."""
        chosen = self._catalogue.execute(
            "SELECT video, settings FROM results WHERE ?1 IS NULL OR queue = ?1 "
            "ORDER BY place, weight DESC, reached_ms DESC, video LIMIT ?2",
            (queue, -1 if limit is None else limit),
        ).fetchall()
        for video, settings in chosen:
            row = self.stored(video, settings)
            if row is None:
                raise CaseError(
                    f"{self._report_path(video, settings)}: the report is gone; run the scan again to make it anew"
                )
            yield with_paths(row, self.paths(video))
        if queue in {None, Queue.UNREADABLE}:
            yield from self._unread_rows(-1 if limit is None else max(0, limit - len(chosen)))

    def paths(self, video: str) -> list[str]:
        """Where these bytes lie, in the order of the alphabet; those that are there now first."""
        found = self._catalogue.execute(
            "SELECT path FROM files WHERE video = ? ORDER BY is_there DESC, path", (video,)
        ).fetchall()
        return [os.fsdecode(path) for (path,) in found]

    def counts(self) -> Counts:
        """How the case stands."""
        files, gone, unread = self._one("SELECT count(*), sum(NOT is_there), sum(video IS NULL) FROM files") or (
            0,
            0,
            0,
        )
        queues = dict(self._catalogue.execute("SELECT queue, count(*) FROM results GROUP BY queue"))
        kinds = dict(self._catalogue.execute("SELECT kind, count(*) FROM results GROUP BY kind"))
        kinds |= dict(self._catalogue.execute("SELECT kind, count(*) FROM files WHERE video IS NULL GROUP BY kind"))
        videos = (self._one("SELECT count(DISTINCT video) FROM files") or (0,))[0]
        reached = (self._one("SELECT coalesce(sum(reached_ms), 0) FROM results") or (0,))[0]
        left = self._one("SELECT count(DISTINCT video) FROM files WHERE video NOT IN (SELECT video FROM results)")
        by_queue = {name: int(queues.get(name, 0)) for name in Queue}
        by_queue[Queue.UNREADABLE] += unread or 0
        return Counts(files, videos, by_queue, kinds, reached, gone or 0, (left or (0,))[0])

    def _unread_rows(self, limit: int) -> Iterator[Row]:
        nothing_known = Provenance(version="", settings="", weights={}, runs_on={}, looked_for=())
        found = self._catalogue.execute(
            "SELECT path, kind, why FROM files WHERE video IS NULL ORDER BY path LIMIT ?", (limit,)
        ).fetchall()
        for path, kind, why in found:
            failure = Failure(None, Refusal(kind), why, nothing_known)
            yield with_paths(row_of(failure), [os.fsdecode(path)])

    def _report_path(self, video: str, settings: str) -> Path:
        return self.folder / "reports" / video[:2] / f"{video}.{settings}.json"

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._catalogue.execute(query, values).fetchone()
        return row

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._catalogue:
                yield
        except sqlite3.OperationalError as error:
            raise _refused(self.folder, error) from error


@contextmanager
def open_case(folder: Path, *, make: bool = False) -> Iterator[Case]:
    """An existing case, or with ``make`` a new one where there is none.

    Raises:
        UsageError: there is no case at ``folder``.
        CaseError: a newer version made it, it cannot be written, or it is damaged.
    """
    catalogue = folder / CATALOGUE
    if not make and not catalogue.is_file():
        raise UsageError(f"{folder}: there is no case here; make one with: triage scan DUMP --case {folder}")
    if make:
        _make_folder(folder)
    try:
        connection = sqlite3.connect(catalogue)
    except sqlite3.OperationalError as error:
        raise _refused(folder, error) from error
    try:
        _prepare(connection, folder)
        yield Case(folder, connection)
    finally:
        connection.close()


@contextmanager
def only_scan(case: Case) -> Iterator[None]:
    """Keep a second scan away from the case.

    Raises:
        CaseError: another one is at work.
    """
    lock = filelock.FileLock(case.folder / ".scan.lock", timeout=0)
    try:
        with lock:
            yield
    except filelock.Timeout as error:
        raise CaseError(
            f"{case.folder}: another scan is at work on this case; wait for it, or use another case"
        ) from error


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    try:
        (made_by,) = connection.execute("PRAGMA user_version").fetchone()
        if made_by > FORMAT:
            raise CaseError(
                f"{folder}: this case was made by a newer version of triage (kind {made_by}, this one knows {FORMAT}); "
                "update triage, or use another case"
            )
        if made_by < FORMAT:
            connection.execute("PRAGMA journal_mode = WAL")
            # One transaction, so that a kill in between leaves no half-made catalogue.
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.OperationalError as error:
        raise _refused(folder, error) from error
    except sqlite3.DatabaseError as error:
        raise CaseError(
            f"{folder / CATALOGUE}: not a catalogue of triage, or damaged ({error}). The reports beside it are whole: "
            "move this one file away and scan again, nothing will be examined twice"
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTDIR}:
            raise UsageError(f"{folder}: is a file; --case wants a folder") from error
        raise no_room(folder / CATALOGUE, error) from error


def _refused(folder: Path, error: sqlite3.OperationalError) -> CaseError:
    if "full" in str(error):
        return CaseFullError(str(no_room(folder / CATALOGUE, OSError(errno.ENOSPC, ""))))
    return CaseError(f"{folder / CATALOGUE}: the catalogue cannot be used: {error}")
