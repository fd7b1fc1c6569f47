from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prints import filmed, fingerprint, in_a_mirror, noisy, played, video_id
from triage.errors import MatchIndexError
from triage.matches.compare import compare
from triage.records import Fingerprint, Overlap, Vectors
from triage.settings import Matching

FILM = filmed(1, 60_000)
OTHER = filmed(2, 60_000)
STORED = fingerprint("stored", played(FILM, 0, 40_000))
MATCHING = Matching()


def found(query: Fingerprint, stored: Fingerprint = STORED) -> Overlap:
    overlap = compare(query, stored, MATCHING)
    assert overlap is not None
    return overlap


def joined(*parts: Vectors) -> Fingerprint:
    return fingerprint("query", np.concatenate(parts))


def test_a_copy_shows_all_of_the_other() -> None:
    overlap = found(joined(noisy(played(FILM, 0, 40_000), 0.9)))
    [one] = overlap.segments
    assert (one.query_start_ms, one.query_end_ms, one.stored_start_ms, one.stored_end_ms) == (0, 40_000, 0, 40_000)
    assert (overlap.query, overlap.stored) == (video_id("query"), video_id("stored"))
    assert (overlap.query_share, overlap.stored_share) == (1.0, 1.0)
    assert one.similarity > 0.8


def test_both_shares_tell_a_clip_inside_a_film() -> None:
    overlap = found(joined(played(OTHER, 0, 20_000), played(FILM, 10_000, 10_000), played(OTHER, 30_000, 10_000)))
    assert overlap.query_share == pytest.approx(10 / 40, abs=0.02)
    assert overlap.stored_share == pytest.approx(10 / 40, abs=0.02)


def test_what_is_shown_twice_counts_once_in_a_share() -> None:
    clip = played(FILM, 10_000, 8000)
    overlap = found(joined(clip, played(OTHER, 0, 4000), clip))
    assert len(overlap.segments) == 2
    assert overlap.query_share == pytest.approx(16 / 20, abs=0.04)
    assert overlap.stored_share == pytest.approx(8 / 40, abs=0.02)


@settings(max_examples=10, deadline=None)
@given(start_ms=st.integers(0, 30_000), length_ms=st.integers(3200, 8000), seed=st.integers(0, 99))
def test_a_part_of_a_clip_is_found_to_a_third_of_a_second(start_ms: int, length_ms: int, seed: int) -> None:
    length_ms -= length_ms % 400
    [one] = found(joined(noisy(played(FILM, start_ms, length_ms), 0.9, seed))).segments
    assert (one.query_start_ms, one.query_end_ms) == (0, length_ms)
    assert (one.stored_start_ms, one.stored_end_ms) == pytest.approx((start_ms, start_ms + length_ms), abs=300)


def test_a_mirrored_copy_says_so() -> None:
    overlap = found(joined(in_a_mirror(played(FILM, 5000, 10_000))))
    assert [one.mirrored for one in overlap.segments] == [True]
    assert "mirrored" in overlap.edits


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(100, 10_000))
def test_videos_that_have_nothing_in_common_do_not_overlap(seed: int) -> None:
    assert compare(fingerprint("query", played(filmed(seed, 30_000), 0, 30_000)), STORED, MATCHING) is None


def test_a_black_intro_that_two_videos_share_is_nothing() -> None:
    black = np.repeat(FILM[:1], 10, axis=0)
    blank = [False] * 10 + [True] * 50
    query, stored = (
        fingerprint(name, np.concatenate((black, played(film, 20_000, 20_000))), is_comparable=blank)
        for name, film in (("query", FILM), ("stored", OTHER))
    )
    assert compare(query, stored, MATCHING) is None
    query, stored = (replace(one, is_comparable=np.ones(60, np.bool_)) for one in (query, stored))
    assert compare(query, stored, MATCHING) is not None, "or it says nothing about black"


