"""Which stored videos are worth comparing with one: fingerprints in, candidate videos out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from triage.errors import MatchIndexError
from triage.matches import index_folder
from triage.matches.faiss_index import VECTORS, FaissIndex
from triage.matches.index import NOBODY, Keys
from triage.matches.index_folder import damaged, open_folder
from triage.matches.likeness import WHOLE, likeness
from triage.records import VIEWS, Fingerprint, Vectors
from triage.settings import Matching

ROWS_BITS = 24
"""A key is the number of a video times 2**24 and the row of the picture in its fingerprint."""
PLAUSIBLE = 0.6
"""Share of the likeness that a stretch must have on average, from which one picture speaks for a video. In a stretch
that reaches the average at least one picture does; this leaves room for pictures that were not asked, and for those
that are alike only where a part of the stored one is compared. Of 320 queries to 57 clips, each had 4.3 candidates, and
2.0 with 0.8 instead; 25 of them were compared with every clip, and none of the 16 copies was missed by either, but one
of 9 by 0.8 with an earlier net."""
SAME_SCENE = 0.97
"""Cosine to the last picture of the same video from which a picture is not stored, or asked for, by itself: while
nothing moves, ten thousand pictures an hour would say the same."""
MOST = 4096
"""Neighbours that are fetched for one view of one picture at the most. A picture that has more of them in plausible
distance is in so many videos that others must tell them apart."""
_MORE = 4
"""How many times as many are fetched when the last one was still plausible."""
_SCENES = 256
"""Scenes that are asked for at once."""
_NEIGHBOURS = 1 << 20
"""Neighbours that are held at once."""
BACKGROUND = "background.npy"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a video's pictures are."""

    number: int
    """Never given to another video, also when this one is gone."""
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class _Scenes:
    """The pictures of a fingerprint that can be compared, those that hardly differ taken together."""

    rows: npt.NDArray[np.int64]
    """(S,) the first picture of each, ascending."""
    pictures: npt.NDArray[np.int64]
    """(S,) how many it stands for."""
    of_picture: npt.NDArray[np.int64]
    """(N,) which scene a picture belongs to; S, if it cannot be compared."""


@dataclass(frozen=True, slots=True, eq=False)
class _Alike:
    """Which videos have a picture like one of those asked for: arrays of P, one row for each scene and video."""

    scene: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    """Of the video."""
    likeness: Vectors
    """Of the most alike pair among the views of the one and the pictures of the other."""


