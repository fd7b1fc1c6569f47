"""A blur as wide as the box is large. For comfort, not for identity: much of it can be computed back.

There is no soft edge. Inwards it would leave sharp pixels within the box, outwards it would touch what is not covered;
and since the blur sees what lies around the box, its border fits the picture well enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from triage.geometry import Box
from triage.redaction.styles.rectangles import Image, around, each

WIDTH = 0.15
"""Sigma as a share of the box's longer side."""
LEAST_SIGMA_PX = 6.0
"""So that a small box is not left readable, and one of a single pixel changes at all."""
SIGMA_CELLS = 2.0
"""Sigma in the small copy that is blurred; a wide blur needs no full-size one."""


def apply(image: Image, boxes: Sequence[Box]) -> None:
    """Blur every pixel that a box touches, in place."""
    for slices in each(boxes, image):
        rows, columns = slices
        sigma_px = max(WIDTH * max(rows.stop - rows.start, columns.stop - columns.start), LEAST_SIGMA_PX)
        seen_rows, seen_columns = around(slices, 0.0, round(2 * sigma_px), image)
        seen = np.ascontiguousarray(image[seen_rows, seen_columns])
        height, width = seen.shape[:2]
        cell_px = sigma_px / SIGMA_CELLS
        small_wh = (max(round(width / cell_px), 1), max(round(height / cell_px), 1))
        small = cv2.resize(seen, small_wh, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), SIGMA_CELLS, borderType=cv2.BORDER_REPLICATE)
        blurred = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        top, left = rows.start - seen_rows.start, columns.start - seen_columns.start
        image[slices] = blurred[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
