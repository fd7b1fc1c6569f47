"""Contact sheets: which moments of a video stand for it, laid out as one strip of small pictures with their times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np

from triage.phrases import clock
from triage.records import Label, Track
from triage.redaction.mark import TEXT
from triage.redaction.styles.rectangles import Image

MOST = 12
"""Pictures in a strip."""
MOMENTS = 6
"""Of those, at the most, moments at which something was seen best; the rest stand for shots."""
LEAST_APART_MS = 500
"""Between two pictures of a strip."""
COLUMNS = 4
TILE_PX, LOWEST_TILE_PX, HIGHEST_TILE_PX = 320, 90, 420
"""Width of a picture in a strip, and between what its height is."""
LINE_PX, GAP_PX = 22, 6
PAPER, INK = 255, 40
SAYING = (
    *(Label.BOUND_HANDS, Label.GRAPHIC, Label.LONG_GUN, Label.HANDGUN, Label.WEAPON, Label.BLADE, Label.POSSIBLE_MINOR),
    *(Label.CAMOUFLAGE, Label.TACTICAL_GEAR, Label.SERVICE_DRESS, Label.PERSON, Label.FACE),
)
"""What says more of a video comes first."""


def moments(tracks: Sequence[Track], shots_ms: Sequence[int], times_ms: Sequence[int], end_ms: int) -> list[int]:
    """Times of the pictures that stand for a video, in order.

    Args:
        tracks: what was found in it.
        shots_ms: when each shot begins.
        times_ms: of every picture, ascending.
        end_ms: of the last.
    """
    apart_ms = max(LEAST_APART_MS, end_ms // (2 * MOST))
    chosen: list[int] = []
    best = [time_ms for time_ms, _ in zip(_apart(_best(tracks), apart_ms), range(MOMENTS), strict=False)]
    for time_ms in _apart([*best, *_of_shots(shots_ms, end_ms), *_spread(end_ms)], apart_ms):
        if len(chosen) < MOST:
            chosen.append(time_ms)
    times = np.array(times_ms)
    # The picture that is shown at that time.
    places = np.maximum(np.searchsorted(times, sorted(chosen), side="right") - 1, 0)
    return sorted({int(times[place]) for place in places})


def strip(pictures: Sequence[tuple[int, Image]], pixel_aspect: float = 1.0) -> Image:
    """One picture of all these, in rows, each with its time below, and the mark of review copies below them all.

    Args:
        pictures: time in ms and (H, W, 3) BGR of each, all of one size.
        pixel_aspect: width of their pixels divided by the height.
    """
    tiles = [_tile(time_ms, image, pixel_aspect) for time_ms, image in pictures]
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // COLUMNS)
    columns = min(COLUMNS, len(tiles))
    tall, wide = rows * (height + GAP_PX) + LINE_PX, columns * (width + GAP_PX) + GAP_PX
    sheet = np.full((tall, wide, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top = GAP_PX + number // COLUMNS * (height + GAP_PX)
        left = GAP_PX + number % COLUMNS * (width + GAP_PX)
        sheet[top : top + height, left : left + width] = tile
    _write(sheet, TEXT, left=GAP_PX + 2, below=tall)
    return sheet


def _tile(time_ms: int, image: Image, pixel_aspect: float) -> Image:
    height, width = image.shape[0], image.shape[1] * pixel_aspect
    tall = min(max(round(height * TILE_PX / width), LOWEST_TILE_PX), HIGHEST_TILE_PX)
    scale = min(TILE_PX / width, tall / height)
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    tile = np.full((tall + LINE_PX, TILE_PX, 3), PAPER, np.uint8)
    top, left = (tall - size_wh[1]) // 2, (TILE_PX - size_wh[0]) // 2
    tile[top : top + size_wh[1], left : left + size_wh[0]] = small
    _write(tile, clock(time_ms), left=2, below=tall + LINE_PX)
    return tile


def _write(image: Image, words: str, *, left: int, below: int) -> None:
    """A line of words, in place, that ends above this row."""
    cv2.putText(image, words, (left, below - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (INK, INK, INK), 1, cv2.LINE_AA)


def _best(tracks: Iterable[Track]) -> list[int]:
    """When each thing was seen best, what says most first."""
    order = {label: place for place, label in enumerate(SAYING)}
    seen = [track for track in tracks if track.label in order]
    seen.sort(key=lambda track: (order[track.label], -track.score, track.start_ms))
    return [max(track.findings, key=lambda one: (one.grade or 0, one.score)).time_ms for track in seen]


def _of_shots(shots_ms: Sequence[int], end_ms: int) -> list[int]:
    """The middle of each shot, the longest first."""
    shots = sorted(pairwise([*shots_ms, end_ms]), key=lambda shot: shot[0] - shot[1])
    return [(start + stop) // 2 for start, stop in shots]


def _spread(end_ms: int) -> list[int]:
    return [(2 * number + 1) * end_ms // (2 * MOST) for number in range(MOST)]


def _apart(times_ms: Iterable[int], least_ms: int) -> Iterator[int]:
    """Those that are so far from all before them."""
    kept: list[int] = []
    for time_ms in times_ms:
        if all(abs(time_ms - other) >= least_ms for other in kept):
            kept.append(time_ms)
            yield time_ms
