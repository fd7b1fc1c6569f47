"""Fingerprints of made-up videos: no picture is needed to try what is done with vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from triage.records import VIEWS, Fingerprint, Vectors, View

DIM = 128
STEP_MS = 400
MODEL = "drawn@00000000"


def video_id(name: str) -> str:
    """A SHA-256 that belongs to this name."""
    return hashlib.sha256(name.encode()).hexdigest()


def scene(seed: int, pictures: int, dim: int = DIM) -> Vectors:
    """(pictures, V, dim): each picture is somewhat like the one before it, and its views are like nothing else."""
    draw = np.random.default_rng(seed)
    steps = draw.normal(size=(pictures, len(VIEWS), dim))
    walk = np.empty_like(steps)
    walk[:1] = steps[:1]
    for index in range(1, pictures):
        walk[index] = 0.6 * walk[index - 1] + 0.8 * steps[index]
    return unit(walk)


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Rows of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def fingerprint(
    name: str,
    vectors: Vectors,
    *,
    times_ms: Sequence[int] | None = None,
    until_ms: Sequence[int] | None = None,
    is_comparable: Sequence[bool] | None = None,
    length_ms: int | None = None,
    model: str = MODEL,
) -> Fingerprint:
    """A fingerprint of these vectors (N, V, D), a picture every 400 ms unless said otherwise."""
    count = len(vectors)
    times = np.array(times_ms if times_ms is not None else np.arange(count) * STEP_MS, np.int64)
    last = int(times[-1]) + STEP_MS if count else 0
    towards = np.random.default_rng(0).normal(size=(vectors.shape[2], 256))  # so that alike pictures have alike hashes
    return Fingerprint(
        video=video_id(name),
        model=model,
        length_ms=last if length_ms is None else length_ms,
        times_ms=times,
        until_ms=times if until_ms is None else np.array(until_ms, np.int64),
        vectors=vectors,
        background=np.zeros(vectors.shape[:2], np.float32),
        hashes=np.packbits(vectors[:, 0] @ towards > 0, axis=1),
        qualities=np.full(count, 100, np.uint8),
        borders=np.zeros((count, 4), np.float32),
        is_comparable=np.ones(count, np.bool_) if is_comparable is None else np.array(is_comparable, np.bool_),
        is_grey=np.zeros(count, np.bool_),
    )


FILMED_MS = 100
"""How far the pictures of ``filmed`` are apart."""


def filmed(seed: int, length_ms: int, keeps: float = 0.97) -> Vectors:
    """(pictures, V, DIM), one each 100 ms: a scene that changes slowly; ``keeps``: how alike two neighbours are."""
    draw = np.random.default_rng(seed)
    walk = draw.normal(size=(length_ms // FILMED_MS + 2, len(VIEWS), DIM))
    for index in range(1, len(walk)):
        walk[index] = keeps * walk[index - 1] + np.sqrt(1 - keeps**2) * walk[index]
    return unit(walk)


def played(film: Vectors, start_ms: float, length_ms: float, *, speed: float = 1.0, step_ms: int = STEP_MS) -> Vectors:
    """What is seen each ``step_ms`` of this length when a film is played from there, so fast."""
    at = (start_ms + speed * np.arange(0, length_ms, step_ms)) / FILMED_MS
    before = np.clip(at.astype(np.int64), 0, len(film) - 2)
    after = (at - before)[:, None, None]
    return unit((1 - after) * film[before] + after * film[before + 1])


def noisy(vectors: Vectors, cosine: float, seed: int = 0) -> Vectors:
    """The same as after an edit: each vector so alike to what it was."""
    noise = unit(np.random.default_rng(seed).normal(size=vectors.shape))
    return unit(cosine * vectors + np.sqrt(1 - cosine**2) * noise)


def in_a_mirror(vectors: Vectors) -> Vectors:
    """The whole and its mirror image change places; so do the parts and the turns of the two sides."""
    return exchanged(
        vectors,
        *((View.MIRRORED, View.WHOLE), (View.TOP_RIGHT, View.TOP_LEFT), (View.BOTTOM_RIGHT, View.BOTTOM_LEFT)),
        *((View.LEFT, View.RIGHT), (View.TURNED_LEFT, View.TURNED_RIGHT)),
    )


def upside_down(vectors: Vectors) -> Vectors:
    """The whole and its half turn change places; so do the quarters and halves that lie opposite."""
    return exchanged(
        vectors,
        *((View.UPSIDE_DOWN, View.WHOLE), (View.TOP_LEFT, View.BOTTOM_RIGHT), (View.TOP_RIGHT, View.BOTTOM_LEFT)),
        *((View.LEFT, View.RIGHT), (View.TOP, View.BOTTOM), (View.TURNED_LEFT, View.TURNED_RIGHT)),
    )


def turned_left(vectors: Vectors) -> Vectors:
    """What was upright lies on its left side, by views of the whole alone."""
    order = {
        View.WHOLE: View.TURNED_LEFT,
        View.TURNED_LEFT: View.UPSIDE_DOWN,
        View.UPSIDE_DOWN: View.TURNED_RIGHT,
        View.TURNED_RIGHT: View.WHOLE,
    }
    return vectors[:, [VIEWS.index(order.get(view, view)) for view in VIEWS]]


def exchanged(vectors: Vectors, *pairs: tuple[View, View]) -> Vectors:
    """With the vectors of these views in each other's places."""
    other = {**dict(pairs), **{second: first for first, second in pairs}}
    return vectors[:, [VIEWS.index(other.get(view, view)) for view in VIEWS]]
