# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure how well persons in camouflage, service dress or tactical gear are told from persons in other clothes.

The pictures of uniforms and of civilians are different photographs, and a net could learn that instead of cloth. So
persons are also measured on foreign grounds: cut out and put before the same places, civilians before places from the
pictures of uniforms, before foliage and fur; and in green, navy and white clothes, in prints, and in camouflage drawn
with patterns that training did not draw. Parts are held back by groups of look-alike pictures (`uniform_crops.py`).

    python scripts/eval_uniforms.py           # choose the threshold on tune, print the card's tables for val
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from eval_objects import DATA, REPO, Array, natural_samples, read_picture  # first: it switches off what would report
from uniform_cloth import CAMOUFLAGE, DYES, PRINTS, TILE_PX, dressed, scattered
from uniform_crops import (
    KINDS,
    STATES,
    WORK,
    Crop,
    crops_in,
    fitted,
    framed_by_box,
    inner,
    natural_backgrounds,
    placed,
    uniform_backgrounds,
)
from uniform_masks import CLOTH

from triage.network import Network
from triage.settings import Precision

FALSE_ALARMS = 0.02
ROUNDS = 300
NOT_ORDINARY = {"weapons_cctv", "uniform_dev", "fairface_age"}
"""Grey CCTV, civilians beside uniforms, and faces with shoulders of people from everywhere: measured by themselves."""
SPOTTED = ("leopard", "jaguar", "cheetah", "lynx", "snow_leopard", "hyena", "dalmatian", "iguana", "frog", "snake")
FOLIAGE_SHARE = 0.45
OUTPUTS = ("civilian", *KINDS)
Score = Callable[[list[Array]], Array]


@dataclass(frozen=True)
class Seen:
    """Scores (n, 4) of some persons, and the picture or clip that each is from."""

    scores: Array
    names: list[str]
    crops: list[Crop]

    @property
    def worn(self) -> Array:
        """(n,) probability that any of the three kinds is worn."""
        return np.asarray(1 - self.scores[:, 0])


class Measure:
    """The model, and the ways of showing it persons."""

    def __init__(self, file: Path, seed: int = 1) -> None:
        """Open the model in 32 bits, so that figures do not depend on the processor."""
        self.file = file
        self.network = Network(file, Precision.EXACT)
        self.generator = np.random.default_rng(seed)

    def scores(self, images: list[Array]) -> Array:
        """(n, 4) for crops of any size."""
        small = np.stack([fitted(image) for image in images])
        return np.concatenate([self.network.run(small[at : at + 32])[0] for at in range(0, len(small), 32)])

    def see(self, crops: Iterable[Crop], change: Callable[[Crop], Array] = inner) -> Seen:
        """Scores of crops as `change` shows them."""
        chosen = list(crops)
        names = [one.name.partition("#")[0] for one in chosen]
        return Seen(self.scores([change(one) for one in chosen]), names, chosen)

    def moved(self, grounds: list[Array]) -> Callable[[Crop], Array]:
        """Shows a person before one of these places."""

        def show(crop: Crop) -> Array:
            ground = grounds[int(self.generator.integers(len(grounds)))]
            assert crop.mask is not None
            return framed_by_box(placed(crop.image, crop.mask, ground, self.generator), crop.box)

        return show

    def clad(self, draw: Callable[[np.random.Generator], Array]) -> Callable[[Crop], Array]:
        """Shows a person in other cloth."""

        def show(crop: Crop) -> Array:
            assert crop.mask is not None
            return framed_by_box(
                dressed(crop.image, crop.mask == CLOTH, draw(self.generator), self.generator), crop.box
            )

        return show


def auroc(positive: Array, negative: Array) -> float:
    """Chance that a positive scores higher than a negative; ties count half."""
    both = np.concatenate([positive, negative])
    order = np.argsort(both, kind="stable")
    ranks = np.empty(len(both))
    ranks[order] = np.arange(1, len(both) + 1)
    for value in np.unique(both):
        same = both == value
        ranks[same] = ranks[same].mean()
    count = len(positive)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negative)))


def redrawn(seen: Seen, values: Array, generator: np.random.Generator) -> Array:
    """Values of pictures drawn again with replacement."""
    names = sorted(set(seen.names))
    rows: dict[str, list[int]] = {name: [] for name in names}
    for index, name in enumerate(seen.names):
        rows[name].append(index)
    drawn = generator.integers(len(names), size=len(names))
    return np.asarray(values[[index for pick in drawn for index in rows[names[pick]]]])


def interval(values: list[float]) -> str:
    """5th to 95th percentile."""
    low, high = np.nanpercentile(values, [5, 95])
    return f"{low:.3f}–{high:.3f}"


