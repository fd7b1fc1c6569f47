"""What the lines of a list say, put together by clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.matches.importing import Known, Skipped
from triage.matches.signals import EXACT, Feature, Kind, MalformedError, Signal, vpdq_value
from triage.names import shown


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says: hashes of a clip, or one picture of a video."""

    form: str
    """How it is written, in words."""
    signals: tuple[Signal, ...] = ()
    feature: Feature | None = None
    name: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a list says, and what became of every one of its parts."""

    found: tuple[Known, ...]
    """In the order of their first lines."""
    part: str
    """What is counted: ``line``, or ``picture`` where the whole file is one video."""
    parts: int
    understood: tuple[tuple[str, int], ...]
    """How parts are written, in words, and how many of them."""
    blank: int
    """Parts that say nothing: empty lines, comments, column names."""
    skipped: tuple[Skipped, ...]
    """Parts that could not be understood. ``parts`` is the sum of what was understood, blank and skipped."""


@dataclass(slots=True)
class Gathering:
    """Collects what parts say."""

    _unnamed: list[Known] = field(default_factory=list)
    _named: dict[str, Known] = field(default_factory=dict)
    _frames: dict[str | None, list[Feature]] = field(default_factory=dict)
    _first: dict[str | None, int] = field(default_factory=dict)
    _forms: Counter[str] = field(default_factory=Counter)
    _skipped: list[Skipped] = field(default_factory=list)
    _blank: int = 0
    _parts: int = 0

    def blank(self) -> None:
        """A part that says nothing."""
        self._parts += 1
        self._blank += 1

    def skip(self, number: int, why: str) -> None:
        """A part that cannot be understood."""
        self._parts += 1
        self._skipped.append(Skipped(number, why))

    def add(self, number: int, said: Said) -> None:
        """A part that says this.

        Raises:
            MalformedError: the lines of one name contradict each other.
        """
        if said.feature is not None:
            if said.name in self._named and _has(self._named[said.name].signals, Kind.VPDQ):
                raise MalformedError(f"{shown(said.name or '')} has a vPDQ already")
            self._first.setdefault(said.name, number)
            self._frames.setdefault(said.name, []).append(said.feature)
        elif said.name is None:
            self._unnamed.append(Known(number, said.signals, hint=said.hint))
        else:
            self._name(number, said.name, said.signals)
        self._parts += 1
        self._forms[said.form] += 1

    def done(self, part: str) -> Reading:
        """All of it."""
        for name, features in self._frames.items():
            video = (Signal(Kind.VPDQ, vpdq_value(features)),)
            if name is None:
                self._unnamed.append(Known(self._first[None], video))
            elif name in self._named:
                known = self._named[name]
                self._named[name] = replace(known, signals=(*known.signals, *video))
            else:
                self._named[name] = Known(self._first[name], video, name)
        found = sorted([*self._unnamed, *self._named.values()], key=lambda known: known.line)
        forms = tuple(self._forms.most_common())
        return Reading(tuple(found), part, self._parts, forms, self._blank, tuple(self._skipped))

    def _name(self, number: int, name: str, signals: Sequence[Signal]) -> None:
        known = self._named.get(name) or Known(number, (), name)
        for signal in signals:
            is_one = signal.kind in EXACT or signal.kind is Kind.VPDQ
            if is_one and any(each.kind is signal.kind and each != signal for each in known.signals):
                raise MalformedError(f"{shown(name)} has another {signal.kind} already, on line {known.line} or after")
            if signal.kind is Kind.VPDQ and name in self._frames:
                raise MalformedError(f"{shown(name)} has pictures of a vPDQ already")
        self._named[name] = replace(known, signals=tuple(dict.fromkeys((*known.signals, *signals))))


def _has(signals: Sequence[Signal], kind: Kind) -> bool:
    return any(signal.kind is kind for signal in signals)
