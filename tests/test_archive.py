from __future__ import annotations

import io
import os
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import media
from tests.examples import scripted_stages
from tests.hostile import STEADY, spoiled
from tests.run.test_local import Watched
from triage import archive
from triage.archive import archive_of, contents, size_in
from triage.case.store import open_case
from triage.errors import Refusal, VideoError
from triage.original import open_original, stamp_now
from triage.run.dump import dump_roots, walk
from triage.run.local import Done, Tally, scan

CLIP = bytes(range(256)) * 400
Packing = Callable[[Path, list[tuple[str, bytes]]], Path]


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
def test_a_name_that_leads_out_of_the_archive_is_refused(pack: Packing, name: str, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", [(name, CLIP)])
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
    lying(zipped(tmp_path / "a.zip", [("c.mp4", bytes(100_000))]), 1000)
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


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_two_members_share_a_path_however_they_are_named(pack: Packing, tmp_path: Path) -> None:
    names = ["b/c.mp4", "b//c.mp4", "./b/c.mp4", "b/c.mp4!2", "b/c.mp4", "b/c.mp4!2"]
    path = pack(tmp_path / "a.zip", [(name, name.encode() + bytes([at])) for at, name in enumerate(names)])
    found = inside(path)
    assert found is not None
    assert len(found) == len(names)
    assert [open_and_read(tmp_path / shown) for shown in found] == [
        name.encode() + bytes([at]) for at, name in enumerate(names)
    ]


def test_a_member_that_calls_itself_a_folder_and_has_contents_is_seen(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", [("folder/", b""), ("c.mp4/", CLIP)])
    assert inside(tmp_path / "a.zip") == {"a.zip!/c.mp4": None}
    assert open_and_read(tmp_path / "a.zip!" / "c.mp4") == CLIP


@pytest.mark.parametrize("name", ["Видео/клип 🎥.mp4", "vidéo.mp4", "ملف/clip.mp4"])
def test_names_in_other_scripts_are_read_as_their_archive_says(name: str, tmp_path: Path) -> None:
    for path in (zipped(tmp_path / "a.zip", [(name, CLIP)]), tarred(tmp_path / "a.tar", [(name, CLIP)])):
        assert inside(path) == {f"{path.name}!/{name}": None}
        assert open_and_read(tmp_path / f"{path.name}!" / name) == CLIP


def test_a_name_in_the_letters_of_old_systems_is_read_though_it_may_look_otherwise(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("cl@p.mp4", CLIP)])
    path.write_bytes(path.read_bytes().replace(b"cl@p.mp4", b"cl\x8cp.mp4"))
    assert inside(path) == {"a.zip!/cl\xeep.mp4": None}
    assert open_and_read(tmp_path / "a.zip!" / "cl\xeep.mp4") == CLIP


@pytest.mark.parametrize("name", ["a" * 5000 + ".mp4", "a/" * 101 + "c.mp4", "\\a" * 101])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_name_longer_or_deeper_than_any_is_not_opened_and_still_has_a_place(
    pack: Packing, name: str, tmp_path: Path
) -> None:
    found = inside(pack(tmp_path / "a.zip", [(name, CLIP), ("c.mp4", CLIP)]))
    assert found is not None
    [(shown, refused), (other, none)] = found.items()
    assert "as in a trap" in str(refused)
    assert len(shown) < 150
    assert (other, none) == ("a.zip!/c.mp4", None)


def test_members_that_are_the_same_bytes_of_the_archive_are_not_unpacked_twice(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("a.mp4", bytes(10**6)), ("b.mp4", CLIP)])
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02")
    entry = data[at : data.index(b"PK\x01\x02", at + 1)]
    end = data.index(b"PK\x05\x06")
    members, size = struct.unpack("<HL", data[end + 10 : end + 16])
    listed = struct.pack("<HHL", members + 3, members + 3, size + 3 * len(entry))
    path.write_bytes(data[:at] + 3 * entry.replace(b"a.mp4", b"c.mp4") + data[at : end + 8] + listed + data[end + 16 :])
    found = inside(path)
    assert found is not None
    assert [refused is None for refused in found.values()] == [False, False, False, True, True]
    assert "those of another member as well" in str(found["a.zip!/c.mp4"])


