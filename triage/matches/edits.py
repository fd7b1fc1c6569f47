"""What was done to a copy, as far as the pictures tell. Each name has one rule, and is said only where that is met."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from triage.matches.align import Stretch
from triage.matches.likeness import COMBINATIONS, LEAST_QUALITY, TURNED, WHOLE, by_combination
from triage.matches.moments import Moments
from triage.records import VIEWS, Fingerprint, Vectors, View


class Edit(StrEnum):
    """The closed set of words, as an analyst reads them; the speed is added to ``speed``."""

    SAME = "same pictures, other file"
    MIRRORED = "mirrored"
    TURNED = "turned by 90°"
    UPSIDE_DOWN = "upside down"
    CROPPED = "cropped"
    """It shows a part of the other's pictures."""
    INSET = "part of a larger picture"
    """The other's pictures are a part of what it shows."""
    LETTERBOXED = "borders added"
    UNBOXED = "borders cut off"
    GREY = "colour taken out"
    COLOURED = "in colour where the other is grey"
    CAPTION = "caption or logo"
    SPEED = "speed"
    SHORTENED = "shortened"
    LONGER = "with other footage"


INVERSE: Mapping[str, str] = {
    Edit.CROPPED: Edit.INSET,
    Edit.INSET: Edit.CROPPED,
    Edit.LETTERBOXED: Edit.UNBOXED,
    Edit.UNBOXED: Edit.LETTERBOXED,
    Edit.SHORTENED: Edit.LONGER,
    Edit.LONGER: Edit.SHORTENED,
    Edit.GREY: Edit.COLOURED,
    Edit.COLOURED: Edit.GREY,
}
"""What is said of one of two, as it is said of the other; what is not here reads the same from both sides."""
SAME_BITS = 16
"""Of 256 bits of PDQ, the median distance up to which pictures are called the same."""
PART_MARGIN = 0.1
"""Likeness by which a part must beat the whole."""
BORDER = 0.04
"""Share of width or height by which borders must differ."""
CAPTION_MARGIN = 0.2
"""Likeness by which a quarter must stay behind the best one, to be called covered."""
MOST = 200
"""Pictures of a copy that are asked."""
QUARTERS = [VIEWS.index(view) for view in (View.TOP_LEFT, View.TOP_RIGHT, View.BOTTOM_LEFT, View.BOTTOM_RIGHT)]
PARTS = (*QUARTERS, *(VIEWS.index(view) for view in (View.MIDDLE, View.LEFT, View.RIGHT, View.TOP, View.BOTTOM)))
*QUARTER_TURNS, HALF_TURN = TURNED


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The pictures of a copy and their originals, side by side: arrays of n."""

    combinations: npt.NDArray[np.floating]
    """(n, C) likeness, see ``COMBINATIONS``."""
    quarters: npt.NDArray[np.floating]
    """(n, 4) likeness of each quarter to the same quarter of the other; of the mirrored to the other side's."""
    bits: npt.NDArray[np.integer]
    """Distance of their PDQ, where both can be trusted."""
    query_borders: Vectors
    """(n, 4)"""
    stored_borders: Vectors
    query_grey: npt.NDArray[np.bool_]
    stored_grey: npt.NDArray[np.bool_]
    mirrored: bool

    def of(self, query_view: int, stored_view: int) -> float:
        """Mean likeness of these views."""
        return float(self.combinations[:, COMBINATIONS.index((query_view, stored_view))].mean())


