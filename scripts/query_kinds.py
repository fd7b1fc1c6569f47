# SPDX-License-Identifier: AGPL-3.0-or-later
"""The kinds of edited copies of `copy_queries.py`, with the truth about each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from eval_objects import read_picture
from query_edits import PICTURE_EDITS, Edit
from query_footage import Footage, Reference
from query_sources import (
    LONGEST_PX,
    RATE,
    WIDE,
    Picture,
    Rng,
    covering,
    even,
    fitted,
    held,
    panned,
)

WHOLE_CHANCE = 0.5
"""How often a query shows the whole of a clip, and otherwise 3 to 7 s of it."""
HOUR_MS = 3_600_000
Timed = Iterable[tuple[int, Picture]]
"""Pictures with the time in ms at which each appears."""


@dataclass(frozen=True)
class Copy:
    """What a query shows of a known clip; half-open, in ms of each."""

    reference: str
    query_start_ms: int
    query_end_ms: int
    stored_start_ms: int
    stored_end_ms: int
    speed: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True)
class Coding:
    """How a query is written."""

    codec: str = "libx264"
    options: Mapping[str, str] = field(default_factory=lambda: {"crf": "27", "preset": "superfast"})
    bits_per_s: int | None = None


@dataclass(frozen=True)
class Made:
    """A query before it is written."""

    pictures: Timed
    copies: tuple[Copy, ...]
    coding: Coding = Coding()
    edit: str = ""
    """What was done to a video that is no copy."""
    source: str = ""
    """Which clip a video that is no copy is another stretch of; there are few such, so these are not independent."""


def timed(pictures: Iterable[Picture], start_ms: int = 0) -> Iterator[tuple[int, Picture]]:
    """These pictures at ``RATE`` from a time on."""
    for index, picture in enumerate(pictures):
        yield start_ms + index * 1000 // RATE, picture


def ms_of(pictures: int) -> int:
    """How long so many pictures are."""
    return pictures * 1000 // RATE


@dataclass(frozen=True)
class Part:
    """A stretch of a known clip."""

    reference: str
    pictures: list[Picture]
    first: int
    """Number of its first picture in the clip."""

    @property
    def size(self) -> tuple[int, int]:
        return self.pictures[0].shape[1], self.pictures[0].shape[0]

    def at(self, query_start_ms: int, *, speed: float = 1.0, mirrored: bool = False) -> Copy:
        """The truth, where it is shown whole from a time of the query on."""
        start, length = ms_of(self.first), ms_of(len(self.pictures))
        end = query_start_ms + round(length / speed)
        return Copy(self.reference, query_start_ms, end, start, start + length, speed, mirrored)


def part(footage: Footage, reference: Reference, rng: Rng, *, least_s: float = 3.0, most_s: float = 7.0) -> Part:
    """A stretch of this length, or as much as there is."""
    pictures = footage.pictures(reference.name)
    earliest = round(reference.cuttable_from_s * RATE)
    count = min(len(pictures) - earliest, round(rng.uniform(least_s, most_s) * RATE))
    first = int(rng.integers(earliest, len(pictures) - count + 1))
    return Part(reference.name, pictures[first : first + count], first)


def whole_or_part(footage: Footage, reference: Reference, rng: Rng) -> Part:
    """The whole clip as often as not."""
    if rng.random() < WHOLE_CHANCE:
        return Part(reference.name, footage.pictures(reference.name), 0)
    return part(footage, reference, rng)


Recipe = Callable[[Footage, Reference, Rng], Made]


def with_pictures_edited(kind: str) -> Recipe:
    """A query whose pictures were edited and whose times were not."""

    def make(footage: Footage, reference: Reference, rng: Rng) -> Made:
        shown = whole_or_part(footage, reference, rng)
        edit = PICTURE_EDITS[kind](rng, shown.size, footage.moving(rng))
        edited = (edit(picture, index / RATE) for index, picture in enumerate(shown.pictures))
        return Made(timed(edited), (shown.at(0, mirrored=is_mirroring(kind, shown, edit)),))

    return make


def is_mirroring(kind: str, shown: Part, edit: Edit) -> bool:
    """Whether an edit exchanges left and right: asked of the edit itself where its name does not say."""
    if kind != "three edits":
        return kind == "mirrored"
    probe = np.zeros((shown.size[1], shown.size[0], 3), np.uint8)
    lit = probe.copy()
    lit[:, : shown.size[0] // 4] = 255
    change = np.abs(edit(lit, 0.0).astype(int) - edit(probe, 0.0)).mean(axis=(0, 2))
    return bool(change[: len(change) // 2].sum() < change[len(change) // 2 :].sum())


def recoded(coding: Coding, longest_px: int = LONGEST_PX) -> Recipe:
    """Nothing but written anew."""

    def make(footage: Footage, reference: Reference, rng: Rng) -> Made:
        shown = whole_or_part(footage, reference, rng)
        return Made(timed(even(picture, longest_px) for picture in shown.pictures), (shown.at(0),), coding)

    return make


def at_speed(speed: float) -> Recipe:
    """Faster or slower; a slow one shows at most 5 s of the clip."""

    def make(footage: Footage, reference: Reference, rng: Rng) -> Made:
        shown = part(footage, reference, rng, least_s=5 * min(1, speed), most_s=9 * min(1, speed))
        count = int(len(shown.pictures) / speed)
        return Made(timed(shown.pictures[int(index * speed)] for index in range(count)), (shown.at(0, speed=speed),))

    return make


def partial(footage: Footage, reference: Reference, rng: Rng) -> Made:
    shown = part(footage, reference, rng, least_s=2.0, most_s=3.0)
    return Made(timed(shown.pictures), (shown.at(0),))


def host(footage: Footage, rng: Rng, length_s: float) -> Iterator[tuple[int, Picture]]:
    """Other footage, ten pictures a second, a shot every few seconds."""
    now_ms = 0
    while now_ms < length_s * 1000:
        path = footage.hosts[rng.integers(len(footage.hosts))]
        for picture in panned(read_picture(path), rng.uniform(3, 7), WIDE, rng)[::2]:
            yield now_ms, picture
            now_ms += 2000 // RATE


def inserted(footage: Footage, reference: Reference, rng: Rng) -> Made:
    """In the middle of 40 to 120 s of other footage."""
    shown = part(footage, reference, rng, least_s=3.0, most_s=8.0)
    total_s = rng.choice([40, 50, 60, 120], p=[0.4, 0.3, 0.2, 0.1])
    before = list(host(footage, rng, total_s * rng.uniform(0.2, 0.8)))
    start_ms = before[-1][0] + 2000 // RATE

    def run() -> Iterator[tuple[int, Picture]]:
        yield from before
        yield from timed((covering(picture, *WIDE) for picture in shown.pictures), start_ms)
        resume_ms = start_ms + ms_of(len(shown.pictures))
        yield from (
            (resume_ms + time_ms, picture) for time_ms, picture in host(footage, rng, total_s - start_ms / 1000)
        )

    return Made(run(), (shown.at(start_ms),))


def in_an_hour(footage: Footage, reference: Reference, rng: Rng) -> Made:
    """In an hour of slides, 20 to 60 s each, and some moving footage; a picture a second where nothing moves."""
    shown = part(footage, reference, rng, least_s=6.0, most_s=9.0)
    at_ms = int(rng.uniform(600, 3000) * 1000)
    truth: list[Copy] = []

    def run() -> Iterator[tuple[int, Picture]]:
        now_ms = 0
        while now_ms < HOUR_MS:
            if now_ms >= at_ms and not truth:
                truth.append(shown.at(now_ms))
                yield from timed((covering(picture, *WIDE) for picture in shown.pictures), now_ms)
                now_ms += ms_of(len(shown.pictures))
            picture = read_picture(footage.hosts[rng.integers(len(footage.hosts))])
            if rng.random() < 0.1:
                moving = panned(picture, 5.0, WIDE, rng)
                yield from timed(moving, now_ms)
                now_ms += ms_of(len(moving))
            slide = covering(picture, *WIDE)
            for _ in range(int(rng.uniform(20, 60))):
                yield now_ms, slide
                now_ms += 1000

    pictures = list(run())
    return Made(pictures, tuple(truth))


def compiled(footage: Footage, reference: Reference, rng: Rng) -> Made:
    """Parts of three known clips, one after the other."""
    rest = [one for one in footage.references if one is not reference]
    chosen = [reference, *(rest[index] for index in rng.choice(len(rest), 2, replace=False))]
    parts = [part(footage, one, rng, least_s=3.0, most_s=5.0) for one in chosen]
    pictures: list[Picture] = []
    copies = []
    for one in parts:
        copies.append(one.at(ms_of(len(pictures))))
        pictures += [framed(picture, WIDE) for picture in one.pictures]
    return Made(timed(pictures), tuple(copies))


def framed(picture: Picture, size: tuple[int, int]) -> Picture:
    """Whole, in the middle of black."""
    scale = min(size[0] / picture.shape[1], size[1] / picture.shape[0])
    inner = fitted(picture, round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - inner.shape[0]) // 2, (size[0] - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def reordered(footage: Footage, reference: Reference, rng: Rng) -> Made:
    """Cut in two or three pieces of at least 2 s, and put together in another order."""
    whole = footage.pictures(reference.name)
    pieces = max(2, min(3, len(whole) // (5 * RATE // 2)))
    bounds = [len(whole) * cut // pieces for cut in range(pieces + 1)]
    parts = [Part(reference.name, whole[start:end], start) for start, end in itertools.pairwise(bounds)]
    turn = int(rng.integers(1, pieces))
    pictures: list[Picture] = []
    copies = []
    for one in [*parts[turn:], *parts[:turn]]:
        copies.append(one.at(ms_of(len(pictures))))
        pictures += one.pictures
    return Made(timed(pictures), tuple(copies))


def looped(footage: Footage, reference: Reference, rng: Rng) -> Made:
    """The same 2.5 to 4 s, three times."""
    shown = part(footage, reference, rng, least_s=2.5, most_s=4.0)
    each = len(shown.pictures)
    return Made(timed(shown.pictures * 3), tuple(shown.at(ms_of(each * turn)) for turn in range(3)))


def thinned(footage: Footage, reference: Reference, rng: Rng) -> Made:
    """Two of five pictures."""
    shown = whole_or_part(footage, reference, rng)
    kept = [(ms, picture) for index, (ms, picture) in enumerate(timed(shown.pictures)) if index * 2 % 5 < 2]
    return Made(kept, (shown.at(0),))


def after_black(footage: Footage, reference: Reference, rng: Rng) -> Made:
    shown = whole_or_part(footage, reference, rng)
    black = held(np.zeros((shown.size[1], shown.size[0], 3), np.uint8), rng.uniform(1.5, 3.0))
    return Made(timed([*black, *shown.pictures]), (shown.at(ms_of(len(black))),))


COPIES: Mapping[str, Recipe] = {
    "re-encoded, crf 40": recoded(Coding(options={"crf": "40", "preset": "superfast"})),
    "MPEG-4 at a low bitrate": recoded(Coding("mpeg4", {}, 60_000)),
    "160 px": recoded(Coding(), 160),
    **{kind: with_pictures_edited(kind) for kind in PICTURE_EDITS},
    **{f"speed {speed}": at_speed(speed) for speed in (0.5, 0.75, 1.25, 1.5, 2.0)},
    "2 to 3 s of it": partial,
    "inserted in a longer one": inserted,
    "compilation of three": compiled,
    "reordered": reordered,
    "looped": looped,
    "fewer pictures a second": thinned,
    "after a black intro": after_black,
}
HOUR = "inserted in an hour"
