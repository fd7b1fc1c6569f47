"""A heat strip, drawn: small for a table, large for the page of one video. Its patterns stand once in each page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.phrases import about, roughly
from triage.report.heat import DAMAGED, LETTERS, Cell, Heat, Mark, Value, runs, when_of, words_of
from triage.report.svg import Html, drawing, rect, text

SMALL_PX = 18
"""Height of a strip in a table."""
FOOT_PX, LOW_FOOT_PX = 15, 8
"""On which line of it letters stand: in a bar, and above a low one."""
LANE_PX, BAR_PX, LABEL_PX = 38, 14, 14
"""Of the large strip: a lane, the bar in it, and from its top to the foot of its words."""
BAR_TOP_PX = LABEL_PX + 1
AXIS_PX = 20
FINE_MS = 20_000
"""Length below which the axis has tenths of a second."""
BAND_PX = 5
"""Of what may be anywhere in the video."""
LETTER_SHARE = 0.05
"""Of the strip's width that a run must have for its letter to fit in."""
KNOWN, UNLOOKED = "known", "unlooked"
"""Names of the patterns."""
PATTERNS = (
    '<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    f'<pattern id="p-{KNOWN}" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch" d="M1 0V8" stroke-width="2"/><path class="hatch under" d="M3 0V8" stroke-width="2"/></pattern>'
    f'<pattern id="p-{UNLOOKED}" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<path class="cross" d="M0 0L6 6M6 0L0 6" stroke-width="1"/></pattern>'
    "</defs></svg>"
)
"""Diagonal lines, dark and light so that they show on any colour: known already. Crosses: not looked at."""


def small_strip(heat: Heat, key: str) -> Html:
    """One bar for a table: of each cell what is to be looked at first, as high as it is strong.

    Args:
        key: sets the strip apart from the others of its page; letters, digits and hyphens.
    """
    pieces, letters = [rect(0, 1, 0, SMALL_PX, "track")], []
    count = len(heat.cells)
    for mark, first, last in runs([cell.marks[0] if cell.marks else None for cell in heat.cells]):
        if mark is not None:
            pieces.append(_bar(mark, first / count, last / count, 0, SMALL_PX))
            if (last - first) / count >= LETTER_SHARE:
                is_covered = any(cell.is_known or cell.is_unlooked for cell in heat.cells[first:last])
                letters.append(_letter(mark, (first + last) / 2 / count, is_covered=is_covered))
    pieces += [*_patterns(heat, 0, SMALL_PX), *letters]
    return drawing(key, "heat small", SMALL_PX, _title(heat), words_of(heat), pieces)


def large_strip(heat: Heat, key: str) -> Html:
    """A lane for each kind that was seen, for what is known and for what was not looked at, and the time below.

    Each says its first stretch; the words beside the drawing say more of them.
    """
    pieces: list[str] = []
    top = 0
    for kind in heat.kinds():
        of = [next((mark for mark in cell.marks if mark.kind is kind), None) for cell in heat.cells]
        when = when_of(heat, [mark is not None for mark in of], most=1)
        pieces += _lane(f"{LETTERS[kind]} {kind.value}: {when}", top)
        bars = [
            _bar(mark, start, end, top + BAR_TOP_PX, BAR_PX) for mark, start, end in _shares(of) if mark is not None
        ]
        pieces += bars
        top += LANE_PX
    for words, looks in _looked(heat):
        pieces += [*_lane(words, top), *_patterns(looks, top + BAR_TOP_PX, BAR_PX)]
        top += LANE_PX
    if heat.length_ms:
        pieces += _axis(heat, top)
        top += AXIS_PX
    return drawing(key, "heat large", top, _title(heat), words_of(heat), pieces)


def _lane(words: str, top: int) -> Iterator[str]:
    yield text(words, 0, top + LABEL_PX - 2, "lane-name")
    yield rect(0, 1, top + BAR_TOP_PX, BAR_PX, "track")


def _looked(heat: Heat) -> Iterator[tuple[str, Heat]]:
    """Words and patterns of the lanes that say what is known, and where nobody looked."""
    known, missed = ([cell.is_known for cell in heat.cells], [cell.is_unlooked for cell in heat.cells])
    lines = Heat(tuple(Cell(is_known=is_known) for is_known in known), heat.length_ms)
    crosses = Heat(tuple(Cell(is_unlooked=is_missed) for is_missed in missed), heat.length_ms)
    yield f"known already: {when_of(heat, known, most=1) or 'nothing'}", lines
    if any(missed):
        yield f"not looked at, or not for all: {when_of(heat, missed, most=1)}", crosses
    if heat.is_damaged:
        yield DAMAGED, Heat((Cell(),), heat.length_ms, is_damaged=True)


def _axis(heat: Heat, top: int) -> Iterator[str]:
    to_ms = 100 if heat.length_ms < FINE_MS else 1000
    for share, style in ((0.0, "tick"), (0.5, "tick middle"), (1.0, "tick end")):
        yield text(about(round(share * heat.length_ms), to_ms), share, top + LABEL_PX, style)


def _bar(mark: Mark, start: float, end: float, top: int, height: int) -> str:
    own = round(height * (mark.strength + 1) / 4)
    return rect(start, end, top + height - own, own, f"k-{mark.kind.name.lower()} s{mark.strength}")


def _letter(mark: Mark, middle: float, *, is_covered: bool) -> str:
    """Of a bar in a small strip: in it, or above it where it is low."""
    foot = LOW_FOOT_PX if mark.strength == 1 else FOOT_PX
    return text(LETTERS[mark.kind], middle, foot, f"letter on-s{mark.strength}{' over' if is_covered else ''}")


def _patterns(heat: Heat, top: int, height: int) -> Iterator[str]:
    cells = heat.cells
    for is_known, start, end in _shares([cell.is_known for cell in cells]):
        if is_known:
            yield rect(start, end, top, height, "hatched", f"url(#p-{KNOWN})")
    for is_unlooked, start, end in _shares([cell.is_unlooked for cell in cells]):
        if is_unlooked:
            yield rect(start, end, top, height, "crossed", f"url(#p-{UNLOOKED})")
    if heat.is_damaged:  # a narrow band along all of it: somewhere here
        yield rect(0, 1, top + height - BAND_PX, BAND_PX, "crossed band", f"url(#p-{UNLOOKED})")


def _shares(values: Sequence[Value]) -> Iterator[tuple[Value, float, float]]:
    """Runs of one value, from and until as shares of the whole."""
    for value, first, last in runs(values):
        yield value, first / len(values), last / len(values)


def _title(heat: Heat) -> str:
    return f"Heat strip of {roughly(0, heat.length_ms)}" if heat.length_ms else "Heat strip of a still picture"
