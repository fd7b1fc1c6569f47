# SPDX-License-Identifier: AGPL-3.0-or-later
"""How large, how quick and how right the index of vectors is, on as many vectors as are asked for.

The vectors are made up, and lie as those of videos do: scenes scattered over the sphere, several shots of each, ten
pictures a shot that wander off from one another, and one shot in twenty of something common (title cards, black rooms)
that is common by Zipf's law. They are made block by block into a file of 16-bit floats. A query is a stored picture
after an edit: a light one leaves a cosine of about 0.93 to it, a heavy one of about 0.65.

- **index**: ``FaissIndex``, built as ``triage`` builds it, by adding a block after the other;
- **exact**: every vector compared, which is also what recall is measured against;
- the others share the index's lists and keep vectors in other codes; *in full* means that the 100 that were proposed
  are put in order by the stored vectors.

With ``--shards N`` it is divided among so many shards instead, each built and written before the next, as ``triage``
does it where an index outgrows one; what they answer is merged. Then all are opened mapped and in memory in turn, and
asked: first with nothing of their files in memory (the system is asked to drop them), then again.

One thread. Machines are noisy and busy: times are of the processor, not of the clock on the wall.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from triage.matches.faiss_index import VECTORS, FaissIndex
from triage.matches.index import search_all
from triage.matches.index_folder import open_folder
from triage.settings import Matching

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
Stored = npt.NDArray[np.float16]
Result = TypeVar("Result")
Search = Callable[[Floats], Keys]

MODEL = "drawn@00000000"
DIM = 128
SHOT = 10
"""Pictures in a shot."""
SHOTS_OF_SCENE = 20
COMMON = 0.05
"""Share of the shots that show something common."""
COMMON_PART = 0.33
"""Length of what all vectors share, beside 1 of their own."""
SPECTRUM = (1 + np.arange(DIM)) ** -0.65 * np.exp(-np.arange(DIM) / 45)
"""Variance along each direction, the largest 1: about that of the 630 background vectors of the net for copies, of
which 20 directions hold three quarters. An edit moves a vector along the same ones."""
PACE, PACE_SPREAD, JITTER = 0.15, 0.4, 0.2
"""Length of the step from a picture to the next, the deviation of its logarithm between shots, and how far each picture
lies beside the way. Pictures of a shot are then at a cosine of 0.95 (next), 0.92 (fifth) and 0.88 (ninth), in the
middle; those of 57 real clips at 0.94, 0.86 and 0.79."""
BLOCK = 100_000
TOP = 10
PROPOSED = 100
EDITS = {"light": 0.4, "heavy": 1.15}
"""Length of what an edit adds to a vector of length 1, in a direction of chance."""
ALTERNATIVES = ("SQ4", "PQ64", "PQ32")
PROBED = (1 / 4, 1, 4)
"""Lists that are looked through, in shares of those that the index would."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    build_s: float
    memory_mib: float
    bytes_a_vector: float
    queries_a_second: float
    recall_light: float
    recall_heavy: float


@dataclass(frozen=True)
class Opened:
    """What shards take once they are open, and how long they take to answer, a line of the second table."""

    name: str
    opening_s: float
    own_mib: float
    """Memory that no file stands behind."""
    of_files_mib: float
    """Pages of the files that are in memory for this process, after all queries; the system may take them back."""
    first_s: float
    """Waited for all queries, with nothing of the files in memory."""
    read_mib: float
    """Read from the disk meanwhile."""
    queries_a_second: float
    """By the processor's time, with the files in memory."""
    recall_light: float
    recall_heavy: float


@dataclass(frozen=True)
class Asked:
    """Queries after one kind of edit, and the right answers."""

    vectors: Floats
    truth: Keys
    """(M, 10)"""

    def recall(self, found: Keys) -> float:
        """Share of the right answers that are among those found."""
        return float(np.mean([len(np.intersect1d(a, b)) / TOP for a, b in zip(found, self.truth, strict=True)]))


