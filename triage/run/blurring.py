"""Many review copies, one after the other: of a case's videos, or of videos without a case."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from string import hexdigits
from typing import Protocol

from triage.case.audit import now_utc
from triage.case.review import Copied
from triage.case.rows import Row, is_failure, is_sealed, report_of
from triage.case.store import Case
from triage.copying import (
    ENDING,
    PICTURE_ENDING,
    Made,
    Names,
    Pass,
    Searchers,
    Wish,
    copy_video,
    ending_of,
    has_findings,
    is_made,
    open_searchers,
    place_for_copies,
    roles_for,
)
from triage.errors import RedactionError, UsageError, VideoError
from triage.names import shown
from triage.original import Stamp, open_original, stamp_now, unread
from triage.phrases import counted
from triage.pipeline import Stages, examine, make_stages
from triage.records import Queue, Report, Role, Sealed
from triage.run.copy_list import CopyList, Line
from triage.run.standing import size_of
from triage.settings import Settings

SEAL_WORDS = "sealed: nobody is to look at it, so nothing of it is copied"
LEAST_DIGITS = 8
"""Of a SHA-256, to name a content by."""
BESIDE = frozenset({Role.PEOPLE, Role.FACES, Role.MINORS, Role.SEXUAL})
"""Looked for beside what is covered: heads whose faces were missed, who is an adult, and what must be sealed."""


class Became(StrEnum):
    """What became of a file in this run."""

    COPIED = "copied"
    ALREADY = "copied before"
    SAME_BYTES = "with the same bytes as another"
    NOTHING_FOUND = "left out, since nothing was found in it"
    WITHOUT_PICTURES = "without pictures to look at"
    SEALED = "sealed"
    REFUSED = "without a copy"


@dataclass(frozen=True, slots=True)
class Original:
    """One video that is to be copied."""

    path: Path
    size: int
    row: Row | None = None
    """What a case knows of it; None: it comes without a case."""

    @property
    def video(self) -> str | None:
        """SHA-256 as the case knows it."""
        return None if self.row is None else self.row["video"]["id"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of them."""

    became: Became
    video: str = ""
    made: Made | None = None
    why: str = ""
    """Why there is no copy, or what the check says of it."""


class Watcher(Protocol):
    """Told how the work goes on, to show it."""

    def begin(self, original: Original) -> None:
        """This file is being worked on."""

    def at(self, doing: Pass, time_ms: int, length_ms: int | None) -> None:
        """How far it is with the present video, which lasts so long, if that is known."""

    def end(self, original: Original, outcome: Outcome) -> None:
        """This file is done."""


@dataclass(slots=True)
class Tally:
    """What a run did."""

    of: dict[Became, int] = field(default_factory=lambda: dict.fromkeys(Became, 0))
    length_ms: int = 0
    """Of what was copied in this run."""
    covered_ms: int = 0
    """Of that, with anything covered."""
    leaks: Counter[str] = field(default_factory=Counter)
    """What the search of copies found, by label."""

    def add(self, outcome: Outcome) -> None:
        self.of[outcome.became] += 1
        if outcome.made is not None:
            self.length_ms += outcome.made.length_ms
            self.covered_ms += outcome.made.covered_ms
            self.leaks.update(leak.label.value.replace("_", " ") for leak in outcome.made.leaks)


