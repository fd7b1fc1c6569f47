# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hide one picture of each label in an ordinary clip, for 0.4 s, 2 s and a whole shot, and scan it as a user would.

The clips are drawn here: a camera that moves over ordinary held-back photographs, and in between the hidden picture,
also moving. They are scanned with the shipped models and the default settings. A label counts as found if a track of it
meets the time of the insert, and as a false alarm if one is there in the clip without an insert.

What is hidden comes from the pictures that training kept back: people (COCO), weapons (CCTV style), faces (FairFace,
which the age net has seen; its honest figures are those of eval_minors.py), uniforms, and drawn stains. Nobody with
bound hands is in any set at hand, so that label is not measured here.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from eval_graphic import drawn  # first of all: it switches off what OpenVINO would report
from eval_objects import (
    DATA,
    PERSON,
    WEAPON,
    Array,
    coco_samples,
    natural_samples,
    read_picture,
    weapons_samples,
)
from graphic_places import places
from graphic_scenes import Stains
from minor_faces import fairface
from uniform_crops import read_crops

from triage.pipeline import Stages, examine, make_stages
from triage.records import Label, Report
from triage.settings import load_settings

RATE = 25
WIDTH_PX, HEIGHT_PX = 640, 360
LEAD_MS, TAIL_MS = 2000, 2000
LENGTHS_MS: Mapping[str, int] = {"0.4 s": 400, "2 s": 2000, "a shot (5 s)": 5000}
CHILD, GROWN = frozenset({"0-2", "3-9"}), frozenset({"30-39", "40-49", "50-59", "60-69", "70+"})
ARMED = frozenset({Label.WEAPON, Label.HANDGUN, Label.LONG_GUN, Label.BLADE})


