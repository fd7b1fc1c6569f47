from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from triage.durable import no_room, read_whole, sha256_of, write_stream, write_whole
from triage.errors import CaseError, CaseFullError


def test_what_was_written_is_there_and_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "report.json", b"whole")
    write_stream(tmp_path / "rows.jsonl", iter([b"one\n", b"two\n"]))
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == {
        "report.json": b"whole",
        "rows.jsonl": b"one\ntwo\n",
    }


def test_a_file_that_stops_half_way_never_stands_at_its_name(tmp_path: Path) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    (tmp_path / "report.json").write_bytes(b"the old one")
    with pytest.raises(KeyboardInterrupt):
        write_stream(tmp_path / "report.json", half())
    assert (tmp_path / "report.json").read_bytes() == b"the old one"


def test_what_an_interrupted_writer_left_is_used_up_by_the_next(tmp_path: Path) -> None:
    def half() -> Iterator[bytes]:
        yield b"a long half that must not stay behind a short whole"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stream(tmp_path / "report.json", half())
    write_whole(tmp_path / "report.json", b"short")
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_bytes() == b"short"


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    there_at_sync: list[bool] = []
    sync = os.fsync

    def note(handle: int) -> None:
        there_at_sync.append(target.exists())
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    write_whole(target, b"whole")
    assert there_at_sync == [False, True], "first the file, then the folder that holds its name"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write_whole(tmp_path / "report.json", b"the old one")

    def full(_: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CaseFullError, match=r"the disk is full.*free some space and run the same command again"):
        write_whole(tmp_path / "report.json", b"the new one")
    assert (tmp_path / "report.json").read_bytes() == b"the old one"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"nowhere/report\.json: cannot be written: No such file") as caught:
        write_whole(tmp_path / "nowhere" / "report.json", b"")
    assert not isinstance(caught.value, CaseFullError)


def test_an_error_without_a_number_still_says_something() -> None:
    assert "cannot be written: odd" in str(no_room(Path("x"), OSError("odd")))


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_003])
def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    (tmp_path / "x").write_bytes(data)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def _folder(place: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return sha256_of(place)


@pytest.mark.parametrize(
    "other",
    [
        {"a": b"1", "b/c": b"3"},
        {"a": b"1", "b/d": b"2"},
        {"a": b"1"},
        {"a": b"1", "b/c": b"2", "e": b""},
        {"a": b"2", "b/c": b"1"},
        {"a": b"1", "bc": b"2"},
    ],
    ids=["bytes", "name", "one less", "one more", "swapped", "moved up"],
)
def test_the_hash_of_a_folder_changes_with_every_file_in_it(tmp_path: Path, other: dict[str, bytes]) -> None:
    assert _folder(tmp_path / "one", {"a": b"1", "b/c": b"2"}) != _folder(tmp_path / "other", other)


def test_the_hash_of_a_folder_does_not_depend_on_where_it_lies_or_who_came_first(tmp_path: Path) -> None:
    one = _folder(tmp_path / "one", {"a": b"1", "b/c": b"2"})
    assert one == _folder(tmp_path / "other" / "place", {"b/c": b"2", "a": b"1"})


@pytest.mark.parametrize("name", ["a file/report.json", "x" * 255])
def test_a_place_that_cannot_be_written_is_said_and_clearing_up_does_not_hide_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(CaseError, match=r"cannot be written: (Not a directory|File name too long)"):
        write_whole(tmp_path / name, b"whole")


def test_what_is_no_ordinary_file_is_not_read_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("pipe", "zeros", "loop", "nothing", "."):
        with pytest.raises(OSError, match=r"ordinary|symbolic|No such|directory"):
            read_whole(tmp_path / name)
    (tmp_path / "file").write_bytes(b"whole")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_whole(tmp_path / "link") == b"whole"
