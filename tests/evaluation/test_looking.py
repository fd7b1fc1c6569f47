from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import media
from triage.errors import DetectorError
from triage.evaluation.formats import LabelledPicture, Mark
from triage.evaluation.labelled import Meaning
from triage.evaluation.looking import LeftOut, Looked, compressed, look_at, still
from triage.findings.conditions import Condition
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.records import Frame, Label

PEOPLE = Meaning({"person": Label.PERSON}, ())


def a_picture(path: Path, wh: tuple[int, int] = (640, 480), bgr: tuple[int, int, int] = (60, 120, 180)) -> Path:
    cv2.imwrite(str(path), np.full((wh[1], wh[0], 3), bgr, np.uint8))
    return path


def restless(frame: Frame) -> Said:
    """A person all over the picture, the surer the more it varies."""
    everywhere = Box(0, 0, frame.video.width_px, frame.video.height_px)
    yield Label.PERSON, round(float(frame.image.std()) / 255, 4), everywhere


def only(picture: LabelledPicture, detector: Scripted | None = None) -> tuple[Looked, Looked | None] | LeftOut:
    [one] = look_at([picture], PEOPLE, detector or Scripted(restless))
    return one


def test_a_picture_comes_with_what_is_labelled_and_what_was_found(tmp_path: Path) -> None:
    one = only(LabelledPicture(a_picture(tmp_path / "a.png"), (Mark("person", (10, 20, 30, 40)),), (640, 480)))
    assert not isinstance(one, LeftOut)
    looked = one[0]
    assert one[1] is None
    [(label, corners)] = looked.real
    assert (label, *corners) == (Label.PERSON, 10, 20, 30, 40)
    assert [finding.label for finding in looked.found] == [Label.PERSON]
    assert looked.condition is Condition.DAY


def test_a_picture_that_its_camera_turned_is_looked_at_upright(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    a_picture(path, (640, 480))
    stored = path.read_bytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    path.write_bytes(stored[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + stored[2:])
    frame = still(LabelledPicture(path))
    assert (frame.video.width_px, frame.video.height_px) == (480, 640)


def left_out(picture: LabelledPicture, detector: Scripted | None = None) -> str:
    one = only(picture, detector)
    assert isinstance(one, LeftOut)
    return one.why


def failing(_: Frame) -> Said:
    raise DetectorError("scripted failed: out of memory")


@pytest.fixture
def unfit(tmp_path: Path) -> dict[str, LabelledPicture]:
    whole = a_picture(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "text.png").write_text("this is not a picture")
    media.video(tmp_path / "clip.mp4", pictures=5)
    return {
        "there is no such picture": LabelledPicture(tmp_path / "gone.png"),
        "it looks like text": LabelledPicture(tmp_path / "text.png"),
        "more than one picture": LabelledPicture(tmp_path / "clip.mp4"),
        "line 3: no": LabelledPicture(whole, trouble="line 3: no"),
        "of a picture of 480x640 px, upright it has 640x480": LabelledPicture(whole, wh=(480, 640)),
        "has no area within": LabelledPicture(whole, (Mark("person", (700, 0, 800, 9)),)),
    }


def test_a_picture_that_cannot_be_used_says_why(unfit: dict[str, LabelledPicture], tmp_path: Path) -> None:
    for why, picture in unfit.items():
        assert why in left_out(picture)
    assert left_out(LabelledPicture(tmp_path / "half.png"))
    assert "out of memory" in left_out(LabelledPicture(tmp_path / "whole.png"), Scripted(failing))


def test_one_bad_picture_stops_nobody(unfit: dict[str, LabelledPicture], tmp_path: Path) -> None:
    good = LabelledPicture(tmp_path / "whole.png")
    kinds = [isinstance(one, LeftOut) for one in look_at([good, *unfit.values(), good], PEOPLE, Scripted(restless))]
    assert kinds == [False, *[True] * len(unfit), False]


def test_a_picture_is_only_read(tmp_path: Path) -> None:
    path = a_picture(tmp_path / "a.png")
    path.chmod(0o400)
    before = path.stat().st_mtime_ns, path.read_bytes()
    list(look_at([LabelledPicture(path)], PEOPLE, Scripted(restless), compressed))
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["a.png"]


def test_the_second_pass_sees_the_same_picture_after_a_bad_jpeg(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    frame = still(LabelledPicture(tmp_path / "a.png"))
    worse = compressed(frame)
    assert worse.image.shape == frame.image.shape
    assert np.abs(worse.image.astype(int) - frame.image).mean() > 20
    assert not worse.image.flags.writeable
    [both] = look_at([LabelledPicture(tmp_path / "a.png")], PEOPLE, Scripted(restless), compressed)
    assert not isinstance(both, LeftOut)
    assert both[1] is not None
    assert both[1].found[0].score != both[0].found[0].score
