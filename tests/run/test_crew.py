from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import NUMBERS, STEADY, sentence
from triage.errors import UsageError
from triage.run.crew import memory_size


@settings(STEADY)
@given(st.text(max_size=8) | st.tuples(st.sampled_from(NUMBERS), st.sampled_from("KMGTkmgt")).map("".join))
def test_whatever_is_given_is_a_size_or_a_sentence(text: str) -> None:
    try:
        assert memory_size(text) >= 0
    except UsageError as error:
        sentence(error)


@pytest.mark.parametrize("text", ["9" * 400 + "T", "1." + "0" * 400 + "G", "\u0663G", "nanG", "infT", "1_0G"])
def test_what_readers_of_numbers_stumble_over_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="such as 8G"):
        memory_size(text)


@settings(STEADY, max_examples=60)
@given(st.integers(0, 10**9), st.sampled_from("KMGT"))
def test_a_size_that_is_written_down_is_read_as_it_was(count: int, unit: str) -> None:
    assert memory_size(f"{count}{unit}") == count * 1024 ** ("KMGT".index(unit) + 1)
