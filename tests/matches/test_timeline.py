from __future__ import annotations

from dataclasses import replace

import pytest

from tests.matches.families import Show, overlaps, show
from triage.matches.pairs import Pairs, paired, total_ms, without
from triage.matches.timeline import LEAST_MS, Timeline, cover, lay_out
from triage.records import Overlap, Segment


def laid_out(*shows: Show, blank: dict[str, list[tuple[int, int]]] | None = None) -> Timeline:
    return lay_out({each.id: each.length_ms for each in shows}, paired(overlaps(*shows)), blank or {})


LONG = show("long", ("a", 0, 60_000))


def test_an_excerpt_adds_nothing_and_holds_its_part() -> None:
    excerpt = show("excerpt", ("a", 20_000, 30_000))
    timeline = laid_out(LONG, excerpt)
    assert timeline.length_ms == 60_000
    assert timeline.held(excerpt.id) == [(20_000, 30_000)]
    assert timeline.lone() == {LONG.id: [(0, 20_000), (30_000, 60_000)]}


def test_what_goes_on_after_the_end_of_the_longest_is_added_once() -> None:
    late, later = show("late", ("a", 40_000, 90_000)), show("later", ("a", 70_000, 90_000))
    timeline = laid_out(LONG, late, later)
    assert timeline.length_ms == 90_000
    assert timeline.lone() == {LONG.id: [(0, 40_000)], late.id: [(20_000, 30_000)]}


def test_a_loop_holds_the_stretch_and_adds_nothing() -> None:
    loop = show("loop", *[("a", 5_000, 10_000)] * 4)
    timeline = laid_out(LONG, loop)
    assert timeline.length_ms == 60_000
    assert timeline.held(loop.id) == [(5_000, 10_000)]


def test_a_clip_that_the_longest_shows_again_and_again_holds_every_turn() -> None:
    loop, clip = show("loop", *[("a", 0, 5_000)] * 3), show("clip", ("a", 0, 5_000))
    timeline = laid_out(loop, clip)
    assert timeline.held(clip.id) == [(0, 15_000)]
    assert timeline.lone() == {}


def test_scenes_in_another_order_are_the_same_scenes() -> None:
    turned = show("turned", ("a", 40_000, 60_000), ("a", 0, 20_000), ("a", 20_000, 40_000))
    timeline = laid_out(LONG, turned)
    assert (timeline.length_ms, timeline.lone()) == (60_000, {})


def test_a_copy_at_twice_the_speed_holds_all_of_it() -> None:
    overlap = Overlap("q" * 64, "s" * 64, (Segment(0, 30_000, 0, 60_000, 2.0, False, 0.9),), 1.0, 1.0)
    timeline = lay_out({"q" * 64: 30_000, "s" * 64: 60_000}, paired([overlap]), {})
    assert timeline.held("q" * 64) == [(0, 60_000)]
    assert timeline.length_ms == 60_000


def test_ends_that_were_not_found_exactly_are_nobody_s_own() -> None:
    overlap = Overlap("q" * 64, "s" * 64, (Segment(400, 59_300, 400, 59_300, 1.0, False, 0.9),), 0.98, 0.98)
    timeline = lay_out({"q" * 64: 60_000, "s" * 64: 60_000}, paired([overlap]), {})
    assert (timeline.length_ms, timeline.lone()) == (60_000, {})
    assert timeline.held("s" * 64) == timeline.held("q" * 64) == [(0, 60_000)]


def test_black_before_a_copy_adds_nothing_to_preserve() -> None:
    late = show("late", ("black", 0, 5_000), ("a", 0, 50_000))
    assert laid_out(LONG, late).length_ms == 65_000
    timeline = laid_out(LONG, late, blank={late.id: [(0, 5_000)]})
    assert timeline.length_ms == 60_000
    assert cover(timeline, [LONG.id, late.id]) == (LONG.id,)


def test_what_could_not_be_compared_is_not_said_to_be_in_one_copy_alone() -> None:
    late = show("late", ("a", 20_000, 60_000))
    timeline = laid_out(LONG, late, blank={LONG.id: [(0, 4_000), (19_500, 21_000)]})
    assert timeline.lone() == {LONG.id: [(4_000, 19_500)]}


def test_many_copies_do_not_make_the_layout_grow_beyond_measure() -> None:
    shows = [show(f"copy {number}", ("a", 0, 60_000)) for number in range(12)]
    found = []
    for number, each in enumerate(overlaps(*shows)):
        [segment] = each.segments
        blurred = replace(segment, query_start_ms=7 * number % 500, stored_end_ms=60_000 - 11 * number % 500)
        found.append(replace(each, segments=(blurred,)))
    timeline = lay_out({each.id: each.length_ms for each in shows}, paired(found), {})
    assert max(map(len, timeline.pieces.values())) == 1


def test_those_that_are_kept_hold_everything_and_the_best_is_first() -> None:
    middle, end = show("middle", ("a", 50_000, 70_000)), show("end", ("a", 65_000, 90_000))
    timeline = laid_out(LONG, middle, end)
    assert cover(timeline, [LONG.id, middle.id, end.id]) == (LONG.id, end.id, middle.id)
    assert cover(timeline, [end.id, middle.id, LONG.id]) == (end.id, LONG.id, middle.id)


def test_a_copy_that_others_make_needless_is_not_among_those_to_keep() -> None:
    wide = show("wide", ("a", 10_000, 50_000))
    left, right = show("left", ("a", 0, 30_000)), show("right", ("a", 30_000, 60_000))
    tiny = show("tiny", ("a", 29_000, 31_000))
    timeline = laid_out(wide, left, right, tiny)
    assert cover(timeline, [tiny.id, wide.id, left.id, right.id]) == (tiny.id, left.id, right.id)


def test_one_that_shares_nothing_with_the_others_is_refused() -> None:
    nothing: Pairs = {}
    with pytest.raises(ValueError, match="shares nothing"):
        lay_out({"q" * 64: 1000, "s" * 64: 1000}, nothing, {})


def test_a_still_picture_is_held_by_the_video_it_is_from() -> None:
    overlap = Overlap("q" * 64, "s" * 64, (Segment(0, 1, 7_000, 9_000, 1.0, False, 0.9),), 1.0, 0.2)
    timeline = lay_out({"q" * 64: 0, "s" * 64: 10_000}, paired([overlap]), {})
    assert timeline.length_ms == 10_000
    assert cover(timeline, ["s" * 64, "q" * 64]) == ("s" * 64,)


@pytest.mark.parametrize(
    ("spans", "taken", "left"),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10), (20, 30)], [(5, 25)], [(0, 5), (25, 30)]),
        ([(0, 10)], [(2, 3), (4, 5)], [(0, 2), (3, 4), (5, 10)]),
        ([(0, 10)], [(10, 20)], [(0, 10)]),
    ],
)
def test_what_is_left_of_spans(
    spans: list[tuple[int, int]], taken: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    assert without(spans, taken) == left
    assert total_ms(left) <= total_ms(spans)


def test_the_blur_is_shorter_than_what_is_called_alone() -> None:
    almost = show("almost", ("a", 0, 60_000 - LEAST_MS + 1))
    assert laid_out(LONG, almost).lone() == {}
