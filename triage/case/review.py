"""Which review copies were made of the contents of a case, and why some were not: a log that is only added to.

What the desk has made lies in the case itself, until its content is sealed:

::

    CASE/review/
      strips/strips/ab….jpg  drawn strips, named by the first 16 digits of the content's SHA-256
      drawing/, blurred/     review copies, one folder for each rung of the desk
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from triage.case.catalogue import Catalogue
from triage.durable import no_room, sha256_of


@dataclass(frozen=True, slots=True)
class Copied:
    """One attempt at a review copy."""

    video: str
    """SHA-256 of the original; empty where its bytes could not be read."""
    at: str
    """When, in UTC: ``2026-11-23T13:05:00Z``."""
    path: Path | None
    """Of the copy; None: there is none."""
    sha256: str
    """Of the copy; empty where there is none."""
    style: str
    covers: str
    """What was asked to be covered, with commas."""
    revealed: str
    """What was shown although it would always be covered, with commas."""
    why_revealed: str
    outcome: str
    """In words; where there is no copy, why."""


def copies_in(folder: Path, rung: str) -> Path:
    """Where in a case the copies of one rung lie."""
    return folder / "review" / rung


def strip_in(folder: Path, video: str) -> Path:
    """Where in a case the strip of a content lies, if there is one."""
    return copies_in(folder, "strips") / "strips" / f"{video[:16]}.jpg"


class ReviewLog:
    """The attempts of one case, in their order."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def note(self, copied: Copied) -> None:
        """Add one."""
        place = None if copied.path is None else os.fsencode(copied.path)
        with self._catalogue.writing() as writing:
            writing.execute(
                "INSERT INTO review_copies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(copied.video, copied.at, place, copied.sha256, copied.style, copied.covers),
                    *(copied.revealed, copied.why_revealed, copied.outcome),
                ),
            )

    def all(self, video: str | None = None) -> list[Copied]:
        """Every attempt, or every one at this content."""
        # A case from before there were review copies, opened to be read, has no such table.
        if self._catalogue.one("SELECT 1 FROM sqlite_master WHERE name = 'review_copies'") is None:
            return []
        rows = self._catalogue.all(
            "SELECT * FROM review_copies WHERE ?1 IS NULL OR video = ?1 ORDER BY rowid", (video,)
        )
        return [
            Copied(of, at, None if path is None else Path(os.fsdecode(path)), *rest) for of, at, path, *rest in rows
        ]

    def let_go(self, folder: Path, video: str) -> None:
        """Remove from a case what was made of a content, since it is sealed; the log keeps that it was made.

        Copies that somebody had made elsewhere are theirs.
        """
        strip = strip_in(folder, video)
        gone = [strip, strip.parent.with_name("index.html")]  # the page beside strips may be about this one
        for copied in self.all(video):
            # A case may have been moved since, so a copy is looked for by its name; another's may have the same.
            names = [] if copied.path is None else (folder / "review").glob(f"*/{escape(copied.path.name)}")
            for path in names:
                if sha256_of(path) == copied.sha256:
                    gone += [path, path.with_name(f"{path.name}.json")]
        for path in gone:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise no_room(path, error) from error
