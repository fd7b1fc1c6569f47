from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import media
from tests.examples import bright_is_armed, scripted_stages
from tests.run.test_local import Watched, reports
from triage.case.rows import Row
from triage.case.store import Case, open_case
from triage.errors import UsageError, WeightsError
from triage.findings.scripted import Said
from triage.pipeline import Stages
from triage.records import Frame
from triage.run import crew
from triage.run.crew import may_look_on_card, memory_size, planned
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Done, Hands, Outcome, Tally, scan
from triage.run.pool import pool

MARKS = "TRIAGE_TEST_MARKS"
"""Names a folder in which the processes of a pool leave marks."""


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One long clip, a few short ones, a copy, half a one and a note."""
    folder = tmp_path_factory.mktemp("dump")
    media.video(folder / "a long.mp4", pictures=600)
    media.streamable(folder / "clip.mp4", pictures=40)
    shutil.copy(folder / "clip.mp4", folder / "copy.mp4")
    media.cut(media.streamable(folder / "half.mp4", pictures=60))
    media.draw(folder / "bright.mkv", [media.plain(20)] * 10 + [media.plain(240)] * 15)
    (folder / "note.mp4").write_text("only words\n" * 20)
    return folder


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    monkeypatch.setenv(MARKS, str(folder))
    return folder


@contextmanager
def at_work(make: Callable[[], Stages], processes: int) -> Iterator[tuple[Stages, Hands]]:
    with pool(make, processes, 1, 2**28) as opened:
        yield opened.stages, Hands(opened.looking, processes + 1, let_go=opened.kill)


def run(
    dump: Path, folder: Path, stages: Stages, hands: Hands | None = None, watched: Watched | None = None
) -> dict[str, Done]:
    watched = watched or Watched()
    with open_case(folder, make=True) as case:
        roots = dump_roots([dump])
        scan(case, roots, list(walk(roots, leave_out=folder)), stages, watched, Tally(), hands)
    return watched.done


def rows(folder: Path) -> list[Row]:
    with open_case(folder) as case:
        return list(case.rows())


@pytest.fixture(scope="module")
def alone(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case of a scan without a pool."""
    folder = tmp_path_factory.mktemp("alone")
    run(dump, folder, scripted_stages())
    return folder


def test_a_pool_leaves_the_reports_of_one_process_byte_for_byte(dump: Path, alone: Path, tmp_path: Path) -> None:
    with at_work(scripted_stages, 2) as (stages, hands):
        done = run(dump, tmp_path / "case", stages, hands)
        again = run(dump, tmp_path / "case", stages, hands)
    assert reports(tmp_path / "case") == reports(alone)
    assert rows(tmp_path / "case") == rows(alone)
    assert sorted([done["clip.mp4"], done["copy.mp4"]]) == [Done.EXAMINED, Done.SAME_BYTES]
    assert set(again.values()) == {Done.ALREADY, Done.SAME_BYTES}


def leaves_its_mark(frame: Frame) -> Said:
    """Waits for a second process to come."""
    folder = Path(os.environ[MARKS])
    (folder / f"{frame.video.id}.{os.getpid()}").touch()
    for _ in range(300):
        if len(list(folder.iterdir())) > 1:
            break
        time.sleep(0.1)
    return bright_is_armed(frame)


def test_one_long_video_is_looked_at_by_all(dump: Path, alone: Path, marks: Path, tmp_path: Path) -> None:
    with at_work(partial(scripted_stages, leaves_its_mark), 2) as (stages, hands):
        run(dump / "a long.mp4", tmp_path / "case", stages, hands)
    assert len(list(marks.iterdir())) == 2
    assert reports(tmp_path / "case").items() < reports(alone).items()


def made_beside_another() -> Stages:
    """Stages whose making waits until another process makes some too: one after the other, they would never be."""
    folder = Path(os.environ[MARKS])
    (folder / f"making {os.getpid()}").touch()
    patience_ends = time.monotonic() + 60
    while len(list(folder.glob("making *"))) < 2:
        assert time.monotonic() < patience_ends, "no other process was started"
        time.sleep(0.01)
    return scripted_stages()


