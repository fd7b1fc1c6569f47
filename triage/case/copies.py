"""What a case holds to find copies: fingerprints in files of their own, and what they showed, in the catalogue."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.case.catalogue import Catalogue
from triage.case.rows import Row
from triage.durable import no_room, write_whole
from triage.errors import MatchIndexError
from triage.fingerprint_file import SUFFIX, dump_fingerprint, load_fingerprint
from triage.records import Fingerprint, Overlap, Segment

WITHIN = ""
"""Stands for a bank where another content of the same case is meant."""


INDEX_HEAD = "index.json"
"""In each folder of an index; it names the videos whose vectors lie beside it."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """An overlap of a content of this case with another one, or with a clip of a bank."""

    overlap: Overlap
    bank: str = WITHIN
    """The bank's id."""
    entry: str = ""
    """The bank's name for the clip."""
    is_parked: bool = False
    """The clip was found in so many videos that it says nothing; it is listed, and no second counts as known by it."""


class Copies:
    """The fingerprints and overlaps of one case.

    Nothing here asks whether a content is sealed: ``Case.is_sealed`` is asked before anything is saved.
    """

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self._folder = folder / "fingerprints"
        self.index_folder = folder / "index"
        """Where an index over all fingerprints may be kept; it can be made anew at any time."""
        self._catalogue = catalogue

    def save(self, fingerprint: Fingerprint) -> None:
        """Write a fingerprint, whole or not at all; what was found with an earlier one of it is forgotten."""
        path = self._path(fingerprint.video, fingerprint.model)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_room(path, error) from error
        write_whole(path, dump_fingerprint(fingerprint))
        self._forget(fingerprint.video)

    def has(self, video: str, model: str) -> bool:
        """Whether there is a fingerprint of this content by this model."""
        return self._path(video, model).exists()

    def load(self, video: str, model: str) -> Fingerprint | None:
        """The fingerprint of this content by this model; None: there is none.

        Raises:
            MatchIndexError: it is damaged, or cannot be read.
        """
        path = self._path(video, model)
        try:
            return load_fingerprint(path.read_bytes(), path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MatchIndexError(f"{path}: the fingerprint cannot be read: {error.strerror}") from error

    def marks(self, bank: str = WITHIN) -> dict[str, str]:
        """Content -> under which mark it was compared with all others, or with all of a bank."""
        return dict(self._all("SELECT video, mark FROM matched WHERE bank = ?", (bank,)))

    def keep(
        self, found: Iterable[Known], done: Sequence[str], mark: str, bank: str = WITHIN, blank: Iterable[Span] = ()
    ) -> None:
        """Keep what comparing found, and that these contents are done; what is known of the pairs is replaced.

        Args:
            blank: stretches of these contents, in ms, that show too little to be compared.
        """
        rows = [
            (known.overlap.query, known.bank, known.overlap.stored, known.entry, known.is_parked, _dump(known.overlap))
            for known in found
        ]
        with self._catalogue.writing() as writing:
            writing.executemany("REPLACE INTO overlaps VALUES (?, ?, ?, ?, ?, ?)", rows)
            rows_done = [(video, bank, mark, json.dumps(list(blank))) for video in done]
            writing.executemany("REPLACE INTO matched VALUES (?, ?, ?, ?)", rows_done)

    def forget_all(self, bank: str = WITHIN) -> None:
        """Forget what was found among the contents of this case, or in a bank."""
        with self._catalogue.writing() as writing:
            writing.execute("DELETE FROM overlaps WHERE bank = ?", (bank,))
            writing.execute("DELETE FROM matched WHERE bank = ?", (bank,))

    def drop(self, bank: str, entries: Sequence[str], clips: str) -> None:
        """Forget what was found of these clips of a bank, and under the name ``clips`` that they were compared."""
        with self._catalogue.writing() as writing:
            writing.executemany("DELETE FROM overlaps WHERE bank = ? AND entry = ?", [(bank, name) for name in entries])
            writing.executemany("DELETE FROM matched WHERE bank = ? AND video = ?", [(clips, name) for name in entries])

    def park(self, bank: str, entries: Iterable[str]) -> None:
        """Mark these clips of a bank as found in too many videos to mean anything, and no others of it."""
        with self._catalogue.writing() as writing:
            writing.execute("UPDATE overlaps SET parked = 0 WHERE bank = ?", (bank,))
            writing.executemany(
                "UPDATE overlaps SET parked = 1 WHERE bank = ? AND entry = ?", [(bank, name) for name in entries]
            )

    def forget_everything(self) -> None:
        """Forget every overlap, here and with every bank; fingerprints stay."""
        with self._catalogue.writing() as writing:
            writing.execute("DELETE FROM overlaps")
            writing.execute("DELETE FROM matched")

    def of(self, video: str) -> list[Known]:
        """What is known of one content: clips of banks first, then by how much of it they show."""
        return self._known("WHERE video = ?", (video,))

    def every(self) -> dict[str, list[Known]]:
        """What is known of each content of which anything is."""
        found: dict[str, list[Known]] = defaultdict(list)
        for one in self._known("", ()):
            found[one.overlap.query].append(one)
        return found

    def stretches(self) -> Iterator[tuple[str, str, list[Span]]]:
        """Content, the other content, empty where it is a bank's clip, and the stretches of the first, in ms.

        Nothing that is parked is among them. It is ``every`` for a whole case at once, without what makes that slow.
        """
        for video, bank, other, overlap in self._all(
            "SELECT video, bank, other, overlap FROM overlaps WHERE NOT parked"
        ):
            segments = json.loads(overlap)["segments"]
            spans = [(one["query_start_ms"], one["query_end_ms"]) for one in segments]
            yield video, other if bank == WITHIN else "", spans

    def blank(self, video: str) -> list[Span]:
        """Stretches of a content, in ms, that show too little to be compared; none where it was never compared."""
        found = self._all("SELECT blank FROM matched WHERE video = ? AND bank = ?", (video, WITHIN))
        return [(start, end) for start, end in json.loads(found[0][0])] if found else []

    def within(self) -> list[Known]:
        """Every overlap between two contents of this case, in either direction."""
        return self._known("WHERE bank = ?", (WITHIN,))

    def in_bank(self, bank: str) -> list[Known]:
        """Every overlap with a clip of this bank."""
        return self._known("WHERE bank = ?", (bank,))

    def note_bank(self, bank: str, name: str) -> None:
        """Keep by which name a bank is called.

        Raises:
            MatchIndexError: another bank of that name was used with this case.
        """
        for known, _ in self._all("SELECT id, name FROM banks WHERE name = ? AND id != ?", (name, bank)):
            raise MatchIndexError(
                f"{name}: this case was compared with another bank of that name before ({known[:8]}), and nobody could "
                "tell their clips apart; rename the folder of one of them"
            )
        with self._catalogue.writing() as writing:
            writing.execute("REPLACE INTO banks VALUES (?, ?)", (bank, name))

    def banks(self) -> dict[str, str]:
        """Id -> name of every bank that this case was compared with."""
        return dict(self._all("SELECT id, name FROM banks"))

    def let_go(self, video: str) -> None:
        """Remove all that is kept of a content, since it is sealed."""
        try:
            self._let_go_of_part(video)
        except OSError as error:
            raise no_room(self.index_folder, error) from error
        for file in (self._folder / video[:2]).glob(f"*{video}.*"):  # also one that a kill left half written
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise no_room(file, error) from error
        self._forget(video)

    def _let_go_of_part(self, video: str) -> None:
        """Remove the part of the index that a content is in, whole, and any that does not say what it holds."""
        inner = [path for path in self.index_folder.glob("*") if path.is_dir()]
        for folder in [*inner, self.index_folder]:
            head = folder / INDEX_HEAD
            if folder.is_dir() and not (head.exists() and _is_without(head.read_bytes(), video)):
                for file in folder.iterdir():
                    if file != head and not file.is_dir():
                        file.unlink()
                head.unlink(missing_ok=True)  # last: while it is there, it says what has to go
                with suppress(OSError):  # other parts lie in it
                    folder.rmdir()

    def _forget(self, video: str) -> None:
        with self._catalogue.writing() as writing:
            writing.execute("DELETE FROM overlaps WHERE video = ? OR (bank = '' AND other = ?)", (video, video))
            writing.execute("DELETE FROM matched WHERE video = ?", (video,))

    def _known(self, where: str, values: Sequence[object]) -> list[Known]:
        found = self._all(f"SELECT video, bank, other, entry, parked, overlap FROM overlaps {where}", values)  # noqa: S608  no words of a user's
        known = [
            Known(_load(query, stored, json.loads(overlap)), bank, entry, bool(parked))
            for query, bank, stored, entry, parked, overlap in found
        ]
        order = {True: 1, False: 0}
        return sorted(
            known, key=lambda one: (order[one.bank == WITHIN], -one.overlap.query_share, one.entry, one.overlap.stored)
        )

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        # A case from before there were copies, opened to be read, has no such tables.
        if self._catalogue.one("SELECT 1 FROM sqlite_master WHERE name = 'overlaps'") is None:
            return []
        return self._catalogue.all(query, values)

    def _path(self, video: str, model: str) -> Path:
        return self._folder / video[:2] / f"{video}.{model.rpartition('@')[2]}{SUFFIX}"


def with_overlaps(row: Row, known: Iterable[Known], blank: Iterable[Span], banks: Mapping[str, str]) -> Row:
    """The row with what is known of copies: ``overlaps``, each naming a clip of a bank or another video by its id, and
    ``not_comparable_ms``, from and until of what could not be compared with anything.

    Args:
        banks: id -> name.
    """
    overlaps = [
        {"video": one.overlap.stored, **overlap_row(one.overlap)}
        if one.bank == WITHIN
        else {
            "bank": banks.get(one.bank, one.bank),
            "bank_entry": one.entry,
            "is_parked": one.is_parked,
            **overlap_row(one.overlap),
        }
        for one in known
    ]
    return {**row, "overlaps": overlaps, "not_comparable_ms": [list(span) for span in blank]}


def overlap_row(overlap: Overlap) -> dict[str, Any]:
    """What is exported of an overlap, beside whose it is."""
    return {
        "segments": [
            {
                "query_start_ms": one.query_start_ms,
                "query_end_ms": one.query_end_ms,
                "stored_start_ms": one.stored_start_ms,
                "stored_end_ms": one.stored_end_ms,
                "speed": round(one.speed, 4),
                "mirrored": one.mirrored,
                "similarity": round(one.similarity, 4),
            }
            for one in overlap.segments
        ],
        "query_share": round(overlap.query_share, 4),
        "stored_share": round(overlap.stored_share, 4),
        "edits": list(overlap.edits),
    }


def _is_without(head: bytes, video: str) -> bool:
    """Whether this is the head of a part of an index, and does not name this content."""
    try:
        return video not in json.loads(head)["head"]["videos"]
    except (ValueError, LookupError, TypeError):
        return False


def _dump(overlap: Overlap) -> str:
    return json.dumps(overlap_row(overlap), separators=(",", ":"))


def _load(query: str, stored: str, row: dict[str, Any]) -> Overlap:
    segments = tuple(Segment(**segment) for segment in row["segments"])
    return Overlap(query, stored, segments, row["query_share"], row["stored_share"], tuple(row["edits"]))
