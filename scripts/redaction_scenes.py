# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drawn clips with a box known for every picture: a face-like patch that moves, turns, hides, shakes and is cut away.

Grey pictures of 640 x 360, 30 a second. A box counts while at least a quarter of it is to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from triage.geometry import Box

Grey = npt.NDArray[np.uint8]
"""(H, W)"""
Random = np.random.Generator

WIDTH, HEIGHT, FPS, PICTURES = 640, 360, 30, 135
LEAST_SEEN = 0.25
"""Share of a box that must be to be seen for it to count."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the patch is in one picture, and how it looks."""

    x: float
    y: float
    size: float = 44.0
    """Width in pixels; it is a quarter higher than wide."""
    degrees: float = 0.0
    turn: float = 0.0
    """-1 to 1: how far the head is turned to one side; the features slide and the hair comes round."""
    shot: int = 0
    camera: tuple[float, float] = (0.0, 0.0)
    """How far the whole picture is moved."""
    contrast: float = 1.0
    blur: float = 0.0
    """Standard deviation of a blur of the whole picture, in pixels."""
    smear: float = 0.0
    """Length of a smear of the patch along its motion, in pixels."""
    bar: float | None = None
    """Middle of a bar that stands in front of it, in pixels."""
    is_there: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One picture, and the box that must be covered in it."""

    time_ms: int
    image: Grey
    box: Box | None
    seen: float
    """Share of the box that is to be seen; a detector finds it from about a half on."""
    turn: float
    shot: int


Motion = Callable[[int, Random], list[Pose]]


def _line(n: int, random: Random, *, speed: float = 2.0) -> list[Pose]:
    """A straight line that is turned back at the picture's borders."""
    angle = random.uniform(0, 2 * np.pi)
    step = speed * np.array([np.cos(angle), np.sin(angle) * 0.6])
    at = np.array([random.uniform(150, WIDTH - 150), random.uniform(90, HEIGHT - 90)])
    poses = []
    for _ in range(n):
        for axis, (low, high) in enumerate(((60, WIDTH - 60), (60, HEIGHT - 60))):
            if not low <= at[axis] + step[axis] <= high:
                step[axis] = -step[axis]
        at = at + step
        poses.append(Pose(float(at[0]), float(at[1]), smear=float(np.hypot(*step)) * 0.3))
    return poses


def constant(n: int, random: Random) -> list[Pose]:
    return _line(n, random, speed=random.uniform(1.5, 4))


def sudden(n: int, random: Random) -> list[Pose]:
    """It stands still, starts within one picture and stops again."""
    poses = _line(n, random, speed=0.0)
    x, y, going = poses[0].x, poses[0].y, np.zeros(2)
    moved = []
    for index in range(n):
        if index % 22 == 11:
            going = random.normal(0, 1, 2) * (9, 4)
        if index % 22 == 17:
            going = np.zeros(2)
        x, y = np.clip(x + going[0], 60, WIDTH - 60), np.clip(y + going[1], 60, HEIGHT - 60)
        moved.append(Pose(float(x), float(y)))
    return moved


def turning(n: int, random: Random) -> list[Pose]:
    rate = random.uniform(0.8, 1.4)
    return [
        replace(pose, turn=float(np.sin(rate * 2 * np.pi * index / FPS)))
        for index, pose in enumerate(_line(n, random, speed=1.0))
    ]


def occluded(n: int, random: Random) -> list[Pose]:
    start = random.uniform(0, WIDTH)
    return [replace(pose, bar=(start + 7 * index) % WIDTH) for index, pose in enumerate(_line(n, random, speed=1.5))]


def cuts(n: int, random: Random) -> list[Pose]:
    poses: list[Pose] = []
    while len(poses) < n:
        shot, is_there = len({pose.shot for pose in poses}), random.random() < 0.75
        length = int(random.integers(14, 45))
        poses += [replace(pose, shot=shot, is_there=is_there) for pose in _line(length, random, speed=2.0)]
    return poses[:n]


