from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests import media
from tests.examples import bright_is_armed, nobody, scripted_stages
from triage import __version__, pipeline
from triage.case.store import Case, open_case
from triage.errors import DetectorError, Refusal, VideoError
from triage.findings.scripted import Said, Scripted
from triage.frames.sandbox import source
from triage.frames.sandbox.limits import Limits
from triage.frames.source import FrameSource
from triage.pipeline import Stages, make_stages
from triage.records import DECODER_STOPPED, OUT_OF_MEMORY, Finding, Frame
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Done, Outcome, Tally, scan, was_stopped
from triage.settings import Sampling, load_settings


@dataclass
class Watched:
    """A watcher that remembers."""

    done: dict[str, Done] = field(default_factory=dict)

    def begin(self, found: Found) -> None:
        pass

    def at(self, found: Found, time_ms: int) -> None:
        pass

    def end(self, found: Found, outcome: Outcome) -> None:
        self.done[found.path.name] = outcome.done


def run(dump: Path, case: Case, stages: Stages | None = None) -> dict[str, Done]:
    watched = Watched()
    roots = dump_roots([dump])
    found = list(walk(roots, leave_out=case.folder))
    scan(case, roots, found, stages or scripted_stages(), watched, Tally())
    return watched.done


def reports(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "reports").rglob("*.json")}


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A whole clip, its copy, half of it, a bright one, a picture, a note and an empty file."""
    folder = tmp_path / "dump"
    folder.mkdir()
    media.streamable(folder / "clip.mp4", pictures=40)
    shutil.copy(folder / "clip.mp4", folder / "copy.mp4")
    media.cut(media.streamable(folder / "half.mp4", pictures=60))
    media.draw(folder / "bright.mkv", [media.plain(20)] * 10 + [media.plain(240)] * 15)
    media.still(folder / "picture.png")
    (folder / "note.mp4").write_text("only words\n" * 20)
    (folder / "empty.mp4").touch()
    return folder


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with open_case(tmp_path / "case", make=True) as opened:
        yield opened


def test_every_file_has_a_row(dump: Path, case: Case) -> None:
    run(dump, case)
    rows = {Path(path).name: row for row in case.rows() for path in row["video"]["paths"]}
    assert set(rows) == {file.name for file in dump.iterdir()}
    queues = {name: row["verdict"]["queue"] for name, row in rows.items()}
    assert queues == {
        "bright.mkv": "priority",
        "clip.mp4": "routine",
        "copy.mp4": "routine",
        "half.mp4": "priority",
        "picture.png": "routine",
        "note.mp4": "unreadable",
        "empty.mp4": "unreadable",
    }
    assert rows["half.mp4"]["coverage"]["extent"] == "partial"
    assert rows["note.mp4"]["verdict"]["reasons"][0]["rule"] == "not_media"
    assert rows["empty.mp4"]["verdict"]["reasons"][0]["rule"] == "empty_file"


def test_a_second_scan_does_nothing_again(dump: Path, case: Case) -> None:
    first = run(dump, case)
    assert first["clip.mp4"] is Done.EXAMINED
    assert first["copy.mp4"] is Done.SAME_BYTES
    before = reports(case.folder)

    def never(_: Frame) -> Said:
        raise AssertionError("a finished video was looked at again")

    again = run(dump, case, scripted_stages(never))
    assert set(again.values()) == {Done.ALREADY, Done.SAME_BYTES}
    assert reports(case.folder) == before


def test_what_is_new_or_changed_is_done_and_nothing_else(dump: Path, case: Case) -> None:
    run(dump, case)
    media.video(dump / "new.mp4", pictures=20)
    media.video(dump / "clip.mp4", pictures=30)
    again = run(dump, case)
    assert [name for name, done in again.items() if done is Done.EXAMINED] == ["clip.mp4", "new.mp4"]


def test_a_dump_that_was_emptied_has_files_that_are_gone(dump: Path, case: Case) -> None:
    run(dump, case)
    files = list(dump.iterdir())
    for file in files:
        file.unlink()
    assert run(dump, case) == {}
    assert case.counts().gone == len(files)


def test_a_moved_file_is_not_examined_again(dump: Path, case: Case) -> None:
    run(dump, case)
    (dump / "bright.mkv").rename(dump / "renamed.mkv")
    assert run(dump, case)["renamed.mkv"] is Done.ALREADY


def test_other_settings_look_again_and_the_old_reports_stay(dump: Path, case: Case) -> None:
    run(dump, case)
    before = reports(case.folder)
    again = run(dump, case, scripted_stages(bright_is_armed, "sampling.step_ms=100"))
    assert again["bright.mkv"] is Done.EXAMINED
    assert before.items() < reports(case.folder).items()


def test_another_policy_judges_again_without_looking(dump: Path, case: Case, tmp_path: Path) -> None:
    run(dump, case)
    policy = tmp_path / "mine.toml"
    policy.write_text('[[rule]]\nname = "mine"\nqueue = "urgent"\ntogether = ["weapon"]\n')

    def never(_: Frame) -> Said:
        raise AssertionError("it was looked at again")

    again = run(dump, case, scripted_stages(never, f"judging.policy={policy}"))
    assert again["bright.mkv"] is Done.JUDGED_AGAIN
    rows = {Path(row["video"]["path"]).name: row for row in case.rows()}
    assert rows["bright.mkv"]["verdict"]["reasons"][0]["rule"] == "mine"
    fresh = run(dump, case, scripted_stages(bright_is_armed, f"judging.policy={policy}"))
    assert fresh["bright.mkv"] is Done.ALREADY


def test_a_failing_detector_is_a_fault_and_is_tried_again(dump: Path, case: Case) -> None:
    def broken(_: Frame) -> Said:
        raise DetectorError("scripted ran out of memory")

    run(dump, case, scripted_stages(broken))
    rows = {Path(row["video"]["path"]).name: row for row in case.rows()}
    assert rows["clip.mp4"]["verdict"]["queue"] == "priority"
    assert "ran out of memory" in rows["clip.mp4"]["faults"][0]["why"]
    assert len(rows["clip.mp4"]["faults"]) == 1, "one broken model is one fault, not one a picture"
    assert run(dump, case)["clip.mp4"] is Done.EXAMINED
    rows = {Path(row["video"]["path"]).name: row for row in case.rows()}
    assert rows["clip.mp4"]["faults"] == []


def test_a_scan_that_was_stopped_does_not_look_finished(dump: Path, case: Case) -> None:
    def stop(_: Frame) -> Said:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(dump, case, scripted_stages(stop))
    assert case.counts().left == len(list(dump.iterdir()))
    run(dump, case)
    assert case.counts().left == 0


def test_the_same_weights_used_otherwise_look_again(dump: Path, case: Case) -> None:
    class Stricter(Scripted):
        @property
        def recipe(self) -> str:
            return f"{self.sha256} from 0.9 on"

    run(dump, case)
    stricter = make_stages(load_settings().settings, [Stricter(bright_is_armed)])
    assert run(dump, case, stricter)["clip.mp4"] is Done.EXAMINED


def test_a_damaged_report_is_made_anew(dump: Path, case: Case) -> None:
    run(dump, case)
    before = reports(case.folder)
    for file in (case.folder / "reports").rglob("*.json"):
        file.write_text('{"schema": 1}')
    run(dump, case)
    assert reports(case.folder) == before


def test_judging_again_does_not_forge_who_looked(dump: Path, case: Case, tmp_path: Path) -> None:
    run(dump, case)
    policy = tmp_path / "mine.toml"
    policy.write_text("")
    newer = make_stages(load_settings("default", [f"judging.policy={policy}"]).settings, [Scripted(nobody)])
    others = replace(newer, provenance=replace(newer.provenance, version="9.9.9", runs_on={"scripted": "a card"}))
    assert run(dump, case, others)["bright.mkv"] is Done.JUDGED_AGAIN
    row = next(row for row in case.rows() if row["video"]["path"].endswith("bright.mkv"))
    assert row["provenance"]["version"] == __version__
    assert set(row["provenance"]["runs_on"].values()) == {"nothing"}


def test_what_an_older_version_could_not_read_is_tried_again(dump: Path, case: Case) -> None:
    stages = scripted_stages()
    run(dump, case, replace(stages, provenance=replace(stages.provenance, version="0.0.1")))
    again = run(dump, case, stages)
    assert again["note.mp4"] is Done.REFUSED
    assert run(dump, case, stages)["note.mp4"] is Done.ALREADY


@pytest.fixture
def poison(dump: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The decoder crashes over clip.mp4 after three pictures, over half.mp4 before the first; which were tried."""
    tried: list[str] = []

    def crashes(path: Path, video_id: str, sampling: Sampling) -> AbstractContextManager[FrameSource]:
        tried.append(path.name)
        if path.name in {"clip.mp4", "copy.mp4"}:
            return source.open_video(path, video_id, replace(sampling, step_ms=200), Limits(most_looks=3))
        if path.name == "half.mp4":
            raise VideoError(Refusal.UNREADABLE, "the decoder was stopped before the first picture: it crashed")
        return source.open_video(path, video_id, sampling)

    monkeypatch.setattr(pipeline, "open_video", crashes)
    return tried