def auroc_row(title: str, wearing: Seen, others: Seen) -> str:
    """A table row: AUROC with its 90 % interval over pictures."""
    generator = np.random.default_rng(0)
    rounds = [
        auroc(redrawn(wearing, wearing.worn, generator), redrawn(others, others.worn, generator)) for _ in range(ROUNDS)
    ]
    value = auroc(wearing.worn, others.worn)
    return f"| {title} | {len(wearing.names)} / {len(others.names)} | **{value:.3f}** ({interval(rounds)}) |"


def share_row(title: str, seen: Seen, threshold: float) -> str:
    """A table row: share of persons at or above the threshold."""
    generator = np.random.default_rng(0)
    above = (seen.worn >= threshold).astype(float)
    rounds = [float(redrawn(seen, above, generator).mean()) for _ in range(ROUNDS)]
    return f"| {title} | {len(above)} | {above.mean():.3f} ({interval(rounds)}) |"


def dyed(which: tuple[int, ...]) -> Callable[[np.random.Generator], Array]:
    """Plain cloth of one of some dyes."""

    def draw(generator: np.random.Generator) -> Array:
        colour = scattered(DYES[which[generator.integers(len(which))]], generator)
        return np.full((TILE_PX, TILE_PX, 3), colour, np.float32)

    return draw


def one_of(makers: tuple[Callable[[np.random.Generator], Array], ...]) -> Callable[[np.random.Generator], Array]:
    """Cloth by one of some makers."""
    return lambda generator: makers[int(generator.integers(len(makers)))](generator)


def camouflaging_places(data: Path) -> list[Array]:
    """Foliage (much textured green) and spotted or scaly animals, close by, among all ordinary pictures."""
    found = []
    for part in ("train", "tune", "val"):
        for sample in natural_samples(data, part):
            picture = read_picture(sample.path)
            hue, saturation, _ = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV))
            rough = np.abs(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.CV_32F)) > 12
            green = ((hue > 25) & (hue < 90) & (saturation > 40) & rough).mean()
            if green > FOLIAGE_SHARE * 0.6 or any(word in sample.path.stem for word in SPOTTED):
                found.append(picture)
    return found


def threshold_for(measure: Measure, tune: list[Crop]) -> float:
    """Lowest probability at which at most 2 % of tune's civilians are above, over all states; a multiple of 0.01."""
    civilians = [one for one in tune if not one.kinds]
    worn = np.concatenate([measure.see(civilians, state(name)).worn for name in STATES])
    return float(np.ceil(100 * np.quantile(worn, 1 - FALSE_ALARMS)) / 100)


def state(name: str) -> Callable[[Crop], Array]:
    """Shows a person's box in one of the STATES."""
    return lambda crop: STATES[name](inner(crop))


def framing_rows(measure: Measure, crops: list[Crop], data: Path) -> list[str]:
    """Uniforms against civilians, in their own pictures and on each other's ground."""
    shown = [one for one in crops if one.part == "val"]
    wearing = [one for one in shown if one.kinds and one.source != "weapons_cctv"]
    close = [one for one in shown if not one.kinds and one.source == "fairface_age"]
    others = [one for one in shown if not one.kinds and one.source not in NOT_ORDINARY]
    cctv = [one for one in shown if one.source == "weapons_cctv"]
    cut, loose = ([one for one in group if one.mask is not None] for group in (wearing, others))
    ordinary, theirs = natural_backgrounds(data, "val"), uniform_backgrounds(data, "val")
    camouflaging = camouflaging_places(data)
    beside = [one for one in crops if one.part != "train" and one.source == "uniform_dev"]
    at_home, foreign = measure.see(wearing), measure.see(others)

    def pair(title: str, groups: tuple[list[Crop], list[Crop]], change: Callable[[Crop], Array] = inner) -> str:
        return auroc_row(title, measure.see(groups[0], change), measure.see(groups[1], change))

    colour, apart = (wearing, others), (cut, loose)
    rows = [
        auroc_row("colour pictures as they are", at_home, foreign),
        pair("the same, grey", colour, state("grey")),
        pair("the same, a quarter of the light, noise", colour, state("dark")),
        pair("the same, 64 px tall, JPEG 40", colour, state("240p")),
        pair("CCTV-style grey pictures", by_kinds(cctv)),
        pair("both before the same ordinary places", apart, measure.moved(ordinary)),
        auroc_row("civilians before the uniforms' places", at_home, measure.see(loose, measure.moved(theirs))),
        pair("both before the uniforms' places", apart, measure.moved(theirs)),
        pair("both before foliage and spotted animals", apart, measure.moved(camouflaging)),
        auroc_row("faces with shoulders, people of every region", at_home, measure.see(close)),
        pair("civilians in the uniforms' own pictures (tune and val)", by_kinds(beside)),
    ]
    alone = {kind: measure.see(one for one in wearing if kind in one.kinds) for kind in KINDS}
    return rows + [auroc_row(f"{kind} alone", seen, foreign) for kind, seen in alone.items()]


def by_kinds(crops: list[Crop]) -> tuple[list[Crop], list[Crop]]:
    """Those who wear any of the kinds, and the others."""
    return [one for one in crops if one.kinds], [one for one in crops if not one.kinds]


