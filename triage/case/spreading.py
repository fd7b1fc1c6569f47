"""What was decided about one video, shown at its copies: never a decision of its own. Pure.

A decision on a stretch holds for the stretches of copies that show the same; one on a whole video, for what of the
copies shows that video. It goes on to copies of copies, and says by way of which. Where somebody decided about the copy
itself, that counts there, and nothing is carried to it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triage.case.decisions import Act, Decision, standing
from triage.records import Overlap, Segment

Span = tuple[int, int]
Size = tuple[int, int]
"""Width and height in pixels."""

RESHAPED = frozenset(
    {"turned by 90°", "upside down", "cropped", "part of a larger picture", "borders added", "borders cut off"}
)
"""Edits after which a place in the picture is another place in the copy, and nobody knows which: boxes stay behind."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A decision about another video that holds for a stretch of this one too."""

    decision: Decision
    """As it was made, about the other one."""
    video: str
    """The copy."""
    start_ms: int
    end_ms: int
    """Half-open, of the copy."""
    is_mirrored: bool = False
    """The copy shows it with left and right exchanged."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of the correction, for the copy: its time, and its box as far as it can be told; without a box otherwise."""
    by_way_of: tuple[str, ...] = ()
    """Copies between the two, from the decision on; none: the copy was compared with it directly."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """A stretch of a copy that shows what was decided about."""

    span: Span
    is_mirrored: bool
    time_ms: int | None
    """Where the correction's moment lies in it; None: there is none, or not here."""
    box: tuple[float, ...] | None
    by_way_of: tuple[str, ...]


def spread(
    decisions: Iterable[Decision], overlaps: Iterable[Overlap], sizes: Mapping[str, Size] | None = None
) -> list[Spread]:
    """What follows for copies, in the order of the decisions, then of the copies and their time.

    Args:
        decisions: all of the case, in order, also those that do not stand any more.
        overlaps: between videos of the case, in one direction or both (``one.overlap for one in copies.within()``).
        sizes: of the videos; a box is carried only between two that are known, and not past what reshaped the picture.
    """
    made = [one for one in standing(list(decisions)) if not one.judged.is_second]
    links = _links(overlaps)
    direct = _direct(made)
    found: list[Spread] = []
    for one in made:
        reached = _reach(one, links, sizes or {})
        for video in sorted(reached):
            for part in _merged(reached[video]):
                free = _without(part.span, direct.get((video, one.judged.about), []))
                found += [_spread(one, video, span, part) for span in free]
    return found


def around(video: str, of: Callable[[str], Iterable[Overlap]]) -> list[Overlap]:
    """Every overlap over which something can be carried to or from this video, without reading those of all others.

    Args:
        of: the overlaps between one video and others of the case.
    """
    met, waiting, found = {video}, [video], []
    while waiting:
        for overlap in of(waiting.pop()):
            found.append(overlap)
            new = {overlap.query, overlap.stored} - met
            met |= new
            waiting += sorted(new)
    return found


def mirrored(box_xyxy: Sequence[float], width_px: int) -> tuple[float, ...]:
    """The box in the picture with left and right exchanged."""
    x0, y0, x1, y1 = box_xyxy
    return (width_px - x1, y0, width_px - x0, y1)


def _links(overlaps: Iterable[Overlap]) -> dict[str, dict[str, tuple[Overlap, bool]]]:
    """Video -> copy -> their overlap, and whether the copy is its query: each pair once for each direction."""
    links: dict[str, dict[str, tuple[Overlap, bool]]] = defaultdict(dict)
    for one in overlaps:
        links[one.query][one.stored] = (one, False)
        links[one.stored].setdefault(one.query, (one, True))
    return links


def _direct(made: Sequence[Decision]) -> Mapping[tuple[str, str], list[Span]]:
    """Where somebody decided about a video itself, by what it was about; what is about all of it is about anything."""
    direct: dict[tuple[str, str], list[Span]] = defaultdict(list)
    abouts = {one.judged.about for one in made}
    for one in made:
        judged = one.judged
        if judged.act is not Act.NOTE:
            for about in {judged.about} if judged.about else abouts:
                direct[judged.video, about].append(_span(one))
    return direct


def _span(decision: Decision) -> Span:
    judged = decision.judged
    if judged.start_ms is None or judged.end_ms is None:
        return (0, 2**62)
    return (judged.start_ms, judged.end_ms)


