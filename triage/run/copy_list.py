"""``copies.csv``: one row for each original, what became of it in words."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from triage.durable import write_whole
from triage.errors import UsageError

NAME = "copies.csv"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is calculated by spreadsheets, and names in a dump are untrusted."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row; every cell is text."""

    original: str
    original_sha256: str
    copy: str
    copy_sha256: str
    style: str
    covers: str
    seconds_covered: str
    outcome: str


HEAD = tuple(field.name for field in fields(Line))


def is_copy_list(path: Path) -> bool:
    """Whether this is such a list; one that cannot be read is none, and so is what a pipe would say."""
    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            return file.readline(2 * len(",".join(HEAD))).rstrip("\n") == ",".join(HEAD)
    except OSError:
        return False


class CopyList:
    """The list in one folder; what is there already is kept."""

    def __init__(self, folder: Path) -> None:
        """Read it.

        Raises:
            UsageError: what is there under its name is another table.
        """
        self._path = folder / NAME
        self._lines: dict[tuple[str, str], Line] = {}
        try:
            text = self._path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be read: {error.strerror}") from error
        rows = list(csv.reader(io.StringIO(text)))
        if not rows or tuple(rows[0]) != HEAD or any(len(row) != len(HEAD) for row in rows[1:]):
            raise UsageError(f"{self._path}: is no list of copies by triage; give another --out, or move it away")
        for row in rows[1:]:
            self._put(Line(*row))

    def add(self, line: Line) -> None:
        """Write a row, in place of an earlier one of the same file; the list on the disk is always whole.

        Raises:
            CaseFullError, CaseError: it cannot be written.
        """
        self._put(Line(*(_harmless(cell) for cell in astuple(line))))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(HEAD)
        table.writerows(astuple(kept) for kept in self._lines.values())
        write_whole(self._path, text.getvalue().encode("utf-8", "surrogateescape"))

    def _put(self, line: Line) -> None:
        self._lines[line.original, line.original_sha256] = line


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
