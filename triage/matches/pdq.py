"""PDQ, the perceptual hash that platforms and their hash lists exchange. The only file that knows pdqhash.

It is the hash of the whole picture at its own size, borders included, as vPDQ takes it of frames, so that it means the
same in a list from elsewhere.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import pdqhash

from triage.matches.shrinking import Image

BITS = 256
BYTES = BITS // 8
SIDE_PX = 64
"""Side of the grey picture that PDQ makes of every other before it looks at its frequencies."""
LEAST_PX = 5
"""Side below which PDQ makes no hash of a picture."""

Hashes = npt.NDArray[np.uint8]
"""(N, 32)"""


def compute(image: Image) -> tuple[Hashes, int]:
    """The hash of a picture as (32,), the first bit in the highest of the first byte, and its quality, 0 to 100.

    Quality says how much there is in the picture; the threatexchange tools drop hashes below 50 as saying too little.
    The averaging is done here and the rest by pdqhash, which leaves a picture of 64 x 64 as it is: the same hash, or
    two bits off for rounding, in 1 ms instead of 7 (768 x 432).

    Args:
        image: (H, W, 3) BGR.
    """
    if min(image.shape[:2]) < LEAST_PX:
        return np.zeros(BYTES, np.uint8), 0
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    small = _averages(luma.shape[0]) @ luma @ _averages(luma.shape[1]).T
    grey = np.repeat(np.rint(small).astype(np.uint8)[..., None], 3, axis=2)
    bits, quality = pdqhash.compute(grey)
    return np.packbits(np.asarray(bits, np.uint8)), int(quality)


def distances(left: Hashes, right: Hashes) -> npt.NDArray[np.uint16]:
    """How many of the 256 bits differ, (N, M), between each of (N, 32) and each of (M, 32)."""
    one, other = _words(left), _words(right)
    found = np.zeros((len(one), len(other)), np.uint16)
    for place in range(one.shape[1]):
        found += np.bitwise_count(one[:, place, None] ^ other[None, :, place])
    return found


def hex_of(packed: Hashes) -> str:
    """64 hexadecimal digits, as the threatexchange tools write one hash."""
    return packed.tobytes().hex()


def of_hex(text: str) -> Hashes:
    """The hash (32,) of 64 hexadecimal digits.

    Raises:
        ValueError: the text is something else.
    """
    if len(text) != 2 * BYTES or not text.isascii() or not text.isalnum():
        raise ValueError(f"a PDQ hash is {2 * BYTES} hexadecimal digits, got {text[:80]!r}")
    return np.frombuffer(bytes.fromhex(text), np.uint8)


@lru_cache(maxsize=64)
def _averages(length_px: int) -> npt.NDArray[np.float32]:
    """(64, length) the weights by which PDQ makes 64 pixels of so many, along one side.

    PDQ averages over a window of a 128th of the side, rounded up, twice, and takes 64 pixels at even distances. A
    window of an even number reaches one pixel further on the right; at the ends it is as long as there is picture.
    """
    window = -(-length_px // (2 * SIDE_PX))
    before, after = (window - 1) // 2, window // 2
    place = np.arange(length_px)
    offset = place[None, :] - place[:, None]
    is_within = (offset >= -before) & (offset <= after)
    once = is_within / is_within.sum(axis=1, keepdims=True)
    taken = ((np.arange(SIDE_PX) + 0.5) * length_px / SIDE_PX).astype(np.int64)
    return np.ascontiguousarray(once[taken] @ once, np.float32)


def _words(hashes: Hashes) -> npt.NDArray[np.uint64]:
    """(N, 4), the same bits in words that are counted at once."""
    return np.ascontiguousarray(hashes, np.uint8).reshape(-1, BYTES).view(np.uint64)
