from __future__ import annotations

from dataclasses import replace

import pytest

from tests.matches.families import Show, facts, flipped, overlap, show
from triage.matches.edits import Edit
from triage.matches.genealogy import Descent, Facts, descents, done_to, edits_of, undecided
from triage.matches.pairs import Pair, paired
from triage.records import Overlap

FILM = show("film", ("a", 0, 60_000))
EXCERPT = show("excerpt", ("a", 10_000, 25_000))
TWIN = show("twin", ("a", 0, 60_000))


def pair_of(query: Show, stored: Show, *edits: str) -> Pair:
    [pair] = paired([found(query, stored, *edits)]).values()
    return pair


def found(query: Show, stored: Show, *edits: str) -> Overlap:
    one = overlap(query, stored, edits)
    assert one is not None
    return one


def at_speed(overlap: Overlap, speed: float) -> Overlap:
    return replace(overlap, segments=tuple(replace(segment, speed=speed) for segment in overlap.segments))


def descended(*known: Facts, among: list[Overlap]) -> tuple[Descent, ...]:
    return descents({each.video: each for each in known}, paired(among))


def test_an_excerpt_may_come_from_the_film_and_the_reason_is_said() -> None:
    among = [found(EXCERPT, FILM, Edit.MIRRORED, Edit.SHORTENED)]
    assert descended(facts(FILM), facts(EXCERPT), among=among) == (
        Descent(EXCERPT.id, FILM.id, "15 s of its 15 s, the other has more, mirrored"),
    )


def test_it_does_not_matter_which_of_the_two_was_asked_for() -> None:
    plain = found(EXCERPT, FILM)
    assert descended(facts(FILM), facts(EXCERPT), among=[plain]) == descended(
        facts(FILM), facts(EXCERPT), among=[flipped(plain)]
    )


@pytest.mark.parametrize(
    ("twin", "edits", "reason"),
    [
        (facts(TWIN, 640, 360), (), "640x360 instead of 1280x720"),
        (facts(TWIN), (Edit.LETTERBOXED,), "borders added"),
        (facts(TWIN), (Edit.GREY, Edit.MIRRORED), "colour taken out, mirrored"),
        (facts(TWIN, size_bytes=1_000_000), (), "coded with fewer bits"),
    ],
)
def test_a_worse_copy_of_the_same_length_comes_from_the_better(
    twin: Facts, edits: tuple[str, ...], reason: str
) -> None:
    film = facts(FILM, size_bytes=4_000_000)
    [descent] = descended(film, twin, among=[found(TWIN, FILM, *edits)])
    assert (descent.child, descent.parent) == (TWIN.id, FILM.id)
    assert descent.reason == f"60 s of its 60 s, {reason}"


@pytest.mark.parametrize(
    ("twin", "edits"),
    [
        (facts(TWIN), ()),
        (facts(TWIN), (Edit.MIRRORED,)),
        (facts(TWIN), (Edit.CAPTION,)),
        (facts(TWIN), (Edit.CROPPED,)),
        (facts(TWIN, 640, 360), (Edit.UNBOXED,)),
        (facts(TWIN, made_at="2001-01-01T00:00:00Z"), ()),
        (replace(facts(TWIN, size_bytes=1_000_000), codec="hevc"), ()),
    ],
)
def test_nothing_is_claimed_where_signs_are_none_or_contradict_one_another(twin: Facts, edits: tuple[str, ...]) -> None:
    film = facts(FILM, size_bytes=4_000_000)
    among = [found(TWIN, FILM, *edits)]
    assert descended(film, twin, among=among) == ()
    assert undecided(paired(among), ()) == (tuple(sorted((FILM.id, TWIN.id))),)


def test_a_small_excerpt_comes_from_the_excerpt_and_not_from_the_film() -> None:
    small = show("small", ("a", 10_000, 25_000))
    among = [found(EXCERPT, FILM), found(small, FILM), found(small, EXCERPT)]
    tree = descended(facts(FILM), facts(EXCERPT), facts(small, 320, 180), among=among)
    assert {(each.child, each.parent) for each in tree} == {(EXCERPT.id, FILM.id), (small.id, EXCERPT.id)}


