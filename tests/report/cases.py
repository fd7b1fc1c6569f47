"""A case with something of everything that a report has to tell of, without a video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from tests.examples import PROVENANCE, failure, report, video_id
from triage.case.copies import Known
from triage.case.store import Case, open_case
from triage.errors import Refusal
from triage.original import Stamp
from triage.records import Overlap, Queue, Report, Sealed, Segment
from triage.report.folder import new_folder
from triage.report.page import About, Reporter
from triage.report.whole import Whole

ABOUT = About("a case", "Ana", "2026-11-23T13:05:00Z")
HOSTILE = '<img src=x onerror="alert(1)">\u202egnp.\x1b[31m&amp;.mp4'
ARABIC = "شاهد.mp4"
SEALED_NAME = "what a sealed file is called.mp4"
NAMES = {"clip": HOSTILE, "other": ARABIC, "third": "third.mp4", "broken": "broken.mp4"}
SEALED = Sealed(video_id("sealed"), 4321, "possible sexual content, and a minor could not be excluded", PROVENANCE)


def report_of(name: str, queue: Queue = Queue.PRIORITY, weight: float = 1.5) -> Report:
    return report(name, queue, weight)


def note(case: Case, name: str, video: str) -> None:
    case.note_file(Path("/dump") / name, Stamp(1, 1, 1), video)


def fill(case: Case) -> None:
    """Three videos of which two show the same, one that cannot be read, one sealed, and a file that was not opened."""
    case.save(report_of("clip", Queue.URGENT))
    case.save(report_of("other"))
    case.save(replace(report_of("third", Queue.ROUTINE), tracks=()))
    case.save(failure("broken"))
    case.save(SEALED)
    for name, shown in NAMES.items():
        note(case, shown, video_id(name))
    note(case, SEALED_NAME, SEALED.id)
    case.note_unread(Path("/dump/locked.mp4"), Refusal.NOT_OPENED, "permission denied")
    keep_overlap(case, "clip", "other")


def keep_overlap(case: Case, one: str, other: str) -> None:
    shared = Segment(0, 2000, 1000, 3000, 1.0, False, 0.9)
    back = Segment(1000, 3000, 0, 2000, 1.0, False, 0.9)
    here, there = video_id(one), video_id(other)
    found = [Known(Overlap(here, there, (shared,), 0.67, 0.67)), Known(Overlap(there, here, (back,), 0.67, 0.67))]
    case.copies.keep(found, [here, there, video_id("third")], "mark")


@contextmanager
def made_case(folder: Path) -> Iterator[Case]:
    with open_case(folder, make=True) as case:
        fill(case)
        yield case


def write(case: Case, out: Path, limit: int | None = None) -> int:
    """The pages of a case, without pictures."""
    with new_folder(out) as folder:
        told = Reporter(case, folder, ABOUT, Whole.of(case)).write(limit).told
        folder.close()
    return told


class Read(HTMLParser):
    """What a page links to, embeds and says."""

    EMBEDS = frozenset({"img", "video", "audio", "source", "picture", "iframe", "object", "embed", "image"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.embedded: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        """Attributes that would run or style something in the page itself."""
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in self.EMBEDS:
            self.embedded.append(tag)
        if tag in {"script", "style"} and not dict(attrs).get("src"):
            self.handlers.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "srcset", "poster", "data", "action", "xlink:href", "ping", "fill"} and value:
                self.addresses.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def pages(out: Path) -> dict[str, Read]:
    return {
        file.relative_to(out).as_posix(): Read(file.read_text(encoding="utf-8")) for file in sorted(out.rglob("*.html"))
    }