def test_a_file_that_stops_its_decoder_is_one_row_and_not_tried_for_ever(
    dump: Path, case: Case, poison: list[str]
) -> None:
    run(dump, case)
    rows = {Path(row["video"]["path"]).name: row for row in case.rows()}
    assert rows["clip.mp4"]["coverage"]["extent"] == "partial"
    assert rows["clip.mp4"]["verdict"]["queue"] == "priority"
    assert rows["half.mp4"]["verdict"]["reasons"][0]["rule"] == "unreadable"
    assert rows["bright.mkv"]["coverage"]["extent"] == "whole"
    poison.clear()
    again = run(dump, case)
    assert poison == []
    assert set(again.values()) == {Done.ALREADY, Done.SAME_BYTES}


def test_a_file_that_stopped_its_decoder_is_tried_when_asked_or_by_another_version(
    dump: Path, case: Case, poison: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(dump, case)
    poison.clear()
    roots = dump_roots([dump])
    found = list(walk(roots, leave_out=case.folder))
    scan(case, roots, found, scripted_stages(), Watched(), Tally(), retry=True)
    assert sorted(poison) == ["clip.mp4", "empty.mp4", "half.mp4", "note.mp4"]
    poison.clear()
    monkeypatch.setattr("triage.run.local.__version__", "9.9.9")
    stages = scripted_stages()
    run(dump, case, replace(stages, provenance=replace(stages.provenance, version="9.9.9")))
    assert sorted(poison) == ["clip.mp4", "empty.mp4", "half.mp4", "note.mp4"]


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (f"{DECODER_STOPPED} at 00:02.000: it crashed; nothing after it was looked at", True),
        (f"2 of its pieces could not be decoded: 1 of its pieces {OUT_OF_MEMORY}", True),
        ("2 of its pieces could not be decoded: it is damaged", False),
    ],
)
def test_what_more_memory_or_another_decoder_may_help_is_told_from_damage(why: str, expected: bool) -> None:
    assert was_stopped({"coverage": {"why": ["its header claims more", why]}}) is expected


