"""Labelled pictures through the product's own eyes: decoded as a scan decodes, looked at by the detector of a scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

import cv2
import numpy as np

from triage.durable import sha256_of
from triage.errors import DetectorError, Refusal, VideoError
from triage.evaluation.formats import LabelledPicture
from triage.evaluation.labelled import Meaning, boxes_of
from triage.evaluation.moments import Originals, frames_at
from triage.findings.conditions import Condition, condition
from triage.findings.detector import Detector
from triage.frames.sandbox.source import open_video
from triage.original import unread
from triage.records import Finding, Frame, Label
from triage.settings import Sampling

BAD_JPEG_QUALITY = 12
"""Of the second pass. About what is left of a picture that messengers have passed on several times."""

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that the figures do not count, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One picture: what is labelled in it, beside what was found."""

    path: Path
    condition: Condition
    real: tuple[tuple[Label, Corners], ...]
    crowds: tuple[Corners, ...]
    """Places with several things that are not told apart."""
    found: tuple[Finding, ...]


def look_at(
    pictures: Sequence[LabelledPicture],
    meant: Meaning,
    detector: Detector,
    worsen: Callable[[Frame], Frame] | None = None,
    originals: Originals | None = None,
) -> Iterator[tuple[Looked, Looked | None] | LeftOut]:
    """Each picture as it is and, if asked for, worsened; or why it is left out. In the order of the data."""
    for picture, frame in opened(pictures, originals):
        if isinstance(frame, LeftOut):
            yield frame
            continue
        try:
            size = (frame.video.width_px, frame.video.height_px)
            real, crowds = boxes_of(picture.marks, meant, size)
            frames = [frame] if worsen is None else [frame, worsen(frame)]
            seen = [
                Looked(picture.path, condition(one.image), tuple(real), tuple(crowds), tuple(detector.look([one])[0]))
                for one in frames
            ]
        except (DetectorError, ValueError) as error:
            yield LeftOut(picture.path, str(error))
            continue
        yield seen[0], seen[1] if worsen is not None else None


def opened(
    pictures: Sequence[LabelledPicture], originals: Originals | None = None
) -> Iterator[tuple[LabelledPicture, Frame | LeftOut]]:
    """Each picture with its pixels, or why it has none; moments of one video that stand together in order of time.

    Args:
        originals: finds the videos that moments are of; without it they are left out.
    """
    for video, some in groupby(pictures, key=lambda one: one.moment.video if one.moment else None):
        if video is not None:
            yield from _moments(video, list(some), originals)
            continue
        for picture in some:
            try:
                frame = still(picture)
            except (VideoError, ValueError) as error:
                yield picture, LeftOut(picture.path, str(error))
            else:
                yield picture, frame


def _moments(
    video: str, some: Sequence[LabelledPicture], originals: Originals | None
) -> Iterator[tuple[LabelledPicture, Frame | LeftOut]]:
    """The moments of one video, which is decoded once."""
    at: dict[int, list[LabelledPicture]] = defaultdict(list)
    for one in some:
        if one.moment is not None:
            at[one.moment.time_ms].append(one)
    why = "the video has no picture at that time"
    try:
        if originals is None:
            raise VideoError(Refusal.NOT_OPENED, "it is a moment of a video, and nobody says where that is")
        for frame in frames_at(originals(video), video, sorted(at)):
            for picture in at.pop(frame.time_ms):
                trouble = picture.trouble or _wrong_size(picture, frame)
                yield picture, LeftOut(picture.path, trouble) if trouble else frame
    except VideoError as error:
        why = str(error)
    for picture in chain.from_iterable(at.values()):
        yield picture, LeftOut(picture.path, picture.trouble or why)


def still(picture: LabelledPicture) -> Frame:
    """The picture as a scan sees it: upright, its turn by EXIF applied.

    Raises:
        VideoError: there is no picture in the file, or only a part of it.
        ValueError: its labels cannot be used, are of another size, or the file holds more than one picture.
    """
    if picture.trouble:
        raise ValueError(picture.trouble)
    try:
        video_id = sha256_of(picture.path)
    except FileNotFoundError:
        raise VideoError(Refusal.NOT_OPENED, "there is no such picture") from None
    except OSError as error:
        raise unread(error) from error
    with open_video(picture.path, video_id, Sampling()) as source:
        frames = source.frames()
        frame = next(frames)
        if next(frames, None) is not None:
            raise ValueError("it holds more than one picture; a label would be of which?")
        if source.coverage().undecoded:
            raise ValueError(f"it is damaged: {'; '.join(source.coverage().why)}")
    if trouble := _wrong_size(picture, frame):
        raise ValueError(trouble)
    return frame


def _wrong_size(picture: LabelledPicture, frame: Frame) -> str:
    """Why labels in pixels cannot be those of this frame; empty: they can."""
    size = (frame.video.width_px, frame.video.height_px)
    if picture.wh is None or picture.wh == size:
        return ""
    wide, high = picture.wh
    return f"its labels are of a picture of {wide}x{high} px, upright it has {size[0]}x{size[1]}"


def compressed(frame: Frame) -> Frame:
    """The same picture after a bad JPEG."""
    kept = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, BAD_JPEG_QUALITY])[1]
    image = np.asarray(cv2.imdecode(kept, cv2.IMREAD_COLOR), dtype=np.uint8)
    image.flags.writeable = False
    return replace(frame, image=image)
