#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much memory a copy of a long clip takes, and what of it is not written again after a kill in the middle.

A short and a long clip are drawn: 480 x 270, 10 pictures a second, a new scene every 40 s, in most of them a pale disc
with two dark spots that moves about. Of each a copy is made by ``triage blur``, with a scripted detector in place of
the models, which sees the disc; it is killed by SIGKILL when half of the parts are written, and started again. Printed
are the highest resident memory of all runs, as the kernel counts it, how many parts the second run found and left
untouched, and whether the copy is whole, shows the disc nowhere, and is what its sidecar says. Leaves with 1 if not.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path
from typing import TypeAlias
from unittest.mock import patch

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream
from kill_copies import faults

from triage.copying import PART_MS
from triage.findings.detector import Detector, Reader
from triage.findings.scripted import Said, Scripted
from triage.frames.pictures import open_pictures
from triage.geometry import Box
from triage.records import Frame, Label, Role

Image: TypeAlias = npt.NDArray[np.uint8]

WIDTH, HEIGHT, RATE = 480, 270, 10
SCENE_S, WITHOUT_EACH = 40, 4
"""Length of a scene; in one of so many there is no disc."""
RADIUS, PALE = 22, 200
BELOW = 40
"""Rows at the top where the mark of a copy is, which is pale too."""
LEAST_PX = 12
"""Fewer pale pixels than these are no disc."""
LOOKING_S = 0.1
MIB = 1024


