"""Clips with sound: a flash and a click at the same moment, drawn on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from tests import media

RATE_HZ = 48_000
PIECE = 1024
"""Samples in each piece that is written."""


@dataclass(frozen=True)
class Sounding:
    """When what is seen and heard in a clip; seconds on its clock."""

    codec: str = "aac"
    fps: int = 25
    pictures_from: float = 0.0
    sound_from: float = 0.0
    sound_until: float = 3.0
    gap: tuple[float, float] | None = None
    """There is no sound between these."""
    moments: tuple[float, ...] = (1.0, 2.0)
    """Of the flashes and clicks."""
    seconds: float = 3.0
    channels: int = 2
    strays_to: float | None = None
    """The last pieces of sound claim to be heard then."""
    tags: tuple[tuple[str, str], ...] = ()


def draw(path: Path, what: Sounding = Sounding()) -> Path:
    """Write it; each flash is one white picture, each click 5 ms of noise."""
    with av.open(str(path), "w") as container:
        container.metadata.update(dict(what.tags))
        video = container.add_stream("libx264", rate=what.fps, options={"bf": "2"})
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = container.add_stream(what.codec, rate=RATE_HZ)
        assert isinstance(audio, AudioStream)
        audio.codec_context.layout = "stereo" if what.channels == 2 else "mono"
        for stream in (video, audio):
            stream.metadata.update(dict(what.tags))
        for index in range(round((what.seconds - what.pictures_from) * what.fps)):
            at = what.pictures_from + index / what.fps
            is_flash = any(abs(at - moment) < 0.5 / what.fps for moment in what.moments)
            picture = av.VideoFrame.from_ndarray(media.plain(255 if is_flash else 20), "bgr24")
            picture.pts, picture.time_base = round(at * 1000), Fraction(1, 1000)
            container.mux(video.encode(picture))
        samples = clicks(what)
        first = round(what.sound_from * RATE_HZ)
        for start in range(first, len(samples), PIECE):
            at = start / RATE_HZ
            if what.gap and what.gap[0] <= at < what.gap[1]:
                continue
            piece = samples[start : start + PIECE]
            if what.codec.startswith("pcm"):
                frame = AudioFrame.from_ndarray((piece.reshape(1, -1) * 32767).astype(np.int16), "s16", audio.layout)
            else:
                frame = AudioFrame.from_ndarray(np.ascontiguousarray(piece.T), "fltp", audio.layout)
            is_stray = what.strays_to is not None and at > what.sound_until - 0.1
            heard_at = start + round((what.strays_to or 0) * RATE_HZ) * is_stray
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, heard_at, Fraction(1, RATE_HZ)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def clicks(what: Sounding) -> npt.NDArray[np.float32]:
    """(N, C): silence with a click at each moment."""
    samples = np.zeros((round(what.sound_until * RATE_HZ), what.channels), np.float32)
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, 240).astype(np.float32)
    for moment in what.moments:
        at = round(moment * RATE_HZ)
        samples[at : at + 240] = noise[: max(0, len(samples) - at), None]
    return samples


@dataclass(frozen=True)
class Perceived:
    """What a player shows of a file."""

    flashes: list[float]
    clicks: list[float]
    """Seconds on the file's clock."""
    channels: int = 0
    rate_hz: int = 0


def perceive(path: Path) -> Perceived:
    """Decode a file as players do, and note when it flashes and clicks."""
    flashes: list[float] = []
    heard: list[float] = []
    channels = rate_hz = 0
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            is_bright = picture.to_ndarray(format="gray").mean() > 128
            if is_bright and picture.time is not None:
                flashes.append(picture.time)
    with av.open(str(path)) as container:
        for stream in container.streams.audio[:1]:
            for frame in container.decode(stream):
                samples = np.asarray(frame.to_ndarray(), np.float64)
                loud = np.abs(samples / (32768 if samples.max(initial=0) > 4 else 1))
                loud = loud.reshape(-1, stream.channels).T if not frame.format.is_planar else loud
                at = np.flatnonzero(loud.max(axis=0) > 0.2)
                heard += [float(frame.time or 0) + float(index) / frame.sample_rate for index in at]
                channels, rate_hz = len(frame.layout.channels), frame.sample_rate
    starts = [moment for index, moment in enumerate(heard) if index == 0 or moment - heard[index - 1] > 0.1]
    return Perceived(flashes, starts, channels, rate_hz)
