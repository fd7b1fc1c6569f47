from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.redaction.test_recognising import copy
from triage.errors import UsageError
from triage.run.copy_list import NAME, CopyList, Line
from triage.run.dump import dump_roots, walk


def found(*dumps: Path, case: Path = Path("/nowhere")) -> dict[str, str | None]:
    """Path below the first dump -> why it cannot be read."""
    roots = dump_roots(dumps)
    return {item.path.relative_to(roots[0]).as_posix(): item.refused for item in walk(roots, leave_out=case)}


NAMES = ["a b.mp4", "-rf.mp4", "q\"uo'te.mp4", "видео.mp4", ".hidden", "line\nbreak", "no ending"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert found(tmp_path) == {name: None}


def test_a_name_that_is_no_text_is_taken(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")).write_bytes(b"x")
    assert [os.fsencode(item.path.name) for item in walk([tmp_path], leave_out=Path("/nowhere"))] == [b"\xff.mp4"]


def test_folders_are_entered_however_deep(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/c/d.mp4").write_bytes(b"x")
    assert found(tmp_path) == {"a/b/c/d.mp4": None}


def test_folders_deeper_than_python_can_call_are_entered(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1200):  # step by step: so long a path cannot be made at once
            Path("a").mkdir()
            os.chdir("a")
        Path("clip.mp4").write_bytes(b"x")
        names = [item.path.name for item in walk([tmp_path], leave_out=Path("/nowhere"))]
    finally:
        os.chdir(here)
        # Python 3.11 cannot take it away again, and pytest would fail on it at the next run.
        subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)
    assert names == ["clip.mp4"]


def test_links_that_lead_to_each_other_have_their_rows(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    assert set(found(tmp_path).values()) == {"it is a symbolic link that leads nowhere"}


def test_a_link_into_another_dump_of_the_scan_is_no_failure(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two/clip.mp4").write_bytes(b"x")
    (tmp_path / "one/clip.mp4").symlink_to(tmp_path / "two/clip.mp4")
    assert list(found(tmp_path / "two", tmp_path / "one")) == ["clip.mp4"]


def test_another_case_in_the_dump_is_one_row_and_not_evidence(tmp_path: Path) -> None:
    (tmp_path / "old/reports").mkdir(parents=True)
    (tmp_path / "old/catalogue.sqlite").write_bytes(b"x")
    assert list(found(tmp_path)) == ["old"]
    assert "another case of triage" in (found(tmp_path)["old"] or "")


def copies_in(folder: Path) -> Path:
    """A folder in which two copies were made, with their list."""
    folder.mkdir()
    (folder / ".copies.lock").write_bytes(b"")
    copy(folder / "a.review.mp4", b"one")
    copy(folder / "b.review.png", b"other")
    CopyList(folder).add(Line("a.mp4", "", "a.review.mp4", "", "solid", "faces", "1.000", "copied"))
    return folder


def test_review_copies_are_left_out_where_they_were_made_and_counted(tmp_path: Path) -> None:
    copies_in(tmp_path / "copies")
    (tmp_path / "a.mp4").write_bytes(b"x")
    counted: Counter[Path] = Counter()
    met = [item.path.name for item in walk([tmp_path], leave_out=Path("/nowhere"), copies=counted)]
    assert met == ["a.mp4"]
    assert counted == {tmp_path / "copies": 2}


def test_originals_whose_copies_were_made_beside_them_are_still_scanned(tmp_path: Path) -> None:
    place = copies_in(tmp_path / "dump")
    for name in ("a.mp4", "b.png", "c.review.mp4"):
        (place / name).write_bytes(b"evidence")
    assert set(found(place)) == {"a.mp4", "b.png", "c.review.mp4"}


def test_a_copy_that_is_named_itself_or_was_moved_elsewhere_is_taken(tmp_path: Path) -> None:
    place = copies_in(tmp_path / "copies")
    assert list(walk([place / "a.review.mp4"], leave_out=Path("/nowhere")))
    (tmp_path / "elsewhere").mkdir()
    for name in ("a.review.mp4", "a.review.mp4.json"):
        (place / name).rename(tmp_path / "elsewhere" / name)
    assert "a.review.mp4" in found(tmp_path / "elsewhere")


def test_another_table_under_the_name_of_the_list_is_taken(tmp_path: Path) -> None:
    place = copies_in(tmp_path / "copies")
    (place / NAME).write_text("evidence,where\n1,2\n")
    assert list(found(tmp_path)) == [f"copies/{NAME}"]


def test_a_case_that_is_the_dump_itself_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is the dump itself"):
        list(walk(dump_roots([tmp_path]), leave_out=tmp_path))


def test_a_name_too_long_for_the_system_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened: File name too long"):
        dump_roots([tmp_path / ("x" * 300)])


def test_links_are_never_followed(tmp_path: Path) -> None:
    dump, outside = tmp_path / "dump", tmp_path / "outside"
    dump.mkdir()
    outside.mkdir()
    (outside / "secret.mp4").write_bytes(b"x")
    (dump / "real.mp4").write_bytes(b"x")
    (dump / "inside.mp4").symlink_to(dump / "real.mp4")
    (dump / "out.mp4").symlink_to(outside / "secret.mp4")
    (dump / "folder").symlink_to(outside)
    (dump / "round").symlink_to(dump)
    (dump / "broken.mp4").symlink_to(dump / "none.mp4")
    met = found(dump)
    assert met.pop("real.mp4") is None
    assert met.pop("broken.mp4") == "it is a symbolic link that leads nowhere"
    assert set(met) == {"out.mp4", "folder"}
    assert all("leads out of the dump" in (why or "") for why in met.values())


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a file" in (found(tmp_path)["pipe.mp4"] or "")


def test_a_folder_without_permission_has_a_row_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "open.mp4").write_bytes(b"x")
    listdir = os.listdir

    def refuse(path: Path) -> list[str]:
        # Not by chmod: whoever runs the tests as root may enter every folder.
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert found(tmp_path) == {
        "locked": "the system does not let us look into it: Permission denied",
        "open.mp4": None,
    }


def test_the_case_folder_is_left_out_although_it_lies_in_the_dump(tmp_path: Path) -> None:
    (tmp_path / "case/reports").mkdir(parents=True)
    (tmp_path / "case/catalogue.sqlite").write_bytes(b"x")
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert found(tmp_path, case=tmp_path / "case") == {"a.mp4": None}


def test_a_file_in_two_dumps_is_met_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mp4").write_bytes(b"x")
    assert len(list(walk(dump_roots([tmp_path, tmp_path / "in", tmp_path / "in/a.mp4"]), leave_out=Path("/n")))) == 1


def test_a_dump_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder or file to scan"):
        dump_roots([tmp_path / "none"])
