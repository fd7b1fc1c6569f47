"""Whether a face is a minor's, look by look: a probability and what the look is worth. Never an age."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from triage.errors import WeightsError
from triage.geometry import Box
from triage.network import ask, open_network
from triage.records import AgeReading, Finding, Frame, Label, Reading, Role
from triage.settings import Settings
from triage.weights import Weights

Image = npt.NDArray[np.uint8]

MOST_FACES = 64
"""Faces that the network is given at once: more cost memory and no less time."""
GREY = 114
"""Of the picture that a model is tried on when it is opened."""
COARSE = 4
"""What is left of a picture after shrinking it by this and enlarging it again is coarse, the rest is detail."""
JUDGED_PX = 112
"""Side of the crop that these are for."""
BLURRED, SHARP, NOISY, NOISE = 0.01, 0.08, 0.3, 0.6
"""Detail as a share of all contrast: nothing can be told up to the first and from the last on, all between the middle
two. FairFace's faces have 0.10 to 0.30 if sharp, 0.05 at 28 px, 0.02 blurred by 3 % of their height, 0.45 in noise."""
SURE_FACE = 0.5
"""Score from which a face is surely one."""


class AgeReader:
    """Reads every face that a detector found."""

    def __init__(self, weights: Weights, roles: Sequence[Role], settings: Settings) -> None:
        """Open the model: faces as (N, 3, side, side) in, the probability of being under 18 as (N, 1) out.

        Raises:
            WeightsError: the file cannot be read as a model, or does not answer with one number for a face.
        """
        self.name = f"{weights.name}@{weights.sha256[:8]}"
        self.sha256 = weights.sha256
        self.roles = tuple(roles)
        self._side = weights.input_px
        self._network = open_network(weights.file, settings.detecting.precision, (self._side, self._side))
        trial = self._network.run(np.full((2, self._side, self._side, 3), GREY, np.uint8))
        if len(trial) != 1 or trial[0].shape != (2, 1) or not ((trial[0] >= 0) & (trial[0] <= 1)).all():
            shapes = ", ".join(str(answer.shape) for answer in trial)
            raise WeightsError(
                f"{weights.file}: for two faces its answer is {shapes}; wanted is one probability for each, (2, 1)"
            )
        self.runs_on = self._network.runs_on
        self._least_px = settings.estimating.minors_least_face_px
        self._enough_px = settings.estimating.minors_enough_face_px
        self.recipe = repr((self.sha256, self.roles, self._side, self._least_px, self._enough_px))

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        faces = [
            (place, finding)
            for place, findings in enumerate(found)
            for finding in findings
            if finding.label is Label.FACE
        ]
        readings: list[list[Reading]] = [[] for _ in frames]
        for at in range(0, len(faces), MOST_FACES):
            part = faces[at : at + MOST_FACES]
            crops = np.stack([face_crop(frames[place], finding.box, self._side) for place, finding in part])
            # Rounded: the last bits differ between processors, a report should not.
            answers = ask(self._network, crops, self.name)[0][:, 0].clip(0, 1).round(4).tolist()
            for (place, finding), crop, under_18 in zip(part, crops, answers, strict=True):
                worth = round(self._quality(frames[place], finding, crop), 4)
                readings[place].append(
                    AgeReading(finding.video, finding.time_ms, finding.box, under_18, worth, self.name)
                )
        return readings

    def _quality(self, frame: Frame, finding: Finding, crop: Image) -> float:
        """By size, sharpness and how sure it is that this is a face; the weakest of them decides."""
        px = length_px(frame, finding.box)
        size = (px - self._least_px) / max(self._enough_px - self._least_px, 1)
        return float(min(max(size, 0.0), sharpness(crop), finding.score / SURE_FACE, 1.0))


def length_px(frame: Frame, box: Box) -> float:
    """The longer side of a box in pixels of the frame's height, in the proportions of what was filmed."""
    return max(box.width * frame.video.pixel_aspect, box.height)


def face_crop(frame: Frame, box: Box, side: int) -> Image:
    """(side, side, 3) BGR: a square around the face's middle, as long as its longer side, in true proportions.

    Where it would reach beyond the picture, the picture's border goes on.
    """
    half = length_px(frame, box) / 2
    across = half / frame.video.pixel_aspect
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    columns = np.arange(round(x - across), max(round(x + across), round(x - across) + 1))
    rows = np.arange(round(y - half), max(round(y + half), round(y - half) + 1))
    image = frame.image
    piece = image[rows.clip(0, image.shape[0] - 1)][:, columns.clip(0, image.shape[1] - 1)]
    shrinks = len(rows) > side and len(columns) > side
    crop: Image = np.asarray(
        cv2.resize(piece, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )
    return crop


def sharpness(crop: Image) -> float:
    """How clearly a face shows, in [0, 1]: less by blur and smallness, which take detail, and by noise, which adds."""
    same_size = crop if crop.shape[0] == JUDGED_PX else cv2.resize(crop, (JUDGED_PX, JUDGED_PX))
    grey = cv2.cvtColor(same_size, cv2.COLOR_BGR2GRAY).astype(np.float32)
    small = cv2.resize(grey, None, fx=1 / COARSE, fy=1 / COARSE, interpolation=cv2.INTER_AREA)
    detail = grey - cv2.resize(small, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_CUBIC)
    share = float(np.std(detail)) / max(float(np.std(grey)), 1.0)
    return min(max(min((share - BLURRED) / (SHARP - BLURRED), (NOISE - share) / (NOISE - NOISY)), 0.0), 1.0)
