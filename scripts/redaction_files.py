# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the picture of a written copy still shows what is in its original. For copies in the solid style."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.frames.pyav import open_video
from triage.settings import Mode, Sampling

Grey = NDArray[np.float32]
WINDOW_PX = 9
ALIKE = 0.6
"""Correlation of a window of the copy with the same window of the original from which it shows what was there."""
LEAST_DEVIATION = 4.0
"""Of luma within a window; where the original is flatter, nothing can be told from it, covered or not."""
GHOST = 2.0
"""Deviation of luma within a window of a copy, below which it is alike by chance: covers as coded have up to 1.5."""
OFF = 12.0
"""Mean difference of luma within 3 x 3 pixels, from which a copy shows something else. Windows alone would say
that it shows what is 4 pixels deep in a cover, for what is beside it."""


def greys(path: Path) -> Iterator[tuple[int, Grey]]:
    """Time in ms and luma (H, W) of every picture."""
    with open_video(path, "0" * 64, Sampling(mode=Mode.EVERY, same_difference=0.0)) as source:
        for frame in source.frames():
            yield frame.time_ms, cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.float32)


def is_shown(original: Grey, copy: Grey) -> NDArray[np.bool_]:
    """(H, W) for two pictures of that size: true where the copy shows what is in the original and can be told."""
    mean, copy_mean = _mean(original), _mean(copy)
    deviation = np.sqrt(np.maximum(_mean(original * original) - mean**2, 0))
    copy_deviation = np.sqrt(np.maximum(_mean(copy * copy) - copy_mean**2, 0))
    together = _mean(original * copy) - mean * copy_mean
    alike = together / np.maximum(deviation * copy_deviation, 1e-3)
    off = cv2.boxFilter(np.abs(original - copy), -1, (3, 3))
    is_alike = (alike >= ALIKE) & (deviation >= LEAST_DEVIATION)
    return np.asarray(is_alike & (copy_deviation >= GHOST) & (off <= OFF), np.bool_)


def _mean(values: Grey) -> Grey:
    return cv2.boxFilter(values, -1, (WINDOW_PX, WINDOW_PX)).astype(np.float32)
