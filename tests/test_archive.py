from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import media
from tests.examples import scripted_stages
from tests.run.test_local import Watched
from triage import archive
from triage.archive import archive_of, contents
from triage.case.store import open_case
from triage.errors import Refusal, VideoError
from triage.original import open_original, stamp_now
from triage.run.dump import dump_roots, walk
from triage.run.local import Done, Tally, scan

CLIP = bytes(range(256)) * 400


def zipped(path: Path, members: list[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def tarred(path: Path, members: list[tuple[str, bytes]], packing: str = "") -> Path:
    with tarfile.open(path, f"w:{packing}") as file:  # type: ignore[call-overload]
        for name, data in members:
            found = tarfile.TarInfo(name)
            found.size = len(data)
            file.addfile(found, io.BytesIO(data))
    return path


def inside(path: Path) -> dict[str, str | None] | None:
    """Names in the archive, and why they are refused."""
    with path.open("rb") as file:
        found = contents(path, file)
    if found is None:
        return None
    return {str(member.path.relative_to(path.parent)): member.refused for member in found.members}


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_a_zip_is_read_as_it_was_packed(packing: int, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("b/c.mp4", CLIP), ("d.mp4", CLIP[1:])], packing)
    with open_original(tmp_path / "a.zip!" / "b" / "c.mp4") as file:
        assert file.read() == CLIP
        assert file.seek(3) == 3
        with pytest.raises((io.UnsupportedOperation, OSError)):
            os.write(file.fileno(), b"x")
    assert stamp_now(tmp_path / "a.zip!" / "d.mp4") == stamp_now(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]


def test_a_member_of_a_tar_is_read_as_it_was_packed(tmp_path: Path) -> None:
    tarred(tmp_path / "a.tar", [("b/c.mp4", CLIP), ("d.mp4", CLIP[1:])])
    assert inside(tmp_path / "a.tar") == {"a.tar!/b/c.mp4": None, "a.tar!/d.mp4": None}
    with open_original(tmp_path / "a.tar!" / "d.mp4") as file:
        assert file.read() == CLIP[1:]


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../c.mp4", "/etc/c.mp4", "b/../../c.mp4", "..\\c.mp4"])
def test_a_name_that_leads_out_of_the_archive_is_refused(pack: object, name: str, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [(name, CLIP)])  # type: ignore[operator]
    found = inside(path)
    assert found is not None
    [(shown, refused)] = found.items()
    assert "leads out of the archive" in str(refused)
    assert ".." not in Path(shown).parts
    with pytest.raises(VideoError, match="leads out"):
        open_original(tmp_path / shown)


def test_two_members_of_one_name_are_both_there(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(tmp_path / "a.zip", [("c.mp4", b"one"), ("c.mp4", b"two")])
    assert inside(tmp_path / "a.zip") == {"a.zip!/c.mp4": None, "a.zip!/c.mp4!2": None}
    assert open_and_read(tmp_path / "a.zip!" / "c.mp4!2") == b"two"


def open_and_read(path: Path) -> bytes:
    with open_original(path) as file:
        return file.read()


def test_links_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        link = tarfile.TarInfo("link.mp4")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    assert "a link, a device" in str(inside(tmp_path / "a.tar"))


def test_what_unpacks_to_far_more_than_itself_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file, file.open("bomb.mp4", "w") as member:
        for _ in range(70):
            member.write(bytes(2**20))
    assert "more likely a trap than a video" in str(inside(tmp_path / "a.zip"))


def test_a_member_that_lies_about_its_size_is_not_unpacked_further(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("c.mp4", bytes(100_000))])
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="cannot be unpacked whole") as refused:
        open_original(tmp_path / "a.zip!" / "c.mp4")
    assert refused.value.kind is Refusal.UNREADABLE


def test_a_damaged_member_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("c.mp4", CLIP), ("d.mp4", CLIP[1:])], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(VideoError, match="damaged within its archive"):
        open_original(tmp_path / "a.zip!" / "c.mp4")
    assert open_and_read(tmp_path / "a.zip!" / "d.mp4") == CLIP[1:]


@pytest.mark.parametrize("most", [("MOST_MEMBERS", 3), ("MOST_LIST_BYTES", 200)])
def test_a_list_beyond_all_bounds_is_not_read(
    most: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", [(f"{number}.mp4", b"x") for number in range(10)])
    assert inside(path) is not None
    monkeypatch.setattr(archive, *most)
    assert inside(path) is None


def test_damaged_archives_are_not_looked_into_and_nothing_is_raised(tmp_path: Path) -> None:
    whole = [zipped(tmp_path / "a.zip", [("c.mp4", CLIP)]), tarred(tmp_path / "b.tar", [("c.mp4", CLIP)])]
    for path in whole:
        data = path.read_bytes()
        for end in range(0, len(data), max(1, len(data) // 40)):
            path.write_bytes(data[:end])
            inside(path)
        for at in range(0, min(len(data), 2000), 7):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
            inside(path)


def test_office_documents_are_no_dumps(tmp_path: Path) -> None:
    assert inside(zipped(tmp_path / "a.docx", [("[Content_Types].xml", b"<x/>"), ("word/a.xml", b"")])) is None


def test_a_real_folder_with_an_exclamation_mark_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.zip!").mkdir()
    (tmp_path / "a.zip!" / "c.mp4").write_bytes(b"real")
    zipped(tmp_path / "a.zip", [("c.mp4", b"packed")])
    assert archive_of(tmp_path / "a.zip!" / "c.mp4") is None
    assert open_and_read(tmp_path / "a.zip!" / "c.mp4") == b"real"


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    clip = media.video(tmp_path / "clip.mp4", pictures=20).read_bytes()
    other = media.video(tmp_path / "other.mp4", pictures=14).read_bytes()
    zipped(folder / "a.zip", [("photos/clip.mp4", clip), ("note.txt", b"words and words\n" * 9), ("../x.mp4", other)])
    tarred(folder / "b.tar", [("other.mp4", other)])
    tarred(folder / "c.tar.gz", [("other.mp4", other)], "gz")
    return folder


def test_what_lies_in_archives_has_rows_of_its_own(dump: Path, tmp_path: Path) -> None:
    with open_case(tmp_path / "case", make=True) as case:
        roots = dump_roots([dump])
        found = list(walk(roots, leave_out=case.folder))
        scan(case, roots, found, scripted_stages(), Watched(), Tally())
        again = Watched()
        scan(case, roots, found, scripted_stages(), again, Tally())
        rows = {str(Path(row["video"]["path"]).relative_to(dump)): row["verdict"] for row in case.rows()}
    queues = {name: verdict["queue"] for name, verdict in rows.items()}
    assert queues == {
        "a.zip": "unreadable",
        "a.zip!/photos/clip.mp4": "routine",
        "a.zip!/note.txt": "unreadable",
        "a.zip!/x.mp4": "unreadable",
        "b.tar": "unreadable",
        "b.tar!/other.mp4": "routine",
        "c.tar.gz": "unreadable",
    }
    words = {name: verdict["reasons"][0]["words"] for name, verdict in rows.items()}
    assert words["a.zip"] == "it is an archive (ZIP) of 3 files; each has a row of its own"
    assert "unpack it into the dump" in words["c.tar.gz"]
    assert again.done["clip.mp4"] is Done.ALREADY
    assert sorted(path.name for path in dump.iterdir()) == ["a.zip", "b.tar", "c.tar.gz"]
