"""A dump that grows while it is scanned: what has come since, once nobody writes to it any more."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from triage.run.dump import Found, walk

EVERY_S = 30.0
"""Between two looks at the dumps. A file that is the same at two looks counts as complete."""

Look = tuple[int, int, int, str | None]


class Watch:
    """Remembers what was in the dumps."""

    def __init__(self, roots: Sequence[Path], leave_out: Path, there: Sequence[Found]) -> None:
        """Begin with what is there and is about to be scanned."""
        self._roots, self._leave_out = roots, leave_out
        self._scanned = {item.path: _look(item) for item in there}
        self._before = dict(self._scanned)
        self.copies: Counter[Path] = Counter()
        """At the last look: review copies that are left out, by folder."""

    def news(self) -> tuple[list[Found], list[Found]]:
        """All that is in the dumps now, and of it what is new or changed and no longer being written."""
        self.copies.clear()
        there = list(walk(self._roots, leave_out=self._leave_out, copies=self.copies))
        now = {item.path: _look(item) for item in there}
        new = [
            item
            for item in there
            if now[item.path] != self._scanned.get(item.path) and now[item.path] == self._before.get(item.path)
        ]
        self._before = now
        self._scanned.update({item.path: now[item.path] for item in new})
        return there, new


def _look(item: Found) -> Look:
    """What changes when a file is written to."""
    try:
        found = os.lstat(item.path)
    except OSError:  # gone again, or inside an archive, whose size and time are its own
        return item.size, 0, 0, item.refused
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, item.refused
