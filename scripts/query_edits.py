# SPDX-License-Identifier: AGPL-3.0-or-later
"""What uploaders do to the pictures of a clip, drawn for `copy_queries.py`.

Each maker draws its parameters once for a query and returns a function of a picture and its time in seconds.
Nothing here is shared with the edits that the descriptor was trained with (`copy_edits.py`): copies made by the same
code that taught the descriptor would flatter it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from query_sources import Picture, Rng, covering, fitted

Size = tuple[int, int]
"""Width and height in pixels."""
Other = Callable[[float], Picture]
"""Unrelated moving footage: its picture at a time in seconds."""
Edit = Callable[[Picture, float], Picture]
Maker = Callable[[Rng, Size, Other], Edit]

WORDS = (
    "breaking", "watch till the end", "this happened today", "share before it is gone", "unbelievable", "part 2",
    "follow for more", "nobody talks about this", "exclusive", "city centre", "eyewitness video", "subscribe",
    "when you see it", "wait for it", "my reaction", "original sound", "news desk", "07:43", "sector 4", "no comment",
)  # fmt: skip
BRIGHT = ((255, 255, 255), (255, 230, 40), (230, 40, 40), (40, 120, 240), (20, 20, 20), (60, 200, 90))
"""Colours as RGB."""


def _words(rng: Rng, count: int) -> str:
    return " ".join(WORDS[index] for index in rng.integers(0, len(WORDS), count))


def _colour(rng: Rng) -> tuple[int, int, int]:
    return BRIGHT[rng.integers(len(BRIGHT))]


def _overlay(size: Size) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    return sheet, ImageDraw.Draw(sheet)


def _laid_over(sheet: Image.Image) -> Edit:
    """Lays a drawn sheet over each picture."""
    drawn = np.asarray(sheet).astype(np.float32)
    rows, columns = np.nonzero(drawn[..., 3])
    if not len(rows):
        return lambda picture, _: picture
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    drawn = drawn[top:bottom, left:right]
    alpha, ink = drawn[..., 3:] / 255, drawn[..., 2::-1]

    def lay(picture: Picture, _: float) -> Picture:
        laid = picture.copy()
        under = laid[top:bottom, left:right]
        under[:] = (under * (1 - alpha) + ink * alpha).astype(np.uint8)
        return laid

    return lay


def _inside(canvas: Picture, picture: Picture, left: int, top: int, size: Size) -> Picture:
    laid = canvas.copy()
    laid[top : top + size[1], left : left + size[0]] = fitted(picture, *size)
    return laid


def cropped(side: float) -> Maker:
    """Keeps this share of the width and of the height."""

    def make(rng: Rng, size: Size, _: Other) -> Edit:
        width, height = round(size[0] * side / 2) * 2, round(size[1] * side / 2) * 2
        left, top = rng.integers(0, size[0] - width + 1), rng.integers(0, size[1] - height + 1)
        return lambda picture, _: fitted(picture[top : top + height, left : left + width], *size)

    return make


def stretched(rng: Rng, size: Size, _: Other) -> Edit:
    share = rng.choice([0.72, 0.8, 1.25, 1.38])
    width, height = (
        (size[0], round(size[1] / share / 2) * 2) if share < 1 else (round(size[0] / share / 2) * 2, size[1])
    )
    return lambda picture, _: fitted(picture, width, height)


def mirrored(_rng: Rng, _size: Size, _other: Other) -> Edit:
    return lambda picture, _: np.ascontiguousarray(picture[:, ::-1])


def tilted(rng: Rng, size: Size, _: Other) -> Edit:
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), rng.choice([-5.0, 5.0]), 1.0)
    return lambda picture, _: np.asarray(cv2.warpAffine(picture, matrix, size), np.uint8)


def turned(rng: Rng, _size: Size, _other: Other) -> Edit:
    turns = int(rng.choice([1, 3]))
    return lambda picture, _: np.ascontiguousarray(np.rot90(picture, turns))


def _bordered(size: Size, canvas: Size, paint: Callable[[Picture], Picture]) -> Edit:
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    inner = round(size[0] * scale), round(size[1] * scale)
    left, top = (canvas[0] - inner[0]) // 2, (canvas[1] - inner[1]) // 2
    return lambda picture, _: _inside(paint(picture), picture, left, top, inner)


def letterboxed(rng: Rng, size: Size, _: Other) -> Edit:
    canvas = size[0], round(size[1] * rng.uniform(1.3, 1.8) / 2) * 2
    paper = np.full((canvas[1], canvas[0], 3), 0 if rng.random() < 0.7 else int(rng.integers(0, 256)), np.uint8)
    return _bordered(size, canvas, lambda _: paper)


def pillarboxed(rng: Rng, size: Size, _: Other) -> Edit:
    canvas = round(size[0] * rng.uniform(1.3, 1.9) / 2) * 2, size[1]
    paper = np.zeros((canvas[1], canvas[0], 3), np.uint8)
    return _bordered(size, canvas, lambda _: paper)


def blurred_bars(_rng: Rng, size: Size, _: Other) -> Edit:
    """A wide video made tall (or a tall one wide), the room beside it filled with itself, enlarged and blurred."""
    canvas = (180, 320) if size[0] >= size[1] else (320, 180)

    def paint(picture: Picture) -> Picture:
        small = covering(picture, canvas[0] // 8, canvas[1] // 8)
        soft = np.asarray(cv2.GaussianBlur(small, (0, 0), 2.5), np.uint8)
        return np.asarray(fitted(soft, *canvas) * 0.75, np.uint8)

    return _bordered(size, canvas, paint)


def captioned(rng: Rng, size: Size, _: Other) -> Edit:
    """A band with two lines, at the foot or the head."""
    sheet, drawing = _overlay(size)
    band = round(size[1] * rng.uniform(0.16, 0.26))
    top = 0 if rng.random() < 0.25 else size[1] - band
    ink, paper = ((0, 0, 0), (255, 255, 255)) if rng.random() < 0.5 else ((255, 255, 255), (170, 20, 20))
    drawing.rectangle((0, top, size[0], top + band), fill=(*paper, int(rng.integers(200, 256))))
    for line in range(2):
        font = ImageFont.load_default(max(8, round(band * 0.36)))
        drawing.text((size[0] * 0.04, top + band * (0.06 + 0.46 * line)), _words(rng, 4), fill=(*ink, 255), font=font)
    return _laid_over(sheet)


def lettered(rng: Rng, size: Size, _: Other) -> Edit:
    """Large words across the picture."""
    sheet, drawing = _overlay(size)
    for _line in range(int(rng.integers(2, 5))):
        font = ImageFont.load_default(round(size[1] * rng.uniform(0.09, 0.18)))
        place = rng.uniform(0, 0.3) * size[0], rng.uniform(0, 0.85) * size[1]
        drawing.text(place, _words(rng, 2), fill=(*_colour(rng), 255), font=font, stroke_width=2, stroke_fill=(0, 0, 0))
    return _laid_over(sheet)


def stickered(rng: Rng, size: Size, _: Other) -> Edit:
    """A channel's logo in a corner, and one to three emoji."""
    sheet, drawing = _overlay(size)
    unit = min(size)
    width, height = unit * rng.uniform(0.3, 0.45), unit * rng.uniform(0.12, 0.2)
    left, top = (8 if rng.random() < 0.5 else size[0] - width - 8), (8 if rng.random() < 0.5 else size[1] - height - 8)
    drawing.rounded_rectangle((left, top, left + width, top + height), height / 3, fill=(*_colour(rng), 230))
    font = ImageFont.load_default(round(height * 0.7))
    drawing.text((left + width * 0.1, top + height * 0.05), f"TV{rng.integers(100)}", fill=(255, 255, 255), font=font)
    for _emoji in range(int(rng.integers(1, 4))):
        radius = unit * rng.uniform(0.09, 0.17)
        x, y = rng.uniform(0.15, 0.85, 2) * size
        drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 205, 50, 255))
        for side in (-1, 1):
            eye = x + side * radius * 0.35
            box = (eye - radius * 0.12, y - radius * 0.45, eye + radius * 0.12, y - radius * 0.1)
            drawing.ellipse(box, fill=(70, 40, 10, 255))
        mouth = (x - radius * 0.55, y - radius * 0.3, x + radius * 0.55, y + radius * 0.6)
        drawing.chord(mouth, 10, 170, fill=(120, 30, 20, 255))
    return _laid_over(sheet)


