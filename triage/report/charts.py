"""Charts as SVG: how much waits where, and what was seen in footage of which month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triage.phrases import counted
from triage.records import Queue
from triage.report.heat import LETTERS, Kind
from triage.report.svg import Html, drawing, rect, text

LANE_PX, BAR_PX, LABEL_PX = 34, 12, 14
TIME_PX, TIME_BAR_PX = 58, 36
AXIS_PX = 20
MOST_MONTHS = 120
"""Beyond, years are shown."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """In how many videos each kind was seen, by when they were recorded."""

    periods: tuple[str, ...]
    """Months, ``2023-05``, or years, in order and without a hole."""
    counts: Mapping[Kind, tuple[int, ...]]
    """For each kind that was seen at all, one number a period."""
    undated: int
    """Videos whose metadata name no date."""


def over_time(seen: Sequence[tuple[str | None, Sequence[Kind]]]) -> OverTime:
    """From each video's date, as its metadata claim it, and what was seen in it."""
    dated = [(made_at[:7], kinds) for made_at, kinds in seen if made_at]
    months = _months(sorted({month for month, _ in dated}))
    is_by_year = len(months) > MOST_MONTHS
    periods = sorted({month[:4] for month in months}) if is_by_year else months
    if is_by_year:
        periods = [f"{year:04d}" for year in range(int(periods[0]), int(periods[-1]) + 1)]
    tally: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}
    for month, kinds in dated:
        for kind in kinds:
            tally[kind][month[:4] if is_by_year else month] += 1
    counts = {kind: tuple(found[period] for period in periods) for kind, found in tally.items() if found}
    return OverTime(tuple(periods), counts, len(seen) - len(dated))


def queue_chart(counts: Mapping[Queue, int], total_ms: int, unseen_ms: int) -> Html:
    """A bar for each queue, and one for what nobody has seen of the footage."""
    most = max([1, *counts.values()])
    pieces: list[str] = []
    for number, (queue, count) in enumerate(counts.items()):
        top = number * LANE_PX
        pieces.append(text(f"{queue.value}: {count}", 0, top + LABEL_PX, "lane-name"))
        pieces.append(rect(0, 1, top + LABEL_PX + 4, BAR_PX, "track"))
        pieces.append(rect(0, count / most, top + LABEL_PX + 4, BAR_PX, f"q-{queue.value}"))
    words = "; ".join(f"{queue.value} {count}" for queue, count in counts.items())
    if total_ms:
        words += f"; {round(100 * unseen_ms / total_ms)} % of the footage unseen"
    return drawing("queues", "chart", len(counts) * LANE_PX, "How many wait in each queue", words, pieces)


def time_chart(over: OverTime) -> Html:
    """A lane for each kind, with a column for each period; heights are the same scale in all lanes."""
    most = max([1, *(count for counts in over.counts.values() for count in counts)])
    width = 1 / max(1, len(over.periods))
    pieces: list[str] = []
    for lane, (kind, counts) in enumerate(over.counts.items()):
        top = lane * TIME_PX
        total = counted(sum(counts), "video", "videos")
        pieces.append(
            text(
                f"{LETTERS[kind]} {kind.value}: {total}, up to {max(counts)} at a time", 0, top + LABEL_PX, "lane-name"
            )
        )
        pieces.append(rect(0, 1, top + LABEL_PX + 4 + TIME_BAR_PX, 1, "track"))
        for place, count in enumerate(counts):
            height = max(2, round(TIME_BAR_PX * count / most)) if count else 0
            foot = top + LABEL_PX + 4 + TIME_BAR_PX
            if count:
                style = f"k-{kind.name.lower()}"
                pieces.append(rect(place * width + width * 0.1, (place + 0.9) * width, foot - height, height, style))
    bottom = len(over.counts) * TIME_PX
    if over.periods:
        pieces.append(text(over.periods[0], 0, bottom + LABEL_PX, "tick"))
        if len(over.periods) > 1:
            pieces.append(text(over.periods[-1], 1, bottom + LABEL_PX, "tick end"))
    words = "; ".join(f"{kind.value} in {sum(counts)}" for kind, counts in over.counts.items())
    title = "In how many videos what was seen, by when they were recorded"
    said = words or "no video with a date shows any of it"
    return drawing("time", "chart", bottom + AXIS_PX, title, said, pieces)


def _months(found: Sequence[str]) -> list[str]:
    """From the first to the last, with those between."""
    if not found:
        return []
    first, last = (int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (found[0], found[-1]))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, last + 1)]