@pytest.mark.parametrize("why", ["like all title cards", "seen everywhere"])
def test_a_title_card_that_two_videos_share_is_nothing(why: str) -> None:
    card = np.repeat(FILM[:1], 10, axis=0)
    query, stored = (
        fingerprint(name, np.concatenate((card, played(film, 20_000, 20_000))))
        for name, film in (("query", FILM), ("stored", OTHER))
    )
    weights = np.ones(60, np.float32)
    assert compare(query, stored, MATCHING, weights=weights) is not None
    if why == "seen everywhere":
        weights[:10] = 0.1
    else:
        query.background[:10] = stored.background[:10] = 0.9
    assert compare(query, stored, MATCHING, weights=weights) is None


def test_another_take_of_a_place_is_no_copy_of_the_first() -> None:
    place = FILM[:1]
    first, second = (0.8 * place + 0.6 * played(filmed(seed, 20_000), 0, 20_000) for seed in (11, 12))
    query, stored = (
        fingerprint(name, take / np.linalg.norm(take, axis=-1, keepdims=True))
        for name, take in (("query", first), ("stored", second))
    )
    for one in (query, stored):
        one.background[:] = 0.6
    assert compare(query, stored, MATCHING) is None


def test_two_of_the_same_video_are_not_compared() -> None:
    with pytest.raises(ValueError, match="with itself"):
        compare(STORED, STORED, MATCHING)


def test_fingerprints_of_two_models_are_refused_by_name() -> None:
    other = fingerprint("query", FILM[:10], model="sscd@12345678")
    with pytest.raises(MatchIndexError, match=r"sscd@12345678.*drawn@00000000"):
        compare(other, STORED, MATCHING)


def test_a_video_without_pictures_overlaps_nothing() -> None:
    assert compare(fingerprint("query", FILM[:0], length_ms=0), STORED, MATCHING) is None
    assert compare(STORED, fingerprint("query", FILM[:0], length_ms=0), MATCHING) is None


@pytest.mark.parametrize("pictures", [2, 3, 4])
def test_a_clip_of_a_second_is_found_if_it_is_very_much_alike(pictures: int) -> None:
    clip = played(FILM, 10_000, pictures * 400)
    for query, stored in ((fingerprint("clip", clip), STORED), (STORED, fingerprint("clip", clip))):
        overlap = found(query, stored)
        assert max(overlap.query_share, overlap.stored_share) == 1.0
        assert compare(fingerprint("clip", noisy(clip, 0.5)), STORED, MATCHING) is None


def still(name: str, picture: Vectors, length_ms: int = 0) -> Fingerprint:
    return fingerprint(name, picture[None], length_ms=length_ms)


@pytest.mark.parametrize("length_ms", [0, 300])
def test_a_still_is_found_where_it_is_seen_in_a_video(length_ms: int) -> None:
    picture = still("picture", noisy(played(FILM, 10_000, 400), 0.95)[0], length_ms)
    [one] = found(picture).segments
    assert (one.query_start_ms, one.query_end_ms) == (0, max(1, length_ms))
    assert one.stored_start_ms <= 10_000 < one.stored_end_ms <= 12_000
    assert found(picture).query_share == 1.0
    [other] = found(STORED, picture).segments
    assert (other.stored_start_ms, other.stored_end_ms) == (0, max(1, length_ms))
    assert other.query_start_ms <= 10_000 < other.query_end_ms


def test_a_still_that_stands_in_a_video_is_seen_as_long_as_it_stands() -> None:
    shown = fingerprint(
        "video",
        np.concatenate((OTHER[:1], FILM[:1], OTHER[200:201])),
        times_ms=[0, 400, 4400],
        until_ms=[0, 4000, 4400],
    )
    [one] = found(still("picture", FILM[0]), shown).segments
    assert (one.stored_start_ms, one.stored_end_ms) == pytest.approx((400, 4400), abs=200)


@pytest.mark.parametrize(("cosine", "is_copy"), [(0.95, True), (0.7, True), (0.5, False)])
def test_two_stills_are_copies_if_they_are_very_much_alike(cosine: float, is_copy: bool) -> None:
    one, other = still("one", FILM[0]), still("other", noisy(FILM[:1], cosine)[0])
    overlap = compare(one, other, MATCHING)
    assert (overlap is not None) is is_copy
    if overlap is not None:
        assert overlap.query_share == overlap.stored_share == 1.0
        assert not {"shortened", "with other footage"} & set(overlap.edits)
