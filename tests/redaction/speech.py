"""Sounds drawn on the spot: speech-like ones, that nobody ever said, and blows."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

RATE_HZ = 16000
PITCH_HZ = 125.0
"""A whole number of samples long at ``RATE_HZ``, for a voice that keeps its pitch."""

Mono = npt.NDArray[np.float64]

VOWELS_HZ = ((300, 2300, 3000), (400, 2000, 2600), (700, 1200, 2500), (450, 900, 2400), (320, 800, 2300))
"""Formants of i, e, a, o and u, roughly."""


@cache
def speech(seconds: float, seed: int = 0, wander: float = 0.15) -> Mono:
    """(samples,): syllables of a closure, a burst or hiss and a vowel, four to six a second, at about -20 dB.

    Args:
        seconds: how long.
        seed: of what is said.
        wander: share by which the pitch rises and falls; 0 for a monotonous voice.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    loudness, hiss = np.zeros(count), np.zeros(count)
    formants = np.zeros((3, count))
    start = 0
    while start < count:
        length = round(rng.uniform(0.16, 0.26) * RATE_HZ)
        vowel = slice(start + round(rng.uniform(0.3, 0.45) * length), start + length)
        size = len(range(*vowel.indices(count)))
        if size > 0:
            loudness[vowel] = rng.uniform(0.5, 1) * np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 0.4
        formants[:, start : start + length] = np.array(VOWELS_HZ[rng.integers(len(VOWELS_HZ))])[:, None]
        if rng.random() < 0.5:
            burst = slice(vowel.start - round(0.012 * RATE_HZ), vowel.start)
            hiss[burst] = 0.5
        else:
            hiss[start + round(0.05 * length) : vowel.start] = 0.25
        start += length + (round(0.3 * RATE_HZ) if rng.random() < 0.1 else 0)
    glide = np.hanning(round(0.05 * RATE_HZ))
    formants = np.stack([np.convolve(track, glide / glide.sum(), mode="same") for track in formants])
    ease = np.hanning(round(0.012 * RATE_HZ))
    loudness, hiss = (np.convolve(track, ease / ease.sum(), mode="same") for track in (loudness, hiss))
    time = np.arange(count) / RATE_HZ
    pitch = PITCH_HZ * (1 + wander * np.sin(2 * np.pi * 0.7 * time + seed))
    turns = np.cumsum(pitch) / RATE_HZ
    voiced = np.zeros(count)
    for harmonic in range(1, int(4000 / PITCH_HZ)):
        bells = sum(0.5**n / (1 + ((harmonic * pitch - track) / 70) ** 2) for n, track in enumerate(formants))
        voiced += bells * np.sin(2 * np.pi * harmonic * turns) / harmonic**0.3
    noise = np.diff(rng.standard_normal(count + 1))
    sound = voiced / np.sqrt(np.mean(voiced**2)) * loudness + 0.7 * noise * hiss
    sound *= 0.1 / np.sqrt(np.mean(sound**2))
    sound.setflags(write=False)
    return np.asarray(sound)


def blow(loudest: float = 0.8, decay_s: float = 0.02, seed: int = 0) -> Mono:
    """(samples,): noise that begins at once and dies away."""
    size = round(5 * decay_s * RATE_HZ)
    return np.asarray(
        loudest / 3 * np.exp(-np.arange(size) / (decay_s * RATE_HZ)) * np.random.default_rng(seed).standard_normal(size)
    )


def with_blows(sound: Mono, at_s: list[float], hit: Mono) -> Mono:
    mixed = sound.copy()
    for moment in at_s:
        start = round(moment * RATE_HZ)
        mixed[start : start + len(hit)] += hit[: len(mixed) - start]
    return mixed
