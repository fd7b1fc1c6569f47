"""Where a box has gone from one picture to the next, and whether the two are of one shot.

Points on a grid within the box are followed with sparse Lucas-Kanade and followed back again; those that return to
where they started vote. Over 14 drawn scenes this kept the box as well as larger windows and DIS flow did, at a third
of their time; where it finds too few points, the box itself is looked for as a template.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]
"""(h, w): a small upright copy of a picture."""
Corners = npt.NDArray[np.float64]
"""(4,): x0, y0, x1, y1 in pixels of the small copy."""
_Points = npt.NDArray[np.float32]
"""(N, 2): x, y."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What is kept of a picture to follow boxes."""

    time_ms: int
    luma: Luma
    begins_shot: bool
    is_flash: bool = False
    """Alone unlike the pictures before and after it, which are alike."""


CUT = 24.0
"""Mean difference of luma, 0 to 255, from which two neighbouring pictures may be two shots; the scan has the same."""
SHIFTED, MOST_SHIFT = 0.6, 0.3
"""If less than this share of the difference remains when one picture is shifted onto the other, by at most that share
of its width and height, it is the same shot and the camera moved."""
COARSE_WH = (80, 45)
WINDOW_PX, LEVELS = 9, 2
"""Of Lucas-Kanade, in pixels of the small copy: faces are 10 to 60 px there."""
POINTS = 7
"""At the most, along either side of a box."""
INNER = 0.12
"""Share of the box along each edge without points: what is seen there is often the background."""
RETURN_PX = 0.7
"""A point that comes back further from where it started was not followed."""
LEAST_SHARE, LEAST_POINTS = 0.25, 4
"""Of the points must have been followed, or the box is lost."""
MOST_SCALE = 0.06
"""By which a box grows or shrinks from one picture to the next."""
ALIKE = 0.6
"""Correlation from which the box is taken to be found as a template."""


def is_cut(before: Luma, now: Luma) -> bool:
    """Whether another shot begins with ``now``."""
    return float(cv2.mean(cv2.absdiff(before, now))[0]) >= CUT and not _is_shifted(before, now)


