"""Every content of a case in the order of its queue, told from the catalogue alone: no report is opened for it."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from triage.case.catalogue import Catalogue
from triage.errors import CaseError
from triage.names import shown
from triage.records import Queue


@dataclass(frozen=True, slots=True)
class Listed:
    """One content, or one file whose bytes could not be read."""

    video: str
    """SHA-256; empty where the bytes could not be read."""
    name: str
    """Where the bytes lie, or lay, fit to be shown; of what is sealed, its SHA-256."""
    places: int
    """Files with these bytes that are there."""
    queue: Queue
    weight: float
    """Within the queue, the heavier comes first."""
    length_ms: int
    kind: str
    """Extent of a report, or why there is none."""


class Listing:
    """The contents of one case."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self._sealed = folder / "sealed"
        self._catalogue = catalogue

    def all(self) -> list[Listed]:
        """Everything, the most urgent first, and what could not be read last.

        Raises:
            CaseError: the folder of seals cannot be entered, so it cannot be told what is sealed.
        """
        places: dict[str, list[bytes]] = defaultdict(list)
        past: dict[str, bytes] = {}
        for video, path, is_there in self._catalogue.all(
            "SELECT video, path, is_there FROM places WHERE video != '' ORDER BY path"
        ):
            if is_there:
                places[video].append(path)
            else:
                past.setdefault(video, path)
        sealed = self.marked()
        found = []
        for video, queue, weight, length_ms, kind in self._catalogue.all(
            "SELECT video, queue, weight, reached_ms, kind FROM results "
            "ORDER BY place, weight DESC, reached_ms DESC, video"
        ):
            if queue == Queue.SEALED or video in sealed:
                found.append(Listed(video, video, 0, Queue.SEALED, 0.0, 0, Queue.SEALED.value))
                continue
            lies = places.get(video, [])
            first = lies[0] if lies else past.get(video)
            name = video[:12] if first is None else shown(os.fsdecode(first))
            found.append(Listed(video, name, len(lies), Queue(queue), weight, length_ms, kind))
        found += [
            Listed("", shown(os.fsdecode(path)), 1, Queue.UNREADABLE, 0.0, 0, kind)
            for path, kind in self._catalogue.all("SELECT path, kind FROM unread ORDER BY path")
        ]
        return found

    def marked(self) -> frozenset[str]:
        """What has a seal of its own; one of two marks is enough, see ``Case.is_sealed``.

        Raises:
            CaseError: the folder of seals cannot be entered.
        """
        try:
            return frozenset(entry.name.removesuffix(".json") for entry in os.scandir(self._sealed))
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise CaseError(
                f"{self._sealed}: cannot be entered: {error.strerror}. What is sealed in this case cannot be told "
                "without it; ask whoever may read it"
            ) from error
