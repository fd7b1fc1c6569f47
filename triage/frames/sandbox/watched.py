"""A decoder at work, watched: whether it goes on, and who is to blame where it does not.

A file is to blame for what it brings about by itself: its decoder crashed, calculated without end, or said what cannot
be. Whatever may come from elsewhere (a disk that does not answer, a system short of memory, somebody who ended a
process) says nothing of the file, which is then tried again at the next scan.
"""

from __future__ import annotations

import select
import signal
import socket
import time
from typing import Any

from triage.frames.sandbox import messages
from triage.frames.sandbox.decoders import Ended, Started
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.messages import Heard, NonsenseError
from triage.phrases import counted, rough

CRASHES = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"})
"""Signals that a process brings on itself. Others come from outside, and say nothing of the file."""
WAITED = 0.5
"""A decoder without a sign of life that calculated for less than this share of the time was waiting for the disk."""
STEP_S = 1.0
"""It is waited for in steps of this length. One that took much longer was not waited: this program, or the whole
machine, stood still meanwhile, and so may the decoder have."""


class GoneError(Exception):
    """The decoder will say nothing any more; the message says why, in words that follow on "it was stopped:"."""

    def __init__(self, why: str, *, is_about_file: bool = True) -> None:
        super().__init__(why)
        self.is_about_file = is_about_file


def is_about_file(error: GoneError | NonsenseError) -> bool:
    return error.is_about_file if isinstance(error, GoneError) else True


def words(error: GoneError | NonsenseError) -> str:
    return str(error) if isinstance(error, GoneError) else f"it told of {error}, which cannot be"


class Watched:
    """A decoder, its words, and the clock that runs while it says nothing."""

    def __init__(self, started: Started, limits: Limits, cpu_s: int) -> None:
        self._started, self._limits, self._cpu_s = started, limits, cpu_s
        self._step_s = min(STEP_S, limits.idle_s / 4)
        self._waited_s = 0.0
        started.channel.settimeout(limits.idle_s)

    def hear(self) -> Heard:
        """Its next message.

        Raises:
            NonsenseError: it is none.
            GoneError: it ended, or gave no sign of life for too long and was ended.
        """
        self._wait()
        try:
            message = messages.hear(self._started.channel)
        except TimeoutError:
            raise self._why_silent(self._limits.idle_s, self._started.cpu_s()) from None
        if message is None:
            raise self._why_it_ended(self.end())
        if self._waited_s > self._limits.most_waits * self._cpu_s:
            is_busy = self.end().cpu_s > WAITED * self._waited_s
            raise GoneError(f"it kept us waiting for {rough(self._waited_s)}", is_about_file=is_busy)
        return Heard(message)

    def _wait(self) -> None:
        """Until it says something, or hangs up."""
        silent_s = 0.0
        cpu_s: float | None = None
        poll = select.poll()
        poll.register(self._started.channel, select.POLLIN)
        while True:
            began = time.monotonic()
            is_there = bool(poll.poll(self._step_s * 1000))
            step_s = min(time.monotonic() - began, 2 * self._step_s)
            self._waited_s += step_s
            if is_there:
                return
            silent_s += step_s
            if cpu_s is None:
                silent_s, cpu_s = 0.0, self._started.cpu_s()
            if silent_s >= self._limits.idle_s:
                raise self._why_silent(silent_s, cpu_s)

    def lend(self, handle: int) -> None:
        """Hand over the memory for pictures."""
        self._send(lambda channel: socket.send_fds(channel, [b"m"], [handle]))

    def offer(self, place: int) -> None:
        """Let it put a picture there."""
        self._send(lambda channel: channel.sendall(bytes([place])))

    def _send(self, how: Any) -> None:  # noqa: ANN401  a function of the channel
        try:
            how(self._started.channel)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what it said before it ended is still to be heard
        except TimeoutError:
            raise GoneError("it did not take what was sent to it") from None

    def end(self) -> Ended:
        return self._started.end()

    def _why_silent(self, silent_s: float, before_s: float) -> GoneError:
        """It gave no sign for so long; until then it had calculated for ``before_s``."""
        ended = self.end()
        if ended.cpu_s - before_s < WAITED * silent_s:
            return GoneError(
                f"nothing could be read for {silent_s:.0f} s; is the disk or the share slow, or gone?",
                is_about_file=False,
            )
        return GoneError(f"it gave no sign of going on for {self._limits.idle_s:g} s")

    def _why_it_ended(self, ended: Ended) -> GoneError:
        if ended.signal == signal.SIGXCPU or (ended.signal == signal.SIGKILL and ended.cpu_s >= self._cpu_s):
            seconds = counted(self._cpu_s, "second", "seconds")
            return GoneError(f"it calculated for more than the {seconds} that a file of this size may take")
        name = signal.Signals(ended.signal).name if ended.signal in set(signal.Signals) else str(ended.signal)
        if name in CRASHES:
            return GoneError(f"it crashed ({name})")
        if ended.signal:
            return GoneError(
                f"it was ended from outside ({name}), as a system does that is short of memory", is_about_file=False
            )
        return GoneError("it failed" if ended.code else "it ended before the video did")
