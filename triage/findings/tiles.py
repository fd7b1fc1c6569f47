"""A large picture in overlapping pieces, so that what is small in it is large enough for a model."""

from __future__ import annotations

from collections.abc import Iterable

from triage.geometry import Box
from triage.records import Finding

OVERLAP = 0.2
"""Share of a tile that its neighbour covers too: what is smaller than that is whole in one of them."""
EDGE_PX = 2.0
"""A box that ends this close to the edge of a tile, where the picture goes on, is of something cut in two."""
SAME = 0.6
"""Intersection over union from which two boxes of one label, from two looks at one picture, are one thing."""


def tiles(width_px: int, height_px: int, per_side: int) -> list[Box]:
    """The pieces of a picture: ``per_side`` along its longer side, as square as can be, in whole pixels.

    Empty for ``per_side`` 1, since the whole picture is looked at anyway.
    """
    if per_side < 2:
        return []
    side = max(width_px, height_px) / (per_side - (per_side - 1) * OVERLAP)
    return [Box(x0, y0, x1, y1) for y0, y1 in _stretches(height_px, side) for x0, x1 in _stretches(width_px, side)]


def _stretches(length_px: int, side: float) -> list[tuple[int, int]]:
    """Stretches of one length that cover all of it, each overlapping the next by at least the share."""
    count = 1
    while side < length_px and count * side - (count - 1) * side * OVERLAP < length_px - 0.5:
        count += 1
    each = min(length_px, round(side))
    starts = [round(place * (length_px - each) / max(1, count - 1)) for place in range(count)]
    return [(start, start + each) for start in starts]


def is_cut(box: Box, tile: Box, width_px: int, height_px: int) -> bool:
    """Whether something reaches the edge of a tile where the picture goes on."""
    return (
        (tile.x0 > 0 and box.x0 < tile.x0 + EDGE_PX)
        or (tile.y0 > 0 and box.y0 < tile.y0 + EDGE_PX)
        or (tile.x1 < width_px and box.x1 > tile.x1 - EDGE_PX)
        or (tile.y1 < height_px and box.y1 > tile.y1 - EDGE_PX)
    )


def merged(found: Iterable[Finding]) -> list[Finding]:
    """Findings of one picture from several looks at it, each thing once, the surest first."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda finding: (-finding.score, finding.label, finding.box.xyxy)):
        if not any(finding.label is other.label and finding.box.overlap(other.box) > SAME for other in kept):
            kept.append(finding)
    return kept
