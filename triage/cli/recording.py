"""What the commands put on a case's record, ``audit.jsonl``: a line or two for each run, never one for each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from triage.case.audit import AuditKind, who
from triage.case.store import Case
from triage.cli.console import say
from triage.durable import sha256_of
from triage.errors import CaseError, CaseFullError
from triage.names import shown
from triage.records import Covered

Word = TypeVar("Word", bound=StrEnum)
"""What became of a file."""


def scan_begins(case: Case, roots: Sequence[Path], files: int, settings: str, copies: int) -> None:
    """Before anything is looked at, so that a scan that is killed is on record too.

    Args:
        copies: review copies in the dumps, which are left out.

    Raises:
        CaseFullError, CaseError: it cannot be put on record.
    """
    what = {
        "step": "begins",
        "dumps": [str(root) for root in roots],
        "files": files,
        "copies_left_out": copies,
        "settings": settings,
    }
    case.recorder.put(AuditKind.SCAN, who(), what)


def scan_ends(case: Case, became: Mapping[Word, int], footage_ms: int, settings: str, *, interrupted: bool) -> None:
    """With a hash over the hashes of all reports, by which ``triage verify`` sees whether one was changed.

    Raises:
        CaseFullError, CaseError: it cannot be put on record.
    """
    case.hashes.adopt()
    anchor = case.hashes.anchors()[-1]
    what = {
        "step": "ends",
        "became": {str(what): number for what, number in became.items() if number},
        "footage_ms": footage_ms,
        "settings": settings,
        "interrupted": interrupted,
        "reports": anchor.reports,
        "reports_sha256": anchor.sha256,
    }
    case.recorder.put(AuditKind.SCAN, who(), what)


def matched(case: Case, model: str, compared: int) -> None:
    """That contents of the case were compared with each other.

    Args:
        compared: how many were new.

    Raises:
        CaseFullError, CaseError: it cannot be put on record.
    """
    what = {"model": model, "compared": compared, "overlaps": len(case.copies.within())}
    case.recorder.put(AuditKind.MATCH, who(), what)


def matched_bank(case: Case, bank: Mapping[str, str], *, compared: int, found: int, gone: int) -> None:
    """That they were compared with a bank.

    Args:
        bank: name, id and folder.
        compared: contents that were looked up.
        found: videos in which a clip was found that was not known there before; ``gone``: no longer known.

    Raises:
        CaseFullError, CaseError: it cannot be put on record.
    """
    what = {**bank, "compared": compared, "found": found, "gone": gone}
    case.recorder.put(AuditKind.BANK, who(), what)


def reveals(case: Case | None, revealed: Sequence[Covered], why: str, out: Path, videos: Sequence[str | None]) -> None:
    """Before anything is shown that would always be covered; nothing is revealed that is not on record.

    Raises:
        CaseFullError, CaseError: it cannot be put on record.
    """
    if case is not None and revealed:
        what = {
            "revealed": [one.value for one in revealed],
            "why": why,
            "out": str(out.absolute()),
            "videos": [video for video in videos if video is not None],
        }
        case.recorder.put(AuditKind.REVEAL, who(), what)


def made(case: Case | None, form: str, out: Path, became: Mapping[Word, int], *, interrupted: bool) -> None:
    """Review copies or contact sheets.

    Args:
        form: ``review copies in solid``, ``contact sheets``.

    Raises:
        CaseFullError, CaseError: it cannot be put on record.
    """
    if case is not None:
        what = {
            "form": form,
            "out": str(out.absolute()),
            "became": {str(what): number for what, number in became.items() if number},
            "interrupted": interrupted,
        }
        case.recorder.put(AuditKind.COPY, who(), what)


def handed_out(case: Case, kind: AuditKind, what: str, out: Path | None) -> None:
    """An export or a report, with the hash of the file. A case that may only be read can be exported all the same.

    Raises:
        CaseFullError: there is no room for a line.
    """
    is_file = out is not None and out.is_file()
    line = {
        "what": what,
        "out": "stdout" if out is None else str(out.absolute()),
        "sha256": sha256_of(out) if out is not None and is_file else None,
    }
    try:
        case.audit.add(kind, who(), line)
    except CaseFullError:
        raise
    except CaseError as error:
        say(f"Mind: this is not on the record of {shown(case.folder)}: {error}")
