"""What tests themselves may ask: nobody, or where it is marked, a server of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

REPOSITORY = Path(__file__).parent.parent

TESTS = """
    import socket
    import threading
    from contextlib import suppress
    from urllib.request import urlopen
    from http.server import BaseHTTPRequestHandler, HTTPServer
    import pytest

    class Here(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"here")
        def log_message(self, *_):
            pass

    def ask():
        with HTTPServer(("127.0.0.1", 0), Here) as server:
            thread = threading.Thread(target=server.handle_request, daemon=True)
            thread.start()
            with urlopen(f"http://127.0.0.1:{server.server_port}") as answer:
                assert answer.read() == b"here"
            thread.join()

    @pytest.mark.loopback
    def test_marked_asks_its_own_server():
        ask()

    def test_unmarked_asks_its_own_server():
        ask()

    @pytest.mark.loopback
    def test_marked_asks_another_host():
        with suppress(BaseException):
            socket.create_connection(("192.0.2.1", 9), 0.1)

    @pytest.mark.loopback
    def test_marked_asks_for_a_name():
        with suppress(BaseException):
            socket.getaddrinfo("tracker.example", 80)
"""


def test_only_a_marked_test_reaches_its_own_server_and_none_another_host(tmp_path: Path) -> None:
    file = tmp_path / "test_asking.py"
    file.write_text(dedent(TESTS))
    plain = ["-c", str(REPOSITORY / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider", "-rA", "-q"]
    command = [sys.executable, "-m", "pytest", *plain, "--basetemp", str(tmp_path / "inner"), str(file)]
    told = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout
    ended = {line.partition("::")[2].partition(" ")[0]: line.split()[0] for line in told.splitlines() if "::" in line}
    assert ended == {
        "test_marked_asks_its_own_server": "PASSED",
        "test_unmarked_asks_its_own_server": "FAILED",
        "test_marked_asks_another_host": "ERROR",
        "test_marked_asks_for_a_name": "ERROR",
    }, told
