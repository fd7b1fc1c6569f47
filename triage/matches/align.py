"""Pairs of pictures that are alike -> stretches of time in which one video shows the other. Arithmetic only.

Votes say roughly where a line runs (``votes.py``). Here it is followed: the line is laid through what agrees near it,
reaches on as far as it goes on agreeing, and so on until nothing changes. Then what it explains is taken out, and the
next is followed: a pair of videos may share many stretches, in any order, again and again, each at its own speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from triage.matches.likeness import FLOOR, Pairs
from triage.matches.moments import Moments
from triage.matches.votes import GAP_MS, STRIP_STEPS, Candidate, Plane, best_runs, candidates, speeds
from triage.settings import Matching

ZERO_SHARE = 0.6
"""Of the likeness that a stretch must have: pairs below this share of it speak against it."""
FAINT_SHARE = 0.625
"""Of the likeness of the settings, that a stretch has at the least: it then has to move alike, see ``evidence.py``."""
USUAL_SPEEDS = (0.5, 2 / 3, 0.75, 0.8, 5 / 6, 0.9, 24 / 25, 1.0, 25 / 24, 1.1, 1.2, 1.25, 4 / 3, 1.5, 1.75, 2.0)
"""What programs for cutting offer, and what comes of pictures played at another rate. A line whose slope is one of
them, as far as can be told, is taken to be just so."""
LEAST_SHARE = 0.4
"""Of the shortest stretch, that a candidate must last: it may still grow."""
MOST_CANDIDATES = 300
MOST_ROUNDS = 50
"""A long copy has so many strips beside it that a short one may wait until it is taken out."""
TURNS = 12
"""In which a line is followed, at the most."""
CONTRAST_MS = 3000.0
CONTRAST = 2.0
"""A picture resembles those just before and after its counterpart. By so much more as another pair, so near in time, is
more alike, a pair speaks less for a copy: else a line would run on where one scene goes on and the other is over."""
NEIGHBOURS = 8
SECOND_BEST = 0.06
"""Likeness by which a second explanation of the same seconds may be worse than the first and still be told: a fixed
camera resembles itself all day, and a stretch of it that was found exactly is not shown in all the others as well."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A line through moments that agree: ``stored_ms = speed * query_ms + offset_ms``."""

    query: Ints
    """Indices of the query's moments that agree, ascending, with ``stored`` beside them."""
    stored: Ints
    speed: float
    offset_ms: float
    similarity: float
    """Mean likeness of all its moments; those without a counterpart count as 0."""
    evidence_ms: float
    """How long it agrees, each moment weighted by how uncommon its picture is."""
    mirrored: bool


@dataclass(frozen=True, slots=True)
class _Line:
    speed: float
    offset_ms: float

    def at(self, row_ms: Floats) -> Floats:
        return self.speed * row_ms + self.offset_ms


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """A line, and the pairs that agree with it, one for each row."""

    line: _Line
    rows: Ints
    columns: Ints
    likeness: Floats


def align(
    pairs: Pairs, query: Moments, stored: Moments, settings: Matching, *, mirrored: bool = False
) -> list[Stretch]:
    """The stretches that are copies as far as lines tell, the best first.

    Args:
        pairs: moments that are alike, by (query, stored).
        mirrored: what the stretches say of themselves.
    """
    if not len(pairs):
        return []
    # Followed from picture to picture of the video that has fewer a second: each has a counterpart in the other.
    is_turned = stored.step_ms > 1.4 * query.step_ms
    plane = _plane(pairs, query, stored, settings, is_turned=is_turned)
    least = least_ms(query, stored, settings)
    # Of less than the shortest stretch no speed can be told.
    limits = (settings.slowest, settings.fastest) if least == settings.least_ms else (1.0, 1.0)
    grid = speeds(*limits)
    follower = _Follower(plane, limits, is_turned=is_turned)
    weakest = least * 0.5 * settings.least_similarity * (1 - ZERO_SHARE)
    stretches: list[Stretch] = []
    for _ in range(MOST_ROUNDS):
        found = candidates(
            follower.left(),
            1 / grid if is_turned else grid,
            at_least=weakest,
            least_ms=LEAST_SHARE * least,
            most=MOST_CANDIDATES,
        )
        before = len(stretches)
        for candidate in found:
            followed = follower.follow(candidate, weakest)
            if followed is not None:
                follower.take_out(followed.rows, followed.columns)
                stretch = _stretch(followed, plane, query, mirrored=mirrored, is_turned=is_turned)
                if stretch.similarity >= FAINT_SHARE * settings.least_similarity:
                    stretches.append(stretch)
        if len(stretches) == before or len(found) < MOST_CANDIDATES:
            break
    return stretches


