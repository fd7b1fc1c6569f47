"""The decoder in a process of its own: what it says is what the decoder here says, and it cannot do anything else."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import media
from tests.media import Recipe
from triage.errors import Refusal, VideoError
from triage.frames import pyav
from triage.frames.sandbox import asked, decoders, seccomp, source
from triage.frames.sandbox.decoders import Ended, Started
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.source import open_video
from triage.frames.source import FrameSource
from triage.records import Extent
from triage.settings import Mode, Sampling

SHARED = Path(__file__).parents[4] / "shared" / "data" / "videos"
LINUX = pytest.mark.skipif(not seccomp.is_known(), reason="there is no filter of system calls for this machine")

QUICK_VP9 = Recipe(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})

CLIPS: Mapping[str, Callable[[Path], object]] = {
    "whole.mp4": media.video,
    "half.mp4": lambda path: media.cut(media.streamable(path)),
    "scratched.mp4": lambda path: media.scratched(media.video(path)),
    "scratched.ts": lambda path: media.scratched(media.video(path, recipe=Recipe(codec="mpeg2video"))),
    "still.png": media.still,
    "stood.mkv": lambda path: media.draw(path, [media.plain(20)] * 40 + [media.plain(240)] * 40),
    "animated.gif": lambda path: media.video(path, pictures=12, recipe=Recipe(codec="gif", pix_fmt="rgb8")),
    "turned.mp4": lambda path: media.video(path, recipe=Recipe(turn_degrees=90)),
    "vp9.webm": lambda path: media.video(
        path, pictures=8, recipe=Recipe(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    ),
    "tiles.heic": lambda path: media.photograph(path, [media.moving(0), media.moving(9)]),
    "trap.png": media.vast_png,
    "sound.mp4": media.sound,
    "empty.mp4": Path.touch,
    **media.NOT_VIDEOS,
}


def told(opener: Callable[..., AbstractContextManager[FrameSource]], path: Path, sampling: Sampling) -> Any:
    """All that a source says of a file, or why there is nothing."""
    try:
        with opener(path, media.VIDEO_ID, sampling) as opened:
            frames = [(frame.time_ms, hashlib.sha256(frame.image.tobytes()).hexdigest()) for frame in opened.frames()]
            return opened.video, frames, opened.coverage(), dict(opened.stood_ms())
    except VideoError as refusal:
        return refusal.kind, refusal.why


@pytest.mark.parametrize("name", CLIPS)
def test_a_decoder_apart_says_the_same_as_one_here(name: str, tmp_path: Path) -> None:
    CLIPS[name](tmp_path / name)
    for mode in (Mode.STEPS, Mode.KEYFRAMES if name == "whole.mp4" else Mode.EVERY):
        sampling = Sampling(mode=mode)
        assert told(open_video, tmp_path / name, sampling) == told(pyav.open_video, tmp_path / name, sampling)


@pytest.mark.shared
@pytest.mark.parametrize("mode", [Mode.KEYFRAMES, Mode.STEPS])
def test_a_decoder_apart_says_the_same_of_real_files(shared: Path, mode: Mode) -> None:
    files = [path for path in sorted((shared / "data" / "videos").rglob("*")) if path.is_file()]
    small = [path for path in files if path.stat().st_size < 2**20][::10]
    assert small
    sampling = Sampling(mode=mode)
    assert [path for path in small if told(open_video, path, sampling) != told(pyav.open_video, path, sampling)] == []


class TestWhatItCannotDo:
    @LINUX
    def test_it_cannot_open_files_or_sockets_or_start_processes(self) -> None:
        assert source.abilities() == {"files": False, "network": False, "processes": False}

    @LINUX
    def test_the_trial_would_notice_a_filter_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(seccomp, "program", lambda _: [(0x06, 0, 0, 0x7FFF0000)])  # allows everything
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            seccomp.install()
            os.write(write, bytes([can(lambda: os.open("/", os.O_RDONLY))]))
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 1) == b"\x01"
        os.close(read)
        os.close(write)

    @pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
    def test_every_jump_of_the_filter_stays_within_it_and_the_end_refuses(self, machine: str) -> None:
        steps = seccomp.program(machine)
        for at, (code, if_true, if_false, _) in enumerate(steps):
            if code in {0x15, 0x45}:
                assert at + 1 + max(if_true, if_false) < len(steps)
        assert steps[-1] == (0x06, 0, 0, 0x00050001)


def can(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def is_running(pid: int) -> bool:
    """One that has ended may still be listed, until somebody asks how it ended."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


