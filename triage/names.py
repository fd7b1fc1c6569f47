"""File names as they may be shown: a name from a dump is untrusted text, and a terminal obeys some characters."""

from __future__ import annotations

import unicodedata
from pathlib import Path

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a reader cannot see or a screen acts upon: controls, direction marks, broken bytes."""


def shown(name: Path | str) -> str:
    """The name with every invisible or commanding character as an escape, such as ``\\x1b`` or ``\\u202e``."""
    text = str(name)
    if text.isprintable():  # no such character: told at once, for a list of thousands of names
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in HIDDEN else character
        for character in text
    )
