from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.matches.families import Show, facts, flipped, overlap, overlaps, show
from tests.prints import video_id
from triage.geometry import union
from triage.matches.clusters import Cluster, cluster_row, find_clusters
from triage.matches.edits import Edit
from triage.matches.genealogy import Facts
from triage.matches.timeline import LEAST_MS

FILM = show("film", ("a", 0, 60_000))
EXCERPT = show("excerpt", ("a", 10_000, 25_000))
LATE = show("late", ("a", 30_000, 75_000))

SECONDS = st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.integers(2, 15)).map(
    lambda drawn: (drawn[0], drawn[1] * 1000, (drawn[1] + drawn[2]) * 1000)
)
"""A stretch of one of three sources, in whole seconds."""
DUMPS = st.lists(st.lists(SECONDS, min_size=1, max_size=4), min_size=1, max_size=7).map(
    lambda drawn: [show(f"video {number}", *stretches) for number, stretches in enumerate(drawn)]
)


def only(shows: list[Show]) -> Cluster:
    [cluster] = find_clusters(map(facts, shows), overlaps(*shows)).clusters
    return cluster


def seconds(shows: list[Show]) -> set[tuple[str, int]]:
    """Every second of a source that one of these shows."""
    return {(source, at) for each in shows for source, start, end in each.stretches for at in range(start, end, 1000)}


def test_a_group_says_what_it_shows_together_and_who_holds_what() -> None:
    cluster = only([FILM, EXCERPT, LATE])
    assert cluster.union_ms == 75_000
    assert {member.video: (member.held_ms, member.lone) for member in cluster.members} == {
        FILM.id: (60_000, ((0, 10_000), (25_000, 30_000))),
        EXCERPT.id: (15_000, ()),
        LATE.id: (45_000, ((30_000, 45_000),)),
    }
    assert cluster.longest == FILM.id
    assert cluster.keep == (FILM.id, LATE.id)
    assert cluster.apart == 2


def test_the_fullest_is_preserved_before_the_sharpest_and_the_sharpest_among_the_full() -> None:
    small, sharp, short = (show(name, ("a", 0, 60_000)) for name in ("small", "sharp", "short"))
    excerpt = show("excerpt", ("a", 0, 20_000))
    known = [facts(small, 640, 360), facts(sharp, 1920, 1080), facts(short), facts(excerpt, 3840, 2160)]
    [cluster] = find_clusters(known, overlaps(small, sharp, short, excerpt)).clusters
    assert [member.video for member in cluster.members] == [sharp.id, short.id, small.id, excerpt.id]
    assert cluster.least_reencoded == excerpt.id


def test_an_edited_or_damaged_copy_comes_after_one_that_is_neither() -> None:
    plain, bordered, damaged = (show(name, ("a", 0, 60_000)) for name in ("plain", "bordered", "damaged"))
    known = [facts(plain, 640, 360), facts(bordered, 1920, 1080), facts(damaged, 1920, 1080, is_whole=False)]
    found = [overlap(bordered, plain, (Edit.LETTERBOXED,)), overlap(damaged, plain), overlap(bordered, damaged)]
    [cluster] = find_clusters(known, [each for each in found if each is not None]).clusters
    assert [member.video for member in cluster.members] == [plain.id, bordered.id, damaged.id]
    assert cluster.members[1].edits == ("borders added",)


def test_a_mirrored_copy_among_several_is_told_by_the_others() -> None:
    shows = [show(name, ("a", 0, 60_000)) for name in ("one", "two", "turned")]
    found = [overlap(shows[0], shows[1])]
    found += [overlap(each, shows[2], (Edit.MIRRORED,)) for each in shows[:2]]
    [cluster] = find_clusters(map(facts, shows), [each for each in found if each is not None]).clusters
    assert {member.video: member.edits for member in cluster.members} == {
        shows[0].id: (),
        shows[1].id: (),
        shows[2].id: ("mirrored",),
    }


