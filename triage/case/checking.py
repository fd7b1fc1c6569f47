"""Whether a case is what it says: its log, decisions, reports, review copies and originals. Nothing is written.

What is wrong is told apart from what is only worth knowing: an original that is missing is no forged one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from triage.archive import archive_of
from triage.case.audit import AUDIT, AuditKind, Entry, Head, Start
from triage.case.chain import Checked, check
from triage.case.decisions import decision_row
from triage.case.exposure import rules_row
from triage.case.hashes import files
from triage.case.recording import KEPT_AS
from triage.case.rows import DAMAGE, Row, is_sealed, load_row, report_of
from triage.case.store import Case
from triage.durable import read_whole
from triage.errors import CaseError, VideoError
from triage.original import Stamp, open_original, unread
from triage.records import Queue
from triage.remote import url_of

KEPT_KINDS = {
    AuditKind.DECISION: "decision",
    AuditKind.UNDO: "decision",
    AuditKind.SETTINGS: "team rules",
    AuditKind.HANDOVER: "handover",
}
"""Kinds of lines that tell of rows in the catalogue, and what these rows are called."""


class Part(StrEnum):
    """What is checked, in this order."""

    LOG = "log"
    CATALOGUE = "catalogue"
    DECISIONS = "decisions"
    REPORTS = "reports"
    COPIES = "review copies"
    ORIGINALS = "originals"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was met."""

    part: Part
    where: str
    """A line of the log, a name, a path; not fit to be shown as it is. Empty: it is about all of it."""
    why: str
    is_wrong: bool
    """False: it is worth knowing, and can have an innocent cause."""


def check_log(case: Case, known: Head | None = None) -> tuple[Checked, list[Remark]]:
    """Try the chain, and whether it still holds what was seen of it.

    Args:
        known: a newest line that somebody wrote down.

    Raises:
        CaseError: it cannot be read.
    """
    witness = case.recorder.seen()  # first, since lines may be added meanwhile
    checked = check(case.audit.path)
    if not checked.hashes:
        return checked, [_no_log(witness or known)]
    remarks = [_wrong(Part.LOG, f"{AUDIT} line {one.line}", one.why) for one in checked.problems]
    remarks += [_note(Part.LOG, f"{AUDIT} line {one.line}", one.why) for one in checked.notes]
    remarks += _beginning(checked.entries)
    if witness is not None and not _holds(checked, witness):
        why = f"entry {witness.number}, which the catalogue has seen, is not there any more or is another"
        remarks.append(_wrong(Part.LOG, AUDIT, why))
    if known is not None and not _holds(checked, known):
        why = f"there is no entry {known.number} with the hash that you gave: the log was cut, changed or is another's"
        remarks.append(_wrong(Part.LOG, AUDIT, why))
    return checked, remarks


def check_catalogue(case: Case) -> list[Remark]:
    """Ask SQLite whether its file is whole.

    Raises:
        CaseError: it is so damaged that it does not answer.
    """
    return [_wrong(Part.CATALOGUE, "", said) for said in case.damages()]


def check_decisions(case: Case) -> list[Remark]:
    """Hold decisions, team rules and handover notes against the log, either way.

    Raises:
        CaseError: the catalogue or the log cannot be read.
    """
    # In this order, while others go on writing: a row comes with a note, then its line is added, then the note goes.
    made = _kept(case)
    waiting = case.recorder.waiting()
    logged = _logged(check(case.audit.path).entries)
    made_since = _kept(case)
    late = {_name(kind, what) for _, _, kind, what in waiting if kind in KEPT_KINDS}
    remarks = [
        _note(Part.DECISIONS, name, "is kept and not on record yet: a program was stopped; the next to write adds it")
        for name in sorted(late)
    ]
    for name, row in made.items():
        if name in logged and not _is_alike(logged[name].what, row):
            remarks.append(_wrong(Part.DECISIONS, name, f"is not what entry {logged[name].number} of the log says"))
        elif name not in logged and name not in late:
            remarks.append(
                _wrong(Part.DECISIONS, name, "is not on record: it was put in, or lines of the log are gone")
            )
    for name, entry in logged.items():
        if name not in made_since:
            remarks.append(_wrong(Part.DECISIONS, name, f"is gone, and entry {entry.number} of the log tells of it"))
    return remarks


