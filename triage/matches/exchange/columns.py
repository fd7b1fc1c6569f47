"""A line of a table with column names, as spreadsheets and the threatexchange tools write it. Pure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from triage.matches.exchange.gathering import Said
from triage.matches.exchange.lines import NOT_MEANT, file_stem, hash_of, kind_called, vpdq
from triage.matches.signals import Feature, Kind, MalformedError, Signal, hash_hex, ms_of, quality_of

OWN_COLUMNS = {
    "pdq": Kind.PDQ,
    "pdq_hash": Kind.PDQ,
    "pdqhash": Kind.PDQ,
    "vpdq": Kind.VPDQ,
    "md5": Kind.MD5,
    "sha1": Kind.SHA1,
    "sha256": Kind.SHA256,
}
"""A column that holds one kind of hash."""
HASH_COLUMNS = ("signal_str", "hash", "value", "indicator", "signal")
"""A column that holds hashes of the kind that another says, or that their length tells."""
KIND_COLUMNS = ("signal_type", "hash_type", "type", "kind")
TIME_COLUMNS = ("timestamp", "seconds", "time")
"""In seconds; with one, each row is a picture of a video."""
NAME_COLUMNS = ("name", "title", "label")
FILE_COLUMNS = ("file", "filename", "file_name", "path")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table."""

    names: tuple[str, ...]
    """In lower case."""
    delimiter: str

    @classmethod
    def of(cls, line: str) -> Columns | None:
        """Those that a first line names; None: it names none with hashes."""
        for delimiter in (",", ";", "\t"):
            try:
                names = tuple(name.strip().lower() for name in _cells(line, delimiter))
            except MalformedError:
                continue
            if any(name in OWN_COLUMNS or name in HASH_COLUMNS for name in names):
                return cls(names, delimiter)
        return None

    def said_by(self, line: str, kind: Kind | None) -> Said | None:
        """What a row says; None if it is empty.

        Args:
            kind: of hashes of which the row does not say it.

        Raises:
            UnclearError: the kind would have to be known.
            MalformedError: it is no row of this table, or one of its values cannot be.
        """
        if not line.strip():
            return None
        cells = [cell.strip() for cell in _cells(line, self.delimiter)]
        if len(cells) != len(self.names):
            raise MalformedError(f"has {len(cells)} columns, and the table {len(self.names)}")
        row = dict(zip(self.names, cells, strict=True))
        if row.get("category") == NOT_MEANT:
            raise MalformedError(f"whoever lists it says that it does not belong here ({NOT_MEANT})")
        quality = quality_of(row["quality"]) if row.get("quality") else None
        signals = tuple(self._signals(row, kind, quality))
        if not signals:
            raise MalformedError("has no hash")
        form = f"columns {', '.join(name for name in self.names if name)}"
        name, file = _first(row, NAME_COLUMNS), _first(row, FILE_COLUMNS)
        hint = file_stem(file) if file else None
        time = _first(row, TIME_COLUMNS)
        if time is None or len(signals) > 1 or signals[0].kind is not Kind.PDQ:
            return Said(form, signals, name=name, hint=hint)
        if quality is None:
            raise MalformedError("a picture of a video needs its quality")
        return Said(form, feature=Feature(signals[0].value, quality, ms_of(time)), name=name or hint)

    @staticmethod
    def _signals(row: dict[str, str], kind: Kind | None, quality: int | None) -> list[Signal]:
        found = [(OWN_COLUMNS[name], value) for name, value in row.items() if name in OWN_COLUMNS and value]
        signals = [_signal(value, of, quality) for of, value in found]
        value = _first(row, HASH_COLUMNS)
        if value is not None:
            called = _first(row, KIND_COLUMNS)
            signals.append(_signal(value, kind_called(called) if called else kind, quality))
        return signals


def _signal(value: str, kind: Kind | None, quality: int | None) -> Signal:
    if kind is Kind.VPDQ or (kind is None and value.startswith("[")):
        return vpdq(value)
    if kind is None:
        return hash_of(value, None, quality)
    return Signal(kind, hash_hex(value, kind), quality if kind is Kind.PDQ else None)


def _first(row: dict[str, str], names: Sequence[str]) -> str | None:
    return next((row[name] for name in names if row.get(name)), None)


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line; a quoted cell that goes on in the next is malformed, as its end is not here."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise MalformedError(f"is no row of a table: {error}") from error
