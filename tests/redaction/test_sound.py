"""The sound of copies: in time with the pictures, and never a reason to crash."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests import media
from tests.redaction import clips
from tests.redaction.clips import Sounding as Clip
from tests.redaction.clips import perceive
from triage.errors import RedactionError
from triage.frames.pictures import open_pictures
from triage.frames.sandbox.sound import open_sound
from triage.redaction.sound import MakeMask, Prepared, Samples, Sounding, prepare
from triage.redaction.voices import VoiceMask
from triage.redaction.writer import Written, write_copy

FRAME_S = 1 / 25


class Untouched:
    """A mask that gives everything back, some of it later."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self.held = np.zeros((0, channels), np.float32)
        self.late = rate_hz // 3

    def mask(self, block: Samples) -> Samples:
        known = np.concatenate([self.held, block])
        ready = max(len(known) - self.late, 0)
        self.held = known[ready:]
        return known[:ready]

    def rest(self) -> Samples:
        return self.held


class Losing(Untouched):
    """A mask that loses samples."""

    def rest(self) -> Samples:
        return self.held[:-7]


def copy(path: Path, target: Path, sounding: Sounding, make_mask: MakeMask = VoiceMask) -> tuple[Written, Prepared]:
    with ExitStack() as opened:
        source = opened.enter_context(open_pictures(path, media.VIDEO_ID))
        prepared = prepare(opened.enter_context(open_sound(path)), sounding, make_mask)
        written = write_copy(source, source, target, lambda _: {}, sound=prepared.track, has_mark=False)
        return written, prepared


CLIPS = {
    "plain.mp4": Clip(),
    "mp3.mkv": Clip(codec="libmp3lame"),
    "plain.ts": Clip(),
    "mono.mkv": Clip(codec="libopus", channels=1),
    "pcm.mov": Clip(codec="pcm_s16le"),
    "ac3.mkv": Clip(codec="ac3"),
    "sound_later.mkv": Clip(codec="pcm_s16le", sound_from=0.7),
    "later.mp4": Clip(sound_from=0.7),
    "pictures_later.mkv": Clip(codec="libopus", pictures_from=0.6),
    "pictures_later.mp4": Clip(pictures_from=0.6),
    "gap.mkv": Clip(codec="pcm_s16le", gap=(1.3, 1.8)),
    "gap.mp4": Clip(gap=(1.3, 1.8)),
    "ends_early.mkv": Clip(codec="libopus", sound_until=2.2),
    "ends_late.mkv": Clip(codec="libopus", sound_until=3.8, moments=(1.0, 2.0)),
}


@pytest.mark.parametrize("sounding", [Sounding.KEEP, Sounding.VOICES_MASKED])
@pytest.mark.parametrize("name", CLIPS)
def test_a_click_is_heard_when_the_flash_is_seen(name: str, sounding: Sounding, tmp_path: Path) -> None:
    path = clips.draw(tmp_path / name, CLIPS[name])
    written, prepared = copy(path, tmp_path / "copy.mp4", sounding, Untouched)
    original, ours = perceive(path), perceive(tmp_path / "copy.mp4")
    assert len(ours.clicks) == len(ours.flashes) == len(original.flashes) == 2
    apart = [heard - seen for heard, seen in zip(ours.clicks, ours.flashes, strict=True)]
    assert np.abs(apart).max() < FRAME_S
    were_apart = [heard - seen for heard, seen in zip(original.clicks, original.flashes, strict=True)]
    assert np.abs(np.subtract(apart, were_apart)).max() < FRAME_S / 2
    assert (prepared.remarks, written.remarks) == ((), ())
    with av.open(str(tmp_path / "copy.mp4")) as container:
        begins = (container.start_time or 0) / 1_000_000
    first = min(CLIPS[name].pictures_from, CLIPS[name].sound_from)
    assert ours.flashes[0] - begins + written.shift_ms / 1000 == pytest.approx(1.0 - first, abs=FRAME_S)


@pytest.mark.parametrize("name", ["plain.mp4", "mp3.mkv", "ac3.mkv"])
def test_sound_is_encoded_anew_as_browsers_play_it_and_no_coded_piece_of_the_original_is_left(
    name: str, tmp_path: Path
) -> None:
    path = clips.draw(tmp_path / name, CLIPS[name])
    _, prepared = copy(path, tmp_path / "copy.mp4", Sounding.KEEP)
    with av.open(str(path)) as container:
        codec = container.streams.audio[0].codec_context.name
        pieces = {bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size > 64}
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        ours = {bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size > 64}
    assert (prepared.how, prepared.remarks) == (f"encoded anew from {codec}", ())
    assert pieces
    assert not pieces & ours


def test_a_muted_copy_has_no_sound_at_all(tmp_path: Path) -> None:
    _, prepared = copy(clips.draw(tmp_path / "clip.mp4"), tmp_path / "copy.mp4", Sounding.MUTE)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert prepared.track is None


