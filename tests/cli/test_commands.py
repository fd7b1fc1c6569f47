"""The commands as a user types them, in this process; the model is replaced where it is not the point."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests import media
from tests.examples import bright_is_armed
from tests.nets import squares_net
from triage.case.catalogue import CATALOGUE, FORMAT
from triage.cli import doctoring
from triage.cli.main import app
from triage.errors import DetectorError
from triage.findings import registry
from triage.findings.detector import Detector, Reader
from triage.findings.scripted import Said, Scripted
from triage.frames.sandbox import seccomp
from triage.records import SCHEMA, Frame
from triage.run.dump import Found, walk
from triage.run.watching import Watch
from triage.settings import Settings

README = Path(__file__).parent.parent.parent / "README.md"


def triage(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def stopped_scan(dump: Path, case: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A scan in which Ctrl-C is pressed at the first video."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("triage.run.examining.take_in", interrupt)
        return triage("scan", dump, "--case", case)


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(_: Settings) -> tuple[Sequence[Detector], Sequence[Reader]]:
        return [Scripted(bright_is_armed)], []

    monkeypatch.setattr(registry, "open_models", make)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    media.draw(folder / "bright.mkv", [media.plain(20)] * 10 + [media.plain(240)] * 15)
    media.video(folder / "calm.mp4", pictures=20)
    (folder / "empty.mp4").touch()
    return folder


def test_a_scan_says_the_queues_and_where_to_look_next(dump: Path, tmp_path: Path) -> None:
    result = triage("scan", dump, "--case", tmp_path / "case")
    assert result.exit_code == 1, "an empty file among the videos could not be examined"
    assert f"Next: triage queue {tmp_path / 'case'}" in result.stdout
    assert "priority        1" in result.stdout
    assert "unreadable      1  (1 empty)" in result.stdout
    assert f"not examined: {dump / 'empty.mp4'}: the file is empty" in result.stderr
    assert "nothing will be said about them" in result.stderr


def test_a_scan_without_failures_ends_with_0_and_says_when_nothing_was_new(dump: Path, tmp_path: Path) -> None:
    (dump / "empty.mp4").unlink()
    assert triage("scan", dump, "--case", tmp_path / "case").exit_code == 0
    again = triage("scan", dump, "--case", tmp_path / "case")
    assert again.exit_code == 0
    assert "Nothing was new or changed." in again.stderr
    assert "2 done before" in again.stderr


def test_the_queue_shows_reasons_in_words_with_times(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    shown = triage("queue", tmp_path / "case").stdout
    assert shown.index("bright.mkv") < shown.index("calm.mp4") < shown.index("empty.mp4")
    assert "likely weapon beside person (seen in 1 picture), 00:00.400 to 00:00." in shown
    assert shown.count("nobody looked for bound hands") == 1


def test_the_queue_can_be_narrowed(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    assert "calm.mp4" not in triage("queue", tmp_path / "case", "--queue", "priority").stdout
    assert "2 more: raise --limit" in triage("queue", tmp_path / "case", "--limit", "1").stdout
    assert "nothing waits in the queue urgent" in triage("queue", tmp_path / "case", "--queue", "urgent").stdout


def test_status_is_what_the_scan_ended_with(dump: Path, tmp_path: Path) -> None:
    scanned = triage("scan", dump, "--case", tmp_path / "case").stdout
    assert triage("status", tmp_path / "case").stdout.strip() in scanned


def test_an_export_has_a_line_for_every_content_with_all_that_was_promised(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    rows = [json.loads(line) for line in triage("export", tmp_path / "case", "--to", "jsonl").stdout.splitlines()]
    assert [Path(row["video"]["path"]).name for row in rows] == ["bright.mkv", "calm.mp4", "empty.mp4"]
    promised = {
        "video": {"id", "path", "paths", "width_px", "height_px", "duration_ms", "container", "codec"},
        "coverage": {"claimed_ms", "reached_ms", "step_ms", "sampled", "undecoded", "extent"},
        "verdict": {"queue", "reasons"},
        "provenance": {"version", "settings", "weights"},
    }
    for row in rows:
        assert row["schema"] == SCHEMA
        assert isinstance(row["tracks"], list)
        assert isinstance(row["faults"], list)
        for part, keys in promised.items():
            assert keys <= set(row[part])
        for reason in row["verdict"]["reasons"]:
            assert {"rule", "words", "start_ms", "end_ms"} <= set(reason)
    track = next(track for track in rows[0]["tracks"] if track["label"] == "weapon")
    assert {"label", "start_ms", "end_ms", "score", "findings"} <= set(track)
    assert {"time_ms", "box_xyxy", "score"} <= set(track["findings"][0])
    assert track["findings"][0]["box_xyxy"] == [50, 40, 90, 60]


def test_an_export_never_writes_over_an_original(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    for name in ("calm.mp4", "empty.mp4"):
        before = (dump / name).read_bytes()
        refused = triage("export", tmp_path / "case", "--out", dump / name)
        assert refused.exit_code == 2
        assert "is there already and is no earlier export" in refused.stderr
        assert (dump / name).read_bytes() == before
    for _ in range(2):
        assert triage("export", tmp_path / "case", "--out", tmp_path / "out.jsonl").exit_code == 0


def test_an_export_to_a_file_is_the_same_text(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    written = triage("export", tmp_path / "case", "--out", tmp_path / "out.jsonl")
    assert written.exit_code == 0
    assert (tmp_path / "out.jsonl").read_text() == triage("export", tmp_path / "case").stdout


def test_a_hostile_name_commands_no_terminal_and_breaks_no_export(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    media.video(dump / "a\x1b[31m\u202egpj.mp4", pictures=5)
    media.video(Path(os.fsdecode(os.fsencode(dump) + b"/\xff.mp4")), pictures=6)
    assert triage("scan", dump, "--case", tmp_path / "case").exit_code == 0
    shown = triage("queue", tmp_path / "case").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"a\x1b[31m\u202egpj.mp4" in shown
    paths = [json.loads(line)["video"]["path"] for line in triage("export", tmp_path / "case").stdout.splitlines()]
    assert {os.fsencode(path).rpartition(b"/")[2] for path in paths} == {"a\x1b[31m\u202egpj.mp4".encode(), b"\xff.mp4"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--settings", "quik"], "there is no such settings file; give quick, default, thorough or a TOML file"),
        (["--set", "sampling.stepms=3"], "did you mean 'step_ms'?"),
        (["--set", "judging.policy=mine"], "there is no such policy; give default"),
    ],
)
def test_a_scan_asked_wrongly_says_what_was_meant_and_ends_with_2(
    dump: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    result = triage("scan", dump, "--case", tmp_path / "case", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "case").exists(), "nothing is made before everything asked for is understood"


def test_a_watched_dump_is_scanned_again_when_something_came_until_ctrl_c(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def news(self: Watch) -> tuple[list[Found], list[Found]]:
        if (dump / "new.mp4").exists():
            signal.raise_signal(signal.SIGINT)
            return [], []
        media.video(dump / "new.mp4", pictures=12)
        there = list(walk([dump], leave_out=tmp_path / "case"))
        return there, [item for item in there if item.path.name == "new.mp4"]

    monkeypatch.setattr(Watch, "news", news)
    monkeypatch.setattr("triage.cli.scanning.EVERY_S", 0.01)
    result = triage("scan", dump, "--case", tmp_path / "case", "--watch")
    assert result.exit_code == 1, "empty.mp4 could not be examined"
    assert "This run: 1 file, 1 examined" in result.stderr
    assert "4 files, 4 different contents" in result.stdout


def test_ctrl_c_finishes_the_video_in_hand_and_leaves_the_others(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(frame: Frame) -> Said:
        if frame.time_ms == 0:
            signal.raise_signal(signal.SIGINT)
        return bright_is_armed(frame)

    with monkeypatch.context() as patched:
        patched.setattr(registry, "open_models", lambda _: ([Scripted(press)], []))
        result = triage("scan", dump, "--case", tmp_path / "case")
    assert result.exit_code == 130
    assert "This run: 1 file, 1 examined" in result.stderr
    assert "run the same command again" in result.stderr
    status = triage("status", tmp_path / "case").stdout
    assert "2 files are still to be examined" in status
    assert "how long they take cannot be told yet" in status


def test_a_memory_limit_that_is_no_size_is_said(dump: Path, tmp_path: Path) -> None:
    result = triage("scan", dump, "--case", tmp_path / "case", "--memory-limit", "much")
    assert result.exit_code == 2
    assert "a size such as 8G" in result.stderr


def test_a_dump_without_any_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir()
    result = triage("scan", tmp_path / "dump", "--case", tmp_path / "case")
    assert result.exit_code == 2
    assert "there is no file in it, so no video either" in result.stderr


def test_a_missing_dump_or_case_is_said(tmp_path: Path) -> None:
    assert "there is no such folder or file to scan" in triage("scan", tmp_path / "no", "--case", tmp_path / "c").stderr
    for command in ("status", "queue", "export"):
        result = triage(command, tmp_path / "no")
        assert result.exit_code == 2
        assert "there is no case here" in result.stderr


def test_a_case_of_a_newer_version_is_said_by_every_command(dump: Path, tmp_path: Path) -> None:
    (dump / "empty.mp4").unlink()
    triage("scan", dump, "--case", tmp_path / "case")
    catalogue = sqlite3.connect(tmp_path / "case" / CATALOGUE)
    catalogue.execute(f"PRAGMA user_version = {FORMAT + 1}")
    catalogue.close()
    for command in (["status"], ["queue"], ["export"], ["scan", str(dump), "--case"]):
        result = triage(*command, tmp_path / "case")
        assert result.exit_code == 2
        assert "newer version of triage" in result.stderr


def test_a_full_disk_stops_the_scan_with_a_sentence(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = triage("scan", dump, "--case", tmp_path / "case")
    assert result.exit_code == 1
    assert "the disk is full. Nothing that was finished is lost" in result.stderr


def test_an_interruption_ends_with_130_and_says_how_to_go_on(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = stopped_scan(dump, tmp_path / "case", monkeypatch)
    assert result.exit_code == 130
    assert "run the same command again, and it goes on from here" in result.stderr
    assert triage("scan", dump, "--case", tmp_path / "case").exit_code == 1


def test_a_stopped_scan_is_said_by_status_and_queue(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_scan(dump, tmp_path / "case", monkeypatch)
    assert "3 files are still to be examined: run the scan again" in triage("status", tmp_path / "case").stdout
    assert "this is not the whole queue" in triage("queue", tmp_path / "case").stdout


def test_a_case_name_too_long_for_the_system_is_said(tmp_path: Path) -> None:
    result = triage("status", tmp_path / ("x" * 300))
    assert result.exit_code == 2
    assert "File name too long" in result.stderr


def test_no_sentence_commands_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31mb").mkdir()
    result = triage("scan", tmp_path / "a\x1b[31mb", "--case", tmp_path / "case")
    assert "\x1b" not in result.stderr
    assert r"a\x1b[31mb" in result.stderr


def test_a_model_that_fails_is_named_and_ends_with_1(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Frame) -> Said:
        raise DetectorError("scripted failed: out of memory")

    (dump / "empty.mp4").unlink()
    monkeypatch.setattr(registry, "open_models", lambda _: ([Scripted(broken)], []))
    result = triage("scan", dump, "--case", tmp_path / "case")
    assert result.exit_code == 1
    assert "calm.mp4: not wholly examined: scripted failed: out of memory" in result.stderr


def test_an_unset_variable_does_not_mean_the_current_folder(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["scan", str(dump), "--case", ""], ["scan", "", "--case", "case"], ["status", ""]):
        result = triage(*words)
        assert result.exit_code == 2
        assert "it is empty" in result.stderr
    assert not list(tmp_path.glob("*.sqlite"))


def test_a_change_of_policy_says_what_it_moved(dump: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    triage("scan", dump, "--case", tmp_path / "case")
    moved = triage("scan", dump, "--case", tmp_path / "case", "--set", f"judging.policy={tmp_path / 'mine.toml'}")
    assert "Moved from priority to routine: 1 video" in moved.stderr
    assert "Nothing was new or changed." not in moved.stderr
    assert "no rule of the policy asks for it: likely weapon" in triage("queue", tmp_path / "case").stdout


def test_an_archive_and_what_was_not_recognised_are_named_as_failures(tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump/phone.zip").write_bytes(b"PK\x03\x04" + bytes(26) + b"DCIM/clip.mp4" + bytes(100))
    (tmp_path / "dump/report.docx").write_bytes(b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(100))
    (tmp_path / "dump/noise.mp4").write_bytes(bytes(range(1, 256)) * 9)
    result = triage("scan", tmp_path / "dump", "--case", tmp_path / "case")
    assert result.exit_code == 1
    assert "phone.zip: it is an archive (ZIP): nobody looked at what is in it" in result.stderr
    assert "noise.mp4: it was not recognised" in result.stderr
    assert "report.docx" not in result.stderr


def test_an_export_of_an_unfinished_case_says_so(dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_scan(dump, tmp_path / "case", monkeypatch)
    assert "3 files are still to be examined and have no row yet" in triage("export", tmp_path / "case").stderr


def test_an_unknown_format_names_the_nearest(dump: Path, tmp_path: Path) -> None:
    result = triage("export", tmp_path, "--to", "jsnl")
    assert result.exit_code == 2
    assert "did you mean 'jsonl'?" in result.stderr


def test_settings_say_where_each_value_comes_from() -> None:
    shown = triage("settings", "--settings", "quick", "--set", "detecting.batch=2").stdout.splitlines()
    assert 'sampling.mode = "keyframes"    # quick.toml' in shown
    assert "detecting.batch = 2    # command line" in shown
    assert 'detecting.device = "auto"    # default' in shown


COMMANDS = [
    *(["scan"], ["status"], ["queue"], ["export"], ["demo"], ["settings"], ["doctor"], ["evaluate"]),
    *(["match"], ["find"], ["clusters"], ["blur"], ["sheet"], ["report"], ["desk"], ["verify"]),
    *(["account", word] for word in ("add", "list", "remove")),
    *(["bank", word] for word in ("add", "list", "show", "disable", "enable", "import", "export")),
    *(["weights", "list"], ["weights", "verify"], ["weights", "add"], ["weights", "remove"]),
]


def test_the_table_of_commands_is_complete() -> None:
    named = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    assert named == {words[0] for words in COMMANDS if len(words) == 1}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_text_and_a_line_in_the_readme(words: list[str]) -> None:
    shown = triage(*words, "--help")
    assert shown.exit_code == 0
    assert len(shown.stdout.split()) > 15
    assert f"triage {' '.join(words)}" in README.read_text(encoding="utf-8")


def test_a_model_can_be_brought_and_taken_away(tmp_path: Path) -> None:
    shipped = Path(__file__).parent.parent.parent / "weights" / "objects.onnx"
    added = triage(
        "weights", "add", shipped, "--role", "weapons", "--labels", "weapon=weapon", "--at-least", "weapon=0.4"
    )
    assert added.exit_code == 0, added.stderr
    name = added.stdout.split()[1].rstrip(";")
    listed = triage("weights", "list").stdout
    assert f"{name}  (yours; in use for weapons)" in listed
    assert "objects  (shipped; in use for people and faces)" in listed
    assert triage("weights", "verify").exit_code == 0
    assert triage("weights", "remove", name).exit_code == 0
    assert name not in triage("weights", "list").stdout


def test_the_same_model_added_for_another_role_keeps_the_first(tmp_path: Path) -> None:
    file = squares_net(tmp_path / "squares.onnx")
    triage("weights", "add", file, "--role", "people", "--labels", "person=person", "--at-least", "person=0.4")
    triage("weights", "add", file, "--role", "weapons", "--labels", "weapon=weapon")
    shown = triage("weights", "list").stdout
    assert "in use for people and weapons" in shown
    assert "labels person=person, weapon=weapon" in shown


@pytest.mark.parametrize(("size_hw", "input_px"), [((256, 256), 256), (None, 640)])
def test_a_brought_model_sees_pictures_of_the_size_it_takes(
    tmp_path: Path, size_hw: tuple[int, int] | None, input_px: int
) -> None:
    file = squares_net(tmp_path / "squares.onnx", size_hw=size_hw)
    assert triage("weights", "add", file, "--role", "people", "--labels", "person=person").exit_code == 0
    assert f"{input_px} px" in triage("weights", "list").stdout


@pytest.mark.parametrize(
    ("role", "labels", "code", "said"),
    [
        ("weapon", "weapon=weapon", 2, "did you mean 'weapons'?"),
        ("weapons", "weapon=gun", 2, "there is no label 'gun'"),
        ("weapons", "weapn=weapon", 3, "the model has no class 'weapn'; did you mean 'weapon'?"),
        ("weapons", "weapon", 2, "is no pair"),
        ("weapons", "person=person", 3, "is not what the roles weapons answer with"),
    ],
)
def test_a_model_brought_wrongly_says_what_was_meant(role: str, labels: str, code: int, said: str) -> None:
    shipped = Path(__file__).parent.parent.parent / "weights" / "objects.onnx"
    result = triage("weights", "add", shipped, "--role", role, "--labels", labels)
    assert result.exit_code == code
    assert said in result.stderr


def test_the_doctor_names_what_nobody_looks_for() -> None:
    shown = triage("doctor")
    assert shown.exit_code == 0
    assert "Blind: no model looks for" in shown.stdout
    assert "sexual content" in shown.stdout


def test_the_doctor_tries_what_a_decoder_could_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "\n".join(line for line, _ in doctoring.findings())
    if seccomp.is_known():
        assert "in a process of its own without files, network or other processes" in said
    monkeypatch.setattr(doctoring, "abilities", lambda: {"files": True, "network": True, "processes": False})
    said = "\n".join(line for line, _ in doctoring.findings())
    assert "without files" not in said
    assert "could read and write what you can and reach the network" in said


def test_the_doctor_ends_with_3_when_weights_are_unfit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("TRIAGE_HOME", str(home))
    shipped = Path(__file__).parent.parent.parent / "weights" / "objects.onnx"
    triage("weights", "add", shipped, "--role", "people", "--labels", "person=person")
    (kept,) = home.rglob("objects.onnx")
    kept.write_bytes(b"changed")
    result = triage("doctor")
    assert result.exit_code == 3
    assert "A changed file is never opened" in result.stdout
