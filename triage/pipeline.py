"""One video through every stage. Start reading here."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from triage import __version__
from triage.ahead import ahead
from triage.estimates.registry import estimate
from triage.findings.detector import Detector, Model, Reader
from triage.frames.sandbox import decoders
from triage.frames.sandbox.source import open_video
from triage.frames.source import FrameSource
from triage.looking import Elsewhere, EmbedderElsewhere, Looked, Looking, look_at
from triage.matches.embedder import Embedder
from triage.original import open_original, unread
from triage.phrases import clock, counted
from triage.records import (
    Coverage,
    Embedding,
    Fault,
    Finding,
    Fingerprint,
    Frame,
    Label,
    Provenance,
    Reading,
    Report,
    Role,
    Sealed,
    Track,
    Video,
)
from triage.settings import Settings
from triage.tracks.linker import link
from triage.verdicts.policy import Policy, load_policy
from triage.verdicts.rules import judge
from triage.verdicts.tripwire import tripped

MOST_BYTES = 256 * 2**20
"""Of pictures in one batch, and again of those decoded ahead: 8 pictures of 4K, one of 64 megapixels or more."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Everything that a scan needs beside the videos."""

    settings: Settings
    policy: Policy
    detectors: Sequence[Detector]
    readers: Sequence[Reader]
    provenance: Provenance
    embedder: Embedder | None = None
    """What makes fingerprints; None: there are no weights for it, so no copy is found. Reports do not depend on it."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What one pass over a video leaves."""

    report: Report
    fingerprint: Fingerprint | None
    """None: nothing makes fingerprints here, or what does failed on this video."""


def make_stages(
    settings: Settings,
    detectors: Sequence[Detector] | None = None,
    readers: Sequence[Reader] = (),
    embedder: Embedder | None = None,
) -> Stages:
    """The stages that these settings ask for.

    Args:
        detectors: instead of those that the weights at hand can serve; then ``readers`` and ``embedder`` are theirs.

    Raises:
        PolicyError: the policy cannot be read.
        WeightsError: weights are absent, changed, without a card, or no model.
    """
    policy = load_policy(settings.judging.policy)
    if detectors is None:
        from triage.findings.registry import open_models
        from triage.matches.registry import open_embedder

        detectors, readers = open_models(settings)
        embedder = open_embedder(settings)
    models: list[Model] = sorted([*detectors, *readers], key=lambda model: model.name)
    looking = _short_hash(settings.digest(judging=False), *sorted(model.recipe for model in models))
    judging = _short_hash(settings.digest(judging=True), policy.text)
    roles = {role for model in models for role in model.roles}
    provenance = Provenance(
        version=__version__,
        settings=f"{looking}.{judging}",
        weights={model.name: model.sha256 for model in models},
        runs_on={model.name: model.runs_on for model in models},
        looked_for=tuple(role for role in Role if role in roles),
        thresholds={one.name: dict(one.thresholds) for one in sorted(detectors, key=lambda one: one.name)},
    )
    return Stages(settings, policy, detectors, readers, provenance, embedder)


def let_go_of_videos() -> None:
    """End the decoding of all videos in hand; whoever waits for pictures is told that they cannot be read."""
    decoders.close()


def described(stages: Stages) -> Stages:
    """The same without the models: all that is known of them, for a process in which others look."""
    embedder = stages.embedder
    return replace(
        stages,
        detectors=[Elsewhere.of(model) for model in stages.detectors],
        readers=[Elsewhere.of(model) for model in stages.readers],
        embedder=None if embedder is None else EmbedderElsewhere.of(embedder),
    )


def examine(
    path: Path, video_id: str, stages: Stages, on_time: Callable[[int], None] = lambda _: None
) -> Report | Sealed:
    """What ``take_in`` says of one video, without a fingerprint.

    Raises:
        VideoError: there is no picture in it to look at.
    """
    result = take_in(path, video_id, replace(stages, embedder=None), on_time)
    return result if isinstance(result, Sealed) else result.report


