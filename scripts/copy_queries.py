#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Make a bank of known clips, edited copies of them, and as many videos that are no copies, with the truth about each.

The clips are benign: short public ones, and clips made of stills under a moving camera (`query_footage.py`). Every
video depends on the seed and its own number alone, so a larger ``--count`` adds to a smaller one, a run that was
stopped goes on where it was, and two runs do not disturb each other.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from eval_objects import DATA
from query_footage import Footage
from query_kinds import COPIES, HOUR, Coding, Made, Timed, in_an_hour, ms_of, timed
from query_others import OTHERS
from query_sources import RATE, even, rng_of

HOUR_ROUND = 1
"""The round of kinds in which the clip is hidden in an hour, instead of in a minute or two."""


def write(path: Path, pictures: Timed, coding: Coding) -> None:
    """One video; it appears whole or not at all."""
    handle, unfinished = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
    os.close(handle)
    with av.open(unfinished, "w") as container:
        stream = container.add_stream(coding.codec, rate=RATE, options=dict(coding.options))
        assert isinstance(stream, av.VideoStream)
        stream.codec_context.thread_count = 1
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if coding.bits_per_s:
            stream.bit_rate = coding.bits_per_s
        is_first = True
        for time_ms, picture in pictures:
            shown = even(picture)
            if is_first:
                stream.height, stream.width = shown.shape[:2]
                is_first = False
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    Path(unfinished).replace(path)


@dataclass(frozen=True)
class Asked:
    """A query to be made, by its number among the copies or the others."""

    name: str
    kind: str
    number: int


def plan(count: int) -> Iterator[Asked]:
    """Copies and others in turn, so that the first half of a set is a set of its own."""
    kinds = [kind for kind, (_, weight) in OTHERS.items() for _ in range(weight)]
    for number in range(count):
        kind = list(COPIES)[number % len(COPIES)]
        kind = HOUR if kind == "inserted in a longer one" and number // len(COPIES) == HOUR_ROUND else kind
        yield Asked(f"c{number:04}", kind, number)
        yield Asked(f"o{number:04}", kinds[number % len(kinds)], number)


def make(footage: Footage, asked: Asked) -> Made:
    """What was asked for; the known clips take turns, each kind in an order of its own."""
    rng = rng_of(footage.seed, asked.name)
    if asked.kind in OTHERS:
        return OTHERS[asked.kind][0](footage, rng)
    order = rng_of(footage.seed, asked.kind).permutation(len(footage.references))
    reference = footage.references[order[asked.number // len(COPIES) % len(order)]]
    return (in_an_hour if asked.kind == HOUR else COPIES[asked.kind])(footage, reference, rng)


def main() -> None:
    """Write everything that is not there yet, and the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "bench_copies")
    parser.add_argument("--count", type=int, default=560, help="edited copies, and as many others")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    footage = Footage(options.data, options.seed)
    for folder in ("bank", "queries"):
        (options.work / folder).mkdir(parents=True, exist_ok=True)
    known = []
    for one in footage.references:
        path = options.work / "bank" / f"{one.name.replace(' ', '_')}.mp4"
        if not path.exists():
            write(path, timed(footage.pictures(one.name)), Coding(options={"crf": "20", "preset": "superfast"}))
        length = ms_of(len(footage.pictures(one.name)))
        known.append({"name": one.name, "file": f"bank/{path.name}", "kind": one.kind, "length_ms": length,
                      "was_trained_on": one.was_trained_on})  # fmt: skip
    print(f"{len(known)} known clips, {sum(bool(one['was_trained_on']) for one in known)} of them seen in training")
    rows = []
    for done, asked in enumerate(plan(options.count)):
        path, note = (options.work / "queries" / f"{asked.name}{ending}" for ending in (".mp4", ".json"))
        if not note.exists():
            made = make(footage, asked)
            write(path, made.pictures, made.coding)
            row = {"file": f"queries/{path.name}", "kind": asked.kind, "edit": made.edit, "source": made.source,
                   "copies": [asdict(copy) for copy in made.copies]}  # fmt: skip
            note.write_text(json.dumps(row))
        rows.append(json.loads(note.read_text()))
        if done % 40 == 39 or done + 1 == 2 * options.count:
            write_truth(options.work / "truth.json", options.seed, known, rows)
            print(f"{done + 1} of {2 * options.count}", flush=True)


def write_truth(path: Path, seed: int, known: Sequence[object], rows: Sequence[object]) -> None:
    """All that was made so far."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps({"seed": seed, "references": known, "queries": rows}, indent=1))
    unfinished.replace(path)


if __name__ == "__main__":
    main()
