from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from triage.errors import Refusal, UsageError, VideoError
from triage.run.cluster import workers
from triage.run.cluster.asking import LookerGoneError
from triage.run.cluster.workers import Cluster
from triage.run.pool import StoppedError


class Alone:
    pass


class Refused:
    kind, why = Refusal.NOT_OPENED, "it is gone"


class Tasks:
    """A cluster whose tasks end one after the other as it is told here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ends: object) -> None:
        monkeypatch.setattr(workers, "PAUSES_S", (0.0, 0.0, 0.0))
        monkeypatch.setattr(workers, "LOOK_EVERY_S", 0.01)
        self._ends, self.begun, self.cancelled = list(ends), 0, 0
        self.cluster: Any = Cluster.__new__(Cluster)
        self._give("nodes", SimpleNamespace(answer=self._answer, Alone=Alone, Refused=Refused, cancel=self._cancel))
        self._give("standby", SimpleNamespace(refused=None))
        self._give("is_let_go", threading.Event())
        self._give("wanted", SimpleNamespace(installation=""))
        self._give("name", SimpleNamespace(remote=lambda *_: None))

    def _give(self, name: str, what: object) -> None:
        setattr(self.cluster, f"_{name}", what)

    def _answer(self, _: None) -> Future[Any]:
        told: Future[Any] = Future()
        end = self._ends[self.begun]
        self.begun += 1
        if isinstance(end, Exception):
            told.set_exception(end)
        elif end is not None:
            told.set_result(end)
        else:
            self.cluster._is_let_go.set()
        return told

    def _cancel(self, _: None) -> None:
        self.cancelled += 1

    def name(self) -> str:
        return str(self.cluster.name(Path("clip.mp4")))


def test_a_task_whose_node_ended_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks(monkeypatch, LookerGoneError(), LookerGoneError(), "ab" * 32)
    assert tasks.name() == "ab" * 32


def test_a_file_over_which_three_processes_ended_is_a_row_and_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = Tasks(monkeypatch, *[LookerGoneError()] * 9)
    with pytest.raises(VideoError, match="ended three times") as refusal:
        tasks.name()
    assert refusal.value.kind is Refusal.NOT_OPENED
    assert tasks.begun == 3


def test_that_nobody_was_there_to_look_is_not_held_against_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks(monkeypatch, *[Alone()] * 9, "ab" * 32)
    assert tasks.name() == "ab" * 32


def test_what_a_node_may_not_read_is_refused_as_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VideoError, match="it is gone"):
        Tasks(monkeypatch, Refused()).name()


def test_a_node_that_came_later_and_may_not_take_part_stops_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks(monkeypatch, "ab" * 32)
    tasks.cluster._standby.refused = UsageError("the node there has triage 9.9.9")
    with pytest.raises(UsageError, match="the node there"):
        tasks.name()
    assert not tasks.begun


def test_whoever_waits_for_a_task_that_was_let_go_is_told_so_and_the_task_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = Tasks(monkeypatch, None)
    with pytest.raises(StoppedError):
        tasks.name()
    assert tasks.cancelled == 1
