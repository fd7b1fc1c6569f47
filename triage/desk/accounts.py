"""Who may come in, with what say: a TOML file with a hash of each password.

::

    [[account]]
    name = "amal"
    role = "analyst"
    password = "$argon2id$v=19$…"
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import tomli_w
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from triage.durable import write_whole
from triage.errors import UsageError
from triage.names import shown

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
LONGEST_NAME = 64


class DeskRole(StrEnum):
    """What somebody may do, the least first; each may also do what those before it may."""

    READER = "reader"
    """Sees words, strips and review copies, and decides nothing."""
    ANALYST = "analyst"
    """Decides, and may see an original, with a reason."""
    LEAD = "lead"
    """Says what the rules are: budgets, breaks, second readers."""

    def may(self, needed: DeskRole) -> bool:
        order = list(DeskRole)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Account:
    """One person."""

    name: str
    role: DeskRole
    password: str
    """Its hash, as argon2 writes it."""

    def __post_init__(self) -> None:
        if not self.name.strip() or self.name != shown(self.name).strip() or len(self.name) > LONGEST_NAME:
            raise UsageError(
                f"{shown(self.name)!r} is no name for an account: wanted are 1 to {LONGEST_NAME} visible characters"
            )


class Accounts:
    """The people of one file."""

    def __init__(self, accounts: Iterable[Account], hasher: PasswordHasher | None = None) -> None:
        """
        Args:
            hasher: what a name that nobody has is tried with; it should take as long as the others.
        """
        self._accounts = {account.name: account for account in accounts}
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(os.urandom(16).hex())

    def __len__(self) -> int:
        return len(self._accounts)

    def names(self) -> list[str]:
        """Of everybody."""
        return list(self._accounts)

    def role_of(self, name: str) -> DeskRole | None:
        """None: there is nobody of that name."""
        account = self._accounts.get(name)
        return None if account is None else account.role

    def let_in(self, name: str, password: str) -> Account | None:
        """Who that is, or None. It takes as long for a name that nobody has, so that names cannot be tried out."""
        account = self._accounts.get(name)
        try:
            self._hasher.verify(account.password if account else self._nobody, password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        return account


def load_accounts(path: Path) -> Accounts:
    """The accounts in a file.

    Raises:
        UsageError: it cannot be read or meant, or others than its owner may change it.
    """
    accounts = read_accounts(path)
    if not accounts:
        raise UsageError(f"{path}: has no account; add one with: triage account add {path} NAME --role lead")
    if not any(account.role is DeskRole.LEAD for account in accounts):
        raise UsageError(
            f"{path}: nobody in it is a lead, so nobody could set the rules; add one: triage account add {path} NAME "
            "--role lead"
        )
    return Accounts(accounts)


def read_accounts(path: Path) -> list[Account]:
    """What stands in a file, in its order."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            row = tomllib.load(file)
        found = [Account(one["name"], DeskRole(one["role"]), one["password"]) for one in row.get("account", [])]
    except OSError as error:
        raise UsageError(f"{path}: the accounts cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path}: is no file of accounts ({error}); wanted is what triage account add writes: [[account]] with "
            "name, role (reader, analyst or lead) and password, its argon2 hash"
        ) from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"{path}: others than its owner may change it, and so let themselves in; chmod 600 {path}")
    if len({account.name for account in found}) != len(found):
        raise UsageError(f"{path}: two accounts have the same name; whoever decides must be told from everyone else")
    return found


def add_account(path: Path, name: str, role: DeskRole, password: str) -> None:
    """Add somebody, or give them another password or role; the file is made where there is none.

    Raises:
        UsageError: the password is too short, or the file cannot be meant.
        CaseError: it cannot be written.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"a password has {SHORTEST_PASSWORD} characters or more; a few words in a row do well")
    kept = [account for account in read_accounts(path) if account.name != name] if path.exists() else []
    _write(path, [*kept, Account(name, role, PasswordHasher().hash(password))])


def remove_account(path: Path, name: str) -> None:
    """Take somebody out; what they decided stays.

    Raises:
        UsageError: there is nobody of that name.
    """
    accounts = read_accounts(path)
    kept = [account for account in accounts if account.name != name]
    if len(kept) == len(accounts):
        raise UsageError(f"{path}: there is nobody of the name {shown(name)}")
    _write(path, kept)


def _write(path: Path, accounts: Iterable[Account]) -> None:
    rows = [{"name": one.name, "role": one.role.value, "password": one.password} for one in accounts]
    before = os.umask(0o077)  # nobody else reads the hashes, not even while the file is being written
    try:
        write_whole(path, tomli_w.dumps({"account": rows}).encode())
    finally:
        os.umask(before)
