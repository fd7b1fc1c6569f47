"""One clip, looked up at once: ``triage find``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from triage.case.copies import overlap_row
from triage.case.store import open_case
from triage.cli.console import tell
from triage.cli.matching import embedder_of, say_remarks
from triage.cli.showing import ROUTES
from triage.errors import MatchIndexError, UsageError
from triage.matches.bank import open_bank
from triage.names import shown
from triage.pipeline import fingerprint_clip, make_stages
from triage.records import Fingerprint, Sealed
from triage.report.known import extent
from triage.run.finding import Alike, find_in_bank, find_in_case
from triage.settings import load_settings
from triage.shipped import shipped


def run(
    clip: Path, folder: Path | None, bank_folder: Path | None, top: int, settings: str, overrides: Sequence[str]
) -> None:
    """Say what is most like a clip; nothing is written.

    Raises:
        UsageError: neither a case nor a bank was given, or both, or there is none there.
        VideoError: there is no picture in the clip.
        MatchIndexError: nothing makes fingerprints, the clip is sealed, or the bank cannot be used.
    """
    if (folder is None) == (bank_folder is None):
        raise UsageError("say where to look: --case CASE or --bank BANK, one of them")
    chosen = load_settings(settings, overrides).settings
    if folder is not None:
        with open_case(folder) as case:
            query = fingerprint_of(clip, settings, overrides)
            if case.is_sealed(query.video):
                raise MatchIndexError(f"{shown(clip)} is sealed in this case, and nothing is looked up of it")
            found, matched = find_in_case(query, case, chosen.matching, top)
            names = {one.name: case.name_of(one.name) for one in found}
            say_remarks(matched)
    elif bank_folder is not None:
        with open_bank(bank_folder) as bank:
            query = fingerprint_of(clip, settings, overrides)
            found = find_in_bank(query, bank, chosen.matching, top)
            names = {one.name: shown(one.name) for one in found}
    for line in found_lines(found, names):
        tell(line)


def fingerprint_of(clip: Path, settings: str, overrides: Sequence[str]) -> Fingerprint:
    """The fingerprint of a clip, after every detector has looked at it.

    Raises:
        VideoError: there is no picture in it.
        MatchIndexError: nothing makes fingerprints, what does failed, or the clip is sealed.
    """
    chosen = load_settings(settings, overrides).settings
    embedder_of(chosen)
    if clip.is_dir():
        raise UsageError(f"{shown(clip)}: is a folder; give one video or picture")
    result = fingerprint_clip(clip, make_stages(chosen))
    if isinstance(result, Sealed):
        raise MatchIndexError(
            f"{shown(clip)}: sealed, {result.why}. Do not open it; nothing of it is kept or looked up. What to do "
            f"instead: {shown(shipped('docs') / ROUTES)}"
        )
    if result is None:
        raise MatchIndexError(f"{shown(clip)}: the model that makes fingerprints failed on it; try again, or on less")
    return result


def found_lines(found: Iterable[Alike], names: dict[str, str]) -> Iterator[str]:
    """The most alike first, each with what it shares with the clip."""
    number = 0
    for number, one in enumerate(found, 1):
        yield f"{number:>4}  {one.likeness:.2f}  {names[one.name]}"
        if one.overlap is not None:
            shares = f"{max(1, round(100 * one.overlap.stored_share))} % of that one"
            yield f"            the clip shows {shares}; that is {extent(overlap_row(one.overlap))} of the clip"
        else:
            yield "            no stretch of it is the same"
    if number == 0:
        yield "nothing to compare with: there is no fingerprint there by the model in use"
    else:
        yield "1.00 is the same picture, 0.00 no more alike than any two; the figure is of the most alike pictures."
