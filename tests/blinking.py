"""White squares that stand for faces, in drawn clips, and detectors that see them, or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests import media
from triage.findings import registry
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.pipeline import examine, make_stages
from triage.records import Frame, Label, Report, Role
from triage.settings import load_settings

SIDE, WHITE = 24, 200
BELOW = 40
"""Rows at the top where the white mark of a copy is."""
ROLES = (Role.FACES, Role.GRAPHIC, Role.PEOPLE)


def squares(pictures: int = 50, *, width: int = 192, height: int = 128) -> Iterator[media.Image]:
    """A white square that moves slowly over a dark pattern."""
    for index in range(pictures):
        dark = (media.moving(0, width=width, height=height) // 4).astype(np.uint8)
        yield media.with_square(dark, left=20 + index, top=60, side=SIDE)


def clip(path: Path, pictures: int = 50) -> Path:
    return media.draw(path, squares(pictures))


def calm(path: Path, pictures: int = 14) -> Path:
    """A clip with nothing white in it."""
    return media.draw(path, ((media.moving(index) // 2).astype(np.uint8) for index in range(pictures)))


def white_is_a_face(frame: Frame) -> Said:
    """A face where it is white."""
    rows, columns = np.nonzero(frame.image[BELOW:].min(axis=2) > WHITE)
    if len(rows) > 20:
        x0, y0 = int(columns.min()), int(rows.min()) + BELOW
        yield Label.FACE, 0.9, Box(x0, y0, int(columns.max()) + 1, int(rows.max()) + BELOW + 1)


def seeing(say: Callable[[Frame], Said] = white_is_a_face, title: str = "scripted") -> Scripted:
    return Scripted(say, ROLES, title)


def report_on(path: Path, detectors: Sequence[Scripted] | None = None, *overrides: str) -> Report:
    """What a scan says of a file."""
    stages = make_stages(load_settings("default", overrides).settings, detectors or [seeing()])
    report = examine(path, hashlib.sha256(path.read_bytes()).hexdigest(), stages)
    assert isinstance(report, Report)
    return replace(report, video=replace(report.video, path=Path()))


def pictures_of(path: Path) -> list[media.Image]:
    """Every picture of a copy, BGR."""
    with av.open(str(path)) as container:
        return [picture.to_ndarray(format="bgr24").astype(np.uint8) for picture in container.decode(video=0)]


def is_covered_whole(image: media.Image) -> bool:
    """Whether all of a picture below the mark is flat."""
    return bool(image[BELOW:].std() < 3)


def shows_white(path: Path) -> bool:
    """Whether any picture shows anything of a square; the mark of a copy is above."""
    return any((image[BELOW:].min(axis=2) > WHITE).sum() > 4 for image in pictures_of(path))


def no_model_but_white(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever opens models gets what takes white for a face."""
    monkeypatch.setattr(registry, "open_models", lambda _: ([seeing()], []))
