"""Many videos: one after the other, or several at once, in threads beside a pool or on the nodes of a cluster.

Whoever reads and looks, all that is read from and written to the case is done here, in one thread: a video is done when
its report is written, and nothing is ever half written.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from triage import __version__
from triage.case.rows import Row, is_failure, is_sealed, report_of
from triage.case.store import Case
from triage.errors import Refusal, ReportError, VideoError
from triage.looking import Looking
from triage.original import Stamp, stamp_now
from triage.pipeline import Stages, judge_again, let_go_of_videos
from triage.records import DECODER_STOPPED, OUT_OF_MEMORY, Failure, Report, Sealed
from triage.run.dump import Found
from triage.run.examining import Here, Job, Made, Threads, Workers

Result = TypeVar("Result")
SHOWN_EVERY_S = 0.5
"""How far the videos in hand are."""


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
    workers: Callable[[], Workers] | None = None
    """Who reads files, instead of this process."""

    def at_work(self, stages: Stages) -> Workers:
        """Who reads files, for one scan."""
        if self.workers is not None:
            return self.workers()
        return Here(stages) if self.looking is None else Threads(stages, self.looking, self.videos)


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
    _Turn(case, stages, watcher, tally, hands or Hands(), retry).run(found)


@dataclass(slots=True, eq=False)
class _Task:
    """A file in hand."""

    item: Found
    stamp: Stamp
    video: str = ""
    """SHA-256 of its bytes; empty until they were read."""
    before: str | None = None
    """The queue in which these bytes waited until now."""
    earlier: Outcome | None = None
    """It was examined; only its fingerprint is missing. None: it has to be examined."""
    at_ms: int = 0


class _Turn:
    """One scan."""

    def __init__(self, case: Case, stages: Stages, watcher: Watcher, tally: Tally, hands: Hands, retry: bool) -> None:
        self._case, self._stages, self._watcher, self._tally = case, stages, watcher, tally
        self._hands, self._retry = hands, retry
        self._workers = hands.at_work(stages)
        self._met: set[str] = set()
        self._naming: dict[Future[str], _Task] = {}
        self._examining: dict[Future[Made], _Task] = {}
        self._later: deque[_Task] = deque()
        """Files whose bytes have a name; one with the bytes of a file in hand waits for that one's result."""

    def run(self, found: Sequence[Found]) -> None:
        """Bring all of them up to date, as many at once as there are hands."""
        coming = iter(found)
        try:
            while True:
                self._fill(coming)
                if not self._naming and not self._examining:
                    break
                in_hand: list[Future[Any]] = [*self._naming, *self._examining]
                over, _ = wait(in_hand, SHOWN_EVERY_S, FIRST_COMPLETED)
                for task in self._examining.values():
                    self._watcher.at(task.item, task.at_ms)
                for naming in over & self._naming.keys():
                    self._go_on(self._naming.pop(naming), naming, self._named)
                for examining in over & self._examining.keys():
                    self._go_on(self._examining.pop(examining), examining, self._finish)
        except BaseException:
            self._hands.let_go()
            raise
        finally:
            self._workers.close()
        if self._hands.is_stopped.is_set() and (self._later or next(coming, None) is not None):
            raise KeyboardInterrupt

    def _fill(self, coming: Iterator[Found]) -> None:
        """Begin files until enough are in hand."""
        in_hand = {task.video for task in self._examining.values()}
        while len(self._naming) + len(self._examining) < self._hands.videos and not self._hands.is_stopped.is_set():
            task = next((task for task in self._later if task.video not in in_hand), None)
            if task is not None:
                self._later.remove(task)
                if not self._is_known(task):
                    self._examining[self._workers.examine(_job(task), _Noting(task, self._watcher))] = task
                    in_hand.add(task.video)
            elif (item := next(coming, None)) is not None:
                self._begin(item)
            else:
                break

    def _begin(self, item: Found) -> None:
        """Take a file in hand, if it can be read: its bytes need a name, unless the catalogue knows it."""
        self._watcher.begin(item)
        try:
            if item.refused is not None:
                raise VideoError(Refusal.NOT_OPENED, item.refused)
            # A file in an archive has the archive's stamp: it is not unpacked again while that stays as it is.
            task = _Task(item, stamp_now(item.path))
        except VideoError as refusal:
            self._refuse(item, refusal)
            return
        if known := self._case.known(item.path, task.stamp):
            self._named(task, known)
        else:
            self._naming[self._workers.name(item.path)] = task

    def _go_on(self, task: _Task, over: Future[Result], then: Callable[[_Task, Result], None]) -> None:
        try:
            then(task, over.result())
        except VideoError as refusal:
            self._refuse(task.item, refusal)

    def _named(self, task: _Task, video: str) -> None:
        task.video = video
        self._case.note_file(task.item.path, task.stamp, video)
        self._later.append(task)

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

    def _finish(self, task: _Task, made: Made) -> None:
        """Keep what was made of a file, if it is still what it was when it was begun."""
        if stamp_now(task.item.path) != task.stamp:
            raise VideoError(Refusal.NOT_OPENED, "it changed while it was being read; scan again when it is complete")
        if made.fingerprint is not None:  # before the report, which is the mark that all is done
            self._case.save_fingerprint(made.fingerprint)
        outcome = task.earlier
        if made.result is not None:
            become = {Report: Done.EXAMINED, Failure: Done.REFUSED, Sealed: Done.SEALED}[type(made.result)]
            outcome = Outcome(become, self._case.save(made.result))
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


class _Noting:
    """Notes how far a video is, for the thread that shows it, or shows it if that is this one."""

    def __init__(self, task: _Task, watcher: Watcher) -> None:
        self._task, self._watcher, self._shows = task, watcher, threading.get_ident()

    def __call__(self, time_ms: int) -> None:
        self._task.at_ms = time_ms
        if threading.get_ident() == self._shows:
            self._watcher.at(self._task.item, time_ms)


def _job(task: _Task) -> Job:
    item = task.item
    return Job(item.path, task.video, item.holds, item.kind, only_traces=task.earlier is not None)


def _lacks_fingerprint(case: Case, earlier: Outcome, stages: Stages) -> bool:
    """Whether it was examined before there were fingerprints, or with another model for them."""
    row, embedder = earlier.row, stages.embedder
    if embedder is None or row is None or is_failure(row) or is_sealed(row):
        return False
    return not case.copies.has(row["video"]["id"], embedder.model)


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
    """Whether the decoder of this video was stopped before its end, or wanted more than it was given."""
    return any(why.startswith(DECODER_STOPPED) or OUT_OF_MEMORY in why for why in row["coverage"]["why"])
