"""Body keypoints of the people that a detector found, from any pose model that ultralytics can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from triage.errors import DetectorError, WeightsError
from triage.findings.network import first_line
from triage.findings.yolo import Fit, open_engine, suppress
from triage.geometry import Box
from triage.records import JOINTS, Finding, Frame, Label, Point, Pose, Reading, Role, Video
from triage.settings import Detecting
from triage.weights import Weights

LEAST_SCORE = 0.1
"""Of a body that the model sees; low, since a detector has already said that somebody is there."""
LEAST_OVERLAP = 0.3
"""Intersection over union of a body's box with a person's, for the body to be that person's."""
BELOW_HEAD = slice(5, 17)
"""The joints by which two sights of one body are compared."""
CLEAR = 0.6
"""Mean score of the joints below the head from which a sight is good enough not to turn the picture."""


class PoseReader:
    """Poses by one weights file."""

    def __init__(self, weights: Weights, roles: Sequence[Role], settings: Detecting) -> None:
        """Open the model.

        Raises:
            WeightsError: the file cannot be read as a model, or is not one of the 17 joints.
        """
        self.name = f"{weights.name}@{weights.sha256[:8]}"
        self.sha256 = weights.sha256
        self.roles = tuple(roles)
        self._engine = open_engine(weights.file, settings.device, settings.precision)
        self.runs_on = self._engine.runs_on
        self._longest_px = settings.image_px or weights.input_px
        self._turned = settings.turned
        self.recipe = repr((self.sha256, self.roles, self._longest_px, self._turned, LEAST_SCORE, LEAST_OVERLAP, CLEAR))
        height, width = self._engine.fixed_hw or (self._longest_px, self._longest_px)
        answer = tuple(self._engine.run(np.zeros((1, height, width, 3), np.uint8)).shape)
        if answer[1] != 4 + len(self._engine.names) + 3 * len(JOINTS):
            raise WeightsError(
                f"{weights.file}: its answer has the shape {answer}; wanted is that of an ultralytics pose model of "
                f"{len(JOINTS)} joints with x, y and score, as trained on COCO"
            )

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        people = [[finding for finding in seen if finding.label is Label.PERSON] for seen in found]
        shown = [place for place, seen in enumerate(people) if seen]
        bodies: dict[int, _Bodies] = {}
        if shown:
            video = frames[0].video
            sights = self._bodies(video, [frames[place].image for place in shown])
            bodies = dict(zip(shown, sights, strict=True))
            unclear = [place for place in shown if self._turned and _is_unclear(people[place], bodies[place])]
            bodies |= self._also_turned(video, {place: (frames[place], bodies[place]) for place in unclear})
        return [
            list(self._poses(frame, seen, bodies[place])) if seen else []
            for place, (frame, seen) in enumerate(zip(frames, people, strict=True))
        ]

    def _also_turned(self, video: Video, seen: Mapping[int, tuple[Frame, _Bodies]]) -> dict[int, _Bodies]:
        """What was seen and what is seen besides where the pictures are turned to either side, as of people who lie."""
        if not seen:
            return {}
        lying = replace(video, width_px=video.height_px, height_px=video.width_px, pixel_aspect=1 / video.pixel_aspect)
        bodies = {place: known for place, (_, known) in seen.items()}
        for quarters in (1, -1):
            images = [np.ascontiguousarray(np.rot90(frame.image, quarters)) for frame, _ in seen.values()]
            for place, further in zip(seen, self._bodies(lying, images), strict=True):
                bodies[place] = bodies[place].and_those(further.turned_back(quarters, video))
        return bodies

    def _bodies(self, video: Video, images: Sequence[npt.NDArray[np.uint8]]) -> list[_Bodies]:
        """All bodies in each picture of a video of this shape."""
        fit = Fit.of(video, self._longest_px, self._engine.fixed_hw)
        try:
            raw = self._engine.run(np.stack([fit.picture(image) for image in images]))
            kept = suppress(raw, LEAST_SCORE, len(self._engine.names))
        except RuntimeError as error:
            raise DetectorError(f"{self.name} failed: {first_line(error)}") from error
        bodies = []
        for rows in kept:
            joints = rows[:, 6:].reshape(-1, len(JOINTS), 3)
            corners = fit.places_back(rows[:, :4].reshape(-1, 2, 2))
            bodies.append(_Bodies(corners, rows[:, 4], fit.places_back(joints[..., :2]), joints[..., 2]))
        return bodies

    def _poses(self, frame: Frame, people: Sequence[Finding], bodies: _Bodies) -> Iterator[Pose]:
        for person, number in zip(people, _matched(people, bodies), strict=True):
            if number is None:
                middle = Point((person.box.x0 + person.box.x1) / 2, (person.box.y0 + person.box.y1) / 2, 0.0)
                yield Pose(frame.video.id, frame.time_ms, person.box, 0.0, (middle,) * len(JOINTS), self.name)
            else:
                points = tuple(_points(bodies.joints[number], bodies.clear[number], frame.video))
                yield Pose(frame.video.id, frame.time_ms, person.box, _score(bodies.scores[number]), points, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class _Bodies:
    """What the model sees in one picture, places in its px."""

    corners: npt.NDArray[np.float64]
    """(n, 2, 2) top left and bottom right x, y."""
    scores: npt.NDArray[np.float32]
    joints: npt.NDArray[np.float64]
    """(n, 17, 2)"""
    clear: npt.NDArray[np.float32]
    """(n, 17) score of each joint."""

    def clearness(self, number: int) -> float:
        return float(self.clear[number, BELOW_HEAD].mean())

    def and_those(self, others: _Bodies) -> _Bodies:
        return _Bodies(
            np.concatenate([self.corners, others.corners]),
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.joints, others.joints]),
            np.concatenate([self.clear, others.clear]),
        )

    def turned_back(self, quarters: int, upright: Video) -> _Bodies:
        """These, of a picture that ``np.rot90`` turned by 1 (to the left) or -1, in the upright picture."""

        def back(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            x, y = places[..., 0], places[..., 1]
            upright_xy = (upright.width_px - y, x) if quarters == 1 else (y, upright.height_px - x)
            return np.stack(upright_xy, axis=-1)

        return _Bodies(np.sort(back(self.corners), axis=1), self.scores, back(self.joints), self.clear)


def _is_unclear(people: Sequence[Finding], bodies: _Bodies) -> bool:
    """Whether somebody's body is not seen, or not well."""
    return any(number is None or bodies.clearness(number) < CLEAR for number in _matched(people, bodies))


def _matched(people: Sequence[Finding], bodies: _Bodies) -> list[int | None]:
    """For each person the number of their body; None: no body was seen there. One body is one person's.

    The bodies that fill a box best come first; of several sights of one body, the clearest.
    """
    fits = []
    for place, person in enumerate(people):
        for number, ((x0, y0), (x1, y1)) in enumerate(bodies.corners.tolist()):
            overlap = person.box.overlap(Box(x0, y0, x1, y1)) if x1 > x0 and y1 > y0 else 0.0
            if overlap >= LEAST_OVERLAP:
                fits.append((-overlap * bodies.clearness(number), place, number))
    mine: list[int | None] = [None] * len(people)
    taken: set[int] = set()
    for _, place, number in sorted(fits):
        if mine[place] is None and number not in taken:
            mine[place] = number
            taken.add(number)
    return mine


def _points(places: npt.NDArray[np.float64], scores: npt.NDArray[np.float32], video: Video) -> Iterator[Point]:
    """The joints of one body; one that would be outside of the picture is put at its edge, as not seen."""
    for (x, y), score in zip(places.tolist(), scores.tolist(), strict=True):
        inside_x, inside_y = min(max(x, 0.0), float(video.width_px)), min(max(y, 0.0), float(video.height_px))
        is_inside = inside_x == x and inside_y == y
        yield Point(round(inside_x, 1), round(inside_y, 1), _score(score) if is_inside else 0.0)


def _score(raw: float) -> float:
    # Rounded: the last bits of a score differ between processors, a report should not.
    return round(min(max(float(raw), 0.0), 1.0), 4)