def test_of_two_that_it_may_come_from_the_one_less_unlike_is_named() -> None:
    fast, small = show("fast", ("a", 0, 60_000)), show("small", ("a", 0, 60_000))
    among = [at_speed(found(small, fast), 0.8), found(small, FILM)]
    [descent] = descended(facts(FILM), facts(fast), facts(small, 320, 180), among=among)
    assert (descent.child, descent.parent) == (small.id, FILM.id)


def test_two_that_only_continue_each_other_come_from_neither() -> None:
    late = show("late", ("a", 30_000, 90_000))
    among = [found(late, FILM, Edit.GREY)]
    assert descended(facts(FILM), facts(late, 320, 180), among=among) == ()
    assert undecided(paired(among), ()) == ()


def test_a_worse_copy_with_more_footage_comes_from_neither() -> None:
    longer = show("longer", ("a", 0, 60_000), ("b", 0, 60_000))
    among = [found(longer, FILM, Edit.LETTERBOXED)]
    assert descended(facts(FILM), facts(longer), among=among) == ()


def test_nobody_descends_from_themselves_through_others() -> None:
    one, two, three = (show(name, ("a", 0, 10_000)) for name in ("one", "two", "three"))
    among = [found(one, two, Edit.GREY), found(two, three, Edit.GREY), found(three, one, Edit.GREY)]
    tree = {each.child: each.parent for each in descended(facts(one), facts(two), facts(three), among=among)}
    assert len(tree) == 2
    for child in tree:
        line = [child]
        while line[-1] in tree:
            line.append(tree[line[-1]])
            assert len(line) <= 3, "it goes round"


def test_what_was_done_is_said_from_the_side_of_each() -> None:
    one = at_speed(found(TWIN, FILM, Edit.LETTERBOXED, Edit.INSET, Edit.SHORTENED, f"{Edit.SPEED} ×2"), 2.0)
    [pair] = paired([one]).values()
    assert edits_of(TWIN.id, pair) == ["borders added", "part of a larger picture", "speed ×2"]
    assert edits_of(FILM.id, pair) == ["borders cut off", "cropped", "speed ×0.5"]
    assert done_to(TWIN.id, pair) == {Edit.LETTERBOXED}
    assert done_to(FILM.id, pair) == set()


def test_borders_that_the_one_asked_for_lacks_were_added_to_the_other() -> None:
    assert done_to(FILM.id, pair_of(TWIN, FILM, Edit.UNBOXED)) == {Edit.LETTERBOXED}


@pytest.mark.parametrize(
    ("speeds", "said"),
    [
        ((1.0, 1.0, 1.0), []),
        ((1.25, 1.25, 0.5), ["speed ×1.25"]),
        ((1.0, 1.0, 2.0), []),
        ((0.5, 1.0, 2.0), ["at several speeds"]),
        ((1.25, 1.26, 1.25), ["speed ×1.25"]),
    ],
)
def test_the_speed_of_most_of_it_is_said(speeds: tuple[float, ...], said: list[str]) -> None:
    whole = found(TWIN, FILM)
    [segment] = whole.segments
    segments = tuple(replace(segment, speed=speed) for speed in speeds)
    [pair] = paired([replace(whole, segments=segments)]).values()
    assert edits_of(TWIN.id, pair) == said


@pytest.mark.parametrize("edit", Edit)
def test_every_edit_can_be_said_from_both_sides(edit: Edit) -> None:
    pair = pair_of(TWIN, FILM, edit)
    assert len(edits_of(FILM.id, pair)) == len(edits_of(TWIN.id, pair))


@pytest.mark.parametrize("wrong", [{"length_ms": -1}, {"width_px": 0}, {"height_px": 0}])
def test_facts_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a video has pictures"):
        replace(facts(FILM), **wrong)  # type: ignore[arg-type]


def test_bits_are_counted_for_each_pixel_and_second() -> None:
    assert facts(FILM, 100, 100, size_bytes=75_000).density == pytest.approx(1.0)
    assert facts(FILM).density is None
    assert replace(facts(FILM, size_bytes=1), length_ms=0).density is None
