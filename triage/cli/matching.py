"""Looking copies up: ``match``, ``find``, ``clusters``, and what ``scan`` and ``bank add`` do of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from triage.case.copies import Known, overlap_row
from triage.case.store import Case, only_scan, open_case
from triage.cli import recording
from triage.cli.clustering import cluster_lines
from triage.cli.console import say, tell
from triage.cli.progress import counting
from triage.errors import CaseError, MatchIndexError, UsageError
from triage.matches.bank import Bank, open_bank
from triage.matches.clusters import clusters_row
from triage.matches.embedder import Embedder
from triage.matches.registry import open_embedder
from triage.names import shown
from triage.phrases import counted, listing
from triage.records import Queue
from triage.report.known import extent
from triage.run.grouping import group
from triage.run.matching import Matched, match_bank, match_within
from triage.settings import Settings, load_settings

MOST_NAMED = 20
"""Videos named one by one after a matching; the export has them all."""


def run(folder: Path, banks: Sequence[Path], settings: str, overrides: Sequence[str], *, rebuild: bool) -> None:
    """Bring what is known of copies in a case up to date.

    Args:
        rebuild: forget what was found before and compare everything anew.

    Raises:
        UsageError: there is no case or no bank there.
        MatchIndexError: nothing makes fingerprints, or a bank cannot be used.
        CaseError: the case cannot be written.
    """
    chosen = load_settings(settings, overrides).settings
    embedder = embedder_of(chosen)
    with open_banks(banks) as opened, open_to_match(folder) as case:
        if rebuild:
            case.copies.forget_everything()
        bring_up_to_date(case, opened, embedder.model, chosen)
    tell(f"Next: triage queue {shown(folder)}, or: triage clusters {shown(folder)}")


def show_clusters(folder: Path, *, as_json: bool) -> None:
    """Say which videos of a case are copies of each other.

    Raises:
        UsageError: there is no case there.
    """
    with open_case(folder) as case:
        groups = group(case)
        if as_json:
            tell(json.dumps(clusters_row(groups), ensure_ascii=True))
            return
        names = {video: case.name_of(video) for video in case.unsealed()}
        for line in cluster_lines(groups, names):
            tell(line)


def embedder_of(settings: Settings) -> Embedder:
    """What makes fingerprints here.

    Raises:
        MatchIndexError: nothing does.
    """
    embedder = open_embedder(settings)
    if embedder is None:
        raise MatchIndexError(
            "no model at hand makes fingerprints, so no copy can be found; put the shipped weights back with: "
            "git checkout -- weights, or bring one: triage weights add FILE --role copies"
        )
    return embedder


@contextmanager
def open_banks(folders: Sequence[Path]) -> Iterator[list[Bank]]:
    """The banks in these folders.

    Raises:
        UsageError: one is not there, or two of them have the same name.
    """
    with ExitStack() as stack:
        banks = [stack.enter_context(open_bank(folder)) for folder in folders]
        for place, bank in enumerate(banks):
            for other in banks[:place]:
                if other.name == bank.name:
                    raise UsageError(
                        f"{other.folder} and {bank.folder} have the same name, and nobody could tell their clips "
                        "apart; rename one of the folders"
                    )
        yield banks


@contextmanager
def open_to_match(folder: Path) -> Iterator[Case]:
    """An existing case, to be written by nobody else meanwhile."""
    with open_case(folder):
        pass  # only to refuse where there is none, before one would be made
    with open_case(folder, make=True) as case, only_scan(case):
        yield case


def bring_up_to_date(case: Case, banks: Sequence[Bank], model: str, settings: Settings) -> None:
    """Compare what is new in the case with itself and with the banks, and say what came of it."""
    within = match_within(case, model, settings, _counting)
    recording.matched(case, model, within.compared)
    say_remarks(within)
    if all_known := {one.overlap.query for one in case.copies.within()}:
        say(
            f"{counted(len(all_known), 'video shows', 'videos show')} something that another one here shows too: "
            f"triage clusters {shown(case.folder)}"
        )
    for bank in banks:
        matched = match_bank(case, bank, model, settings, _counting)
        _record_bank(case, bank, matched)
        say_remarks(matched)
        _say_bank(case, bank, matched)


def requery(bank: Bank, model: str, settings: Settings) -> None:
    """Look a bank up again in every case that was compared with it, and say what changes there."""
    for folder in bank.cases():
        try:
            with open_to_match(folder) as case:
                tell(f"In the case {shown(folder)}:")
                matched = match_bank(case, bank, model, settings, _counting)
                _record_bank(case, bank, matched)
                say_remarks(matched)
                _say_bank(case, bank, matched)
        except (CaseError, UsageError) as error:
            say(f"{shown(folder)} was not looked up again: {error}")


def _record_bank(case: Case, bank: Bank, matched: Matched) -> None:
    which = {"bank": bank.name, "id": bank.id, "folder": str(bank.folder)}
    found, gone = ({one.overlap.query for one in some} for some in (matched.found, matched.gone))
    recording.matched_bank(case, which, compared=matched.compared, found=len(found), gone=len(gone))


def _say_bank(case: Case, bank: Bank, matched: Matched) -> None:
    by_video: dict[str, list[Known]] = defaultdict(list)
    for one in matched.found:
        by_video[one.overlap.query].append(one)
    if not by_video:
        tell(
            f"  {shown(bank.name)}: nothing new of its clips was found in "
            f"{counted(matched.compared, 'video', 'videos')} looked up now"
        )
    for video, found in list(by_video.items())[:MOST_NAMED]:
        queue = case.queue_of(video) or ""
        clips = "; ".join(f"{shown(one.entry)} is {extent(overlap_row(one.overlap))} of it" for one in found)
        tell(f"  {case.name_of(video)} ({queue}): {clips}")
        if queue == Queue.ROUTINE:
            tell("      it waits as routine, and shows a known clip: look at it again")
    if len(by_video) > MOST_NAMED:
        tell(f"  and {len(by_video) - MOST_NAMED} more videos: triage export {shown(case.folder)}")
    if matched.gone:
        gone = {one.overlap.query for one in matched.gone}
        tell(
            f"  no longer known in {counted(len(gone), 'video', 'videos')}: clips were disabled, or settings are others"
        )
    for entry in matched.parked:
        say(
            f"FLOOD: {shown(entry)} of {shown(bank.name)} is found in so many videos that it may be a title card, a "
            f"logo or a test picture. It is listed and counts for nothing; to end it: "
            f"triage bank disable {shown(bank.folder)} {shown(entry)} --why ..."
        )
    if matched.missing:
        say(
            f"{shown(bank.name)}: {counted(len(matched.missing), 'clip has', 'clips have')} no fingerprint by the "
            f"model in use and cannot be found: {listing([shown(name) for name in matched.missing[:MOST_NAMED]])}; "
            f"add the clips again: triage bank add {shown(bank.folder)} CLIP"
        )


def say_remarks(matched: Matched) -> None:
    """Say what could not be compared, or else be done."""
    for remark in dict.fromkeys(matched.remarks):
        say(remark)


def _counting(videos: Iterable[str], total: int) -> Iterator[str]:
    return counting(videos, total, "video compared", "videos compared")
