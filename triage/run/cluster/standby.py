"""Who can be asked to look, as nodes come and go: one that ended is followed by another, where there is room."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

from triage.run.cluster.asking import LookerGoneError
from triage.run.cluster.sameness import refuse_mixture
from triage.run.cluster.starting import Joined, compared

GREET_EVERY_S = 5.0


class Standby:
    """The processes that look; ``refresh`` is called by one thread again and again, the rest by any."""

    def __init__(self, cluster: Joined) -> None:
        from triage.run.cluster import nodes

        self._nodes, self._cluster = nodes, cluster
        self._lock = threading.Lock()
        self._there = dict(cluster.lookers)
        self._coming: dict[Future[Any], Any] = {}
        self._greetings: dict[Any, Future[Any]] = {}
        self._next_s = 0.0
        self.refused: Exception | None = None
        """Why one that came later may not take part; then none may, since the cluster is not what it was."""

    def there(self) -> dict[Any, str]:
        """Handles of those who look now, and the node of each."""
        with self._lock:
            return dict(self._there)

    def refresh(self) -> None:
        """See who ended and who came."""
        for answer in [answer for answer in self._coming if answer.done()]:
            self._welcome(answer, self._coming.pop(answer))
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + GREET_EVERY_S
        for handle in self.there():
            greeting = self._greetings.get(handle)
            if greeting is not None and not greeting.done():
                continue  # it looks at something
            error = greeting.exception() if greeting is not None else None
            if error is not None and self._nodes.has_ended(error):
                with self._lock:
                    del self._there[handle]
                del self._greetings[handle]
                self._begin_another()
            else:
                self._greetings[handle] = self._nodes.answer(handle.is_there.remote())

    def _begin_another(self) -> None:
        answer, handle = self._cluster.begin()
        self._coming[answer] = handle

    def _welcome(self, answer: Future[Any], handle: Any) -> None:  # noqa: ANN401  a handle of Ray
        try:
            told = compared(answer.result(), self._cluster.stages)
            refuse_mixture({"the others": self._cluster.stages, told.installed.host: told.stages})
        except LookerGoneError:
            self._begin_another()
        except Exception as error:  # noqa: BLE001  raised where a file is examined
            self.refused = error
        else:
            with self._lock:
                self._there[handle] = told.node
