"""Lists of hashes from elsewhere: untrusted text, of which everything that can be understood is taken.

Nothing in it is run, fetched or taken for a path. What cannot be understood is named with its line and left out.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triage.errors import UsageError
from triage.matches.exchange.columns import Columns
from triage.matches.exchange.gathering import Gathering, Reading, Said
from triage.matches.exchange.lines import UnclearError, said_by
from triage.matches.signals import Feature, Kind, MalformedError, feature_of, hash_hex, json_of, ms_of, quality_of

MOST_BYTES = 256 * 1024 * 1024
"""A list of some millions of hashes; a larger one is to be cut, so that no file can fill the memory."""
MOST_PARTS = 2_000_000
MOST_COMMAS = 4 * MOST_PARTS
"""Of one JSON text, which is read as a whole: each value takes some fifty times the memory that its comma does."""
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes: the vPDQ of two days at one picture a second."""

_HASH_KEYS = ("pdq_hash", "pdq_hex", "hash", "hex")


def read_hashes(path: Path, kind: Kind | None = None) -> Reading:
    """What a list says.

    Args:
        kind: of hashes that do not say it themselves. None: as the file's name or their length tells.

    Raises:
        UsageError: it is no file, too large, not UTF-8, or its hashes may be of two kinds.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path}: is larger than {MOST_BYTES // 1024**2} MB; cut it into several lists")
    return parse_hashes(data, path.name, kind)


def parse_hashes(data: bytes, file_name: str, kind: Kind | None = None) -> Reading:
    """What the bytes of a list say.

    Raises:
        UsageError: as ``read_hashes``.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{file_name}: is UTF-16 text; save it as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] in {b"[", b"{"}:
        if data.count(b",") > MOST_COMMAS:
            raise UsageError(f"{file_name}: has more than {MOST_COMMAS} values; cut it into several lists")
        try:
            return _pictures(json_of(data.decode()))
        except (MalformedError, UnicodeDecodeError):
            pass  # it may be one JSON list a line
    with _long_cells():
        return _lines(data, file_name, kind or _kind_in_name(file_name))


def _lines(data: bytes, file_name: str, kind: Kind | None) -> Reading:
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) > MOST_PARTS:
        raise UsageError(f"{file_name}: has more than {MOST_PARTS} lines; cut it into several lists")
    gathering = Gathering()
    understand: Callable[[str, Kind | None], Said | None] | None = None
    for number, line in enumerate(lines, 1):
        try:
            text = _text(line)
            if understand is None and text.strip() and not text.lstrip().startswith("#"):
                columns = Columns.of(text)
                understand = columns.said_by if columns else said_by
                said = None if columns else said_by(text, kind)
            else:
                said = understand(text, kind) if understand else None
            if said is None:
                gathering.blank()
            else:
                gathering.add(number, said)
        except UnclearError as error:
            raise UsageError(
                f"{file_name}: line {number}: {error}, which look the same; say which with --as pdq or --as sha256"
            ) from error
        except MalformedError as error:
            gathering.skip(number, str(error))
    return gathering.done("line")


def _text(line: bytes) -> str:
    if len(line) > LONGEST_LINE:
        raise MalformedError(f"is longer than {LONGEST_LINE // 1024**2} MB")
    try:
        return line.removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        raise MalformedError("is not UTF-8 text") from error


def _pictures(said: Any) -> Reading:  # noqa: ANN401  JSON is of any type until it is looked at
    """What one JSON text says: the pictures of one video.

    Raises:
        MalformedError: it is neither a list nor an object of pictures, or has too many.
    """
    pictures = list(said.values()) if isinstance(said, dict) else said
    if not isinstance(pictures, list) or len(pictures) > MOST_PARTS:
        raise MalformedError("no list of pictures")
    gathering = Gathering()
    for number, picture in enumerate(pictures, 1):
        try:
            gathering.add(number, Said("vPDQ as JSON", feature=_picture(picture)))
        except MalformedError as error:
            gathering.skip(number, str(error))
    return gathering.done("picture")


def _picture(said: Any) -> Feature:  # noqa: ANN401
    if isinstance(said, str):
        return feature_of(said)
    if not isinstance(said, dict):
        raise MalformedError("is neither text nor an object")
    value = next((said[key] for key in _HASH_KEYS if key in said), None)
    quality, time = said.get("quality"), said.get("timestamp")
    if not isinstance(value, str) or isinstance(quality, bool) or isinstance(time, bool) or quality is None:
        raise MalformedError('has no "pdq_hash" and "quality"')
    return Feature(hash_hex(value, Kind.PDQ), quality_of(str(quality)), None if time is None else ms_of(str(time)))


def _kind_in_name(file_name: str) -> Kind | None:
    """The kind that a list's name speaks of, as ``blocked.sha256`` or ``pdq_list.txt`` do."""
    found = [kind for kind in (Kind.PDQ, Kind.SHA256) if kind in file_name.lower()]
    return found[0] if len(found) == 1 else None


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let a cell of a table be as long as a line: the module's own limit is for the whole process, and lower."""
    before = csv.field_size_limit(LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)
