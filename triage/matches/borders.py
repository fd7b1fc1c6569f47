"""Bars, frames and bands around a picture that are no part of it: found in a small copy, given as shares to cut off.

Two kinds are looked for. Plain ones are of one colour from side to side: letterboxes, pillar boxes, frames, and the
white or coloured bands of memes and screenshots, which may hold writing. Blurred ones lie on both sides of a picture
that was put over a large, unsharp copy of itself. Both end in a straight edge over the whole width or height, which
the sky over a landscape or a dark room hardly ever does: what has none is left alone.

Measured on 593 photographs (BSDS300, ImageNet samples, COCO128): 94 % lost nothing, and nearly all of the other 34 had
a border drawn by whoever published them, as seen by eye. Of the same photographs with borders put around them, as JPEG
at quality 25 to 90, found within 1.5 % on every side: letterboxes and pillar boxes 95 %, around a quarter of the light
79 %, around a tenth 26 %; frames 85 %, bands with writing 81 to 92 %, a black frame with two close lines below 43 %,
blurred sides 93 %, blurred above and below 82 %, screenshots with close writing 32 %. What was not found stayed, in
whole or in part; more than the border was cut off in 1 % or less.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from triage.matches.shrinking import Image, within

Planes = npt.NDArray[np.int16]
"""(3, H, W): each colour by itself, which numpy compares many times as fast."""

Luma = npt.NDArray[np.float32]
"""(H, W)"""

SMALL_PX = 160
"""Longest side of the copy that is looked at."""
LEAST_PX = 16
"""Side of what is left of the small copy below which nothing more is looked for."""
LEAST_LEFT = 0.25
"""Share of width and of height that always remains."""
MOST_OFF = 12
"""Largest difference from a bar's colour, 0 to 255, that compression leaves after shrinking."""
CLEAN = 0.985
"""Share of a row that is of the bar's colour where nothing is written on it."""
MARGIN = 0.012
"""Share of the width that writing on a band leaves free on either side, and a picture hardly ever does."""
LONGEST_WRITING = 0.22
"""Share of the height that lines of writing take without a free row between them; what is longer is a picture."""
MIXED = 0.85
"""How far from the bar's colour a row is, the row behind it being 1, where it is part bar and part picture."""
TOUCHING = 3
"""Rows of the small copy between the last free row of a band and the picture, where the writing comes close to it."""
STRAIGHT = 0.45
"""Share of the edge at which the picture must be seen right behind the last row of a bar."""
BLUR_SHARES = (0.1, 0.375)
"""How wide a blurred side may be, of the width: the picture between them is from a quarter to four fifths of it."""
BLUR_STEP = 8
"""Difference across the edge of a blurred side that is seen as an edge."""
BLUR_STRAIGHT = 0.5
"""Share of that edge at which it must be seen, on both sides."""
BLURRED = 0.5
"""How sharp the sides may be, the picture between them being 1."""
BLUR_PX = 4.0
"""Deviation of the blur, in pixels of the small copy, that a picture is given before it is compared with its sides."""
BLUR_ALIKE = 0.7
"""Correlation of the sides with the enlarged picture from which they are taken for a copy of it."""
LEAST_SHARP = 1.0
"""Mean difference of neighbouring pixels in the picture below which nothing is sharp, so nothing can be less so."""
ROUNDS = 3
"""A picture in a band in a letterbox has three borders, one inside the other."""


def find_borders(image: Image) -> tuple[float, float, float, float]:
    """Shares of width and height to cut off: left, top, right, bottom; 0.0 where there is no border."""
    small = _small(image)
    height, width = small.shape[1:]
    x0, y0, x1, y1 = 0, 0, width, height
    for _ in range(ROUNDS):
        before = x0, y0, x1, y1
        y0 += _plain(small[:, y0:y1, x0:x1])
        y1 -= _plain(small[:, y0:y1, x0:x1][:, ::-1])
        x0 += _plain(small[:, y0:y1, x0:x1].transpose(0, 2, 1))
        x1 -= _plain(small[:, y0:y1, x0:x1].transpose(0, 2, 1)[:, ::-1])
        if (x0, y0, x1, y1) == before:
            break
    if (x0, y0, x1, y1) == (0, 0, width, height):
        luma = small.mean(axis=0, dtype=np.float32)
        x0 = _blurred(luma)
        y0 = 0 if x0 else _blurred(luma.T)
        x1, y1 = width - x0, height - y0
    if min((x1 - x0) / width, (y1 - y0) / height) < LEAST_LEFT:
        return (0.0, 0.0, 0.0, 0.0)
    return (x0 / width, y0 / height, 1 - x1 / width, 1 - y1 / height)


