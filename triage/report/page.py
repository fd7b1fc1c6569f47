"""A case as a folder of pages that can be read offline, handed over and printed.

No page holds a picture but those that somebody went to on purpose, one rung of the ladder at a time. Everything can be
read without a script; the one script searches the list, which lies beside it in pieces, since a page that was opened
from a file cannot ask for another. Each video has a page of its own, so that no page grows with the case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from triage import __version__
from triage.case.rows import Row, is_sealed
from triage.case.store import Case
from triage.records import Queue
from triage.report.card import SealedItem, card_of, sealed_item
from triage.report.families import Families, graph
from triage.report.folder import Folder
from triage.report.front import ON_A_PAGE, front_figures, list_page, search_pieces, starts
from triage.report.heat import LETTERS, Kind, heat_of
from triage.report.item import Item, item_of, page_of
from triage.report.not_looked_at import Model
from triage.report.pictures import Picture
from triage.report.strip import PATTERNS, large_strip
from triage.report.svg import Html
from triage.report.templating import STATIC, page, prose
from triage.report.whole import Whole
from triage.shipped import shipped

ON_A_FAMILY_PAGE = 20
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file:; "
    "media-src 'self' file:; base-uri 'none'; form-action 'none'"
)
"""Of every page: nothing from elsewhere, no script and no style within it. ``file:`` is what some browsers need to take
a page's own folder for its own."""
ROUTES = "legal-routes.md"


@dataclass(frozen=True, slots=True)
class About:
    """Who made the report of what, and when."""

    case: str
    """Name of the case's folder, harmless to show."""
    author: str
    at: str
    """In UTC: ``2026-11-23T13:05:00Z``."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a report tells of."""

    told: int
    """Videos and unread files, sealed ones among them."""
    videos: tuple[str, ...]
    """Those of which it shows more than hash and reason."""


@dataclass(slots=True)
class _Told:
    """What was written so far."""

    items: list[Item] = field(default_factory=list)
    sealed: list[SealedItem] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)
    roles: Counter[str] = field(default_factory=Counter)
    """What nobody looked for, and in how many videos."""


