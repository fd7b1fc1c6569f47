"""What the search of a written copy means: which of its finds are covered, which leak, and how leaks are mended.

A find counts as hidden where covers of a style that suits it hide most of it. What is left is a leak, whether it is
really a face or only looks like one: a doubt covers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from triage.geometry import Box
from triage.phrases import clock
from triage.records import Cover, Covered, Finding, Label, Role, Style, Track
from triage.redaction.heads import heads
from triage.redaction.motion import Luma
from triage.redaction.plan import LABELS
from triage.redaction.styling import IDENTITY, IRREVERSIBLE, style_of
from triage.redaction.trails import Sight, Trail

HIDDEN = 0.8
"""Share of a find that must lie within covers."""
POINTS = 24
"""Along either side of a find, at which it is asked whether it is covered; 1/24 of a face is nothing to be seen."""
GROWN = 0.5
"""Of its width and height, that a leak is covered beyond on each side: nobody follows it between two looks."""
ADULT = 0.6
"""Intersection over union of a face in a copy with an adult's, from which it is that one, and may be shown."""
FLAT, LEAST_PX = 8.0, 3
"""Mean distance from the median, in levels of luma, up to which pixels are flat; and how many there must be across."""
EDGE_PX, EDGE = 2, 0.1
"""What is left out along each edge of a box: pixels of the small copy, or of its sides if that is more."""
MARK_WIDTH, MARK_HEIGHT = 0.65, 0.3
"""Of the picture, from the right and from the top, where the mark may be."""
FACES = frozenset({Covered.FACES, Covered.MINOR_FACES})
ROLES = {
    Covered.GRAPHIC: Role.GRAPHIC,
    Covered.MINOR_FACES: Role.FACES,
    Covered.FACES: Role.FACES,
    Covered.PEOPLE: Role.PEOPLE,
    Covered.WEAPONS: Role.WEAPONS,
}
"""What looks for each in a copy."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Something in a written copy that should have been covered, or looks as if."""

    time_ms: int
    """On the clock of the original."""
    box: Box
    """In pixels of the original."""
    label: Label
    detector: str

    def __str__(self) -> str:
        return f"{self.label.value.replace('_', ' ')} at {clock(self.time_ms)}, found by {self.detector}"


class Adults:
    """Faces of adults that may be shown, since only those of possible minors are covered."""

    def __init__(self, tracks: Sequence[Track], near_ms: int) -> None:
        self._sights = sorted(
            (head.sight.time_ms, head.sight.box.xyxy) for looks in heads(tracks) for head in looks if head.is_adult
        )
        self._times = [time_ms for time_ms, _ in self._sights]
        self._near_ms = near_ms

    def shows(self, time_ms: int, face: Box) -> bool:
        """Whether an adult's face was seen just there, at the nearest looks."""
        first = bisect_left(self._times, time_ms - self._near_ms)
        last = bisect_right(self._times, time_ms + self._near_ms)
        return any(face.overlap(Box(*corners)) >= ADULT for _, corners in self._sights[first:last])


def leaks(
    found: Iterable[Finding],
    covers: Sequence[Cover],
    wanted: Collection[Covered],
    style: Style,
    picture_wh: tuple[int, int],
    adults: Adults | None = None,
) -> list[Leak]:
    """What of these finds in one picture of a copy is not hidden.

    Args:
        found: times and boxes are those of the original.
        covers: all that are shown at that time.
        wanted: what the copy must not show.
        style: of the copy.
        picture_wh: of the original; what lies beyond it need not be covered.
        adults: whose faces may be shown; None: nobody's.
    """
    leaking = []
    for seen in found:
        what = _what(seen.label, wanted)
        if what is None or (adults is not None and what in FACES and adults.shows(seen.time_ms, seen.box)):
            continue
        if style_of(what, style) is Style.DRAWING:
            continue  # the whole picture is drawn, and nothing of it is to be hidden beyond that
        hiding = [cover for cover in covers if _hides(cover, what, style)]
        if _hidden_share(seen.box, hiding, picture_wh) < HIDDEN:
            leaking.append(Leak(seen.time_ms, seen.box, seen.label, seen.detector))
    return leaking


def trails(leaking: Iterable[Leak], wanted: Collection[Covered]) -> list[Trail]:
    """Leaks as sights to plan with: what one search saw once can be followed from there, and may never be seen again.

    Nobody judged the age of whose face was missed, so it may be a minor's.
    """
    found = []
    for leak in leaking:
        what = _what(leak.label, wanted)
        if what in FACES and Covered.MINOR_FACES in wanted:
            what = Covered.MINOR_FACES
        if what is not None:
            found.append(Trail.of(what, f"it was found in the written copy: {leak}", [Sight(leak.time_ms, leak.box)]))
    return found


