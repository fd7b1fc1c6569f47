"""Which stored videos are worth comparing with one: fingerprints in, candidate videos out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from triage.errors import MatchIndexError
from triage.matches.index import NOBODY, Keys, search_all
from triage.matches.likeness import WHOLE, likeness
from triage.matches.sharded import ROWS_BITS, Shard
from triage.matches.sharded_folder import load_shards, save_shards, shard_folder
from triage.records import VIEWS, Fingerprint, Vectors
from triage.settings import Matching

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
_SCENES = 4096
"""Scenes that are asked for at once: half an hour or more, so that of a shard that lies on the disk each list is read
once or twice for a video, and not once for each picture."""
_NEIGHBOURS = 1 << 20
"""Neighbours that are held at once."""


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
    """The whole views of all pictures that can be compared, of any number of videos.

    In shards: the last one grows until it is full, then another is opened. Each is asked, and what they answer merged.
    """

    def __init__(
        self,
        model: str,
        dim: int,
        *,
        exact_up_to: int | None = None,
        shard_vectors: int | None = None,
        folder: Path | None = None,
    ) -> None:
        """An empty one.

        Args:
            exact_up_to: pictures of a shard up to which each is compared; that of ``Matching`` if none is given.
            shard_vectors: pictures in a shard, unless one video has more; that of ``Matching`` if none is given.
            folder: where a shard is written as soon as it is full, and read from then on, so that memory stays that of
                one; None: all are in memory until they are saved.
        """
        self.model = model
        self.dim = dim
        self.exact_up_to = exact_up_to
        self.shard_vectors = Matching().shard_vectors if shard_vectors is None else shard_vectors
        self.remarks: tuple[str, ...] = ()
        """What was kept of this index and could not be used, a sentence each; those videos are not in it."""
        self._folder = folder
        self._shards: dict[int, Shard] = {}
        """By their place among the folders, ascending."""
        self._shard_of: dict[str, int] = {}
        self._named: list[str] = []
        """By number, the videos; what was removed since stays here, and nowhere else."""

    def __len__(self) -> int:
        """Pictures that are stored."""
        return sum(len(shard) for shard in self._shards.values())

    def __contains__(self, video: str) -> bool:
        return video in self._shard_of

    @property
    def shards(self) -> tuple[Shard, ...]:
        """What it consists of; another one than was there before, where videos came or went."""
        return tuple(self._shards.values())

    @property
    def is_changed(self) -> bool:
        """Whether what was kept of it is not what it is now."""
        return bool(self.remarks) or any(shard.lies_in is None for shard in self._shards.values())

    def videos(self) -> tuple[str, ...]:
        """Ids of the videos that are stored, in the order in which they came."""
        return tuple(video for shard in self._shards.values() for video in shard.places)

    def add(self, fingerprint: Fingerprint) -> None:
        """Store a video.

        Raises:
            MatchIndexError: its fingerprint was made by another model.
            CaseFullError, CaseError: a shard is full and cannot be written.
            ValueError: it is there already.
        """
        self._check(fingerprint)
        if fingerprint.video in self._shard_of:
            raise ValueError(f"video {fingerprint.video} is in the index already; remove it first")
        rows = _scenes(fingerprint).rows
        place = self._with_room_for(len(rows))
        self._shards[place].add(fingerprint, rows, len(self._named))
        self._shard_of[fingerprint.video] = place
        self._named.append(fingerprint.video)

    def remove(self, *videos: str) -> None:
        """Forget videos, one shard after the other. One that is not there is no error.

        Raises:
            CaseFullError, CaseError: a shard that lies on the disk cannot be written.
        """
        leaving = defaultdict(list)
        for video in videos:
            if video in self._shard_of:
                leaving[self._shard_of.pop(video)].append(video)
        for place in sorted(leaving):
            was_mapped = self._shards[place].is_mapped
            for video in leaving[place]:
                self._shards[place].remove(video)
            if was_mapped and self._folder is not None and self._shards[place].places:
                self._put_down(place, self._folder)

    def _with_room_for(self, pictures: int) -> int:
        """The place of the last shard, or of a new one where that is full."""
        last = max(self._shards, default=0)
        if last not in self._shards:
            self._shards[last] = Shard(self.model, self.dim, exact_up_to=self.exact_up_to)
        elif len(self._shards[last]) and len(self._shards[last]) + pictures > self.shard_vectors:
            if self._folder is not None and not self._shards[last].is_mapped:
                self._put_down(last, self._folder)
            last += 1
            self._shards[last] = Shard(self.model, self.dim, exact_up_to=self.exact_up_to)
        return last

    def _put_down(self, place: int, folder: Path) -> None:
        """Write a shard and read it from there from now on."""
        own = shard_folder(folder, place)
        if self._shards[place].lies_in != own:
            self._shards[place].save(own)
        self._shards[place] = Shard.load(own, self.model, mapped=True)

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
        evidence = np.zeros(len(self._named))
        scenes = _scenes(fingerprint)
        for alike in self._ask(fingerprint, scenes, tuple(range(len(VIEWS))), settings, leave_out):
            videos = np.bincount(alike.scene, minlength=len(scenes.rows))[alike.scene]
            over = alike.likeness - PLAUSIBLE * settings.least_similarity
            np.add.at(evidence, alike.number, scenes.pictures[alike.scene] * over / np.log2(1 + videos))
        found = [(-round(float(evidence[number]), 6), self._named[number]) for number in np.flatnonzero(evidence > 0)]
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
        save_shards(folder, self._shards)

    @classmethod
    def load(
        cls, folder: Path, model: str, *, exact_up_to: int | None = None, shard_vectors: int | None = None
    ) -> VideoIndex:
        """What was saved there, as far as it is whole: of a damaged shard there is a remark instead.

        Args:
            exact_up_to, shard_vectors: as of an empty one, for shards that are opened from now on.

        Raises:
            MatchIndexError: as ``open_folder``, where no shard is whole.
        """
        shards, remarks = load_shards(folder, model)
        dim = next(iter(shards.values())).dim
        made = cls(model, dim, exact_up_to=exact_up_to, shard_vectors=shard_vectors, folder=folder)
        made._shards, made.remarks = shards, remarks
        numbered = sorted((place.number, video) for shard in shards.values() for video, place in shard.places.items())
        made._named = [""] * (numbered[-1][0] + 1 if numbered else 0)
        for number, video in numbered:
            made._named[number] = video
        made._shard_of = {video: place for place, shard in shards.items() for video in shard.places}
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
        left_out = np.array([self._number(video) for video in leave_out if video in self._shard_of], np.int64)
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
                nearest = search_all(self._shards.values(), vectors[asked], limit)
                alike = likeness(nearest.similarities, usual[asked, None], self._backgrounds(nearest.keys))
                # A stored picture with no background at all would still be plausible at the cosine of the last one.
                best_of_last = likeness(nearest.similarities[:, -1], usual[asked], np.zeros(1))
                is_more = (nearest.keys[:, -1] != NOBODY) & (best_of_last >= at_least) & (limit < MOST)
                row, column = np.nonzero((alike >= at_least) & (nearest.keys != NOBODY) & ~is_more[:, None])
                yield asked[row], nearest.keys[row, column] >> ROWS_BITS, np.asarray(alike[row, column], np.float32)
                again.append(asked[is_more])
            waiting, limit = np.concatenate(again), min(limit * _MORE, MOST)

    def _number(self, video: str) -> int:
        return self._shards[self._shard_of[video]].places[video].number

    def _backgrounds(self, keys: Keys) -> Vectors:
        """How alike each of these pictures is to pictures that have nothing to do with it."""
        found = np.zeros(keys.shape, np.float32)
        for shard in self._shards.values():
            found += shard.backgrounds(keys)
        return found


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
