"""``triage bank import`` and ``export`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import prints
from tests.cli.test_banking import triage
from triage.matches.bank import open_bank

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
OTHER = "e64cc9d91c623882f8d1f1d9a398e78c9f199b3bd83924f2b7e11e0bf861b064"
MD5 = "cab08b36195edb1a1231d2d09fa450e0"


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return tmp_path / "bank"


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_list_is_imported_and_every_line_that_is_not_is_named(bank: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "theirs.txt", "# theirs", f"pdq {PDQ}", "oops", f"video_md5 {MD5}", f"pdq {PDQ}")
    result = triage("bank", "import", bank, file, "--source", "them", "--note", "a note")
    assert result.exit_code == 1, "a line was left out"
    assert "understood as pdq after its signal_type (2 lines) and md5 after its signal_type (1 line)" in result.stderr
    assert "skipped line 3: 'oops' is no hash in a form that is known here" in result.stderr
    assert "bank: 2 new entries, 1 clip of which all was known, 1 line skipped, 1 line without content" in result.stdout
    shown = triage("bank", "show", bank, "theirs-2").stdout
    assert "theirs-2  pdq, a note" in shown
    assert "source: them" in shown
    assert "hashes imported from theirs.txt" in shown
    assert "id (no file of it is known)" in shown


def test_a_list_that_is_whole_ends_with_0_and_twice_changes_nothing(bank: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "clip.json", json.dumps([f"{PDQ},100,0.0", f"{OTHER},100,1.0"]))
    assert triage("bank", "import", bank, file).exit_code == 0
    before = (bank / "log.jsonl").read_bytes()
    again = triage("bank", "import", bank, file)
    assert again.exit_code == 0
    assert "bank: 0 new entries, 1 clip of which all was known" in again.stdout
    assert (bank / "log.jsonl").read_bytes() == before


def test_a_list_without_a_hash_is_refused_and_makes_no_bank(bank: Path, tmp_path: Path) -> None:
    for lines in (["hello"], [""], ["hash,name"]):
        result = triage("bank", "import", bank, written(tmp_path / "list.txt", *lines))
        assert result.exit_code == 2
        assert "no hash in it could be understood" in result.stderr
        assert not bank.exists()


def test_64_digits_need_a_word_on_what_they_are(bank: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "list.txt", PDQ)
    assert "--as pdq or --as sha256" in triage("bank", "import", bank, file).stderr
    assert "there is no kind of hash 'pqd'" in triage("bank", "import", bank, file, "--as", "pqd").stderr
    assert triage("bank", "import", bank, file, "--as", "PDQ", "--name", "K-0013").exit_code == 0
    assert "  K-0013  pdq" in triage("bank", "list", bank).stdout


def test_a_long_list_of_bad_lines_is_not_printed_whole(bank: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "list.txt", *["oops"] * 100, MD5)
    result = triage("bank", "import", bank, file)
    assert result.stderr.count("skipped line") == 20
    assert "and 80 more" in result.stderr


def test_hostile_text_in_a_list_commands_no_terminal(bank: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "list.csv", "name,md5", f"a\x1b[31m,{MD5}", "b\x1b[31m,\x1b[31m")
    result = triage("bank", "import", bank, file)
    assert "\x1b" not in result.stdout + result.stderr
    assert "\x1b" not in triage("bank", "list", bank).stdout


@pytest.mark.parametrize("to", ["vpdq", "pdq", "md5", "sha256", "signals", "csv"])
def test_what_one_bank_exports_another_imports(bank: Path, tmp_path: Path, to: str) -> None:
    with open_bank(bank, make=True) as opened:
        opened.add(prints.fingerprint("clip", prints.scene(1, 5)), "K-0013", md5=MD5)
    file = tmp_path / f"list.{to}"
    assert triage("bank", "export", bank, file).exit_code == 0
    imported = triage("bank", "import", tmp_path / "other", file)
    assert imported.exit_code == 0, imported.stderr
    again = tmp_path / f"again.{to}"
    assert triage("bank", "export", tmp_path / "other", again).exit_code == 0
    assert again.read_text() == file.read_text()


def test_an_export_writes_over_nothing_and_needs_a_format_and_something_to_say(bank: Path, tmp_path: Path) -> None:
    triage("bank", "import", bank, written(tmp_path / "list.txt", MD5))
    original = written(tmp_path / "original.csv", "mine")
    refused = triage("bank", "export", bank, original)
    assert refused.exit_code == 2
    assert "nothing is written over" in refused.stderr
    assert original.read_text() == "mine\n"
    assert "its ending means no format" in triage("bank", "export", bank, tmp_path / "list.mp4").stderr
    assert "has nothing that can be written as vpdq" in triage("bank", "export", bank, tmp_path / "a.json").stderr
    assert not (tmp_path / "a.json").exists()


def test_a_disabled_entry_is_not_handed_on_and_that_is_said(bank: Path, tmp_path: Path) -> None:
    triage("bank", "import", bank, written(tmp_path / "list.csv", "name,md5", f"a,{MD5}", f"b,{MD5[::-1]}"))
    triage("bank", "disable", bank, "a", "--why", "wrong")
    result = triage("bank", "export", bank, tmp_path / "out.md5")
    assert "left out: 1 disabled entry" in result.stderr
    assert (tmp_path / "out.md5").read_text() == f"{MD5[::-1]}\n"
