"""Review copies: ``blur``, of a case or of videos alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from triage.archive import archive_of
from triage.case.catalogue import CATALOGUE
from triage.case.store import Case, open_case
from triage.cli import recording
from triage.cli.console import say, tell
from triage.cli.matching import open_to_match
from triage.cli.progress import CopyProgress
from triage.copying import DEFAULT, Sounding, Wish
from triage.errors import UsageError
from triage.names import shown
from triage.phrases import clock, counted
from triage.records import Covered, Queue, Style
from triage.run.blurring import Became, Copier, Original, Tally, of_case, of_files, of_one
from triage.run.copy_list import NAME
from triage.settings import load_settings, nearest

MOST_NAMED = 20
"""Files without a copy named on stderr at the end; ``copies.csv`` has them all."""
MAY_BE_ASKED = tuple(what for what in Covered if what is not Covered.UNSEEN)

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, not yet understood."""

    what: tuple[Path, ...]
    out: Path
    queue: Queue | None
    video: str | None
    style: str
    cover: str
    audio: str
    only_findings: bool
    reveal: tuple[str, ...]
    why: str
    mark: bool
    force: bool
    settings: str
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went."""

    failed: bool
    """Some video has no copy that may have one."""
    interrupted: bool


def run(asked: Asked) -> Ended:
    """Make the copies, and say how it went.

    Raises:
        UsageError: something was asked that cannot be meant, or there is nothing there.
        WeightsError: a model is absent or unfit.
        CaseError, CaseFullError: the case or the folder for copies cannot be used.
    """
    wish = wish_of(asked)
    settings = load_settings(asked.settings, asked.overrides).settings
    folder = _case_of(asked.what)
    if folder is None and asked.queue is not None:
        raise UsageError("--queue is of a case, and videos without one wait in none; leave it out, or give the case")
    if folder is None and asked.video is not None:
        raise UsageError("--video names a content of a case; give the case, or the videos alone")
    with open_for_copies(folder, asked.video) if folder is not None else nullcontext() as case:
        originals = list(of_files(_files(asked.what)) if case is None else chosen(case, asked.queue, asked.video))
        if not originals:
            raise UsageError("there is nothing to copy: no video waits there")
        copier = Copier(wish, asked.out, settings, case, force=asked.force, only_findings=asked.only_findings)
        recording.reveals(case, wish.revealed, wish.why, asked.out, [original.video for original in originals])
        return _copied(copier, originals)


@contextmanager
def open_for_copies(folder: Path, video: str | None) -> Iterator[Case]:
    """An existing case. Copies of one content can be made while the case is being scanned; of many, nobody scans."""
    if video is None:
        with open_to_match(folder) as case:
            yield case
    else:
        with open_case(folder):
            pass  # only to refuse where there is none, before one would be made
        with open_case(folder, make=True) as case:
            yield case


def chosen(case: Case, queue: Queue | None, video: str | None) -> Iterator[Original]:
    """The contents that are meant.

    Raises:
        UsageError: one is meant that is not there.
    """
    return of_case(case, queue) if video is None else of_one(case, video)


def wish_of(asked: Asked) -> Wish:
    """What the copies are to be.

    Raises:
        UsageError: a word is not known, or something is to be revealed without a reason.
    """
    revealed = tuple(_word(word, tuple(Covered), "reveal") for word in asked.reveal)
    if bool(revealed) != bool(asked.why.strip()):
        raise UsageError("--reveal and --why go together: what is to be shown, and the reason, which is kept")
    words = [word.strip() for word in asked.cover.split(",") if word.strip()]
    return Wish(
        asked=tuple(dict.fromkeys(_word(word, MAY_BE_ASKED, "cover") for word in words)) or DEFAULT,
        style=_word(asked.style, tuple(Style), "style"),
        sound=_word(asked.audio, tuple(Sounding), "audio"),
        has_mark=asked.mark,
        revealed=revealed,
        why=asked.why.strip(),
    )


def _word(word: str, known: Sequence[Word], option: str) -> Word:
    for one in known:
        if one.value == word.strip():
            return one
    raise UsageError(
        f"--{option}: there is no {word!r}{nearest(word, [one.value for one in known])}; "
        f"known are {', '.join(one.value for one in known)}"
    )


def _case_of(what: Sequence[Path]) -> Path | None:
    """The case, if it is one that was named; None: videos were."""
    folders = [path for path in what if path.is_dir()]
    if not folders:
        return None
    if len(what) > 1:
        raise UsageError("give one case, or videos, not both and not several cases")
    if not (folders[0] / CATALOGUE).is_file():
        raise UsageError(
            f"{folders[0]}: there is no case here; scan it first (triage scan {folders[0]} --case CASE), or name videos"
        )
    return folders[0]


def _files(what: Iterable[Path]) -> list[Path]:
    for path in what:
        if not (archive_of(path) or path).exists():
            raise UsageError(f"{path}: there is no such file")
    return list(dict.fromkeys(path.resolve() for path in what))


def _copied(copier: Copier, originals: Sequence[Original]) -> Ended:
    tally, interrupted = Tally(), False
    with CopyProgress(originals) as progress:
        try:
            copier.copy_all(originals, progress, tally)
        except KeyboardInterrupt:
            interrupted = True
    recording.made(
        copier.case, f"review copies in {copier.wish.style.value}", copier.out, tally.of, interrupted=interrupted
    )
    done = [f"{number} {became.value}" for became, number in tally.of.items() if number]
    say(f"This run: {counted(sum(tally.of.values()), 'file', 'files')}, {', '.join(done) or 'none done'}.")
    if tally.covered_ms:
        say(f"Something is covered in {clock(tally.covered_ms)} of {clock(tally.length_ms)} of footage copied.")
    _say_leaks(tally.leaks)
    for line in progress.failed[:MOST_NAMED]:
        say(f"no copy: {line}")
    if len(progress.failed) > MOST_NAMED:
        say(f"and {len(progress.failed) - MOST_NAMED} more: {shown(copier.out / NAME)}")
    if interrupted:
        say("stopped. Nothing that was finished is lost: run the same command again, and it goes on from here")
    else:
        tell(f"The list of copies: {shown(copier.out / NAME)}")
    return Ended(bool(tally.of[Became.REFUSED]), interrupted)


def _say_leaks(leaks: Counter[str]) -> None:
    if leaks:
        parts = ", ".join(f"{number} {what}" for what, number in leaks.items())
        say(f"The search of the written copies found what the plan had missed, and it was covered: {parts}.")
