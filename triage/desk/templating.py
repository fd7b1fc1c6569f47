"""Pages from templates. Whatever stands in one is escaped, and a name that is not given is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from triage.names import shown
from triage.phrases import clock, counted

HERE = Path(__file__).parent
OF_REPORTS = HERE.parent / "report" / "static"
STATIC = {
    "evidence.css": (OF_REPORTS, "text/css"),
    "report.css": (OF_REPORTS, "text/css"),
    "desk.css": (HERE / "static", "text/css"),
    "icon.svg": (HERE / "static", "image/svg+xml"),
    "desk.js": (HERE / "static", "text/javascript"),
    "player.js": (HERE / "static", "text/javascript"),
}
"""The files that every page may ask for, by name: their folder and type. No other name is ever looked for."""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(clock=clock, shown=shown, when=when)
    made.globals.update(counted=counted)
    return made


def page(template: str, values: Mapping[str, object]) -> str:
    """The page, HTML."""
    return _environment().get_template(template).render(values)


def when(at: str) -> str:
    """``3 May 2026, 13:05`` of a time in UTC, by the clock of this machine."""
    moment = datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).astimezone()
    return f"{moment.day} {moment:%B %Y, %H:%M}"


@cache
def static(name: str) -> tuple[bytes, str]:
    """One of ``STATIC``, and its type."""
    folder, media_type = STATIC[name]
    return (folder / name).read_bytes(), f"{media_type}; charset=utf-8"
