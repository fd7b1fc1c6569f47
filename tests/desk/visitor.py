"""A browser without a screen, for one desk: it keeps cookies and sends what browsers send."""

from __future__ import annotations

import asyncio
import hashlib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from argon2 import PasswordHasher

from tests.examples import report, video_id
from triage.case.review import Copied
from triage.case.store import open_case
from triage.desk.accounts import Account, Accounts, DeskRole
from triage.desk.app import make_app
from triage.desk.asking import Desk
from triage.desk.binding import Asked, bind
from triage.desk.doors import Doors
from triage.desk.making import Maker
from triage.desk.server import Wanted, make_desk
from triage.desk.views import Views
from triage.original import Stamp
from triage.records import Queue, Report

PASSWORD = "a few words in a row"


@dataclass
class Clock:
    """A clock that a test turns on."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Served:
    """A desk that nobody serves: requests are handed to it."""

    def __init__(self, folder: Path, accounts: Accounts | None = None, maker: Maker | None = None) -> None:
        self.clock = Clock()
        self.folder = folder
        self.links: list[str] = []
        bound = bind(Asked(port=0))
        self.origin = bound.origin
        try:
            made = make_desk(Wanted(folder, "owner", accounts, "default"), bound)
        finally:
            port = bound.port
            bound.socket.close()  # requests are handed over without it
        self.desk: Desk = replace(
            made,
            doors=Doors("owner", accounts, self.clock),
            views=Views(self.clock),
            maker=maker or Maker(folder, "default", Made(folder)),
        )
        assert str(port) in self.desk.cookie
        self.app = make_app(self.desk, bound, self.links.append)

    def visitor(self, name: str = "") -> Visitor:
        """Somebody who is in: by the link, or with the name of an account."""
        visitor = Visitor(self)
        if name:
            answer = visitor.post("/login", {"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        else:
            assert visitor.get(f"/enter?token={self.desk.doors.token}").status_code == 200
        return visitor


class Visitor:
    """One browser."""

    def __init__(self, served: Served, address: str = "127.0.0.1") -> None:
        self._served, self._address = served, address
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, is_traced: bool = True) -> httpx.Response:
        """Open an address, without following where it leads.

        Args:
            is_traced: a mistake of ours is raised here; else it is answered as in a browser.
        """
        return self._ask("GET", path, None, headers or {}, is_traced=is_traced)

    def post(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form, with the word against forgery and the Origin that a browser adds."""
        own = {"csrf": self.csrf, **(fields or {})}
        return self._ask("POST", path, own, {"origin": self._served.origin, **(headers or {})})

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Go where an answer leads."""
        assert answer.status_code == 303, f"{answer.status_code}: {said(answer)}"
        return self.get(answer.headers["location"].partition("#")[0])

    def climb(self, video: str, rung: str, **fields: str) -> httpx.Response:
        """Ask for a rung."""
        return self.post(f"/video/{video}/climb", {"rung": rung, **fields})

    def decide(self, video: str, act: str, **fields: str) -> httpx.Response:
        """Decide something about the whole video, or about what the fields say."""
        return self.post(f"/video/{video}/decide", {"act": act, "anchor": "whole", **fields})

    def _ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str],
        *,
        is_traced: bool = True,
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(
                self._served.app, client=(self._address, 50000), raise_app_exceptions=is_traced
            )
            async with httpx.AsyncClient(
                transport=transport, base_url=self._served.origin, cookies=self.cookies
            ) as client:
                return await client.request(method, path, data=form, headers=headers)

        answer = asyncio.run(ask())
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        if found := re.search(r'data-csrf="([^"]+)"', answer.text):
            self.csrf = found[1]
        elif not self.csrf and self.cookies and answer.status_code in {200, 303} and path not in {"/leave", "/"}:
            self._ask("GET", "/", None, {})
        return answer


def said(answer: httpx.Response) -> str:
    """The words of a page, without its tags."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    text = re.sub(r"</?(bdi|strong|span|kbd|b)\b[^>]*>", "", text)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def team(*names: str, **roles: DeskRole) -> Accounts:
    """Accounts with ``PASSWORD``; analysts, where no role is given."""
    quick = PasswordHasher(time_cost=1, memory_cost=64)
    hashed = quick.hash(PASSWORD)
    people = {**dict.fromkeys(names, DeskRole.ANALYST), **roles}
    return Accounts([Account(name, role, hashed) for name, role in people.items()], quick)


class Made:
    """Stands for the program that makes strips and copies: writes files at once, and notes them."""

    def __init__(self, folder: Path, *, why_not: str = "") -> None:
        self._folder, self._why_not = folder, why_not
        self.covers = "graphic,minor_faces,faces"
        self.commands: list[tuple[Sequence[str], str]] = []

    def __call__(self, words: Sequence[str], author: str, heard: Callable[[str], None]) -> int:
        self.commands.append((words, author))
        if self._why_not:
            heard(self._why_not)
            return 1
        video, out = words[words.index("--video") + 1], Path(words[words.index("--out") + 1])
        if words[0] == "sheet":
            (out / "strips").mkdir(parents=True, exist_ok=True)
            (out / "strips" / f"{video[:16]}.jpg").write_bytes(b"strip of " + video.encode())
            return 0
        out.mkdir(parents=True, exist_ok=True)
        style, data = words[words.index("--style") + 1], b"copy of " + video.encode() * 40
        copy = out / f"{video[:8]}.review.mp4"
        copy.write_bytes(data)
        at = "2026-11-23T13:05:00Z"
        with open_case(self._folder, make=True) as case:
            case.review.note(
                Copied(video, at, copy, hashlib.sha256(data).hexdigest(), style, self.covers, "", "", "copied")
            )
        return 0


def add_video(folder: Path, name: str, queue: Queue = Queue.PRIORITY, *, file: str = "", weight: float = 1.5) -> str:
    """A report and a file with its bytes, named as asked; its SHA-256."""
    dump = folder.parent / "dump"
    dump.mkdir(exist_ok=True)
    path = dump / (file or f"{name}.mp4")
    path.write_bytes(name.encode())
    found: Report = report(name, queue, weight)
    found = replace(found, video=replace(found.video, container="mov,mp4,m4a,3gp,3g2,mj2", codec="h264"))
    with open_case(folder, make=True) as case:
        case.save(found)
        case.note_file(path, Stamp.of(path.stat()), video_id(name))
    return video_id(name)


def wait_for(served: Served) -> None:
    """Until all that was asked for is made."""
    for _ in range(500):
        if not served.desk.maker.under_way():
            return
        asyncio.run(asyncio.sleep(0.01))
    raise AssertionError("it is still being made")