class TestStopped:
    def test_a_crash_keeps_what_came_before_and_says_so(self, started: list[Started], tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=500)
        with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY)) as opened:
            frames = opened.frames()
            first = [next(frames) for _ in range(3)]
            os.kill(started[0].pid, signal.SIGSEGV)
            rest = list(frames)
            coverage = opened.coverage()
        assert coverage.extent is Extent.PARTIAL
        assert coverage.sampled == len(first) + len(rest) < 500
        assert coverage.short_ms == coverage.claimed_ms - coverage.reached_ms > 0  # type: ignore[operator]
        assert "the decoder was stopped at 00:0" in coverage.why[0]
        assert "crashed (SIGSEGV)" in coverage.why[0]

    def test_a_crash_before_the_first_picture_is_a_row(self, started: list[Started], tmp_path: Path) -> None:
        opening = open_video(media.video(tmp_path / "clip.mp4"), media.VIDEO_ID, Sampling())
        with opening as opened:
            frames = opened.frames()
            os.kill(started[0].pid, signal.SIGSEGV)
            with pytest.raises(VideoError, match="stopped before the first picture: it crashed") as refused:
                list(frames)
        assert refused.value.kind is Refusal.UNREADABLE

    def test_an_end_from_outside_is_tried_again_and_not_held_against_the_file(
        self, started: list[Started], tmp_path: Path
    ) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=500)
        with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY)) as opened:
            frames = opened.frames()
            next(frames)
            os.kill(started[0].pid, signal.SIGKILL)
            with pytest.raises(VideoError, match="ended from outside") as refused:
                list(frames)
        assert refused.value.kind is Refusal.NOT_OPENED

    def test_one_that_only_waits_is_taken_for_a_slow_disk(self, started: list[Started], tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=500)
        with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY), Limits(idle_s=0.3)) as opened:
            frames = opened.frames()
            next(frames)
            os.kill(started[0].pid, signal.SIGSTOP)
            with pytest.raises(VideoError, match="nothing could be read for") as refused:
                list(frames)
        assert refused.value.kind is Refusal.NOT_OPENED

    def test_one_that_calculates_for_too_long_is_stopped(self, started: list[Started], tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=200)
        with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY)) as opened:
            frames = opened.frames()
            next(frames)
            limits = Path(f"/proc/{started[0].pid}/limits")
            if limits.exists():
                assert re.search(r"Max cpu time +420 +425", limits.read_text())
                assert re.search(rf"Max address space +{4 * 2**30} ", limits.read_text())
            os.kill(started[0].pid, signal.SIGXCPU)  # as the system does at the limit
            list(frames)
            assert "it calculated for more than the 420 seconds" in opened.coverage().why[0]

    def test_one_that_takes_too_much_memory_is_a_row(self, tmp_path: Path) -> None:
        path = media.still(tmp_path / "large.png", media.plain(20, width=9000, height=9000))
        with (
            pytest.raises(VideoError, match="more memory than") as refused,
            open_video(path, media.VIDEO_ID, Sampling(), Limits(memory_bytes=350 * 2**20)) as opened,
        ):
            list(opened.frames())
        assert refused.value.kind is Refusal.UNREADABLE

    def test_one_that_gives_signs_for_ever_is_not_waited_for_for_ever(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=200)
        with (
            pytest.raises(VideoError, match="it kept us waiting"),
            open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY), Limits(most_waits=0)) as opened,
        ):
            list(opened.frames())

    def test_more_pictures_than_anybody_looks_at_are_not_asked_for(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4")
        with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY), Limits(most_looks=20)) as opened:
            assert len(list(opened.frames())) == 20
            assert "more than 20 pictures" in opened.coverage().why[0]

    def test_nothing_is_left_behind(self, started: list[Started], tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=200)
        told(open_video, path, Sampling())
        gc.collect()  # what earlier tests left lying about
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208
        for _ in range(5):
            with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY)) as opened:
                next(opened.frames())
        assert len(os.listdir("/dev/fd")) <= before  # noqa: PTH208
        for one in started:
            with pytest.raises(ProcessLookupError):
                os.kill(one.pid, 0)

    def test_the_server_outlives_the_thread_that_first_needed_it(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=10)
        decoders.close()
        thread = threading.Thread(target=told, args=(open_video, path, Sampling()))
        thread.start()
        thread.join()
        server = decoders._SHARED.server
        time.sleep(0.2)
        assert server is not None
        assert server.is_alive()
        told(open_video, path, Sampling())
        assert decoders._SHARED.server is server

    @LINUX
    def test_decoders_end_with_the_program_that_asked_for_them(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=300)
        code = (
            "import sys, os, signal, time; from pathlib import Path; from triage.settings import Sampling, Mode;"
            "from triage.frames.sandbox import source, decoders;"
            "o = source.open_video(Path(sys.argv[1]), '0' * 64, Sampling(mode=Mode.EVERY)); s = o.__enter__();"
            "next(s.frames()); print(decoders._SHARED.server._process.pid, s._decoder._started.pid, flush=True);"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        pids = [int(word) for word in ended.stdout.split()]
        assert len(pids) == 2, ended.stderr
        for _ in range(100):
            if not any(map(is_running, pids)):
                break
            time.sleep(0.1)
        assert not any(map(is_running, pids))

    def test_a_server_that_was_ended_is_started_anew(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4")
        before = told(open_video, path, Sampling())
        assert decoders._SHARED.server is not None
        decoders._SHARED.server._process.kill()
        assert told(open_video, path, Sampling()) == before


VIDEO = {
    "is": "video",
    "width_px": 16,
    "height_px": 8,
    "duration_ms": 1000,
    "container": "mov",
    "codec": "h264",
    "pixel_aspect": 1.0,
    "made_at": None,
}
WHERE = {"reached_ms": 0, "near_identical": 0, "undecoded": 0}
FRAME = {"is": "frame", "place": 0, "time_ms": 0, "stood_ms": None, **WHERE}
STOOD = {"is": "stood", "stood_ms": None}
END = {
    "is": "end",
    "claimed_ms": 1000,
    "reached_ms": 1000,
    "step_ms": 400,
    "sampled": 1,
    "near_identical": 0,
    "undecoded": 0,
    "why": [],
    "short_ms": 0,
    "has_end_mark": False,
}


def in_json(message: object) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


@contextmanager
def saying(monkeypatch: pytest.MonkeyPatch, said: bytes) -> Iterator[None]:
    """Instead of a decoder, somebody who says this and hangs up."""
    own, theirs = socket.socketpair()

    class Hostile(Started):
        def __init__(self) -> None:
            self.channel = own

        def end(self) -> Ended:
            own.close()
            return Ended(0, 0, 0.0, 0)

    def speak() -> None:
        with theirs, suppress(ConnectionError):  # who does not believe it hangs up
            theirs.sendall(said)
            theirs.shutdown(socket.SHUT_WR)
            while theirs.recv(4096):
                pass

    monkeypatch.setattr(asked, "start", lambda *_: Hostile())
    thread = threading.Thread(target=speak)
    thread.start()
    yield
    own.close()
    thread.join()


class TestHostile:
    def read(self, path: Path) -> Any:
        return told(open_video, path, Sampling())

    def test_one_that_tells_the_truth_is_believed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "clip.mp4").write_bytes(b"x")
        with saying(monkeypatch, b"".join(map(in_json, [VIDEO, FRAME, STOOD, END]))):
            video, frames, coverage, stood_ms = self.read(tmp_path / "clip.mp4")
        assert (video.width_px, len(frames), coverage.extent, stood_ms) == (16, 1, Extent.WHOLE, {})

    @pytest.mark.parametrize(
        "change",
        [
            {"width_px": 0},
            {"width_px": 2**20, "height_px": 2**20},
            {"width_px": 16.0},
            {"width_px": True},
            {"height_px": -8},
            {"duration_ms": 2**70},
            {"codec": "x" * 10_000},
            {"codec": 7},
            {"codec": "h264\udc80"},
            {"pixel_aspect": float("nan")},
            {"pixel_aspect": 0.0},
            {"made_at": ["2023"]},
            {"is": "end"},
            {"is": None},
        ],
    )
    def test_a_video_that_cannot_be_is_a_row(
        self, change: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "clip.mp4").write_bytes(b"x")
        with saying(monkeypatch, in_json({**VIDEO, **change})):
            kind, why = self.read(tmp_path / "clip.mp4")
        assert kind is Refusal.UNREADABLE
        assert "stopped before the first picture" in why

    @pytest.mark.parametrize(
        "said",
        [
            b"\xff\xff\xff\xff",
            b"\0\0\0\5[[[[[",
            struct.pack(">I", 200_000) + b"[" * 200_000,
            b"\0\0\0\4null",
            b"\0\0\0\2[]",
            in_json({"is": "refused", "kind": "sealed", "why": ""}),
            in_json({"is": "refused", "kind": "unreadable", "why": 3}),
            random.Random(3).randbytes(5000),
            b"",
        ],
    )
    def test_what_is_no_message_is_a_row(self, said: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "clip.mp4").write_bytes(b"x")
        with saying(monkeypatch, said):
            kind, _ = self.read(tmp_path / "clip.mp4")
        assert kind is Refusal.UNREADABLE

    @pytest.mark.parametrize(
        "after",
        [
            [{**FRAME, "place": 8}],
            [{**FRAME, "place": -1}],
            [{**FRAME, "time_ms": -1}],
            [{**FRAME, "time_ms": 2**60}],
            [FRAME, FRAME],
            [FRAME, {**FRAME, "time_ms": 400, "stood_ms": -5}],
            [FRAME, STOOD, {**END, "sampled": 2}],
            [FRAME, STOOD, {**END, "step_ms": 0}],
            [FRAME, STOOD, {**END, "undecoded": 3}],
            [FRAME, STOOD, {**END, "why": ["x"] * 100}],
            [FRAME, STOOD, {**END, "reached_ms": "now"}],
            [FRAME, END],
            [FRAME, {"is": "refused", "kind": "empty_file", "why": "it is empty"}],
            [FRAME, {"is": "sign", "reached_ms": 2**60, "near_identical": 0, "undecoded": 0}],
        ],
    )
    def test_pictures_that_cannot_be_end_what_is_believed(
        self, after: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "clip.mp4").write_bytes(b"x")
        with saying(monkeypatch, b"".join(map(in_json, [VIDEO, *after]))):
            result = self.read(tmp_path / "clip.mp4")
        if after[0] == FRAME:
            _, frames, coverage, _ = result
            assert (len(frames), coverage.extent) == (1, Extent.PARTIAL)
            assert "which cannot be" in coverage.why[0]
        else:
            assert result[0] is Refusal.UNREADABLE


def test_a_file_is_decoded_soon_after_it_was_asked_for(tmp_path: Path) -> None:
    path = media.still(tmp_path / "picture.png")
    told(open_video, path, Sampling())
    began = time.monotonic()
    for _ in range(10):
        told(open_video, path, Sampling())
    assert time.monotonic() - began < 10, "a second a file: is the server started for each?"
