from __future__ import annotations

import os
from pathlib import Path

import pytest

from triage.errors import Refusal, VideoError
from triage.original import open_original


def test_an_ordinary_file_is_opened_for_reading_alone(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"bytes")
    with open_original(tmp_path / "clip.mp4") as file:
        assert file.read() == b"bytes"
        assert not file.writable()


def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "clip.mp4").symlink_to(tmp_path / "outside")
    with pytest.raises(VideoError, match="it cannot be read: ") as refused:
        open_original(tmp_path / "clip.mp4")
    assert refused.value.kind is Refusal.NOT_OPENED


@pytest.mark.timeout(10)
def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mp4")
    with pytest.raises(VideoError, match="it is not an ordinary file any more"):
        open_original(tmp_path / "clip.mp4")


def test_a_file_that_is_gone_is_said_in_the_systems_words(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="it cannot be read: No such file or directory"):
        open_original(tmp_path / "clip.mp4")