@pytest.mark.parametrize(
    ("film", "excerpt", "earliest"),
    [
        ("2023-05-06T10:00:00Z", "2023-05-06T11:00:00Z", [FILM]),
        ("2023-05-06T10:00:00Z", "2023-05-06T11:00:00", [FILM, EXCERPT]),
        ("2023-05-06T10:00:00Z", "2023-05-08T11:00:00", [FILM]),
        ("2023-05-06T10:00:00Z", "2023-05-06T10:00:00Z", [FILM, EXCERPT]),
        (None, "2023-05-06T10:00:00Z", [EXCERPT]),
        (None, None, []),
    ],
)
def test_the_earliest_by_metadata_is_said_only_as_far_as_it_can_be_told(
    film: str | None, excerpt: str | None, earliest: list[Show]
) -> None:
    known = [facts(FILM, made_at=film), facts(EXCERPT, made_at=excerpt)]
    [cluster] = find_clusters(known, overlaps(FILM, EXCERPT)).clusters
    assert set(cluster.earliest) == {each.id for each in earliest}


def test_who_has_no_copy_is_alone_and_who_was_not_compared_is_named() -> None:
    other = show("other", ("b", 0, 9000))
    found = find_clusters(
        map(facts, [FILM, EXCERPT, other]), overlaps(FILM, EXCERPT, other), not_compared=[video_id("new")], sealed=2
    )
    assert found.alone == (other.id,)
    assert found.not_compared == (video_id("new"),)
    assert (found.videos, found.sealed) == (4, 2)


def test_a_part_that_two_groups_share_is_a_link_with_its_times() -> None:
    other = show("other", ("b", 0, 50_000), ("a", 0, 5_000))
    again = show("other again", ("b", 0, 50_000))
    found = find_clusters(map(facts, [FILM, other, again]), overlaps(FILM, other, again))
    assert [len(cluster.members) for cluster in found.clusters] == [2]
    [link] = found.links
    spans = {link.one: link.one_spans, link.other: link.other_spans}
    assert spans == {FILM.id: ((0, 5_000),), other.id: ((50_000, 55_000),)}


def test_a_compilation_is_named_and_linked_to_what_it_was_made_of() -> None:
    clip, scene = show("clip", ("a", 0, 15_000)), show("scene", ("b", 0, 15_000))
    best_of = show("best of", ("a", 2_000, 12_000), ("b", 2_000, 12_000), ("c", 0, 60_000))
    found = find_clusters(map(facts, [clip, scene, best_of]), overlaps(clip, scene, best_of))
    assert found.compiled == (best_of.id,)
    assert found.clusters == ()
    assert len(found.links) == 2


def test_an_overlap_of_a_video_that_was_not_given_is_refused() -> None:
    with pytest.raises(ValueError, match="a video that was not given"):
        find_clusters([facts(FILM)], overlaps(FILM, EXCERPT))


def test_a_group_as_a_row_has_all_its_keys_and_is_json() -> None:
    row = json.loads(json.dumps(cluster_row(only([FILM, EXCERPT, LATE]))))
    assert set(row) == {
        *("union_ms", "longest", "earliest", "least_reencoded", "keep", "copies", "descents", "undecided")
    }
    assert row["copies"][0] == {
        "video": FILM.id,
        "length_ms": 60_000,
        "held_ms": 60_000,
        "share": 0.8,
        "only_here": [[0, 10_000], [25_000, 30_000]],
        "edits": [],
        "made_at": None,
    }
    assert [(each["child"], each["parent"]) for each in row["descents"]] == [(EXCERPT.id, FILM.id)]


@settings(max_examples=40, deadline=None)
@given(dump=DUMPS, chance=st.randoms(use_true_random=False))
def test_the_order_in_which_anything_comes_does_not_matter(dump: list[Show], chance: random.Random) -> None:
    known = [facts(each, size_bytes=each.length_ms) for each in dump]
    there = overlaps(*dump)
    back = [flipped(each) if chance.random() < 0.5 else each for each in there]
    back += [flipped(each) for each in back if chance.random() < 0.3]
    chance.shuffle(back)
    shuffled = chance.sample(known, len(known))
    assert find_clusters(shuffled, back) == find_clusters(known, there)


