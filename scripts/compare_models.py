# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every shipped model beside every other model at hand that does the same job, on the same held-back pictures.

Ours run as in a scan: through the program's own detectors, with the thresholds that it uses. The others run from their
files at the score with the best F1 on the `tune` pictures; what they were trained on is not always known, and may hold
these very pictures. Pictures, splits and readers are those of eval_objects.py.

"Processor ms" is the median time on all cores together for one picture, from its pixels to its boxes.

For what is not a box in one picture (wrists, uniforms, minors, graphic content), the tables of the scripts that measure
it are printed below; a script or a model that is not there is named with the reason.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from eval_objects import (  # first of all: it switches off what OpenVINO would report
    COCO_PERSON,
    DATA,
    FACE,
    NAMES,
    PEERS,
    PERSON,
    WEAPON,
    Array,
    FaceDetector,
    Part,
    Sample,
    Spec,
    coco_samples,
    natural_samples,
    read_picture,
    uniform_samples,
    unit_hash,
    weapons_samples,
    worsened,
)
from eval_objects import Detector as FromFile

from triage.errors import TriageError
from triage.evaluation.metrics import (
    Interval,
    Matches,
    ap50_interval,
    average_precision,
    best_f1,
    match_boxes,
    ratio_interval,
    tallies,
    wilson,
)
from triage.evaluation.models import Model, open_model, weights_for
from triage.findings.calibration import threshold_of
from triage.findings.conditions import condition
from triage.phrases import listing
from triage.records import ROLE_LABELS, Frame, Label, Role, Video
from triage.settings import load_settings
from triage.weights import Weights

SCRIPTS = Path(__file__).resolve().parent
ROLES = {PERSON: Role.PEOPLE, WEAPON: Role.WEAPONS, FACE: Role.FACES}
FACE_SURE, FACE_DOUBT = 0.6, 0.3
"""Faces have no labels by people: a face that YuNet is this sure of is one, and between the two nobody counts it."""
ELSEWHERE = {
    "wrists": "eval_wrists.py",
    "uniforms": "eval_uniforms.py",
    "minors": "eval_minors.py",
    "graphic content": "eval_graphic.py",
}
COLUMNS = ("what", "pictures", "labelled", "model", "AP50", "AP50-95", "from", "precision", "recall", "processor ms")
ALARM_COLUMNS = ("pictures without a weapon", "model", "from", "with an alarm", "share")
CLOSE_COLUMNS = ("pictures of one face each", "model", "from", "found in", "share")
CLOSE_FACES = 200
"""Of FairFace's pictures, the first by the hash of their names."""

Rows = Array
"""(n, 6): class, score, x0, y0, x1, y1 in shares, of everything down to a low score."""


class Contestant(Protocol):
    """A model, and which of what it says it would stand by."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes that it knows, of ours."""

    def look(self, picture: Array) -> Rows:
        """Everything in a BGR picture down to a low score."""

    def bar(self, number: int, picture: Array) -> float:
        """From which score on it would stand by a box of this class in this picture."""

    def told(self, number: int) -> str:
        """The same in words, for all pictures."""


@dataclass(frozen=True)
class Ours:
    """A shipped file as a scan opens it."""

    name: str
    model: Model
    classes: tuple[int, ...]

    def look(self, picture: Array) -> Rows:
        """Finer labels (handgun) count as the class that they are of."""
        image = np.ascontiguousarray(picture)
        image.flags.writeable = False
        height, width = image.shape[:2]
        video = Video(hashlib.sha256(image.tobytes()).hexdigest(), Path("picture"), width, height, None, "none", "none")
        size = np.array([width, height] * 2)
        rows = [
            [number, finding.score, *(np.array(finding.box.xyxy) / size)]
            for finding in self.model.detector.look([Frame(video, 0, image)])[0]
            for number in self.classes
            if finding.label in ROLE_LABELS[ROLES[number]]
        ]
        return np.array(rows, dtype=float).reshape(-1, 6)

    def bar(self, number: int, picture: Array) -> float:
        return threshold_of(self.model.thresholds, self._label(number), condition(picture))

    def told(self, number: int) -> str:
        mine = self._label(number)
        bars = [(what, least) for what, least in self.model.thresholds.items() if what.partition(" ")[0] == mine]
        return ", ".join(f"{least:.2f} {what.partition(' ')[2]}".strip() for what, least in bars)

    def _label(self, number: int) -> Label:
        """The general label of a class (weapon); of a model that tells finer ones apart only, the first of them."""
        mine = [label for label in self.model.answers if label in ROLE_LABELS[ROLES[number]]]
        return Label(NAMES[number]) if Label(NAMES[number]) in mine else mine[0]


@dataclass(frozen=True)
class Other:
    """Somebody else's file."""

    name: str
    detector: Callable[[Array], Rows]
    bars: Mapping[int, float]

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple(self.bars)

    def look(self, picture: Array) -> Rows:
        return self.detector(picture)

    def bar(self, number: int, _picture: Array) -> float:
        return self.bars[number]

    def told(self, number: int) -> str:
        return f"{self.bars[number]:.2f}"


