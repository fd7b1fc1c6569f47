from __future__ import annotations

from pathlib import Path

from tests.nets import painted
from triage.findings.scripted import Scripted
from triage.geometry import Box
from triage.records import Finding, Frame, Label, Role, Video

BOX = Box(1, 2, 3, 4)
FRAME = Frame(Video("cd" * 32, Path("drawn"), 8, 8, None, "none", "none"), 40, painted(8, 8, []))


def test_it_says_what_it_was_told_to_say() -> None:
    detector = Scripted(lambda frame: [(Label.BLADE, frame.time_ms / 100, BOX)])
    assert detector.look([FRAME]) == [[Finding("cd" * 32, 40, Label.BLADE, 0.4, BOX, detector.name)]]


def test_two_scripts_of_different_titles_have_different_hashes() -> None:
    assert Scripted(lambda _: [], title="one").sha256 != Scripted(lambda _: [], title="other").sha256


def test_it_serves_the_roles_it_was_given() -> None:
    assert Scripted(lambda _: [], roles=(Role.FACES,)).roles == (Role.FACES,)
