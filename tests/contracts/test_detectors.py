"""What every detector owes, run over the registry of readers and over the scripted one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.nets import painted, reds_net, squares_net
from triage.durable import sha256_of
from triage.findings.calibration import threshold_of
from triage.findings.conditions import condition
from triage.findings.detector import Detector
from triage.findings.registry import DETECTORS
from triage.findings.scripted import Scripted
from triage.geometry import Box
from triage.records import ROLE_LABELS, Frame, Label, Role, Video
from triage.settings import Detecting, Settings
from triage.weights import Weights

BOTH = (Role.PEOPLE, Role.WEAPONS)
VIDEO = Video("ab" * 32, Path("drawn"), 320, 320, None, "none", "none")


def _yolo(folder: Path) -> Detector:
    file = squares_net(folder / "squares.onnx")
    labels = {"person": Label.PERSON, "weapon": Label.WEAPON}
    weights = Weights("squares", BOTH, file, sha256_of(file), "none", "drawn", labels, 320, folder / "card.md")
    return DETECTORS["yolo"](weights, BOTH, Settings(detecting=Detecting(device="cpu")))


def _scripted(folder: Path) -> Detector:
    def say(frame: Frame) -> list[tuple[Label, float, Box]]:
        blue, green, red = (float(frame.image[..., channel].max()) / 255 for channel in range(3))
        boxes = [(Label.PERSON, red), (Label.WEAPON, green)]
        return [(label, score, Box(0, 0, 320, 320)) for label, score in boxes if score > 0.5 > blue]

    return Scripted(say)


def _graphic(folder: Path) -> Detector:
    file = reds_net(folder / "reds.onnx")
    labels, roles = {"graphic": Label.GRAPHIC}, (Role.GRAPHIC,)
    weights = Weights("reds", roles, file, sha256_of(file), "none", "drawn", labels, 320, folder / "card.md")
    return DETECTORS["graphic"](weights, roles, Settings(detecting=Detecting(device="cpu")))


MAKERS: Mapping[str, Callable[[Path], Detector]] = {"yolo": _yolo, "graphic": _graphic, "scripted": _scripted}
"""How to make one of each that sees the painted squares. A new line in ``DETECTORS`` needs one here."""


@pytest.fixture(params=MAKERS)
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> Detector:
    return MAKERS[request.param](tmp_path)


def frames() -> list[Frame]:
    person, weapon = (32, 32, 48, 48, 0, 250), (64, 96, 80, 112, 1, 220)
    pictures = [[person], [], [person, weapon], [weapon]]
    return [
        Frame(VIDEO, 400 * place, painted(VIDEO.width_px, VIDEO.height_px, squares))
        for place, squares in enumerate(pictures)
    ]


def test_every_registered_reader_is_held_to_the_contract() -> None:
    assert set(DETECTORS) <= set(MAKERS)


def test_there_is_one_list_per_frame_in_the_order_of_the_frames(detector: Detector) -> None:
    answers = detector.look(frames())
    said = [sorted({finding.label for finding in answer}) for answer in answers]
    both = [[Label.PERSON], [], [Label.PERSON, Label.WEAPON], [Label.WEAPON]]
    only_red = [[Label.GRAPHIC], [], [Label.GRAPHIC], []]
    assert said == (only_red if detector.roles == (Role.GRAPHIC,) else both)


def test_no_frames_get_no_lists(detector: Detector) -> None:
    assert detector.look([]) == []


def test_every_finding_names_its_video_its_moment_and_its_detector(detector: Detector) -> None:
    for frame, answer in zip(frames(), detector.look(frames()), strict=True):
        for finding in answer:
            assert (finding.video, finding.time_ms, finding.detector) == (VIDEO.id, frame.time_ms, detector.name)


def test_the_name_ends_with_the_first_digits_of_the_hash(detector: Detector) -> None:
    assert len(detector.sha256) == 64
    assert detector.name.endswith(f"@{detector.sha256[:8]}")


def test_every_label_belongs_to_a_role_that_the_detector_serves(detector: Detector) -> None:
    served = frozenset[Label]().union(*(ROLE_LABELS[role] for role in detector.roles))
    answers = detector.look(frames())
    assert any(answers)
    assert {finding.label for answer in answers for finding in answer} <= served


def test_every_box_lies_inside_the_frame(detector: Detector) -> None:
    whole = (0, 0, VIDEO.width_px, VIDEO.height_px)
    for answer in detector.look(frames()):
        for finding in answer:
            x0, y0, x1, y1 = finding.box.xyxy
            assert (max(x0, 0), max(y0, 0), min(x1, whole[2]), min(y1, whole[3])) == finding.box.xyxy


def test_the_same_frames_get_the_same_answer_again_and_one_by_one(detector: Detector) -> None:
    answers = detector.look(frames())
    assert detector.look(frames()) == answers
    assert [detector.look([frame])[0] for frame in frames()] == answers


def test_looking_does_not_change_the_picture(detector: Detector) -> None:
    [_, _, frame, _] = frames()
    before = frame.image.copy()
    detector.look([frame])
    assert np.array_equal(frame.image, before)


def test_what_counts_is_told_and_nothing_below_it_is_found(detector: Detector) -> None:
    for frame, answer in zip(frames(), detector.look(frames()), strict=True):
        for finding in answer:
            if detector.thresholds:
                assert finding.score >= threshold_of(detector.thresholds, finding.label, condition(frame.image))
