"""A desk that is really served, on this machine's own address, and remembers every byte that it sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import uvicorn

from tests import media
from tests.examples import finding, report
from triage.case.copies import Known
from triage.case.review import Copied
from triage.case.store import Case, open_case
from triage.desk.accounts import Accounts
from triage.desk.app import make_app
from triage.desk.asking import Desk
from triage.desk.binding import Asked, bind
from triage.desk.guard import App
from triage.desk.making import COVERED, Maker
from triage.desk.server import Wanted, make_desk
from triage.durable import sha256_of
from triage.original import Stamp
from triage.records import Coverage, Label, Overlap, Queue, Report, Segment, Track

PICTURES = 50
LENGTH_MS = 2000


@dataclass
class Running:
    """A desk that answers."""

    origin: str
    desk: Desk
    links: list[str] = field(default_factory=list)
    """Tokens that let a browser in, the newest last."""
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    """Path and body of every answer, in order."""

    @property
    def link(self) -> str:
        """Lets one browser in, once."""
        return f"{self.origin}/enter?token={self.desk.doors.token}"

    def bytes_of(self, original: Path) -> list[str]:
        """Paths whose answers held some of these bytes."""
        data = original.read_bytes()
        probes = [data[len(data) * share // 8 :][:48] for share in range(1, 8)]
        return [path for path, body in self.sent if any(probe in body for probe in probes)]


class Drawn:
    """Stands for the program that makes strips and copies: draws some that a browser can show."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, words: Sequence[str], author: str, heard: Callable[[str], None]) -> int:
        video, out = words[words.index("--video") + 1], Path(words[words.index("--out") + 1])
        if words[0] == "sheet":
            (out / "strips").mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(out / "strips" / f"{video[:16]}.jpg"), media.plain(160, width=640, height=240))
            return 0
        out.mkdir(parents=True, exist_ok=True)
        style = words[words.index("--style") + 1]
        copy = media.draw(out / f"{video[:8]}.review.mp4", [media.plain(90 + index) for index in range(PICTURES)])
        copy.with_name(f"{copy.name}.json").write_text(json.dumps({"copy": {"shift_ms": 0}}))
        at = "2026-11-23T13:05:00Z"
        with open_case(self._folder, make=True) as case:
            case.review.note(
                Copied(video, at, copy, sha256_of(copy), style, ",".join(sorted(COVERED)), "", "", "copied")
            )
        return 0


@contextmanager
def running(folder: Path, accounts: Accounts | None = None) -> Iterator[Running]:
    """The desk of a case, until the block is left."""
    bound = bind(Asked(port=0, has_accounts=accounts is not None))
    desk = make_desk(Wanted(folder, "Ana", accounts, "default"), bound)
    desk = replace(desk, maker=Maker(folder, "default", Drawn(folder)))
    found = Running(bound.origin, desk)
    app = _remembering(make_app(desk, bound, found.links.append), found.sent)
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound.socket]}, name="desk")
    thread.start()
    try:
        yield found
    finally:
        server.should_exit = True
        thread.join()
        desk.maker.stop()
        bound.socket.close()


def _remembering(app: App, sent: list[tuple[str, bytes]]) -> App:
    async def remembering(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def remember(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                sent.append((scope["path"], message.get("body", b"")))
            await send(message)

        await app(scope, receive, remember)

    return remembering


def add_clip(case: Case, folder: Path, name: str, first: int, queue: Queue = Queue.PRIORITY) -> str:
    """A drawn clip with a weapon in its first half and something graphic in its second; its SHA-256.

    Args:
        folder: of the dump.
        first: picture of ``moving`` that it begins with, so that no two are the same.
    """
    folder.mkdir(exist_ok=True)
    path = media.draw(folder / name, [media.moving(first + index) for index in range(PICTURES)])
    video = sha256_of(path)
    case.note_file(path, Stamp.of(path.stat()), video)
    case.save(report_of(video, queue))
    return video


def report_of(video: str, queue: Queue) -> Report:
    """What a scan says of such a clip."""
    made = report(video, queue)
    weapon = tuple(replace(finding(time, Label.WEAPON), video=video) for time in (0, 400, 800))
    graphic = tuple(replace(finding(time, Label.GRAPHIC), video=video, grade=2) for time in (1200, 1600))
    return replace(
        made,
        video=replace(
            made.video, id=video, width_px=160, height_px=120, container="mov,mp4,m4a,3gp,3g2,mj2", codec="h264"
        ),
        coverage=Coverage(LENGTH_MS, LENGTH_MS, 400, 5, 0, 0),
        tracks=(Track(Label.WEAPON, weapon), Track(Label.GRAPHIC, graphic)),
        faults=(),
    )


def keep_copies(case: Case, one: str, other: str) -> None:
    """The two show the same, all the time."""
    same = (Segment(0, LENGTH_MS, 0, LENGTH_MS, 1.0, False, 0.95),)
    found = [Known(Overlap(here, there, same, 1.0, 1.0)) for here, there in ((one, other), (other, one))]
    case.copies.keep(found, [one, other], "mark")