def test_where_there_is_work_for_all_they_load_their_models_beside_one_another(marks: Path) -> None:
    with pool(made_beside_another, 2, 1, 2**28, at_once=True) as opened:
        assert opened.stages.settings == scripted_stages().settings
    assert len(list(marks.glob("making *"))) == 2


def dies_once(frame: Frame) -> Said:
    mark = Path(os.environ[MARKS]) / "died"
    if frame.time_ms > 4000 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return bright_is_armed(frame)


def test_a_process_that_is_killed_costs_nothing_but_time(dump: Path, alone: Path, marks: Path, tmp_path: Path) -> None:
    with at_work(partial(scripted_stages, dies_once), 2) as (stages, hands):
        run(dump, tmp_path / "case", stages, hands)
    assert (marks / "died").exists()
    assert reports(tmp_path / "case") == reports(alone)


def hangs_once(frame: Frame) -> Said:
    """Hangs as a library does that never gives the interpreter back."""
    mark = Path(os.environ[MARKS]) / "hung"
    if frame.time_ms > 4000 and not mark.exists():
        mark.touch()
        ctypes.PyDLL(None).sleep(3600)
    return bright_is_armed(frame)


def test_a_process_that_hangs_is_ended_and_costs_nothing_but_time(
    dump: Path, alone: Path, marks: Path, tmp_path: Path
) -> None:
    with pool(partial(scripted_stages, hangs_once), 2, 1, 2**28, patience_s=30) as opened:
        run(dump, tmp_path / "case", opened.stages, Hands(opened.looking, 3, let_go=opened.kill))
    assert (marks / "hung").exists()
    assert reports(tmp_path / "case") == reports(alone)


def dies_of_brightness(frame: Frame) -> Said:
    if frame.image.mean() > 200:
        os.kill(os.getpid(), signal.SIGSEGV)
    return bright_is_armed(frame)


def test_pictures_that_end_every_process_are_a_fault_of_that_video_alone(
    dump: Path, alone: Path, tmp_path: Path
) -> None:
    with at_work(partial(scripted_stages, dies_of_brightness), 2) as (stages, hands):
        run(dump, tmp_path / "case", stages, hands)
    by_name = {Path(row["video"]["path"]).name: row for row in rows(tmp_path / "case")}
    assert "was ended twice over them; not looked at:" in by_name["bright.mkv"]["faults"][0]["why"]
    others = {name: data for name, data in reports(alone).items() if by_name["bright.mkv"]["video"]["id"] not in name}
    assert others.items() < reports(tmp_path / "case").items()


def is_broken(_: Frame) -> Said:
    raise ZeroDivisionError("a bug")


def test_a_bug_in_a_model_stops_the_scan_and_is_not_hidden(dump: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError, match="a bug") as raised,
        at_work(partial(scripted_stages, is_broken), 2) as (stages, hands),
    ):
        run(dump, tmp_path / "case", stages, hands)
    assert "in is_broken" in raised.value.__notes__[0]


def has_no_room(_: Frame) -> Said:
    raise OSError(28, "No space left on device")


def test_an_error_of_the_system_in_a_model_is_not_taken_for_the_end_of_its_process(dump: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        at_work(partial(scripted_stages, has_no_room), 2) as (stages, hands),
    ):
        run(dump, tmp_path / "case", stages, hands)


def test_processes_that_are_killed_before_they_hear_anything_are_followed_by_others(
    dump: Path, alone: Path, marks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def start(*arguments: Any, **how: Any) -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen(*arguments, **how))
        if len(begun) in {1, 3, 4}:
            begun[-1].kill()
            begun[-1].wait()
        return begun[-1]

    monkeypatch.setattr("triage.run.pool.subprocess", SimpleNamespace(Popen=start, DEVNULL=subprocess.DEVNULL))
    with at_work(partial(scripted_stages, leaves_its_mark), 2) as (stages, hands):
        run(dump / "a long.mp4", tmp_path / "case", stages, hands)
    assert len(begun) == 5
    assert len(list(marks.iterdir())) == 2
    assert reports(tmp_path / "case").items() < reports(alone).items()


def unfit() -> Stages:
    raise WeightsError("weights.onnx: is not what the manifest names")


