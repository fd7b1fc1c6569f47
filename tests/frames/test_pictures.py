"""Every picture, on real files made on the spot."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import weakref
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests import media
from tests.media import Image, Recipe
from triage.errors import Refusal, VideoError
from triage.frames import pyav
from triage.frames.pictures import Colours, open_pictures
from triage.frames.pyav import open_video
from triage.frames.sandbox import pictures as sandbox
from triage.records import Coverage, Frame
from triage.redaction.planes import Planes, Rect
from triage.settings import Mode, Sampling

LOSSLESS = Recipe(codec="ffv1", pix_fmt="bgr0", container="matroska")


class Read(NamedTuple):
    """What is left of a picture when its source is closed."""

    at: Fraction
    time_ms: int
    end_ms: int
    lasts: Fraction
    is_last: bool
    image: Image
    small: Image


def read(path: Path) -> tuple[list[Read], Coverage]:
    with open_pictures(path, media.VIDEO_ID) as source:
        pictures = [
            Read(each.at, each.time_ms, each.end_ms, each.lasts, each.is_last, each.image, each.small)
            for each in source
        ]
        return pictures, source.coverage()


def frames(path: Path) -> tuple[list[Frame], Coverage]:
    """What detectors are shown, each picture of it."""
    with open_video(path, media.VIDEO_ID, Sampling(mode=Mode.EVERY, longest_same_ms=1, same_difference=0)) as source:
        return list(source.frames()), source.coverage()


def late_ts(path: Path) -> Path:
    times = [1433 + 33 * index for index in range(30)]
    return media.draw(path, map(media.moving, range(30)), times_ms=times)


def joined(path: Path) -> Path:
    """Two recordings in one file; the clock begins anew."""
    one = media.video(path.with_name("one.ts"), pictures=50)
    path.write_bytes(one.read_bytes() * 2)
    return path


CLIPS: dict[str, Callable[[Path], Path]] = {
    "plain.mp4": media.video,
    "b_pictures.mkv": lambda path: media.video(path, recipe=Recipe(options={"bf": "3"})),
    "ntsc.mp4": lambda path: media.video(path, recipe=Recipe(fps=Fraction(30000, 1001))),
    "uneven.mp4": lambda path: media.draw(
        path, map(media.moving, range(7)), times_ms=[0, 33, 100, 101, 840, 2000, 2017]
    ),
    "late.ts": late_ts,
    "joined.ts": joined,
    "damaged.mp4": lambda path: media.scratched(media.video(path), bits=60),
    "cut.ts": lambda path: media.cut(media.video(path)),
    "clip.avi": lambda path: media.video(path, recipe=Recipe(codec="mpeg4")),
    "motion.avi": lambda path: media.video(path, pictures=9, recipe=Recipe(codec="mjpeg", pix_fmt="yuvj420p")),
    "clip.gif": lambda path: media.video(path, pictures=9, recipe=Recipe(codec="gif", pix_fmt="rgb8")),
    "hevc.mp4": lambda path: media.video(
        path, pictures=9, recipe=Recipe(codec="libx265", options={"x265-params": "log-level=none"})
    ),
    "vp9.webm": lambda path: media.video(
        path, pictures=9, recipe=Recipe(codec="libvpx-vp9", options={"cpu-used": "8"})
    ),
    "av1.mp4": lambda path: media.video(path, pictures=9, recipe=Recipe(codec="libsvtav1")),
    "ten_bit.mp4": lambda path: media.video(path, pictures=9, recipe=Recipe(pix_fmt="yuv420p10le")),
    "turned.mp4": lambda path: media.video(path, pictures=9, recipe=Recipe(turn_degrees=90)),
    "odd.mkv": lambda path: media.draw(path, (media.moving(i, width=161, height=99) for i in range(5)), LOSSLESS),
    "photo.jpg": lambda path: media.turned_jpeg(path, media.moving(0), 6),
}


@pytest.mark.parametrize("name", CLIPS)
def test_every_picture_is_the_one_that_detectors_are_shown_at_the_same_time(name: str, tmp_path: Path) -> None:
    path = CLIPS[name](tmp_path / name)
    pictures, coverage = read(path)
    shown, shown_coverage = frames(path)
    assert [picture.time_ms for picture in pictures] == [frame.time_ms for frame in shown]
    for picture, frame in zip(pictures, shown, strict=True):
        assert np.array_equal(picture.image, frame.image)
    assert (coverage.reached_ms, coverage.undecoded, coverage.why) == (
        shown_coverage.reached_ms,
        shown_coverage.undecoded,
        shown_coverage.why,
    )


@pytest.mark.parametrize("name", CLIPS)
def test_each_picture_ends_where_the_next_begins(name: str, tmp_path: Path) -> None:
    pictures, _ = read(CLIPS[name](tmp_path / name))
    assert all(one.at + one.lasts == other.at and one.end_ms == other.time_ms for one, other in pairwise(pictures))
    assert all(picture.end_ms > picture.time_ms for picture in pictures)
    assert [picture.is_last for picture in pictures] == [False] * (len(pictures) - 1) + [True]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
def test_times_are_exact_where_milliseconds_are_not(name: str, tmp_path: Path) -> None:
    recipe = Recipe(codec="mpeg4", fps=Fraction(30000, 1001))
    pictures, _ = read(media.video(tmp_path / name, pictures=12, recipe=recipe))
    assert {picture.lasts for picture in pictures} == {Fraction(1001, 30000)}
    assert pictures[0].at == 0


def test_a_damaged_video_comes_out_the_same_each_time(tmp_path: Path) -> None:
    path = CLIPS["damaged.mp4"](tmp_path / "clip.mp4")
    hashes = set()
    for _ in range(4):
        # As copies have it: in a process that decoded others before, what they left shows where this one is damaged.
        with sandbox.open_pictures(path, media.VIDEO_ID) as source:
            hashes.add(hashlib.sha256(b"".join(each.image.tobytes() for each in source.images())).hexdigest())
    assert len(hashes) == 1
    assert read(path)[1].undecoded > 0


def test_pixels_are_made_at_the_first_look_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.video(tmp_path / "clip.mp4", pictures=4)
    made: list[VideoFrame] = []
    converting = pyav.Decoder.upright

    def counted(decoder: pyav.Decoder, frame: VideoFrame) -> Image:
        made.append(frame)
        return converting(decoder, frame)

    monkeypatch.setattr(pyav.Decoder, "upright", counted)
    with open_pictures(path, media.VIDEO_ID) as source:
        pictures = list(source)
        assert not made
        assert pictures[2].image is pictures[2].image
        assert pictures[2].small is pictures[2].small
        assert len(made) == 1
        assert not pictures[2].image.flags.writeable


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (Recipe(), "clip.mp4"),
        (Recipe(pix_fmt="yuv422p10le"), "clip.mp4"),
        (Recipe(codec="mjpeg", pix_fmt="yuvj420p"), "clip.avi"),
        (Recipe(codec="mjpeg", pix_fmt="yuvj444p"), "clip.avi"),
        (LOSSLESS, "clip.mkv"),
        (Recipe(codec="ffv1", pix_fmt="gbrp10le"), "clip.mkv"),
        (Recipe(turn_degrees=90), "clip.mp4"),
        (Recipe(codec="gif", pix_fmt="rgb8"), "clip.gif"),
        (Recipe(options={"colorspace": "bt709", "color_range": "pc"}), "clip.mp4"),
        (Recipe(options={"colorspace": "bt2020nc"}), "clip.mp4"),
    ],
)
def test_planes_hold_the_colours_of_the_image(recipe: Recipe, name: str, tmp_path: Path) -> None:
    colours = [(40, 60, 200), (200, 120, 30), (60, 180, 90), (230, 230, 230)]
    images = [media.with_square(media.plain(90), left=80, top=20, side=64, colour=colour) for colour in colours]
    with open_pictures(media.draw(tmp_path / name, images, recipe), media.VIDEO_ID) as source:
        for picture in source:
            wide, tall = source.video.width_px, source.video.height_px
            planes = Planes(*picture.planes(wide, tall), source.colours.matrix)
            # A palette is dithered, and chroma is a mean of four pixels; so are these of some more.
            ours, wanted = (cv2.blur(each, (8, 8)) for each in (planes.bgr(Rect(0, 0, wide, tall)), picture.image))
            difference = cv2.absdiff(ours, wanted)
            assert np.median(difference) <= 2
            assert difference.mean() < 3


@pytest.mark.parametrize(
    ("height", "options", "expected"),
    [
        (120, {}, Colours(6, 2, 2)),
        (720, {}, Colours(1, 2, 2)),
        (120, {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}, Colours(1, 1, 1)),
        (720, {"colorspace": "smpte170m"}, Colours(6, 2, 2)),
    ],
)
def test_colours_are_what_the_file_says_and_else_what_players_take(
    height: int, options: dict[str, str], expected: Colours, tmp_path: Path
) -> None:
    images = [media.moving(index, width=160, height=height) for index in range(2)]
    path = media.draw(tmp_path / "clip.mp4", images, Recipe(options=options))
    with open_pictures(path, media.VIDEO_ID) as source:
        assert source.colours == expected


@pytest.mark.parametrize(("turn", "shape"), [(0, (160, 320)), (90, (320, 160))])
def test_the_small_copy_is_upright_and_a_mean_of_what_it_covers(
    turn: int, shape: tuple[int, int], tmp_path: Path
) -> None:
    image = media.with_square(media.plain(0, width=640, height=320), left=0, top=0, side=160)
    for name, recipe in (("clip.mp4", Recipe(turn_degrees=turn)), ("clip.mkv", LOSSLESS)):
        pictures, _ = read(media.draw(tmp_path / name, [image] * 2, recipe))
        small = pictures[0].small
        assert small.shape == (shape if name == "clip.mp4" else (160, 320))
        whole = np.asarray(pictures[0].image[..., 1], float)
        means = whole.reshape(small.shape[0], 2, small.shape[1], 2).mean(axis=(1, 3))
        assert np.abs((small > 128).astype(int) - (means > 128)).mean() < 0.01


def test_a_change_of_size_is_brought_to_that_of_the_first(tmp_path: Path) -> None:
    parts = [
        media.draw(
            tmp_path / f"{width}.h264",
            [media.moving(index, width=width, height=width) for index in range(5)],
            Recipe(container="h264", options={"bf": "0"}),
        )
        for width in (160, 320)
    ]
    path = tmp_path / "joined.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with open_pictures(path, media.VIDEO_ID) as source:
        shapes = {(each.image.shape, each.small.shape, each.planes(160, 160)[1].shape) for each in source}
    assert shapes == {((160, 160, 3), (160, 160), (80, 80))}


def test_pictures_are_not_kept(tmp_path: Path) -> None:
    with open_pictures(media.video(tmp_path / "clip.mp4"), media.VIDEO_ID) as source:
        alive = []
        for picture in source:
            _ = picture.image
            alive.append(weakref.ref(picture))
        del picture
        gc.collect()
        assert not any(each() for each in alive)


def test_pictures_are_read_once(tmp_path: Path) -> None:
    with open_pictures(media.video(tmp_path / "clip.mp4", pictures=3), media.VIDEO_ID) as source:
        with pytest.raises(ValueError, match="to their end"):
            source.coverage()
        assert len(list(source)) == 3
        with pytest.raises(ValueError, match="once"):
            iter(source)


def test_the_original_is_not_written_to(tmp_path: Path) -> None:
    path = media.video(tmp_path / "clip.mp4")
    path.chmod(0o400)
    before = path.stat(), path.read_bytes()
    read(path)
    assert path.read_bytes() == before[1]
    assert (path.stat().st_mtime_ns, path.stat().st_ctime_ns) == (before[0].st_mtime_ns, before[0].st_ctime_ns)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["clip.mp4"]


@pytest.mark.parametrize("name", media.NOT_VIDEOS)
def test_what_is_no_video_is_refused_as_for_detectors(name: str, tmp_path: Path) -> None:
    media.NOT_VIDEOS[name](tmp_path / name)
    with pytest.raises(VideoError) as detectors, open_video(tmp_path / name, media.VIDEO_ID, Sampling()):
        pass
    with pytest.raises(VideoError) as ours, open_pictures(tmp_path / name, media.VIDEO_ID):
        pass
    assert (ours.value.kind, ours.value.why) == (detectors.value.kind, detectors.value.why)


class Failing(io.BufferedReader):
    """A file that cannot be read any more."""

    is_broken = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_broken:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_read_that_the_system_refuses_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.video(tmp_path / "clip.ts", pictures=200)
    monkeypatch.setattr(pyav, "READ_BYTES", 4096)
    monkeypatch.setattr(pyav, "open_original", lambda found: Failing(io.FileIO(found)))
    with open_pictures(path, media.VIDEO_ID) as source:
        monkeypatch.setattr(Failing, "is_broken", True)
        with pytest.raises(VideoError) as refused:
            list(source)
    assert refused.value.kind is Refusal.NOT_OPENED