def check_reports(case: Case, found: Iterable[Path] | None = None) -> Iterator[Remark]:
    """Whether every report loads, belongs to its name and is what was written, and none is gone.

    Args:
        found: every report and seal that is there, for one who counts along; without, they are looked for.

    Raises:
        CaseError: the catalogue or the log cannot be read.
    """
    entries = check(case.audit.path).entries
    yield from _anchored(case, entries)
    last = case.hashes.last()
    there: set[str] = set()
    for path in files(case.folder) if found is None else found:
        name = path.relative_to(case.folder).as_posix()
        there.add(name)
        yield from _report(case, path, name, last.get(name))
    wanted = {path.relative_to(case.folder).as_posix() for path in case.reports()} | last.keys()
    for name in sorted(wanted - there):
        if not case.is_sealed(Path(name).name[:64]):
            yield _wrong(Part.REPORTS, name, "is gone; scan again and it is made anew")
        elif name.startswith("sealed/"):
            yield _wrong(Part.REPORTS, name, "is gone; the content stays sealed, and when and why is lost")


def check_copies(case: Case) -> Iterator[Remark]:
    """Whether every review copy that is where it was made is what was written."""
    made = {copied.path: copied for copied in case.review.all() if copied.path is not None}  # the newest at each place
    for path, copied in made.items():
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            yield _note(Part.COPIES, str(path), "is missing: moved, renamed or deleted since it was made")
        except OSError as error:
            yield _note(Part.COPIES, str(path), f"cannot be read: {error.strerror or error}")
        else:
            if sha256 != copied.sha256:
                yield _wrong(Part.COPIES, str(path), "is not what was made and searched: it was changed since")


def check_original(case: Case, path: Path, video: str, stamp: Stamp, *, read: bool) -> Iterator[Remark]:
    """Whether an original is still where it was, and with ``read``, whether its bytes are what was scanned.

    What is sealed is not opened. A file in an archive is looked at as far as its archive is: it has that one's stamp.

    Args:
        video: SHA-256 of what was scanned there.
        stamp: of the file when it was scanned.
    """
    if (url := url_of(path)) is not None:
        yield _note(Part.ORIGINALS, url, "was not read: it lies at an address, and checking uses no network")
        return
    archive = archive_of(path)
    otherwise = "has another size or date than then" if archive is None else "lies in an archive that was changed since"
    try:
        now = Stamp.of((archive or path).lstat())
    except FileNotFoundError:
        yield _note(Part.ORIGINALS, str(path), "is missing: moved, renamed or deleted since it was scanned")
        return
    except OSError as error:
        yield _note(Part.ORIGINALS, str(path), f"cannot be looked at: {error.strerror or error}")
        return
    if case.is_sealed(video):
        if now != stamp:
            yield _note(Part.ORIGINALS, str(path), f"{otherwise}; it is sealed and was not opened")
    elif not read:
        if (now.size, now.mtime_ns) != (stamp.size, stamp.mtime_ns):
            yield _note(Part.ORIGINALS, str(path), f"{otherwise}; --originals reads it")
    else:
        yield from _read_original(path, video)


def _read_original(path: Path, video: str) -> Iterator[Remark]:
    try:
        with open_original(path) as file:
            try:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise unread(error) from error
    except VideoError as refusal:
        yield _note(Part.ORIGINALS, str(path), f"could not be compared: {refusal.why}")
    else:
        if sha256 != video:
            yield _wrong(
                Part.ORIGINALS, str(path), f"is not what was scanned there ({video[:12]}): its bytes are others"
            )


def _no_log(witness: Head | None) -> Remark:
    if witness is not None:
        return _wrong(Part.LOG, AUDIT, f"is gone or empty, and had {witness.number} entries")
    return _note(Part.LOG, AUDIT, "there is none: an older version made this case; the next to write begins one")


def _beginning(entries: Sequence[Entry]) -> Iterator[Remark]:
    first, where = (entries[0] if entries else None), f"{AUDIT} line 1"
    if first is not None and first.kind == AuditKind.MENDED and first.what.get("torn_lines", 0) == first.number - 1:
        yield _note(Part.LOG, where, "the program was stopped while it wrote how the case was made")
    elif first is None or first.kind != AuditKind.CASE_CREATED:
        yield _wrong(Part.LOG, where, "is not how a log begins: what was before it was taken out")
    elif first.what.get("start") != Start.NEW:
        yield _note(Part.LOG, where, str(first.what.get("why")))


def _holds(checked: Checked, head: Head) -> bool:
    return any((entry.number, entry.sha256) == head for entry in checked.entries)