def test_weights_that_are_unfit_are_said_in_their_sentence() -> None:
    with pytest.raises(WeightsError, match="not what the manifest names"), at_work(unfit, 2):
        pass


class Stopping(Watched):
    """Asks to stop when the first file is done."""

    hands: Hands

    def end(self, found: Found, outcome: Outcome) -> None:
        super().end(found, outcome)
        self.hands.is_stopped.set()


def test_weights_that_are_unfit_are_said_where_all_processes_try_them_at_once() -> None:
    with pytest.raises(WeightsError, match="not what the manifest names"), pool(unfit, 3, 1, 2**28, at_once=True):
        pass


def test_a_first_interruption_finishes_what_is_in_hand(dump: Path, alone: Path, tmp_path: Path) -> None:
    with at_work(scripted_stages, 2) as (stages, hands):
        watched = Stopping()
        watched.hands = hands
        with pytest.raises(KeyboardInterrupt):
            run(dump, tmp_path / "case", stages, hands, watched)
        in_hand = reports(tmp_path / "case")
        with open_case(tmp_path / "case") as case:
            assert case.counts().left > 0
        run(dump, tmp_path / "case", stages, replace(hands, is_stopped=Hands().is_stopped))
    assert 0 < len(in_hand) < len(reports(alone))
    assert in_hand.items() <= reports(alone).items()
    assert reports(tmp_path / "case") == reports(alone)


class Interrupting(Watched):
    def at(self, found: Found, time_ms: int) -> None:
        raise KeyboardInterrupt


def test_a_second_interruption_stops_at_once_with_nothing_half_written(dump: Path, alone: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), at_work(scripted_stages, 2) as (stages, hands):
        run(dump, tmp_path / "case", stages, hands, Interrupting())
    assert reports(tmp_path / "case").items() < reports(alone).items()
    assert [file for file in (tmp_path / "case" / "reports").rglob("*") if file.suffix not in {".json", ""}] == []
    with at_work(scripted_stages, 2) as (stages, hands):
        run(dump, tmp_path / "case", stages, hands)
    assert reports(tmp_path / "case") == reports(alone)


class TestPlans:
    def test_as_many_processes_as_cores_unless_memory_is_short(self) -> None:
        assert planned(0, 2**40, cores=4).jobs == 4
        assert planned(0, 2**40, cores=4).threads == 1
        assert planned(2, 2**40, cores=8).threads == 4
        assert planned(8, 6 * crew.GIB, cores=8).jobs == 2

    def test_a_card_is_not_given_a_second_set_of_models_unasked(self) -> None:
        assert planned(0, 2**40, cores=16, looks_on_card=True).jobs == 1
        assert planned(2, 2**40, cores=16, looks_on_card=True).jobs == 2
        assert may_look_on_card("cuda:0")
        assert not may_look_on_card("cpu")

    def test_the_plan_stays_within_the_limit(self) -> None:
        for gib in range(3, 64):
            assert planned(0, gib * crew.GIB, cores=64).memory_bytes <= gib * crew.GIB

    def test_a_limit_below_one_process_is_refused_with_what_is_needed(self) -> None:
        with pytest.raises(UsageError, match=r"less than one process needs, 2.8 GiB"):
            planned(1, crew.GIB)

    @pytest.mark.parametrize(("text", "wanted"), [("8G", 8 * 2**30), ("1.5 GiB", 3 * 2**29), ("6000m", 6000 * 2**20)])
    def test_sizes_are_read_as_people_write_them(self, text: str, wanted: int) -> None:
        assert memory_size(text) == wanted

    @pytest.mark.parametrize("text", ["8", "G", "-8G", "8 gigs", "1e3G"])
    def test_what_is_no_size_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="such as 8G"):
            memory_size(text)


def test_a_case_is_only_touched_by_one_thread(dump: Path, tmp_path: Path) -> None:
    with at_work(scripted_stages, 2) as (stages, hands), open_case(tmp_path / "case", make=True) as case:
        assert isinstance(case, Case)  # SQLite refuses a second thread by itself
        roots = dump_roots([dump])
        scan(case, roots, list(walk(roots, leave_out=case.folder)), stages, Watched(), Tally(), hands)
        assert case.counts().left == 0
