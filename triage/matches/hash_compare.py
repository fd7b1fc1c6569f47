"""What two videos have in common by their perceptual hashes alone, where nothing else is known of one of them.

In the manner of vPDQ: pictures are the same if few of their bits differ, and what counts is how many different
pictures of either are in the other. Mirrored, cropped or framed copies are not found so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from triage.matches.pdq import distances
from triage.matches.signals import LEAST_QUALITY, Rows
from triage.matches.spans import share
from triage.records import Fingerprint, Overlap, Segment

LARGEST_DISTANCE = 31
"""Bits of 256 that two hashes of one picture may differ in; the threatexchange tools' own figure."""
LEAST_DIFFERENT = 3
"""Different pictures that have to be found, where both have as many: two videos may share a title card."""
MOST_OF_IT = 0.5
"""Share of either video that is enough by itself, however alike its pictures are: somebody who speaks to the camera."""
LONGEST_GAP_MS = 3000
"""A stretch goes on over pictures that are not found for this long."""
DRIFT_MS = 1500
"""How far from where it is expected the next picture may be in the other video, beside a speed of 0.5 to 2."""
UNRELATED_BITS = 128
"""Bits in which the hashes of two pictures differ that have nothing to do with each other."""

ROWS_AT_ONCE = 1024
"""Hashes that are compared in one go: with 9000 others, an hour at 2.5 pictures a second, it takes 75 MB."""

Distances = npt.NDArray[np.uint16]


def compare_hashes(
    query: Fingerprint,
    hashes: npt.NDArray[np.uint8],
    times_ms: npt.NDArray[np.int64] | None,
    largest_distance: int = LARGEST_DISTANCE,
    *,
    stored: str = "",
) -> Overlap | None:
    """What the query shows of a clip of which only hashes are known; None: nothing that would say so.

    Where the clip's times are not known, its side of each segment is the moment from 0 to 1 ms, the speed is 1, and its
    share is of its different pictures, not of time.

    Args:
        hashes: (N, 32) of the clip, those that say too little left out.
        times_ms: (N,) ascending. None: not known.
        stored: the clip's id.
    """
    rated = np.flatnonzero(query.qualities >= LEAST_QUALITY)
    near_rows, apart = _near(query.hashes[rated], hashes, largest_distance)
    if not len(near_rows):
        return None
    found, near = rated[near_rows], apart <= largest_distance
    met = np.flatnonzero(near.any(axis=0))
    query_spans = _spans(query.times_ms, query.length_ms)
    spans = _spans(times_ms, None) if times_ms is not None else np.tile(np.array([[0, 1]], np.int64), (len(hashes), 1))
    is_most = max(_part(query_spans[found], query_spans), _part(spans[met], spans)) >= MOST_OF_IT
    if not is_most and not _is_enough(query.hashes[rated], hashes, met, largest_distance):
        return None
    picked = _path(query_spans[found], spans[:, 0], apart, near)
    runs = _runs(query_spans[found], spans[picked, 0])
    segments = [_segment(query_spans[found[run]], spans[picked[run]], apart[run, picked[run]]) for run in runs]
    asked = ((one.query_start_ms, one.query_end_ms) for one in segments)
    known = ((one.stored_start_ms, one.stored_end_ms) for one in segments)
    return Overlap(
        query=query.video,
        stored=stored,
        segments=tuple(segments),
        query_share=share(asked, int(query_spans[-1, 1])),
        stored_share=_different_part(hashes, met) if times_ms is None else share(known, int(spans[-1, 1])),
    )


class KnownHashes:
    """Many clips of which only hashes are known, to be asked for at once."""

    def __init__(self, clips: Sequence[tuple[str, Rows]]) -> None:
        """Take these clips, each with its id."""
        self._clips = list(clips)
        counts = [len(rows.hashes) for _, rows in clips]
        self._owner = np.repeat(np.arange(len(clips)), counts)
        hashes = [rows.hashes for _, rows in clips]
        self._hashes = np.concatenate(hashes) if hashes else np.empty((0, 32), np.uint8)

    def overlaps(self, query: Fingerprint, largest_distance: int = LARGEST_DISTANCE) -> list[Overlap]:
        """What the query shows of each clip, those of which it shows nothing left out, in their order."""
        asked = np.unique(query.hashes[query.qualities >= LEAST_QUALITY], axis=0)
        met: set[int] = set()
        for start in range(0, len(self._hashes), ROWS_AT_ONCE):
            chunk = slice(start, start + ROWS_AT_ONCE)
            near = (distances(asked, self._hashes[chunk]) <= largest_distance).any(axis=0)
            met.update(self._owner[chunk][near].tolist())
        found = []
        for index in sorted(met):
            clip, rows = self._clips[index]
            overlap = compare_hashes(query, rows.hashes, rows.times_ms, largest_distance, stored=clip)
            found += [overlap] if overlap else []
        return found


