"""What is judged of a person over time, by role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from triage.estimates.bound_hands import bound_hands
from triage.estimates.minors import minors
from triage.estimates.subjects import Subject, subjects
from triage.estimates.uniforms import uniforms
from triage.records import Reading, Role, Track
from triage.settings import Estimating

ESTIMATORS: Mapping[Role, Callable[[Subject, Sequence[Subject], Estimating], tuple[Track, ...]]] = {
    Role.BOUND_HANDS: bound_hands,
    Role.UNIFORMS: uniforms,
    Role.MINORS: minors,
}
"""Role -> (a person, everybody in the video, settings) -> what is said of that person; () is nothing to say."""


def estimate(
    tracks: Sequence[Track], readings: Iterable[Reading], roles: Iterable[Role], settings: Estimating
) -> tuple[Track, ...]:
    """What can be said of everybody who was seen, for the roles that somebody looked for, in the order of tracks."""
    people = subjects(tracks, readings)
    answers = [
        answer
        for role in roles
        if role in ESTIMATORS
        for person in people
        for answer in ESTIMATORS[role](person, people, settings)
    ]
    return tuple(sorted(answers, key=lambda track: (track.start_ms, track.label, track.findings[0].box.xyxy)))
