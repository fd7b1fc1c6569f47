"""Comparing by perceptual hashes alone, on hashes that are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests import prints
from triage.matches.exchange.reading import read_hashes
from triage.matches.hash_compare import KnownHashes, compare_hashes
from triage.matches.signals import Rows, rows_of
from triage.records import Fingerprint

Hashes = npt.NDArray[np.uint8]
STEP_MS = 400


def pictures(seed: int, count: int) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def noisy(hashes: Hashes, bits: int, seed: int = 0) -> Hashes:
    """The same pictures with so many bits of each turned."""
    draw = np.random.default_rng(seed)
    unpacked = np.unpackbits(hashes, axis=1)
    for row in unpacked:
        row[draw.choice(256, bits, replace=False)] ^= 1
    return np.packbits(unpacked, axis=1)


def query(hashes: Hashes, quality: int = 100, step_ms: int = STEP_MS, **more: object) -> Fingerprint:
    drawn = prints.fingerprint(
        "query",
        prints.scene(1, len(hashes)),
        times_ms=[step_ms * row for row in range(len(hashes))],
        **more,  # type: ignore[arg-type]
    )
    return replace(drawn, hashes=hashes, qualities=np.full(len(hashes), quality, np.uint8))


def times(count: int, step_ms: int = 1000) -> npt.NDArray[np.int64]:
    return np.arange(count, dtype=np.int64) * step_ms


CLIP = pictures(1, 10)


def test_a_clip_inside_a_longer_video_is_found_with_its_times_and_both_shares() -> None:
    longer = np.concatenate([pictures(2, 20), noisy(CLIP, 20), pictures(3, 10)])
    found = compare_hashes(query(longer), CLIP, times(10, STEP_MS), stored="clip")
    assert found is not None
    [segment] = found.segments
    assert (segment.query_start_ms, segment.query_end_ms) == (20 * STEP_MS, 30 * STEP_MS)
    assert (segment.stored_start_ms, segment.stored_end_ms) == (0, 10 * STEP_MS)
    assert segment.speed == pytest.approx(1)
    assert segment.similarity == pytest.approx(1 - 20 / 128)
    assert (found.stored, found.stored_share) == ("clip", 1)
    assert found.query_share == pytest.approx(10 / 40)


def test_pictures_are_the_same_up_to_31_bits_and_not_from_32_on() -> None:
    assert compare_hashes(query(noisy(CLIP, 31)), CLIP, times(10)) is not None
    assert compare_hashes(query(noisy(CLIP, 32)), CLIP, times(10)) is None


def test_pictures_that_say_too_little_are_not_compared() -> None:
    assert compare_hashes(query(CLIP, quality=50), CLIP, None) is not None
    assert compare_hashes(query(CLIP, quality=49), CLIP, None) is None
    assert compare_hashes(query(CLIP[:0]), CLIP, None) is None
    assert compare_hashes(query(CLIP), CLIP[:0], None) is None


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_the_speed_of_a_copy_is_told(speed: float) -> None:
    found = compare_hashes(query(CLIP), CLIP, times(10, int(STEP_MS * speed)))
    assert found is not None
    assert [segment.speed for segment in found.segments] == [pytest.approx(speed)]


def test_parts_in_another_order_are_segments_of_their_own() -> None:
    found = compare_hashes(query(np.concatenate([CLIP[5:], CLIP[:5]])), CLIP, times(10, STEP_MS))
    assert found is not None
    assert [(one.query_start_ms, one.stored_start_ms) for one in found.segments] == [(0, 2000), (2000, 0)]


def test_a_stretch_goes_on_over_a_picture_that_is_not_found_and_ends_at_a_long_gap() -> None:
    one_missed = np.concatenate([CLIP[:5], pictures(4, 1), CLIP[6:]])
    found = compare_hashes(query(one_missed), CLIP, times(10, STEP_MS))
    assert found is not None
    assert len(found.segments) == 1
    long_gap = np.concatenate([CLIP[:5], pictures(5, 20), CLIP[5:]])
    found = compare_hashes(query(long_gap), CLIP, times(10, STEP_MS))
    assert found is not None
    assert len(found.segments) == 2


def test_a_shared_title_card_is_no_copy() -> None:
    card = noisy(np.repeat(pictures(6, 1), 5, axis=0), 6)
    one = np.concatenate([card, pictures(7, 30)])
    other = np.concatenate([card, pictures(8, 30)])
    assert compare_hashes(query(one), other, times(35)) is None


def test_a_picture_that_stands_through_most_of_a_clip_is_enough() -> None:
    face = np.repeat(pictures(6, 1), 30, axis=0)
    speaker, copied = noisy(face, 6), noisy(face[:10], 6, 1)
    stored = np.concatenate([pictures(7, 1), speaker])
    found = compare_hashes(query(np.concatenate([pictures(8, 5), copied])), stored, times(31, STEP_MS))
    assert found is not None
    assert len(found.segments) == 1, "its rows are all alike, and are taken in order"
    assert found.segments[0].speed == pytest.approx(1, abs=0.2)


def test_a_clip_without_times_is_found_with_those_of_the_query_alone() -> None:
    found = compare_hashes(query(np.concatenate([pictures(2, 5), CLIP])), CLIP, None)
    assert found is not None
    [segment] = found.segments
    assert (segment.query_start_ms, segment.query_end_ms) == (2000, 6000)
    assert (segment.stored_start_ms, segment.stored_end_ms, segment.speed) == (0, 1, 1.0)
    assert found.stored_share == 1


def test_one_known_picture_is_found_in_a_video_and_as_a_still() -> None:
    video = np.concatenate([pictures(2, 5), CLIP[:1], pictures(3, 5)])
    found = compare_hashes(query(video), CLIP[:1], None)
    assert found is not None
    assert [(one.query_start_ms, one.query_end_ms) for one in found.segments] == [(2000, 2400)]
    still = compare_hashes(query(CLIP[:1], length_ms=0), CLIP[:1], None)
    assert still is not None
    assert (still.query_share, still.stored_share) == (1, 1)


def test_many_clips_at_once_are_answered_as_one_by_one() -> None:
    clips = [(f"clip {seed}", Rows(pictures(seed, 10), times(10) if seed % 2 else None)) for seed in range(10, 60)]
    clips.append(("picture", Rows(pictures(99, 1), None)))
    video = query(np.concatenate([pictures(2, 5), noisy(pictures(17, 10), 10), pictures(30, 10), pictures(99, 1)]))
    found = KnownHashes(clips).overlaps(video)
    alone = [compare_hashes(video, rows.hashes, rows.times_ms, stored=clip) for clip, rows in clips]
    assert found == [overlap for overlap in alone if overlap]
    assert [overlap.stored for overlap in found] == ["clip 17", "clip 30", "picture"]
    assert KnownHashes([]).overlaps(video) == []


@pytest.mark.shared
def test_sample_hashes_of_one_scene_match_and_those_of_another_do_not(shared: Path) -> None:
    """What was measured: 24 lists of four scenes; nothing here was chosen by looking at them."""
    folder = shared / "data/hash_vectors/threatexchange/vpdq/sample-hashes"

    def hashes(name: str) -> Rows:
        rows = rows_of(read_hashes(folder / f"{name}.txt").found[0].signals)
        assert rows is not None
        return rows

    asked = hashes("chair-22-with-small-logo-bar")
    assert asked.times_ms is not None
    video = replace(query(asked.hashes), times_ms=asked.times_ms, until_ms=asked.times_ms, length_ms=10**6)
    for name, is_same in (
        ("chair-orig-22-sd-bar", True),
        ("doorknob-hd-no-bar", False),
        ("pattern-sd-grey-bar", False),
    ):
        rows = hashes(name)
        assert (compare_hashes(video, rows.hashes, rows.times_ms) is not None) is is_same
