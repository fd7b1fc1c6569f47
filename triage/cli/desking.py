"""The analysts' review page: ``desk``, and its accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.case.audit import who
from triage.cli.console import say, tell
from triage.desk.accounts import DeskRole, add_account, load_accounts, read_accounts, remove_account
from triage.desk.binding import Asked, Bound, Tls, bind, named
from triage.desk.server import Wanted, serve
from triage.errors import UsageError
from triage.names import shown
from triage.settings import load_settings


@dataclass(frozen=True, slots=True)
class Served:
    """The command line, not yet understood."""

    case: Path
    host: str
    port: int
    names: tuple[str, ...]
    accounts: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    settings: str


def run(asked: Served) -> None:
    """Serve the desk until Ctrl-C.

    Raises:
        UsageError: others could reach it without accounts and TLS, the port is in use, or there is no case.
        CaseError: the case cannot be used.
    """
    load_settings(asked.settings, ())  # what cannot be meant is said now, and not when the first copy is asked for
    accounts = None if asked.accounts is None else load_accounts(asked.accounts)
    bound = bind(
        Asked(asked.host, asked.port, named(asked.names), _tls(asked), has_accounts=accounts is not None),
    )
    try:
        serve(Wanted(asked.case, who(), accounts, asked.settings), bound, _Links(asked.case, bound))
    except KeyboardInterrupt:
        pass  # it is how a desk is closed
    finally:
        bound.socket.close()
    say("The desk is closed; everything that was decided is kept.")


class _Links:
    """Says by which address to come in: at first, and again once a link was used."""

    def __init__(self, case: Path, bound: Bound) -> None:
        self._case, self._bound, self._is_first = case, bound, True

    def __call__(self, link: str) -> None:
        is_once = "token=" in link
        if self._is_first:
            tell(f"The desk of {shown(self._case)} is open. Ctrl-C closes it.")
            tell(f"  {link}")
            if is_once:
                say("The link lets one browser in, once. Take a browser without extensions that read pages.")
        elif is_once:
            say(f"Somebody came in. For another browser, or after that one was closed: {link}")
        self._is_first = False


def add(file: Path, name: str, role: str, password: str) -> None:
    """Add an account, or give it another password or role.

    Raises:
        UsageError: something cannot be meant.
    """
    is_there = file.exists() and any(account.name == name for account in read_accounts(file))
    add_account(file, name, role_of(role), password)
    tell(f"{shown(name)} {'has now' if is_there else 'is added with'} the role {role} in {shown(file)}.")
    say("A desk that runs already has to be closed and opened again to know of it.")


def role_of(role: str) -> DeskRole:
    """The role of that name.

    Raises:
        UsageError: there is none.
    """
    if role not in list(DeskRole):
        raise UsageError(f"--role {role}: known are {', '.join(one.value for one in DeskRole)}")
    return DeskRole(role)


def listed(file: Path) -> Sequence[str]:
    """Everybody who has an account, and their role."""
    return [f"{account.name}  {account.role.value}" for account in read_accounts(file)]


def remove(file: Path, name: str) -> None:
    """Take an account away; what was decided in its name stays."""
    remove_account(file, name)
    tell(f"{shown(name)} has no account any more; what was decided in that name stays.")
    say("A desk that runs already has to be closed and opened again to know of it.")


def _tls(asked: Served) -> Tls | None:
    if asked.tls_cert is None and asked.tls_key is None:
        return None
    if asked.tls_cert is None or asked.tls_key is None:
        raise UsageError("--tls-cert and --tls-key go together: a certificate and its key, PEM files")
    return Tls(asked.tls_cert, asked.tls_key)
