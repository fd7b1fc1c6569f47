"""What is kept in the catalogue and is on record too: both, whatever happens between the two.

The catalogue comes first. One transaction holds the row and a note that its line is still to be written; then the line
is added to ``audit.jsonl`` and the note is taken away. A program that is killed in between leaves a row whose line is
missing and a note that says so: the next to write adds the line, and ``triage verify`` names it until then. The other
way round the log would tell of decisions that nobody can find, and a line cannot be taken back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from triage.case.audit import AuditKind, AuditLog, Head
from triage.case.catalogue import Catalogue, Writing
from triage.errors import CaseError

KEPT_AS = "kept_as"
"""In a line: under which number its note stood in the catalogue, so that no line is added twice."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A transaction whose rows are on record too."""

    rows: Writing
    noted: list[int] = field(default_factory=list)
    """Numbers of the notes."""

    def line(self, kind: AuditKind, author: str, what: Mapping[str, Any]) -> None:
        """Have this line added once the rows are kept."""
        noted = self.rows.execute(
            "INSERT INTO to_log (author, kind, what) VALUES (?, ?, ?)", (author, kind.value, json.dumps(dict(what)))
        )
        assert noted.lastrowid is not None, "a row was put in"
        self.noted.append(noted.lastrowid)


class Recorder:
    """Writes to a catalogue and its log."""

    def __init__(self, catalogue: Catalogue, audit: AuditLog) -> None:
        self._catalogue = catalogue
        self._audit = audit

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One transaction, all of it or nothing, and the lines after it.

        Raises:
            CaseFullError, CaseError: nothing was kept; or it was kept, and the line will be added by the next to write.
        """
        with self._catalogue.writing() as rows:
            recording = Recording(rows)
            yield recording
        try:
            self.catch_up(recording.noted)
        except CaseError as error:
            raise type(error)(f"it is kept, and its line in the log is still to be written: {error}") from error

    def catch_up(self, own: list[int] | None = None) -> None:
        """Add the lines that are still to be added, also those of a program that was stopped before it could.

        Args:
            own: notes of this very moment, whose lines nobody can have begun to write.

        Raises:
            CaseFullError, CaseError: the log or the catalogue cannot be written.
        """
        if not self.waiting():
            return
        with self._audit.adding() as add:
            waiting = self.waiting()  # another may have added them while we waited for the log
            fresh = set(own or [])
            is_old = any(number not in fresh for number, *_ in waiting)
            there = {_spelt(entry.what) for entry in self._audit.entries()} if is_old else set()
            for number, author, kind, what in waiting:
                line = {**what, KEPT_AS: number}
                if _spelt(line) not in there:
                    add(AuditKind(kind), author, line)
            if waiting:
                self._note_seen([number for number, *_ in waiting])

    def put(self, kind: AuditKind, author: str, what: Mapping[str, Any]) -> None:
        """Add a line about what is not kept as a row, such as a scan, and have the catalogue know of it.

        Raises:
            CaseFullError, CaseError: it cannot be written.
        """
        with self._audit.adding() as add:
            add(kind, author, what)
            self._note_seen([])

    def seen(self) -> Head | None:
        """The newest line that the catalogue knows of; None: it knows of none."""
        found = self._catalogue.one("SELECT * FROM log_seen") if self._catalogue.has("log_seen") else None
        return None if found is None else Head(*found)

    def _note_seen(self, written: Iterable[int]) -> None:
        """Know the newest line, and that these notes have theirs. Whoever calls this has the log to themselves."""
        head = self._audit.head()
        with self._catalogue.writing() as writing:
            writing.executemany("DELETE FROM to_log WHERE number = ?", [(number,) for number in written])
            writing.execute("DELETE FROM log_seen")
            writing.execute("INSERT INTO log_seen VALUES (?, ?)", head)

    def waiting(self) -> list[tuple[int, str, str, dict[str, Any]]]:
        """What is kept and not on record yet: number of the note, author, kind, what."""
        if not self._catalogue.has("to_log"):
            return []
        found = self._catalogue.all("SELECT number, author, kind, what FROM to_log ORDER BY number")
        return [(number, author, kind, json.loads(what)) for number, author, kind, what in found]


def _spelt(what: Mapping[str, Any]) -> str:
    return json.dumps(dict(what), sort_keys=True)
