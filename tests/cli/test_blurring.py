from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.blinking import calm, clip, no_model_but_white, seeing, shows_white
from tests.cli.test_commands import triage
from triage.case.audit import AuditLog
from triage.case.store import only_scan, open_case
from triage.findings import registry


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    no_model_but_white(monkeypatch)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    clip(folder / "clip.mp4", pictures=15)
    calm(folder / "calm.mp4")
    return folder


def test_copies_of_a_case_are_made_and_listed(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    result = triage("blur", tmp_path / "case", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "This run: 2 files, 2 copied." in result.stderr
    assert "Something is covered in 00:00.600 of 00:01.160" in result.stderr
    assert f"The list of copies: {tmp_path / 'out/copies.csv'}" in result.stdout
    assert not shows_white(tmp_path / "out/clip.review.mp4")


def test_copies_that_lie_in_the_dump_are_left_out_of_the_next_scan_and_it_says_so(dump: Path, tmp_path: Path) -> None:
    words = ("scan", dump, "--case", tmp_path / "case")
    triage(*words)
    triage("blur", tmp_path / "case", "--out", dump / "copies")
    again = triage(*words)
    said = f"Left out as review copies, by the sidecars beside them: 2 files in {dump / 'copies'}. "
    assert said + "What is moved to another folder is scanned." in again.stderr.splitlines()
    assert "This run: 2 files, 2 done before" in again.stderr
    begun = [entry.what for entry in AuditLog(tmp_path / "case").entries() if entry.what.get("step") == "begins"]
    assert [what["copies_left_out"] for what in begun] == [0, 2]
    alone = triage("scan", dump / "copies", "--case", tmp_path / "other")
    assert alone.exit_code == 2
    assert "there is no file in it but review copies" in alone.stderr
    (dump / "calm.mp4").write_bytes((dump / "copies/clip.review.mp4").read_bytes())
    assert "This run: 2 files, 1 examined, 1 done before" in triage(*words).stderr, "one that was moved is scanned"


def test_a_video_needs_no_case(dump: Path, tmp_path: Path) -> None:
    result = triage("blur", dump / "clip.mp4", "--out", tmp_path / "out", "--style", "pixelate", "--no-mark")
    assert result.exit_code == 0, result.stderr
    row = json.loads((tmp_path / "out/clip.review.mp4.json").read_bytes())
    assert (row["style"], row["has_mark"]) == ("pixelate", False)


def test_a_video_without_a_copy_is_named_and_ends_with_1(dump: Path, tmp_path: Path) -> None:
    (dump / "note.mp4").write_text("only words\n" * 20)
    result = triage("blur", dump / "clip.mp4", dump / "note.mp4", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"no copy: {dump / 'note.mp4'}: it is not a video" in result.stderr
    assert (tmp_path / "out/clip.review.mp4").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--style", "blurr"], "there is no 'blurr'; did you mean 'blur'?"),
        (["--cover", "faces,gore"], "there is no 'gore'"),
        (["--cover", "unseen"], "there is no 'unseen'"),
        (["--audio", "muted"], "did you mean 'mute'?"),
        (["--reveal", "minor_faces"], "--reveal and --why go together"),
        (["--why", "because"], "--reveal and --why go together"),
        (["--reveal", "everything", "--why", "x"], "there is no 'everything'"),
        (["--queue", "urgent"], "--queue is of a case"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_made(
    dump: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    result = triage("blur", dump / "clip.mp4", "--out", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_said(dump: Path, tmp_path: Path) -> None:
    missing = triage("blur", tmp_path / "no.mp4", "--out", tmp_path / "out")
    assert (missing.exit_code, "there is no such file" in missing.stderr) == (2, True)
    no_case = triage("blur", dump, "--out", tmp_path / "out")
    assert (no_case.exit_code, "there is no case here; scan it first" in no_case.stderr) == (2, True)
    triage("scan", dump, "--case", tmp_path / "case")
    both = triage("blur", tmp_path / "case", dump / "clip.mp4", "--out", tmp_path / "out")
    assert (both.exit_code, "give one case, or videos" in both.stderr) == (2, True)
    empty = triage("blur", tmp_path / "case", "--queue", "urgent", "--out", tmp_path / "out")
    assert (empty.exit_code, "there is nothing to copy" in empty.stderr) == (2, True)


def test_a_place_that_is_a_file_is_said(dump: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    result = triage("blur", dump / "clip.mp4", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "is a file; --out wants a folder" in result.stderr


def test_an_interruption_ends_with_130_and_the_next_run_goes_on(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    words = ["blur", str(dump / "clip.mp4"), str(dump / "calm.mp4"), "--out", str(tmp_path / "out")]
    with monkeypatch.context() as patched:
        patched.setattr("triage.copying.search", interrupt)
        result = triage(*words)
    assert result.exit_code == 130
    assert "run the same command again, and it goes on from here" in result.stderr
    assert not list((tmp_path / "out").glob("*.mp4"))
    assert triage(*words).exit_code == 0
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {
        ".copies.lock",
        "copies.csv",
        "clip.review.mp4",
        "clip.review.mp4.json",
        "calm.review.mp4",
        "calm.review.mp4.json",
    }


def test_what_the_search_of_a_copy_found_is_said(dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.examples import nobody

    models = iter([seeing(nobody)])
    monkeypatch.setattr(registry, "open_models", lambda _: ([next(models, seeing())], []))
    result = triage("blur", dump / "clip.mp4", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "found what the plan had missed, and it was covered:" in result.stderr
    assert not shows_white(tmp_path / "out/clip.review.mp4")


def test_one_content_of_a_case_is_named_by_its_first_digits_also_while_the_case_is_scanned(
    dump: Path, tmp_path: Path
) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    digits = hashlib.sha256((dump / "calm.mp4").read_bytes()).hexdigest()
    with open_case(tmp_path / "case", make=True) as case, only_scan(case):
        result = triage("blur", tmp_path / "case", "--video", digits[:8], "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert [copy.name for copy in (tmp_path / "out").glob("*.mp4")] == ["calm.review.mp4"]


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("abc", "8 or more of the first digits"),
        ("zzzzzzzz", "8 or more"),
        ("00000000", "0 contents of the case"),
        ("", "8 or"),
    ],
)
def test_digits_that_name_no_content_are_said(dump: Path, tmp_path: Path, digits: str, said: str) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    for command in ("blur", "sheet"):
        result = triage(command, tmp_path / "case", "--video", digits, "--out", tmp_path / "out")
        assert (result.exit_code, said in result.stderr) == (2, True)
    alone = triage("blur", dump / "calm.mp4", "--video", "0" * 8, "--out", tmp_path / "out")
    assert (alone.exit_code, "--video names a content of a case" in alone.stderr) == (2, True)
