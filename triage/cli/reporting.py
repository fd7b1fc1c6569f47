"""The offline report: ``report``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from triage.case.audit import AuditKind
from triage.case.store import open_case
from triage.cli import recording
from triage.cli.blurring import MOST_NAMED, Ended
from triage.cli.console import say, tell
from triage.cli.progress import CopyProgress, counting
from triage.names import shown
from triage.phrases import counted
from triage.report.folder import INDEX, SUMS
from triage.run.blurring import Original
from triage.run.reporting import Made, Wished, make_report
from triage.settings import load_settings


def run(folder: Path, out: Path, wished: Wished, settings: str, overrides: Sequence[str]) -> Ended:
    """Write the report, and say what came of it.

    Raises:
        UsageError: there is no case, or something else stands where the report is to go.
        WeightsError: a model is absent or unfit.
        CaseError, CaseFullError: the case cannot be read, or the folder cannot be written.
    """
    with_these = load_settings(settings, overrides).settings
    with open_case(folder) as case, ExitStack() as stack:
        total = sum(case.counts().queues.values())
        if left := case.counts().left:
            say(f"Mind: {counted(left, 'file is', 'files are')} still to be examined, so this is not the whole case.")
        progress = counting(count(), min(total, wished.limit or total), "page of a video", "pages of videos")

        def drawing(originals: Sequence[Original]) -> CopyProgress:
            return stack.enter_context(CopyProgress(originals))

        def on_video(_: int) -> None:
            next(progress)

        made = make_report(case, out, wished, with_these, drawing, on_video)
        recording.handed_out(case, AuditKind.REPORT, "report", out / SUMS)
    _say(made, out, wished)
    return Ended(bool(made.without), made.was_stopped)


def _say(made: Made, out: Path, wished: Wished) -> None:
    if made.was_stopped:
        say("stopped; the report holds the strips that were done. Run the same command again, and it goes on from here")
    for line in made.without[:MOST_NAMED]:
        say(f"no picture: {line}")
    if len(made.without) > MOST_NAMED:
        say(f"and {len(made.without) - MOST_NAMED} more without a picture")
    pictures = sum(map(len, made.pictures.values()))
    held = counted(pictures, "picture or copy", "pictures and copies") if pictures else "no picture"
    say(f"It tells of {counted(made.told, 'video or file', 'videos and files')} and holds {held}.")
    if not pictures and not (wished.strips or wished.copies):
        say("Pictures go along with --strips (drawn) and --copies (review copies that triage blur has made).")
    tell(f"The report: {shown(out / INDEX)}")
    tell(f"Its SHA-256, of {SUMS}: {made.sha256}")
