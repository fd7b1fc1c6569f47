"""Cases as earlier versions left them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from triage.case.audit import AUDIT
from triage.case.catalogue import CATALOGUE

NEWER: tuple[tuple[str, ...], ...] = (
    ("overlaps", "matched", "banks"),
    ("review_copies",),
    ("decisions", "exposures", "team_rules", "handovers", "to_log", "log_seen", "report_hashes"),
)
"""The tables that came with format 2, 3 and 4."""


def turn_back(folder: Path, version: int) -> None:
    """Make a case look as if a version had left it that knew the catalogue's format ``version`` and no newer one."""
    catalogue = sqlite3.connect(folder / CATALOGUE)
    for tables in NEWER[version - 1 :]:
        for table in tables:
            catalogue.execute(f"DROP TABLE {table}")
    catalogue.execute(f"PRAGMA user_version = {version}")
    catalogue.commit()
    catalogue.close()
    (folder / AUDIT).unlink()
