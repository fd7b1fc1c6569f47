# SPDX-License-Identifier: AGPL-3.0-or-later
"""Write what the scores of the shipped detector mean, and from which on they count: its calibration file.

On the `tune` pictures of eval_objects.py, which neither taught the detector nor are reported on, each as it is, in a
quarter of the light, at 240 lines, and in grey, or tinted if it is grey: so that each condition has both pictures with
the thing and without. A real night is not a darkened day, and no labelled one was at hand. Persons and weapons are
labelled by people, faces by YuNet.

Prints the lines that belong into weights/manifest.toml.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from eval_objects import (  # first of all: it switches off what OpenVINO would report
    DATA,
    FACE,
    NAMES,
    PEERS,
    PERSON,
    WEAPON,
    WORSENINGS,
    Array,
    FaceDetector,
    Sample,
    coco_samples,
    natural_samples,
    read_picture,
    uniform_samples,
    weapons_samples,
    worsened,
)

from triage.evaluation.calibrating import calibrate
from triage.evaluation.looking import Corners, Looked
from triage.evaluation.models import open_model, uncalibrated
from triage.findings.calibration import Operating, dump_calibration
from triage.findings.conditions import Condition, condition
from triage.findings.detector import Detector
from triage.records import Frame, Label, Role, Video
from triage.settings import load_settings
from triage.weights import all_weights

STATES = ("plain", "dark", "240p", "grey or tinted")
ROLES: Mapping[Role, int] = {Role.PEOPLE: PERSON, Role.WEAPONS: WEAPON, Role.FACES: FACE}
FACE_SURE, FACE_DOUBT = 0.6, 0.3
PREVALENCE = {Role.WEAPONS: 0.2}
"""Most pictures of the weapon set hold a weapon; of what is looked through, few do. One in five is a guess on the high
side, made so that "likely" is said neither of every second keyboard nor of no weapon at all."""


def main() -> None:
    """Calibrate every role of the weights that draws boxes, and write the file beside them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="objects", help="name in the manifest")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with weapons_cctv, coco128 and natural")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with YuNet, for faces")
    parser.add_argument("--target", type=Path, help="file to write; without, beside the weights")
    parser.add_argument("--recall", nargs="*", default=[], metavar="ROLE=SHARE", help="instead of the best F1")
    parser.add_argument("--least", nargs="*", default=[], metavar="ROLE=SCORE", help="no threshold below this")
    asked = parser.parse_args()
    recalls, least = pairs(asked.recall), pairs(asked.least)
    weights = next(one for one in all_weights() if one.name == asked.weights)
    settings = load_settings(overrides=["detecting.precision=exact", "detecting.device=cpu"]).settings
    known: dict[Label, Mapping[str, Operating]] = {}
    for role in (role for role in ROLES if role in weights.roles):
        model = open_model(uncalibrated(weights), [role], settings)
        tune = labelled(role, asked.data, asked.peers)
        seen = [one for sample, real in tune for one in looks(sample, real, role, model.detector)]
        found = calibrate(seen, role, model.answers, recalls.get(role), PREVALENCE.get(role))
        found = {label: raised(rows, least.get(role, 0.0)) for label, rows in found.items()}
        for label, rows in found.items():
            for taken, how in rows.items():
                means = f"from {how.threshold:.2f} on, which means {how.probability(how.threshold):.2f}"
                print(f"{label} {taken}: {means}; {how.n} things in {how.pictures} pictures")
        known |= found
    text = dump_calibration(known)
    target = asked.target or weights.file.with_name(f"{weights.name}.calibration.json")
    target.write_bytes(text)
    print(f'calibration = "{target.name}"\ncalibration_sha256 = "{hashlib.sha256(text).hexdigest()}"')


def pairs(texts: Sequence[str]) -> dict[Role, float]:
    """``people=0.9`` and the like."""
    return {Role(role): float(number) for role, _, number in (text.partition("=") for text in texts)}


def raised(rows: Mapping[str, Operating], least: float) -> Mapping[str, Operating]:
    """The same with no threshold below ``least``."""
    return {taken: replace(how, threshold=max(how.threshold, least)) for taken, how in rows.items()}


def labelled(role: Role, data: Path, peers: Path) -> Iterator[tuple[Sample, tuple[Array, Array]]]:
    """The tune pictures of a role, each with its boxes and with places that do not count: corners in shares."""
    nothing = np.zeros((0, 4))
    if role is Role.FACES:
        teacher = FaceDetector(peers / "yunet_n_dynamic.onnx")
        for sample in coco_samples(data, "tune") + natural_samples(data, "tune") + uniform_samples(data, "tune"):
            rows = teacher(read_picture(sample.path))
            sure, doubtful = rows[:, 1] >= FACE_SURE, (rows[:, 1] < FACE_SURE) & (rows[:, 1] >= FACE_DOUBT)
            yield sample, (rows[sure, 2:], rows[doubtful, 2:])
        return
    samples = weapons_samples(data, "tune") + coco_samples(data, "tune")
    if role is Role.WEAPONS:
        samples += natural_samples(data, "tune")  # they carry no person labels
    for sample in samples:
        yield sample, (sample.boxes[sample.boxes[:, 0] == ROLES[role], 1:], nothing)


def looks(sample: Sample, real: tuple[Array, Array], role: Role, detector: Detector) -> Iterator[Looked]:
    """The picture in each state, beside what was found in it."""
    picture = read_picture(sample.path)
    for state in STATES:
        image = np.ascontiguousarray(WORSENINGS[state](picture) if state in WORSENINGS else recoloured(sample, picture))
        image.flags.writeable = False
        height, width = image.shape[:2]
        video = Video(hashlib.sha256(image.tobytes()).hexdigest(), sample.path, width, height, None, "none", "none")
        boxes, doubtful = (tuple(corners(row, width, height) for row in rows) for rows in real)
        label = Label(NAMES[ROLES[role]])
        found = tuple(detector.look([Frame(video, 0, image)])[0])
        yield Looked(sample.path, condition(image), tuple((label, box) for box in boxes), doubtful, found)


def recoloured(sample: Sample, picture: Array) -> Array:
    """A colour picture in grey, a grey one tinted."""
    if condition(picture) is Condition.GREY:
        return worsened(sample, "tinted")[0]
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def corners(row: Array, width: int, height: int) -> Corners:
    """Corners in pixels."""
    x0, y0, x1, y1 = (row * np.array([width, height] * 2)).tolist()
    return x0, y0, x1, y1


if __name__ == "__main__":
    main()
