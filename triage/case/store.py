"""The folder that a job leaves behind: a SQLite catalogue and one report file per video.

::

    CASE/
      catalogue.sqlite      which file lies where, and where each video waits
      reports/ab/ab….json   one per video and settings, named by the video's SHA-256 and the settings' hash
      fingerprints/ab/ab….npz  one per video and model: what copies of it are found with; no pixel
      sealed/ab….json       one per sealed content, whatever the settings; of these the case holds nothing else
      audit.jsonl           what was done with the case, each line chained to the one before

A report file, written whole or not at all, *is* the mark that its video is done. The catalogue can lag behind by the
one video that was in hand when the program was killed; the next scan finds the report and catches up.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from triage.archive import INSIDE, archive_of
from triage.case.audit import START_WORDS, AuditKind, AuditLog, Start, who
from triage.case.catalogue import CATALOGUE, Catalogue, Writing, open_catalogue
from triage.case.copies import Copies, with_overlaps
from triage.case.decisions import DecisionLog
from triage.case.exposure import ExposureLog
from triage.case.hashes import ReportHashes
from triage.case.listing import Listing
from triage.case.moving import Moves
from triage.case.recording import Recorder
from triage.case.restoring import restore
from triage.case.review import ReviewLog
from triage.case.rows import Row, dump_row, is_sealed, load_row, row_of, with_paths
from triage.durable import no_room, write_whole
from triage.errors import CaseError, Refusal, ReportError, UsageError
from triage.names import shown
from triage.original import Stamp
from triage.records import Failure, Fingerprint, Provenance, Queue, Report, Sealed

_LEFT = (
    "FROM places WHERE is_there AND ((video = '' AND kind IS NULL) OR (video != '' "
    "AND video NOT IN (SELECT video FROM results) AND path NOT IN (SELECT path FROM unread)))"
)
"""Files whose turn has not come, or whose bytes are known and not examined; one that could not be read had its turn."""
NOTHING_KNOWN = Provenance(version="", settings="", weights={}, runs_on={}, looked_for=())


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
    """Files whose turn has not come yet, or whose contents no scan has finished."""
    otherwise: int
    """Contents that were last examined with other settings or weights than the last scan had."""


class Case:
    """An open case folder. Not to be shared between threads."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.folder = folder
        self.copies = Copies(folder, catalogue)
        self.review = ReviewLog(catalogue)
        self.audit = AuditLog(folder, lambda: Start.LOST if catalogue.has("to_log") else Start.OLDER)
        self.recorder = Recorder(catalogue, self.audit)
        self.hashes = ReportHashes(folder, catalogue)
        self.decisions = DecisionLog(catalogue, self.audit)
        self.exposure = ExposureLog(catalogue, self.audit)
        self.listing = Listing(folder, catalogue)
        self._catalogue = catalogue
        self._moves = Moves()

    def begin(self, settings: str, roots: Sequence[Path], there: Iterable[Path]) -> None:
        """Note what a scan is going to do, so that one that is stopped does not look finished.

        Args:
            settings: of the scan.
            roots: the dumps.
            there: every path met in them; what was known below the roots and is not among these is gone.
        """
        met = {os.fsencode(path) for path in there}
        within = [os.fsencode(root).rstrip(b"/") for root in roots]
        places = self._catalogue.all("SELECT path, video FROM places WHERE is_there")
        known = {path for path, _ in places}
        here = {path for path in known if any(_is_within(path, root) for root in within)}
        self._moves.begin((path, video) for path, video in places if path not in here)
        lost = [(path,) for path in here - met]
        with self._catalogue.writing() as writing:
            writing.execute("DELETE FROM last_scan")
            writing.execute("INSERT INTO last_scan VALUES (?)", (settings,))
            writing.executemany("DELETE FROM places WHERE path = ? AND video = ''", lost)
            writing.executemany("UPDATE places SET is_there = 0 WHERE path = ?", lost)
            writing.executemany(
                "INSERT INTO places VALUES (?, '', NULL, NULL, NULL, NULL, NULL, 1)", [(path,) for path in met - known]
            )

    def known(self, path: Path, stamp: Stamp) -> str | None:
        """The SHA-256 of a file that was read before and has not changed since."""
        row = self._catalogue.one(
            "SELECT video FROM places WHERE path = ? AND video != '' AND is_there "
            "AND size = ? AND mtime_ns = ? AND ctime_ns = ?",
            (os.fsencode(path), stamp.size, stamp.mtime_ns, stamp.ctime_ns),
        )
        return row[0] if row else None

    def note_file(self, path: Path, stamp: Stamp, video: str) -> None:
        """Keep where these bytes lie; where others lay before, that is kept too, as past.

        So is where these lay before, if they are not there any more: a dump may have been moved as a whole.
        """
        place = os.fsencode(path)
        wanted = [(place, video, stamp.size, stamp.mtime_ns, stamp.ctime_ns, None, None, 1)]
        if self._catalogue.all("SELECT * FROM places WHERE path = ? AND is_there", (place,)) == wanted:
            return  # every write waits for the disk
        with self._catalogue.writing() as writing:
            self._moves.note(writing, place, video)
            writing.execute("DELETE FROM places WHERE path = ? AND video = ''", (place,))
            writing.execute("UPDATE places SET is_there = 0 WHERE path = ?", (place,))
            writing.executemany("REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?)", wanted)

    def note_unread(self, path: Path, kind: Refusal, why: str) -> None:
        """Keep that what is at ``path`` could not be read; what was known of it stays."""
        with self._catalogue.writing() as writing:
            writing.execute(
                "REPLACE INTO places VALUES (?, '', NULL, NULL, NULL, ?, ?, 1)", (os.fsencode(path), kind.value, why)
            )

    def stored(self, video: str, settings: str) -> Row | None:
        """The row of this content under these settings, if it was done.

        Raises:
            CaseError: the report is damaged, or a newer version wrote it.
        """
        return _read_report(self._report_path(video, settings))

    def stored_looking(self, video: str, settings: str) -> Row | None:
        """A row that was looked at in the same way, under whatever policy."""
        looking = settings.partition(".")[0]
        for path in sorted(self._report_path(video, settings).parent.glob(f"{video}.{looking}.*.json")):
            return _read_report(path)
        return None

    def is_sealed(self, video: str) -> bool:
        """Whether nobody is to look at this content: nothing may be opened, shown, embedded, copied or covered of it.

        Whatever makes something of a file asks this first. One of two marks is enough, so that neither a lost catalogue
        nor a lost file unseals anything.

        Raises:
            CaseError: the folder of seals cannot be entered, so it cannot be told.
        """
        try:
            return self.queue_of(video) == Queue.SEALED or self._seal_path(video).exists()
        except OSError as error:
            raise CaseError(
                f"{self.folder / 'sealed'}: cannot be entered: {error.strerror}. What is sealed in this case cannot be "
                "told without it; ask whoever may read it"
            ) from error

    def sealed(self, video: str) -> Row | None:
        """What is kept of a sealed content; None if it is not sealed."""
        if not self.is_sealed(video):
            return None
        try:
            row = _read_report(self._seal_path(video))
        except CaseError:
            row = None
        # A seal holds however damaged its note is, and whoever may read it.
        return row or row_of(Sealed(video, None, "it was sealed; the note of when and why is lost", NOTHING_KNOWN))

    def save(self, result: Report | Failure | Sealed) -> Row:
        """Write a report, or why there is none, whole or not at all; then take it into the catalogue.

        Raises:
            ValueError: the content is sealed, so there is nothing to keep of it.
        """
        video = result.video.id if isinstance(result, Report) else result.id
        assert video is not None, "bytes that could not be read are noted with their path"
        if not isinstance(result, Sealed) and self.is_sealed(video):
            raise ValueError(f"{video[:12]} is sealed: ask is_sealed before anything is made of it")
        row = row_of(result)
        settings = result.provenance.settings
        path = self._seal_path(video) if isinstance(result, Sealed) else self._report_path(video, settings)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_room(path, error) from error
        data = dump_row(row)
        write_whole(path, data)
        self._take(row, self.hashes.named(path, data))
        return row

    def save_fingerprint(self, fingerprint: Fingerprint) -> None:
        """Write what copies of a content are found with.

        Raises:
            ValueError: the content is sealed, so there is nothing to keep of it.
        """
        if self.is_sealed(fingerprint.video):
            raise ValueError(f"{fingerprint.video[:12]} is sealed: ask is_sealed before anything is made of it")
        self.copies.save(fingerprint)

    def take(self, row: Row) -> None:
        """Make the catalogue say what this row says of its content; of what is sealed, let go of earlier reports."""
        self._take(row, None)

    def _take(self, row: Row, written: tuple[str, str] | None) -> None:
        """``take``, and keep the hash of a report that was just written."""
        values = _result(row)
        if is_sealed(row):
            self._let_go(row["video"]["id"])
        if written is None and self.says(row):
            return
        with self._catalogue.writing() as writing:
            writing.execute("REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            if written is not None:
                self.hashes.keep(writing, [written])

    def says(self, row: Row) -> bool | None:
        """Whether the catalogue says of a content what this row says; None: nothing, or only under other settings."""
        values = _result(row)
        known = self._catalogue.one("SELECT * FROM results WHERE video = ?", values[:1])
        return None if known is None or known[1] != values[1] else known == values

    def _let_go(self, video: str) -> None:
        """Remove what was made of a content before it was sealed: reports say what was seen where in which picture.

        The same file, settings and weights would make the same again, so nothing is lost that may be had.
        """
        for report in self._report_path(video, "").parent.glob(f"*{video}.*"):  # also one that a kill left half written
            try:
                report.unlink(missing_ok=True)
            except OSError as error:
                raise no_room(report, error) from error
        self.copies.let_go(video)
        self.review.let_go(self.folder, video)

    def rows(self, queue: Queue | None = None, limit: int | None = None) -> Iterator[Row]:
        """The rows with their paths, the most urgent first: one for every content, and for every file not read."""
        chosen = self._catalogue.all(
            "SELECT video, settings FROM results WHERE ?1 IS NULL OR queue = ?1 "
            "ORDER BY place, weight DESC, reached_ms DESC, video LIMIT ?2",
            (queue, -1 if limit is None else limit),
        )
        banks = self.copies.banks()
        for video, settings in chosen:
            row = self._with_overlaps(self._row_or_why(video, settings), banks)
            yield with_paths(row, self._paths(video, is_there=True), self._paths(video, is_there=False))
        if queue in {None, Queue.UNREADABLE}:
            yield from self._unread_rows(-1 if limit is None else max(0, limit - len(chosen)))

    def row(self, video: str) -> Row | None:
        """The row of one content, with its paths; None: it was never examined."""
        found = self._catalogue.one("SELECT settings FROM results WHERE video = ?", (video,))
        if found is None:
            return None
        row = self._with_overlaps(self._row_or_why(video, found[0]), self.copies.banks())
        return with_paths(row, self._paths(video, is_there=True), self._paths(video, is_there=False))

    def _with_overlaps(self, row: Row, banks: Mapping[str, str]) -> Row:
        video = row["video"]["id"]
        return with_overlaps(row, self.copies.of(video), self.copies.blank(video), banks)

    def unsealed(self) -> list[str]:
        """Every content that was examined and may be looked at, the most urgent first."""
        ordered = self._catalogue.all(
            "SELECT video FROM results WHERE queue != ? ORDER BY place, weight DESC, reached_ms DESC, video",
            (Queue.SEALED,),
        )
        marked = self.listing.marked()
        return [video for (video,) in ordered if video not in marked]

    def lengths_ms(self) -> dict[str, int]:
        """Content -> how much of it was reached."""
        return dict(self._catalogue.all("SELECT video, reached_ms FROM results"))

    def counts(self) -> Counts:
        """How the case stands."""
        (files,) = self._catalogue.one("SELECT count(DISTINCT path) FROM places WHERE is_there") or (0,)
        (ever,) = self._catalogue.one("SELECT count(DISTINCT path) FROM places") or (0,)
        (unread,) = self._catalogue.one("SELECT count(*) FROM unread") or (0,)
        (left,) = self._catalogue.one(
            f"SELECT count(DISTINCT CASE video WHEN '' THEN path ELSE video END) {_LEFT}"
        ) or (0,)
        (otherwise,) = self._catalogue.one(
            "SELECT count(*) FROM results WHERE settings NOT IN (SELECT settings FROM last_scan) "
            "AND video IN (SELECT video FROM places WHERE is_there) AND queue != ?",
            (Queue.SEALED,),
        ) or (0,)
        queues = dict(self._catalogue.all("SELECT queue, count(*) FROM results GROUP BY queue"))
        by_queue = {name: int(queues.get(name, 0)) for name in Queue}
        by_queue[Queue.UNREADABLE] += unread
        kinds = Counter(dict(self._catalogue.all("SELECT kind, count(*) FROM results GROUP BY kind")))
        kinds.update(dict(self._catalogue.all("SELECT kind, count(*) FROM unread GROUP BY kind")))
        videos, reached_ms = self._catalogue.one("SELECT count(*), coalesce(sum(reached_ms), 0) FROM results") or (0, 0)
        return Counts(
            files=files,
            videos=videos,
            queues=by_queue,
            kinds=kinds,
            reached_ms=reached_ms,
            gone=ever - files,
            left=left,
            otherwise=otherwise,
        )

    def left(self) -> list[Path]:
        """Files whose turn has not come yet, or whose contents no scan has finished."""
        paths = self._catalogue.all(f"SELECT path {_LEFT} ORDER BY path")
        return [Path(os.fsdecode(path)) for (path,) in paths]

    def written(self) -> list[tuple[float, int]]:
        """When the report of each content was written, in seconds since 1970, and how many bytes the content has."""
        sizes = self._catalogue.all(
            "SELECT results.video, results.settings, max(places.size) FROM results JOIN places USING (video) "
            "WHERE queue != ? GROUP BY results.video",
            (Queue.SEALED,),
        )
        found = []
        for video, settings, size in sizes:
            with suppress(OSError):
                found.append((self._report_path(video, settings).stat().st_mtime, size or 0))
        return sorted(found)

    def places(self) -> list[tuple[Path, str, Stamp]]:
        """Every file that was read and is still there as far as is known, with its SHA-256 and its stamp then."""
        found = self._catalogue.all(
            "SELECT path, video, size, mtime_ns, ctime_ns FROM places WHERE is_there AND video != '' ORDER BY path"
        )
        return [(Path(os.fsdecode(path)), video, Stamp(*stamp)) for path, video, *stamp in found]

    def reports(self) -> list[Path]:
        """Where the report of every content that is not sealed is to lie, under the settings of its last scan."""
        found = self._catalogue.all("SELECT video, settings FROM results WHERE queue != ?", (Queue.SEALED,))
        return [self._report_path(video, settings) for video, settings in found]

    def damages(self) -> list[str]:
        """What SQLite finds wrong with the catalogue, in its words."""
        return self._catalogue.damages()

    def files(self, video: str) -> list[Path]:
        """Where these bytes lie."""
        return [Path(path) for path in self._paths(video, is_there=True)]

    def name_of(self, video: str) -> str:
        """Where these bytes lie, or else where they lay, fit to be shown; without a place, their first digits."""
        paths = self._paths(video, is_there=True) or self._paths(video, is_there=False)
        return shown(paths[0]) if paths else video[:12]

    def _paths(self, video: str, *, is_there: bool) -> list[str]:
        """Where these bytes lie, or where they lay, in the order of the alphabet."""
        found = self._catalogue.all(
            "SELECT path FROM places WHERE video = ? AND is_there = ? ORDER BY path", (video, is_there)
        )
        return [os.fsdecode(path) for (path,) in found]

    def _row_or_why(self, video: str, settings: str) -> Row:
        """The stored row, or one that says why there is none: one damaged report must not hide the others."""
        if (seal := self.sealed(video)) is not None:
            return seal
        path = self._report_path(video, settings)
        try:
            row = self.stored(video, settings)
        except ReportError as error:
            row, why = None, str(error)
        else:
            why = f"{path}: the report is gone; run the scan again to make it anew"
        return row or row_of(Failure(video, Refusal.NOT_OPENED, why, NOTHING_KNOWN))

    def queue_of(self, video: str) -> str | None:
        """The queue in which these bytes wait; None if they were never examined."""
        row = self._catalogue.one("SELECT queue FROM results WHERE video = ?", (video,))
        return row[0] if row else None

    def _unread_rows(self, limit: int) -> Iterator[Row]:
        for path, kind, why in self._catalogue.all(
            "SELECT path, kind, why FROM unread ORDER BY path LIMIT ?", (limit,)
        ):
            failure = Failure(None, Refusal(kind), why, NOTHING_KNOWN)
            yield with_paths(with_overlaps(row_of(failure), [], [], {}), [os.fsdecode(path)], [])

    def _seal_path(self, video: str) -> Path:
        return self.folder / "sealed" / f"{video}.json"

    def _report_path(self, video: str, settings: str) -> Path:
        return self.folder / "reports" / video[:2] / f"{video}.{settings}.json"


@contextmanager
def open_case(folder: Path, *, make: bool = False) -> Iterator[Case]:
    """An existing case to be read, or with ``make`` one to be written, made where there is none.

    Raises:
        UsageError: there is no case at ``folder``.
        CaseError: a newer version made it, it cannot be written, or it is damaged.
    """
    if make:
        _make_folder(folder)
    elif not _is_case(folder):
        raise UsageError(f"{folder}: there is no case here; make one with: triage scan DUMP --case {folder}")

    restored = 0

    def begin_log(is_new: bool) -> None:
        AuditLog(folder).begin(who(), Start.NEW if is_new else Start.OLDER)

    def take_from_log(rows: Writing) -> None:
        nonlocal restored
        restored = restore(rows, AuditLog(folder).entries())

    with open_catalogue(folder, make=make, before_making=begin_log, filling=take_from_log) as catalogue:
        case = Case(folder, catalogue)
        if make:
            case.audit.begin(who(), Start.LOST)
            case.recorder.catch_up()
        if restored:
            what = {"start": Start.RESTORED, "rows": restored, "why": START_WORDS[Start.RESTORED]}
            case.recorder.put(AuditKind.CASE_CREATED, who(), what)
        yield case


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
    except OSError as error:
        if error.filename is None or Path(error.filename).name != ".scan.lock":
            raise
        raise no_room(case.folder / CATALOGUE, error) from error


def _result(row: Row) -> tuple[str, str, str, int, float, str, int]:
    """What the catalogue keeps of a row, in the order of its columns."""
    verdict, coverage = row["verdict"], row["coverage"]
    queue = verdict["queue"]
    weight = max(reason["weight"] for reason in verdict["reasons"] if reason["queue"] == queue)
    is_report = queue not in {Queue.UNREADABLE, Queue.SEALED}
    kind = coverage["extent"] if is_report else verdict["reasons"][0]["rule"]
    place = list(Queue).index(Queue(queue)) - list(Queue).index(Queue.URGENT)
    settings, reached_ms = row["provenance"]["settings"], coverage["reached_ms"] or 0
    return (row["video"]["id"], settings, queue, place, weight, kind, reached_ms)


def _is_within(path: bytes, root: bytes) -> bool:
    """Whether it is the dump, lies in it, or lies in the archive that is the dump."""
    if path == root or path.startswith(root + b"/"):
        return True
    inside = path.startswith(root + os.fsencode(INSIDE) + b"/")
    return inside and archive_of(Path(os.fsdecode(path))) == Path(os.fsdecode(root))


def _is_case(folder: Path) -> bool:
    try:
        return (folder / CATALOGUE).is_file()
    except OSError as error:  # a name too long for the system, a parent that may not be entered
        raise UsageError(f"{folder}: cannot be opened: {error.strerror}") from error


def _read_report(path: Path) -> Row | None:
    try:
        return load_row(path.read_bytes(), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CaseError(f"{path}: the report cannot be read: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTDIR}:
            raise UsageError(f"{folder}: is a file; --case wants a folder") from error
        raise no_room(folder / CATALOGUE, error) from error
