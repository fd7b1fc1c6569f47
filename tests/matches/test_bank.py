"""Banks of known clips: what is kept, what is refused, and what happens when programs meet or are killed in one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import prints
from tests.hostile import STEADY, replaced, sentence, spoiled
from triage.errors import CaseError, MatchIndexError, UsageError
from triage.fingerprint_file import dump_fingerprint
from triage.matches.bank import Bank, open_bank
from triage.matches.bank_folder import HEAD
from triage.matches.bank_log import LOG, What
from triage.matches.exchange.writing import FORMATS, held
from triage.matches.importing import Known
from triage.matches.signals import Feature, Kind, Signal, vpdq_value
from triage.names import shown
from triage.records import VIEWS, Fingerprint

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
MD5 = "cab08b36195edb1a1231d2d09fa450e0"


def clip(name: str = "clip", model: str = prints.MODEL, pictures: int = 4) -> Fingerprint:
    return prints.fingerprint(name, prints.scene(len(name), pictures), model=model)


def add(folder: Path, fingerprint: Fingerprint, name: str = "K-0013") -> None:
    with open_bank(folder, make=True) as bank:
        bank.add(fingerprint, name)


def vpdq(*times_ms: int | None, quality: int = 100) -> Signal:
    return Signal(Kind.VPDQ, vpdq_value(Feature(PDQ, quality, time_ms) for time_ms in times_ms))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bank"


def test_what_was_added_is_there_when_the_bank_is_opened_again(folder: Path) -> None:
    fingerprint = clip()
    with open_bank(folder, make=True) as bank:
        added = bank.add(fingerprint, "K-0013", "a note", "where from", file_name="a.mp4", md5=MD5)
        assert added.is_new
        assert added.has_new_vectors
        bank_id = bank.id
    with open_bank(folder) as bank:
        [entry] = bank.entries()
        assert entry == added.entry == bank.entry_of(fingerprint.video) == bank.called("K-0013")
        assert (entry.name, entry.note, entry.source, entry.file_name) == ("K-0013", "a note", "where from", "a.mp4")
        assert entry.length_ms == fingerprint.length_ms
        assert entry.kinds == ("vectors", "md5", "sha256")
        [kept] = bank.fingerprints(prints.MODEL)
        assert dump_fingerprint(kept) == dump_fingerprint(fingerprint)
        assert bank.exact()[Kind.MD5] == {MD5: entry}
        assert bank.exact()[Kind.SHA256] == {fingerprint.video: entry}
        assert (bank.id, bank.name) == (bank_id, "bank")


def test_two_banks_have_different_ids(tmp_path: Path) -> None:
    ids = set()
    for name in ("one/bank", "other/bank"):
        with open_bank(tmp_path / name, make=True) as bank:
            ids.add(bank.id)
    assert len(ids) == 2


def test_there_is_no_bank_where_none_was_made_and_none_is_made_among_other_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no bank here; make one with: triage bank add"), open_bank(tmp_path):
        pass
    (tmp_path / "holiday.mp4").touch()
    with pytest.raises(UsageError, match="holds other files"), open_bank(tmp_path, make=True):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["holiday.mp4"]
    with pytest.raises(UsageError, match="is a file"), open_bank(tmp_path / "holiday.mp4", make=True):
        pass


def test_the_same_clip_added_again_is_said_so_and_not_doubled(folder: Path) -> None:
    add(folder, clip())
    with open_bank(folder) as bank:
        before = (folder / LOG).read_bytes()
        again = bank.add(clip(), "another name")
        assert (again.is_new, again.has_new_vectors, again.entry.name) == (False, False, "K-0013")
        assert (folder / LOG).read_bytes() == before
        assert len(bank.entries()) == 1


def test_another_clip_of_the_same_name_is_refused(folder: Path) -> None:
    add(folder, clip())
    with open_bank(folder) as bank:
        with pytest.raises(UsageError, match=r"the name K-0013 belongs to another clip .* --name TEXT"):
            bank.add(clip("other"), "K-0013")
        assert [entry.video for entry in bank.entries()] == [clip().video]


@pytest.mark.parametrize("name", ["", "  ", "a" * 201])
def test_a_name_that_is_none_is_refused(folder: Path, name: str) -> None:
    with open_bank(folder, make=True) as bank, pytest.raises(UsageError, match="1 to 200 characters"):
        bank.add(clip(), name)


def test_a_clip_added_with_another_model_is_one_entry_with_both(folder: Path) -> None:
    add(folder, clip())
    with open_bank(folder) as bank:
        assert [entry.name for entry in bank.missing("new@11111111")] == ["K-0013"]
        assert list(bank.fingerprints("new@11111111")) == []
        more = bank.add(clip(model="new@11111111"), "whatever")
        assert (more.is_new, more.has_new_vectors) == (False, True)
        assert more.entry.models == (prints.MODEL, "new@11111111")
        assert bank.missing("new@11111111") == bank.missing(prints.MODEL) == []
        assert [one.model for one in bank.fingerprints("new@11111111")] == ["new@11111111"]


def test_a_disabled_entry_keeps_its_history_and_is_compared_with_nothing(folder: Path) -> None:
    fingerprint = clip()
    with open_bank(folder, make=True) as bank:
        bank.add(fingerprint, "K-0013", md5=MD5)
        bank.take([Known(1, (Signal(Kind.PDQ, PDQ),), "picture")], "list.csv")
        bank.disable("K-0013", " a title card ")
        bank.disable("picture", "wrong")
        assert not [*bank.fingerprints(prints.MODEL), *bank.missing("new@1"), *bank.hash_only(), *bank.signals()]
        assert bank.exact() == {Kind.SHA256: {}, Kind.SHA1: {}, Kind.MD5: {}}
        entry = bank.called("K-0013")
        assert entry.disabled_why == "a title card"
        assert [event.what for event in bank.history(entry)] == [What.ADDED, What.DISABLED]
        assert dump_fingerprint(bank.fingerprint(entry, prints.MODEL)) == dump_fingerprint(fingerprint)
        with pytest.raises(UsageError, match=r"disabled already \(a title card\)"):
            bank.disable("K-0013", "again")
        assert not bank.add(fingerprint, "K-0013").entry.is_enabled, "adding it again does not bring it back"
        assert bank.enable("K-0013", "it was right").is_enabled
        assert len(list(bank.fingerprints(prints.MODEL))) == 1
        with pytest.raises(UsageError, match="not disabled"):
            bank.enable("K-0013", "again")


def test_a_reason_is_wanted(folder: Path) -> None:
    add(folder, clip())
    with open_bank(folder) as bank, pytest.raises(UsageError, match="--why"):
        bank.disable("K-0013", "  ")


def test_an_entry_is_found_by_its_name_by_what_is_shown_of_it_and_by_its_hash(folder: Path) -> None:
    hostile = "K\x1b[31m\u202e\udcff"
    add(folder, clip(), hostile)
    add(folder, clip("other"), "0123")
    with open_bank(folder) as bank:
        video = clip().video
        for word in (hostile, "K\\x1b[31m\\u202e\\udcff", video, video[:8], video[:20].upper()):
            assert bank.called(word).video == video
        with pytest.raises(UsageError, match=r"there is no entry '0124' in the bank bank; did you mean .*0123"):
            bank.called("0124")


def test_a_program_that_was_killed_while_writing_leaves_a_bank_that_says_so_and_works(folder: Path) -> None:
    add(folder, clip())
    whole = (folder / LOG).read_bytes()
    with (folder / LOG).open("ab") as file:
        file.write(whole[: len(whole) // 2])
    with open_bank(folder) as bank:
        assert bank.mended is not None
        assert "cut off" in bank.mended
        assert [entry.name for entry in bank.entries()] == ["K-0013"]
        bank.add(clip("other"), "K-0014")
    with open_bank(folder) as bank:
        assert bank.mended is None
        assert [entry.name for entry in bank.entries()] == ["K-0013", "K-0014"]


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[]",
        b'{"event": "added"}',
        b'{"event": "melted", "at_utc": "", "version": "9"}',
        b'{"event": "disabled", "at_utc": "", "version": "9", "video": "nobody", "why": ""}',
        b'{"event": "imported", "at_utc": "", "version": "9", "list": "gone", "note": "", "source": "", "file": ""}',
        b"[" * 100_000,
    ],
)
def test_a_log_that_cannot_be_read_is_refused_with_a_sentence(folder: Path, line: bytes) -> None:
    add(folder, clip())
    (folder / LOG).write_bytes((folder / LOG).read_bytes() + line + b"\n")
    with pytest.raises(MatchIndexError), open_bank(folder):
        pass


@pytest.mark.parametrize("head", [b"", b"{", b"[]", b'{"kind": 1}', b'{"kind": [], "id": "a"}'])
def test_a_damaged_head_is_refused_with_a_sentence(folder: Path, head: bytes) -> None:
    add(folder, clip())
    (folder / HEAD).write_bytes(head)
    with pytest.raises(MatchIndexError, match="no head of a bank"), open_bank(folder):
        pass


def test_a_bank_of_a_newer_version_is_refused(folder: Path) -> None:
    add(folder, clip())
    (folder / HEAD).write_text('{"kind": 2, "id": "a"}')
    with pytest.raises(MatchIndexError, match="newer version"), open_bank(folder):
        pass


def test_a_fingerprint_that_is_gone_swapped_or_damaged_is_named_and_adding_the_clip_again_heals(folder: Path) -> None:
    add(folder, clip())
    add(folder, clip("other"), "K-0014")
    one, other = sorted((folder / "fingerprints").iterdir(), key=lambda path: path.name.startswith(clip().video))[::-1]
    kept = one.read_bytes()
    for data, what in ((None, "cannot be read"), (other.read_bytes(), "of another clip"), (kept[:50], "damaged")):
        if data is None:
            one.unlink()
        else:
            one.write_bytes(data)
        with open_bank(folder) as bank, pytest.raises(MatchIndexError, match=what):
            list(bank.fingerprints(prints.MODEL))
    one.unlink()
    add(folder, clip())
    with open_bank(folder) as bank:
        assert len(list(bank.fingerprints(prints.MODEL))) == len(bank.entries()) == 2


def test_programs_that_add_at_the_same_time_lose_nothing(folder: Path) -> None:
    names = [f"K-{number:04}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: add(folder, clip(name), name), names))
    with open_bank(folder) as bank:
        assert sorted(entry.name for entry in bank.entries()) == names


def test_two_programs_that_add_one_name_at_the_same_time_end_with_one_entry_of_it(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.matches.test_bank import add, clip;"
        "from triage.errors import UsageError\n"
        "try: add(Path(sys.argv[1]), clip(sys.argv[2]))\n"
        "except UsageError: print('refused')"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(folder), name], stdout=subprocess.PIPE, text=True)
        for name in ("one", "other")
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in started]
    assert sorted(said) == ["", "refused"]
    with open_bank(folder) as bank:
        assert [entry.name for entry in bank.entries()] == ["K-0013"]


def test_what_another_program_did_meanwhile_is_not_undone(folder: Path) -> None:
    with open_bank(folder, make=True) as bank, open_bank(folder) as other:
        other.add(clip(), "K-0013")
        with pytest.raises(UsageError, match="belongs to another clip"):
            bank.add(clip("other"), "K-0013")
        assert [entry.name for entry in bank.entries()] == ["K-0013"]


def test_a_bank_holds_no_picture_and_no_place_where_a_clip_lies(folder: Path) -> None:
    add(folder, clip())
    kept = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    model = prints.MODEL
    assert [name for name in kept if not name.startswith(".")] == [
        "bank.json",
        f"fingerprints/{clip().video}.{model}.npz",
        "log.jsonl",
    ]
    for line in (folder / LOG).read_text().splitlines():
        assert not any("/" in str(value) for value in json.loads(line).values())


def test_cases_that_use_a_bank_are_kept_once(folder: Path, tmp_path: Path) -> None:
    with open_bank(folder, make=True) as bank:
        for place in (tmp_path / "case", tmp_path / "other", tmp_path / "x" / ".." / "case"):
            bank.note_case(place)
    with open_bank(folder) as bank:
        assert bank.cases() == [tmp_path / "case", tmp_path / "other"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_bank_that_may_not_be_written_can_be_read(folder: Path) -> None:
    add(folder, clip())
    folder.chmod(0o500)
    with open_bank(folder) as bank:
        assert len(bank.entries()) == 1
        with pytest.raises(CaseError, match="cannot be written"):
            bank.disable("K-0013", "why")
    folder.chmod(0o700)


def test_a_full_disk_leaves_the_log_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(folder, clip())
    before = (folder / LOG).read_bytes()

    def half(file: object, data: bytes) -> None:
        file.write(data[:20])  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("triage.matches.bank_log._write_all", half)
    with open_bank(folder) as bank, pytest.raises(CaseError, match="the disk is full"):
        bank.disable("K-0013", "why")
    assert (folder / LOG).read_bytes() == before


def test_imported_hashes_are_entries_without_vectors(folder: Path) -> None:
    found = [
        Known(1, (vpdq(0, 1000),), "video"),
        Known(2, (Signal(Kind.PDQ, PDQ, 90),), hint="picture"),
        Known(3, (Signal(Kind.MD5, MD5),)),
        Known(4, (vpdq(0, quality=40),), "says too little"),
    ]
    with open_bank(folder, make=True) as bank:
        taken = bank.take(found, "theirs.csv", "a note", "them")
        assert (taken.new, taken.already, taken.skipped) == (4, 0, ())
        assert [entry.name for entry in taken.entries] == ["video", "picture", "theirs-3", "says too little"]
        again = bank.take(found, "theirs.csv")
        assert (again.new, again.already, again.entries) == (0, 4, ())
    with open_bank(folder) as bank:
        assert bank.missing(prints.MODEL) == []
        rows = {entry.name: each for entry, each in bank.hash_only()}
        assert set(rows) == {"video", "picture"}
        assert rows["picture"].times_ms is None
        assert rows["video"].times_ms is not None
        assert rows["video"].times_ms.tolist() == [0, 1000]
        assert rows["picture"].hashes.tobytes().hex() == PDQ
        assert bank.exact()[Kind.MD5][MD5].name == "theirs-3"
        assert [event.what for event in bank.history(bank.called("theirs-3"))] == [What.IMPORTED]
        assert bank.called("video").source == "them"


def test_a_clip_whose_hash_was_imported_before_becomes_that_entry(folder: Path) -> None:
    fingerprint = clip()
    with open_bank(folder, make=True) as bank:
        bank.take([Known(1, (Signal(Kind.SHA256, fingerprint.video),), "theirs")], "list.csv")
        added = bank.add(fingerprint, "ours")
        assert (added.is_new, added.has_new_vectors, added.entry.name) == (False, True, "theirs")
        assert len(bank.entries()) == 1


def test_a_changed_list_of_hashes_is_refused(folder: Path) -> None:
    with open_bank(folder, make=True) as bank:
        bank.take([Known(1, (Signal(Kind.MD5, MD5),))], "list.csv")
    [path] = (folder / "hashes").iterdir()
    path.write_bytes(path.read_bytes().replace(b"cab0", b"cab1"))
    with pytest.raises(MatchIndexError, match="was changed or damaged"), open_bank(folder):
        pass


def test_a_still_picture_and_a_clip_of_one_frame_can_be_added(folder: Path) -> None:
    for name, length_ms in (("still", 0), ("frame", 40)):
        vectors = prints.scene(1, 1)
        with open_bank(folder, make=True) as bank:
            entry = bank.add(prints.fingerprint(name, vectors, length_ms=length_ms), name).entry
        assert entry.length_ms == length_ms


def test_a_clip_in_which_no_picture_was_looked_at_can_be_added(folder: Path) -> None:
    nothing = prints.fingerprint("nothing", np.empty((0, len(VIEWS), prints.DIM), np.float32))
    add(folder, nothing)
    with open_bank(folder) as bank:
        assert [len(one) for one in bank.fingerprints(prints.MODEL)] == [0]


def test_the_api_answers_what_is_not_there_with_a_key_error(folder: Path) -> None:
    with open_bank(folder, make=True) as bank:
        assert isinstance(bank, Bank)
        with pytest.raises(KeyError):
            bank.entry_of("nothing")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank with something of every kind in it."""
    folder = tmp_path_factory.mktemp("bank")
    with open_bank(folder, make=True) as bank:
        bank.add(clip("one"), "one", "a note", "from", file_name="a.mp4", md5=MD5)
        bank.add(clip("two"), "two")
        signals = (Signal(Kind.PDQ, PDQ, 90), Signal(Kind.SHA1, "a" * 40))
        bank.take([Known(1, signals, "three"), Known(2, (vpdq(0, 400),), None, "four")], "list.csv")
        bank.disable("two", "a mistake")
        bank.note_case(folder.parent / "case")
    return folder


