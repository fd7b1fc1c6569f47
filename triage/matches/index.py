"""What any index of vectors promises, and one that is slow and right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from triage.records import Vectors

Keys = npt.NDArray[np.int64]

NOBODY = -1
"""Stands where there is no further neighbour."""
SAME = 6
"""Decimals to which two similarities are compared: below that they differ by how they were added up."""
_BLOCK = 1 << 22
"""Similarities that are held at once: 16 MiB of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The stored vectors that are most alike to each of M queries."""

    keys: Keys
    """(M, limit), the most alike first, ties by key; -1 where there are no more."""
    similarities: Vectors
    """(M, limit) cosine; -1 where there are no more."""


class Searchable(Protocol):
    """Answers which stored vectors are like others."""

    def search(self, queries: Vectors, limit: int) -> Nearest:
        """The ``limit`` most alike to each of (M, dim) ``queries``."""
        ...


class Index(Searchable, Protocol):
    """Vectors of unit length under keys of ours."""

    @property
    def model(self) -> str:
        """What made the vectors; others cannot be compared with them."""
        ...

    @property
    def dim(self) -> int: ...

    def __len__(self) -> int: ...

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Store these.

        Args:
            keys: (N,) not negative.
            vectors: (N, dim) of unit length.

        Raises:
            ValueError: a key is there already or comes twice; nothing was stored then.
        """
        ...

    def remove(self, keys: Keys) -> int:
        """Forget these, and say how many there were. What is not there is no error."""
        ...


class ExactIndex:
    """Compares with everything, one block at a time. What a faster index is measured against."""

    def __init__(self, model: str, dim: int) -> None:
        self.model = model
        self.dim = dim
        self._keys: Keys = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, dim), np.float32)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        check_new(keys, vectors, self._keys, self.dim)
        self._keys = np.concatenate([self._keys, keys])
        self._vectors = np.concatenate([self._vectors, np.asarray(vectors, np.float32)])

    def remove(self, keys: Keys) -> int:
        stays = ~np.isin(self._keys, keys)
        self._keys, self._vectors = self._keys[stays], self._vectors[stays]
        return int(len(stays) - stays.sum())

    def search(self, queries: Vectors, limit: int) -> Nearest:
        found = none_yet(len(queries), limit)
        # The stored ones go by in blocks, so that memory is flat however many there are of either.
        rows = max(1, _BLOCK // max(1, len(queries)))
        for start in range(0, len(self._keys), rows):
            block = slice(start, start + rows)
            similarities = np.asarray(queries, np.float32) @ self._vectors[block].T
            best = _best_with_ties(similarities, limit)
            found = in_order(
                np.concatenate([found.keys, self._keys[block][best]], axis=1),
                np.concatenate([found.similarities, np.take_along_axis(similarities, best, axis=1)], axis=1),
                limit,
            )
        return found


def _best_with_ties(similarities: Vectors, limit: int) -> npt.NDArray[np.intp]:
    """Columns (M, at least ``limit``, if there are so many) that hold every one as high as the ``limit``-th highest."""
    columns = similarities.shape[1]
    if not similarities.size or columns <= limit:
        return np.broadcast_to(np.arange(columns), similarities.shape)
    last = np.partition(similarities, -limit, axis=1)[:, -limit, None]
    several = int((similarities >= last - 2 * 10.0**-SAME).sum(axis=1).max())
    return np.argpartition(-similarities, min(several, columns) - 1, axis=1)[:, :several]


def none_yet(queries: int, limit: int) -> Nearest:
    """An answer with nobody in it."""
    return Nearest(np.full((queries, limit), NOBODY, np.int64), np.full((queries, limit), -1, np.float32))


def in_order(keys: Keys, similarities: Vectors, limit: int) -> Nearest:
    """The first ``limit`` of these, the most alike first and ties by key.

    Args:
        keys, similarities: (M, any number), a key of -1 where there is none.
    """
    rounded = np.where(keys == NOBODY, -np.inf, np.round(similarities, SAME))
    order = np.lexsort((keys, -rounded), axis=1)[:, :limit]
    chosen = np.take_along_axis(keys, order, axis=1)
    likeness = np.where(chosen == NOBODY, -1, np.take_along_axis(similarities, order, axis=1))
    return Nearest(chosen, np.asarray(likeness, np.float32))


def search_all(indexes: Iterable[Searchable], queries: Vectors, limit: int) -> Nearest:
    """The ``limit`` most alike to each query in all of these indexes of one model, as if they were one.

    Cosines of one model can be compared, wherever each was found: whatever is among the most alike of all is among the
    most alike of its own index, and no answer of an index is lost but to a better one.
    """
    found: Nearest | None = None
    for index in indexes:
        nearest = index.search(queries, limit)
        if found is not None:
            keys = np.concatenate([found.keys, nearest.keys], axis=1)
            nearest = in_order(keys, np.concatenate([found.similarities, nearest.similarities], axis=1), limit)
        found = nearest
    return found or none_yet(len(queries), limit)


def check_new(keys: Keys, vectors: npt.NDArray[np.generic], stored: Keys, width: int) -> None:
    """That these can be stored beside those that are.

    Raises:
        ValueError: they are not of one number or width, or a key is negative, comes twice or is stored already.
    """
    if keys.dtype != np.int64 or vectors.shape != (len(keys), width):
        raise ValueError(f"keys are int64 and vectors (N, {width}), got {keys.dtype} and {vectors.shape}")
    if len(keys) and keys.min() < 0:
        raise ValueError("a key is not negative")
    if len(np.unique(keys)) < len(keys) or np.isin(keys, stored).any():
        raise ValueError("a key is there once")


def _exact(model: str, dim: int) -> Index:
    return ExactIndex(model, dim)


def _faiss(model: str, dim: int) -> Index:
    from triage.matches.faiss_index import FaissIndex

    return FaissIndex(model, dim)


INDEXES: Mapping[str, Callable[[str, int], Index]] = {"exact": _exact, "faiss": _faiss}
"""Name to maker; each is held to ``ExactIndex`` in ``tests/contracts/test_indexes.py``."""
