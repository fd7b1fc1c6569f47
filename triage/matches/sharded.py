"""One part of an index: the pictures of some videos, in a folder of their own that can be read and damaged alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from triage.matches import index_folder
from triage.matches.faiss_index import VECTORS, FaissIndex
from triage.matches.index import NOBODY, Keys, Nearest
from triage.matches.index_folder import damaged, open_folder
from triage.matches.likeness import WHOLE
from triage.records import Fingerprint, Vectors

ROWS_BITS = 24
"""A key is the number of a video times 2**24 and the row of the picture in its fingerprint."""
BACKGROUND = "background.npy"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a video's pictures are."""

    number: int
    """Given to one video at a time; what is stored is found by it."""
    rows: int


class Shard:
    """Some videos of an index, whole: each video is in one shard alone, and all that is stored of it."""

    def __init__(self, model: str, dim: int, *, exact_up_to: int | None = None) -> None:
        self._pictures = FaissIndex(model, dim, exact_up_to=exact_up_to)
        self._places: dict[str, Place] = {}
        self._backgrounds = Backgrounds()
        self.lies_in: Path | None = None
        """The folder in which it is as it is here; None: in none, since it was changed."""

    def __len__(self) -> int:
        """Pictures that are stored."""
        return len(self._pictures)

    @property
    def model(self) -> str:
        return self._pictures.model

    @property
    def dim(self) -> int:
        return self._pictures.dim

    @property
    def exact_up_to(self) -> int:
        return self._pictures.exact_up_to

    @property
    def is_mapped(self) -> bool:
        """Whether most of it lies in its files and not in memory."""
        return self._pictures.is_mapped

    @property
    def places(self) -> Mapping[str, Place]:
        """Video -> where its pictures are, in the order in which they came."""
        return self._places

    def add(self, fingerprint: Fingerprint, rows: npt.NDArray[np.int64], number: int) -> None:
        """Store a video.

        Args:
            rows: (R,) of the pictures that are stored.
            number: higher than those of all videos that came before.
        """
        self._pictures.add(rows + (number << ROWS_BITS), fingerprint.vectors[rows, WHOLE])
        self._places[fingerprint.video] = Place(number, len(fingerprint))
        self._backgrounds.put(number, fingerprint.background[:, WHOLE])
        self.lies_in = None

    def remove(self, video: str) -> None:
        """Forget a video that is in it."""
        place = self._places.pop(video)
        self._backgrounds.drop(place.number)
        self._pictures.remove(np.arange(place.rows, dtype=np.int64) + (place.number << ROWS_BITS))
        self.lies_in = None

    def search(self, queries: Vectors, limit: int) -> Nearest:
        """See ``Index``."""
        return self._pictures.search(queries, limit)

    def backgrounds(self, keys: Keys) -> Vectors:
        """How alike each of these pictures is to pictures that have nothing to do with it; 0 for what is not in it."""
        return self._backgrounds.of(keys)

    def save(self, folder: Path) -> None:
        """Write it to a folder, whole or not at all, over an older one.

        Raises:
            CaseFullError, CaseError: as ``write_whole``.
        """
        about, files = self._pictures.parts()
        places = {video: [place.number, place.rows] for video, place in self._places.items()}
        head = {"pictures": about, "videos": places}
        index_folder.save(folder, self.model, head, files | {BACKGROUND: self._backgrounds.write})
        self.lies_in = folder

    @classmethod
    def load(cls, folder: Path, model: str, *, mapped: bool) -> Shard:
        """What was saved there.

        Args:
            mapped: leave what is large in the files; see ``FaissIndex.of_parts``.

        Raises:
            MatchIndexError: as ``open_folder``.
        """
        opened = open_folder(folder, model)
        about = opened.head.get("pictures", {})
        pictures = FaissIndex.of_parts(model, about, opened.file(VECTORS), mapped=mapped)
        made = cls(model, pictures.dim, exact_up_to=pictures.exact_up_to)
        made._pictures, made.lies_in = pictures, folder
        try:
            made._places = {video: Place(int(n), int(rows)) for video, (n, rows) in opened.head["videos"].items()}
            made._backgrounds = Backgrounds.read(opened.file(BACKGROUND), list(made._places.values()), mapped=mapped)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(opened.path, "its parts do not belong together") from error
        return made


class Backgrounds:
    """How alike each picture of some videos is to pictures that have nothing to do with it, by key."""

    def __init__(self) -> None:
        self._numbers: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        """(V,) of the videos, ascending."""
        self._starts: npt.NDArray[np.int64] = np.zeros(1, np.int64)
        """(V + 1,) where the rows of each begin, and where those of the last end."""
        self._rows: npt.NDArray[np.float16] = np.zeros(0, np.float16)
        self._later: list[tuple[int, npt.NDArray[np.float16]]] = []

    def put(self, number: int, background: npt.NDArray[np.floating]) -> None:
        self._later.append((number, background.astype(np.float16)))

    def drop(self, number: int) -> None:
        self._settle()
        at = int(np.searchsorted(self._numbers, number))
        start, end = self._starts[at : at + 2]
        self._rows = np.delete(self._rows, slice(start, end))
        self._numbers = np.delete(self._numbers, at)
        self._starts = np.concatenate([self._starts[: at + 1], self._starts[at + 2 :] - (end - start)])

    def of(self, keys: Keys) -> Vectors:
        """Of the pictures with these keys; 0 for those of videos that are not among them, and for -1."""
        self._settle()
        found = np.zeros(keys.shape, np.float32)
        at = np.searchsorted(self._numbers, keys >> ROWS_BITS)
        there = (keys != NOBODY) & (at < len(self._numbers))
        there[there] = self._numbers[at[there]] == keys[there] >> ROWS_BITS
        found[there] = self._rows[self._starts[at[there]] + (keys[there] & ((1 << ROWS_BITS) - 1))]
        return found

    def write(self, file: BinaryIO) -> None:
        self._settle()
        np.save(file, self._rows, allow_pickle=False)

    @classmethod
    def read(cls, path: Path, places: list[Place], *, mapped: bool) -> Backgrounds:
        """What ``write`` wrote.

        Args:
            places: of these videos.

        Raises:
            ValueError: it is not of these videos.
        """
        made = cls()
        made._rows = np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))
        made._numbers = np.array([place.number for place in places], np.int64)
        made._starts = np.cumsum([0, *(place.rows for place in places)], dtype=np.int64)
        if made._starts[-1] != len(made._rows) or (np.diff(made._numbers) <= 0).any():
            raise ValueError(f"backgrounds of {made._starts[-1]} pictures, got {len(made._rows)}")
        return made

    def _settle(self) -> None:
        if self._later:
            numbers, parts = zip(*self._later, strict=True)
            self._later = []
            self._numbers = np.concatenate([self._numbers, np.array(numbers, np.int64)])
            self._rows = np.concatenate([self._rows, *parts])
            ends = self._starts[-1] + np.cumsum([len(part) for part in parts])
            self._starts = np.concatenate([self._starts, ends])
