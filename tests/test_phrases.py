from __future__ import annotations

import pytest

from triage.phrases import clock, counted, listing, roughly, span


@pytest.mark.parametrize(
    ("time_ms", "said"),
    [
        (0, "00:00.000"),
        (12_480, "00:12.480"),
        (59_999, "00:59.999"),
        (60_000, "01:00.000"),
        (3_599_999, "59:59.999"),
        (3_600_000, "1:00:00.000"),
        (36_061_001, "10:01:01.001"),
    ],
)
def test_a_time_is_said_as_in_a_player(time_ms: int, said: str) -> None:
    assert clock(time_ms) == said


def test_a_moment_is_at_a_time_and_a_stretch_from_one_to_another() -> None:
    assert span(12_480, 12_480) == "at 00:12.480"
    assert span(12_480, 15_000) == "00:12.480 to 00:15.000"


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "said"),
    [
        (12_480, 30_001, "00:12–00:31"),
        (0, 2000, "00:00–00:02"),
        (12_480, 13_020, "00:12.4–00:13.1"),
        (12_480, 12_481, "at 00:12.4"),
        (12_480, 12_480, "at 00:12.4"),
        (3_599_000, 3_601_000, "59:59–1:00:01"),
    ],
)
def test_a_stretch_is_said_roughly_and_never_as_shorter_than_it_is(start_ms: int, end_ms: int, said: str) -> None:
    assert roughly(start_ms, end_ms) == said


@pytest.mark.parametrize(
    ("words", "said"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")], ids=str
)
def test_words_are_listed_with_one_and_at_the_end(words: list[str], said: str) -> None:
    assert listing(words) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 looks"), (1, "1 look"), (2, "2 looks")])
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "look", "looks") == said
