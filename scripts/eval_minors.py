# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure `minors`, and the teacher it started from, on FairFace's faces by band of years.

With ``--folds`` every face is judged by the one of five nets that was not trained on its picture: those are the figures
of the card. Without, the shipped net is measured on faces that it has seen, which only says that it is whole.

The threshold is the highest with recall of at least 0.95 for 0-9 and 0.80 for 10-19 years over mild views (boxes a
little off, 64 px, compressed); the teacher gets its own by the same rule. Groups of skin colour or gender are not
measured: labels of either are never read.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from eval_objects import DATA, PEERS, REPO, Array
from minor_faces import CHILD_BANDS, FOLDS, TEEN_BAND, Face, Worsening, crop, fairface

CHILD_RECALL, TEEN_RECALL = 0.95, 0.80
MILD = (
    Worsening(),
    Worsening(margin=0.05, mirrored=True),
    Worsening(margin=-0.03, shift=(0.04, 0.03)),
    Worsening(margin=0.1, shift=(-0.05, 0.0), turn=5),
    Worsening(face_px=64, jpeg=60),
)
STATES = {
    "plain": Worsening(),
    "box 10 % wider each side": Worsening(margin=0.1),
    "20 %": Worsening(margin=0.2),
    "30 %": Worsening(margin=0.3),
    "40 %": Worsening(margin=0.4),
    "face of 64 px": Worsening(face_px=64),
    "40 px": Worsening(face_px=40),
    "28 px": Worsening(face_px=28),
    "20 px": Worsening(face_px=20),
    "14 px": Worsening(face_px=14),
    "blur of 3 % of the height": Worsening(blur=0.03),
    "JPEG 15": Worsening(jpeg=15),
    "64 px, JPEG 20": Worsening(face_px=64, jpeg=20),
    "quarter of the light, noise": Worsening(light=0.25, noise=8),
    "grey": Worsening(grey=True),
    "turned by 20°": Worsening(turn=20),
}
GROUPS = ("0-9", "10-19", "20+", "20-29")
Judge = Callable[[list[Array]], Array]


@dataclass(frozen=True)
class Faces:
    """Labelled faces and which of them belong to each group."""

    all: list[Face]
    groups: dict[str, Array]

    @classmethod
    def of(cls, faces: list[Face]) -> Faces:
        """Only those with a band."""
        known = [face for face in faces if face.band]
        bands = np.array([face.band for face in known])
        child, teen = np.isin(bands, CHILD_BANDS), bands == TEEN_BAND
        return cls(known, dict(zip(GROUPS, (child, teen, ~child & ~teen, bands == "20-29"), strict=True)))


def session(file: Path) -> onnxruntime.InferenceSession:
    """A model on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options)


def ours(files: list[Path], faces: Faces) -> Judge:
    """Probability of being under 18: by one net, or for each face by the net of its fold."""
    nets = [session(file) for file in files]
    place = np.array([face.fold if len(nets) > 1 else 0 for face in faces.all])

    def judge(crops: list[Array]) -> Array:
        images = as_rgb(crops) / np.float32(255)
        said = np.zeros(len(crops))
        for number, net in enumerate(nets):
            mine = place == number
            said[mine] = net.run(None, {"images": images[mine]})[0][:, 0]
        return said

    return judge


def teacher(file: Path) -> Judge:
    """The teacher's years, negative, so that more means younger; its other output is not asked for."""
    net = session(file)
    return lambda crops: np.asarray(-net.run(["age"], {"rgb_0_255_nchw": as_rgb(crops)})[0][:, 0])


def as_rgb(crops: list[Array]) -> Array:
    """(N, 3, H, W) float, RGB in 0-255, from BGR crops."""
    return np.ascontiguousarray(np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2)).astype(np.float32)


def views(faces: Faces, how: Worsening) -> list[Array]:
    """Every face, made worse in one way; the noise is the same each time."""
    generator = np.random.default_rng(7)
    return [crop(face, how, generator) for face in faces.all]


def operating_point(judge: Judge, faces: Faces) -> float:
    """The highest threshold that reaches both recalls over the mild views."""
    said = np.stack([judge(views(faces, how)) for how in MILD])
    wanted = []
    for group, recall in (("0-9", CHILD_RECALL), ("10-19", TEEN_RECALL)):
        values = np.sort(said[:, faces.groups[group]].ravel())
        wanted.append(values[int(np.floor((1 - recall) * len(values)))])
    return float(min(wanted))


def area(positive: Array, negative: Array) -> float:
    """Area under the curve: how often one of the first is above one of the second."""
    return float((positive[:, None] > negative[None]).mean() + (positive[:, None] == negative[None]).mean() / 2)


