"""The moments of a video at which it is compared: as far apart as its looks, also while a picture stands still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triage.records import Fingerprint, Vectors

USUAL_STEP_MS = 400
"""Of a video with one picture, which has no step."""
SHORTEST_STEP_MS = 200
"""Looks closer than this tell little more: where every picture was looked at, some are passed over."""
MOST_REPEATS = 25
"""Moments that one standing picture is counted as: a new look comes after 10 s at the latest, with the usual step."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Arrays of n, in time order."""

    rows: npt.NDArray[np.int64]
    """Index of the picture in the fingerprint; a picture that stood has several moments."""
    times_ms: npt.NDArray[np.float64]
    spans_ms: npt.NDArray[np.float64]
    """How long until the next, at most one and a half steps; above 0."""
    is_comparable: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    """What it counts as evidence, in [0, 1]: little, where the picture is common."""
    step_ms: float
    """How far they usually are apart."""
    length_ms: int
    """Of the video, at least 1."""

    def __len__(self) -> int:
        return len(self.rows)


def moments(fingerprint: Fingerprint, weights: Vectors | None = None) -> Moments:
    """When this video is compared.

    Args:
        weights: (N,) of its pictures, in (0, 1]; None: all 1.
    """
    times, until = fingerprint.times_ms, fingerprint.until_ms
    kept = _apart(times)
    moving = np.diff(times[kept])[(until - times)[kept][:-1] == 0]
    step = float(np.clip(np.median(moving), SHORTEST_STEP_MS, 5000)) if len(moving) else float(USUAL_STEP_MS)
    repeats = np.clip(((until - times)[kept] / step).astype(np.int64) + 1, 1, MOST_REPEATS)
    rows = np.repeat(kept, repeats)
    turn = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    apart = np.where(repeats > 1, (until - times)[kept] / np.maximum(repeats - 1, 1), 0.0)
    moment_ms = times[rows] + turn * np.repeat(apart, repeats)
    length = max(1, fingerprint.length_ms)
    spans = np.clip(np.diff(moment_ms, append=max(length, moment_ms[-1] if len(moment_ms) else 0)), 1, 1.5 * step)
    return Moments(
        rows=rows,
        times_ms=moment_ms,
        spans_ms=spans,
        is_comparable=fingerprint.is_comparable[rows],
        weights=np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)[rows],
        step_ms=step,
        length_ms=length,
    )


def _apart(times_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices of the pictures, fewer where most come closer than the shortest step."""
    if len(times_ms) < 3 or np.median(np.diff(times_ms)) >= SHORTEST_STEP_MS * 0.75:
        return np.arange(len(times_ms))
    _, first = np.unique(times_ms // SHORTEST_STEP_MS, return_index=True)
    return np.asarray(first, np.int64)
