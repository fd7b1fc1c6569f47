"""What is made on demand, in processes of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from triage.case.decisions import Rung
from triage.desk.making import MOST_WAITING, Maker, Stage
from triage.desk.refusal import DeskError


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def test_one_is_made_after_the_other_and_the_same_is_not_made_twice() -> None:
    free, running, made = threading.Event(), [], []

    def run(words: Sequence[str], _: str, heard: Callable[[str], None]) -> int:
        running.append(words)
        assert len(running) == 1, "two at once"
        heard("0 of 1 file, following clip.mp4 at 00:01.000\n")
        free.wait(10)
        running.clear()
        made.append(words)
        return 0

    maker = Maker(Path("case"), "default", run)
    first, second = maker.ask("a" * 64, Rung.STRIP, "amal"), maker.ask("b" * 64, Rung.STRIP, "amal")
    assert maker.ask("a" * 64, Rung.STRIP, "ben") is first
    until(lambda: bool(first.said))
    assert "following clip.mp4" in first.words
    assert second.words == "waits for its turn"
    free.set()
    until(lambda: not maker.under_way())
    assert (first.stage, second.stage, len(made)) == (Stage.DONE, Stage.DONE, 2)
    maker.stop()


def test_there_is_an_end_to_what_may_wait() -> None:
    free = threading.Event()
    maker = Maker(Path("case"), "default", lambda *_: 0 if free.wait(10) else 1)
    maker.ask("a" * 64, Rung.STRIP, "amal")
    until(lambda: maker.under_way()[0].stage is Stage.RUNNING)
    for number in range(MOST_WAITING):
        maker.ask(f"{number:064d}", Rung.STRIP, "amal")
    with pytest.raises(DeskError, match="wait to be made already"):
        maker.ask("b" * 64, Rung.STRIP, "amal")
    free.set()
    maker.stop()


def test_why_something_could_not_be_made_is_what_the_program_said() -> None:
    def run(_: Sequence[str], __: str, heard: Callable[[str], None]) -> int:
        heard("no copy: clip\x1b[31m.mp4: its bytes have changed since; scan again\n")
        heard("something after it\n")
        return 1

    maker = Maker(Path("case"), "default", run)
    job = maker.ask("a" * 64, Rung.BLURRED, "amal")
    until(lambda: job.stage is Stage.FAILED)
    assert job.words == "no copy: clip\\x1b[31m.mp4: its bytes have changed since; scan again"
    maker.stop()


def test_the_program_itself_is_run_and_what_it_says_is_heard(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "no case", "default")
    job = maker.ask("a" * 64, Rung.STRIP, "amal")
    for _ in range(30):
        if job.stage is Stage.FAILED:
            break
        time.sleep(1)
    assert "there is no case here" in job.words
    maker.stop()


def test_closing_the_desk_stops_what_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Maker(Path("case"), "default")
    monkeypatch.setattr(maker, "command", lambda *_: [])
    import subprocess

    begin = subprocess.Popen

    def sleeping(_: Sequence[str], **named: object) -> subprocess.Popen[str]:
        return begin(["/bin/sleep", "60"], **named)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(subprocess, "Popen", sleeping)
    job = maker.ask("a" * 64, Rung.STRIP, "amal")
    until(lambda: maker._process is not None)
    began = time.monotonic()
    maker.stop()
    assert time.monotonic() - began < 9
    assert job.stage is Stage.FAILED
    assert maker._process is not None
    assert maker._process.returncode is not None
