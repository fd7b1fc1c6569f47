"""Many videos on this machine: one after the other, or several at once with their pictures looked at in a pool.

Whoever looks, all that is read from and written to the case is done here, in one thread: a video is done when its
report is written, and nothing is ever half written.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol

from triage import __version__
from triage.case.rows import Row, is_failure, is_sealed, report_of
from triage.case.store import Case
from triage.errors import Refusal, ReportError, VideoError
from triage.looking import Looking
from triage.original import Stamp, open_original, stamp_now, unread
from triage.pipeline import Examined, Stages, judge_again, let_go_of_videos, take_in, trace
from triage.records import DECODER_STOPPED, Failure, Fingerprint, Report, Sealed
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

    def at(self, found: Found, time_ms: int) -> None:
        """This video was looked at up to here."""

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


@dataclass(frozen=True, slots=True)
class Hands:
    """Who does the work of a scan."""

    looking: Looking | None = None
    """Who looks at pictures; None: the models in the stages, here, and one video after the other."""
    videos: int = 1
    """How many are in hand at once."""
    is_stopped: threading.Event = field(default_factory=threading.Event)
    """Once set, no further video is begun; what is in hand is finished."""
    let_go: Callable[[], None] = let_go_of_videos
    """Called when what is in hand is not to be finished either: nobody waits for it any more."""


def scan(
    case: Case,
    roots: Sequence[Path],
    found: Sequence[Found],
    stages: Stages,
    watcher: Watcher,
    tally: Tally,
    hands: Hands | None = None,
    *,
    retry: bool = False,
    there: Sequence[Found] | None = None,
) -> None:
    """Bring the case up to date with these files; what is done already is not done again.

    Args:
        roots: the dumps that were walked; one that is empty by now has files that are gone.
        found: what was met in them and is to be brought up to date.
        tally: counted up as files are done, so that it is true after an interruption as well.
        hands: None: one video after the other, looked at here.
        retry: try again what could not be decoded, or not to its end.
        there: everything that was met in the dumps, where ``found`` is only a part of it.

    Raises:
        CaseFullError: no room is left; everything finished so far is kept.
        KeyboardInterrupt: it was stopped before the last file.
    """
    case.begin(stages.provenance.settings, roots, [item.path for item in there or found])
    turn = _Turn(case, stages, watcher, tally, hands or Hands(), retry)
    if turn.hands.looking is None:
        turn.one_by_one(found)
    else:
        turn.at_once(found)


@dataclass(slots=True)
class _Task:
    """A file whose pictures have to be looked at."""

    item: Found
    stamp: Stamp
    video: str
    before: str | None = None
    """The queue in which these bytes waited until now."""
    earlier: Outcome | None = None
    """It was examined; only its fingerprint is missing. None: it has to be examined."""
    at_ms: int = 0


class _Turn:
    """One scan."""

    def __init__(self, case: Case, stages: Stages, watcher: Watcher, tally: Tally, hands: Hands, retry: bool) -> None:
        self._case, self._stages, self._watcher, self._tally = case, stages, watcher, tally
        self.hands, self._retry = hands, retry
        self._met: set[str] = set()

    def one_by_one(self, found: Sequence[Found]) -> None:
        for item in found:
            if self.hands.is_stopped.is_set():
                raise KeyboardInterrupt
            task = self._begin(item)
            if task is None or self._is_known(task):
                continue
            try:
                done = _do(task, self._stages, None, partial(self._watcher.at, item))
            except VideoError as refusal:
                self._refuse(item, refusal)
            else:
                self._finish(task, done)

    def at_once(self, found: Sequence[Found]) -> None:
        """Several videos in hand, each in a thread that waits for its decoder and for whoever looks."""
        coming, later = iter(found), deque[_Task]()
        running: dict[Future[_Done], _Task] = {}
        threads = ThreadPoolExecutor(self.hands.videos, "video")
        try:
            while True:
                self._fill(coming, later, running, threads)
                if not running:
                    break
                over, _ = wait(running, 0.5, FIRST_COMPLETED)
                for task in running.values():
                    self._watcher.at(task.item, task.at_ms)
                for future in over:
                    task = running.pop(future)
                    try:
                        self._finish(task, future.result())
                    except VideoError as refusal:
                        self._refuse(task.item, refusal)
        except BaseException:
            self.hands.let_go()
            raise
        finally:
            threads.shutdown(cancel_futures=True)
        if self.hands.is_stopped.is_set() and (later or next(coming, None) is not None):
            raise KeyboardInterrupt

    def _fill(
        self,
        coming: Iterator[Found],
        later: deque[_Task],
        running: dict[Future[_Done], _Task],
        threads: ThreadPoolExecutor,
    ) -> None:
        """Begin files until enough are in hand; one with the bytes of a file in hand waits for that one's result."""
        in_hand = {task.video for task in running.values()}
        while len(running) < self.hands.videos and not self.hands.is_stopped.is_set():
            task = next((task for task in later if task.video not in in_hand), None)
            if task is not None:
                later.remove(task)
            elif (item := next(coming, None)) is not None:
                task = self._begin(item)
            else:
                break
            if task is None:
                continue
            if task.video in in_hand:
                later.append(task)
            elif not self._is_known(task):
                running[threads.submit(_do, task, self._stages, self.hands.looking, _Noting(task))] = task
                in_hand.add(task.video)

    def _begin(self, item: Found) -> _Task | None:
        """A file as something to be done; None: it cannot be read, and that is noted."""
        self._watcher.begin(item)
        try:
            if item.refused is not None:
                raise VideoError(Refusal.NOT_OPENED, item.refused)
            stamp, video = _identity(self._case, item.path)
        except VideoError as refusal:
            self._refuse(item, refusal)
            return None
        self._case.note_file(item.path, stamp, video)
        return _Task(item, stamp, video)

    def _is_known(self, task: _Task) -> bool:
        """Whether nothing is to be done for these bytes, which is then noted."""
        case = self._case
        task.before = case.queue_of(task.video)
        if (seal := case.sealed(task.video)) is not None:  # whatever the settings, the models and the place are by now
            case.take(seal)
            self._end(task, Outcome(Done.STILL_SEALED, seal))
            return True
        is_first = task.video not in self._met
        task.earlier = _earlier(case, task.video, self._stages, retry=self._retry and is_first)
        if task.earlier is None or _lacks_fingerprint(case, task.earlier, self._stages):
            return False
        self._end(task, task.earlier)
        return True

    def _finish(self, task: _Task, done: _Done) -> None:
        """Keep what was made of a file."""
        if done.fingerprint is not None:  # before the report, which is the mark that all is done
            self._case.save_fingerprint(done.fingerprint)
        outcome = task.earlier
        if done.result is not None:
            become = {Report: Done.EXAMINED, Failure: Done.REFUSED, Sealed: Done.SEALED}[type(done.result)]
            outcome = Outcome(become, self._case.save(done.result))
        assert outcome is not None, "a file was examined now or earlier"
        self._end(task, outcome)

    def _refuse(self, item: Found, refusal: VideoError) -> None:
        # Only NOT_OPENED comes here: about the moment and the place, not the bytes, so tried again at every scan.
        self._case.note_unread(item.path, refusal.kind, refusal.why)
        self._note(item, Outcome(Done.REFUSED, None, refusal.why))

    def _end(self, task: _Task, outcome: Outcome) -> None:
        is_first = task.video not in self._met
        self._met.add(task.video)
        after = self._case.queue_of(task.video)
        if is_first and task.before and after and task.before != after:
            self._tally.moved[task.before, after] += 1
        is_known = outcome.done in {Done.ALREADY, Done.STILL_SEALED}
        self._note(task.item, Outcome(Done.SAME_BYTES, outcome.row) if is_known and not is_first else outcome)

    def _note(self, item: Found, outcome: Outcome) -> None:
        self._tally.of[outcome.done] += 1
        if outcome.done is Done.EXAMINED and outcome.row is not None:
            self._tally.footage_ms += outcome.row["coverage"]["reached_ms"]
        self._watcher.end(item, outcome)