def least_ms(query: Moments, stored: Moments, settings: Matching) -> float:
    """How long a stretch must be: shorter than the settings say where one of the two is shorter altogether."""
    return float(min(settings.least_ms, query.length_ms, stored.length_ms))


def _plane(pairs: Pairs, query: Moments, stored: Moments, settings: Matching, *, is_turned: bool) -> Plane:
    rows, columns = (stored, query) if is_turned else (query, stored)
    of_rows, of_columns = (pairs.stored, pairs.query) if is_turned else (pairs.query, pairs.stored)
    order = np.lexsort((of_columns, of_rows)) if is_turned else np.arange(len(pairs))
    zero = ZERO_SHARE * settings.least_similarity
    weights = query.weights[pairs.query[order]]
    alike = pairs.likeness[order].astype(np.float64)
    behind = np.maximum(
        _behind(of_rows[order], of_columns[order], columns.times_ms, alike),
        _behind(of_columns[order], of_rows[order], rows.times_ms, alike),
    )
    over = np.maximum(alike - zero - CONTRAST * behind, -zero)
    return Plane(
        rows=of_rows[order],
        columns=of_columns[order],
        gains=over * weights * rows.spans_ms[of_rows[order]],
        likeness=alike,
        row_ms=rows.times_ms,
        column_ms=columns.times_ms,
        missing=zero * rows.spans_ms * rows.weights * rows.is_comparable,
        spans_ms=rows.spans_ms,
        gap_ms=max(GAP_MS, 2.5 * rows.step_ms),
        strip_ms=STRIP_STEPS * columns.step_ms,
    )


def _behind(lines: Ints, places: Ints, place_ms: Floats, alike: Floats) -> Floats:
    """By how much each pair is less alike than the best one near it on its line."""
    order = np.lexsort((places, lines))
    line, time, value = lines[order], place_ms[places[order]], alike[order]
    best = value.copy()
    for apart in range(1, NEIGHBOURS + 1):
        is_near = (line[apart:] == line[:-apart]) & (time[apart:] - time[:-apart] <= CONTRAST_MS)
        best[apart:] = np.where(is_near, np.maximum(best[apart:], value[:-apart]), best[apart:])
        best[:-apart] = np.where(is_near, np.maximum(best[:-apart], value[apart:]), best[:-apart])
    behind = np.empty_like(best)
    behind[order] = best - value
    return behind


