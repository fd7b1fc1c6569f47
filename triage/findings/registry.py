"""Which kinds of models there are, and those that a scan needs. Imports nothing heavy until asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from triage.errors import WeightsError
from triage.findings.detector import Detector, Reader
from triage.records import ROLE_NEEDS, Role
from triage.settings import Settings
from triage.weights import Weights, chosen


def _yolo(weights: Weights, roles: Sequence[Role], settings: Settings) -> Detector:
    from triage.findings.yolo import YoloDetector

    return YoloDetector(weights, roles, settings.detecting)


def _graphic(weights: Weights, roles: Sequence[Role], settings: Settings) -> Detector:
    from triage.findings.graphic import GraphicDetector

    return GraphicDetector(weights, roles, settings.detecting)


def _clothing(weights: Weights, roles: Sequence[Role], settings: Settings) -> Reader:
    from triage.findings.clothing import ClothingReader

    return ClothingReader(weights, roles, settings)


DETECTORS: Mapping[str, Callable[[Weights, Sequence[Role], Settings], Detector]] = {
    "yolo": _yolo,
    "graphic": _graphic,
}
"""Reader named in a manifest entry -> what makes a detector of it. To add one: a file here, and a line."""


def _pose(weights: Weights, roles: Sequence[Role], settings: Settings) -> Reader:
    from triage.findings.pose import PoseReader

    return PoseReader(weights, roles, settings.detecting)


def _age(weights: Weights, roles: Sequence[Role], settings: Settings) -> Reader:
    from triage.findings.age import AgeReader

    return AgeReader(weights, roles, settings)


READERS: Mapping[str, Callable[[Weights, Sequence[Role], Settings], Reader]] = {
    "pose": _pose,
    "clothing": _clothing,
    "age": _age,
}
"""The same for those that look at what detectors found."""


def open_models(settings: Settings) -> tuple[list[Detector], list[Reader]]:
    """What looks at frames, and what looks at the people in them, for the roles that are asked for and served.

    A role that needs others brings them along, and is not served where one of them is not. Each weights file is opened
    once.

    Raises:
        WeightsError: a file is absent or changed, has no card, or cannot be read as a model.
    """
    serving = chosen(_with_needs(settings.detecting.roles))
    roles_of: dict[str, list[Role]] = {}
    weights_of: dict[str, Weights] = {}
    for role in Role:
        if role in serving and all(need in serving for need in ROLE_NEEDS.get(role, ())):
            roles_of.setdefault(serving[role].name, []).append(role)
            weights_of[serving[role].name] = serving[role]
    detectors: list[Detector] = []
    readers: list[Reader] = []
    for name, weights in weights_of.items():
        if weights.reader not in {**DETECTORS, **READERS}:
            known = ", ".join([*DETECTORS, *READERS])
            raise WeightsError(f"{name}: there is no reader {weights.reader!r}; known are {known}")
        weights.check()
        if weights.reader in DETECTORS:
            detectors.append(DETECTORS[weights.reader](weights, roles_of[name], settings))
        else:
            readers.append(READERS[weights.reader](weights, roles_of[name], settings))
    return detectors, readers


def _with_needs(roles: Iterable[Role]) -> set[Role]:
    asked = set(roles)
    return asked.union(*(ROLE_NEEDS.get(role, frozenset()) for role in asked))
