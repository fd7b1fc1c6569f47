"""How common a picture is, by vectors of unrelated pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.prints import unit
from triage.errors import WeightsError
from triage.matches.background import Background, read_background

AXES = np.eye(8, dtype=np.float32)


def test_it_is_the_mean_cosine_of_the_three_nearest() -> None:
    stored = unit(np.random.default_rng(1).normal(size=(50, 8)))
    asked = unit(np.random.default_rng(2).normal(size=(4, 8)))
    wanted = np.sort(asked @ stored.T, axis=1)[:, -3:].mean(axis=1)
    assert Background(stored).of(asked) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("count", "answer"), [(0, 0.0), (1, 1.0), (2, 0.5), (3, 1 / 3), (8, 1 / 3)])
def test_with_fewer_than_three_as_many_count_as_there_are(count: int, answer: float) -> None:
    assert Background(AXES[:count]).of(AXES[:1]) == pytest.approx(answer, abs=1e-6)


def test_without_a_file_nothing_is_common() -> None:
    assert read_background(None, 8).of(AXES).tolist() == [0.0] * 8


def test_vectors_in_16_bits_are_read(tmp_path: Path) -> None:
    stored = unit(np.random.default_rng(1).normal(size=(20, 8)))
    np.save(tmp_path / "background.npy", stored.astype(np.float16))
    assert read_background(tmp_path / "background.npy", 8).of(AXES) == pytest.approx(
        Background(stored).of(AXES), abs=2e-3
    )


def _save_archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, AXES)


def _save(array: object) -> Callable[[Path], None]:
    return lambda path: np.save(path, np.asarray(array), allow_pickle=True)


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00 and no more"), "cannot be read"),
        (_save([{"any": "code"}]), "cannot be read"),
        (_save(AXES[0]), "holds float32"),
        (_save(AXES[:, :7]), "vectors of 8 numbers"),
        (_save(AXES.astype(np.int8)), "holds int8"),
        (_save(2 * AXES), "not of unit length"),
        (_save(np.nan * AXES), "not of unit length"),
        (_save_archive, "an archive"),
    ],
    ids=["empty", "cut", "pickled", "one vector", "another length", "whole numbers", "long", "no numbers", "archive"],
)
def test_what_is_no_set_of_vectors_is_refused(tmp_path: Path, write: Callable[[Path], object], complaint: str) -> None:
    path = tmp_path / "background.npy"
    write(path)
    with pytest.raises(WeightsError, match=complaint):
        read_background(path, 8)