class _Follower:
    """Follows lines through a plane from which more and more is taken out."""

    def __init__(self, plane: Plane, limits: tuple[float, float], *, is_turned: bool) -> None:
        self._plane = plane
        slowest, fastest = (1 / limits[1], 1 / limits[0]) if is_turned else limits
        self._limits = (slowest * 0.96, fastest * 1.04)
        self._usual = np.array([1 / speed if is_turned else speed for speed in USUAL_SPEEDS])
        self._is_left = np.ones(len(plane.rows), np.bool_)
        self._starts = np.searchsorted(plane.rows, np.arange(len(plane.row_ms) + 1))

    def follow(self, candidate: Candidate, at_least: float) -> _Followed | None:
        """What remains of this candidate; None: too little."""
        line, first, last = _Line(candidate.speed, candidate.offset_ms), candidate.first, candidate.last
        reach = self._plane.strip_ms
        found: tuple[Ints, Ints, Floats] | None = None
        for turn in range(TURNS):
            near = self._near(line, first, last, reach)
            run = self._run(near, first, last, at_least)
            if run is None:
                return None
            found = run
            is_settled = turn > 1 and (int(run[0][0]), int(run[0][-1])) == (first, last)
            first, last = int(run[0][0]), int(run[0][-1])
            if is_settled:
                break
            reach = self._plane.strip_ms * (0.75 if turn else 1.0)
            line = self._laid(line, first, last, reach)
        return None if found is None else _Followed(line, *found)

    def take_out(self, rows: Ints, columns: Ints) -> None:
        """All pairs of these stretches of the two videos, so that nothing beside the line is found as well."""
        inside = slice(self._starts[rows[0]], self._starts[rows[-1] + 1])
        between = (self._plane.columns[inside] >= columns.min()) & (self._plane.columns[inside] <= columns.max())
        self._is_left[inside] &= ~between
        if np.count_nonzero(self._is_left) < 0.7 * len(self._is_left):
            self.left()

    def left(self) -> Plane:
        """The plane without what was taken out."""
        plane, left = self._plane, self._is_left
        self._plane = replace(
            plane,
            rows=plane.rows[left],
            columns=plane.columns[left],
            gains=plane.gains[left],
            likeness=plane.likeness[left],
        )
        self._is_left = np.ones(len(self._plane.rows), np.bool_)
        self._starts = np.searchsorted(self._plane.rows, np.arange(len(plane.row_ms) + 1))
        return self._plane

    def _near(self, line: _Line, first: int, last: int, reach: float) -> Ints:
        """Pairs beside the line that are left, as far before and after these rows as they are long, by row."""
        row_ms = self._plane.row_ms
        around = max(20_000.0, row_ms[last] - row_ms[first])
        begin, end = np.searchsorted(row_ms, (row_ms[first] - around, row_ms[last] + around + 1))
        inside = np.arange(self._starts[begin], self._starts[end])
        inside = inside[self._is_left[inside]]
        beside = self._plane.column_ms[self._plane.columns[inside]] - line.at(row_ms[self._plane.rows[inside]])
        inside = inside[np.abs(beside) <= reach / 2 + 1]
        beside = self._plane.column_ms[self._plane.columns[inside]] - line.at(row_ms[self._plane.rows[inside]])
        # One counterpart for each row: the most alike, and among those as good as that the nearest to the line.
        value = self._plane.likeness[inside] - 0.05 * np.abs(beside) / reach
        order = np.lexsort((-value, self._plane.rows[inside]))
        is_best = np.append(True, np.diff(self._plane.rows[inside][order]) != 0)[: len(order)]
        return np.asarray(inside[order][is_best])

    def _run(self, near: Ints, first: int, last: int, at_least: float) -> tuple[Ints, Ints, Floats] | None:
        """The run of agreeing rows that shares the most rows with these."""
        plane = self._plane
        runs = best_runs(plane, np.zeros(len(near), np.int64), plane.rows[near], plane.gains[near], at_least)
        if not len(runs.gains):
            return None
        begins, ends = plane.rows[near[runs.firsts]], plane.rows[near[runs.lasts]]
        shared = np.minimum(last, ends) - np.maximum(first, begins)
        best = int(np.argmax(shared))
        if shared[best] < 0:
            return None
        inside = near[runs.firsts[best] : runs.lasts[best] + 1]
        return plane.rows[inside], plane.columns[inside], plane.likeness[inside]

    def _laid(self, line: _Line, first: int, last: int, reach: float) -> _Line:
        """The line through the pairs near this one, each weighted by how much it stands out of its row."""
        plane = self._plane
        inside = np.arange(self._starts[first], self._starts[last + 1])
        inside = inside[self._is_left[inside]]
        row, at_ms = plane.rows[inside], plane.row_ms[plane.rows[inside]]
        column_ms = plane.column_ms[plane.columns[inside]]
        beside = np.abs(column_ms - line.at(at_ms))
        wide = beside <= 2 * reach
        lowest = np.full(last - first + 1, 2.0)
        np.minimum.at(lowest, row[wide] - first, plane.likeness[inside][wide])
        # One pair alone stands out of those that were not kept.
        lowest[np.bincount(row[wide] - first, minlength=len(lowest)) < 3] = FLOOR
        is_near = beside <= reach
        row, at_ms, column_ms = row[is_near], at_ms[is_near], column_ms[is_near]
        standing_out = np.maximum(plane.likeness[inside][is_near] - lowest[row - first], 0)
        weights = standing_out**2 * plane.spans_ms[row] + 1e-9
        return self._through(at_ms, column_ms, weights, line, plane.row_ms[[first, last]])

    def _through(self, at_ms: Floats, column_ms: Floats, weights: Floats, line: _Line, ends_ms: Floats) -> _Line:
        total = weights.sum()
        if len(at_ms) < 3 or total <= 1e-6 * len(at_ms):
            return line
        centre, height = float((weights * at_ms).sum() / total), float((weights * column_ms).sum() / total)
        spread = (weights * (at_ms - centre) ** 2).sum() / total
        speed = line.speed
        if spread > 0:
            speed = float((weights * (at_ms - centre) * (column_ms - height)).sum() / total / spread)
            left = (weights * (column_ms - height - speed * (at_ms - centre)) ** 2).sum() / total
            count = max(2.0, total**2 / (weights**2).sum())
            error = 2 * float(np.sqrt(left / spread / count)) + 0.05 * self._plane.strip_ms / float(np.ptp(ends_ms) + 1)
            usual = self._usual[np.argmin(np.abs(self._usual - speed))]
            fits = [near for near in (1.0, float(usual)) if abs(near - speed) <= error]
            speed = float(np.clip(fits[0] if fits else speed, *self._limits))
        return _Line(speed, height - speed * centre)


