#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Edited copies and videos that are no copies, looked up in a bank of known clips by several systems: one table.

The videos are those of `copy_queries.py`. **ours** is what `triage match CASE --bank BANK` does: pictures as a scan
looks at them, the shipped descriptor, candidates from the index, then alignment. The rows below it leave out one part
each. A pair is ranked by its best stretch: mean likeness, less where that is shorter than 3 s. Figures have 95 %
intervals over known clips, redrawn with all their queries, since queries of one clip are alike.

Speed is in queries per second of one processor core, decoding and descriptor included, against this bank; bytes are
those that are kept for an hour of video. The vpdq package needs FFmpeg's headers to be built; it and imagehash are left
out where they are not installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import faiss
import numpy as np
from copy_figures import Judge, System, Truth, by_kind, examples, false_by_kind, heading, table
from copy_rivals import RIVALS, Answer, HashIndex, cached
from numpy.typing import NDArray

from triage.fingerprint_file import dump_fingerprint, load_fingerprint
from triage.frames.pyav import open_video
from triage.matches import likeness, view_embedder
from triage.matches.compare import compare
from triage.matches.embedder import Embedder
from triage.matches.registry import open_embedder, open_with
from triage.matches.video_index import VideoIndex
from triage.network import switch_off_telemetry
from triage.records import VIEWS, Fingerprint, Overlap, Role, View
from triage.settings import Matching, Sampling, Settings, load_settings
from triage.weights import Weights

Array = NDArray[Any]
RANKED_MS = 3000
"""A stretch that lasts longer, in both videos, ranks no higher for it; a shorter one ranks lower in proportion."""
HOUR_MS = 3_600_000
BATCH = 8


class Prints:
    """Fingerprints of files, kept in a folder under the model's name."""

    def __init__(self, folder: Path, embedder: Embedder, recipe: str = "") -> None:
        self._folder = folder / (embedder.model + recipe)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._embedder = embedder

    def of(self, path: Path) -> Fingerprint:
        place = self._folder / f"{path.parent.name}_{path.stem}.npz"
        if not place.exists():
            started = time.process_time()
            fingerprint = self._made(path)
            place.with_suffix(".s").write_text(str(time.process_time() - started))
            unfinished = place.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(dump_fingerprint(fingerprint))
            unfinished.replace(place)
        return load_fingerprint(place.read_bytes(), place)

    def cpu_s(self, path: Path) -> float:
        return float((self._folder / f"{path.parent.name}_{path.stem}.s").read_text())

    def bytes_of(self, path: Path) -> int:
        return (self._folder / f"{path.parent.name}_{path.stem}.npz").stat().st_size

    def _made(self, path: Path) -> Fingerprint:
        video = hashlib.sha256(path.read_bytes()).hexdigest()
        embeddings, batch = [], []
        with open_video(path, video, Sampling()) as source:
            for frame in source.frames():
                batch.append(frame)
                if len(batch) == BATCH:
                    embeddings += self._embedder.embed(batch)
                    batch = []
            embeddings += self._embedder.embed(batch)
            length_ms, stood = source.coverage().reached_ms, source.stood_ms()
        return Fingerprint.of(video, self._embedder.model, length_ms, embeddings, stood, self._embedder.dim)


def looked_up(
    name: str,
    known: Mapping[str, Fingerprint],
    asked: Mapping[str, Fingerprint],
    settings: Matching,
    *,
    all_pairs: bool,
) -> System:
    """Every query against the bank, as a case is matched: candidates of either side, then alignment."""
    started = time.process_time()
    wanted = _candidates(known, asked, settings) if not all_pairs else dict.fromkeys(asked, frozenset(known))
    answers = []
    for query, fingerprint in asked.items():
        for reference in sorted(wanted[query]):
            overlap = compare(fingerprint, known[reference], settings)
            if overlap is not None:
                answers.append(_answer(query, reference, overlap))
    return System(name, tuple(answers), (time.process_time() - started) / max(1, len(asked)))


def _candidates(
    known: Mapping[str, Fingerprint], asked: Mapping[str, Fingerprint], settings: Matching
) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {query: set() for query in asked}
    clips, videos = (_indexed(one.values()) for one in (known, asked))
    clip_names = {one.video: name for name, one in known.items()}
    names: dict[str, list[str]] = {}
    for query, one in asked.items():
        names.setdefault(one.video, []).append(query)
        found[query] |= {clip_names[video] for video in clips.candidates(one, settings)}
    for clip, one in known.items():
        for video in videos.candidates(one, settings):
            for query in names[video]:
                found[query].add(clip)
    return {query: frozenset(clips) for query, clips in found.items()}


