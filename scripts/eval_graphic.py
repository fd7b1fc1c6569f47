# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure the net for graphic content on held-back drawn scenes, and count its alarms on ordinary pictures.

It runs as the program runs it: letterboxed to `--imgsz`, through OpenVINO. No picture of a real injury is used, so no
figure here says how much of one it would see.

* scenes: stains on pictures kept from training (`val`: other pictures of the same sets; `elsewhere`: whole sets that
  training never saw), from seeds, two stain families and one palette that training never saw;
* look-alikes: every kind, drawn on the same pictures without any stain;
* ordinary pictures as they are, and the fifth of them with the most red.

With `--choose` it measures on the tune pictures instead and names the operating point.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from eval_objects import DATA, REPO, Array  # first of all: it switches off what OpenVINO would report
from graphic_lookalikes import LOOKALIKES
from graphic_places import Place, places
from graphic_scenes import Scene, Stains, State, drawn_state, is_colourless, scene, window

from triage.findings.yolo import Fit
from triage.network import Network
from triage.records import Video
from triage.settings import Precision

WORK = Path(tempfile.gettempdir()) / "train_graphic"
ROUNDS = 500
SIZES = ((320, 320), (192, 320), (320, 192), (256, 320))
"""Height and width of drawn scenes: what the program's letterbox leaves as it is, so cells can be compared."""
STATES: dict[str, State | None] = {
    "everyday mix": None,
    "plain": State(),
    "dark": State(gain=0.28, noise=6),
    "240p": State(lines=120, quality=45),
    "JPEG 15": State(quality=15),
    "grey": State(grey=True),
}
RED_SHARE = 0.2
ALLOWED = 0.005
"""Share of pictures with nothing to find that the operating point may give grade 2 or more, on the tune pictures."""


@dataclass(frozen=True)
class Answer:
    """What the net says of one picture, beside what is true of it."""

    chances: Array
    """(3,) probabilities of a grade of at least 1, 2, 3."""
    shared: int
    """Cells masked rightly."""
    either: int
    """Cells masked or to be masked."""
    wanted: int
    """Cells to be masked."""
    grade: int
    """The true one."""
    tags: tuple[str, ...]

    def graded(self, at_least: float) -> int:
        """The grade given at an operating point."""
        return int((self.chances >= at_least).sum())


class Examiner:
    """The shipped net behind one call, as the program runs it."""

    def __init__(self, file: Path, longest_px: int) -> None:
        """Open the model; in FP32, so that figures do not depend on the processor."""
        self.network = Network(file, Precision.EXACT)
        self.longest_px = longest_px
        self.seconds: list[float] = []

    def judge(self, one: Scene) -> Answer:
        """The answer to one scene; its cells are compared if it has a mask, which an ordinary picture has not."""
        height, width = one.picture.shape[:2]
        fit = Fit.of(Video("0" * 64, Path(), width, height, None, "", ""), self.longest_px, None)
        image = fit.picture(one.picture)
        began = time.perf_counter()
        masks, grades = self.network.run(image[None])[:2]
        self.seconds.append(time.perf_counter() - began)
        said, wanted = masks[0, 0] >= 0.5, one.mask > 0
        if not wanted.size:
            return Answer(grades[0], 0, 0, 0, one.grade, one.tags)
        cells = int((said & wanted).sum()), int((said | wanted).sum()), int(wanted.sum())
        return Answer(grades[0], *cells, one.grade, one.tags)


def drawn(found: Sequence[Place], stains: Stains, count: int, *, bloody: bool, like: str = "",
          state: State | None = None) -> list[Scene]:  # fmt: skip
    """Scenes on pictures in a fixed random order, with stains or a look-alike; state None: an everyday mix."""
    random = np.random.default_rng(11)
    order = random.permutation(len(found))
    scenes = []
    for number in range(count):
        part = window(found[int(order[number % len(order)])].view, SIZES[number % len(SIZES)], random)
        chosen = state or drawn_state(random, is_grey=False)
        likes = [like] if like else []
        scenes.append(scene(part, stains, random, bloody=bloody, likes=likes, state=chosen))
    return scenes


