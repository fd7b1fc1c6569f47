"""Dumps that cannot be read for a while: bad places on a disk, a share that comes back, a dump that was moved."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import faults
from tests.chaos.bench import Bench
from tests.chaos.scanning import FOLDER, begin, end, scanned


def bad_places(bench: Bench, chance: random.Random) -> Iterator[str]:
    """Some files have a stretch that cannot be read, where their bytes were never read or only not examined yet."""
    if faults.COMPILER is None:
        yield "there is no C compiler here, so no read can be made to fail"
        return
    for number in range(bench.times):
        case = bench.case(f"bad places {number}")
        if is_known := chance.random() < 0.5:
            scanned(bench.dump, case)
            _forget(case, chance)
        missing = bench.missing(case)
        bad = list(_stretches(bench.dump, chance))
        ended = scanned(bench.dump, case, chance.choice([0, 2]), faults.unreadable(bench.folder, bad))
        yield from bench.untouched(case, ended)
        left = bench.missing(case)
        bench.say(
            f"{len(bad)} files with bad places, {'known' if is_known else 'new'}: "
            f"{missing} reports were missing, {left} still are"
        )
        yield from bench.resumed(case, bench.dump)


def _stretches(dump: Path, chance: random.Random) -> Iterator[faults.Stretch]:
    """A stretch at the beginning, in the middle, at the end or all the rest of some files."""
    for path in sorted(dump.rglob("*.mp4")):
        size = path.stat().st_size
        if size and chance.random() < 0.4:
            start = chance.choice([0, chance.randrange(size), max(0, size - 4096)])
            yield path, start, chance.choice([start + 4096, 2**62])


def _forget(case: Path, chance: random.Random) -> None:
    """Delete some reports, so that their files are known and have to be examined again."""
    for report in sorted((case / "reports").rglob("*.json")):
        if chance.random() < 0.5:
            report.unlink()


def gone_share(bench: Bench, chance: random.Random) -> Iterator[str]:
    """The dump, or a folder of it, is gone in the middle of a scan and for the one after, and then back."""
    for number in range(bench.times):
        case = bench.case(f"gone share {number}")
        lost = chance.choice([bench.dump, bench.dump / FOLDER])
        working = begin(bench.dump, case, chance.choice([0, 2]))
        done = _some_reports(working, case, bench, chance)
        lost.rename(bench.folder / "away")
        yield from bench.untouched(case, end(working))
        missing = bench.missing(case)
        blind = scanned(bench.dump, case)
        if blind.code != (2 if lost == bench.dump else 0):
            yield f"a scan without {lost.name} ended with {blind.code}: {blind.said[-2000:]}"
        (bench.folder / "away").rename(lost)
        bench.say(
            f"{lost.name} gone after {done} reports: {missing} were missing, {bench.missing(case)} when it was back"
        )
        yield from bench.resumed(case, bench.dump)


def moved_dump(bench: Bench, chance: random.Random) -> Iterator[str]:
    """The dump is moved in the middle of a scan, and is elsewhere for the next."""
    for number in range(bench.times):
        case, place = bench.case(f"moved dump {number}"), bench.folder / f"elsewhere {number}"
        working = begin(bench.dump, case, chance.choice([0, 2]))
        done = _some_reports(working, case, bench, chance)
        if is_killed := chance.random() < 0.5:
            working.kill()
        bench.dump.rename(place)
        yield from bench.untouched(case, end(working))
        bench.say(
            f"moved after {done} reports{', scan killed' if is_killed else ''}: {bench.missing(case)} were missing"
        )
        yield from bench.resumed(case, place)
        place.rename(bench.dump)


def _some_reports(working: subprocess.Popen[str], case: Path, bench: Bench, chance: random.Random) -> int:
    """Wait until there are so many reports, or the scan has ended."""
    wanted = chance.randrange(1, bench.reports)
    while working.poll() is None and len(list((case / "reports").rglob("*.json"))) < wanted:
        time.sleep(0.005)
    return wanted
