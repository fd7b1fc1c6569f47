"""Known clips: a folder of hashes and vectors that cases share. No picture, and no place where a clip lies.

::

    BANK/
      bank.json        which bank this is
      log.jsonl        what was added, imported, disabled, and when; what the bank holds is computed from it
      fingerprints/    <sha256>.<model>.npz, one for each clip and model
      hashes/          <sha256>.jsonl, one for each list that was imported
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triage.durable import read_whole
from triage.errors import MatchIndexError, UsageError
from triage.fingerprint_file import dump_fingerprint, load_fingerprint
from triage.matches.bank_folder import alone, bank_id, dump_list, fingerprint_path, list_path, load_list, put
from triage.matches.bank_log import LOG, Event, Past, What, append, is_current, read_log
from triage.matches.bank_state import Entry, Listed, State, history
from triage.matches.importing import LONGEST_NAME, Known, Skipped, plan
from triage.matches.signals import EXACT, Kind, Rows, Signal, rows_of
from triage.names import shown
from triage.records import Fingerprint
from triage.settings import nearest


@dataclass(frozen=True, slots=True)
class Addition:
    """What became of a clip that was to be added."""

    entry: Entry
    is_new: bool
    """There was no such entry before."""
    has_new_vectors: bool
    """There is something to compare with now that was not there before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a list of hashes."""

    entries: tuple[Entry, ...]
    """Those that are new, or have hashes now that they did not have."""
    new: int
    """How many of them are new."""
    already: int
    """Clips of the list of which the bank had everything."""
    skipped: tuple[Skipped, ...]
    """Lines that are at odds with the bank."""


class Bank:
    """An open bank. Not to be shared between threads; other programs may use the same folder at the same time."""

    def __init__(self, folder: Path, bank_id: str) -> None:
        self.folder = folder
        self.id = bank_id
        """The same wherever the folder is moved or copied to."""
        self.name = folder.resolve().name
        self._lists: dict[str, Sequence[Listed]] = {}
        self._past, self._state = self._read()
        self.mended = (
            f"{folder / LOG}: its last line was cut off, so what it was to say has not happened; if a clip was being "
            "added when the program ended, add it again"
            if self._past.was_cut
            else None
        )
        """A sentence, if a program was killed while it wrote in the bank."""

    def entries(self) -> list[Entry]:
        """Every entry, also disabled ones, in the order in which they came."""
        return list(self._state.entries.values())

    def entry_of(self, video: str) -> Entry:
        """The entry of this id.

        Raises:
            KeyError: there is none.
        """
        return self._state.entries[video]

    def called(self, word: str) -> Entry:
        """The entry of this name, or whose SHA-256 begins with these digits, of which 8 are enough.

        Raises:
            UsageError: there is none, or there are several.
        """
        if (video := self._state.names.get(word)) is not None:
            return self._state.entries[video]
        entries = self.entries()
        found = [entry for entry in entries if shown(entry.name) == word]
        if not found and len(word) >= 8:
            found = [entry for entry in entries if entry.video.startswith(word.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{word!r} is {len(found)} entries of the bank {self.name}; give all 64 digits of one")
        hint = nearest(word, [shown(entry.name) for entry in entries]) if entries else "; it is empty"
        raise UsageError(f"there is no entry {word!r} in the bank {self.name}{hint}")

    def fingerprints(self, model: str) -> Iterator[Fingerprint]:
        """Those that this model made of enabled entries, one after another.

        Raises:
            MatchIndexError: one is gone or damaged.
        """
        for entry in self.entries():
            if entry.is_enabled and model in entry.models:
                yield self.fingerprint(entry, model)

    def fingerprint(self, entry: Entry, model: str) -> Fingerprint:
        """The fingerprint that this model made of an entry, disabled or not.

        Raises:
            MatchIndexError: it is gone or damaged.
        """
        path = fingerprint_path(self.folder, entry.video, model)
        try:
            data = read_whole(path)
        except OSError as error:
            raise MatchIndexError(
                f"{path}: the fingerprint of {shown(entry.name)} cannot be read: {error.strerror}; add its clip again"
            ) from error
        fingerprint = load_fingerprint(data, path)
        if (fingerprint.video, fingerprint.model) != (entry.video, model):
            raise MatchIndexError(
                f"{path}: this is the fingerprint of another clip; add the clip of {shown(entry.name)} again"
            )
        return fingerprint

    def missing(self, model: str) -> list[Entry]:
        """Enabled entries with vectors of other models alone: their clips have to be added again to be compared."""
        return [entry for entry in self.entries() if entry.is_enabled and entry.models and model not in entry.models]

    def hash_only(self) -> list[tuple[Entry, Rows]]:
        """Enabled entries without any vectors, with the perceptual hashes that were imported for them."""
        found = [(each, rows_of(each.signals)) for each in self.entries() if each.is_enabled and not each.models]
        return [(entry, rows) for entry, rows in found if rows is not None and len(rows.hashes)]

    def exact(self) -> Mapping[Kind, Mapping[str, Entry]]:
        """Hashes of whole files of enabled entries: MD5, SHA-1 and SHA-256, each as digits -> entry."""
        found: dict[Kind, dict[str, Entry]] = {kind: {} for kind in EXACT}
        for entry in self.entries():
            for signal in entry.signals if entry.is_enabled else ():
                if signal.kind in found:
                    found[signal.kind][signal.value] = entry
        return found

    def signals(self) -> list[tuple[Entry, Signal]]:
        """Every hash of enabled entries that was imported, and those of added files; not those of their pictures."""
        return [(entry, signal) for entry in self.entries() if entry.is_enabled for signal in entry.signals]

    def history(self, entry: Entry) -> list[Event]:
        """What happened to an entry, in order."""
        lists = {name: {each.video for each in listed} for name, listed in self._lists.items()}
        return history(self._past.events, entry, lists)

    def cases(self) -> list[Path]:
        """Cases that were compared with this bank; they may have been moved since."""
        return list(self._state.cases)

    def add(
        self,
        fingerprint: Fingerprint,
        name: str,
        note: str = "",
        source: str = "",
        *,
        file_name: str = "",
        md5: str = "",
    ) -> Addition:
        """Add a clip. One that is known is not added again; its vectors are, if another model made them.

        Args:
            name: unique within the bank; a known clip keeps its own.
            md5: of the file, to find exact copies in lists from elsewhere; '': not known.

        Raises:
            UsageError: the name is taken by another clip, or is none.
            CaseError: the folder cannot be written.
        """
        video, model = fingerprint.video, fingerprint.model
        with self._writing():
            known = self._state.entries.get(video)
            name = known.name if known else self._free(name)
            path = fingerprint_path(self.folder, video, model)
            if known and model in known.models and path.is_file():
                return Addition(known, is_new=False, has_new_vectors=False)
            # First the file, then the line: a kill in between leaves a file that nothing speaks of, and no more.
            put(path, dump_fingerprint(fingerprint))
            self._happened(
                Event.now(
                    What.ADDED,
                    video=video,
                    model=model,
                    name=name,
                    note=note,
                    source=source,
                    file=file_name,
                    length_ms=fingerprint.length_ms,
                    md5=md5,
                )
            )
            return Addition(self._state.entries[video], is_new=known is None, has_new_vectors=True)

    def take(
        self, found: Sequence[Known], file_name: str, note: str = "", source: str = "", *, name: str | None = None
    ) -> Taken:
        """Add what a list of hashes says of clips.

        Args:
            file_name: of the list.
            name: for its only clip, or the beginning of the names of all. None: as the list names them, or its file.

        Raises:
            UsageError: the name is none.
            CaseError: the folder cannot be written.
        """
        asked = None if name is None else _checked_name(name)
        with self._writing():
            planned = plan(found, self._state, stem=Path(file_name).stem, name=asked)
            if planned.listed:
                list_name, text = dump_list(planned.listed)
                put(list_path(self.folder, list_name), text)
                values = {"list": list_name, "file": file_name, "note": note, "source": source}
                self._happened(Event.now(What.IMPORTED, **values))
            entries = tuple(self._state.entries[each.video] for each in planned.listed)
            return Taken(entries, planned.new, planned.already, planned.skipped)

    def disable(self, name: str, why: str) -> Entry:
        """Let an entry match no more. It stays in the bank, with its history.

        Raises:
            UsageError: there is no such entry, it is disabled already, or no reason is given.
            CaseError: the folder cannot be written.
        """
        return self._switch(name, What.DISABLED, why)

    def enable(self, name: str, why: str) -> Entry:
        """Let a disabled entry match again.

        Raises:
            UsageError: there is no such entry, it is not disabled, or no reason is given.
            CaseError: the folder cannot be written.
        """
        return self._switch(name, What.ENABLED, why)

    def note_case(self, folder: Path) -> None:
        """Keep that a case was compared with this bank.

        Raises:
            CaseError: the folder of the bank cannot be written.
        """
        place = folder.resolve()
        if place in self._state.cases:
            return
        with self._writing():
            if place not in self._state.cases:
                self._happened(Event.now(What.CASE, folder=str(place)))

    def _switch(self, name: str, what: What, why: str) -> Entry:
        if not why.strip():
            raise UsageError("a reason is wanted, so that others know later; give it with --why TEXT")
        with self._writing():
            entry = self.called(name)
            if entry.is_enabled is (what is What.ENABLED):
                state = "not disabled" if entry.is_enabled else f"disabled already ({shown(entry.disabled_why or '')})"
                raise UsageError(f"{shown(entry.name)} is {state}")
            self._happened(Event.now(what, video=entry.video, why=why.strip()))
            return self._state.entries[entry.video]

    def _free(self, name: str) -> str:
        name = _checked_name(name)
        if name in self._state.names:
            raise UsageError(
                f"the name {shown(name)} belongs to another clip in the bank {self.name} "
                f"({self._state.names[name][:12]}); give this one another with --name TEXT"
            )
        return name

    def _happened(self, event: Event) -> None:
        self._past = append(self.folder, self._past, event)
        self._state.apply(event)

    def _read(self) -> tuple[Past, State]:
        past, state = read_log(self.folder), State(read_list=self._read_list)
        for number, event in enumerate(past.events, 1):
            try:
                state.apply(event)
            except (KeyError, TypeError, ValueError) as error:
                raise MatchIndexError(
                    f"{self.folder / LOG}: line {number} ({event.what}) is damaged or speaks of an entry that there is "
                    "none of; put back a copy of the log from before"
                ) from error
        return past, state

    def _read_list(self, name: str) -> Sequence[Listed]:
        if name not in self._lists:  # its name is the hash of its bytes: it never changes
            self._lists[name] = load_list(self.folder, name)
        return self._lists[name]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone in the folder, and knowing what others did to it meanwhile."""
        with alone(self.folder):
            if not is_current(self.folder, self._past):
                self._past, self._state = self._read()
            yield


@contextmanager
def open_bank(folder: Path, *, make: bool = False) -> Iterator[Bank]:
    """The bank in a folder; with ``make`` one is made where there is none.

    Raises:
        UsageError: there is no bank, or the folder holds something else.
        MatchIndexError: it is damaged, or a newer version made it.
        CaseError: it is to be made, and the folder cannot be written.
    """
    yield Bank(folder, bank_id(folder, make=make))


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(f"an entry's name has 1 to {LONGEST_NAME} characters, got {len(name)}; give --name TEXT")
    return name
