"""Body keypoints of the people that a detector found, from any pose model that ultralytics can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from triage.errors import DetectorError, WeightsError
from triage.findings.yolo import OVERLAP, Fit, open_engine, suppress
from triage.geometry import Box
from triage.network import first_line
from triage.records import JOINTS, Finding, Frame, Label, Point, Pose, Reading, Role, Video
from triage.settings import Detecting
from triage.weights import Weights

LEAST_SCORE = 0.1
"""Of a body that the model sees; low, since a detector has already said that somebody is there."""
LEAST_OVERLAP = 0.3
"""Intersection over union of a body's box with a person's, for the body to be that person's."""
ARMS = slice(5, 11)
"""Shoulders, elbows, wrists: the joints by which sights of one body are compared."""
CLEAR = 0.6
"""Mean score of these from which a sight is good enough not to turn the picture."""
TURNED_WORTH = 0.85
"""Share that a sight in a turned picture counts: of a body that is seen both ways, upright is more often right."""
WIDE = 0.9
"""Width of a person's box for its height, as filmed, from which they may lie; somebody who stands has 0.3 to 0.6."""


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
        self.recipe = repr(
            (self.sha256, self.roles, self._longest_px, self._turned, LEAST_SCORE, LEAST_OVERLAP, CLEAR, WIDE)
        )
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
            unclear = [place for place in shown if self._asks_for_turning(video, people[place], bodies[place])]
            bodies |= self._also_turned(video, {place: (frames[place], bodies[place]) for place in unclear})
        return [
            list(self._poses(frame, seen, bodies[place])) if seen else []
            for place, (frame, seen) in enumerate(zip(frames, people, strict=True))
        ]

    def _also_turned(self, video: Video, seen: Mapping[int, tuple[Frame, _Bodies]]) -> dict[int, _Bodies]:
        """What was seen, and what is seen besides where the pictures are turned to either side and upside down."""
        if not seen:
            return {}
        lying = replace(video, width_px=video.height_px, height_px=video.width_px, pixel_aspect=1 / video.pixel_aspect)
        bodies = {place: known for place, (_, known) in seen.items()}
        for quarters, shape in ((1, lying), (2, video), (3, lying)):
            images = [np.ascontiguousarray(np.rot90(frame.image, quarters)) for frame, _ in seen.values()]
            for place, further in zip(seen, self._bodies(shape, images), strict=True):
                bodies[place] = bodies[place].and_those(further.turned_back(quarters, video))
        return bodies

    def _asks_for_turning(self, video: Video, people: Sequence[Finding], bodies: _Bodies) -> bool:
        """Whether somebody is not clearly seen who, unless everybody counts, looks as if they lay."""
        return any(
            (number is None or bodies.worth[number] < CLEAR)
            and (self._turned or person.box.width * video.pixel_aspect >= WIDE * person.box.height)
            for person, number in zip(people, _matched(people, bodies), strict=True)
        )

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
            worth = joints[:, ARMS, 2].mean(axis=1)
            bodies.append(_Bodies(corners, rows[:, 4], fit.places_back(joints[..., :2]), joints[..., 2], worth))
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
    worth: npt.NDArray[np.float32]
    """(n,) what a sight counts against others of the same body."""

    def and_those(self, others: _Bodies) -> _Bodies:
        return _Bodies(
            np.concatenate([self.corners, others.corners]),
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.joints, others.joints]),
            np.concatenate([self.clear, others.clear]),
            np.concatenate([self.worth, others.worth]),
        )

    def turned_back(self, quarters: int, upright: Video) -> _Bodies:
        """These, of a picture that ``np.rot90`` turned so often to the left, in the upright picture."""
        width, height = float(upright.width_px), float(upright.height_px)

        def back(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            x, y = places[..., 0], places[..., 1]
            return np.stack({1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters], axis=-1)

        corners = np.sort(back(self.corners), axis=1)
        return _Bodies(corners, self.scores, back(self.joints), self.clear, self.worth * TURNED_WORTH)


def _matched(people: Sequence[Finding], bodies: _Bodies) -> list[int | None]:
    """For each person the number of their body; None: no body was seen there. One body is one person's.

    The bodies that fill a box best come first; of several sights of one body, the clearest. The others are nobody's:
    they would be taken for somebody beside them.
    """
    boxes = [_box(corners) for corners in bodies.corners.tolist()]
    fits = []
    for place, person in enumerate(people):
        for number, box in enumerate(boxes):
            overlap = person.box.overlap(box) if box else 0.0
            if box and overlap >= LEAST_OVERLAP:
                fits.append((-overlap * float(bodies.worth[number]), place, number, box))
    mine: list[int | None] = [None] * len(people)
    taken: list[Box] = []
    for _, place, number, box in sorted(fits, key=lambda fit: fit[:3]):
        if mine[place] is None and not any(box.overlap(other) > OVERLAP for other in taken):
            mine[place] = number
            taken.append(box)
    return mine


def _box(corners: list[list[float]]) -> Box | None:
    """None: it has no area."""
    (x0, y0), (x1, y1) = corners
    return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _points(places: npt.NDArray[np.float64], scores: npt.NDArray[np.float32], video: Video) -> Iterator[Point]:
    """The joints of one body; one that would be outside of the picture is put at its edge, as not seen."""
    for (x, y), score in zip(places.tolist(), scores.tolist(), strict=True):
        inside_x, inside_y = min(max(x, 0.0), float(video.width_px)), min(max(y, 0.0), float(video.height_px))
        is_inside = inside_x == x and inside_y == y
        yield Point(round(inside_x, 1), round(inside_y, 1), _score(score) if is_inside else 0.0)


def _score(raw: float) -> float:
    # Rounded: the last bits of a score differ between processors, a report should not.
    return round(min(max(float(raw), 0.0), 1.0), 4)
