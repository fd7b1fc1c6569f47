# SPDX-License-Identifier: AGPL-3.0-or-later
"""Faces of real clips on every picture: a detector that looks at each, joined in time and mended where it blinked.

The detector is YuNet, which is no part of the program. What it never sees is not known; what it takes for a face is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.frames.pyav import open_video
from triage.geometry import Box
from triage.records import Finding, Label, Track
from triage.settings import Mode, Sampling, Tracking
from triage.tracks.linker import link

Grey = NDArray[np.uint8]

SIDE = 640
"""Of the square picture that the detector sees."""
AT_LEAST = 0.6
LUMA_WIDTH = 320
SURE = 0.8
"""Score that a face must reach once to be known."""
LEAST_MS = 600
"""Faces that are found for a shorter time are taken for errors of the detector."""
BLINK_MS = 700
"""Where a face is lost for no longer, it is taken to have gone straight on."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was found on every picture of a clip."""

    wh: tuple[int, int]
    times_ms: tuple[int, ...]
    lumas: NDArray[np.uint8]
    """(N, h, w)"""
    found: tuple[tuple[Finding, ...], ...]


def see(path: Path, detector: Path, folder: Path) -> Seen:
    """Faces on every picture of a clip; kept in ``folder``, since it takes a while.

    Args:
        detector: YuNet as ONNX, for pictures of 640 x 640.
    """
    place = folder / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.npz"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        wh, rows = (0, 0), list(_look(path, detector))
        wh = rows[0][3]
        np.savez_compressed(
            place,
            wh=wh,
            times=[row[0] for row in rows],
            lumas=np.stack([row[1] for row in rows]),
            counts=[len(row[2]) for row in rows],
            faces=np.concatenate([row[2] for row in rows]),
        )
    with np.load(place) as kept:
        times = tuple(int(time_ms) for time_ms in kept["times"])
        ends = np.cumsum(kept["counts"])
        faces = kept["faces"]
        found = tuple(
            tuple(_finding(time_ms, face) for face in faces[end - count : end])
            for time_ms, count, end in zip(times, kept["counts"], ends, strict=True)
        )
        width, height = (int(length) for length in kept["wh"])
        return Seen((width, height), times, kept["lumas"], found)


def _finding(time_ms: int, face: NDArray[np.float32]) -> Finding:
    x0, y0, x1, y1, score = (float(value) for value in face)
    return Finding("0" * 64, time_ms, Label.FACE, min(score, 1.0), Box(x0, y0, x1, y1), "yunet@00000000")


def _look(path: Path, detector: Path) -> Iterator[tuple[int, Grey, NDArray[np.float32], tuple[int, int]]]:
    finder = cv2.FaceDetectorYN.create(str(detector), "", (SIDE, SIDE), AT_LEAST)
    with open_video(path, "0" * 64, Sampling(mode=Mode.EVERY, same_difference=0.0)) as source:
        for frame in source.frames():
            height, width = frame.image.shape[:2]
            scale = SIDE / max(width, height)
            square = np.full((SIDE, SIDE, 3), 114, np.uint8)
            small = cv2.resize(frame.image, (round(width * scale), round(height * scale)))
            square[: small.shape[0], : small.shape[1]] = small
            _, faces = finder.detect(square)
            rows = np.zeros((0, 5), np.float32)
            if faces is not None:
                xywh = faces[:, :4] / scale
                rows = np.hstack([xywh[:, :2], xywh[:, :2] + np.maximum(xywh[:, 2:], 1), faces[:, 14:15]])
            grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
            luma_wh = (min(width, LUMA_WIDTH), max(1, round(height * min(width, LUMA_WIDTH) / width)))
            luma = cv2.resize(grey, luma_wh, interpolation=cv2.INTER_AREA).astype(np.uint8)
            yield frame.time_ms, luma, rows.astype(np.float32), (width, height)


def known_boxes(seen: Seen) -> list[list[Box]]:
    """For each picture, the boxes of all faces that are surely there, within the picture."""
    tracks = link((finding for found in seen.found for finding in found), Tracking(max_gap_ms=BLINK_MS))
    boxes: list[list[Box]] = [[] for _ in seen.times_ms]
    place = {time_ms: number for number, time_ms in enumerate(seen.times_ms)}
    for track in tracks:
        if track.end_ms - track.start_ms >= LEAST_MS and track.score >= SURE:
            for number, box in _mended(track, place, seen.times_ms):
                within = _clipped(box, seen.wh)
                if within is not None:
                    boxes[number].append(within)
    return boxes


def _mended(track: Track, place: dict[int, int], times_ms: Sequence[int]) -> Iterator[tuple[int, Box]]:
    for one, other in zip(track.findings, track.findings[1:], strict=False):
        first, second = place[one.time_ms], place[other.time_ms]
        for number in range(first, second):
            share = (times_ms[number] - one.time_ms) / (other.time_ms - one.time_ms)
            sides = np.array(one.box.xyxy) * (1 - share) + np.array(other.box.xyxy) * share
            yield number, Box(*(float(side) for side in sides))
    yield place[track.findings[-1].time_ms], track.findings[-1].box


def _clipped(box: Box, wh: tuple[int, int]) -> Box | None:
    x0, y0, x1, y1 = max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(wh[0])), min(box.y1, float(wh[1]))
    return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None
