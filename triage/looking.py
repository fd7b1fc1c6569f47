"""Pictures past all models: what one batch of them gives. Nothing here knows of what came before or after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from triage.errors import DetectorError
from triage.findings.conditions import condition
from triage.findings.detector import Detector, Reader
from triage.matches.embedder import Embedder
from triage.records import Embedding, Finding, Frame, Reading, Role


class Models(Protocol):
    """What looks at pictures."""

    @property
    def detectors(self) -> Sequence[Detector]: ...
    @property
    def readers(self) -> Sequence[Reader]: ...
    @property
    def embedder(self) -> Embedder | None: ...


@dataclass(frozen=True, slots=True)
class Missed:
    """A model that failed on a batch."""

    model: str
    why: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in some pictures of one video."""

    times_ms: tuple[int, ...]
    found: tuple[tuple[Finding, ...], ...]
    """For each picture, what all detectors that did not fail saw in it."""
    readings: tuple[Reading, ...]
    embeddings: tuple[Embedding, ...] | None
    """None: nothing makes them, or what does failed."""
    conditions: Mapping[str, int]
    missed: tuple[Missed, ...]

    @property
    def until_ms(self) -> int:
        """Time of the last picture."""
        return self.times_ms[-1]


Looking = Callable[[Iterator[list[Frame]], bool], Iterator[Looked]]
"""Batches of a video's pictures, in order, and whether only embeddings are wanted -> what was seen in each, in the same
order. It may take batches ahead of what it gives."""


def look_at(frames: Sequence[Frame], models: Models, *, only_traces: bool = False) -> Looked:
    """What all models say of these pictures of one video; the same whatever other pictures were shown to them."""
    times_ms = tuple(frame.time_ms for frame in frames)
    missed: list[Missed] = []
    embeddings = _embed(models.embedder, frames)
    if only_traces:
        return Looked(times_ms, tuple(() for _ in frames), (), embeddings, {}, ())
    found = _look(models.detectors, frames, missed)
    readings = tuple(_read(models.readers, frames, found, missed))
    conditions = Counter(str(condition(frame.image)) for frame in frames)
    return Looked(times_ms, tuple(map(tuple, found)), readings, embeddings, conditions, tuple(missed))


def _look(detectors: Sequence[Detector], frames: Sequence[Frame], missed: list[Missed]) -> list[list[Finding]]:
    found: list[list[Finding]] = [[] for _ in frames]
    for detector in detectors:
        try:
            answers = detector.look(frames)
        except DetectorError as error:
            missed.append(Missed(detector.name, str(error)))
            continue
        for seen, answer in zip(found, answers, strict=True):
            seen.extend(answer)
    return found


def _read(
    readers: Sequence[Reader], frames: Sequence[Frame], found: Sequence[Sequence[Finding]], missed: list[Missed]
) -> Iterator[Reading]:
    for reader in readers:
        try:
            answers = reader.read(frames, found)
        except DetectorError as error:
            missed.append(Missed(reader.name, str(error)))
            continue
        yield from chain.from_iterable(answers)


def _embed(embedder: Embedder | None, frames: Sequence[Frame]) -> tuple[Embedding, ...] | None:
    if embedder is None:
        return None
    try:
        return tuple(embedder.embed(frames))
    except DetectorError:
        return None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is known of a model that looks in another process; here it cannot be asked."""

    name: str
    sha256: str
    recipe: str
    runs_on: str
    roles: tuple[Role, ...]
    thresholds: Mapping[str, float]

    @classmethod
    def of(cls, model: Detector | Reader) -> Elsewhere:
        thresholds = dict(getattr(model, "thresholds", {}))
        return cls(model.name, model.sha256, model.recipe, model.runs_on, tuple(model.roles), thresholds)

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        raise AssertionError(f"{self.name} looks in another process, not at {len(frames)} pictures here")

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        raise AssertionError(f"{self.name} reads in another process, not {len(frames)} pictures of {len(found)} here")


@dataclass(frozen=True, slots=True)
class EmbedderElsewhere:
    """The same of what makes embeddings."""

    name: str
    sha256: str
    model: str
    dim: int
    runs_on: str

    @classmethod
    def of(cls, embedder: Embedder) -> EmbedderElsewhere:
        return cls(embedder.name, embedder.sha256, embedder.model, embedder.dim, embedder.runs_on)

    def embed(self, frames: Sequence[Frame]) -> list[Embedding]:
        raise AssertionError(f"{self.name} works in another process, not on {len(frames)} pictures here")
