"""The decoder on real files, made on the spot."""

from __future__ import annotations

import csv
import errno
import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import av
import cv2
import numpy as np
import pytest

from tests import media
from tests.media import Image, Recipe
from triage.errors import Refusal, VideoError
from triage.frames import content, pyav
from triage.frames.pyav import open_video
from triage.records import Coverage, Extent, Frame, Video
from triage.settings import Mode, Sampling

SHARED = Path(__file__).parents[3] / "shared" / "data"
LOSSLESS = Recipe(codec="ffv1", pix_fmt="bgr0", container="matroska")

ALPHA: Image = media.moving(2)[..., 0]

WHITE, RED, GREEN, BLUE = (255, 255, 255), (0, 0, 255), (0, 255, 0), (255, 0, 0)


def read(path: Path, mode: Mode = Mode.STEPS, **sampling: Any) -> tuple[Video, list[Frame], Coverage]:
    with open_video(path, media.VIDEO_ID, Sampling(mode=mode, **sampling)) as source:
        return source.video, list(source.frames()), source.coverage()


def times_ms(path: Path, mode: Mode = Mode.EVERY) -> list[int]:
    return [frame.time_ms for frame in read(path, mode)[1]]


def refused(path: Path) -> VideoError:
    with pytest.raises(VideoError) as caught:
        read(path)
    return caught.value


def corners() -> Image:
    """White, red, green and blue in the corners, clockwise from the top left, on grey."""
    image = media.plain(90, width=160, height=96)
    for (left, top), colour in zip([(0, 0), (128, 0), (128, 64), (0, 64)], [WHITE, RED, GREEN, BLUE], strict=True):
        image = media.with_square(image, left=left, top=top, side=32, colour=colour)
    return image


def corner_names(image: Image) -> str:
    """The colours that ``image`` has in its corners, clockwise from the top left."""
    names = {"w": WHITE, "r": RED, "g": GREEN, "b": BLUE}
    met = [image[10, 10], image[10, -10], image[-10, -10], image[-10, 10]]
    distances = [
        {name: int(np.abs(np.array(colour, np.int16) - pixel).sum()) for name, colour in names.items()} for pixel in met
    ]
    return "".join(min(distance, key=lambda name: distance[name]) for distance in distances)


CLIPS = {"clip.mp4": "libx264", "clip.avi": "mpeg4", "clip.ts": "mpeg2video", "clip.mkv": "libx264"}
"""Containers, and how pictures are coded in them."""


def clip(path: Path, *, pictures: int) -> Path:
    """A clip of its name's container."""
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    return media.video(path, pictures=pictures, recipe=Recipe(codec=CLIPS[path.name], container_options=options))


def dated(path: Path, **tags: str) -> Path:
    """A clip with these tags in its container."""
    plain = media.video(path.with_name(f"plain{path.suffix}"), pictures=3)
    with av.open(str(plain)) as source, av.open(str(path), "w", options=DATED.get(path.suffix, {})) as container:
        container.metadata.update(tags)
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    return path


DATED = {".mov": {"movflags": "use_metadata_tags"}}
"""Without this, a MOV keeps only the tags that FFmpeg knows."""


class TestTimes:
    @pytest.mark.parametrize(
        "fps", [Fraction(1), Fraction(25, 2), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60), Fraction(120)]
    )
    @pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
    def test_times_are_the_stored_ones_at_any_rate(self, fps: Fraction, name: str, tmp_path: Path) -> None:
        path = media.video(tmp_path / name, pictures=12, recipe=Recipe(fps=fps, codec="mpeg4"))
        assert times_ms(path) == [round(index * 1000 / fps) for index in range(12)]

    def test_uneven_times_are_kept(self, tmp_path: Path) -> None:
        stored = [0, 33, 100, 101, 840, 2000, 2017]
        path = media.draw(tmp_path / "clip.mp4", map(media.moving, range(len(stored))), times_ms=stored)
        assert times_ms(path) == stored

    @pytest.mark.parametrize("start_ms", [1400, 3_600_000])
    def test_a_recording_that_starts_late_on_its_own_clock_begins_at_zero(self, start_ms: int, tmp_path: Path) -> None:
        stored = [start_ms + 40 * index for index in range(25)]
        path = media.draw(tmp_path / "clip.ts", map(media.moving, range(25)), times_ms=stored)
        assert times_ms(path) == [40 * index for index in range(25)]

    def test_two_recordings_joined_go_on_in_time(self, tmp_path: Path) -> None:
        one = media.draw(tmp_path / "one.ts", map(media.moving, range(75)), Recipe(options={"bf": "0"}))
        joined = tmp_path / "joined.ts"
        joined.write_bytes(one.read_bytes() * 2)
        _, frames, coverage = read(joined, Mode.EVERY)
        assert frames[-1].time_ms == pytest.approx(149 * 40, abs=100)
        assert coverage.sampled == 150

    def test_a_claim_includes_the_last_picture(self, tmp_path: Path) -> None:
        _, _, coverage = read(media.video(tmp_path / "clip.mkv", recipe=Recipe(fps=Fraction(2)), pictures=5))
        assert (coverage.claimed_ms, coverage.reached_ms) == (2500, 2500)


