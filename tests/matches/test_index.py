"""The exact index against arithmetic that is written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prints import scene, unit
from triage.matches import index as module
from triage.matches.index import NOBODY, ExactIndex, in_order, search_all


def test_it_finds_what_comparing_with_everything_finds() -> None:
    stored, asked = scene(1, 300)[:, 0], scene(2, 40)[:, 0]
    index = ExactIndex("m", stored.shape[1])
    index.add(np.arange(300, dtype=np.int64), stored)
    order = np.argsort(-(asked @ stored.T), axis=1)[:, :7]
    assert index.search(asked, 7).keys.tolist() == order.tolist()


def test_the_answer_does_not_depend_on_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = unit(
        np.random.default_rng(1).integers(1, 3, (500, 6)).astype(float)
    )  # few different ones, so that there are ties
    asked = stored[::20]
    index = ExactIndex("m", stored.shape[1])
    index.add(np.arange(500, dtype=np.int64)[::-1].copy(), stored)
    whole = index.search(asked, 9)
    monkeypatch.setattr(module, "_BLOCK", 37 * len(asked))
    parts = index.search(asked, 9)
    assert parts.keys.tolist() == whole.keys.tolist()
    assert np.abs(parts.similarities - whole.similarities).max() < 1e-6


def test_more_ties_than_the_limit_are_settled_by_key() -> None:
    index = ExactIndex("m", 4)
    one = np.array([[1, 0, 0, 0]], np.float32)
    index.add(np.random.default_rng(0).permutation(1000).astype(np.int64), np.repeat(one, 1000, axis=0))
    assert index.search(one, 5).keys.tolist() == [[0, 1, 2, 3, 4]]


def test_similarities_that_differ_only_by_rounding_are_a_tie() -> None:
    found = in_order(np.array([[4, 2, 9]]), np.array([[0.5 + 2e-8, 0.5, 0.6]], np.float32), 3)
    assert found.keys.tolist() == [[9, 2, 4]]


def test_nobody_comes_last_whatever_is_written_beside() -> None:
    found = in_order(np.array([[NOBODY, 2, NOBODY, 1]]), np.array([[1, -1, 0.5, -0.9]], np.float32), 3)
    assert found.keys.tolist() == [[1, 2, NOBODY]]
    assert found.similarities[0, 2] == -1


@given(
    count=st.integers(0, 60),
    shards=st.integers(1, 6),
    limit=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_that_are_asked_together_answer_as_one_index_of_everything(
    count: int, shards: int, limit: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    vectors = unit(draw.integers(1, 3, (count, 4)).astype(float))  # few different ones, so that there are ties
    keys = draw.permutation(count).astype(np.int64)
    whole, parts = ExactIndex("m", 4), [ExactIndex("m", 4) for _ in range(shards)]
    whole.add(keys, vectors)
    of_part = draw.integers(0, shards, count)
    for place, part in enumerate(parts):
        part.add(keys[of_part == place], vectors[of_part == place])
    asked = unit(draw.integers(1, 3, (5, 4)).astype(float))
    found, right = search_all(parts, asked, limit), whole.search(asked, limit)
    assert found.keys.tolist() == right.keys.tolist()
    assert np.abs(found.similarities - right.similarities).max() < 1e-6


def test_nobody_asked_answers_nobody() -> None:
    assert search_all([], np.zeros((2, 4), np.float32), 3).keys.tolist() == [[NOBODY] * 3] * 2
