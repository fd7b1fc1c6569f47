"""The nouns that travel between stages. All are frozen and refuse to exist in a wrong state.

Times are whole milliseconds from the start of the video. ``None`` means "not known", never "failed".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from triage.errors import Refusal
from triage.geometry import Box

SCHEMA = 3
"""Goes up by one when a field of a report or of an exported row changes its meaning or is added."""


class Label(StrEnum):
    """The closed set of things that can be found. Nothing here says who anyone is."""

    PERSON = "person"
    WEAPON = "weapon"
    HANDGUN = "handgun"
    LONG_GUN = "long_gun"
    BLADE = "blade"
    BOUND_HANDS = "bound_hands"
    HANDS_UNKNOWN = "hands_unknown"
    """Somebody whose wrists could not be seen well enough to tell."""
    CAMOUFLAGE = "camouflage"
    SERVICE_DRESS = "service_dress"
    TACTICAL_GEAR = "tactical_gear"
    CIVILIAN = "civilian"
    """Somebody in clothes that are none of these three; it clears nobody."""
    CLOTHING_UNKNOWN = "clothing_unknown"
    POSSIBLE_MINOR = "possible_minor"
    ADULT = "adult"
    """Somebody who is confidently not a minor; everyone else may be one."""
    AGE_UNKNOWN = "age_unknown"
    GRAPHIC = "graphic"
    SEXUAL = "sexual_content"
    """Possible sexual content; which kind, or whose body, is not kept."""
    FACE = "face"


class Role(StrEnum):
    """What a model is for. A scan says of each role whether anybody looked."""

    PEOPLE = "people"
    WEAPONS = "weapons"
    BOUND_HANDS = "bound_hands"
    UNIFORMS = "uniforms"
    MINORS = "minors"
    GRAPHIC = "graphic"
    FACES = "faces"
    SEXUAL = "sexual"
    COPIES = "copies"
    """It finds nothing in a picture: it makes what pictures are compared by."""


ROLE_LABELS: Mapping[Role, frozenset[Label]] = {
    Role.PEOPLE: frozenset({Label.PERSON}),
    Role.WEAPONS: frozenset({Label.WEAPON, Label.HANDGUN, Label.LONG_GUN, Label.BLADE}),
    Role.BOUND_HANDS: frozenset({Label.BOUND_HANDS, Label.HANDS_UNKNOWN}),
    Role.UNIFORMS: frozenset(
        {Label.CAMOUFLAGE, Label.SERVICE_DRESS, Label.TACTICAL_GEAR, Label.CIVILIAN, Label.CLOTHING_UNKNOWN}
    ),
    Role.MINORS: frozenset({Label.POSSIBLE_MINOR, Label.ADULT, Label.AGE_UNKNOWN}),
    Role.GRAPHIC: frozenset({Label.GRAPHIC}),
    Role.FACES: frozenset({Label.FACE}),
    Role.SEXUAL: frozenset({Label.SEXUAL}),
    Role.COPIES: frozenset(),
}
"""Which labels each role may answer with."""

LOOKS = tuple(role for role in Role if ROLE_LABELS[role])
"""The roles that look for something in a picture."""

ROLE_NEEDS: Mapping[Role, frozenset[Role]] = {
    Role.BOUND_HANDS: frozenset({Role.PEOPLE}),
    Role.UNIFORMS: frozenset({Role.PEOPLE}),
    Role.MINORS: frozenset({Role.PEOPLE, Role.FACES}),
}
"""What must be found first, for the roles that are answered for each person over time. The others need nothing."""


class Joint(StrEnum):
    """The 17 points of a body that COCO marks, in its order; left and right are the person's own."""

    NOSE = "nose"
    LEFT_EYE = "left_eye"
    RIGHT_EYE = "right_eye"
    LEFT_EAR = "left_ear"
    RIGHT_EAR = "right_ear"
    LEFT_SHOULDER = "left_shoulder"
    RIGHT_SHOULDER = "right_shoulder"
    LEFT_ELBOW = "left_elbow"
    RIGHT_ELBOW = "right_elbow"
    LEFT_WRIST = "left_wrist"
    RIGHT_WRIST = "right_wrist"
    LEFT_HIP = "left_hip"
    RIGHT_HIP = "right_hip"
    LEFT_KNEE = "left_knee"
    RIGHT_KNEE = "right_knee"
    LEFT_ANKLE = "left_ankle"
    RIGHT_ANKLE = "right_ankle"


