"""The embedder that a scan uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.matches.pictures import frame_of, scene
from tests.nets import vectors_net
from tests.prints import unit
from triage import weights as weights_module
from triage.durable import sha256_of
from triage.errors import WeightsError
from triage.matches.registry import open_embedder
from triage.settings import Settings
from triage.weights import MANIFEST

ENTRY = """
[[weights]]
name = "copies"
roles = ["copies"]
file = "copies.onnx"
sha256 = "{sha256}"
licence = "none"
origin = "drawn"
labels = {{}}
input_px = 64
card = "copies.md"
reader = "copies"
background = "copies.background.npy"
background_sha256 = "{background}"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shipped weights with a drawn net for copies, and vectors beside it."""
    place = tmp_path / "weights"
    place.mkdir()
    vectors_net(place / "copies.onnx")
    np.save(place / "copies.background.npy", unit(np.random.default_rng(1).normal(size=(9, 16))).astype(np.float16))
    (place / "copies.md").write_text("## What it is blind to\n\n- Everything.\n", encoding="utf-8")
    hashes = {
        name: sha256_of(place / f"copies.{end}") for name, end in (("sha256", "onnx"), ("background", "background.npy"))
    }
    (place / MANIFEST).write_text(ENTRY.format(**hashes), encoding="utf-8")
    monkeypatch.setattr(weights_module, "shipped", lambda _: place)
    return place


def test_the_weights_for_copies_are_opened_with_their_background(folder: Path) -> None:
    assert folder
    embedder = open_embedder(Settings())
    assert embedder is not None
    [one] = embedder.embed([frame_of(scene(1))])
    assert one.background.all()


def test_without_weights_there_is_none(folder: Path) -> None:
    shutil.rmtree(folder)
    assert open_embedder(Settings()) is None


@pytest.mark.parametrize("name", ["copies.onnx", "copies.background.npy"])
def test_a_changed_file_is_never_opened(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"more")
    with pytest.raises(WeightsError, match=rf"{name}: SHA-256 is"):
        open_embedder(Settings())


def test_a_missing_background_is_said(folder: Path) -> None:
    (folder / "copies.background.npy").unlink()
    with pytest.raises(WeightsError, match="the background of 'copies' is missing"):
        open_embedder(Settings())


def test_a_reader_that_nobody_knows_is_named(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace('reader = "copies"', 'reader = "sscd"'), encoding="utf-8")
    with pytest.raises(WeightsError, match="no reader 'sscd'; known are copies, torchscript"):
        open_embedder(Settings())


def test_the_registry_loads_nothing_heavy() -> None:
    code = "import sys, triage.matches.registry; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cv2", "torch", "openvino", "pdqhash", "faiss"} & set(loaded)
