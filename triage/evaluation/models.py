"""The model to be measured, as a scan would open it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triage.durable import sha256_of
from triage.errors import UsageError, WeightsError
from triage.evaluation.labelled import same_label
from triage.findings.detector import Detector
from triage.findings.registry import DETECTORS
from triage.records import ROLE_LABELS, Label, Role
from triage.settings import Settings, nearest
from triage.weights import Weights, all_weights, chosen

LOWEST = 0.01
"""Score down to which boxes are asked for, so that there is a curve to measure; below, they add nothing to AP50."""
USUAL_PX = 640
"""Longest side that ultralytics trains on unless told otherwise."""
BOXED = (Role.PEOPLE, Role.WEAPONS, Role.FACES)
"""Roles whose answers are boxes in one picture; the others are judged by the whole of a scan."""


@dataclass(frozen=True, slots=True)
class Model:
    """A detector, asked for all that it sees, and from which score on a scan would believe it."""

    weights: Weights
    detector: Detector
    thresholds: Mapping[str, float]

    @property
    def answers(self) -> list[Label]:
        """What it answers with."""
        return [Label(what) for what in self.thresholds if what in list(Label)]


def weights_for(role: Role, named: str | None, given: Mapping[str, Label]) -> Weights:
    """The weights in use for a role, those of a name, or a file that was not added yet.

    Args:
        named: a name as ``triage weights list`` shows it, or the path of a file; None: what a scan would take.
        given: for a file: its class names to ours; those of equal name need not be said.

    Raises:
        UsageError: nothing serves the role, or there is neither such a name nor such a file.
        WeightsError: the weights are unfit, or the file cannot be read as a model.
    """
    if named is None:
        weights = chosen([role]).get(role)
        if weights is None:
            raise UsageError(f"no model at hand looks for {role}; name one: --weights FILE, or triage weights add")
        weights.check()
        return weights
    known = {weights.name: weights for weights in all_weights()}
    if named in known:
        if role not in known[named].roles:
            raise UsageError(f"{named} looks for {', '.join(known[named].roles)}, not for {role}")
        known[named].check()
        return known[named]
    file = Path(named)
    if not file.exists():
        raise UsageError(f"--weights: there is neither a model {named!r} nor such a file{nearest(named, known)}")
    return _not_added(file, role, given)


def open_model(weights: Weights, roles: Sequence[Role], settings: Settings) -> Model:
    """The model as a scan would open it for these roles, and asked for all that it sees.

    Raises:
        WeightsError: it cannot be read as a model.
    """
    if weights.reader not in DETECTORS:
        raise UsageError(f"{weights.name} draws no boxes by itself, so it is measured only as part of a scan")
    as_in_a_scan = DETECTORS[weights.reader](weights, roles, settings)
    labels = frozenset[Label]().union(*(ROLE_LABELS[role] for role in roles))
    down_to = {**settings.detecting.at_least, **dict.fromkeys(labels, LOWEST)}
    asked = replace(settings, detecting=replace(settings.detecting, at_least=down_to))
    return Model(weights, DETECTORS[weights.reader](weights, roles, asked), as_in_a_scan.thresholds)


def uncalibrated(weights: Weights) -> Weights:
    """The same, giving the scores that the model itself gives."""
    return replace(weights, calibration=None, calibration_sha256="")


def _not_added(file: Path, role: Role, given: Mapping[str, Label]) -> Weights:
    """An entry for a file that no manifest names; it needs no card, since measuring it is how a card is written."""
    from triage.findings.yolo import open_engine

    engine = open_engine(file, "cpu")
    meant = {name: given.get(name) or same_label(name) for name in engine.names.values()}
    labels = {name: label for name, label in meant.items() if label is not None and label in ROLE_LABELS[role]}
    if not labels:
        classes = ", ".join(sorted(engine.names.values())[:20])
        raise WeightsError(
            f"{file}: none of its classes ({classes}) is a label of {role}; say which is which, such as "
            f'--labels "{next(iter(engine.names.values()))}={min(ROLE_LABELS[role])}"'
        )
    return Weights(
        name=file.stem,
        roles=(role,),
        file=file,
        sha256=sha256_of(file),
        licence="not stated",
        origin="a file",
        labels=labels,
        input_px=max(engine.fixed_hw or (USUAL_PX,)),
        card=file.with_suffix(".md"),
    )
