"""Sound in which nobody can be understood, while shots, impacts and their timing remain.

All of it is replaced by noise: no sample of the original is in the result. In three bands the noise is as loud as the
original was on average over about a second, too slowly for syllables, let alone sounds, and with no pitch, harmonics or
formants in it. Only what begins as steeply as a shot or a blow is followed closely, for a moment, and then by all bands
together; speech that is heard through one band has a rhythm and no words (it takes about three that change each for
itself: Shannon et al., Speech recognition with primarily temporal cues, Science 270, 1995).

The sound is cut into overlapping frames; in each the power of every band is measured, and a frame of noise with the
power that is wanted takes its place. Power, and with it the energy of a blow, is kept.
"""

from __future__ import annotations

import secrets
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float32]
"""(samples, channels), in -1 to 1."""
Powers: TypeAlias = npt.NDArray[np.float64]
"""(frames, channels, bands)."""

HOP_S = 0.005
"""From frame to frame; each is twice as long, so that its own pitch is not in its power."""
BORDERS_HZ = (300.0, 3400.0)
"""A boom lies below, a crack above, and the words, as a telephone carries them, between."""
SLOW = 100
"""Frames to either side over which loudness is averaged: syllables come 3 to 8 a second."""
BEFORE = slice(2, 6)
"""Frames back with which a steep beginning is compared."""
STEEP = 6.3
"""Power against that before: 8 dB within a few hundredths of a second."""
LOUD = 2.0
"""Power against the average: what is steep and soft may be a consonant."""
FAINTEST = 1e-7
"""Power, where a full-scale square wave has 1: below, nothing is a shot."""
LEAD, FOLLOWED = 2, 30
"""Frames before and after a steep beginning that are followed closely."""
BALANCE = 10
"""Frames to either side over which the bands of a shot are weighed, so that they rise and fall together."""
PAST, FUTURE = 2 * SLOW + FOLLOWED + BEFORE.stop, 2 * SLOW + LEAD
"""Frames that have a say in what is wanted of one, before it and after it: the average leaves out what is followed, and
what is followed is found by an average."""
AT_ONCE = 200
"""Frames that are worked on together."""