def _small(image: Image) -> Planes:
    return np.ascontiguousarray(within(image, SMALL_PX).transpose(2, 0, 1), np.int16)


def _plain(picture: Planes) -> int:
    """How many rows from the top are a bar or a band of one colour; for the other sides the picture is turned."""
    height, width = picture.shape[1:]
    if min(height, width) < LEAST_PX:
        return 0
    colour = np.median(picture[:, 0], axis=1).astype(np.int16)[:, None]
    if (np.abs(picture[:, 0] - colour).max(axis=0) <= MOST_OFF).mean() < CLEAN:
        return 0
    off = np.abs(picture - colour[..., None]).max(axis=0)
    is_bar = off <= MOST_OFF
    clean = is_bar.mean(axis=1) >= CLEAN
    margin = max(1, round(MARGIN * width))
    written = is_bar[:, :margin].all(axis=1) & is_bar[:, -margin:].all(axis=1)
    for end in _ends(clean.tolist(), written.tolist(), longest=LONGEST_WRITING * height):
        noise = np.where(is_bar[:end], off[:end], 0).max()
        behind = off[end : end + 2].max(axis=0)
        # Under a sky, which gets lighter little by little, the next row is never much lighter than the sky's last.
        is_edge = behind > 2 * noise + 4
        if is_edge.mean() >= STRAIGHT:
            return end + int(_is_mixed(off[end : end + 2, is_edge]))
    return 0


def _is_mixed(off: npt.NDArray[np.int16]) -> bool:
    """Whether the first of two rows is part bar, part picture, as where the bar ends within a pixel of the copy."""
    return len(off) == 2 and float(np.median(off[0])) < MIXED * float(np.median(off[1]))


def _ends(clean: list[bool], written: list[bool], longest: float) -> list[int]:
    """Rows at which a bar may end, the farthest first: up to there every row is free or written on."""
    ends: list[int] = []
    run = 0
    for row, (is_clean, is_written) in enumerate(zip(clean, written, strict=True)):
        is_free = is_clean or is_written
        if not is_clean and (run == 0 or (not is_free and run <= TOUCHING)):
            ends.append(row)
        run = 0 if is_clean else run + 1
        if run > longest or not is_free:
            break
    return ends[::-1]


def _blurred(luma: Luma) -> int:
    """How many columns on either side are an unsharp copy of the picture between them; they are as wide as each other.

    Sharpness is measured down the columns, so that the edges of the picture do not count as its sharpness.
    """
    width = luma.shape[1]
    if min(luma.shape) < LEAST_PX:
        return 0
    sharp = np.abs(np.diff(luma, axis=0)).mean(axis=0)
    # over two columns, since one of them may hold a bit of both
    edge = (np.abs(luma[:, 2:] - luma[:, :-2]) > BLUR_STEP).mean(axis=0)
    least, most = (round(share * width) for share in BLUR_SHARES)
    best, found = BLUR_STRAIGHT, 0
    for side in range(max(least, 2), most + 1):
        straight = min(edge[side - 1], edge[width - side - 2 : width - side].max())
        if straight <= best:
            continue
        middle = sharp[side : width - side].mean()
        beside = max(sharp[: side - 1].mean(), sharp[width - side + 1 :].mean())
        if middle >= LEAST_SHARP and beside <= BLURRED * middle:
            best, found = float(straight), side
    return found if found and _is_copy(luma, found) else 0


def _is_copy(luma: Luma, side: int) -> bool:
    """Whether what lies beside the picture looks like the picture itself, enlarged until it fills the frame."""
    height, width = luma.shape
    middle = np.ascontiguousarray(luma[:, side : width - side])
    tall = max(height, round(height * width / middle.shape[1]))
    top = (tall - height) // 2
    in_shape = cv2.resize(middle, (width, tall), interpolation=cv2.INTER_LINEAR)[top : top + height]
    squashed = cv2.resize(middle, (width, height), interpolation=cv2.INTER_LINEAR)
    blurred = (np.asarray(cv2.GaussianBlur(each, (0, 0), BLUR_PX), np.float32) for each in (in_shape, squashed))
    return any(_correlation(each, luma, side) >= BLUR_ALIKE for each in blurred)


def _correlation(one: Luma, other: Luma, side: int) -> float:
    """Of the sides of two pictures, in [-1, 1]."""
    left, right = (np.concatenate([each[:, : side - 1], each[:, 1 - side :]], axis=1).ravel() for each in (one, other))
    left, right = left - left.mean(), right - right.mean()
    return float(left @ right / max(float(np.linalg.norm(left) * np.linalg.norm(right)), 1e-6))
