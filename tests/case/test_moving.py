from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.examples import video_id
from triage.case.store import Case, open_case
from triage.original import Stamp

STAMP = Stamp(10, 1, 2)


@contextmanager
def after_a_scan(tmp_path: Path, read: Sequence[str], unread: Sequence[str]) -> Iterator[Case]:
    """A case whose scan was stopped when it had come to some of the files."""
    paths = [tmp_path / "dump" / name for name in (*read, *unread)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with open_case(tmp_path / "case", make=True) as case:
        case.begin("aaaa.bbbb", [tmp_path / "dump"], paths)
        for name in read:
            case.note_file(tmp_path / "dump" / name, STAMP, video_id(name))
        yield case


def scan_elsewhere(case: Case, root: Path, *read: str) -> list[Path]:
    """The files that are still waited for when these were read in ``root``."""
    case.begin("aaaa.bbbb", [root], [path for path in root.rglob("*") if path.is_file()])
    for name in read:
        case.note_file(root / name, STAMP, video_id(name))
    return case.left()


def test_what_nobody_had_read_of_a_dump_that_was_moved_is_waited_for_where_it_is(tmp_path: Path) -> None:
    old, new = tmp_path / "dump", tmp_path / "new"
    with after_a_scan(tmp_path, ["a.mp4"], ["sub/b.mp4", "lost.mp4", "copied.mp4"]) as case:
        old.rename(new)
        (new / "lost.mp4").unlink()
        old.mkdir()
        (old / "copied.mp4").touch()
        left = scan_elsewhere(case, new, "a.mp4")
    assert left == [
        *(old / "copied.mp4", old / "lost.mp4"),
        *(new / "a.mp4", new / "copied.mp4", new / "sub" / "b.mp4"),
    ]


def test_a_card_that_is_not_plugged_in_is_waited_for_though_another_has_files_of_the_same_names(tmp_path: Path) -> None:
    with after_a_scan(tmp_path, ["DCIM/0001.mp4"], ["DCIM/0002.mp4"]) as case:
        (tmp_path / "dump").rename(tmp_path / "unplugged")
        other = tmp_path / "other" / "DCIM"
        other.mkdir(parents=True)
        (other / "0001.mp4").touch()
        (other / "0002.mp4").touch()
        case.begin("aaaa.bbbb", [tmp_path / "other"], list(other.iterdir()))
        case.note_file(other / "0001.mp4", STAMP, video_id("another"))
        assert tmp_path / "dump" / "DCIM" / "0002.mp4" in case.left()


def test_a_dump_that_was_copied_is_still_where_it_was(tmp_path: Path) -> None:
    with after_a_scan(tmp_path, ["a.mp4"], ["b.mp4"]) as case:
        new = tmp_path / "new"
        new.mkdir()
        (new / "a.mp4").touch()
        (new / "b.mp4").touch()
        scan_elsewhere(case, new, "a.mp4")
        assert case.files(video_id("a.mp4")) == [tmp_path / "dump" / "a.mp4", new / "a.mp4"]
        assert tmp_path / "dump" / "b.mp4" in case.left()
