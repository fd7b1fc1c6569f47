"""Whether the log of a case is what was written: every link of its chain, and what to say of one that does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.case.audit import AUDIT, NOTHING, AuditKind, Entry, Head, entry_in, number_of_last, sha256_of_line
from triage.durable import read_whole
from triage.errors import CaseError


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a line that is not as it should be, or that is worth knowing."""

    line: int
    """Counted in the file, from 1; 0: it is about the whole file."""
    why: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a log says, and whether it can be believed."""

    entries: tuple[Entry, ...]
    """What could be read."""
    head: Head
    problems: tuple[Problem, ...]
    """The log is not what was written."""
    notes: tuple[Problem, ...]
    """What has an innocent cause and is said all the same."""
    hashes: tuple[str, ...]
    """SHA-256 of every line without its end."""


def verify(path: Path) -> list[Problem]:
    """What shows that a log is not what was written, by line; empty: its chain holds.

    Args:
        path: of the log, or of its case.

    Raises:
        CaseError: the file cannot be read.
    """
    return list(check(path).problems)


def check(path: Path) -> Checked:
    """Read a log and try every link of its chain. No log is an empty one.

    Args:
        path: of the log, or of its case.

    Raises:
        CaseError: the file cannot be read.
    """
    path = path / AUDIT if path.is_dir() else path
    try:
        data = read_whole(path)
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise CaseError(f"{path}: cannot be read: {error.strerror}") from error
    *lines, rest = data.split(b"\n")
    entries = [entry_in(line) for line in lines]
    hashes = tuple(sha256_of_line(line) for line in lines)
    torn = _torn(entries)
    problems, notes = list(_broken(entries, hashes, torn)), []
    notes += [Problem(number, "torn: a program was stopped while it wrote; the next line says so") for number in torn]
    notes += _clock_turned_back(entries)
    if rest:
        notes.append(Problem(len(lines) + 1, "has no end: a program is writing it now, or was stopped while it did"))
    head = Head(number_of_last(entries), hashes[-1]) if lines else Head(0, NOTHING)
    read = tuple(entry for entry in entries if entry is not None)
    return Checked(read, head, tuple(problems), tuple(notes), hashes)


def _broken(entries: list[Entry | None], hashes: tuple[str, ...], torn: set[int]) -> Iterator[Problem]:
    """Every link that does not hold."""
    lines_of: dict[str, int] = {}
    for line, sha256 in enumerate(hashes, 1):
        lines_of.setdefault(sha256, line)
    number = 0
    """Of the entry before; where it cannot be read, what it should have."""
    for line, entry in enumerate(entries, 1):
        if entry is None:
            number += 1
            if line not in torn:
                yield Problem(line, "is no entry of the log: it was damaged or put in")
            continue
        before = hashes[line - 2] if line > 1 else NOTHING
        if entry.number != number + 1:
            yield Problem(line, _miscounted(entry.number, number))
        if entry.before != before:
            yield _unlinked(line, entry, number, lines_of)
        number = entry.number


def _miscounted(number: int, last: int) -> str:
    if number > last + 1:
        missing = f"{last + 1}" if number == last + 2 else f"{last + 1} to {number - 1}"
        return f"is entry {number} and follows entry {last}: {missing} is missing, lines were taken out"
    return f"is entry {number} and follows entry {last}: lines were put in, or their order was changed"


def _unlinked(line: int, entry: Entry, last: int, lines_of: Mapping[str, int]) -> Problem:
    meant = lines_of.get(entry.before)
    if entry.number == last + 1 and line > 1 and meant is None:
        return Problem(line - 1, f"is not what line {line} says stood before it: one of the two was changed")
    if meant is not None:
        return Problem(line, f"was written to follow line {meant}, and follows line {line - 1}")
    return Problem(line, "was written to follow a line that is not there")


def _torn(entries: list[Entry | None]) -> set[int]:
    """Lines that cannot be read, and of which an entry right after them says that they were torn."""
    torn: set[int] = set()
    for line, entry in enumerate(entries, 1):
        if entry is not None and entry.kind == AuditKind.MENDED:
            many = entry.what.get("torn_lines")
            before = range(line - 1, max(0, line - 1 - many), -1) if type(many) is int else range(0)
            torn.update(one for one in before if entries[one - 1] is None)
    return torn


def _clock_turned_back(entries: list[Entry | None]) -> Iterator[Problem]:
    newest = ""
    for line, entry in enumerate(entries, 1):
        if entry is None:
            continue
        if entry.at < newest:
            yield Problem(
                line, f"is of {entry.at}, before {newest} of a line above: a clock was set back, or two differ"
            )
        newest = max(newest, entry.at)
