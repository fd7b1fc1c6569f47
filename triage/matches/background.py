"""Vectors of pictures that have nothing to do with any case, which likeness is weighed against."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from triage.errors import WeightsError
from triage.records import Vectors

NEAREST = 3
"""As many of them say how common a picture is: one alone may happen to be alike."""


class Background:
    """How alike a picture is to pictures that have nothing to do with it."""

    def __init__(self, vectors: Vectors) -> None:
        """Args:
        vectors: (B, D), rows of unit length; without a row, nothing is common.
        """
        self._vectors = np.ascontiguousarray(vectors.T, np.float32)

    def of(self, vectors: Vectors) -> Vectors:
        """(N,) mean cosine of the three nearest, for each of (N, D) rows of unit length; 0 where there are none."""
        count = self._vectors.shape[1]
        if not count:
            return np.zeros(len(vectors), np.float32)
        likeness = np.asarray(vectors, np.float32) @ self._vectors
        nearest = min(NEAREST, count)
        best = np.partition(likeness, count - nearest, axis=1)[:, count - nearest :]
        return np.asarray(best.mean(axis=1), np.float32)


def read_background(file: Path | None, dim: int) -> Background:
    """The vectors of a ``.npy`` file, or none.

    Raises:
        WeightsError: they cannot be read, or are of another length than the model's.
    """
    if file is None:
        return Background(np.zeros((0, dim), np.float32))
    try:
        with file.open("rb") as opened:
            stored = np.load(opened, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise WeightsError(f"{file}: cannot be read as vectors of unrelated pictures: {error}") from error
    if not isinstance(stored, np.ndarray) or stored.ndim != 2 or stored.shape[1] != dim or stored.dtype.kind != "f":
        what = f"{stored.dtype} {stored.shape}" if isinstance(stored, np.ndarray) else "an archive"
        raise WeightsError(f"{file}: holds {what}; wanted are vectors of {dim} numbers, as the model answers with")
    vectors = stored.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1) < 0.01).all():  # also false for what is no number; rounding to 16 bits is allowed
        raise WeightsError(f"{file}: a vector of unrelated pictures is not of unit length")
    return Background(vectors / lengths[:, None])
