"""Contact sheets of a case: a strip of covered pictures a video, and one page to look through or print."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from triage.case.rows import is_failure, is_sealed, report_of
from triage.case.store import Case
from triage.durable import no_room, write_whole
from triage.errors import RedactionError, UsageError, VideoError
from triage.names import shown
from triage.phrases import clock
from triage.picturing import PICTURES_MARK, WISH, Pass, open_searchers, picture_strip, roles_for
from triage.run.blurring import SEAL_WORDS, Original, identity
from triage.settings import Settings

PAGE = "index.html"
STRIPS = "strips"
MARK = "<!-- contact sheets by triage -->"
"""In the first line of a page that may be written anew."""


class Became(StrEnum):
    """What became of a video in this run."""

    DRAWN = "with a strip"
    SEALED = "sealed"
    WITHOUT_PICTURES = "without pictures to look at"
    REFUSED = "without a strip"


@dataclass(frozen=True, slots=True)
class Entry:
    """One video on the page."""

    row: dict[str, Any]
    became: Became
    strip: str = ""
    """Its file, within the folder of the page."""
    why: str = ""


class Watcher(Protocol):
    """Told how the work goes on, to show it."""

    def begin(self, original: Original) -> None: ...
    def at(self, doing: Pass, time_ms: int, length_ms: int | None) -> None: ...
    def end_strip(self, original: Original, *, is_made: bool, why: str) -> None: ...


@dataclass(frozen=True)
class Sheets:
    """Makes the strips and the page in one folder."""

    case: Case
    out: Path
    settings: Settings

    def draw_all(self, originals: Sequence[Original], watcher: Watcher) -> list[Entry]:
        """Make a strip of each, and the page.

        Raises:
            UsageError: another page stands there.
            WeightsError: a model is absent or unfit.
            CaseFullError, CaseError: the folder cannot be written.
        """
        self._make_place()
        entries = []
        for original in originals:
            watcher.begin(original)
            entry = self.draw(original, watcher)
            entries.append(entry)
            # The page is whole at any time, also if the next video takes an hour.
            write_whole(self.out / PAGE, page(entries).encode("utf-8", "replace"))
            watcher.end_strip(original, is_made=entry.became is not Became.REFUSED, why=entry.why)
        return entries

    @cached_property
    def _searchers(self) -> Any:  # noqa: ANN401  detectors, which are not known here
        return open_searchers(self.settings, WISH.wanted)

    def _make_place(self) -> None:
        there = self.out / PAGE
        try:
            if there.exists() and MARK not in there.read_text(encoding="utf-8", errors="replace").split("\n")[1:2]:
                raise UsageError(f"{there}: exists and is no page of contact sheets by triage; give another --out")
            (self.out / STRIPS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_room(there, error) from error

    def draw(self, original: Original, watcher: Watcher) -> Entry:
        """The strip of one, in its place; or why there is none."""
        row = original.row or {}
        video = original.video
        if is_sealed(row) or (video is not None and self.case.is_sealed(video)):
            return Entry(row, Became.SEALED, why=SEAL_WORDS)
        if is_failure(row) or video is None:
            return Entry(row, Became.WITHOUT_PICTURES, why=str(row["verdict"]["reasons"][0]["words"]))
        report = report_of(row)
        try:
            if not roles_for(WISH) <= set(report.provenance.looked_for):
                raise RedactionError("nobody looked for faces and injuries in it; scan it with models for these")
            if identity(original.path)[1] != video:
                raise RedactionError("it is not what was examined: its bytes have changed since; scan again")
            length_ms = report.coverage.reached_ms
            coded = picture_strip(
                original.path, report, self._searchers, lambda doing, time_ms: watcher.at(doing, time_ms, length_ms)
            )
        except (VideoError, RedactionError) as error:
            return Entry(row, Became.REFUSED, why=str(error))
        name = f"{STRIPS}/{video[:16]}.jpg"
        write_whole(self.out / name, coded)
        return Entry(row, Became.DRAWN, name)


STYLE = """
body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 1330px; color: #222; background: #fff }
section { break-inside: avoid; margin: 0 0 2em } h2 { font-size: 1em; margin: 0 } p { margin: .2em 0 }
img { max-width: 100%; border: 1px solid #ccc } .small { color: #555; font-size: .85em; overflow-wrap: anywhere }
.mark { text-align: right; font-size: .85em }
@media print {
  body { display: table; width: 100%; max-width: none; margin: 0 } main { display: table-row-group }
  .mark { display: table-header-group; break-inside: avoid }
}
"""
"""On paper the mark is the head of a table, which browsers repeat on every sheet."""


def page(entries: Sequence[Entry]) -> str:
    """The page: HTML without script and without anything from elsewhere."""
    return "\n".join(
        [
            "<!doctype html>",
            MARK,
            '<html lang="en"><head><meta charset="utf-8"><title>Contact sheets</title>',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self' file:; "
            "style-src 'unsafe-inline'\">",
            f'<style>{STYLE}</style></head><body><p class="mark">{PICTURES_MARK}</p><main><h1>Contact sheets</h1>',
            "<p>Pictures are drawn, and faces are covered; models chose what is covered, and miss things. They are no "
            "evidence and do not replace the originals.</p>",
            *(line for number, entry in enumerate(entries, 1) for line in _section(number, entry)),
            "</main></body></html>",
            "",
        ]
    )


def _section(number: int, entry: Entry) -> Iterator[str]:
    row = entry.row
    name = shown(Path(row["video"]["path"] or "(no longer in any dump)").name)
    queue, reached_ms = row["verdict"]["queue"], row["coverage"]["reached_ms"]
    yield f"<section><h2>{number}. {html.escape(name)}</h2>"
    long = f", {clock(reached_ms)}" if reached_ms else ""
    yield f'<p class="small">{html.escape(queue)}{long}, SHA-256 {html.escape(row["video"]["id"] or "not known")}</p>'
    if entry.strip:
        reasons = [reason["words"] for reason in row["verdict"]["reasons"][:3]]
        yield f"<p>{html.escape('; '.join(reasons))}</p>"
        yield f'<img src="{quote(entry.strip)}" alt="pictures of {html.escape(name, quote=True)}">'
    else:
        yield f"<p>{html.escape(shown(entry.why))}</p>"
    yield "</section>"