@dataclass(frozen=True)
class Copier:
    """Makes copies in one folder, all as they were wished."""

    wish: Wish
    out: Path
    settings: Settings
    case: Case | None = None
    force: bool = False
    only_findings: bool = False

    def copy_all(self, originals: Sequence[Original], watcher: Watcher, tally: Tally) -> None:
        """Make the copies; each leaves a row in ``copies.csv``, and in the case, if there is one.

        Args:
            tally: counted up as files are done, so that it is true after an interruption as well.

        Raises:
            UsageError: the folder cannot be meant.
            WeightsError: a model is absent or unfit.
            CaseFullError, CaseError: the folder or the case cannot be written; everything finished so far is kept.
        """
        with place_for_copies(self.out):
            copies, names = CopyList(self.out), Names(self.out)
            met: set[str] = set()
            for original in originals:
                watcher.begin(original)
                try:
                    outcome = self._one(original, names, met, watcher)
                except (VideoError, RedactionError) as error:
                    outcome = Outcome(Became.REFUSED, original.video or "", why=str(error))
                tally.add(outcome)
                copies.add(self._line(original, outcome))
                if self.case is not None and outcome.became is not Became.ALREADY:
                    self.case.review.note(self._logged(outcome))
                watcher.end(original, outcome)

    @cached_property
    def stages(self) -> Stages:
        """What examines videos of which not enough is known; opened only if there is one."""
        asked = roles_for(self.wish) | BESIDE
        detecting = replace(self.settings.detecting, roles=tuple(role for role in Role if role in asked))
        return make_stages(replace(self.settings, detecting=detecting))

    @cached_property
    def searchers(self) -> Searchers:
        """What searches the written copies."""
        return open_searchers(self.settings, self.wish.wanted)

    def _one(self, original: Original, names: Names, met: set[str], watcher: Watcher) -> Outcome:
        """One file.

        Raises:
            VideoError, RedactionError: its bytes cannot be read, or are not those that were examined.
        """
        if (known := self._known(original)) is not None:
            return known
        stamp, video = identity(original.path)
        if original.video not in {None, video}:
            raise RedactionError(
                "it is not what was examined: its bytes have changed since, or another file has its name; scan again"
            )
        if video in met:
            return Outcome(Became.SAME_BYTES, video, why="it has the same bytes as a file before it")
        met.add(video)
        for ending in () if self.force else (ENDING, PICTURE_ENDING):
            made = names.target(original.path.name, video, ending)
            if is_made(made, video, self.wish):
                return Outcome(Became.ALREADY, video, why=f"{made.name} is there already, as asked for")
        try:
            return self._copied(original, stamp, video, names, watcher)
        except (VideoError, RedactionError) as error:
            return Outcome(Became.REFUSED, video, why=str(error))

    def _known(self, original: Original) -> Outcome | None:
        """What becomes of it by what the case knows already, without opening it; None: that is to be seen."""
        row = original.row
        if row is None:
            return None
        if is_sealed(row) or self._is_sealed(original.video):
            return Outcome(Became.SEALED, original.video or "", why=SEAL_WORDS)
        if is_failure(row):
            why = str(row["verdict"]["reasons"][0]["words"])
            return Outcome(Became.WITHOUT_PICTURES, original.video or "", why=why)
        return None

    def _copied(self, original: Original, stamp: Stamp, video: str, names: Names, watcher: Watcher) -> Outcome:
        report = self._report(original, video, watcher)
        if isinstance(report, Sealed):
            return Outcome(Became.SEALED, video, why=f"{SEAL_WORDS} ({report.why})")
        if self.only_findings and not has_findings(report, self.wish):
            return Outcome(Became.NOTHING_FOUND, video, why="nothing that is to be covered was found in it")
        length_ms = report.coverage.reached_ms

        def make_sure_it_stayed() -> None:
            if stamp_now(original.path) != stamp:
                raise RedactionError("it changed while it was being copied; try again when it is complete")

        made = copy_video(
            original.path,
            report,
            self.wish,
            self.searchers,
            names.target(original.path.name, video, ending_of(report)),
            force=self.force,
            on_time=lambda doing, time_ms: watcher.at(doing, time_ms, length_ms),
            make_sure=make_sure_it_stayed,
        )
        return Outcome(Became.COPIED, video, made, "; ".join(made.copy.check[:-1]))

    def _is_sealed(self, video: str | None) -> bool:
        return self.case is not None and video is not None and self.case.is_sealed(video)

    def _report(self, original: Original, video: str, watcher: Watcher) -> Report | Sealed:
        """What the case knows, if that is enough to know what to cover; else what a look at it says."""
        if original.row is not None:
            stored = report_of(original.row)
            if roles_for(self.wish) <= set(stored.provenance.looked_for):
                return stored
        result = examine(original.path, video, self.stages, lambda time_ms: watcher.at(Pass.EXAMINING, time_ms, None))
        if isinstance(result, Sealed) and self.case is not None:
            self.case.save(result)
        return result

    def _line(self, original: Original, outcome: Outcome) -> Line:
        copy = outcome.made.copy if outcome.made else None
        return Line(
            original=shown(original.path.name),
            original_sha256=outcome.video,
            copy="" if copy is None else copy.path.name,
            copy_sha256="" if copy is None else copy.sha256,
            style="" if copy is None else copy.style.value,
            covers=self._covers if copy is not None else "",
            seconds_covered=f"{outcome.made.covered_ms / 1000:.3f}" if outcome.made and outcome.made.length_ms else "",
            outcome=f"{outcome.became.value}: {outcome.why}" if outcome.why else outcome.became.value,
        )

    def _logged(self, outcome: Outcome) -> Copied:
        copy, wish = outcome.made.copy if outcome.made else None, self.wish
        return Copied(
            video=outcome.video,
            at=now_utc(),
            path=None if copy is None else copy.path.absolute(),
            sha256="" if copy is None else copy.sha256,
            style=wish.style.value,
            covers=self._covers,
            revealed=",".join(wish.revealed),
            why_revealed=wish.why,
            outcome=f"{outcome.became.value}: {outcome.why}" if outcome.why else outcome.became.value,
        )

    @property
    def _covers(self) -> str:
        return ",".join(what.value for what in self.wish.asked)


def of_case(case: Case, queue: Queue | None) -> Iterator[Original]:
    """The contents of a case, the most urgent first; each where it lies, or where it lay."""
    for row in case.rows(queue):
        path = Path(row["video"]["path"] or row["video"]["id"])
        yield Original(path, _size(path), row)


def of_one(case: Case, digits: str) -> Iterator[Original]:
    """One content of a case.

    Args:
        digits: the first ones of its SHA-256, at least 8.

    Raises:
        UsageError: no content begins with them, or several do.
    """
    wanted = digits.strip().lower()
    if len(wanted) < LEAST_DIGITS or not set(wanted) <= set(hexdigits):
        raise UsageError(f"--video {digits!r}: wanted are {LEAST_DIGITS} or more of the first digits of a SHA-256")
    found = [one.video for one in case.listing.all() if one.video.startswith(wanted)]
    if len(found) != 1:
        raise UsageError(
            f"--video {wanted}: {counted(len(found), 'content', 'contents')} of the case have that SHA-256"
        )
    row = case.row(found[0])
    assert row is not None, "it is listed"
    path = Path(row["video"]["path"] or found[0])
    yield Original(path, _size(path), row)


def of_files(paths: Iterable[Path]) -> Iterator[Original]:
    """Videos without a case."""
    for path in paths:
        yield Original(path, _size(path))


def _size(path: Path) -> int:
    try:
        return size_of(path)
    except (OSError, VideoError):
        return 0


def identity(path: Path) -> tuple[Stamp, str]:
    """Stamp and SHA-256 of what lies there now.

    Raises:
        VideoError: it cannot be read.
    """
    stamp = stamp_now(path)
    with open_original(path) as file:
        try:
            return stamp, hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unread(error) from error
