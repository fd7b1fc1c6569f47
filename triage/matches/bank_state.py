"""What a bank holds, computed from its log: pure, but for the lists of hashes, which the caller reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from triage.matches.bank_log import Event, What
from triage.matches.signals import Kind, Signal

VECTORS = "vectors"
"""The evidence of a clip that was added here, beside the kinds of hashes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One known clip."""

    name: str
    """Unique within its bank. Untrusted text, as a file's name is."""
    video: str
    """SHA-256 of the clip's file; where only other hashes of it are known, SHA-256 over those."""
    note: str
    source: str
    """Where it is from, in the words of whoever added it."""
    file_name: str
    """Name of the clip's file, or of the list it was imported from, without its folder; '': not known."""
    added_utc: str
    length_ms: int | None
    """How long the clip was seen to be; 0: a still picture. None: only hashes of it are known."""
    models: tuple[str, ...] = ()
    """What made vectors of it."""
    signals: tuple[Signal, ...] = ()
    """Hashes that were imported, and those of the file's bytes."""
    disabled_why: str | None = None
    """Why it does not match any more; None: it does."""

    @property
    def is_enabled(self) -> bool:
        return self.disabled_why is None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is known of it: ``vectors``, and kinds of hashes."""
        hashes = sorted({signal.kind.value for signal in self.signals}, key=[kind.value for kind in Kind].index)
        return (*([VECTORS] if self.models else []), *hashes)

    def exact(self, kind: Kind) -> str | None:
        """Its hash of this kind of a file's bytes, if it is known."""
        return next((signal.value for signal in self.signals if signal.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry as one line of a stored list of hashes has it."""

    video: str
    name: str
    signals: tuple[Signal, ...]


@dataclass(slots=True)
class State:
    """What a bank holds."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By ``Entry.video``, in the order in which they came."""
    names: dict[str, str] = field(default_factory=dict)
    """Name -> video."""
    owners: dict[tuple[Kind, str], str] = field(default_factory=dict)
    """Kind and value of a hash -> video."""
    cases: list[Path] = field(default_factory=list)
    read_list: Callable[[str], Sequence[Listed]] = lambda _: ()
    """Name of a stored list of hashes -> what is in it."""

    def apply(self, event: Event) -> None:
        """Let this happen.

        Raises:
            KeyError: a value is missing, or it is about an entry that there is none of.
        """
        values = event.values
        match event.what:
            case What.ADDED:
                self._add(event)
            case What.IMPORTED:
                for listed in self.read_list(values["list"]):
                    self._take(listed, event)
            case What.DISABLED:
                self._put(replace(self.entries[values["video"]], disabled_why=values["why"]))
            case What.ENABLED:
                self._put(replace(self.entries[values["video"]], disabled_why=None))
            case What.CASE:
                self.cases.append(Path(values["folder"]))

    def _add(self, event: Event) -> None:
        values = event.values
        video, model = values["video"], values["model"]
        exact = {Kind.SHA256: video, **({Kind.MD5: values["md5"]} if values["md5"] else {})}
        entry = self.entries.get(video) or _entry(video, values["name"], event)
        known = {signal.kind for signal in entry.signals}
        signals = (*entry.signals, *(Signal(kind, value) for kind, value in exact.items() if kind not in known))
        models = tuple(dict.fromkeys((*entry.models, model)))
        length_ms, file_name = values["length_ms"], values["file"]
        self._put(replace(entry, length_ms=length_ms, file_name=file_name, models=models, signals=signals))

    def _take(self, listed: Listed, event: Event) -> None:
        entry = self.entries.get(listed.video) or _entry(listed.video, listed.name, event)
        self._put(replace(entry, signals=tuple(dict.fromkeys((*entry.signals, *listed.signals)))))

    def _put(self, entry: Entry) -> None:
        self.entries[entry.video] = entry
        self.names.setdefault(entry.name, entry.video)
        for signal in entry.signals:
            self.owners.setdefault((signal.kind, signal.value), entry.video)


def id_of(signals: Iterable[Signal]) -> str:
    """The id of a clip of which only these hashes are known: its SHA-256 if that is among them."""
    texts = sorted(f"{signal.kind}:{signal.value}" for signal in signals)
    for text in texts:
        kind, _, value = text.partition(":")
        if kind == Kind.SHA256:
            return value
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def history(events: Sequence[Event], entry: Entry, lists: Mapping[str, set[str]]) -> list[Event]:
    """What happened to an entry, in order.

    Args:
        lists: name of a stored list of hashes -> the videos in it.
    """
    return [
        event
        for event in events
        if event.values.get("video") == entry.video or entry.video in lists.get(event.values.get("list", ""), set())
    ]


def _entry(video: str, name: str, event: Event) -> Entry:
    values = event.values
    return Entry(name, video, values["note"], values["source"], values["file"], event.at_utc, None)
