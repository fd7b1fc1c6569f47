"""``triage desk`` and ``triage account`` as a user types them; nothing is served here for longer than a moment."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from tests.cli.test_commands import triage
from tests.desk.visitor import add_video
from triage.case.audit import AuditKind
from triage.case.store import open_case
from triage.cli.main import app


@pytest.fixture
def case(tmp_path: Path) -> Path:
    add_video(tmp_path / "case", "clip")
    return tmp_path / "case"


@pytest.fixture
def closed_at_once(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that would have been listened at."""
    served: list[socket.socket] = []

    def run(_: uvicorn.Server, sockets: list[socket.socket]) -> None:
        served.extend(sockets)
        raise KeyboardInterrupt

    monkeypatch.setattr(uvicorn.Server, "run", run)
    return served


def with_password(*words: str | Path, password: str = "a few words in a row") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=f"{password}\n{password}\n")


def test_a_desk_prints_a_link_and_ends_with_0_on_ctrl_c(case: Path, closed_at_once: list[socket.socket]) -> None:
    result = triage("desk", case, "--port", "0")
    assert result.exit_code == 0, result.stderr
    assert f"The desk of {case} is open" in result.stdout
    assert "  http://127.0.0.1:" in result.stdout
    assert "/enter?token=" in result.stdout
    assert "lets one browser in, once" in result.stderr
    assert "everything that was decided is kept" in result.stderr
    assert len(closed_at_once) == 1


def test_a_desk_with_accounts_prints_no_word_that_lets_anybody_in(
    case: Path, tmp_path: Path, closed_at_once: list[socket.socket]
) -> None:
    accounts = tmp_path / "accounts.toml"
    assert with_password("account", "add", accounts, "ines", "--role", "lead").exit_code == 0
    result = triage("desk", case, "--port", "0", "--accounts", accounts)
    assert result.exit_code == 0, result.stderr
    assert "token" not in result.stdout + result.stderr
    assert closed_at_once


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "that needs accounts"),
        (["--host", "192.0.2.1"], "that needs accounts"),
        (["--tls-cert", "x.pem"], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "x.pem", "--tls-key", "y.pem"], "cannot be used"),
        (["--accounts", "none.toml"], "the accounts cannot be read"),
        (["--name", "http://x"], "the name of a host alone"),
        (["--settings", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_is_served(
    case: Path, closed_at_once: list[socket.socket], words: list[str], said: str
) -> None:
    result = triage("desk", case, "--port", "0", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not closed_at_once


def test_a_folder_without_a_case_is_said_and_stays_empty(tmp_path: Path, closed_at_once: list[socket.socket]) -> None:
    result = triage("desk", tmp_path / "none", "--port", "0")
    assert (result.exit_code, "there is no case here" in result.stderr) == (2, True)
    assert not (tmp_path / "none").exists()
    assert not closed_at_once


def test_a_port_in_use_is_said(case: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        result = triage("desk", case, "--port", str(other.getsockname()[1]))
    assert result.exit_code == 2
    assert "is in use, maybe by another desk" in result.stderr


def test_a_password_is_asked_for_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    result = with_password("account", "add", file, "amal", password="correct horse battery")
    assert result.exit_code == 0, result.stderr
    assert "correct horse" not in result.stdout + result.stderr + file.read_text()
    assert "amal is added with the role analyst" in result.stdout
    again = with_password("account", "add", file, "amal", "--role", "lead")
    assert "amal has now the role lead" in again.stdout
    assert triage("account", "list", file).stdout == "amal  lead\n"
    assert triage("account", "remove", file, "amal").exit_code == 0
    assert triage("account", "list", file).stdout == ""


def test_what_is_no_account_is_said(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    assert "known are reader, analyst, lead" in with_password("account", "add", file, "a", "--role", "boss").stderr
    short = with_password("account", "add", file, "a", password="short")
    assert (short.exit_code, "12 characters or more" in short.stderr) == (2, True)
    assert not file.exists()
    assert "cannot be read" in triage("account", "list", file).stderr


def test_a_case_gets_its_log_when_its_desk_is_opened(case: Path, closed_at_once: list[socket.socket]) -> None:
    triage("desk", case, "--port", "0")
    assert closed_at_once
    with open_case(case) as opened:
        assert opened.audit.entries()[0].kind == AuditKind.CASE_CREATED
