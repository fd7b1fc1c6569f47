"""What a model's card says of its blind spots."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

BLIND_HEADING = "## What it is blind to"
"""The section that every card has."""


def blind_spots(card: Path) -> tuple[str, ...]:
    """The first sentence of each point in the card's section on blind spots, in order; () where it says nothing.

    A section without a list counts by its paragraphs. A card in another encoding is read as far as it can be.

    Raises:
        OSError: the card cannot be read.
    """
    text = card.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
    section = re.search(rf"^{re.escape(BLIND_HEADING)}[ \t]*$(.*?)(?=^##? |\Z)", text, re.MULTILINE | re.DOTALL)
    if not section:
        return ()
    pieces = list(_pieces(section[1]))
    points = [text for is_point, text in pieces if is_point]
    return tuple(_first_sentence(text) for text in points or [text for _, text in pieces])


def _pieces(section: str) -> Iterator[tuple[bool, str]]:
    """Points of lists and paragraphs, each on one line, and whether it is a point; what is indented deeper is left."""
    for block in re.split(r"\n\s*\n|\n(?=[-*+] )", section.strip()):
        lines = [line.strip() for line in re.split(r"\n(?=\s+[-*+] )", block)[0].splitlines()]
        words = " ".join(line for line in lines if line)
        if words:
            yield bool(re.match(r"[-*+] ", words)), re.sub(r"^[-*+] ", "", words)


def _first_sentence(text: str) -> str:
    plain = re.sub(r"\*\*|__|`|(?<!\w)\*|\*(?!\w)", "", text)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    return re.split(r"(?<=[.!?])\s+(?=[A-Z0-9\"(])", plain, maxsplit=1)[0]
