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
from triage.errors import DetectorError
from triage.estimates.registry import estimate
from triage.findings.conditions import condition
from triage.findings.detector import Detector, Model, Reader
from triage.frames.pyav import open_video
from triage.phrases import clock, counted
from triage.records import (
    Coverage,
    Fault,
    Finding,
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


def make_stages(
    settings: Settings, detectors: Sequence[Detector] | None = None, readers: Sequence[Reader] = ()
) -> Stages:
    """The stages that these settings ask for.

    Args:
        detectors: instead of those that the weights at hand can serve; then ``readers`` are theirs.

    Raises:
        PolicyError: the policy cannot be read.
        WeightsError: weights are absent, changed, without a card, or no model.
    """
    policy = load_policy(settings.judging.policy)
    if detectors is None:
        from triage.findings.registry import open_models

        detectors, readers = open_models(settings)
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
    return Stages(settings, policy, detectors, readers, provenance)


def examine(
    path: Path, video_id: str, stages: Stages, on_time: Callable[[int], None] = lambda _: None
) -> Report | Sealed:
    """One video through every stage, or as far as the tripwire lets it.

    Nothing of a video is written before this has returned, and of one that is sealed there is nothing to write.

    Args:
        video_id: SHA-256 of the file.
        on_time: told the time in the video, in ms, after each batch of looks.

    Raises:
        VideoError: there is no picture in it to look at.
    """
    findings: list[Finding] = []
    readings: list[Reading] = []
    failed = _Failed()
    watch = _Watch()
    conditions: Counter[str] = Counter()
    with open_video(path, video_id, stages.settings.sampling) as source:
        picture_bytes = source.video.width_px * source.video.height_px * 3
        batch = max(1, min(stages.settings.detecting.batch, MOST_BYTES // picture_bytes))
        with ahead(source.frames(), room=batch) as coming:
            for frames in _batches(coming, batch):
                found = _look(stages.detectors, frames, failed)
                findings.extend(chain.from_iterable(found))
                readings.extend(_read(stages.readers, frames, found, failed))
                conditions.update(str(condition(frame.image)) for frame in frames)
                if watch.is_due(found):
                    tracks = _tracks(findings, readings, {}, stages)
                    trip = tripped(tracks, failed.faults(), stages.provenance.looked_for, is_over=False)
                    if trip is not None:
                        return Sealed(video_id, trip.time_ms, trip.why, stages.provenance)
                on_time(frames[-1].time_ms)
        coverage = source.coverage()
        tracks = _tracks(findings, readings, source.stood_ms(), stages)
        video = source.video
    return _judged(video, coverage, tracks, failed.faults(), stages.provenance, conditions, stages)


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


class _Watch:
    """When to ask the tripwire before the end: at the first sight, then whenever as many looks again were made.

    To ask, all that was seen is linked anew; asking after every look would cost the square of a video's length.
    """

    def __init__(self) -> None:
        self._looks = self._next = 0
        self._has_sight = False

    def is_due(self, found: Sequence[Sequence[Finding]]) -> bool:
        self._looks += len(found)
        self._has_sight = self._has_sight or any(seen.label is Label.SEXUAL for frame in found for seen in frame)
        if not self._has_sight or self._looks < self._next:
            return False
        self._next = 2 * self._looks
        return True


class _Failed:
    """Looks that a detector did not finish, gathered so that a broken model is one fault and not a thousand."""

    def __init__(self) -> None:
        self._times_ms: dict[tuple[str, str], list[int]] = defaultdict(list)

    def note(self, detector: str, why: str, frames: Iterable[Frame]) -> None:
        self._times_ms[detector, why].extend(frame.time_ms for frame in frames)

    def faults(self) -> tuple[Fault, ...]:
        return tuple(
            Fault(
                "findings",
                times[0],
                f"{why}; not looked at: {counted(len(times), 'picture', 'pictures')} from {clock(times[0])} on",
                len(times),
            )
            for (_, why), times in sorted(self._times_ms.items())
        )


def _look(detectors: Iterable[Detector], frames: Sequence[Frame], failed: _Failed) -> list[list[Finding]]:
    """For each frame, what all detectors that did not fail saw in it."""
    found: list[list[Finding]] = [[] for _ in frames]
    for detector in detectors:
        try:
            answers = detector.look(frames)
        except DetectorError as error:
            failed.note(detector.name, str(error), frames)
            continue
        for seen, answer in zip(found, answers, strict=True):
            seen.extend(answer)
    return found


def _read(
    readers: Iterable[Reader], frames: Sequence[Frame], found: Sequence[Sequence[Finding]], failed: _Failed
) -> Iterator[Reading]:
    for reader in readers:
        try:
            answers = reader.read(frames, found)
        except DetectorError as error:
            failed.note(reader.name, str(error), frames)
            continue
        yield from chain.from_iterable(answers)


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    remaining = iter(frames)
    while batch := list(islice(remaining, size)):
        yield batch


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