class TestDates:
    @pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
    def test_the_date_in_a_container_is_kept_in_utc(self, name: str, tmp_path: Path) -> None:
        path = dated(tmp_path / name, creation_time="2023-05-06T12:13:14+02:00")
        assert read(path)[0].made_at == "2023-05-06T10:13:14Z"

    def test_an_iphone_s_own_date_counts_before_that_of_the_container(self, tmp_path: Path) -> None:
        tags = {"creation_time": "2024-01-01T12:00:00Z", "com.apple.quicktime.creationdate": "2023-05-06T12:13:14+0200"}
        assert read(dated(tmp_path / "clip.mov", **tags))[0].made_at == "2023-05-06T10:13:14Z"

    @pytest.mark.parametrize("written", ["1970-01-01T00:00:00Z", "1904-01-01T00:00:00Z"])
    def test_a_clock_at_zero_is_no_date(self, written: str, tmp_path: Path) -> None:
        assert read(dated(tmp_path / "clip.mkv", creation_time=written))[0].made_at is None

    def test_a_video_without_a_date_has_none(self, tmp_path: Path) -> None:
        assert read(media.video(tmp_path / "clip.mp4", pictures=3))[0].made_at is None

    def test_a_photograph_is_dated_by_its_exif(self, tmp_path: Path) -> None:
        path = media.dated_jpeg(tmp_path / "photo.jpg", corners(), "2021:02:03 04:05:06")
        assert read(path)[0].made_at == "2021-02-03T04:05:06"


