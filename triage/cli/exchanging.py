"""``triage bank import`` and ``export``: hashes of known clips, from others and for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.cli.banking import look_up_again, say_mended
from triage.cli.console import say, tell
from triage.durable import write_stream
from triage.errors import UsageError
from triage.matches.bank import open_bank
from triage.matches.exchange.reading import read_hashes
from triage.matches.exchange.writing import FORMATS, format_for, held
from triage.matches.importing import Skipped
from triage.matches.signals import Kind
from triage.phrases import counted, listing
from triage.settings import load_settings, nearest

MOST_NAMED = 20
"""Lines of a list that are named one by one when they were skipped."""


def take(folder: Path, file: Path, kind: str | None, name: str | None, note: str, source: str) -> bool:
    """Add the hashes in a list to a bank, made if absent.

    Returns:
        Whether some line was not taken; which and why is said.

    Raises:
        UsageError: the list cannot be read, or there is nothing in it that can be understood.
    """
    reading = read_hashes(file, None if kind is None else _kind(kind))
    part = reading.part
    if reading.understood:
        forms = listing(f"{form} ({counted(number, part, f'{part}s')})" for form, number in reading.understood)
        say(f"{file.name}: understood as {forms}")
    _say_skipped(reading.skipped, part)
    if not reading.found:
        raise UsageError(
            f"{file}: no hash in it could be understood ({counted(reading.parts, part, f'{part}s')} "
            "read), so nothing was imported; the formats are in docs/exchange.md"
        )
    with open_bank(folder, make=True) as bank:
        say_mended(bank)
        taken = bank.take(reading.found, file.name, note, source, name=name)
        _say_skipped(taken.skipped, part)
        more = len(taken.entries) - taken.new
        counts = (
            (more, "known clip with new hashes", "known clips with new hashes"),
            (taken.already, "clip of which all was known", "clips of which all was known"),
            (skipped := len(reading.skipped) + len(taken.skipped), f"{part} skipped", f"{part}s skipped"),
            (reading.blank, f"{part} without content", f"{part}s without content"),
        )
        told = [counted(number, one, many) for number, one, many in counts if number]
        tell(", ".join([f"{bank.name}: {counted(taken.new, 'new entry', 'new entries')}", *told]))
        if any(entry.is_enabled for entry in taken.entries):
            look_up_again(bank, load_settings().settings)
    return bool(skipped)


def give(folder: Path, file: Path, to: str | None) -> None:
    """Write the hashes of a bank to a list for others.

    Raises:
        UsageError: the format is not known, or something is there already.
    """
    name = format_for(file, to)
    if file.exists() or file.is_symlink():
        raise UsageError(f"{file}: is there already, and nothing is written over; give another name")
    with open_bank(folder) as bank:
        say_mended(bank)
        entries = list(held(bank))
        lines = list(FORMATS[name](entries))
        if not lines:
            raise UsageError(f"{folder}: has nothing that can be written as {name}")
        write_stream(file, (line.encode() for line in lines))
        tell(f"written as {name}: {file} ({counted(len(lines), 'line', 'lines')})")
        if bare := [entry.name for entry in entries if not entry.signals]:
            say(f"nothing could be written of {counted(len(bare), 'entry', 'entries')}: {listing(bare[:MOST_NAMED])}")
        if disabled := sum(not entry.is_enabled for entry in bank.entries()):
            say(f"left out: {counted(disabled, 'disabled entry', 'disabled entries')}")


def _say_skipped(skipped: Sequence[Skipped], part: str) -> None:
    for each in skipped[:MOST_NAMED]:
        say(f"skipped {part} {each.line}: {each.why}")
    if len(skipped) > MOST_NAMED:
        say(f"and {len(skipped) - MOST_NAMED} more")


def _kind(word: str) -> Kind:
    known = [kind for kind in Kind if kind is not Kind.VPDQ]
    for kind in known:
        if kind == word.lower():
            return kind
    raise UsageError(f"there is no kind of hash {word!r}{nearest(word, known)}")
