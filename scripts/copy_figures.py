# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers of ways to find copies, held against the truth: the tables of `bench_copies.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from copy_rivals import Answer
from numpy.typing import NDArray

from triage.evaluation.metrics import Interval, with_interval
from triage.evaluation.overlaps import (
    Covered,
    Scored,
    Stretch,
    end_errors_ms,
    micro_average_precision,
    recall_at_precision,
    segment_coverage,
    segment_f1,
)

Array = NDArray[Any]
PERCENT = (2.5, 97.5)
ROUNDS = 300
PRECISION = 0.99


@dataclass(frozen=True)
class Query:
    """A video to look up, and what it truly shows."""

    name: str
    path: Path
    kind: str
    edit: str
    source: str
    """Which known clip it is another stretch of; empty: of none."""
    copies: Mapping[str, tuple[Stretch, ...]]
    """Known clip -> stretches."""


@dataclass(frozen=True)
class Truth:
    """The bank and all queries."""

    clips: Mapping[str, Path]
    queries: tuple[Query, ...]

    @classmethod
    def read(cls, work: Path, count: int) -> Truth:
        """Of the first so many copies, and as many others."""
        table = json.loads((work / "truth.json").read_text())
        clips = {one["name"]: work / one["file"] for one in table["references"]}
        queries = []
        for row in table["queries"][: 2 * count]:
            copies: dict[str, tuple[Stretch, ...]] = {}
            for one in row["copies"]:
                box = one["query_start_ms"], one["query_end_ms"], one["stored_start_ms"], one["stored_end_ms"]
                copies[one["reference"]] = (*copies.get(one["reference"], ()), box)
            path = work / row["file"]
            queries.append(Query(path.stem, path, row["kind"], row["edit"], row.get("source", ""), copies))
        return cls(clips, tuple(queries))


@dataclass(frozen=True)
class System:
    """What one way of finding copies answered, and what it costs."""

    name: str
    answers: tuple[Answer, ...]
    query_cpu_s: float = float("nan")
    """Mean time of the processor for one query."""
    hour_bytes: float = float("nan")
    """Kept for an hour of video."""


class Judge:
    """Holds answers against the truth."""

    def __init__(self, truth: Truth) -> None:
        self.queries = {query.name: query for query in truth.queries}
        groups: dict[str, int] = {}
        for query in truth.queries:
            groups.setdefault(_group_of(query), len(groups))
        self._groups = groups
        self._copies = np.zeros(len(groups))
        for query in truth.queries:
            self._copies[self._group(query)] += len(query.copies)

    def _group(self, query: Query) -> int:
        return self._groups[_group_of(query)]

    def scored(self, answers: Sequence[Answer], leave_out: frozenset[str] = frozenset()) -> Scored:
        """The pairs of all kinds of query but these."""
        rows = [one for one in answers if self.queries[one.query].kind not in leave_out]
        queries = [self.queries[one.query] for one in rows]
        return Scored(
            np.array([one.score for one in rows]),
            np.array([one.reference in query.copies for one, query in zip(rows, queries, strict=True)], bool),
            np.array([self._group(query) for query in queries], int),
            self._copies,
        )

    def interval(self, figure: Callable[[Array | None], float]) -> Interval:
        return with_interval(len(self._groups), figure, ROUNDS, PERCENT)

    def coverage(self, answers: Iterable[Answer], at_least: float) -> tuple[list[Covered], list[int], Array]:
        """Of each pair that was found or is true: how well its stretches fit, its group; and the errors of all ends."""
        found = {(one.query, one.reference): one.stretches for one in answers if one.score >= at_least}
        true = {(name, clip): boxes for name, query in self.queries.items() for clip, boxes in query.copies.items()}
        pairs = sorted(found.keys() | true.keys())
        covered = [segment_coverage(found.get(pair, ()), true.get(pair, ())) for pair in pairs]
        groups = [self._group(self.queries[name]) for name, _ in pairs]
        errors = [end_errors_ms(found[pair], true[pair]) for pair in pairs if pair in found and pair in true]
        return covered, groups, np.concatenate([*errors, np.zeros(0)])


def _group_of(query: Query) -> str:
    """What it is redrawn with: queries of one clip are alike, and so are other takes of one camera."""
    return next(iter(query.copies), query.source or query.name)


TAKES = frozenset({"same place, other take"})


def shown(value: Interval) -> str:
    return f"{value.value:.3f} ({value.low:.3f}–{value.high:.3f})"


