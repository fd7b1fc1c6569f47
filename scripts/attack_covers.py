# SPDX-License-Identifier: AGPL-3.0-or-later
"""Can a covered face be told by covering everybody it might be? And what a cover costs.

The attacker has the very photographs of which the covered frames were made, one of each of N people, and the program:
each photograph is covered at many shifts and sizes, and the covered face is whoever lies nearest. It sees 1, 10 or 100
frames of one face, each moved by up to 4 % of the box, up to 8 % larger or smaller and coded as JPEG, and averages
them, so that noise which is drawn anew for every frame goes away. What it sees is not coded again, and where a style
has a pattern of its own the attacker knows it: both make it easier than with any real copy. An attacker with other
photographs of the same people knows less than this one. What shows around a box, hair or clothes, is not the style's
to hide, and is the same for all here. Covers of faces are made in memory and kept nowhere.

A style that hides identity must not do better than guessing, 1 / N. Beside the styles stand mosaics as they are
commonly made, from 16 cells across down to one, with colours rounded and noise added.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import sqrt
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from triage.geometry import Box
from triage.redaction.styles.rectangles import Image
from triage.redaction.styles.registry import STYLES

FACES = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "fairface_age" / "images"
SIDE = 96
"""Pixels of the covered face, and so of the box."""
MARGIN = 32
SHARE = 0.7
"""Of the photograph's side: the face without most of what is around it."""
FRAMES = (1, 10, 100)
LOOK = 16
"""Rows and columns of what the attacker compares."""

Vectors: TypeAlias = npt.NDArray[np.float32]
Conceal: TypeAlias = Callable[[Image, int], None]
"""Covers the box of a frame, in place; the number is of whoever is shown, for noise that stays with one face."""


