"""Which style hides what: who somebody is, is hidden by nothing that could be computed back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from triage.geometry import Box
from triage.records import Cover, Covered, Style

IRREVERSIBLE = frozenset({Style.SOLID, Style.PIXELATE})
IDENTITY = frozenset({Covered.FACES, Covered.MINOR_FACES, Covered.PEOPLE})


def style_of(what: Covered, style: Style) -> Style:
    """How this is covered in a copy of that style; what nobody saw may be anything, and is always solid."""
    if what is Covered.UNSEEN or (what in IDENTITY and style not in IRREVERSIBLE):
        return Style.SOLID
    return style


def by_style(covers: Iterable[Cover], style: Style, picture_wh: tuple[int, int]) -> Mapping[Style, Sequence[Box]]:
    """What ``registry.cover`` is to be given for a picture with these covers."""
    # Drawing is of the whole picture, also where there is nothing to cover.
    boxes: dict[Style, list[Box]] = {Style.DRAWING: []} if style is Style.DRAWING else {}
    whole = Box(0, 0, *picture_wh)
    for cover in covers:
        boxes.setdefault(style_of(cover.what, style), []).append(cover.box or whole)
    return boxes


def covered_ms(covers: Iterable[Cover]) -> int:
    """How long anything at all is covered."""
    total = reached = 0
    for cover in sorted(covers, key=lambda cover: cover.start_ms):
        total += max(0, cover.end_ms - max(cover.start_ms, reached))
        reached = max(reached, cover.end_ms)
    return total
