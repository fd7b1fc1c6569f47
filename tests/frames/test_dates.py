from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.frames.dates import made_at


@pytest.mark.parametrize(
    ("tags", "read"),
    [
        ({"creation_time": "2023-05-06T10:13:14.000000Z"}, "2023-05-06T10:13:14Z"),
        ({"CREATION_TIME": "2023-05-06 10:13:14"}, "2023-05-06T10:13:14"),
        ({"com.apple.quicktime.creationdate": "2023-05-06T12:13:14+0200"}, "2023-05-06T10:13:14Z"),
        ({"com.apple.quicktime.creationdate": "2023-01-01T01:00:00+05:30"}, "2022-12-31T19:30:00Z"),
        ({"ExifIFD/DateTimeOriginal": "2021:02:03 04:05:06\0"}, "2021-02-03T04:05:06"),
        (
            {"ExifIFD/DateTimeOriginal": "2021:02:03 04:05:06", "ExifIFD/OffsetTimeOriginal": "-03:00"},
            "2021-02-03T07:05:06Z",
        ),
        ({"creation_time": "2000-06-01T00:00:00Z"}, "2000-06-01T00:00:00Z"),
    ],
)
def test_a_date_is_read_as_it_was_meant(tags: dict[str, str], read: str) -> None:
    assert made_at({}, tags) == read


@pytest.mark.parametrize(
    "written",
    [
        "1904-01-01T00:00:00.000000Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:07Z",
        "1970-01-01 01:00:00",
        "1980-01-01T00:00:00Z",
        "2000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2106-02-07T06:28:15Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "0000-00-00 00:00:00",
        "2023-02-30T10:00:00Z",
        "2023-05-06T24:00:00Z",
        "2023-05-06T10:13:14+25:00",
        "2023-05-06",
        "2023",
        "yesterday",
        "",
        "\N{ARABIC-INDIC DIGIT TWO}023-05-06T10:13:14Z",
        "2023-05-06T10:13:14Z; rm",
        "2023-05-06T10:13:14Z" * 1000,
    ],
)
def test_what_cannot_be_a_date_is_nothing(written: str) -> None:
    assert made_at({"creation_time": written}) is None


def test_the_camera_s_own_date_counts_before_that_of_an_export() -> None:
    tags = {"creation_time": "2024-01-02T00:00:00Z", "com.apple.quicktime.creationdate": "2023-05-06T12:00:00Z"}
    assert made_at(tags) == "2023-05-06T12:00:00Z"


def test_nonsense_in_the_container_does_not_hide_the_date_of_the_stream() -> None:
    container, stream = {"creation_time": "1904-01-01T00:00:00Z"}, {"creation_time": "2023-05-06T12:00:00Z"}
    assert made_at(container, stream) == "2023-05-06T12:00:00Z"


@given(st.text())
def test_no_text_is_too_strange_to_be_read(written: str) -> None:
    made_at({"creation_time": written, "ExifIFD/DateTimeOriginal": written})
