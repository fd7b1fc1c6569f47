"""Who is to blame when a decoder says no more: only what is surely the file's doing is held against it."""

from __future__ import annotations

import itertools
import os
import select
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pytest

from tests import media
from tests.frames.sandbox.test_source import told
from triage.errors import Refusal
from triage.frames.sandbox import decoders, server
from triage.frames.sandbox.decoders import Ended, Started
from triage.frames.sandbox.limits import Limits, die_with
from triage.frames.sandbox.reading import from_the_beginning
from triage.frames.sandbox.source import open_video
from triage.frames.sandbox.watched import GoneError, Watched
from triage.settings import Mode, Sampling


@dataclass
class Silent(Started):
    """A decoder that says nothing."""

    before_s: float
    """That it had calculated when it fell silent."""
    after_s: float
    pair: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def __post_init__(self) -> None:
        self.channel = self.pair[0]

    def cpu_s(self) -> float:
        return self.before_s

    def end(self) -> Ended:
        for one in self.pair:
            one.close()
        return Ended(signal.SIGKILL, 0, self.after_s, 0)


def blamed(started: Silent) -> GoneError:
    with pytest.raises(GoneError) as gone:
        Watched(started, Limits(idle_s=0.04), 420).hear()
    return gone.value


def test_a_share_that_is_gone_after_hours_of_work_is_not_held_against_the_file() -> None:
    assert not blamed(Silent(7200.0, 7200.001)).is_about_file


def test_one_that_calculated_all_the_time_and_gave_no_sign_is_held_against_the_file() -> None:
    gone = blamed(Silent(7200.0, 7260.0))
    assert gone.is_about_file
    assert "no sign of going on" in str(gone)


def test_a_machine_that_was_suspended_has_not_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.video(tmp_path / "clip.mp4", pictures=60)
    undisturbed = told(open_video, path, Sampling(mode=Mode.EVERY))
    clock = itertools.count(step=3600)
    monkeypatch.setattr("triage.frames.sandbox.watched.time.monotonic", lambda: float(next(clock)))
    assert told(open_video, path, Sampling(mode=Mode.EVERY)) == undisturbed


@pytest.fixture
def killed_between(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The server is killed when it has forked its first decoder, and that has begun to read, before it answers."""
    asked: list[int] = []
    really = decoders._Server.start

    def start(self: decoders._Server, file: BinaryIO, request: dict[str, object]) -> Started:
        started = really(self, file, request)
        asked.append(started.pid)
        if len(asked) > 1:
            return started
        started.channel.recv(1)  # it speaks when it has read the beginning
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        started.channel.close()
        raise ConnectionError(decoders.GONE)

    monkeypatch.setattr(decoders._Server, "start", start)
    yield asked
    decoders.close()


@pytest.mark.parametrize("pictures", [20, 900])
def test_what_one_decoder_has_read_is_not_missing_for_the_next(
    pictures: int, killed_between: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = media.video(tmp_path / "clip.mp4", pictures=pictures)
    disturbed = told(open_video, path, Sampling())
    assert len(killed_between) == 2
    assert disturbed == told(open_video, path, Sampling())
    assert disturbed[0] is not Refusal.EMPTY


def test_two_readers_of_one_open_file_do_not_move_each_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 400)
    with (tmp_path / "file").open("rb") as file:
        one, other = from_the_beginning(file.fileno()), from_the_beginning(file.fileno())
        assert one.read(3) == bytes([0, 1, 2])
        assert other.seek(-1, os.SEEK_END) == 256 * 400 - 1
        assert one.seek(7, os.SEEK_CUR) == 10
        assert (one.read(70_000)[:2], other.read()) == (bytes([10, 11]), b"\xff")
        assert one.tell() == 70_010
        with pytest.raises(OSError, match="Invalid argument"):
            one.seek(-200_000, os.SEEK_CUR)


def test_a_decoder_whose_server_has_ended_before_it_could_ask_to_end_with_it_ends() -> None:
    if (child := os.fork()) == 0:
        die_with(os.getpid())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


class TestServer:
    def test_a_late_answer_is_not_taken_for_that_to_the_next_question(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=20)
        before = told(open_video, path, Sampling())
        asleep = decoders._SHARED.server
        assert asleep is not None
        with path.open("rb") as file:
            started = asleep.start(file, {"job": "try", "memory_bytes": 2**32, "cpu_s": 60})
        os.kill(asleep._process.pid, signal.SIGSTOP)
        os.waitpid(asleep._process.pid, os.WUNTRACED)  # now it has stopped
        asleep._asking.settimeout(0.01)
        assert started.end().signal == signal.SIGKILL
        os.kill(asleep._process.pid, signal.SIGCONT)
        select.select([asleep._asking], [], [], 60)  # now the answer is there
        asleep._asking.settimeout(decoders.START_S)
        assert told(open_video, path, Sampling()) == before
        assert decoders._SHARED.server is not asleep

    def test_a_decoder_that_hears_no_signal_does_not_hold_up_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "STUCK_S", 0.01)
        monkeypatch.setattr("triage.frames.sandbox.server.os.kill", lambda *_: None)

        def wait4(_: int, options: int) -> tuple[int, int, None]:
            assert options & os.WNOHANG, "this would wait for ever"
            return 0, 0, None

        monkeypatch.setattr("triage.frames.sandbox.server.os.wait4", wait4)
        assert server._end(1)["signal"] == signal.SIGKILL