def meme(rng: Rng, size: Size, _: Other) -> Edit:
    """White paper with large words above, and sometimes below."""
    above, below = round(size[1] * rng.uniform(0.3, 0.5)), round(size[1] * rng.choice([0.04, 0.25]))
    page = Image.new("RGB", (size[0] + 20, size[1] + above + below), (255, 255, 255))
    drawing = ImageDraw.Draw(page)
    font = ImageFont.load_default(round(above * 0.3))
    for line in range(2):
        drawing.text((12, above * (0.12 + 0.4 * line)), _words(rng, 2), fill=(0, 0, 0), font=font)
    if below > 20:
        drawing.text((12, above + size[1] + below * 0.2), _words(rng, 2), fill=(0, 0, 0), font=font)
    paper = np.ascontiguousarray(np.asarray(page)[..., ::-1])
    return lambda picture, _: _inside(paper, picture, 10, above, size)


def screenshot(rng: Rng, size: Size, _: Other) -> Edit:
    """A phone that shows a post: bar, name, the video, buttons, comments."""
    is_dark = rng.random() < 0.5
    paper, ink = ((18, 18, 20), (235, 235, 235)) if is_dark else ((250, 250, 250), (20, 20, 20))
    width, height = 220, 390
    inner = width, min(220, round(width * size[1] / size[0]))
    if inner[1] < round(width * size[1] / size[0]):
        inner = round(inner[1] * size[0] / size[1]), inner[1]
    page = Image.new("RGB", (width, height), paper)
    drawing = ImageDraw.Draw(page)
    small, normal = ImageFont.load_default(9), ImageFont.load_default(13)
    drawing.text((8, 3), f"{rng.integers(24):02}:{rng.integers(60):02}", fill=ink, font=small)
    drawing.rectangle((width - 28, 4, width - 10, 11), outline=ink)
    drawing.ellipse((8, 22, 38, 52), fill=_colour(rng))
    drawing.text((46, 22), f"user_{rng.integers(10_000)}", fill=ink, font=normal)
    drawing.text((46, 38), _words(rng, 1), fill=ink, font=small)
    top = 62
    foot = top + inner[1] + 10
    for number in range(3):
        x = 14 + 34 * number
        drawing.ellipse((x, foot, x + 20, foot + 20), outline=ink, width=2)
    for line in range((height - foot - 34) // 15):
        drawing.text((10, foot + 30 + 15 * line), _words(rng, 2), fill=ink, font=small)
    canvas = np.ascontiguousarray(np.asarray(page)[..., ::-1])
    return lambda picture, _: _inside(canvas, picture, (width - inner[0]) // 2, top, inner)


def inset(rng: Rng, size: Size, other: Other) -> Edit:
    """The copy is the small picture, 35 to 50 % as wide, over other footage."""
    share = rng.uniform(0.35, 0.5)
    inner = round(size[0] * share), round(size[1] * share)
    left = round(rng.choice([0.04, 0.96 - share]) * size[0])
    top = round(rng.choice([0.04, 0.96 - share]) * size[1])
    return lambda picture, time_s: _inside(covering(other(time_s), *size), picture, left, top, inner)


def commented(rng: Rng, size: Size, other: Other) -> Edit:
    """The copy is the large picture, with somebody's small one in a corner."""
    share = rng.uniform(0.25, 0.38)
    inner = round(size[0] * share), round(size[1] * share)
    left, top = round(rng.choice([0.03, 0.97 - share]) * size[0]), round(rng.choice([0.03, 0.97 - share]) * size[1])
    return lambda picture, time_s: _inside(picture, covering(other(time_s), *inner), left, top, inner)


def collaged(rng: Rng, size: Size, other: Other) -> Edit:
    """One of four pictures."""
    place = int(rng.integers(4))
    width, height = size[0] // 2, size[1] // 2

    def lay(picture: Picture, time_s: float) -> Picture:
        canvas = np.zeros((2 * height, 2 * width, 3), np.uint8)
        for cell in range(4):
            top, left = cell // 2 * height, cell % 2 * width
            shown = picture if cell == place else other(time_s + 7.3 * (cell + 1))
            canvas[top : top + height, left : left + width] = covering(shown, width, height)
        return canvas

    return lay


def redacted(rng: Rng, size: Size, _: Other) -> Edit:
    """Two to four moving boxes, blurred or black."""
    boxes = [(rng.uniform(0.15, 0.32, 2), rng.uniform(0, 0.65, (2, 2))) for _ in range(int(rng.integers(2, 5)))]
    is_black = rng.random() < 0.4

    def cover(picture: Picture, time_s: float) -> Picture:
        drawn = picture.copy()
        for extent, ends in boxes:
            share = 0.5 + 0.5 * np.sin(time_s * 0.8)
            left, top = ((ends[0] * (1 - share) + ends[1] * share) * size).astype(int)
            under = drawn[top : top + int(extent[1] * size[1]), left : left + int(extent[0] * size[0])]
            under[:] = 0 if is_black else cv2.blur(under, (31, 31))
        return drawn

    return cover


def grey(_rng: Rng, _size: Size, _other: Other) -> Edit:
    return lambda picture, _: np.repeat(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))[..., None], 3, axis=2)


