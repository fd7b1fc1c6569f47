"""The queue: what to look at first, a page at a time. Only the reports of one page are opened for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from triage.case.rows import is_failure
from triage.case.store import Case
from triage.desk.asking import Asked, shown
from triage.desk.overview import TO_DO, Item, Order, Overview, State, page_of
from triage.desk.reading import known_to
from triage.records import Queue
from triage.report.card import card_of
from triage.report.heat import heat_of
from triage.report.strip import PATTERNS, small_strip
from triage.report.svg import Html

TO_DO_WORD = "todo"
A_PAGE = 25
"""Videos on one page."""
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the page."""

    item: Item
    state: State
    lead: str
    """What there is to say of it, in one sentence."""
    strip: Html | None
    waits_for_you: int
    """Decisions of others that are to be read a second time."""


def queue_page(asked: Asked) -> Response:
    """A page of the queue."""
    overview = asked.desk.overviews.newest()
    known = known_to(asked.desk.overviews.decided(), asked.author)
    states = known.states()
    query = asked.query
    queue, state = _word(Queue, query.get("queue")), query.get("state", TO_DO_WORD)
    among = {TO_DO_WORD: TO_DO, **{one.value: {one} for one in State}}.get(state)
    order = _word(Order, query.get("order")) or Order.URGENCY
    words = query.get("words", "")[:200]
    found = overview.chosen(states, queue, among, words, order)
    items, pages, page = page_of(found, _number(query.get("page")), A_PAGE)
    waits: dict[str, int] = {}
    for one in known.waiting:
        if one.number in known.hidden:
            waits[one.judged.video] = waits.get(one.judged.video, 0) + 1
    with asked.desk.reading() as case:
        lines = list(_lines(case, overview, items, states, waits))
    choice = {"queue": queue or "", "state": state if among else "any", "order": order, "words": words}
    values = {
        "lines": lines,
        "patterns": Html(PATTERNS),
        "found": len(found),
        "first": (page - 1) * A_PAGE + 1,
        "page": page,
        "pages": pages,
        "previous": _address(choice, page - 1) if page > 1 else "",
        "next": _address(choice, page + 1) if page < pages else "",
        "choice": choice,
        "queues": [one for one in Queue if overview.counts.queues.get(one)],
        "states": list(State),
        "orders": list(Order),
        "counts": overview.counts,
        "overview": overview,
        "by_state": _by_state(overview, states),
    }
    return shown(asked, "queue.html", values)


def growth(asked: Asked) -> Response:
    """How many contents there are and how many files are left, for a page that stays open while a scan goes on."""
    counts = asked.desk.overviews.newest().counts
    return JSONResponse({"videos": counts.videos, "left": counts.left})


def _lines(
    case: Case, overview: Overview, items: list[Item], states: Mapping[str, State], waits: Mapping[str, int]
) -> Iterator[Shown]:
    for number, item in enumerate(items):
        video = item.video
        state = states.get(video, State.OPEN)
        row = case.row(video) if video else None
        if row is None or item.is_sealed or case.is_sealed(video):
            yield Shown(item, state, "" if item.is_sealed else item.listed.kind.replace("_", " "), None, 0)
            continue
        card = card_of(row, overview.rank, overview.name_of, blind={})
        strip = None if is_failure(row) else small_strip(heat_of(row, overview.rank), f"h{number}")
        yield Shown(item, state, card.lead, strip, waits.get(video, 0))


def _by_state(overview: Overview, states: Mapping[str, State]) -> dict[str, int]:
    numbers = dict.fromkeys((state.value for state in State), 0)
    for item in overview.items:
        numbers[states.get(item.video, State.OPEN).value] += 1
    return numbers


def _address(choice: Mapping[str, str], page: int) -> str:
    return "/?" + urlencode({**{key: value for key, value in choice.items() if value}, "page": page})


def _word(kind: type[Word], text: str | None) -> Word | None:
    return next((one for one in kind if one.value == text), None)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 1
