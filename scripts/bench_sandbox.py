# SPDX-License-Identifier: AGPL-3.0-or-later
"""What it costs to decode in a process apart: seconds of waiting and of calculating, start-up, memory.

Each clip's frames are read to the end in turn by the decoder here and by the one apart, some rounds, the best of each
counts. A consumer that works for some milliseconds on each picture stands for the models; it calculates, so that what a
decoder apart gains by running beside it is seen, and what it costs as well.

Then the same of all pictures, as review copies read them: small copies, and planes, which are copied once more, as the
writer does it.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path

import numpy as np

from triage.ahead import ahead
from triage.frames import pictures, pyav
from triage.frames.sandbox import decoders, source
from triage.frames.sandbox import pictures as apart
from triage.frames.sandbox.decoders import Ended, Started
from triage.frames.sandbox.forms import Form
from triage.frames.source import FrameSource
from triage.settings import Sampling

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "videos"
CLIPS = ("intel/one-by-one-person-detection.mp4", "egoblur/gen2/demo_assets/test_face_video.mp4")
ID = "0" * 64
Opener = Callable[[Path, str, Sampling], AbstractContextManager[FrameSource]]


class Ends:
    """How the decoders apart ended."""

    def __init__(self) -> None:
        self.last = Ended(0, 0, 0.0, 0)
        end = Started.end

        def noted(started: Started) -> Ended:
            self.last = end(started)
            return self.last

        Started.end = noted  # type: ignore[method-assign, assignment]


def read(opener: Opener, clip: Path, work_ms: float) -> tuple[float, float, int]:
    """Seconds waited, seconds calculated by this process, and pictures."""
    began, used = time.perf_counter(), calculated()
    count = 0
    with opener(clip, ID, Sampling()) as opened, ahead(opened.frames(), room=8) as frames:
        for _ in frames:
            count += 1
            work(work_ms)
    return time.perf_counter() - began, calculated() - used, count


def calculated() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read_here(clip: Path, form: Form) -> tuple[float, float, int]:
    """The same of all pictures of a video that is known to be whole, in this form."""
    began, used = time.perf_counter(), calculated()
    taken = 0
    with pictures.open_pictures(clip, ID, is_undamaged=True, is_rough=form is Form.SMALL) as opened:
        wh = opened.video.width_px, opened.video.height_px
        with ahead(iter(opened), room=8) as coming:
            for picture in coming:
                taken += _taken([picture.small] if form is Form.SMALL else picture.planes(*wh))
    return time.perf_counter() - began, calculated() - used, taken


def read_apart(clip: Path, form: Form) -> tuple[float, float, int]:
    began, used = time.perf_counter(), calculated()
    taken = 0
    with apart.open_pictures(clip, ID, is_undamaged=True, is_rough=form is Form.SMALL) as opened:
        wh = opened.video.width_px, opened.video.height_px
        for picture in opened.small() if form is Form.SMALL else opened.planes(*wh):
            taken += _taken([picture.small] if form is Form.SMALL else picture.planes(*wh))
    return time.perf_counter() - began, calculated() - used, taken


def _taken(arrays: Iterable[pictures.Image]) -> int:
    return int(bool([array.copy() for array in arrays]))


SQUARE = np.ones((400, 400), np.float32)


def work(milliseconds: float) -> None:
    """As models do: calculate without holding Python."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        SQUARE @ SQUARE


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work-ms", type=float, default=20.0, help="spent on each picture")
    asked = parser.parse_args()
    ends = Ends()
    clips = asked.clips or [DATA / name for name in CLIPS]
    began = time.perf_counter()
    source.abilities()
    print(f"first decoder apart: {time.perf_counter() - began:.2f} s")
    starts = []
    for _ in range(20):
        began = time.perf_counter()
        with source.open_video(clips[0], ID, Sampling()):
            starts.append(time.perf_counter() - began)
    here = []
    for _ in range(20):
        began = time.perf_counter()
        with pyav.open_video(clips[0], ID, Sampling()):
            here.append(time.perf_counter() - began)
    print(f"until the first picture of {clips[0].name}: apart {1000 * min(starts):.0f} ms, here {1000 * min(here):.0f}")
    print(
        "\n| clip | pictures | waited here, s | apart, s | calculated here, s | apart (both processes), s | peak MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    for clip in clips:
        best: dict[str, tuple[float, float, int]] = {}
        for _ in range(asked.rounds):
            for name, opener in (("here", pyav.open_video), ("apart", source.open_video)):
                waited, used, count = read(opener, clip, asked.work_ms)
                used += ends.last.cpu_s if name == "apart" else 0.0
                best[name] = min(best.get(name, (1e9, 1e9, 0)), (waited, used, count))
        (waited, used, count), (waited_apart, used_apart, _) = best["here"], best["apart"]
        cells = (clip.name, count, f"{waited:.2f}", f"{waited_apart:.2f}", f"{used:.2f}", f"{used_apart:.2f}")
        print("|", *(f"{cell} |" for cell in cells), f"{ends.last.peak_kib / 1024:.0f} |")
    print("\n| clip | form | pictures | waited here, s | apart, s | calculated here, ms each | apart, both, ms each |")
    print("|---|---|---|---|---|---|---|")
    for clip, form in product(clips, (Form.SMALL, Form.PLANES)):
        best = {}
        for _ in range(asked.rounds):
            for name, reader in (("here", read_here), ("apart", read_apart)):
                waited, used, count = reader(clip, form)
                used += ends.last.cpu_s if name == "apart" else 0.0
                best[name] = min(best.get(name, (1e9, 1e9, 0)), (waited, used, count), key=lambda each: each[1])
        (waited, used, count), (waited_apart, used_apart, _) = best["here"], best["apart"]
        each, each_apart = 1000 * used / count, 1000 * used_apart / count
        print(f"| {clip.name} | {form} | {count} | {waited:.2f} | {waited_apart:.2f} | {each:.2f} | {each_apart:.2f} |")
    decoders.close()


if __name__ == "__main__":
    main()
