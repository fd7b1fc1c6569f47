"""What copying left in a folder, told from everything else there: a scan of the folder does not take it for evidence.

Each copy is known by its bytes, so one that was changed, or a video that somebody put beside it, is told from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from triage.durable import sha256_of
from triage.redaction.naming import ENDING, PICTURE_ENDING
from triage.redaction.quarantine import LOCK, OURS, SUFFIX, sidecar_of
from triage.redaction.sidecar import load_sidecar


@dataclass(frozen=True, slots=True)
class Left:
    """Names in a folder that are of copying."""

    copies: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    """Their sidecars, the lock, and where copies are being made."""


def left_in(folder: Path, names: Iterable[str]) -> Left:
    """What of these names copying left there; nothing, where no copies were made.

    Args:
        folder: its copies are read, to see that they are those which their sidecars describe.
        names: all that are in it.
    """
    if not _is_place(folder):
        return Left()
    copies, beside = set(), {LOCK}
    for path in (folder / name for name in names):
        if path.is_symlink():
            continue
        if _is_copy(path):
            copies.add(path.name)
            beside.add(sidecar_of(path).name)
        elif _is_quarantine(path):
            beside.add(path.name)
    return Left(frozenset(copies), frozenset(beside))


def _is_place(folder: Path) -> bool:
    lock = folder / LOCK
    try:
        return lock.is_file() and not lock.is_symlink() and not lock.stat().st_size
    except OSError:  # its path may be too long for the system where the folder's is not
        return False


def _is_copy(path: Path) -> bool:
    if not path.name.endswith((ENDING, PICTURE_ENDING)) or not path.is_file():
        return False
    row = load_sidecar(sidecar_of(path))
    try:
        return row is not None and sha256_of(path) == row["copy"]["sha256"]
    except OSError:
        return False  # what reads all other files says why


def _is_quarantine(path: Path) -> bool:
    if not path.name.startswith(".") or not path.name.endswith(SUFFIX) or not path.is_dir():
        return False
    try:
        return all(OURS.fullmatch(file.name) and not file.is_symlink() for file in path.iterdir())
    except OSError:
        return False