def asked(folder: Path) -> str:
    """Everything that is asked of a bank; the sentence that refuses it, or '' if it answers."""
    try:
        with open_bank(folder) as bank:
            for entry in bank.entries():
                assert set(entry.kinds)
                assert bank.history(entry) or entry.name
                assert isinstance(shown(f"{entry.name} {entry.note} {entry.source} {entry.file_name}"), str)
                assert all(bank.fingerprint(entry, model).model == model for model in entry.models)
            assert len(bank.hash_only()) + len(list(bank.fingerprints(prints.MODEL))) <= len(bank.entries())
            for write in FORMATS.values():
                "".join(write(list(held(bank))))
            bank.exact(), bank.signals(), bank.missing("other@1"), bank.cases()
    except (MatchIndexError, UsageError) as error:
        return sentence(error)
    return ""


def files_of(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in {".json", ".jsonl", ".npz"}
    )


def with_file(folder: Path, into: Path, name: str, data: bytes) -> None:
    """The same bank with other bytes in one file; a list of hashes is renamed, as whoever forges one would do it."""
    shutil.copytree(folder, into, dirs_exist_ok=True)
    (into / name).write_bytes(data)
    if name.startswith("hashes/"):
        forged = hashlib.sha256(data).hexdigest()
        (into / name).rename(into / "hashes" / f"{forged}.jsonl")
        log = into / LOG
        log.write_bytes(log.read_bytes().replace(Path(name).stem.encode(), forged.encode()))


