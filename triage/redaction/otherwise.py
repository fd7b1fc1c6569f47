"""A picture of a written copy, shown otherwise than a scan shows it, and finds put back where they are.

A model that missed something at the first look misses it again in the same picture. Mirrored, a quarter at a time and
with its light spread out it is another picture to it: of 15 drawn faces each, faint ones were found 4 times as they
were and 13 times so, ones of 14 px never and 15 times at twice the size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from triage.geometry import Box
from triage.records import Finding, Frame, Video
from triage.redaction.styles.rectangles import Image

QUARTERS = 4
QUARTER = 0.6
"""Of either side of the picture: quarters overlap by a third of their side."""
CLIP, CELLS = 3.0, 8
"""Of CLAHE: how much of the light one level may take, as OpenCV counts it, and cells along either side."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of showing a picture."""

    is_mirrored: bool = False
    quarter: int | None = None
    """Top left, top right, bottom left, bottom right; None: all of it."""
    is_spread: bool = False
    """The light of each part of the picture is spread over all levels."""

    def shown(self, frame: Frame) -> Frame:
        """The picture in this way, as one of a video of its size."""
        part = self._part(frame.video)
        x0, y0, x1, y1 = (int(side) for side in part.xyxy)
        image = frame.image[y0:y1, x0:x1]
        if self.is_mirrored:
            image = image[:, ::-1]
        image = _spread(image) if self.is_spread else np.ascontiguousarray(image)
        image.flags.writeable = False
        video = replace(frame.video, width_px=int(part.width), height_px=int(part.height))
        return replace(frame, video=video, image=image)

    def back(self, seen: Finding, video: Video) -> Finding:
        """What was found in the picture shown so, where it is in the whole one.

        Args:
            video: of the whole picture.
        """
        part, box = self._part(video), seen.box
        if self.is_mirrored:
            box = Box(part.width - box.x1, box.y0, part.width - box.x0, box.y1)
        return replace(seen, box=box.moved(part.x0, part.y0))

    def _part(self, video: Video) -> Box:
        """In whole pixels."""
        if self.quarter is None:
            return Box(0, 0, video.width_px, video.height_px)
        width, height = (max(1, round(QUARTER * length)) for length in (video.width_px, video.height_px))
        down, across = divmod(self.quarter, 2)
        left, top = across * (video.width_px - width), down * (video.height_px - height)
        return Box(left, top, left + width, top + height)


AS_IT_IS = Way()
MIRRORED = Way(is_mirrored=True, is_spread=True)
CLOSER = tuple(Way(quarter=quarter, is_spread=True) for quarter in range(QUARTERS))
EVERY = (AS_IT_IS, MIRRORED, *CLOSER)


def ways(number: int) -> tuple[Way, ...]:
    """How the look of this number shows its picture: all of it, two quarters, all of it mirrored, two quarters."""
    return ((AS_IT_IS,), CLOSER[:2], (MIRRORED,), CLOSER[2:])[number % 4]


def _spread(image: Image) -> Image:
    """The picture with its luma equalised in parts, the colours as they are."""
    colours = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2YCrCb)
    luma = cv2.createCLAHE(CLIP, (CELLS, CELLS)).apply(cv2.extractChannel(colours, 0))
    cv2.insertChannel(luma, colours, 0)
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_YCrCb2BGR), np.uint8)
