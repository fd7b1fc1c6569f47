"""Contact sheets: ``sheet``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from triage.cli import recording
from triage.cli.blurring import MOST_NAMED, Ended, chosen, open_for_copies
from triage.cli.console import say, tell
from triage.cli.progress import CopyProgress
from triage.errors import UsageError
from triage.names import shown
from triage.phrases import counted
from triage.records import Queue
from triage.run.sheets import PAGE, Entry, Sheets
from triage.settings import load_settings


def run(
    folder: Path, out: Path, queue: Queue | None, video: str | None, settings: str, overrides: Sequence[str]
) -> Ended:
    """Make the strips and the page, and say how it went.

    Raises:
        UsageError: there is no case, nothing waits in it, or another page stands there.
        WeightsError: a model is absent or unfit.
        CaseError, CaseFullError: the case or the folder cannot be used.
    """
    with_these = load_settings(settings, overrides).settings
    entries: list[Entry] = []
    interrupted = False
    with open_for_copies(folder, video) as case:
        originals = list(chosen(case, queue, video))
        if not originals:
            raise UsageError("there is nothing to draw: no video waits there")
        with CopyProgress(originals) as progress:
            try:
                entries = Sheets(case, out, with_these).draw_all(originals, progress)
            except KeyboardInterrupt:
                interrupted = True
        became = Counter(entry.became for entry in entries)
        recording.made(case, "contact sheets", out, became, interrupted=interrupted)
    if interrupted:
        say("stopped; the page holds what was done so far")
    else:
        done = ", ".join(f"{number} {what.value}" for what, number in became.items())
        say(f"This run: {counted(len(entries), 'video', 'videos')}, {done}.")
    for line in progress.failed[:MOST_NAMED]:
        say(f"no strip: {line}")
    tell(f"The page: {shown(out / PAGE)}")
    return Ended(bool(progress.failed), interrupted)
