"""An index as a folder: files of any kind, and one small one that names them with their hashes and is written last."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from triage.durable import appearing, sha256_of, write_whole
from triage.errors import MatchIndexError

FORMAT = 1
"""Goes up by one when the files are written in another way."""
HEAD = "index.json"
REBUILD = "to build it anew from the fingerprints: triage match CASE --rebuild"
"""An index is a cache: whatever is wrong with it, this helps. A sentence of ours ends with it."""

Writer = Callable[[BinaryIO], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """An index folder whose files are those that were written."""

    head: Mapping[str, Any]
    """What was given to ``save``."""
    files: Mapping[str, Path]
    """By the names given to ``save``; their bytes have the hashes that they had then."""
    path: Path
    """Of the head, for the sentence."""

    def file(self, name: str) -> Path:
        """Raises:
        MatchIndexError: there is none of this name.
        """
        if name not in self.files:
            raise damaged(self.path, f"it names no {name}")
        return self.files[name]


def save(folder: Path, model: str, head: Mapping[str, Any], files: Mapping[str, Writer]) -> None:
    """Put an index where there may be an older one; whoever opens the folder finds all of the one or of the other.

    Args:
        model: what made the vectors.
        head: what else is to be known of it, as JSON would have it.
        files: name -> what writes it.

    Raises:
        CaseFullError, CaseError: as ``write_whole``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The files get new names, so that those of the old index stay what its head says until the new head is there.
    serial = _last_serial(folder) + 1
    named = {}
    for name, write in files.items():
        stem, dot, suffix = name.partition(".")
        path = folder / f"{stem}.{serial}{dot}{suffix}"
        with appearing(path) as waiting:
            with waiting.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            named[name] = {"file": path.name, "sha256": sha256_of(waiting)}
    text = json.dumps({"format": FORMAT, "model": model, "serial": serial, "files": named, "head": head}, indent=1)
    write_whole(folder / HEAD, text.encode())
    kept = {entry["file"] for entry in named.values()} | {HEAD}
    for path in folder.iterdir():
        if path.name not in kept and _serial_of(path) is not None:
            with suppress(OSError):  # the index is there, and the next save tries again
                path.unlink()


def clear(folder: Path) -> None:
    """Remove the index that lies there, and what broke off of one, and nothing else.

    Raises:
        OSError: something cannot be removed.
    """
    # Without its head it is no index any more, whatever of it a kill leaves; the next clearing removes that.
    for path in [folder / HEAD, *folder.glob("*.*.*")]:
        if path.name == HEAD or _serial_of(Path(path.name.removeprefix(".").removesuffix(".part"))) is not None:
            path.unlink(missing_ok=True)


def open_folder(folder: Path, model: str) -> Opened:
    """What was saved, after a look at every byte of it.

    Args:
        model: what made the vectors that will be compared with it.

    Raises:
        MatchIndexError: there is none, it is damaged, of another model, or of a newer version of triage.
    """
    stored = _read_head(folder / HEAD)
    try:
        made_by, named, head = stored["model"], stored["files"], dict(stored["head"])
        files = {name: folder / Path(entry["file"]).name for name, entry in named.items()}
        wanted = {name: entry["sha256"] for name, entry in named.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(folder / HEAD, "something is missing in it") from error
    if made_by != model:
        raise MatchIndexError(
            f"{folder}: this index was made by {made_by}, and vectors of {model} cannot be compared with it; {REBUILD}"
        )
    for name, path in files.items():
        try:
            found = sha256_of(path)
        except OSError as error:
            raise damaged(path, error.strerror or "it cannot be read") from error
        if found != wanted[name]:
            raise damaged(path, f"its SHA-256 is {found[:8]}…, and {HEAD} says {wanted[name][:8]}…")
    return Opened(head, files, folder / HEAD)


def damaged(path: Path, why: str) -> MatchIndexError:
    """Our sentence for an index that is not as it was written."""
    return MatchIndexError(f"{path}: the index is damaged ({why}); {REBUILD}")


def _read_head(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MatchIndexError(f"{path.parent}: there is no index here, {HEAD} is missing; {REBUILD}") from error
    except OSError as error:
        raise damaged(path, error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise damaged(path, "it is not JSON") from error
    if not isinstance(stored, dict) or not isinstance(stored.get("format"), int):
        raise damaged(path, "something is missing in it")
    if stored["format"] > FORMAT:
        raise MatchIndexError(
            f"{path.parent}: this index was written by a newer version of triage (format {stored['format']}, this one "
            f"knows {FORMAT}); update triage, or, {REBUILD}"
        )
    return stored


def _last_serial(folder: Path) -> int:
    return max((serial for path in folder.iterdir() if (serial := _serial_of(path)) is not None), default=0)


def _serial_of(path: Path) -> int | None:
    """The number in ``name.number.suffix``; None: this is no file of an index."""
    parts = path.name.split(".")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else None
