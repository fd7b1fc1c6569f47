"""What there is to be exported of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from triage.case.decisions import Decision
from triage.case.rows import Row


def _unheard(_: str) -> None:
    """For whoever wants no remarks."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an exporter takes from."""

    rows: Iterable[Row]
    """Of every content, as ``Case.rows`` gives them; read once."""
    decisions: Sequence[Decision] = ()
    """All that people decided, in order, also what was superseded or undone."""
    with_authors: bool = False
    """Whether those who decided may be named."""
    remark: Callable[[str], None] = _unheard
    """Told, in sentences, what is not in the export and why."""
