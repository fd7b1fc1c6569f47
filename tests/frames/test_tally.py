"""Counts and the sentences they come to."""

from __future__ import annotations

import pytest

from triage.frames.tally import Claim, Tally
from triage.records import Extent


@pytest.mark.parametrize(
    ("reached_ms", "is_for_pictures", "short_ms"),
    [(5000, True, 0), (4900, True, 0), (4899, True, 101), (4000, False, 0), (3999, False, 1001), (9000, True, 0)],
)
def test_an_end_is_short_of_its_claim_only_beyond_what_rounding_explains(
    reached_ms: int, is_for_pictures: bool, short_ms: int
) -> None:
    tally = Tally(Claim(5000, is_for_pictures=is_for_pictures), packets=500, reached_ms=reached_ms)
    assert tally.coverage(400).short_ms == short_ms
    assert tally.coverage(400).extent is (Extent.PARTIAL if short_ms else Extent.WHOLE)


def test_two_long_pictures_may_be_missing_from_a_slow_video() -> None:
    assert Tally(Claim(10_000, is_for_pictures=True), packets=8, reached_ms=8000).short_ms() == 0
    assert Tally(Claim(10_100, is_for_pictures=True), packets=8, reached_ms=8000).short_ms() == 2100


def test_pictures_passed_over_explain_nothing_at_the_end() -> None:
    tally = Tally(Claim(20_000, is_for_pictures=True), packets=450, decoded=10, reached_ms=18_000)
    assert tally.short_ms() == 2000


def test_a_single_picture_explains_nothing() -> None:
    assert Tally(Claim(5000, is_for_pictures=True), packets=1, reached_ms=4000).short_ms() == 1000


def test_memory_that_ran_out_is_not_called_damage() -> None:
    tally = Tally(None, reached_ms=2000)
    tally.refused(700, ValueError("damaged"))
    assert tally.coverage(400).why == ("it is damaged: 1 piece could not be decoded, the first near 00:00.700",)
    tally.refused(900, MemoryError())
    (why,) = tally.coverage(400).why
    assert why.startswith("1 of its pieces would have taken more memory than a decoder may have: 2 pieces could not")


def test_damage_is_told_in_words() -> None:
    tally = Tally(None, skipped_packets=1, damaged_pictures=2, reached_ms=2000)
    tally.damage(700)
    tally.damage(900)
    assert tally.coverage(400).why == (
        "it is damaged: 1 piece could not be decoded and 2 pictures were decoded with errors and may show false"
        " content, the first near 00:00.700",
    )
