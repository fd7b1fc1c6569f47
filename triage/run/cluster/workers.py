"""Who reads the files of a scan on a cluster: a thread here for each in hand, which waits for a node."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from triage.errors import Refusal, TriageError, VideoError
from triage.pipeline import Stages, make_stages
from triage.run.cluster.asking import LookerGoneError
from triage.run.cluster.sameness import installed, models_digest
from triage.run.cluster.standby import Standby
from triage.run.cluster.starting import Joined, Share, Where, joined
from triage.run.crew import Plan
from triage.run.examining import Job, Made
from triage.run.local import Hands
from triage.run.pool import StoppedError
from triage.settings import Settings

PAUSES_S = (0.0, 5.0, 40.0)
"""Before each time that a file is begun, since it takes Ray a while to see that a node is gone; after the last one,
its processes or nodes have ended too often."""
LOOK_EVERY_S = 0.5
"""Whether somebody wants to stop, and how far videos are."""
PATIENCE_S = 600.0
"""How long nobody may be there to look, as while a node starts anew and loads its models."""
NOBODY = (
    "no process that looks at pictures is left in the cluster; see `ray status` there, and run the same command again: "
    "it goes on from here"
)
MOST_AHEAD = 32
"""Batches of one video on their way, however many look."""


class Cluster:
    """What reads files on the nodes of a cluster; the models look there as well."""

    def __init__(self, cluster: Joined) -> None:
        from triage.run.cluster import nodes

        self._nodes, self._cluster, self._standby = nodes, cluster, Standby(cluster)
        self._stages = nodes.put(cluster.stages)
        self._wanted = nodes.Wanted(installed().digest, models_digest(cluster.stages))
        # Without a claim to a core: those who look have them, and reading and decoding takes little beside. Spread, or
        # all would be done where there happens to be a process.
        anywhere: dict[str, Any] = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        self._name = nodes.remotely(nodes.name_file, **anywhere)
        self._examine = nodes.remotely(nodes.examine, **anywhere)
        self._clock = nodes.remotely(nodes.Clock, num_cpus=0, max_restarts=-1).remote()
        self._numbers = itertools.count()
        self._watched: dict[int, Callable[[int], None]] = {}
        self._is_let_go = threading.Event()

    @property
    def hands(self) -> Hands:
        """For a scan, or several."""
        return Hands(
            videos=self._cluster.videos,
            let_go=self._is_let_go.set,
            workers=partial(_Threads, self, self._cluster.videos),
        )

    def name(self, path: Path) -> str:
        """The file's SHA-256, from a node."""
        named: str = self._made(lambda: self._name.remote(path, self._wanted.installation))
        return named

    def examine(self, job: Job, on_time: Callable[[int], None]) -> Made:
        """What a node made of a file."""
        number = next(self._numbers)

        def begin() -> Any:  # noqa: ANN401  a reference of Ray
            there = self._standby.there()
            most = min(MOST_AHEAD, max(4, 2 * len(there)))
            places = list(there.values())
            asked = self._nodes.Examining(job, list(there), places, self._wanted, most, self._clock, number)
            return self._examine.remote(asked, self._stages)

        self._watched[number] = on_time
        try:
            made: Made = self._made(begin, self._someone_looks)
        finally:
            del self._watched[number]
        return made

    def _someone_looks(self) -> None:
        """Wait until somebody can be asked to look.

        Raises:
            TriageError: nobody comes, or who came may not take part.
        """
        until_s = time.monotonic() + PATIENCE_S
        while not self._standby.there():
            if time.monotonic() > until_s:
                raise TriageError(NOBODY)
            if self._is_let_go.wait(LOOK_EVERY_S):
                raise StoppedError

    def attend(self) -> None:
        """See who can be asked to look, and how far videos are, and tell those who want to know."""
        self._standby.refresh()
        answer = self._nodes.answer(self._clock.told.remote())
        if not wait([answer], LOOK_EVERY_S).done or answer.exception() is not None:
            return  # it is of use to nobody but who watches
        told: dict[int, int] = answer.result()
        for number, time_ms in told.items():
            if on_time := self._watched.get(number):
                on_time(time_ms)

    def _made(self, begin: Callable[[], Any], ready: Callable[[], None] = lambda: None) -> Any:  # noqa: ANN401  whatever
        """What comes of a task; one whose process or node ended is begun again, a few times.

        Raises:
            VideoError: the file is refused, or NOT_OPENED, every process that read it ended.
            StoppedError: it was let go.
        """
        pauses_s = deque(PAUSES_S)
        while pauses_s:
            if self._is_let_go.wait(pauses_s[0]):
                raise StoppedError
            ready()
            if self._standby.refused is not None:
                raise self._standby.refused
            reference = begin()
            try:
                made = self._wait(self._nodes.answer(reference))
            except LookerGoneError:
                pauses_s.popleft()
                continue
            finally:
                if self._is_let_go.is_set():
                    self._nodes.cancel(reference)
            if isinstance(made, self._nodes.Alone):  # which is not the file's fault
                if self._is_let_go.wait(LOOK_EVERY_S):
                    raise StoppedError
                continue
            if isinstance(made, self._nodes.Refused):
                raise VideoError(made.kind, made.why)
            return made
        raise VideoError(
            Refusal.NOT_OPENED,
            "the processes that read it ended three times, or their nodes did; scan again, and see `ray status`",
        )

    def _wait(self, answer: Future[Any]) -> Any:  # noqa: ANN401  whatever was asked for
        while not self._is_let_go.is_set():
            if wait([answer], LOOK_EVERY_S).done:
                return answer.result()
        raise StoppedError


class _Threads:
    """Of one scan; see ``triage.run.examining.Workers``."""

    def __init__(self, cluster: Cluster, videos: int) -> None:
        self._cluster = cluster
        self._threads = ThreadPoolExecutor(videos, "video")
        self._is_over = threading.Event()
        self._telling = threading.Thread(target=self._tell, name="times", daemon=True)
        self._telling.start()

    def name(self, path: Path) -> Future[str]:
        return self._threads.submit(self._cluster.name, path)

    def examine(self, job: Job, on_time: Callable[[int], None]) -> Future[Made]:
        return self._threads.submit(self._cluster.examine, job, on_time)

    def close(self) -> None:
        self._is_over.set()
        self._threads.shutdown(cancel_futures=True)
        self._telling.join()

    def _tell(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            self._cluster.attend()


@contextmanager
def cluster(at: Where, plan: Plan, settings: Settings, share: Share) -> Iterator[tuple[Stages, Hands, Joined]]:
    """Stages for these settings, who works, and where; see ``starting.joined``."""
    with joined(at, plan, partial(make_stages, settings), share) as there:
        yield there.stages, Cluster(there).hands, there
