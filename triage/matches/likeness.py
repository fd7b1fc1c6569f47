"""How alike the pictures of two videos are, every one of one against every one of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triage.matches.moments import Moments
from triage.records import VIEWS, Fingerprint, Vectors, View

MOST_FLAT = 0.9
"""Background above which pictures of one video are not told apart any more finely."""
FLOOR = 0.25
"""Likeness below which a pair of pictures is not kept."""
SAME_BITS = 10
"""Of the 256 of a PDQ hash: two pictures that differ in so many or fewer are the same picture, whatever the vectors
say. A third of the 31 at which the hash's makers let two pictures match."""
SAME_LIKENESS = 0.9
"""What such a pair counts at the least."""
LEAST_QUALITY = 50
"""PDQ's quality below which its makers advise against trusting a hash."""
MOST_PAIRS = 600_000
"""Pairs that are kept of two videos; where a scene stands still for an hour, almost all of 81 million are alike."""
LEAST_IN_ROW = 64
"""Pairs of a picture that are kept however many pictures there are."""
STANDS_OUT = 0.1
"""Likeness by which a pair is better than the usual one of a standing scene, and is kept in any case."""
CELLS = 2_000_000
"""Cells of the large table that are in memory at a time."""

WHOLE = VIEWS.index(View.WHOLE)
MIRRORED = VIEWS.index(View.MIRRORED)
TURNED = tuple(VIEWS.index(view) for view in (View.TURNED_LEFT, View.TURNED_RIGHT, View.UPSIDE_DOWN))
MOST_USUAL = 0.6
"""Background up to which likeness is stretched, so that the same picture always has 1. Of flatter pictures, whose
background goes up to 1, a thousandth of cosine would otherwise decide; they cannot reach 1."""

Floats = npt.NDArray[np.floating]
Rows = npt.NDArray[np.integer]

COMBINATIONS = tuple((view, WHOLE) for view in range(len(VIEWS))) + tuple(
    (WHOLE, view) for view in range(len(VIEWS)) if view not in {WHOLE, MIRRORED, *TURNED}
)
"""(query's view, stored view): every view of one against the whole of the other, so that it is found whichever of the
two was cut or put into a larger picture. One mirrored or turned against the other is the other against the one."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pictures that are alike: arrays of P, ordered by (query, stored)."""

    query: npt.NDArray[np.int64]
    """Index of the query's moment."""
    stored: npt.NDArray[np.int64]
    likeness: Vectors

    def __len__(self) -> int:
        return len(self.likeness)


def likeness(cosine: Floats, of_query: Floats, of_stored: Floats) -> Floats:
    """1: the same; 0 and below: no more alike than either is to pictures that have nothing to do with it.

    Args:
        cosine: of two vectors.
        of_query: background of the first, see ``Embedding.background``.
        of_stored: background of the second.
    """
    usual = np.maximum((of_query + of_stored) / 2, 0)
    return np.asarray((cosine - usual) / (1 - np.minimum(usual, MOST_USUAL)))


def sameness(cosine: Floats, of_one: Floats, of_other: Floats) -> Floats:
    """The same measure within one video, where also flat pictures are the same if nothing has changed: then it is 1."""
    usual = np.clip((of_one + of_other) / 2, 0, MOST_FLAT)
    return np.asarray(1 - (1 - cosine) / (1 - usual))


def by_combination(query: Fingerprint, stored: Fingerprint, query_rows: Rows, stored_rows: Rows) -> Floats:
    """(n, C) likeness of the n-th of these pictures to the n-th of those, for each of ``COMBINATIONS``."""
    columns = []
    for query_view, stored_view in COMBINATIONS:
        left, right = query.vectors[query_rows, query_view], stored.vectors[stored_rows, stored_view]
        columns.append(
            likeness(
                (left * right).sum(axis=1),
                query.background[query_rows, query_view],
                stored.background[stored_rows, stored_view],
            )
        )
    return np.stack(columns, axis=1)


