"""The main job, as ``scan`` and ``demo`` run it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from triage.case.store import Case, only_scan, open_case
from triage.cli import recording
from triage.cli.console import say, tell
from triage.cli.matching import bring_up_to_date, open_banks
from triage.cli.progress import ScanProgress
from triage.cli.showing import status_lines
from triage.cli.stopping import stops_gently
from triage.errors import UsageError
from triage.matches.bank import Bank
from triage.names import shown
from triage.phrases import ROLE_WORDS, clock, counted, listing
from triage.pipeline import Stages
from triage.run.cluster.starting import Joined, Share
from triage.run.cluster.starting import where as cluster_named
from triage.run.cluster.workers import cluster as cluster_crew
from triage.run.crew import crew, may_look_on_card, memory_size, planned
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Done, Hands, Tally, scan
from triage.run.watching import EVERY_S, Watch
from triage.settings import Settings, load_settings

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


@dataclass(frozen=True, slots=True)
class Means:
    """What a scan may take, and what it tries again."""

    jobs: int = 1
    """Processes that look at pictures; 0: as many as fit this machine."""
    memory_limit: str = ""
    """As people write it, ``8G``; empty: what is free."""
    retry: bool = False
    """Try again what could not be decoded, or not to its end."""
    watch: bool = False
    """Go on with what comes later, until somebody stops it."""
    on: str = ""
    """A cluster that works, ``ray`` or ``ray:ADDRESS``; empty: this machine without one."""
    gpu_share: float = 0.0
    """Of a graphics card, for each process that looks in a cluster; 0: they look on processors."""


def run(
    dumps: Sequence[Path],
    folder: Path,
    settings: str,
    overrides: Sequence[str],
    banks: Sequence[Path] = (),
    means: Means = Means(),
) -> Outcome:
    """Bring the case in ``folder`` up to date with the dumps, and say how it went.

    Args:
        banks: folders of known clips that everything is compared with.

    Raises:
        UsageError: a dump, a bank or a settings file is not there, there is no file in the dumps, not even one
            process fits into the memory, or the cluster cannot be used.
        MatchIndexError: a bank cannot be used.
        WeightsError: a model is absent or unfit.
        CaseError: the case folder cannot be used.
    """
    at = cluster_named(means.on) if means.on else None
    if means.gpu_share and (at is None or at.address is None):
        raise UsageError("--gpu-share is for a cluster that runs: --on ray:HOST:PORT")
    if means.memory_limit and at is not None and at.address is not None:
        raise UsageError(
            "--memory-limit is for this machine alone; how many look on the nodes of a cluster says --jobs"
        )
    roots = dump_roots(dumps)
    chosen = load_settings(settings, overrides).settings
    copies: Counter[Path] = Counter()
    found = list(walk(roots, leave_out=folder, copies=copies))
    _say_copies(copies)
    if not found:
        beside = " but review copies, which are scanned where somebody moved them elsewhere" if copies else ""
        raise UsageError(f"{', '.join(map(str, dumps))}: there is no file in it{beside}, so no video either")
    memory_limit = memory_size(means.memory_limit) if means.memory_limit else None
    plan = planned(means.jobs, memory_limit, looks_on_card=may_look_on_card(chosen.detecting.device))
    with ExitStack() as working:
        if at is None:
            # In a case that is there already most may be done, and one process is enough to find that out.
            at_once = not folder.exists() and len(found) >= plan.jobs
            stages, hands = working.enter_context(crew(plan, chosen, at_once=at_once))
        else:
            share = Share(means.jobs, means.gpu_share)
            stages, hands, work = working.enter_context(cluster_crew(at, plan, chosen, share))
            _say_cluster(work)
        _say_blind(stages)
        with open_banks(banks) as opened, open_case(folder, make=True) as case, only_scan(case):
            turn = _Scan(case, opened, chosen, stages, hands, roots, retry=means.retry)
            turn.once(found, found, copies.total())
            if means.watch and not turn.interrupted:
                turn.watch(Watch(roots, folder, found))
            working.close()  # nobody looks any more, and comparing wants the memory
            turn.compare()
            for line in status_lines(case):
                tell(line)
    if turn.interrupted:
        say("stopped. Nothing that was finished is lost: run the same command again, and it goes on from here")
    else:
        tell(f"Next: triage queue {shown(folder)}")
    return Outcome(turn.failed, turn.interrupted)


class _Scan:
    """One scan, or with ``watch`` several, of the same dumps into one case."""

    def __init__(
        self,
        case: Case,
        banks: Sequence[Bank],
        settings: Settings,
        stages: Stages,
        hands: Hands,
        roots: Sequence[Path],
        *,
        retry: bool,
    ) -> None:
        self._case, self._banks, self._settings, self._stages = case, banks, settings, stages
        self._hands, self._roots, self._retry = hands, roots, retry
        self.failed = self.interrupted = False

    def once(self, found: Sequence[Found], there: Sequence[Found], copies: int) -> None:
        """Bring these files of all that are there, beside so many review copies, up to date, and say what was done."""
        tally = Tally()
        settings = self._stages.provenance.settings
        recording.scan_begins(self._case, self._roots, len(found), settings, copies)
        with (
            ScanProgress(len(found), sum(item.size for item in found)) as progress,
            stops_gently(self._hands.is_stopped, self._hands.let_go),
        ):
            try:
                scan(
                    *(self._case, self._roots, found, self._stages, progress, tally, self._hands),
                    retry=self._retry,
                    there=there,
                )
            except KeyboardInterrupt:
                self.interrupted = True
        recording.scan_ends(self._case, tally.of, tally.footage_ms, settings, interrupted=self.interrupted)
        self.failed = self.failed or bool(progress.failed)
        _summarise(tally, progress.failed, self._case.folder)

    def watch(self, dumps: Watch) -> None:
        """Bring up to date what comes, until somebody stops it."""
        say(f"watching the dump: what is new is examined when nobody writes to it for {EVERY_S:.0f} s; Ctrl-C ends")
        self.compare()
        with stops_gently(self._hands.is_stopped, self._hands.let_go):
            while not self._hands.is_stopped.wait(EVERY_S):
                there, new = dumps.news()
                if new:
                    self.once(new, there, dumps.copies.total())
                    self.compare()

    def compare(self) -> None:
        """Find copies and known clips among what was scanned."""
        if self._stages.embedder is None:
            say("No model at hand makes fingerprints: copies and known clips are not found.")
        elif not self.interrupted:
            bring_up_to_date(self._case, self._banks, self._stages.embedder.model, self._settings)


def _say_copies(copies: Mapping[Path, int]) -> None:
    if copies:
        files = counted(sum(copies.values()), "file", "files")
        places = [shown(folder) for folder in sorted(copies)]
        if len(places) > MOST_PLACES:
            places[MOST_PLACES:] = [f"{len(places) - MOST_PLACES} more folders"]
        # The sidecars are all that is known of them, and they came with the dump, too.
        say(
            f"Left out as review copies, by the sidecars beside them: {files} in {listing(places)}. "
            "What is moved to another folder is scanned."
        )


def _say_cluster(work: Joined) -> None:
    looking = counted(len(work.lookers), "process looks", "processes look")
    say(f"{looking} at pictures, on {counted(len(set(work.lookers.values())), 'node', 'nodes')}.")
    if work.left_out:
        left_out = counted(work.left_out, "process", "processes")
        say(f"{left_out} more found no room in the cluster in time, or ended; it goes without. See `ray status`.")


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