@dataclass(frozen=True, slots=True)
class _Noting:
    """Notes how far a video is, for the thread that shows it."""

    task: _Task

    def __call__(self, time_ms: int) -> None:
        self.task.at_ms = time_ms


@dataclass(frozen=True, slots=True)
class _Done:
    """What was made of one file, to be kept."""

    result: Report | Failure | Sealed | None
    """None: it was there already."""
    fingerprint: Fingerprint | None


def _do(task: _Task, stages: Stages, looking: Looking | None, on_time: Callable[[int], None]) -> _Done:
    """Look at one file, in whatever thread.

    Raises:
        VideoError: NOT_OPENED, if the system does not let us read it, or it changed meanwhile.
    """
    path = task.item.path
    result: Report | Failure | Sealed | None = None
    fingerprint: Fingerprint | None = None
    try:
        if task.item.holds is not None:
            result = Failure(task.video, Refusal.NOT_MEDIA, task.item.holds, stages.provenance)
        elif task.earlier is not None:
            fingerprint = trace(path, task.video, stages, looking)
        else:
            examined = take_in(path, task.video, stages, on_time, looking)
            result = examined.report if isinstance(examined, Examined) else examined
            fingerprint = examined.fingerprint if isinstance(examined, Examined) else None
    except VideoError as refusal:
        if refusal.kind is Refusal.NOT_OPENED or task.earlier is not None:
            raise
        result = Failure(task.video, refusal.kind, refusal.why, stages.provenance)
    _make_sure_it_stayed(path, task.stamp)
    return _Done(result, fingerprint)


