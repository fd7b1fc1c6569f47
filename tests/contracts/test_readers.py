"""What every reader owes, run over the registry of readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.findings import test_age, test_clothing, test_pose
from tests.nets import painted
from triage.findings.detector import Reader
from triage.findings.registry import READERS
from triage.geometry import Box
from triage.records import ROLE_NEEDS, Finding, Frame, Label, Reading, Video

VIDEO = Video("ab" * 32, Path("drawn"), 320, 320, None, "none", "none")
BODY, FACE = Box(100, 40, 220, 300), Box(130, 60, 190, 130)
TINY_BODY, TINY_FACE = Box(8, 8, 10, 14), Box(8, 8, 10, 10)

MAKERS: Mapping[str, Callable[[Path], Reader]] = {
    "pose": lambda folder: test_pose.reader(test_pose.bodies_net(folder / "bodies.onnx")),
    "age": lambda folder: test_age.reader(test_age.darkness_net(folder / "darkness.onnx")),
    "clothing": lambda folder: test_clothing.reader_of(test_clothing.colours_net(folder / "colours.onnx")),
}
"""How to make one of each. A new line in ``READERS`` needs one here."""


@pytest.fixture(params=MAKERS)
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    return MAKERS[request.param](tmp_path)


def frames() -> list[Frame]:
    return [
        Frame(VIDEO, 400 * place, painted(320, 320, [(100, 40, 220, 300, 0, 220), (8, 8, 10, 14, 1, 250)]))
        for place in range(3)
    ]


def found() -> list[list[Finding]]:
    """Somebody with a face, nobody, and somebody so small that nothing can be told of them."""

    def seen(label: Label, box: Box, time_ms: int) -> Finding:
        return Finding(VIDEO.id, time_ms, label, 0.9, box, "objects@12345678")

    return [
        [seen(Label.PERSON, BODY, 0), seen(Label.FACE, FACE, 0), seen(Label.WEAPON, FACE, 0)],
        [seen(Label.WEAPON, BODY, 400)],
        [seen(Label.PERSON, TINY_BODY, 800), seen(Label.FACE, TINY_FACE, 800)],
    ]


def worth(reading: Reading) -> float:
    return getattr(reading, "quality", getattr(reading, "score", 0.0))


def test_every_registered_reader_is_held_to_the_contract() -> None:
    assert set(READERS) == set(MAKERS)


def test_everybody_gets_a_reading_in_the_order_of_the_frames_and_nobody_else_does(reader: Reader) -> None:
    answers = reader.read(frames(), found())
    assert [len(answer) for answer in answers] == [1, 0, 1]


def test_a_reading_has_the_box_of_what_it_was_read_on(reader: Reader) -> None:
    for answer, seen in zip(reader.read(frames(), found()), found(), strict=True):
        assert {reading.box for reading in answer} <= {finding.box for finding in seen}


def test_every_reading_names_its_video_its_moment_and_its_reader(reader: Reader) -> None:
    for frame, answer in zip(frames(), reader.read(frames(), found()), strict=True):
        for reading in answer:
            assert (reading.video, reading.time_ms, reading.detector) == (VIDEO.id, frame.time_ms, reader.name)


def test_somebody_too_small_to_judge_gets_a_reading_that_is_worth_nothing(reader: Reader) -> None:
    [_, _, [reading]] = reader.read(frames(), found())
    assert worth(reading) == 0


def test_no_frames_get_no_lists(reader: Reader) -> None:
    assert reader.read([], []) == []


def test_the_same_frames_get_the_same_readings_again_and_one_by_one(reader: Reader) -> None:
    answers = reader.read(frames(), found())
    assert reader.read(frames(), found()) == answers
    assert [reader.read([frame], [seen])[0] for frame, seen in zip(frames(), found(), strict=True)] == answers


def test_reading_does_not_change_the_picture(reader: Reader) -> None:
    [frame, *_] = frames()
    before = frame.image.copy()
    reader.read([frame], found()[:1])
    assert np.array_equal(frame.image, before)


def test_a_reader_serves_roles_that_are_answered_for_people(reader: Reader) -> None:
    assert reader.roles
    assert set(reader.roles) <= set(ROLE_NEEDS)
    assert reader.name.endswith(f"@{reader.sha256[:8]}")
