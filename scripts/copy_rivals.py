# SPDX-License-Identifier: AGPL-3.0-or-later
"""Other ways to find copies, for `bench_copies.py`: PDQ frame by frame, vPDQ, and imagehash.

All three compare hashes of single pictures. A query and a clip are as alike as the larger of two shares, as in vPDQ: of
the query's pictures that have a counterpart in the clip, and of the clip's that have one in the query. Stretches of
time are runs of pictures whose counterparts follow each other; none of the three makes any itself, so these are our
doing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from triage.evaluation.overlaps import Stretch
from triage.frames.pyav import open_video
from triage.matches import pdq
from triage.settings import Sampling

Array = NDArray[Any]
PDQ_BITS = 31
"""Bits of 256 that may differ, of PDQ's makers."""
PDQ_QUALITY = 50
"""Below which they advise against a hash."""
IMAGE_BITS = 10
"""Bits of 64 that may differ of imagehash's phash; its README names none, its examples use up to 10."""
VPDQ_STEP_S = 1.0
"""Its default."""
RUN_GAP_STEPS, RUN_BACK_MS, RUN_AHEAD = 3.5, 1000, 4.0
"""A run of pictures goes on over a gap of so many steps, back by so many ms, and ahead so many times as fast."""


@dataclass(frozen=True)
class Answer:
    """What one way says of a query and a known clip."""

    query: str
    reference: str
    score: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Hashes:
    """The hashes of one video."""

    times_ms: Array
    """(N,)"""
    bits: Array
    """(N, bytes) uint8"""
    step_ms: float
    cpu_s: float
    """What it took to decode and hash, in seconds of the processor."""


def hashed(path: Path, kinds: Sequence[str]) -> dict[str, Hashes]:
    """Hashes of the pictures that a scan would look at. The time of decoding is counted to each kind."""
    import imagehash
    from PIL import Image

    started = time.process_time()
    with open_video(path, hashlib.sha256(path.read_bytes()).hexdigest(), Sampling()) as source:
        frames = list(source.frames())
    decoded_s = time.process_time() - started
    times = np.array([frame.time_ms for frame in frames], np.int64)
    made = {}
    for kind in kinds:
        started = time.process_time()
        if kind == "pdq":
            both = [pdq.compute(frame.image) for frame in frames]
            kept = np.array([quality >= PDQ_QUALITY for _, quality in both], bool)
            bits = np.array([packed for packed, _ in both], np.uint8).reshape(-1, 32)
        else:
            pictures = (Image.fromarray(frame.image[..., ::-1]) for frame in frames)
            bits = np.array([np.packbits(imagehash.phash(one).hash) for one in pictures], np.uint8).reshape(-1, 8)
            kept = np.ones(len(bits), bool)
        cpu_s = decoded_s + time.process_time() - started
        made[kind] = Hashes(times[kept], bits[kept], float(Sampling().step_ms), cpu_s)
    return made


def hashed_by_vpdq(path: Path) -> Hashes:
    """The features of the vpdq package, one a second."""
    import vpdq

    started = time.process_time()
    features = vpdq.computeHash(str(path), seconds_per_hash=VPDQ_STEP_S, thread_count=1)
    kept = [one for one in features if one.quality >= PDQ_QUALITY]
    bits = np.array([np.frombuffer(bytes.fromhex(one.hex), np.uint8) for one in kept], np.uint8).reshape(-1, 32)
    times = np.array([one.timestamp * 1000 for one in kept], np.int64)
    return Hashes(times, bits, VPDQ_STEP_S * 1000, time.process_time() - started)


