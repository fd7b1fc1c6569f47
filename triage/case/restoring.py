"""A catalogue that was lost, damaged or set aside, filled again from the log beside it.

What is kept in the catalogue and is on record is in the log with all that it holds: decisions, team rules, handover
notes. Reports lie in files of their own, and a scan takes them in again. The rest (who saw how much, which review
copies were made) was in the catalogue alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.case import decisions, exposure
from triage.case.audit import MOST_NUMBER, AuditKind, Entry
from triage.case.catalogue import RowRefused, Writing
from triage.case.recording import KEPT_AS

RESTORED = {
    AuditKind.DECISION: decisions.restore,
    AuditKind.UNDO: decisions.restore,
    AuditKind.SETTINGS: exposure.restore_rules,
    AuditKind.HANDOVER: exposure.restore_handover,
}
"""What puts the row back that a line of this kind tells of."""


def restore(rows: Writing, entries: Sequence[Entry]) -> int:
    """Put back, under its own number, every row that the log tells of; the tables are new.

    Returns:
        How many; a line that was tampered with may tell of none, and ``triage verify`` names it.
    """
    told = [entry for entry in entries if entry.kind in RESTORED and KEPT_AS in entry.what]
    put_back = [entry for entry in told if _is_put_back(rows, AuditKind(entry.kind), entry.what)]
    notes = [note for entry in told if type(note := entry.what[KEPT_AS]) is int and 0 < note <= MOST_NUMBER]
    if notes:
        # The next note gets a number that no line has yet.
        rows.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('to_log', ?)", (max(notes),))
    return len(put_back)


def _is_put_back(rows: Writing, kind: AuditKind, what: Mapping[str, Any]) -> bool:
    row = {key: value for key, value in what.items() if key != KEPT_AS}
    try:
        RESTORED[kind](rows, row)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, RowRefused):
        return False
    return True
