"""Whether a stretch is more than an accident, or more than one scene that looks like another."""

from __future__ import annotations

import numpy as np

from triage.matches.align import FAINT_SHARE, Stretch, least_ms
from triage.matches.likeness import WHOLE, Rows, sameness
from triage.matches.moments import Moments
from triage.matches.motion import following
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
"""Of the shortest stretch, that a standing picture lasts, counted so."""
STANDING_MS = 3000.0
"""How long a picture stands that two videos share as a copy, unless it is all there is of one of them: what is shorter
is a title card, a test pattern or a logo."""
ALL = 0.9
"""Of a video, from which a stretch is all of it."""
EVIDENCE_SHARE = 0.6
"""Of the shortest stretch, in ms of the query that agree, weighted by how uncommon the pictures are."""
LASTING_SHARE = 0.45
"""Of the shortest stretch, in ms that agree of the video that lasts less: one second of it can be shown as two."""
FEW_PICTURES, FEW_FOLLOWING = 3, 0.55
MANY_PICTURES, MANY_FOLLOWING = 8, 0.2
"""How closely one video has to follow the changes of the other: the correlation of their vectors, less the means of
both. More is asked where there are fewer different pictures. In copies of the clips that this was chosen with it was
0.2 or more but for 3 in 280; two takes by one standing camera reached 0.5 with two different pictures, and 0.35
with three."""
LOOSELY, CLOSELY = 0.3, 0.6
"""Following from which less likeness is asked, and from which the least: then it is enough that they move alike. Among
16,000 pairs of videos that had nothing to do with one another none followed closer than 0.25 over six moments."""
LEAST_MOMENTS = 6
"""Fewer than so many can move alike by chance."""
MOST_PICTURES = 60
"""That are told from one another; by then there are enough."""


def is_enough(
    stretch: Stretch, query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments, settings: Matching
) -> bool:
    """Whether what agrees lasts, is not common, moves alike, and is the more alike the fewer pictures it shows."""
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
    follows, moves = following(query, stored, query_rows, stored_rows, mirrored=stretch.mirrored)
    if moves and follows < np.interp(pictures, (FEW_PICTURES, MANY_PICTURES), (FEW_FOLLOWING, MANY_FOLLOWING)):
        return False
    closely = float(np.interp(follows, (LOOSELY, CLOSELY), (0, 1))) if len(stretch.query) >= LEAST_MOMENTS else 0.0
    is_all = lasting >= ALL * min(queried.length_ms, known.length_ms)
    if not moves and closely < 1 and lasting < STANDING_MS and not is_all:
        return False
    least = settings.least_similarity * (1 - closely * (1 - FAINT_SHARE))
    return stretch.similarity >= least + (1 - closely) * PER_PICTURE * max(0, ENOUGH_PICTURES - pictures)


def _lasting(moments: Moments, seen: Rows) -> float:
    return float(moments.spans_ms[np.unique(seen)].sum())


def different(fingerprint: Fingerprint, rows: Rows) -> int:
    """How many of these pictures are unlike all before them."""
    some = np.unique(rows)
    some = some[:: max(1, len(some) // MOST_PICTURES)]
    vectors, background = fingerprint.vectors[some, WHOLE], fingerprint.background[some, WHOLE]
    alike = sameness(vectors @ vectors.T, background[:, None], background[None, :])
    kept: list[int] = []
    for row in range(len(some)):
        if not kept or alike[row, kept].max() < DIFFERENT:
            kept.append(row)
    return len(kept)