def tinted(rng: Rng, _size: Size, _other: Other) -> Edit:
    """Hue turned, saturation and the three colours weighed anew."""
    hue, saturation, gains = int(rng.choice([-25, -15, 15, 25])), rng.uniform(0.5, 1.6), rng.uniform(0.75, 1.25, 3)

    def tint(picture: Picture, _: float) -> Picture:
        hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + hue) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255)
        turned_round = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
        return np.clip(turned_round * gains, 0, 255).astype(np.uint8)

    return tint


def relit(rng: Rng, _size: Size, _other: Other) -> Edit:
    """Much darker or much brighter."""
    gamma, gain = (rng.uniform(1.6, 2.4), 0.6) if rng.random() < 0.6 else (rng.uniform(0.4, 0.6), 1.1)
    table = np.clip((np.arange(256) / 255) ** gamma * gain * 255, 0, 255).astype(np.uint8)
    return lambda picture, _: np.asarray(table[picture], np.uint8)


def grained(rng: Rng, size: Size, _: Other) -> Edit:
    noise = rng.normal(0, rng.uniform(18, 32), (6, size[1], size[0], 1)).astype(np.float32)
    return lambda picture, time_s: np.clip(picture + noise[int(time_s * 15) % 6], 0, 255).astype(np.uint8)


