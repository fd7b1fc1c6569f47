"""Where blood or an open injury may be, and how much of it: a net that paints a mask and grades the whole picture.

It can only say that something looks like it. No findings means that nothing stood out, never that nothing is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from triage.errors import WeightsError
from triage.findings.calibration import Bars
from triage.findings.conditions import Condition, condition
from triage.findings.yolo import Fit
from triage.geometry import Box
from triage.network import Network, Numbers, ask, open_network
from triage.records import Finding, Frame, Label, Mask, Role
from triage.settings import Detecting
from triage.weights import Weights

CELL = 4
"""A cell of the net's mask is 4 x 4 pixels of its picture."""
GRADES = 3
MASKED_FROM = 0.5
"""Score of a cell from which it belongs to the mask; the net's own scores are shifted so that this is right."""
MOST_REGIONS = 10
"""Findings in one frame. Spatter would be hundreds; regions that lie close are taken together until they are as few."""
TRIAL_HW = (192, 320)

Cells = npt.NDArray[np.bool_]
"""(H, W), true where the mask is."""


class GraphicDetector:
    """Regions of graphic content with a mask and the frame's grade."""

    def __init__(self, weights: Weights, roles: Sequence[Role], settings: Detecting) -> None:
        """Open the model.

        Raises:
            WeightsError: the file cannot be read as a model, or it does not answer with a mask and grades.
        """
        self.name = f"{weights.name}@{weights.sha256[:8]}"
        self.sha256 = weights.sha256
        self.roles = tuple(roles)
        self._network = open_network(weights.file, settings.precision, TRIAL_HW)
        _check_answer(self._network, weights)
        self.runs_on = self._network.runs_on
        self._bars = Bars(weights, [Label.GRAPHIC], settings)
        self._longest_px = settings.image_px or weights.input_px
        self.recipe = repr((self.sha256, self.roles, self._bars.recipe, self._longest_px))

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._bars.thresholds

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        if not frames:
            return []
        fit = Fit.of(frames[0].video, self._longest_px, self._network.fixed_hw)
        masks, grades = ask(self._network, np.stack([fit.picture(frame.image) for frame in frames]), self.name)[:2]
        return [
            self._findings(frame, mask[0] >= MASKED_FROM, steps, fit)
            for frame, mask, steps in zip(frames, masks, grades, strict=True)
        ]

    def _findings(self, frame: Frame, masked: Cells, steps: Numbers, fit: Fit) -> list[Finding]:
        """One finding per region; each carries the frame's grade and the probability that the frame has any.

        Args:
            steps: (3,) probabilities of a grade of at least 1, 2 and 3.
        """
        taken = condition(frame.image) if self._bars.needs_condition else Condition.DAY
        scores = [self._bars.score(float(step), Label.GRAPHIC, taken) for step in steps]
        score, grade = scores[0], sum(one is not None for one in scores)
        if score is None:
            return []
        regions = [(fit.back(*(CELL * side for side in corners)), cells) for corners, cells in regions_of(masked)]
        boxes = [(box, Mask.of(cells)) for box, cells in regions if box is not None]
        # Something is there and nobody can say where: all of the picture then, since a mask protects who looks at it.
        whole = [(Box(0, 0, frame.video.width_px, frame.video.height_px), None)]
        return [
            Finding(frame.video.id, frame.time_ms, Label.GRAPHIC, score, box, self.name, grade, mask)
            for box, mask in boxes or whole
        ]


def regions_of(masked: Cells) -> list[tuple[tuple[int, int, int, int], Cells]]:
    """Connected regions, the largest first: corners (x0, y0, x1, y1) in cells, half-open, and the mask between them.

    Where there are more than ``MOST_REGIONS``, gaps are bridged, wider and wider, until there are as few.
    """
    painted = masked.astype(np.uint8)
    reach = 1
    count, numbers = cv2.connectedComponents(painted)
    while count - 1 > MOST_REGIONS:
        reach = 2 * reach + 1
        count, numbers = cv2.connectedComponents(cv2.dilate(painted, np.ones((reach, reach), np.uint8)))
    found = []
    for number in range(1, count):
        own = (numbers == number) & masked
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        found.append(((x0, y0, x1, y1), own[y0:y1, x0:x1]))
    return sorted(found, key=lambda one: (-int(one[1].sum()), one[0]))


def _check_answer(network: Network, weights: Weights) -> None:
    """Another kind of model would not fail: its numbers would be read as grades that never mean anything."""
    height, width = network.fixed_hw or TRIAL_HW
    shapes = [answer.shape for answer in network.run(np.full((1, height, width, 3), 114, np.uint8))]
    wanted = [(1, 1, height // CELL, width // CELL), (1, GRADES)]
    if shapes[:2] != wanted:
        raise WeightsError(
            f"{weights.file}: its answers have the shapes {shapes}; wanted are a mask and grades, {wanted}"
        )