def _reach(
    decision: Decision, links: Mapping[str, Mapping[str, tuple[Overlap, bool]]], sizes: Mapping[str, Size]
) -> dict[str, list[_Reached]]:
    """Every copy that shows what was decided about, each by the fewest steps."""
    judged = decision.judged
    time_ms, box = judged.values.get("time_ms"), judged.values.get("box_xyxy")
    start = _Reached(
        _span(decision),
        is_mirrored=False,
        time_ms=time_ms if isinstance(time_ms, int) else None,
        box=tuple(box) if isinstance(box, list) else None,
        by_way_of=(),
    )
    edge, reached = {judged.video: [start]}, {judged.video: [start]}
    while edge:
        further: dict[str, list[_Reached]] = defaultdict(list)
        for video, parts in edge.items():
            for copy, (overlap, is_query) in links.get(video, {}).items():
                if copy in reached:
                    continue
                way = (video,) if video != judged.video else ()
                for part in parts:
                    further[copy] += _through(part, video, copy, overlap, sizes, way, is_query=is_query)
        edge = {video: parts for video, parts in further.items() if parts}
        reached |= edge
    del reached[judged.video]
    return reached


def _through(
    part: _Reached,
    video: str,
    copy: str,
    overlap: Overlap,
    sizes: Mapping[str, Size],
    way: tuple[str, ...],
    *,
    is_query: bool,
) -> Iterator[_Reached]:
    """What of the copy shows this part of the video, by each segment that they share."""
    for segment in overlap.segments:
        here, there = _sides(segment, is_query=is_query)
        start, end = max(part.span[0], here[0]), min(part.span[1], here[1])
        if start >= end:
            continue
        # Rather a frame too much than one too little.
        span = (math.floor(_moved(start, here, there)), math.ceil(_moved(end, here, there)))
        time_ms = None
        if part.time_ms is not None and here[0] <= part.time_ms < here[1]:
            time_ms = round(_moved(part.time_ms, here, there))
        yield _Reached(
            span,
            is_mirrored=part.is_mirrored != segment.mirrored,
            time_ms=time_ms,
            box=_carried(part.box, sizes.get(video), sizes.get(copy), overlap.edits, is_mirrored=segment.mirrored),
            by_way_of=(*part.by_way_of, *way),
        )


def _sides(segment: Segment, *, is_query: bool) -> tuple[Span, Span]:
    """The stretch of the video, and that of its copy."""
    query = (segment.query_start_ms, segment.query_end_ms)
    stored = (segment.stored_start_ms, segment.stored_end_ms)
    return (stored, query) if is_query else (query, stored)


def _moved(time_ms: int, here: Span, there: Span) -> float:
    """The moment of the copy that shows this one. The ends of a segment belong together, so speed is between them."""
    return there[0] + (time_ms - here[0]) * (there[1] - there[0]) / (here[1] - here[0])


def _carried(
    box: tuple[float, ...] | None, here: Size | None, there: Size | None, edits: Iterable[str], *, is_mirrored: bool
) -> tuple[float, ...] | None:
    if box is None or here is None or there is None or RESHAPED & set(edits):
        return None
    x, y = there[0] / here[0], there[1] / here[1]
    scaled = (box[0] * x, box[1] * y, box[2] * x, box[3] * y)
    return mirrored(scaled, there[0]) if is_mirrored else scaled


def _merged(parts: Sequence[_Reached]) -> list[_Reached]:
    """Parts that meet as one, if they show it alike."""
    merged: list[_Reached] = []
    for part in sorted(parts, key=lambda part: (part.by_way_of, part.is_mirrored, part.span)):
        last = merged[-1] if merged else None
        alike = last is not None and (last.is_mirrored, last.by_way_of) == (part.is_mirrored, part.by_way_of)
        if last is not None and alike and part.span[0] <= last.span[1]:
            moment = last if last.time_ms is not None else part
            span = (last.span[0], max(last.span[1], part.span[1]))
            merged[-1] = _Reached(span, part.is_mirrored, moment.time_ms, moment.box, part.by_way_of)
        else:
            merged.append(part)
    return sorted(merged, key=lambda part: part.span)


def _without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of it."""
    left = [span]
    for start, end in taken:
        left = [piece for a, b in left for piece in ((a, min(b, start)), (max(a, end), b)) if piece[0] < piece[1]]
    return left


def _spread(decision: Decision, video: str, span: Span, part: _Reached) -> Spread:
    values = {key: value for key, value in decision.judged.values.items() if key not in {"time_ms", "box_xyxy"}}
    if part.time_ms is not None and span[0] <= part.time_ms < span[1]:
        values["time_ms"] = part.time_ms
        if part.box is not None:
            values["box_xyxy"] = [round(edge, 1) for edge in part.box]
    return Spread(decision, video, *span, part.is_mirrored, values, part.by_way_of)
