"""What runs on the nodes of a cluster: reading files, decoding them, and looking at pictures. Beside starting.py the
only file that knows Ray.

Errors travel as values: as exceptions Ray would wrap them, and those that it cannot send it would hide.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import exceptions

from triage import remote
from triage.errors import Refusal, TriageError, UsageError, VideoError
from triage.looking import Looked, look_at
from triage.pipeline import Stages, described
from triage.records import Frame, Video
from triage.run.cluster.asking import Asking, LookerGoneError, NobodyThereError
from triage.run.cluster.sameness import Installed, installed, models_digest
from triage.run.examining import Job, Made, examine_file, sha256_of
from triage.run.looker import MakeStages, Raised, ended_if_it_hangs, raised, use_threads

GONE = (
    exceptions.RayActorError,
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,
)
"""Whoever was asked has ended, the node or the process; what it was asked can be asked again."""
TOLD_EVERY_S = 1.0
"""How far a video is."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures of one video, as they travel."""

    video: Video
    times_ms: tuple[int, ...]
    images: tuple[Any, ...]
    """(H, W, 3) uint8 each, as in ``Frame``."""
    only_traces: bool


@dataclass(frozen=True, slots=True)
class Described:
    """A process that looks at pictures: where it is, and what its models are."""

    node: str
    installed: Installed
    stages: Stages


@dataclass(frozen=True, slots=True)
class Refused:
    """A ``VideoError``, as it travels."""

    kind: Refusal
    why: str


@dataclass(frozen=True, slots=True)
class Alone:
    """All who could look have ended."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be the same wherever something is made."""

    installation: str
    models: str


@dataclass(frozen=True, slots=True)
class Examining:
    """All that examining one file takes, beside the stages."""

    job: Job
    lookers: Sequence[Any]
    """Handles of the actors."""
    places: Sequence[str]
    """The node of each."""
    wanted: Wanted
    most: int
    """Batches on their way at once."""
    clock: Any
    """Handle of the actor that is told how far it is."""
    number: int
    """Of this file, for the clock."""


class Looker:
    """One process with models, as an actor. It ends once and for all: one that Ray started anew by itself would have
    callers wait for it as long as no node has room.
    """

    def __init__(self, make: MakeStages, threads: int) -> None:
        _be_quiet()
        use_threads(threads)
        self._stages: Stages | None = None
        self._raised: Raised | None = None
        try:
            with ended_if_it_hangs():
                self._stages = make()
        except Exception as error:  # noqa: BLE001  told to whoever asks what it is
            self._raised = raised(error)

    def describe(self) -> Described | Raised:
        if self._stages is None:
            assert self._raised is not None
            return self._raised
        return Described(here(), installed(), described(self._stages))

    def is_there(self) -> bool:
        return True

    def look(self, batch: Batch, wanted: Wanted) -> Looked | Raised:
        """What the models see, if they are those that are wanted."""
        if self._stages is None:
            assert self._raised is not None
            return self._raised
        if wanted != Wanted(installed().digest, models_digest(self._stages)):
            return Raised(UsageError(_other(installed().host)), "")
        try:
            frames = [
                Frame(batch.video, at, _read_only(image))
                for at, image in zip(batch.times_ms, batch.images, strict=True)
            ]
            with ended_if_it_hangs():
                return look_at(frames, self._stages, only_traces=batch.only_traces)
        except Exception as error:  # noqa: BLE001  raised again where somebody waits for it
            return raised(error)


class Clock:
    """An actor that knows how far the videos in hand are."""

    def __init__(self) -> None:
        self._at_ms: dict[int, int] = {}

    def note(self, number: int, time_ms: int) -> None:
        self._at_ms[number] = time_ms

    def told(self) -> dict[int, int]:
        """Number of a file to ms, of those of which something new is known."""
        at_ms, self._at_ms = self._at_ms, {}
        return at_ms


def ask_installed() -> Installed:
    """What is installed on the node where this runs."""
    return installed()


def name_file(path: Path, wanted: str) -> str | Refused | Raised:
    """SHA-256 of a file, read by the node where this runs."""
    if installed().digest != wanted:
        return Raised(UsageError(_other(installed().host)), "")
    _let_fetch(path)
    try:
        return sha256_of(path)
    except VideoError as refusal:
        return Refused(refusal.kind, refusal.why)
    except Exception as error:  # noqa: BLE001  raised again where somebody waits for it
        return raised(error)


