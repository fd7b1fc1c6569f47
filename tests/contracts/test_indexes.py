"""What every index owes, run over the registry and over a FAISS index that is small and still approximate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from tests.prints import unit
from triage.matches.faiss_index import FaissIndex
from triage.matches.index import INDEXES, NOBODY, ExactIndex, Index, Keys
from triage.records import Vectors

MODEL, DIM = "drawn@00000000", 128
MAKERS: Mapping[str, Callable[[str, int], Index]] = {
    **INDEXES,
    "faiss, approximate": lambda model, dim: FaissIndex(model, dim, exact_up_to=500),
}
APPROXIMATE = {"faiss, approximate"}


@pytest.fixture(params=MAKERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def index(name: str) -> Index:
    return MAKERS[name](MODEL, DIM)


def clustered(count: int, seed: int = 0) -> Vectors:
    """As those of videos lie: shots of ten pictures that wander off from one another, and a tenth of one title card."""
    draw = np.random.default_rng(seed)
    pictures = unit(draw.normal(size=(-(-count // 10), DIM)))
    pictures[::10] = unit(pictures[:1] + 0.1 * draw.normal(size=pictures[::10].shape) / np.sqrt(DIM))
    shots = [pictures]
    for _ in range(9):
        shots.append(unit(shots[-1] + 0.15 * draw.normal(size=pictures.shape) / np.sqrt(DIM)))
    return np.stack(shots, axis=1).reshape(-1, DIM)[:count]


def queries(vectors: Vectors, seed: int = 1) -> Vectors:
    draw = np.random.default_rng(seed)
    return unit(vectors + 0.5 * draw.normal(size=vectors.shape) / np.sqrt(DIM))


def keys_of(count: int) -> Keys:
    """Not their places, and not ascending."""
    return np.random.default_rng(5).permutation(count).astype(np.int64) * 1000 + (1 << 40)


def test_it_says_what_it_holds(index: Index) -> None:
    assert (index.model, index.dim, len(index)) == (MODEL, DIM, 0)
    index.add(keys_of(30), clustered(30))
    assert len(index) == 30


def test_an_empty_index_answers_nobody(index: Index) -> None:
    found = index.search(clustered(3), 5)
    assert found.keys.tolist() == [[NOBODY] * 5] * 3
    assert found.keys.dtype == np.int64
    assert found.similarities.dtype == np.float32
    assert found.similarities.tolist() == [[-1] * 5] * 3


def test_no_queries_get_no_answers(index: Index) -> None:
    index.add(keys_of(30), clustered(30))
    found = index.search(clustered(0), 5)
    assert found.keys.shape == found.similarities.shape == (0, 5)


def test_nothing_added_is_nothing_stored(index: Index) -> None:
    index.add(keys_of(0), clustered(0))
    assert len(index) == 0


def test_fewer_than_the_limit_are_followed_by_nobody(index: Index) -> None:
    vectors = clustered(3)
    index.add(np.array([7, 5, 6], np.int64), vectors)
    found = index.search(vectors[:1], 5)
    assert found.keys[0, 0] == 7
    assert sorted(found.keys[0, :3]) == [5, 6, 7]
    assert found.keys[0, 3:].tolist() == [NOBODY] * 2
    assert found.similarities[0, 3:].tolist() == [-1] * 2


def test_it_answers_as_the_exact_one_does(name: str, index: Index) -> None:
    vectors, exact = clustered(3000), ExactIndex(MODEL, DIM)
    for start in range(0, 3000, 250):
        for each in (index, exact):
            each.add(keys_of(3000)[start : start + 250], vectors[start : start + 250])
    asked = queries(vectors[::15])
    found, right = index.search(asked, 10), exact.search(asked, 10)
    if name in APPROXIMATE:
        same = [len(np.intersect1d(one, two)) for one, two in zip(found.keys, right.keys, strict=True)]
        assert np.mean(same) / 10 >= 0.98
        assert np.quantile(np.abs(found.similarities - right.similarities), 0.95) < 0.01
    else:
        assert found.keys.tolist() == right.keys.tolist()
        assert np.abs(found.similarities - right.similarities).max() < 1e-5


def test_the_most_alike_come_first_and_ties_by_key(index: Index) -> None:
    one, other = unit(np.eye(DIM)[:1]), unit(np.eye(DIM)[:1] + np.eye(DIM)[1:2])
    index.add(np.array([9, 3, 8, 1, 5], np.int64), np.concatenate([one, one, other, other, one]))
    assert index.search(one, 5).keys.tolist() == [[3, 5, 9, 1, 8]]
    assert index.search(one, 2).keys.tolist() == [[3, 5]], "also where the last of them is as alike as the next"


def test_what_was_removed_is_never_found_again(index: Index) -> None:
    vectors, keys = clustered(1200), keys_of(1200)
    index.add(keys[:1000], vectors[:1000])
    assert index.remove(keys[:300]) == 300
    assert index.remove(keys[:300]) == 0, "what is not there is no error"
    index.add(keys[1000:], vectors[1000:])
    assert len(index) == 900
    assert not np.isin(index.search(vectors[:300], 50).keys, keys[:300]).any()
    assert (index.search(vectors[1000:], 1).keys[:, 0] == keys[1000:]).mean() > 0.97


def test_a_removed_key_can_be_given_to_another_vector(index: Index) -> None:
    vectors, keys = clustered(40), keys_of(40)
    index.add(keys, vectors)
    index.remove(keys[:1])
    other = unit(-vectors[:1])
    index.add(keys[:1], other)
    assert index.search(other, 1).keys.tolist() == [[keys[0]]]
    assert keys[0] not in index.search(vectors[:1], 10).keys


@pytest.mark.parametrize("keys", [[1, 1], [4, 1000], [-1, 3]])
def test_a_key_that_cannot_be_meant_is_refused_and_nothing_is_stored(index: Index, keys: list[int]) -> None:
    index.add(np.array([1000], np.int64), clustered(1))
    with pytest.raises(ValueError, match="a key is"):
        index.add(np.array(keys, np.int64), clustered(2))
    assert len(index) == 1
    assert index.search(clustered(1), 5).keys[0].tolist() == [1000] + [NOBODY] * 4


@pytest.mark.parametrize("shape", [(2, DIM - 1), (3, DIM)])
def test_vectors_of_another_shape_are_refused(index: Index, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="vectors"):
        index.add(np.array([1, 2], np.int64), np.zeros(shape, np.float32))


def test_what_was_given_is_not_changed(index: Index) -> None:
    vectors, keys = clustered(50), keys_of(50)
    kept = vectors.copy(), keys.copy()
    index.add(keys, vectors)
    index.search(vectors, 3)
    index.remove(keys[:5])
    assert np.array_equal(vectors, kept[0])
    assert np.array_equal(keys, kept[1])
    vectors[:] = 0
    assert index.search(kept[0][10:11], 1).similarities[0, 0] > 0.98
