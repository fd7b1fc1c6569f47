# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a long scan is as quick at its end as at its start, and its memory flat: thousands of clips in one run.

Drawn are short clips, no two alike, of lengths that come in random order, so that any five hundred of them are the same
work. ``triage scan`` looks at them with all models that ship. While it runs, the reports that are there are counted,
and of all its processes the memory (each shared page once), the time calculated and the open handles. A table has a
line for each tenth of the run, the first without what it takes to load models; a plot the whole. Leaves with 1 where
the last tenth is more than 5 % slower than the second (by time calculated, which other work on the machine disturbs
less than the clock), or its memory more than 5 % above that of the second, or a clip is without its report.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from triage.case.store import open_case

Image = npt.NDArray[np.uint8]

WIDTH, HEIGHT, RATE = 320, 240, 10
LENGTHS_S = (0.8, 1.2, 1.6)
EVERY_S = 3.0
TENTHS = 10
SLOWER, LARGER = 1.05, 1.05
MIB = 2**20
SCAN = "from triage.cli.main import app; app()"


@dataclass(frozen=True, slots=True)
class Sample:
    """How a scan stands at one moment."""

    at_s: float
    """Since it was started."""
    reports: int
    calculated_s: float
    """By all processes, those that have ended counted too."""
    memory_mib: float
    """Proportional set size of all processes."""
    handles: int
    """Open in the process that hands out."""