def alike(
    query: Fingerprint,
    stored: Fingerprint,
    queried: Moments,
    known: Moments,
    *,
    mirrored: bool,
    at_least: float = FLOOR,
) -> Pairs:
    """The pairs of moments whose pictures are alike in the best of the combinations of their views.

    Args:
        queried: the query's moments. Those that cannot be compared take no part.
        known: the stored video's moments.
        mirrored: whether one is seen in a mirror, or not.
        at_least: likeness of a pair, inclusive.
    """
    left, right = np.flatnonzero(queried.is_comparable), np.flatnonzero(known.is_comparable)
    if not len(left) or not len(right):
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    table = _Table(query, stored, queried.rows[left], known.rows[right], mirrored=mirrored, at_least=at_least)
    high = max(1, CELLS // len(right))
    most_in_row = max(LEAST_IN_ROW, MOST_PAIRS // len(left))
    parts = []
    for start in range(0, len(left), high):
        best = _thinned(table.block(start, start + high), start, most_in_row)
        found_left, found_right = np.nonzero(best >= at_least)
        parts.append((left[start + found_left], right[found_right], best[found_left, found_right]))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class _Table:
    """The likeness of all pairs, a block of rows at a time."""

    def __init__(
        self,
        query: Fingerprint,
        stored: Fingerprint,
        query_rows: Rows,
        stored_rows: Rows,
        *,
        mirrored: bool,
        at_least: float,
    ) -> None:
        self._query, self._query_rows = query, query_rows
        self._at_least = at_least
        self._combinations = [pair for pair in COMBINATIONS if (MIRRORED in pair) is mirrored]
        self._stored_backgrounds = {
            view: stored.background[stored_rows, view] for view in {pair[1] for pair in self._combinations}
        }
        # Two more columns on each side, so that one product of matrices gives the cosine less the background's part:
        # what is above the floor can then be told without a second pass over the whole table.
        self._stored_vectors = {
            view: np.column_stack(
                (
                    stored.vectors[stored_rows, view],
                    np.full(len(stored_rows), -(1 - at_least) / 2, np.float32),
                    -(1 - at_least) / 2 * background,
                )
            ).T.astype(np.float32)
            for view, background in self._stored_backgrounds.items()
        }
        self._stored_signs = None if mirrored else _signs(stored, stored_rows)

    def block(self, start: int, end: int) -> Vectors:
        """(rows, M) the best likeness of each pair; -1 below the floor."""
        rows = self._query_rows[start:end]
        width = next(iter(self._stored_vectors.values())).shape[1]
        best = np.full(len(rows) * width, -1.0, np.float32)
        for query_view, stored_view in self._combinations:
            background = self._query.background[rows, query_view]
            left = np.column_stack((self._query.vectors[rows, query_view], background, np.ones(len(rows))))
            lifted = (left.astype(np.float32) @ self._stored_vectors[stored_view]).ravel()
            cells = np.flatnonzero(lifted >= self._at_least - 1e-5)
            if not len(cells):
                continue
            usual = (background[cells // width] + self._stored_backgrounds[stored_view][cells % width]) / 2
            cosine = lifted[cells] + (1 - self._at_least) * usual
            best[cells] = np.maximum(best[cells], likeness(cosine, usual, usual))
        if self._stored_signs is not None:
            same = (_signs(self._query, rows) @ self._stored_signs.T).ravel() >= 256 - 2 * SAME_BITS
            best[same] = np.maximum(best[same], SAME_LIKENESS)
        return best.reshape(len(rows), width)


def _signs(fingerprint: Fingerprint, rows: Rows) -> Vectors:
    """(n, 256) 1 and -1 for the bits of PDQ, and 0 where they cannot be trusted."""
    signs = np.unpackbits(fingerprint.hashes[rows], axis=1).astype(np.float32) * 2 - 1
    signs[fingerprint.qualities[rows] < LEAST_QUALITY] = 0
    return signs


def _thinned(best: Vectors, start: int, most_in_row: int) -> Vectors:
    """The block with at most about so many pairs in a row.

    Where a row has more, its scene stands still, and what remains is what stands out of it, and evenly spaced
    diagonals, the same in all rows: a line of one picture after the other survives as a line.
    """
    counts = (best >= 0).sum(axis=1)
    columns = np.arange(best.shape[1])
    for row in np.flatnonzero(counts > most_in_row):
        every = 1 << int(np.ceil(np.log2(counts[row] / most_in_row)))
        is_kept = (columns - (start + row)) % every == 0
        kept = best[row][is_kept & (best[row] >= 0)]
        usual = float(np.median(kept)) if len(kept) else 1.0
        outstanding = np.argpartition(best[row], -most_in_row)[-most_in_row:]
        is_kept[outstanding[best[row][outstanding] > usual + STANDS_OUT]] = True
        best[row, ~is_kept] = -1
    return best
