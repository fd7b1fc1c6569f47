"""A process that looks at pictures with models of its own, for a pool of such processes (see ``pool``)."""

from __future__ import annotations

import copyreg
import faulthandler
import mmap
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import MappingProxyType

import numpy as np

from triage.looking import Looked, look_at
from triage.pipeline import Stages, described
from triage.records import Frame, Video

MakeStages = Callable[[], Stages]
PATIENCE_S = 1200.0
"""With one batch, or with loading the models; either takes seconds, or minutes on a machine short of everything."""


@dataclass(frozen=True, slots=True)
class Task:
    """A batch whose pictures lie one after the other in the shared memory."""

    video: Video
    times_ms: tuple[int, ...]
    only_traces: bool


@dataclass(frozen=True, slots=True)
class Raised:
    """An error that is no fault of the pictures: a bug, or no room."""

    error: BaseException
    where: str
    """The traceback as text; it holds no pictures and no local variables."""


# Settings hold tables that nobody can change, and those Python does not know how to send.
copyreg.pickle(MappingProxyType, lambda table: (MappingProxyType, (dict(table),)))


def main() -> None:
    """Make the models, say what they are, then look at batch after batch until the other side hangs up."""
    connection, handle = Connection(int(sys.argv[1])), int(sys.argv[2])
    shared = np.frombuffer(mmap.mmap(handle, 0, prot=mmap.PROT_READ), np.uint8)
    try:
        make, threads, patience_s = connection.recv()
        use_threads(threads)
        with ended_if_it_hangs(patience_s):
            stages = make()
        connection.send(described(stages))
        while True:
            task = connection.recv()
            with ended_if_it_hangs(patience_s):
                looked = _look(task, shared, stages)
            connection.send(looked)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # noqa: BLE001  raised again where somebody waits for it
        connection.send(raised(error))


def _look(task: Task, shared: np.ndarray[tuple[int], np.dtype[np.uint8]], stages: Stages) -> Looked | Raised:
    video = task.video
    shape = (video.height_px, video.width_px, 3)
    size = shape[0] * shape[1] * shape[2]
    images = (shared[at * size : (at + 1) * size].reshape(shape) for at in range(len(task.times_ms)))
    frames = [Frame(video, time_ms, image) for time_ms, image in zip(task.times_ms, images, strict=True)]
    try:
        return look_at(frames, stages, only_traces=task.only_traces)
    except Exception as error:  # noqa: BLE001  raised again where somebody waits for it
        return raised(error)


@contextmanager
def ended_if_it_hangs(patience_s: float = PATIENCE_S) -> Iterator[None]:
    """End this process where the block takes longer, as a crash would, so that whoever waits for it hears of it.

    Also where a library hangs and holds the interpreter: the thread that watches is not Python's.
    """
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  where all threads were is of no use to a user
        faulthandler.dump_traceback_later(patience_s, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def raised(error: Exception) -> Raised:
    """The error as it can be sent."""
    where = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  our own, a moment ago
    except Exception:  # noqa: BLE001  an error that cannot be sent is told of instead
        return Raised(RuntimeError(f"{type(error).__name__}: {error}"), where)
    return Raised(error, where)


def use_threads(threads: int) -> None:
    """So that the processes of a pool do not stand in each other's way."""
    import cv2

    from triage import network

    cv2.setNumThreads(threads)
    network.use_threads(threads)
