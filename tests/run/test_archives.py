"""Dumps that come in archives: what lies in them is scanned, looked for, copied and told of as any other file is."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blinking import clip, seeing
from tests.examples import video_id
from tests.run.test_blurring import Watched as Copying
from tests.run.test_local import Watched
from triage.case.checking import check_original
from triage.case.store import Case, open_case
from triage.cli.blurring import _files
from triage.copying import Wish
from triage.findings import registry
from triage.pipeline import make_stages
from triage.run.blurring import Became, Copier, of_case, of_files
from triage.run.blurring import Tally as Copied
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Tally, scan
from triage.run.standing import size_of, standing
from triage.settings import load_settings

SETTINGS = load_settings("default", []).settings


def telegram(path: Path, video: bytes) -> None:
    """An export as a messenger writes it, with what people and machines add to such archives."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ChatExport_2023-05-06/messages.html", "<!DOCTYPE html>\n<html>words</html>")
        file.writestr("ChatExport_2023-05-06/video_files/видео (1).mp4", video)
        file.writestr("ChatExport_2023-05-06/video_files/", b"")
        file.writestr("ChatExport_2023-05-06/video_files/again.mp4", video + bytes(8))
        file.writestr("ChatExport_2023-05-06/./video_files/again.mp4", video + bytes(16))
        file.writestr("ChatExport_2023-05-06/files/old.zip", zipped_alone(video))
        file.writestr("ChatExport_2023-05-06/files/old.rar", b"Rar!\x1a\x07\x01\0" + bytes(100))
        file.writestr("ChatExport_2023-05-06/files/empty.mp4", b"")
        file.writestr("../../outside.mp4", video)
        file.writestr("/absolute.mp4", video)
        link = zipfile.ZipInfo("link.mp4")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("secret.mp4", video)
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")  # of the last member
    path.write_bytes(data[: at + 8] + bytes([data[at + 8] | 1]) + data[at + 9 :])


