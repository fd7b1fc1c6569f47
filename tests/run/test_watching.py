from __future__ import annotations

from pathlib import Path

from triage.run.dump import Found, dump_roots, walk
from triage.run.watching import Watch


def names(found: tuple[list[Found], list[Found]]) -> list[str]:
    return [item.path.name for item in found[1]]


def watching(dump: Path, tmp_path: Path) -> Watch:
    roots = dump_roots([dump])
    return Watch(roots, tmp_path / "case", list(walk(roots, leave_out=tmp_path / "case")))


def test_what_is_new_counts_when_nobody_writes_to_it_any_more(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "old.mp4").write_bytes(b"1")
    watch = watching(dump, tmp_path)
    assert names(watch.news()) == []
    (dump / "new.mp4").write_bytes(b"1")
    assert names(watch.news()) == []
    with (dump / "new.mp4").open("ab") as file:
        file.write(b"2")
    assert names(watch.news()) == []
    there, new = watch.news()
    assert [item.path.name for item in new] == ["new.mp4"]
    assert [item.path.name for item in there] == ["new.mp4", "old.mp4"]
    assert names(watch.news()) == []


def test_what_is_changed_counts_once_more(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "old.mp4").write_bytes(b"1")
    watch = watching(dump, tmp_path)
    (dump / "old.mp4").write_bytes(b"12")
    watch.news()
    assert names(watch.news()) == ["old.mp4"]
    (dump / "old.mp4").unlink()
    assert [len(part) for part in watch.news()] == [0, 0]
