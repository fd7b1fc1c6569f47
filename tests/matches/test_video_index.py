"""Which videos are worth comparing: none that shows something of the query is lost, and none comes for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import prints
from tests.prints import MODEL, scene, unit, video_id
from triage.errors import MatchIndexError
from triage.matches.index_folder import HEAD
from triage.matches.video_index import VideoIndex
from triage.records import VIEWS, Fingerprint, Vectors, View
from triage.settings import Matching

DIM = 128
"""As many as the real ones have: with fewer, pictures that have nothing to do with one another come close by chance."""
SETTINGS = Matching()


def fingerprint(
    name: str, vectors: Vectors, *, is_comparable: Sequence[bool] | None = None, model: str = MODEL
) -> Fingerprint:
    """Of pictures that are as alike to any other as real ones are, or somewhat less."""
    bare = prints.fingerprint(name, vectors, is_comparable=is_comparable, model=model)
    return replace(bare, background=np.full(vectors.shape[:2], 0.3, np.float32))


def index(*stored: Fingerprint, exact_up_to: int | None = None) -> VideoIndex:
    made = VideoIndex(MODEL, DIM, exact_up_to=exact_up_to)
    for each in stored:
        made.add(each)
    return made


def some(seed: int, pictures: int) -> Vectors:
    return scene(seed, pictures, DIM)


def edited(vectors: Vectors, seed: int, noise: float = 0.6) -> Vectors:
    """The same pictures after something was done to them; with 0.6 their cosine to what they were is 0.86."""
    draw = np.random.default_rng(10_000 + seed)  # not those that any scene is drawn from
    return unit(vectors + noise * draw.normal(size=vectors.shape) / np.sqrt(DIM))


def seen_as(vectors: Vectors, view: View) -> Vectors:
    """Pictures that show the whole of others in this part of them, and have nothing else in common."""
    shown = some(999, len(vectors))
    shown[:, VIEWS.index(view)] = vectors[:, 0]
    return shown


def test_an_empty_index_has_no_candidates() -> None:
    assert index().candidates(fingerprint("asked", some(1, 5)), SETTINGS) == []
    assert index().commonness(fingerprint("asked", some(1, 5)), SETTINGS).tolist() == [0] * 5


def test_a_video_without_pictures_is_stored_and_asked_for_without_a_candidate() -> None:
    nothing = fingerprint("nothing", some(1, 0))
    holding = index(nothing, fingerprint("other", some(2, 10)))
    assert holding.candidates(nothing, SETTINGS) == []
    assert len(holding.commonness(nothing, SETTINGS)) == 0
    assert holding.videos() == (video_id("nothing"), video_id("other"))


def test_a_short_clip_inside_an_hour_is_found_from_either_side() -> None:
    hour, clip = some(1, 9000), some(2, 5)
    hour[4000:4005] = edited(clip, 3)
    long, short = fingerprint("hour", hour), fingerprint("clip", clip)
    others = [fingerprint(f"other {seed}", some(10 + seed, 40)) for seed in range(20)]
    assert index(long, *others).candidates(short, SETTINGS) == [long.video]
    assert index(short, *others).candidates(long, SETTINGS)[0] == short.video


@pytest.mark.parametrize("view", VIEWS)
def test_what_fills_any_view_of_the_query_is_found(view: View) -> None:
    original = some(1, 8)
    asked = fingerprint("asked", seen_as(original, view))
    others = [fingerprint(f"other {seed}", some(10 + seed, 40)) for seed in range(5)]
    assert index(fingerprint("original", original), *others).candidates(asked, SETTINGS) == [video_id("original")]


def test_a_black_picture_makes_no_candidate_on_either_side() -> None:
    black = np.broadcast_to(some(5, 1), (6, len(VIEWS), DIM))
    dark = [False] * 6
    stored = fingerprint("stored", np.concatenate([black, some(1, 10)]), is_comparable=dark + [True] * 10)
    asked = fingerprint("asked", np.concatenate([black, some(2, 10)]), is_comparable=dark + [True] * 10)
    assert len(index(stored)) == 10
    assert index(stored).candidates(asked, SETTINGS) == []
    assert index(stored).commonness(asked, SETTINGS).tolist() == [0] * 16
    seen = fingerprint("seen", np.concatenate([black, some(2, 10)]))
    assert index(seen).candidates(fingerprint("black", black, is_comparable=dark), SETTINGS) == []


def test_pictures_that_are_like_everything_count_by_how_much_more_they_are_alike() -> None:
    cards = edited(np.broadcast_to(some(5, 1), (6, len(VIEWS), DIM)), 1)
    stored, asked = fingerprint("stored", cards), fingerprint("asked", edited(cards, 2))
    assert index(stored).candidates(asked, SETTINGS) == [stored.video]
    usual = np.full((6, len(VIEWS)), 0.9, np.float32)
    common = index(replace(stored, background=usual))
    assert common.candidates(replace(asked, background=usual), SETTINGS) == []


def test_more_copies_than_neighbours_are_all_found() -> None:
    original = some(1, 10)
    copies = [fingerprint(f"copy {seed}", edited(original, seed, 0.3)) for seed in range(100)]
    settings = replace(SETTINGS, neighbours=20)
    found = index(*copies).candidates(fingerprint("asked", original), settings)
    assert set(found) == {copy.video for copy in copies}


def test_a_copy_is_found_behind_a_video_that_shows_the_same_scene_all_the_time() -> None:
    picture = some(1, 1)
    still = fingerprint("still", edited(np.repeat(picture, 300, axis=0), 2, 0.35))
    copy = fingerprint("copy", edited(np.repeat(picture, 3, axis=0), 3, 0.6))
    assert len(index(still)) > 200, "its pictures differ enough to be stored one by one"
    assert set(index(still, copy).candidates(fingerprint("asked", picture), SETTINGS)) == {still.video, copy.video}


def test_what_is_shown_longest_comes_first_and_the_order_is_always_the_same() -> None:
    original = some(1, 30)
    stored = [fingerprint(f"first {count}", edited(original[:count], count, 0.2)) for count in (5, 30, 15)]
    expected = [video_id("first 30"), video_id("first 15"), video_id("first 5")]
    asked = fingerprint("asked", original)
    assert index(*stored).candidates(asked, SETTINGS) == expected
    assert index(*reversed(stored)).candidates(asked, SETTINGS) == expected


def test_an_intro_that_many_videos_share_says_less_than_a_scene_that_two_share() -> None:
    intro, own = some(1, 8), some(2, 8)
    sharing = [fingerprint(f"sharing {n}", np.concatenate([intro, some(20 + n, 8)])) for n in range(30)]
    rare = fingerprint("rare", np.concatenate([own[:4], some(3, 8)]))
    asked = fingerprint("asked", np.concatenate([intro, own]))
    found = index(*sharing, rare).candidates(asked, SETTINGS)
    assert found[0] == rare.video
    assert len(found) == 31, "what is common says little, and still it is not passed over"


def test_the_query_itself_can_be_left_out() -> None:
    asked = fingerprint("asked", some(1, 10))
    copies = [fingerprint(f"copy {seed}", edited(asked.vectors, seed, 0.3)) for seed in range(3)]
    holding = index(asked, *copies)
    assert holding.candidates(asked, SETTINGS)[0] == asked.video
    left = holding.candidates(asked, SETTINGS, leave_out={asked.video, "not there"})
    assert set(left) == {copy.video for copy in copies}


def test_commonness_counts_videos_and_not_pictures() -> None:
    shared, own = some(1, 3), some(2, 3)
    stored = [fingerprint(f"{n}", edited(np.concatenate([shared] * 4), n, 0.35)) for n in range(7)]
    asked = fingerprint("asked", np.concatenate([shared, own]))
    assert index(*stored).commonness(asked, SETTINGS).tolist() == [7, 7, 7, 0, 0, 0]
    without = index(*stored).commonness(asked, SETTINGS, leave_out={stored[0].video})
    assert without.tolist() == [6, 6, 6, 0, 0, 0]


def test_pictures_that_hardly_differ_are_stored_once_and_count_as_often_as_they_are() -> None:
    picture = some(1, 1)
    still = np.repeat(picture, 50, axis=0)
    short, long = fingerprint("short", np.concatenate([some(2, 5), picture])), fingerprint("long", some(3, 5))
    asked = fingerprint("asked", np.concatenate([still, some(3, 2)]))
    holding = index(short, long)
    assert holding.candidates(asked, SETTINGS) == [short.video, long.video], "50 pictures of the one, 2 of the other"
    assert len(index(fingerprint("still", still))) == 1
    assert holding.commonness(asked, SETTINGS).tolist() == [1] * 52


def test_what_was_removed_is_not_found_under_the_number_that_it_had(tmp_path: Path) -> None:
    first, second, third = (fingerprint(f"{n}", some(n, 5)) for n in range(3))
    holding = index(first, second)
    holding.remove(second.video, "was never there")
    assert holding.videos() == (first.video,)
    assert holding.candidates(second, SETTINGS) == []
    holding.save(tmp_path)
    again = VideoIndex.load(tmp_path, MODEL)
    again.add(third)
    again.add(second)
    for each in (first, second, third):
        assert again.candidates(each, SETTINGS) == [each.video]


def test_a_video_is_there_once() -> None:
    stored = fingerprint("stored", some(1, 5))
    holding = index(stored)
    with pytest.raises(ValueError, match="already"):
        holding.add(stored)
    assert stored.video in holding
    assert len(holding) == 5


@pytest.mark.parametrize("exact_up_to", [None, 500])
def test_what_was_saved_answers_as_before(tmp_path: Path, exact_up_to: int | None) -> None:
    original = some(1, 40)
    stored = [fingerprint(f"{n}", np.concatenate([edited(original, n, 0.3), some(50 + n, 40)])) for n in range(12)]
    usual = np.random.default_rng(0).uniform(0, 0.3, (80, len(VIEWS))).astype(np.float32)
    holding = index(*(replace(each, background=usual) for each in stored), exact_up_to=exact_up_to)
    holding.remove(stored[4].video)
    asked = fingerprint("asked", original)
    before = holding.candidates(asked, SETTINGS), holding.commonness(asked, SETTINGS).tolist()
    holding.save(tmp_path)
    again = VideoIndex.load(tmp_path, MODEL)
    assert (again.candidates(asked, SETTINGS), again.commonness(asked, SETTINGS).tolist()) == before
    assert (len(again), again.videos()) == (len(holding), holding.videos())
    assert len(before[0]) == 11


def test_a_fingerprint_of_another_model_is_refused_by_name() -> None:
    holding = index(fingerprint("stored", some(1, 5)))
    other = fingerprint("asked", some(2, 5), model="other@12345678")
    for refused in (lambda: holding.add(other), lambda: holding.candidates(other, SETTINGS)):
        with pytest.raises(MatchIndexError, match=f"other@12345678.*{MODEL}"):
            refused()
    with pytest.raises(MatchIndexError, match=f"other@12345678.*{MODEL}"):
        holding.commonness(other, SETTINGS)


def test_a_head_without_its_videos_is_called_damaged(tmp_path: Path) -> None:
    index(fingerprint("stored", some(1, 5))).save(tmp_path)
    head = tmp_path / HEAD
    head.write_text(head.read_text().replace('"videos"', '"other"'))
    with pytest.raises(MatchIndexError, match=r"damaged.*--rebuild$"):
        VideoIndex.load(tmp_path, MODEL)
