"""What holds for every test: its own user folder, no network, no unexpected ERROR in the log, the same examples."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.browser",)

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
"""The team's folder of real clips, beside the checkout."""
OWN_HOST = "127.0.0.1"
"""Where a test that is marked ``loopback`` may run a server and speak to it."""
NO_SHARED = "the team's folder of real clips is not beside this checkout"

# A test that fails has to fail for whoever runs it next, too, and no slower machine may be at fault. To search for new
# examples: pytest -m hypothesis --hypothesis-profile=default
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED.is_dir():
        return
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(pytest.mark.skip(reason=NO_SHARED))


@pytest.fixture
def shared() -> Path:
    """The folder of real clips; the test that asks for it is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip(NO_SHARED)
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def _foreign_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Ultralytics writes a settings file when it is imported: into a folder of this run, not the user's."""
    os.environ["YOLO_CONFIG_DIR"] = str(tmp_path_factory.mktemp("ultralytics"))


@pytest.fixture(autouse=True)
def triage_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of this one test; empty, and not there until something is put into it."""
    home = tmp_path / "triage_home"
    monkeypatch.setenv("TRIAGE_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scans look here, where a test can put other models in place of those that ship."""
    monkeypatch.setenv("TRIAGE_JOBS", "1")


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that opens a network socket or asks for a host's address fails, even where the code swallows the error.

    One that is marked ``loopback`` may speak to a server of its own at 127.0.0.1.
    """
    attempts: list[str] = []
    may_loop = request.node.get_closest_marker("loopback") is not None

    def refuse(what: str) -> NoReturn:
        attempts.append(what)
        pytest.fail(f"a test opened the network: {what}")

    def guard(name: str) -> None:
        allowed = getattr(socket.socket, name)

        def call(self: socket.socket, *arguments: object) -> object:
            is_own = may_loop and self.family is socket.AF_INET and _is_own(arguments[-1])
            if self.family is not socket.AF_UNIX and not is_own:
                refuse(f"{name} to {arguments[-1]!r}")
            return allowed(self, *arguments)

        monkeypatch.setattr(socket.socket, name, call)

    for name in ("connect", "connect_ex", "sendto"):
        guard(name)

    def guard_names(name: str) -> None:
        allowed = getattr(socket, name)

        def call(host: object, *arguments: object, **named: object) -> object:
            if not (may_loop and host == OWN_HOST):
                refuse(f"{name} of {host!r}")
            return allowed(host, *arguments, **named)

        monkeypatch.setattr(socket, name, call)

    for name in ("getaddrinfo", "gethostbyname"):
        guard_names(name)
    yield
    assert not attempts, f"the network was asked for, and the error was swallowed: {attempts}"


def _is_own(address: object) -> bool:
    return isinstance(address, tuple) and address[0] == OWN_HOST


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def expected_errors() -> list[logging.LogRecord]:
    """The ERROR records of this test, which may have some because it asks for this."""
    return []


@pytest.fixture(autouse=True)
def _no_error_logged(request: pytest.FixtureRequest) -> Iterator[None]:
    """An ERROR in the log fails the test that did not ask for ``expected_errors``."""
    handler = _Errors()
    expects = "expected_errors" in request.fixturenames
    if expects:
        handler.records = request.getfixturevalue("expected_errors")
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    if handler.records and not expects:
        said = [f"{record.name}: {record.getMessage()}" for record in handler.records]
        pytest.fail(f"an ERROR was logged and not expected: {said}")
