from __future__ import annotations

from itertools import combinations

import pytest

from tests.matches.families import Show, overlaps, show
from triage.matches.groups import apart_without, grouped, parts
from triage.matches.pairs import paired

FILM = show("film", ("a", 0, 600_000))
EXCERPT = show("excerpt", ("a", 60_000, 75_000))
OTHER_EXCERPT = show("other excerpt", ("a", 300_000, 315_000))
CLIP = show("clip", ("a", 0, 15_000))
SCENE = show("scene", ("b", 0, 15_000))
BEST_OF = show("best of", ("a", 2_000, 12_000), ("b", 2_000, 12_000), ("c", 0, 60_000))

TURNED = show("turned", ("a", 40_000, 50_000), ("a", 10_000, 40_000), ("a", 0, 10_000), ("a", 50_000, 60_000))
"""The scenes of a minute in another order."""


def groups_of(*shows: Show) -> set[frozenset[str]]:
    """The groups by name."""
    names = {each.id: each.name for each in shows}
    found, _ = grouped({each.id: each.length_ms for each in shows}, paired(overlaps(*shows)))
    return {frozenset(names[video] for video in group) for group in found}


def named(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split("+")) for group in groups}


@pytest.mark.parametrize(
    ("shows", "groups"),
    [
        ((FILM, EXCERPT, OTHER_EXCERPT), named("film+excerpt+other excerpt")),
        ((CLIP, SCENE), named("clip", "scene")),
        ((CLIP, SCENE, BEST_OF), named("clip", "scene", "best of")),
        ((CLIP, show("with credits", ("a", 0, 15_000), ("c", 0, 5_000))), named("clip+with credits")),
        (
            (show("one", ("a", 0, 60_000)), show("a bit", ("a", 50_000, 60_000), ("b", 0, 50_000))),
            named("one", "a bit"),
        ),
        ((show("early", ("a", 0, 60_000)), show("late", ("a", 30_000, 90_000))), named("early+late")),
    ],
)
def test_copies_of_one_thing_are_one_group(shows: tuple[Show, ...], groups: set[frozenset[str]]) -> None:
    assert groups_of(*shows) == groups


def test_a_compilation_does_not_tie_what_it_was_made_of_into_one_group() -> None:
    shows = (
        CLIP,
        show("clip again", ("a", 0, 14_000)),
        SCENE,
        show("scene again", ("b", 1_000, 15_000)),
        BEST_OF,
        show("best of again", *BEST_OF.stretches, ("d", 0, 3_000)),
    )
    assert groups_of(*shows) == named("clip+clip again", "scene+scene again", "best of+best of again")


def test_two_compilations_of_the_same_clips_do_not_tie_them_together() -> None:
    other = show("worst of", ("d", 0, 60_000), ("b", 2_000, 12_000), ("e", 0, 9_000), ("a", 2_000, 12_000))
    assert groups_of(CLIP, SCENE, BEST_OF, other) >= named("clip", "scene")


def test_an_excerpt_of_a_compilation_does_not_tie_its_clips_together() -> None:
    excerpt = show("excerpt", ("a", 2_000, 12_000), ("b", 2_000, 12_000))
    assert groups_of(CLIP, SCENE, BEST_OF, excerpt) == named("clip", "scene", "best of+excerpt")


def test_an_excerpt_that_a_compilation_shows_whole_stays_with_the_longer_copy() -> None:
    used = show("used", ("a", 2_000, 12_000))
    assert groups_of(CLIP, used, SCENE, BEST_OF) == named("clip+used", "scene", "best of")


def test_two_that_show_the_same_scene_do_not_make_a_compilation_though_they_were_not_found_alike() -> None:
    film = show("film", ("a", 0, 60_000))
    one = show("one", ("b", 0, 9_000), ("a", 20_000, 30_000), ("b", 9_000, 12_000))
    other = show("other", ("c", 0, 5_000), ("a", 20_500, 30_500), ("c", 5_000, 9_000))
    found = [*overlaps(film, one), *overlaps(film, other)]
    _, compiled = grouped({each.id: each.length_ms for each in (film, one, other)}, paired(found))
    assert not compiled


def test_what_is_held_together_by_one_video_alone_is_known() -> None:
    shows = (FILM, EXCERPT, OTHER_EXCERPT)
    pairs = paired(overlaps(*shows))
    group = [each.id for each in shows]
    assert apart_without(FILM.id, group, pairs) == 2
    assert apart_without(EXCERPT.id, group, pairs) == 1


@pytest.mark.parametrize(
    ("one", "other", "is_parting"),
    [
        (FILM, EXCERPT, False),
        (show("early", ("a", 0, 60_000)), show("late", ("a", 30_000, 90_000)), False),
        (CLIP, BEST_OF, True),
        (show("faded", ("a", 0, 60_000), ("x", 0, 1_500)), FILM, False),
        (TURNED, show("whole", ("a", 0, 60_000)), False),
        (show("one end", ("a", 0, 9_000), ("b", 0, 9_000)), show("another", ("a", 0, 9_000), ("c", 0, 9_000)), True),
    ],
)
def test_two_part_where_both_go_on_and_not_alike(one: Show, other: Show, is_parting: bool) -> None:
    [pair] = paired(overlaps(one, other)).values()
    assert parts(pair, {each.id: each.length_ms for each in (one, other)}) is is_parting


def test_every_order_gives_the_same_groups() -> None:
    shows = (CLIP, SCENE, BEST_OF, FILM, EXCERPT)
    lengths = {each.id: each.length_ms for each in shows}
    there = [each for pair in combinations(shows, 2) for each in overlaps(*pair)]
    back = [each for pair in combinations(reversed(shows), 2) for each in overlaps(*pair)]
    assert grouped(lengths, paired(there)) == grouped(dict(reversed(lengths.items())), paired(back))
