"""What any detector and any reader promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from triage.records import Finding, Frame, Reading, Role


class Model(Protocol):
    """What is known of one weights file at work."""

    @property
    def name(self) -> str:
        """``weights' name@first 8 digits of their hash``; stands in every finding."""

    @property
    def sha256(self) -> str:
        """Hash of the weights."""

    @property
    def recipe(self) -> str:
        """All that its answers depend on: weights, labels, lowest scores, picture size. Others make other reports."""

    @property
    def runs_on(self) -> str:
        """Library, device and precision, as far as they can change an answer."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """What it looks for."""


class Detector(Model, Protocol):
    """Looks at frames and says what it sees."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Lowest score that counts, by label, and by ``label condition`` where it is another under a condition."""

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        """One list per frame, in the order of the frames; an empty list means looked and saw nothing.

        Args:
            frames: pictures of one video.

        Raises:
            DetectorError: the model failed, so nobody looked at these frames.
        """


class Reader(Model, Protocol):
    """Looks at the people in frames and measures something on each; what it means is judged over time."""

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        """One list per frame, in the order of the frames.

        Somebody too small or too blurred to judge gets a reading of quality 0, not silence.

        Args:
            frames: pictures of one video.
            found: for each frame, what the detectors saw in it.

        Raises:
            DetectorError: the model failed, so nobody looked at these frames.
        """