def shaking(n: int, random: Random) -> list[Pose]:
    shifts = np.cumsum(random.normal(0, 5, (n, 2)), axis=0)
    shifts -= np.array([np.convolve(shifts[:, axis], np.ones(15) / 15, "same") for axis in (0, 1)]).T
    return [
        replace(pose, camera=(float(dx), float(dy)))
        for pose, (dx, dy) in zip(_line(n, random, speed=1.0), shifts, strict=True)
    ]


def fast(n: int, random: Random) -> list[Pose]:
    """Up to its own width in three pictures."""
    return _line(n, random, speed=random.uniform(9, 14))


def scaling(n: int, random: Random) -> list[Pose]:
    rate = random.uniform(0.3, 0.7)
    return [
        replace(pose, size=44 * float(np.exp(0.7 * np.sin(rate * 2 * np.pi * index / FPS))))
        for index, pose in enumerate(_line(n, random, speed=1.5))
    ]


def rotating(n: int, random: Random) -> list[Pose]:
    rate = random.uniform(60, 150)
    return [replace(pose, degrees=rate * index / FPS) for index, pose in enumerate(_line(n, random, speed=1.5))]


def entering(n: int, random: Random) -> list[Pose]:
    """It crosses the picture from outside to outside."""
    speed, y, start = random.uniform(4, 9), random.uniform(80, HEIGHT - 80), random.integers(0, 20)
    way = WIDTH + 160
    return [Pose(float(speed * (index - start) % way - 80), y + index * 0.3) for index in range(n)]


def faint(n: int, random: Random) -> list[Pose]:
    return [replace(pose, contrast=0.18) for pose in _line(n, random, speed=2.0)]


def blurred(n: int, random: Random) -> list[Pose]:
    return [
        replace(pose, blur=float(max(0.0, 6 * np.sin(2 * np.pi * index / 50))))
        for index, pose in enumerate(_line(n, random, speed=2.5))
    ]


def small(n: int, random: Random) -> list[Pose]:
    return [replace(pose, size=18.0) for pose in _line(n, random, speed=1.5)]


def erratic(n: int, random: Random) -> list[Pose]:
    """A hand-held camera, a walk with bobbing, and turns of the head, all at once."""
    shifts = np.cumsum(random.normal(0, 2, (n, 2)), axis=0) * 0.7
    phase = random.uniform(0, 6)
    return [
        replace(
            pose,
            y=pose.y + 7 * float(np.sin(0.45 * index + phase)),
            turn=float(np.sin(0.12 * index + phase)),
            camera=(float(shifts[index][0]), float(shifts[index][1])),
        )
        for index, pose in enumerate(_line(n, random, speed=3.0))
    ]


SCENES: Mapping[str, Motion] = {
    "constant": constant,
    "sudden": sudden,
    "turning": turning,
    "occluded": occluded,
    "cuts": cuts,
    "shaking": shaking,
    "fast": fast,
    "scaling": scaling,
    "rotating": rotating,
    "entering": entering,
    "faint": faint,
    "blurred": blurred,
    "small": small,
    "erratic": erratic,
}


def draw(name: str, seed: int) -> Iterator[Shown]:
    """The pictures of one scene; the same seed gives the same."""
    random = np.random.default_rng([seed, sorted(SCENES).index(name)])
    poses = SCENES[name](PICTURES, random)
    textures = np.random.default_rng([seed, 99])
    grounds = [_texture(textures, HEIGHT + 200, WIDTH + 200) for _ in range(max(pose.shot for pose in poses) + 1)]
    face = _face(textures)
    way = random.normal(0, 1, 2)
    way /= np.hypot(*way)
    for index, pose in enumerate(poses):
        yield _picture(index, pose, grounds[pose.shot], face, textures)