def coloured(found: Sequence[Place]) -> list[Place]:
    """Places with colour in them."""
    return [place for place in found if not is_colourless(place.view.picture[::8, ::8])]


def ordinary(place: Place) -> Scene:
    """An ordinary picture as it is: nothing to find."""
    return Scene(place.view.picture, np.zeros((0, 0), np.uint8), 0, (place.collection, place.name))


def redness(place: Place) -> float:
    """Share of a picture's pixels that are clearly red."""
    hue, colour, value = cv2.split(cv2.cvtColor(place.view.picture, cv2.COLOR_BGR2HSV))
    return float((((hue < 8) | (hue > 172)) & (colour > 110) & (value > 40)).mean())


def overlap(answers: Sequence[Answer]) -> float:
    """Intersection over union of all cells of all pictures together."""
    return sum(one.shared for one in answers) / max(sum(one.either for one in answers), 1)


def mean_overlap(answers: Sequence[Answer]) -> float:
    """Mean intersection over union over the pictures with something to find."""
    return float(np.mean([one.shared / one.either for one in answers if one.wanted]))


def interval(values: Sequence[Any], figure: Callable[[Sequence[Any]], float]) -> tuple[float, float]:
    """90 % interval of a figure over pictures drawn again with replacement (fixed seed)."""
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(values), len(values)) for _ in range(ROUNDS)]
    low, high = np.percentile([figure([values[index] for index in draw]) for draw in draws], [5, 95])
    return float(low), float(high)


def scenes_row(title: str, answers: Sequence[Answer], at_least: float) -> str:
    """A table row of scenes with stains: overlap, and how often clearly visible ones got a grade of 1, of 2 or more."""
    stained = [one for one in answers if one.wanted]
    low, high = interval(stained, overlap)
    clear = [one.graded(at_least) for one in answers if one.grade >= 2]
    seen = [float(np.mean([given >= grade for given in clear])) for grade in (1, 2)]
    return (
        f"| {title} | {len(stained)} | {overlap(stained):.3f} ({low:.2f}–{high:.2f}) | {mean_overlap(stained):.3f} "
        f"| {seen[0]:.3f} | {seen[1]:.3f} |"
    )


def alarms_row(title: str, answers: Sequence[Answer], at_least: float) -> str:
    """A table row of pictures with nothing to find: shares at grade 1 or more, 2 or more, 3."""
    given = [one.graded(at_least) for one in answers]
    low, high = interval([one >= 2 for one in given], lambda some: float(np.mean(some)))
    shares = [sum(one >= grade for one in given) / len(given) for grade in (1, 2, 3)]
    return f"| {title} | {len(given)} | {shares[0]:.1%} | {shares[1]:.1%} ({low:.1%}–{high:.1%}) | {shares[2]:.1%} |"


def confusion(answers: Sequence[Answer], at_least: float) -> str:
    """Counts as table rows: true grade down, given grade across."""
    table = np.zeros((4, 4), int)
    for one in answers:
        table[one.grade, one.graded(at_least)] += 1
    return "\n".join(f"| true grade {grade} | " + " | ".join(map(str, row)) + " |" for grade, row in enumerate(table))


def operating_point(clean: Sequence[Answer]) -> float:
    """The lowest probability, in steps of 0.01, at which few enough pictures with nothing to find get grade 2."""
    for step in range(20, 99):
        if np.mean([one.graded(step / 100) >= 2 for one in clean]) <= ALLOWED:
            return step / 100
    return 0.99


