from __future__ import annotations

import numpy as np
import pytest

from tests.prints import filmed, fingerprint, in_a_mirror, noisy, played, unit
from triage.matches import likeness as module
from triage.matches.likeness import FLOOR, alike, by_combination, likeness
from triage.matches.moments import moments
from triage.records import VIEWS, Fingerprint, Vectors, View

FILM = filmed(1, 20_000)
PICTURES = played(FILM, 0, 12_000)


def table(query: Fingerprint, stored: Fingerprint, *, mirrored: bool = False, at_least: float = FLOOR) -> Vectors:
    """(N, M) likeness; 0 where a pair was not kept."""
    queried, known = moments(query), moments(stored)
    pairs = alike(query, stored, queried, known, mirrored=mirrored, at_least=at_least)
    found = np.zeros((len(queried), len(known)), np.float32)
    found[pairs.query, pairs.stored] = pairs.likeness
    return found


@pytest.mark.parametrize(
    ("cosine", "of_query", "of_stored", "wanted"),
    [
        (1, 0.5, 0.3, 1),
        (0.4, 0.5, 0.3, 0),
        (0.7, 0.5, 0.3, 0.5),
        (0.5, -0.4, -0.2, 0.5),
        (1, 0.9, 0.7, 0.5),
        (1, 1, 1, 0),
    ],
)
def test_likeness_is_one_for_the_same_and_zero_for_what_is_usual(
    cosine: float, of_query: float, of_stored: float, wanted: float
) -> None:
    found = likeness(np.array([cosine]), np.array([of_query]), np.array([of_stored]))
    assert found == pytest.approx([wanted], abs=1e-6)


def test_the_large_table_says_what_each_pair_says_alone() -> None:
    draw = np.random.default_rng(0)
    query, stored = fingerprint("query", noisy(PICTURES, 0.7)), fingerprint("stored", PICTURES)
    for one in (query, stored):
        one.background[:] = draw.uniform(-0.3, 0.6, one.background.shape)
        one.qualities[:] = 0
    found = table(query, stored)
    rows, columns = np.indices(found.shape)
    combinations = by_combination(query, stored, rows.ravel(), columns.ravel())
    is_direct = [module.MIRRORED not in pair for pair in module.COMBINATIONS]
    wanted = combinations[:, is_direct].max(axis=1).reshape(found.shape)
    assert found == pytest.approx(np.where(wanted >= FLOOR, wanted, 0), abs=1e-4)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    query, stored = fingerprint("query", noisy(PICTURES, 0.7)), fingerprint("stored", PICTURES)
    whole = table(query, stored)
    monkeypatch.setattr(module, "CELLS", 100)
    assert table(query, stored) == pytest.approx(whole, abs=1e-5)


def test_a_picture_is_found_in_its_mirror_and_only_there() -> None:
    query, stored = fingerprint("query", in_a_mirror(PICTURES)), fingerprint("stored", PICTURES)
    assert table(query, stored, mirrored=True).diagonal() == pytest.approx(1, abs=1e-4)
    assert table(query, stored).diagonal().max() < 0.5


@pytest.mark.parametrize("is_query_cut", [True, False])
def test_a_part_is_found_whichever_of_the_two_was_cut(is_query_cut: bool) -> None:
    cut = PICTURES.copy()
    cut[:, 0] = PICTURES[:, VIEWS.index(View.TOP_RIGHT)]
    part, whole = fingerprint("part", cut), fingerprint("whole", PICTURES)
    found = table(part, whole) if is_query_cut else table(whole, part)
    assert found.diagonal() == pytest.approx(1, abs=1e-4)


def test_pictures_that_cannot_be_compared_are_like_nothing() -> None:
    blank = [False, True] * 15
    query, stored = fingerprint("query", PICTURES, is_comparable=blank), fingerprint("stored", PICTURES)
    for found in (table(query, stored), table(stored, query).T):
        assert not found[::2].any()
        assert found[1::2].any(axis=1).all()


@pytest.mark.parametrize(("quality", "wanted"), [(100, 0.9), (49, 0.0)])
def test_the_same_hash_says_the_same_picture_if_it_can_be_trusted(quality: int, wanted: float) -> None:
    query, stored = fingerprint("query", filmed(2, 1000)[:1]), fingerprint("stored", FILM[:1])
    stored.qualities[:] = quality
    query.hashes[:] = stored.hashes
    query.hashes[0, 0] ^= 0b1111_1111
    query.hashes[0, 1] ^= 0b11
    assert table(query, stored)[0, 0] == pytest.approx(wanted)
    query.hashes[0, 2] ^= 1
    assert table(query, stored)[0, 0] == 0, "eleven bits are too many"


def test_of_a_scene_that_stands_an_even_share_is_kept_and_what_stands_out_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 100 * 100 // 8)
    monkeypatch.setattr(module, "LEAST_IN_ROW", 4)
    other = unit(np.random.default_rng(0).normal(size=(100, len(VIEWS), FILM.shape[2])))
    standing = unit(0.7 * FILM[:1] + 0.3 * other)
    query, stored = fingerprint("query", standing), fingerprint("stored", noisy(standing, 0.98))
    for one in (query, stored):
        one.qualities[:] = 0
    found = table(query, stored)
    assert (found > 0).sum() < 0.3 * found.size
    assert found.diagonal().min() > 0.8


def test_nothing_is_like_nothing() -> None:
    empty = fingerprint("empty", PICTURES[:0])
    assert not len(alike(empty, empty, moments(empty), moments(empty), mirrored=False))
