"""Where the desk listens, and by which names browsers may call it.

Without accounts and TLS it listens where only this machine can reach it. Anything else is refused, not warned about.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.errors import UsageError
from triage.phrases import listing

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
HTTP, HTTPS = 80, 443


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate and its key, PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the desk is asked to listen."""

    host: str = LOOPBACK
    port: int = 0
    names: tuple[str, ...] = ()
    """By which browsers call it, beside ``host``."""
    tls: Tls | None = None
    has_accounts: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """Where it does listen."""

    socket: socket.socket
    origins: tuple[str, ...]
    """What a browser may take it to be, the first as it is printed: ``http://127.0.0.1:8765``."""
    tls: Tls | None

    @property
    def origin(self) -> str:
        return self.origins[0]

    @property
    def hosts(self) -> frozenset[str]:
        """What may stand in a request's Host header."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


def bind(asked: Asked) -> Bound:
    """Take the address, before anything else is done.

    Raises:
        UsageError: others could reach it without accounts or TLS, no name is known that browsers may call it by, the
            certificate cannot be used, or the address is taken.
    """
    is_local = _is_loopback(asked.host)
    if not is_local:
        _make_sure_it_may_be_reached(asked)
    if asked.tls is not None:
        _make_sure_it_can_be_used(asked.tls)
    taken = _taken(asked)
    own = LOOPBACK_NAMES if is_local else () if _is_anywhere(asked.host) else (_in_address(asked.host),)
    names = tuple(dict.fromkeys([*(name.lower() for name in asked.names), *own]))
    return Bound(taken, tuple(_origin(name, taken.getsockname()[1], asked.tls) for name in names), asked.tls)


def _make_sure_it_may_be_reached(asked: Asked) -> None:
    missing = []
    if not asked.has_accounts:
        missing.append("accounts (--accounts FILE; make one with: triage account add FILE NAME --role lead)")
    if asked.tls is None:
        missing.append("TLS (--tls-cert FILE --tls-key FILE)")
    if missing:
        raise UsageError(
            f"--host {asked.host}: other machines could reach the desk there, and that needs {listing(missing)}. "
            "Leave --host out to keep it on this machine"
        )
    if _is_anywhere(asked.host) and not asked.names:
        raise UsageError(
            f"--host {asked.host} is every address of this machine; say by which name browsers call it: --name HOST"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may come to mean another address at any time


def _is_anywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _make_sure_it_can_be_used(tls: Tls) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key)
    except (OSError, ValueError) as error:  # ssl's errors are OSErrors
        why = error.strerror or getattr(error, "reason", None) or error if isinstance(error, OSError) else error
        raise UsageError(
            f"--tls-cert {tls.cert}, --tls-key {tls.key}: cannot be used: {why}. Wanted are two PEM files that fit"
        ) from error


def _taken(asked: Asked) -> socket.socket:
    host = LOOPBACK if asked.host == "localhost" else asked.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, asked.port))
        taken.listen(128)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {asked.port} is in use, maybe by another desk; stop that one, or give --port 0 for a free port"
            ) from error
        raise UsageError(
            f"--host {asked.host} --port {asked.port}: cannot be listened at: {error.strerror or error}"
        ) from error
    return taken


def _in_address(host: str) -> str:
    return f"[{host.lower()}]" if ":" in host else host.lower()


def _origin(name: str, port: int, tls: Tls | None) -> str:
    scheme, usual = ("http", HTTP) if tls is None else ("https", HTTPS)
    return f"{scheme}://{name}" if port == usual else f"{scheme}://{name}:{port}"


def named(names: Sequence[str]) -> tuple[str, ...]:
    """The names that browsers may call the desk by.

    Raises:
        UsageError: one is no name of a host.
    """
    for name in names:
        if not name or not all(character.isalnum() or character in "-." for character in name) or not name.isascii():
            raise UsageError(f"--name {name!r}: wanted is the name of a host alone, such as desk.example.org")
    return tuple(names)
