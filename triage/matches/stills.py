"""A single picture has no time of its own: it is looked for in every moment of the other video. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from triage.matches.align import Stretch
from triage.matches.likeness import Pairs
from triage.matches.moments import Moments
from triage.settings import Matching

STILL_SIMILARITY = 0.52
"""Likeness from which one picture alone is a copy of another. Of 3,625 edited pictures, each held against 389 others,
none was more than 0.485 like a wrong one; see the card of the model."""
STANDS_WITHIN = 0.2
"""Likeness that a picture may lose from its best moment on, and still be said to be seen."""


def is_still(moments: Moments) -> bool:
    """Whether there is one picture at one moment: a still picture, or a clip shorter than a step."""
    return len(moments) == 1


def seen_in(pairs: Pairs, query: Moments, stored: Moments, settings: Matching, *, mirrored: bool) -> list[Stretch]:
    """The stretches of one in which the single picture of the other is seen, the most alike first."""
    is_turned = not is_still(query)
    moving, of_moving = (query, pairs.query) if is_turned else (stored, pairs.stored)
    needed = max(STILL_SIMILARITY, settings.least_similarity)
    stretches = []
    for inside in _runs(of_moving, pairs.likeness, moving, needed):
        others = np.zeros(len(inside), np.int64)
        moments = of_moving[inside]
        stretches.append(
            Stretch(
                query=moments if is_turned else others,
                stored=others if is_turned else moments,
                speed=1.0,
                offset_ms=0.0,
                similarity=float(min(1.0, pairs.likeness[inside].mean())),
                evidence_ms=float(moving.spans_ms[moments].sum()),
                mirrored=mirrored,
            )
        )
    return sorted(stretches, key=lambda each: -each.similarity)


def _runs(
    moments: npt.NDArray[np.int64], likeness: npt.NDArray[np.floating], moving: Moments, needed: float
) -> Iterator[npt.NDArray[np.int64]]:
    """Indices of pairs in neighbouring moments that are all nearly as alike as the best of them."""
    kept = np.flatnonzero(likeness >= needed)
    if not len(kept):
        return
    apart = np.diff(moving.times_ms[moments[kept]]) > 1.5 * moving.step_ms + 1
    for run in np.split(kept, np.flatnonzero(apart) + 1):
        best = run[np.argmax(likeness[run])]
        low = run[likeness[run] < likeness[best] - STANDS_WITHIN]
        after, before = low[low > best], low[low < best]
        first = before[-1] + 1 if len(before) else run[0]
        last = after[0] - 1 if len(after) else run[-1]
        yield np.arange(first, last + 1)
