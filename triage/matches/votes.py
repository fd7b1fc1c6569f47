"""Where on which line through time the pictures of two videos agree: pairs -> candidates. Arithmetic only.

A copy is a line in the plane of the two times: ``column = speed * row + offset``. For every speed of a grid the plane
is cut into strips along such lines, and in each strip the best stretches are those whose agreeing pictures outweigh the
missing ones. So a copy of three seconds is found inside an hour: what lies outside its stretch does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SPEED_RATIO = 1.12
"""From one speed of the grid to the next: over six seconds a line of the wrong speed drifts by less than a step."""
STRIP_STEPS = 1.6
"""How wide a strip is, in steps of the columns; strips overlap by half."""
ODD_SPEED = 0.98
"""What a candidate at half or double speed counts, beside one that is as good at the speed as it was."""
GAP_MS = 2000.0
"""A stretch ends where nothing has agreed for so long."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Pairs of moments with their times; rows are the moments of one video, columns of the other."""

    rows: Ints
    """(P,) ascending."""
    columns: Ints
    gains: Floats
    """(P,) what each pair speaks for a copy: likeness above a zero point, times weight and duration of its row."""
    likeness: Floats
    row_ms: Floats
    """(R,) times of all rows, also of those without a pair."""
    column_ms: Floats
    missing: Floats
    """(R,) what each row costs where it has no counterpart, as if its likeness were 0; 0: it cannot be compared."""
    spans_ms: Floats
    """(R,) how long each row lasts."""
    gap_ms: float
    """Comparable time without a counterpart after which a stretch is over."""
    strip_ms: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch of a strip."""

    gain: float
    speed: float
    offset_ms: float
    first: int
    """Its first row."""
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Arrays: what each run gains, and the indices of its first and last entry."""

    gains: Floats
    firsts: Ints
    lasts: Ints


def speeds(slowest: float, fastest: float) -> Floats:
    """A grid that has 1.0 in it, and a little more than is asked for at each end."""
    down = int(np.ceil(np.log(1 / slowest) / np.log(SPEED_RATIO)))
    up = int(np.ceil(np.log(fastest) / np.log(SPEED_RATIO)))
    return np.asarray(SPEED_RATIO ** np.arange(-down, up + 1, dtype=np.float64))


def candidates(plane: Plane, grid: Floats, *, at_least: float, least_ms: float, most: int) -> list[Candidate]:
    """The best stretches of at least ``least_ms`` of rows whose pictures gain ``at_least`` together, the best first."""
    found = [candidate for speed in grid for candidate in _of_speed(plane, float(speed), at_least, least_ms, most)]
    return sorted(found, key=_promise)[:most]


def _promise(candidate: Candidate) -> tuple[float, int, float]:
    """The most promising first: what counts is the time of the video that lasts less, and rather no change of speed.

    A standing scene agrees with itself at any speed.
    """
    odd = abs(float(np.log2(candidate.speed)))
    return -candidate.gain * min(1.0, candidate.speed) * ODD_SPEED**odd, candidate.first, candidate.offset_ms


def _of_speed(plane: Plane, speed: float, at_least: float, least_ms: float, most: int) -> Iterator[Candidate]:
    useful = np.flatnonzero(plane.gains > 0)
    rows = plane.rows[useful]
    across = (plane.column_ms[plane.columns[useful]] - speed * plane.row_ms[rows]) / plane.strip_ms
    for phase in (0.0, 0.5):
        strips = np.floor(across + phase).astype(np.int64)
        order = np.argsort(strips, kind="stable")
        strip, row, gain = _best_of_each_row(strips[order], rows[order], plane.gains[useful][order])
        runs = best_runs(plane, strip, row, gain, at_least, least_ms)
        for best in np.argsort(-runs.gains, kind="stable")[:most]:
            first, last = runs.firsts[best], runs.lasts[best]
            centre = (strip[first] + 0.5 - phase) * plane.strip_ms
            yield Candidate(float(runs.gains[best]), speed, float(centre), int(row[first]), int(row[last]))


def _best_of_each_row(strips: Ints, rows: Ints, gains: Floats) -> tuple[Ints, Ints, Floats]:
    if not len(rows):
        return strips, rows, gains
    is_new = np.append(True, (np.diff(strips) != 0) | (np.diff(rows) != 0))
    starts = np.flatnonzero(is_new)
    return strips[starts], rows[starts], np.maximum.reduceat(gains, starts)


def best_runs(plane: Plane, strip: Ints, row: Ints, gain: Floats, at_least: float, least_ms: float = 0) -> Runs:
    """The runs of entries that together gain the most; entries by (strip, row), rows of a strip differ.

    Between two entries of a strip lie rows without a counterpart, which cost.
    """
    if not len(row):
        return Runs(gain, row, row)
    cost_before = np.concatenate(([0.0], np.cumsum(plane.missing)))
    time_before = np.concatenate(([0.0], np.cumsum(np.where(plane.missing > 0, plane.spans_ms, 0.0))))
    between_cost = cost_before[row[1:]] - cost_before[row[:-1] + 1]
    between_ms = time_before[row[1:]] - time_before[row[:-1] + 1]
    is_apart = (np.diff(strip) != 0) | (between_ms >= plane.gap_ms)
    is_apart |= np.diff(plane.row_ms[row]) >= 4 * plane.gap_ms
    starts = np.append(True, is_apart)
    steps = gain - np.append(0.0, np.where(is_apart, 0.0, between_cost))
    group = np.cumsum(starts) - 1
    total = np.cumsum(steps)
    first_of_group = np.flatnonzero(starts)
    total -= (total[first_of_group] - steps[first_of_group])[group]
    # A later group lies far below an earlier one, so the running minimum begins anew with each.
    far = np.ptp(total) + gain.max() + 1
    base = total - gain - group * far
    lowest = np.minimum.accumulate(base)
    is_start = base <= lowest
    height = total - group * far - lowest
    begins = np.flatnonzero(is_start)
    highest = np.maximum.reduceat(height, begins)
    ends = np.flatnonzero(height == np.repeat(highest, np.diff(begins, append=len(height))))
    ends = ends[np.append(True, np.diff(np.cumsum(is_start)[ends]) > 0)]
    lasts_ms = plane.row_ms[row[ends]] + plane.spans_ms[row[ends]] - plane.row_ms[row[begins]]
    enough = (highest >= at_least) & (lasts_ms >= least_ms)
    return Runs(highest[enough], begins[enough], ends[enough])
