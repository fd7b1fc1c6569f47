"""Clocks that jump while a scan is at work."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from tests.chaos import faults
from tests.chaos.bench import Bench
from tests.chaos.scanning import begin, end

FURTHEST_S = 400 * 24 * 3600
EVERY_S = 0.2


def jumping_clock(bench: Bench, chance: random.Random) -> Iterator[str]:
    """The time of day jumps back and forth; reports that are there are as old as they are."""
    if faults.COMPILER is None:
        yield "there is no C compiler here, so no clock can be made to jump"
        return
    for number in range(bench.times):
        case = bench.case(f"clock {number}")
        with faults.clock(bench.folder) as clock:
            working = begin(bench.dump, case, chance.choice([0, 2]), clock.means)
            is_killed, jumps = chance.random() < 0.5, 0
            while working.poll() is None:
                clock.set(chance.randrange(-FURTHEST_S, FURTHEST_S))
                jumps += 1
                time.sleep(EVERY_S)
                if is_killed and bench.missing(case) < bench.reports // 2:
                    working.kill()
            yield from bench.untouched(case, end(working))
        bench.say(f"{jumps} jumps{', scan killed' if is_killed else ''}: {bench.missing(case)} reports were missing")
        yield from bench.resumed(case, bench.dump)
