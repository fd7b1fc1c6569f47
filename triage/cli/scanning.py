"""The main job, as ``scan`` and ``demo`` run it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.case.store import only_scan, open_case
from triage.cli import recording
from triage.cli.console import say, tell
from triage.cli.matching import bring_up_to_date, open_banks
from triage.cli.progress import ScanProgress
from triage.cli.showing import status_lines
from triage.errors import UsageError
from triage.names import shown
from triage.phrases import ROLE_WORDS, clock, counted, listing
from triage.pipeline import Stages, make_stages
from triage.run.dump import dump_roots, walk
from triage.run.local import Done, Tally, scan
from triage.settings import load_settings

MOST_NAMED = 20
"""Failed files named on stderr at the end; the queue has them all."""
MOST_PLACES = 3
"""Folders with review copies that are named."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scan ended."""

    failed: bool
    """Some file could not be examined that may hold a video."""
    interrupted: bool


def run(
    dumps: Sequence[Path], folder: Path, settings: str, overrides: Sequence[str], banks: Sequence[Path] = ()
) -> Outcome:
    """Bring the case in ``folder`` up to date with the dumps, and say how it went.

    Args:
        banks: folders of known clips that everything is compared with.

    Raises:
        UsageError: a dump, a bank or a settings file is not there, or there is no file in the dumps.
        MatchIndexError: a bank cannot be used.
        WeightsError: a model is absent or unfit.
        CaseError: the case folder cannot be used.
    """
    roots = dump_roots(dumps)
    chosen = load_settings(settings, overrides).settings
    copies: Counter[Path] = Counter()
    found = list(walk(roots, leave_out=folder, copies=copies))
    _say_copies(copies)
    if not found:
        beside = " but review copies that triage made" if copies else ""
        raise UsageError(f"{', '.join(map(str, dumps))}: there is no file in it{beside}, so no video either")
    stages = make_stages(chosen)
    _say_blind(stages)
    interrupted = False
    with open_banks(banks) as opened, open_case(folder, make=True) as case, only_scan(case):
        recording.scan_begins(case, roots, len(found), stages.provenance.settings)
        with ScanProgress(len(found), sum(item.size for item in found)) as progress:
            tally = Tally()
            try:
                scan(case, roots, found, stages, progress, tally)
            except KeyboardInterrupt:
                interrupted = True
        recording.scan_ends(case, tally.of, tally.footage_ms, stages.provenance.settings, interrupted=interrupted)
        _summarise(tally, progress.failed, folder)
        if stages.embedder is None:
            say("No model at hand makes fingerprints: copies and known clips are not found.")
        elif not interrupted:
            bring_up_to_date(case, opened, stages.embedder.model, chosen)
        for line in status_lines(case):
            tell(line)
    if interrupted:
        say("stopped. Nothing that was finished is lost: run the same command again, and it goes on from here")
    else:
        tell(f"Next: triage queue {shown(folder)}")
    return Outcome(bool(progress.failed), interrupted)


def _say_copies(copies: Mapping[Path, int]) -> None:
    if copies:
        files = counted(sum(copies.values()), "review copy", "review copies")
        places = [shown(folder) for folder in sorted(copies)]
        if len(places) > MOST_PLACES:
            places[MOST_PLACES:] = [f"{len(places) - MOST_PLACES} more folders"]
        say(f"Left out, since triage made them and they are no evidence: {files} in {listing(places)}.")


def _say_blind(stages: Stages) -> None:
    asked = stages.settings.detecting.roles
    missing = [ROLE_WORDS[role] for role in stages.provenance.not_looked_for if role in asked]
    if missing:
        say(f"No model at hand looks for {listing(missing)}: nothing will be said about them.")
    off = [ROLE_WORDS[role] for role in stages.provenance.not_looked_for if role not in asked]
    if off:
        say(f"Switched off by detecting.roles: {listing(off)}; nothing will be said about them.")


def _summarise(tally: Tally, failed: Sequence[str], folder: Path) -> None:
    done = [f"{number} {what}" for what, number in tally.of.items() if number]
    files = counted(sum(tally.of.values()), "file", "files")
    say(f"This run: {files}, {', '.join(done) or 'none done'}; {clock(tally.footage_ms)} of footage examined.")
    for (before, after), number in sorted(tally.moved.items()):
        videos = counted(number, "video", "videos")
        say(f"Moved from {before} to {after}: {videos}, since settings, policy or models are others.")
    did_something = tally.of[Done.EXAMINED] or tally.of[Done.JUDGED_AGAIN] or tally.moved
    if tally.of[Done.ALREADY] and not did_something:
        say("Nothing was new or changed.")
    if sealed := tally.of[Done.SEALED] + tally.of[Done.STILL_SEALED]:
        say(f"Sealed: {counted(sealed, 'file', 'files')}. Do not open them; what to do: triage queue {shown(folder)}")
    for line in failed[:MOST_NAMED]:
        say(f"not examined: {line}")
    if len(failed) > MOST_NAMED:
        say(f"and {len(failed) - MOST_NAMED} more: triage queue {shown(folder)} --queue unreadable --limit 0")