def alarm_rows(measure: Measure, crops: list[Crop], data: Path, threshold: float) -> list[str]:
    """Share of persons above the threshold: wrong ones, then right ones."""
    shown = [one for one in crops if one.part == "val"]
    others = [one for one in shown if not one.kinds and one.source not in NOT_ORDINARY]
    close = [one for one in shown if not one.kinds and one.source == "fairface_age"]
    cctv = [one for one in shown if not one.kinds and one.source == "weapons_cctv"]
    loose = [one for one in others if one.mask is not None]
    green, pale = dyed((0, 1, 2, 3)), dyed((4, 5, 6))
    rows = [share_row(f"civilians, {name}", measure.see(others, state(name)), threshold) for name in STATES]
    rows += [
        share_row("civilians, CCTV-style", measure.see(cctv), threshold),
        share_row("faces with shoulders, people of every region", measure.see(close), threshold),
        share_row("civilians dyed olive, green, khaki, brown", measure.see(loose, measure.clad(green)), threshold),
        share_row("civilians dyed navy, light blue, white", measure.see(loose, measure.clad(pale)), threshold),
        share_row("civilians in stripes, dots, fur", measure.see(loose, measure.clad(one_of(PRINTS))), threshold),
        share_row(
            "civilians before foliage and spotted animals",
            measure.see(loose, measure.moved(camouflaging_places(data))),
            threshold,
        ),
        share_row("*camouflage drawn on civilians*", measure.see(loose, measure.clad(one_of(CAMOUFLAGE))), threshold),
    ]
    for kind in KINDS:
        group = [one for one in shown if kind in one.kinds]
        rows += [
            share_row(f"*{kind}, {name}*", measure.see(group, state(name)), threshold)
            for name in ("plain", "dark", "240p")
        ]
    return rows


def kind_rows(measure: Measure, crops: list[Crop], threshold: float) -> list[str]:
    """Among those found to wear any kind: how often each kind is said where it is, and where it is not."""
    seen = measure.see(one for one in crops if one.part == "val" and one.kinds)
    found = seen.worn >= threshold
    given = seen.scores[:, 1:] / np.maximum(seen.worn[:, None], 1e-6)
    rows = []
    for place, kind in enumerate(KINDS):
        has = np.array([kind in one.kinds for one in seen.crops])
        said = given[:, place] >= 0.5
        value = auroc(given[found & has, place], given[found & ~has, place])
        rows.append(
            f"| {kind} | {int((found & has).sum())} / {int((found & ~has).sum())} | {said[found & has].mean():.2f} "
            f"| {said[found & ~has].mean():.2f} | {value:.3f} |"
        )
    return rows


def spread_of_looks(measure: Measure, crops: list[Crop]) -> float:
    """Standard deviation, in log-odds, of one person's scores over plain, grey, dark, small: the median of persons."""
    shown = [one for one in crops if one.part == "val"]
    worn = np.stack([measure.see(shown, state(name)).worn for name in STATES])
    kept = np.clip(worn, 0.005, 0.995)
    return float(np.median(np.log(kept / (1 - kept)).std(axis=0)))


def milliseconds(measure: Measure, crops: list[Crop]) -> float:
    """Time of one core per person: fitting and net, in the precision that the processor likes, 8 at a time."""
    network = Network(measure.file, Precision.FAST)
    images = [one.image for one in crops[:160]]
    network.run(np.stack([fitted(image) for image in images[:8]]))
    started = time.process_time()
    for at in range(0, len(images), 8):
        network.run(np.stack([fitted(image) for image in images[at : at + 8]]))
    return 1000 * (time.process_time() - started) / len(images)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPO / "weights" / "uniforms.onnx")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with uniform_dev, coco128 and the others")
    parser.add_argument("--work", type=Path, default=WORK, help="where train_uniforms.py keeps the cut persons")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    crops = crops_in(options.work, options.data)
    measure = Measure(options.model)
    threshold = threshold_for(measure, [one for one in crops if one.part == "tune"])
    print(f"threshold, at most {FALSE_ALARMS:.0%} of tune's civilians over all states: {threshold:.2f}")
    tables = {
        "| any kind worn, against civilians | persons | AUROC |": framing_rows(measure, crops, options.data),
        f"| at {threshold:.2f} | persons | share above |": alarm_rows(measure, crops, options.data, threshold),
        "| kind | has it / not | said where it is | where it is not | AUROC |": kind_rows(measure, crops, threshold),
    }
    for head, rows in tables.items():
        print(head, "|---" * (head.count("|") - 1) + "|", *rows, "", sep="\n", flush=True)
    print(f"spread of one person's looks: {spread_of_looks(measure, crops):.2f} in log-odds")
    print(f"{milliseconds(measure, crops):.2f} ms of one core a person")


if __name__ == "__main__":
    main()
