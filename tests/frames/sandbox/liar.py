"""Decoders that harm: one that says whatever a test wants, and one that crashes over a file."""

from __future__ import annotations

import json
import mmap
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pytest

from triage.frames.sandbox import asked, decoders
from triage.frames.sandbox.decoders import Ended, Started


class Liar(Started):
    """It has said all that it will ever say when it is asked for the first time, and hears what is said to it later."""

    def __init__(self, *messages: object, is_busy: bool = False) -> None:
        """
        Args:
            messages: bytes as they are, all else as JSON.
            is_busy: it does not end after them, and says nothing any more; else it ends as if all were well.
        """
        self.channel, self._theirs = socket.socketpair()
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
        self._theirs.sendall(b"".join(one if isinstance(one, bytes) else in_json(one) for one in messages))
        self._how = Ended(signal.SIGKILL, 0, 1000.0, 0) if is_busy else Ended(0, 0, 0.0, 0)
        if not is_busy:
            self._theirs.shutdown(socket.SHUT_WR)
        self.is_over = False

    def cpu_s(self) -> float:
        return 0.0

    def end(self) -> Ended:
        self.is_over = True
        self.channel.close()
        return self._how

    def hang_up(self) -> None:
        self.channel.close()
        self._theirs.close()

    def memory(self) -> npt.NDArray[np.uint8]:
        """What was shared with it, to be written to."""
        (size,) = struct.unpack(">I", self._theirs.recv(4))
        self._theirs.recv(size)
        _, [handle], _, _ = socket.recv_fds(self._theirs, 1, 1)
        length = os.lseek(handle, 0, os.SEEK_END)
        shared = np.frombuffer(mmap.mmap(handle, length), np.uint8)
        os.close(handle)
        return shared


def in_json(message: object) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


Instead = Callable[..., Liar]
"""What a liar is made of -> it, which is asked instead of a decoder."""


@contextmanager
def instead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Instead]:
    """Have liars asked for what is asked for all of a file."""
    with ExitStack() as made:

        def lie(*messages: object, is_busy: bool = False) -> Liar:
            liar = Liar(*messages, is_busy=is_busy)
            made.callback(liar.hang_up)
            monkeypatch.setattr(asked, "start", lambda *_: liar)
            return liar

        yield lie


def crash_over(monkeypatch: pytest.MonkeyPatch, path: Path, job: str, reading: int = 1) -> None:
    """Have the decoder crash when this is asked of this file for the so manyth time, before it can have said all."""
    own, count = path.stat().st_ino, 0

    def start(file: BinaryIO, request: Mapping[str, Any]) -> Started:
        nonlocal count
        started = decoders.start(file, request)
        if request["job"] == job and os.fstat(file.fileno()).st_ino == own:
            count += 1
            if count == reading:
                os.kill(started.pid, signal.SIGSEGV)  # it cannot end by itself before it is told what is wanted
        return started

    monkeypatch.setattr(asked, "start", start)
