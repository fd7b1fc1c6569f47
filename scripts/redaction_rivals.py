# SPDX-License-Identifier: AGPL-3.0-or-later
"""Three that cover a clip: ours, deface, and our own detector on each picture alone. What each made, and took."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from redaction_material import Clip, write_clip

from triage.copying import Pass, Wish, copy_video, open_searchers
from triage.durable import sha256_of
from triage.findings.detector import Detector
from triage.findings.registry import open_models
from triage.frames.pictures import Picture, open_pictures
from triage.geometry import Box
from triage.pipeline import Stages, examine, make_stages
from triage.records import Cover, Covered, Frame, Label, Role, Sealed, Style
from triage.redaction import writer
from triage.redaction.merging import Timeline
from triage.redaction.shape import Shape
from triage.redaction.writer import write_copy
from triage.settings import Detecting, Settings

WISH = Wish(asked=(Covered.FACES,), style=Style.SOLID, has_mark=False)
GROWN = 0.15
"""On each side: 1.3 times in all."""
HOOK = """
import json, sys
import deface.deface as program
rows, draw = [], program.anonymize_frame
def note(dets, frame, mask_scale, *more, **named):
    sides = [program.scale_bb(*det[:4].astype(int), mask_scale) for det in dets]
    rows.append([[float(side) for side in box] for box in sides])
    return draw(dets, frame, mask_scale, *more, **named)
program.anonymize_frame = note
told, sys.argv = sys.argv[1], ["deface", *sys.argv[2:]]
program.main()
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
json.dump({"boxes": rows, "peak_mb": int(peak[0].split()[1]) / 1024 if peak else 0}, open(told, "w"))
"""
"""deface as it is, which also writes down the boxes that it draws, and the most memory that it held."""


@dataclass(slots=True)
class Copy:
    """What one of them made of a clip, and what it took."""

    path: Path
    covers: list[list[Box]]
    """Of each picture that it wrote."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    split: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Seconds of wall and processor time, by what was being done."""
    remark: str = ""


class Clock:
    """Wall and processor time, by what is being done."""

    def __init__(self) -> None:
        self.spent: dict[str, tuple[float, float]] = {}
        self._doing, self._since = "", (time.perf_counter(), time.process_time())

    def to(self, doing: str) -> None:
        if doing != self._doing:
            now = time.perf_counter(), time.process_time()
            wall, cpu = self.spent.get(self._doing, (0.0, 0.0))
            self.spent[self._doing] = (wall + now[0] - self._since[0], cpu + now[1] - self._since[1])
            self._doing, self._since = doing, now

    def stop(self) -> dict[str, tuple[float, float]]:
        self.to("")
        self.spent.pop("", None)
        return self.spent


@dataclass(frozen=True, slots=True)
class Opened:
    """Models, opened once for all clips."""

    stages: Stages
    searchers: Sequence[Detector]
    faces: Sequence[Detector]

    @classmethod
    def all(cls) -> Opened:
        settings = Settings()
        faces, _ = open_models(Settings(detecting=Detecting(roles=(Role.FACES,))))
        return cls(make_stages(settings), open_searchers(settings, WISH.wanted), faces)


def ours(clip: Clip, target: Path, opened: Opened) -> Copy:
    clock = Clock()
    with _peak() as peak:
        clock.to("scan")
        report = examine(clip.path, sha256_of(clip.path), opened.stages)
        if isinstance(report, Sealed):
            raise SystemExit(f"{clip.name} was sealed: {report.why}")
        clock.to(Pass.FOLLOWING.name.lower())
        made = copy_video(
            clip.path, report, WISH, opened.searchers, target, on_time=lambda doing, _: clock.to(doing.name.lower())
        )
        split = clock.stop()
    timeline = Timeline(made.copy.covers)
    whole = Box(0, 0, *clip.wh)
    covers = [[cover.box or whole for cover in timeline.at(time_ms)] for time_ms in clip.times_ms]
    copied = [spent for doing, spent in split.items() if doing != "scan"]
    split["of writing, the encoder"] = (0.0, split["writing"][1] - unwritten_s(clip, made.copy.covers))
    whole_s = sum(cover.end_ms - cover.start_ms for cover in made.copy.covers if cover.box is None) / 1000
    remark = f"{len(made.leaks)} found by the check and covered; whole pictures covered for {whole_s:.1f} s"
    return Copy(target, covers, sum(wall for wall, _ in copied), sum(cpu for _, cpu in copied), peak[0], split, remark)


