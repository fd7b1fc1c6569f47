from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from triage.errors import CaseError, UsageError
from triage.report.folder import INDEX, MARK, SUMS, new_folder, sums_of


def make(out: Path, words: str = "here") -> None:
    with new_folder(out) as folder:
        folder.write(INDEX, f"<!doctype html>\n{MARK}\n{words}".encode())
        folder.write("videos/ab/one.html", b"one")
        folder.close()


def test_a_report_stands_there_whole_and_lists_its_files(tmp_path: Path) -> None:
    make(tmp_path / "out")
    assert sums_of(tmp_path / "out") == {
        INDEX: hashlib.sha256((tmp_path / "out" / INDEX).read_bytes()).hexdigest(),
        "videos/ab/one.html": hashlib.sha256(b"one").hexdigest(),
    }


def test_an_earlier_report_is_replaced_with_all_its_files(tmp_path: Path) -> None:
    make(tmp_path / "out")
    with new_folder(tmp_path / "out") as folder:
        folder.write(INDEX, f"<!doctype html>\n{MARK}\nagain".encode())
        folder.close()
    assert {file.name for file in (tmp_path / "out").rglob("*") if file.is_file()} == {INDEX, SUMS}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    make(tmp_path / "out", "earlier")
    with pytest.raises(TypeError), new_folder(tmp_path / "out") as folder:
        folder.write(INDEX, "no bytes")  # type: ignore[arg-type]
    assert "earlier" in (tmp_path / "out" / INDEX).read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_no_report_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "evidence.mp4").write_bytes(b"video")
    with pytest.raises(UsageError, match="is no report by triage"):
        make(out)
    assert (out / "evidence.mp4").read_bytes() == b"video"


def test_a_file_that_somebody_put_into_a_report_is_not_removed(tmp_path: Path) -> None:
    make(tmp_path / "out")
    (tmp_path / "out/videos/my notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"my notes\.txt: lies in an earlier report and is none of its files"):
        make(tmp_path / "out")
    assert (tmp_path / "out/videos/my notes.txt").read_text() == "mine"


def test_a_list_of_hashes_alone_makes_no_report(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / SUMS).write_text(f"{'0' * 64}  letter.txt\n")
    (tmp_path / "out/letter.txt").write_text("mine")
    (tmp_path / "out" / INDEX).write_text("a page of somebody else")
    with pytest.raises(UsageError):
        make(tmp_path / "out")
    assert (tmp_path / "out/letter.txt").exists()


def test_a_file_where_the_folder_is_to_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises((UsageError, CaseError), match="out"):
        make(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    assert (tmp_path / "out" / INDEX).is_file()
