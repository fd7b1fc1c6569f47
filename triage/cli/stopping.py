"""Ctrl-C: once to finish what is in hand, twice to stop now."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = b"\nfinishing what is in hand, then stopping; Ctrl-C once more stops now, and nothing finished is lost\n"


@contextmanager
def stops_gently(is_stopped: threading.Event, let_go: Callable[[], None]) -> Iterator[None]:
    """A first Ctrl-C in the block sets ``is_stopped`` and says so; a second lets go and raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if is_stopped.is_set():
            let_go()  # or the thread that decodes would be waited for
            raise KeyboardInterrupt
        is_stopped.set()
        os.write(2, STOPPING)  # whatever was being printed when it came

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
