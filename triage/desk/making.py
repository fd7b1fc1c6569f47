"""Strips and review copies, made on demand by the program itself in a process of its own, one after the other.

What they are made of is named by its SHA-256 alone; they lie in the case, where ``case/review.py`` says.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from triage.case.decisions import Rung
from triage.case.review import copies_in, strip_in
from triage.case.store import Case
from triage.desk.refusal import DeskError
from triage.durable import sha256_of
from triage.names import shown
from triage.records import Covered, Style

STYLES = {Rung.DRAWING: Style.DRAWING, Rung.BLURRED: Style.BLUR}
"""Of the two rungs that are copies."""
COVERED = frozenset({Covered.GRAPHIC.value, Covered.MINOR_FACES.value, Covered.FACES.value})
"""What a copy covers at the least to be shown here, where every rung says that faces are covered."""
MADE = (Rung.STRIP, *STYLES)
"""What is made on demand, the least first."""
MOST_WAITING = 50
LINES = 40
"""Of what a process says that are kept, the last."""
STOP_S = 10
"""How long a process may take to stop before it is stopped for good."""


class Stage(StrEnum):
    """How far something is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Job:
    """Something that is being made, was made or could not be made since the desk was started."""

    video: str
    rung: Rung
    author: str
    stage: Stage = Stage.WAITING
    said: list[str] = field(default_factory=list)
    """What the process said, the last lines of it."""

    @property
    def words(self) -> str:
        """How it stands, or why there is nothing."""
        if self.stage is Stage.WAITING:
            return "waits for its turn"
        if self.stage is Stage.RUNNING:
            return self.said[-1] if self.said else "is being made"
        if self.stage is Stage.DONE:
            return "is there"
        named = [line for line in self.said if line.startswith(("no copy:", "no strip:", "triage:"))]
        return (named or self.said or ["it could not be made, and nothing was said about why"])[-1]


@dataclass(frozen=True, slots=True)
class Made:
    """A file that may be shown."""

    path: Path
    sha256: str
    """As it was noted when it was made; empty for a strip, which is not noted."""


Run = Callable[[Sequence[str], str, Callable[[str], None]], int]
"""Runs a command of ours in somebody's name and hands on what it says, line by line; its exit code."""


class Maker:
    """The jobs of one desk. May be asked by several threads at once."""

    def __init__(self, folder: Path, settings: str, run: Run | None = None) -> None:
        """
        Args:
            folder: of the case.
            settings: by name or path, as for a scan.
        """
        self._folder, self._settings = folder.absolute(), settings
        self._process: subprocess.Popen[str] | None = None
        self._run = run or self._in_a_process
        self._jobs: dict[tuple[str, Rung], Job] = {}
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._is_stopped = False

    def ask(self, video: str, rung: Rung, author: str) -> Job:
        """Have it made, unless that is under way.

        Raises:
            DeskError: too much waits already.
        """
        with self._lock:
            job = self._jobs.get((video, rung))
            if job is not None and job.stage in {Stage.WAITING, Stage.RUNNING}:
                return job
            if sum(one.stage is Stage.WAITING for one in self._jobs.values()) >= MOST_WAITING:
                raise DeskError(429, f"{MOST_WAITING} copies wait to be made already; wait until some are done.")
            job = self._jobs[video, rung] = Job(video, rung, author)
            self._waiting.put(job)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="making", daemon=True)
                self._worker.start()
            return job

    def job(self, video: str, rung: Rung) -> Job | None:
        """What became of it; None: nobody asked for it since the desk was started."""
        with self._lock:
            return self._jobs.get((video, rung))

    def under_way(self) -> list[Job]:
        """What runs or waits, in order."""
        with self._lock:
            return [one for one in self._jobs.values() if one.stage in {Stage.WAITING, Stage.RUNNING}]

    def stop(self) -> None:
        """Stop what is being made; nothing half made is left under a name."""
        with self._lock:
            self._is_stopped = True
            process = self._process
        self._waiting.put(None)
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._worker is not None:
            self._worker.join(STOP_S)

    def command(self, video: str, rung: Rung) -> list[str]:
        """The words after ``triage`` that make it."""
        place = str(copies_in(self._folder, "strips" if rung is Rung.STRIP else rung.value))
        common = [str(self._folder), "--video", video, "--out", place, "--settings", self._settings]
        if rung is Rung.STRIP:
            return ["sheet", *common]
        # By force, since it is asked for only where none is there, or one that is not what was noted.
        return ["blur", *common, "--style", STYLES[rung].value, "--audio", "mute", "--force"]

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None and not self._is_stopped:
            job.stage = Stage.RUNNING

            def heard(line: str, job: Job = job) -> None:
                job.said = [*job.said, shown(line.strip())][-LINES:] if line.strip() else job.said

            try:
                code = self._run(self.command(job.video, job.rung), job.author, heard)
            except OSError as error:
                heard(f"triage: it could not be started: {error.strerror or error}")
                code = 1
            job.stage = Stage.FAILED if code else Stage.DONE

    def _in_a_process(self, words: Sequence[str], author: str, heard: Callable[[str], None]) -> int:
        with self._lock:
            if self._is_stopped:
                return 1
            self._process = subprocess.Popen(  # noqa: S603  our own program, with words of our own
                [sys.executable, "-m", "triage.cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env={**os.environ, "TRIAGE_AUTHOR": author},
            )
        assert self._process.stderr is not None, "it was asked for"
        with self._process.stderr as said:
            for line in said:
                heard(line)
        return self._process.wait()


def made(case: Case, video: str, rung: Rung) -> Made | None:
    """What was made of a content for a rung, if it still lies there; its hash is the caller's to check."""
    if rung is Rung.STRIP:
        strip = strip_in(case.folder, video)
        return Made(strip, "") if strip.is_file() else None
    for copied in reversed(case.review.all(video)):
        is_ours = (
            copied.style == STYLES[rung].value and not copied.revealed and set(copied.covers.split(",")) >= COVERED
        )
        if copied.path is None or not is_ours:
            continue
        # By its name within the case, which may have been moved since: copies that were made elsewhere are not taken.
        path = copies_in(case.folder, rung.value) / copied.path.name
        if path.is_file():
            return Made(path, copied.sha256)
    return None


def is_whole(found: Made) -> bool:
    """Whether a copy is byte for byte what was searched before it got its name."""
    return not found.sha256 or sha256_of(found.path) == found.sha256
