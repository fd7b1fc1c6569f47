"""One file of a scan: named by its bytes, then looked at; and who does that, here or in threads.

Nothing here knows of the case: what was made of a file goes back to the one thread that keeps it (see ``local``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from triage.errors import Refusal, VideoError
from triage.looking import Looking
from triage.original import open_original, unread
from triage.pipeline import Examined, Stages, take_in, trace
from triage.records import Failure, Fingerprint, Report, Sealed

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Job:
    """A file whose pictures have to be looked at."""

    path: Path
    video: str
    """SHA-256 of the file."""
    holds: str | None = None
    """Of an archive whose files have rows of their own, a sentence that says so, or why they have none."""
    kind: Refusal = Refusal.NOT_MEDIA
    """With ``holds``: ARCHIVE, if not all of them have one."""
    only_traces: bool = False
    """It was examined; only its fingerprint is missing."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of one file, to be kept."""

    result: Report | Failure | Sealed | None
    """None: it was there already."""
    fingerprint: Fingerprint | None


class Workers(Protocol):
    """Who reads the files of a scan. A ``VideoError`` of NOT_OPENED in a future means: the system did not let us."""

    def name(self, path: Path) -> Future[str]:
        """The file's SHA-256."""

    def examine(self, job: Job, on_time: Callable[[int], None]) -> Future[Made]:
        """What is in the file; ``on_time`` is told the time in the video, in ms, from whatever thread."""

    def close(self) -> None:
        """Take nothing any more, and wait for what was taken."""


class Here:
    """This thread: what it is asked for is done when it has answered."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def name(self, path: Path) -> Future[str]:
        return at_once(sha256_of, path)

    def examine(self, job: Job, on_time: Callable[[int], None]) -> Future[Made]:
        return at_once(examine_file, job, self._stages, None, on_time)

    def close(self) -> None:
        pass


class Threads:
    """A thread for each video in hand, which waits for its decoder and for whoever looks."""

    def __init__(self, stages: Stages, looking: Looking, videos: int) -> None:
        self._stages, self._looking = stages, looking
        self._threads = ThreadPoolExecutor(videos, "video")

    def name(self, path: Path) -> Future[str]:
        return at_once(sha256_of, path)  # not in a thread, which Ctrl-C would not reach before all of a file was read

    def examine(self, job: Job, on_time: Callable[[int], None]) -> Future[Made]:
        return self._threads.submit(examine_file, job, self._stages, self._looking, on_time)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


def at_once(work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Future[Result]:
    """A future that is done; what is no error but an interruption comes out here."""
    done: Future[Result] = Future()
    try:
        done.set_result(work(*given, **named))
    except Exception as error:  # noqa: BLE001  raised again where somebody asks for the result
        done.set_exception(error)
    return done


def sha256_of(path: Path) -> str:
    """The name of a file's bytes, 64 hex digits.

    Raises:
        VideoError: NOT_OPENED, as ``open_original``.
    """
    with open_original(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unread(error) from error


def examine_file(job: Job, stages: Stages, looking: Looking | None, on_time: Callable[[int], None]) -> Made:
    """Look at one file, in whatever thread or process.

    Raises:
        VideoError: NOT_OPENED, if the system does not let us read it.
    """
    result: Report | Failure | Sealed | None = None
    fingerprint: Fingerprint | None = None
    try:
        if job.holds is not None:
            result = Failure(job.video, job.kind, job.holds, stages.provenance)
        elif job.only_traces:
            fingerprint = trace(job.path, job.video, stages, looking)
        else:
            examined = take_in(job.path, job.video, stages, on_time, looking)
            result = examined.report if isinstance(examined, Examined) else examined
            fingerprint = examined.fingerprint if isinstance(examined, Examined) else None
    except VideoError as refusal:
        if refusal.kind is Refusal.NOT_OPENED or job.only_traces:
            raise
        result = Failure(job.video, refusal.kind, refusal.why, stages.provenance)
    return Made(result, fingerprint)
