"""A detector that says what it was told to say: stands in for models in tests and wherever none may be loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from triage.geometry import Box
from triage.records import Finding, Frame, Label, Role

Said = Iterable[tuple[Label, float, Box]]


@dataclass(frozen=True, slots=True)
class Scripted:
    """Answers each frame with what ``say`` returns for it."""

    say: Callable[[Frame], Said]
    roles: tuple[Role, ...] = (Role.PEOPLE, Role.WEAPONS)
    title: str = "scripted"
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.title.encode()).hexdigest()

    @property
    def recipe(self) -> str:
        return self.sha256

    @property
    def runs_on(self) -> str:
        return "nothing"

    @property
    def name(self) -> str:
        return f"{self.title}@{self.sha256[:8]}"

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        return [
            [
                Finding(frame.video.id, frame.time_ms, label, score, box, self.name)
                for label, score, box in self.say(frame)
            ]
            for frame in frames
        ]
