"""What moves before a standing camera: pictures compared by how they differ from the mean of their own video.

Before a fixed camera all pictures are alike, and lines through likeness run anywhere. Without the mean only what moves
remains, and a line through that runs where one video does what the other does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from triage.matches.align import Stretch
from triage.matches.likeness import COMBINATIONS, MIRRORED, Pairs, Rows, by_combination
from triage.matches.moments import Moments
from triage.records import Fingerprint, Vectors

MOTION = 0.01
"""Mean square of how far vectors lie from their mean below which nothing moves. Compression alone reached 0.006."""
MOST_CELLS = 4_000_000
"""Pairs of moments up to which two videos are compared so: half an hour with half a minute, or ten minutes each."""


def best_views(
    query: Fingerprint, stored: Fingerprint, query_rows: Rows, stored_rows: Rows, *, mirrored: bool
) -> tuple[int, int]:
    """The views (query's, stored) in which these pictures are most alike on average."""
    is_used = [(MIRRORED in pair) is mirrored for pair in COMBINATIONS]
    alike = by_combination(query, stored, query_rows, stored_rows).mean(axis=0)
    return COMBINATIONS[int(np.argmax(np.where(is_used, alike, -np.inf)))]


def following(
    query: Fingerprint, stored: Fingerprint, query_rows: Rows, stored_rows: Rows, *, mirrored: bool
) -> tuple[float, bool]:
    """How closely the n-th of these pictures change as the n-th of those do, in [-1, 1]; whether enough moves."""
    query_view, stored_view = best_views(query, stored, query_rows, stored_rows, mirrored=mirrored)
    left, right = _moved(query.vectors[query_rows, query_view]), _moved(stored.vectors[stored_rows, stored_view])
    by_query, by_stored = float((left**2).sum(axis=1).mean()), float((right**2).sum(axis=1).mean())
    together = float((left * right).sum(axis=1).mean() / np.sqrt(max(by_query * by_stored, 1e-12)))
    return together, max(by_query, by_stored) >= MOTION


def moving_alike(
    query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments, like: Stretch, *, at_least: float
) -> Pairs:
    """Pairs of moments that differ from the mean of their videos in the same way, for ``align``.

    Args:
        like: a stretch that is alike, though it does not move alike; it says in which views.
        at_least: cosine of the two differences, inclusive.
    """
    left, right = np.flatnonzero(queried.is_comparable), np.flatnonzero(known.is_comparable)
    if len(left) * len(right) > MOST_CELLS:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    views = best_views(query, stored, queried.rows[like.query], known.rows[like.stored], mirrored=like.mirrored)
    moved = [
        _of_unit_length(_moved(one.vectors[moments.rows[kept], view]))
        for one, moments, kept, view in zip((query, stored), (queried, known), (left, right), views, strict=True)
    ]
    cosine = moved[0] @ moved[1].T
    found_left, found_right = np.nonzero(cosine >= at_least)
    return Pairs(left[found_left], right[found_right], cosine[found_left, found_right].astype(np.float32))


def as_alike(stretch: Stretch, query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments) -> Stretch:
    """The stretch with the likeness of its pictures, where it has that of what moves in them."""
    rows = queried.rows[stretch.query], known.rows[stretch.stored]
    column = COMBINATIONS.index(best_views(query, stored, *rows, mirrored=stretch.mirrored))
    alike = float(by_combination(query, stored, *rows)[:, column].mean())
    return replace(stretch, similarity=float(np.clip(alike, 0, 1)))


def _moved(vectors: Vectors) -> Vectors:
    return np.asarray(vectors - vectors.mean(axis=0))


def _of_unit_length(vectors: Vectors) -> npt.NDArray[np.floating]:
    """In unit length; what hardly moves stays short, so that noise has no direction."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.sqrt(MOTION) / 2))
