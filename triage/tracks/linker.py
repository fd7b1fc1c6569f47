"""Findings -> tracks: what was seen at neighbouring moments in neighbouring places is one thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

import numpy as np

from triage.records import Finding, Label, Track
from triage.settings import Tracking

NOMINAL_RATE = 3.0
"""Looks a second at which ByteTrack's motion model is as sure of itself as it was tuned to be: the default sampling.
Real times are given with every look, so other rates work too."""


NOTHING_STOOD: Mapping[int, int] = MappingProxyType({})


def link(
    findings: Iterable[Finding], settings: Tracking, stood_ms: Mapping[int, int] = NOTHING_STOOD
) -> tuple[Track, ...]:
    """Tracks of one video; every finding is in exactly one.

    Deterministic: the same findings give the same tracks, in the order of (start, label, box).

    Args:
        stood_ms: time of a look -> last time until which the pictures after it were the same, so that nobody looked.
            While a picture in which something was found stands, it is there: that time does not count as a gap.
    """
    by_label: dict[Label, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_label[finding.label].append(finding)
    tracks = [
        track for label, of_label in by_label.items() for track in _link_label(label, of_label, settings, stood_ms)
    ]
    return tuple(sorted(tracks, key=lambda track: (track.start_ms, track.label, track.findings[0].box.xyxy)))


def _link_label(
    label: Label, findings: Sequence[Finding], settings: Tracking, stood_ms: Mapping[int, int]
) -> list[Track]:
    # Imported here: supervision brings matplotlib with it, and most of the program never links anything.
    import supervision
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(
        lost_track_buffer=round(settings.max_gap_ms * 30 / 1000),  # counted in thirtieths of a second
        frame_rate=NOMINAL_RATE,
        track_activation_threshold=0.0,  # every finding is above its operating point already: each may start a track
        minimum_consecutive_frames=1,
        minimum_iou_threshold=settings.least_overlap,
        high_conf_det_threshold=0.0,
    )
    members: dict[int, list[Finding]] = defaultdict(list)
    alone: list[list[Finding]] = []
    stood_so_far_ms = 0
    for time_ms, at_once in groupby(sorted(findings, key=_order), key=lambda finding: finding.time_ms):
        seen = list(at_once)
        detections = supervision.Detections(
            xyxy=np.array([finding.box.xyxy for finding in seen], dtype=np.float64),
            confidence=np.array([finding.score for finding in seen], dtype=np.float64),
            data={"position": np.arange(len(seen))},
        )
        # A track gets its number only when it is met a second time, and its first finding would stay outside; so
        # each look is shown twice, a microsecond apart.
        moved_s = (time_ms - stood_so_far_ms) / 1000
        tracker.update(detections, timestamp=moved_s)
        linked = tracker.update(detections, timestamp=moved_s + 1e-6)
        stood_so_far_ms += stood_ms.get(time_ms, time_ms) - time_ms
        for position, number in zip(linked.data["position"], linked.tracker_id, strict=True):
            finding = seen[int(position)]
            if number >= 0:
                members[int(number)].append(finding)
            else:
                alone.append([finding])
    return [Track(label, tuple(group), stood_ms.get(group[-1].time_ms)) for group in [*alone, *members.values()]]


def _order(finding: Finding) -> tuple[int, float, tuple[float, ...], str]:
    return (finding.time_ms, -finding.score, finding.box.xyxy, finding.detector)
