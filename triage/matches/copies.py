"""A net for finding copies as an ONNX file or an OpenVINO folder: pictures in, one vector each."""

from __future__ import annotations

from triage.errors import DetectorError, WeightsError
from triage.network import Images, Numbers, ask, open_network
from triage.settings import Precision
from triage.weights import Weights


class CopyNetwork:
    """One input, ``(N, 3, S, S)`` of RGB in 0-1, and one output, ``(N, D)``."""

    def __init__(self, weights: Weights, precision: Precision) -> None:
        """Open the model.

        Raises:
            WeightsError: the file cannot be read as a model, or its pictures are not square.
        """
        side_px = weights.input_px
        self._network = open_network(weights.file, precision, (side_px, side_px))
        height, width = self._network.fixed_hw or (side_px, side_px)
        if height != width:
            raise WeightsError(f"{weights.file}: takes pictures of {width} x {height} px; wanted is a square")
        self.side_px = height
        self.runs_on = self._network.runs_on

    def vectors(self, images: Images, name: str) -> Numbers:
        answers = ask(self._network, images, name)
        if len(answers) != 1:
            raise DetectorError(f"{name} failed: it has {len(answers)} outputs; wanted is one, of vectors")
        return answers[0]
