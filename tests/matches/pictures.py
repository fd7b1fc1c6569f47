"""Drawn pictures in which there is something to tell apart."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.media import Image
from triage.records import Frame, Video


def scene(seed: int, width_px: int = 768, height_px: int = 432, light: float = 1.0, grain: float = 3.0) -> Image:
    """Ground, sky and some forms at places that the seed decides, with grain.

    Args:
        light: 1 by day; 0.1 hardly anything is seen.
    """
    draw = np.random.default_rng(seed)
    horizon = int(height_px * draw.uniform(0.4, 0.6))
    down = np.linspace(0, 1, height_px, dtype=np.float32)[:, None, None]
    across = np.linspace(0, 1, width_px, dtype=np.float32)[None, :, None]
    sky, ground = draw.uniform(120, 230, 3), draw.uniform(40, 130, 3)
    image = np.where(
        np.arange(height_px)[:, None, None] < horizon, sky * (1 - 0.4 * down), ground * (0.8 + 0.4 * across)
    )
    image = np.ascontiguousarray(image, np.float32)
    for _ in range(40):
        place = int(draw.integers(0, width_px)), int(draw.integers(0, height_px))
        size = int(draw.integers(width_px // 40, width_px // 7)), int(draw.integers(height_px // 40, height_px // 4))
        tone = tuple(float(part) for part in draw.uniform(10, 245, 3))
        if draw.random() < 0.5:
            cv2.ellipse(image, place, size, float(draw.uniform(0, 180)), 0, 360, tone, -1)
        else:
            cv2.rectangle(image, place, (place[0] + size[0], place[1] + size[1]), tone, -1)
    image = image * light + draw.normal(0, grain, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def frame_of(image: Image, time_ms: int = 0) -> Frame:
    """A frame of a video that has this size."""
    height, width = image.shape[:2]
    kept = image.copy()
    kept.flags.writeable = False
    return Frame(Video("ab" * 32, Path("drawn"), width, height, None, "none", "none"), time_ms, kept)
