"""What every embedder owes, run over the registry of readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.matches.pictures import frame_of, scene
from tests.nets import vectors_net
from tests.torch_nets import vectors_script
from triage.durable import sha256_of
from triage.matches.embedder import Embedder
from triage.matches.registry import EMBEDDERS, open_with
from triage.records import VIEWS, Frame, Role, View
from triage.settings import Detecting, Precision, Settings
from triage.weights import Weights

MAKERS: Mapping[str, Callable[[Path], Path]] = {
    "copies": lambda folder: vectors_net(folder / "vectors.onnx"),
    "torchscript": lambda folder: vectors_script(folder / "vectors.torchscript.pt"),
}
"""How to draw a net for each reader. A new line in ``EMBEDDERS`` needs one here."""


@pytest.fixture(params=MAKERS)
def embedder(request: pytest.FixtureRequest, tmp_path: Path) -> Embedder:
    file = MAKERS[request.param](tmp_path)
    weights = Weights(
        "drawn", (Role.COPIES,), file, sha256_of(file), "none", "drawn", {}, 64, tmp_path / "card.md", request.param
    )
    # exact: calculated in 16 bits, the vector of a picture differs by a hair from batch to batch
    return open_with(weights, Settings(detecting=Detecting(precision=Precision.EXACT)))


def frames() -> list[Frame]:
    return [frame_of(scene(seed), time_ms=400 * seed) for seed in range(3)]


def mirrored(frame: Frame) -> Frame:
    return frame_of(cv2.flip(frame.image, 1).astype(np.uint8))


def test_every_registered_reader_is_held_to_the_contract() -> None:
    assert set(EMBEDDERS) == set(MAKERS)


def test_there_is_one_embedding_per_frame_in_the_order_of_the_frames(embedder: Embedder) -> None:
    together = embedder.embed(frames())
    assert [one.time_ms for one in together] == [0, 400, 800]
    for alone, frame in zip(together, frames(), strict=True):
        [again] = embedder.embed([frame])
        assert np.allclose(alone.vectors, again.vectors, atol=1e-5)
        assert np.array_equal(alone.hash, again.hash)


def test_no_frames_get_no_embeddings(embedder: Embedder) -> None:
    assert embedder.embed([]) == []


def test_every_view_has_a_vector_of_unit_length(embedder: Embedder) -> None:
    for one in embedder.embed([*frames(), frame_of(np.zeros((90, 160, 3), np.uint8))]):
        assert one.vectors.shape == (len(VIEWS), embedder.dim)
        assert one.vectors.dtype == one.background.dtype == np.float32
        assert np.allclose(np.linalg.norm(one.vectors, axis=1), 1, atol=1e-5)
        assert one.background.shape == (len(VIEWS),)
        assert (np.abs(one.background) <= 1).all()
        assert one.hash.shape == (32,)


def test_the_same_frames_get_the_same_vectors_again(embedder: Embedder) -> None:
    for one, again in zip(embedder.embed(frames()), embedder.embed(frames()), strict=True):
        assert np.array_equal(one.vectors, again.vectors)


def test_the_whole_of_a_mirrored_frame_is_the_mirrored_view_of_the_frame(embedder: Embedder) -> None:
    whole, turned = VIEWS.index(View.WHOLE), VIEWS.index(View.MIRRORED)
    for frame in frames():
        [one], [other] = embedder.embed([frame]), embedder.embed([mirrored(frame)])
        assert float(one.vectors[turned] @ other.vectors[whole]) >= 0.999
        assert float(one.vectors[whole] @ other.vectors[turned]) >= 0.999
        assert float(one.vectors[whole] @ other.vectors[whole]) < 0.99, "the net tells left from right"


def test_embedding_does_not_change_the_picture(embedder: Embedder) -> None:
    [frame, *_] = frames()
    before = frame.image.copy()
    embedder.embed([frame])
    assert np.array_equal(frame.image, before)


def test_a_black_frame_is_embedded_and_not_compared(embedder: Embedder) -> None:
    [black, seen] = embedder.embed([frame_of(np.zeros((432, 768, 3), np.uint8)), frame_of(scene(1))])
    assert not black.is_comparable
    assert seen.is_comparable


def test_the_model_is_told_by_its_name_and_a_hash(embedder: Embedder) -> None:
    assert embedder.name == f"drawn@{embedder.sha256[:8]}"
    name, _, digest = embedder.model.partition("@")
    assert name == "drawn"
    assert len(digest) == 8
    assert set(digest) <= set("0123456789abcdef")
    assert embedder.runs_on