def test_small_members_are_no_way_around_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = random.Random(1).randbytes(10**4)
    path = zipped(tmp_path / "a.zip", [(f"{number}.mp4", bytes(10**5)) for number in range(4)] + [("c.mp4", noise)])
    assert all(refused is None for refused in (inside(path) or {"": ""}).values())
    monkeypatch.setattr(archive, "RATIO_IN_ALL_FROM_BYTES", 300_000)
    monkeypatch.setattr(archive, "MOST_RATIO", 20)
    found = inside(path)
    assert found is not None
    assert ["more likely a trap" in str(refused) for refused in found.values()] == [True] * 4 + [False]


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_becomes_far_more_than_it_says_takes_no_memory(packing: int, tmp_path: Path) -> None:
    path = lying(zipped(tmp_path / "a.zip", [("c.mp4", bytes(40 * 2**20))], packing), 1000)
    assert inside(path) == {"a.zip!/c.mp4": None}
    tracemalloc.start()
    with pytest.raises(VideoError, match="cannot be unpacked whole"):
        open_original(tmp_path / "a.zip!" / "c.mp4")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20, "the list of members takes 16 MiB of them"


def lying(path: Path, size: int) -> Path:
    """The same archive, whose list gives its member another size."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", size)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_refused_however_it_is_packed(packing: int, tmp_path: Path) -> None:
    data = zipped(tmp_path / "a.zip", [("c.mp4", CLIP)], packing).read_bytes()
    start, end = 30 + len("c.mp4") + 2, data.index(b"PK\x01\x02")
    for at in range(start, end, max(1, (end - start) // 30)):
        (tmp_path / "a.zip").write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        with pytest.raises(VideoError, match="damaged within its archive") as refused:
            open_original(tmp_path / "a.zip!" / "c.mp4")
        assert refused.value.kind is Refusal.UNREADABLE


def test_a_member_that_asks_for_gigabytes_to_be_unpacked_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("c.mp4", CLIP)], zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    at = 30 + len("c.mp4") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(VideoError, match="damaged within its archive") as refused:
        open_original(tmp_path / "a.zip!" / "c.mp4")
    assert "more memory than any video needs" in str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("bits", "words"), [(0x1, "is encrypted"), (0x41, "is encrypted"), (0x20, "in a way that triage cannot unpack")]
)
def test_what_cannot_be_unpacked_says_why(bits: int, words: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("c.mp4", CLIP), ("d.mp4", CLIP)])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= bits
    path.write_bytes(data)
    found = inside(path)
    assert found is not None
    assert words in str(found["a.zip!/c.mp4"])
    assert found["a.zip!/d.mp4"] is None


def block(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> bytes:
    """One header of a tar."""
    found = tarfile.TarInfo(name)
    found.type, found.size = kind, size
    return found.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def sparse() -> bytes:
    """The head of a file with holes, whose list of pieces follows and never ends."""
    said = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    return block("x", tarfile.XHDTYPE, len(said)) + padded(said) + block("c.mp4", size=2**30)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(block("x", tarfile.XHDTYPE, 1000) + padded(b"1" * 1000) + block("c.mp4"), id="long number"),
        pytest.param(block("c.mp4", size=-1024) + block("d.mp4"), id="less than nothing"),
        pytest.param(block("x", tarfile.XHDTYPE, 2**21) + bytes(2**21) + block("c.mp4"), id="long header"),
        pytest.param(block("L", tarfile.GNUTYPE_LONGNAME, 3 * 2**29) + b"x" * 2**21, id="long name"),
        pytest.param((block("x", tarfile.XHDTYPE, 12) + padded(b"12 path=a/b\n")) * 3000, id="header after header"),
        pytest.param(sparse() + b"9999999999\n" + b"1\n" * 2**20, id="pieces without end"),
    ],
)
def test_a_tar_that_was_made_to_take_time_or_memory_is_not_looked_into(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(block("first.txt") + data + bytes(1024))
    with (tmp_path / "a.tar").open("rb") as file:
        assert contents(tmp_path / "a.tar", file) is None


@pytest.mark.parametrize("size", [2000, 2**60])
def test_of_a_tar_that_ends_early_what_lies_before_that_is_read(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    for behind, more in ((b"", {}), (block("d.mp4", size=size) + b"half", {"a.tar!/d.mp4": "its archive ends early"})):
        path.write_bytes(block("c.mp4", size=len(CLIP)) + padded(CLIP) + behind)
        with path.open("rb") as file:
            found = contents(path, file)
        assert found is not None
        assert not found.is_whole
        assert [str(one.path.relative_to(tmp_path)) for one in found.members] == ["a.tar!/c.mp4", *more]
        assert [str(one.refused).split(",")[0] for one in found.members] == ["None", *more.values()]
        assert open_and_read(tmp_path / "a.tar!" / "c.mp4") == CLIP


def test_how_large_a_member_is_can_be_asked_without_unpacking_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("c.mp4", CLIP), ("d.mp4", CLIP[1:])])
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        assert size_in(tmp_path / "a.zip!" / "d.mp4", file, found) == len(CLIP) - 1
        assert size_in(tmp_path / "a.zip!" / "e.mp4", file, found) == 0
        assert size_in(tmp_path / "b.zip!" / "d.mp4", file, found) == 0


def drawn_archives(folder: Path) -> list[bytes]:
    """Small archives of every kind that is read."""
    members = [("b/c.mp4", CLIP[:3000]), ("d.mp4", CLIP[:900]), ("e" * 120 + ".mp4", b"")]
    ways = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    zips = [zipped(folder / f"{packing}.zip", members, packing).read_bytes() for packing in ways]
    tars = []
    for shape in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(folder / "a.tar", "w", format=shape) as file:
            for name, data in members:
                found = tarfile.TarInfo(name if shape is not tarfile.USTAR_FORMAT else name[-90:])
                found.size, found.mtime = len(data), 1.5 if shape == tarfile.PAX_FORMAT else 1
                file.addfile(found, io.BytesIO(data))
        tars.append((folder / "a.tar").read_bytes()[:12_000])
    return [*zips, *tars]


@settings(STEADY, max_examples=200)
@given(data=st.data())
def test_no_archive_however_spoiled_stops_anything(data: st.DataObject, archives: tuple[Path, list[bytes]]) -> None:
    folder, whole = archives
    path = folder / "spoiled"
    path.write_bytes(data.draw(spoiled(whole)))
    with path.open("rb") as file:
        found = contents(path, file)
    places = [member.path for member in found.members] if found else []
    assert len(set(places)) == len(places)
    for place in places:
        try:
            with open_original(place) as member:
                member.read()
        except VideoError:
            continue


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    folder = tmp_path_factory.mktemp("archives")
    return folder, drawn_archives(folder)


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
    tarred(folder / "c.tar.gz", [("third.mp4", other + bytes(8))], "gz")
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
        "c.tar.gz!/third.mp4": "routine",
    }
    words = {name: verdict["reasons"][0]["words"] for name, verdict in rows.items()}
    assert words["a.zip"] == "it is an archive (ZIP) of 3 files; each has a row of its own"
    assert words["c.tar.gz"] == "it is an archive (tar, gzip) of 1 file; each has a row of its own"
    assert again.done["clip.mp4"] is Done.ALREADY
    assert sorted(path.name for path in dump.iterdir()) == ["a.zip", "b.tar", "c.tar.gz"]


def test_an_archive_that_another_took_the_place_of_is_listed_anew_though_it_has_its_size_and_date(
    tmp_path: Path,
) -> None:
    path = zipped(tmp_path / "a.zip", [("c.mp4", b"one"), ("dd.mp4", b"another")], zipfile.ZIP_STORED)
    found = path.stat()
    assert open_and_read(tmp_path / "a.zip!" / "c.mp4") == b"one"
    other = zipped(tmp_path / "b.zip", [("dd.mp4", b"another"), ("c.mp4", b"two")], zipfile.ZIP_STORED)
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert other.stat().st_size == found.st_size
    other.replace(path)
    assert open_and_read(tmp_path / "a.zip!" / "c.mp4") == b"two"
