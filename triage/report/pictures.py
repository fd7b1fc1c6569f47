"""The pictures that a report may show, one rung at a time: a strip, a drawing, a covered copy. Never an original."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from triage.case.decisions import Rung
from triage.case.review import Copied
from triage.names import shown
from triage.records import Style
from triage.report.folder import Folder

TITLES: Mapping[Rung, str] = {Rung.STRIP: "strip", Rung.DRAWING: "drawing", Rung.BLURRED: "covered copy"}
ENDINGS: Mapping[str, bool] = {".mp4": True, ".png": False}
"""Of copies that are taken, and whether they move."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One rung of one video."""

    rung: Rung
    name: str
    """Of the file, within the report."""
    is_moving: bool
    words: str
    """How it was made."""

    @property
    def title(self) -> str:
        return TITLES[self.rung]


def strip_name(video: str) -> str:
    return f"strips/{video[:16]}.jpg"


def strip_of(video: str) -> Picture:
    """The rung for a strip that ``triage sheet`` or ``--strips`` has made."""
    words = "a few pictures that stand for the video, drawn, and with faces covered"
    return Picture(Rung.STRIP, strip_name(video), False, words)


def may_be_taken(made: Iterable[Copied]) -> dict[Rung, Copied]:
    """Of one video's copies the last at each rung; one in which something was revealed is not handed on.

    Args:
        made: in the order in which they were made.
    """
    chosen: dict[Rung, Copied] = {}
    for copied in made:
        if copied.path is not None and copied.sha256 and not copied.revealed and copied.path.suffix in ENDINGS:
            chosen[Rung.DRAWING if copied.style == Style.DRAWING else Rung.BLURRED] = copied
    return chosen


def take_copy(copied: Copied, rung: Rung, folder: Folder) -> Picture | None:
    """Copy a review copy into the report; None: it is gone, or is no longer what was searched and listed.

    Raises:
        OSError: the report cannot be written.
    """
    assert copied.path is not None, "only what was made is taken"
    name = f"copies/{copied.video[:16]}-{rung.value}{copied.path.suffix}"
    target = folder.place_of(name)
    found = hashlib.sha256()
    try:
        source = copied.path.open("rb")
    except OSError:
        return None
    with source, target.open("wb") as file:
        while piece := source.read(1 << 20):
            found.update(piece)
            file.write(piece)
    if found.hexdigest() != copied.sha256:
        target.unlink()
        return None
    folder.adopt(name)
    words = f"a review copy in the style {shown(copied.style)}, covering {shown(copied.covers).replace(',', ', ')}"
    return Picture(rung, name, ENDINGS[target.suffix], words.replace("_", " "))
