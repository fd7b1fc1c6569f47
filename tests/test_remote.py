from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import media
from tests.run.test_local import reports, run
from triage import remote
from triage.case.store import Case, open_case
from triage.errors import UsageError, VideoError
from triage.original import open_original, stamp_now
from triage.run.dump import dump_roots
from triage.run.local import Done

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed; pip install 'triage[ray]'")
DUMP = Path("memory://dump")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    media.streamable(folder / "clip.mp4", pictures=40)
    (folder / "note.mp4").write_text("only words\n" * 20)
    return folder


@pytest.fixture
def store(clip: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A store with the same files, and this process as it is before anybody named an address."""
    monkeypatch.setattr(remote, "_named", set())
    system = fsspec.filesystem("memory")
    for file in clip.iterdir():
        system.pipe(f"/dump/deep/{file.name}", file.read_bytes())
    yield system
    system.rm("/dump", recursive=True)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with open_case(tmp_path / "case", make=True) as opened:
        yield opened


def test_a_store_leaves_the_reports_of_a_folder(store: Any, clip: Path, case: Case, tmp_path: Path) -> None:
    with open_case(tmp_path / "other", make=True) as other:
        run(clip, other)
    assert run(DUMP, case) == {"clip.mp4": Done.EXAMINED, "note.mp4": Done.REFUSED}
    assert reports(case.folder) == reports(tmp_path / "other")
    assert run(DUMP, case) == {"clip.mp4": Done.ALREADY, "note.mp4": Done.ALREADY}


def test_an_object_that_changed_is_examined_again(store: Any, case: Case, clip: Path) -> None:
    run(DUMP, case)
    store.pipe("/dump/deep/note.mp4", (clip / "clip.mp4").read_bytes())
    assert run(DUMP, case)["note.mp4"] is Done.SAME_BYTES


def test_nothing_is_fetched_that_no_scan_named(store: Any) -> None:
    path = DUMP / "deep" / "clip.mp4"
    for ask in (open_original, stamp_now):
        with pytest.raises(VideoError, match="only a scan that names this address fetches anything"):
            ask(path)
    dump_roots([DUMP / "deep"])
    with open_original(path) as file:
        assert isinstance(file, io.BufferedReader)
    with pytest.raises(VideoError, match="only a scan"):
        stamp_now(Path("memory://dump/deeper/clip.mp4"))


def test_what_is_not_there_and_what_nobody_reads_are_refused_in_a_sentence(store: Any) -> None:
    with pytest.raises(UsageError, match="memory://nowhere: there is no such folder or file to scan"):
        dump_roots([Path("memory://nowhere")])
    with pytest.raises(UsageError, match="carrier-pigeon://loft: "):
        dump_roots([Path("carrier-pigeon://loft")])


def test_a_disk_without_room_is_a_row_that_says_so(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dump_roots([DUMP])
    monkeypatch.setattr(remote, "ROOM_LEFT", 2**80)
    with pytest.raises(VideoError, match="there is no room to fetch its"):
        open_original(DUMP / "deep" / "clip.mp4")


def test_a_place_of_this_system_is_no_address(tmp_path: Path) -> None:
    assert remote.url_of(tmp_path / "s3:" / "bucket") is None
    assert remote.url_of(Path("C:/dump")) is None
    assert dump_roots([Path(f"file://{tmp_path}")]) == [tmp_path]
    assert remote.url_of(Path("s3://bucket/a b.mp4")) == "s3://bucket/a b.mp4"
