"""How long a report of a large case takes, how large it is, and how soon its first page can be used.

    python scripts/bench_report.py --videos 20000 --work DIR

Makes a case of made-up reports with a seeded generator, writes its report, and opens index.html from its file in a
headless Chromium (Debian's, by playwright). A DIR in memory, such as /dev/shm, saves waiting for the disk at each one.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from triage.case.copies import Known
from triage.case.store import Case, open_case
from triage.geometry import Box
from triage.original import Stamp
from triage.records import (
    Coverage,
    Estimate,
    Fault,
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
from triage.run.reporting import Wished, make_report
from triage.settings import Settings

LABELS = (Label.PERSON, Label.LONG_GUN, Label.GRAPHIC, Label.BOUND_HANDS, Label.CAMOUFLAGE, Label.POSSIBLE_MINOR)
PROVENANCE = Provenance(
    "0.1.0",
    "aaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbb",
    {"objects@12345678": "12345678" * 8, "graphic@87654321": "87654321" * 8},
    {"objects@12345678": "nothing", "graphic@87654321": "nothing"},
    tuple(role for role in Role if role not in {Role.SEXUAL, Role.COPIES}),
    {"objects@12345678": {"person": 0.36, "weapon": 0.36}, "graphic@87654321": {"graphic": 0.5}},
)
STEP_MS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--work", type=Path, required=True, help="folder for the case and the report")
    asked = parser.parse_args()
    folder, out = asked.work / f"case-{asked.videos}", asked.work / f"report-{asked.videos}"
    if not folder.exists():
        began = time.monotonic()
        with open_case(folder, make=True) as case:
            fill(case, asked.videos)
        print(f"case made: {time.monotonic() - began:.1f} s")
    began, worked = time.monotonic(), time.process_time()
    with open_case(folder) as case:
        made = make_report(case, out, Wished(), Settings(), lambda _: none_drawn())
    files = [file for file in out.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    took = f"{time.monotonic() - began:.1f} s ({time.process_time() - worked:.1f} s of one core)"
    print(f"report of {made.told} videos: {took}, {len(files)} files, {size / 1e6:.1f} MB")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
    print(f"index.html: {(out / 'index.html').stat().st_size / 1e3:.0f} kB")
    look(out / "index.html")


def none_drawn() -> NoReturn:
    raise AssertionError("no strip is asked for")


def fill(case: Case, videos: int) -> None:
    """Write made-up reports, where they lie, and overlaps between some."""
    make = random.Random(20_000)
    ids = [f"{make.getrandbits(256):064x}" for _ in range(videos)]
    for number, video in enumerate(ids):
        case.save(made_up(video, make))
        case.note_file(Path(f"/dump/phone {number % 40}/clip {number:05d}.mp4"), Stamp(1, number, number), video)
    found = list(overlaps(ids, make))
    case.copies.keep(found, ids, "mark")


def overlaps(ids: list[str], make: random.Random) -> Iterator[Known]:
    """Every tenth video shows the one before it, in part."""
    for one, other in zip(ids[::10], ids[1::10], strict=False):
        share = make.uniform(0.3, 1.0)
        segment = Segment(0, 4000, 1000, 5000, 1.0, False, 0.9)
        back = Segment(1000, 5000, 0, 4000, 1.0, False, 0.9)
        yield Known(Overlap(one, other, (segment,), share, share, ("cropped",)))
        yield Known(Overlap(other, one, (back,), share, share, ("cropped",)))


def made_up(video: str, make: random.Random) -> Report:
    length_ms = make.randrange(5_000, 240_000)
    queue = make.choices([Queue.URGENT, Queue.PRIORITY, Queue.ROUTINE], [1, 3, 6])[0]
    short_ms = length_ms // 4 if make.random() < 0.05 else 0
    undecoded = make.randrange(1, 9) if make.random() < 0.05 else 0
    why = (("it ends early",) if short_ms else ()) + (("it is damaged",) if undecoded else ())
    reached_ms = length_ms - short_ms
    tracks = tuple(track(video, reached_ms, make) for _ in range(make.randrange(0, 12)))
    made_at = f"20{make.randrange(19, 24)}-{make.randrange(1, 13):02d}-{make.randrange(1, 28):02d}T10:00:00Z"
    faults = (Fault("findings", reached_ms // 2, "objects failed", 2),) if make.random() < 0.01 else ()
    return Report(
        Video(video, Path(), 640, 360, length_ms, "mov,mp4", "h264", 1.0, made_at if make.random() < 0.5 else None),
        Coverage(length_ms, reached_ms, STEP_MS, reached_ms // STEP_MS + 3, 10, undecoded, why, short_ms),
        Verdict(queue, (Reason("made_up", "made up for a measurement", queue, 0, 400, make.random()),)),
        tracks,
        faults,
        PROVENANCE,
        {"day": 40, "night": make.randrange(0, 20)},
    )


def track(video: str, reached_ms: int, make: random.Random) -> Track:
    label = make.choices(LABELS, [10, 1, 1, 1, 1, 2])[0]
    start, looks = make.randrange(0, reached_ms), make.randrange(1, 30)
    times = [start + number * STEP_MS for number in range(looks) if start + number * STEP_MS < reached_ms]
    findings = tuple(
        Finding(
            video,
            time_ms,
            label,
            make.uniform(0.3, 1),
            Box(10, 10, 90, 200),
            "objects@12345678",
            make.randrange(1, 4) if label is Label.GRAPHIC else None,
        )
        for time_ms in times
    )
    is_judged = label in {Label.BOUND_HANDS, Label.POSSIBLE_MINOR}
    return Track(label, findings, None, Estimate(0.4, 0.2, 0.6, ("made up",)) if is_judged else None)


def look(index: Path) -> None:
    """Open the first page, search in the list, and say how long each took."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(3):
            page = browser.new_context().new_page()
            began = time.monotonic()
            page.goto(index.as_uri())
            page.locator("#finder").wait_for()
            opened = time.monotonic()
            page.fill("#f-words", "clip 001")
            page.locator("#found-list tbody tr").first.wait_for()
            found = time.monotonic()
            page.select_option("#f-kind", "0")
            page.wait_for_function("document.querySelectorAll('#found-list tbody tr').length")
            ended = time.monotonic()
            print(
                f"opened and usable: {opened - began:.2f} s; first search, list read: {found - opened:.2f} s; "
                f"the next: {ended - found:.2f} s ({page.inner_text('#found')})"
            )
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