def mended(leaking: Iterable[Leak], span_ms: int) -> list[Cover]:
    """Covers over leaks and around them, from so long before to so long after."""
    return [
        _cover(leak, span_ms, leak.box.grown(GROWN), f"it was found in the written copy: {leak}") for leak in leaking
    ]


def covered_whole(leaking: Iterable[Leak], span_ms: int) -> list[Cover]:
    """Whole pictures instead, where covering leaks was not enough."""
    return [_cover(leak, span_ms, None, f"it was still found in the written copy: {leak}") for leak in leaking]


def shows_through(small: Luma, covers: Sequence[Cover], style: Style, picture_wh: tuple[int, int]) -> Cover | None:
    """A cover that is not there in a picture of the copy, as far as that can be told without a model.

    What is solid is flat. That holds for boxes that no other style reaches into, but for their edges, which coding and
    the mark of a copy disturb.

    Args:
        small: (h, w) luma of the written picture.
        covers: all that are shown at that time.
        style: of the copy.
        picture_wh: of the original, in whose pixels covers are.
    """
    solid = [cover for cover in covers if style_of(cover.what, style) is Style.SOLID]
    softer = [
        cover.box for cover in covers if cover.box and style_of(cover.what, style) not in {Style.SOLID, Style.DRAWING}
    ]
    whole = Box(0, 0, *picture_wh)
    for cover in solid:
        box = cover.box or whole
        if not any(box.meets(other) for other in softer) and not _is_flat(_inner(small, box, picture_wh)):
            return cover
    return None


def _inner(small: Luma, box: Box, picture_wh: tuple[int, int]) -> Luma:
    """What of a box surely shows nothing else, in the small copy; it may be empty."""
    height, width = small.shape
    spans = []
    for start, stop, longest, length in (
        (box.y0, box.y1, picture_wh[1], height),
        (box.x0, box.x1, picture_wh[0], width),
    ):
        first, last = (min(max(side, 0.0), longest) * length / longest for side in (start, stop))
        edge = max(EDGE_PX, EDGE * (last - first))
        spans.append((int(first + edge) + 1, int(last - edge)))
    (top, bottom), (left, right) = spans
    if right > (1 - MARK_WIDTH) * width:
        top = max(top, int(MARK_HEIGHT * height) + 1)
    return small[top : max(top, bottom), left : max(left, right)]


def _is_flat(region: Luma) -> bool:
    if min(region.shape) < LEAST_PX:
        return True
    return float(np.abs(region - np.median(region)).mean()) <= FLAT


def roles_to_search(wanted: Iterable[Covered]) -> tuple[Role, ...]:
    """What must be looked for in a copy that does not show these."""
    return tuple(sorted({ROLES[what] for what in wanted if what in ROLES}))


def _cover(leak: Leak, span_ms: int, box: Box | None, why: str) -> Cover:
    return Cover(max(0, leak.time_ms - span_ms), leak.time_ms + span_ms, box, Covered.UNSEEN, why)


def _what(label: Label, wanted: Collection[Covered]) -> Covered | None:
    """As what this would have to be covered; None: it may be shown."""
    if label is Label.FACE:
        return next((what for what in (Covered.FACES, Covered.MINOR_FACES) if what in wanted), None)
    return next((what for what, labels in LABELS.items() if label in labels and what in wanted), None)


def _hides(cover: Cover, what: Covered, style: Style) -> bool:
    return what not in IDENTITY or style_of(cover.what, style) in IRREVERSIBLE


def _hidden_share(box: Box, covers: Sequence[Cover], picture_wh: tuple[int, int]) -> float:
    """How much of a box lies within any of the covers, of what of it is in the picture, in [0, 1]."""
    if any(cover.box is None for cover in covers):
        return 1.0
    x, y = (
        start + (np.arange(POINTS) + 0.5) / POINTS * (min(stop, longest) - start)
        for start, stop, longest in (
            (max(box.x0, 0.0), box.x1, picture_wh[0]),
            (max(box.y0, 0.0), box.y1, picture_wh[1]),
        )
    )
    is_hidden = np.zeros((POINTS, POINTS), np.bool_)
    for cover in covers:
        if cover.box is not None:
            rows = (y >= cover.box.y0) & (y < cover.box.y1)
            is_hidden |= rows[:, None] & ((x >= cover.box.x0) & (x < cover.box.x1))
    return float(is_hidden.mean())