def pictures(number: int) -> Iterator[Image]:
    """A texture that slides behind a few blocks that go their own ways; another one for each number."""
    chance = np.random.default_rng(number)
    coarse = chance.integers(0, 256, (9, 12, 3), np.uint8)
    ground = cv2.resize(coarse, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    slide = chance.integers(-4, 5, 2)
    blocks = [
        (chance.integers(0, (WIDTH, HEIGHT)), chance.integers(-6, 7, 2), chance.integers(0, 256, 3).tolist())
        for _ in range(4)
    ]
    for index in range(round(random.Random(number).choice(LENGTHS_S) * RATE)):
        left, top = (np.array((WIDTH, HEIGHT)) // 2 + index * slide).tolist()
        image = ground[top : top + HEIGHT, left : left + WIDTH].copy()
        for start, step, colour in blocks:
            x, y = ((start + index * step) % (WIDTH, HEIGHT)).tolist()
            cv2.rectangle(image, (x, y), (x + 40, y + 30), colour, -1)
        yield np.asarray(image, np.uint8)


def draw(folder: Path, clips: int) -> None:
    """Clips by number; those that are there already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(clips):
        path = folder / f"{number:05}.mp4"
        if path.exists():
            continue
        part = path.with_suffix(".part")
        with av.open(str(part), "w", format="mp4") as container:
            stream: VideoStream = container.add_stream("libx264", Fraction(RATE), options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt, stream.thread_count = WIDTH, HEIGHT, "yuv420p", 1
            for image in pictures(number):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
            container.mux(stream.encode())
        part.rename(path)


def family(pid: int) -> list[int]:
    """This process and all below it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def calculated_s(pid: int) -> float:
    """Of a process and of those below it that have ended and were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """Proportional set size: a page that several processes have counts once in all."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def measured(pid: int, case: Path, began: float) -> Sample:
    seconds = memory = 0.0
    for one in family(pid):
        try:
            seconds += calculated_s(one)
            memory += memory_bytes(one) / MIB
        except (OSError, StopIteration):
            continue  # a decoder that has ended since
    handles = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    return Sample(time.monotonic() - began, reports(case), seconds, memory, handles)


def reports(case: Path) -> int:
    """How many are written."""
    return sum(1 for _ in (case / "reports").rglob("*.json")) if (case / "reports").is_dir() else 0


def watched(dump: Path, case: Path, clips: int, arguments: Sequence[str], log: Path) -> list[Sample]:
    """Samples from the start until the last report; what follows, comparing, is not a matter of pace."""
    samples: list[Sample] = []
    command = [sys.executable, "-P", "-c", SCAN, "scan", str(dump), "--case", str(case), *arguments]
    with log.open("wb") as said:
        began = time.monotonic()
        working = subprocess.Popen(command, stdout=said, stderr=said)
        while not samples or samples[-1].reports < clips:
            ended, _, used = os.wait4(working.pid, os.WNOHANG)
            if ended:  # so soon after the last report that no sample came in between
                calculated, at_s = used.ru_utime + used.ru_stime, time.monotonic() - began
                samples.append(replace(samples[-1], at_s=at_s, reports=reports(case), calculated_s=calculated))
                break
            samples.append(measured(working.pid, case, began))
            time.sleep(EVERY_S)
        else:
            print(f"the last report after {samples[-1].at_s:.0f} s")
            working.wait()
    print(f"with comparing, all was done after {time.monotonic() - began:.0f} s")
    return samples


@dataclass(frozen=True, slots=True)
class Part:
    """A tenth of the clips."""

    clips_a_s: float
    calculated_s_a_clip: float
    memory_mib: float
    handles: int


def parts(samples: Sequence[Sample], clips: int) -> list[Part]:
    """Tenth by tenth, each from the first sample with so many reports to the next."""
    bounds = [
        next(sample for sample in samples if sample.reports >= max(1, share * clips // TENTHS))
        for share in range(TENTHS + 1)
    ]
    return [
        Part(
            (after.reports - before.reports) / (after.at_s - before.at_s),
            (after.calculated_s - before.calculated_s) / (after.reports - before.reports),
            max(sample.memory_mib for sample in samples if before.at_s <= sample.at_s <= after.at_s),
            after.handles,
        )
        for before, after in itertools.pairwise(bounds)
    ]


def plot(samples: Sequence[Sample], target: Path) -> None:
    """Clips a minute, time calculated for each, and memory, beside the clips that are done."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    step = max(1, len(samples) // 50)
    thinned = samples[::step]
    spans = [pair for pair in itertools.pairwise(thinned) if pair[1].reports > pair[0].reports]
    done = [after.reports for _, after in spans]
    with mpl.rc_context({"svg.hashsalt": "triage", "svg.fonttype": "none"}):
        figure, (pace, work, memory) = pyplot.subplots(3, 1, sharex=True, figsize=(8, 7), layout="constrained")
        pace.plot(done, [60 * (b.reports - a.reports) / (b.at_s - a.at_s) for a, b in spans])
        pace.set_ylabel("clips a minute")
        work.plot(done, [(b.calculated_s - a.calculated_s) / (b.reports - a.reports) for a, b in spans])
        work.set_ylabel("seconds calculated a clip")
        memory.plot([sample.reports for sample in samples], [sample.memory_mib for sample in samples])
        memory.set_ylabel("memory of all processes, MiB")
        memory.set_xlabel("clips done")
        for one in (pace, work, memory):
            one.set_ylim(bottom=0)
            one.grid(alpha=0.3)
        figure.savefig(target, metadata={"Date": None})


def main() -> None:
    """Print the tenths and the judgement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=5000)
    parser.add_argument("--work", type=Path, help="where clips, case, samples and log stay; without, nothing stays")
    parser.add_argument("--plot", type=Path, help="an SVG")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="a setting of the scan")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = asked.work or Path(name)
        draw(work / "dump", asked.clips)
        arguments = ["--jobs", str(asked.jobs), *itertools.chain.from_iterable(("--set", one) for one in asked.set)]
        samples = watched(work / "dump", work / "case", asked.clips, arguments, work / "scan.log")
        (work / "samples.json").write_text(json.dumps([asdict(sample) for sample in samples]), encoding="utf-8")
        if asked.plot:
            plot(samples, asked.plot)
        with open_case(work / "case") as case:
            missing = asked.clips - case.counts().videos
    tenths = parts(samples, asked.clips)
    print(
        "\n| tenth | clips a second | calculated a clip, s | memory at the most, MiB | handles |\n|---|---|---|---|---|"
    )
    for number, part in enumerate(tenths, 1):
        pace = f"{part.clips_a_s:.2f} | {part.calculated_s_a_clip:.3f}"
        print(f"| {number} | {pace} | {part.memory_mib:.0f} | {part.handles} |")
    slower = tenths[-1].calculated_s_a_clip / tenths[1].calculated_s_a_clip
    larger = tenths[-1].memory_mib / tenths[1].memory_mib
    print(f"\nthe last tenth beside the second: {slower:.3f} times the calculating, {larger:.3f} times the memory")
    print(f"{missing} clips without a report")
    raise SystemExit(slower > SLOWER or larger > LARGER or missing > 0)


if __name__ == "__main__":
    main()
