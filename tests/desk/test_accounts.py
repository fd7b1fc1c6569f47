"""The file that says who may come in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from triage.desk.accounts import Accounts, DeskRole, add_account, load_accounts, read_accounts, remove_account
from triage.errors import UsageError

WORDS = "a few words in a row"


def test_an_account_that_was_added_comes_in_with_its_password_alone(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    add_account(file, "ines", DeskRole.LEAD, WORDS)
    add_account(file, "amal", DeskRole.READER, WORDS + "!")
    accounts = load_accounts(file)
    found = accounts.let_in("amal", WORDS + "!")
    assert found is not None
    assert found.role is DeskRole.READER
    assert accounts.let_in("amal", WORDS) is None
    assert accounts.let_in("nobody", WORDS) is None
    assert len(accounts) == 2


def test_the_file_holds_no_password_and_nobody_else_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    add_account(file, "ines", DeskRole.LEAD, WORDS)
    assert WORDS not in file.read_text()
    assert "$argon2id$" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_adding_somebody_again_changes_password_and_role(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    add_account(file, "ines", DeskRole.ANALYST, WORDS)
    add_account(file, "ines", DeskRole.LEAD, WORDS + " more")
    assert [one.role for one in read_accounts(file)] == [DeskRole.LEAD]
    assert load_accounts(file).let_in("ines", WORDS) is None


def test_somebody_can_be_taken_out(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    add_account(file, "ines", DeskRole.LEAD, WORDS)
    add_account(file, "amal", DeskRole.READER, WORDS)
    remove_account(file, "amal")
    assert load_accounts(file).names() == ["ines"]
    with pytest.raises(UsageError, match="nobody of the name amal"):
        remove_account(file, "amal")


@pytest.mark.parametrize("password", ["", "short", "x" * 2000])
def test_a_password_has_a_length(tmp_path: Path, password: str) -> None:
    with pytest.raises(UsageError, match="12 characters or more"):
        add_account(tmp_path / "accounts.toml", "ines", DeskRole.LEAD, password)


@pytest.mark.parametrize("name", ["", " ", "a\x1b[31m", "a\u202eb", "x" * 100])
def test_a_name_can_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for an account"):
        add_account(tmp_path / "accounts.toml", name, DeskRole.LEAD, WORDS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no account"),
        ("[[account]]\nname = 'a'\nrole = 'reader'\npassword = 'x'\n", "nobody in it is a lead"),
        ("[[account]]\nname = 'a'\nrole = 'chief'\npassword = 'x'\n", "is no file of accounts"),
        ("[[account]]\nname = 'a'\n", "is no file of accounts"),
        ("account = 3\n", "is no file of accounts"),
        ("no toml", "is no file of accounts"),
        ("[[account]]\nname = 'a'\nrole = 'lead'\npassword = 'x'\n" * 2, "the same name"),
    ],
)
def test_a_file_that_cannot_be_meant_is_said(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=why):
        load_accounts(file)


def test_a_file_that_others_may_change_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    add_account(file, "ines", DeskRole.LEAD, WORDS)
    file.chmod(0o620)
    with pytest.raises(UsageError, match="others than its owner may change it"):
        load_accounts(file)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_accounts(tmp_path / "accounts.toml")


def test_a_hash_that_is_none_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text("[[account]]\nname = 'a'\nrole = 'lead'\npassword = 'x'\n")
    assert load_accounts(file).let_in("a", "x") is None


@pytest.mark.parametrize(
    ("role", "may"),
    [(DeskRole.READER, [True, False, False]), (DeskRole.ANALYST, [True, True, False]), (DeskRole.LEAD, [True] * 3)],
)
def test_each_role_may_what_those_below_may(role: DeskRole, may: list[bool]) -> None:
    assert [role.may(needed) for needed in DeskRole] == may
    assert Accounts([]).role_of("nobody") is None
