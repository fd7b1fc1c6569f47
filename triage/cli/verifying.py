"""``verify``: whether a case is what was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from triage.case.audit import Head
from triage.case.chain import Checked
from triage.case.checking import (
    Remark,
    check_catalogue,
    check_copies,
    check_decisions,
    check_log,
    check_original,
    check_reports,
)
from triage.case.hashes import files
from triage.case.store import Case, open_case
from triage.cli.console import tell
from triage.cli.progress import counting
from triage.errors import UsageError
from triage.phrases import counted

MOST_NOTES = 20
"""Of each part, how many things are named that are worth knowing; what is wrong is all named."""


def run(folder: Path, head: str, *, originals: bool) -> bool:
    """Check everything, and say what was found.

    Args:
        head: a newest line that somebody wrote down, as this command prints it; empty: none.
        originals: whether to read every original.

    Returns:
        Whether something is wrong.

    Raises:
        UsageError: there is no case, or ``head`` cannot be meant.
        CaseError: the case cannot be read at all.
    """
    known = _head(head)
    with open_case(folder) as case:
        checked, remarks = check_log(case, known)
        wrong = _say(_log_words(checked, remarks), remarks)
        remarks = check_catalogue(case)
        wrong += _say("The catalogue is whole." if not remarks else "The catalogue is damaged:", remarks)
        remarks = check_decisions(case)
        made = counted(len(case.decisions.every()), "decision", "decisions")
        wrong += _say(f"{_first(made)}, with rules and handover notes, held against the log.", remarks)
        found = list(files(case.folder))
        remarks = list(check_reports(case, counting(found, len(found), "report", "reports")))
        wrong += _say(f"{_first(counted(len(found), 'report or seal', 'reports and seals'))} read.", remarks)
        remarks = list(check_copies(case))
        copies = len({copied.path for copied in case.review.all() if copied.path is not None})
        wrong += _say(f"{_first(counted(copies, 'review copy', 'review copies'))} looked for.", remarks)
        wrong += _originals(case, read=originals)
    if checked.hashes:
        tell(f"The newest line of the log is {checked.head.number}:{checked.head.sha256}")
        tell("Write that down where this case is not: only with it can a log be told from one that was cut (--head).")
    tell("Nothing is wrong." if not wrong else f"{counted(wrong, 'thing is', 'things are')} wrong.")
    return bool(wrong)


def _originals(case: Case, *, read: bool) -> int:
    places = case.places()
    one, many = ("original read", "originals read") if read else ("original looked at", "originals looked at")
    remarks = [
        remark
        for path, video, stamp in counting(places, len(places), one, many)
        for remark in check_original(case, path, video, stamp, read=read)
    ]
    number = counted(len(places), "original", "originals")
    words = f"{number} read, but for what is missing or sealed." if read else f"{number} looked for, and not read."
    return _say(words, remarks)


def _head(text: str) -> Head | None:
    if not text:
        return None
    meant = re.fullmatch(r"(\d{1,12}):([0-9a-f]{64})", text.strip())
    if meant is None:
        raise UsageError("--head: it is the number and the hash of a line, as verify prints them: 57:2c26b4…")
    return Head(int(meant[1]), meant[2])


def _log_words(checked: Checked, remarks: Sequence[Remark]) -> str:
    lines = counted(len(checked.hashes), "line", "lines")
    return f"The log has {lines}, and its chain {'is broken' if _wrong(remarks) else 'holds'}."


def _say(words: str, remarks: Iterable[Remark]) -> int:
    """Say what was met.

    Returns:
        How much of it is wrong.
    """
    tell(words)
    met = list(remarks)
    wrong, notes = _wrong(met), [remark for remark in met if not remark.is_wrong]
    for line in [*_lines("WRONG", wrong), *_lines("note", notes[:MOST_NOTES])]:
        tell(line)
    if len(notes) > MOST_NOTES:
        tell(f"  note   and {len(notes) - MOST_NOTES} more like these")
    return len(wrong)


def _wrong(remarks: Iterable[Remark]) -> list[Remark]:
    return [remark for remark in remarks if remark.is_wrong]


def _lines(head: str, remarks: Iterable[Remark]) -> Iterator[str]:
    for remark in remarks:
        yield f"  {head:<6} {remark.where}{' ' if remark.where else ''}{remark.why}"


def _first(words: str) -> str:
    return words[0].upper() + words[1:]
