"""Many videos, one after the other, on this machine."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from triage import __version__
from triage.case.rows import Row, is_failure, is_sealed, report_of
from triage.case.store import Case
from triage.errors import Refusal, ReportError, VideoError
from triage.original import Stamp, open_original, unread
from triage.pipeline import Examined, Stages, judge_again, take_in, trace
from triage.records import Failure, Fingerprint, Report, Sealed
from triage.run.dump import Found


class Done(StrEnum):
    """What became of a file in this run."""

    EXAMINED = "examined"
    JUDGED_AGAIN = "judged again"
    """Looked at before in the same way; only the policy is another."""
    ALREADY = "done before"
    SAME_BYTES = "with the same bytes as another"
    REFUSED = "without pictures to look at"
    SEALED = "sealed"
    STILL_SEALED = "sealed before and not looked at again"


class Watcher(Protocol):
    """Told how a scan goes on, to show it."""

    def begin(self, found: Found) -> None:
        """This file is being worked on."""

    def at(self, time_ms: int) -> None:
        """The present video was looked at up to here."""

    def end(self, found: Found, outcome: Outcome) -> None:
        """This file is done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    done: Done
    row: Row | None
    """None: its bytes could not be read."""
    why: str = ""
    """Why they could not."""


@dataclass(slots=True)
class Tally:
    """What a scan did."""

    of: dict[Done, int] = field(default_factory=lambda: dict.fromkeys(Done, 0))
    footage_ms: int = 0
    """Footage examined in this run."""
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    """From which queue to which other one, videos that were known before."""


def scan(
    case: Case, roots: Sequence[Path], found: Sequence[Found], stages: Stages, watcher: Watcher, tally: Tally
) -> None:
    """Bring the case up to date with these files; what is done already is not done again.

    Args:
        roots: the dumps that were walked; one that is empty by now has files that are gone.
        found: everything that was met in them.
        tally: counted up as files are done, so that it is true after an interruption as well.

    Raises:
        CaseFullError: no room is left; everything finished so far is kept.
    """
    case.begin(stages.provenance.settings, roots, [item.path for item in found])
    met: set[str] = set()
    for item in found:
        watcher.begin(item)
        try:
            outcome = _one(case, item, stages, met, watcher, tally)
        except VideoError as refusal:
            # Only NOT_OPENED comes here: about the moment and the place, not the bytes, so tried again at every scan.
            case.note_unread(item.path, refusal.kind, refusal.why)
            outcome = Outcome(Done.REFUSED, None, refusal.why)
        tally.of[outcome.done] += 1
        if outcome.done is Done.EXAMINED and outcome.row is not None:
            tally.footage_ms += outcome.row["coverage"]["reached_ms"]
        watcher.end(item, outcome)


def _one(case: Case, item: Found, stages: Stages, met: set[str], watcher: Watcher, tally: Tally) -> Outcome:
    """One file.

    Raises:
        VideoError: NOT_OPENED, if the system does not let us read it, or it changed meanwhile.
    """
    if item.refused is not None:
        raise VideoError(Refusal.NOT_OPENED, item.refused)
    stamp, video = _identity(case, item.path)
    case.note_file(item.path, stamp, video)
    is_first = video not in met
    met.add(video)
    before = case.queue_of(video)
    outcome = _outcome(case, item, stages, stamp, video, watcher)
    after = case.queue_of(video)
    if is_first and before and after and before != after:
        tally.moved[before, after] += 1
    is_known = outcome.done in {Done.ALREADY, Done.STILL_SEALED}
    return Outcome(Done.SAME_BYTES, outcome.row) if is_known and not is_first else outcome


def _outcome(case: Case, item: Found, stages: Stages, stamp: Stamp, video: str, watcher: Watcher) -> Outcome:
    """What was known of these bytes, or what a look at them says now.

    Raises:
        VideoError: NOT_OPENED, as ``_one``.
    """
    if (seal := case.sealed(video)) is not None:  # whatever the settings, the models and the place are by now
        case.take(seal)
        return Outcome(Done.STILL_SEALED, seal)
    earlier = _earlier(case, video, stages)
    if earlier is not None:
        _trace_earlier(case, item, stages, stamp, earlier)
        return earlier
    fingerprint: Fingerprint | None = None
    try:
        result: Report | Failure | Sealed | Examined = take_in(item.path, video, stages, watcher.at)
    except VideoError as refusal:
        if refusal.kind is Refusal.NOT_OPENED:
            raise
        result = Failure(video, refusal.kind, refusal.why, stages.provenance)
    _make_sure_it_stayed(item.path, stamp)
    if isinstance(result, Examined):
        fingerprint = result.fingerprint
        result = result.report
    if fingerprint is not None:  # before the report, which is the mark that all is done
        case.save_fingerprint(fingerprint)
    done = {Report: Done.EXAMINED, Failure: Done.REFUSED, Sealed: Done.SEALED}[type(result)]
    return Outcome(done, case.save(result))


def _trace_earlier(case: Case, item: Found, stages: Stages, stamp: Stamp, earlier: Outcome) -> None:
    """Make the fingerprint of a video that was examined before there was one, or with another model for it."""
    row, embedder = earlier.row, stages.embedder
    if embedder is None or row is None or is_failure(row) or is_sealed(row):
        return
    if case.copies.has(row["video"]["id"], embedder.model):
        return
    fingerprint = trace(item.path, row["video"]["id"], stages, embedder)
    _make_sure_it_stayed(item.path, stamp)
    if fingerprint is not None:
        case.save_fingerprint(fingerprint)


def _make_sure_it_stayed(path: Path, stamp: Stamp) -> None:
    with open_original(path) as file:
        if Stamp.of(os.fstat(file.fileno())) != stamp:
            raise VideoError(Refusal.NOT_OPENED, "it changed while it was being read; scan again when it is complete")


def _identity(case: Case, path: Path) -> tuple[Stamp, str]:
    """The file's stamp and SHA-256, the latter from the catalogue if the file has not changed since."""
    with open_original(path) as file:
        stamp = Stamp.of(os.fstat(file.fileno()))
        try:
            return stamp, case.known(path, stamp) or hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unread(error) from error


def _earlier(case: Case, video: str, stages: Stages) -> Outcome | None:
    """What an earlier run knows of these bytes: under these settings, or looked at alike under another policy."""
    settings = stages.provenance.settings
    try:
        row = case.stored(video, settings)
        if row is not None and not _is_worth_retrying(row):
            case.take(row)
            return Outcome(Done.ALREADY, row)
        row = case.stored_looking(video, settings)
        if row is None or is_failure(row) or _is_worth_retrying(row):
            return None
        result = judge_again(report_of(row), stages)
        return Outcome(Done.SEALED if isinstance(result, Sealed) else Done.JUDGED_AGAIN, case.save(result))
    except ReportError:
        return None


def _is_worth_retrying(row: Row) -> bool:
    """A detector failed on it, as for want of memory, or a version of triage that may know less could not read it."""
    return row["provenance"]["version"] != __version__ if is_failure(row) else bool(row["faults"])
