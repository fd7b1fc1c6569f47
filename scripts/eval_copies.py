# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure the copy descriptor on still pictures that its training has not seen, beside PDQ.

Every held-back picture is a known one and is asked for in some thirty edited forms (`query_edits`, which shares nothing
with the edits of training). Wrong answers are all other known pictures: the other held-back ones, close-ups of faces,
frames of held-back clips, pictures of hash lists' tests. A pair of pictures is as alike as the best of the
combinations of their views that `triage.matches` compares; "whole" is without the views.

Faces: the same picture of a face is pasted into two scenes. If the descriptor knew faces, the scenes would be alike.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import copy_pictures
import cv2
import numpy as np
from bench_copies import opened
from copy_cards import drawn_background
from copy_edits import Picture, Rng, shrink
from eval_objects import DATA, read_picture
from query_edits import PICTURE_EDITS, Other, Size
from query_sources import covering, fitted, rng_of

from triage.matches import pdq
from triage.matches.embedder import Embedder
from triage.matches.likeness import COMBINATIONS, MIRRORED, WHOLE, likeness
from triage.network import switch_off_telemetry
from triage.records import VIEWS, Frame, Video
from triage.settings import Detecting, Precision, Settings

PDQ_BITS = 31
"""Bits that may differ in the matches of PDQ's makers."""
LONGEST_PX = 384
FACE_SHARES = (0.25, 0.45)
"""Height of a pasted face in that of its scene."""
FACES = 120
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class Prints:
    """N pictures: vectors (N, V, 128), background (N, V), PDQ (N, 32) and its quality, whether they say anything."""

    vectors: Numbers
    background: Numbers
    hashes: pdq.Hashes
    qualities: np.ndarray[tuple[int], np.dtype[np.int64]]
    says_something: np.ndarray[tuple[int], np.dtype[np.bool_]]


def jpeg(quality: int) -> Callable[[Rng, Size, Other], Callable[[Picture, float], Picture]]:
    """Compressed as JPEG."""

    def coded(picture: Picture, _: float) -> Picture:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return lambda _rng, _size, _other: coded


def reduced(longest_px: int) -> Callable[[Rng, Size, Other], Callable[[Picture, float], Picture]]:
    """A thumbnail."""
    return lambda _rng, _size, _other: lambda picture, _: shrink(picture, longest_px)


def beside(_rng: Rng, size: Size, other: Other) -> Callable[[Picture, float], Picture]:
    """Left of another picture, as high."""
    return lambda picture, _: np.hstack([picture, covering(other(0.0), *size)])


def tilted(rng: Rng, size: Size, _: Other) -> Callable[[Picture, float], Picture]:
    """Turned by 15 degrees, the corners black."""
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), rng.choice([-15.0, 15.0]), 1.0)
    return lambda picture, _: np.asarray(cv2.warpAffine(picture, matrix, size), np.uint8)


EDITS = {
    **PICTURE_EDITS,
    "JPEG quality 10": jpeg(10),
    "thumbnail of 80 px": reduced(80),
    "side by side": beside,
    "rotated 15°": tilted,
}


def prints(embedder: Embedder, pictures: list[Picture]) -> Prints:
    """Embeddings of pictures, eight at a time."""
    embedded = [one for at in range(0, len(pictures), 8) for one in embedder.embed(frames(pictures[at : at + 8]))]
    return Prints(
        vectors=np.stack([one.vectors for one in embedded]),
        background=np.stack([one.background for one in embedded]),
        hashes=np.stack([one.hash for one in embedded]),
        qualities=np.array([one.quality for one in embedded]),
        says_something=np.array([one.is_comparable for one in embedded]),
    )


def frames(pictures: list[Picture]) -> list[Frame]:
    """Each as the only frame of a video."""
    made = []
    for picture in pictures:
        height, width = picture.shape[:2]
        kept = np.ascontiguousarray(picture)
        kept.flags.writeable = False
        made.append(Frame(Video("0" * 64, Path("still"), width, height, None, "none", "none"), 0, kept))
    return made


def known_pictures(data: Path) -> tuple[list[Picture], list[Picture]]:
    """The pictures that are asked for, and the others that could be taken for them."""
    asked = [path for path in copy_pictures.still_paths(data) if copy_pictures.is_held_back(path)]
    others = sorted((data / "fairface_age" / "images").glob("*.jpg"))[FACES:]
    others += sorted((data / "hash_vectors").rglob("*.jpg"))
    frames = [
        source.picture
        for path in copy_pictures.clip_paths(data)
        if copy_pictures.is_held_back(path)
        for source in copy_pictures.clip_sources(path)
        if copy_pictures.says_something(source.picture)
    ]
    return [small(path) for path in asked], [*map(small, others), *frames]