def test_a_model_that_failed_everywhere_did_not_look(dump: Path, case: Case) -> None:
    def broken(_: Frame) -> Said:
        raise DetectorError("scripted failed: out of memory")

    run(dump, case, scripted_stages(broken))
    row = next(row for row in case.rows() if row["video"]["path"].endswith("clip.mp4"))
    looked = next(reason for reason in row["verdict"]["reasons"] if reason["rule"] == "looked")
    assert looked["words"].startswith("looked for people and weapons in 0 pictures")
    assert looked["queue"] == "priority"


def test_large_pictures_are_looked_at_a_few_at_a_time(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Watching(Scripted):
        def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
            sizes.append(len(frames))
            return super().look(frames)

    monkeypatch.setattr(pipeline, "MOST_BYTES", 160 * 120 * 3 * 2)
    stages = make_stages(load_settings().settings, [Watching(nobody)])
    pipeline.examine(dump / "clip.mp4", media.VIDEO_ID, stages)
    assert max(sizes) == 2


def test_a_bug_in_a_detector_stops_the_scan_and_is_not_hidden(dump: Path, case: Case) -> None:
    def buggy(_: Frame) -> Said:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(dump, case, scripted_stages(buggy))


def test_originals_are_the_same_after_a_scan(dump: Path, case: Case) -> None:
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in dump.iterdir()}
    run(dump, case)
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in dump.iterdir()} == before


