"""Many videos, one after the other, on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from triage.case.rows import Row, is_failure, report_of
from triage.case.store import Case, Stamp
from triage.durable import sha256_of
from triage.errors import Refusal, VideoError
from triage.pipeline import Stages, examine, judge_again
from triage.records import Failure
from triage.run.dump import Found


class Done(StrEnum):
    """What became of a file in this run."""

    EXAMINED = "examined"
    JUDGED_AGAIN = "judged again"
    """Looked at before in the same way; only the policy is another."""
    ALREADY = "done before"
    SAME_BYTES = "with the same bytes as another"
    REFUSED = "without pictures to look at"


class Watcher(Protocol):
    """Told how a scan goes on, to show it."""

    def begin(self, found: Found) -> None:
        """This file is being worked on."""

    def at(self, time_ms: int) -> None:
        """The present video was looked at up to here."""

    def end(self, found: Found, done: Done, row: Row | None) -> None:
        """This file is done; without a row, its bytes could not be read."""


@dataclass(slots=True)
class Tally:
    """What a scan did."""

    of: dict[Done, int] = field(default_factory=lambda: dict.fromkeys(Done, 0))
    footage_ms: int = 0
    """Footage examined in this run."""


def scan(case: Case, found: Iterable[Found], stages: Stages, watcher: Watcher, tally: Tally) -> None:
    """Bring the case up to date with these files; what is done already is not done again.

    Args:
        tally: counted up as files are done, so that it is true after an interruption as well.

    Raises:
        CaseFullError: no room is left; everything finished so far is kept.
    """
    met: set[str] = set()
    for item in found:
        watcher.begin(item)
        done, row = _one(case, item, stages, met, watcher)
        tally.of[done] += 1
        if done is Done.EXAMINED and row is not None:
            tally.footage_ms += row["coverage"]["reached_ms"]
        watcher.end(item, done, row)


def _one(case: Case, item: Found, stages: Stages, met: set[str], watcher: Watcher) -> tuple[Done, Row | None]:
    if item.refused is not None:
        case.note_unread(item.path, item.dump, Refusal.NOT_OPENED, item.refused)
        return Done.REFUSED, None
    try:
        stamp = Stamp.of(item.path.stat())
        video = case.known(item.path, stamp) or sha256_of(item.path)
    except OSError as error:
        case.note_unread(item.path, item.dump, Refusal.NOT_OPENED, f"it cannot be read: {error.strerror}")
        return Done.REFUSED, None
    case.note_file(item.path, item.dump, stamp, video)
    row = _stored(case, video, stages)
    if row is not None:
        done = Done.SAME_BYTES if video in met else row[0]
        met.add(video)
        return done, row[1]
    met.add(video)
    try:
        report = examine(item.path, video, stages, watcher.at)
        if Stamp.of(item.path.stat()) != stamp:
            raise VideoError(Refusal.NOT_OPENED, "it changed while it was being read; scan again when it is complete")
    except VideoError as refusal:
        return _refused(case, item, video, refusal, stages)
    return Done.EXAMINED, case.save(report)


def _stored(case: Case, video: str, stages: Stages) -> tuple[Done, Row] | None:
    """What an earlier run knows of these bytes: under these settings, or looked at alike under another policy."""
    settings = stages.provenance.settings
    row = case.stored(video, settings)
    if row is not None and not _is_worth_retrying(row):
        case.take(row)
        return Done.ALREADY, row
    row = case.stored_looking(video, settings)
    if row is None or is_failure(row) or _is_worth_retrying(row):
        return None
    return Done.JUDGED_AGAIN, case.save(judge_again(report_of(row), stages))


def _is_worth_retrying(row: Row) -> bool:
    """A detector failed on it, as for want of memory; another try may go better."""
    return bool(row["faults"]) and not is_failure(row)


def _refused(case: Case, item: Found, video: str, refusal: VideoError, stages: Stages) -> tuple[Done, Row | None]:
    if refusal.kind is Refusal.NOT_OPENED:  # about the moment, not the bytes: it is tried again next time
        case.note_unread(item.path, item.dump, refusal.kind, refusal.why)
        return Done.REFUSED, None
    return Done.REFUSED, case.save(Failure(video, refusal.kind, refusal.why, stages.provenance))