def test_masked_sound_is_not_the_original_s(tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mp4")
    copy(path, tmp_path / "copy.mp4", Sounding.VOICES_MASKED)
    ours = perceive(tmp_path / "copy.mp4")
    assert (ours.channels, ours.rate_hz) == (2, clips.RATE_HZ)
    assert path.read_bytes()[-2000:] not in (tmp_path / "copy.mp4").read_bytes()


def test_a_clip_without_sound_says_so(tmp_path: Path) -> None:
    _, prepared = copy(media.video(tmp_path / "clip.mp4", pictures=5), tmp_path / "copy.mp4", Sounding.KEEP)
    assert prepared.remarks == ("the original has no sound",)


@pytest.mark.parametrize("sounding", [Sounding.KEEP, Sounding.VOICES_MASKED])
def test_an_unknown_codec_makes_the_copy_mute_and_says_so(sounding: Sounding, tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mkv", Clip(codec="pcm_s16le"))
    path.write_bytes(path.read_bytes().replace(b"A_PCM/", b"A_ZZZ/"))
    written, prepared = copy(path, tmp_path / "copy.mp4", sounding)
    assert written.pictures == 75
    assert len(prepared.remarks) == 1
    assert "mute" in prepared.remarks[0]


def test_sound_of_which_nothing_can_be_decoded_makes_the_copy_mute_and_says_so(tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mkv", Clip(codec="flac"))
    spoiled = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        pieces = [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]
    for piece in pieces:
        at = spoiled.find(piece)
        spoiled[at : at + len(piece)] = b"\xa5" * len(piece)
    path.write_bytes(bytes(spoiled))
    written, prepared = copy(path, tmp_path / "copy.mp4", Sounding.KEEP)
    assert written.pictures == 75
    assert "nothing of its sound could be decoded" in prepared.remarks[0]


def test_damaged_sound_is_silence_and_what_follows_is_still_in_time(tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mkv", Clip(codec="flac"))
    spoiled = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[0]):
            if packet.size and packet.pts and 1.2 < packet.pts * packet.time_base < 1.7:
                at = spoiled.find(bytes(packet))
                spoiled[at : at + packet.size] = b"\xa5" * packet.size
    path.write_bytes(bytes(spoiled))
    written, _ = copy(path, tmp_path / "copy.mp4", Sounding.KEEP)
    ours = perceive(tmp_path / "copy.mp4")
    assert ours.clicks[-1] == pytest.approx(ours.flashes[-1], abs=FRAME_S)
    assert "damaged, and are silence" in written.remarks[0]


def test_a_second_sound_stream_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    one = clips.draw(tmp_path / "one.mkv", Clip(codec="pcm_s16le"))
    with av.open(str(one)) as source, av.open(str(path), "w") as container:
        video, audio = source.streams.video[0], source.streams.audio[0]
        targets = [container.add_stream_from_template(stream) for stream in (video, audio, audio)]
        for packet in source.demux():
            for target in targets[:1] if packet.stream.index == 0 else targets[1:]:
                if packet.size:
                    again = av.Packet(bytes(packet))
                    again.pts, again.dts, again.time_base = packet.pts, packet.dts, packet.time_base
                    again.stream = target
                    container.mux(again)
    _, prepared = copy(path, tmp_path / "copy.mp4", Sounding.KEEP)
    assert any("2 sound streams" in remark for remark in prepared.remarks)


def test_a_mask_that_loses_samples_stops_the_copy(tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mp4")
    with pytest.raises(RedactionError, match="samples of sound"):
        copy(path, tmp_path / "copy.mp4", Sounding.VOICES_MASKED, Losing)
    assert not (tmp_path / "copy.mp4").exists()


def test_two_recordings_joined_stay_in_time(tmp_path: Path) -> None:
    one = clips.draw(tmp_path / "one.ts")
    path = tmp_path / "clip.ts"
    path.write_bytes(one.read_bytes() * 2)
    for sounding in (Sounding.KEEP, Sounding.VOICES_MASKED):
        target = tmp_path / f"{sounding}.mp4"
        copy(path, target, sounding, Untouched)
        ours = perceive(target)
        assert len(ours.clicks) == len(ours.flashes) == 4
        assert np.abs(np.subtract(ours.clicks, ours.flashes)).max() < 2 * FRAME_S


@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
def test_sound_that_jumps_beyond_the_pictures_is_not_followed_for_hours(codec: str, tmp_path: Path) -> None:
    path = clips.draw(tmp_path / "clip.mkv", Clip(codec=codec, strays_to=30_000))
    copy(path, tmp_path / "copy.mp4", Sounding.KEEP)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert 3.0 <= (container.duration or 0) / 1_000_000 < 10


def test_odd_rates_and_many_channels_become_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=11_111)
        audio.codec_context.layout = "5.1"
        for index in range(25):
            container.mux(video.encode(av.VideoFrame.from_ndarray(media.moving(index), "bgr24")))
        tone = (np.sin(np.arange(11_111) / 4) * 9000).astype(np.int16).repeat(6)[None]
        frame = av.AudioFrame.from_ndarray(tone, "s16", "5.1")
        frame.sample_rate, frame.pts = 11_111, 0
        container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    copy(path, tmp_path / "copy.mp4", Sounding.KEEP)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        heard = list(container.decode(audio=0))
    assert {(each.sample_rate, each.layout.name) for each in heard} == {(48_000, "stereo")}
    assert sum(each.samples for each in heard) / 48_000 == pytest.approx(1.0, abs=0.03)


def test_pieces_come_in_order_of_time(tmp_path: Path) -> None:
    copy(clips.draw(tmp_path / "clip.mp4"), tmp_path / "copy.mp4", Sounding.VOICES_MASKED)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        times = [packet.pts for packet in container.demux(container.streams.audio[0]) if packet.pts is not None]
    assert all(one < other for one, other in pairwise(times))
