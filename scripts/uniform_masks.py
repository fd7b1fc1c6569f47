# SPDX-License-Identifier: AGPL-3.0-or-later
"""Persons cut out of a picture by the points of their body and GrabCut, and which of it is cloth."""

from __future__ import annotations

import cv2
import numpy as np
from eval_objects import Array  # first: it switches off what OpenVINO would report

NOTHING, PERSON, CLOTH = 0, 1, 2
MARGIN = 0.12
"""Share of the box's sides that a cut picture holds around it."""
LONGEST_PX = 224
"""Longer side of a box in a cut picture."""
LIKELY = 0.4
"""Score of a body's point from which it is used."""
LIMBS = ((5, 7), (7, 9), (6, 8), (8, 10), (5, 6), (11, 12), (5, 11), (6, 12), (11, 13), (13, 15), (12, 14), (14, 16))


def cut(
    picture: Array, box: Array, points: Array | None
) -> tuple[Array, tuple[float, float, float, float], Array | None]:
    """The box with its margin as a picture of its own; box and points (17, 3) move along."""
    width, height = box[2:] - box[:2]
    grow = np.array([width, height]) * MARGIN
    low = np.maximum(np.floor(box[:2] - grow), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + grow), picture.shape[1::-1]).astype(int)
    scale = min(1.0, LONGEST_PX / max(width, height))
    image = picture[low[1] : high[1], low[0] : high[0]]
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = ((box - np.tile(low, 2)) * scale).tolist()
    if points is not None:
        points = np.hstack([(points[:, :2] - low) * scale, points[:, 2:]])
    return np.ascontiguousarray(image), (x0, y0, x1, y1), points


def cut_out(
    image: Array, box: tuple[float, float, float, float], points: Array
) -> tuple[Array | None, tuple[float, float, float] | None]:
    """Mask of the person and of their clothes by the body's points and GrabCut, and the head's circle."""
    likely = points[:, 2] >= LIKELY
    if not (likely[5] and likely[6]):
        return None, None
    shoulders = points[[5, 6], :2]
    broad = max(float(np.linalg.norm(shoulders[0] - shoulders[1])), (box[2] - box[0]) * 0.25)
    face = points[:5][likely[:5], :2]
    centre = face.mean(axis=0) if len(face) else shoulders.mean(axis=0) - (0, 0.6 * broad)
    radius = float(np.clip(0.75 * abs(shoulders[:, 1].mean() - centre[1]), 0.18 * broad, 0.6 * broad))
    seeds = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    x0, y0, x1, y1 = (round(side) for side in box)
    seeds[max(y0, 0) : y1, max(x0, 0) : x1] = cv2.GC_PR_BGD
    for value, thick in ((cv2.GC_PR_FGD, 0.42), (cv2.GC_FGD, 0.14)):
        for start, end in LIMBS:
            if likely[start] and likely[end]:
                ends = [tuple(np.round(points[one, :2]).astype(int).tolist()) for one in (start, end)]
                cv2.line(seeds, ends[0], ends[1], int(value), max(1, round(thick * broad)))
        at = (round(centre[0]), round(centre[1]))
        cv2.circle(seeds, at, max(1, round(radius * (1.3 if value == cv2.GC_PR_FGD else 0.7))), int(value), -1)
        if likely[11] and likely[12]:
            torso = np.round(points[[5, 6, 12, 11], :2]).astype(np.int32)
        else:  # the hips are cut off: the trunk goes straight down
            down = np.array([0, max(image.shape[0] - shoulders[:, 1].mean(), broad)])
            torso = np.round(np.concatenate([shoulders, shoulders[::-1] + down])).astype(np.int32)
        middle = torso.mean(axis=0)
        shape = torso if value == cv2.GC_PR_FGD else np.round(middle + (torso - middle) * 0.75).astype(np.int32)
        cv2.fillConvexPoly(seeds, shape, int(value))
    if not (seeds == cv2.GC_BGD).any():  # the box is the whole picture: take what borders it above the shoulders
        above = max(3, round(shoulders[:, 1].mean() - 0.3 * radius))
        seeds[:2], seeds[:above, :2], seeds[:above, -2:] = (cv2.GC_BGD,) * 3
    if not (seeds == cv2.GC_FGD).any():
        return None, None
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, seeds, None, *models, 3, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]  # None is the rectangle
    person = ((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return person + cloth_of(image, person, points, centre, radius), (float(centre[0]), float(centre[1]), radius)


def cloth_of(image: Array, person: Array, points: Array, centre: Array, radius: float) -> Array:
    """1 where a person's mask is cloth: neither head nor hand nor of the face's colour."""
    cloth = person.copy()
    shoulder = points[[5, 6], 1].mean()
    cv2.circle(cloth, (round(centre[0]), round(centre[1])), round(radius * 1.15), 0, -1)
    cloth[: max(0, round(min(shoulder - 0.2 * radius, centre[1] + radius)))] = 0
    ys, xs = np.ogrid[: image.shape[0], : image.shape[1]]
    face = person.astype(bool) & ((xs - centre[0]) ** 2 + (ys - centre[1]) ** 2 < (0.6 * radius) ** 2)
    colours = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., 1:].astype(np.float32)
    if face.sum() >= 12:
        skin = np.median(colours[face], axis=0)
        if np.abs(skin - 128).max() > 8:  # in grey pictures skin has no colour
            cloth[np.abs(colours - skin).max(axis=2) < 7] = 0
    return np.asarray(cv2.morphologyEx(cloth, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) & person)
