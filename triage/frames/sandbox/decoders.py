"""Starting decoders: one process that they are forked from, started when the first file is opened."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import triage
from triage.errors import Refusal, VideoError

GONE = "the process that decoders are forked from has ended"
START_S = 120
"""Seconds in which the process is there, on a machine that is busy and has to read Python from a slow disk."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a decoder ended."""

    signal: int
    """That ended it; 0: none."""
    code: int
    cpu_s: float
    """Seconds that it calculated."""
    peak_kib: int
    """Most memory that it had."""


class Started:
    """A decoder at work."""

    def __init__(self, server: _Server, pid: int, channel: socket.socket) -> None:
        self._server, self.pid, self.channel = server, pid, channel
        self._ended: Ended | None = None

    def end(self) -> Ended:
        """End it, if it has not ended by itself, and say how it ended; the channel is closed."""
        if self._ended is None:
            self.channel.close()
            self._ended = self._server.end(self.pid)
        return self._ended

    def cpu_s(self) -> float:
        """Seconds that it has calculated so far; 0 where the system does not tell (Linux does)."""
        try:
            # After the name, which may hold anything: the 12th and 13th of the rest, in ticks.
            ticks = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            return 0.0
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class _Server:
    """The process that decoders are forked from, as long as it lives."""

    def __init__(self) -> None:
        own, theirs = socket.socketpair()
        self._asking, self._lock = own, threading.Lock()
        self._is_in_step = True
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  this very program
                [sys.executable, "-P", "-m", "triage.frames.sandbox.server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
            )
        self._asking.settimeout(START_S)

    def is_alive(self) -> bool:
        return self._is_in_step and self._process.poll() is None

    def start(self, file: BinaryIO, request: Mapping[str, Any]) -> Started:
        """A decoder that has this file open, and does what is requested."""
        own, theirs = socket.socketpair()
        with theirs:
            try:
                answer = self._ask(request, [file.fileno(), theirs.fileno()])
            except OSError:
                own.close()
                raise
        return Started(self, answer["pid"], own)

    def end(self, pid: int) -> Ended:
        try:
            return Ended(**self._ask({"end": pid}))
        except OSError:  # the process is gone, and all decoders with it; how they would have ended, nobody knows
            return Ended(signal=signal.SIGKILL, code=0, cpu_s=0.0, peak_kib=0)

    def _ask(self, request: Mapping[str, Any], handles: list[int] | None = None) -> dict[str, Any]:
        with self._lock:
            if not self._is_in_step:
                raise ConnectionError(GONE)
            try:
                socket.send_fds(self._asking, [json.dumps(request).encode()], handles or [])
                answer = self._asking.recv(65_536)
                if not answer:
                    raise ConnectionError(GONE)
            except BaseException:
                self._is_in_step = False  # an answer that comes too late would be taken for that to the next question
                raise
        return dict(json.loads(answer))

    def close(self) -> None:
        self._asking.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Ours, where this very package is found; numpy's threads would only be copied about."""
    folder = str(Path(triage.__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    path = f"{folder}{os.pathsep}{others}" if others else folder
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class _Shared:
    """The one server of this process, with the lock that keeps it one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.server: _Server | None = None
        self.owner = 0

    def get(self) -> _Server:
        with self.lock:
            if self.server is not None and self.owner == os.getpid() and self.server.is_alive():
                return self.server
            if self.server is not None and self.owner == os.getpid():
                self.server.close()
            self.server, self.owner = _Server(), os.getpid()
            return self.server

    def let_go(self, server: _Server) -> None:
        """Never use this one again."""
        with self.lock:
            if self.server is server:
                self.server = None
        server.close()

    def close(self) -> None:
        if self.server is not None and self.owner == os.getpid():
            self.server.close()
            self.server = None


_SHARED = _Shared()
atexit.register(_SHARED.close)


def close() -> None:
    """End all decoders of this process, and what they are forked from; the next file starts anew."""
    _SHARED.close()


def start(file: BinaryIO, request: Mapping[str, Any]) -> Started:
    """A decoder for this file, which is open for reading.

    Raises:
        VideoError: NOT_OPENED, no process can be started here and now.
    """
    for is_last in (False, True):
        server = _SHARED.get()
        try:
            return server.start(file, request)
        except OSError as error:  # it was ended a moment ago, perhaps by a system short of memory
            _SHARED.let_go(server)
            if is_last:
                raise VideoError(
                    Refusal.NOT_OPENED, f"no process could be started to decode it: {error.strerror or error}"
                ) from error
    raise AssertionError
