"""Who is in: a one-time link or a password, then a cookie. All of it is kept in memory and ends with the program."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from triage.desk.accounts import Accounts, DeskRole
from triage.desk.refusal import DeskError

IDLE_S = 2 * 3600
"""After so long without a request somebody has to come in again."""
LONGEST_S = 12 * 3600
TRIES, TRIES_OF_ADDRESS, TRIES_OF_NAME = 5, 20, 50
"""Wrong passwords for one name from one address, from one address, and for one name, before it has to wait. The last is
high, so that nobody can keep a colleague out from elsewhere by being wrong on purpose."""
TRIES_WITHIN_S = 15 * 60
"""Until they are forgotten."""
MOST_SESSIONS = 200
Clock = Callable[[], float]


@dataclass(slots=True)
class Session:
    """Somebody in one browser."""

    author: str
    """By this name decisions are kept."""
    role: DeskRole
    began: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """In every form, so that no other page can send one."""
    last: float = 0.0
    has_keys: bool = True
    """Whether single keys do something."""
    said: str = ""
    """A sentence for the next page."""

    def has_sent(self, token: str) -> bool:
        """Whether a form is of this session."""
        return hmac.compare_digest(self.csrf.encode(), token.encode("utf-8", "replace"))


class Doors:
    """The sessions of one desk. May be asked by several threads at once."""

    def __init__(self, owner: str, accounts: Accounts | None, clock: Clock = time.monotonic) -> None:
        """
        Args:
            owner: whose desk it is, where there are no accounts.
        """
        self._owner, self._accounts, self._clock = owner, accounts, clock
        self._sessions: dict[str, Session] = {}
        self._wrong: dict[str, list[float]] = {}
        self._token = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._hashing = threading.Lock()

    @property
    def has_accounts(self) -> bool:
        return self._accounts is not None

    @property
    def token(self) -> str:
        """What lets somebody in once, where there are no accounts."""
        return self._token

    def enter(self, token: str) -> str:
        """The cookie's value for whoever brings the token; from now on another token is wanted.

        Raises:
            DeskError: it is not the token, or was used before.
        """
        with self._lock:
            is_right = not self.has_accounts and hmac.compare_digest(self._token.encode(), token.encode())
            if not is_right:
                raise DeskError(
                    403,
                    "This link was used already, or is not whole. The terminal of the desk shows a fresh one.",
                )
            self._token = secrets.token_urlsafe(32)
            return self._begin(self._owner, DeskRole.LEAD)

    def log_in(self, name: str, password: str, address: str) -> str:
        """The cookie's value for whoever knows the password.

        Args:
            address: where it comes from.

        Raises:
            DeskError: name and password do not belong together, or there were too many tries.
        """
        accounts = self._accounts
        if accounts is None:
            raise DeskError(404, "This desk has no accounts.")
        name = name[:200]
        limits = {f"{address} {name}": TRIES, address: TRIES_OF_ADDRESS, f"name {name}": TRIES_OF_NAME}
        with self._hashing:  # one at a time: each takes much memory, and nobody may fill it from outside
            self._make_sure_it_may_be_tried(limits)
            account = accounts.let_in(name, password)
            with self._lock:
                if account is not None:
                    self._wrong.pop(f"{address} {name}", None)
                    return self._begin(account.name, account.role)
                for key in limits:
                    self._wrong.setdefault(key, []).append(self._clock())
        raise DeskError(403, "Name and password do not belong together.")

    def _make_sure_it_may_be_tried(self, limits: Mapping[str, int]) -> None:
        now = self._clock()
        with self._lock:
            # What is long ago is forgotten, also of names that nobody tries any more.
            self._wrong = {
                key: late
                for key, times in self._wrong.items()
                if (late := [time for time in times if now - time < TRIES_WITHIN_S])
            }
            waits = [
                self._wrong[key][-tries] for key, tries in limits.items() if len(self._wrong.get(key, ())) >= tries
            ]
        if waits:
            minutes = max(1, round((max(waits) + TRIES_WITHIN_S - now) / 60))
            raise DeskError(
                429, f"There were too many wrong passwords. Wait {minutes} min and try again, or ask whoever leads."
            )

    def session(self, cookie: str | None) -> Session | None:
        """Whose cookie that is; None: nobody's, or it is too old."""
        if not cookie:
            return None
        key, now = _key(cookie), self._clock()
        with self._lock:
            found = self._sessions.get(key)
            if found is None:
                return None
            if now - found.last > IDLE_S or now - found.began > LONGEST_S:
                del self._sessions[key]
                return None
            found.last = now
            return found

    def leave(self, session: Session) -> None:
        """End a session."""
        with self._lock:
            self._sessions = {key: one for key, one in self._sessions.items() if one is not session}

    def _begin(self, author: str, role: DeskRole) -> str:
        now = self._clock()
        self._sessions = {
            key: one
            for key, one in sorted(self._sessions.items(), key=lambda item: -item[1].last)[: MOST_SESSIONS - 1]
            if now - one.last <= IDLE_S and now - one.began <= LONGEST_S
        }
        cookie = secrets.token_urlsafe(32)
        self._sessions[_key(cookie)] = Session(author, role, began=now, last=now)
        return cookie


def _key(cookie: str) -> str:
    """What is kept of a cookie: whoever reads the memory of a crash cannot come in with it."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
