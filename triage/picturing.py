"""One video -> a strip of a few of its pictures, drawn and with every face covered, for paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2

from triage.covering import Pass, Seen, Wish, roles_for, see
from triage.errors import RedactionError
from triage.findings.detector import Detector
from triage.frames.sandbox.pictures import open_pictures
from triage.masking import masked
from triage.records import Frame, Report, Style, Video
from triage.redaction.mark import TEXT as PICTURES_MARK
from triage.redaction.merging import Timeline
from triage.redaction.sheet import moments, strip
from triage.redaction.styles.rectangles import Image
from triage.searching import make_sure_it_can_be_searched, open_searchers

__all__ = ["PICTURES_MARK", "WISH", "Pass", "open_searchers", "picture_strip", "roles_for"]

WISH = Wish(style=Style.DRAWING, has_mark=False)
"""Drawn, with faces solid; the mark stands below the pictures, which are too small for it."""
JPEG_QUALITY = 85


def picture_strip(
    path: Path, report: Report, searchers: Sequence[Detector], on_time: Callable[[Pass, int], None] = lambda *_: None
) -> bytes:
    """A JPEG of pictures that stand for a video, each covered and then searched, as review copies are.

    Whoever calls it has made sure that the video is not sealed.

    Raises:
        VideoError: it cannot be read.
        RedactionError: nobody could search the pictures.
    """
    make_sure_it_can_be_searched(report.provenance.looked_for, WISH.wanted, searchers)
    seen = see(path, report, WISH, on_time)
    wanted = set(moments(report.tracks, seen.shots_ms, seen.times_ms, seen.end_ms))
    pictures = list(_covered(path, report.video, seen, wanted, searchers))
    if not pictures:
        raise RedactionError("the video gave other pictures at the second reading: no strip was made")
    _, coded = cv2.imencode(
        ".jpg", strip(pictures, report.video.pixel_aspect), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return coded.tobytes()


def _covered(
    path: Path, video: Video, seen: Seen, wanted: set[int], searchers: Sequence[Detector]
) -> Iterator[tuple[int, Image]]:
    timeline = Timeline(seen.covers)
    with open_pictures(path, video.id) as source:
        for picture in source.images(sorted(wanted)):
            if picture.time_ms in wanted:
                frame = Frame(source.video, picture.time_ms, picture.image)
                yield picture.time_ms, masked(frame, timeline.at(picture.time_ms), WISH, searchers).image