def _indexed(fingerprints: Iterable[Fingerprint]) -> VideoIndex:
    index: VideoIndex | None = None
    for one in fingerprints:
        index = index or VideoIndex(one.model, one.vectors.shape[2])
        if one.video not in index:
            index.add(one)
    assert index is not None
    return index


def _answer(query: str, reference: str, overlap: Overlap) -> Answer:
    boxes = tuple(
        (float(one.query_start_ms), float(one.query_end_ms), float(one.stored_start_ms), float(one.stored_end_ms))
        for one in overlap.segments
    )
    lasting = [min(1.0, min(box[1] - box[0], box[3] - box[2]) / RANKED_MS) for box in boxes]
    score = max(one.similarity * last for one, last in zip(overlap.segments, lasting, strict=True))
    return Answer(query, reference, score, boxes)


def without_views(prints: Mapping[str, Fingerprint], views: Sequence[View]) -> dict[str, Fingerprint]:
    """The same, those views alike to nothing."""
    columns = [VIEWS.index(view) for view in views]

    def blank(one: Fingerprint) -> Fingerprint:
        vectors = one.vectors.copy()
        vectors[:, columns] = 0
        return replace(one, vectors=vectors)

    return {name: blank(one) for name, one in prints.items()}


def with_one_background(prints: Mapping[str, Fingerprint], level: float) -> dict[str, Fingerprint]:
    """The same, likeness weighed against one number: a title card is then no less telling than a face."""
    return {name: replace(one, background=np.full_like(one.background, level)) for name, one in prints.items()}


@contextmanager
def no_borders() -> Any:  # noqa: ANN401  a context manager of nothing
    """Whatever is embedded inside keeps its borders."""
    with mock.patch.object(view_embedder, "find_borders", return_value=(0.0, 0.0, 0.0, 0.0)):
        yield


def with_borders_kept(
    prints: Mapping[str, Fingerprint], files: Mapping[str, Path], kept: Prints
) -> dict[str, Fingerprint]:
    """The same, those videos whose borders were cut off embedded with them."""
    with no_borders():
        return {name: kept.of(files[name]) if one.borders.any() else one for name, one in prints.items()}


class Ours:
    """Our way over one set of queries, whole or with a part left out."""

    def __init__(self, truth: Truth, embedder: Embedder, settings: Settings, work: Path, *, all_pairs: bool) -> None:
        self._truth, self._embedder, self._settings, self._work = truth, embedder, settings, work
        self._all_pairs = all_pairs
        self._files = {query.name: query.path for query in truth.queries}
        prints = Prints(work / "prints", embedder)
        self._known = {name: prints.of(path) for name, path in truth.clips.items()}
        self._asked = {name: prints.of(path) for name, path in self._files.items()}
        self._made_s = float(np.mean([prints.cpu_s(path) for path in self._files.values()]))
        hours = sum(one.length_ms for one in self._known.values()) / HOUR_MS
        self._hour_bytes = sum(prints.bytes_of(path) for path in truth.clips.values()) / hours

    def whole(self) -> System:
        return self._system("ours", self._known, self._asked)

    def parts(self) -> list[System]:
        """With one part left out in each."""
        parts = [view for view in VIEWS if view not in {View.WHOLE, View.MIRRORED}]
        level = float(np.mean([one.background[:, 0].mean() for one in self._known.values()]))
        changes: dict[str, Callable[[Mapping[str, Fingerprint]], dict[str, Fingerprint]]] = {
            "without the mirrored view": lambda prints: without_views(prints, [View.MIRRORED]),
            "without quarters and middle": lambda prints: without_views(prints, parts),
            "with one background for all": lambda prints: with_one_background(prints, level),
        }
        systems = [self._system(name, change(self._known), change(self._asked)) for name, change in changes.items()]
        with mock.patch.object(likeness, "SAME_BITS", -1):
            systems.append(self._system("without PDQ", self._known, self._asked))
        kept = Prints(self._work / "prints", self._embedder, " borders kept")
        known = with_borders_kept(self._known, self._truth.clips, kept)
        asked = with_borders_kept(self._asked, self._files, kept)
        return [*systems, self._system("without finding borders", known, asked)]

    def _system(self, name: str, known: Mapping[str, Fingerprint], asked: Mapping[str, Fingerprint]) -> System:
        found = looked_up(name, known, asked, self._settings.matching, all_pairs=self._all_pairs)
        print(f"{name}: {found.query_cpu_s:.3f} s of the processor to look one up, {self._made_s:.3f} to make it")
        return replace(found, query_cpu_s=found.query_cpu_s + self._made_s, hour_bytes=self._hour_bytes)