@settings(STEADY, max_examples=80)
@given(data=st.data())
def test_whatever_is_in_the_files_of_a_bank_it_answers_or_says_a_sentence(data: st.DataObject, full: Path) -> None:
    name = data.draw(st.sampled_from([HEAD, LOG, LOG, *files_of(full)]))
    with tempfile.TemporaryDirectory() as folder:
        with_file(full, Path(folder), name, data.draw(spoiled([(full / name).read_bytes()])))
        asked(Path(folder))


@settings(STEADY, max_examples=100)
@given(data=st.data())
def test_whatever_stands_in_the_place_of_a_value_the_bank_answers_or_says_a_sentence(
    data: st.DataObject, full: Path
) -> None:
    name = data.draw(st.sampled_from([each for each in files_of(full) if not each.endswith(".npz")]))
    lines = [json.loads(line) for line in (full / name).read_bytes().splitlines()]
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(replaced(lines[number]))
    with tempfile.TemporaryDirectory() as folder:
        with_file(full, Path(folder), name, "".join(json.dumps(line) + "\n" for line in lines).encode())
        asked(Path(folder))


@pytest.mark.parametrize("what", ["folder", "pipe", "zeros", "loop", "nothing"])
def test_something_else_in_the_place_of_a_file_is_a_sentence(what: str, full: Path, tmp_path: Path) -> None:
    assert asked(full) == ""
    for name in files_of(full):
        folder = tmp_path / name.replace("/", "_")
        shutil.copytree(full, folder)
        (folder / name).unlink()
        if what == "folder":
            (folder / name).mkdir()
        elif what == "pipe":
            os.mkfifo(folder / name)
        elif what != "nothing":
            (folder / name).symlink_to("/dev/zero" if what == "zeros" else folder / name)
        said = asked(folder)
        assert said or (name, what) == (LOG, "nothing"), f"{name} is a {what}"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (HEAD, b'"kind": 1', b'"kind": Infinity'),
        (HEAD, b'"kind": 1', b'"kind": ' + b"9" * 5000),
        (HEAD, b'"id": "', b'"id": "../'),
        (LOG, b'"length_ms": 1600', b'"length_ms": -1'),
        (LOG, b'"name": "one"', b'"name": 1'),
        (LOG, b'"list": "', b'"list": "../../etc/'),
        (LOG, MD5.encode(), b"no hash"),
        (LOG, b'"event": "case"', b'"event": ' + b"[" * 900 + b"]" * 900),
    ],
)
def test_what_readers_stumble_over_is_refused(
    name: str, before: bytes, after: bytes, full: Path, tmp_path: Path
) -> None:
    data = (full / name).read_bytes()
    assert before in data
    with_file(full, tmp_path / "bank", name, data.replace(before, after, 1))
    assert asked(tmp_path / "bank")