def small(path: Path) -> Picture:
    """A picture, its longest side at most 384 px, as the queries of the clips are."""
    return shrink(read_picture(path), LONGEST_PX)


def queries(asked: list[Picture], hosts: list[Path], kind: str) -> Iterator[Picture]:
    """Every picture after one kind of edit, its parameters drawn for each."""
    for number, picture in enumerate(asked):
        rng = rng_of("stills", kind, number)
        pool = [small(hosts[place]) for place in rng.choice(len(hosts), 4, replace=False)]
        size = picture.shape[1], picture.shape[0]
        yield EDITS[kind](rng, size, lambda at, pool=pool: pool[int(at / 5) % 4])(picture, 0.0)  # type: ignore[misc]


def table(query: Prints, known: Prints, pairs: tuple[tuple[int, int], ...]) -> Numbers:
    """(Q, K) likeness of every pair in the best of these combinations of views; -1 for what says nothing."""
    best = np.full((len(query.vectors), len(known.vectors)), -1, np.float32)
    for one, other in pairs:
        cosine = query.vectors[:, one] @ known.vectors[:, other].T
        alike = likeness(cosine, query.background[:, one][:, None], known.background[:, other][None])
        best = np.maximum(best, alike.astype(np.float32))
    best[~query.says_something] = -1
    best[:, ~known.says_something] = -1
    return best


def points(right: Numbers, wrong: Numbers) -> tuple[float, float]:
    """Likeness above which no wrong pair is, and above which 1 % of the queries have a wrong one."""
    worst = wrong.max(axis=1)
    return float(worst.max()), float(np.quantile(worst, 0.99)) if len(right) else 0.0


def shares(values: Numbers, kinds: list[str], least: float) -> dict[str, float]:
    """The share of each kind that is above, and of all."""
    by_kind = {
        kind: float((piece > least).mean()) for kind, piece in zip(kinds, np.split(values, len(kinds)), strict=True)
    }
    return {**by_kind, "all": float((values > least).mean())}


