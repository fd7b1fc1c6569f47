from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import filelock
import pytest

from triage.durable import no_room
from triage.errors import CaseError, CaseFullError, RedactionError, UsageError
from triage.redaction.naming import PICTURE_ENDING, Names
from triage.redaction.quarantine import SUFFIX, may_replace, place_for_copies, quarantine, sidecar_of
from triage.redaction.sidecar import KIND

ONE, OTHER = "a" * 64, "b" * 64


def copy(path: Path, video: str = ONE) -> Path:
    path.write_bytes(b"copy")
    row = {"kind": KIND, "original": {"sha256": video}, "copy": {"sha256": "c" * 64}}
    sidecar_of(path).write_text(json.dumps(row))
    return path


def test_a_copy_is_named_after_its_original(tmp_path: Path) -> None:
    assert Names(tmp_path).target("clip one.mov", ONE) == tmp_path / "clip one.review.mp4"


def test_a_picture_and_a_video_of_one_name_have_each_their_own(tmp_path: Path) -> None:
    names = Names(tmp_path)
    assert names.target("clip.mov", ONE).name == "clip.review.mp4"
    assert names.target("clip.jpg", OTHER, PICTURE_ENDING).name == "clip.review.png"


def test_two_originals_of_one_name_have_two_copies(tmp_path: Path) -> None:
    names = Names(tmp_path)
    assert names.target("clip.mov", ONE).name == "clip.review.mp4"
    assert names.target("CLIP.mp4", OTHER).name == f"CLIP.{'b' * 8}.review.mp4", "some file systems know no case"
    assert names.target("clip.mov", ONE).name == "clip.review.mp4"


def test_the_copy_of_another_original_from_an_earlier_run_keeps_its_name(tmp_path: Path) -> None:
    copy(tmp_path / "clip.review.mp4", OTHER)
    assert Names(tmp_path).target("clip.mov", ONE).name == f"clip.{'a' * 8}.review.mp4"
    assert Names(tmp_path).target("clip.mov", OTHER).name == "clip.review.mp4"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (".hidden.mp4", "hidden"),
        ("...", "video"),
        ("a\x1b[31mb.mp4", "a_x1b[31mb"),
        ('what?<"1:2".mp4', "what___1_2_"),
        ("é" * 200 + ".mp4", "é" * 80),
    ],
)
def test_a_name_is_harmless_whatever_the_original_is_called(tmp_path: Path, name: str, wanted: str) -> None:
    assert Names(tmp_path).target(name, ONE).name == f"{wanted}.review.mp4"


def test_only_a_copy_of_ours_may_be_replaced_and_only_if_that_is_asked(tmp_path: Path) -> None:
    target = tmp_path / "clip.review.mp4"
    may_replace(target, force=False)
    target.write_bytes(b"somebody's")
    with pytest.raises(RedactionError, match="triage did not make it"):
        may_replace(target, force=True)
    copy(target)
    with pytest.raises(RedactionError, match="--force"):
        may_replace(target, force=False)
    may_replace(target, force=True)


def test_a_link_that_leads_nowhere_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "clip.review.mp4").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RedactionError):
        may_replace(tmp_path / "clip.review.mp4", force=True)


def test_a_copy_has_its_name_only_when_its_sidecar_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = copy(tmp_path / "clip.review.mp4")

    def no_rename(_: Path, to: Path) -> None:
        assert to == target
        assert sidecar_of(target).read_bytes() == b"words"
        raise KeyboardInterrupt

    with quarantine(target) as place:
        place.copy.write_bytes(b"new")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", no_rename)
            with pytest.raises(KeyboardInterrupt):
                place.publish(target, b"words", place.copy)
        assert not target.exists(), "the old copy does not stand beside the new one's words"
        place.publish(target, b"words", place.copy)
    assert target.read_bytes() == b"new"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.review.mp4", "clip.review.mp4.json"]


def test_a_quarantine_is_gone_after_an_error_and_stays_after_an_interruption(tmp_path: Path) -> None:
    part = tmp_path / f".clip.review.mp4{SUFFIX}" / f"000000-{'0' * 16}.mp4"

    def leave_by(error: BaseException) -> None:
        with quarantine(tmp_path / "clip.review.mp4") as place:
            place.part(0, "0" * 16).write_bytes(b"part")
            assert part.exists()
            raise error

    with pytest.raises(RedactionError):
        leave_by(RedactionError("no"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        leave_by(KeyboardInterrupt())
    assert part.exists()


def test_only_our_own_files_are_removed_from_a_quarantine(tmp_path: Path) -> None:
    target = tmp_path / "clip.review.mp4"
    with quarantine(target) as place:
        (place.copy.parent / "somebody's.txt").write_text("notes")
        place.part(1, "0" * 16).write_bytes(b"part")
        place.keep_only([])
        assert not place.part(1, "0" * 16).exists()
    assert (place.copy.parent / "somebody's.txt").exists()


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    stale = tmp_path / f".other.review.mp4{SUFFIX}"
    stale.mkdir()
    (stale / "copy.mp4.part").write_bytes(b"half")
    (stale / f"000003-{'f' * 16}.mp4").write_bytes(b"part")
    with place_for_copies(tmp_path):
        pass
    assert not stale.exists()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        place_for_copies(tmp_path / "out"),
        pytest.raises(CaseError, match="another triage blur is at work"),
        place_for_copies(tmp_path / "out"),
    ):
        pass


def test_a_file_is_no_folder_for_copies(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="is a file"), place_for_copies(tmp_path / "out"):
        pass


@pytest.mark.parametrize("method", ["mkdir", "acquire"])
def test_a_place_that_may_not_be_written_is_named_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock.FileLock if method == "acquire" else Path, method, refuse)
    said = f"^{re.escape(str(tmp_path))}: cannot be written: Permission denied. Give a place"
    with pytest.raises(CaseError, match=said), place_for_copies(tmp_path):
        pass


def test_what_cannot_be_written_in_a_quarantine_is_said_of_the_copy_that_it_is_for(tmp_path: Path) -> None:
    target = tmp_path / "clip.review.mp4"

    def write(refusal: OSError) -> None:
        with quarantine(target) as place:
            raise no_room(place.part(7, "0" * 16), refusal) from refusal

    with pytest.raises(CaseFullError, match=f"^{re.escape(str(tmp_path))}: the disk is full"):
        write(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(CaseError, match=f"^{re.escape(str(target))}: cannot be written: Read-only file system"):
        write(OSError(errno.EROFS, "Read-only file system"))
    assert list(tmp_path.iterdir()) == []