class HashIndex:
    """All pictures of all known clips in FAISS's binary index, and which clip each is of."""

    def __init__(self, known: Mapping[str, Hashes], largest_distance: int) -> None:
        self._known = known
        self._names = list(known)
        self._largest = largest_distance
        rows = np.concatenate([one.bits for one in known.values()])
        self._clip = np.repeat(np.arange(len(known)), [len(one.bits) for one in known.values()])
        self._first = np.cumsum([0, *(len(one.bits) for one in known.values())])
        self._index = faiss.IndexBinaryFlat(rows.shape[1] * 8)
        self._index.add(np.ascontiguousarray(rows))

    def ask(self, name: str, query: Hashes) -> list[Answer]:
        """Every clip with a picture like one of the query's."""
        if not len(query.bits):
            return []
        limits, distances, rows = self._index.range_search(np.ascontiguousarray(query.bits), self._largest + 1)
        asked = np.repeat(np.arange(len(query.bits)), np.diff(limits).astype(int))
        answers = []
        for clip in np.unique(self._clip[rows]):
            mine = self._clip[rows] == clip
            stored = self._known[self._names[clip]]
            pairs = asked[mine], rows[mine] - self._first[clip], distances[mine]
            answers.append(_answer(name, self._names[clip], query, stored, *pairs, self._largest))
        return answers


def _answer(
    name: str, reference: str, query: Hashes, stored: Hashes, asked: Array, rows: Array, distances: Array, largest: int
) -> Answer:
    share = max(len(np.unique(asked)) / len(query.bits), len(np.unique(rows)) / len(stored.bits))
    # So that equal shares, of which there are many, are ranked by how near the pictures are.
    score = share - 1e-3 * float(distances.mean()) / (largest + 1)
    return Answer(name, reference, score, tuple(_runs(query, stored, asked, rows, distances)))


def _runs(query: Hashes, stored: Hashes, asked: Array, rows: Array, distances: Array) -> list[Stretch]:
    best: dict[int, tuple[int, int]] = {}
    for picture, row, distance in zip(asked.tolist(), rows.tolist(), distances.tolist(), strict=True):
        best[picture] = min(best.get(picture, (999, 0)), (distance, row))
    runs: list[list[tuple[float, float]]] = []
    for picture in sorted(best):
        here = float(query.times_ms[picture]), float(stored.times_ms[best[picture][1]])
        if runs:
            ahead_ms, moved_ms = here[0] - runs[-1][-1][0], here[1] - runs[-1][-1][1]
            if ahead_ms <= RUN_GAP_STEPS * query.step_ms and -RUN_BACK_MS <= moved_ms <= RUN_AHEAD * ahead_ms:
                runs[-1].append(here)
                continue
        runs.append([here])
    step = query.step_ms
    return [
        (run[0][0], run[-1][0] + step, min(at for _, at in run), max(at for _, at in run) + step)
        for run in runs
        if len(run) > 1 or len(runs) == 1
    ]


def cached(folder: Path, kind: str, files: Mapping[str, Path]) -> dict[str, Hashes]:
    """The hashes of these files, made where they are not yet in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Hashes] = {}
    for name, path in files.items():
        place = folder / f"{path.parent.name}_{path.stem}.{kind}.npz"
        if not place.exists():
            whole = {"vpdq": hashed_by_vpdq(path)} if kind == "vpdq" else hashed(path, ("pdq", "imagehash"))
            for each, hashes in whole.items():
                keep(folder / f"{path.parent.name}_{path.stem}.{each}.npz", hashes)
        made[name] = read(place)
    return made


def keep(place: Path, hashes: Hashes) -> None:
    """Write hashes, whole or not at all."""
    unfinished = place.with_suffix(".part.npz")
    np.savez(unfinished, times_ms=hashes.times_ms, bits=hashes.bits, of=np.array([hashes.step_ms, hashes.cpu_s]))
    unfinished.replace(place)


def read(place: Path) -> Hashes:
    with np.load(place, allow_pickle=False) as stored:
        step_ms, cpu_s = stored["of"].tolist()
        return Hashes(stored["times_ms"], stored["bits"], step_ms, cpu_s)


RIVALS: Mapping[str, tuple[str, int]] = {
    "PDQ frames in FAISS binary, 31 bits": ("pdq", PDQ_BITS),
    "vpdq package, 31 bits": ("vpdq", PDQ_BITS),
    "imagehash phash, 10 of 64 bits": ("imagehash", IMAGE_BITS),
}
"""What it is called in the table, its kind of hash, and how many bits may differ."""
