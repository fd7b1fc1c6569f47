"""Where a stretch begins and ends, and how much of a video some stretches are. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from triage.geometry import Span, union
from triage.matches.align import Stretch
from triage.matches.moments import Moments
from triage.records import Fingerprint, Segment

SNAP = 1.3
"""Times the uncertainty of an end within which it is taken to be that of the other video: the line has its own."""
CUT_SHARE = 0.85
"""Of a step: a look that comes sooner came because the picture changed, so a shot begins just there."""


def segment(stretch: Stretch, query: Moments, stored: Moments) -> Segment:
    """The stretch with its ends.

    Between the last picture that agrees and the first that does not lies a change. Where a look came out of step, it
    came because of the change and tells its time; else the change is taken to be half way. A copy cannot begin before
    the video that it is a copy of, nor end after it.
    """
    first, last = int(stretch.query[0]), int(stretch.query[-1])
    speed, offset = stretch.speed, stretch.offset_ms
    start, before = _start(query, first)
    end, after = _end(query, last)
    start, before = _within(start, before, -offset / speed)
    end, after = _within(end, after, (stored.length_ms - offset) / speed)
    stored_start = _close(speed * start + offset, 0.0, max(speed * before, stored.step_ms / 4))
    stored_end = _close(speed * end + offset, float(stored.length_ms), max(speed * after, stored.step_ms / 4))
    query_span = _whole(start, end, query.length_ms)
    stored_span = _whole(stored_start, stored_end, stored.length_ms)
    return Segment(*query_span, *stored_span, speed, stretch.mirrored, stretch.similarity)


def seen_segment(stretch: Stretch, query: Moments, stored: Moments) -> Segment:
    """The same, where one of the two is a single picture: it is all of its side, the ends are those of the other."""
    query_span, stored_span = (
        _whole(_start(moments, int(seen[0]))[0], _end(moments, int(seen[-1]))[0], moments.length_ms)
        for moments, seen in ((query, stretch.query), (stored, stretch.stored))
    )
    return Segment(*query_span, *stored_span, stretch.speed, stretch.mirrored, stretch.similarity)


def _start(moments: Moments, first: int) -> tuple[float, float]:
    """When the picture of this moment came, as far as it can be told, and by how much that may be wrong."""
    time = float(moments.times_ms[first])
    if first == 0:
        return (0.0, 0.0) if time <= moments.step_ms else (time, 0.0)
    gap = time - float(moments.times_ms[first - 1])
    if gap < CUT_SHARE * moments.step_ms:
        return time, gap / 2
    half = min(gap, moments.step_ms * 1.5) / 2
    return time - half, half


def _end(moments: Moments, last: int) -> tuple[float, float]:
    time = float(moments.times_ms[last])
    if last == len(moments) - 1:
        left = moments.length_ms - time
        return (float(moments.length_ms), 0.0) if left <= 1.5 * moments.step_ms else (time + moments.step_ms / 2, 0.0)
    gap = float(moments.times_ms[last + 1]) - time
    if gap < CUT_SHARE * moments.step_ms:
        return time + gap, gap / 2
    half = min(gap, moments.step_ms * 1.5) / 2
    return time + half, half


def _within(time: float, uncertain: float, limit: float) -> tuple[float, float]:
    """The time, or the limit where that is as likely."""
    return (limit, 0.0) if uncertain and abs(time - limit) <= SNAP * uncertain else (time, uncertain)


def _close(time: float, limit: float, uncertain: float) -> float:
    return limit if abs(time - limit) <= uncertain else time


def _whole(start: float, end: float, length: int) -> Span:
    """In whole ms, inside the video, and at least 1 ms long."""
    begins = min(max(0, round(start)), length - 1)
    return begins, min(max(begins + 1, round(end)), length)


def share(spans: Iterable[Span], length_ms: int) -> float:
    """How much of a video these stretches are together, in [0, 1]."""
    return min(1.0, sum(end - start for start, end in union(spans)) / max(1, length_ms))


def uncomparable_ms(fingerprint: Fingerprint) -> list[Span]:
    """The stretches of a video that could not be compared: black, white, one colour or nearly so."""
    times, until = fingerprint.times_ms, fingerprint.until_ms
    length = max(1, fingerprint.length_ms)
    ends = np.append(times[1:], max(length, int(until[-1]) if len(until) else 0))
    blank = np.flatnonzero(~fingerprint.is_comparable)
    return union((int(times[row]), int(max(ends[row], times[row] + 1))) for row in blank)
