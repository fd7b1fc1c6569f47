"""One line of the list: what a table shows of a video, and what a search in it goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.case.rows import Row
from triage.phrases import clock
from triage.records import Extent, Queue
from triage.report.card import Card
from triage.report.heat import Heat, Kind
from triage.report.strip import small_strip
from triage.report.svg import Html

NOTHING, STRONGEST = ".", 3
LETTER_OF_NOTHING = ord("a")


@dataclass(frozen=True, slots=True)
class Item:
    """One video, or one file that could not be read; nothing of what is sealed is ever one."""

    place: int
    """In the whole queue, from 1."""
    video: str | None
    name: str
    """Of the first file with its bytes, below the folder that all files of the case lie in."""
    queue: Queue
    length_ms: int
    unseen_ms: int
    lead: str
    """What was seen, in one sentence; or that nothing was, and beside it what was not looked at."""
    has_sights: bool
    is_whole: bool
    kinds: tuple[Kind, ...]
    made_at: str | None
    strip: Html
    code: str
    """The strip for the script that draws it: a letter a cell, see ``code_of``."""

    @property
    def page(self) -> str | None:
        """Where it is told of, within the report."""
        return None if self.video is None else page_of(self.video)


def page_of(video: str) -> str:
    return f"videos/{video[:2]}/{video}.html"


def item_of(place: int, row: Row, card: Card, heat: Heat, name: str) -> Item:
    """The line of a video."""
    coverage = row["coverage"]
    return Item(
        place=place,
        video=card.video,
        name=name,
        queue=card.queue,
        length_ms=card.length_ms,
        unseen_ms=card.unseen_ms,
        lead=card.lead,
        has_sights=bool(card.seen),
        is_whole=coverage["extent"] == Extent.WHOLE and not row["faults"],
        kinds=heat.kinds(),
        made_at=row["video"].get("made_at"),
        strip=small_strip(heat, f"s{place}"),
        code=code_of(heat),
    )


def code_of(heat: Heat) -> str:
    """A letter a cell for what is to be looked at first: ``a`` to ``c`` for restraint of strength 1 to 3, and so on.

    After a bar, where any cell is known already or was not looked at, a digit a cell: 1 known, 2 not looked at, 3 both.
    After another, ``!`` where something in it is damaged and nobody knows where.
    """
    kinds = list(Kind)
    tops = [cell.marks[0] if cell.marks else None for cell in heat.cells]
    letters = "".join(
        NOTHING if top is None else chr(LETTER_OF_NOTHING + kinds.index(top.kind) * STRONGEST + top.strength - 1)
        for top in tops
    )
    digits = "".join(str(cell.is_known + 2 * cell.is_unlooked) for cell in heat.cells)
    digits = digits if digits.strip("0") else ""
    return f"{letters}|{digits}|{'!' if heat.is_damaged else ''}".rstrip("|")


def found_by(items: Sequence[Item]) -> list[list[object]]:
    """What the script searches in, a row a video, in the order that it is read there (``static/search.js``)."""
    queues, kinds = list(Queue), list(Kind)
    return [
        [
            item.place,
            queues.index(item.queue),
            item.name,
            item.video or "",
            clock(item.length_ms) if item.length_ms else "",
            item.unseen_ms,
            clock(item.unseen_ms),
            [kinds.index(kind) for kind in item.kinds],
            item.lead,
            item.code,
            int(item.is_whole),
        ]
        for item in items
    ]