JOINTS = tuple(Joint)


class Queue(StrEnum):
    """Where a video waits, the most urgent first."""

    SEALED = "sealed"
    """Nobody looks at it any further, the program least of all; see ``Sealed``."""
    URGENT = "urgent"
    PRIORITY = "priority"
    ROUTINE = "routine"
    UNREADABLE = "unreadable"


class Extent(StrEnum):
    """How much of a video was reached."""

    WHOLE = "whole"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    """It was read to the end of the file without damage, but its header does not say how long it should be."""


@dataclass(frozen=True, slots=True)
class Video:
    """One video or still picture, named by its bytes."""

    id: str
    """SHA-256 of the file, 64 hex digits."""
    path: Path
    """Where the bytes were read this time; never part of a stored report, since files move."""
    width_px: int
    height_px: int
    """Both of the upright picture, as stored: rotation applied, pixel aspect not."""
    duration_ms: int | None
    """What the header claims for the video stream. None: it claims nothing, as no still picture does."""
    container: str
    codec: str
    pixel_aspect: float = 1.0
    """Width of one stored pixel divided by its height, upright; 1.0 for square pixels."""
    made_at: str | None = None
    """When it was recorded, as its metadata says: ``2023-05-06T10:13:14Z``, without the Z where no zone is named.
    Anyone can write there, and most re-uploads lose it. None: it says nothing that can be a date."""

    def __post_init__(self) -> None:
        if len(self.id) != 64 or self.width_px < 1 or self.height_px < 1 or not self.pixel_aspect > 0:
            raise ValueError(f"a video needs a SHA-256 and a picture size, got {self}")
        if self.duration_ms is not None and self.duration_ms < 0:
            raise ValueError(f"a duration cannot be negative, got {self.duration_ms} ms")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video."""

    video: Video
    time_ms: int
    image: npt.NDArray[np.uint8]
    """(H, W, 3) BGR, upright, read-only."""

    def __post_init__(self) -> None:
        if self.image.shape != (self.video.height_px, self.video.width_px, 3) or self.image.dtype != np.uint8:
            raise ValueError(f"a frame of this video is ({self.video.height_px}, {self.video.width_px}, 3) uint8")
        if self.image.flags.writeable:
            raise ValueError("a frame's picture is read-only")


class View(StrEnum):
    """The part of a picture that a vector is of, its borders cut off. The order is that of ``Embedding.vectors``."""

    WHOLE = "whole"
    MIRRORED = "mirrored"
    """The whole, left and right exchanged."""
    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"
    """These four are quarters: half as wide and half as high."""
    MIDDLE = "middle"
    """Half as wide and half as high, from the middle."""
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    """These four are halves."""
    TURNED_LEFT = "turned_left"
    TURNED_RIGHT = "turned_right"
    UPSIDE_DOWN = "upside_down"
    """The whole, turned by a quarter against the clock, with it, and by a half."""


VIEWS = tuple(View)
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What is kept of one picture to find copies of it: no pixel, and nothing that tells one person from another."""

    time_ms: int
    vectors: Vectors
    """(V, D), one row of unit length for each of ``VIEWS``."""
    background: Vectors
    """(V,) how alike each view is to pictures that have nothing to do with it: cosine in [-1, 1]. A title card or a
    dark wall is like many of them, and then its likeness to another says little."""
    hash: npt.NDArray[np.uint8]
    """(32,) PDQ of the whole, 256 bits, the first in the highest bit of the first byte."""
    quality: int
    """PDQ's measure of how much there is in the picture, 0 to 100."""
    borders: tuple[float, float, float, float]
    """Shares of width and height cut off as borders: left, top, right, bottom."""
    is_comparable: bool
    """False: black, white, one colour or nearly so; it would be like too much else."""
    is_grey: bool
    """There is no colour in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The embeddings of one video as arrays of N pictures, in time order."""

    video: str
    """The video's id: SHA-256 of the file."""
    model: str
    """What made the vectors, ``name@first 8 digits of a hash over it``; others cannot be compared with them."""
    length_ms: int
    """How long the video was seen to be; 0: a still picture."""
    times_ms: npt.NDArray[np.int64]
    """(N,) ascending."""
    until_ms: npt.NDArray[np.int64]
    """(N,) until when the picture stood still; its time, where it did not."""
    vectors: Vectors
    """(N, V, D), rows of unit length; see ``Embedding``."""
    background: Vectors
    """(N, V)"""
    hashes: npt.NDArray[np.uint8]
    """(N, 32)"""
    qualities: npt.NDArray[np.uint8]
    """(N,)"""
    borders: npt.NDArray[np.float32]
    """(N, 4)"""
    is_comparable: npt.NDArray[np.bool_]
    """(N,)"""
    is_grey: npt.NDArray[np.bool_]
    """(N,)"""

    def __post_init__(self) -> None:
        count = len(self.times_ms)
        arrays = (self.until_ms, self.vectors, self.background, self.hashes, self.qualities, self.borders)
        if any(len(array) != count for array in (*arrays, self.is_comparable, self.is_grey)):
            raise ValueError("a fingerprint has a row of everything for each of its pictures")
        if self.vectors.ndim != 3 or self.vectors.shape[1] != len(VIEWS) or self.hashes.shape != (count, 32):
            raise ValueError(f"vectors are (N, {len(VIEWS)}, D) and hashes (N, 32), got {self.vectors.shape}")
        if (np.diff(self.times_ms) < 0).any() or (self.until_ms < self.times_ms).any():
            raise ValueError("pictures are in time order, and stand from their time on")

    def __len__(self) -> int:
        return len(self.times_ms)

    @classmethod
    def of(
        cls,
        video: str,
        model: str,
        length_ms: int,
        embeddings: Sequence[Embedding],
        stood_ms: Mapping[int, int],
        dim: int,
    ) -> Fingerprint:
        """The fingerprint of these pictures.

        Args:
            stood_ms: time of a picture -> until when it stood still, where it did.
            dim: D, which no picture tells if there is none.
        """
        count = len(embeddings)
        times = [each.time_ms for each in embeddings]
        return cls(
            video=video,
            model=model,
            length_ms=length_ms,
            times_ms=np.array(times, np.int64),
            until_ms=np.array([max(time, stood_ms.get(time, time)) for time in times], np.int64),
            vectors=np.array([each.vectors for each in embeddings], np.float32).reshape(count, len(VIEWS), dim),
            background=np.array([each.background for each in embeddings], np.float32).reshape(count, len(VIEWS)),
            hashes=np.array([each.hash for each in embeddings], np.uint8).reshape(count, 32),
            qualities=np.array([each.quality for each in embeddings], np.uint8),
            borders=np.array([each.borders for each in embeddings], np.float32).reshape(count, 4),
            is_comparable=np.array([each.is_comparable for each in embeddings], np.bool_),
            is_grey=np.array([each.is_grey for each in embeddings], np.bool_),
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one video that shows what a stretch of another shows. Half-open, in ms of each."""

    query_start_ms: int
    query_end_ms: int
    stored_start_ms: int
    stored_end_ms: int
    speed: float
    """Stored ms that pass in one query ms: 2.0 if the query shows it twice as fast."""
    mirrored: bool
    similarity: float
    """Mean likeness of its pictures: 1 the same, 0 no more alike than pictures that have nothing to do with it."""

    def __post_init__(self) -> None:
        if self.query_end_ms <= self.query_start_ms or self.stored_end_ms <= self.stored_start_ms or self.speed <= 0:
            raise ValueError(f"a segment lasts, and goes forwards, got {self}")


@dataclass(frozen=True, slots=True)
class Overlap:
    """What one video shows of another, or of a clip in a bank."""

    query: str
    """Id of the video that was asked for."""
    stored: str
    """Id of the other video, SHA-256 of its file."""
    segments: tuple[Segment, ...]
    """In time order of the query, never empty."""
    query_share: float
    """How much of the query's length is shown in the other, in [0, 1]."""
    stored_share: float
    """How much of the other's length the query shows, in [0, 1]. A clip inside a film has one large and one small."""
    edits: tuple[str, ...] = ()
    """What was done to it, as far as it can be told; see ``matches/edits.py``."""

    def __post_init__(self) -> None:
        if not self.segments:
            raise ValueError("an overlap has a segment")
        if not (0 <= self.query_share <= 1 and 0 <= self.stored_share <= 1):
            raise ValueError(f"shares are in [0, 1], got {self.query_share} and {self.stored_share}")


DECODER_STOPPED = "the decoder was stopped"
"""How every sentence begins that says so, in a coverage and in a failure."""
OUT_OF_MEMORY = "would have taken more memory than a decoder may have"
"""What stands in every sentence that says so."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was reached of a video, beside what its header claims."""

    claimed_ms: int | None
    """The header's word for when the pictures end; 0 for a still picture. None: it claims nothing."""
    reached_ms: int
    """End of the last decoded picture."""
    step_ms: int
    """What was on screen for this long was looked at, or was the same as what was; 0: every picture was."""
    sampled: int
    """Pictures that detectors looked at."""
    near_identical: int
    """Moments due for a look whose picture was the same as the last one looked at, so nobody looked again."""
    undecoded: int
    """Damaged packets or pictures that the decoder skipped."""
    why: tuple[str, ...] = ()
    """One sentence for each way in which this is less than the whole."""
    short_ms: int = 0
    """How much of the claim is missing at the end, after the tolerance for one picture."""
    has_end_mark: bool = False
    """The file makes no claim but marks its own end, as a GIF does, and the mark was there."""

    def __post_init__(self) -> None:
        if min(self.reached_ms, self.step_ms, self.sampled, self.near_identical, self.undecoded, self.short_ms) < 0:
            raise ValueError(f"coverage counts cannot be negative, got {self}")
        if (self.undecoded or self.short_ms) and not self.why:
            raise ValueError("partial coverage says why")

    @property
    def extent(self) -> Extent:
        if self.why:
            return Extent.PARTIAL
        return Extent.UNKNOWN if self.claimed_ms is None and not self.has_end_mark else Extent.WHOLE


@dataclass(frozen=True, slots=True)
class Mask:
    """Which parts of a box are meant: a coarse grid laid over it, row by row from the top left."""

    width: int
    height: int
    bits: bytes
    """One bit a cell, the first cell in the highest bit, rows without padding, the last byte filled up with zeros."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or len(self.bits) != -(-self.width * self.height // 8):
            raise ValueError(f"a mask has a bit for each of its cells, got {self}")

    @classmethod
    def of(cls, cells: npt.NDArray[np.bool_]) -> Mask:
        """The mask of an (H, W) array."""
        return cls(cells.shape[1], cells.shape[0], np.packbits(cells).tobytes())

    def cells(self) -> npt.NDArray[np.bool_]:
        """(H, W), true where it is meant."""
        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.width * self.height)
        return bits.reshape(self.height, self.width).astype(np.bool_)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen in one frame."""

    video: str
    """The video's id."""
    time_ms: int
    label: Label
    score: float
    """In [0, 1]: where its weights have a calibration, the share of such boxes that were right when it was measured;
    else how sure the model was, which is no probability unless its card says so."""
    box: Box
    detector: str
    """``name@first 8 digits of the weights' hash``."""
    grade: int | None = None
    """Of graphic content: 1 a trace, 2 clearly visible, 3 a lot. None: it has no grades."""
    mask: Mask | None = None
    """Which parts of the box; None: all of it."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"a score is in [0, 1], got {self.score}")
        if self.grade is not None and not 1 <= self.grade <= 3:
            raise ValueError(f"what was found has a grade from 1 to 3, got {self.grade}")


@dataclass(frozen=True, slots=True)
class Point:
    """Where a joint is, in pixels of the frame."""

    x: float
    y: float
    score: float
    """In [0, 1]: how sure the model is that it saw it there."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"a score is in [0, 1], got {self.score}")


@dataclass(frozen=True, slots=True)
class Pose:
    """How one person holds themselves in one frame."""

    video: str
    time_ms: int
    box: Box
    """The person's."""
    score: float
    points: tuple[Point, ...]
    """One for each of ``JOINTS``, in their order."""
    detector: str

    def __post_init__(self) -> None:
        if len(self.points) != len(JOINTS):
            raise ValueError(f"a pose has {len(JOINTS)} points, got {len(self.points)}")

    def __getitem__(self, joint: Joint) -> Point:
        return self.points[JOINTS.index(joint)]


@dataclass(frozen=True, slots=True)
class AgeReading:
    """What one look at a face says of whether the person is a minor. Never an age."""

    video: str
    time_ms: int
    box: Box
    """The face's."""
    under_18: float
    """Probability, by this look alone."""
    quality: float
    """In [0, 1]: how much this look is worth; 0: too small or too blurred to say anything."""
    detector: str

    def __post_init__(self) -> None:
        if not 0.0 <= self.under_18 <= 1.0 or not 0.0 <= self.quality <= 1.0:
            raise ValueError(f"a probability and a quality are in [0, 1], got {self}")


@dataclass(frozen=True, slots=True)
class ClothingReading:
    """What one look at a person says of their clothes."""

    video: str
    time_ms: int
    box: Box
    """The person's."""
    scores: Mapping[Label, float]
    """Probability of each kind of clothes, by this look alone."""
    quality: float
    """In [0, 1]: how much this look is worth; 0: too small or too blurred to say anything."""
    detector: str

    def __post_init__(self) -> None:
        if not 0.0 <= self.quality <= 1.0 or not all(0.0 <= score <= 1.0 for score in self.scores.values()):
            raise ValueError(f"probabilities and a quality are in [0, 1], got {self}")


Reading = Pose | AgeReading | ClothingReading
"""What was measured on one person in one frame. It is weighed over time and not kept."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all looks at one person together say."""

    probability: float
    low: float
    high: float
    """Where the probability may as well lie, by what was seen."""
    clues: tuple[str, ...]
    """What it rests on, in a few plain words each."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.probability <= self.high <= 1.0:
            raise ValueError(f"a probability lies within its interval, in [0, 1], got {self}")


@dataclass(frozen=True, slots=True)
class Track:
    """Findings of one label that belong together in time."""

    label: Label
    findings: tuple[Finding, ...]
    """In time order, never empty."""
    stood_until_ms: int | None = None
    """Until when pictures stayed the same after the last finding; None: the next one was another, or the end."""
    estimate: Estimate | None = None
    """Of what is judged over a whole track and not in one picture; None: each finding speaks for itself."""

    def __post_init__(self) -> None:
        times = [finding.time_ms for finding in self.findings]
        if not times or times != sorted(times):
            raise ValueError("a track has findings, in time order")
        if self.stood_until_ms is not None and self.stood_until_ms < times[-1]:
            raise ValueError("a picture stands from its look on")
        if any(finding.label is not self.label for finding in self.findings):
            raise ValueError(f"a track of {self.label} holds only findings of {self.label}")

    @property
    def start_ms(self) -> int:
        return self.findings[0].time_ms

    @property
    def end_ms(self) -> int:
        """Last moment at which it is known to be there; it may have lasted one sampling step longer."""
        return self.findings[-1].time_ms if self.stood_until_ms is None else self.stood_until_ms

    @property
    def score(self) -> float:
        """What all looks together say, or else the best of its findings: a look that saw less never lowers it."""
        if self.estimate is not None:
            return self.estimate.probability
        return max(finding.score for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Fault:
    """Work that was not done."""

    stage: str
    time_ms: int | None
    """None: it concerns the whole video."""
    why: str
    pictures: int = 0
    """How many were not looked at because of it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a video waits where it waits."""

    rule: str
    words: str
    queue: Queue
    """The queue this reason alone would put the video in."""
    start_ms: int | None = None
    """None: it concerns the whole video."""
    end_ms: int | None = None
    weight: float = 0.0
    """Among reasons of one queue, the heavier is read first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a video waits and why, the most urgent reason first."""

    queue: Queue
    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a verdict has a reason")
        if self.queue is not self.reasons[0].queue:
            raise ValueError(
                f"a verdict's queue is that of its first reason, {self.reasons[0].queue}, got {self.queue}"
            )

    @property
    def weight(self) -> float:
        """Orders the videos of one queue; the heavier comes first."""
        return max(reason.weight for reason in self.reasons if reason.queue is self.queue)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a report came from: with the same of these and the same file, it is the same report, byte for byte."""

    version: str
    settings: str
    """``looking.judging``: first 16 hex digits of a hash over the settings of looking and the weights, and of one over
    the settings of judging and the policy. It names the report's file."""
    weights: Mapping[str, str]
    """Detector name to the SHA-256 of its weights."""
    runs_on: Mapping[str, str]
    """Detector name to library, device and precision. Where two machines differ here, reports may differ by a hair."""
    looked_for: tuple[Role, ...]
    """Roles of ``LOOKS`` that some detector served."""
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Detector name to the lowest score that counted, by label, and by ``label condition`` where it was another."""

    @property
    def not_looked_for(self) -> tuple[Role, ...]:
        return tuple(role for role in LOOKS if role not in self.looked_for)


@dataclass(frozen=True, slots=True)
class Report:
    """All that one scan says of one video."""

    video: Video
    coverage: Coverage
    verdict: Verdict
    tracks: tuple[Track, ...]
    faults: tuple[Fault, ...]
    provenance: Provenance
    conditions: Mapping[str, int] = field(default_factory=dict)
    """How many of the pictures looked at were taken by day, by night, in grey or small; what is absent is none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that has no pictures to look at, and why."""

    id: str | None
    """SHA-256 of the file; None where its bytes could not be read."""
    kind: Refusal
    why: str
    provenance: Provenance

    @property
    def verdict(self) -> Verdict:
        return Verdict(Queue.UNREADABLE, (Reason(self.kind.value, self.why, Queue.UNREADABLE),))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that is not looked at any further: possible sexual content, and a minor could not be excluded.

    All that is kept of it: no track, no box, no score, no length.
    """

    id: str
    """SHA-256 of the file."""
    time_ms: int | None
    """When the sexual content was first seen; None: the note of it is lost."""
    why: str
    provenance: Provenance

    @property
    def verdict(self) -> Verdict:
        return Verdict(Queue.SEALED, (Reason("sealed", self.why, Queue.SEALED, self.time_ms, self.time_ms),))


class Covered(StrEnum):
    """What a review copy does not show."""

    GRAPHIC = "graphic"
    MINOR_FACES = "minor_faces"
    """Faces of everyone who is not confidently adult."""
    FACES = "faces"
    PEOPLE = "people"
    WEAPONS = "weapons"
    UNSEEN = "unseen"
    """Nobody looked there, or looked and could not tell: gaps, damage, what the check of a copy found."""


class Style(StrEnum):
    """How it is not shown."""

    SOLID = "solid"
    PIXELATE = "pixelate"
    """So coarse, and with noise, that nothing can be recovered."""
    BLUR = "blur"
    """For comfort, not for identity: much of a blurred picture can be computed back."""
    DRAWING = "drawing"
    """The whole picture with its edges kept and its colours reduced. For comfort, not for identity."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Something that is covered for some time."""

    start_ms: int
    end_ms: int
    """Half-open: the picture shown at ``end_ms`` is no longer covered."""
    box: Box | None
    """Where, in pixels of the upright picture; it may reach beyond it. None: the whole picture."""
    what: Covered
    why: str
    """A sentence: whose finding it is, or why nobody could tell."""

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"a cover lasts some time, got {self.start_ms} to {self.end_ms} ms")


@dataclass(frozen=True, slots=True)
class ReviewCopy:
    """A copy that was written, closed, opened again and searched before it got its name."""

    video: str
    """Id of the original."""
    path: Path
    sha256: str
    """Of the copy."""
    covers: tuple[Cover, ...]
    style: Style
    check: tuple[str, ...]
    """What the search of the written file found and what was done about it, a sentence each; the last says the risk
    that is left."""
