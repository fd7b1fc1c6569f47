"""What a hash looks like as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.matches.signals import (
    MOST_MS,
    Feature,
    Kind,
    MalformedError,
    Signal,
    feature_of,
    features_of,
    hash_hex,
    json_of,
    ms_of,
    quality_of,
    rows_of,
    seconds,
    vpdq_value,
)

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


@given(st.integers(0, MOST_MS))
def test_a_time_that_is_written_is_read_as_the_same_to_the_millisecond(time_ms: int) -> None:
    assert ms_of(seconds(time_ms)) == time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("0", 0),
        ("0.033", 33),
        ("12.5", 12_500),
        ("1.23e+03", 1_230_000),
        ("1e+03", 1_000_000),
        ("1e-05", 0),
        ("7.", 7000),
    ],
)
def test_times_as_the_threatexchange_tools_write_them_are_read(text: str, time_ms: int) -> None:
    assert ms_of(text) == time_ms


@pytest.mark.parametrize(
    "text", ["", "-1", "nan", "inf", "1e999", "1_0", "٣", "1,5", " 1", "9" * 10, "3600001", "1" * 400]
)
def test_what_is_no_time_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        ms_of(text)


@pytest.mark.parametrize("text", ["", "-1", "101", "1.0", "1e1", "٣", "0000"])
def test_what_is_no_quality_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        quality_of(text)


@pytest.mark.parametrize("text", ["", PDQ[:-1], PDQ + "0", "g" + PDQ[1:], "٣" * 64, "0" * 64, "f" * 64, "F" * 64])
def test_what_is_no_pdq_hash_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        hash_hex(text, Kind.PDQ)


def test_digits_are_kept_in_lower_case() -> None:
    assert hash_hex(PDQ.upper(), Kind.PDQ) == PDQ
    with pytest.raises(ValueError, match="pdq has 64"):
        Signal(Kind.PDQ, "abc")


def test_pictures_are_kept_in_the_order_of_their_times() -> None:
    late, early = Feature(PDQ, 90, 2000), Feature(PDQ, 80, 500)
    assert vpdq_value([late, early]) == f'["{PDQ},80,0.500", "{PDQ},90,2.000"]'
    assert features_of(vpdq_value([late, early])) == (early, late)


def test_a_video_of_which_one_time_is_missing_has_no_times() -> None:
    value = vpdq_value([Feature(PDQ, 90, 2000), Feature(PDQ, 80, None)])
    assert features_of(value) == (Feature(PDQ, 90, None), Feature(PDQ, 80, None))
    rows = rows_of([Signal(Kind.VPDQ, value)])
    assert rows is not None
    assert rows.times_ms is None


def test_hashes_that_say_too_little_are_not_compared() -> None:
    video = Signal(Kind.VPDQ, vpdq_value([Feature(PDQ, 49, 0), Feature(PDQ, 50, 1000)]))
    rows = rows_of([video])
    assert rows is not None
    assert rows.times_ms is not None
    assert rows.times_ms.tolist() == [1000]
    pictures = rows_of([Signal(Kind.PDQ, PDQ, 49), Signal(Kind.PDQ, PDQ)])
    assert pictures is not None
    assert len(pictures.hashes) == 1
    assert rows_of([Signal(Kind.MD5, "0" * 32)]) is None


@pytest.mark.parametrize("text", ["", "[" * 100_000, "9" * 5000, "{", "nul"])
def test_json_that_cannot_be_read_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError, match="no JSON"):
        json_of(text)


@pytest.mark.parametrize("text", ["[]", "{}", "[1]", '["a"]', '[["a"]]', f'["{PDQ},1,2,3"]'])
def test_what_is_no_list_of_pictures_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        features_of(text)


def test_a_picture_has_hash_quality_and_seconds() -> None:
    assert feature_of(f" {PDQ} , 90 , 1.5 ") == Feature(PDQ, 90, 1500)
    assert feature_of(f"{PDQ},90") == Feature(PDQ, 90, None)
