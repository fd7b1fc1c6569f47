"""Fast indexes: the only file that knows FAISS. Its exceptions become ours here; its files are its own, unpickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np
import numpy.typing as npt

from triage.errors import MatchIndexError
from triage.matches.index import Keys, Nearest, check_new, in_order, none_yet
from triage.matches.index_folder import REBUILD, Writer, damaged, open_folder, save
from triage.records import Vectors
from triage.settings import Matching

CODES = "SQfp16"
"""How a vector is kept in a list, in FAISS's words: 16 bits for each dimension. With a byte, of ten million vectors
0.971 of the ten nearest were found, since those of one shot lie too close for it; see ``docs/scale.md``."""
PROBED_SHARE = 1 / 16
"""Of the lists, those nearest to a query, that are looked through; see ``docs/scale.md`` for what fewer would miss."""
LEAST_PROBES = 32
LEARN_AGAIN = 8
"""An approximate index that has grown this many times since it learnt where its vectors lie learns it anew."""
_SPARE = 8
"""Neighbours fetched beyond those asked for: ties at the end are settled by key as far as these go."""
_PER_LIST = 48
"""Vectors that each list is learnt from, on average; FAISS wants 39 at the least."""
_ROWS = 65_536
"""Vectors that are moved at once."""
VECTORS, HASHES = "vectors.faiss", "hashes.faiss"
HASH_BITS = 256


class FaissIndex:
    """Every vector in full up to a number of them; above it, coded, in lists of those that lie close together.

    Only the lists nearest to a query are looked through, so a neighbour in another one is missed: how rarely is in
    ``docs/scale.md``. It proposes; whoever asks compares what it found in full, from the fingerprints.
    """

    def __init__(self, model: str, dim: int, *, exact_up_to: int | None = None) -> None:
        """An empty one.

        Args:
            exact_up_to: vectors up to which each is compared; that of ``Matching`` if none is given.
        """
        self.model = model
        self.dim = dim
        self.exact_up_to = Matching().exact_up_to if exact_up_to is None else exact_up_to
        self._index: Any = faiss.IndexIDMap(faiss.IndexFlatIP(dim))
        self._learnt_from = 0
        self._keys = _Stored()
        self._mapped: Path | None = None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def is_exact(self) -> bool:
        """Whether every vector is compared."""
        return self._learnt_from == 0

    @property
    def is_mapped(self) -> bool:
        """Whether its lists lie in a file and not in memory. What changes it reads all of them first."""
        return self._mapped is not None

    def add(self, keys: Keys, vectors: Vectors) -> None:
        self._take_in()
        check_new(keys, vectors, self._keys.among(keys), self.dim)
        with _ours(f"{len(keys)} vectors could not be added to the index"):
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(keys))
        self._keys.put(keys)
        if len(self) > max(self.exact_up_to, LEARN_AGAIN * self._learnt_from):
            self._learn()

    def remove(self, keys: Keys) -> int:
        self._take_in()
        with _ours("vectors could not be removed from the index"):
            removed = int(self._index.remove_ids(np.ascontiguousarray(keys, np.int64)))
        self._keys.drop(keys)
        return removed

    def search(self, queries: Vectors, limit: int) -> Nearest:
        if not len(self) or not len(queries):
            return none_yet(len(queries), limit)
        with _ours("the index could not be searched"):
            similarities, keys = self._index.search(np.ascontiguousarray(queries, np.float32), limit + _SPARE)
        return in_order(keys, np.clip(similarities, -1, 1), limit)

    def save(self, folder: Path) -> None:
        """Write it to a folder, whole or not at all, over an older one.

        Raises:
            CaseFullError, CaseError: as ``write_whole``.
        """
        head, files = self.parts()
        save(folder, self.model, head, files)

    @classmethod
    def load(cls, folder: Path, model: str) -> FaissIndex:
        """What was saved there.

        Raises:
            MatchIndexError: as ``open_folder``.
        """
        opened = open_folder(folder, model)
        return cls.of_parts(model, opened.head, opened.file(VECTORS))

    def parts(self) -> tuple[dict[str, Any], dict[str, Writer]]:
        """What there is to save, also beside something else: what to say of it, and what writes its file."""
        head = {
            "dim": self.dim,
            "count": len(self),
            "exact_up_to": self.exact_up_to,
            "learnt_from": self._learnt_from,
        }
        return head, {VECTORS: lambda file: _write(file, faiss.write_index, self._index)}

    @classmethod
    def of_parts(cls, model: str, head: Mapping[str, Any], path: Path, *, mapped: bool = False) -> FaissIndex:
        """The index whose ``parts`` these were.

        Args:
            mapped: leave the lists in the file, which has to stay as it is: the system reads what is looked through,
                and a file that is cut meanwhile ends the process.

        Raises:
            MatchIndexError: they do not belong together.
        """
        try:
            made = cls(model, head["dim"], exact_up_to=head["exact_up_to"])
            made._learnt_from, count = head["learnt_from"], head["count"]
        except (KeyError, TypeError) as error:
            raise damaged(path, "something is missing in its head") from error
        # What is compared as it is lies in no lists, and is read.
        if mapped and made._learnt_from:
            made._index, made._mapped = _map(path), path
        else:
            made._index = _read(path, faiss.read_index)
        if (made._index.ntotal, made._index.d) != (count, made.dim):
            raise damaged(path, f"it holds {made._index.ntotal} vectors, and its head says {count}")
        if made._mapped is None:
            made._note_keys()
        return made

    def _take_in(self) -> None:
        """Read what lies in a file, so that it can be changed."""
        if self._mapped is not None:
            self._index, self._mapped = _read(self._mapped, faiss.read_index), None
            self._note_keys()

    def _note_keys(self) -> None:
        for keys, _ in self._pieces():
            self._keys.put(keys)

    def _learn(self) -> None:
        """Find out where the vectors lie, and sort all of them into lists."""
        lists = 1 << int(np.log2(min(4 * np.sqrt(len(self)), len(self) / _PER_LIST)))
        draw = np.random.default_rng(0)
        share = lists * _PER_LIST / len(self)
        with _ours("the index could not be sorted into lists"):
            sample = [self._decoded(piece[draw.random(len(piece)) < share]) for _, piece in self._pieces()]
            learnt: Any = faiss.index_factory(self.dim, f"IVF{lists},{CODES}", faiss.METRIC_INNER_PRODUCT)
            learnt.nprobe = max(LEAST_PROBES, round(PROBED_SHARE * lists))
            # The vectors are coded, not how far they are from the middle of their list, and with room to spare: what
            # comes later from other footage lies elsewhere, and would be cut off at the limits that were learnt.
            learnt.by_residual = False
            learnt.train(np.concatenate(sample))
            for keys, piece in self._pieces():
                learnt.add_with_ids(self._decoded(piece), keys)
        self._index, self._learnt_from = learnt, len(self)

    def _pieces(self) -> Iterator[tuple[Keys, npt.NDArray[Any]]]:
        """Keys and what is stored under them, some at a time."""
        index = self._index
        if self.is_exact:
            keys, flat = faiss.vector_to_array(index.id_map), faiss.downcast_index(index.index)
            for start in range(0, len(keys), _ROWS):
                several = keys[start : start + _ROWS]
                yield several, flat.reconstruct_n(start, len(several))
            return
        for place in range(index.nlist):
            if several := index.invlists.list_size(place):
                codes = np.empty((several, index.coarse_code_size() + index.code_size), np.uint8)
                codes[:, : index.coarse_code_size()] = list(place.to_bytes(index.coarse_code_size(), "little"))
                stored = faiss.rev_swig_ptr(index.invlists.get_codes(place), several * index.code_size)
                codes[:, index.coarse_code_size() :] = stored.reshape(several, -1)
                yield faiss.rev_swig_ptr(index.invlists.get_ids(place), several).copy(), codes

    def _decoded(self, piece: npt.NDArray[Any]) -> Vectors:
        """(N, dim) of what ``_pieces`` gives; from lists, as exactly as they hold it."""
        return np.asarray(piece if self.is_exact else self._index.sa_decode(np.ascontiguousarray(piece)), np.float32)


class HashIndex:
    """Perceptual hashes of 256 bits under keys of ours. Every one is compared: there is nothing to learn or to miss."""

    dim = HASH_BITS

    def __init__(self, model: str) -> None:
        self.model = model
        self._index: Any = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(HASH_BITS))
        self._keys = _Stored()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, keys: Keys, hashes: npt.NDArray[np.uint8]) -> None:
        """Store (N, 32) hashes.

        Raises:
            ValueError: a key is there already or comes twice; nothing was stored then.
        """
        check_new(keys, hashes, self._keys.among(keys), HASH_BITS // 8)
        with _ours(f"{len(keys)} hashes could not be added to the index"):
            self._index.add_with_ids(np.ascontiguousarray(hashes, np.uint8), np.ascontiguousarray(keys))
        self._keys.put(keys)

    def remove(self, keys: Keys) -> int:
        """Forget these, and say how many there were."""
        with _ours("hashes could not be removed from the index"):
            removed = int(self._index.remove_ids(np.ascontiguousarray(keys, np.int64)))
        self._keys.drop(keys)
        return removed

    def within(self, queries: npt.NDArray[np.uint8], furthest: int) -> list[tuple[Keys, npt.NDArray[np.int32]]]:
        """For each of (M, 32) queries the keys of every hash at most ``furthest`` bits away, and how many bits; the
        nearest first, ties by key.
        """
        if not len(self) or not len(queries):
            return [(np.empty(0, np.int64), np.empty(0, np.int32)) for _ in queries]
        with _ours("the index could not be searched"):
            # FAISS finds what is nearer than the radius, not what is as near.
            ends, bits, keys = self._index.range_search(np.ascontiguousarray(queries, np.uint8), furthest + 1)
        found = []
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            order = np.lexsort((keys[start:end], bits[start:end]))
            found.append((keys[start:end][order], bits[start:end][order].astype(np.int32)))
        return found

    def save(self, folder: Path) -> None:
        """Write it to a folder, whole or not at all, over an older one.

        Raises:
            CaseFullError, CaseError: as ``write_whole``.
        """
        save(
            folder,
            self.model,
            {"count": len(self)},
            {HASHES: lambda file: _write(file, faiss.write_index_binary, self._index)},
        )

    @classmethod
    def load(cls, folder: Path, model: str) -> HashIndex:
        """What was saved there.

        Raises:
            MatchIndexError: as ``open_folder``.
        """
        path = open_folder(folder, model).file(HASHES)
        made = cls(model)
        made._index = _read(path, faiss.read_index_binary)
        made._keys.put(faiss.vector_to_array(made._index.id_map))
        return made


class _Stored:
    """Which keys there are: sorted, so that ten million of them are one array and a look-up is quick."""

    def __init__(self) -> None:
        self._sorted: Keys = np.empty(0, np.int64)
        self._later: list[Keys] = []

    def among(self, keys: Keys) -> Keys:
        """Those of ``keys`` that there are."""
        everything = self._all()
        places = np.searchsorted(everything, keys)
        there = places < len(everything)
        there[there] = everything[places[there]] == keys[there]
        return keys[there]

    def put(self, keys: Keys) -> None:
        self._later.append(np.array(keys, np.int64))

    def drop(self, keys: Keys) -> None:
        everything = self._all()
        self._sorted = everything[~np.isin(everything, keys)]

    def _all(self) -> Keys:
        if self._later:
            self._sorted = np.sort(np.concatenate([self._sorted, *self._later]), kind="stable")
            self._later = []
        return self._sorted


# FAISS's own types are not complete: an index of any kind is Any here, and the two callbacks are not in them.
def _write(file: BinaryIO, write: Callable[..., None], index: Any) -> None:  # noqa: ANN401
    write(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]


def _map(path: Path) -> Any:  # noqa: ANN401
    """An index whose lists stay in the file."""
    try:
        with path.open("rb") as file:
            # By its number where there are numbers, since FAISS takes no name that is not text. It maps it at once.
            by_number = Path(f"/dev/fd/{file.fileno()}")
            index: Any = faiss.read_index(str(by_number if by_number.exists() else path), faiss.IO_FLAG_MMAP)
    except (RuntimeError, OSError, MemoryError) as error:
        raise damaged(path, str(error).rsplit(": ", maxsplit=1)[-1]) from error
    # The 32 threads that read ahead for each question cost more than the question (FAISS 1.15.1); see docs/scale.md.
    faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0  # type: ignore[attr-defined]
    return index


def _read(path: Path, read: Callable[..., Any]) -> Any:  # noqa: ANN401
    try:
        with path.open("rb") as file:
            return read(faiss.PyCallbackIOReader(file.read))  # type: ignore[attr-defined]
    except (RuntimeError, OSError, MemoryError) as error:
        raise damaged(path, str(error).rsplit(": ", maxsplit=1)[-1]) from error


@contextmanager
def _ours(what: str) -> Iterator[None]:
    """What FAISS says of itself, as a sentence of ours."""
    try:
        yield
    except RuntimeError as error:
        raise MatchIndexError(f"{what}: {error}; {REBUILD}") from error
