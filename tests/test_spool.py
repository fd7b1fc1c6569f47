"""Tars that were packed as a whole: unpacked once, within bounds, and nothing of them stays."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import tarfile
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from triage import archive, spool
from triage.archive import Contents, contents
from triage.errors import Refusal, VideoError
from triage.original import open_original
from triage.spool import Packing, packing_of

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
CLIPS = {f"DCIM/{number}.mp4": random.Random(number).randbytes(30_000 + number) for number in range(6)}


def tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as opened:
        for name, data in members.items():
            found = tarfile.TarInfo(name)
            found.size = len(data)
            opened.addfile(found, io.BytesIO(data))
    return file.getvalue()


def packed(folder: Path, how: str = "gzip", name: str = "phone") -> Path:
    (folder / name).write_bytes(PACK[how](tar(CLIPS)))
    return folder / name


@pytest.fixture(autouse=True)
def _nothing_held(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Temporary files have a folder of their own, in which nothing is left."""
    folder = tmp_path_factory.mktemp("room")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    forget()
    yield
    forget()
    assert list(folder.iterdir()) == []


def forget() -> None:
    spool._HELD.clear()
    spool._REFUSED.clear()
    archive._LISTS.clear()


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each archive was packed that was unpacked."""
    met: list[str] = []
    unpack = spool._unpack

    def counted(file: io.BufferedReader, packing: Packing, make_room: Callable[[], None]) -> spool._Spool:
        met.append(packing.name)
        return unpack(file, packing, make_room)

    monkeypatch.setattr(spool, "_unpack", counted)
    return met


def looked_into(path: Path) -> Contents | None:
    with path.open("rb") as file:
        return contents(path, file)


def members(path: Path) -> dict[str, bytes | str]:
    """What is read of each, or why it is not."""
    found = looked_into(path)
    assert found is not None
    held = path.with_name(f"{path.name}!")
    return {str(one.path.relative_to(held)): one.refused or read(one.path) for one in found.members}


def read(path: Path) -> bytes:
    with open_original(path) as file:
        return file.read()


def refusal(path: Path) -> VideoError:
    with pytest.raises(VideoError) as refused:
        looked_into(path)
    return refused.value


@pytest.mark.parametrize("how", PACK)
def test_a_packed_tar_is_known_by_its_bytes_and_unpacked_once_for_all_its_members(
    how: str, times: list[str], tmp_path: Path
) -> None:
    path = packed(tmp_path, how, "no-ending")
    found = looked_into(path)
    assert found is not None
    assert (found.kind, found.is_whole) == (f"tar, {how}", True)
    assert members(path) == CLIPS
    assert times == [how]


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("data", [CLIPS["DCIM/1.mp4"], b"", b"words " * 1000, bytes(5000)])
def test_what_is_packed_and_no_tar_is_not_unpacked(how: str, data: bytes, times: list[str], tmp_path: Path) -> None:
    (tmp_path / "clip.tar.gz").write_bytes(PACK[how](data))
    assert looked_into(tmp_path / "clip.tar.gz") is None
    assert times == []


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("between", [b"", bytes(4), bytes(100_000)])
def test_streams_behind_each_other_are_one_and_what_is_no_stream_behind_them_is_nothing(
    how: str, between: bytes, tmp_path: Path
) -> None:
    whole, cut = tar(CLIPS), 70_001
    for behind in (b"", bytes(700), b"\x1f", b"something else"):
        path = tmp_path / f"{len(between)}-{len(behind)}"
        path.write_bytes(PACK[how](whole[:cut]) + between + PACK[how](whole[cut:]) + behind)
        assert members(path) == CLIPS
        assert getattr(looked_into(path), "is_whole", None)


@pytest.mark.parametrize("how", PACK)
def test_of_an_archive_that_ends_early_or_is_damaged_the_members_before_that_are_read(how: str, tmp_path: Path) -> None:
    data = PACK[how](tar(CLIPS))
    if how == "bzip2":  # else all would be one block, which comes out whole or not at all
        data = b"".join(bz2.compress(tar(CLIPS)[at : at + 20_000]) for at in range(0, len(tar(CLIPS)), 20_000))
    at = len(data) // 2
    damaged = data[:at] + bytes(200) + data[at + 200 :]
    for number, spoiled in enumerate([data[:at]] if how == "gzip" else [data[:at], damaged]):  # gzip tells at its end
        path = tmp_path / f"{number}"
        path.write_bytes(spoiled)
        found = looked_into(path)
        assert found is not None
        assert not found.is_whole
        *before, last = members(path).items()
        assert dict(before).items() <= CLIPS.items()
        assert how == "xz" or len(before) >= 2
        assert last == (last[0], "its archive ends early, within it or before it; it was not opened")


def test_a_check_sum_that_is_another_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path)
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    assert members(path) == CLIPS
    assert not getattr(looked_into(path), "is_whole", None)


@pytest.mark.parametrize("how", PACK)
def test_no_packed_tar_however_spoiled_raises_anything_but_a_sentence(how: str, tmp_path: Path) -> None:
    data = PACK[how](tar({name: CLIPS[name][:700] for name in CLIPS}))
    for number, at in enumerate(range(0, len(data), max(1, len(data) // 80))):
        for spoiled in (data[:at], data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]):
            path = tmp_path / f"{number}-{len(spoiled)}"
            path.write_bytes(spoiled)
            with suppress(VideoError):
                for member in getattr(looked_into(path), "members", ()):
                    read(member.path)


@pytest.mark.parametrize("how", PACK)
def test_what_would_become_far_more_than_itself_is_not_unpacked(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "RATIO_FROM_BYTES", 8 * 2**20)
    (tmp_path / "bomb").write_bytes(PACK[how](tar({"a.mp4": bytes(24 * 2**20)})))
    forget()
    tracemalloc.start()
    refused = refusal(tmp_path / "bomb")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * 2**20
    assert refused.kind is Refusal.ARCHIVE
    assert f"it is an archive (tar, {how}) that was not unpacked: it holds more than " in refused.why
    assert "more likely a trap than videos; if it is trusted, unpack it with care elsewhere" in refused.why
    assert "into the dump" not in refused.why


@pytest.mark.parametrize(
    ("where", "bound", "words"),
    [
        (spool, ("MOST_UNPACKED_BYTES", 100_000), "it holds more than 100 kB; if it is trusted"),
        (spool, ("MOST_S", -1e6), "takes more time than any archive of videos"),
        (archive, ("MOST_MEMBERS", 4), "it holds more than 4 files"),
        (archive, ("MOST_TAR_HEADER_BYTES", 500), "longer than any archive has it"),
    ],
)
def test_each_bound_is_kept_and_named(
    where: object, bound: tuple[str, float], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path)
    assert len(members(path)) == len(CLIPS)
    forget()
    monkeypatch.setattr(where, *bound)
    refused = refusal(path)
    assert refused.kind is Refusal.ARCHIVE
    assert words in refused.why
    assert "elsewhere" in refused.why
    assert "into the dump" not in refused.why


def test_where_there_is_no_room_it_says_how_much_and_where_and_is_not_tried_again_until_there_is(
    times: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path)
    whole = members(path)
    forget()
    times.clear()
    monkeypatch.setattr(spool, "_room", lambda: ("/the/room", spool.LEAST_FREE_BYTES + 10_000))
    for _ in range(3):
        refused = refusal(path)
        assert refused.kind is Refusal.NOT_OPENED, "the next scan tries again"
        assert "that takes 268.6 MB of room in /the/room, where 268.4 MB are free" in refused.why
        assert "TMPDIR" in refused.why
    assert times == ["gzip"], "it is not unpacked only to be refused again"
    monkeypatch.undo()
    assert members(path) == whole


def test_a_disk_that_is_full_before_it_says_so_is_no_room_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path)
    monkeypatch.setattr(spool, "_temporary", lambda: io.FileIO(os.open("/dev/full", os.O_RDWR), "r+"))
    assert refusal(path).kind is Refusal.NOT_OPENED


def test_what_is_held_gives_way_to_what_is_wanted_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = packed(tmp_path, name="first"), packed(tmp_path, name="second")
    assert members(first) == CLIPS
    enough = spool.LEAST_FREE_BYTES + 10**6
    monkeypatch.setattr(spool, "_room", lambda: ("", enough if len(spool._HELD) == 1 else 0))
    assert members(second) == CLIPS
    assert [path for path, _ in spool._HELD] == [second]


def handles() -> int:
    """How many this process has of files without a name, whose room is taken as long."""
    links = (os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir())
    return sum(link.startswith(tempfile.gettempdir()) for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux for open files")
def test_few_are_held_at_once_and_none_keeps_its_room_or_its_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [packed(tmp_path, name=f"{number}") for number in range(5)]
    assert all(members(path) == CLIPS for path in paths)
    assert handles() == 5, "they are small"
    monkeypatch.setattr(spool, "MOST_HELD_BYTES", 10)
    assert members(paths[0]) == CLIPS
    assert handles() == spool.HELD
    forget()
    assert handles() == 0


def test_a_member_that_is_being_read_is_read_on_when_its_archive_is_let_go(tmp_path: Path) -> None:
    path = packed(tmp_path)
    found = path.stat()
    with path.open("rb") as file:
        packing = packing_of(file)
        assert packing is not None
        opened = spool.unpacked(path, (found.st_size,), file, packing)
    forget()
    with opened.file as left:
        assert left.read() == tar(CLIPS)


def test_threads_that_want_it_at_once_wait_for_one_of_them_and_read_each_their_own(
    times: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, names = packed(tmp_path), [*CLIPS] * 4
    at_once, second, unpack = threading.Barrier(8), threading.Event(), spool._unpack

    def slowly(file: io.BufferedReader, packing: Packing, make_room: Callable[[], None]) -> spool._Spool:
        made = unpack(file, packing, make_room)
        second.set() if len(times) > 1 else second.wait(0.3)  # a second one that does not wait comes meanwhile
        return made

    monkeypatch.setattr(spool, "_unpack", slowly)

    def one(name: str) -> bytes:
        at_once.wait(60)
        return read(path.with_name("phone!") / name)

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(one, names)] == [CLIPS[name] for name in names]
    assert times == ["gzip"]


def test_an_archive_that_was_changed_is_unpacked_anew(times: list[str], tmp_path: Path) -> None:
    path = packed(tmp_path)
    assert members(path) == CLIPS
    path.write_bytes(PACK["gzip"](tar({"other.mp4": b"other"})))
    assert members(path) == {"other.mp4": b"other"}
    assert times == ["gzip", "gzip"]


def test_unpacking_takes_no_more_memory_than_a_few_pieces(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(PACK["gzip"](tar({"a.mp4": bytes(40 * 2**20)})))
    tracemalloc.start()
    looked_into(tmp_path / "large")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_the_bound_of_time_counts_calculating_and_not_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: pytest.fail("a machine that stood still would count"))
    assert members(packed(tmp_path)) == CLIPS
