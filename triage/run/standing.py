"""How a case stands: what is done, what failed and whether it will be tried again, what is left, and for how long."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from triage.archive import archive_of, size_in
from triage.case.store import Case
from triage.errors import Refusal, VideoError
from triage.original import open_original

AT_NEXT_SCAN = frozenset({Refusal.NOT_OPENED})
"""About the moment and the place, so every scan tries again."""
WHEN_ASKED = frozenset({Refusal.UNREADABLE, Refusal.ENCRYPTED, Refusal.ARCHIVE})
"""About the bytes: another version may know more, or somebody asks for it."""
PAUSE_S = 1800
"""Between two reports; more than that and nobody was scanning."""
RECENT = 200
"""Reports whose pace counts."""
LEAST_S, LEAST_REPORTS = 10, 5
"""Below which a pace would only mislead."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the scan of a case is."""

    done: int
    """Contents with a report, sealed ones with their seal."""
    tried_again: int
    """Files that could not be read; every scan tries them again."""
    tried_when_asked: int
    """Contents that could not be decoded; they are tried again by another version, or with ``--retry``."""
    settled: int
    """Contents that hold no pictures, which nothing will change."""
    left: int
    left_bytes: int
    """Of the files that are left, as far as they can be seen."""
    left_s: float | None
    """At the pace of the last reports; None: that cannot be told."""


def standing(case: Case) -> Standing:
    """How far the scan of this case is."""
    counts = case.counts()
    left = case.left()
    left_bytes = 0
    for path in left:
        with suppress(OSError, VideoError):
            left_bytes += size_of(path)
    by_refusal = {kind: counts.kinds.get(kind, 0) for kind in Refusal}
    again = sum(by_refusal[kind] for kind in AT_NEXT_SCAN)
    asked = sum(by_refusal[kind] for kind in WHEN_ASKED)
    refused = sum(by_refusal.values())
    return Standing(
        done=counts.videos + again - refused,
        tried_again=again,
        tried_when_asked=asked,
        settled=refused - again - asked,
        left=len(left),
        left_bytes=left_bytes,
        left_s=estimate(case.written(), left_bytes) if left else None,
    )


def size_of(path: Path) -> int:
    """Bytes of a file, or of what lies in an archive by that one's word, which is not unpacked for it.

    Raises:
        OSError, VideoError: it cannot be looked at.
    """
    archive = archive_of(path)
    if archive is None:
        return path.lstat().st_size
    with open_original(archive) as file:
        return size_in(path, file, os.fstat(file.fileno()))


def estimate(written: Sequence[tuple[float, int]], left_bytes: int) -> float | None:
    """Seconds that so many bytes will take at the pace of the last reports.

    Args:
        written: when each report was written, in seconds, in order, and the bytes of its file.
        left_bytes: still to be examined.

    Returns:
        None: there are too few reports to tell, or they came all at once.
    """
    recent = list(written[-RECENT:])
    passed_s = size = reports = 0.0
    for (before_s, _), (at_s, bytes_) in pairwise(recent):
        if at_s - before_s < PAUSE_S:
            passed_s, size, reports = passed_s + at_s - before_s, size + bytes_, reports + 1
    if passed_s < LEAST_S or reports < LEAST_REPORTS or not size:
        return None
    return left_bytes / size * passed_s
