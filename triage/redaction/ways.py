"""Where a box of one look is on the pictures after it, or before it, as far as it can be followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triage.redaction.motion import Corners, Luma, Picture, cropped, likeness, moved

LOST_SPEED, MOST_LOST = 2.0, 1.0
"""Sizes by which a box grows on each side in a second while it is lost, beside going on as it went; and at the most."""
GOES_ON_MS = 400
"""How long a lost box goes on as it went."""
SURE_MS, DRIFT = 200, 0.4
"""Between two looks: how long a followed box is trusted, and sizes by which it grows on each side in a second after."""
ALONE_DRIFT, MOST_ALONE = 1.0, 0.5
"""With a look on one side only: sizes by which it grows in a second, though followed, and at the most. The features of
a head that turns run over half its width in a third of a second, and the box with them."""
SMALLEST, LARGEST = 0.5, 3.0
"""Times as large as at its look: what seems to become smaller or larger was not followed."""
SAME = 0.6
"""Correlation with its look from which something still looks as it did there."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a box is, coming from one side."""

    box: Corners
    away_ms: int = 0
    """From its look."""
    lost_ms: int = 0
    """How long it has been lost; ``box`` is then where it would be had it gone on."""
    speed: Corners | float = 0.0
    """Of its middle, in pixels of the small copy a ms; twice x, y, as corners have it."""

    def unsure(self, *, is_alone: bool) -> float:
        """In sizes: how far it may be from there on each side."""
        lost = min(LOST_SPEED * self.lost_ms / 1000, MOST_LOST)
        if is_alone:
            return min(ALONE_DRIFT * self.away_ms / 1000, MOST_ALONE) + lost
        return DRIFT * max(0, self.away_ms - SURE_MS) / 1000 + lost


def followed(
    pictures: Sequence[Picture], box: Corners, tail_ms: int | None = None, *, around: float = 0.0
) -> list[Place | None]:
    """Where a box is on these pictures, of which the first is the one looked at; None beyond a cut.

    Args:
        box: at the look, in pixels of the small copies.
        tail_ms: how far from the look the box must look as it did there, or the rest is None; None: nowhere.
        around: sizes on each side that are followed with it.
    """
    places: list[Place | None] = [None] * len(pictures)
    here, place = pictures[0], Place(box)
    places[0] = place
    looked = cropped(here.luma, box)
    for number, there in enumerate(pictures[1:], 1):
        if there.is_flash:
            places[number] = place
            continue
        before, place = place, _next(place, box, here, there, around)
        begins_shot = (here if here.time_ms > there.time_ms else there).begins_shot
        # Where pictures are missing, the next one is another shot by every measure but that the same is in it.
        if begins_shot and not _is_still_there(cropped(here.luma, before.box), place, there):
            break
        if tail_ms is not None and place.away_ms > tail_ms and not _is_still_there(looked, place, there):
            break
        places[number] = place
        here = there
    return places


def gone_on(pictures: Sequence[Picture], places: Sequence[Place | None]) -> list[Place | None]:
    """Where a box would be had it gone on as it went while it still looked as at its look; None: it still does.

    What passes in front of something takes the box along.
    """
    gone: list[Place | None] = [None] * len(places)
    look = trusted = places[0]
    if look is None or trusted is None:
        return gone
    looked = cropped(pictures[0].luma, look.box)
    for number, (picture, place) in enumerate(zip(pictures, places, strict=True)):
        if place is None or _is_still_there(looked, place, picture):
            trusted = place or trusted
            continue
        way = _shift(look.box, trusted.box) / max(trusted.away_ms, 1)
        gone[number] = Place(trusted.box + way * (place.away_ms - trusted.away_ms), place.away_ms)
    return gone


def _next(place: Place, look: Corners, here: Picture, there: Picture, around: float) -> Place:
    passed_ms = abs(there.time_ms - here.time_ms)
    away_ms = place.away_ms + passed_ms
    wider = _grown(place.box, around)
    found = None if place.lost_ms else moved(here.luma, there.luma, wider)
    if found is None or not SMALLEST <= (found[2] - found[0]) / ((look[2] - look[0]) * (1 + 2 * around)) <= LARGEST:
        further_ms = max(0, min(passed_ms, GOES_ON_MS - place.lost_ms))
        return Place(place.box + place.speed * further_ms, away_ms, place.lost_ms + passed_ms, place.speed)
    box = _grown(found, -around / (1 + 2 * around))
    return Place(box, away_ms, speed=0.5 * place.speed + 0.5 * _shift(place.box, box) / max(passed_ms, 1))


def _is_still_there(looked: Luma | None, place: Place, picture: Picture) -> bool:
    now = None if place.lost_ms else cropped(picture.luma, place.box)
    return looked is not None and now is not None and likeness(looked, now) >= SAME


def _shift(before: Corners, after: Corners) -> Corners:
    """How far the middle has gone. A box that goes on keeps its size: one that shrank would soon be inside out."""
    by = after - before
    return np.tile((by[:2] + by[2:]) / 2, 2)


def _grown(box: Corners, share: float) -> Corners:
    by: npt.NDArray[np.float64] = (box[2:] - box[:2]) * share
    return np.concatenate([box[:2] - by, box[2:] + by])