def look(
    query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments, stretches: Sequence[Stretch]
) -> Seen:
    """The pictures of all stretches that are mirrored, or of all that are not, whichever are more."""
    mirrored = sum(len(each.query) * (1 if each.mirrored else -1) for each in stretches) > 0
    mine = [each for each in stretches if each.mirrored is mirrored]
    some = slice(None, None, max(1, sum(len(each.query) for each in mine) // MOST))
    left = queried.rows[np.concatenate([each.query for each in mine])][some]
    right = known.rows[np.concatenate([each.stored for each in mine])][some]
    bits = np.unpackbits(query.hashes[left] ^ stored.hashes[right], axis=1).sum(axis=1, dtype=np.int64)
    is_sure = (query.qualities[left] >= LEAST_QUALITY) & (stored.qualities[right] >= LEAST_QUALITY)
    return Seen(
        combinations=by_combination(query, stored, left, right),
        quarters=np.stack([(query.vectors[left, q] * stored.vectors[right, q]).sum(axis=1) for q in QUARTERS], axis=1),
        bits=bits[is_sure],
        query_borders=query.borders[left],
        stored_borders=stored.borders[right],
        query_grey=query.is_grey[left],
        stored_grey=stored.is_grey[right],
        mirrored=mirrored,
    )


def _is_same(seen: Seen) -> bool:
    return len(seen.bits) > 0 and float(np.median(seen.bits)) <= SAME_BITS


def _shown(seen: Seen) -> Edit | None:
    """How the picture lies in the other's, if any other way explains it clearly better than as a whole."""
    if seen.mirrored:
        return None
    ways = {
        None: seen.of(WHOLE, WHOLE),
        Edit.TURNED: max(seen.of(turn, WHOLE) for turn in QUARTER_TURNS),
        Edit.UPSIDE_DOWN: seen.of(HALF_TURN, WHOLE),
        Edit.CROPPED: max(seen.of(WHOLE, part) for part in PARTS),
        Edit.INSET: max(seen.of(part, WHOLE) for part in PARTS),
    }
    best = max(ways, key=lambda way: ways[way])
    return best if ways[best] > ways[None] + PART_MARGIN else None


def _is_letterboxed(seen: Seen) -> bool:
    return _most(seen.query_borders.max(axis=1) > seen.stored_borders.max(axis=1) + BORDER)


def _is_unboxed(seen: Seen) -> bool:
    return _most(seen.stored_borders.max(axis=1) > seen.query_borders.max(axis=1) + BORDER)


def _is_grey(seen: Seen) -> bool:
    return _most(seen.query_grey & ~seen.stored_grey)


def _has_caption(seen: Seen) -> bool:
    if seen.mirrored or _shown(seen):
        return False
    quarters = np.sort(np.median(seen.quarters, axis=0))
    return bool(quarters[2] >= 0.8 and quarters[0] <= quarters[2] - CAPTION_MARGIN)


def _is_coloured(seen: Seen) -> bool:
    return _most(seen.stored_grey & ~seen.query_grey)


def _most(claims: npt.NDArray[np.bool_]) -> bool:
    return len(claims) > 0 and float(claims.mean()) > 0.5


_RULES: Mapping[Edit, Callable[[Seen], bool]] = {
    Edit.SAME: _is_same,
    Edit.LETTERBOXED: _is_letterboxed,
    Edit.UNBOXED: _is_unboxed,
    Edit.GREY: _is_grey,
    Edit.COLOURED: _is_coloured,
    Edit.CAPTION: _has_caption,
}

SLOWEST_CHANGE = 0.04
"""How far a speed must be from 1.0 to be named; film shown as television is a twenty-fourth faster."""
WHOLE_SHARE = 0.9
"""Of a video, from which it counts as shown whole: ends are known to half a step."""


def name_edits(
    seen: Seen, stretches: Sequence[Stretch], *, is_video: bool, query_share: float, stored_share: float
) -> tuple[str, ...]:
    """What was done, in the order of ``Edit``.

    Args:
        is_video: both are, and not still pictures, whose length means nothing.
        query_share: how much of the query is in the other.
        stored_share: how much of the other is in the query.
    """
    named = {edit: rule(seen) for edit, rule in _RULES.items()}
    way = _shown(seen)
    if way:
        named[way] = True
    named[Edit.MIRRORED] = any(each.mirrored for each in stretches)
    named[Edit.SHORTENED] = is_video and stored_share < WHOLE_SHARE
    named[Edit.LONGER] = is_video and query_share < WHOLE_SHARE
    words = [str(edit) for edit in Edit if named.get(edit, False)]
    changed = sorted({round(each.speed, 2) for each in stretches if abs(each.speed - 1) > SLOWEST_CHANGE})
    return (*words, *(f"{Edit.SPEED} ×{speed:g}" for speed in changed))


def inverse(edits: Sequence[str]) -> tuple[str, ...]:
    """The same, said of the other one of the two."""
    return tuple(
        f"{Edit.SPEED} ×{round(1 / float(edit.partition('×')[2]), 2):g}"
        if edit.startswith(f"{Edit.SPEED} ")
        else INVERSE.get(edit, edit)
        for edit in edits
    )
