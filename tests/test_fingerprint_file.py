"""Fingerprints written and read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import prints
from tests.hostile import STEADY, anything, sentence, spoiled
from triage.errors import MatchIndexError
from triage.fingerprint_file import dump_fingerprint, load_fingerprint
from triage.records import VIEWS

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


def written(**arrays: Any) -> bytes:
    """A file as numpy writes it, with other arrays."""
    with np.load(io.BytesIO(WHOLE[0])) as stored:
        held = {**{name: stored[name] for name in stored.files}, **arrays}
    file = io.BytesIO()
    np.savez_compressed(file, **held)
    return file.getvalue()


def head(**values: Any) -> Any:
    said = {"kind": 1, "video": "a" * 64, "model": "m", "length_ms": 1, **values}
    return np.frombuffer(json.dumps(said).encode(), np.uint8)


WHOLE = [dump_fingerprint(prints.fingerprint("a", prints.scene(1, 3)))]


def said_of(data: bytes) -> str:
    try:
        found = load_fingerprint(data, WHERE)
    except MatchIndexError as error:
        return sentence(error)
    assert len(found.vectors) == len(found)
    return ""


@settings(STEADY, max_examples=150)
@given(st.one_of(spoiled(WHOLE), st.binary(max_size=60)))
def test_whatever_bytes_there_are_they_are_a_fingerprint_or_a_sentence(data: bytes) -> None:
    said_of(data)


@settings(STEADY, max_examples=60)
@given(anything)
def test_whatever_its_head_says_it_is_a_fingerprint_or_a_sentence(said: object) -> None:
    for name in ("kind", "video", "model", "length_ms"):
        said_of(written(head=head(**{name: said})))
    said_of(written(head=np.frombuffer(json.dumps(said).encode(), np.uint8)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: written(vectors=np.zeros((3, len(VIEWS), 128), np.float32)), id="kind"),
        pytest.param(lambda: written(vectors=np.array([object()], object)), id="objects"),
        pytest.param(lambda: written(background=np.full((3, len(VIEWS)), np.nan, np.float16)), id="no number"),
        pytest.param(lambda: written(times_ms=np.array([5, 1, 2])), id="order"),
        pytest.param(lambda: written(hashes=np.zeros((2, 32), np.uint8)), id="rows"),
        pytest.param(lambda: written(head=head(length_ms=-1)), id="length"),
        pytest.param(lambda: WHOLE[0].replace(b"PK\x01\x02", b"PK\x01\x03", 1), id="list"),
        pytest.param(lambda: flipped(WHOLE[0]), id="packing"),
    ],
)
def test_what_was_not_written_so_is_called_damaged(data: Callable[[], bytes]) -> None:
    assert "this fingerprint is damaged" in said_of(data())


def flipped(data: bytes) -> bytes:
    """The first array's packed bytes are turned over."""
    return data[:60] + bytes(255 - byte for byte in data[60:90]) + data[90:]


def test_what_would_unpack_to_far_more_than_it_is_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.fingerprint_file.MOST_BYTES", 1000)
    assert "damaged" in said_of(WHOLE[0])
