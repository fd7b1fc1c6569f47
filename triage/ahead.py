"""Working ahead: what comes next is made in another thread while the present one is being looked at."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Item = TypeVar("Item")

_END = object()


@contextmanager
def ahead(items: Iterator[Item], room: int) -> Iterator[Iterator[Item]]:
    """The same items in the same order, up to ``room`` of them made ahead in a thread of their own.

    An error in the thread is raised where the item is waited for. The thread has ended when the block is left, however
    it is left, so what ``items`` reads from can be closed after it.

    Args:
        room: items that may wait; bounds the memory.
    """
    waiting: queue.Queue[object] = queue.Queue(room)
    is_over = threading.Event()
    failed: list[BaseException] = []

    def make() -> None:
        try:
            for item in items:
                if is_over.is_set():
                    return
                waiting.put(item)
        except BaseException as error:  # noqa: BLE001  raised again in the thread that waits
            failed.append(error)
        finally:
            waiting.put(_END)

    def take() -> Iterator[Item]:
        while (item := waiting.get()) is not _END:
            yield item  # type: ignore[misc]  # the queue holds items and the end
        if failed:
            raise failed[0]

    worker = threading.Thread(target=make, name="ahead", daemon=True)
    worker.start()
    try:
        yield take()
    finally:
        is_over.set()
        _wait_for(worker, waiting)


def _wait_for(worker: threading.Thread, waiting: queue.Queue[object]) -> None:
    """Return when the thread has ended, whoever presses Ctrl-C meanwhile: what it reads from is closed after this."""
    interrupted = False
    while worker.is_alive():
        try:
            with suppress(queue.Empty):
                waiting.get_nowait()  # it may be waiting for room
            worker.join(0.01)
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
