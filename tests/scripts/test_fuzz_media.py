"""Scanning mutated files: what is wrong with a batch is seen, and the rest of it goes on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fuzz_media
import pytest

from tests import media
from tests.examples import nobody, scripted_stages
from triage.case.rows import Row
from triage.case.store import Case


@pytest.fixture
def named(tmp_path: Path) -> dict[str, bytes]:
    """A clip, half of it, a note and an archive with two members."""
    clip = media.streamable(tmp_path / "clip.mp4", pictures=10).read_bytes()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("clip.mp4", clip[:-9])
        archive.writestr("note.txt", "words and words")
    return {"1.mp4": clip, "2.mov": clip[: len(clip) // 2], "3.txt": b"words", "4.zip": file.getvalue()}


@pytest.fixture
def fuzzed(tmp_path: Path) -> fuzz_media.Fuzzed:
    return fuzz_media.Fuzzed(scripted_stages(nobody), tmp_path / "kept")


def test_a_batch_in_which_nothing_is_wrong_has_a_row_for_each_file_and_member(
    fuzzed: fuzz_media.Fuzzed, named: dict[str, bytes]
) -> None:
    fuzzed.batch(named)
    assert fuzzed.failures == []
    assert (fuzzed.files, fuzzed.rows) == (4, 6)
    assert fuzzed.came["not_media"] == 3
    assert not (fuzzed.keep or Path()).exists()


def test_what_raises_is_kept_and_the_rest_goes_on(
    fuzzed: fuzz_media.Fuzzed, named: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = Case.note_file

    def note_file(self: Case, path: Path, *rest: Any) -> None:
        if path.name == "2.mov":
            raise ZeroDivisionError("over there")
        note(self, path, *rest)

    monkeypatch.setattr(Case, "note_file", note_file)
    fuzzed.batch(named)
    assert fuzzed.failures == ["ZeroDivisionError: over there"]
    assert fuzzed.rows == 5
    assert [path.name for path in (fuzzed.keep or Path()).iterdir()] == ["2.mov"]


def test_a_file_without_a_row_is_seen(
    fuzzed: fuzz_media.Fuzzed, named: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Case.rows

    def without_the_last(self: Case) -> Iterator[Row]:
        yield from list(rows(self))[:-1]

    monkeypatch.setattr(Case, "rows", without_the_last)
    fuzzed.batch(named)
    assert any("was met 1 times and has 0 rows" in why for why in fuzzed.failures)


def test_what_is_written_into_the_dump_is_seen(
    fuzzed: fuzz_media.Fuzzed, named: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Case.rows

    def touching(self: Case) -> Iterator[Row]:
        (self.folder.parent / "dump" / "1.mp4").write_bytes(b"changed")
        return rows(self)

    monkeypatch.setattr(Case, "rows", touching)
    fuzzed.batch(named)
    assert "1.mp4 was changed or put into the dump" in fuzzed.failures


@pytest.mark.parametrize(("handles", "memory", "leaks"), [(6, 100.0, False), (7, 100.0, True), (6, 165.0, True)])
def test_handles_and_memory_that_stay_are_a_failure(
    handles: int, memory: float, leaks: bool, fuzzed: fuzz_media.Fuzzed
) -> None:
    if leaks:
        with pytest.raises(SystemExit):
            fuzz_media._told(fuzzed, (6, 100.0), (handles, memory), 64.0)
    else:
        fuzz_media._told(fuzzed, (6, 100.0), (handles, memory), 64.0)