@dataclass(frozen=True)
class Reporter:
    """Writes the report of one case, once."""

    case: Case
    folder: Folder
    about: About
    whole: Whole
    pictures: Callable[[str], Sequence[Picture]] = lambda _: ()
    """Of a video that is not sealed: its rungs, the least first; their files are in the folder already."""
    families: Families | None = None

    def write(self, limit: int | None = None, on_video: Callable[[int], None] = lambda _: None) -> Written:
        """Write every page.

        Args:
            limit: how many, the most urgent first; None: all.
            on_video: told how many are done.

        Returns:
            What it tells of. A scan may be at work on the case: whoever calls it makes sure that none of these was
            sealed meanwhile, and else begins anew.

        Raises:
            CaseError: the case cannot be read.
            WeightsError: a manifest cannot be read, so nobody can say what models are blind to.
        """
        told = _Told()
        for place, row in enumerate(self.case.rows(limit=limit), 1):
            if is_sealed(row):
                told.sealed.append(sealed_item(row))
            else:
                self._one(place, row, told)
            on_video(place)
        self._lists(told)
        self._others(told)
        videos = tuple(item.video for item in told.items if item.video is not None)
        return Written(len(told.items) + len(told.sealed), videos)

    def _one(self, place: int, row: Row, told: _Told) -> None:
        whole, video = self.whole, row["video"]["id"]
        if video is not None:
            whole.rank.setdefault(video, len(whole.rank))  # a scan may have added it since
        decisions, spread = whole.decisions.get(video, ()), whole.spreads.get(video, ())
        card = card_of(row, whole.rank, whole.name_of, blind=whole.blind, decisions=decisions, spread=spread)
        heat = heat_of(row, whole.rank)
        places, past = [*map(whole.below, card.names)], [*map(whole.below, card.past_names)]
        item = item_of(place, row, card, heat, next(iter([*places, *past]), (video or "")[:12]))
        told.items.append(item)
        told.models.update((model.name, model) for model in card.not_looked_at.models)
        told.roles.update(card.not_looked_at.roles)
        if item.video is not None:
            values = {"card": card, "row": row, "strip": large_strip(heat, "heat"), "places": places, "past": past}
            self._video_pages(item.video, item, values)

    def _video_pages(self, video: str, item: Item, values: Mapping[str, object]) -> None:
        rungs = [(picture, _rung_page(video, picture)) for picture in self.pictures(video)]
        first = rungs[0] if rungs else None
        self._page(page_of(video), "video.html", item.name, {**values, "item": item, "rung": first})
        for (picture, name), further in zip_longest(rungs, rungs[1:]):
            shown_on = {"item": item, "picture": picture, "further": further, "back": page_of(video)}
            self._page(name, "picture.html", f"Pictures of {item.name}", shown_on)

    def _lists(self, told: _Told) -> None:
        items = told.items
        pages = [items[start : start + ON_A_PAGE] for start in range(0, len(items), ON_A_PAGE)] or [[]]
        every = {"pages": len(pages), "starts": starts(items), "kinds": [*Kind], "queues": [*Queue][1:]}
        for number, some in enumerate(pages, 1):
            values = {**every, "items": some, "number": number, "list_page": list_page}
            if number == 1:
                figures = front_figures(items, self.whole.counts)
                rest = {
                    "told_of": len(items) + len(told.sealed),
                    "sealed": told.sealed,
                    "roles": told.roles.most_common(),
                    "families": self.families,
                }
                self._page(list_page(1), "index.html", self.about.case, {**values, **figures, **rest})
            else:
                self._page(list_page(number), "list.html", f"Page {number} of the list", values)
        for name, script in search_pieces(items):
            self.folder.write(name, script)

    def _others(self, told: _Told) -> None:
        for file in sorted(STATIC.iterdir()):
            self.folder.write(f"static/{file.name}", file.read_bytes())
        if told.sealed:
            routes = prose((shipped("docs") / ROUTES).read_text(encoding="utf-8"))
            self._page("sealed.html", "sealed.html", "Sealed", {"sealed": told.sealed, "routes": routes})
        models = sorted(told.models.values(), key=lambda model: model.name)
        roles = told.roles.most_common()
        self._page(
            "models.html", "models.html", "What looked", {"models": models, "roles": roles, "of": len(told.items)}
        )
        self._page("reading.html", "reading.html", "How to read this", {"letters": LETTERS})
        if self.families is not None:
            self._family_pages(self.families, {item.video for item in told.items})

    def _family_pages(self, families: Families, told: set[str | None]) -> None:
        every = list(enumerate(families.families, 1))
        pages = [every[start : start + ON_A_FAMILY_PAGE] for start in range(0, len(every), ON_A_FAMILY_PAGE)] or [[]]

        def link(video: str) -> str | None:
            return page_of(video) if video in told else None

        for number, some in enumerate(pages, 1):
            drawn = [(place, family, graph(family, f"f{place}", link)) for place, family in some]
            values = {"families": families, "drawn": drawn, "number": number, "pages": len(pages), "link": link}
            self._page(_family_page(number), "families.html", "Copies", {**values, "family_page": _family_page})

    def _page(self, name: str, template: str, title: str, values: Mapping[str, Any]) -> None:
        base = {
            "root": "../" * name.count("/"),
            "here": name,
            "title": title,
            "about": self.about,
            "policy": POLICY,
            "version": __version__,
            "patterns": Html(PATTERNS),
            "has_sealed": bool(self.whole.counts.queues[Queue.SEALED]),
            "has_families": self.families is not None,
        }
        self.folder.write(name, page(template, {**base, **values}))


def _rung_page(video: str, picture: Picture) -> str:
    return page_of(video).replace(".html", f".{picture.rung.value}.html")


def _family_page(number: int) -> str:
    return f"copies-{number}.html"
