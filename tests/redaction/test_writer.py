"""Copies on real files: what they show, when, how they are coded, and what they do not tell."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.container import OutputContainer

from tests import media
from tests.media import Image, Recipe
from tests.redaction import clips
from triage.errors import CaseError, CaseFullError, RedactionError
from triage.frames.pictures import Picture, open_pictures
from triage.frames.sandbox.sound import open_sound
from triage.geometry import Box
from triage.records import Style
from triage.redaction import shape, writer
from triage.redaction.sound import Sounding, prepare
from triage.redaction.writer import Covers, Written, in_parts, join_copies, write_copy

LOSSLESS = Recipe(codec="ffv1", pix_fmt="bgr0", container="matroska")


def nothing(_picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
    return {}


def copy(path: Path, target: Path, covers: Covers = nothing, *, has_mark: bool = False) -> Written:
    with open_pictures(path, media.VIDEO_ID) as source:
        return write_copy(source, source, target, covers, has_mark=has_mark)


def pictures(path: Path) -> list[tuple[Fraction, Fraction, Image]]:
    """Time and stay in seconds, and the image, of every picture."""
    with open_pictures(path, media.VIDEO_ID) as source:
        return [(each.at, each.lasts, each.image) for each in source]


CLIPS: dict[str, Any] = {
    "plain.mp4": media.video,
    "b_pictures.mkv": lambda path: media.video(path, recipe=Recipe(options={"bf": "3"})),
    "ntsc.mp4": lambda path: media.video(path, recipe=Recipe(codec="mpeg4", fps=Fraction(30000, 1001))),
    "uneven.mp4": lambda path: media.draw(
        path, map(media.moving, range(7)), times_ms=[0, 33, 100, 101, 840, 2000, 2017]
    ),
    "late.ts": lambda path: media.draw(
        path, map(media.moving, range(30)), times_ms=[1433 + 33 * index for index in range(30)]
    ),
    "slow.avi": lambda path: media.video(path, pictures=5, recipe=Recipe(codec="mpeg4", fps=Fraction(2))),
    "clip.gif": lambda path: media.video(path, pictures=9, recipe=Recipe(codec="gif", pix_fmt="rgb8")),
    "damaged.mp4": lambda path: media.scratched(media.video(path), bits=60),
    "hevc.mp4": lambda path: media.video(
        path, pictures=9, recipe=Recipe(codec="libx265", options={"x265-params": "log-level=none"})
    ),
    "vp9.webm": lambda path: media.video(
        path, pictures=9, recipe=Recipe(codec="libvpx-vp9", options={"cpu-used": "8"})
    ),
    "av1.mp4": lambda path: media.video(path, pictures=9, recipe=Recipe(codec="libsvtav1")),
    "ten_bit.mp4": lambda path: media.video(path, pictures=9, recipe=Recipe(pix_fmt="yuv422p10le")),
    "full_range.avi": lambda path: media.video(path, pictures=9, recipe=Recipe(codec="mjpeg", pix_fmt="yuvj420p")),
    "turned.mp4": lambda path: media.video(path, pictures=9, recipe=Recipe(turn_degrees=90)),
    "turned_odd.mp4": lambda path: media.draw(
        path, (media.moving(i, width=161, height=99) for i in range(5)), Recipe(pix_fmt="yuv444p", turn_degrees=-90)
    ),
    "odd.mkv": lambda path: media.draw(path, (media.moving(i, width=161, height=99) for i in range(5)), LOSSLESS),
    "one.mkv": lambda path: media.draw(path, [media.moving(0, width=1, height=1)] * 3, LOSSLESS),
    "photo.jpg": lambda path: media.turned_jpeg(path, media.moving(0), 6),
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_copy_shows_every_picture_at_its_time_and_as_it_looks(name: str, tmp_path: Path) -> None:
    path = CLIPS[name](tmp_path / name)
    written = copy(path, tmp_path / "copy.mp4")
    original, ours = pictures(path), pictures(tmp_path / "copy.mp4")
    assert len(ours) == len(original) == written.pictures
    since = [at - original[0][0] for at, _, _ in original]
    assert all(
        abs(at - ours[0][0] - at_first) < Fraction(1, 2000) for (at, _, _), at_first in zip(ours, since, strict=True)
    )
    stays = zip(ours, original, strict=True)
    assert all(abs(one[1] - other[1]) < Fraction(1, 1000) for one, other in stays)
    tall, wide = original[0][2].shape[:2]
    assert ours[0][2].shape == (tall + tall % 2, wide + wide % 2, 3) == (written.height_px, written.width_px, 3)
    for (_, _, seen), (_, _, wanted) in zip(ours, original, strict=True):
        # A palette is dithered, and chroma is a mean of four pixels; so are these of some more.
        difference = cv2.absdiff(*(cv2.blur(image, (5, 5)) for image in (seen[:tall, :wide], wanted)))
        assert np.median(difference) < 6
        assert difference.mean() < 8


@pytest.mark.parametrize("name", ["ntsc.mp4", "uneven.mp4", "plain.mp4"])
def test_times_are_those_of_the_original_exactly(name: str, tmp_path: Path) -> None:
    path = CLIPS[name](tmp_path / name)
    copy(path, tmp_path / "copy.mp4")
    assert [each[:2] for each in pictures(tmp_path / "copy.mp4")] == [each[:2] for each in pictures(path)]


@pytest.mark.parametrize(
    "name", ["plain.mp4", "turned_odd.mp4", "ten_bit.mp4", "full_range.avi", "clip.gif", "one.mkv"]
)
def test_a_copy_is_what_any_browser_plays(name: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.mp4"
    copy(CLIPS[name](tmp_path / name), target)
    with av.open(str(target)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt, context.profile) == ("h264", "yuv420p", "Main")
        assert (context.width % 2, context.height % 2, context.color_range) == (0, 0, 1)
        assert context.level <= 52
        assert not context.has_b_frames
        assert next(container.decode(video)).rotation == 0
    contents = target.read_bytes()
    assert 0 < contents.find(b"moov") < contents.find(b"mdat")


@pytest.mark.parametrize(
    ("colour", "height", "options"),
    [
        ((40, 60, 200), 120, {}),
        ((40, 200, 60), 720, {}),
        ((200, 60, 40), 120, {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}),
        ((60, 60, 220), 720, {"colorspace": "smpte170m"}),
        ((60, 180, 220), 120, {"colorspace": "bt2020nc"}),
    ],
)
def test_colours_look_the_same_and_say_what_they_are(
    colour: tuple[int, int, int], height: int, options: dict[str, str], tmp_path: Path
) -> None:
    image = media.with_square(media.plain(90, height=height), left=40, top=20, side=80, colour=colour)
    path = media.draw(tmp_path / "clip.mp4", [image] * 3, Recipe(options=options))
    copy(path, tmp_path / "copy.mp4")
    (*_, original), (*_, ours) = pictures(path)[1], pictures(tmp_path / "copy.mp4")[1]
    assert np.abs(ours[60, 80].astype(int) - original[60, 80]).max() <= 3
    with av.open(str(tmp_path / "copy.mp4")) as container:
        context = container.streams.video[0].codec_context
        wanted = {"bt709": 1, "smpte170m": 6, "bt2020nc": 9}.get(
            options.get("colorspace", ""), 1 if height > 576 else 6
        )
        assert context.colorspace == wanted


@pytest.mark.parametrize(("turn", "expected"), [(0, Fraction(4, 3)), (90, Fraction(3, 4))])
def test_pixels_keep_their_shape(turn: int, expected: Fraction, tmp_path: Path) -> None:
    recipe = Recipe(pixel_aspect=Fraction(4, 3), turn_degrees=turn)
    copy(media.video(tmp_path / "clip.mp4", pictures=3, recipe=recipe), tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == expected


@pytest.mark.parametrize("style", [Style.SOLID, Style.PIXELATE])
@pytest.mark.parametrize(
    ("width", "height", "left", "top"),
    [(160, 120, 41, 31), (161, 121, 129, 89), (160, 120, 0, 0), (99, 161, 67, 129), (160, 120, 128, 88)],
)
@pytest.mark.parametrize("turn", [0, 90])
def test_what_is_covered_is_not_in_the_copy(
    style: Style, width: int, height: int, left: int, top: int, turn: int, tmp_path: Path
) -> None:
    side = 32
    image = media.with_square(media.plain(40, width=width, height=height), left=left, top=top, side=side)
    recipe = Recipe(pix_fmt="yuv444p", turn_degrees=turn)
    path = media.draw(tmp_path / "clip.mp4", [image] * 3, recipe)
    box = Box(left, top, left + side, top + side)
    if turn:  # a quarter, against the clock
        box = Box(top, width - left - side, top + side, width - left)
    written = copy(path, tmp_path / "copy.mp4", lambda _: {style: [box]})
    assert written.covered == 3
    brightest = max(int(image.max()) for _, _, image in pictures(tmp_path / "copy.mp4"))
    # A solid cover is grey, a mosaic at most so much brighter than its surroundings.
    assert brightest < 150


def test_a_cover_lasts_as_long_as_it_is_asked_for(tmp_path: Path) -> None:
    image = media.with_square(media.plain(30), left=60, top=40, side=40)
    path = media.draw(tmp_path / "clip.mp4", [image] * 30)
    covered = range(400, 800)
    boxes = {Style.SOLID: [Box(60, 40, 100, 80)]}
    written = copy(path, tmp_path / "copy.mp4", lambda picture: boxes if picture.time_ms in covered else {})
    seen = {round(at * 1000): int(image[60, 80, 1]) for at, _, image in pictures(tmp_path / "copy.mp4")}
    assert written.covered == 10
    assert {time for time, level in seen.items() if level < 180} == {time for time in seen if time in covered}


def test_covering_changes_nothing_that_later_pictures_are_decoded_from(tmp_path: Path) -> None:
    path = media.video(tmp_path / "clip.mp4", pictures=40, recipe=Recipe(options={"bf": "3"}, gop=40))
    expected = [image for _, _, image in pictures(path)]
    with open_pictures(path, media.VIDEO_ID) as source:
        kept: list[Picture] = []

        def passing() -> Iterable[Picture]:
            for picture in source:
                kept.append(picture)
                yield picture

        write_copy(source, passing(), tmp_path / "copy.mp4", lambda _: {Style.SOLID: [Box(0, 0, 160, 120)]})
        assert all(np.array_equal(picture.image, image) for picture, image in zip(kept, expected, strict=True))


def test_nothing_that_the_file_says_of_itself_is_in_the_copy(tmp_path: Path) -> None:
    planted = {
        "title": "PLANTEDtitle",
        "artist": "PLANTEDartist",
        "comment": "PLANTEDcomment",
        "location": "+48.8577+002.2950/",
        "creation_time": "2023-05-06T12:13:14Z",
        "com.apple.quicktime.make": "PLANTEDmake",
        "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950+035.000/",
        "encoder": "PLANTEDencoder",
        "handler_name": "PLANTEDhandler",
        "language": "heb",
    }
    for name in ("clip.mp4", "clip.mov", "clip.mkv"):
        path = clips.draw(tmp_path / name, clips.Sounding(tags=tuple(planted.items())))
        for sounding in Sounding:
            target = tmp_path / f"{name}-{sounding}.mp4"
            with ExitStack() as opened:
                source = opened.enter_context(open_pictures(path, media.VIDEO_ID))
                sound = prepare(opened.enter_context(open_sound(path)), sounding)
                write_copy(source, source, target, nothing, sound=sound.track)
            contents = target.read_bytes()
            own_name = path.name.encode()
            traces = [b"PLANTED", b"+48", b"2.2950", b"x264", b"Lavf", b"lavf", b"heb", b"Lavc", own_name]
            for trace in traces:
                assert trace not in contents, trace
            with av.open(str(target)) as container:
                assert set(container.metadata) == {"major_brand", "minor_version", "compatible_brands"}
                assert container.chapters() == []
                for stream in container.streams:
                    assert set(stream.metadata) <= {"language", "handler_name", "vendor_id"}
                    assert stream.metadata["language"] == "und"
                    assert stream.metadata["handler_name"] in {"VideoHandler", "SoundHandler"}
            with av.open(str(path)) as container:
                assert "PLANTEDtitle" in container.metadata.values()


def test_chapters_and_captions_are_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "PLANTED"}}]
        )
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(media.moving(index), "bgr24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert container.chapters()
    copy(path, tmp_path / "copy.mp4")
    assert b"PLANTED" not in (tmp_path / "copy.mp4").read_bytes()


def test_key_pictures_are_the_copy_s_own(tmp_path: Path) -> None:
    copy(media.video(tmp_path / "clip.mp4", recipe=Recipe(gop=1)), tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert sum(keys) == 1


def test_the_mark_stands_in_a_corner_unless_it_is_switched_off(tmp_path: Path) -> None:
    path = media.draw(tmp_path / "clip.mp4", [media.plain(60, width=640, height=360)] * 3)
    copy(path, tmp_path / "marked.mp4", has_mark=True)
    copy(path, tmp_path / "plain.mp4")
    marked, plain = pictures(tmp_path / "marked.mp4")[1][2], pictures(tmp_path / "plain.mp4")[1][2]
    assert plain.max() < 80
    assert marked[:40, 320:].max() > 180
    assert marked[60:].max() < 80


def test_a_copy_is_scaled_down_where_browsers_would_not_play_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shape, "LONGEST_SIDE_PX", 160)
    image = media.with_square(media.plain(40, width=321, height=181), left=289, top=149, side=32)
    path = media.draw(tmp_path / "clip.mkv", [image] * 3, LOSSLESS)
    written = copy(path, tmp_path / "copy.mp4", lambda _: {Style.SOLID: [Box(289, 149, 321, 181)]})
    assert (written.width_px, written.height_px) == (160, 80)
    assert "160 x 80" in written.remarks[0]
    assert all(image.max() < 150 for _, _, image in pictures(tmp_path / "copy.mp4"))


def test_a_copy_of_a_late_start_says_what_to_add_to_its_times(tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mkv", clips.Sounding(codec="libopus", pictures_from=0.6))
    written = copy(path, tmp_path / "copy.mp4")
    original = [round(at * 1000) for at, _, _ in pictures(path)]
    ours = [round(at * 1000) for at, _, _ in pictures(tmp_path / "copy.mp4")]
    assert original[0] >= 600
    assert [time + written.shift_ms for time in ours] == pytest.approx(original, abs=1)
    assert (written.start_ms, written.end_ms) == (original[0], original[-1] + 40)


class TestFailing:
    def test_nothing_is_written_over(self, tmp_path: Path) -> None:
        target = tmp_path / "copy.mp4"
        target.write_bytes(b"precious")
        with pytest.raises(RedactionError, match="exists already"):
            copy(media.video(tmp_path / "clip.mp4", pictures=3), target)
        assert target.read_bytes() == b"precious"

    def test_a_link_is_not_written_through(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=3)
        (tmp_path / "copy.mp4").symlink_to(path)
        before = path.read_bytes()
        with pytest.raises(RedactionError, match="exists already"):
            copy(path, tmp_path / "copy.mp4")
        assert path.read_bytes() == before

    def test_a_folder_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(CaseError, match="cannot be written"):
            copy(media.video(tmp_path / "clip.mp4", pictures=3), tmp_path / "none" / "copy.mp4")

    @pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()])
    def test_whatever_happens_in_the_middle_leaves_nothing(self, error: BaseException, tmp_path: Path) -> None:
        def failing(picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
            if picture.time_ms > 800:
                raise error
            return {}

        with pytest.raises(type(error)):
            copy(media.video(tmp_path / "clip.mp4"), tmp_path / "copy.mp4", failing)
        assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["clip.mp4"]

    def test_a_full_disk_is_said_and_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_container: OutputContainer) -> None:
            raise av.error.OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(writer, "_close", full)
        with pytest.raises(CaseFullError, match="disk is full"):
            copy(media.video(tmp_path / "clip.mp4"), tmp_path / "copy.mp4")
        assert not (tmp_path / "copy.mp4").exists()

    def test_a_quota_in_the_middle_is_said_and_leaves_nothing(self, tmp_path: Path) -> None:
        path = media.draw(
            tmp_path / "clip.mkv",
            (np.random.default_rng(i).integers(0, 255, (240, 320, 3), np.uint8) for i in range(40)),
        )
        program = (
            "import resource, signal, sys; from pathlib import Path\n"
            "from triage.frames.pictures import open_pictures; from triage.redaction.writer import write_copy\n"
            "from triage.errors import CaseError\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "path = Path(sys.argv[1])\n"
            "try:\n"
            "    with open_pictures(path, 'a' * 64) as source:\n"
            "        write_copy(source, source, path.with_name('copy.mp4'), lambda _: {})\n"
            "except CaseError as error: print(error)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
        assert "cannot be written" in done.stdout
        assert not (tmp_path / "copy.mp4").exists()

    def test_a_picture_that_stays_for_days_is_refused(self, tmp_path: Path) -> None:
        path = media.draw(tmp_path / "clip.mkv", map(media.moving, range(3)), times_ms=[0, 40, 9 * 24 * 3_600_000])
        with pytest.raises(RedactionError, match="longer than a copy can say"):
            copy(path, tmp_path / "copy.mp4")
        assert not (tmp_path / "copy.mp4").exists()

    def test_no_picture_is_no_copy(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4", pictures=3)
        with open_pictures(path, media.VIDEO_ID) as source, pytest.raises(RedactionError, match="no picture"):
            write_copy(source, [], tmp_path / "copy.mp4", nothing)
        assert not (tmp_path / "copy.mp4").exists()


def in_pieces(path: Path, folder: Path, part_ms: int) -> list[Path]:
    """A copy in parts, and their files."""
    folder.mkdir()
    files = []
    with open_pictures(path, media.VIDEO_ID) as source:
        for number, part in in_parts(source, part_ms):
            files.append(folder / f"{number}.mp4")
            write_copy(source, part, files[-1], nothing, has_mark=False)
    return files


class TestParts:
    @pytest.mark.parametrize("name", ["plain.mp4", "ntsc.mp4", "uneven.mp4", "late.ts", "slow.avi", "odd.mkv"])
    def test_joined_parts_are_what_one_pass_writes(self, name: str, tmp_path: Path) -> None:
        path = CLIPS[name](tmp_path / name)
        whole = copy(path, tmp_path / "whole.mp4")
        parts = in_pieces(path, tmp_path / "parts", 300)
        joined = join_copies(parts, tmp_path / "joined.mp4")
        assert (joined.pictures, joined.start_ms, joined.end_ms) == (whole.pictures, whole.start_ms, whole.end_ms)
        assert (joined.width_px, joined.height_px, joined.shift_ms) == (whole.width_px, whole.height_px, whole.shift_ms)
        one, other = pictures(tmp_path / "whole.mp4"), pictures(tmp_path / "joined.mp4")
        assert [each[:2] for each in one] == [each[:2] for each in other]
        assert all(np.abs(a[2].astype(int) - b[2]).mean() < 6 for a, b in zip(one, other, strict=True))
        with av.open(str(tmp_path / "whole.mp4")) as first, av.open(str(tmp_path / "joined.mp4")) as second:
            a, b = first.streams.video[0], second.streams.video[0]
            assert (a.codec_context.extradata, a.sample_aspect_ratio) == (
                b.codec_context.extradata,
                b.sample_aspect_ratio,
            )
            assert (a.codec_context.colorspace, a.duration) == (b.codec_context.colorspace, b.duration)
        contents = (tmp_path / "joined.mp4").read_bytes()
        assert 0 < contents.find(b"moov") < contents.find(b"mdat")
        assert b"Lav" not in contents

    def test_sound_goes_beside_joined_parts_in_time(self, tmp_path: Path) -> None:
        path = clips.draw(tmp_path / "clip.mkv", clips.Sounding(codec="pcm_s16le"))
        parts = in_pieces(path, tmp_path / "parts", 700)
        with open_sound(path) as heard:
            join_copies(parts, tmp_path / "joined.mp4", sound=prepare(heard, Sounding.KEEP).track)
        seen = clips.perceive(tmp_path / "joined.mp4")
        assert seen.clicks == pytest.approx(seen.flashes, abs=0.02)
        assert len(seen.clicks) == 2

    def test_a_damaged_part_is_not_joined(self, tmp_path: Path) -> None:
        parts = in_pieces(media.video(tmp_path / "clip.mp4"), tmp_path / "parts", 700)
        contents = parts[1].read_bytes()
        for spoiled in (contents[: len(contents) // 2], b"", contents[:40]):
            parts[1].write_bytes(spoiled)
            with pytest.raises(RedactionError, match="a part of the copy is damaged: run the same command again"):
                join_copies(parts, tmp_path / "joined.mp4")
            assert not (tmp_path / "joined.mp4").exists()

    def test_parts_in_another_order_are_not_joined(self, tmp_path: Path) -> None:
        one, two, three = in_pieces(media.video(tmp_path / "clip.mp4"), tmp_path / "parts", 700)
        for wrong in ([two, one, three], [one, one, two]):
            with pytest.raises(RedactionError, match="does not come after"):
                join_copies(wrong, tmp_path / "joined.mp4")

    def test_parts_of_another_video_are_not_joined(self, tmp_path: Path) -> None:
        one = in_pieces(media.video(tmp_path / "one.mp4"), tmp_path / "parts", 700)
        path = media.draw(tmp_path / "two.mp4", (media.moving(i, width=320, height=240) for i in range(50)))
        two = in_pieces(path, tmp_path / "others", 700)
        with pytest.raises(RedactionError, match="coded in different ways"):
            join_copies([one[0], two[1]], tmp_path / "joined.mp4")

    def test_a_part_that_is_there_already_is_passed_over(self, tmp_path: Path) -> None:
        path = media.video(tmp_path / "clip.mp4")
        with open_pictures(path, media.VIDEO_ID) as source:
            starts = {number: next(part).time_ms for number, part in in_parts(source, 700) if number != 1}
        assert starts == {0: 0, 2: 1400}


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = media.draw(
        tmp_path / "clip.mp4", (media.plain(index % 200, width=640, height=480) for index in range(50)), Recipe(gop=250)
    )
    boxes = {Style.SOLID: [Box(100, 100, 300, 300)]}

    def again(times: int) -> Iterable[writer.Picture]:
        class Later:
            def __init__(self, picture: Picture, by: int) -> None:
                self.at, self.time_ms = picture.at + by, picture.time_ms + 1000 * by
                self.lasts, self.end_ms, self.planes = picture.lasts, picture.end_ms + 1000 * by, picture.planes

        for number in range(times):
            with open_pictures(path, media.VIDEO_ID) as source:
                yield from (Later(picture, 2 * number) for picture in source)

    peaks = []
    for times in (2, 10):
        with open_pictures(path, media.VIDEO_ID) as source:
            written = write_copy(source, again(times), tmp_path / f"{times}.mp4", lambda _: boxes)
        assert written.pictures == 50 * times
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # 400 pictures more would be 180 MB.
    assert peaks[1] - peaks[0] < 40_000


REAL = (
    "decord/tests/test_data/video_90.mov",
    "decord/tests/test_data/unordered.mov",
    "intel/preview/classroom.gif",
    "moviepy/media/doc_medias/example2.mp4",
)


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_copies_of_real_clips_show_every_picture_at_its_time(name: str, shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "videos" / name
    with open_pictures(path, media.VIDEO_ID) as source:
        original = [(each.at, each.lasts) for each in source]
    copy(path, tmp_path / "copy.mp4", has_mark=True)
    with open_pictures(tmp_path / "copy.mp4", media.VIDEO_ID) as source:
        ours = [(each.at, each.lasts) for each in source]
    assert len(ours) == len(original)
    assert all(
        abs(one - other) < Fraction(1, 2000)
        for a, b in zip(ours, original, strict=True)
        for one, other in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("name", [b"with space.mp4", b"not \xff text.mp4", b"file:%03d?#.mp4", b"-dash.mp4"])
def test_a_copy_may_have_any_name(name: bytes, tmp_path: Path) -> None:
    path = media.video(tmp_path / "clip.mp4", pictures=3)
    target = tmp_path / os.fsdecode(name)
    copy(path, target)
    assert len(pictures(target)) == 3
    assert {each.name for each in tmp_path.iterdir() if each.is_file()} == {"clip.mp4", target.name}
