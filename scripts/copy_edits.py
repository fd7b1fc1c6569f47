# SPDX-License-Identifier: AGPL-3.0-or-later
"""What uploaders do to a picture before it is seen again, drawn at random: the lessons of the copy descriptor.

A picture is BGR uint8, of 100 to 400 px a side. Left and right are never exchanged here: a mirrored copy is asked for
as a view of its own, and is told by that.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Rng = np.random.Generator
Others = Callable[[], Picture]
"""Gives another picture, for collages and backgrounds."""
Edit = Callable[[Rng, Picture, Others], Picture]

LONGEST_PX = 224
"""Edited pictures are brought down to this side in between, which bounds the time one takes."""
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_PLAIN,
)  # fmt: skip
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!?.,:-#@"))
NOISE = np.random.default_rng(11).normal(0, 1, (640, 640, 3)).astype(np.float32)
"""Drawn once: a normal number per pixel and picture would take longer than all the rest."""


def _bytes(values: NDArray[np.float32]) -> Picture:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _colour(rng: Rng) -> tuple[int, int, int]:
    """Black, white or any colour, each as often."""
    kind = rng.integers(3)
    if kind < 2:
        return (0, 0, 0) if kind else (255, 255, 255)
    blue, green, red = (int(value) for value in rng.integers(0, 256, 3))
    return blue, green, red


def _words(rng: Rng, letters: int) -> str:
    text = LETTERS[rng.integers(0, len(LETTERS), letters)]
    text[rng.random(letters) < 0.15] = " "
    return "".join(text)


def _write(rng: Rng, picture: Picture, top: float, bottom: float) -> None:
    """One or two lines of letters between two heights, in shares, as wide as they come."""
    height, width = picture.shape[:2]
    lines = int(rng.integers(1, 3))
    colour, edge = _colour(rng), _colour(rng)
    font = FONTS[rng.integers(len(FONTS))]
    for line in range(lines):
        room = (bottom - top) * height / lines
        scale = max(0.25, room / 34 * rng.uniform(0.6, 1.0))
        text = _words(rng, int(min(60, max(3, width / (18 * scale) * rng.uniform(0.4, 1.1)))))
        at = int(rng.uniform(0, 0.2) * width), int(top * height + room * (line + 0.75))
        thick = max(1, round(scale * rng.uniform(1, 2.5)))
        if rng.random() < 0.5:
            cv2.putText(picture, text, at, font, scale, edge, thick + 2, cv2.LINE_AA)
        cv2.putText(picture, text, at, font, scale, colour, thick, cv2.LINE_AA)


def _blend(picture: Picture, drawn: Picture, alpha: float) -> Picture:
    return np.asarray(cv2.addWeighted(drawn, alpha, picture, 1 - alpha, 0), np.uint8)


def _fit(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(picture, (max(8, width), max(8, height)), interpolation=cv2.INTER_AREA), np.uint8)


def _warp(picture: Picture, matrix: NDArray[np.float32], size: tuple[int, int], rng: Rng) -> Picture:
    mode = cv2.BORDER_REPLICATE if rng.random() < 0.2 else cv2.BORDER_CONSTANT
    warped = cv2.warpPerspective(
        picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=_colour(rng)
    )
    return np.asarray(warped, np.uint8)


# What is left of the picture, and how it lies.


def crop(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Keep a quarter of its area or more."""
    height, width = picture.shape[:2]
    area, aspect = rng.uniform(0.25, 0.85), np.exp(rng.uniform(-0.3, 0.3))
    wide, high = min(1.0, np.sqrt(area * aspect)), min(1.0, np.sqrt(area / aspect))
    left, top = rng.uniform(0, 1 - wide) * width, rng.uniform(0, 1 - high) * height
    return picture[int(top) : int(top + high * height), int(left) : int(left + wide * width)]