def rivals(truth: Truth, work: Path) -> list[System]:
    """PDQ, vpdq and imagehash, as far as they are installed."""
    files = {query.name: query.path for query in truth.queries}
    systems = []
    for name, (kind, largest) in RIVALS.items():
        try:
            known, asked = (cached(work / "hashes", kind, paths) for paths in (truth.clips, files))
        except ImportError as error:
            print(f"{name}: left out, {error}")
            continue
        started = time.process_time()
        index = HashIndex(known, largest)
        answers = [answer for query, hashes in asked.items() for answer in index.ask(query, hashes)]
        asking_s = (time.process_time() - started) / len(asked)
        cpu_s = asking_s + float(np.mean([one.cpu_s for one in asked.values()]))
        hours = sum(float(one.times_ms[-1]) for one in known.values() if len(one.times_ms)) / HOUR_MS
        hour_bytes = sum(one.bits.nbytes + 8 * len(one.bits) for one in known.values()) / hours
        systems.append(System(name, tuple(answers), cpu_s, hour_bytes))
    return systems


def opened(weights: Path | None, settings: Settings) -> Embedder:
    """The shipped descriptor, or the one in a file with its background beside it."""
    if weights is None:
        embedder = open_embedder(settings)
        if embedder is None:
            raise SystemExit("there are no weights that find copies; give a file with --weights")
        return embedder
    background = weights.with_suffix(".background.npy")
    made = Weights(
        name=weights.stem,
        roles=(Role.COPIES,),
        file=weights,
        sha256=_sha256(weights),
        licence="",
        origin="",
        labels={},
        input_px=_side_px(weights),
        card=weights,
        reader="copies",
        background=background,
        background_sha256=_sha256(background),
    )
    return open_with(made, settings)


def _side_px(path: Path) -> int:
    import onnx

    shape = onnx.load(str(path), load_external_data=False).graph.input[0].type.tensor_type.shape
    return int(shape.dim[2].dim_value)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Print the tables, and keep them in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "bench_copies")
    parser.add_argument("--count", type=int, default=10_000, help="only the first so many copies, and as many others")
    parser.add_argument(
        "--parts", type=int, default=160, help="copies for the rows that leave out a part; 0: no such rows"
    )
    parser.add_argument("--weights", type=Path, help="an ONNX file, its background beside it; without, the shipped one")
    parser.add_argument("--without", choices=("ours", "rivals"), action="append", default=[])
    parser.add_argument("--all-pairs", action="store_true", help="align every query with every clip, candidates or not")
    parser.add_argument("--prepare", choices=("forwards", "backwards"), help="only make fingerprints, from either end")
    parser.add_argument("--to", default="table.md", help="name of the file in the folder")
    options = parser.parse_args()
    switch_off_telemetry()
    cv2.setNumThreads(1)
    faiss.omp_set_num_threads(1)
    truth = Truth.read(options.work, options.count)
    settings = load_settings().settings
    embedder = None if "ours" in options.without else opened(options.weights, settings)
    if embedder is not None and options.prepare:
        prints = Prints(options.work / "prints", embedder)
        files = [*truth.clips.values(), *(query.path for query in truth.queries)]
        for path in files if options.prepare == "forwards" else reversed(files):
            prints.of(path)
        return
    judge = Judge(truth)
    systems: list[System] = []
    if embedder is not None:
        systems.append(Ours(truth, embedder, settings, options.work, all_pairs=options.all_pairs).whole())
    if "rivals" not in options.without:
        systems += rivals(truth, options.work)
    told = [heading(truth), table(systems, judge), by_kind(systems, judge), false_by_kind(systems, judge)]
    if embedder is not None and options.parts:
        fewer = Truth.read(options.work, min(options.parts, options.count))
        ours = Ours(fewer, embedder, settings, options.work, all_pairs=options.all_pairs)
        told += [heading(fewer), table([ours.whole(), *ours.parts()], Judge(fewer))]
    text = "\n\n".join(told)
    (options.work / options.to).write_text(text + "\n\n" + examples(systems[0], judge) + "\n")
    print(text)


if __name__ == "__main__":
    main()
