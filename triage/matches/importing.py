"""Which of the hashes in a list are new to a bank, whose they are, and under which name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from triage.matches.bank_state import Listed, State, id_of
from triage.matches.signals import EXACT, Kind, Signal
from triage.names import shown

LONGEST_NAME = 200
"""Characters of an entry's name."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a list says of one clip."""

    line: int
    """Where in the list, from 1: of its first line."""
    signals: tuple[Signal, ...]
    name: str | None = None
    """As the list calls it; lines with one name are of one clip."""
    hint: str | None = None
    """A file's name that stands beside it: a name to offer, which several may have."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that was not taken."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bank is to write down of a list."""

    listed: tuple[Listed, ...]
    """New clips, and known ones with the hashes that are new of them."""
    new: int
    """How many of them are new clips."""
    already: int
    """Clips of the list of which everything was known."""
    skipped: tuple[Skipped, ...]


class _RefusalError(ValueError):
    """Why a clip of a list is not taken."""


def plan(found: Sequence[Known], state: State, *, stem: str, name: str | None) -> Plan:
    """What is new in a list.

    Args:
        stem: of the list's file, for clips that it gives no name.
        name: for its only clip, or the beginning of the names of all; None: not asked for.
    """
    planning = _Planning(state, stem if name is None else name, is_alone=len(found) == 1, is_asked=name is not None)
    new, already, skipped = 0, 0, []
    for known in found:
        try:
            owner = planning.owner(known.signals)
            if owner is None:
                planning.add(known)
                new += 1
            elif not planning.add_to(owner, known.signals):
                already += 1
        except _RefusalError as refusal:
            skipped.append(Skipped(known.line, str(refusal)))
    return Plan(tuple(planning.listed.values()), new, already, tuple(skipped))


class _Planning:
    def __init__(self, state: State, beginning: str, *, is_alone: bool, is_asked: bool) -> None:
        self.listed: dict[str, Listed] = {}
        self._state = state
        self._owners: dict[tuple[Kind, str], str] = {}
        self._names: set[str] = set()
        self._beginning = beginning
        self._is_alone = is_alone
        self._is_asked = is_asked

    def owner(self, signals: Sequence[Signal]) -> str | None:
        """The clip that these are of, if it is known.

        A file is known by its bytes. Perceptual hashes alone are of a known clip if it has every one of them.
        """
        exact = [signal for signal in signals if signal.kind in EXACT]
        owners = {self._owner(signal) for signal in exact or signals}
        if exact:
            owners.discard(None)
        if len(owners) > 1 and exact:
            raise _RefusalError("its hashes belong to two different clips of the bank")
        return owners.pop() if len(owners) == 1 else None

    def add(self, known: Known) -> None:
        """Take in a clip that is new."""
        video = id_of(known.signals)
        self.listed[video] = Listed(video, self._name(known), known.signals)
        self._own(video, known.signals)

    def add_to(self, video: str, signals: Sequence[Signal]) -> bool:
        """Take in what is new of a known clip; False: nothing is."""
        before = self._signals(video)
        have = {(signal.kind, signal.value) for signal in before}
        exact = {signal.kind: signal.value for signal in before if signal.kind in EXACT}
        added = [signal for signal in signals if (signal.kind, signal.value) not in have]
        for signal in added:
            if signal.kind in exact:
                raise _RefusalError(
                    f"its other hashes are of a clip of which the bank has another {signal.kind.upper()}"
                )
        if added:
            earlier = self.listed.get(video)
            name = earlier.name if earlier else self._state.entries[video].name
            self.listed[video] = Listed(video, name, (*(earlier.signals if earlier else ()), *added))
            self._own(video, added)
        return bool(added)

    def _signals(self, video: str) -> tuple[Signal, ...]:
        stored, listed = self._state.entries.get(video), self.listed.get(video)
        return (*(stored.signals if stored else ()), *(listed.signals if listed else ()))

    def _owner(self, signal: Signal) -> str | None:
        key = signal.kind, signal.value
        return self._owners.get(key) or self._state.owners.get(key)

    def _own(self, video: str, signals: Iterable[Signal]) -> None:
        for signal in signals:
            self._owners.setdefault((signal.kind, signal.value), video)

    def _name(self, known: Known) -> str:
        name = known.name
        if name is not None and not self._is_asked:
            if not self._is_free(name):
                raise _RefusalError(f"the name {shown(name)} belongs to another clip; import with --name TEXT")
        else:
            name = next(name for name in self._offers(known) if self._is_free(name))
        self._names.add(name)
        return name

    def _offers(self, known: Known) -> Iterator[str]:
        """Names to choose from, the best first."""
        whole = self._beginning if self._is_alone else f"{self._beginning}-{known.name or known.line}"
        if known.hint and not self._is_asked:
            yield known.hint.strip()
        yield whole
        yield f"{self._beginning}-{known.line}"
        yield f"{self._beginning[:100]}-{id_of(known.signals)}"

    def _is_free(self, name: str) -> bool:
        return 0 < len(name) <= LONGEST_NAME and name not in self._names and name not in self._state.names