def take_in(
    path: Path,
    video_id: str,
    stages: Stages,
    on_time: Callable[[int], None] = lambda _: None,
    looking: Looking | None = None,
) -> Examined | Sealed:
    """One video through every stage, or as far as the tripwire lets it.

    Nothing of a video is written before this has returned, and of one that is sealed there is nothing to write: a
    fingerprint comes out beside a report or not at all.

    Args:
        video_id: SHA-256 of the file.
        on_time: told the time in the video, in ms, after each batch of looks.
        looking: who looks at the pictures; None: the models in ``stages``, here and now.

    Raises:
        VideoError: there is no picture in it to look at.
    """
    with open_video(path, video_id, stages.settings.sampling) as source:
        return look_through(source, stages, on_time, looking)


def look_through(
    source: FrameSource,
    stages: Stages,
    on_time: Callable[[int], None] = lambda _: None,
    looking: Looking | None = None,
) -> Examined | Sealed:
    """What ``take_in`` makes of a video, for one that is open already."""
    video = source.video
    seen = _Seen(video.id, stages)
    batch = _batch(video, stages.settings)
    with ahead(source.frames(), room=batch) as coming:
        for looked in _looks(_batches(coming, batch), looking, stages):
            seen.add(looked)
            if seen.is_due(looked):
                trip = tripped(seen.tracks({}), seen.faults(), stages.provenance.looked_for, is_over=False)
                if trip is not None:
                    return Sealed(video.id, trip.time_ms, trip.why, stages.provenance)
            on_time(looked.until_ms)
    coverage = source.coverage()
    tracks = seen.tracks(source.stood_ms())
    fingerprint = seen.fingerprint(coverage, source.stood_ms())
    result = _judged(video, coverage, tracks, seen.faults(), stages.provenance, seen.conditions, stages)
    return result if isinstance(result, Sealed) else Examined(result, fingerprint)


def trace(path: Path, video_id: str, stages: Stages, looking: Looking | None = None) -> Fingerprint | None:
    """The fingerprint of a video whose report is there already: no detector looks.

    Whoever calls it has made sure that the video is not sealed.

    Raises:
        VideoError: there is no picture in it to look at.
    """
    seen = _Seen(video_id, stages)
    with open_video(path, video_id, stages.settings.sampling) as source:
        batch = _batch(source.video, stages.settings)
        with ahead(source.frames(), room=batch) as coming:
            for looked in _looks(_batches(coming, batch), looking, stages, only_traces=True):
                seen.add(looked)
        return seen.fingerprint(source.coverage(), source.stood_ms())


def fingerprint_clip(path: Path, stages: Stages) -> Fingerprint | Sealed | None:
    """The fingerprint of a clip that is in no case: it goes past the tripwire like any other, so every detector looks.

    Returns:
        None: nothing makes fingerprints here, or what does failed on this clip.

    Raises:
        VideoError: there is no picture in it to look at, or it cannot be read.
    """
    with open_original(path) as file:
        try:
            video_id = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unread(error) from error
    result = take_in(path, video_id, stages)
    return result if isinstance(result, Sealed) else result.fingerprint


def judge_again(report: Report, stages: Stages) -> Report | Sealed:
    """The same evidence under the policy and the judging settings of ``stages``."""
    # What looked, and on what, stays as it was; only the judging is new.
    provenance = replace(report.provenance, settings=stages.provenance.settings)
    return _judged(report.video, report.coverage, report.tracks, report.faults, provenance, report.conditions, stages)


def _tracks(
    findings: Iterable[Finding], readings: Iterable[Reading], stood_ms: Mapping[int, int], stages: Stages
) -> tuple[Track, ...]:
    """What was seen, linked in time, and what all looks together say of it."""
    seen = link(findings, stages.settings.tracking, stood_ms)
    # A detector that answers such a role by itself, as a user's own model may, needs nobody to weigh its answers.
    weighed = [role for role in Role if any(role in reader.roles for reader in stages.readers)]
    return (*seen, *estimate(seen, readings, weighed, stages.settings.estimating))


