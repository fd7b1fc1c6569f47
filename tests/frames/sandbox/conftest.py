"""What tests of decoders in processes of their own share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.frames.sandbox.liar import Instead, instead
from triage.frames.sandbox import asked, decoders
from triage.frames.sandbox.decoders import Started


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """The decoders that were started in this test."""
    met: list[Started] = []

    def start(file: BinaryIO, request: Mapping[str, Any]) -> Started:
        met.append(decoders.start(file, request))
        return met[-1]

    monkeypatch.setattr(asked, "start", start)
    return met


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of which only a liar tells."""
    (tmp_path / "clip.mp4").write_bytes(b"x")
    return tmp_path / "clip.mp4"


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> Iterator[Instead]:
    with instead(monkeypatch) as lie:
        yield lie
