"""Processes that look at pictures, each with models of its own; the batches of all videos go to whichever is free.

A video is not given to a process: its batches are, one by one, so that a long one does not hold up the others and is at
the end looked at by all. What comes back is put in order again, so the reports are those of one process.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from triage.errors import TriageError
from triage.looking import Looked, Missed
from triage.pipeline import MOST_BYTES, Stages
from triage.records import Frame
from triage.run.looker import PATIENCE_S, MakeStages, Raised, Task

SHARED_BYTES = 2 * MOST_BYTES
"""Of memory that one process is shown pictures in: what a batch may have, and any single picture. Only what is used is
taken."""
START = "from triage.run.looker import main; main()"
"""Not as the main module, whose classes have another name than here."""
TRIES = 2
"""Processes that may end over one batch, before it counts as not looked at."""


NOT_STARTED = (
    "a process that looks at pictures ended while it loaded its models, perhaps for want of memory; use fewer --jobs, "
    "and see: triage doctor"
)


class StoppedError(Exception):
    """The pool was closed while somebody waited for it."""


class _EndedError(Exception):
    """The process on the other side has ended."""


@dataclass(slots=True)
class _Job:
    frames: list[Frame]
    only_traces: bool
    looked: Future[Looked] = field(default_factory=Future)
    tries: int = 0


class Pool:
    """Processes that look at pictures; ``looking`` may be called from many threads."""

    def __init__(
        self,
        make: MakeStages,
        processes: int,
        threads: int,
        ahead_bytes: int,
        *,
        at_once: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Start the first process, and wait until its models are there.

        Args:
            make: makes the stages in each process; it is pickled.
            processes: how many.
            threads: that each of them calculates in.
            ahead_bytes: of pictures that may wait for a process to be free; one batch always may.
            at_once: there is work for all, so that they load their models beside the first, and not one after the
                other when pictures wait for them.
            patience_s: with one batch, until the process counts as hanging and is ended.

        Raises:
            TriageError: what ``make`` raises.
        """
        self._make, self._threads, self._processes, self._patience_s = make, threads, processes, patience_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._room = _Room(ahead_bytes)
        self._is_closed = False
        self._lock = threading.Lock()
        self._lookers: list[_Looker] = []
        self._feeders: list[threading.Thread] = []
        for _ in range(processes - 1 if at_once else 0):
            self._feed(None, at_once=True)
        try:
            first = self._start()
        except BaseException:
            self.kill()
            self.close()
            raise
        self.stages: Stages = first.stages
        """What the models are; they look in the processes, not here."""
        self._feed(first)

    def looking(self, batches: Iterator[list[Frame]], only_traces: bool) -> Iterator[Looked]:
        """See ``triage.looking.Looking``; so many batches are ahead that one video keeps all processes busy.

        Also where some are slower than others: what comes back is given in order, and the quicker go on meanwhile.
        """
        waiting: deque[Future[Looked]] = deque()
        try:
            for frames in batches:
                waiting.append(self._submit(_Job(frames, only_traces)))
                while waiting and (len(waiting) > 2 * self._processes or waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()

    def _submit(self, job: _Job) -> Future[Looked]:
        self._start_another()
        size = sum(frame.image.nbytes for frame in job.frames)
        self._room.take(size)
        job.looked.add_done_callback(lambda _: self._room.give(size))
        if self._is_closed:
            job.looked.cancel()
            raise StoppedError
        self._jobs.put(job)
        return job.looked

    def _start_another(self) -> None:
        """Start one more process, where pictures wait for one: a small dump needs no second set of models."""
        with self._lock:
            if self._jobs.qsize() and len(self._feeders) < self._processes and not self._is_closed:
                self._feed(None)

    def _feed(self, looker: _Looker | None, *, at_once: bool = False) -> None:
        feeder = threading.Thread(target=self._work, args=(looker, at_once), name="feeder", daemon=True)
        self._feeders.append(feeder)
        feeder.start()

    def _start(self) -> _Looker:
        """A process whose models are there; one that ends over loading them is followed by another, a few times."""
        for is_last in (False, False, True):
            try:
                return self._started()
            except (_EndedError, OSError) as error:
                if is_last or self._is_closed:
                    raise TriageError(NOT_STARTED) from error
        raise AssertionError

    def _started(self) -> _Looker:
        """A process whose models are there.

        Raises:
            OSError: the system starts none.
            _EndedError: it ended over loading them.
            TriageError: they cannot be had.
        """
        looker = _Looker(self._threads, self._patience_s)
        self._lookers.append(looker)
        if self._is_closed:
            looker.kill()
        try:
            looker.make_stages(self._make)
        except BaseException:
            looker.kill()
            self._lookers.remove(looker)
            raise
        return looker

    def _work(self, looker: _Looker | None, at_once: bool) -> None:
        """Hand one batch after the other to one process, and start another in its place if it ends."""
        if at_once:
            with contextlib.suppress(TriageError):  # tried again when there is work, and said then
                looker = self._start()
        while (job := self._jobs.get()) is not None:
            if not job.looked.set_running_or_notify_cancel():
                continue
            while not job.looked.done():
                try:
                    looker = looker or self._start()
                    looked = looker.look(job)
                except _EndedError:
                    assert looker is not None, "one that does not start says so in a sentence"
                    self._after_its_end(looker, job)
                    looker = None
                except BaseException as error:  # noqa: BLE001  raised again where somebody waits for it
                    job.looked.set_exception(error)
                else:
                    job.looked.set_result(looked)
        if looker is not None:
            looker.close()

    def _after_its_end(self, looker: _Looker, job: _Job) -> None:
        """The process ended over this batch: it is tried once more, then counts as not looked at."""
        job.tries += 1
        looker.kill()
        self._lookers.remove(looker)
        if self._is_closed:
            job.looked.set_exception(StoppedError())
        elif job.tries >= TRIES:
            job.looked.set_result(_missed(job, self.stages))

    def close(self) -> None:
        """End all processes when they have done what they were given."""
        for _ in self._feeders:
            self._jobs.put(None)
        for feeder in self._feeders:
            feeder.join()

    def kill(self) -> None:
        """End all processes now; whoever waits for one is told so."""
        with self._lock:
            self._is_closed = True
        self._room.open()
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None and job.looked.set_running_or_notify_cancel():
                job.looked.set_exception(StoppedError())
        for looker in list(self._lookers):
            looker.kill()


def _missed(job: _Job, stages: Stages) -> Looked:
    """A batch that no process came through: every model missed it, and it is tried again at the next scan."""
    why = "the process that looks at pictures was ended twice over them"
    names = [model.name for model in (*stages.detectors, *stages.readers)]
    times_ms = tuple(frame.time_ms for frame in job.frames)
    missed = tuple(Missed(name, why) for name in names)
    return Looked(times_ms, tuple(() for _ in times_ms), (), None, {}, () if job.only_traces else missed)


class _Room:
    """Bytes of pictures that may wait."""

    def __init__(self, most: int) -> None:
        self._left, self._most = most, most
        self._is_open = False
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room; when nothing waits, there always is."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_open or self._left >= size or self._left == self._most)
            self._left -= size

    def give(self, size: int) -> None:
        with self._changed:
            self._left += size
            self._changed.notify_all()

    def open(self) -> None:
        """Let everybody pass."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()


class _Looker:
    """One process with models."""

    stages: Stages
    """What its models are, once they are made."""

    def __init__(self, threads: int, patience_s: float) -> None:
        """Start it.

        Raises:
            OSError: the system does not let us.
        """
        self._threads, self._patience_s = threads, patience_s
        own, theirs = socket.socketpair()
        handle = _memory(SHARED_BYTES)
        try:
            self._shared = np.frombuffer(mmap.mmap(handle, SHARED_BYTES), np.uint8)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603  this very program
                    [sys.executable, "-P", "-c", START, str(theirs.fileno()), str(handle)],
                    pass_fds=[theirs.fileno(), handle],
                    env=_environment(threads),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for us to hear; they end when we hang up
                )
            self._connection = Connection(own.detach())
        except BaseException:
            own.close()
            raise
        finally:
            os.close(handle)

    def make_stages(self, make: MakeStages) -> None:
        """Have its models made, and wait until they are there.

        Raises:
            _EndedError: it ended.
            TriageError: they cannot be had.
        """
        self.stages = self._ask((make, self._threads, self._patience_s))

    def look(self, job: _Job) -> Looked:
        at = 0
        for frame in job.frames:
            size = frame.image.nbytes
            self._shared[at : at + size] = frame.image.reshape(-1)
            at += size
        times_ms = tuple(frame.time_ms for frame in job.frames)
        looked: Looked = self._ask(Task(job.frames[0].video, times_ms, job.only_traces))
        return looked

    def _ask(self, what: object) -> Any:  # noqa: ANN401  whatever was asked for
        try:
            self._connection.send(what)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise _EndedError from error
        if isinstance(answer, Raised):  # which may be an OSError too, and no sign that it has ended
            if not isinstance(answer.error, TriageError):
                answer.error.add_note(answer.where)
            raise answer.error
        return answer

    def close(self) -> None:
        self._connection.close()
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._connection.close()


def _environment(threads: int) -> dict[str, str]:
    """Ours, where Python finds what it finds here; whatever counts cores by itself is told how many it may have."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": str(threads),  # torch, whose threads spin where two sets of them share the cores
        "OPENBLAS_NUM_THREADS": "1",
    }


def _memory(size: int) -> int:
    return _nameless(size) if sys.platform == "linux" else _deleted(size)


def _nameless(size: int) -> int:
    handle = os.memfd_create("pictures", os.MFD_CLOEXEC)
    os.ftruncate(handle, size)
    return handle


def _deleted(size: int) -> int:
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return os.dup(file.fileno())


@contextmanager
def pool(
    make: MakeStages,
    processes: int,
    threads: int,
    ahead_bytes: int,
    *,
    at_once: bool = False,
    patience_s: float = PATIENCE_S,
) -> Iterator[Pool]:
    """A pool, whose processes have ended when the block is left: at once, if by an error."""
    opened = Pool(make, processes, threads, ahead_bytes, at_once=at_once, patience_s=patience_s)
    try:
        yield opened
    except BaseException:
        opened.kill()
        raise
    finally:
        opened.close()
