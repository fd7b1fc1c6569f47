"""The fast indexes: when they become approximate, what they keep then, and which files they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.contracts.test_indexes import DIM, MODEL, clustered, keys_of, queries
from triage.errors import CaseError, MatchIndexError
from triage.matches import faiss_index
from triage.matches.faiss_index import HASHES, LEARN_AGAIN, VECTORS, FaissIndex, HashIndex
from triage.matches.index import ExactIndex
from triage.matches.index_folder import FORMAT, HEAD

OTHER = "other@12345678"
Hashes = npt.NDArray[np.uint8]


def filled(count: int, exact_up_to: int | None = None) -> FaissIndex:
    index = FaissIndex(MODEL, DIM, exact_up_to=exact_up_to)
    index.add(keys_of(count), clustered(count))
    return index


def recall(index: FaissIndex, exact: ExactIndex, asked: npt.NDArray[np.float32]) -> float:
    pairs = zip(index.search(asked, 10).keys, exact.search(asked, 10).keys, strict=True)
    return float(np.mean([len(np.intersect1d(one, two)) for one, two in pairs]) / 10)


def hashes(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def flipped(of: Hashes, bits: int) -> Hashes:
    """The same hashes with the first ``bits`` bits the other way round."""
    whole = np.unpackbits(of, axis=1)
    whole[:, :bits] ^= 1
    return np.packbits(whole, axis=1)


def test_it_compares_with_everything_up_to_the_number_and_not_beyond() -> None:
    index = FaissIndex(MODEL, DIM, exact_up_to=500)
    said = []
    for more in (500, 1, 499):
        index.add(np.arange(more, dtype=np.int64) + len(index), clustered(more))
        said.append((len(index), index.is_exact))
    assert said == [(500, True), (501, False), (1000, False)]


def test_what_was_stored_before_it_became_approximate_is_found_after() -> None:
    vectors, keys = clustered(2000), keys_of(2000)
    index = FaissIndex(MODEL, DIM, exact_up_to=1000)
    for start in range(0, 2000, 100):
        index.add(keys[start : start + 100], vectors[start : start + 100])
    assert (index.search(vectors, 1).keys[:, 0] == keys).mean() > 0.99


def test_an_index_that_grew_and_learnt_again_is_as_right_as_before() -> None:
    vectors, keys = clustered(9000), keys_of(9000)
    index, exact = FaissIndex(MODEL, DIM, exact_up_to=500), ExactIndex(MODEL, DIM)
    learnt = set()
    for start in range(0, 9000, 600):
        for each in (index, exact):
            each.add(keys[start : start + 600], vectors[start : start + 600])
        learnt.add(index._learnt_from)
    assert len(learnt) == 2, f"it learns again at {LEARN_AGAIN} times its size"
    assert recall(index, exact, queries(vectors[::30])) >= 0.98


def test_two_that_got_the_same_are_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        filled(1500, exact_up_to=1000).save(tmp_path / name)
    assert (tmp_path / "a" / HEAD).read_bytes() == (tmp_path / "b" / HEAD).read_bytes(), "it holds the file's hash"


@pytest.mark.parametrize("exact_up_to", [5000, 1000])
def test_what_was_saved_answers_the_same_and_goes_on(tmp_path: Path, exact_up_to: int) -> None:
    index = filled(1500, exact_up_to)
    index.remove(keys_of(1500)[:50])
    index.save(tmp_path)
    again = FaissIndex.load(tmp_path, MODEL)
    asked = queries(clustered(1500)[::10])
    assert again.search(asked, 10).keys.tolist() == index.search(asked, 10).keys.tolist()
    assert (len(again), again.dim, again.exact_up_to) == (1450, DIM, exact_up_to)
    assert again.is_exact is (exact_up_to == 5000)
    with pytest.raises(ValueError, match="a key is there once"):
        again.add(keys_of(1500)[60:61], clustered(1))
    again.add(keys_of(1500)[:50], clustered(50))
    assert len(again) == 1500


def test_an_empty_index_can_be_saved(tmp_path: Path) -> None:
    FaissIndex(MODEL, DIM).save(tmp_path)
    assert len(FaissIndex.load(tmp_path, MODEL)) == 0


def test_a_folder_with_any_name_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "ящик \udcff"
    filled(20).save(folder)
    assert len(FaissIndex.load(folder, MODEL)) == 20


def test_saving_again_leaves_one_index_and_nothing_else(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("mine")
    for count in (20, 30):
        filled(count).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert note.read_text() == "mine"
    assert len(FaissIndex.load(tmp_path, MODEL)) == 30


@pytest.mark.parametrize("after", [VECTORS, HEAD])
def test_a_save_that_breaks_off_leaves_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    filled(20).save(tmp_path)
    if after == VECTORS:
        monkeypatch.setattr(faiss_index, "_write", _full)
    else:
        monkeypatch.setattr("triage.matches.index_folder.write_whole", _full)
    with pytest.raises((OSError, CaseError)):
        filled(30).save(tmp_path)
    monkeypatch.undo()
    assert len(FaissIndex.load(tmp_path, MODEL)) == 20


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def _vectors(folder: Path) -> None:
    filled(1500, exact_up_to=1000).save(folder)


def _hashes(folder: Path) -> None:
    index = HashIndex(MODEL)
    index.add(keys_of(100), hashes(100))
    index.save(folder)


KINDS = [
    pytest.param(_vectors, FaissIndex.load, VECTORS, id="vectors"),
    pytest.param(_hashes, HashIndex.load, HASHES, id="hashes"),
]
Save = Callable[[Path], None]
Load = Callable[[Path, str], object]


def stored(folder: Path, name: str) -> Path:
    stem, suffix = name.split(".")
    [path] = folder.glob(f"{stem}.*.{suffix}")
    return path


@pytest.mark.parametrize(("save", "load", "name"), KINDS)
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_file_with_one_changed_byte_is_refused(
    tmp_path: Path, save: Save, load: Load, name: str, place: float
) -> None:
    save(tmp_path)
    path = stored(tmp_path, name)
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(MatchIndexError, match=r"damaged.*SHA-256.*triage match CASE --rebuild$"):
        load(tmp_path, MODEL)


@pytest.mark.parametrize(("save", "load", "name"), KINDS)
@pytest.mark.parametrize("share", [0, 0.5, 0.99, None])
def test_a_file_that_was_cut_or_is_gone_is_refused(
    tmp_path: Path, save: Save, load: Load, name: str, share: float | None
) -> None:
    save(tmp_path)
    path = stored(tmp_path, name)
    if share is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(MatchIndexError, match=r"damaged.*triage match CASE --rebuild$"):
        load(tmp_path, MODEL)


@pytest.mark.parametrize(("save", "load", "name"), KINDS)
def test_a_cut_file_whose_hash_is_right_is_refused_as_well(tmp_path: Path, save: Save, load: Load, name: str) -> None:
    from triage.durable import sha256_of

    save(tmp_path)
    path, head = stored(tmp_path, name), tmp_path / HEAD
    before = sha256_of(path)
    path.write_bytes(path.read_bytes()[:-100])
    head.write_text(head.read_text().replace(before, sha256_of(path)))
    with pytest.raises(MatchIndexError, match=r"damaged.*triage match CASE --rebuild$"):
        load(tmp_path, MODEL)


@pytest.mark.parametrize(("save", "load", "name"), KINDS)
def test_an_index_of_another_model_is_refused_and_both_are_named(
    tmp_path: Path, save: Save, load: Load, name: str
) -> None:
    save(tmp_path)
    with pytest.raises(MatchIndexError, match=rf"{MODEL}.*{OTHER}.*triage match CASE --rebuild$"):
        load(tmp_path, OTHER)


@pytest.mark.parametrize(("save", "load", "name"), KINDS)
def test_an_index_of_a_newer_version_is_refused_as_such(tmp_path: Path, save: Save, load: Load, name: str) -> None:
    save(tmp_path)
    told = json.loads((tmp_path / HEAD).read_text())
    (tmp_path / HEAD).write_text(json.dumps(told | {"format": FORMAT + 1}))
    with pytest.raises(MatchIndexError, match=r"newer version.*triage match CASE --rebuild$"):
        load(tmp_path, MODEL)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "no index here"),
        ("", "not JSON"),
        ("\xff", "not JSON"),
        ("[]", "something is missing"),
        ('{"format": 1}', "something is missing"),
        ('{"format": 1, "model": "drawn@00000000", "files": {}, "head": {}}', "names no"),
        ('{"format": 1, "model": "drawn@00000000", "files": [], "head": {}}', "something is missing"),
    ],
)
@pytest.mark.parametrize(("save", "load", "name"), KINDS)
def test_a_head_that_is_missing_or_damaged_is_said_so(
    tmp_path: Path, save: Save, load: Load, name: str, text: str | None, why: str
) -> None:
    save(tmp_path)
    (tmp_path / HEAD).unlink()
    if text is not None:
        (tmp_path / HEAD).write_bytes(text.encode("latin-1"))
    with pytest.raises(MatchIndexError, match=rf"{why}.*triage match CASE --rebuild$"):
        load(tmp_path, MODEL)


def test_a_head_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    _vectors(tmp_path / "index")
    path = stored(tmp_path / "index", VECTORS)
    path.rename(tmp_path / path.name)
    head = tmp_path / "index" / HEAD
    head.write_text(head.read_text().replace(path.name, f"../{path.name}"))
    with pytest.raises(MatchIndexError, match="damaged"):
        FaissIndex.load(tmp_path / "index", MODEL)


def test_hashes_are_found_up_to_the_largest_distance_and_not_beyond() -> None:
    index, original = HashIndex(MODEL), hashes(1)
    distances = (0, 1, 30, 31, 32, 100)
    index.add(np.arange(6, dtype=np.int64), np.concatenate([flipped(original, bits) for bits in distances]))
    [(keys, bits)] = index.within(original, 31)
    assert keys.tolist() == [0, 1, 2, 3]
    assert bits.tolist() == [0, 1, 30, 31]


def test_hashes_are_found_as_counting_their_bits_finds_them() -> None:
    index, many = HashIndex(MODEL), hashes(400)
    asked = hashes(20, seed=1)
    index.add(keys_of(400), many)
    away = np.unpackbits(asked[:, None] ^ many[None], axis=2).sum(axis=2)
    for row, (keys, bits) in enumerate(index.within(asked, 115)):
        [near] = np.nonzero(away[row] <= 115)
        order = np.lexsort((keys_of(400)[near], away[row][near]))
        assert keys.tolist() == keys_of(400)[near][order].tolist()
        assert bits.tolist() == away[row][near][order].tolist()


def test_a_hash_that_was_removed_is_not_found_and_a_key_is_there_once(tmp_path: Path) -> None:
    index = HashIndex(MODEL)
    assert [len(keys) for keys, _ in index.within(hashes(2), 31)] == [0, 0]
    index.add(keys_of(10), hashes(10))
    assert index.remove(keys_of(10)[:3]) == 3
    assert len(index.within(hashes(10)[:1], 31)[0][0]) == 0
    index.save(tmp_path)
    again = HashIndex.load(tmp_path, MODEL)
    assert len(again) == 7
    with pytest.raises(ValueError, match="a key is there once"):
        again.add(keys_of(10)[5:6], hashes(1))
    again.add(keys_of(10)[:3], hashes(3))
    assert again.within(hashes(10)[:1], 0)[0][0].tolist() == [keys_of(10)[0]]
