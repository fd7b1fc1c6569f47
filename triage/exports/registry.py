"""Which formats there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from triage.case.rows import Row
from triage.errors import UsageError
from triage.exports.jsonl import jsonl
from triage.settings import nearest

Exporter = Callable[[Iterable[Row]], Iterator[str]]

BEGINNING = b'{"schema": '
"""What an export of ours begins with."""

EXPORTS: Mapping[str, Exporter] = {"jsonl": jsonl}
"""Name of a format -> what turns rows into pieces of text. To add one: a file here, and a line."""


def exporter(name: str) -> Exporter:
    """The exporter of that name.

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
