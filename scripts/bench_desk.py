# SPDX-License-Identifier: AGPL-3.0-or-later
"""How long a large case takes to open at the desk, in Debian's Chromium. There is no video in it.

The case is made up: so many reports with findings like those of a scan, one video in ten a copy of the one before, a
few decisions. The desk is the program itself, `triage desk`; a page is open when the browser has loaded it and laid it
out. Wants chromium on the PATH and the test extras.

    scripts/bench_desk.py --case /tmp/large --videos 20000
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from triage.case.copies import Known
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import Case, open_case
from triage.geometry import Box
from triage.original import Stamp
from triage.records import (
    Coverage,
    Finding,
    Label,
    Overlap,
    Provenance,
    Queue,
    Reason,
    Report,
    Role,
    Segment,
    Track,
    Verdict,
    Video,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODEL = "objects@00000000"
PROVENANCE = Provenance(
    "bench", "aaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbb", {MODEL: "0" * 64}, {MODEL: "nothing"}, (Role.PEOPLE, Role.WEAPONS)
)
LABELS = (Label.PERSON, Label.PERSON, Label.WEAPON, Label.FACE, Label.CIVILIAN, Label.ADULT, Label.GRAPHIC)
SIZE = (1280, 720)
STEP_MS = 400
ROUNDS = 5
COPY_OF = 10
"""One video in so many is a copy of the one before it."""


def video_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def report_of(number: int) -> Report:
    """What a scan might say of a video of half a minute to five minutes; the same for the same number."""
    chance = random.Random(number)
    video, length_ms = video_id(number), chance.randrange(30_000, 300_000)
    tracks = []
    for _ in range(chance.randrange(1, 9)):
        label, start = chance.choice(LABELS), chance.randrange(0, length_ms - 10_000, STEP_MS)
        times = range(start, min(start + chance.randrange(STEP_MS, 12_000), length_ms), STEP_MS)
        grade = chance.randrange(1, 4) if label is Label.GRAPHIC else None
        tracks.append(
            Track(
                label,
                tuple(
                    Finding(video, at, label, round(chance.uniform(0.3, 1), 3), Box(100, 100, 300, 500), MODEL, grade)
                    for at in times
                ),
            )
        )
    queue = chance.choices([Queue.URGENT, Queue.PRIORITY, Queue.ROUTINE], [1, 3, 6])[0]
    reason = Reason("made_up", f"likely {tracks[0].label.value}", queue, 0, STEP_MS, round(chance.uniform(0, 3), 3))
    return Report(
        video=Video(video, Path(), *SIZE, length_ms, "mov,mp4,m4a,3gp,3g2,mj2", "h264"),
        coverage=Coverage(length_ms, length_ms, STEP_MS, length_ms // STEP_MS, 0, 0),
        verdict=Verdict(queue, (reason,)),
        tracks=tuple(tracks),
        faults=(),
        provenance=PROVENANCE,
        conditions={"day": length_ms // STEP_MS},
    )


def make_case(folder: Path, videos: int) -> None:
    """A case of so many videos. What makes it safe against a power cut is left out: it is thrown away."""
    with patch("os.fsync"), open_case(folder, make=True) as case:
        for number in range(videos):
            made = report_of(number)
            name = Path("/dump") / f"phone {number % 50:02}" / f"VID_2023{number:06}.mp4"
            case.note_file(name, Stamp(1000 + number, 1, 1), made.video.id)
            case.save(made)
            if number % COPY_OF == 1:
                keep_copy(case, number - 1, number)
            if number % 1000 == 0:
                print(f"  {number} of {videos} made", file=sys.stderr)
        for number in range(0, videos, 100):
            judged = Judged("Ana", video_id(number), Act.CONFIRM, Rung.STRIP)
            case.decisions.add(judged, seen=None)


def keep_copy(case: Case, first: int, second: int) -> None:
    one, other = video_id(first), video_id(second)
    same = (Segment(0, 20_000, 0, 20_000, 1.0, mirrored=False, similarity=0.9),)
    found = [Known(Overlap(here, there, same, 0.5, 0.5)) for here, there in ((one, other), (other, one))]
    case.copies.keep(found, [one, other], "bench")


@contextmanager
def desk(case: Path) -> Iterator[tuple[str, float]]:
    """The desk of a case: its link, and after how many seconds it was printed."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "triage.cli", "desk", str(case), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None, "it was asked for"
        link = next(line.strip() for line in process.stdout if "token=" in line)
        try:
            yield link, time.perf_counter() - began
        finally:
            process.send_signal(signal.SIGINT)


def opened(page: Page, address: str) -> float:
    """Seconds until the page at this address is laid out."""
    began = time.perf_counter()
    page.goto(address)
    page.evaluate("document.body.getBoundingClientRect().height")
    return time.perf_counter() - began


def told(what: str, seconds: list[float]) -> None:
    print(f"| {what} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |", flush=True)


def bench_desk(browser: Browser, case: Path, videos: int) -> None:
    with desk(case) as (link, started):
        told("from the command to its link", [started])
        page = browser.new_page()
        origin = link.partition("/enter")[0]
        began = time.perf_counter()
        page.goto(link)
        page.wait_for_url(f"{origin}/")
        told("from the link to the queue", [time.perf_counter() - began])
        some = video_id(videos // 2)
        for what, address in {
            "the queue": "/",
            "a page in its middle": f"/?state=any&page={videos // 50}",
            "most unseen first": "/?state=any&order=unseen",
            "a search by name": "/?state=any&words=VID_20230001",
            "a video": f"/video/{some}",
        }.items():
            told(what, [opened(page, f"{origin}{address}") for _ in range(ROUNDS)])
        took = []
        for number in range(1, ROUNDS + 1):
            page.goto(f"{origin}/video/{video_id(number)}")
            began = time.perf_counter()
            page.locator("#whole").get_by_role("button", name="Confirm").click()
            page.get_by_text("Kept:").wait_for()
            took.append(time.perf_counter() - began)
        told("a decision, until its page is back", took)
        told("the queue after it", [opened(page, f"{origin}/")])
        page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=Path, required=True, help="folder of the made-up case; made if absent")
    parser.add_argument("--videos", type=int, default=20_000)
    asked = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("there is no chromium on the PATH; scripts/test installs Debian's where it can")
    if not asked.case.exists():
        make_case(asked.case, asked.videos)
    from playwright.sync_api import sync_playwright

    print("| what | median s | longest s |\n|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu"])
        bench_desk(browser, asked.case, asked.videos)
        browser.close()


if __name__ == "__main__":
    main()
