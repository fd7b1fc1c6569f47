"""``export``: what a case holds, for other programs."""

from __future__ import annotations

import sys
from pathlib import Path

from triage.case.audit import AuditKind
from triage.case.store import open_case
from triage.cli.console import say
from triage.cli.recording import handed_out
from triage.durable import write_stream
from triage.errors import UsageError
from triage.exports.contents import Contents
from triage.exports.registry import format_named, may_write


def run(case: Path, to: str, out: Path | None, *, with_authors: bool) -> None:
    """Write it to a file, or to stdout.

    Raises:
        UsageError: there is no such format, it cannot name authors, or something else is at ``out``.
    """
    chosen = format_named(to)
    if with_authors and not chosen.names_authors:
        raise UsageError(f"--with-authors: an export to {to} holds no decisions, so there is nobody to name")
    if out is not None and not may_write(out):
        raise UsageError(f"{out}: is there already and is no earlier export; give another name")
    with open_case(case) as opened:
        if left := opened.counts().left:
            say(f"Mind: {left} files are still to be examined and have no row yet; run the scan again.")
        contents = Contents(opened.rows(), opened.decisions.every(), with_authors=with_authors, remark=say)
        if out is None:
            for piece in chosen.write(contents):
                sys.stdout.write(piece)
            handed_out(opened, AuditKind.EXPORT, to, None)
        else:
            write_stream(out, (piece.encode() for piece in chosen.write(contents)))
            handed_out(opened, AuditKind.EXPORT, to, out)
            say(f"written: {out}")
