"""What each person wears in one frame, as far as it can be seen: cloth and gear, never a unit, a force or who it is."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from triage.errors import WeightsError
from triage.geometry import Box
from triage.network import Network, ask, open_network
from triage.records import ClothingReading, Finding, Frame, Label, Reading, Role
from triage.settings import Settings
from triage.weights import Weights

GREY = 114
"""Around a crop that is narrower or lower than the net's picture, as in training."""
WANTED = frozenset({Label.CIVILIAN, Label.CAMOUFLAGE, Label.SERVICE_DRESS, Label.TACTICAL_GEAR})
MOST_AT_ONCE = 32
"""Persons that the net is given at once: a crowd must not need a crowd's memory."""
LARGE = 2.5
"""Times the least height from which a person is large enough to be seen as well as it gets."""
DARK, LIT = 6.0, 22.0
"""Standard deviation of luma (0 to 255) within the box: at the first nothing can be told apart, from the second on the
light costs nothing. Of 1,929 persons in stills 98 % have 29 to 91; in a quarter of the light, with noise, about 16."""
CUT = 0.7
"""What is left of a look's worth for each of the left, right and upper border of the frame that the box touches; a
judgement. The lower one costs nothing: whoever stands close is cut off there, and the chest says most."""
BORDER_PX = 2

Image = npt.NDArray[np.uint8]


class ClothingReader:
    """One reading for each person that a detector found."""

    def __init__(self, weights: Weights, roles: Sequence[Role], settings: Settings) -> None:
        """Open the model.

        Raises:
            WeightsError: the file cannot be read as a model, takes pictures of any size, or does not name what it
                answers so that each kind of clothes is there.
        """
        self.name = f"{weights.name}@{weights.sha256[:8]}"
        self.sha256 = weights.sha256
        self.roles = tuple(roles)
        self._network = open_network(weights.file, settings.detecting.precision, (weights.input_px, weights.input_px))
        self.runs_on = self._network.runs_on
        if self._network.fixed_hw is None:
            raise WeightsError(f"{weights.file}: takes pictures of any size; a model of clothes takes one size")
        self._hw = self._network.fixed_hw
        self._labels = _labels(self._network, weights)
        self._least_px = settings.estimating.clothing_least_px
        self.recipe = repr((self.sha256, self.roles, self._labels, self._least_px))

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        people = [
            (index, finding, worth(frames[index], finding.box, self._least_px))
            for index, findings in enumerate(found)
            for finding in findings
            if finding.label is Label.PERSON
        ]
        visible = [(index, finding) for index, finding, quality in people if quality > 0]
        scores = dict(
            zip(((index, finding.box) for index, finding in visible), self._scores(frames, visible), strict=True)
        )
        answers: list[list[Reading]] = [[] for _ in frames]
        for index, finding, quality in people:
            answers[index].append(
                ClothingReading(
                    finding.video,
                    finding.time_ms,
                    finding.box,
                    scores.get((index, finding.box), dict.fromkeys(self._labels.values(), 0.5)),
                    quality,
                    self.name,
                )
            )
        return answers

    def _scores(self, frames: Sequence[Frame], people: Sequence[tuple[int, Finding]]) -> list[dict[Label, float]]:
        rows: list[dict[Label, float]] = []
        for start in range(0, len(people), MOST_AT_ONCE):
            some = people[start : start + MOST_AT_ONCE]
            crops = np.stack([crop(frames[index], finding.box, self._hw) for index, finding in some])
            answer = ask(self._network, crops, self.name)[0]
            # Rounded: the last bits differ between processors, a report should not.
            rows += [
                {label: round(min(max(float(row[place]), 0.0), 1.0), 4) for place, label in self._labels.items()}
                for row in answer
            ]
        return rows


def crop(frame: Frame, box: Box, outer_hw: tuple[int, int]) -> Image:
    """(H, W, 3) BGR: what is in the box with the proportions of what was filmed, in the middle of grey."""
    inner = _inside(frame, box)
    true_wh = (inner.shape[1] * frame.video.pixel_aspect, float(inner.shape[0]))
    scale = min(outer_hw[1] / true_wh[0], outer_hw[0] / true_wh[1])
    width, height = max(1, round(true_wh[0] * scale)), max(1, round(true_wh[1] * scale))
    canvas = np.full((*outer_hw, 3), GREY, np.uint8)
    left, top = (outer_hw[1] - width) // 2, (outer_hw[0] - height) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + height, left : left + width] = cv2.resize(inner, (width, height), interpolation=how)
    return canvas


def worth(frame: Frame, box: Box, least_px: int) -> float:
    """How much a look at the person in this box is worth, in [0, 1]; 0: nothing can be said.

    Args:
        least_px: height of the box, in pixels of the frame, from which anything can be said.
    """
    if box.height < least_px or box.width < least_px / 4:
        return 0.0
    size = min(1.0, 0.3 + 0.7 * (box.height / least_px - 1) / (LARGE - 1))
    inner = _inside(frame, box)
    luma = inner[:: max(1, inner.shape[0] // 64), :: max(1, inner.shape[1] // 64)].mean(axis=2)
    light = min(max((float(luma.std()) - DARK) / (LIT - DARK), 0.0), 1.0)
    cuts = sum((box.x0 <= BORDER_PX, box.x1 >= frame.video.width_px - BORDER_PX, box.y0 <= BORDER_PX))
    return round(float(size * light * CUT**cuts), 4)


def _inside(frame: Frame, box: Box) -> Image:
    """What of the frame is in the box; at least one pixel of it."""
    height, width = frame.image.shape[:2]
    left, top = min(max(int(box.x0), 0), width - 1), min(max(int(box.y0), 0), height - 1)
    right, bottom = max(left + 1, min(round(box.x1), width)), max(top + 1, min(round(box.y1), height))
    return frame.image[top:bottom, left:right]


def _labels(network: Network, weights: Weights) -> dict[int, Label]:
    """Place in the answer -> label, by the names that the file holds and the labels that the manifest gives them."""
    info = network.model.get_rt_info()  # OpenVINO keeps an ONNX file's metadata under "framework"
    kept = info["framework"] if "framework" in info else {}  # noqa: SIM401  OpenVINO's map has no get()
    try:
        names = dict(ast.literal_eval(kept["names"].value)) if "names" in kept else {}
    except (ValueError, SyntaxError, TypeError):  # another tool's metadata
        names = {}
    labels = {int(place): weights.labels[str(name)] for place, name in names.items() if str(name) in weights.labels}
    width = network.model.output(0).partial_shape[1].get_max_length()
    if set(labels.values()) != WANTED or len(labels) != len(WANTED) or not all(0 <= place < width for place in labels):
        raise WeightsError(
            f"{weights.file}: a model of clothes answers (N, {len(WANTED)}) and names in its metadata which number is "
            f"which of {', '.join(sorted(WANTED))}; this one names {names or 'none'}"
        )
    return labels
