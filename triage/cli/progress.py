"""Showing how a scan goes on: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from triage.case.rows import is_failure
from triage.cli.console import say
from triage.copying import Pass
from triage.errors import Refusal
from triage.names import shown
from triage.phrases import clock, counted, rough
from triage.run.blurring import Became, Original
from triage.run.blurring import Outcome as Copy
from triage.run.dump import Found
from triage.run.local import Done, Outcome

Item = TypeVar("Item")
LINE_EVERY_S = 10
"""Seconds between two lines where there is no terminal to draw a bar on."""
SETTLED_S = 10
"""Seconds before which an estimate of the time left would only mislead."""
SETTLED_FILES, SETTLED_SHARE = 5, 0.02
"""Files, or share of all bytes, that were worked on before it: one tiny file first made hours of a minute."""
FAILED = frozenset({Refusal.ARCHIVE, Refusal.EMPTY, Refusal.ENCRYPTED, Refusal.UNREADABLE, Refusal.NOT_OPENED})
"""Refusals that may hide something; a text file or a song in a dump is no failure."""


def counting(items: Iterable[Item], total: int, one: str, many: str) -> Iterator[Item]:
    """The items, with a line on stderr now and then of how many have come."""
    last_line = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last_line >= LINE_EVERY_S:
            last_line = time.monotonic()
            say(f"{done} of {counted(total, one, many)}")


class _Shown:
    """A bar on a terminal, a line now and then anywhere else, while files are being worked on."""

    def __init__(self, files: int) -> None:
        self._files, self._files_done = files, 0
        self._began = self._last_line = time.monotonic()
        console = Console(stderr=True)
        self._is_drawn = console.is_terminal
        self._bar = Progress(
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            BarColumn(bar_width=16),
            # What does not fit is cut off here, and not from the count.
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            console=console,
            transient=True,
            expand=True,
            disable=not self._is_drawn,
        )
        self._task = self._bar.add_task("", total=files)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def _passed_s(self) -> float:
        return time.monotonic() - self._began

    def _show(self) -> None:
        if self._is_drawn:
            self._bar.update(self._task, completed=self._files_done, description=escape(self._state()))
        elif time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._bar.console.print(
                f"{self._files_done} of {counted(self._files, 'file', 'files')}, {self._state()}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def _state(self) -> str:
        """How it stands, beside how many files are done."""
        raise NotImplementedError


class ScanProgress(_Shown):
    """A ``Watcher`` of a scan that shows videos done, footage per second, time left, and what is being worked on."""

    def __init__(self, files: int, size: int) -> None:
        super().__init__(files)
        self.failed: list[str] = []
        """``name: why`` of what could not be examined."""
        self._size = size
        self._size_done, self._footage_ms, self._worked, self._worked_size = 0, 0, 0, 0
        self._in_hand: dict[Path, int] = {}

    def begin(self, found: Found) -> None:
        self._in_hand[found.path] = 0
        self._show()

    def at(self, found: Found, time_ms: int) -> None:
        self._in_hand[found.path] = time_ms
        self._show()

    def end(self, found: Found, outcome: Outcome) -> None:
        done, row = outcome.done, outcome.row
        self._in_hand.pop(found.path, None)
        self._files_done += 1
        self._size_done += found.size
        if done in {Done.EXAMINED, Done.REFUSED, Done.SEALED}:
            self._worked += 1
            self._worked_size += found.size
        if done is Done.EXAMINED and row is not None:
            self._footage_ms += row["coverage"]["reached_ms"]
        if why := _failure(outcome):
            self.failed.append(f"{shown(found.path)}: {why}")
        self._show()

    def _state(self) -> str:
        passed = self._passed_s
        rate = (self._footage_ms + sum(self._in_hand.values())) / 1000 / passed if passed > 1 else 0.0
        parts = []
        settled = self._worked >= SETTLED_FILES or self._worked_size > SETTLED_SHARE * self._size
        if passed > SETTLED_S and settled and self._worked_size:
            left_s = (self._size - self._size_done) / self._worked_size * passed
            parts.append(f"about {rough(left_s)} left")
        if rate:
            parts.append(f"{rate:.1f} s of footage a second")
        return ", ".join([*parts, self._where()])

    def _where(self) -> str:
        """The file in hand, of several the one that was begun first, and how far it is."""
        path, at_ms = next(iter(self._in_hand.items()), (None, 0))
        if path is None:
            return ""
        others = f" and {len(self._in_hand) - 1} more" if len(self._in_hand) > 1 else ""
        return f"{shown(path.name)}{f' at {clock(at_ms)}' if at_ms else ''}{others}"


class CopyProgress(_Shown):
    """A ``Watcher`` of copying that shows what is being done with which video, and the time left."""

    def __init__(self, originals: Sequence[Original]) -> None:
        super().__init__(len(originals))
        self.failed: list[str] = []
        """``name: why`` of what has no copy."""
        self._size, self._worked_size = sum(original.size for original in originals), 0
        self._present, self._name, self._doing, self._at_ms, self._share = 0, "", "", 0, 0.0

    def begin(self, original: Original) -> None:
        self._name, self._doing, self._at_ms, self._share = shown(original.path.name), "", 0, 0.0
        self._present = original.size
        self._show()

    def at(self, doing: Pass, time_ms: int, length_ms: int | None) -> None:
        self._doing, self._at_ms = doing.value, time_ms
        if length_ms:
            before, own = SHARES[doing]
            self._share = max(self._share, before + own * min(1.0, time_ms / length_ms))
        self._show()

    def end(self, original: Original, outcome: Copy) -> None:
        why = outcome.why if outcome.became is Became.REFUSED else ""
        self._end(original, is_worked=outcome.became is Became.COPIED, why=why)

    def end_strip(self, original: Original, *, is_made: bool, why: str) -> None:
        """The same for a strip of pictures."""
        self._end(original, is_worked=is_made, why="" if is_made else why)

    def _end(self, original: Original, *, is_worked: bool, why: str) -> None:
        self._files_done += 1
        if is_worked:
            self._worked_size += original.size
        else:
            self._size -= original.size
        if why:
            self.failed.append(f"{shown(original.path)}: {why}")
        self._name, self._doing, self._at_ms, self._share, self._present = "", "", 0, 0.0, 0
        self._show()

    def _state(self) -> str:
        parts = []
        worked = self._worked_size + self._share * self._present
        if self._passed_s > SETTLED_S and worked > SETTLED_SHARE * self._size:
            parts.append(f"about {rough((self._size - worked) / worked * self._passed_s)} left")
        where = f" at {clock(self._at_ms)}" if self._at_ms else ""
        return ", ".join([*parts, f"{self._doing} {self._name}{where}".strip()])


SHARES = {Pass.EXAMINING: (0.0, 0.0), Pass.FOLLOWING: (0.0, 0.2), Pass.WRITING: (0.2, 0.4), Pass.CHECKING: (0.6, 0.4)}
"""How much of a copy is done before each pass, and how much it is; rough, and leaks make it longer."""


def _failure(outcome: Outcome) -> str | None:
    """Why this file counts as failed; None if it does not."""
    if outcome.row is None:
        return outcome.why
    first = outcome.row["verdict"]["reasons"][0]
    if is_failure(outcome.row):
        return str(first["words"]) if first["rule"] in FAILED else None
    faults = [fault["why"] for fault in outcome.row["faults"]]
    return f"not wholly examined: {'; '.join(faults)}" if faults else None
