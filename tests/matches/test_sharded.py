"""A shard answers from its files as from memory, and what is gone from it is in no byte of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.prints import DIM, MODEL, fingerprint, scene
from triage.errors import MatchIndexError
from triage.matches.index_folder import HEAD
from triage.matches.sharded import BACKGROUND, ROWS_BITS, Backgrounds, Place, Shard
from triage.records import Fingerprint, Vectors

LISTS = 100
"""Vectors beyond which the shards of these tests are in lists."""


def stored(seed: int, pictures: int = 60) -> Fingerprint:
    made = fingerprint(f"video {seed}", scene(seed, pictures))
    usual = np.random.default_rng(seed).uniform(0, 0.5, made.background.shape).astype(np.float32)
    return replace(made, background=usual)


def shard(*prints: Fingerprint, exact_up_to: int = LISTS) -> Shard:
    made = Shard(MODEL, DIM, exact_up_to=exact_up_to)
    for number, each in enumerate(prints):
        made.add(each, np.arange(len(each)), 3 * number)
    return made


def asked() -> Vectors:
    return np.concatenate([stored(1).vectors[::7, 0], stored(3).vectors[::9, 0], scene(99, 5)[:, 0]])


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("exact_up_to", [LISTS, 10_000])
def test_what_lies_in_files_answers_as_what_is_in_memory(tmp_path: Path, mapped: bool, exact_up_to: int) -> None:
    before = shard(*map(stored, range(4)), exact_up_to=exact_up_to)
    before.save(tmp_path)
    after = Shard.load(tmp_path, MODEL, mapped=mapped)
    assert after.is_mapped is (mapped and exact_up_to == LISTS), "what is compared in full is read"
    assert (len(after), after.places) == (len(before), before.places)
    found, right = after.search(asked(), 12), before.search(asked(), 12)
    assert found.keys.tolist() == right.keys.tolist()
    assert np.array_equal(found.similarities, right.similarities)
    assert np.array_equal(after.backgrounds(found.keys), before.backgrounds(right.keys))


def test_what_lies_in_files_can_be_changed_and_the_files_are_what_they_were_until_it_is_saved(tmp_path: Path) -> None:
    shard(*map(stored, range(4))).save(tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    mapped = Shard.load(tmp_path, MODEL, mapped=True)
    mapped.remove(stored(1).video)
    mapped.add(stored(7), np.arange(60), 20)
    assert not mapped.is_mapped
    assert mapped.lies_in is None
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    mapped.save(tmp_path)
    again = Shard.load(tmp_path, MODEL, mapped=True)
    assert list(again.places) == [stored(n).video for n in (0, 2, 3, 7)]
    best = again.search(stored(7).vectors[:, 0], 1)
    assert (best.keys[:, 0] == np.arange(60) + (20 << ROWS_BITS)).all()
    assert np.allclose(again.backgrounds(best.keys)[:, 0], stored(7).background[:, 0], atol=1e-3)


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("exact_up_to", [LISTS, 10_000])
def test_no_byte_of_a_removed_video_is_left_in_its_files(tmp_path: Path, mapped: bool, exact_up_to: int) -> None:
    gone, width = stored(1), np.float16 if exact_up_to == LISTS else np.float32
    shard(*map(stored, range(4)), exact_up_to=exact_up_to).save(tmp_path)
    codes = [vector.astype(width).tobytes() for vector in gone.vectors[:, 0]]
    usual = gone.background[:, 0].astype(np.float16).tobytes()

    def traces() -> int:
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        return sum(everything.count(code) for code in [*codes, usual, gone.video.encode()])

    assert traces() == len(codes) + 2, "or this looks for something else than what is stored"
    holding = Shard.load(tmp_path, MODEL, mapped=mapped)
    holding.remove(gone.video)
    holding.save(tmp_path)
    assert traces() == 0
    left = Shard.load(tmp_path, MODEL, mapped=True)
    assert not (left.search(gone.vectors[:, 0], 200).keys >> ROWS_BITS == 3).any()


def test_backgrounds_that_are_not_of_these_videos_are_called_damaged(tmp_path: Path) -> None:
    shard(stored(0)).save(tmp_path)
    head = tmp_path / HEAD
    head.write_text(head.read_text().replace("   60", "   61"))
    with pytest.raises(MatchIndexError, match=r"do not belong together.*--rebuild$"):
        Shard.load(tmp_path, MODEL, mapped=True)


def test_backgrounds_are_found_by_key_whatever_came_and_went(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    rows = {number: draw.uniform(0, 1, 5 + number).astype(np.float16) for number in (0, 2, 3, 9, 11)}
    holding = Backgrounds()
    for number, each in rows.items():
        holding.put(number, each)
    for number in (0, 9):
        holding.drop(number)
    path = tmp_path / BACKGROUND
    with path.open("wb") as file:
        holding.write(file)
    read = Backgrounds.read(path, [Place(n, len(rows[n])) for n in (2, 3, 11)], mapped=True)
    for known in (holding, read):
        for number, own in rows.items():
            keys = np.arange(len(own), dtype=np.int64) + (number << ROWS_BITS)
            wanted = np.zeros(len(own)) if number in {0, 9} else own
            assert known.of(keys).tolist() == wanted.tolist(), f"video {number}"
        assert known.of(np.array([[-1, 50 << ROWS_BITS]])).tolist() == [[0, 0]]