@dataclass
class Run:
    """One run of ``triage blur``."""

    peak_mib: float = 0.0
    took_s: float = 0.0
    was_killed: bool = False
    parts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Name -> inode, time of the last change, size; when most of them were there."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs=2, default=(6, 60), help="of the short and the long clip")
    parser.add_argument("--blur", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.blur:
        blur(*asked.blur)
        return
    is_wrong = False
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for minutes in asked.minutes:
            clip = draw(Path(folder) / f"{minutes:g}.mp4", round(minutes * 60 * RATE))
            peak_mib, wrong = measured(clip, minutes, Path(folder) / f"{minutes:g}")
            peaks.append(peak_mib)
            is_wrong |= bool(wrong)
            for what in wrong:
                print(f"  wrong: {what}")
    print(f"{peaks[1] - peaks[0]:+.0f} MiB for {asked.minutes[1] - asked.minutes[0]:g} minutes more")
    sys.exit(is_wrong)


def measured(clip: Path, minutes: float, out: Path) -> tuple[float, list[str]]:
    """Copy a clip with a kill in the middle; the highest memory in MiB, and what went wrong."""
    expected = -(-round(minutes * 60_000) // PART_MS)
    first = run(clip, out, kill_at=max(1, expected // 2))
    early = sorted(path.name for path in out.glob("*.review.mp4"))
    second = run(clip, out)
    untouched = [name for name, stamp in first.parts.items() if second.parts.get(name) == stamp]
    print(
        f"{minutes:g} min: killed in the middle of writing, with {len(first.parts)} of {expected} parts written; of"
        f" these the second run left {len(untouched)} untouched, and wrote {len(second.parts) - len(untouched)} others"
    )
    for what, one in (("until the kill", first), ("second run", second)):
        print(f"  {what}: {one.took_s:.0f} s, highest resident memory {one.peak_mib:.0f} MiB")
    wrong = [f"{name} stood there after the kill" for name in early]
    if not first.was_killed:
        wrong.append("it was done before it could be killed")
    if len(untouched) < len(first.parts) or not untouched:
        wrong.append("parts were written again")
    copies = list(out.glob("*.review.mp4"))
    wrong += [what for copy in copies for what in faults(copy)]
    wrong += [] if copies else ["there is no copy at the end"]
    pictures, pale = seen(copies[0]) if copies else (0, 0)
    print(f"  the copy has {pictures} pictures, {pale} of them with anything of the disc")
    if pictures != round(minutes * 60 * RATE) or pale:
        wrong.append("the copy is not what it was to be")
    wrong += [f"left over: {file.name}" for file in out.glob(".*.quarantine")]
    return max(first.peak_mib, second.peak_mib), wrong


def run(clip: Path, out: Path, kill_at: int | None = None) -> Run:
    """Make the copy in a process of its own, or kill it when so many parts are written."""
    did, started = Run(), time.monotonic()
    working = subprocess.Popen(
        [sys.executable, __file__, "--blur", clip, out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while working.poll() is None:
        did.peak_mib = max(did.peak_mib, peak_mib(working.pid))
        parts = written(out)
        if len(parts) >= len(did.parts):
            did.parts = parts
        if kill_at is not None and len(parts) >= kill_at:
            working.send_signal(signal.SIGKILL)
            working.wait()
            did.was_killed, did.parts = True, written(out)
        time.sleep(LOOKING_S)
    did.took_s = time.monotonic() - started
    if working.returncode not in {0, -signal.SIGKILL}:
        raise SystemExit(f"triage blur ended with {working.returncode}")
    return did


def written(out: Path) -> dict[str, tuple[int, int, int]]:
    """The parts that lie in quarantine."""
    found = {}
    for part in out.glob(".*.quarantine/[0-9]*.mp4"):
        try:
            stat = part.stat()
        except FileNotFoundError:
            continue  # the copy has just got its name
        found[part.name] = stat.st_ino, stat.st_mtime_ns, stat.st_size
    return found


def peak_mib(process: int) -> float:
    """The highest resident memory of a process until now; 0 of one that has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / MIB for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def blur(clip: str, out: str) -> None:
    """``triage blur``, with what sees discs in place of the models."""
    from triage.cli.main import app
    from triage.findings import registry

    cv2.setNumThreads(1)
    titles = chain(["looking"], repeat("searching"))

    def open_models(_: object) -> tuple[list[Detector], list[Reader]]:
        return [Scripted(discs, (Role.FACES, Role.GRAPHIC, Role.PEOPLE), next(titles))], []

    with patch.object(registry, "open_models", open_models):
        app(["blur", clip, "--out", out])


def discs(frame: Frame) -> Said:
    """A face where it is pale."""
    rows, columns = np.nonzero(pale(frame.image))
    if len(rows) > LEAST_PX:
        x0, y0, x1, y1 = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
        yield Label.FACE, 0.9, Box(x0, BELOW + y0, x1, BELOW + y1)


def pale(image: Image) -> npt.NDArray[np.bool_]:
    return np.asarray(image[BELOW:].min(axis=2) > PALE)


def seen(copy: Path) -> tuple[int, int]:
    """How many pictures a copy has, and in how many of them there is anything pale."""
    count = shown = 0
    with open_pictures(copy, "0" * 64) as source:
        for picture in source:
            count += 1
            shown += int(pale(picture.image).sum()) > LEAST_PX
    return count, shown


def draw(path: Path, pictures: int) -> Path:
    """Write the clip."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "26"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", 100
        ground = scene(0)
        for number in range(pictures):
            if number % (SCENE_S * RATE) == 0:
                ground = scene(number // (SCENE_S * RATE))
            frame = av.VideoFrame.from_ndarray(picture_at(number, ground), "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def scene(number: int) -> Image:
    """A dark ground, another for each scene, wider than the picture."""
    chance = np.random.default_rng(number)
    coarse = chance.integers(10, 120, (12, 24, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH * 2, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def picture_at(number: int, ground: Image) -> Image:
    """The ground, moved a little, and the disc, if this scene has one."""
    left = number % (SCENE_S * RATE)
    image = np.ascontiguousarray(ground[:, left : left + WIDTH])
    if number // (SCENE_S * RATE) % WITHOUT_EACH != WITHOUT_EACH - 1:
        x = round(WIDTH / 2 + 180 * np.sin(number / 23))
        y = round(HEIGHT / 2 + 30 + 50 * np.sin(number / 31))
        cv2.circle(image, (x, y), RADIUS, (225, 235, 245), -1, cv2.LINE_AA)
        for side in (-8, 8):
            cv2.circle(image, (x + side, y - 5), 3, (30, 30, 30), -1, cv2.LINE_AA)
    return image


if __name__ == "__main__":
    main()
