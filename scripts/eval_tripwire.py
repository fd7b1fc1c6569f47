# SPDX-License-Identifier: AGPL-3.0-or-later
"""Count how often a model for sexual content fires on ordinary pictures and clips, where nothing of the kind is shown.

    python scripts/eval_tripwire.py 320n.onnx

False alarms are all that is measured. What it misses is not, and never will be here: no sexual material is collected.
The model is used as ``triage weights add`` would use it: its classes, its picture size, its lowest score that counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from triage.cli.known_models import known_model
from triage.durable import sha256_of
from triage.errors import UsageError, VideoError
from triage.findings.yolo import YoloDetector, open_engine
from triage.frames.pyav import open_video
from triage.records import Label, Role
from triage.settings import Detecting, Sampling
from triage.weights import Weights

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SETS: Mapping[str, str] = {
    "landscapes, animals, people (BSDS300)": "natural/bsds300",
    "one thing each (ImageNet samples)": "natural/imagenet1000_384",
    "everyday scenes (COCO)": "coco128",
    "faces of all ages, close (FairFace)": "fairface_age",
    "soldiers and police": "uniform_dev",
    "weapons, CCTV style, grey": "weapons_cctv",
    "posed and moving people": "pose",
    "clips": "videos",
}
PICTURES = frozenset({".jpg", ".jpeg", ".png"})
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.5)
MOST_LOOKS = 300
"""Of one clip."""
Z = 1.645
"""Of a normal distribution, for a 90 % interval."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args()
    detector = opened(asked.model)
    print("| material | pictures or clips |", " | ".join(f"{at:g}" for at in THRESHOLDS), "|")
    print("|---|---|", "---|" * len(THRESHOLDS), sep="")
    for title, folder in SETS.items():
        best = [score for file in files(asked.data / folder) if (score := highest(detector, file)) is not None]
        cells = " | ".join(share(sum(score >= at for score in best), len(best)) for at in THRESHOLDS)
        print(f"| {title} | {len(best)} | {cells} |", flush=True)


def opened(file: Path) -> YoloDetector:
    """The model as it would be added, but with every score counting."""
    known = known_model(open_engine(file, "cpu").names.values())
    if known is None:
        raise UsageError(f"{file}: not known by its classes")
    weights = Weights(
        file.stem,
        (Role.SEXUAL,),
        file,
        sha256_of(file),
        known.licence,
        "",
        known.labels,
        known.measured.input_px,
        file,
        at_least={Label.SEXUAL: min(THRESHOLDS)},
    )
    return YoloDetector(weights, (Role.SEXUAL,), Detecting(device="cpu"))


def files(folder: Path) -> Iterator[Path]:
    """Pictures; in the folder of clips, everything that may be one."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (file.suffix.lower() in PICTURES or folder.name == "videos"):
            yield file


def highest(detector: YoloDetector, file: Path) -> float | None:
    """The best score in any look, as a scan would look; None: it is no picture or video."""
    try:
        with open_video(file, "0" * 64, Sampling()) as source:
            scores: Sequence[float] = [0.0]
            for place, frame in enumerate(source.frames()):
                if place == MOST_LOOKS:
                    break
                scores = [*scores, *(finding.score for finding in detector.look([frame])[0])]
    except VideoError:
        return None
    return max(scores)


def share(number: int, of: int) -> str:
    """``3 (0.8-2.9 %)``: how many, and where their share lies with 90 % certainty, after Wilson."""
    if not of:
        return "-"
    middle, wide = number / of + Z**2 / 2 / of, Z * (number / of * (1 - number / of) / of + Z**2 / 4 / of**2) ** 0.5
    low, high = ((middle + sign * wide) / (1 + Z**2 / of) for sign in (-1, 1))
    return f"{number} ({100 * max(low, 0):.1f}–{100 * high:.1f} %)"


if __name__ == "__main__":
    main()
