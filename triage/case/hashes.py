"""What every report file of a case was when it was written, so that a changed one can be named.

The hashes stand in the catalogue, in the order in which the reports were written, and the log holds a hash over them
all (``anchors``) after each scan: who changes a report has to change the catalogue, and then the log does not fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from triage.case.catalogue import Catalogue, Writing


class Anchor(NamedTuple):
    """A hash over the hashes of the first reports that were written."""

    reports: int
    sha256: str
    """Over a line for each: ``reports/ab/ab….json``, a space, its SHA-256 and a line end."""


class ReportHashes:
    """The hashes of one case's reports and seals."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self._folder = folder
        self._catalogue = catalogue

    def named(self, path: Path, data: bytes) -> tuple[str, str]:
        """Name within the case, and SHA-256."""
        return path.relative_to(self._folder).as_posix(), hashlib.sha256(data).hexdigest()

    def keep(self, writing: Writing, named: Iterable[tuple[str, str]]) -> None:
        """Add these."""
        writing.executemany("INSERT INTO report_hashes (name, sha256) VALUES (?, ?)", named)

    def adopt(self) -> int:
        """Keep the hashes of files of which none was kept: a version without hashes wrote them, or was stopped.

        Returns:
            How many there were.
        """
        known = self.last()
        found = [path for path in files(self._folder) if path.relative_to(self._folder).as_posix() not in known]
        if found:
            with self._catalogue.writing() as writing:
                self.keep(writing, [self.named(path, path.read_bytes()) for path in found])
        return len(found)

    def last(self) -> dict[str, str]:
        """Name -> the SHA-256 that it had when it was last written."""
        return dict(self._all())

    def last_of(self, name: str) -> str | None:
        """The SHA-256 that this one had when it was last written; None: none was kept."""
        if not self._catalogue.has("report_hashes"):
            return None
        found = self._catalogue.one(
            "SELECT sha256 FROM report_hashes WHERE name = ? ORDER BY number DESC LIMIT 1", (name,)
        )
        return None if found is None else str(found[0])

    def anchors(self) -> list[Anchor]:
        """A hash over the first, the first two, and so on; over none before these."""
        hashed = hashlib.sha256()
        found = [Anchor(0, hashed.hexdigest())]
        for name, sha256 in self._all():
            hashed.update(f"{name} {sha256}\n".encode())
            found.append(Anchor(len(found), hashed.hexdigest()))
        return found

    def _all(self) -> list[tuple[str, str]]:
        if not self._catalogue.has("report_hashes"):
            return []
        found = self._catalogue.all("SELECT name, sha256 FROM report_hashes ORDER BY number")
        return [(name, sha256) for name, sha256 in found]


def files(folder: Path) -> Iterator[Path]:
    """Every report and seal that lies in a case, in the order of their names."""
    yield from sorted((folder / "reports").glob("*/*.json"))
    yield from sorted((folder / "sealed").glob("*.json"))
