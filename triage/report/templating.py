"""Pages from templates. Whatever stands in one is escaped, and a name that is not given is an error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

from triage.phrases import clock, counted, listing
from triage.report.svg import Html

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(clock=clock, breakable=breakable)
    made.globals.update(counted=counted, listing=listing)
    return made


def page(template: str, values: Mapping[str, object]) -> bytes:
    """The page, HTML in UTF-8. What is no text in any name is harmless already; see ``names.shown``."""
    return _environment().get_template(template).render(values).encode("utf-8", "xmlcharrefreplace")


def breakable(name: str) -> Html:
    """A path that may be broken into lines after each folder, and else only where it must."""
    return Html(escape(name).replace("/", "/<wbr>"))


def prose(markdown: str) -> Html:
    """Our own documents as HTML. Addresses in them stay words: nothing in a report leads out of it."""
    rules = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["autolink", "link", "image"])
    return Html(rules.render(markdown))