def _near(
    asked: npt.NDArray[np.uint8], hashes: npt.NDArray[np.uint8], largest_distance: int
) -> tuple[npt.NDArray[np.int64], Distances]:
    """Rows of ``asked`` that are near to some of ``hashes``, and how far they are from each of them."""
    rows, kept = [np.empty(0, np.int64)], [np.empty((0, len(hashes)), np.uint16)]
    for start in range(0, len(asked) if len(hashes) else 0, ROWS_AT_ONCE):
        apart = distances(asked[start : start + ROWS_AT_ONCE], hashes)
        some = np.flatnonzero((apart <= largest_distance).any(axis=1))
        rows.append(some + start)
        kept.append(apart[some])
    return np.concatenate(rows), np.concatenate(kept)


def _is_enough(
    query: npt.NDArray[np.uint8], hashes: npt.NDArray[np.uint8], met: npt.NDArray[np.int64], largest_distance: int
) -> bool:
    """Whether so many different pictures of the clip are found that it is more than a title card."""
    least = min(_different(each, largest_distance, LEAST_DIFFERENT) for each in (query, hashes))
    return _different(hashes[met], largest_distance, least) >= least


def _different(hashes: npt.NDArray[np.uint8], largest_distance: int, enough: int) -> int:
    """How many pictures are different from all that come before them, counted up to ``enough``."""
    kept = hashes[:0]
    for row in range(len(hashes)):
        if len(kept) >= enough:
            break
        one = hashes[row : row + 1]
        if not len(kept) or distances(one, kept).min() > largest_distance:
            kept = np.concatenate([kept, one])
    return len(kept)


def _path(
    spans: npt.NDArray[np.int64], places: npt.NDArray[np.int64], apart: Distances, near: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """For each found picture of the query the row of the clip that it most likely is.

    Rows of a scene that hardly moves are alike, so the one is taken that goes on where the picture before was.
    """
    best = np.where(near, apart, np.iinfo(apart.dtype).max).argmin(axis=1)
    picked: npt.NDArray[np.int64] = best.astype(np.int64)
    for now in range(1, len(spans)):
        before = now - 1
        expected = places[picked[before]] + spans[now, 0] - spans[before, 0]
        rows = np.flatnonzero(near[now])
        closest = rows[np.abs(places[rows] - expected).argmin()]
        if _goes_on(spans[before], spans[now], places[picked[before]], places[closest]):
            picked[now] = closest
    return picked


def _runs(spans: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Found pictures that follow each other, as indexes."""
    breaks = [
        now
        for before, now in pairwise(range(len(spans)))
        if not _goes_on(spans[before], spans[now], places[before], places[now])
    ]
    return np.split(np.arange(len(spans)), breaks)


def _goes_on(
    before: npt.NDArray[np.int64], now: npt.NDArray[np.int64], place_before: np.int64, place_now: np.int64
) -> bool:
    """Whether two pictures of the query, of which these are the spans, follow each other in the clip as here."""
    if now[0] - before[1] > LONGEST_GAP_MS:
        return False
    if place_before == place_now:  # it stands still there, or no times are known
        return True
    passed, passed_there = int(now[0] - before[0]), int(place_now - place_before)
    return passed_there > 0 and passed / 2 - DRIFT_MS <= passed_there <= passed * 2 + DRIFT_MS


def _segment(spans: npt.NDArray[np.int64], stored: npt.NDArray[np.int64], apart: Distances) -> Segment:
    lasted, stored_lasted = int(spans[-1, 0] - spans[0, 0]), int(stored[-1, 0] - stored[0, 0])
    return Segment(
        query_start_ms=int(spans[0, 0]),
        query_end_ms=int(spans[-1, 1]),
        stored_start_ms=int(stored[:, 0].min()),
        stored_end_ms=int(stored[:, 1].max()),
        speed=stored_lasted / lasted if lasted and stored_lasted > 0 else 1.0,
        mirrored=False,
        similarity=1 - float(np.mean(apart)) / UNRELATED_BITS,
    )


def _spans(times_ms: npt.NDArray[np.int64], length_ms: int | None) -> npt.NDArray[np.int64]:
    """(N, 2): from when until when each picture stands for the video; at least 1 ms.

    Args:
        length_ms: of the video. None: not known; its last picture then stands for as long as one usually does.
    """
    usual = int(np.median(np.diff(times_ms))) if len(times_ms) > 1 else 1
    last = times_ms[-1] + usual if length_ms is None else max(length_ms, times_ms[-1] + 1)
    ends = np.append(times_ms[1:], last)
    return np.stack([times_ms, np.maximum(ends, times_ms + 1)], axis=1)


def _different_part(hashes: npt.NDArray[np.uint8], met: npt.NDArray[np.int64]) -> float:
    return len(np.unique(hashes[met], axis=0)) / len(np.unique(hashes, axis=0))


def _part(some: npt.NDArray[np.int64], every: npt.NDArray[np.int64]) -> float:
    return float((some[:, 1] - some[:, 0]).sum() / (every[:, 1] - every[:, 0]).sum())