def softened(rng: Rng, size: Size, _: Other) -> Edit:
    sigma = min(size) * rng.uniform(0.01, 0.022)
    return lambda picture, _: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def filmed(rng: Rng, size: Size, other: Other) -> Edit:
    """Filmed from a screen by hand: perspective, the room around it, moire, a reflection, noise."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = rng.uniform(0.02, 0.14, (4, 2)) * [width, height] * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    moire = 1 + 0.10 * np.sin(x * rng.uniform(0.7, 1.3) + y * rng.uniform(0.3, 0.9))[..., None]
    spot = rng.uniform(0.2, 0.8, 2) * size
    glare = 70 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * (0.18 * width) ** 2))[..., None]
    noise = rng.normal(0, 5, (4, height, width, 3)).astype(np.float32)
    room = (covering(other(0.0), width, height) * 0.25).astype(np.uint8)

    def film(picture: Picture, time_s: float) -> Picture:
        shake = np.array([np.sin(time_s * 5.1), np.cos(time_s * 4.3)]) * 0.008 * [width, height]
        matrix = cv2.getPerspectiveTransform(corners, (corners + inward + shake).astype(np.float32))
        shown = np.clip(picture * moire * 0.85 + glare, 0, 255).astype(np.uint8)
        canvas = room.copy()
        cv2.warpPerspective(shown, matrix, size, dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
        return np.asarray(np.clip(canvas + noise[int(time_s * 15) % 4], 0, 255), np.uint8)

    return film


def combined(*makers: Maker) -> Maker:
    """One after the other, each in the size that the one before leaves."""

    def make(rng: Rng, size: Size, other: Other) -> Edit:
        edits: list[Edit] = []
        probe: Picture = np.zeros((size[1], size[0], 3), np.uint8)
        for maker in makers:
            edit = maker(rng, (probe.shape[1], probe.shape[0]), other)
            probe = edit(probe, 0.0)
            edits.append(edit)

        def run(picture: Picture, time_s: float) -> Picture:
            for edit in edits:
                picture = edit(picture, time_s)
            return picture

        return run

    return make


def three(rng: Rng, size: Size, other: Other) -> Edit:
    """Three edits of different sorts."""
    sorts: tuple[tuple[Maker, ...], ...] = (
        (mirrored, cropped(0.8), stretched, tilted),
        (tinted, relit, grained, grey),
        (captioned, stickered, letterboxed, meme),
    )
    return combined(*(sort[rng.integers(len(sort))] for sort in sorts))(rng, size, other)


PICTURE_EDITS: Mapping[str, Maker] = {
    "crop to 70 % of each side": cropped(0.7),
    "crop to 50 % of each side": cropped(0.5),
    "aspect changed": stretched,
    "mirrored": mirrored,
    "rotated 5°": tilted,
    "rotated 90°": turned,
    "letterboxed": letterboxed,
    "pillarboxed": pillarboxed,
    "blurred bars": blurred_bars,
    "caption band": captioned,
    "text across": lettered,
    "logo and emoji": stickered,
    "meme frame": meme,
    "screenshot": screenshot,
    "picture in picture, small": inset,
    "picture in picture, large": commented,
    "collage of four": collaged,
    "redacted boxes": redacted,
    "grey": grey,
    "colours shifted": tinted,
    "dark or bright": relit,
    "grain": grained,
    "blur": softened,
    "filmed from a screen": filmed,
    "three edits": three,
}
"""Edits that leave the times alone."""
