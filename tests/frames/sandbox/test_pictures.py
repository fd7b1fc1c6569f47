"""Pictures from another process: the same to the byte as from a decoder here, and nothing of what it says believed."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.frames.sandbox.liar import Instead
from tests.frames.test_pictures import CLIPS as USUAL
from tests.media import Recipe
from tests.redaction import clips
from triage.errors import Refusal, VideoError
from triage.frames import pictures as here
from triage.frames.sandbox.decoders import Started
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.pictures import Picture, PictureSource, open_pictures


def two_sizes(path: Path) -> Path:
    """Half of it twice as large as the first."""
    parts = [
        media.draw(
            path.with_name(f"{width}.h264"),
            [media.moving(index, width=width, height=width) for index in range(5)],
            Recipe(container="h264", options={"bf": "0"}),
        )
        for width in (160, 320)
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def wide(path: Path, codec: str = "libx264", **options: str) -> Path:
    """Larger than small copies are, and coded as these options say."""
    images = (media.moving(index, width=402, height=226) for index in range(9))
    return media.draw(path, images, Recipe(codec=codec, options=options))


CLIPS: Mapping[str, Callable[[Path], object]] = {
    **USUAL,
    "two_sizes.h264": two_sizes,
    "interlaced.mp4": lambda path: wide(path, "mpeg2video", flags="+ildct+ilme"),
    "chroma_above.mp4": lambda path: wide(path, chroma_sample_location="topleft"),
    "full_range.mp4": lambda path: wide(path, colorspace="bt709", color_range="pc"),
    "bt2020.mp4": lambda path: wide(path, colorspace="bt2020nc"),
    "full_chroma.mkv": lambda path: media.video(path, pictures=5, recipe=Recipe(pix_fmt="yuv444p")),
    "planes_of_rgb.mkv": lambda path: media.video(path, pictures=5, recipe=Recipe(codec="ffv1", pix_fmt="gbrp10le")),
    "grey.mkv": lambda path: media.video(path, pictures=5, recipe=Recipe(codec="ffv1", pix_fmt="gray")),
    "wide_pixels.mp4": lambda path: media.video(path, pictures=5, recipe=Recipe(pixel_aspect=Fraction(4, 3))),
    "scratched.ts": lambda path: media.scratched(media.video(path, recipe=Recipe(codec="mpeg2video"))),
    "tiles.heic": lambda path: media.photograph(path, [media.moving(0), media.moving(9)]),
    **media.NOT_VIDEOS,
    "trap.png": media.vast_png,
    "sound.mp4": media.sound,
    "empty.mp4": Path.touch,
}


def facts(picture: here.Picture | Picture) -> tuple[object, ...]:
    whole = (picture.at, picture.time_ms, picture.end_ms, picture.lasts)
    return (*whole, picture.is_last, picture.is_key, picture.is_damaged)


Pixels = Callable[[Any], tuple[media.Image, ...]]
"""A picture -> its pixels in some form."""
FORMS: Mapping[str, tuple[Callable[[PictureSource], Iterator[Picture]], Pixels]] = {
    "small": (PictureSource.small, lambda picture: (picture.small,)),
    "images": (PictureSource.images, lambda picture: (picture.image,)),
    "planes": (
        lambda source: source.planes(source.video.width_px, source.video.height_px),
        lambda picture: picture.planes(*own_wh(picture)),
    ),
    "planes of another size": (lambda source: source.planes(96, 50), lambda picture: picture.planes(96, 50)),
}


def own_wh(picture: here.Picture | Picture) -> tuple[int, int]:
    if isinstance(picture, Picture):
        return picture._wanted.width_px, picture._wanted.height_px
    return picture._source.video.width_px, picture._source.video.height_px


def told(source: Any, pictures: Any, pixels: Pixels) -> Any:
    """All that a source says."""
    seen = [
        (facts(one), [array.tobytes() for array in pixels(one)], [a.shape for a in pixels(one)]) for one in pictures
    ]
    return source.video, source.time_base, source.usual_s, source.colours, seen, source.coverage()


def from_here(path: Path, pixels: Pixels, **how: bool) -> Any:
    try:
        with here.open_pictures(path, media.VIDEO_ID, **how) as source:
            return told(source, source, pixels)
    except VideoError as refusal:
        return refusal.kind, refusal.why


def from_there(path: Path, name: str, **how: Any) -> Any:
    begin, pixels = FORMS[name]
    try:
        with open_pictures(path, media.VIDEO_ID, **how) as source:
            return told(source, begin(source), pixels)
    except VideoError as refusal:
        return refusal.kind, refusal.why


@pytest.mark.parametrize("name", CLIPS)
def test_pictures_from_another_process_are_those_that_are_decoded_here(name: str, tmp_path: Path) -> None:
    CLIPS[name](tmp_path / name)
    for form, (_, pixels) in FORMS.items():
        assert from_there(tmp_path / name, form) == from_here(tmp_path / name, pixels)


@pytest.mark.parametrize("name", ["plain.mp4", "b_pictures.mkv", "turned.mp4", "damaged.mp4", "hevc.mp4"])
def test_so_are_those_of_two_threads_and_those_that_are_decoded_roughly(name: str, tmp_path: Path) -> None:
    CLIPS[name](tmp_path / name)
    for is_undamaged, is_rough in product((name != "damaged.mp4", False), (False, True)):
        how = {"is_undamaged": is_undamaged, "is_rough": is_rough}
        for form in ("small", "planes"):
            assert from_there(tmp_path / name, form, **how) == from_here(tmp_path / name, FORMS[form][1], **how)


@pytest.mark.shared
def test_so_are_those_of_real_files(shared: Path) -> None:
    files = [path for path in sorted((shared / "data" / "videos").rglob("*")) if path.is_file()]
    small = [path for path in files if path.stat().st_size < 2**20][::10]
    assert small
    apart = [path for path in small if from_there(path, "small") != from_here(path, FORMS["small"][1])]
    assert apart == []


class TestMoments:
    @pytest.mark.parametrize(
        ("at_ms", "expected"),
        [
            ((0,), [0]),
            ((32, 33, 34, 99, 840), [0, 33, 840]),
            ((2030,), [2017]),
            ((9999,), []),
            ((101, 9999), [101]),
            ((), []),
        ],
    )
    def test_only_what_is_on_screen_then_is_sent(
        self, at_ms: tuple[int, ...], expected: list[int], tmp_path: Path
    ) -> None:
        path = USUAL["uneven.mp4"](tmp_path / "clip.mp4")
        with here.open_pictures(path, media.VIDEO_ID) as source:
            images = {picture.time_ms: picture.image for picture in source}
        with open_pictures(path, media.VIDEO_ID) as there:
            found = list(there.images(at_ms))
            assert [picture.time_ms for picture in found] == expected
            assert all(np.array_equal(picture.image, images[picture.time_ms]) for picture in found)
            with pytest.raises(ValueError, match="to their end"):
                there.coverage()

    def test_before_the_first_picture_there_is_none(self, tmp_path: Path) -> None:
        path = clips.draw(tmp_path / "clip.mkv", clips.Sounding(pictures_from=0.6))
        with here.open_pictures(path, media.VIDEO_ID) as source:
            first_ms = next(iter(source)).time_ms
        assert first_ms > 500
        for at_ms, expected in (((0, first_ms - 1), []), ((0, first_ms - 1, first_ms + 1), [first_ms])):
            with open_pictures(path, media.VIDEO_ID) as there:
                assert [picture.time_ms for picture in there.images(at_ms)] == expected


class TestAsking:
    def test_pixels_that_were_not_asked_for_are_not_there(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=4)
        with open_pictures(path, media.VIDEO_ID) as source:
            picture = next(source.small())
            with pytest.raises(ValueError, match="small was asked for, not image"):
                _ = picture.image
            with pytest.raises(ValueError, match="read once"):
                source.small()
        with open_pictures(path, media.VIDEO_ID) as source:
            with pytest.raises(ValueError, match=r"planes of \(80, 60\) were asked for"):
                next(source.planes(80, 60)).planes(160, 120)
            with pytest.raises(ValueError, match="to their end"):
                source.coverage()

    def test_planes_are_there_until_the_next_picture_is_asked_for(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=4)
        with open_pictures(path, media.VIDEO_ID) as source:
            pictures = source.planes(160, 120)
            first = next(pictures)
            assert not any(array.flags.writeable for array in first.planes(160, 120))
            next(pictures)
            with pytest.raises(ValueError, match="its pixels are gone"):
                first.planes(160, 120)

    def test_small_copies_and_images_stay(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=30)
        for name in ("small", "images"):
            begin, pixels = FORMS[name]
            with open_pictures(path, media.VIDEO_ID) as source:
                kept = list(begin(source))
            assert not any(pixels(picture)[0].flags.writeable for picture in kept)
            with here.open_pictures(path, media.VIDEO_ID) as again:
                assert all(np.array_equal(pixels(a)[0], pixels(b)[0]) for a, b in zip(kept, again, strict=True))

    def test_nothing_is_left_behind(self, started: list[Started], tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=200)
        from_there(path, "small")
        gc.collect()
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208
        for _ in range(4):
            with open_pictures(path, media.VIDEO_ID) as source:
                next(source.planes(160, 120))
        gc.collect()
        assert len(os.listdir("/dev/fd")) <= before  # noqa: PTH208
        for one in started:
            with pytest.raises(ProcessLookupError):
                os.kill(one.pid, 0)

    def test_memory_that_cannot_be_had_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def none(*_: object) -> int:
            raise OSError(12, "Cannot allocate memory")

        path = media.video(tmp_path / "clip.mp4", pictures=4)
        monkeypatch.setattr("triage.frames.sandbox.memory._sealed", none)
        monkeypatch.setattr("triage.frames.sandbox.memory._unnamed", none)
        kind, why = from_there(path, "small")
        assert (kind, why) == (Refusal.NOT_OPENED, "no memory could be had to decode it into: Cannot allocate memory")


class TestStopped:
    """A decoder that is stopped costs the reading, and the sentence says why and where."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        # Far more pictures than there are places, so that it cannot be at the end when it is stopped.
        return media.video(tmp_path / "clip.mp4", pictures=300)

    def stopped(self, path: Path, started: list[Started], after: int, number: int) -> VideoError:
        """What is raised when a decoder gets this signal after so many pictures."""
        with open_pictures(path, media.VIDEO_ID) as source:
            pictures = source.small()
            for _ in range(after):
                next(pictures)
            os.kill(started[0].pid, number)
            with pytest.raises(VideoError) as refused:
                list(pictures)
        return refused.value

    def test_a_crash_in_the_middle_is_the_fault_of_the_file(self, path: Path, started: list[Started]) -> None:
        refused = self.stopped(path, started, 5, signal.SIGSEGV)
        assert refused.kind is Refusal.UNREADABLE
        assert refused.why.startswith("the decoder was stopped at 00:00")
        assert refused.why.endswith(": it crashed (SIGSEGV)")

    def test_a_crash_at_the_beginning_is_too(self, path: Path, started: list[Started]) -> None:
        with open_pictures(path, media.VIDEO_ID) as source:
            os.kill(started[0].pid, signal.SIGSEGV)
            with pytest.raises(VideoError, match="stopped at its beginning: it crashed") as refused:
                next(source.small())
        assert refused.value.kind is Refusal.UNREADABLE

    def test_calculating_for_too_long_is_too(self, path: Path, started: list[Started]) -> None:
        refused = self.stopped(path, started, 5, signal.SIGXCPU)  # as the system does at the limit
        assert refused.kind is Refusal.UNREADABLE
        assert "it calculated for more than the 1680 seconds" in refused.why

    def test_an_end_from_outside_is_not(self, path: Path, started: list[Started]) -> None:
        refused = self.stopped(path, started, 5, signal.SIGKILL)
        assert refused.kind is Refusal.NOT_OPENED
        assert "ended from outside (SIGKILL)" in refused.why

    def test_too_much_memory_is_the_fault_of_the_file(self, tmp_path: Path) -> None:
        path = media.still(tmp_path / "large.png", media.plain(20, width=9000, height=9000))
        kind, _ = from_there(path, "images", limits=Limits(memory_bytes=350 * 2**20))
        assert kind is Refusal.UNREADABLE

    def test_more_pictures_than_anybody_takes_are_refused(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4")
        kind, why = from_there(path, "small", limits=Limits(most_looks=20))
        assert kind is Refusal.UNREADABLE
        assert "more than 20 pictures" in why


VIDEO = {
    "is": "video",
    "width_px": 16,
    "height_px": 8,
    "duration_ms": 1000,
    "container": "mov",
    "codec": "h264",
    "pixel_aspect": 1.0,
    "made_at": None,
    "time_base": [1, 90_000],
    "usual_s": [1, 25],
    "colours": [1, 1, 1],
}
PICTURE = {
    "is": "picture",
    "place": 0,
    "at": [0, 1],
    "lasts": [1, 2],
    "is_last": False,
    "is_key": True,
    "is_damaged": False,
}
LAST = {**PICTURE, "place": 1, "at": [1, 2], "is_last": True}
END = {
    "is": "end",
    "claimed_ms": 1000,
    "reached_ms": 1000,
    "step_ms": 0,
    "sampled": 2,
    "near_identical": 0,
    "undecoded": 0,
    "why": [],
    "short_ms": 0,
    "has_end_mark": False,
}
SIGN = {"is": "sign", "reached_ms": 0, "near_identical": 0, "undecoded": 0}


class TestLies:
    def test_one_that_tells_the_truth_is_believed(self, path: Path, lie: Instead) -> None:
        liar = lie(VIDEO, SIGN, PICTURE, SIGN, LAST, END)
        video, time_base, usual_s, colours, seen, coverage = from_there(path, "small")
        assert (video.width_px, time_base, usual_s) == (16, Fraction(1, 90_000), Fraction(1, 25))
        assert colours == here.Colours(1, 1, 1)
        assert [facts[1] for facts, _, _ in seen] == [0, 500]
        assert coverage.reached_ms == 1000
        assert liar.is_over

    def test_a_first_picture_that_comes_a_trifle_early_is_believed(self, path: Path, lie: Instead) -> None:
        lie(VIDEO, {**PICTURE, "at": [-1, 3000], "lasts": [1501, 3000]}, LAST, END)
        assert [facts[:2] for facts, _, _ in from_there(path, "small")[4]] == [
            (Fraction(-1, 3000), 0),
            (Fraction(1, 2), 500),
        ]

    @pytest.mark.parametrize(
        "change",
        [
            {"width_px": 2**20, "height_px": 2**20},
            {"height_px": 0},
            {"time_base": [1, 0]},
            {"time_base": [-1, 90_000]},
            {"time_base": [1, 2, 3]},
            {"time_base": 0.04},
            {"time_base": [1.0, 2]},
            {"time_base": [True, 2]},
            {"usual_s": None},
            {"usual_s": [0, 1]},
            {"usual_s": [10**40, 1]},
            {"usual_s": [1, 10**40]},
            {"colours": [2, 1, 1]},
            {"colours": [1, 99, 1]},
            {"colours": [1, 1, 200]},
            {"colours": [1, 1]},
            {"colours": "111"},
            {"is": "picture"},
            {"is": "enough"},
        ],
    )
    def test_a_video_that_cannot_be_is_refused(self, change: dict[str, object], path: Path, lie: Instead) -> None:
        lie({**VIDEO, **change})
        kind, why = from_there(path, "small")
        assert kind is Refusal.UNREADABLE
        assert why.startswith("the decoder was stopped at its beginning: it told of ")

    @pytest.mark.parametrize(
        "said",
        [
            [{**PICTURE, "place": 8}],
            [{**PICTURE, "place": -1}],
            [{**PICTURE, "place": "0"}],
            [{**PICTURE, "at": [-1, 1]}],
            [{**PICTURE, "at": [-1, 1999]}],
            [{**PICTURE, "at": [2**60, 1]}],
            [{**PICTURE, "at": [1, -1]}],
            [{**PICTURE, "lasts": [0, 1]}],
            [{**PICTURE, "lasts": None}],
            [{**PICTURE, "is_last": 1}],
            [{**PICTURE, "is_key": None}],
            [PICTURE, PICTURE],
            [PICTURE, {**LAST, "at": [1, 3]}],
            [PICTURE, {**LAST, "at": [2, 3]}],
            [{**PICTURE, "lasts": [1, 5000]}, {**LAST, "at": [1, 5000]}],
            [PICTURE, LAST, {**PICTURE, "at": [1, 1]}],
            [END],
            [PICTURE, {**END, "sampled": 1}],
            [PICTURE, LAST, {**END, "sampled": 3}],
            [PICTURE, LAST, {**END, "step_ms": 400}],
            [PICTURE, LAST, {**END, "undecoded": -1}],
            [PICTURE, LAST, {"is": "enough"}],
            [PICTURE, LAST, {"is": "stood", "stood_ms": None}],
            [PICTURE, {"is": "refused", "kind": "empty_file", "why": "it is empty"}],
            [PICTURE, b"\xff\xff\xff\xff"],
            [PICTURE, b"\0\0\0\5[[[[["],
        ],
    )
    def test_pictures_that_cannot_be_end_the_reading(self, said: list[object], path: Path, lie: Instead) -> None:
        lie(VIDEO, *said)
        kind, why = from_there(path, "small")
        assert kind is Refusal.UNREADABLE
        assert "the decoder was stopped at " in why
        assert why.endswith("which cannot be")

    @pytest.mark.parametrize("said", [[{**PICTURE, "at": [1, 2]}, PICTURE], [PICTURE, END]])
    def test_moments_that_cannot_be_end_the_reading(self, said: list[object], path: Path, lie: Instead) -> None:
        lie(VIDEO, *said)
        with open_pictures(path, media.VIDEO_ID) as source:
            times = []
            with pytest.raises(VideoError, match="cannot be"):
                times += [picture.time_ms for picture in source.images([0, 500])]
        assert times == []

    def test_one_that_calculates_and_says_nothing_is_ended(self, path: Path, lie: Instead) -> None:
        liar = lie(VIDEO, PICTURE, is_busy=True)
        kind, why = from_there(path, "small", limits=Limits(idle_s=0.04))
        assert (kind, why) == (
            Refusal.UNREADABLE,
            "the decoder was stopped at 00:00.000: it gave no sign of going on for 0.04 s",
        )
        assert liar.is_over

    @pytest.mark.parametrize(
        ("message", "why"),
        [
            ({"is": "full"}, "it asked for more memory than it may have"),
            ({"is": "failed", "how": "IndexError in pyav.py, line 3"}, "it failed (IndexError in pyav.py, line 3)"),
        ],
    )
    def test_one_that_gives_up_says_why(self, message: object, why: str, path: Path, lie: Instead) -> None:
        lie(VIDEO, PICTURE, message)
        assert from_there(path, "small") == (Refusal.UNREADABLE, f"the decoder was stopped at 00:00.000: {why}")

    def test_what_it_writes_after_a_picture_came_does_not_change_the_picture(self, path: Path, lie: Instead) -> None:
        liar = lie(VIDEO, PICTURE, LAST, END)
        with open_pictures(path, media.VIDEO_ID) as source:
            pictures = source.small()
            first = next(pictures)
            liar.memory()[:] = 9
            assert not first.small.any()
            assert (next(pictures).small == 9).all()
