"""Reports and stages for tests that need one, without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from triage.errors import Refusal
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.pipeline import Stages, make_stages
from triage.records import (
    Coverage,
    Estimate,
    Failure,
    Fault,
    Finding,
    Frame,
    Label,
    Mask,
    Provenance,
    Queue,
    Reason,
    Report,
    Role,
    Track,
    Verdict,
    Video,
)
from triage.settings import load_settings

PROVENANCE = Provenance(
    "0.1.0",
    "aaaa.bbbb",
    {"objects@12345678": "12345678" * 8},
    {"objects@12345678": "nothing"},
    (Role.PEOPLE, Role.WEAPONS),
    {"objects@12345678": {"weapon": 0.3, "weapon night": 0.25}},
)

MADE_AT = "2023-05-06T10:13:14Z"


def video_id(name: str = "clip") -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def finding(time_ms: int = 0, label: Label = Label.PERSON, score: float = 0.9, x0: float = 10) -> Finding:
    return Finding(video_id(), time_ms, label, score, Box(x0, 10, x0 + 50, 100), "objects@12345678")


def report(name: str = "clip", queue: Queue = Queue.PRIORITY, weight: float = 1.5) -> Report:
    """A report with something in every field."""
    return Report(
        video=Video(video_id(name), Path(), 640, 360, 5000, "matroska,webm", "vp9", 1.25, MADE_AT),
        coverage=Coverage(5000, 3000, 400, 8, 2, 3, ("it ends at 00:03.000 of 00:05.000",), 2000),
        verdict=Verdict(queue, (Reason("armed", "likely weapon (seen in 2 pictures)", queue, 0, 400, weight),)),
        tracks=(
            Track(Label.WEAPON, (finding(0, Label.WEAPON), finding(400, Label.WEAPON, 0.5)), 900),
            Track(Label.GRAPHIC, (replace(finding(400, Label.GRAPHIC), grade=2, mask=Mask(3, 2, b"\xa4")),)),
            Track(Label.BOUND_HANDS, (finding(0, Label.BOUND_HANDS),), None, Estimate(0.4, 0.2, 0.6, ("kneeling",))),
        ),
        faults=(Fault("findings", 400, "objects failed; not looked at: 3 pictures", 3),),
        provenance=PROVENANCE,
        conditions={"day": 5, "night": 3},
    )


def failure(name: str = "broken", kind: Refusal = Refusal.UNREADABLE) -> Failure:
    return Failure(video_id(name), kind, "its header cannot be read", PROVENANCE)


def nobody(_: Frame) -> Said:
    """Sees nothing."""
    return ()


def bright_is_armed(frame: Frame) -> Said:
    """A person in every picture, and a weapon in every bright one."""
    yield Label.PERSON, 0.9, Box(10, 10, 60, 110)
    if frame.image.mean() > 200:
        yield Label.WEAPON, 0.8, Box(50, 40, 90, 60)


def scripted_stages(say: Callable[[Frame], Said] = bright_is_armed, *overrides: str) -> Stages:
    return make_stages(load_settings("default", overrides).settings, [Scripted(say)])


def under_other_settings(result: Report, settings: str) -> Report:
    return replace(result, provenance=replace(result.provenance, settings=settings))