def shares(said: Array, threshold: float, faces: Faces) -> dict[str, float]:
    """Share of each group that is called a possible minor."""
    return {group: float((said[members] >= threshold).mean()) for group, members in faces.groups.items()}


def interval(of: Callable[[Array], float], members: Array, rounds: int) -> tuple[float, float]:
    """90 % interval of a figure over faces drawn again with replacement."""
    generator = np.random.default_rng(0)
    places = np.nonzero(members)[0]
    values = [of(generator.choice(places, len(places))) for _ in range(rounds)]
    low, high = np.percentile(values, [5, 95])
    return float(low), float(high)


def measured(judge: Judge, faces: Faces, rounds: int) -> dict[str, Any]:
    """All figures of one model."""
    threshold = operating_point(judge, faces)
    rows, every = [], []
    for state, how in STATES.items():
        said = judge(views(faces, how))
        every.append(said)
        child, teen, adult, young = (said[faces.groups[group]] for group in GROUPS)
        row: dict[str, Any] = {"state": state, "child/adult": area(child, adult), "teen/adult": area(teen, adult)}
        row |= {"teen/20-29": area(teen, young), "called": shares(said, threshold, faces)}
        if state == "plain":
            row["intervals"] = {
                group: interval(lambda drawn, said=said: float((said[drawn] >= threshold).mean()), members, rounds)  # type: ignore[misc]
                for group, members in faces.groups.items()
            }
            row["bands"] = {
                band: float((said[[face.band == band for face in faces.all]] >= threshold).mean())
                for band in sorted({face.band for face in faces.all})
            }
        rows.append(row)
    return {"threshold": threshold, "rows": rows, "calibration": calibrated(np.concatenate(every), faces)}


def calibrated(said: Array, faces: Faces) -> list[tuple[float, float, float, int]]:
    """Said against true, over all states: lower edge, mean said, share under 18 (0.8 of 10-19), number."""
    truth = np.tile(faces.groups["0-9"] + 0.8 * faces.groups["10-19"], len(STATES))
    edges = (0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.01)
    rows = []
    for low, high in itertools.pairwise(edges):
        within = (said >= low) & (said < high)
        if within.any():
            rows.append((low, float(said[within].mean()), float(truth[within].mean()), int(within.sum())))
    return rows


def as_markdown(results: dict[str, dict[str, Any]]) -> str:
    """A table of areas and of shares called possible minors, the models side by side."""
    first, *_ = results.values()
    lines = ["| faces | " + " | ".join(f"{name}: areas | called" for name in results) + " |"]
    lines.append("|" + "---|" * (1 + 2 * len(results)))
    for number, row in enumerate(first["rows"]):
        cells = [row["state"]]
        for result in results.values():
            one = result["rows"][number]
            cells.append(" / ".join(f"{one[key]:.3f}" for key in ("child/adult", "teen/adult", "teen/20-29")))
            cells.append(" / ".join(f"{one['called'][group]:.2f}" for group in GROUPS))
        lines.append("| " + " | ".join(cells) + " |")
    for name, result in results.items():
        plain = result["rows"][0]
        spans = ", ".join(f"{group} {low:.2f} to {high:.2f}" for group, (low, high) in plain["intervals"].items())
        bands = ", ".join(f"{band} {share:.2f}" for band, share in plain["bands"].items())
        lines.append(f"{name}: threshold {result['threshold']:.4f}; plain, 90 %: {spans}; by band: {bands}")
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPO / "weights" / "minors.onnx")
    parser.add_argument("--folds", type=Path, help="folder with fold0.onnx to fold4.onnx, as training leaves them")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with the teacher and YuNet")
    parser.add_argument("--rounds", type=int, default=1000, help="bootstrap rounds")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    return parser.parse_args()


def main() -> None:
    """Print the figures of this net and of the teacher."""
    options = parse_arguments()
    cv2.setNumThreads(1)
    faces = Faces.of(fairface(options.data))
    files = [options.folds / f"fold{number}.onnx" for number in range(FOLDS)] if options.folds else [options.model]
    results = {"minors": measured(ours(files, faces), faces, options.rounds)}
    results["teacher"] = measured(teacher(options.peers / "faceapi_age_gender.onnx"), faces, options.rounds)
    print(as_markdown(results))
    if not options.folds:
        print("minors was trained on these faces, so its figures here are too good; those of the card need --folds")
    for low, said, true, number in results["minors"]["calibration"]:
        print(f"| from {low:.2f} | said {said:.3f} | true {true:.3f} | {number} |")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