def moving(picture: Array, length_ms: int) -> Iterator[Array]:
    """A camera that moves over a picture, and never shows the same twice."""
    scale = max(WIDTH_PX * 1.15 / picture.shape[1], HEIGHT_PX * 1.15 / picture.shape[0])
    big = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for share in np.linspace(0, 1, max(2, length_ms * RATE // 1000)):
        left = round((big.shape[1] - WIDTH_PX) * (0.3 + 0.4 * share))
        top = round((big.shape[0] - HEIGHT_PX) * (0.3 + 0.4 * share))
        yield big[top : top + HEIGHT_PX, left : left + WIDTH_PX]


def framed(picture: Array) -> Array:
    """A picture of any shape in the middle of a wide one, its borders repeated, blurred, to the sides."""
    scale = HEIGHT_PX / picture.shape[0]
    inner = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:, :WIDTH_PX]
    canvas = cv2.GaussianBlur(cv2.resize(picture, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA), (0, 0), 25)
    left = (WIDTH_PX - inner.shape[1]) // 2
    canvas[:, left : left + inner.shape[1]] = inner
    return np.asarray(canvas)


def write(path: Path, pictures: Iterator[Array]) -> None:
    """An H.264 clip of these pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for picture in pictures:
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
            container.mux(stream.encode(shown))
        container.mux(stream.encode())


def clip(before: Array, hidden: Array | None, after: Array, length_ms: int) -> Iterator[Array]:
    """Two shots, and between them what is hidden."""
    yield from moving(before, LEAD_MS)
    if hidden is not None:
        yield from moving(hidden, length_ms)
    yield from moving(after, TAIL_MS)


def labels_seen(path: Path, stages: Stages, start_ms: int, end_ms: int) -> frozenset[Label]:
    """Labels of the tracks that meet a stretch of time."""
    report = examine(path, "0" * 64, stages)
    if not isinstance(report, Report):
        return frozenset()
    step_ms = 1000 // RATE
    tracks = [one for one in report.tracks if one.end_ms >= start_ms - step_ms and one.start_ms < end_ms + step_ms]
    return frozenset(track.label for track in tracks)


def hidden_pictures(data: Path, work: Path, count: int) -> dict[str, tuple[frozenset[Label], list[Array]]]:
    """What to hide, by name: the labels that count as finding it, and its pictures."""
    people = [one for one in coco_samples(data, "val") if _largest(one.boxes, PERSON) > 0.1]
    armed = [one for one in weapons_samples(data, "val") if _largest(one.boxes, WEAPON) > 0.02]
    faces = fairface(data)
    crops = [crop for crop in read_crops(data) if crop.part == "val"]
    found: dict[str, tuple[frozenset[Label], list[Array]]] = {
        "person": (frozenset({Label.PERSON}), [read_picture(one.path) for one in people]),
        "weapon": (ARMED, [read_picture(one.path) for one in armed]),
        "face": (frozenset({Label.FACE}), [face.picture for face in faces if face.band]),
        "child's face": (frozenset({Label.POSSIBLE_MINOR}), [face.picture for face in faces if face.band in CHILD]),
        "adult's face, called possible minor": (
            frozenset({Label.POSSIBLE_MINOR}),
            [face.picture for face in faces if face.band in GROWN],
        ),
        "a lot of blood, drawn": (
            frozenset({Label.GRAPHIC}),
            [
                one.picture
                for one in drawn(places("val", work), Stains("held", 30), 4 * count, bloody=True)
                if one.grade >= 2
            ],
        ),
    }
    for kind in (Label.CAMOUFLAGE, Label.SERVICE_DRESS, Label.TACTICAL_GEAR):
        names = sorted({crop.name for crop in crops if kind.value in crop.kinds and "#" not in crop.name})
        found[kind.value] = (frozenset({kind}), [read_picture(data / name) for name in names])
    draw = np.random.default_rng(0)
    return {
        name: (labels, [pictures[index] for index in draw.permutation(len(pictures))[:count]])
        for name, (labels, pictures) in found.items()
    }


def _largest(boxes: Array, label: int) -> float:
    """Area of the largest box of a label, as a share of the picture."""
    mine = boxes[boxes[:, 0] == label]
    return float(((mine[:, 3] - mine[:, 1]) * (mine[:, 4] - mine[:, 2])).max(initial=0.0))


def main() -> None:
    """Print a table: label by length of the insert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "train_graphic")
    parser.add_argument("--count", type=int, default=12, help="pictures of each label")
    parser.add_argument("--settings", default="default")
    parser.add_argument("--only", default="", help="only what has this text in its name")
    options = parser.parse_args()
    stages = make_stages(load_settings(options.settings).settings)
    hosts = [read_picture(one.path) for one in natural_samples(options.data, "val") if "bsds" in str(one.path)]
    hidden = hidden_pictures(options.data, options.work, options.count)
    print(f"| hidden | {' | '.join(LENGTHS_MS)} |\n|---|{'---|' * len(LENGTHS_MS)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for name, (labels, pictures) in hidden.items():
            if options.only not in name:
                continue
            cells = [found(path, stages, hosts, pictures, labels, length_ms) for length_ms in LENGTHS_MS.values()]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        alarms(path, stages, hosts[: 2 * options.count])


def found(
    path: Path, stages: Stages, hosts: Sequence[Array], pictures: Sequence[Array], labels: frozenset[Label],
    length_ms: int,
) -> str:  # fmt: skip
    """How many of these pictures were found, hidden for so long."""
    hits = 0
    for number, picture in enumerate(pictures):
        before, after = hosts[number % len(hosts)], hosts[(number + 7) % len(hosts)]
        write(path, clip(before, framed(picture), after, length_ms))
        hits += bool(labels & labels_seen(path, stages, LEAD_MS, LEAD_MS + length_ms))
    return f"{hits} of {len(pictures)}"


def alarms(path: Path, stages: Stages, hosts: Sequence[Array]) -> None:
    """Print what was seen in clips in which nothing is hidden; the photographs show people, but none of the rest."""
    seen: dict[Label, int] = {}
    clips = list(zip(hosts[::2], hosts[1::2], strict=False))
    for before, after in clips:
        write(path, clip(before, None, after, 0))
        for label in labels_seen(path, stages, 0, LEAD_MS + TAIL_MS):
            seen[label] = seen.get(label, 0) + 1
    told = ", ".join(f"{label} in {count}" for label, count in sorted(seen.items()))
    print(f"\nIn {len(clips)} clips in which nothing was hidden: {told or 'nothing'}")


if __name__ == "__main__":
    main()