class TestPictures:
    @pytest.mark.parametrize(
        ("degrees", "turned"), [(0, "wrgb"), (90, "rgbw"), (180, "gbwr"), (270, "bwrg"), (-90, "bwrg")]
    )
    def test_a_turned_video_comes_upright(self, degrees: int, turned: str, tmp_path: Path) -> None:
        recipe = Recipe(turn_degrees=degrees, pixel_aspect=Fraction(4, 3))
        video, frames, _ = read(media.draw(tmp_path / "clip.mp4", [corners()] * 3, recipe))
        is_sideways = degrees % 180 != 0
        assert (video.width_px, video.height_px) == ((96, 160) if is_sideways else (160, 96))
        assert video.pixel_aspect == pytest.approx(3 / 4 if is_sideways else 4 / 3)
        assert corner_names(frames[0].image) == turned

    @pytest.mark.parametrize(
        ("tag", "turned"),
        [
            (1, "wrgb"),
            (2, "rwbg"),
            (3, "gbwr"),
            (4, "bgrw"),
            (5, "wbgr"),
            (6, "bwrg"),
            (7, "grwb"),
            (8, "rgbw"),
            (0, "wrgb"),
        ],
    )
    def test_a_photograph_is_turned_and_mirrored_as_its_exif_says(self, tag: int, turned: str, tmp_path: Path) -> None:
        video, frames, _ = read(media.turned_jpeg(tmp_path / "photo.jpg", corners(), tag))
        assert corner_names(frames[0].image) == turned
        assert (video.height_px, video.width_px) == frames[0].image.shape[:2]

    @pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.bmp", "photo.tiff"])
    def test_a_photograph_is_one_frame_and_the_whole(self, name: str, tmp_path: Path) -> None:
        video, frames, coverage = read(media.still(tmp_path / name, corners()))
        assert [frame.time_ms for frame in frames] == [0]
        assert corner_names(frames[0].image) == "wrgb"
        assert video.duration_ms is None
        assert coverage.extent is Extent.WHOLE

    def test_an_animated_avif_is_more_than_its_first_picture(self, tmp_path: Path) -> None:
        images = [media.plain(level) for level in (20, 90, 160, 230)]
        path = media.draw(tmp_path / "clip.avif", images, Recipe(codec="libsvtav1", fps=Fraction(2)))
        assert len(read(path)[1]) == 4

    def test_a_photograph_of_tiles_is_put_together_row_by_row(self, tmp_path: Path) -> None:
        tiles = [media.plain(level) for level in (10, 60, 110, 160, 210, 250)]
        video, frames, coverage = read(media.photograph(tmp_path / "photo.heic", tiles, columns=3))
        assert (video.width_px, video.height_px) == (480, 240)
        assert frames[0].image[60::120, 80::160, 0].tolist() == [[10, 60, 110], [160, 210, 250]]
        assert coverage.extent is Extent.WHOLE

    @pytest.mark.parametrize("tiles", [1, 4])
    def test_transparency_is_not_a_second_video(self, tiles: int, tmp_path: Path) -> None:
        images = [media.moving(index) for index in range(tiles)]
        path = media.photograph(tmp_path / "photo.heic", images, columns=2 if tiles > 1 else 1, alpha=ALPHA)
        assert read(path)[2].extent is Extent.WHOLE

    @pytest.mark.parametrize("alpha", [media.moving(1), media.plain(90, width=80, height=60)[..., 0]])
    def test_another_picture_is_not_passed_over_as_transparency(self, alpha: Image, tmp_path: Path) -> None:
        path = media.photograph(tmp_path / "photo.heic", [media.moving(0)], alpha=alpha)
        assert any("2 video streams" in why for why in read(path)[2].why)

    @pytest.mark.parametrize(
        ("codec", "pix_fmt", "name"),
        [
            ("libx264", "yuv420p10le", "clip.mp4"),
            ("libx264", "yuv444p", "clip.mp4"),
            ("libx264", "gray", "clip.mp4"),
            ("libx264rgb", "rgb24", "clip.mp4"),
            ("mjpeg", "yuvj420p", "clip.avi"),
            ("ffv1", "gbrp10le", "clip.mkv"),
            ("ffv1", "yuva420p", "clip.mkv"),
            ("libvpx-vp9", "yuva420p", "clip.webm"),
            ("prores_ks", "yuv422p10le", "clip.mov"),
            ("mpeg2video", "yuv420p", "clip.mpg"),
            ("gif", "rgb8", "clip.gif"),
            ("apng", "rgba", "clip.apng"),
        ],
    )
    def test_every_way_of_storing_colours_comes_as_bgr(
        self, codec: str, pix_fmt: str, name: str, tmp_path: Path
    ) -> None:
        recipe = Recipe(codec=codec, pix_fmt=pix_fmt, options={"cpu-used": "8"} if "vp9" in codec else {})
        _, frames, coverage = read(media.draw(tmp_path / name, [corners()] * 10, recipe))
        assert coverage.reached_ms == pytest.approx(400, abs=45)
        assert not frames[0].image.flags.writeable
        if pix_fmt != "gray":
            assert corner_names(frames[0].image) == "wrgb"
            assert frames[0].image[48, 80] == pytest.approx(np.array([90, 90, 90]), abs=20)

    @pytest.mark.parametrize("side", [1, 2, 3, 17])
    def test_the_smallest_pictures_are_pictures(self, side: int, tmp_path: Path) -> None:
        images = [media.plain(level, width=side, height=side) for level in (0, 100, 200)]
        video, frames, _ = read(media.draw(tmp_path / "clip.mkv", images, LOSSLESS), Mode.EVERY)
        assert (video.width_px, video.height_px) == (side, side)
        assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 100, 200]

    def test_a_change_of_shape_is_looked_at(self, tmp_path: Path) -> None:
        parts = [
            media.draw(
                tmp_path / f"{height}.h264",
                [media.plain(100, width=160, height=height)] * 10,
                Recipe(container="h264", options={"bf": "0"}),
            )
            for height in (96, 160)
        ]
        joined = tmp_path / "joined.h264"
        joined.write_bytes(b"".join(part.read_bytes() for part in parts))
        _, frames, _ = read(joined)
        assert [frame.image.shape for frame in frames] == [(96, 160, 3)] * 2

    @pytest.mark.parametrize(("first", "second", "is_partial"), [(160, 320, True), (320, 160, False)])
    def test_a_change_of_size_is_scaled_and_said_if_it_costs_detail(
        self, first: int, second: int, is_partial: bool, tmp_path: Path
    ) -> None:
        parts = [
            media.draw(
                tmp_path / f"{width}.h264",
                [media.moving(index, width=width, height=width) for index in range(30)],
                Recipe(container="h264", options={"bf": "0"}),
            )
            for width in (first, second)
        ]
        joined = tmp_path / "joined.h264"
        joined.write_bytes(b"".join(part.read_bytes() for part in parts))
        _, frames, coverage = read(joined)
        assert {frame.image.shape for frame in frames} == {(first, first, 3)}
        assert coverage.reached_ms > 2000
        assert any("scaled down" in why for why in coverage.why) is is_partial

    def test_a_picture_of_hundreds_of_millions_of_pixels_is_refused_in_little_memory(self, tmp_path: Path) -> None:
        path = media.vast_png(tmp_path / "bomb.png")
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from triage.errors import VideoError; from triage.frames.pyav import open_video\n"
            "from triage.settings import Sampling\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "try:\n"
            "    with open_video(Path(sys.argv[1]), 'a' * 64, Sampling()): pass\n"
            "except VideoError as refused: print(refused)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
        sentence, grown_kb = done.stdout.splitlines()
        assert "20000 x 20000" in sentence
        assert int(grown_kb) < 50_000


