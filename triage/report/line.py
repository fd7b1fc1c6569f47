"""What is said of a video, sentence by sentence, each with the seconds that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from triage.geometry import Span


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence. Names in it are harmless to show (``names.shown``), and still to be escaped for HTML."""

    words: str
    spans: tuple[Span, ...] = ()
    """What of the video it is about, in ms, in order; none: all of it, or no time is known."""
    brief: str = ""
    """The same without times and figures, for a table; empty: it is brief already."""
