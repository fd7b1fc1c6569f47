"""The first page of a report: its figures and charts, and how the list is cut into pages and into what is searched."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from triage.case.store import Counts
from triage.records import Queue
from triage.report.charts import over_time, queue_chart, time_chart
from triage.report.folder import INDEX
from triage.report.item import Item, found_by

ON_A_PAGE = 50
"""Videos in a page of the list."""
IN_A_PIECE = 2000
"""Videos in a piece of what the script searches in."""


def list_page(number: int) -> str:
    """The name of a page of the list, counted from 1."""
    return INDEX if number == 1 else f"list/{number:04d}.html"


def starts(items: Sequence[Item]) -> list[tuple[Queue, int, int]]:
    """Each queue that somebody waits in, how many do, and on which page of the list the first is."""
    found: dict[Queue, list[int]] = {}
    for position, item in enumerate(items):
        found.setdefault(item.queue, []).append(position)
    return [(queue, len(places), places[0] // ON_A_PAGE + 1) for queue, places in found.items()]


def front_figures(items: Sequence[Item], counts: Counts) -> dict[str, object]:
    """What stands above the list."""
    total_ms, left_ms = sum(item.length_ms for item in items), sum(item.unseen_ms for item in items)
    waiting = Counter(item.queue for item in items)
    over = over_time([(item.made_at, item.kinds) for item in items])
    return {
        "counts": counts,
        "total": sum(counts.queues.values()),
        "total_ms": total_ms,
        "left_ms": left_ms,
        "partial": sum(not item.is_whole and item.queue is not Queue.UNREADABLE for item in items),
        "queue_chart": queue_chart({queue: waiting[queue] for queue in [*Queue][1:]}, total_ms, left_ms),
        "over": over,
        "time_chart": time_chart(over),
        "pieces": -(-len(items) // IN_A_PIECE),
    }


def search_pieces(items: Sequence[Item]) -> Iterator[tuple[str, bytes]]:
    """The list as files of script that hold nothing but what is searched in: name and content of each."""
    for piece, start in enumerate(range(0, len(items), IN_A_PIECE)):
        rows = json.dumps(found_by(items[start : start + IN_A_PIECE]), separators=(",", ":"))
        yield f"static/list-{piece}.js", f"triageList({piece},{rows});\n".encode()
