"""The pictures of one video, shared out among processes on many machines that look at them.

A batch goes to whoever has fewest of this video's, the next one only when there is room: so few are on their way that
memory stays flat, and so many that whoever is free has work. Answers are given in order, whoever is quicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from triage.looking import Looked, Missed
from triage.pipeline import Stages
from triage.records import Frame

MOST_BYTES = 256 * 2**20
"""Of one video's pictures that are on their way; one batch always may be."""
TRIES = 3
"""Processes that may end over one batch, before it counts as not looked at."""
ENDED = "the process that looks at pictures was ended three times over them"


class LookerGoneError(Exception):
    """Who was asked has ended, or cannot be reached."""


class NobodyThereError(Exception):
    """All who could be asked have ended; who came since is known only where the video was handed out."""


class Lookers(Protocol):
    """Processes that look at pictures, by number."""

    def __len__(self) -> int: ...

    def ask(self, which: int, frames: list[Frame], *, only_traces: bool) -> Future[Looked]:
        """What it sees in these pictures; ``LookerGoneError`` in the future if it ends before it says."""


@dataclass(slots=True, eq=False)
class _Batch:
    frames: list[Frame]
    which: int
    looked: Future[Looked]
    tries: int = 0
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(frame.image.nbytes for frame in self.frames)


class Asking:
    """Shares out one video's batches; what is ``looking`` for the pipeline. For one thread."""

    def __init__(
        self,
        lookers: Lookers,
        stages: Stages,
        *,
        most: int,
        near: frozenset[int] = frozenset(),
        first: int = 0,
    ) -> None:
        """Args:
        most: batches on their way, at the most.
        near: those on this machine: of two with as much to do, they are asked.
        first: of others the one to begin with, so that not all videos begin with the same.
        """
        self._lookers, self._stages, self._most = lookers, stages, most
        self._near, self._first = near, first
        self._waiting: deque[_Batch] = deque()
        self._gone: set[int] = set()

    def looking(self, batches: Iterator[list[Frame]], only_traces: bool) -> Iterator[Looked]:
        """See ``triage.looking.Looking``.

        Raises:
            NobodyThereError: all of them have ended.
        """
        for frames in batches:
            size = sum(frame.image.nbytes for frame in frames)
            while self._waiting and (self._is_full(size) or self._waiting[0].looked.done()):
                yield self._next(only_traces=only_traces)
            which = self._choose()
            self._waiting.append(_Batch(frames, which, self._lookers.ask(which, frames, only_traces=only_traces)))
        while self._waiting:
            yield self._next(only_traces=only_traces)

    def _is_full(self, size: int) -> bool:
        return len(self._waiting) >= self._most or sum(each.size for each in self._waiting) + size > MOST_BYTES

    def _next(self, *, only_traces: bool) -> Looked:
        """What was seen in the first of those on their way, by whomever in the end."""
        batch = self._waiting[0]
        while True:
            try:
                looked = batch.looked.result()
                break
            except LookerGoneError:
                self._gone.add(batch.which)
                batch.tries += 1
                if batch.tries >= TRIES:
                    looked = self._nothing(batch.frames, only_traces=only_traces)
                    break
                batch.which = self._choose()
                batch.looked = self._lookers.ask(batch.which, batch.frames, only_traces=only_traces)
        self._waiting.popleft()
        return looked

    def _choose(self) -> int:
        there = [which for which in range(len(self._lookers)) if which not in self._gone]
        if not there:
            raise NobodyThereError
        return min(there, key=self._rank)

    def _rank(self, which: int) -> tuple[int, bool, int]:
        load = sum(each.which == which and not each.looked.done() for each in self._waiting)
        return load, which not in self._near, (which - self._first) % len(self._lookers)

    def _nothing(self, frames: list[Frame], *, only_traces: bool) -> Looked:
        """Of a batch that ended whoever looked: every model missed it, and it is tried again at the next scan."""
        names = [model.name for model in (*self._stages.detectors, *self._stages.readers)]
        times_ms = tuple(frame.time_ms for frame in frames)
        missed = () if only_traces else tuple(Missed(name, ENDED) for name in names)
        return Looked(times_ms, tuple(() for _ in times_ms), (), None, {}, missed)
