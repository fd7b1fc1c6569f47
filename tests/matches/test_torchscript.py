"""A user's TorchScript file: normalised as SSCD wants it, and refused in a sentence."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.matches.pictures import frame_of, scene
from tests.torch_nets import scripted, vectors_script
from triage.durable import sha256_of
from triage.errors import DetectorError, WeightsError
from triage.matches.registry import open_with
from triage.matches.torchscript import TorchScriptNet
from triage.records import Role
from triage.settings import Settings
from triage.weights import Weights


def weights(file: Path, input_px: int = 64) -> Weights:
    card = file.with_suffix(".md")
    return Weights("x", (Role.COPIES,), file, sha256_of(file), "none", "drawn", {}, input_px, card, "torchscript")


class Echo(torch.nn.Module):
    """Answers with the mean of red, green and blue as it was given them."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=[2, 3])


class Number(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> float:
        return float(images.mean())


class Narrow(torch.nn.Module):
    """Fails on more than one picture."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.reshape(1, 3 * 64 * 64)[:, :8]


def test_pictures_are_red_first_and_normalised_as_imagenet_is(tmp_path: Path) -> None:
    net = TorchScriptNet(weights(scripted(Echo(), tmp_path / "echo.pt")))
    blue = np.zeros((1, 64, 64, 3), np.uint8)
    blue[..., 0] = 255
    wanted = [(0 - 0.485) / 0.229, (0 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert net.vectors(blue, "x") == pytest.approx(np.array([wanted]), abs=1e-5)


def test_more_pictures_than_are_run_at_once_are_answered_in_order(tmp_path: Path) -> None:
    net = TorchScriptNet(weights(scripted(Echo(), tmp_path / "echo.pt")))
    images = np.zeros((40, 64, 64, 3), np.uint8)
    images[..., 2] = np.arange(40)[:, None, None]
    assert (np.diff(net.vectors(images, "x")[:, 0]) > 0).all()


def test_vectors_are_made_of_unit_length(tmp_path: Path) -> None:
    embedder = open_with(weights(vectors_script(tmp_path / "net.pt")), Settings())
    [one] = embedder.embed([frame_of(scene(1))])
    assert np.allclose(np.linalg.norm(one.vectors, axis=1), 1, atol=1e-5)
    assert embedder.runs_on.startswith("torch")


def written(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def checkpoint(path: Path) -> Path:
    torch.save({"weight": torch.zeros(3)}, path)
    return path


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: written(b"", path), "cannot be read as TorchScript"),
        (lambda path: written(pickle.dumps({"state_dict": {}}), path), "cannot be read as TorchScript"),
        (checkpoint, "cannot be read as TorchScript"),
        (lambda path: vectors_script(path, poison=float("nan")), "not a number"),
        (lambda path: scripted(Number(), path), "no vector but float"),
    ],
    ids=["empty", "pickle", "checkpoint", "no numbers", "one number"],
)
def test_what_is_no_such_model_is_refused(tmp_path: Path, make: Callable[[Path], Path], complaint: str) -> None:
    with pytest.raises(WeightsError, match=complaint):
        open_with(weights(make(tmp_path / "other.pt")), Settings())


def test_a_model_that_fails_on_frames_is_a_detector_error(tmp_path: Path) -> None:
    embedder = open_with(weights(scripted(Narrow(), tmp_path / "narrow.pt")), Settings())
    with pytest.raises(DetectorError, match=r"x@.* failed: "):
        embedder.embed([frame_of(scene(1))])
