"""A plan -> covers for every picture, in one pass over small copies of all of them.

Memory does not grow with the length of the video, but for the covers: pictures are kept from look to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from triage.records import Cover
from triage.redaction.merging import Merger
from triage.redaction.motion import Luma
from triage.redaction.plan import Plan
from triage.redaction.stretches import GROW, LAST_MS, Stretch, Window
from triage.redaction.trails import Sight, Trail, hull
from triage.redaction.unseen import Unseen

LONGEST_MS = 4000
"""What was not looked at for longer, as where a picture stands, is not followed all the way: the hull of both looks is
covered, grown by its own size."""
TOUCHING = 0.1
"""Intersection over union of the boxes of two looks, below which they may be of two."""


def follow(
    plan: Plan,
    pictures: Iterable[tuple[int, Luma]],
    picture_wh: tuple[int, int],
    *,
    looks: Sequence[tuple[int, int]] | None = None,
    grow_by: float = GROW,
) -> Iterator[Cover]:
    """All that a copy must cover; by trail in order of time, otherwise mixed.

    Args:
        pictures: time in ms and small copy, (h, w) luma, upright and about 320 px wide, of every picture of the video,
            in strict order of time. The times are those at which covers are asked for afterwards.
        picture_wh: width and height of the pictures whose pixels boxes are in.
        looks: time of each look, and until when the picture stood still then, in order. Pictures far from any, and
            shots without one, are covered whole. None: not known; then shots shorter than the step in which nothing
            was found are.
        grow_by: share of a box's width and height that is added on every side, at the least.

    Raises:
        ValueError: pictures go back in time, or small copies are not of one size.
    """
    window = Window(picture_wh, grow_by)
    mergers = [Merger(trail.what, trail.why) for trail in plan.trails]
    unseen = Unseen(looks, [sight.time_ms for trail in plan.trails for sight in trail.sights], plan.step_ms)
    waiting = sorted(_stretches(plan), key=lambda stretch: (-stretch.start_ms, -stretch.end_ms))
    under_way: list[Stretch] = []
    yield from plan.covers
    for trail in plan.trails:
        yield from _not_followed(trail, plan.tail_ms)
    for time_ms, luma in pictures:
        settled = window.add(time_ms, luma)
        if settled is not None and plan.covers_unseen:
            yield from unseen.see(settled)
        done = [stretch for stretch in under_way if stretch.end_ms < time_ms]
        under_way = [stretch for stretch in under_way if stretch.end_ms >= time_ms]
        for stretch in done:
            yield from mergers[stretch.trail].add(window.boxes(stretch))
        while waiting and waiting[-1].start_ms <= time_ms:
            under_way.append(waiting.pop())
        window.forget(min((stretch.start_ms for stretch in under_way), default=time_ms))
    for stretch in under_way:
        yield from mergers[stretch.trail].add(window.boxes(stretch))
    for merger in mergers:
        yield from merger.rest()
    last = window.last()
    if last is not None and plan.covers_unseen:
        yield from unseen.see(last)
        yield from unseen.rest(last.time_ms + LAST_MS)


def _stretches(plan: Plan) -> Iterator[Stretch]:
    for number, trail in enumerate(plan.trails):
        yield Stretch.before_first(number, trail.sights[0], plan.tail_ms)
        for before, after in pairwise(trail.sights):
            is_long = _is_long(before, after, plan.tail_ms)
            if not is_long:
                yield Stretch(number, before, after, before.time_ms, after.time_ms)
            # Where the boxes hardly touch they may be of two: then each goes on as if the other had not been seen.
            if is_long or before.box.overlap(after.box) < TOUCHING:
                yield Stretch.after_last(number, before, plan.tail_ms)
                yield Stretch.before_first(number, after, plan.tail_ms)
        yield Stretch.after_last(number, trail.sights[-1], plan.tail_ms)


def _is_long(before: Sight, after: Sight, tail_ms: int) -> bool:
    return after.time_ms - before.time_ms > max(LONGEST_MS, 2 * tail_ms + 1)


def _not_followed(trail: Trail, tail_ms: int) -> Iterator[Cover]:
    for before, after in pairwise(trail.sights):
        if _is_long(before, after, tail_ms):
            yield Cover(before.time_ms, after.time_ms, hull(before.box, after.box).grown(1.0), trail.what, trail.why)