def test_a_file_that_cannot_be_opened_is_a_row_and_is_tried_again(
    dump: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = os.open

    def refuse(path: Path, flags: int, *args: int, **kwargs: int) -> int:
        if Path(path).name == "clip.mp4":
            raise PermissionError(13, "Permission denied")
        return opening(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert run(dump, case)["clip.mp4"] is Done.REFUSED
    (row,) = [row for row in case.rows() if row["video"]["id"] is None]
    assert row["verdict"]["reasons"][0]["rule"] == "not_opened"
    assert "Permission denied" in row["verdict"]["reasons"][0]["words"]
    monkeypatch.undo()
    assert run(dump, case)["clip.mp4"] is not Done.REFUSED


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_whole(dump: Path, case: Case) -> None:
    for file in dump.iterdir():
        if file.name != "clip.mp4":
            file.unlink()

    def grow(_: Frame) -> Said:
        with (dump / "clip.mp4").open("ab") as file:
            file.write(b"more")
        return ()

    assert run(dump, case, scripted_stages(grow))["clip.mp4"] is Done.REFUSED
    (row,) = case.rows()
    assert "changed while it was being read" in row["verdict"]["reasons"][0]["words"]


def test_the_number_of_looks_in_a_report_is_the_number_made(dump: Path, case: Case) -> None:
    looked: Counter[str] = Counter()

    def count(frame: Frame) -> Said:
        looked[frame.video.id] += 1
        return ()

    run(dump, case, scripted_stages(count))
    sampled = {row["video"]["id"]: row["coverage"]["sampled"] for row in case.rows() if row["video"]["codec"]}
    assert sampled == looked


SCAN = """
import sys
from pathlib import Path
from tests.examples import scripted_stages
from tests.run.test_local import run
from triage.case.store import open_case
with open_case(Path(sys.argv[2]), make=True) as case:
    run(Path(sys.argv[1]), case, scripted_stages())
"""


def test_killed_at_any_moment_the_next_scan_ends_with_the_same_reports(dump: Path, tmp_path: Path) -> None:
    for number in range(12):
        media.video(dump / f"{number}.mp4", pictures=20 + number)
    with open_case(tmp_path / "undisturbed", make=True) as case:
        run(dump, case)
    chance = random.Random(4)
    killed = 0
    for _ in range(12):
        command = [sys.executable, "-c", SCAN, str(dump), str(tmp_path / "killed")]
        working = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        # Not before the first report is there, so that kills fall into the work and not into the imports.
        catalogue = tmp_path / "killed" / "catalogue.sqlite"
        while working.poll() is None and not catalogue.exists():
            time.sleep(0.01)
        time.sleep(chance.random() * 0.8)
        if working.poll() is None:
            os.killpg(working.pid, signal.SIGKILL)
            killed += 1
        working.wait()
    assert killed, "no scan was killed: the test proved nothing"
    with open_case(tmp_path / "killed", make=True) as case:
        run(dump, case)
        assert case.counts().left == 0
        rows = list(case.rows())
    with open_case(tmp_path / "undisturbed") as case:
        assert rows == list(case.rows())
    assert reports(tmp_path / "killed") == reports(tmp_path / "undisturbed")


def test_seeing_nothing_is_never_said_as_absence(dump: Path, case: Case) -> None:
    run(dump, case, scripted_stages(nobody))
    words = [reason["words"] for row in case.rows() for reason in row["verdict"]["reasons"]]
    assert words
    assert not [text for text in words if "no weapon" in text or "no person" in text or "nothing" in text]
    assert any("nobody looked for bound hands" in text for text in words)