class VideoIndex:
    """The whole views of all pictures that can be compared, of any number of videos."""

    def __init__(self, model: str, dim: int, *, exact_up_to: int | None = None) -> None:
        self.model = model
        self.dim = dim
        self._pictures = FaissIndex(model, dim, exact_up_to=exact_up_to)
        self._places: dict[str, _Place] = {}
        self._next = 0
        self._backgrounds = _Backgrounds()

    def __len__(self) -> int:
        """Pictures that are stored."""
        return len(self._pictures)

    def __contains__(self, video: str) -> bool:
        return video in self._places

    def videos(self) -> tuple[str, ...]:
        """Ids of the videos that are stored, in the order in which they came."""
        return tuple(self._places)

    def add(self, fingerprint: Fingerprint) -> None:
        """Store a video.

        Raises:
            MatchIndexError: its fingerprint was made by another model.
            ValueError: it is there already.
        """
        self._check(fingerprint)
        if fingerprint.video in self._places:
            raise ValueError(f"video {fingerprint.video} is in the index already; remove it first")
        place = _Place(self._next, len(fingerprint))
        rows = _scenes(fingerprint).rows
        self._pictures.add(rows + (place.number << ROWS_BITS), fingerprint.vectors[rows, WHOLE])
        self._places[fingerprint.video] = place
        self._backgrounds.put(place.number, fingerprint.background[:, WHOLE])
        self._next += 1

    def remove(self, video: str) -> None:
        """Forget a video. One that is not there is no error."""
        place = self._places.pop(video, None)
        if place is not None:
            self._backgrounds.drop(place.number)
            self._pictures.remove(np.arange(place.rows, dtype=np.int64) + (place.number << ROWS_BITS))

    def rebuild(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Forget everything and store these; a number that was given to a video is not given again."""
        self._pictures = FaissIndex(self.model, self.dim, exact_up_to=self._pictures.exact_up_to)
        self._places, self._backgrounds = {}, _Backgrounds()
        for fingerprint in fingerprints:
            self.add(fingerprint)

    def candidates(
        self, fingerprint: Fingerprint, settings: Matching, *, leave_out: AbstractSet[str] = frozenset()
    ) -> list[str]:
        """Ids of the stored videos that may show something of this one, those that most speaks for first.

        Each picture speaks for every video that has one like any of its views, the less the more videos that are.

        Args:
            leave_out: ids of videos that are not meant, such as itself.

        Raises:
            MatchIndexError: the fingerprint was made by another model.
        """
        self._check(fingerprint)
        evidence = np.zeros(self._next)
        scenes = _scenes(fingerprint)
        for alike in self._ask(fingerprint, scenes, tuple(range(len(VIEWS))), settings, leave_out):
            videos = np.bincount(alike.scene, minlength=len(scenes.rows))[alike.scene]
            over = alike.likeness - PLAUSIBLE * settings.least_similarity
            np.add.at(evidence, alike.number, scenes.pictures[alike.scene] * over / np.log2(1 + videos))
        named = {place.number: video for video, place in self._places.items()}
        found = [(-round(float(evidence[number]), 6), named[int(number)]) for number in np.flatnonzero(evidence > 0)]
        return [video for _, video in sorted(found)]

    def commonness(
        self, fingerprint: Fingerprint, settings: Matching, *, leave_out: AbstractSet[str] = frozenset()
    ) -> npt.NDArray[np.int64]:
        """(N,) how many stored videos have a picture like each of these, as a whole; 0 for what cannot be compared.

        Raises:
            MatchIndexError: the fingerprint was made by another model.
        """
        self._check(fingerprint)
        scenes = _scenes(fingerprint)
        counts = np.zeros(len(scenes.rows) + 1, np.int64)
        for alike in self._ask(fingerprint, scenes, (WHOLE,), settings, leave_out):
            counts += np.bincount(alike.scene, minlength=len(counts))
        return counts[scenes.of_picture]

    def save(self, folder: Path) -> None:
        """Write it to a folder, whole or not at all, over an older one.

        Raises:
            CaseFullError, CaseError: as ``write_whole``.
        """
        about, files = self._pictures.parts()
        places = {video: [place.number, place.rows] for video, place in self._places.items()}
        head = {"pictures": about, "next": self._next, "videos": places}
        index_folder.save(folder, self.model, head, files | {BACKGROUND: self._backgrounds.write})

    @classmethod
    def load(cls, folder: Path, model: str) -> VideoIndex:
        """What was saved there.

        Raises:
            MatchIndexError: as ``open_folder``.
        """
        opened = open_folder(folder, model)
        pictures = FaissIndex.of_parts(model, opened.head.get("pictures", {}), opened.file(VECTORS))
        made = cls(model, pictures.dim, exact_up_to=pictures.exact_up_to)
        made._pictures = pictures
        try:
            made._next = int(opened.head["next"])
            made._places = {video: _Place(int(n), int(rows)) for video, (n, rows) in opened.head["videos"].items()}
            made._backgrounds.read(opened.file(BACKGROUND), made._places.values())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(opened.path, "its parts do not belong together") from error
        return made

    def _check(self, fingerprint: Fingerprint) -> None:
        if fingerprint.model != self.model:
            raise MatchIndexError(
                f"video {fingerprint.video[:12]}…: its fingerprint was made by {fingerprint.model}, this index holds "
                f"vectors of {self.model}; they cannot be compared. Scan that video again with {self.model}"
            )

    def _ask(
        self,
        fingerprint: Fingerprint,
        scenes: _Scenes,
        views: tuple[int, ...],
        settings: Matching,
        leave_out: AbstractSet[str],
    ) -> Iterator[_Alike]:
        """What is stored that is like these scenes, some scenes at a time."""
        left_out = np.array([self._places[video].number for video in leave_out if video in self._places], np.int64)
        at_least = PLAUSIBLE * settings.least_similarity
        for start in range(0, len(scenes.rows), _SCENES):
            rows = scenes.rows[start : start + _SCENES]
            vectors = fingerprint.vectors[rows][:, views].reshape(-1, self.dim)
            usual = fingerprint.background[rows][:, views].reshape(-1)
            asked = np.repeat(np.arange(start, start + len(rows)), len(views))
            found = [
                _Alike(asked[which], numbers, alike)
                for which, numbers, alike in self._plausible(vectors, usual, settings.neighbours, at_least)
            ]
            together = _best(found)
            kept = ~np.isin(together.number, left_out)
            yield _Alike(together.scene[kept], together.number[kept], together.likeness[kept])

    def _plausible(
        self, vectors: Vectors, usual: Vectors, limit: int, at_least: float
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Vectors]]:
        """Which of these vectors, the number of a video, and how alike: every pair from ``at_least`` on.

        Where the last neighbour of a vector is still plausible there may be more, and it is asked again.
        """
        waiting = np.arange(len(vectors))
        while len(waiting) and len(self):
            again = []
            several = max(1, _NEIGHBOURS // limit)
            for asked in np.split(waiting, range(several, len(waiting), several)):
                nearest = self._pictures.search(vectors[asked], limit)
                alike = likeness(nearest.similarities, usual[asked, None], self._backgrounds.of(nearest.keys))
                # A stored picture with no background at all would still be plausible at the cosine of the last one.
                best_of_last = likeness(nearest.similarities[:, -1], usual[asked], np.zeros(1))
                is_more = (nearest.keys[:, -1] != NOBODY) & (best_of_last >= at_least) & (limit < MOST)
                row, column = np.nonzero((alike >= at_least) & (nearest.keys != NOBODY) & ~is_more[:, None])
                yield asked[row], nearest.keys[row, column] >> ROWS_BITS, np.asarray(alike[row, column], np.float32)
                again.append(asked[is_more])
            waiting, limit = np.concatenate(again), min(limit * _MORE, MOST)


class _Backgrounds:
    """How alike each stored picture is to pictures that have nothing to do with it, by key."""

    def __init__(self) -> None:
        self._parts: dict[int, npt.NDArray[np.float16]] = {}
        self._flat: npt.NDArray[np.float16] | None = None
        self._starts: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def put(self, number: int, background: npt.NDArray[np.floating]) -> None:
        self._parts[number] = background.astype(np.float16)
        self._flat = None

    def drop(self, number: int) -> None:
        del self._parts[number]
        self._flat = None

    def of(self, keys: Keys) -> Vectors:
        """Of the pictures with these keys; anything for -1."""
        if self._flat is None:
            self._flat = np.concatenate([np.zeros(1, np.float16), *self._parts.values()])
            self._starts = np.zeros(max(self._parts, default=0) + 1, np.int64)
            sizes = [len(part) for part in self._parts.values()]
            self._starts[list(self._parts)] = 1 + np.cumsum([0, *sizes])[:-1]
        there = keys != NOBODY
        places = np.zeros(keys.shape, np.int64)
        places[there] = self._starts[keys[there] >> ROWS_BITS] + (keys[there] & ((1 << ROWS_BITS) - 1))
        return np.asarray(self._flat[places], np.float32)

    def write(self, file: BinaryIO) -> None:
        every = np.concatenate([np.zeros(0, np.float16), *self._parts.values()])
        np.save(file, every, allow_pickle=False)

    def read(self, path: Path, places: Iterable[_Place]) -> None:
        """What ``write`` wrote.

        Raises:
            ValueError: it is not of these videos.
        """
        every = np.load(path, allow_pickle=False)
        start = 0
        for place in places:
            self.put(place.number, every[start : start + place.rows])
            start += place.rows
        if start != len(every):
            raise ValueError(f"backgrounds of {start} pictures, got {len(every)}")


def _scenes(fingerprint: Fingerprint) -> _Scenes:
    wholes = fingerprint.vectors[:, WHOLE]
    rows: list[int] = []
    of_picture = np.full(len(fingerprint), -1, np.int64)
    for row in np.flatnonzero(fingerprint.is_comparable).tolist():
        if not rows or float(wholes[row] @ wholes[rows[-1]]) < SAME_SCENE:
            rows.append(row)
        of_picture[row] = len(rows) - 1
    of_picture[of_picture < 0] = len(rows)
    pictures = np.bincount(of_picture, minlength=len(rows) + 1)[: len(rows)]
    return _Scenes(np.array(rows, np.int64), pictures, of_picture)


def _best(found: Sequence[_Alike]) -> _Alike:
    """One row for each scene and video, the most alike."""
    empty = _Alike(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    scene, number, alike = (
        np.concatenate([getattr(each, name) for each in (empty, *found)]) for name in ("scene", "number", "likeness")
    )
    order = np.lexsort((-alike, number, scene))
    scene, number, alike = scene[order], number[order], alike[order]
    first = np.ones(len(scene), np.bool_)
    first[1:] = (np.diff(scene) != 0) | (np.diff(number) != 0)
    return _Alike(scene[first], number[first], alike[first])
