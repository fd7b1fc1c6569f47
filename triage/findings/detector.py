"""What any detector promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from triage.records import Finding, Frame, Role


class Detector(Protocol):
    """Looks at frames and says what it sees."""

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

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        """One list per frame, in the order of the frames; an empty list means looked and saw nothing.

        Args:
            frames: pictures of one video.

        Raises:
            DetectorError: the model failed, so nobody looked at these frames.
        """
