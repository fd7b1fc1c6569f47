"""The whole queue in memory, told anew whenever the catalogue has changed, so that a page of it opens at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from triage.case.catalogue import CATALOGUE
from triage.case.decisions import Act, Decision, standing
from triage.case.listing import Listed
from triage.case.store import Case, Counts
from triage.case.unseen import unseen_ms
from triage.records import Queue

Reading = Callable[[], AbstractContextManager[Case]]


LONGEST_OLD_S, SHARE = 15.0, 10.0
"""How old an overview may be while the case changes: at the most, and in times of what it takes to make one."""


class State(StrEnum):
    """How far people are with a video."""

    OPEN = "open"
    """Nobody has decided anything."""
    BEGUN = "begun"
    """Something of it is decided, and not all."""
    ESCALATED = "escalated"
    DECIDED = "decided"
    """Somebody decided about the whole of it."""


TO_DO = frozenset({State.OPEN, State.BEGUN})
"""What somebody still has to decide about."""


class Order(StrEnum):
    """In which order videos are shown."""

    URGENCY = "urgency"
    """By queue; in it, what has unseen seconds first, then the heaviest reasons, then the most unseen seconds."""
    UNSEEN = "unseen"
    """What has most unseen seconds first, whatever its queue."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the queue."""

    listed: Listed
    unseen_ms: int

    @property
    def video(self) -> str:
        return self.listed.video

    @property
    def is_sealed(self) -> bool:
        return self.listed.queue is Queue.SEALED


@dataclass(frozen=True, slots=True)
class Overview:
    """A case at one moment."""

    items: tuple[Item, ...]
    """In the order of urgency."""
    counts: Counts
    total_ms: int
    """Of what may be looked at."""
    unseen_ms: int
    """Of that, what nobody has to know from a bank or from another video yet."""
    places: Mapping[str, int]
    """Content -> its place among ``items``."""
    rank: Mapping[str, int] = field(repr=False)
    """Content -> its place in the queue as the program orders it, 0 for the first; what is sealed has none."""

    def item(self, video: str) -> Item | None:
        place = self.places.get(video)
        return None if place is None else self.items[place]

    def name_of(self, video: str) -> str:
        """What to call a content, fit to be shown."""
        item = self.item(video)
        return video[:12] if item is None else item.listed.name

    def with_last(self, video: str) -> Overview:
        """The same, with a content in the last place that was examined a moment ago."""
        return replace(self, rank={**self.rank, video: len(self.rank)})

    def after(self, video: str, states: Mapping[str, State]) -> Item | None:
        """The next video of the queue that nobody has decided about, and that may be looked at."""
        start = self.places.get(video, -1) + 1
        for item in (*self.items[start:], *self.items[:start]):
            is_open = states.get(item.video, State.OPEN) in TO_DO
            if item.video and item.video != video and not item.is_sealed and is_open:
                return item
        return None

    def chosen(
        self,
        states: Mapping[str, State],
        queue: Queue | None = None,
        among: Collection[State] | None = None,
        words: str = "",
        order: Order = Order.URGENCY,
    ) -> list[Item]:
        """The items that are meant, in order.

        Args:
            states: content -> how far people are with it.
            among: how far; None: however far.
            words: something of the name, or the first digits of the SHA-256.
        """
        wanted = words.strip().casefold()
        found = [
            item
            for item in self.items
            if (queue is None or item.listed.queue is queue)
            and (among is None or states.get(item.video, State.OPEN) in among)
            and (not wanted or wanted in item.listed.name.casefold() or item.video.startswith(wanted))
        ]
        if order is Order.UNSEEN:
            found.sort(key=lambda item: (not item.is_sealed, -item.unseen_ms))
        return found


class Overviews:
    """Keeps the newest overview, and what was decided. May be asked by several threads at once."""

    def __init__(self, folder: Path, reading: Reading) -> None:
        self._files = [folder / CATALOGUE, folder / f"{CATALOGUE}-wal", folder / "sealed"]
        self._reading = reading
        self._lock = threading.Lock()
        self._kept: tuple[object, float, Overview] | None = None
        self._decided: tuple[object, Decided] | None = None

    def newest(self) -> Overview:
        """The case as it stands, or stood a moment ago: in a large case that is written to, every decision and every
        scanned video would otherwise cost each page the time of a whole overview.

        Raises:
            CaseError: it cannot be read.
        """
        stamp = self._stamp()
        with self._lock:  # whoever comes second waits and takes what the first has made
            if self._kept is not None and (self._kept[0] == stamp or time.monotonic() < self._kept[1]):
                return self._kept[2]
            began = time.monotonic()
            with self._reading() as case:
                made = overview(case)
            ended = time.monotonic()
            self._kept = stamp, ended + min(LONGEST_OLD_S, SHARE * (ended - began)), made
            return made

    def decided(self) -> Decided:
        """Everything that was decided until now."""
        stamp = self._stamp()
        with self._lock:
            if self._decided is None or self._decided[0] != stamp:
                with self._reading() as case:
                    labels = case.exposure.rules().second_reader_labels
                    self._decided = stamp, Decided(tuple(case.decisions.every()), labels)
            return self._decided[1]

    def _stamp(self) -> object:
        return tuple(map(_stamp, self._files))


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of a case, and which of them are to be read twice."""

    decisions: tuple[Decision, ...]
    """All, in order."""
    second_reader_labels: tuple[str, ...]


def overview(case: Case) -> Overview:
    """How a case stands now."""
    listed, unseen = case.listing.all(), unseen_ms(case)
    order = {queue: place for place, queue in enumerate(Queue)}
    items = sorted(
        (Item(one, unseen.get(one.video, 0)) for one in listed),
        key=lambda item: (order[item.listed.queue], not item.unseen_ms, -item.listed.weight, -item.unseen_ms),
    )
    places = {item.video: place for place, item in enumerate(items) if item.video}
    total_ms = sum(one.length_ms for one in listed if one.video in unseen)
    rank = {video: place for place, video in enumerate(unseen)}
    return Overview(tuple(items), case.counts(), total_ms, sum(unseen.values()), places, rank)


def states_of(decisions: Iterable[Decision], hidden: Collection[int] = ()) -> dict[str, State]:
    """Content -> how far people are with it; what nobody has decided about is left out.

    Args:
        decisions: of the whole case, in order.
        hidden: numbers of decisions that somebody is not to know of yet.
    """
    found: dict[str, State] = {}
    for one in standing(list(decisions)):
        if one.judged.act is Act.NOTE or one.number in hidden:
            continue
        video, is_whole = one.judged.video, one.judged.about == "" and one.judged.start_ms is None
        before = found.get(video)
        if one.judged.act is Act.ESCALATE:
            found[video] = State.ESCALATED
        elif is_whole:
            found[video] = State.DECIDED
        elif before is None:
            found[video] = State.BEGUN
    return found


def page_of(items: Sequence[Item], page: int, size: int) -> tuple[list[Item], int, int]:
    """The items of one page, how many pages there are, and which this is, counted from 1."""
    pages = max(1, -(-len(items) // size))
    page = min(max(1, page), pages)
    return list(items[(page - 1) * size : page * size]), pages, page


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116  it is asked at every page
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