def row(system: System, judge: Judge) -> str:
    """One line of the table."""
    pairs = judge.scored(system.answers)
    apart = judge.scored(system.answers, TAKES)
    point = recall_at_precision(pairs, PRECISION)
    covered, groups, errors = judge.coverage(system.answers, point.at_least)
    right = int(pairs.is_copy.sum())
    as_told = f"{right / max(1, len(pairs.is_copy)):.3f} / {right / judge.scored([]).copies.sum():.3f}"
    told, _, _ = judge.coverage(system.answers, -np.inf)
    cells = [
        shown(judge.interval(lambda times: micro_average_precision(pairs, times))),
        shown(judge.interval(lambda times: recall_at_precision(pairs, 1.0, times).recall)),
        f"{recall_at_precision(apart, 1.0).recall:.3f}",
        shown(judge.interval(lambda times: recall_at_precision(pairs, PRECISION, times).recall)),
        as_told,
        shown(judge.interval(lambda times: segment_f1(covered, None if times is None else times[groups]))),
        f"{segment_f1(told):.3f}",
        f"{np.median(errors) / 1000:.2f} s, {np.quantile(errors, 0.9) / 1000:.2f} s" if len(errors) else "–",
        f"{1 / system.query_cpu_s:.1f}",
        f"{system.hour_bytes / 1e6:.2f} MB",
    ]
    return f"| {system.name} | {' | '.join(cells)} |"


HEAD = (
    "system", "µAP", "recall, no false pair", "the same without other takes", "recall at precision 0.99",
    "as answered: precision / recall", "segment F1 at 0.99", "segment F1 as answered", "error of ends: median, 90 %",
    "queries per CPU s", "per hour of video",
)  # fmt: skip


def table(systems: Sequence[System], judge: Judge) -> str:
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    return "\n".join([*lines, *(row(system, judge) for system in systems)])


def by_kind(systems: Sequence[System], judge: Judge) -> str:
    """Recall of each kind of copy at the overall threshold of precision 0.99, the worst for the first system first."""
    bars = [recall_at_precision(judge.scored(system.answers), PRECISION).at_least for system in systems]
    found = [
        {(one.query, one.reference) for one in system.answers if one.score >= bar}
        for system, bar in zip(systems, bars, strict=True)
    ]
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, query in judge.queries.items():
        kinds.setdefault(query.kind, []).extend((name, clip) for clip in query.copies)
    rows = {
        kind: [sum(pair in those for pair in pairs) / len(pairs) for those in found]
        for kind, pairs in kinds.items()
        if pairs
    }
    lines = [
        f"| kind of copy | pairs | {' | '.join(system.name for system in systems)} |",
        f"|---|---|{'---|' * len(systems)}",
    ]
    for kind, shares in sorted(rows.items(), key=lambda item: item[1]):
        lines.append(f"| {kind} | {len(kinds[kind])} | {' | '.join(f'{share:.2f}' for share in shares)} |")
    return "\n".join(lines)


def false_by_kind(systems: Sequence[System], judge: Judge) -> str:
    """False pairs by kind of query: at the threshold of precision 0.99, and as answered."""
    kinds: dict[str, int] = {}
    for query in judge.queries.values():
        kinds[query.kind] = kinds.get(query.kind, 0) + 1
    counts = []
    for system in systems:
        bar = recall_at_precision(judge.scored(system.answers), PRECISION).at_least
        false = [one for one in system.answers if one.reference not in judge.queries[one.query].copies]
        counts.append([(judge.queries[one.query].kind, one.score >= bar) for one in false])
    lines = [
        f"| queries of the kind | number | {' | '.join(system.name for system in systems)} |",
        f"|---|---|{'---|' * len(systems)}",
    ]
    for kind, number in kinds.items():
        cells = [
            f"{sum(of == kind and above for of, above in each)} / {sum(of == kind for of, _ in each)}"
            for each in counts
        ]
        if any(cell != "0 / 0" for cell in cells):
            lines.append(f"| {kind} | {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def examples(system: System, judge: Judge, most: int = 25) -> str:
    """Copies that were missed altogether, and the highest false pairs."""
    found = {(one.query, one.reference): one.score for one in system.answers}
    missed = [
        f"missed {query.name} ({query.kind}) of {clip}, {sum(b[1] - b[0] for b in boxes) / 1000:.1f} s"
        for query in judge.queries.values()
        for clip, boxes in query.copies.items()
        if (query.name, clip) not in found
    ]
    false = sorted(
        (one for one in system.answers if one.reference not in judge.queries[one.query].copies),
        key=lambda one: -one.score,
    )
    told = (
        f"false {one.query} ({judge.queries[one.query].kind} {judge.queries[one.query].edit}) as {one.reference}, "
        f"{one.score:.3f}"
        for one in false[:most]
    )
    return "\n".join([*missed, *told])


def heading(truth: Truth) -> str:
    copies = sum(bool(query.copies) for query in truth.queries)
    return f"{copies} edited copies and {len(truth.queries) - copies} others against {len(truth.clips)} known clips"
