"""Whether a stretch is more than an accident, or more than one scene that looks like another."""

from __future__ import annotations

import numpy as np

from triage.matches.align import Stretch, least_ms
from triage.matches.likeness import COMBINATIONS, MIRRORED, WHOLE, Rows, by_combination, likeness
from triage.matches.moments import Moments
from triage.records import Fingerprint
from triage.settings import Matching

DIFFERENT = 0.9
"""Likeness to all before it in its own video below which a picture counts as another one."""
ENOUGH_PICTURES = 10
"""Different pictures on both sides from which the likeness of the settings suffices."""
PER_PICTURE = 0.05
"""Likeness that is asked in addition for each that is lacking. On the clips this was chosen with, stretches of videos
that had nothing to do with one another reached 0.48 with six pictures and 0.72 with three; other takes of one place,
which stood, 0.79 with one."""
MOVING = 4
"""Different pictures from which a stretch is not called standing."""
COMMON = 0.7
"""Background from which a standing picture counts for less, and at 1 for nothing."""
STANDING_SHARE = 0.75
"""Of the shortest stretch, that a standing picture lasts, counted so: two seconds of a title card are no copy."""
EVIDENCE_SHARE = 0.6
"""Of the shortest stretch, in ms of the query that agree, weighted by how uncommon the pictures are."""
LASTING_SHARE = 0.45
"""Of the shortest stretch, in ms that agree of the video that lasts less: one second of it can be shown as two."""
LAGS_MS = (-2000.0, -1200.0, 1200.0, 2000.0)
"""How far beside the line it is asked whether a copy follows its original."""
CHANGING = 0.9
"""Mean likeness of a video to itself at these distances below which it changes, and a copy has to change with it."""
FOLLOWING = 0.15
"""Of that change, the share that is seen between the two: 1 in a perfect copy; in copies of these clips from 0.25 on, 0
where two takes of one place have only the place in common."""
MOST_PICTURES = 60
"""That are told from one another; by then there are enough."""


def is_enough(
    stretch: Stretch, query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments, settings: Matching
) -> bool:
    """Whether what agrees lasts, is not common, shows several pictures, and is the more alike the fewer they are."""
    shortest = least_ms(queried, known, settings)
    lasting = min(_lasting(queried, stretch.query), _lasting(known, stretch.stored))
    if stretch.evidence_ms < EVIDENCE_SHARE * shortest or lasting < LASTING_SHARE * shortest:
        return False
    query_rows, stored_rows = queried.rows[stretch.query], known.rows[stretch.stored]
    pictures = min(different(query, query_rows), different(stored, stored_rows))
    usual = (query.background[query_rows, WHOLE].mean() + stored.background[stored_rows, WHOLE].mean()) / 2
    counts = float(np.clip((1 - usual) / (1 - COMMON), 0, 1))
    if pictures < MOVING and lasting * counts < STANDING_SHARE * shortest:
        return False
    if not _follows(stretch, query, stored, queried, known):
        return False
    return stretch.similarity >= settings.least_similarity + PER_PICTURE * max(0, ENOUGH_PICTURES - pictures)


def _follows(stretch: Stretch, query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments) -> bool:
    """Whether pictures are more alike on the line than beside it, if the stored video changes in that time at all."""
    some = slice(None, None, max(1, len(stretch.query) // MOST_PICTURES))
    seen, there = stretch.query[some], stretch.stored[some]
    at_ms = known.times_ms[there] + stretch.speed * np.array(LAGS_MS)[:, None]
    is_inside = (at_ms >= 0) & (at_ms < known.length_ms)
    beside = np.clip(np.searchsorted(known.times_ms, at_ms), 0, len(known) - 1)[is_inside]
    if not len(beside):
        return True
    seen, there = (
        queried.rows[np.broadcast_to(seen, at_ms.shape)[is_inside]],
        known.rows[np.broadcast_to(there, at_ms.shape)[is_inside]],
    )
    beside = known.rows[beside]
    is_used = [(MIRRORED in pair) is stretch.mirrored for pair in COMBINATIONS]
    on, off = (by_combination(query, stored, seen, rows)[:, is_used].max(axis=1).mean() for rows in (there, beside))
    itself = by_combination(stored, stored, there, beside)[:, 0].mean()
    return bool(itself >= CHANGING or 1 - off / max(on, 0.01) >= FOLLOWING * (1 - itself))


def _lasting(moments: Moments, seen: Rows) -> float:
    return float(moments.spans_ms[np.unique(seen)].sum())


def different(fingerprint: Fingerprint, rows: Rows) -> int:
    """How many of these pictures are unlike all before them."""
    some = np.unique(rows)
    some = some[:: max(1, len(some) // MOST_PICTURES)]
    vectors, background = fingerprint.vectors[some, WHOLE], fingerprint.background[some, WHOLE]
    alike = likeness(vectors @ vectors.T, background[:, None], background[None, :])
    kept: list[int] = []
    for row in range(len(some)):
        if not kept or alike[row, kept].max() < DIFFERENT:
            kept.append(row)
    return len(kept)
