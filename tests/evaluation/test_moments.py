from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import media
from tests.examples import bright_is_armed, nobody
from triage.durable import sha256_of
from triage.errors import Refusal, VideoError
from triage.evaluation.formats import LabelledPicture, Mark, Moment
from triage.evaluation.labelled import Meaning
from triage.evaluation.looking import LeftOut, look_at, opened
from triage.evaluation.moments import OneFrame, frames_at
from triage.evaluation.whole import judge_all
from triage.findings.scripted import Scripted
from triage.frames.pyav import open_video
from triage.pipeline import make_stages
from triage.records import Extent, Frame, Label, Role
from triage.settings import Mode, Sampling, load_settings

ARMED = Meaning({"weapon": Label.WEAPON}, ())


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """25 pictures a second: 10 dark ones, then 15 bright ones."""
    recipe = media.Recipe(codec="ffv1", pix_fmt="yuv420p")
    return media.draw(tmp_path / "clip.mkv", [media.plain(20)] * 10 + [media.plain(240)] * 15, recipe)


def moments(clip: Path, *times_ms: int, wh: tuple[int, int] | None = None) -> list[LabelledPicture]:
    video = sha256_of(clip)
    return [LabelledPicture(Path(f"at {time}"), (), wh, moment=Moment(video, time)) for time in times_ms]


def answers(clip: Path, pictures: Sequence[LabelledPicture]) -> dict[str, str | tuple[int, float]]:
    """Of each picture why it is left out, or its time and brightness."""
    return {
        picture.path.name: frame.why if isinstance(frame, LeftOut) else (frame.time_ms, round(frame.image.mean(), -1))
        for picture, frame in opened(pictures, lambda _: clip)
    }


def test_a_moment_is_the_picture_that_is_on_screen_then(clip: Path) -> None:
    assert answers(clip, moments(clip, 0, 399, 400, 979)) == {
        "at 0": (0, 20),
        "at 399": (399, 20),
        "at 400": (400, 240),
        "at 979": (979, 240),
    }


def test_a_moment_is_the_very_picture_that_a_scan_looked_at(tmp_path: Path) -> None:
    clip = media.video(tmp_path / "clip.mp4", pictures=30)
    video = sha256_of(clip)
    with open_video(clip, video, Sampling(mode=Mode.EVERY)) as source:
        looked = list(source.frames())
    again = list(frames_at(clip, video, [frame.time_ms for frame in looked]))
    assert [one.time_ms for one in again] == [one.time_ms for one in looked]
    assert all((one.image == other.image).all() for one, other in zip(again, looked, strict=True))


def test_moments_in_any_order_are_decoded_once_and_none_is_lost(clip: Path) -> None:
    found = [picture.path.name for picture, _ in opened(moments(clip, 900, 40, 400, 40), lambda _: clip)]
    assert found == ["at 40", "at 40", "at 400", "at 900"]


def test_a_moment_that_cannot_be_had_says_why(clip: Path) -> None:
    [after, wrong] = [*moments(clip, 5000), *moments(clip, 0, wh=(640, 360))]
    assert answers(clip, [after]) == {"at 5000": "the video has no picture at that time"}
    assert answers(clip, moments(clip, -1)) == {"at -1": "the video has no picture at that time"}
    assert answers(clip, [wrong]) == {"at 0": "its labels are of a picture of 640x360 px, upright it has 160x120"}
    [[_, left_out]] = opened([after])
    assert isinstance(left_out, LeftOut)
    assert "nobody says where that is" in left_out.why

    def sealed(_: str) -> Path:
        raise VideoError(Refusal.NOT_OPENED, "it is sealed")

    assert [one.why for _, one in opened([after], sealed) if isinstance(one, LeftOut)] == ["it is sealed"]


def test_pictures_and_moments_may_stand_in_one_list(clip: Path, tmp_path: Path) -> None:
    still = LabelledPicture(media.still(tmp_path / "still.png"))
    mixed = [*moments(clip, 0), still, *moments(clip, 400)]
    assert [picture.path.name for picture, frame in opened(mixed, lambda _: clip) if isinstance(frame, Frame)] == [
        "at 0",
        "still.png",
        "at 400",
    ]


def test_a_detector_is_shown_moments_as_it_is_shown_pictures(clip: Path) -> None:
    armed = [
        LabelledPicture(one.path, (Mark("weapon", (50, 40, 90, 60)),), moment=one.moment)
        for one in moments(clip, 0, 400)
    ]
    seen = list(look_at(armed, ARMED, Scripted(bright_is_armed), None, lambda _: clip))
    found = [[each.label for each in one[0].found] for one in seen if not isinstance(one, LeftOut)]
    assert found == [[Label.PERSON], [Label.PERSON, Label.WEAPON]]


def test_a_whole_scan_judges_a_moment_as_a_still_picture(clip: Path) -> None:
    stages = make_stages(load_settings().settings, [Scripted(bright_is_armed)])
    judged = judge_all(moments(clip, 0, 400), ARMED, Role.WEAPONS, stages, lambda _: clip)
    assert [Label.WEAPON in one.raised for one in judged if not isinstance(one, LeftOut)] == [False, True]


@pytest.mark.parametrize(
    ("marks", "is_left_out"),
    [
        ((Mark("weapon", (0, 0, 9, 9), is_undecided=True),), True),
        ((Mark("weapon", (0, 0, 9, 9), is_undecided=True), Mark("weapon", (20, 0, 29, 9))), False),
        ((Mark("car", (0, 0, 9, 9), is_undecided=True),), False),
    ],
)
def test_a_moment_in_which_something_is_undecided_is_no_picture_without_it(
    clip: Path, marks: tuple[Mark, ...], is_left_out: bool
) -> None:
    stages = make_stages(load_settings().settings, [Scripted(nobody)])
    [moment] = moments(clip, 0)
    [one] = judge_all(
        [LabelledPicture(moment.path, marks, moment=moment.moment)], ARMED, Role.WEAPONS, stages, lambda _: clip
    )
    assert isinstance(one, LeftOut) is is_left_out


def test_a_frame_by_itself_is_a_whole_video(clip: Path) -> None:
    [frame] = frames_at(clip, sha256_of(clip), [400])
    alone = OneFrame(frame)
    assert list(alone.frames()) == [frame]
    assert alone.coverage().extent is Extent.WHOLE
    assert alone.stood_ms() == {}