class VoiceMask:
    """One stream of sound, masked block by block; what it keeps does not grow with its length."""

    def __init__(self, rate_hz: int, channels: int, seed: int | None = None) -> None:
        """Make one for a stream.

        Args:
            rate_hz: samples per second, at least 4000.
            channels: of the stream; the noise is the same in all, as loud in each as the original.
            seed: of the noise, for tests; else nobody can foretell it.

        Raises:
            ValueError: a rate at which no voice could be heard, or no channel.
        """
        if rate_hz < 4000 or channels < 1:
            raise ValueError(f"sound has a channel and 4000 samples a second at least, got {channels} at {rate_hz}")
        self._hop: Final = round(rate_hz * HOP_S)
        self._window: Final = np.sin(np.pi * (np.arange(2 * self._hop) + 0.5) / (2 * self._hop))
        band = np.digitize(np.fft.rfftfreq(2 * self._hop, 1 / rate_hz), BORDERS_HZ)
        self._in_band: Final = (band[:, None] == np.unique(band)).astype(np.float64)
        """(bins, bands)."""
        self._noise: Final = np.random.default_rng(secrets.randbits(128) if seed is None else seed)
        # Frame k takes samples from (k - 1) hops on: silence before the first sample, so that all are in two frames.
        self._unread = np.zeros((self._hop, channels))
        self._powers: Powers = np.zeros((0, channels, self._in_band.shape[1]))
        self._done = 0
        """How many of the frames in ``_powers`` were written; the others wait for what comes after them."""
        self._half = np.zeros((self._hop, channels))
        """The second half of the last frame that was written."""
        self._taken = self._given = 0
        self._is_first = True

    def mask(self, block: Samples) -> Samples:
        """Take the next samples, give those that are ready: in all as many, in the same places, somewhat later."""
        self._taken += len(block)
        self._measure(np.clip(np.nan_to_num(block.astype(np.float64)), -1, 1))
        pieces = [self._written(0)]
        while len(self._powers) - self._done - FUTURE >= AT_ONCE:
            pieces.append(self._written(AT_ONCE))
        return np.asarray(np.concatenate(pieces))

    def rest(self) -> Samples:
        """The samples that were not given yet; nothing can be taken afterwards."""
        # One frame more than there are samples, since the last ones are in two frames as well.
        self._measure(np.zeros((2 * self._hop, self._unread.shape[1])))
        return self._written(len(self._powers) - self._done)[: self._taken - self._given]

    def _measure(self, block: npt.NDArray[np.float64]) -> None:
        """Power of every frame that is complete."""
        self._unread = np.concatenate([self._unread, block])
        count = max(len(self._unread) // self._hop - 1, 0)
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(self._unread, 2 * self._hop, axis=0)[:: self._hop][:count]
        spectra = np.abs(np.fft.rfft(frames * self._window, axis=2)) ** 2
        self._powers = np.concatenate([self._powers, spectra @ self._in_band])
        self._unread = self._unread[count * self._hop :]

    def _written(self, count: int) -> Samples:
        """Samples of the next so many frames."""
        channels = self._half.shape[1]
        if count <= 0:
            return np.zeros((0, channels), np.float32)
        size = 2 * self._hop
        seen = self._powers[: self._done + count + FUTURE]
        wanted = wanted_powers(seen, size)[self._done : self._done + count]
        phases = self._noise.random((count, len(self._in_band)))
        loudness = np.sqrt(2 * wanted / self._in_band.sum(axis=0)) @ self._in_band.T
        spectra = np.exp(2j * np.pi * phases)[:, None] * loudness
        frames = (np.fft.irfft(spectra, size, axis=2) * self._window).transpose(0, 2, 1)
        firsts, seconds = frames[:, : self._hop], frames[:, self._hop :]
        joined = firsts + np.concatenate([self._half[None], seconds[:-1]])
        self._half = seconds[-1]
        forgotten = max(self._done + count - PAST, 0)
        self._powers, self._done = self._powers[forgotten:], self._done + count - forgotten
        samples = joined.reshape(-1, channels)
        if self._is_first:
            samples, self._is_first = samples[self._hop :], False
        self._given += len(samples)
        return np.asarray(np.clip(samples, -1, 1), np.float32)


def mask_voices(samples: Samples, rate_hz: int) -> Samples:
    """The whole of a short sound, masked; as many samples."""
    mask = VoiceMask(rate_hz, samples.shape[1])
    return np.concatenate([mask.mask(samples), mask.rest()])


def wanted_powers(powers: Powers, size: int) -> Powers:
    """What the noise is to have: slow where somebody may speak, close where it is as steep as a shot.

    Args:
        powers: what the original has.
        size: samples in a frame, for what counts as faint.
    """
    total = powers.sum(axis=(1, 2))
    is_followed = _is_followed(total, FAINTEST * size * size / 4)
    # What is followed has no part in the average, or there would be noise for half a second before a shot.
    weights = np.where(is_followed, 0.0, 1.0)
    kernel = np.hanning(2 * SLOW + 3)[1:-1]
    heard = _smooth(weights, kernel)
    slow = _smooth(powers * weights[:, None, None], kernel) / np.maximum(heard, 1e-9)[:, None, None]
    near = np.ones(2 * BALANCE + 1)
    balance = _smooth(powers, near) / np.maximum(_smooth(total, near), 1e-30)[:, None, None]
    return np.where(is_followed[:, None, None], balance * total[:, None, None], slow)


def _is_followed(total: npt.NDArray[np.float64], faintest: float) -> npt.NDArray[np.bool_]:
    """(frames,): whether each belongs to a steep beginning."""
    # As if the first frame had gone on before: a sound that begins in the middle of a word is no shot.
    before = np.concatenate([np.full(BEFORE.stop, total[0]), total])
    lately = np.mean([before[BEFORE.stop - back :][: len(total)] for back in range(BEFORE.start, BEFORE.stop)], axis=0)
    near = np.ones(2 * SLOW + 1)
    around = _smooth(total, near) / _smooth(np.ones(len(total)), near)
    is_steep = (total > STEEP * lately) & (total > LOUD * around) & (total > faintest)
    reach = np.ones(LEAD + FOLLOWED + 1)
    # Full convolution puts a beginning's reach behind it; taken from LEAD on, it starts that much before.
    return np.asarray(np.convolve(is_steep, reach)[LEAD:][: len(total)] > 0.5)


def _smooth(values: npt.NDArray[np.float64], kernel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weighted sums over the frames around each, along the first axis; nothing before the first and after the last."""
    flat = values.reshape(len(values), -1)
    half = len(kernel) // 2
    summed = [np.convolve(column, kernel)[half : half + len(values)] for column in flat.T]
    return np.stack(summed, axis=1).reshape(values.shape)