def main() -> None:
    """Print the table of boxes, the table of false alarms, and what the other scripts say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with weapons_cctv, coco128 and natural")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with other people's models")
    parser.add_argument("--precision", default="exact", help="of our models: exact or fast")
    parser.add_argument(
        "--only", nargs="*", default=[], help="people, weapons, faces, wrists, uniforms, minors, graphic"
    )
    parser.add_argument("--limit-s", type=int, default=1800, help="longest time for each of the other scripts")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    wanted = [number for number, role in ROLES.items() if not asked.only or str(role) in asked.only]
    if wanted:
        contestants = [*ours(wanted, asked.precision), *others(asked.peers, asked.data, wanted)]
        print(row(COLUMNS), "|---" * len(COLUMNS) + "|", sep="\n")
        for number in wanted:
            for line in boxes(number, contestants, asked.data, asked.peers):
                print(row(line), flush=True)
    if WEAPON in wanted:
        print("", row(ALARM_COLUMNS), "|---" * len(ALARM_COLUMNS) + "|", sep="\n")
        for line in alarms(contestants, asked.data):
            print(row(line), flush=True)
    if FACE in wanted:
        print("", row(CLOSE_COLUMNS), "|---" * len(CLOSE_COLUMNS) + "|", sep="\n")
        for line in close_faces(contestants, asked.data):
            print(row(line), flush=True)
    for what, script in ELSEWHERE.items():
        if not asked.only or what.split()[0] in asked.only:
            print("", f"### {what}", "", *elsewhere(script, asked.limit_s), sep="\n", flush=True)


def boxes(number: int, contestants: Sequence[Contestant], data: Path, peers: Path) -> Iterator[tuple[str, ...]]:
    """A line for each set of pictures and each model that knows this class."""
    for title, state, samples in held_back(number, data):
        truth = [real_boxes(sample, state, number, peers) for sample in samples]
        for one in contestants:
            if number not in one.classes:
                continue
            every, counting, took = [], [], []
            for sample, (real, doubtful) in zip(samples, truth, strict=True):
                picture = worsened(sample, state)[0]
                began = time.process_time()
                rows = one.look(picture)
                took.append(time.process_time() - began)
                every.append(matched(rows, real, doubtful, number))
                counting.append(matched(rows[rows[:, 1] >= one.bar(number, picture)], real, doubtful, number))
            right, raised, labelled = tallies(counting, 0.0)
            yield (
                *(f"{NAMES[number]}, {title}", str(len(samples)), str(int(labelled.sum())), one.name),
                *(figure(ap50_interval(every)), f"{average_precision(every).mean():.3f}", one.told(number)),
                *(figure(ratio_interval(right, raised)), figure(ratio_interval(right, labelled))),
                f"{1000 * float(np.median(took)):.0f}",
            )


def alarms(contestants: Sequence[Contestant], data: Path) -> Iterator[tuple[str, ...]]:
    """How many ordinary pictures are said to hold a weapon."""
    unarmed = [one for one in coco_samples(data, "val") if not one.armed]
    for title, samples in {"ordinary, held back": natural_samples(data, "val"), "COCO, held back": unarmed}.items():
        for one in (one for one in contestants if WEAPON in one.classes):
            raised = 0
            for sample in samples:
                picture = read_picture(sample.path)
                rows = one.look(picture)
                raised += bool((rows[rows[:, 0] == WEAPON, 1] >= one.bar(WEAPON, picture)).any())
            share = wilson(raised, len(samples))
            percent = f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"
            yield title, one.name, one.told(WEAPON), f"{raised} of {len(samples)}", percent


def close_faces(contestants: Sequence[Contestant], data: Path) -> Iterator[tuple[str, ...]]:
    """In how many pictures of one face a face is found: nobody drew boxes there, but there is one in each."""
    every = sorted((data / "fairface_age" / "images").rglob("*.jpg"), key=lambda path: unit_hash(path.name))
    pictures = [read_picture(path) for path in every[:CLOSE_FACES]]
    for one in (one for one in contestants if FACE in one.classes):
        found = 0
        for picture in pictures:
            rows = one.look(picture)
            found += bool((rows[rows[:, 0] == FACE, 1] >= one.bar(FACE, picture)).any())
        share = wilson(found, len(pictures))
        percent = f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"
        yield "FairFace", one.name, one.told(FACE), f"{found} of {len(pictures)}", percent


def held_back(number: int, data: Path, part: Part = "val") -> Iterator[tuple[str, str, list[Sample]]]:
    """Title, state and pictures of each set that this class is measured on."""
    if number == FACE:
        together = coco_samples(data, part) + natural_samples(data, part) + uniform_samples(data, part)
        yield "ordinary and uniformed, YuNet's labels", "plain", together
        yield "the same, 240 lines", "240p", together
        return
    yield "CCTV style", "plain", weapons_samples(data, part)
    yield "CCTV style, tinted", "tinted", weapons_samples(data, part)
    yield "CCTV style, a quarter of the light", "dark", weapons_samples(data, part)
    if number == PERSON:
        yield "COCO", "plain", coco_samples(data, part)


@cache
def yunet(file: Path) -> FaceDetector:
    """The teacher of faces."""
    return FaceDetector(file)


def real_boxes(sample: Sample, state: str, number: int, peers: Path) -> tuple[Array, Array]:
    """Labelled boxes, and those that nobody counts: corners in shares."""
    if number != FACE:
        real = worsened(sample, state)[1]
        return real[real[:, 0] == number, 1:], np.zeros((0, 4))
    rows = yunet(peers / "yunet_n_dynamic.onnx")(read_picture(sample.path))
    sure = rows[:, 1] >= FACE_SURE
    return rows[sure, 2:], rows[~sure & (rows[:, 1] >= FACE_DOUBT), 2:]


def matched(rows: Rows, real: Array, doubtful: Array, number: int) -> Matches:
    """One class of one picture."""
    mine = rows[rows[:, 0] == number]
    return match_boxes(mine[:, 2:], mine[:, 1], real, crowds=doubtful)


def ours(wanted: Sequence[int], precision: str) -> Iterator[Contestant]:
    """The shipped models, one contestant for each file, as a scan opens them."""
    settings = load_settings(overrides=[f"detecting.precision={precision}", "detecting.device=cpu"]).settings
    serving: dict[str, list[int]] = {}
    files: dict[str, Weights] = {}
    for number in wanted:
        try:
            weights = weights_for(ROLES[number], None, {})
        except TriageError as error:
            print(f"no model of ours for {ROLES[number]}: {error}", file=sys.stderr)
            continue
        serving.setdefault(weights.name, []).append(number)
        files[weights.name] = weights
    for name, numbers in serving.items():
        model = open_model(files[name], [ROLES[number] for number in numbers], settings)
        yield Ours(f"**{name}** (ours)", model, tuple(numbers))


def others(peers: Path, data: Path, wanted: Sequence[int]) -> Iterator[Contestant]:
    """Other people's models that are at hand, each at the score with the best F1 on the tune pictures."""
    files = {
        "yolo11n, 640 px": Spec(peers / "yolo11n_rebuilt_640_fp16.onnx", 640, {PERSON: (COCO_PERSON,)}),
        "yolo11n-pose, 640 px": Spec(peers / "yolo11n-pose_rebuilt_640_fp16.onnx", 640, {PERSON: (0,)}),
        "yolox nano, 416 px": Spec(peers / "yolox_nano.onnx", 416, {PERSON: (COCO_PERSON,)}, "yolox"),
        "arcis, 256 px": Spec(peers / "arcis_weapons_256.onnx", 256, {WEAPON: (0, 1, 2, 3)}),
    }
    looks: dict[str, tuple[Callable[[Array], Rows], tuple[int, ...]]] = {
        name: (FromFile(spec), tuple(spec.rows))
        for name, spec in files.items()
        if spec.file.exists() and set(spec.rows) & set(wanted)
    }
    missing = [name for name, spec in files.items() if not spec.file.exists()]
    for name, file in {"YuNet": "yunet_n_dynamic.onnx", "YuNet, made for 640 px": "yunet_n_640_640.onnx"}.items():
        if not (peers / file).exists():
            missing.append(name)
        elif FACE in wanted:
            looks[name] = (FaceDetector(peers / file), (FACE,))
    if missing:
        print(f"not at hand: {listing(missing)}", file=sys.stderr)
    if (peers / "yolov5n.pt").exists() and PERSON in wanted:
        print("not measured: yolov5n.pt, since the ultralytics of today runs no file of that age", file=sys.stderr)
    for name, (look, classes) in looks.items():
        points = {number: best_score(look, number, data) for number in classes if number in wanted}
        yield Other(name, look, points)


