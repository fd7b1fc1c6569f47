"""A net for finding copies as an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.matches.pictures import frame_of, scene
from tests.nets import squares_net, vectors_net
from triage.durable import sha256_of
from triage.errors import WeightsError
from triage.matches.registry import open_with
from triage.matches.view_embedder import ViewEmbedder
from triage.records import Role
from triage.settings import Settings
from triage.weights import Weights


def opened(file: Path, input_px: int = 224) -> ViewEmbedder:
    card = file.with_suffix(".md")
    weights = Weights("x", (Role.COPIES,), file, sha256_of(file), "none", "drawn", {}, input_px, card, "copies")
    return open_with(weights, Settings())


def test_a_net_of_one_size_is_given_that_size(tmp_path: Path) -> None:
    embedder = opened(vectors_net(tmp_path / "net.onnx", dim=24, side_px=96))
    assert (embedder.side_px, embedder.dim) == (96, 24)
    assert embedder.runs_on.startswith("OpenVINO CPU")


def test_a_net_that_takes_one_picture_at_a_time_answers_for_all(tmp_path: Path) -> None:
    single = opened(vectors_net(tmp_path / "single.onnx", batch=1))
    any_number = opened(vectors_net(tmp_path / "any.onnx"))
    frames = [frame_of(scene(1)), frame_of(scene(2))]
    for one, other in zip(single.embed(frames), any_number.embed(frames), strict=True):
        assert ((one.vectors * other.vectors).sum(axis=1) > 0.999).all()


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (squares_net, "wanted is one vector"),
        (lambda path: vectors_net(path, outputs=2), "has 2 outputs; wanted is one"),
        (lambda path: vectors_net(path, fails_on=float("nan")), "not a number"),
        (lambda path: path.write_bytes(b"no model") and path, "cannot be read as a model"),
    ],
    ids=["a detector", "two outputs", "no numbers", "no model"],
)
def test_a_model_of_another_kind_is_refused(tmp_path: Path, make: Callable[[Path], Path], complaint: str) -> None:
    with pytest.raises(WeightsError, match=complaint):
        opened(make(tmp_path / "other.onnx"))


def test_a_net_whose_pictures_are_not_square_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"takes pictures of 128 x 64 px; wanted is a square"):
        opened(squares_net(tmp_path / "wide.onnx", size_hw=(64, 128)))


def test_the_numbers_of_a_frame_are_finite(tmp_path: Path) -> None:
    [one] = opened(vectors_net(tmp_path / "net.onnx")).embed([frame_of(np.full((64, 64, 3), 255, np.uint8))])
    assert np.isfinite(one.vectors).all()
