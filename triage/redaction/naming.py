"""Final names of copies: told from their originals', never the same for two originals, harmless in any file system."""

from __future__ import annotations

from pathlib import Path

from triage.names import shown
from triage.redaction.quarantine import sidecar_of
from triage.redaction.sidecar import load_sidecar

ENDING, PICTURE_ENDING = ".review.mp4", ".review.png"
"""Of copies of videos and of still pictures."""
MOST_BYTES = 160
"""Of an original's name that is kept: file systems take 255, and hidden names around a copy's are longer."""
FORBIDDEN = str.maketrans(dict.fromkeys('<>:"\\|?*', "_"))
"""Characters that other systems' file systems do not take, where a reviewer may work."""


class Names:
    """The names that are given out in one folder."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._given: dict[str, str] = {}

    def target(self, name: str, video: str, ending: str = ENDING) -> Path:
        """Where the copy of this original goes: by its name, and by its hash too where that name is another's.

        Args:
            name: of the original, with its ending.
            video: its SHA-256.
        """
        stem = _stem(name)
        for candidate in (f"{stem}{ending}", f"{stem}.{video[:8]}{ending}"):
            target = self._place / candidate
            holder = self._given.get(candidate.casefold()) or original_of(target)
            if holder in {None, video}:
                break
        self._given[target.name.casefold()] = video
        return target


def original_of(copy: Path) -> str | None:
    """SHA-256 of what a copy that stands there was made of; None: it stands nowhere, or is none of ours."""
    row = load_sidecar(sidecar_of(copy)) if copy.exists() else None
    return None if row is None else str(row["original"]["sha256"])


def _stem(name: str) -> str:
    kept = shown(Path(name).stem).translate(FORBIDDEN).lstrip(".").strip() or "video"
    return kept.encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore")
