"""What the commands put on a case's record."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.blinking import calm, clip, seeing
from tests.cli.test_commands import stopped_scan, triage
from triage.case import audit
from triage.case.audit import AuditLog, Entry
from triage.case.chain import verify
from triage.durable import sha256_of
from triage.findings import registry


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_models(_: object) -> tuple[list[Any], list[Any]]:
        return [seeing()], []

    monkeypatch.setattr(registry, "open_models", open_models)
    monkeypatch.setenv("TRIAGE_AUTHOR", "amal")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dump and its case, which nobody touches."""
    folder = tmp_path_factory.mktemp("scanned")
    (folder / "dump").mkdir()
    clip(folder / "dump" / "clip.mp4", pictures=15)
    calm(folder / "dump" / "calm.mp4")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(registry, "open_models", lambda _: ([seeing()], []))
        patched.setenv("TRIAGE_AUTHOR", "amal")
        triage("scan", folder / "dump", "--case", folder / "case")
    return folder


@pytest.fixture
def dump(scanned: Path) -> Path:
    return scanned / "dump"


@pytest.fixture
def case(scanned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scanned / "case", tmp_path / "case"))


def entries(case: Path) -> list[Entry]:
    assert verify(case) == []
    return AuditLog(case).entries()


def kinds(case: Path) -> list[str]:
    return [entry.kind for entry in entries(case)]


def test_a_scan_is_on_record_before_and_after_it_with_counts_settings_and_the_reports(dump: Path, case: Path) -> None:
    created, begun, ended, _ = entries(case)
    assert (created.what["start"], created.author) == ("new", "amal")
    assert begun.what["dumps"] == [str(dump)]
    assert (begun.what["step"], begun.what["files"]) == ("begins", 2)
    assert ended.what["became"] == {"examined": 2}
    assert (ended.what["reports"], ended.what["settings"]) == (2, begun.what["settings"])
    assert kinds(case) == ["case_created", "scan", "scan", "match"]
    assert triage("verify", case, "--originals").exit_code == 0


def test_a_scan_that_was_interrupted_says_so(dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_scan(dump, tmp_path / "case", monkeypatch)
    *_, ended = entries(tmp_path / "case")
    assert (ended.what["step"], ended.what["interrupted"], ended.what["became"]) == ("ends", True, {})


def test_copies_are_one_line_and_what_is_revealed_is_on_record_before_anything_is_shown(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triage("blur", case, "--out", tmp_path / "out")
    [copied] = [entry for entry in entries(case) if entry.kind == "copy"]
    assert copied.what["form"] == "review copies in solid"
    assert (copied.what["out"], copied.what["became"]) == (str(tmp_path / "out"), {"copied": 2})

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("triage.run.blurring.Copier.copy_all", stopped)
    triage("blur", case, "--out", tmp_path / "shown", "--reveal", "minor_faces", "--why", "to find the parents")
    revealed, stopped_copies = entries(case)[-2:]
    assert (revealed.kind, revealed.what["revealed"]) == ("reveal", ["minor_faces"])
    assert (revealed.what["why"], len(revealed.what["videos"])) == ("to find the parents", 2)
    assert stopped_copies.what["interrupted"]


def test_nothing_is_revealed_that_cannot_be_put_on_record(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(audit, "_write_all", full)
    result = triage("blur", case, "--out", tmp_path / "out", "--reveal", "minor_faces", "--why", "to find the parents")
    assert result.exit_code == 1
    assert "the disk is full" in result.stderr
    assert not (tmp_path / "out").exists()


def test_copies_of_videos_without_a_case_need_no_record(dump: Path, tmp_path: Path) -> None:
    assert triage("blur", dump / "clip.mp4", "--out", tmp_path / "out").exit_code == 0


def test_contact_sheets_and_matching_are_on_record(case: Path, tmp_path: Path) -> None:
    triage("sheet", case, "--out", tmp_path / "sheet")
    assert entries(case)[-1].what["form"] == "contact sheets"
    triage("match", case)
    assert kinds(case)[-1] == "match"


def test_comparing_with_a_bank_is_on_record_and_so_is_what_changes_in_it(
    dump: Path, case: Path, tmp_path: Path
) -> None:
    bank = tmp_path / "known"
    triage("bank", "add", bank, dump / "clip.mp4")
    triage("match", case, "--bank", bank)
    used = entries(case)[-1]
    assert (used.kind, used.what["bank"], used.what["folder"]) == ("bank", "known", str(bank))
    assert (used.what["compared"], used.what["found"], used.what["gone"]) == (2, 1, 0)
    triage("bank", "disable", bank, "clip", "--why", "it is everywhere")
    changed = entries(case)[-1]
    assert (changed.kind, changed.what["found"], changed.what["gone"]) == ("bank", 0, 1)


def test_an_export_is_on_record_with_the_hash_of_what_was_written(case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    triage("export", case, "--out", out)
    triage("export", case)
    written, printed = entries(case)[-2:]
    assert (written.kind, written.what) == ("export", {"what": "jsonl", "out": str(out), "sha256": sha256_of(out)})
    assert (printed.what["out"], printed.what["sha256"]) == ("stdout", None)


def test_a_case_that_may_only_be_read_is_exported_and_the_missing_line_is_said(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kinds(case)

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(audit, "_write_all", read_only)
    result = triage("export", case, "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 0
    assert "this is not on the record" in result.stderr
    assert kinds(case) == before


def test_looking_at_a_case_leaves_no_line(case: Path) -> None:
    before = (case / "audit.jsonl").read_bytes()
    for word in ("status", "queue", "clusters", "verify"):
        assert triage(word, case).exit_code == 0
    assert (case / "audit.jsonl").read_bytes() == before
