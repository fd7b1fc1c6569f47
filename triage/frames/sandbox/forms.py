"""The forms in which pixels come from a decoder: how large each is, and where it lies in the memory that is shared."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from mmap import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

from triage.frames.pictures import Image, Picture, small_wh


class Form(StrEnum):
    """What of a picture is wanted."""

    SMALL = "small"
    IMAGE = "image"
    PLANES = "planes"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pixels of which pictures."""

    form: Form
    width_px: int
    """Of the upright video; of ``PLANES``, what is wanted of them."""
    height_px: int
    at_ms: tuple[int, ...] | None = None
    """Only the picture that is on screen at each of these times, which ascend; None: every picture."""

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Wanted:
        """As ``message`` has written it."""
        at_ms = message["at_ms"]
        return cls(
            Form(message["form"]), message["width_px"], message["height_px"], None if at_ms is None else tuple(at_ms)
        )

    @property
    def message(self) -> dict[str, Any]:
        return {
            "form": self.form.value,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "at_ms": None if self.at_ms is None else list(self.at_ms),
        }

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Of the arrays that one picture becomes."""
        width, height = self.width_px, self.height_px
        if self.form is Form.SMALL:
            return [small_wh(width, height)[::-1]]
        if self.form is Form.IMAGE:
            return [(height, width, 3)]
        half = ((height + 1) // 2, (width + 1) // 2)
        return [(height, width), half, half]

    @property
    def size(self) -> int:
        """Bytes of one picture."""
        return sum(map(prod, self.shapes))

    def arrays(self, memory: mmap | npt.NDArray[np.uint8], place: int) -> tuple[Image, ...]:
        """The arrays of the picture that lies in this place of the memory."""
        found, at = [], place * self.size
        for shape in self.shapes:
            found.append(np.frombuffer(memory, np.uint8, prod(shape), at).reshape(shape))
            at += prod(shape)
        return tuple(found)

    def chosen(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Those of the pictures of a video that are wanted, up to the last of them."""
        if self.at_ms is None:
            yield from pictures
            return
        waiting = deque(self.at_ms)
        for picture in pictures:
            is_shown = False
            while waiting and waiting[0] < picture.end_ms:
                is_shown |= picture.time_ms <= waiting.popleft()  # before the first picture there is none
            if is_shown:
                yield picture
            if not waiting:
                return

    def made(self, picture: Picture) -> tuple[Image, ...]:
        """The same of a picture that was decoded in this process."""
        if self.form is Form.SMALL:
            return (picture.small,)
        if self.form is Form.IMAGE:
            return (picture.image,)
        return picture.planes(self.width_px, self.height_px)
