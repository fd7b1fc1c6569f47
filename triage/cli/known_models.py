"""Models that others publish and that are known here by their classes, so that nobody has to type what they mean.

None of them ships with triage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from triage.records import Label, Role


@dataclass(frozen=True, slots=True)
class Measured:
    """The one file of a known model that was tried."""

    sha256: str
    input_px: int
    card: str
    """File in ``docs/cards``, with what was measured."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model, whatever its size, told by its classes."""

    title: str
    classes: frozenset[str]
    role: Role
    labels: Mapping[str, Label]
    """Classes that mean something here; the others are not read."""
    at_least: Mapping[Label, float]
    licence: str
    measured: Measured


# Whose body it is ends here: every class that is used becomes one and the same label.
NUDENET = KnownModel(
    title="NudeNet 3",
    classes=frozenset(
        {
            *("ANUS_COVERED", "ANUS_EXPOSED", "ARMPITS_COVERED", "ARMPITS_EXPOSED", "BELLY_COVERED", "BELLY_EXPOSED"),
            *("BUTTOCKS_COVERED", "BUTTOCKS_EXPOSED", "FACE_FEMALE", "FACE_MALE", "FEET_COVERED", "FEET_EXPOSED"),
            *("FEMALE_BREAST_COVERED", "FEMALE_BREAST_EXPOSED", "FEMALE_GENITALIA_COVERED"),
            *("FEMALE_GENITALIA_EXPOSED", "MALE_BREAST_EXPOSED", "MALE_GENITALIA_EXPOSED"),
        }
    ),
    role=Role.SEXUAL,
    labels=MappingProxyType(
        dict.fromkeys(
            (
                *("ANUS_EXPOSED", "BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED"),
                *("FEMALE_GENITALIA_EXPOSED", "MALE_GENITALIA_EXPOSED"),
            ),
            Label.SEXUAL,
        )
    ),
    at_least=MappingProxyType({Label.SEXUAL: 0.2}),
    licence="AGPL-3.0, by the file in its package and its metadata; the package's index page says MIT",
    measured=Measured(
        sha256="c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
        input_px=320,
        card="nudenet.md",
    ),
)

KNOWN_MODELS = (NUDENET,)


def known_model(classes: Iterable[str]) -> KnownModel | None:
    """The known model with exactly these classes; None if there is none."""
    named = frozenset(classes)
    return next((model for model in KNOWN_MODELS if model.classes == named), None)
