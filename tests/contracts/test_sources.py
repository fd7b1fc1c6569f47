"""What every decoder owes, whatever library it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests import media
from triage.errors import Refusal, VideoError
from triage.frames import pyav
from triage.frames.sandbox import source
from triage.frames.source import FrameSource
from triage.records import Coverage, Extent, Frame
from triage.settings import Mode, Sampling

Opener = Callable[[Path, str, Sampling], AbstractContextManager[FrameSource]]

SOURCES: dict[str, Opener] = {"pyav": pyav.open_video, "sandbox": source.open_video}

pytestmark = pytest.mark.parametrize("opener", SOURCES.values(), ids=SOURCES.keys())

every_mode = pytest.mark.parametrize("mode", Mode)


def read(opener: Opener, path: Path, mode: Mode = Mode.STEPS) -> tuple[list[Frame], Coverage]:
    with opener(path, media.VIDEO_ID, Sampling(mode=mode)) as source:
        return list(source.frames()), source.coverage()


@every_mode
def test_a_whole_video_is_called_whole(opener: Opener, mode: Mode, tmp_path: Path) -> None:
    frames, coverage = read(opener, media.video(tmp_path / "clip.mp4"), mode)
    assert coverage.extent is Extent.WHOLE
    assert (coverage.claimed_ms, coverage.reached_ms, coverage.undecoded) == (2000, 2000, 0)
    assert coverage.sampled == len(frames) > 0


@every_mode
def test_frames_come_in_strict_order_of_time_from_zero(opener: Opener, mode: Mode, tmp_path: Path) -> None:
    frames, _ = read(opener, media.video(tmp_path / "clip.mp4"), mode)
    times_ms = [frame.time_ms for frame in frames]
    assert times_ms == sorted(set(times_ms))
    assert times_ms[0] == 0


@every_mode
def test_half_a_file_is_not_called_complete(opener: Opener, mode: Mode, tmp_path: Path) -> None:
    _, coverage = read(opener, media.cut(media.streamable(tmp_path / "clip.mp4")), mode)
    assert coverage.extent is Extent.PARTIAL
    assert coverage.short_ms > 0
    assert any("of 00:02.000 that its header claims" in why for why in coverage.why)


def test_an_empty_file_is_refused_as_empty(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(VideoError) as refused:
        read(opener, tmp_path / "clip.mp4")
    assert refused.value.kind is Refusal.EMPTY


@pytest.mark.parametrize("name", media.NOT_VIDEOS)
def test_what_is_no_video_is_refused_whatever_it_is_called(opener: Opener, name: str, tmp_path: Path) -> None:
    media.NOT_VIDEOS[name](tmp_path / name)
    with pytest.raises(VideoError) as refused:
        read(opener, tmp_path / name)
    # What cannot be recognised may be a damaged or encrypted video, so it is not said to be none.
    others = {"archive.mp4": Refusal.ARCHIVE, "noise.mp4": Refusal.UNREADABLE}
    assert refused.value.kind is others.get(name, Refusal.NOT_MEDIA)


def test_sound_alone_is_refused_as_having_no_video(opener: Opener, tmp_path: Path) -> None:
    with pytest.raises(VideoError) as refused:
        read(opener, media.sound(tmp_path / "clip.mp4"))
    assert refused.value.kind is Refusal.NO_VIDEO


def test_a_file_that_is_gone_is_refused_as_not_opened(opener: Opener, tmp_path: Path) -> None:
    with pytest.raises(VideoError) as refused:
        read(opener, tmp_path / "clip.mp4")
    assert refused.value.kind is Refusal.NOT_OPENED


def test_the_original_is_left_as_it_was(opener: Opener, tmp_path: Path) -> None:
    path = media.video(tmp_path / "clip.mp4")
    before, changed_ns = path.read_bytes(), path.stat().st_mtime_ns
    read(opener, path)
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == changed_ns
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


def test_coverage_is_not_given_before_the_end(opener: Opener, tmp_path: Path) -> None:
    with opener(media.video(tmp_path / "clip.mp4"), media.VIDEO_ID, Sampling()) as source:
        frames = source.frames()
        next(frames)
        with pytest.raises(ValueError, match="read to their end"):
            source.coverage()
        list(frames)
        assert source.coverage().extent is Extent.WHOLE


def test_a_source_is_read_once(opener: Opener, tmp_path: Path) -> None:
    with opener(media.video(tmp_path / "clip.mp4"), media.VIDEO_ID, Sampling()) as source:
        list(source.frames())
        with pytest.raises(ValueError, match="read once"):
            source.frames()


def test_every_frame_is_of_the_video_that_was_opened(opener: Opener, tmp_path: Path) -> None:
    path = media.video(tmp_path / "clip.mp4")
    with opener(path, media.VIDEO_ID, Sampling()) as source:
        video = source.video
        assert all(frame.video is video for frame in source.frames())
    assert (video.id, video.path, video.width_px, video.height_px) == (media.VIDEO_ID, path, 160, 120)


@every_mode
def test_the_same_file_gives_the_same_frames_every_time_even_damaged(
    opener: Opener, mode: Mode, tmp_path: Path
) -> None:
    path = media.scratched(media.video(tmp_path / "clip.mp4"))
    results = [read(opener, path, mode) for _ in range(6)]
    told = [
        (coverage, [(frame.time_ms, hashlib.sha256(frame.image.tobytes()).hexdigest()) for frame in frames])
        for frames, coverage in results
    ]
    assert all(one == told[0] for one in told)
