"""Which readers there are, and the detectors that a scan needs. Imports nothing heavy until asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from triage.errors import WeightsError
from triage.findings.detector import Detector
from triage.records import Role
from triage.settings import Detecting
from triage.weights import Weights, chosen


def _yolo(weights: Weights, roles: Sequence[Role], settings: Detecting) -> Detector:
    from triage.findings.yolo import YoloDetector

    return YoloDetector(weights, roles, settings)


DETECTORS: Mapping[str, Callable[[Weights, Sequence[Role], Detecting], Detector]] = {"yolo": _yolo}
"""Reader named in a manifest entry -> what makes a detector of it. To add one: a file here, and a line."""


def make_detectors(settings: Detecting) -> list[Detector]:
    """The detectors for the roles that the settings ask for and some weights serve; each weights file is opened once.

    Raises:
        WeightsError: a file is absent or changed, has no card, or cannot be read as a model.
    """
    roles_of: dict[str, list[Role]] = {}
    weights_of: dict[str, Weights] = {}
    for role, weights in sorted(chosen(settings.roles).items(), key=lambda pair: list(Role).index(pair[0])):
        roles_of.setdefault(weights.name, []).append(role)
        weights_of[weights.name] = weights
    detectors = []
    for name, weights in weights_of.items():
        if weights.reader not in DETECTORS:
            raise WeightsError(f"{name}: there is no reader {weights.reader!r}; known are {', '.join(DETECTORS)}")
        weights.check()
        detectors.append(DETECTORS[weights.reader](weights, roles_of[name], settings))
    return detectors