def _stretch(followed: _Followed, plane: Plane, query: Moments, *, mirrored: bool, is_turned: bool) -> Stretch:
    line, rows, columns, alike = followed.line, followed.rows, followed.columns, followed.likeness
    inside = slice(int(rows[0]), int(rows[-1]) + 1)
    due = (plane.spans_ms * (plane.missing > 0))[inside].sum()
    similarity = float((alike * plane.spans_ms[rows]).sum() / max(due, 1e-9))
    stretch = Stretch(
        query=rows,
        stored=columns,
        speed=line.speed,
        offset_ms=line.offset_ms,
        similarity=min(1.0, similarity),
        evidence_ms=float((plane.spans_ms[rows] * query.weights[columns if is_turned else rows]).sum()),
        mirrored=mirrored,
    )
    if not is_turned:
        return stretch
    order = np.argsort(columns, kind="stable")
    return replace(
        stretch,
        query=columns[order],
        stored=rows[order],
        speed=1 / line.speed,
        offset_ms=-line.offset_ms / line.speed,
        evidence_ms=stretch.evidence_ms / line.speed,
    )


def without_echoes(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Those that explain seconds which no other explains much better."""
    return [one for one in stretches if not any(_is_echo(one, other) for other in stretches)]


def _is_echo(stretch: Stretch, better: Stretch) -> bool:
    most = 0.2 if stretch.mirrored is not better.mirrored else 0.5
    if stretch is not better and all(_overlap(a, b) > most for a, b in _sides(stretch, better)):
        # The same stretch, at two speeds or both ways: a scene may stand, and a picture resemble its mirror image.
        return stretch.similarity * stretch.evidence_ms < better.similarity * better.evidence_ms
    return stretch.similarity < better.similarity - SECOND_BEST and _shares(stretch, better)


def _shares(one: Stretch, other: Stretch) -> bool:
    """Whether more than half of the shorter lies in the other, in either video."""
    return any(_overlap(a, b) > 0.5 for a, b in _sides(one, other))


def _sides(one: Stretch, other: Stretch) -> Iterator[tuple[Ints, Ints]]:
    yield one.query, other.query
    yield one.stored, other.stored


def _overlap(a: Ints, b: Ints) -> float:
    shared = min(a.max(), b.max()) - max(a.min(), b.min()) + 1
    return float(shared / min(np.ptp(a) + 1, np.ptp(b) + 1))
