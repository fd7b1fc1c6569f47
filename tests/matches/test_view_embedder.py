"""Embeddings through a drawn net: what is cut off, what is weighed, and what is wrong with a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.matches.pictures import frame_of, scene
from tests.prints import unit
from triage.errors import DetectorError, WeightsError
from triage.matches import view_embedder
from triage.matches.view_embedder import ViewEmbedder
from triage.network import Images, Numbers
from triage.records import VIEWS, Role, View
from triage.weights import Weights

WHOLE = VIEWS.index(View.WHOLE)


class Means:
    """A net whose vector is the mean of each quarter of a picture, above or below grey."""

    runs_on = "numpy"

    def __init__(self, answers: Sequence[Numbers] = ()) -> None:
        self.side_px = 32
        self._answers = list(answers)

    def vectors(self, images: Images, name: str) -> Numbers:
        assert name
        if self._answers:
            return self._answers.pop(0)
        cells = images.astype(np.float32).reshape(len(images), 2, 16, 2, 16, 3).mean(axis=(2, 4, 5))
        return np.asarray(cells - cells.mean(axis=(1, 2), keepdims=True), np.float32).reshape(len(images), 4)


def weights(background: Path | None = None, sha256: str = "ab" * 32, background_sha256: str = "") -> Weights:
    file, card = Path("means.onnx"), Path("means.md")
    return Weights(
        "means", (Role.COPIES,), file, sha256, "none", "drawn", {}, 32, card, "copies",
        background=background, background_sha256=background_sha256,
    )  # fmt: skip


def test_borders_are_cut_off_and_told() -> None:
    image = scene(1)
    letterboxed = cv2.copyMakeBorder(image, 72, 72, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0)).astype(np.uint8)
    [plain, boxed] = ViewEmbedder(weights(), Means()).embed([frame_of(image), frame_of(letterboxed)])
    assert plain.borders == (0.0, 0.0, 0.0, 0.0)
    assert boxed.borders == pytest.approx((0.0, 0.125, 0.0, 0.125), abs=0.01)
    assert float(plain.vectors[WHOLE] @ boxed.vectors[WHOLE]) > 0.99


def test_every_view_is_weighed_against_unrelated_pictures(tmp_path: Path) -> None:
    stored = unit(np.random.default_rng(1).normal(size=(30, 4)))
    np.save(tmp_path / "background.npy", stored)
    [one] = ViewEmbedder(weights(tmp_path / "background.npy"), Means()).embed([frame_of(scene(1))])
    wanted = np.sort(one.vectors @ stored.T, axis=1)[:, -3:].mean(axis=1)
    assert one.background == pytest.approx(wanted, abs=1e-5)


def test_a_part_in_which_there_is_nothing_counts_as_like_everything() -> None:
    image = scene(1)
    image[: image.shape[0] // 2, : image.shape[1] // 2] = 0
    [one] = ViewEmbedder(weights(), Means()).embed([frame_of(image)])
    assert one.is_comparable
    assert one.background[VIEWS.index(View.TOP_LEFT)] == 1
    assert one.background[VIEWS.index(View.BOTTOM_RIGHT)] == 0


def test_a_grey_frame_is_told() -> None:
    grey = np.repeat(scene(1).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    [one, other] = ViewEmbedder(weights(), Means()).embed([frame_of(grey), frame_of(scene(1))])
    assert (one.is_grey, other.is_grey) == (True, False)


def test_a_vector_without_a_direction_is_not_compared() -> None:
    count = len(VIEWS)
    net = Means([np.ones((1, 4), np.float32), np.zeros((count, 4), np.float32)])
    [one] = ViewEmbedder(weights(), net).embed([frame_of(scene(1))])
    assert not one.is_comparable
    assert np.allclose(np.linalg.norm(one.vectors, axis=1), 1)


def test_another_model_background_or_recipe_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        ViewEmbedder(weights(), Means()).model,
        ViewEmbedder(weights(sha256="cd" * 32), Means()).model,
        ViewEmbedder(weights(background_sha256="ef" * 32), Means()).model,
    ]
    monkeypatch.setattr(view_embedder, "RECIPE", "another")
    names.append(ViewEmbedder(weights(), Means()).model)
    assert len(set(names)) == 4
    assert all(name.startswith("means@") for name in names)


@pytest.mark.parametrize("shape", [(1,), (2, 4), (1, 4, 4), (1, 1)])
def test_a_model_that_does_not_answer_with_one_vector_is_refused_when_it_is_opened(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match=r"means.onnx: for one picture .* wanted is one vector"):
        ViewEmbedder(weights(), Means([np.ones(shape, np.float32)]))


def test_a_model_that_answers_otherwise_later_has_failed() -> None:
    net = Means([np.ones((1, 4), np.float32), np.ones((3, 4), np.float32)])
    with pytest.raises(DetectorError, match=r"means@abababab failed: .*\(3, 4\)"):
        ViewEmbedder(weights(), net).embed([frame_of(scene(1))])