def zipped_alone(video: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("inner.mp4", video)
    return held.getvalue()


def backup(path: Path, video: bytes, packing: str = "") -> None:
    """A phone's storage as a backup program packs it."""
    with tarfile.open(path, f"w:{packing}") as file:  # type: ignore[call-overload]
        kinds = {"sdcard/DCIM": tarfile.DIRTYPE, "sdcard/DCIM/link.mp4": tarfile.SYMTYPE}
        kinds |= {"dev/null.mp4": tarfile.CHRTYPE, "sdcard/pipe.mp4": tarfile.FIFOTYPE, "hard.mp4": tarfile.LNKTYPE}
        for name, kind in kinds.items():
            found = tarfile.TarInfo(name)
            found.type, found.linkname = kind, "/etc/passwd"
            file.addfile(found)
        names = ("sdcard/DCIM/Camera/VID_0001.mp4", "sdcard/WhatsApp/Media/" + "ملف " * 30 + ".mp4", "../x.mp4")
        for number, name in enumerate(names):
            found = tarfile.TarInfo(name)
            found.size = len(video) + number
            file.addfile(found, io.BytesIO(video + bytes(number)))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump of archives and the case of its scan; nobody changes it."""
    folder = tmp_path_factory.mktemp("archives")
    video = clip(folder / "clip.mp4", pictures=15).read_bytes()
    dump = folder / "dump"
    dump.mkdir()
    telegram(dump / "export.zip", video)
    backup(dump / "phone.tar", video)
    backup(dump / "phone.tar.gz", video, "gz")
    (dump / "cut.tgz").write_bytes((dump / "phone.tar.gz").read_bytes()[:-1000])
    (dump / "alone.mp4.gz").write_bytes(gzip.compress(video, mtime=0))
    (dump / "old.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    (dump / "cut.zip").write_bytes((dump / "export.zip").read_bytes()[:2000])
    with open_case(folder / "case", make=True) as case:
        roots = dump_roots([dump])
        found = list(walk(roots, leave_out=case.folder))
        scan(case, roots, found, make_stages(SETTINGS, [seeing()]), Watched(), Tally())
    return folder


@pytest.fixture
def folder(scanned: Path, tmp_path: Path) -> Path:
    """The same dump, to be changed; its files have the dates of the first."""
    return Path(shutil.copytree(scanned, tmp_path / "archives"))


@pytest.fixture
def case(scanned: Path) -> Iterator[Case]:
    with open_case(scanned / "case") as opened:
        yield opened


CHAT = "export.zip!/ChatExport_2023-05-06"
SEEN = "seen"
WORDS = {
    "export.zip": "it is an archive (ZIP) of 11 files; each has a row of its own",
    f"{CHAT}/messages.html": "a web page",
    f"{CHAT}/video_files/видео (1).mp4": SEEN,
    f"{CHAT}/video_files/again.mp4": SEEN,
    f"{CHAT}/video_files/again.mp4!2": SEEN,
    f"{CHAT}/files/old.zip": "it is an archive (ZIP): nobody looked at what is in it; unpack it into the dump",
    f"{CHAT}/files/old.rar": "it is an archive (RAR): nobody looked at what is in it; unpack it into the dump",
    f"{CHAT}/files/empty.mp4": "the file is empty",
    "export.zip!/outside.mp4": "its name leads out of the archive",
    "export.zip!/absolute.mp4": "its name leads out of the archive",
    "export.zip!/link.mp4": "a link or a device",
    "export.zip!/secret.mp4": "it is encrypted in its archive; unpack it with the password",
    "phone.tar": "it is an archive (tar) of 7 files; each has a row of its own",
    "phone.tar!/sdcard/DCIM/link.mp4": "a link, a device",
    "phone.tar!/dev/null.mp4": "a link, a device",
    "phone.tar!/sdcard/pipe.mp4": "a link, a device",
    "phone.tar!/hard.mp4": "a link, a device",
    "phone.tar!/sdcard/DCIM/Camera/VID_0001.mp4": SEEN,
    f"phone.tar!/sdcard/WhatsApp/Media/{'ملف ' * 30}.mp4": SEEN,
    "phone.tar!/x.mp4": "its name leads out of the archive",
    "cut.tgz": "it ends early or is damaged, and nobody looked at what may follow",
    "alone.mp4.gz": "it is an archive (gzip): nobody looked at what is in it; unpack it into the dump",
    "old.7z": "it is an archive (7z): nobody looked at what is in it; unpack it into the dump",
    "cut.zip": "it is an archive (ZIP): nobody looked at what is in it; unpack it into the dump",
}


WORDS |= {name.replace(".tar", ".tar.gz"): words for name, words in WORDS.items() if name.startswith("phone.tar!")}
WORDS["phone.tar.gz"] = "it is an archive (tar, gzip) of 7 files; each has a row of its own"


def test_everything_in_an_archive_has_a_row_that_says_what_became_of_it(case: Case, scanned: Path) -> None:
    said: dict[str, str] = {}
    for row in case.rows():
        words = row["verdict"]["reasons"][0]["words"] if row["verdict"]["queue"] == "unreadable" else SEEN
        said |= {str(Path(path).relative_to(scanned / "dump")): words for path in row["video"]["paths"]}
    cut = {name for name in said if name.startswith("cut.tgz!")}
    assert "cut.tgz!/sdcard/DCIM/Camera/VID_0001.mp4" in cut
    assert said.keys() - cut == WORDS.keys()
    assert [name for name, words in WORDS.items() if words not in said[name]] == []
    assert sorted(path.name for path in (scanned / "dump").iterdir()) == sorted(
        name for name in WORDS if "/" not in name
    ), "nothing was unpacked into the dump"


def remarks(folder: Path, scanned: Path, *, read: bool) -> list[tuple[bool, str]]:
    """What is said of originals of the first dump, as they lie in the other."""
    with open_case(folder / "case") as case:
        return [
            (remark.is_wrong, f"{Path(remark.where).name}: {remark.why}")
            for path, video, stamp in case.places()
            for remark in check_original(case, folder / path.relative_to(scanned), video, stamp, read=read)
        ]


def test_originals_in_an_archive_that_is_whole_are_read_and_found_the_same(case: Case) -> None:
    for read in (False, True):
        found = [one for at in case.places() for one in check_original(case, *at, read=read)]
        assert found == []
    assert sum("!" in str(path) for path, _, _ in case.places()) == 11, "none of them was left out"


def test_originals_in_an_archive_that_was_changed_are_told_by_its_date_and_by_their_bytes(
    folder: Path, scanned: Path
) -> None:
    archive = folder / "dump" / "phone.tar"
    data = archive.read_bytes()
    at = data.index(b"ftyp")
    archive.write_bytes(data[:at] + b"FTYP" + data[at + 4 :])
    looked = [why for is_wrong, why in remarks(folder, scanned, read=False) if not is_wrong]
    assert "VID_0001.mp4: lies in an archive that was changed since; --originals reads it" in looked
    wrong = [why for is_wrong, why in remarks(folder, scanned, read=True) if is_wrong]
    assert [why.split(" (")[0] for why in wrong] == [
        "phone.tar: is not what was scanned there",
        "VID_0001.mp4: is not what was scanned there",
    ]


def test_originals_in_an_archive_that_is_gone_or_lost_them_are_missing_and_not_wrong(
    folder: Path, scanned: Path
) -> None:
    (folder / "dump" / "phone.tar").unlink()
    with zipfile.ZipFile(folder / "dump" / "export.zip", "w") as file:
        file.writestr("other.mp4", b"other")
    found = remarks(folder, scanned, read=True)
    assert [why.split(":")[0] for is_wrong, why in found if is_wrong] == ["export.zip"]
    said = {why.split(":")[0]: why for is_wrong, why in found if not is_wrong}
    assert "is missing: moved, renamed or deleted" in said["VID_0001.mp4"]
    assert "could not be compared: it is not in the archive" in said["again.mp4!2"]


def test_what_is_sealed_in_an_archive_is_not_unpacked_to_be_compared(
    folder: Path, scanned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.case.checking.open_original", lambda path: pytest.fail(f"{path} was opened"))
    monkeypatch.setattr(Case, "is_sealed", lambda *_: True)
    (folder / "dump" / "phone.tar").touch()
    said = [why for _, why in remarks(folder, scanned, read=True)]
    assert "VID_0001.mp4: lies in an archive that was changed since; it is sealed and was not opened" in said


def test_what_is_left_in_an_archive_counts_with_its_own_size(case: Case, scanned: Path, tmp_path: Path) -> None:
    archive, member = scanned / "dump" / "phone.tar", scanned / "dump/phone.tar!/sdcard/DCIM/Camera/VID_0001.mp4"
    assert size_of(archive) == archive.stat().st_size
    assert size_of(member) == (scanned / "clip.mp4").stat().st_size
    with open_case(tmp_path / "new", make=True) as new:
        new.begin("aaaa.bbbb", [scanned / "dump"], [member, scanned / "dump/gone.zip!/clip.mp4"])
        assert standing(new).left_bytes == size_of(member)


def test_a_copy_is_made_of_what_lies_in_an_archive(
    folder: Path, scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "open_models", lambda _: ([seeing()], []))
    member = scanned / "dump/phone.tar!/sdcard/DCIM/Camera/VID_0001.mp4"
    watched = Copying()
    with open_case(folder / "case", make=True) as case:
        originals = [one for one in of_case(case, None) if one.path.name == "again.mp4"]
        assert [one.size for one in originals] == [size_of(member) + 8]
        Copier(Wish(), tmp_path / "out", SETTINGS, case).copy_all(originals, watched, Copied())
    assert list(watched.became.values()) == [Became.COPIED], watched.why
    assert [one.size for one in of_files(_files([member]))] == [size_of(member)], "it may be named as well"


def test_a_found_member_says_how_large_it_is(scanned: Path) -> None:
    found = {item.path.name: item for item in walk([scanned / "dump/phone.tar"], leave_out=scanned / "case")}
    assert found["VID_0001.mp4"] == Found(
        scanned / "dump/phone.tar!/sdcard/DCIM/Camera/VID_0001.mp4", (scanned / "clip.mp4").stat().st_size
    )
    assert video_id() not in found