def _texture(random: Random, height: int, width: int) -> Grey:
    total = np.zeros((height, width), np.float32)
    for cell in (4, 16, 64):
        coarse = random.normal(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * cell**0.4
    return np.asarray(np.clip(random.uniform(90, 140) + 22 * total / total.std(), 0, 255), np.uint8)


def _face(random: Random) -> Grey:
    """(200, 400): the front of a head in the middle, its sides and back left and right of it."""
    head = np.full((200, 400), 175, np.float32)
    head += cv2.GaussianBlur(random.normal(0, 60, head.shape).astype(np.float32), (0, 0), 5)
    cv2.rectangle(head, (0, 0), (400, 45), 50, -1)
    cv2.rectangle(head, (0, 0), (110, 200), 60, -1)
    cv2.rectangle(head, (290, 0), (400, 200), 60, -1)
    for x in (165, 235):
        cv2.ellipse(head, (x, 90), (20, 9), 0, 0, 360, 235, -1)
        cv2.circle(head, (x, 90), 8, 30, -1)
        cv2.line(head, (x - 24, 70), (x + 24, 70), 60, 6)
    cv2.line(head, (200, 95), (206, 130), 130, 5)
    cv2.ellipse(head, (200, 158), (32, 9), 0, 0, 360, 80, -1)
    return np.clip(head, 0, 255).astype(np.uint8)


def _picture(index: int, pose: Pose, ground: Grey, face: Grey, random: Random) -> Shown:
    dx, dy = (round(float(np.clip(shift, -99, 99))) for shift in pose.camera)
    image = ground[100 - dy : 100 - dy + HEIGHT, 100 - dx : 100 - dx + WIDTH].copy()
    box, seen = None, 0.0
    if pose.is_there:
        box, seen = _put(image, replace(pose, x=pose.x + dx, y=pose.y + dy), face)
    if pose.bar is not None:
        left = round(pose.bar) - 45
        image[:, max(0, left) : max(0, left + 90)] = 70
        if box is not None:
            hidden = max(0.0, min(box.x1, left + 90) - max(box.x0, left)) / box.width
            seen *= 1 - hidden
    if pose.contrast != 1.0:
        image = np.clip(110 + (image.astype(np.float32) - 110) * pose.contrast, 0, 255).astype(np.uint8)
    if pose.blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), pose.blur).astype(np.uint8)
    noisy = image.astype(np.int16) + random.integers(-4, 5, image.shape, dtype=np.int16)
    image = np.clip(noisy, 0, 255).astype(np.uint8)
    is_true = box is not None and seen >= LEAST_SEEN
    return Shown(round(index * 1000 / FPS), image, box if is_true else None, seen, pose.turn, pose.shot)


def _put(image: Grey, pose: Pose, face: Grey) -> tuple[Box | None, float]:
    """Draw the head into the picture; its box within the picture and the share of it that lies there."""
    width, height = pose.size * (1 - 0.12 * abs(pose.turn)), pose.size * 1.25
    middle = 200 + 95 * pose.turn
    front = face[:, int(middle - 80) : int(middle + 80)]
    if pose.smear > 1:
        front = cv2.blur(front, (max(1, round(pose.smear * 160 / width)), 1)).astype(np.uint8)
    turned = cv2.getRotationMatrix2D((0.0, 0.0), pose.degrees, 1.0)[:, :2]
    linear = turned @ np.diag([width / 160, height / 200])
    matrix = np.hstack([linear, (np.array([pose.x, pose.y]) - linear @ [80, 100])[:, None]])
    alpha = np.zeros((200, 160), np.uint8)
    cv2.ellipse(alpha, (80, 100), (79, 99), 0, 0, 360, 255, -1)
    size = (image.shape[1], image.shape[0])
    drawn = cv2.warpAffine(front, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR) > 127
    image[mask] = drawn[mask]
    # The tight box of a turned ellipse.
    half_w, half_h = (float(np.hypot(*(linear[axis] * (80, 100)))) for axis in (0, 1))
    x0, y0, x1, y1 = pose.x - half_w, pose.y - half_h, pose.x + half_w, pose.y + half_h
    within = (max(x0, 0.0), max(y0, 0.0), min(x1, float(size[0])), min(y1, float(size[1])))
    if within[2] - within[0] < 1 or within[3] - within[1] < 1:
        return None, 0.0
    box = Box(*within)
    return box, box.area / ((x1 - x0) * (y1 - y0))
