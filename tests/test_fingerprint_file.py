"""Fingerprints written and read."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests import prints
from triage.errors import MatchIndexError
from triage.fingerprint_file import dump_fingerprint, load_fingerprint

WHERE = Path("some.npz")


def test_what_is_read_is_what_was_written() -> None:
    written = prints.fingerprint("a", prints.scene(1, 9), is_comparable=[True] * 8 + [False])
    read = load_fingerprint(dump_fingerprint(written), WHERE)
    for field in fields(written):
        before, after = getattr(written, field.name), getattr(read, field.name)
        if field.name == "vectors":
            assert np.einsum("nvd,nvd->nv", before, after).min() > 0.9998, "one byte a number is enough"
            assert np.linalg.norm(after, axis=-1) == pytest.approx(1, abs=1e-6)
        else:
            np.testing.assert_array_equal(before, after)


def test_a_video_without_a_picture_can_be_kept() -> None:
    assert len(load_fingerprint(dump_fingerprint(prints.fingerprint("a", prints.scene(1, 0))), WHERE)) == 0


def test_the_same_fingerprint_is_the_same_bytes() -> None:
    written = prints.fingerprint("a", prints.scene(1, 9))
    assert dump_fingerprint(written) == dump_fingerprint(written)
    again = load_fingerprint(dump_fingerprint(written), WHERE)
    assert dump_fingerprint(again) == dump_fingerprint(written), "nothing is lost by reading and writing once more"


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_half_a_file_is_called_damaged(keep: float) -> None:
    data = dump_fingerprint(prints.fingerprint("a", prints.scene(1, 30)))
    cut = data[: int(keep * len(data))] if keep < 1 else data[: int(keep)]
    with pytest.raises(MatchIndexError, match=r"some\.npz: this fingerprint is damaged"):
        load_fingerprint(cut, WHERE)


def test_a_newer_kind_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.fingerprint_file.KIND", 2)
    data = dump_fingerprint(prints.fingerprint("a", prints.scene(1, 2)))
    monkeypatch.undo()
    with pytest.raises(MatchIndexError, match=r"newer version of triage \(kind 2\)"):
        load_fingerprint(data, WHERE)
