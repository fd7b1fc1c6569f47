"""Figures as the table of a card, in Markdown that reads as well on a screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from triage.evaluation.figures import Alarm, Row
from triage.evaluation.looking import LeftOut
from triage.evaluation.metrics import Interval
from triage.evaluation.whole import WholeRow
from triage.names import shown
from triage.phrases import counted

UNKNOWN = "–"
"""What stands where there was nothing to count."""
BOX_COLUMNS = ("what", "on", "pictures", "labelled", "AP50", "AP50-95", "precision", "recall")
ALARM_COLUMNS = ("what", "pictures without it", "how many", "with an alarm", "share")
WHOLE_COLUMNS = ("what", "with it", "without", "AUROC", "recall", "false alarms", "cannot tell")
MOST_NAMED = 50
"""Pictures left out that are named one by one."""


def box_table(rows: Sequence[Row], alarms: Sequence[Alarm], thresholds: Mapping[str, float]) -> Iterator[str]:
    """What a detector of boxes is worth."""
    bars = ", ".join(f"{what} {least:g}" for what, least in thresholds.items())
    yield "AP over all scores; precision and recall of what a scan would find, at an overlap of 0.5. In brackets: where"
    yield "90 % of redrawn sets of pictures put the figure. It finds from these scores on: " + bars + "."
    yield ""
    yield from _table(BOX_COLUMNS, (_box_cells(row) for row in rows))
    if alarms:
        yield ""
        yield from _table(
            ALARM_COLUMNS,
            ((one.kind, one.on, str(one.pictures), str(one.raised), _percent(one.share)) for one in alarms),
        )


def whole_table(rows: Sequence[WholeRow]) -> Iterator[str]:
    """What the answers about pictures as a whole are worth."""
    yield "Each picture went through the whole of a scan, as a video of one picture; what needs looks over time is at"
    yield "its weakest there. AUROC of how sure the answers were, 0 for a picture without one. Recall and false alarms"
    yield "of what a scan would say; in brackets 90 % intervals."
    yield ""
    yield from _table(
        WHOLE_COLUMNS,
        (
            (
                *(row.kind, str(row.with_it), str(row.without), _figure(row.auroc)),
                *(_percent(row.recall), _percent(row.false_alarms), _percent(row.untold)),
            )
            for row in rows
        ),
    )


def left_out_lines(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """The pictures that the figures do not count, and why."""
    if not left_out:
        return
    yield f"Left out of all figures: {counted(len(left_out), 'picture', 'pictures')}."
    yield ""
    yield from _table(("picture", "why"), ((shown(one.path), shown(one.why)) for one in left_out[:MOST_NAMED]))
    if len(left_out) > MOST_NAMED:
        yield f"| and {len(left_out) - MOST_NAMED} more | |"


def _box_cells(row: Row) -> tuple[str, ...]:
    counts = (row.kind, row.on, str(row.pictures), str(row.labelled))
    return (*counts, _figure(row.ap50), _number(row.ap50_95), _figure(row.precision), _figure(row.recall))


def _table(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _figure(one: Interval) -> str:
    """``0.717 (0.64–0.80)``."""
    if math.isnan(one.low):
        return _number(one.value)
    return f"{_number(one.value)} ({one.low:.2f}–{one.high:.2f})"


def _number(value: float) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.3f}"


def _percent(one: Interval) -> str:
    """``4.6 % (2.4–8.3)``."""
    if math.isnan(one.value):
        return UNKNOWN
    return f"{100 * one.value:.1f} %" + ("" if math.isnan(one.low) else f" ({100 * one.low:.1f}–{100 * one.high:.1f})")
