"""One picture -> the same, covered, and searched until nothing of what was asked for is found in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.covering import Wish
from triage.errors import DetectorError, RedactionError
from triage.findings.detector import Detector
from triage.records import Cover, Frame
from triage.redaction.check import Leak, covered_whole, mended
from triage.redaction.mark import stamp_picture
from triage.redaction.styles.rectangles import Image
from triage.redaction.styles.registry import cover
from triage.redaction.styling import by_style
from triage.searching import find_leaks


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """A picture that may be shown."""

    image: Image
    """(H, W, 3) BGR, read-only."""
    covers: tuple[Cover, ...]
    mended: tuple[Leak, ...]
    """What the first search found, and was covered."""
    covered_whole: tuple[Leak, ...]
    """What the second still found, so that all of it is covered."""


def masked(frame: Frame, covers: Sequence[Cover], wish: Wish, searchers: Sequence[Detector]) -> Masked:
    """Cover a picture; what a search then finds is covered too, and if something is found once more, all of it.

    It is searched as it will be shown, with its mark.

    Args:
        frame: as it was decoded.
        covers: all that are shown at its time.

    Raises:
        RedactionError: nobody could search it.
    """
    found: list[tuple[Leak, ...]] = []
    covers = tuple(covers)
    for mend in (mended, covered_whole):
        image = _covered(frame, covers, wish)
        try:
            shown = Frame(frame.video, frame.time_ms, image)
            leaks = tuple(find_leaks(shown, covers, wish.wanted, wish.style, searchers))
        except DetectorError as error:
            raise RedactionError(f"what was covered could not be searched: {error}; nothing was kept of it") from error
        found.append(leaks)
        if not leaks:
            break
        covers = (*covers, *mend(leaks, 1))
        image = _covered(frame, covers, wish)
    return Masked(image, covers, found[0], found[1] if len(found) > 1 else ())


def _covered(frame: Frame, covers: Sequence[Cover], wish: Wish) -> Image:
    image = frame.image.copy()
    cover(image, by_style(covers, wish.style, (frame.video.width_px, frame.video.height_px)))
    if wish.has_mark:
        stamp_picture(image)
    image.flags.writeable = False
    return image