def unwritten_s(clip: Clip, covers: Sequence[Cover]) -> float:
    """Processor time of decoding and covering all pictures, as for writing them, but writing none."""
    timeline, started = Timeline(covers), time.process_time()

    def covered(picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
        whole = Box(0, 0, *clip.wh)
        return {Style.SOLID: [cover.box or whole for cover in timeline.at(picture.time_ms)]}

    with open_pictures(clip.path, "0" * 64) as source:
        painter = writer._Painter(Shape.of(*clip.wh), source.colours.matrix, covered, has_mark=False)
        for picture in source:
            painter.frame(picture)
    return time.process_time() - started


def each_alone(clip: Clip, target: Path, opened: Opened) -> Copy:
    found: dict[int, list[Box]] = {}
    clock = Clock()
    with _peak() as peak, open_pictures(clip.path, "0" * 64) as source:

        def looked_at() -> Iterator[Picture]:
            coming = iter(source)
            while batch := list(islice(coming, Detecting().batch)):
                clock.to("looking")
                frames = [Frame(source.video, picture.time_ms, picture.image) for picture in batch]
                for detector in opened.faces:
                    for frame, seen in zip(frames, detector.look(frames), strict=True):
                        boxes = [one.box.grown(GROWN) for one in seen if one.label is Label.FACE]
                        found.setdefault(frame.time_ms, []).extend(boxes)
                clock.to("writing")
                yield from batch

        clock.to("writing")
        write_copy(source, looked_at(), target, lambda picture: {Style.SOLID: found[picture.time_ms]}, has_mark=False)
        split = clock.stop()
    wall, cpu = (sum(spent[side] for spent in split.values()) for side in (0, 1))
    return Copy(target, [found.get(time_ms, []) for time_ms in clip.times_ms], wall, cpu, peak[0], split)


class Deface:
    """The program of that name, in an environment of its own."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._python, self._folder = python, folder
        self._start = (0.0, 0.0)
        single = folder / "start.mp4"
        write_clip(single, [np.zeros((64, 64, 3), np.uint8)])
        run = self.copy(Clip("start", single, [0], [[]], (64, 64)), folder / "start.deface.mp4", None)
        self._start = run.wall_s, run.cpu_s

    @property
    def start_s(self) -> tuple[float, float]:
        """Wall and processor time until it has opened its model: taken off from everything else."""
        return self._start

    def copy(self, clip: Clip, target: Path, _opened: Opened | None) -> Copy:
        given, told = target.with_suffix(".in.mp4"), target.with_suffix(".json")
        given.symlink_to(clip.path.resolve())  # it goes by endings, and knows few
        options = ["-o", str(target), "--replacewith", "solid", "--boxes"]
        started = time.perf_counter()
        with target.with_suffix(".log").open("wb") as log:
            running = subprocess.Popen(
                [str(self._python), "-c", HOOK, str(told), str(given), *options], stdout=log, stderr=log
            )
            _pid, status, usage = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if running.returncode or not target.exists():
            raise SystemExit(f"deface made no copy of {clip.name}: see {target.with_suffix('.log')}")
        noted = json.loads(told.read_text())
        covers = [[Box(x0, y0, x1 + 1, y1 + 1) for x0, y0, x1, y1 in boxes] for boxes in noted["boxes"]]
        cpu = usage.ru_utime + usage.ru_stime
        return Copy(target, covers, wall - self._start[0], cpu - self._start[1], noted["peak_mb"])


@contextmanager
def _peak() -> Iterator[list[float]]:
    """The most memory that this process held within the block, in MB, where the system tells it; else 0."""
    peak = [0.0]
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    yield peak
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        peak[0] = next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
