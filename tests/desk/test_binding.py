"""Where the desk listens, and where it refuses to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from triage.desk.binding import Asked, Tls, bind, named
from triage.errors import UsageError


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=desk.example.org"]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    return Tls(cert, key)


def test_it_listens_where_only_this_machine_can_reach_it() -> None:
    bound = bind(Asked())
    with bound.socket:
        assert bound.socket.getsockname()[0] == "127.0.0.1"
        assert bound.origin == f"http://127.0.0.1:{bound.port}"
        assert f"localhost:{bound.port}" in bound.hosts
        assert "localhost" not in bound.hosts


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "desk.example.org", "127.0.0.1.example.org", ""])
def test_it_refuses_to_listen_elsewhere_without_accounts_and_tls(host: str, tls: Tls) -> None:
    with pytest.raises(UsageError, match=r"accounts .* and TLS"):
        bind(Asked(host=host))
    with pytest.raises(UsageError, match=r"that needs TLS"):
        bind(Asked(host=host, has_accounts=True))
    with pytest.raises(UsageError, match=r"that needs accounts"):
        bind(Asked(host=host, tls=tls))


def test_at_every_address_it_has_to_know_its_name(tls: Tls) -> None:
    with pytest.raises(UsageError, match="--name HOST"):
        bind(Asked(host="0.0.0.0", tls=tls, has_accounts=True))
    bound = bind(Asked(host="0.0.0.0", names=("Desk.Example.org",), tls=tls, has_accounts=True))
    with bound.socket:
        assert bound.origins == (f"https://desk.example.org:{bound.port}",)


def test_the_usual_port_does_not_stand_in_its_name() -> None:
    from triage.desk.binding import _origin

    assert _origin("desk.example.org", 443, Tls(Path("a"), Path("b"))) == "https://desk.example.org"
    assert _origin("localhost", 80, None) == "http://localhost"


def test_a_port_in_use_is_said() -> None:
    first = bind(Asked())
    with first.socket, pytest.raises(UsageError, match=rf"port {first.port} is in use"):
        bind(Asked(port=first.port))


def test_an_address_that_is_not_this_machines_is_said(tls: Tls) -> None:
    with pytest.raises(UsageError, match="cannot be listened at"):
        bind(Asked(host="192.0.2.1", tls=tls, has_accounts=True))


@pytest.mark.parametrize("wrong", ["absent", "swapped", "text"])
def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_served(
    tls: Tls, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    given = {
        "absent": Tls(tmp_path / "none.pem", tls.key),
        "swapped": Tls(tls.key, tls.cert),
        "text": Tls(tmp_path / "text.pem", tls.key),
    }[wrong]
    with pytest.raises(UsageError, match="cannot be used"):
        bind(Asked(tls=given))


@pytest.mark.parametrize("name", ["", "a b", "http://x", "x:80", "x/y", "é.org", "*"])
def test_a_name_is_that_of_a_host(name: str) -> None:
    with pytest.raises(UsageError, match="the name of a host alone"):
        named([name])
