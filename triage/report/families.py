"""Groups of copies, and the graph of who may come from whom, drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from triage.report.svg import Html

MOST_DRAWN = 40
"""Copies of one group that are drawn; of more, the best to preserve and what hangs on them, and the list has all."""
NODE_W, NODE_H, GAP_X, GAP_Y, EDGE = 250, 46, 60, 14, 4
NAME_LETTERS = 26


@dataclass(frozen=True, slots=True)
class Relative:
    """One copy of a group."""

    video: str
    name: str
    merits: str
    """What it is in a few words: how much it holds, size, what was done to it."""
    remarks: tuple[str, ...]
    """A sentence each: its date, what only it shows, what could not be compared."""
    is_there: bool
    """Its file is where it was; else only what is known of it is left."""
    is_kept: bool
    """It is one of those that together hold everything."""


@dataclass(frozen=True, slots=True)
class Family:
    """Copies of one thing."""

    relatives: tuple[Relative, ...]
    """The best to preserve first."""
    descents: tuple[tuple[str, str, str], ...]
    """Child, parent and why."""
    undecided: tuple[tuple[str, str], ...]
    """Either may come from the other."""
    remarks: tuple[str, ...]

    @property
    def best(self) -> Relative | None:
        """The best surviving copy; None: the file of none is there any more."""
        return next((one for one in self.relatives if one.is_there), None)


@dataclass(frozen=True, slots=True)
class Families:
    """All groups of a case."""

    families: tuple[Family, ...]
    links: tuple[str, ...]
    """What videos of different groups share, a sentence each."""
    remarks: tuple[str, ...]


def graph(family: Family, key: str, page_of: Callable[[str], str | None]) -> Html:
    """The group as a graph: what a copy may come from stands left of it.

    Args:
        key: sets it apart from the others of its page.
        page_of: where a video is told of, from the page on which the graph stands; None: nowhere in this report.
    """
    places = _places(family)
    drawn = {one.video: one for one in family.relatives if one.video in places}
    pieces = []
    for pair, style in _edges(family):
        if pair[0] in places and pair[1] in places:
            pieces.append(_edge(places[pair[0]], places[pair[1]], style))
    best = family.best
    for video, one in drawn.items():
        pieces.append(_node(one, places[video], one is best, page_of(video)))
    width = max(column for column, _ in places.values()) * (NODE_W + GAP_X) + NODE_W + 2 * EDGE
    height = max(row for _, row in places.values()) * (NODE_H + GAP_Y) + NODE_H + 2 * EDGE
    words = "; ".join(
        f"{_name(drawn, child)} may come from {_name(drawn, parent)}" for child, parent, _ in family.descents
    )
    return Html(
        f'<svg class="chart" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="group" '
        f'aria-labelledby="t-{key} d-{key}"><title id="t-{key}">Who may come from whom</title>'
        f'<desc id="d-{key}">{escape(words or "nothing tells who comes from whom")}</desc>{"".join(pieces)}</svg>'
    )


def _name(drawn: Mapping[str, Relative], video: str) -> str:
    return drawn[video].name if video in drawn else video[:12]


def _places(family: Family) -> dict[str, tuple[int, int]]:
    """Video -> column and row: children right of their parent, the best first, each in a row of its own."""
    order = [one.video for one in family.relatives][:MOST_DRAWN]
    parent = {child: parent for child, parent, _ in family.descents if child in order and parent in order}
    children: dict[str, list[str]] = defaultdict(list)
    for video in order:
        if video in parent:
            children[parent[video]].append(video)
    places: dict[str, tuple[int, int]] = {}
    row = 0
    for root in order:
        if root in parent:
            continue
        waiting = [(root, 0)]
        while waiting:
            video, column = waiting.pop()
            is_first_child = video in parent and children[parent[video]][0] == video
            row += 1 if places and not is_first_child else 0
            places[video] = column, row
            waiting += [(child, column + 1) for child in reversed(children[video])]
    return places


def _edges(family: Family) -> list[tuple[tuple[str, str], str]]:
    certain = [((parent, child), "edge") for child, parent, _ in family.descents]
    return [*certain, *((pair, "edge undecided") for pair in family.undecided)]


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return EDGE + place[0] * (NODE_W + GAP_X), EDGE + place[1] * (NODE_H + GAP_Y)


def _edge(one: tuple[int, int], other: tuple[int, int], style: str) -> str:
    (x0, y0), (x1, y1) = _corner(one), _corner(other)
    if one[0] == other[0]:  # both in one column: from side to side would run through what lies between
        bend = x0 + NODE_W + GAP_X // 2
        path = f"M{x0 + NODE_W} {y0 + NODE_H // 2}H{bend}V{y1 + NODE_H // 2}H{x1 + NODE_W}"
    else:
        bend = x1 - GAP_X // 2
        path = f"M{x0 + NODE_W} {y0 + NODE_H // 2}H{bend}V{y1 + NODE_H // 2}H{x1}"
    return f'<path class="{style}" d="{path}"/>'


def _node(one: Relative, place: tuple[int, int], is_best: bool, page: str | None) -> str:
    x, y = _corner(place)
    name = one.name if len(one.name) <= NAME_LETTERS else f"…{one.name[-NAME_LETTERS + 1 :]}"
    about = "best surviving copy" if is_best else "keep" if one.is_kept else "" if one.is_there else "no longer there"
    style = "node best" if is_best else "node"
    box = f'<rect class="{style}" x="{x}" y="{y}" width="{NODE_W}" height="{NODE_H}" rx="5"/>'
    words = f'<text class="name" x="{x + 10}" y="{y + 20}">{escape(name)}</text>'
    small = f'<text class="tick" x="{x + 10}" y="{y + 37}">{escape(about or one.video[:12])}</text>'
    inner = f"<title>{escape(one.name)}</title>{box}{words}{small}"
    return f'<a href="{escape(page)}">{inner}</a>' if page else f"<g>{inner}</g>"