def stretch(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Another aspect."""
    height, width = picture.shape[:2]
    by = np.exp(rng.uniform(-0.5, 0.5))
    return _fit(picture, int(width * np.sqrt(by)), int(height / np.sqrt(by)))


def tilt(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Turn by up to 25 degrees, with corners of one colour or cut off."""
    height, width = picture.shape[:2]
    degrees = rng.uniform(3, 25) * rng.choice((-1, 1))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, rng.uniform(0.85, 1.35))
    return _warp(picture, np.vstack([matrix, [0, 0, 1]]).astype(np.float32), (width, height), rng)


def turn(rng: Rng, picture: Picture, _: Others) -> Picture:
    """A quarter or half turn."""
    return np.ascontiguousarray(np.rot90(picture, int(rng.choice((1, 1, 3, 3, 2)))))


def perspective(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Seen from the side."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-0.17, 0.17, (4, 2)).astype(np.float32) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return _warp(picture, matrix.astype(np.float32), (width, height), rng)


def filmed(rng: Rng, picture: Picture, others: Others) -> Picture:
    """Taken from a screen with another camera: askew, with moiré, a reflection and wrong brightness."""
    seen = perspective(rng, picture, others).astype(np.float32)
    height, width = seen.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = np.sin(columns * rng.uniform(0.3, 2.5) + rows * rng.uniform(-1.5, 1.5)) * rng.uniform(2, 14)
    x, y, size = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.1, 0.5) * width
    glare = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * size**2)) * rng.uniform(0, 110)
    return _bytes(seen * rng.uniform(0.6, 1.0) + (waves + glare)[..., None].astype(np.float32))


# What is put on it.


