"""How much there is in a picture: too little, and it would be like too much else."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from triage.matches.shrinking import Image

GRID_PX = 32
"""Noise, which is small, is gone from a copy of this side; what is worth comparing is not."""
LEAST_STRUCTURE = 1.5
"""Mean difference of luma, 0 to 255, from smooth shading, from which a picture can be told from others.

Measured on 80 photographs with noise, as JPEG: all of them keep it at 15 % of their light and 95 % at 10 %; nothing
but noise (deviation 40) reaches 1.3, a ramp or a vignette 0.1, a clock on black 0.7, three lamps in the dark 0.3. PDQ's
quality would drop half of the pictures at 15 % for being below 50, and keep the noise.
"""
FLAT_STEPS, MOST_FLAT = 5, 0.92
"""Neighbouring steps of luma, of 256, and the share of a picture that they may hold. A square on black, or a line on a
white card, is like every other, however bright it is. Of 597 photographs the flattest has 0.78, a bird in the sky; at
15 % of their light 0.77 for 99 in 100, at 10 % 0.92."""
MOST_CHROMA = 4.0
"""Mean difference of a pixel's strongest and weakest colour, 0 to 255, up to which a picture is grey."""


def is_comparable(view: Image) -> bool:
    """Whether there is enough in a picture to tell it from others.

    Args:
        view: the whole without its borders, in any size.
    """
    small = _small(view)
    return _structure(small) >= LEAST_STRUCTURE and _flat(small) <= MOST_FLAT


def structure(view: Image) -> float:
    """Mean difference from the smoothest shading that fits: what is no even light, no vignette and no noise."""
    return _structure(_small(view))


def flat(view: Image) -> float:
    """The share of the picture that is of one tone, in [0, 1]."""
    return _flat(_small(view))


Small = npt.NDArray[np.uint8]
"""(pixels,) luma of a small copy."""


def _small(view: Image) -> Small:
    grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (GRID_PX, GRID_PX), interpolation=cv2.INTER_AREA), np.uint8).ravel()


def _structure(small: Small) -> float:
    seen = small.astype(np.float32)
    return float(np.abs(seen - _SHADES @ (seen @ _SHADES)).mean())


def _flat(small: Small) -> float:
    tones = np.bincount(small, minlength=256)
    return float(np.convolve(tones, np.ones(FLAT_STEPS, np.int64)).max() / small.size)


def is_grey(view: Image) -> bool:
    """Whether there is no colour in a picture."""
    blue, green, red = cv2.split(view)
    chroma = cv2.subtract(cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red))
    return float(chroma.mean()) <= MOST_CHROMA


def _shades() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(pixels, 6) directions, at right angles and of length 1, of the shadings that are parabolas in x and y."""
    y, x = (np.mgrid[:GRID_PX, :GRID_PX] / (GRID_PX - 1) - 0.5).reshape(2, -1)
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0].astype(np.float32)


_SHADES = _shades()