def draw(file: Path, count: int, seed: int) -> Stored:
    """(count, 128) vectors in a file, made anew where it does not hold them yet."""
    if file.exists() and file.stat().st_size == count * DIM * 2:
        return np.memmap(file, np.float16, "r", shape=(count, DIM))
    waiting = file.with_suffix(".part")
    stored = np.memmap(waiting, np.float16, "w+", shape=(count, DIM))
    centres = _noise(np.random.default_rng(seed), max(10, count // (SHOT * SHOTS_OF_SCENE)))
    centres = _unit(centres + COMMON_PART * _unit(_noise(np.random.default_rng((seed, 1)), 1)))
    commons = max(10, len(centres) // 100)
    for start in range(0, count, BLOCK):
        rng = np.random.default_rng((seed, start))
        shots = -(-min(BLOCK, count - start) // SHOT)
        is_common = rng.random(shots) < COMMON
        common = (rng.zipf(1.5, shots) - 1) % commons
        scene = np.where(is_common, common, rng.integers(commons, max(commons + 1, len(centres)), shots) % len(centres))
        picture = _unit(centres[scene] + np.where(is_common, 0.1, 0.7).astype(np.float32)[:, None] * _noise(rng, shots))
        pace = np.exp(rng.normal(np.log(PACE), PACE_SPREAD, shots)).astype(np.float32)[:, None]
        block = np.empty((shots, SHOT, DIM), np.float32)
        for place in range(SHOT):
            block[:, place] = _unit(picture + JITTER * _noise(rng, shots))
            picture = _unit(picture + pace * _noise(rng, shots))
        stored[start : start + BLOCK] = block.reshape(-1, DIM)[: count - start]
    stored.flush()
    waiting.replace(file)
    return stored


def blocks(stored: Stored) -> Iterator[tuple[int, Floats]]:
    """Where a block starts, and its vectors at length 1."""
    for start in range(0, len(stored), BLOCK):
        yield start, _unit(stored[start : start + BLOCK].astype(np.float32))


def ask(stored: Stored, count: int, seed: int) -> dict[str, Asked]:
    """As many queries of each edit, with their right answers."""
    rng = np.random.default_rng((seed, 2))
    original = _unit(stored[np.sort(rng.choice(len(stored), count, replace=False))].astype(np.float32))
    queries = {edit: _unit(original + length * _noise(rng, count)) for edit, length in EDITS.items()}
    every = np.concatenate(list(queries.values()))
    best = np.full((len(every), TOP), -2, np.float32)
    keys = np.full((len(every), TOP), -1, np.int64)
    for start, block in blocks(stored):
        alike = every @ block.T
        row, column = np.nonzero(alike > best[:, -1:])
        for each, of_row in zip(*_by(row, column), strict=True):
            both = np.concatenate([best[each], alike[each, of_row]])
            order = np.argsort(-both, kind="stable")[:TOP]
            keys[each], best[each] = np.concatenate([keys[each], start + of_row])[order], both[order]
    return {edit: Asked(queries[edit], part) for edit, part in zip(EDITS, np.split(keys, len(EDITS)), strict=True)}


def measure(name: str, asked: Mapping[str, Asked], search: Search, build_s: float, memory: float, size: float) -> Row:
    """A line of the table, printed as soon as it is known.

    Args:
        memory: MiB.
        size: bytes a vector.
    """
    began = time.process_time()
    found = {edit: search(queries.vectors) for edit, queries in asked.items()}
    took = time.process_time() - began
    count = sum(len(queries.vectors) for queries in asked.values())
    light, heavy = (asked[edit].recall(found[edit]) for edit in EDITS)
    row = Row(name, build_s, memory, size, count / max(took, 1e-9), light, heavy)
    cells = [name, f"{build_s:.0f}", f"{memory:.0f}", f"{size:.0f}", f"{row.queries_a_second:.0f}"]
    print("| " + " | ".join([*cells, f"{light:.3f}", f"{heavy:.3f}"]) + " |", flush=True)
    return row


def of_index(stored: Stored, asked: Mapping[str, Asked], exact_up_to: int) -> tuple[list[Row], FaissIndex]:
    """The index as triage builds it."""
    before, began = _resident_mib(), time.process_time()
    index = FaissIndex(MODEL, DIM, exact_up_to=exact_up_to)
    for start, block in blocks(stored):
        index.add(np.arange(start, start + len(block)), block)
    build_s, memory = time.process_time() - began, _resident_mib() - before
    rows = []
    inner: Any = index._index  # its lists are looked into
    if index.is_exact:
        rows.append(measure("index, exact", asked, lambda q: index.search(q, TOP).keys, build_s, memory, DIM * 4 + 8))
    else:
        usual = inner.nprobe
        for share in PROBED:
            inner.nprobe = round(share * usual)
            name = f"{'**index**' if share == 1 else 'index'}, {inner.nprobe} of {inner.nlist} lists"
            size = inner.code_size + 8
            rows.append(measure(name, asked, lambda q: index.search(q, TOP).keys, build_s, memory, size))
        inner.nprobe = usual
        full = in_full(stored, lambda q: index.search(q, PROPOSED).keys)
        rows.append(measure(f"index, {PROPOSED} in full", asked, full, build_s, memory, inner.code_size + 8))
    return rows, index


def of_shards(
    file: Path, stored: Stored, asked: Mapping[str, Asked], shards: int, exact_up_to: int, work: Path
) -> list[Opened]:
    """The index in so many shards: a line about building it, and one for each way of opening it."""
    size = -(-len(stored) // shards)
    folders = [work / f"shard-{place}" for place in range(shards)]
    built = [
        apart(build, file, len(stored), slice(place * size, (place + 1) * size), exact_up_to, folder)
        for place, folder in enumerate(folders)
    ]
    took, most = sum(each[0] for each in built), max(each[1] for each in built)
    disk = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    print(
        f"\n{shards} shards of {size:,}: built one after the other in {took:.0f} s of the processor, at most "
        f"{most:.0f} MiB; {disk / len(stored):.0f} bytes a vector on the disk\n"
    )
    print(
        "| shards | opened in s | own memory MiB | of files MiB | first time s | read MiB | queries/s | light | heavy |"
    )
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    ways = {"mapped": True, "in memory": False}
    rows = [apart(of_opened, f"{shards}, {way}", folders, asked, mapped) for way, mapped in ways.items()]
    for folder in folders:
        shutil.rmtree(folder)
    return rows


def build(file: Path, count: int, part: slice, exact_up_to: int, folder: Path) -> tuple[float, float]:
    """Seconds of the processor that a shard took, and the most memory in MiB that it had meanwhile."""
    own = np.memmap(file, np.float16, "r", shape=(count, DIM))[part]
    before, began, is_over, seen = _resident_mib(), time.process_time(), threading.Event(), [0.0]

    def watch() -> None:
        while not is_over.wait(0.05):
            seen.append(_resident_mib() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    index = FaissIndex(MODEL, DIM, exact_up_to=exact_up_to)
    for at, block in blocks(own):
        index.add(np.arange(at, at + len(block)) + part.start, block)
    index.save(folder)
    is_over.set()
    watcher.join()
    return time.process_time() - began, max(seen)


def apart(work: Callable[..., Result], *given: object) -> Result:
    """What it gives in a process of its own, where nobody left memory behind."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=faiss.omp_set_num_threads, initargs=(1,)) as process:
        return process.submit(work, *given).result()


def of_opened(name: str, folders: Sequence[Path], asked: Mapping[str, Asked], mapped: bool) -> Opened:
    """Open shards one way, ask them, print a line."""
    own, files, began = _resident_mib(), _resident_mib("RssFile"), time.perf_counter()
    indexes = []
    for folder in folders:
        opened = open_folder(folder, MODEL)
        indexes.append(FaissIndex.of_parts(MODEL, opened.head, opened.file(VECTORS), mapped=mapped))
    opening_s = time.perf_counter() - began
    for folder in folders:
        _drop(folder)
    questions = np.concatenate([queries.vectors for queries in asked.values()])
    read, began = _read_mib(), time.perf_counter()
    search_all(indexes, questions, TOP)
    first_s, read = time.perf_counter() - began, _read_mib() - read
    cpu = time.process_time()
    found = np.split(search_all(indexes, questions, TOP).keys, len(asked))
    took = time.process_time() - cpu
    light, heavy = (asked[edit].recall(part) for edit, part in zip(EDITS, found, strict=True))
    memory, files = _resident_mib() - own, _resident_mib("RssFile") - files
    row = Opened(name, opening_s, memory, files, first_s, read, len(questions) / took, light, heavy)
    cells = [name, *(f"{value:.0f}" for value in (opening_s, memory, files)), f"{first_s:.1f}", f"{read:.0f}"]
    print("| " + " | ".join([*cells, f"{row.queries_a_second:.0f}", f"{light:.3f}", f"{heavy:.3f}"]) + " |", flush=True)
    return row


def in_full(stored: Stored, propose: Search) -> Search:
    """What is proposed, put in order by the stored vectors themselves."""

    def search(queries: Floats) -> Keys:
        proposed = propose(queries)
        found = np.empty((len(queries), TOP), np.int64)
        for place, (query, keys) in enumerate(zip(queries, proposed, strict=True)):
            alike = np.where(keys < 0, -2, _unit(stored[keys].astype(np.float32)) @ query)
            found[place] = keys[np.argsort(-alike, kind="stable")[:TOP]]
        return found

    return search


def of_alternative(codes: str, stored: Stored, asked: Mapping[str, Asked], index: FaissIndex) -> Iterator[Row]:
    """The index's lists, with other codes in them; the second row is put in order in full."""
    inner: Any = index._index
    before, began = _resident_mib(), time.process_time()
    other: Any = faiss.index_factory(DIM, f"IVF{inner.nlist},{codes}", faiss.METRIC_INNER_PRODUCT)
    other.quantizer, other.own_fields, other.nprobe = inner.quantizer, False, inner.nprobe
    other.quantizer_trains_alone = 1
    if codes.startswith("PQ"):
        other.do_polysemous_training = (
            False  # on by default, takes minutes, and only serves a search by Hamming distance
        )
    sample = np.sort(np.random.default_rng(3).choice(len(stored), min(len(stored), 20_000), replace=False))
    other.train(_unit(stored[sample].astype(np.float32)))
    for start, block in blocks(stored):
        other.add_with_ids(block, np.arange(start, start + len(block)))
    build_s, memory, size = time.process_time() - began, _resident_mib() - before, other.code_size + 8
    yield measure(f"{codes}", asked, lambda q: np.asarray(other.search(q, TOP)[1]), build_s, memory, size)

    full = in_full(stored, lambda q: np.asarray(other.search(q, PROPOSED)[1]))
    yield measure(f"{codes}, {PROPOSED} in full", asked, full, build_s, memory, size)


def _by(rows: Keys, columns: Keys) -> tuple[Keys, list[Keys]]:
    """Each different row, and its columns; ``rows`` ascend."""
    different, first = np.unique(rows, return_index=True)
    return different, np.split(columns, first[1:]) if len(different) else []


def _noise(rng: np.random.Generator, count: int) -> Floats:
    """Rows of length 1, about."""
    spread = np.sqrt(SPECTRUM / SPECTRUM.sum()).astype(np.float32)
    return np.asarray(rng.standard_normal((count, DIM), np.float32) * spread, np.float32)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _resident_mib(kind: str = "RssAnon") -> float:
    """Memory of this process that no file stands behind, or of another kind in the system's words."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind)]
    return int(line.split()[1]) / 1024


def _read_mib() -> float:
    """What this process has caused to be read from disks."""
    [line] = [line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("read_bytes")]
    return int(line.split()[1]) / 2**20


def _drop(folder: Path) -> None:
    """Ask the system to forget the files of a folder, so that they are read from the disk again."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Draw, build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=10_000_000)
    parser.add_argument("--queries", type=int, default=300, help="of each kind of edit")
    parser.add_argument("--work", type=Path, required=True, help="folder for the vectors, 256 bytes each, kept there")
    parser.add_argument("--exact-up-to", type=int, default=Matching().exact_up_to, help="vectors; see the settings")
    parser.add_argument("--compare", nargs="*", default=list(ALTERNATIVES), help="other codes, in FAISS's words")
    parser.add_argument(
        "--shards", type=int, nargs="*", default=[], help="numbers of shards to divide it among, instead"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for the table as JSON")
    asked_for = parser.parse_args()
    faiss.omp_set_num_threads(1)
    asked_for.work.mkdir(parents=True, exist_ok=True)
    file = asked_for.work / f"vectors-{asked_for.seed}-{asked_for.vectors}.f16"
    stored = draw(file, asked_for.vectors, asked_for.seed)
    asked = ask(stored, asked_for.queries, asked_for.seed)
    print(f"{len(stored):,} vectors of {DIM}, {asked_for.queries} queries of each edit, one thread\n")
    if asked_for.shards:
        opened = [
            row
            for count in asked_for.shards
            for row in of_shards(file, stored, asked, count, asked_for.exact_up_to, asked_for.work)
        ]
        _keep(asked_for.json, stored, asked_for.queries, opened)
        return
    print("| codes | build s | memory MiB | bytes a vector | queries/s | recall@10, light | recall@10, heavy |")
    print("|---|---|---|---|---|---|---|", flush=True)
    rows, index = of_index(stored, asked, asked_for.exact_up_to)
    if not index.is_exact:
        for codes in asked_for.compare:
            rows += of_alternative(codes, stored, asked, index)
    _keep(asked_for.json, stored, asked_for.queries, rows)


def _keep(file: Path | None, stored: Stored, queries: int, rows: Sequence[Row | Opened]) -> None:
    if file:
        told = {"vectors": len(stored), "dim": DIM, "queries": queries, "rows": [asdict(row) for row in rows]}
        file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