class TestSampling:
    @pytest.mark.parametrize("start", range(3, 16, 2))
    @pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(12)])
    def test_a_faint_square_shown_for_400_ms_is_looked_at(self, start: int, fps: Fraction, tmp_path: Path) -> None:
        stay = -(-400 * fps // 1000)
        plain = media.plain(100)
        marked = media.with_square(plain, left=70, top=50, side=10, colour=(112, 112, 112))
        images = [marked if start <= index < start + stay else plain for index in range(36)]
        path = media.draw(tmp_path / "clip.mkv", images, Recipe(codec="ffv1", pix_fmt="bgr0", fps=fps))
        assert any(frame.image[55, 75, 0] == 112 for frame in read(path)[1])

    @pytest.mark.parametrize(("side", "level"), [(160, 90), (20, 250)])
    def test_a_flash_of_one_picture_is_looked_at(self, side: int, level: int, tmp_path: Path) -> None:
        plain = media.plain(60)
        flash = media.with_square(plain, left=0, top=0, side=side, colour=(level, level, level))
        images = [flash if index == 14 else plain for index in range(50)]
        _, frames, _ = read(media.draw(tmp_path / "clip.mkv", images, LOSSLESS))
        assert any(frame.image[5, 5, 0] == level for frame in frames)

    @pytest.mark.parametrize(("left", "top"), [(0, 0), (1, 3), (311, 173), (620, 340)])
    def test_a_small_faint_thing_is_not_taken_for_nothing(self, left: int, top: int, tmp_path: Path) -> None:
        plain = media.plain(100, width=640, height=360)
        marked = media.with_square(plain, left=left, top=top, side=20, colour=(110, 110, 110))
        _, frames, _ = read(media.draw(tmp_path / "clip.mkv", [plain, plain, marked], LOSSLESS), Mode.EVERY)
        assert len(frames) == 2

    def test_a_change_of_colour_alone_is_a_change(self, tmp_path: Path) -> None:
        same_luma = [(90, 90, 90), (60, 68, 160)]
        images = [np.full((120, 160, 3), colour, np.uint8) for colour in same_luma]
        _, frames, _ = read(media.draw(tmp_path / "clip.mkv", images, LOSSLESS), Mode.EVERY)
        assert len(frames) == 2

    def test_a_slow_drift_is_not_taken_for_a_still_scene(self, tmp_path: Path) -> None:
        images = [media.plain(60 + index // 2) for index in range(100)]
        _, frames, _ = read(media.draw(tmp_path / "clip.mkv", images, LOSSLESS), Mode.EVERY)
        levels = [int(frame.image[0, 0, 0]) for frame in frames]
        assert max(after - before for before, after in pairwise(levels)) <= 5

    def test_coming_back_to_an_earlier_picture_is_a_change(self, tmp_path: Path) -> None:
        images = [media.plain(level) for level in (60, 90, 60, 90)]
        assert len(read(media.draw(tmp_path / "clip.mkv", images, LOSSLESS), Mode.EVERY)[1]) == 4

    def test_a_still_scene_is_counted_but_not_looked_at_again(self, tmp_path: Path) -> None:
        room = media.with_square(media.plain(100, width=640, height=360), left=200, top=100, side=80)
        _, frames, coverage = read(media.draw(tmp_path / "clip.mp4", [room] * 100))
        assert [frame.time_ms for frame in frames] == [0]
        assert coverage.near_identical > 8

    def test_long_gaps_between_key_pictures_are_filled(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=150, recipe=Recipe(gop=250, options={"sc_threshold": "0"}))
        looks = times_ms(path, Mode.KEYFRAMES)
        assert max(after - before for before, after in pairwise(looks)) <= 2000
        assert len(looks) <= 6

    @pytest.mark.parametrize(
        ("codec", "name", "options"),
        [
            ("libx264", "clip.mp4", {}),
            ("libx265", "clip.mp4", {"x265-params": "log-level=none:open-gop=1"}),
            ("mpeg2video", "clip.ts", {"bf": "2"}),
        ],
    )
    def test_what_is_skipped_on_purpose_is_not_called_damage(
        self, codec: str, name: str, options: dict[str, str], tmp_path: Path
    ) -> None:
        recipe = Recipe(codec=codec, options=options)
        _, _, coverage = read(media.video(tmp_path / name, pictures=60, recipe=recipe), Mode.KEYFRAMES)
        assert coverage.why == ()
        assert coverage.reached_ms == 2400

    @pytest.mark.parametrize(
        ("stored", "sent"),
        [
            ("K0 1 2 K3 4 5 K6 7", "K0 K3 K6 7"),
            ("K0 2 1 K5 3 4 6 K9 8 10", "K0 K5 K9 10"),
            ("K0 9 19 20 21 K30 31", "K0 9 19 20 21 K30 31"),
            ("1 2 K3 4", "1 2 K3 4"),
        ],
    )
    def test_between_close_key_pictures_nothing_is_decoded_but_the_end(self, stored: str, sent: str) -> None:
        pieces = [Piece(int(name.strip("K")), name.startswith("K")) for name in stored.split()]
        thinned = pyav._thinned(cast("Any", iter(pieces)), Fraction(20))
        assert " ".join(f"{'K' * piece.is_keyframe}{piece.pts}" for piece in cast("Iterable[Piece]", thinned)) == sent


class Piece(NamedTuple):
    """As much of a packet as decides whether it is decoded; times in seconds."""

    pts: int
    is_keyframe: bool
    time_base: Fraction = Fraction(1)


class TestDamage:
    @pytest.mark.parametrize(
        ("codec", "name"),
        [("libx264", "clip.mkv"), ("libvpx", "clip.webm"), ("mpeg4", "clip.avi"), ("flv1", "clip.flv")],
    )
    def test_a_cut_file_is_partial_in_every_container_that_claims_a_length(
        self, codec: str, name: str, tmp_path: Path
    ) -> None:
        _, _, coverage = read(media.cut(media.video(tmp_path / name, recipe=Recipe(codec=codec))))
        assert coverage.extent is Extent.PARTIAL

    @pytest.mark.parametrize("name", ["clip.gif", "clip.apng"])
    def test_an_animation_without_its_end_is_partial(self, name: str, tmp_path: Path) -> None:
        codec = {"clip.gif": "gif", "clip.apng": "apng"}[name]
        path = media.video(tmp_path / name, recipe=Recipe(codec=codec, pix_fmt={"gif": "rgb8", "apng": "rgb24"}[codec]))
        assert read(path)[2].extent is Extent.WHOLE, "it makes no claim, but its end mark is there"
        assert any("breaks off" in why for why in read(media.cut(path))[2].why)

    @pytest.mark.parametrize("share", [0.5, 0.9])
    def test_a_photograph_without_its_end_is_partial(self, share: float, tmp_path: Path) -> None:
        path = media.still(tmp_path / "photo.jpg")
        assert read(path)[2].extent is Extent.WHOLE
        assert read(media.cut(path, share=share))[2].extent is Extent.PARTIAL

    def test_a_video_behind_a_photograph_is_said(self, tmp_path: Path) -> None:
        path = media.still(tmp_path / "moving.jpg")
        clip = media.video(tmp_path / "clip.mp4", pictures=20)
        path.write_bytes(path.read_bytes() + clip.read_bytes())
        coverage = read(path)[2]
        assert coverage.extent is Extent.PARTIAL
        assert coverage.why == ("a video follows the picture in the same file, and only the picture was looked at",)

    def test_a_container_that_claims_nothing_is_never_called_whole(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.ts")
        assert read(path)[2].extent is Extent.UNKNOWN
        assert read(media.cut(path, share=0.7))[2].extent is not Extent.WHOLE

    @pytest.mark.parametrize(
        ("codec", "name", "pix_fmt"),
        [
            ("libx264", "clip.mp4", "yuv420p"),
            ("libx264", "clip.ts", "yuv420p"),
            ("mpeg4", "clip.avi", "yuv420p"),
            ("mpeg2video", "clip.mpg", "yuv420p"),
            ("wmv2", "clip.wmv", "yuv420p"),
            ("prores_ks", "clip.mov", "yuv422p10le"),
        ],
    )
    def test_flipped_bits_are_damage_although_every_picture_is_shown(
        self, codec: str, name: str, pix_fmt: str, tmp_path: Path
    ) -> None:
        path = media.scratched(media.video(tmp_path / name, recipe=Recipe(codec=codec, pix_fmt=pix_fmt)), bits=100)
        _, frames, coverage = read(path)
        assert coverage.undecoded > 0
        assert coverage.extent is Extent.PARTIAL
        assert frames

    def test_a_claim_for_more_than_there_is_is_said_in_words(self, tmp_path: Path) -> None:
        _, _, coverage = read(media.cut(media.video(tmp_path / "clip.mkv")))
        (why,) = [why for why in coverage.why if why.startswith("it ends")]
        assert why == f"it ends at 00:0{coverage.reached_ms / 1000:.3f} of 00:02.000 that its header claims"

    def test_a_second_video_stream_is_not_passed_over_in_silence(self, tmp_path: Path) -> None:
        video, _, coverage = read(media.two_videos(tmp_path / "clip.mp4"))
        assert video.width_px == 320
        assert any("2 video streams" in why for why in coverage.why)

    def test_a_picture_that_cannot_be_converted_is_a_gap_and_not_a_look(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        converting, calls = pyav._PyavSource._to_bgr, 0

        def failing_once(source: Any, *of: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise av.ArgumentError(22, "no such conversion")
            return converting(source, *of)

        monkeypatch.setattr(pyav._PyavSource, "_to_bgr", failing_once)
        room = media.with_square(media.plain(100), left=20, top=10, side=40)
        _, frames, coverage = read(media.draw(tmp_path / "clip.mkv", [room] * 50, LOSSLESS))
        assert [frame.time_ms for frame in frames] == [40], "the next picture takes its place"
        assert coverage.undecoded == 1
        assert coverage.why == ("it is damaged: 1 piece could not be decoded, the first near 00:00.000",)

    def test_a_tile_that_cannot_be_converted_is_damage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        converting, calls = pyav._PyavSource._to_bgr, 0

        def failing_once(source: Any, *of: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise av.ArgumentError(22, "no such conversion")
            return converting(source, *of)

        path = media.photograph(tmp_path / "photo.heic", [media.plain(200)] * 4, columns=2)
        assert read(path)[2].extent is Extent.WHOLE
        monkeypatch.setattr(pyav._PyavSource, "_to_bgr", failing_once)
        calls = 0
        _, frames, coverage = read(path)
        assert [int(corner[0]) for corner in frames[0].image[60::120, 80::160].reshape(4, 3)] == [200, 0, 200, 200]
        assert coverage.undecoded == 1

    def test_a_time_that_cannot_be_true_stays_out(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mkv", recipe=Recipe(gop=10))
        contents = bytearray(path.read_bytes())
        cluster = contents.rindex(b"\x1f\x43\xb6\x75")
        time = contents.index(b"\xe7\x82", cluster)
        # The size of the time is 2 bytes; 8 need room, which the rest of the file makes.
        contents[time : time + 4] = b"\xe7\x88" + (1 << 61).to_bytes(8, "big")
        path.write_bytes(contents)
        _, frames, coverage = read(path, Mode.EVERY)
        assert max(frame.time_ms for frame in frames) < 10_000
        assert coverage.reached_ms < 10_000
        assert coverage.extent is Extent.PARTIAL
        assert any("a time in the file that cannot be true" in why for why in coverage.why)

    def test_a_claim_of_more_than_a_year_is_no_claim(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mkv")
        contents = path.read_bytes()
        assert contents.count(b"00:00:02.0000000") == 1
        path.write_bytes(contents.replace(b"00:00:02.0000000", b"99999:00:02.0000"))
        video, _, coverage = read(path)
        assert (video.duration_ms, coverage.claimed_ms, coverage.reached_ms) == (None, None, 2000)
        assert coverage.why == ("its header claims that it goes on for more than a year, which cannot be true",)

    @pytest.mark.parametrize("mode", Mode)
    @pytest.mark.parametrize(
        ("codec", "name"),
        [
            ("libx264", "clip.mkv"),
            ("libvpx", "clip.webm"),
            ("mpeg4", "clip.avi"),
            ("flv1", "clip.flv"),
            ("libx264", "clip.mp4"),
        ],
    )
    def test_the_last_tenth_is_missed_however_far_apart_key_pictures_are(
        self, codec: str, name: str, mode: Mode, tmp_path: Path
    ) -> None:
        options = {"movflags": "+faststart"} if name == "clip.mp4" else {}
        recipe = Recipe(codec=codec, gop=45, container_options=options)
        path = media.video(tmp_path / name, pictures=500, recipe=recipe)
        assert read(path, mode)[2].extent is Extent.WHOLE
        contents = path.read_bytes()
        for share in (0.91, 0.94):  # soon after a key picture, when few pictures have been decoded since
            path.write_bytes(contents[: int(len(contents) * share)])
            assert read(path, mode)[2].extent is Extent.PARTIAL


class TestUnread:
    @pytest.mark.parametrize("mode", Mode)
    @pytest.mark.parametrize("name", CLIPS)
    def test_a_disk_that_fails_in_the_middle_is_not_damage_in_the_video(
        self, name: str, mode: Mode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = clip(tmp_path / name, pictures=400)
        monkeypatch.setattr(pyav, "open_original", failing_file(fails_from=path.stat().st_size // 2))
        monkeypatch.setattr(pyav, "READ_BYTES", 4096)
        with pytest.raises(VideoError, match="Input/output error") as caught:
            read(path, mode)
        assert caught.value.kind is Refusal.NOT_OPENED
        # An AVI's index and the last time in a TS stand at the end, and are read before any picture.
        is_met_later = name in ("clip.mp4", "clip.mkv")
        assert ("it could be read only up to 00:0" in caught.value.why) is is_met_later

    @pytest.mark.parametrize("fails_from", [0, 200, 512])
    def test_a_disk_that_fails_at_the_beginning_is_not_a_file_without_pictures(
        self, fails_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pyav, "open_original", failing_file(fails_from))
        monkeypatch.setattr(pyav, "READ_BYTES", 4096)
        error = refused(clip(tmp_path / "clip.mkv", pictures=400))
        assert (error.kind, error.why) == (Refusal.NOT_OPENED, "it cannot be read: Input/output error")

    def test_a_tile_that_the_disk_does_not_give_is_not_a_black_tile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (1000, 1000, 3), np.uint8)
        path = media.photograph(tmp_path / "photo.heic", [noise] * 8, columns=4)
        assert path.stat().st_size > 6_000_000, "more than FFmpeg reads before it is asked for pictures"
        monkeypatch.setattr(pyav, "open_original", failing_file(fails_from=path.stat().st_size - 2000))
        monkeypatch.setattr(pyav, "READ_BYTES", 512)
        assert refused(path).kind is Refusal.NOT_OPENED

    @pytest.mark.parametrize("name", CLIPS)
    def test_ctrl_c_inside_a_read_comes_out_wherever_it_falls(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = clip(tmp_path / name, pictures=25)
        monkeypatch.setattr(pyav, "READ_BYTES", 512)
        reads = Interrupting.count(path, monkeypatch)
        for at in {1, 2, 3, *range(4, reads, max(1, reads // 25)), reads}:
            monkeypatch.setattr(pyav, "open_original", lambda path, at=at: Interrupting(path, at))
            with pytest.raises(KeyboardInterrupt):
                read(path)

    @pytest.mark.parametrize("name", CLIPS)
    @pytest.mark.parametrize("at", [1, 2])
    def test_ctrl_c_while_a_video_is_opened_cannot_fall_into_a_read(
        self, name: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = clip(tmp_path / name, pictures=25)
        monkeypatch.setattr(pyav, "READ_BYTES", 512)
        reading, threads, count = pyav._Nameless.read, set(), 0

        def read_and_signal(file: pyav._Nameless, size: int) -> bytes:
            nonlocal count
            count += 1
            threads.add(threading.current_thread())
            if count == at:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return reading(file, size)

        monkeypatch.setattr(pyav._Nameless, "read", read_and_signal)
        # A shell that starts the tests in the background has them ignore Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt), open_video(path, media.VIDEO_ID, Sampling()):
                pass
        finally:
            signal.signal(signal.SIGINT, before)
        assert threading.main_thread() not in threads, "in any other thread Python raises no KeyboardInterrupt"


class Interrupting(io.FileIO):
    """A file at whose n-th read somebody presses Ctrl-C."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self.reads, self.at = 0, at

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads == self.at:
            raise KeyboardInterrupt
        return super().read(size) or b""

    @classmethod
    def count(cls, path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
        """How often the file is read when nobody does."""
        opened = cls(path, 0)
        monkeypatch.setattr(pyav, "open_original", lambda _path: opened)
        read(path)
        return opened.reads


def failing_file(fails_from: int) -> Callable[[Path], BinaryIO]:
    """An opener of files whose bytes from here on cannot be read."""

    class Failing(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            left = fails_from - self.tell()
            if left <= 0:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(left if size is None or size < 0 else min(size, left)) or b""

    return lambda path: cast("BinaryIO", Failing(path))


class TestRefusals:
    def test_a_cover_picture_is_not_a_video(self, tmp_path: Path) -> None:
        error = refused(media.sound_with_cover(tmp_path / "song.mp3"))
        assert error.kind is Refusal.NO_VIDEO
        assert "cover" in error.why

    def test_a_recording_without_its_header_says_so(self, tmp_path: Path) -> None:
        error = refused(media.cut(media.video(tmp_path / "clip.mp4")))
        assert error.kind is Refusal.UNREADABLE
        assert "without its header (moov)" in error.why

    def test_a_fragment_and_its_header_apart_say_what_is_missing(self, tmp_path: Path) -> None:
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        path = media.video(tmp_path / "clip.mp4", recipe=Recipe(container_options=options))
        contents = path.read_bytes()
        at = contents.index(b"moof") - 4
        (tmp_path / "header.mp4").write_bytes(contents[:at])
        (tmp_path / "fragment.mp4").write_bytes(contents[at:])
        assert "initialisation segment" in refused(tmp_path / "header.mp4").why
        assert "fragment of an MP4 stream without its header" in refused(tmp_path / "fragment.mp4").why

    @pytest.mark.parametrize(
        "text",
        [
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:{port}/clip.ts\n#EXT-X-ENDLIST\n",
            "ffconcat version 1.0\nfile '{clip}'\n",
            "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/clip.ts'\n",
        ],
    )
    @pytest.mark.parametrize("is_text_told", [True, False])
    def test_a_list_never_opens_what_it_names(
        self, text: str, is_text_told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clip = media.video(tmp_path / "named.ts")
        opened: list[str] = []
        opening = os.open

        def open_and_tell(file: Path, flags: int) -> int:
            opened.append(file.name)
            return opening(file, flags)

        monkeypatch.setattr(os, "open", open_and_tell)
        if not is_text_told:
            monkeypatch.setattr(content, "text_kind", lambda _head: None)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(0.2)
            path = tmp_path / "list.mp4"
            path.write_text(text.format(clip=clip, port=listener.getsockname()[1]), encoding="utf-8")
            opened.clear()
            assert refused(path).kind in {Refusal.NOT_MEDIA, Refusal.UNREADABLE}
            with pytest.raises(TimeoutError):
                listener.accept()
        assert opened == ["list.mp4"]

    @pytest.mark.parametrize("lock", ["format_whitelist", "protocol_whitelist"])
    def test_each_lock_alone_keeps_a_list_from_what_it_names(
        self, lock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        media.video(tmp_path / "named.ts")
        (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile named.ts\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(content, "text_kind", lambda _head: None)
        options = {lock: pyav._container_options()[lock]}
        monkeypatch.setattr(pyav, "_container_options", lambda: options)
        assert refused(tmp_path / "list.mp4").kind in {Refusal.NOT_MEDIA, Refusal.UNREADABLE}

    @pytest.mark.parametrize(
        "name", ["-i clip.mp4", "a'b\"c `d`.mp4", "видео 影片 🎥.mp4", "clip.txt", "%03d.png", "pipe:0"]
    )
    def test_names_play_no_part(self, name: str, tmp_path: Path) -> None:
        (media.video(tmp_path / "clip.mp4")).rename(tmp_path / name)
        assert read(tmp_path / name)[2].extent is Extent.WHOLE

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("note.mp4", "text"),
            ("subtitles.mp4", "subtitles (SRT)"),
            ("playlist.mp4", "a playlist (M3U) that names other files"),
            ("paper.mp4", "Adobe Portable Document Format"),
            ("zeros.mp4", "nothing but zeros"),
        ],
    )
    def test_what_it_looks_like_is_said(self, name: str, words: str, tmp_path: Path) -> None:
        media.NOT_VIDEOS[name](tmp_path / name)
        assert words in refused(tmp_path / name).why

    def test_a_folder_is_not_opened(self, tmp_path: Path) -> None:
        error = refused(tmp_path)
        assert error.kind is Refusal.NOT_OPENED
        assert "not an ordinary file" in error.why

    def test_a_name_that_now_leads_elsewhere_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "link.mp4").symlink_to(media.video(tmp_path / "clip.mp4"))
        assert refused(tmp_path / "link.mp4").kind is Refusal.NOT_OPENED

    @pytest.mark.timeout(20)
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "clip.mp4")
        assert refused(tmp_path / "clip.mp4").kind is Refusal.NOT_OPENED


def test_nothing_is_written_to_stderr_about_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    read(media.scratched(media.video(tmp_path / "clip.mp4")))
    refused(media.cut(media.video(tmp_path / "half.mp4")))
    assert capfd.readouterr() == ("", "")


def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path: Path) -> None:
    images = [media.moving(index, width=960, height=540) for index in range(20)]
    for name, pictures in (("short.mp4", 20), ("long.mp4", 200)):
        media.draw(tmp_path / name, (images[index % 20] for index in range(pictures)), Recipe(codec="mpeg4"))
    program = (
        "import gc, resource, sys; gc.disable(); from pathlib import Path\n"
        "from triage.frames.pyav import open_video; from triage.settings import Mode, Sampling\n"
        "for name in sys.argv[1:]:\n"
        "    with open_video(Path(name), 'a' * 64, Sampling(mode=Mode.EVERY)) as source:\n"
        "        count = sum(1 for _ in source.frames())\n"
        "    print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    names = [str(tmp_path / "short.mp4"), str(tmp_path / "long.mp4")]
    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True)
    (few, short_kb), (many, long_kb) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert (few, many) == (20, 200)
    assert long_kb - short_kb < 20_000


def test_an_animated_webp_says_that_it_cannot_be_decoded(tmp_path: Path) -> None:
    path = media.video(tmp_path / "clip.webp", pictures=5, recipe=Recipe(codec="libwebp_anim"))
    assert "animated WebP" in refused(path).why


@pytest.mark.shared
def test_a_photograph_in_tiles_is_put_together() -> None:
    path = SHARED / "odd_image_formats" / "formats" / "heic" / "IMG_2682.heic"
    if not path.exists():
        pytest.skip("the team's folder of real pictures is not beside this checkout")
    video, frames, coverage = read(path)
    assert (video.width_px, video.height_px) == (4032, 3024)
    assert coverage.extent is Extent.WHOLE
    luma = frames[0].image[..., 1].astype(np.int16)
    # A seam between tiles that lie wrongly is a step; neighbours across a seam differ as neighbours elsewhere do.
    across = np.abs(luma[:, 511::512][:, :7] - luma[:, 512::512][:, :7]).mean()
    elsewhere = np.abs(luma[:, 300::512][:, :7] - luma[:, 301::512][:, :7]).mean()
    assert across < 2 * elsewhere + 1


def test_a_video_left_in_the_middle_is_closed_without_waiting(tmp_path: Path) -> None:
    path = media.scratched(media.video(tmp_path / "clip.mp4", pictures=200))
    for _ in range(5):
        with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY)) as source:
            next(source.frames())


def manifest() -> list[dict[str, str]]:
    path = SHARED / "videos" / "manifest.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
@pytest.mark.parametrize("row", manifest() or [None], ids=lambda row: row["path"] if row else "absent")
def test_every_shared_clip_is_what_the_manifest_says(row: dict[str, str] | None) -> None:
    if row is None:
        pytest.skip("the team's folder of real clips is not beside this checkout")
    path, decoded = SHARED / "videos" / row["path"], int(row["decoded"] or 0)
    if not decoded:
        assert refused(path).kind in refusals_of(row)
        return
    with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY)) as source:
        times = [frame.time_ms for frame in source.frames()]
        coverage = source.coverage()
        counted = source._tally.decoded  # type: ignore[attr-defined]
    assert times == sorted(set(times))
    assert len(times) == coverage.sampled <= counted
    if row["error"]:
        assert coverage.extent is Extent.PARTIAL
        assert counted >= decoded
    elif "clearkey" in row["path"]:
        assert coverage.extent is Extent.PARTIAL
        assert "encrypted" in coverage.why[0]
    else:
        # MPEG-TS and a WebM that was streamed say nothing of a length; a GIF marks its end.
        is_open_ended = row["container"] != "gif" and coverage.claimed_ms is None
        assert coverage.extent is (Extent.UNKNOWN if is_open_ended else Extent.WHOLE), coverage
        assert counted == decoded
    if row["rotation"] in ("90", "-90"):
        assert source.video.width_px == int(row["height"])
    else:
        assert (source.video.width_px, source.video.height_px) == (int(row["width"]), int(row["height"]))


def refusals_of(row: dict[str, str]) -> set[Refusal]:
    """Why a clip without pictures is refused, from what the manifest knows."""
    if row["bytes"] == "0":
        return {Refusal.EMPTY}
    if row["nvideo"] == "0":
        return {Refusal.NO_VIDEO}
    return {Refusal.ENCRYPTED} if row["path"].endswith("short-cenc.mp4") else {Refusal.UNREADABLE}


@pytest.mark.shared
@pytest.mark.parametrize("tag", range(9))
def test_shared_photographs_are_all_turned_the_same_way_up(tag: int) -> None:
    folder = SHARED / "exif_orientation"
    if not folder.exists():
        pytest.skip("the team's folder of real pictures is not beside this checkout")
    upright, frame = (read(folder / f"Landscape_{which}.jpg")[1][0].image for which in (1, tag))
    small = [cv2.resize(image, (60, 40), interpolation=cv2.INTER_AREA).astype(np.int16) for image in (upright, frame)]
    # Files 0 and 1 carry no turn; the others hold the same scene stored each in its own way.
    assert np.abs(small[0] - small[1]).mean() < 12
