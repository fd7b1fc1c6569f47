#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Written review copies beside those of deface and of a detector that looks at each picture alone: leaks and speed.

Each clip is copied three times in one run:

- **ours**: a scan with default settings, counted apart, then the copy: followed, written, searched again;
- **deface** (``--deface-python``), with its own detector and defaults, but solid boxes: all that grow by 0.3 a side;
- **each picture alone**: our own detector at the scan's thresholds, boxes grown 1.3 times, and the encoder of ours.

Faces are known on every picture: found by YuNet and joined in time (`redaction_clips.py`), or drawn, where no clip is
given (`redaction_scenes.py`); for detectors to see those, photographs of faces are laid over them (``--faces``). A
picture leaks if any pixel of a known box is uncovered by what was meant to be covered, or shown by the file that was
written (`redaction_files.py`); it is bare if less than half of some known box is covered. Needless is the share of all
pixels that are covered and in no known box.

Rates are of wall time, without what it takes to start and to open models. Where others use the processors, compare
seconds of processor time; they are those of all threads and, of deface, of the processes that it starts.
"""

from __future__ import annotations

import argparse
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from redaction_files import greys, is_shown
from redaction_material import Clip, drawn, full_hd, pasted, real
from redaction_rivals import Copy, Deface, Opened, each_alone, ours
from redaction_scenes import SCENES

from triage.geometry import Box
from triage.network import switch_off_telemetry

BARE = 0.5


@dataclass(slots=True)
class Score:
    """Counts of pictures, and a sum of shares."""

    pictures: int = 0
    shown: int = 0
    """With a known box."""
    leaking: int = 0
    leaking_in_file: int = 0
    bare: int = 0
    needless: float = 0.0
    runs: list[tuple[int, int, float]] = field(default_factory=list)
    """From and until when pictures leak, in ms, and the largest share of a known box that is uncovered."""

    def add(self, other: Score) -> None:
        for name in ("pictures", "shown", "leaking", "leaking_in_file", "bare", "needless"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def score(clip: Clip, copy: Copy) -> Score:
    """What a copy shows of what is known."""
    result = Score()
    before = -1
    for number, (is_there, covered) in enumerate(_placed(clip, copy)):
        wanted = [_within(box) for box in clip.known[number]]
        is_wanted = _mask(clip.known[number], clip.wh)
        is_covered = _mask(covered, clip.wh)
        uncovered = [float((~is_covered[place]).mean()) for place in wanted]
        is_leaking = any(share > 0 for share in uncovered)
        result.pictures += 1
        result.shown += bool(wanted)
        result.leaking += is_leaking
        result.leaking_in_file += bool((is_wanted & is_there).any())
        result.bare += any(share > BARE for share in uncovered)
        result.needless += float((is_covered & ~is_wanted).mean())
        if is_leaking:
            time_ms, worst = clip.times_ms[number], max(uncovered)
            if result.runs and before == number - 1:
                start_ms, _, largest = result.runs.pop()
                result.runs.append((start_ms, time_ms, max(largest, worst)))
            else:
                result.runs.append((time_ms, time_ms, worst))
            before = number
    return result


def _placed(clip: Clip, copy: Copy) -> Iterator[tuple[NDArray[np.bool_], list[Box]]]:
    """For each picture of the clip, where its copy shows it, and what was meant to be covered there.

    Where a copy has as many pictures, they are taken in order, else the one nearest in time, both from their beginning
    on: deface starts at 0 whenever the original did, and repeats or leaves out pictures to keep its step.
    """
    copied = list(_times_ms(copy.path))
    numbers = list(range(len(copied)))
    if len(copied) != len(clip.times_ms):
        numbers = [_nearest(copied, copied[0] + time_ms - clip.times_ms[0]) for time_ms in clip.times_ms]
    pictures = enumerate(greys(copy.path))
    at, (_, shown) = next(pictures)
    for number, (_, grey) in zip(numbers, greys(clip.path), strict=True):
        while at < number:
            at, (_, shown) = next(pictures)
        other = shown
        if other.shape != grey.shape:
            other = cv2.resize(other, (grey.shape[1], grey.shape[0])).astype(np.float32)
        yield is_shown(grey, other), copy.covers[min(number, len(copy.covers) - 1)]


def _times_ms(path: Path) -> Iterator[int]:
    return (time_ms for time_ms, _ in greys(path))


def _nearest(times_ms: Sequence[int], time_ms: float) -> int:
    after = bisect_right(times_ms, time_ms)
    around = [number for number in (after - 1, after) if 0 <= number < len(times_ms)]
    return min(around, key=lambda number: abs(times_ms[number] - time_ms))


def _within(box: Box) -> tuple[slice, slice]:
    """Rows and columns of all pixels that a box touches."""
    x0, y0 = max(0, int(np.floor(box.x0))), max(0, int(np.floor(box.y0)))
    return slice(y0, max(y0, int(np.ceil(box.y1)))), slice(x0, max(x0, int(np.ceil(box.x1))))


def _mask(boxes: Iterable[Box], wh: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((wh[1], wh[0]), np.bool_)
    for box in boxes:
        mask[_within(box)] = True
    return mask


System = Callable[[Clip, Path, Opened], Copy]


def show(clip: Clip, system: str, copy: Copy, result: Score, *, with_runs: bool) -> None:
    pictures, shown = result.pictures, max(result.shown, 1)
    lasts_s = (clip.times_ms[-1] - clip.times_ms[0]) / 1000 * pictures / max(1, pictures - 1)
    print(
        f"{clip.name[:26]:26} {system:18} {result.shown:5} {100 * result.leaking / shown:7.2f} %"
        f" {100 * result.leaking_in_file / shown:7.2f} % {100 * result.bare / shown:7.2f} %"
        f" {100 * result.needless / pictures:6.2f} % {pictures / copy.wall_s:8.1f} {1000 * copy.cpu_s / pictures:9.1f}"
        f" {lasts_s / copy.wall_s:7.2f} {copy.peak_mb:6.0f}"
    )
    for doing, (wall, cpu) in copy.split.items():
        walls = f"{1000 * wall / pictures:7.2f}" if wall else " " * 7
        print(f"{'':28} {doing:24} {walls} ms wall {1000 * cpu / pictures:7.2f} ms processor a picture")
    if copy.remark:
        print(f"{'':28} {copy.remark}")
    for start_ms, end_ms, worst in result.runs if with_runs else ():
        print(f"{'':28} leaks {start_ms} to {end_ms} ms, up to {100 * worst:.0f} % of a box")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*", help="real clips; none: drawn scenes")
    parser.add_argument("--deface-python", type=Path, help="interpreter of an environment with deface; none: without")
    parser.add_argument("--detector", type=Path, help="YuNet as ONNX, to know the faces of real clips")
    parser.add_argument("--kept", type=Path, default=Path("faces"), help="folder for what it found")
    parser.add_argument("--full-hd", type=float, metavar="S", help="first S seconds of all clips, enlarged to 1080p30")
    parser.add_argument("--scenes", nargs="*", choices=list(SCENES), default=list(SCENES))
    parser.add_argument(
        "--faces", type=Path, nargs="*", default=[], help="photographs of faces, to move in drawn scenes"
    )
    parser.add_argument("--seed", type=int, default=101, help="of drawn scenes")
    parser.add_argument("--without", nargs="*", default=[], choices=["ours", "deface", "each picture alone"])
    parser.add_argument("--out", type=Path, help="folder to keep the copies in, which is made")
    parser.add_argument("--runs", action="store_true", help="say when pictures leak")
    asked = parser.parse_args()
    if (asked.clips or asked.faces) and not asked.detector:
        parser.error("--detector is needed to know the faces of real clips, and of photographs")
    switch_off_telemetry()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=bool(asked.out is None))
        systems: dict[str, System] = {"ours": ours, "each picture alone": each_alone}
        if asked.deface_python:
            deface = Deface(asked.deface_python, folder)
            wall, cpu = deface.start_s
            print(f"deface takes {wall:.1f} s to start, {cpu:.1f} s of processor time: left out below")
            systems["deface"] = deface.copy
        opened = Opened.all()
        print(f"{'clip':26} {'':18} {'shown':>5} {'leak':>9} {'in file':>9} {'bare':>9} {'needless':>8}", end="")
        print(f" {'a second':>8} {'ms cpu':>9} {'x real':>7} {'MB':>6}")
        total: dict[str, Score] = {}
        for clip in _clips(asked, folder):
            for name, system in systems.items():
                if name not in asked.without:
                    copy = system(clip, folder / f"{clip.name}.{name.split()[0]}.mp4", opened)
                    result = score(clip, copy)
                    show(clip, name, copy, result, with_runs=asked.runs)
                    total.setdefault(name, Score()).add(result)
        for name, result in total.items():
            print(f"all: {name}: of {result.shown} pictures with a known box {result.leaking} leak by what was meant,")
            print(f"  {result.leaking_in_file} in the file, {result.bare} bare; ", end="")
            print(f"{100 * result.needless / max(result.pictures, 1):.2f} % of all pixels covered needlessly")


def _clips(asked: argparse.Namespace, folder: Path) -> Iterator[Clip]:
    if not asked.clips:
        faces: list[NDArray[np.uint8] | None] = [pasted(photo, asked.detector) for photo in asked.faces]
        faces = faces or [None]
        for number, name in enumerate(asked.scenes):
            yield drawn(name, asked.seed, faces[number % len(faces)], folder)
    elif asked.full_hd:
        yield real(full_hd(asked.clips, folder / "full-hd.mp4", asked.full_hd), asked.detector, folder / "faces")
    else:
        yield from (real(path, asked.detector, asked.kept) for path in asked.clips)


if __name__ == "__main__":
    main()