@settings(max_examples=40, deadline=None)
@given(dump=DUMPS)
def test_every_video_is_in_one_group_or_alone(dump: list[Show]) -> None:
    found = find_clusters(map(facts, dump), overlaps(*dump))
    members = [member.video for cluster in found.clusters for member in cluster.members]
    assert sorted([*members, *found.alone]) == sorted(each.id for each in dump)


@settings(max_examples=40, deadline=None)
@given(dump=DUMPS)
def test_those_to_keep_show_every_second_that_the_group_shows(dump: list[Show]) -> None:
    by_id = {each.id: each for each in dump}
    for cluster in find_clusters(map(facts, dump), overlaps(*dump)).clusters:
        members = [by_id[member.video] for member in cluster.members]
        assert seconds([by_id[video] for video in cluster.keep]) == seconds(members)
        assert cluster.keep[0] == cluster.members[0].video


@settings(max_examples=40, deadline=None)
@given(dump=DUMPS)
def test_what_is_said_to_be_in_one_copy_alone_is_in_no_other(dump: list[Show]) -> None:
    by_id = {each.id: each for each in dump}
    for cluster in find_clusters(map(facts, dump), overlaps(*dump)).clusters:
        for member in cluster.members:
            others = seconds([by_id[other.video] for other in cluster.members if other is not member])
            for source, start, end, now in by_id[member.video].placed():
                mine = {(source, at) for at in range(start, end, 1000)}
                said = {
                    (source, start + at - now)
                    for lone in member.lone
                    for at in range(lone[0], lone[1], 1000)
                    if now <= at < now + end - start
                }
                assert not said & others
                twice = [each for each in by_id[member.video].stretches if each[0] == source]
                if len(twice) == 1:
                    assert said == mine - others


@settings(max_examples=40, deadline=None)
@given(dump=DUMPS)
def test_what_a_group_shows_together_is_no_less_than_any_of_it(dump: list[Show]) -> None:
    by_id = {each.id: each for each in dump}
    for cluster in find_clusters(map(facts, dump), overlaps(*dump)).clusters:
        lengths = [by_id[member.video].length_ms for member in cluster.members]
        assert max(lengths) <= cluster.union_ms <= sum(lengths)
        for member in cluster.members:
            assert 0 < member.held_ms <= cluster.union_ms
            assert list(member.lone) == union(member.lone)
            assert all(0 <= start < end <= member.facts.length_ms for start, end in member.lone)
        assert cluster.union_ms >= len(seconds([by_id[member.video] for member in cluster.members])) * LEAST_MS


@settings(max_examples=40, deadline=None)
@given(dump=DUMPS)
def test_a_family_tree_has_no_circle_and_stays_in_the_group(dump: list[Show]) -> None:
    for cluster in find_clusters(map(facts, dump), overlaps(*dump)).clusters:
        parents = {each.child: each.parent for each in cluster.descents}
        assert len(parents) == len(cluster.descents)
        assert {*parents, *parents.values()} <= {member.video for member in cluster.members}
        for child in list(parents):
            line = [child]
            while line[-1] in parents:
                line.append(parents[line[-1]])
                assert len(line) <= len(cluster.members), "it goes round"


def test_a_clip_whose_ends_are_blurred_everywhere_still_has_one_timeline() -> None:
    """Ends that were found by up to half a second wrong, differently in every pair, add nothing."""
    chance = random.Random(3)
    shows = [show(f"copy {number}", ("a", 0, 20_000)) for number in range(6)]
    found = []
    for each in overlaps(*shows):
        [segment] = each.segments
        start, end = chance.randrange(0, 500), chance.randrange(19_500, 20_000)
        blurred = replace(
            segment, query_start_ms=start, query_end_ms=end, stored_start_ms=start + 90, stored_end_ms=end - 70
        )
        found.append(replace(each, segments=(blurred,)))
    known: list[Facts] = list(map(facts, shows))
    [cluster] = find_clusters(known, found).clusters
    assert cluster.union_ms == 20_000
    assert len(cluster.keep) == 1
    assert all(not member.lone for member in cluster.members)
