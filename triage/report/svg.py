"""Pieces of SVG for HTML pages: inline, without script; widths are percentages, so that a drawing fits any column and
its letters stay readable. Colours come from the page's style sheet, by class.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Html(str):
    """HTML or SVG in which everything is escaped already; a template takes it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def rect(start: float, end: float, top: int, height: int, style: str, fill: str = "") -> str:
    """A box.

    Args:
        start, end: shares of the width, in [0, 1].
        fill: a pattern of the page, as ``url(#name)``; else the style says.
    """
    paint = f' fill="{fill}"' if fill else ""
    place = f'x="{start:.2%}" y="{top}" width="{max(0.0, end - start):.2%}" height="{height}"'
    return f'<rect class="{style}" {place}{paint}/>'


def text(words: str, start: float, foot: int, style: str) -> str:
    """A line of words on ``foot``, from the share ``start`` of the width on."""
    return f'<text class="{style}" x="{start:.2%}" y="{foot}">{escape(words)}</text>'


def drawing(key: str, style: str, height: int, title: str, words: str, pieces: Iterable[str]) -> Html:
    """A whole drawing with what it says in words.

    Args:
        key: sets it apart from the others of its page; letters, digits and hyphens.
    """
    return Html(
        f'<svg class="{style}" width="100%" height="{height}" role="img" aria-labelledby="t-{key} d-{key}">'
        f'<title id="t-{key}">{escape(title)}</title><desc id="d-{key}">{escape(words)}</desc>{"".join(pieces)}</svg>'
    )
