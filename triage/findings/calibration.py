"""What a model's scores mean, and from which on they count: measured on labelled pictures, kept beside the weights.

A calibration file is JSON: label -> condition (``any`` always, others where they were measured) -> ``threshold`` on the
model's own score, ``platt`` [a, b] or null, ``n`` labelled things and ``pictures`` that it was measured on.

Outside of a detector there is one scale: what a finding's score says, a setting's ``at_least`` compares with. Where
there is a calibration, that is the measured share of such boxes that were right; the model's own score stays inside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triage.errors import WeightsError
from triage.findings.conditions import Condition
from triage.records import Label
from triage.settings import Detecting
from triage.weights import Weights

ANY = "any"
"""All conditions together."""
LEAST_THINGS = 30
"""Labelled things from which on a condition has a threshold of its own; with fewer, the best one is mostly luck."""
USUAL = 0.25
"""Lowest score that counts where nobody says anything: ultralytics' own default."""


@dataclass(frozen=True, slots=True)
class Operating:
    """How one label is read under one condition."""

    threshold: float
    """Lowest score of the model itself that counts."""
    platt: tuple[float, float] | None
    """(a, b): a box is right with probability 1 / (1 + exp(-(a * log-odds of the score + b))); None: not measured."""
    n: int
    """Labelled things that it was measured on."""
    pictures: int

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"a threshold is a score above 0 and up to 1, got {self.threshold}")
        if self.platt is not None and not (self.platt[0] > 0 and all(map(math.isfinite, self.platt))):
            raise ValueError(f"a better score is more often right, got {self.platt}")
        if min(self.n, self.pictures) < 0:
            raise ValueError("counts cannot be negative")

    def probability(self, raw: float) -> float:
        """What a score of the model's means; the score itself where that was not measured."""
        if self.platt is None:
            return raw
        a, b = self.platt
        return 1 / (1 + math.exp(-max(min(a * _log_odds(raw) + b, 700.0), -700.0)))

    def raw(self, probability: float) -> float:
        """The model's score that means this much."""
        if self.platt is None:
            return probability
        a, b = self.platt
        return 1 / (1 + math.exp(-max(min((_log_odds(probability) - b) / a, 700.0), -700.0)))


Calibration = Mapping[Label, Mapping[str, Operating]]
"""Label -> ``any`` or a condition -> how it is read."""


def read_calibration(path: Path) -> Calibration:
    """The calibration in this file.

    Raises:
        WeightsError: it is absent, or is none.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {Label(label): _by_condition(label, rows) for label, rows in told.items()}
    except OSError as error:
        raise WeightsError(f"{path}: the calibration cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path}: not a calibration: {error}; make it anew with triage evaluate --calibrate"
        ) from error


def dump_calibration(calibration: Calibration) -> bytes:
    """The file's one spelling."""
    rows = {
        str(label): {condition: asdict(operating) for condition, operating in rows.items()}
        for label, rows in sorted(calibration.items())
    }
    return (json.dumps(rows, indent=1) + "\n").encode()


class Bars:
    """From which score on each label counts, and what the scores mean, by condition."""

    def __init__(self, weights: Weights, labels: Iterable[Label], settings: Detecting) -> None:
        """What the settings say wins over the calibration, and that over the manifest.

        Raises:
            WeightsError: the calibration cannot be read.
        """
        measured = read_calibration(weights.calibration) if weights.calibration else {}
        self._reading: dict[tuple[Label, str], Operating] = {}
        self._least: dict[tuple[Label, str], float] = {}
        for label in dict.fromkeys(labels):
            usual = Operating(weights.at_least.get(label, USUAL), None, 0, 0)
            rows = measured.get(label, {ANY: usual})
            for condition in (ANY, *Condition):
                known = rows.get(condition)
                reading = known if known and (condition == ANY or known.n >= LEAST_THINGS) else rows[ANY]
                self._reading[label, condition] = reading
                own = _rounded(reading.probability(reading.threshold))
                self._least[label, condition] = settings.at_least.get(label, own)
        self.lowest_raw = min(
            # Half a last digit lower: what rounds to the least score counts.
            self._reading[key].raw(max(least - 0.00005, 0.0))
            for key, least in self._least.items()
        )
        """No score of the model's below this counts anywhere."""
        self.needs_condition = any(
            self._reading[label, ANY] != reading for (label, _), reading in self._reading.items()
        )
        """Whether it makes a difference under which condition a picture was taken."""
        self.recipe = repr(sorted(self._least.items())) + repr(sorted(self._reading.items(), key=lambda pair: pair[0]))

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Lowest score that counts, by label, and by label and condition where it is another there."""
        told = {}
        for (label, condition), least in self._least.items():
            if condition == ANY:
                told[str(label)] = least
            elif self._reading[label, condition] != self._reading[label, ANY]:
                told[f"{label} {condition}"] = least
        return told

    def score(self, raw: float, label: Label, condition: Condition) -> float | None:
        """What a finding's score is, rounded to four digits; None: too low to count."""
        # Rounded before comparing: the last bits of a score differ between processors, a report should not.
        score = _rounded(self._reading[label, condition].probability(_rounded(min(max(raw, 0.0), 1.0))))
        return score if score >= self._least[label, condition] else None


def threshold_of(thresholds: Mapping[str, float], label: Label, condition: Condition) -> float:
    """The lowest score that counts for a label in a picture taken under this condition."""
    return thresholds.get(f"{label} {condition}", thresholds[str(label)])


def _by_condition(label: str, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Operating]:
    if ANY not in rows:
        raise ValueError(f"{label} says nothing for {ANY!r}")
    for condition in rows:
        if condition != ANY:
            Condition(condition)
    return {
        condition: Operating(
            threshold=float(row["threshold"]),
            platt=None if row["platt"] is None else (float(row["platt"][0]), float(row["platt"][1])),
            n=int(row["n"]),
            pictures=int(row["pictures"]),
        )
        for condition, row in rows.items()
    }


def _log_odds(score: float) -> float:
    clear = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(clear / (1 - clear))


def _rounded(score: float) -> float:
    return round(score, 4)