def examine(asked: Examining, stages: Stages) -> Made | Refused | Alone | Raised:
    """Decode a file on the node where this runs, and have its pictures looked at."""
    _be_quiet()
    if installed().digest != asked.wanted.installation:
        return Raised(UsageError(_other(installed().host)), "")
    _let_fetch(asked.job.path)
    own = here()
    near = frozenset(number for number, place in enumerate(asked.places) if place == own)
    first = int(asked.job.video[:8], 16) % len(asked.lookers)
    asking = Asking(Actors(asked.lookers, asked.wanted), stages, most=asked.most, near=near, first=first)
    try:
        return examine_file(asked.job, stages, asking.looking, _Telling(asked.clock, asked.number))
    except NobodyThereError:
        return Alone()
    except VideoError as refusal:
        return Refused(refusal.kind, refusal.why)
    except Exception as error:  # noqa: BLE001  raised again where somebody waits for it
        return raised(error)


class Actors:
    """The actors that look, as ``Asking`` asks them."""

    def __init__(self, handles: Sequence[Any], wanted: Wanted) -> None:
        self._handles, self._wanted = handles, wanted

    def __len__(self) -> int:
        return len(self._handles)

    def ask(self, which: int, frames: list[Frame], *, only_traces: bool) -> Future[Looked]:
        times_ms, images = tuple(frame.time_ms for frame in frames), tuple(frame.image for frame in frames)
        batch = Batch(frames[0].video, times_ms, images, only_traces)
        return answer(self._handles[which].look.remote(batch, self._wanted))


class _Telling:
    """Tells the clock how far a video is, now and then."""

    def __init__(self, clock: Any, number: int) -> None:  # noqa: ANN401  a handle of Ray
        self._clock, self._number, self._told_s = clock, number, 0.0

    def __call__(self, time_ms: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            self._clock.note.remote(self._number, time_ms)


def answer(reference: Any) -> Future[Any]:  # noqa: ANN401  whatever was asked for
    """What was asked of Ray, with its errors as ours: ``LookerGoneError`` where it can be asked again."""
    told: Future[Any] = Future()
    reference.future().add_done_callback(partial(_pass_on, told))
    return told


def _pass_on(told: Future[Any], over: Future[Any]) -> None:
    if not told.set_running_or_notify_cancel():
        return
    error = over.exception()
    if error is None:
        value = over.result()
        if isinstance(value, Raised):
            error = value.error
            if not isinstance(error, TriageError):
                error.add_note(value.where)
        else:
            told.set_result(value)
            return
    if isinstance(error, GONE):
        gone = LookerGoneError(str(error))
        gone.__cause__ = error
        error = gone
    told.set_exception(error)


def here() -> str:
    """The id that Ray gave this node."""
    return str(ray.get_runtime_context().get_node_id())


def remotely(work: Callable[..., Any], **options: Any) -> Any:  # noqa: ANN401  a handle of Ray
    """A function or a class as Ray runs it elsewhere."""
    return ray.remote(**options)(work) if options else ray.remote(work)


def has_ended(error: BaseException) -> bool:
    """Whether an actor that could not be asked never can be."""
    return isinstance(error.__cause__, exceptions.ActorDiedError)


def put(what: Any) -> Any:  # noqa: ANN401  whatever many tasks are given; a reference of Ray
    """Something that travels once to each node."""
    return ray.put(what)


def end(handle: Any) -> None:  # noqa: ANN401  a handle of Ray
    """End an actor for good."""
    ray.kill(handle, no_restart=True)


def _let_fetch(path: Path) -> None:
    """The scan that sent this named the address."""
    if remote.url_of(path) is not None:
        remote.name_for_scan(path)


def _other(host: str) -> str:
    return (
        f"the node {host} came later than the scan began and has another triage, other libraries, settings or weights: "
        "it may not take part. Take it out of the cluster or set it up like the others, and run the same command again"
    )


def _read_only(image: Any) -> Any:  # noqa: ANN401  an array
    image.flags.writeable = False
    return image


def _be_quiet() -> None:
    logging.getLogger("ray").setLevel(logging.CRITICAL)


def cancel(reference: Any) -> None:  # noqa: ANN401  a reference of Ray
    """End a task now, with its process; nobody waits for it any more."""
    ray.cancel(reference, force=True)