def _kept(case: Case) -> dict[str, dict[str, Any]]:
    """What is in the catalogue and has to be on record, by a name for it."""
    rows: list[tuple[str, dict[str, Any]]] = [("decision", decision_row(one)) for one in case.decisions.every()]
    rows += [("handover", asdict(one)) for one in case.exposure.handovers()]
    rows += [("team rules", rules_row(one)) for one in case.exposure.past_rules()]
    return {f"{kind} {row['number']}": row for kind, row in rows}


def _logged(entries: Iterable[Entry]) -> dict[str, Entry]:
    """What the log tells of such rows."""
    told = [entry for entry in entries if KEPT_AS in entry.what and entry.kind in KEPT_KINDS]
    return {_name(entry.kind, entry.what): entry for entry in told}


def _name(kind: str, what: Mapping[str, Any]) -> str:
    return f"{KEPT_KINDS[AuditKind(kind)]} {what.get('number')}"


def _is_alike(what: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    said = {key: value for key, value in what.items() if key != KEPT_AS}
    try:
        return json.dumps(said, sort_keys=True) == json.dumps(dict(row), sort_keys=True)
    except (ValueError, RecursionError):  # such a line nobody here has written
        return False


def _anchored(case: Case, entries: Iterable[Entry]) -> Iterator[Remark]:
    """Whether the reports' hashes are those that the log was told of."""
    anchors = case.hashes.anchors()
    for entry in entries:
        count, sha256 = entry.what.get("reports"), entry.what.get("reports_sha256")
        if entry.kind != AuditKind.SCAN or not isinstance(count, int):
            continue
        if not 0 <= count < len(anchors) or anchors[count].sha256 != sha256:
            why = (
                f"the hashes of the first {count} reports are not those that entry {entry.number} of the log stands for"
            )
            yield _wrong(Part.REPORTS, "", why)


def _report(case: Case, path: Path, name: str, kept: str | None) -> Iterator[Remark]:
    """What is to be said of one report or seal."""
    try:
        data = read_whole(path)
    except OSError as error:
        yield _wrong(Part.REPORTS, name, f"cannot be read: {error.strerror or error}")
        return
    sha256 = hashlib.sha256(data).hexdigest()
    if kept is not None and sha256 not in {kept, case.hashes.last_of(name)}:  # a scan may have written it just now
        yield _wrong(Part.REPORTS, name, "is not what was written: it was changed since")
        return
    try:
        row = load_row(data, path)
        if not is_sealed(row) and row["verdict"]["queue"] != Queue.UNREADABLE:
            report_of(row)
        why = _misplaced(case, row, name) or _said_otherwise(case, row, path)
    except CaseError as error:
        yield _wrong(Part.REPORTS, name, str(error))
    except DAMAGE:
        yield _wrong(Part.REPORTS, name, "is damaged: it is JSON, and no report; scan again and it is made anew")
    else:
        if why is not None:
            yield _wrong(Part.REPORTS, name, why)
        elif kept is None:
            why = "no hash of it was kept when it was written, so a change could not be seen; the next scan keeps one"
            yield _note(Part.REPORTS, name, why)


def _misplaced(case: Case, row: Row, name: str) -> str | None:
    """Why a report does not belong where it lies."""
    video, settings = row["video"]["id"], row["provenance"]["settings"]
    if name.startswith("sealed/"):
        return None if is_sealed(row) and name == f"sealed/{video}.json" else "is no seal of what its name says"
    if name != f"reports/{video[:2]}/{video}.{settings}.json":
        return f"is the report of {video[:12]} under the settings {settings}, and not what its name says"
    if case.is_sealed(video):
        return "is of a content that is sealed, and of such nothing is to be kept; scan again and it is removed"
    return None


def _said_otherwise(case: Case, row: Row, path: Path) -> str | None:
    """Why the catalogue, by which videos are queued, does not fit the report."""
    if case.says(row) is not False:
        return None
    try:
        if case.says(load_row(path.read_bytes(), path)) is not False:
            return None  # a scan wrote it just now
    except (CaseError, OSError):
        pass
    queue = case.queue_of(row["video"]["id"])
    return f"says {row['verdict']['queue']}, and the catalogue queues it otherwise ({queue}): one of them was changed"


def _wrong(part: Part, where: str, why: str) -> Remark:
    return Remark(part, where, why, is_wrong=True)


def _note(part: Part, where: str, why: str) -> Remark:
    return Remark(part, where, why, is_wrong=False)
