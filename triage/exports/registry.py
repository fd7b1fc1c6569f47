"""Which formats there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.errors import UsageError
from triage.exports.coco import coco
from triage.exports.contents import Contents
from triage.exports.jsonl import jsonl
from triage.settings import nearest

BEGINNING = b'{"schema": '
"""What an export of ours begins with."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write what a case holds."""

    write: Callable[[Contents], Iterator[str]]
    """Pieces of text."""
    is_whole: bool
    """All that is known of every file arrives; else a part that is chosen for a purpose."""
    names_authors: bool = False
    """It can say who decided something, if asked to."""


EXPORTS: Mapping[str, Format] = {
    "jsonl": Format(jsonl, is_whole=True),
    "coco": Format(coco, is_whole=False, names_authors=True),
}
"""Name of a format -> what writes it. To add one: a file here, and a line."""


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in EXPORTS:
        raise UsageError(f"there is no format {name!r}{nearest(name, EXPORTS)}")
    return EXPORTS[name]


def may_write(out: Path) -> bool:
    """Whether an export may be put there: nothing is, or an earlier export. Anything else may be an original."""
    try:
        with out.open("rb") as file:
            return out.is_file() and file.read(len(BEGINNING)) == BEGINNING
    except FileNotFoundError:
        return True
    except OSError:
        return False