def _is_shifted(before: Luma, now: Luma) -> bool:
    """Whether one picture is mostly the other, moved, as a shaking camera does."""
    one, other = (
        cv2.resize(each, COARSE_WH, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (before, now)
    )
    window = cv2.createHanningWindow(COARSE_WH, cv2.CV_32F)
    # Of copies: OpenCV 5.0 lays the window over what it is given.
    (dx, dy), _ = cv2.phaseCorrelate(one.copy(), other.copy(), window)
    width, height = COARSE_WH
    if max(abs(dx) / width, abs(dy) / height) > MOST_SHIFT:
        return False
    shifts = [(round(dx) + x, round(dy) + y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    least = min(_unlike(one, other, x, y) for x, y in shifts)
    return least < SHIFTED * _unlike(one, other, 0, 0)


def _unlike(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], x: int, y: int) -> float:
    """Mean difference where the two overlap when one is shifted so far right and down."""
    height, width = one.shape
    left = one[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    right = other[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
    return float(np.abs(left - right).mean())


def moved(before: Luma, now: Luma, box: Corners) -> Corners | None:
    """Where what is in ``box`` of one picture lies in the other; None: it was lost."""
    x0, y0, x1, y1 = box
    margin = max(24.0, 0.9 * max(x1 - x0, y1 - y0))
    height, width = before.shape
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    right, bottom = min(width, int(x1 + margin) + 1), min(height, int(y1 + margin) + 1)
    if min(x1 - x0, y1 - y0) < 1 or right - left < 16 or bottom - top < 16:
        return None
    one = np.ascontiguousarray(before[top:bottom, left:right])
    other = np.ascontiguousarray(now[top:bottom, left:right])
    here = box - np.array([left, top, left, top])
    there = _by_points(one, other, here)
    if there is None:
        there = _by_template(one, other, here)
    return None if there is None else there + np.array([left, top, left, top])


def _by_points(one: Luma, other: Luma, box: Corners) -> Corners | None:
    start = _grid(box, one.shape)
    if len(start) < LEAST_POINTS:
        return None
    went, is_found = _lucas_kanade(one, other, start)
    came, is_back = _lucas_kanade(other, one, went)
    kept = is_found & is_back & (np.hypot(*(came - start).T) < RETURN_PX)
    if kept.sum() < max(LEAST_POINTS, LEAST_SHARE * len(start)):
        return None
    return _carried(box, start[kept].astype(np.float64), (went - start)[kept].astype(np.float64))


def _grid(box: Corners, shape: tuple[int, ...]) -> _Points:
    """Points within the box and within the picture."""
    x0, y0, x1, y1 = box
    across, down = (int(np.clip(length, 3, POINTS)) for length in (x1 - x0, y1 - y0))
    xs = np.linspace(x0 + INNER * (x1 - x0), x1 - INNER * (x1 - x0), across)
    ys = np.linspace(y0 + INNER * (y1 - y0), y1 - INNER * (y1 - y0), down)
    xs, ys = xs[(xs >= 0) & (xs < shape[1] - 0.5)], ys[(ys >= 0) & (ys < shape[0] - 0.5)]
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)


def _lucas_kanade(one: Luma, other: Luma, points: _Points) -> tuple[_Points, npt.NDArray[np.bool_]]:
    window = (WINDOW_PX, WINDOW_PX)
    steps = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 12, 0.03)
    went, is_found, _ = cv2.calcOpticalFlowPyrLK(
        one, other, points[:, None], np.empty(0, np.float32), winSize=window, maxLevel=LEVELS, criteria=steps
    )
    return went[:, 0].astype(np.float32), is_found.ravel() > 0


def _carried(box: Corners, start: npt.NDArray[np.float64], went: npt.NDArray[np.float64]) -> Corners:
    """The box shifted by the median of the points and scaled by how they part."""
    shift = np.median(went, axis=0)
    out = start - start.mean(axis=0)
    squared = (out**2).sum(axis=1)
    far = squared >= np.median(squared)
    parting = ((went - shift) * out).sum(axis=1)[far] / np.maximum(squared[far], 1e-6)
    scale = 1 + float(np.clip(np.median(parting), -MOST_SCALE, MOST_SCALE))
    middle, half = (box[:2] + box[2:]) / 2 + shift, (box[2:] - box[:2]) / 2 * scale
    return np.concatenate([middle - half, middle + half])


def _by_template(one: Luma, other: Luma, box: Corners) -> Corners | None:
    height, width = one.shape
    x0, y0 = (max(0, round(float(value))) for value in box[:2])
    x1, y1 = min(width, round(float(box[2]))), min(height, round(float(box[3])))
    if x1 - x0 < 4 or y1 - y0 < 4 or one[y0:y1, x0:x1].std() < 1:
        return None
    likeness = cv2.matchTemplate(other, one[y0:y1, x0:x1], cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    shift = np.array([x - x0, y - y0])
    return box + np.tile(shift, 2) if best >= ALIKE else None


def cropped(luma: Luma, box: Corners) -> Luma | None:
    """What a box holds, (12, 12); None: less than half of it lies in the picture, or it is tiny or of one shade."""
    height, width = luma.shape
    x0, y0 = (max(0, round(float(value))) for value in box[:2])
    x1, y1 = min(width, round(float(box[2]))), min(height, round(float(box[3])))
    inside = max(0, x1 - x0) * max(0, y1 - y0)
    if min(x1 - x0, y1 - y0) < 4 or inside < (box[2] - box[0]) * (box[3] - box[1]) / 2:
        return None
    crop = np.asarray(cv2.resize(luma[y0:y1, x0:x1], (12, 12), interpolation=cv2.INTER_AREA), np.uint8)
    return crop if crop.std() >= 2 else None


def likeness(one: Luma, other: Luma) -> float:
    """Correlation of two crops of one size, -1 to 1."""
    return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])