@dataclass(frozen=True)
class Mosaic:
    """Pixelation proper: the mean of each cell."""

    cells: int
    levels: int = 256
    """That a colour is rounded to."""
    noise: float = 0.0
    """Standard deviation, in grey levels, of what is added to each cell."""
    keeps_noise: bool = False
    """One draw for all frames of a face, rather than one per frame."""

    def __str__(self) -> str:
        kind = "" if not self.noise else f", {'kept' if self.keeps_noise else 'fresh'} noise {self.noise:.0f}"
        return f"mosaic {self.cells}x{self.cells}" + (f", {self.levels} levels" if self.levels < 256 else "") + kind

    def __call__(self, frame: Image, face: int) -> None:
        inside = frame[MARGIN:-MARGIN, MARGIN:-MARGIN]
        means = cv2.resize(inside, (self.cells, self.cells), interpolation=cv2.INTER_AREA).reshape(
            self.cells, self.cells, 3
        )
        step = 256 / self.levels
        values = (np.floor(means / step) + 0.5) * step
        if self.noise:
            rng = np.random.default_rng((face, 7) if self.keeps_noise else None)
            values += rng.normal(0, self.noise, values.shape)
        cells = np.clip(values, 0, 255).astype(np.uint8)
        inside[:] = cv2.resize(cells, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


MOSAICS = (
    Mosaic(16),
    Mosaic(6, 8),
    Mosaic(4, 4),
    Mosaic(4, 4, 32, keeps_noise=False),
    Mosaic(4, 4, 32, keeps_noise=True),
    Mosaic(2, 3),
    Mosaic(2, 3, 32, keeps_noise=True),
    Mosaic(1, 3),
    Mosaic(1, 3, 32, keeps_noise=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--faces", type=Path, default=FACES, help="folder of photographs, one a person, face in the middle"
    )
    parser.add_argument("--count", type=int, default=200, help="people among whom the attacker chooses")
    parser.add_argument("--only-speed", action="store_true", help="say what the styles cost and attack nothing")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    speeds()
    if not asked.only_speed:
        attack(asked.faces, asked.count, asked.seed)


def attack(folder: Path, count: int, seed: int) -> None:
    """Print who is told, by style and frames."""
    rng = np.random.default_rng(seed)
    photos = [read(path) for path in sorted(folder.glob("*.jpg"))[:count]]
    background = scene(rng)
    styles: Mapping[str, Conceal] = {style.value: partial(covered, style=apply) for style, apply in STYLES.items()} | {
        str(mosaic): mosaic for mosaic in MOSAICS
    }
    print(f"\n{len(photos)} people, chance {1 / len(photos):.3f}; told rightly (95 % interval) after so many frames")
    print(f"{'':34}" + "".join(f"{frames:>24}" for frames in FRAMES))
    seen = {name: np.zeros((len(FRAMES), len(photos), LOOK * LOOK * 3), np.float32) for name in styles}
    known = {name: [np.zeros((0, LOOK * LOOK * 3), np.float32)] * len(photos) for name in styles}
    for face, photo in enumerate(photos):
        frames = [shown(photo, background, rng) for _ in range(max(FRAMES))]
        guesses = [put(view, background) for view in grid(photo)]
        for name, conceal in styles.items():
            looks = np.stack([look(frame, conceal, face) for frame in frames])
            seen[name][:, face] = [looks[:length].mean(axis=0) for length in FRAMES]
            # A guess has another number than the face: the attacker does not know which noise was kept for it.
            tried = np.stack([look(frame, conceal, len(photos) + face) for frame in guesses])
            known[name][face] = np.concatenate([tried, tried.mean(axis=0, keepdims=True)])
    for name in styles:
        shares = [told(vectors, known[name], rng) for vectors in seen[name]]
        print(f"{name:34}" + "".join(f"{in_words(share, len(photos)):>24}" for share in shares))
    alike = [name for name, vectors in seen.items() if not np.ptp(vectors, axis=1).any()]
    print(f"the same to the bit whoever is covered: {', '.join(alike) or 'none'}")


def told(faces: Vectors, known: list[Vectors], rng: np.random.Generator) -> float:
    """Share of faces that lie nearest to a covered photograph of their own; who is equally near is drawn by lot."""
    nearest = np.stack([np.min(distances(faces, vectors), axis=1) for vectors in known], axis=1)
    # Equal up to what rounding does to sums: no attacker can use that, and its order would be no lot.
    lots = np.where(nearest <= nearest.min(axis=1, keepdims=True) + 1e-3, rng.random(nearest.shape), -1)
    return float(np.mean(lots.argmax(axis=1) == np.arange(len(faces))))


def distances(faces: Vectors, vectors: Vectors) -> npt.NDArray[np.float64]:
    """(faces, vectors) mean squared differences."""
    one, other = faces.astype(np.float64), vectors.astype(np.float64)
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * one @ other.T
    return np.asarray(squares / one.shape[1])


def in_words(share: float, count: int) -> str:
    """With Wilson's interval."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{share:.3f} ({max(middle - reach, 0):.3f}-{min(middle + reach, 1):.3f})"


def read(path: Path) -> Image:
    photo = cv2.imread(str(path))
    assert photo is not None, path
    return photo.astype(np.uint8)


def scene(rng: np.random.Generator) -> Image:
    """What is around the box: nothing of it depends on whose face is shown."""
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    side = SIDE + 2 * MARGIN
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def view(photo: Image, dx: float, dy: float, zoom: float) -> Image:
    """(SIDE, SIDE, 3), moved by shares of the box."""
    side = photo.shape[0] * SHARE / zoom
    centre = np.array([photo.shape[1] * (0.5 + dx * SHARE), photo.shape[0] * (0.5 + dy * SHARE)])
    scale = SIDE / side
    matrix = np.array([[scale, 0, SIDE / 2 - scale * centre[0]], [0, scale, SIDE / 2 - scale * centre[1]]])
    return cv2.warpAffine(photo, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.uint8
    )


def shown(photo: Image, background: Image, rng: np.random.Generator) -> Image:
    """A frame that was filmed."""
    face = view(photo, rng.uniform(-0.04, 0.04), rng.uniform(-0.04, 0.04), rng.uniform(0.92, 1.08))
    coded = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 90))])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return put(decoded.astype(np.uint8), background)


def grid(photo: Image) -> Iterator[Image]:
    """What the attacker tries."""
    for zoom in (0.92, 1.0, 1.08):
        for dx in (-0.04, -0.02, 0.0, 0.02, 0.04):
            for dy in (-0.04, -0.02, 0.0, 0.02, 0.04):
                yield view(photo, dx, dy, zoom)


def put(face: Image, background: Image) -> Image:
    """The face where the box is."""
    frame = background.copy()
    frame[MARGIN:-MARGIN, MARGIN:-MARGIN] = face
    return frame


def covered(frame: Image, face: int, style: Callable[[Image, list[Box]], None]) -> None:  # noqa: ARG001
    """By a style of ours, which has no noise of one face."""
    style(frame, [Box(MARGIN, MARGIN, MARGIN + SIDE, MARGIN + SIDE)])


def look(frame: Image, conceal: Conceal, face: int) -> Vectors:
    """(LOOK * LOOK * 3,) of what is shown in the box."""
    hidden = frame.copy()
    conceal(hidden, face)
    inside = hidden[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return cv2.resize(inside, (LOOK, LOOK), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


def speeds(rounds: int = 30) -> None:
    """Print the processor's milliseconds per picture of 1920 x 1080, one thread; the median of some rounds."""
    picture = cv2.resize(scene(np.random.default_rng(1)), (1920, 1080), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    picture += np.random.default_rng(1).integers(0, 8, picture.shape, dtype=np.uint8)
    small, whole = [Box(700, 300, 900, 500)], [Box(0, 0, 1920, 1080)]
    print("milliseconds of processor time per picture of 1920 x 1080")
    for style, apply in STYLES.items():
        for words, boxes in (("one box of 200 x 200", small), ("whole", whole)):
            took = []
            for _ in range(rounds):
                image = picture.copy()
                before = time.process_time()
                apply(image, boxes)
                took.append(time.process_time() - before)
            print(f"{style.value:10} {words:22} {1000 * float(np.median(took)):7.2f}")


if __name__ == "__main__":
    main()
