"""What the weights that ship find of drawn scenes, and that a face which two scenes share makes them no copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.matches.pictures import frame_of, scene
from tests.media import Image
from triage.matches.compare import compare
from triage.matches.embedder import Embedder
from triage.matches.registry import open_embedder
from triage.records import Fingerprint, Overlap
from triage.settings import Matching, Settings


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    opened = open_embedder(Settings())
    assert opened is not None
    return opened


def still(embedder: Embedder, name: str, image: Image) -> Fingerprint:
    video = name.encode().hex().ljust(64, "0")[:64]
    return Fingerprint.of(video, embedder.model, 0, embedder.embed([frame_of(image)]), {}, embedder.dim)


def compared(embedder: Embedder, one: Image, other: Image) -> Overlap | None:
    return compare(still(embedder, "one", one), still(embedder, "other", other), Matching())


def saved(image: Image) -> Image:
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def in_a_meme(image: Image) -> Image:
    framed = cv2.copyMakeBorder(image, 90, 10, 10, 10, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(framed, "WHEN THE BUS IS LATE", (60, 65), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0, 0, 0), 4, cv2.LINE_AA)
    return np.asarray(framed, np.uint8)


EDITS: Mapping[str, Callable[[Image], Image]] = {
    "JPEG": saved,
    "mirrored": lambda image: image[:, ::-1].copy(),
    "turned": lambda image: np.rot90(image).copy(),
    "upside down": lambda image: image[::-1, ::-1].copy(),
    "a quarter": lambda image: image[: image.shape[0] // 2, : image.shape[1] // 2].copy(),
    "side by side": lambda image: np.hstack([image, scene(99)]),
    "one of four": lambda image: np.vstack([np.hstack([scene(96), image]), np.hstack([scene(97), scene(98)])]),
    "a meme": in_a_meme,
    "grey": lambda image: np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2).astype(np.uint8),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_scene_is_a_copy_of_itself_and_of_no_other(embedder: Embedder, edit: str) -> None:
    edited = EDITS[edit](scene(4))
    assert compared(embedder, edited, scene(4)) is not None
    assert all(compared(embedder, edited, scene(seed)) is None for seed in (5, 6, 7))


@pytest.mark.shared
def test_the_same_face_in_two_scenes_makes_them_no_copies(embedder: Embedder, shared: Path) -> None:
    faces = sorted((shared / "data" / "fairface_age" / "images").glob("*.jpg"))[:40]
    assert faces
    for number, path in enumerate(faces):
        face = cv2.resize(np.asarray(cv2.imread(str(path)), np.uint8), (180, 180))
        scenes = [scene(200 + 2 * number), scene(201 + 2 * number)]
        for place, image in enumerate(scenes):
            image[120:300, 80 + 300 * place : 260 + 300 * place] = face
        assert compared(embedder, *scenes) is None, path.name