def report_scenes(examiner: Examiner, options: argparse.Namespace) -> None:
    """Print the tables of scenes with stains."""
    val, elsewhere = (coloured(places(part, options.work, options.data)) for part in ("val", "elsewhere"))
    stains, at, count = Stains("held", 30), options.at_least, options.scenes
    everyday: list[Answer] = []
    print("| scenes | pictures | overlap, all cells | mean over pictures | clear: grade >= 1 | grade >= 2 |")
    for title, found in (("val", val), ("elsewhere", elsewhere)):
        for name, state in STATES.items():
            answers = [examiner.judge(one) for one in drawn(found, stains, count, bloody=True, state=state)]
            everyday += answers if state is None else []
            print(scenes_row(f"{title}, {name}", answers, at), flush=True)
    for family in stains.families:
        some = [examiner.judge(one) for one in drawn(val + elsewhere, stains.only(family), count // 2, bloody=True)]
        print(scenes_row(f"family {family}", some, at), flush=True)
    for blood in stains.bloods:
        some = [one for one in everyday if f"blood:{blood}" in one.tags]
        print(scenes_row(f"colour {blood}", some, at), flush=True)
    everyday += [examiner.judge(one) for one in drawn(val + elsewhere, stains, count, bloody=False)]
    print(confusion(everyday, at), flush=True)


def clean_answers(examiner: Examiner, found: Sequence[Place], stains: Stains, count: int) -> dict[str, list[Answer]]:
    """Answers to look-alikes and to pictures as they are, by kind."""
    answers = {}
    for name in LOOKALIKES:
        scenes = drawn(coloured(found), stains, count, bloody=False, like=name)
        answers[f"drawn: {name}"] = [examiner.judge(one) for one in scenes]
    for collection in sorted({place.collection for place in found}):
        some = [place for place in found if place.collection == collection]
        answers[f"as they are: {collection}"] = [examiner.judge(ordinary(place)) for place in some]
    reddest = sorted(coloured(found), key=redness)[-int(RED_SHARE * len(coloured(found))) :]
    answers["as they are: reddest fifth"] = [examiner.judge(ordinary(place)) for place in reddest]
    return answers


def report_alarms(examiner: Examiner, options: argparse.Namespace) -> None:
    """Print the table of pictures with nothing to find, and name the ordinary ones with a grade of 2 or more."""
    found = places("val", options.work, options.data) + places("elsewhere", options.work, options.data)
    kinds = clean_answers(examiner, found, Stains("held", 30), options.scenes // 2)
    print("| nothing to find | pictures | grade >= 1 | grade >= 2 | grade 3 |")
    for title, answers in kinds.items():
        print(alarms_row(title, answers, options.at_least))
    for start in ("drawn", "as they are"):
        together = [
            one for title, some in kinds.items() if title.startswith(start) and "reddest" not in title for one in some
        ]
        print(alarms_row(f"{start}: all", together, options.at_least))
        for one in together:
            if start != "drawn" and one.graded(options.at_least) >= 2:
                print("alarm:", *one.tags, np.round(one.chances, 2))


def choose(examiner: Examiner, options: argparse.Namespace) -> None:
    """Name the operating point by the tune pictures, and what it finds there."""
    found, stains = places("tune", options.work, options.data), Stains("tune", 30)
    kinds = clean_answers(examiner, found, stains, options.scenes // 8)
    clean = [one for title, some in kinds.items() if "reddest" not in title for one in some]
    bloody = [examiner.judge(one) for one in drawn(coloured(found), stains, options.scenes, bloody=True)]
    for at in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, operating_point(clean)):
        print(alarms_row(f"tune, at {at:.2f}", clean, at), scenes_row("stained", bloody, at), flush=True)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPO / "weights" / "graphic.onnx")
    parser.add_argument("--imgsz", type=int, default=320, help="longest side of the net's picture in pixels")
    parser.add_argument("--at-least", type=float, default=0.5, help="probability from which a grade is given")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with natural, coco128, videos and others")
    parser.add_argument("--work", type=Path, default=WORK, help="folder with the surveyed pictures")
    parser.add_argument("--scenes", type=int, default=400, help="drawn scenes of each kind")
    parser.add_argument("--choose", action="store_true", help="name the operating point by the tune pictures")
    return parser.parse_args()


def main() -> None:
    """Print every figure as Markdown rows."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    examiner = Examiner(options.model, options.imgsz)
    if options.choose:
        choose(examiner, options)
    else:
        report_alarms(examiner, options)
        report_scenes(examiner, options)
    print(
        f"median {np.median(examiner.seconds) * 1000:.1f} ms a picture in FP32 here, {len(examiner.seconds)} pictures"
    )


if __name__ == "__main__":
    main()
