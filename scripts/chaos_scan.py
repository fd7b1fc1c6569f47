# SPDX-License-Identifier: AGPL-3.0-or-later
"""A scan disturbed on purpose, then completed: are its reports and rows those of one that nobody disturbed?

A drawn dump is scanned once undisturbed. Then it is scanned into other cases while things go wrong: see ``WAYS``. The
scan after that is undisturbed; it has to examine what is missing and nothing else, and to leave reports, fingerprints,
rows and status byte for byte as they would have been, and a case that ``triage verify`` finds nothing wrong with. If
not, this prints what differs, keeps the folders, and leaves with 1. Models are scripted.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.chaos.bench import Bench
from tests.chaos.clocks import jumping_clock
from tests.chaos.killing import kill
from tests.chaos.reading import bad_places, gone_share, moved_dump
from tests.chaos.room import full_disk

Way = Callable[[Bench, random.Random], Iterator[str]]

WAYS: Mapping[str, tuple[Way, int, int]] = {
    "kills": (kill, 100, 30),
    "full-disk": (full_disk, 40, 8),
    "bad-places": (bad_places, 20, 10),
    "gone-share": (gone_share, 10, 10),
    "moved-dump": (moved_dump, 10, 10),
    "clock": (jumping_clock, 10, 10),
}
"""What goes wrong: how it is brought about, how often, and with how many clips if nobody says otherwise."""


def main() -> None:
    """Print what was done, and whether all is as it would have been."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS, help="what goes wrong")
    parser.add_argument("--times", type=int, default=0, help="how often")
    parser.add_argument("--clips", type=int, default=0, help="in the drawn dump")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    way, times, clips = WAYS[asked.way]
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{asked.way}-"))
    bench = Bench(folder, asked.clips or clips, asked.times or times)
    wrong = 0
    for why in way(bench, random.Random(asked.seed)):
        print(f"DIFFERS {why}", flush=True)
        wrong += 1
    print(f"{asked.way}, seed {asked.seed}: {len(bench.whole.rows)} rows, {'NOT THE SAME' if wrong else 'the same'}")
    if wrong:
        print(f"kept in {folder}")
        raise SystemExit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