def caption(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Words on a bar, or straight on the picture; now and then in letters as high as half of it."""
    drawn = picture.copy()
    height = picture.shape[0]
    is_large = rng.random() < 0.3
    for _line in range(rng.integers(1, 3 if is_large else 5)):
        size = rng.uniform(0.22, 0.5) if is_large else rng.uniform(0.07, 0.22)
        top = rng.choice((0.0, 1 - size, rng.uniform(0, 1 - size)))
        if rng.random() < 0.5:
            drawn[int(top * height) : int((top + size) * height)] = _colour(rng)
        _write(rng, drawn, top, top + size)
    return _blend(picture, drawn, rng.choice((1.0, rng.uniform(0.5, 1.0))))


def emoji(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Round faces, hearts and stars, up to a third of the picture wide."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    for _one in range(rng.integers(1, 5)):
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        radius = int(rng.uniform(0.04, 0.17) * min(height, width)) + 3
        colour = (0, int(rng.integers(150, 230)), 255) if rng.random() < 0.6 else _colour(rng)
        kind = rng.integers(4)
        if kind == 3:
            angles = np.arange(10) * np.pi / 5 + rng.uniform(0, 1)
            arms = radius * np.where(np.arange(10) % 2, 0.45, 1.1)
            points = np.stack([x + arms * np.cos(angles), y + arms * np.sin(angles)], 1).astype(np.int32)
            cv2.fillPoly(drawn, [points], colour, cv2.LINE_AA)
        elif kind == 2:
            cv2.circle(drawn, (x - radius // 2, y), radius // 2, colour, -1, cv2.LINE_AA)
            cv2.circle(drawn, (x + radius // 2, y), radius // 2, colour, -1, cv2.LINE_AA)
            heart = np.array([[x - radius, y + radius // 5], [x + radius, y + radius // 5], [x, y + radius * 3 // 2]])
            cv2.fillPoly(drawn, [heart.astype(np.int32)], colour, cv2.LINE_AA)
        else:
            cv2.circle(drawn, (x, y), radius, colour, -1, cv2.LINE_AA)
            for side in (-1, 1):
                cv2.circle(drawn, (x + side * radius // 3, y - radius // 4), max(1, radius // 7), (0, 0, 0), -1)
            cv2.ellipse(
                drawn, (x, y + radius // 8), (radius // 2, radius // 2), 0, 20, 160, (0, 0, 0), max(1, radius // 9)
            )
    return _blend(picture, drawn, rng.choice((1.0, rng.uniform(0.7, 1.0))))


def logo(rng: Rng, picture: Picture, _: Others) -> Picture:
    """A mark of a station or a user in a corner, or large and faint across."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    if rng.random() < 0.35:
        top = rng.uniform(0.2, 0.5)
        _write(rng, drawn, top, top + rng.uniform(0.15, 0.35))
        return _blend(picture, drawn, rng.uniform(0.2, 0.6))
    wide, high = int(rng.uniform(0.1, 0.3) * width) + 4, int(rng.uniform(0.06, 0.18) * height) + 4
    x = int(rng.choice((0.03, 0.97 - wide / width)) * width)
    y = int(rng.choice((0.03, 0.97 - high / height)) * height)
    colour = _colour(rng)
    if rng.random() < 0.5:
        cv2.rectangle(drawn, (x, y), (x + wide, y + high), colour, -1)
    else:
        cv2.ellipse(drawn, (x + wide // 2, y + high // 2), (wide // 2, high // 2), 0, 0, 360, colour, -1, cv2.LINE_AA)
    cv2.putText(drawn, _words(rng, 4), (x + 2, y + high * 3 // 4), FONTS[1], high / 34, _colour(rng), 1, cv2.LINE_AA)
    return _blend(picture, drawn, rng.uniform(0.5, 1.0))


def redact(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Places as large as faces blurred, pixelated or blacked out."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    for _one in range(rng.integers(1, 5)):
        wide, high = int(rng.uniform(0.06, 0.3) * width) + 4, int(rng.uniform(0.06, 0.35) * height) + 4
        x, y = int(rng.uniform(0, width - wide)), int(rng.uniform(0, height - high))
        place = drawn[y : y + high, x : x + wide]
        kind = rng.integers(3)
        if kind == 0:
            place[:] = cv2.blur(place, (max(3, wide // 3), max(3, high // 3)))
        elif kind == 1:
            small = cv2.resize(place, (max(1, wide // 8), max(1, high // 8)), interpolation=cv2.INTER_AREA)
            place[:] = cv2.resize(small, (place.shape[1], place.shape[0]), interpolation=cv2.INTER_NEAREST)
        else:
            place[:] = _colour(rng)
    return drawn


def inset_over(rng: Rng, picture: Picture, others: Others) -> Picture:
    """Another picture, small, in front."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    share = rng.uniform(0.2, 0.5)
    small = _fit(others(), int(share * width), int(share * height))
    x, y = int(rng.uniform(0, width - small.shape[1])), int(rng.uniform(0, height - small.shape[0]))
    drawn[y : y + small.shape[0], x : x + small.shape[1]] = small
    if rng.random() < 0.3:
        cv2.rectangle(drawn, (x, y), (x + small.shape[1], y + small.shape[0]), _colour(rng), 2)
    return drawn


# What it is put into.


def _ground(rng: Rng, picture: Picture, others: Others, wide: int, high: int) -> Picture:
    """What lies behind it: one colour, a gradient, a blurred copy, another picture, a page with words."""
    kind = rng.integers(5)
    if kind == 0:
        return np.full((high, wide, 3), _colour(rng), np.uint8)
    if kind == 1:
        ends = np.array([[_colour(rng)], [_colour(rng)]], np.uint8)
        return np.asarray(cv2.resize(ends, (wide, high), interpolation=cv2.INTER_LINEAR), np.uint8)
    if kind == 2:
        small = cv2.blur(cv2.resize(picture, (24, 24), interpolation=cv2.INTER_AREA), (5, 5))
        return _bytes(cv2.resize(small, (wide, high)).astype(np.float32) * rng.uniform(0.4, 1.0))
    if kind == 3:
        return _fit(others(), wide, high)
    page = np.full((high, wide, 3), 255 - rng.integers(0, 40) if rng.random() < 0.6 else rng.integers(0, 50), np.uint8)
    for top in np.arange(0.02, 0.95, rng.uniform(0.06, 0.12)):
        _write(rng, page, top, top + 0.06)
    return page


def _within(rng: Rng, picture: Picture, others: Others, wide: float, high: float) -> Picture:
    """Put it somewhere into a larger canvas; `wide` and `high` are the canvas in its own sizes, 1 or more."""
    height, width = picture.shape[:2]
    canvas = _ground(rng, picture, others, int(width * wide), int(height * high))
    x = int(rng.choice((0.5, rng.uniform())) * (canvas.shape[1] - width))
    y = int(rng.choice((0.5, rng.uniform())) * (canvas.shape[0] - height))
    canvas[y : y + height, x : x + width] = picture
    return canvas


def bars(rng: Rng, picture: Picture, others: Others) -> Picture:
    """Letterbox or pillars, plain or as a blurred copy; where they are plain, some of them was perhaps cut off."""
    by = 1 + rng.uniform(0.05, 0.8)
    return _within(rng, picture, others, 1.0, by) if rng.random() < 0.5 else _within(rng, picture, others, by, 1.0)


def inset(rng: Rng, picture: Picture, others: Others) -> Picture:
    """It is the small picture in front, on a third of the canvas or more."""
    by = rng.uniform(1.1, 1.7)
    return _within(rng, picture, others, by, by * rng.uniform(0.85, 1.15) if by > 1.3 else by)


def meme(rng: Rng, picture: Picture, _: Others) -> Picture:
    """A band with words above it, often one below it, often an edge around it."""
    height, width = picture.shape[:2]
    above, below = int(rng.uniform(0.12, 0.4) * height), int(rng.choice((0.02, rng.uniform(0.1, 0.3))) * height)
    edge = int(rng.choice((0.0, rng.uniform(0, 0.12))) * width)
    ground = (255, 255, 255) if rng.random() < 0.6 else _colour(rng)
    framed = np.asarray(
        cv2.copyMakeBorder(picture, above, below, edge, edge, cv2.BORDER_CONSTANT, value=ground), np.uint8
    )
    total = framed.shape[0]
    _write(rng, framed, 0.02, above / total)
    if below > 0.1 * height:
        _write(rng, framed, 1 - below / total, 0.99)
    return framed


def screenshot(rng: Rng, picture: Picture, others: Others) -> Picture:
    """Within an app: bars, buttons, a name, lines of comments."""
    height, width = picture.shape[:2]
    dark = rng.random() < 0.5
    ground = (int(rng.integers(0, 40)),) * 3 if dark else (int(rng.integers(225, 256)),) * 3
    above, below = int(rng.uniform(0.05, 0.3) * height), int(rng.uniform(0.05, 0.55) * height)
    framed = np.asarray(cv2.copyMakeBorder(picture, above, below, 0, 0, cv2.BORDER_CONSTANT, value=ground), np.uint8)
    total, ink = framed.shape[0], (230, 230, 230) if dark else (30, 30, 30)
    cv2.circle(framed, (int(0.08 * width), above // 2), max(2, above // 4), _colour(rng), -1, cv2.LINE_AA)
    size = max(0.3, above / 90)
    cv2.putText(framed, _words(rng, 12), (int(0.15 * width), above * 2 // 3), FONTS[0], size, ink, 1, cv2.LINE_AA)
    for at in np.linspace(0.1, 0.9, rng.integers(3, 7)):
        middle = int(at * width), total - max(4, below // 5)
        cv2.circle(
            framed, middle, max(2, min(9, below // 6)), ink if rng.random() < 0.7 else _colour(rng), 2, cv2.LINE_AA
        )
    if below > 30:
        _write(rng, framed, 1 - below / total, 1 - below / total / 2)
    return caption(rng, framed, others) if rng.random() < 0.2 else framed


def half(rng: Rng, picture: Picture, others: Others) -> Picture:
    """Beside or above another picture."""
    height, width = picture.shape[:2]
    pair = [picture, _fit(others(), width, height)]
    if rng.random() < 0.5:
        pair.reverse()
    return np.concatenate(pair, axis=int(rng.random() < 0.5))


def cell(rng: Rng, picture: Picture, others: Others) -> Picture:
    """One of a collage, as a view of a quarter sees it: roughly framed, with the edges of its neighbours."""
    height, width = picture.shape[:2]
    left, top, right, bottom = (max(0.0, rng.uniform(-0.2, 0.3)) for _ in range(4))
    canvas = _fit(others(), int(width * (1 + left + right)), int(height * (1 + top + bottom)))
    if rng.random() < 0.4:
        canvas[:] = _colour(rng)
    x, y = int(left * width), int(top * height)
    canvas[y : y + height, x : x + width] = picture
    return canvas


# Its colours.


def colours(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Another hue, saturation, brightness and contrast."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(rng.normal(0, 18))) % 180
    hsv[..., 1] = cv2.convertScaleAbs(hsv[..., 1], alpha=rng.uniform(0.2, 2.0))
    changed = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
    return _levels(changed, rng.uniform(0.55, 1.7), rng.uniform(-50, 50))


def _levels(picture: Picture, contrast: float, light: float) -> Picture:
    table = np.clip((np.arange(256) - 128) * contrast + 128 + light, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table), np.uint8)


def gamma(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Lighter or darker middle tones."""
    table = (255 * (np.arange(256) / 255) ** np.exp(rng.uniform(-0.9, 0.9))).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table), np.uint8)


def grey(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Without colour, sometimes tinted or in black and white alone."""
    light = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if rng.random() < 0.08:
        light = cv2.threshold(light, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    tint = rng.uniform(0.7, 1.0, 3) if rng.random() < 0.3 else np.ones(3)
    return _bytes(light[..., None].astype(np.float32) * tint.astype(np.float32))


def invert(_rng: Rng, picture: Picture, _: Others) -> Picture:
    """A negative."""
    return np.asarray(cv2.bitwise_not(picture), np.uint8)


def night(rng: Rng, picture: Picture, _: Others) -> Picture:
    """A fraction of the light, with the noise of a small sensor."""
    dark = picture.astype(np.float32) * rng.uniform(0.18, 0.55) * rng.uniform(0.8, 1.0, 3).astype(np.float32)
    return _bytes(dark + _noise(rng, picture) * rng.uniform(1, 9))


# Its quality.


def _noise(rng: Rng, picture: Picture) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    y, x = rng.integers(0, max(1, 640 - height)), rng.integers(0, max(1, 640 - width))
    piece = NOISE[y : y + height, x : x + width]
    if piece.shape[:2] != (height, width):
        piece = np.asarray(cv2.resize(piece, (width, height)), np.float32)
    return piece


def grain(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Noise in colour or in grey."""
    noise = _noise(rng, picture)
    if rng.random() < 0.5:
        noise = noise[..., :1]
    return _bytes(picture + noise * rng.uniform(4, 36))


def blur(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Out of focus, or moved."""
    side = picture.shape[1]
    if rng.random() < 0.3:
        length = int(rng.uniform(0.02, 0.08) * side) | 1
        return np.asarray(cv2.blur(picture, (length, 1) if rng.random() < 0.5 else (1, length)), np.uint8)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.004, 0.022) * side + 0.3), np.uint8)


def jpeg(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Heavily compressed."""
    quality = int(rng.uniform(4, 35))
    _done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def small(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Sent as 56 to 120 px and enlarged again."""
    height, width = picture.shape[:2]
    scale = rng.uniform(56, 120) / max(height, width)
    modes = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)
    reduced = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=modes[rng.integers(3)])
    back = modes[1 + rng.integers(2)] if rng.random() < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=back), np.uint8)


def video(rng: Rng, picture: Picture, others: Others) -> Picture:
    """Blocks and washed colours, as of several rounds through video coders."""
    seen = picture
    for _round in range(rng.integers(1, 4)):
        seen = jpeg(rng, seen, others)
        shift = int(rng.integers(0, 5))
        seen = np.roll(seen, shift, axis=1)
    luma = cv2.cvtColor(seen, cv2.COLOR_BGR2YCrCb)
    luma[..., 1:] = cv2.blur(luma[..., 1:], (7, 7))
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_YCrCb2BGR), np.uint8)


def sharpen(rng: Rng, picture: Picture, _: Others) -> Picture:
    """Edges made too hard."""
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1, 3))
    by = rng.uniform(0.5, 2.5)
    return np.asarray(cv2.addWeighted(picture, 1 + by, soft, -by, 0), np.uint8)


STAGES: tuple[dict[Edit, float], ...] = (
    {crop: 7, stretch: 1.5, tilt: 3, turn: 0.5, perspective: 1.2, filmed: 1.5},
    {colours: 3, gamma: 1, grey: 2.5, invert: 0.25, night: 1.2},
    {caption: 5, emoji: 2.2, logo: 1.5, redact: 2, inset_over: 1.5},
    {bars: 1.8, inset: 2.2, meme: 1.5, screenshot: 1.5, half: 1, cell: 2},
    {grain: 1.5, blur: 1.5, jpeg: 2, small: 1.5, video: 1.5, sharpen: 0.7},
)
"""Edits and how often, in the order in which uploaders do them: one of a stage at most, but two of quality."""
STAGE_WEIGHTS = np.array((1.6, 0.8, 1.1, 1.1, 0.9))
COUNTS = (0.45, 0.30, 0.17, 0.08)
"""How often 1, 2, 3 and 4 edits are made."""
EDITS = tuple(edit for stage in STAGES for edit in stage)
_EDITS_OF = [list(stage) for stage in STAGES]
_CHANCES = [np.array(list(stage.values())) / sum(stage.values()) for stage in STAGES]


def shrink(picture: Picture, longest: int = LONGEST_PX) -> Picture:
    """Bring the longest side down to so many pixels, if it is longer."""
    scale = longest / max(picture.shape[:2])
    return picture if scale >= 1 else _fit(picture, round(picture.shape[1] * scale), round(picture.shape[0] * scale))


def edited(rng: Rng, picture: Picture, others: Others) -> Picture:
    """One to four edits at random."""
    count = int(rng.choice(4, p=COUNTS)) + 1
    stages = list(rng.choice(5, size=count, replace=False, p=STAGE_WEIGHTS / STAGE_WEIGHTS.sum()))
    order = stages if rng.random() < 0.2 else sorted(stages)
    for stage in order:
        edit = _EDITS_OF[stage][rng.choice(len(_EDITS_OF[stage]), p=_CHANCES[stage])]
        picture = shrink(edit(rng, picture, others))
    return picture


def lightly(rng: Rng, picture: Picture, others: Others) -> Picture:
    """As a known clip lies in a bank: whole, perhaps compressed, perhaps with a line or two of its edge missing."""
    height, width = picture.shape[:2]
    cut = rng.uniform(0, 0.03, 4)
    picture = picture[
        int(cut[0] * height) : height - int(cut[1] * height), int(cut[2] * width) : width - int(cut[3] * width)
    ]
    return video(rng, picture, others) if rng.random() < 0.1 else picture


def squared(rng: Rng, picture: Picture, side: int) -> Picture:
    """The net's input, in whichever way it is resized."""
    shrinking = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
    mode = shrinking if max(picture.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=mode), np.uint8)
