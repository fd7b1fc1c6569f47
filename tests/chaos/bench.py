"""Where a disturbed scan is held against an undisturbed one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.chaos.comparing import Held, differences, held, not_done
from tests.chaos.scanning import Scanned, draw, scanned


@dataclass
class Bench:
    """A drawn dump, its undisturbed case, and room for others."""

    folder: Path
    clips: int
    times: int
    """How often something is to go wrong."""
    say: Callable[[str], object] = print
    """Told what was done."""

    def __post_init__(self) -> None:
        draw(self.dump, self.clips)

    @property
    def dump(self) -> Path:
        return self.folder / "dump"

    def case(self, name: str) -> Path:
        return self.folder / name

    @cached_property
    def whole(self) -> Held:
        """The case of a scan that nobody disturbed.

        Raises:
            RuntimeError: that went wrong all the same.
        """
        ended = scanned(self.dump, self.case("whole"))
        if ended.code:
            raise RuntimeError(ended.said)
        found = held(self.case("whole"), self.dump)
        if found.wrong or found.stands.left or found.stands.tried_again:
            raise RuntimeError(f"undisturbed, and yet: {found.wrong} {found.stands}")
        return found

    @property
    def reports(self) -> int:
        """Of an undisturbed scan."""
        return sum(name.endswith(".json") for name in self.whole.files)

    def missing(self, case: Path) -> int:
        """Reports that are not in this case, or are there otherwise."""
        return not_done(self.whole, case)

    def untouched(self, case: Path, ended: Scanned) -> Iterator[str]:
        """What is wrong with a case after a scan over which something went wrong that is no fault of any file.

        Every report that it wrote has to be that of an undisturbed scan, and it must not have fallen.
        """
        if ended.code not in {0, -signal.SIGKILL}:
            yield f"the scan ended with {ended.code}: {ended.said[-2000:]}"
        for report in sorted((case / "reports").rglob("*.json")):
            if report.read_bytes() != self.whole.files.get(report.name):
                yield f"{report.name} should not be there as it is: {report.read_bytes()[:2000]!r}"

    def resumed(self, case: Path, dump: Path, processes: int = 0) -> Iterator[str]:
        """Scan once more, undisturbed: what is wrong with the case then.

        That scan has to do what is missing and nothing else, and the next one has to find nothing to do.
        """
        missing = self.missing(case)
        last = scanned(dump, case, processes)
        if last.code:
            yield f"the last scan ended with {last.code}: {last.said[-2000:]}"
            return
        if last.examined != missing:
            yield f"the last scan examined {last.examined} contents, and {missing} were missing: {dict(last.became)}"
        yield from differences(self.whole, held(case, dump))
        again = scanned(dump, case, processes)
        if again.code or again.examined:
            yield f"one more scan ended with {again.code} and examined {again.examined} contents"