def without_own(values: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """Split (Q, K) into the likeness to the right picture (Q,), and the table without it."""
    rows, own = np.arange(len(values)), np.arange(len(values)) % count
    right, wrong = values[rows, own].copy(), values.copy()
    wrong[rows, own] = -1
    return right, wrong


def faces(embedder: Embedder, data: Path, scenes: list[Picture]) -> dict[str, Numbers]:
    """Likeness of two scenes with the same face in both, with two faces, and with none."""
    portraits = [read_picture(path) for path in sorted((data / "fairface_age" / "images").glob("*.jpg"))[:FACES]]
    rng = np.random.default_rng(7)
    orders = [rng.permutation(len(scenes))[:2] for _ in portraits]

    def with_face(scene: Picture, portrait: Picture) -> Picture:
        height, width = scene.shape[:2]
        high = int(rng.uniform(*FACE_SHARES) * height)
        face = fitted(portrait, high, high)[:, : width - 2]
        top, left = int(rng.integers(0, height - high)), int(rng.integers(0, width - face.shape[1]))
        shown = scene.copy()
        shown[top : top + high, left : left + face.shape[1]] = face
        return shown

    first = prints(embedder, [with_face(scenes[order[0]], face) for order, face in zip(orders, portraits, strict=True)])
    same = prints(embedder, [with_face(scenes[order[1]], face) for order, face in zip(orders, portraits, strict=True)])
    turned = [*portraits[1:], portraits[0]]
    other = prints(embedder, [with_face(scenes[order[1]], face) for order, face in zip(orders, turned, strict=True)])
    none = [prints(embedder, [scenes[order[place]] for order in orders]) for place in (0, 1)]
    pairs = {"same face": (first, same), "two faces": (first, other), "no face": (none[0], none[1])}
    return {name: np.diagonal(table(one, two, COMBINATIONS)) for name, (one, two) in pairs.items()}


def cards(embedder: Embedder) -> Numbers:
    """Likeness of every two of 90 drawn title cards, patterns, dark rooms and the like, -1 where one says nothing.

    They are drawn by the code that drew the background set, and are none of it.
    """
    drawn = prints(embedder, list(drawn_background(np.random.default_rng(77), 90)))
    return np.asarray(table(drawn, drawn, COMBINATIONS)[np.triu_indices(90, 1)])


def milliseconds(embedder: Embedder, pictures: list[Picture]) -> float:
    """Median time of all that is done with a picture: borders, views, network, hash, background."""
    times = []
    for picture in frames(pictures[:40]):
        begun = time.perf_counter()
        embedder.embed([picture])
        times.append(time.perf_counter() - begun)
    return float(1000 * np.median(times))


def evaluate(embedder: Embedder, data: Path) -> dict[str, object]:
    """Every figure."""
    asked, others = known_pictures(data)
    hosts = [path for path in copy_pictures.still_paths(data) if not copy_pictures.is_held_back(path)]
    known = prints(embedder, [*asked, *others])
    kinds = list(EDITS)
    parts = [prints(embedder, list(queries(asked, hosts, kind))) for kind in kinds]
    query = Prints(*(np.concatenate([getattr(part, name) for part in parts]) for name in Prints.__dataclass_fields__))
    bits = pdq.distances(query.hashes, known.hashes).astype(np.float32)
    bits[query.qualities < 50] = 256
    whole = ((WHOLE, WHOLE),)
    tables = {
        "whole": table(query, known, whole),
        "views": table(query, known, COMBINATIONS),
        "PDQ": -bits,
    }
    result: dict[str, object] = {"asked": len(asked), "known": len(known.vectors), "queries": len(query.vectors)}
    for name, values in tables.items():
        right, wrong = without_own(values if name != "PDQ" else values + 0.0, len(asked))
        if name == "PDQ":
            wrong[wrong == -1] = -256  # the place of the right one
            result["PDQ at 31 bits"] = shares(right, kinds, -PDQ_BITS - 0.5)
            result["PDQ wrong within 31 bits"] = float((wrong >= -PDQ_BITS).any(axis=1).mean())
        zero, one = points(right, wrong)
        result[name] = {
            "zero": zero,
            "one": one,
            "at zero": shares(right, kinds, zero),
            "at 1 %": shares(right, kinds, one),
        }
        result[f"{name} quantiles"] = {
            "copies 1, 5, 10, 25, 50 %": np.quantile(right, (0.01, 0.05, 0.1, 0.25, 0.5)).round(3).tolist(),
            "others 50, 99, 99.9, 99.99, 100 %": np.quantile(wrong, (0.5, 0.99, 0.999, 0.9999, 1)).round(3).tolist(),
        }
    result["mirror told"] = mirror_told(query, known, kinds, len(asked))
    alike = faces(embedder, data, asked)
    result["faces"] = {name: np.quantile(values, (0.5, 0.9, 1.0)).round(3).tolist() for name, values in alike.items()}
    result["drawn cards 50, 90, 99, 100 %"] = np.quantile(cards(embedder), (0.5, 0.9, 0.99, 1.0)).round(3).tolist()
    result["ms"] = milliseconds(embedder, asked)
    return result


def mirror_told(query: Prints, known: Prints, kinds: list[str], count: int) -> Mapping[str, float]:
    """Of mirrored and of other queries, the share whose mirrored view is more like the right picture than any other."""
    rows, own = np.arange(len(query.vectors)), np.arange(len(query.vectors)) % count
    cosines = [(query.vectors[rows, one] * known.vectors[own, other]).sum(1) for one, other in COMBINATIONS]
    best = np.stack(cosines, 1).argmax(1) == COMBINATIONS.index((MIRRORED, WHOLE))
    is_mirrored = np.repeat([kind == "mirrored" for kind in kinds], count)
    is_mixed = np.repeat([kind == "three edits" for kind in kinds], count)
    return {"mirrored": float(best[is_mirrored].mean()), "others": float(best[~is_mirrored & ~is_mixed].mean())}


def as_markdown(result: dict[str, object]) -> str:
    """The table of edits, and the other figures."""
    ours, whole, hashes = (dict(result[name]) for name in ("views", "whole", "PDQ"))  # type: ignore[call-overload]
    plain = dict(result["PDQ at 31 bits"])  # type: ignore[call-overload]
    lines = [
        f"| edit | {len(VIEWS)} views, no wrong pair | 1 % wrong | whole, no wrong pair | PDQ, 31 bits |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {kind} | {ours['at zero'][kind]:.2f} | {ours['at 1 %'][kind]:.2f} | {whole['at zero'][kind]:.2f} "
        f"| {plain[kind]:.2f} |"
        for kind in (*EDITS, "all")
    ]
    lines.append(f"PDQ at its own zero point ({-hashes['zero']:.0f} bits): {hashes['at zero']['all']:.2f}")
    lines.append(f"points: views {ours['zero']:.3f}, {ours['one']:.3f}; whole {whole['zero']:.3f}, {whole['one']:.3f}")
    rest = {name: value for name, value in result.items() if name not in {"views", "whole", "PDQ", "PDQ at 31 bits"}}
    return "\n".join([*lines, *(f"{name}: {value}" for name, value in rest.items())])


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="an ONNX file, its background beside it; without, the shipped one")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--precision", type=Precision, choices=list(Precision), default=Precision.FAST)
    parser.add_argument("--json", type=Path, help="also write every figure here")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    switch_off_telemetry()
    settings = Settings(detecting=Detecting(precision=options.precision))
    result = evaluate(opened(options.model, settings), options.data)
    print(as_markdown(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
