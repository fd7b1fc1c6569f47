"""Dumps that were moved between two scans: what lay elsewhere is not asked for there any more.

A path outside the dumps of a scan may be gone for good, or on a disk that is not plugged in today. Only where the same
bytes are met elsewhere and the old path leads nowhere were they moved; and with one file that was, whatever else lay
below the same folder and is now below the other.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from triage.archive import archive_of
from triage.case.catalogue import Writing


class Moves:
    """What one scan finds moved."""

    def __init__(self) -> None:
        self._lay: dict[str, list[bytes]] = defaultdict(list)
        self._unread: list[bytes] = []
        self._followed: set[tuple[bytes, bytes]] = set()

    def begin(self, outside: Iterable[tuple[bytes, str]]) -> None:
        """Note what is known outside the dumps of the scan that begins.

        Args:
            outside: path and SHA-256; that is empty where the bytes were never read.
        """
        self._lay.clear()
        self._unread.clear()
        self._followed.clear()
        for path, video in outside:
            if video:
                self._lay[video].append(path)
            else:
                self._unread.append(path)

    def note(self, writing: Writing, place: bytes, video: str) -> None:
        """These bytes lie here; where they are no longer is kept as past, and what lay beside them is followed."""
        for old in self._lay.pop(video, []):
            if is_gone(old):
                writing.execute("UPDATE places SET is_there = 0 WHERE path = ? AND video = ?", (old, video))
                self._follow(writing, *_folders(old, place))

    def _follow(self, writing: Writing, before: bytes, now: bytes) -> None:
        """What was never read below the one folder, and is below the other now, is not waited for where it was."""
        if (before, now) in self._followed:
            return
        self._followed.add((before, now))
        for old in self._unread:
            if old.startswith(before + b"/") and is_gone(old):
                writing.execute(
                    "DELETE FROM places WHERE path = ?1 AND video = '' "
                    "AND EXISTS (SELECT 1 FROM places WHERE path = ?2 AND is_there)",
                    (old, now + old.removeprefix(before)),
                )


def is_gone(path: bytes) -> bool:
    """Whether nothing lies there, as far as the system lets us see; a member of an archive lies where that does."""
    try:
        os.lstat(archive_of(Path(os.fsdecode(path))) or path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _folders(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The folders that one path was moved from and to: what is left where both no longer end in the same names."""
    before, now = old.split(b"/"), new.split(b"/")
    while before and now and before[-1] == now[-1]:
        before.pop()
        now.pop()
    return b"/".join(before), b"/".join(now)
