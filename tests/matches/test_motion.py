"""A camera that stands: what is alike all day, and what moves before it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.prints import filmed, fingerprint, noisy, played
from triage.matches.compare import compare
from triage.matches.motion import following
from triage.records import Fingerprint, Vectors
from triage.settings import Matching

MATCHING = Matching()
PLACE = filmed(1, 400)[:1]
STANDING = 0.93
"""Cosine of what a standing camera sees to the place that it stands in."""


def take(seed: int, start_ms: int = 0, length_ms: int = 24_000, speed: float = 1.0) -> Vectors:
    """Pictures of one place, by a camera that stands, in which something moves."""
    moving = played(filmed(seed, 30_000), start_ms, length_ms, speed=speed)
    seen = STANDING * PLACE + np.sqrt(1 - STANDING**2) * moving
    return np.asarray(seen / np.linalg.norm(seen, axis=-1, keepdims=True), np.float32)


def both(first: Vectors, second: Vectors) -> tuple[Fingerprint, Fingerprint]:
    return fingerprint("query", first), fingerprint("stored", second)


def test_another_take_by_the_same_standing_camera_is_no_copy_however_alike_it_is() -> None:
    query, stored = both(take(11), take(12))
    assert float((query.vectors[:, 0] * stored.vectors[:, 0]).sum(axis=1).min()) > 0.8
    assert compare(query, stored, MATCHING) is None


@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_a_piece_of_a_take_is_found_where_the_same_moves(speed: float) -> None:
    query, stored = both(noisy(take(11, 8000, 8000, speed), 0.99), take(11))
    overlap = compare(query, stored, MATCHING)
    assert overlap is not None
    [one] = overlap.segments
    assert one.speed == pytest.approx(speed, rel=0.05)
    assert one.stored_start_ms == pytest.approx(8000, abs=450)
    assert one.stored_end_ms == pytest.approx(8000 + 8000 * speed, abs=450)
    assert one.similarity > 0.9, "the likeness of the pictures, not of what moves in them"


def test_a_place_in_which_nothing_moves_is_a_copy_only_if_it_stands_for_long_or_is_all_there_is() -> None:
    other = played(filmed(9, 30_000), 0, 12_000)
    still = np.repeat(PLACE, 6, axis=0)
    longer = np.repeat(PLACE, 12, axis=0)
    query = fingerprint("query", np.concatenate((still, other)))
    assert compare(query, fingerprint("stored", np.concatenate((still, other[::-1]))), MATCHING) is None
    assert compare(query, fingerprint("stored", still), MATCHING) is not None
    longs = both(np.concatenate((longer, other)), np.concatenate((longer, other[::-1])))
    assert compare(*longs, MATCHING) is not None


def test_following_is_one_for_a_copy_and_about_nothing_for_another_take() -> None:
    rows = np.arange(60)
    query, copy = both(take(11), noisy(take(11), 0.995))
    assert following(query, copy, rows, rows, mirrored=False)[0] > 0.8
    _, other = both(take(11), take(12))
    together, moves = following(query, other, rows, rows, mirrored=False)
    assert abs(together) < 0.4
    assert moves
    _, still = both(take(11), np.repeat(PLACE, 60, axis=0))
    assert not following(still, still, rows, rows, mirrored=False)[1]
