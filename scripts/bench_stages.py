# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the time of a scan goes: milliseconds per picture looked at, by stage, with the shipped models.

Each clip goes through `triage.pipeline.take_in`, as `triage scan` runs it, once uncounted and then some rounds; the
median round of each stage counts. Around each stage stands a clock, nothing else is changed. Decoding runs ahead in a
thread of its own, beside the looking, so the stages add up to more than what one waits: its row is processor time.

Machines are noisy and busy: quote the shares.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar
from unittest.mock import patch

from triage import pipeline
from triage.durable import sha256_of
from triage.findings.detector import Detector, Model, Reader
from triage.frames.pyav import open_video
from triage.frames.source import FrameSource
from triage.matches.embedder import Embedder
from triage.pipeline import Stages, make_stages, take_in
from triage.records import Coverage, Embedding, Finding, Frame, Reading, Report, Role, Sealed, Video
from triage.settings import Sampling, load_settings

Result = TypeVar("Result")
AnyModel = TypeVar("AnyModel", bound=Model)

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "videos"
CLIPS = (
    "intel/one-by-one-person-detection.mp4",
    "intel/bottle-detection.mp4",
    "egoblur/gen2/demo_assets/test_face_video.mp4",
)
OWN = {
    "link": "tracking",
    "estimate": "weighing each person",
    "tripped": "tripwire",
    "judge": "judging",
    "condition": "day, night, grey or small",
}
"""What the pipeline calls by these names."""
DECODING = "decoding, choosing pictures"


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.took: dict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, stage: str, now: Callable[[], float] = time.perf_counter) -> Iterator[None]:
        began = now()
        try:
            yield
        finally:
            self.took[stage] += now() - began

    def around(self, stage: str, call: Callable[..., Result]) -> Callable[..., Result]:
        """The same function with a clock around it."""

        def timed(*given: Any, **named: Any) -> Result:  # noqa: ANN401  whatever the function takes
            with self.on(stage):
                return call(*given, **named)

        return timed


@dataclass(frozen=True)
class Timed(Generic[AnyModel]):
    """A model with a clock beside it; it says of itself what the model says."""

    inner: AnyModel
    clock: Clock

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def sha256(self) -> str:
        return self.inner.sha256

    @property
    def recipe(self) -> str:
        return self.inner.recipe

    @property
    def runs_on(self) -> str:
        return self.inner.runs_on

    @property
    def roles(self) -> tuple[Role, ...]:
        return self.inner.roles


class TimedDetector(Timed[Detector]):
    """A detector with a clock around it."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self.inner.thresholds

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        with self.clock.on(titled(self.inner)):
            return self.inner.look(frames)


class TimedReader(Timed[Reader]):
    """A reader with a clock around it."""

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        with self.clock.on(titled(self.inner)):
            return self.inner.read(frames, found)


@dataclass(frozen=True)
class TimedEmbedder:
    """An embedder with a clock around it."""

    inner: Embedder
    clock: Clock

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def sha256(self) -> str:
        return self.inner.sha256

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def dim(self) -> int:
        return self.inner.dim

    @property
    def runs_on(self) -> str:
        return self.inner.runs_on

    def embed(self, frames: Sequence[Frame]) -> list[Embedding]:
        with self.clock.on(f"{self.name.partition('@')[0]} (fingerprints)"):
            return self.inner.embed(frames)


@dataclass(frozen=True)
class TimedSource:
    """A source with a clock around the making of each picture, in whatever thread that happens."""

    inner: FrameSource
    clock: Clock

    @property
    def video(self) -> Video:
        return self.inner.video

    def frames(self) -> Iterator[Frame]:
        coming = self.inner.frames()
        while True:
            with self.clock.on(DECODING, time.thread_time):
                frame = next(coming, None)
            if frame is None:
                return
            yield frame

    def coverage(self) -> Coverage:
        return self.inner.coverage()

    def stood_ms(self) -> Mapping[int, int]:
        return self.inner.stood_ms()


def titled(model: Detector | Reader) -> str:
    """The model's name and what it looks for."""
    return f"{model.name.partition('@')[0]} ({', '.join(model.roles)})"


def measure(clip: Path, stages: Stages) -> tuple[Mapping[str, float], float, Report]:
    """Seconds by stage, seconds altogether, and the report of one examination."""
    clock = Clock()
    timed = replace(
        stages,
        detectors=[TimedDetector(one, clock) for one in stages.detectors],
        readers=[TimedReader(one, clock) for one in stages.readers],
        embedder=TimedEmbedder(stages.embedder, clock) if stages.embedder is not None else None,
    )

    @contextmanager
    def open_timed(path: Path, video_id: str, sampling: Sampling) -> Iterator[FrameSource]:
        with clock.on(DECODING):
            opening = open_video(path, video_id, sampling)
            source = opening.__enter__()
        try:
            yield TimedSource(source, clock)
        finally:
            opening.__exit__(None, None, None)

    video_id = sha256_of(clip)
    with patch.object(pipeline, "open_video", open_timed):
        patches = [
            patch.object(pipeline, name, clock.around(stage, getattr(pipeline, name)))
            for name, stage in OWN.items()
            if hasattr(pipeline, name)
        ]
        for one in patches:
            one.start()
        try:
            began = time.perf_counter()
            result = take_in(clip, video_id, timed)
            altogether = time.perf_counter() - began
        finally:
            for one in patches:
                one.stop()
    if isinstance(result, Sealed):
        raise SystemExit(f"{clip.name} was sealed by the tripwire; give another clip")
    return clock.took, altogether, result.report


def main() -> None:
    """Print a table for each clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path, help="clips to measure on; without, three of the shared ones")
    parser.add_argument("--rounds", type=int, default=3, help="how often each clip is examined")
    parser.add_argument("--cores", type=int, default=2, help="processor cores to use; 0: all")
    parser.add_argument("--settings", default="default", help="quick, default, thorough or a file")
    asked = parser.parse_args()
    if asked.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    stages = make_stages(load_settings(asked.settings).settings)
    for clip in asked.clips or [DATA / name for name in CLIPS if (DATA / name).is_file()]:
        _, _, report = measure(clip, stages)  # once uncounted: first calls compile and allocate
        rounds = [measure(clip, stages)[:2] for _ in range(asked.rounds)]
        by_stage = {name: statistics.median(took[name] for took, _ in rounds) for name in rounds[0][0]}
        looked = report.coverage.sampled
        whole = statistics.median(altogether for _, altogether in rounds)
        seconds = report.coverage.reached_ms / 1000
        cores = f"{len(os.sched_getaffinity(0))} cores, " if hasattr(os, "sched_getaffinity") else ""
        size = f"{report.video.width_px}x{report.video.height_px}, {seconds:.1f} s"
        people = sum(len(track.findings) for track in report.tracks if track.label == "person")
        seen = f"{looked} pictures looked at, {people} people seen in them"
        print(f"\n{clip.name}: {size}, {seen}; {cores}{asked.settings}\n")
        print("| stage | ms per picture looked at | share |")
        print("|---|---|---|")
        total = sum(by_stage.values())
        for name, took in sorted(by_stage.items(), key=lambda pair: -pair[1]):
            print(f"| {name} | {1000 * took / looked:.2f} | {took / total:.1%} |")
        print(f"| all of them | {1000 * total / looked:.2f} | |")
        pace = f"{seconds / whole:.1f} s of footage a second"
        print(f"| waited for, decoding beside | {1000 * whole / looked:.2f} | {pace} |")


if __name__ == "__main__":
    main()
