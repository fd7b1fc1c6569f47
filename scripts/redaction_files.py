# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a written review copy still shows of its original, picture by picture. For copies in the solid style."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.frames.pyav import open_video
from triage.settings import Mode, Sampling

WINDOW_PX = 9
ALIKE = 0.6
"""Correlation of a window of the copy with the same window of the original from which it shows what was there."""
LEAST_DEVIATION = 4.0
"""Of luma within a window; where the original is flatter, nothing can be told from it, covered or not."""


def hidden(original: Path, copy: Path) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Time and (H, W) of every picture of the original: true where the copy does not show it, or it is flat.

    The copy's picture of the same time is taken, or the last before it. Within half a window of the edge of a cover it
    counts as hidden, since a window there holds both.
    """
    pictures = _greys(copy)
    shown, coming = next(pictures), next(pictures, None)
    for time_ms, grey in _greys(original):
        while coming is not None and coming[0] <= time_ms:
            shown, coming = coming, next(pictures, None)
        other = shown[1]
        if other.shape != grey.shape:
            other = cv2.resize(other, (grey.shape[1], grey.shape[0])).astype(np.float32)
        yield time_ms, ~_is_shown(grey, other)


def _greys(path: Path) -> Iterator[tuple[int, NDArray[np.float32]]]:
    with open_video(path, "0" * 64, Sampling(mode=Mode.EVERY, same_difference=0.0)) as source:
        for frame in source.frames():
            yield frame.time_ms, cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.float32)


def _is_shown(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    mean_one, mean_other = _mean(one), _mean(other)
    deviation = np.sqrt(np.maximum(_mean(one * one) - mean_one**2, 0))
    other_deviation = np.sqrt(np.maximum(_mean(other * other) - mean_other**2, 0))
    together = _mean(one * other) - mean_one * mean_other
    alike = together / np.maximum(deviation * other_deviation, 1e-3)
    return np.asarray((alike >= ALIKE) & (deviation >= LEAST_DEVIATION) & (other_deviation >= 1), np.bool_)


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.boxFilter(values, -1, (WINDOW_PX, WINDOW_PX)).astype(np.float32)
