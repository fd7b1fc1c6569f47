"""The folder of a report: it appears whole or not at all, and says of each of its files what it hashes to."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.durable import no_room, sha256_of, sync_folder, write_whole
from triage.errors import UsageError
from triage.names import shown

INDEX = "index.html"
SUMS = "SHA256SUMS"
"""Every other file with its hash, as ``sha256sum -c`` reads it."""
MARK = "<!-- report by triage -->"
"""In the second line of an index that may be written anew."""


class Folder:
    """A report while it is being written. Only what is given here is in it."""

    def __init__(self, place: Path) -> None:
        self.path = place
        """Where it is while it is being written."""
        self._sums: dict[str, str] = {}
        self._made: set[Path] = set()

    def place_of(self, name: str) -> Path:
        """Where a file of this name belongs; its folder is there.

        Args:
            name: one of ours, never one from a dump.
        """
        path = self.path / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        return path

    def write(self, name: str, data: bytes) -> None:
        """Add a file."""
        self.place_of(name).write_bytes(data)
        self._sums[name] = hashlib.sha256(data).hexdigest()

    def adopt(self, name: str) -> None:
        """Add a file that somebody else has written at its place."""
        self._sums[name] = sha256_of(self.path / name)

    def drop(self, name: str) -> None:
        """Take a file out again, if it is there."""
        self._sums.pop(name, None)
        (self.path / name).unlink(missing_ok=True)

    def drop_pages(self) -> None:
        """Take out all that was made of words, to write it anew."""
        for name in [name for name in self._sums if name.endswith((".html", ".js", ".css"))]:
            self.drop(name)

    def close(self) -> str:
        """Write the list of hashes; its own hash names the report as a whole."""
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(self._sums.items()))
        write_whole(self.path / SUMS, lines.encode())
        return hashlib.sha256(lines.encode()).hexdigest()

    def names(self) -> list[str]:
        """What is in it, without the list of hashes."""
        return sorted(self._sums)


@contextmanager
def new_folder(out: Path) -> Iterator[Folder]:
    """A folder that stands at ``out`` once the block is left without an error, in place of an earlier report.

    Raises:
        UsageError: something stands there that is no report of ours, or that holds what a report did not write.
        CaseFullError, CaseError: it cannot be written.
    """
    make_sure_it_is_free(out)
    waiting = out.with_name(f".{out.name}.part")
    past = out.with_name(f".{out.name}.old")
    try:
        for left in (waiting, past):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        waiting.mkdir(parents=True)
        yield Folder(waiting)
        if out.exists():
            out.rename(past)
        waiting.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        raise no_room(out / INDEX, error) from error
    finally:
        for left in (waiting, past):
            shutil.rmtree(left, ignore_errors=True)


def make_sure_it_is_free(out: Path) -> None:
    """That a report may be written there.

    Raises:
        UsageError: it may not.
    """
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        listed = sums_of(out)
        if not listed or MARK not in (out / INDEX).read_text("utf-8", "replace").split("\n")[1:2]:
            raise UsageError(f"{out}: is there already and is no report by triage; give another --out")
        for folder, _, files in os.walk(out):
            for file in files:
                name = (Path(folder) / file).relative_to(out).as_posix()
                if name != SUMS and name not in listed:
                    raise UsageError(
                        f"{shown(out / name)}: lies in an earlier report and is none of its files; move it away, or "
                        "give another --out"
                    )
    except OSError as error:
        raise UsageError(f"{out}: cannot be looked into: {error.strerror}; give another --out") from error


def sums_of(out: Path) -> dict[str, str]:
    """Name -> SHA-256, as an earlier report lists its files; none where there is no such list."""
    try:
        lines = (out / SUMS).read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split("  ", 1) for line in lines]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