def best_score(look: Callable[[Array], Rows], number: int, data: Path) -> float:
    """The score with the best F1 on the tune pictures."""
    if number == FACE:
        return FACE_SURE
    samples = weapons_samples(data, "tune") + coco_samples(data, "tune")
    samples += natural_samples(data, "tune") if number == WEAPON else []  # they carry no person labels
    nothing = np.zeros((0, 4))
    tune = []
    for sample in samples:
        real = sample.boxes[sample.boxes[:, 0] == number, 1:]
        tune.append(matched(look(read_picture(sample.path)), real, nothing, number))
    return best_f1(tune)[0]


def elsewhere(script: str, limit_s: int) -> list[str]:
    """The table that another script prints, or why there is none."""
    if not (SCRIPTS / script).is_file():
        return [f"not measured: there is no scripts/{script}"]
    try:
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / script)], capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return [f"not measured: scripts/{script} took longer than {limit_s} s"]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return [f"not measured: scripts/{script} ended with {done.returncode}: {last}"]
    return done.stdout.strip().splitlines()


def row(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def figure(one: Interval) -> str:
    """``0.717 (0.64–0.80)``."""
    return "–" if np.isnan(one.value) else f"{one.value:.3f} ({one.low:.2f}–{one.high:.2f})"


if __name__ == "__main__":
    main()
