from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import STEADY, replaced, spoiled
from triage.redaction.quarantine import LOCK, SUFFIX, sidecar_of
from triage.redaction.recognising import Left, left_in
from triage.redaction.sidecar import KIND


def copy(path: Path, contents: bytes = b"copy") -> Path:
    """A copy with its sidecar."""
    path.write_bytes(contents)
    row = {"kind": KIND, "original": {"sha256": "a" * 64}, "copy": {"sha256": hashlib.sha256(contents).hexdigest()}}
    sidecar_of(path).write_text(json.dumps(row))
    return path


def left(folder: Path) -> Left:
    return left_in(folder, [file.name for file in folder.iterdir()])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / LOCK).write_bytes(b"")
    copy(tmp_path / "clip.review.mp4")
    return tmp_path


def test_copies_are_known_where_they_were_made_with_all_that_is_beside_them(place: Path) -> None:
    copy(place / "photo.review.png")
    unfinished = place / f".other.review.mp4{SUFFIX}"
    unfinished.mkdir()
    (unfinished / "copy.mp4.part").write_bytes(b"half")
    (unfinished / f"000003-{'f' * 16}.mp4").write_bytes(b"part")
    found = left(place)
    assert found.copies == {"clip.review.mp4", "photo.review.png"}
    assert found.beside == {LOCK, "clip.review.mp4.json", "photo.review.png.json", unfinished.name}


def test_a_copy_that_was_moved_elsewhere_is_none_of_ours(tmp_path: Path) -> None:
    copy(tmp_path / "clip.review.mp4")
    assert left(tmp_path) == Left()


@pytest.mark.parametrize("name", ["evidence.mp4", "evidence.review.mp4", "clip.review.mp4.mov", f".case{SUFFIX}"])
def test_what_somebody_put_beside_copies_is_none_of_ours(place: Path, name: str) -> None:
    (place / name).write_bytes(b"evidence")
    assert left(place).copies == {"clip.review.mp4"}
    assert name not in left(place).beside


def test_another_file_under_the_name_of_a_copy_is_none_of_ours(place: Path) -> None:
    (place / "clip.review.mp4").write_bytes(b"evidence")
    assert left(place).copies == frozenset()
    assert "clip.review.mp4.json" not in left(place).beside


def test_a_folder_with_anything_else_in_it_is_no_quarantine(place: Path) -> None:
    folder = place / f".evidence{SUFFIX}"
    folder.mkdir()
    (folder / "copy.mp4").write_bytes(b"part")
    (folder / "evidence.mp4").write_bytes(b"evidence")
    assert folder.name not in left(place).beside


def test_a_link_under_the_name_of_a_copy_is_none_of_ours(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = copy(tmp_path_factory.mktemp("other") / "clip.review.mp4")
    (place / "link.review.mp4").symlink_to(target)
    sidecar_of(place / "link.review.mp4").write_bytes(sidecar_of(target).read_bytes())
    assert left(place).copies == {"clip.review.mp4"}


def test_a_lock_that_holds_something_is_no_lock(place: Path) -> None:
    (place / LOCK).write_bytes(b"evidence")
    assert left(place) == Left()


SIDECAR = {"kind": KIND, "original": {"sha256": "a" * 64}, "copy": {"sha256": hashlib.sha256(b"copy").hexdigest()}}


@settings(STEADY, max_examples=100)
@given(st.one_of(spoiled([json.dumps(SIDECAR).encode()]), replaced(SIDECAR).map(lambda row: json.dumps(row).encode())))
def test_whatever_is_in_a_sidecar_of_a_dump_a_scan_goes_on(place: Path, data: bytes) -> None:
    sidecar_of(place / "clip.review.mp4").write_bytes(data)
    assert left(place).copies <= {"clip.review.mp4"}


def test_a_pipe_in_the_place_of_a_sidecar_is_not_waited_for(place: Path) -> None:
    sidecar = sidecar_of(place / "clip.review.mp4")
    sidecar.unlink()
    os.mkfifo(sidecar)
    assert left(place).copies == frozenset()