def _judged(
    video: Video,
    coverage: Coverage,
    tracks: tuple[Track, ...],
    faults: tuple[Fault, ...],
    provenance: Provenance,
    conditions: Mapping[str, int],
    stages: Stages,
) -> Report | Sealed:
    trip = tripped(tracks, faults, provenance.looked_for, is_over=True)
    if trip is not None:
        return Sealed(video.id, trip.time_ms, trip.why, provenance)
    verdict = judge(
        tracks,
        coverage,
        faults,
        provenance.looked_for,
        conditions=_with_thresholds_of_their_own(conditions, provenance),
        policy=stages.policy,
        settings=stages.settings.judging,
    )
    return Report(video, coverage, verdict, tracks, faults, provenance, dict(conditions))


def _with_thresholds_of_their_own(conditions: Mapping[str, int], provenance: Provenance) -> Mapping[str, int]:
    """Pictures by condition, for those conditions under which some label counts from another score on."""
    own = {what.partition(" ")[2] for bars in provenance.thresholds.values() for what in bars}
    return {taken: pictures for taken, pictures in conditions.items() if taken in own}


class _Seen:
    """All that was seen in one video, batch after batch, in order."""

    def __init__(self, video_id: str, stages: Stages) -> None:
        self._video_id, self._stages = video_id, stages
        self._findings: list[Finding] = []
        self._readings: list[Reading] = []
        self._embeddings: list[Embedding] | None = []
        self._failed: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._looks = self._next = 0
        self._has_sight = False
        self.conditions: Counter[str] = Counter()

    def add(self, looked: Looked) -> None:
        self._findings.extend(chain.from_iterable(looked.found))
        self._readings.extend(looked.readings)
        self.conditions.update(looked.conditions)
        for miss in looked.missed:  # gathered so that a broken model is one fault and not a thousand
            self._failed[miss.model, miss.why].extend(looked.times_ms)
        if looked.embeddings is None:
            # Half a fingerprint would say of the other half that it is no copy of anything.
            self._embeddings = None
        elif self._embeddings is not None:
            self._embeddings.extend(looked.embeddings)

    def is_due(self, looked: Looked) -> bool:
        """Whether to ask the tripwire before the end: at the first sight, then whenever as many looks again were made.

        To ask, all that was seen is linked anew; asking after every look would cost the square of a video's length.
        """
        self._looks += len(looked.found)
        self._has_sight = self._has_sight or any(seen.label is Label.SEXUAL for frame in looked.found for seen in frame)
        if not self._has_sight or self._looks < self._next:
            return False
        self._next = 2 * self._looks
        return True

    def tracks(self, stood_ms: Mapping[int, int]) -> tuple[Track, ...]:
        """What was seen, linked in time, and what all looks together say of it."""
        return _tracks(self._findings, self._readings, stood_ms, self._stages)

    def faults(self) -> tuple[Fault, ...]:
        """Looks that a model did not finish."""
        return tuple(
            Fault(
                "findings",
                times[0],
                f"{why}; not looked at: {counted(len(times), 'picture', 'pictures')} from {clock(times[0])} on",
                len(times),
            )
            for (_, why), times in sorted(self._failed.items())
        )

    def fingerprint(self, coverage: Coverage, stood_ms: Mapping[int, int]) -> Fingerprint | None:
        """None: nothing makes fingerprints here, or what does failed on this video."""
        embedder = self._stages.embedder
        if embedder is None or self._embeddings is None:
            return None
        length_ms = coverage.reached_ms
        return Fingerprint.of(self._video_id, embedder.model, length_ms, self._embeddings, stood_ms, embedder.dim)


def _batch(video: Video, settings: Settings) -> int:
    """How many pictures of this video are looked at at once."""
    return max(1, min(settings.detecting.batch, MOST_BYTES // (video.width_px * video.height_px * 3)))


def _looks(
    batches: Iterator[list[Frame]], looking: Looking | None, stages: Stages, *, only_traces: bool = False
) -> Iterator[Looked]:
    if looking is not None:
        return looking(batches, only_traces)
    return (look_at(frames, stages, only_traces=only_traces) for frames in batches)


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    remaining = iter(frames)
    while batch := list(islice(remaining, size)):
        yield batch


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
