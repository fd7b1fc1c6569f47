"""Sound from another process: the same samples as from a decoder here, and nothing of what it says believed."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import media
from tests.frames.sandbox.liar import Instead
from tests.redaction import clips
from tests.redaction.clips import Sounding
from triage.errors import Refusal, VideoError
from triage.frames import sound as here
from triage.frames.sandbox import sound as there
from triage.frames.sandbox.decoders import Started
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.sound import open_sound


def spoiled(path: Path) -> Path:
    """Sound in which some pieces cannot be decoded."""
    clips.draw(path, Sounding(codec="flac"))
    return media.scratched(path, bits=60)


def nothing(path: Path) -> Path:
    """An MP4 without a single stream."""
    header = bytes(12) + struct.pack(">II", 1000, 0) + bytes(76) + struct.pack(">I", 1)
    moov = media.box("moov", media.box("mvhd", header))
    path.write_bytes(media.box("ftyp", b"isom", bytes(4), b"isom") + moov)
    return path


CLIPS: Mapping[str, Callable[[Path], object]] = {
    "aac.mp4": clips.draw,
    "mono.mkv": lambda path: clips.draw(path, Sounding(codec="libopus", channels=1)),
    "mp3.mkv": lambda path: clips.draw(path, Sounding(codec="libmp3lame")),
    "pcm.mov": lambda path: clips.draw(path, Sounding(codec="pcm_s16le", sound_from=0.7)),
    "gap.mp4": lambda path: clips.draw(path, Sounding(gap=(1.3, 1.8))),
    "later_pictures.mkv": lambda path: clips.draw(path, Sounding(codec="ac3", pictures_from=0.6)),
    "spoiled.mkv": spoiled,
    "mute.mp4": lambda path: media.video(path, pictures=5),
    "alone.wav": media.sound,
    "nothing.mp4": nothing,
    **media.NOT_VIDEOS,
    "empty.mp4": Path.touch,
}


def told(source: Any, rate_hz: int, channels: int) -> Any:
    """All that a source says."""
    pieces = [(at, samples.tobytes(), samples.shape) for at, samples in source.samples(rate_hz, channels)]
    return source.streams, source.coded, pieces, source.undecoded


def from_here(path: Path, rate_hz: int, channels: int) -> Any:
    try:
        with path.open("rb") as file, here.open_stream(file, media.VIDEO_ID) as source:
            return told(source, rate_hz, channels)
    except VideoError as refusal:
        return refusal.kind, refusal.why


def from_there(path: Path, rate_hz: int = 48_000, channels: int = 2, **how: Any) -> Any:
    try:
        with open_sound(path, **how) as source:
            return told(source, rate_hz, channels)
    except VideoError as refusal:
        return refusal.kind, refusal.why


@pytest.mark.parametrize("name", CLIPS)
def test_sound_from_another_process_is_what_is_decoded_here(name: str, tmp_path: Path) -> None:
    CLIPS[name](tmp_path / name)
    for rate_hz, channels in ((48_000, 2), (8_000, 1)):
        assert from_there(tmp_path / name, rate_hz, channels) == from_here(tmp_path / name, rate_hz, channels)


def test_the_clips_of_these_tests_have_sound_some_of_it_damaged(tmp_path: Path) -> None:
    streams, coded, pieces, undecoded = from_here(spoiled(tmp_path / "clip.mkv"), 48_000, 2)
    assert (streams, coded) == (1, here.Coded("flac", 48_000, 2))
    assert undecoded > 0
    assert sum(shape[0] for _, _, shape in pieces) > 10_000


def test_what_does_not_fit_into_a_place_comes_in_pieces_that_follow_on_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.draw(tmp_path / "clip.mp4")
    monkeypatch.setattr(there, "PIECE_BYTES", 4096)
    whole, parted = from_here(path, 48_000, 2)[2], from_there(path)[2]
    assert {shape for _, _, shape in parted} == {(512, 2)} != {shape for _, _, shape in whole}
    assert b"".join(piece for _, piece, _ in parted) == b"".join(piece for _, piece, _ in whole)
    assert [at for at, _, _ in parted] == [at + Fraction(n, 48_000) for at, _, _ in whole for n in (0, 512)]


def test_a_crash_in_the_middle_is_the_fault_of_the_file(tmp_path: Path, started: list[Started]) -> None:
    path = clips.draw(tmp_path / "clip.mp4")
    with open_sound(path) as source:
        samples = source.samples(48_000, 2)
        next(samples)
        os.kill(started[0].pid, signal.SIGSEGV)
        with pytest.raises(VideoError, match=r"was stopped at 00:00\.\d+: it crashed \(SIGSEGV\)") as refused:
            list(samples)
    assert refused.value.kind is Refusal.UNREADABLE


CODED = {"codec": "aac", "rate_hz": 48_000, "channels": 2}
SOUND = {"is": "sound", "streams": 1, "coded": CODED}
PIECE = {"is": "piece", "place": 0, "at": [0, 1], "samples": 1024, "undecoded": 0}
END = {"is": "end", "undecoded": 0}


class TestLies:
    def test_one_that_tells_the_truth_is_believed(self, path: Path, lie: Instead) -> None:
        lie(SOUND, PIECE, {**PIECE, "place": 7, "at": [-1, 2]}, {**END, "undecoded": 3})
        streams, coded, pieces, undecoded = from_there(path)
        assert (streams, coded, undecoded) == (1, here.Coded("aac", 48_000, 2), 3)
        assert [(at, shape) for at, _, shape in pieces] == [(0, (1024, 2)), (Fraction(-1, 2), (1024, 2))]

    @pytest.mark.parametrize(
        "said",
        [
            [{**SOUND, "streams": -1}],
            [{**SOUND, "streams": 0}],
            [{**SOUND, "coded": "aac"}],
            [{**SOUND, "coded": {**CODED, "codec": "x" * 99}}],
            [{**SOUND, "coded": {**CODED, "rate_hz": 48e3}}],
            [{**SOUND, "coded": {**CODED, "rate_hz": -1}}],
            [{**SOUND, "coded": {**CODED, "channels": 10**6}}],
            [{**SOUND, "coded": {"codec": "aac"}}],
            [END],
            [SOUND, {**PIECE, "place": 8}],
            [SOUND, {**PIECE, "at": [10**30, 1]}],
            [SOUND, {**PIECE, "at": None}],
            [SOUND, {**PIECE, "samples": 0}],
            [SOUND, {**PIECE, "samples": 65_537}],
            [SOUND, {**PIECE, "undecoded": -1}],
            [SOUND, PIECE, {**END, "undecoded": None}],
            [SOUND, PIECE, {"is": "refused", "kind": "empty_file", "why": "it is empty"}],
            [SOUND, PIECE, b"\0\0\0\4null"],
        ],
    )
    def test_sound_that_cannot_be_ends_the_reading(self, said: list[object], path: Path, lie: Instead) -> None:
        lie(*said)
        kind, why = from_there(path)
        assert kind is Refusal.UNREADABLE
        assert why.endswith("which cannot be")

    def test_sound_that_goes_on_for_days_is_not_taken(
        self, path: Path, lie: Instead, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(there, "LONGEST_S", 3600)
        lie(SOUND, *[{**PIECE, "samples": 60_000}] * 10)
        kind, why = from_there(path, rate_hz=100)
        assert kind is Refusal.UNREADABLE
        assert "goes on for more than 60 min" in why

    def test_one_that_calculates_and_says_nothing_is_ended(self, path: Path, lie: Instead) -> None:
        liar = lie(SOUND, PIECE, is_busy=True)
        kind, why = from_there(path, limits=Limits(idle_s=0.04))
        assert kind is Refusal.UNREADABLE
        assert "no sign of going on" in why
        assert liar.is_over

    def test_samples_do_not_change_when_the_memory_is_written_to_again(self, path: Path, lie: Instead) -> None:
        liar = lie(SOUND, PIECE, END)
        with open_sound(path) as source:
            samples = source.samples(48_000, 2)
            _, first = next(samples)
            liar.memory()[:] = 9
            assert not np.any(first)