def _lacks_fingerprint(case: Case, earlier: Outcome, stages: Stages) -> bool:
    """Whether it was examined before there were fingerprints, or with another model for them."""
    row, embedder = earlier.row, stages.embedder
    if embedder is None or row is None or is_failure(row) or is_sealed(row):
        return False
    return not case.copies.has(row["video"]["id"], embedder.model)


def _make_sure_it_stayed(path: Path, stamp: Stamp) -> None:
    if stamp_now(path) != stamp:
        raise VideoError(Refusal.NOT_OPENED, "it changed while it was being read; scan again when it is complete")


def _identity(case: Case, path: Path) -> tuple[Stamp, str]:
    """The file's stamp and SHA-256, the latter from the catalogue if the file has not changed since.

    A file in an archive has the archive's stamp, so that it is not unpacked again while that stays as it is.
    """
    stamp = stamp_now(path)
    if known := case.known(path, stamp):
        return stamp, known
    with open_original(path) as file:
        try:
            return stamp, hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unread(error) from error


def _earlier(case: Case, video: str, stages: Stages, *, retry: bool) -> Outcome | None:
    """What an earlier run knows of these bytes: under these settings, or looked at alike under another policy."""
    settings = stages.provenance.settings
    try:
        row = case.stored(video, settings)
        if row is not None and not _is_worth_retrying(row, retry=retry):
            case.take(row)
            return Outcome(Done.ALREADY, row)
        row = case.stored_looking(video, settings)
        if row is None or is_failure(row) or _is_worth_retrying(row, retry=retry):
            return None
        result = judge_again(report_of(row), stages)
        return Outcome(Done.SEALED if isinstance(result, Sealed) else Done.JUDGED_AGAIN, case.save(result))
    except ReportError:
        return None


def _is_worth_retrying(row: Row, *, retry: bool) -> bool:
    """A detector failed on it, as for want of memory, or a version of triage that may know less could not read it.

    A file whose decoder had to be stopped would do it again, so that it is tried with another version, or when asked.
    """
    of_another = row["provenance"]["version"] != __version__
    if is_failure(row):
        return of_another or retry
    return bool(row["faults"]) or (was_stopped(row) and (of_another or retry))


def was_stopped(row: Row) -> bool:
    """Whether the decoder of this video was stopped before its end."""
    return any(why.startswith(DECODER_STOPPED) for why in row["coverage"]["why"])
