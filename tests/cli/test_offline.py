"""No command uses the network: not in this process, and not in one that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import media
from tests.nets import squares_net

WATCH = """
import os, sys

ASKING = ("connect", "sendto", "getaddrinfo", "gethostbyname", "gethostbyaddr")

def hook(event, words):
    if event.removeprefix("socket.") in ASKING and event.startswith("socket."):
        if not (event == "socket.connect" and isinstance(words[1], str)):  # a path: a socket of this machine
            handle = os.open(os.environ["ASKED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(handle, f"{event} {words[1:] or words}\\n".encode())
            os.close(handle)

sys.addaudithook(hook)
"""
"""Runs at the start of every Python process that finds it on its path; a forked one keeps the hook."""


def watched(folder: Path, *code: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run Python with the watch; what it asked of the network, a line each."""
    (folder / "watch").mkdir(exist_ok=True)
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    asked = folder / "asked"
    environment = {**os.environ, "ASKED": str(asked), "PYTHONPATH": str(folder / "watch")}
    ended = subprocess.run(
        [sys.executable, *code], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    return ended, asked.read_text() if asked.exists() else ""


def triage(folder: Path, *words: str | Path) -> tuple[subprocess.CompletedProcess[str], str]:
    return watched(folder, "-c", "from triage.cli.main import app; app()", *map(str, words))


def test_the_watch_sees_what_a_process_started_by_the_program_asks(tmp_path: Path) -> None:
    code = (
        "import multiprocessing, socket;"
        "child = multiprocessing.get_context('fork').Process(target=socket.gethostbyname, args=('a.invalid',));"
        "child.start(); child.join()"
    )
    assert "a.invalid" in watched(tmp_path, "-c", code)[1]


def test_a_scan_with_the_shipped_model_asks_nothing_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir()
    media.video(tmp_path / "dump" / "clip.mp4", pictures=20)
    media.still(tmp_path / "dump" / "picture.png")
    (tmp_path / "dump" / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://example.invalid/a.ts\n")
    ended, asked = triage(tmp_path, "scan", tmp_path / "dump", "--case", tmp_path / "case")
    assert ended.returncode == 0, ended.stderr
    assert "2 examined" in ended.stderr
    assert asked == ""


def test_bringing_a_model_and_asking_the_doctor_ask_nothing_of_the_network(tmp_path: Path) -> None:
    net = squares_net(tmp_path / "squares.onnx")
    for words in (["weights", "add", net, "--role", "people", "--labels", "person=person"], ["doctor"]):
        ended, asked = triage(tmp_path, *words)
        assert ended.returncode == 0, ended.stderr
        assert asked == ""


def test_a_model_that_ultralytics_would_fetch_asks_nothing_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "yolo11n.pt").write_bytes(b"not a model")
    ended, asked = triage(
        tmp_path, "weights", "add", tmp_path / "yolo11n.pt", "--role", "people", "--labels", "a=person"
    )
    assert ended.returncode == 3, ended.stderr
    assert asked == ""
