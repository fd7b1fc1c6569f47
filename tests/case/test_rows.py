from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import PROVENANCE, failure, report, video_id
from tests.hostile import STEADY, replaced, sentence, spoiled
from triage.case.rows import dump_row, is_failure, is_sealed, load_row, report_of, row_of, with_paths
from triage.errors import CaseError, Refusal, ReportError
from triage.records import SCHEMA, Report, Sealed

GOLDEN = Path(__file__).parent.parent / "data" / "report.json"


def test_a_report_comes_back_from_its_row_as_it_was() -> None:
    assert report_of(load_row(dump_row(row_of(report())), Path("x"))) == report()


def test_a_row_from_before_dates_were_read_still_reads() -> None:
    row = row_of(report())
    del row["video"]["made_at"]
    assert report_of(row).video.made_at is None


def test_every_field_of_a_report_has_its_place_in_the_row() -> None:
    row = row_of(report())
    assert set(row) - {"schema"} == {field.name for field in dataclasses.fields(report())}
    assert set(row["video"]) == {field.name for field in dataclasses.fields(report().video)} - {"path"}


def test_the_same_report_is_the_same_bytes() -> None:
    assert dump_row(row_of(report())) == dump_row(row_of(report()))


def test_a_stored_report_reads_as_it_did_when_it_was_written() -> None:
    """A change here is a change of the contract: raise SCHEMA, and write the new one down."""
    assert dump_row(row_of(report())).decode() == GOLDEN.read_text(encoding="utf-8")


def test_a_row_holds_no_path_of_its_own() -> None:
    assert "path" not in row_of(report())["video"]
    assert with_paths(row_of(report()), ["/a", "/b"], [])["video"]["paths"] == ["/a", "/b"]
    assert with_paths(row_of(report()), [], ["/c"])["video"]["path"] == "/c"


@pytest.mark.parametrize("kind", Refusal)
def test_a_file_that_cannot_be_read_is_a_row_with_the_reason(kind: Refusal) -> None:
    row = row_of(failure(kind=kind))
    assert is_failure(row)
    assert row["verdict"]["queue"] == "unreadable"
    assert row["verdict"]["reasons"][0]["rule"] == kind.value
    assert row["verdict"]["reasons"][0]["words"] == "its header cannot be read"
    assert set(row) == set(row_of(report())), "every row has the same keys"


def test_a_newer_row_is_refused_by_name() -> None:
    newer = {**row_of(report()), "schema": SCHEMA + 1}
    with pytest.raises(CaseError, match="newer version of triage"):
        load_row(json.dumps(newer).encode(), Path("reports/x.json"))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"video": 1}', b'{"schema": 1}', b'{"schema": "a"}', b"\xff\xfe"])
def test_a_damaged_row_is_named_and_says_what_to_do(data: bytes) -> None:
    with pytest.raises(ReportError, match=r"reports/x\.json: this report is damaged; scan again and it is made anew"):
        load_row(data, Path("reports/x.json"))


ROWS = [row_of(report()), row_of(failure()), row_of(Sealed(video_id("s"), 400, "possible", PROVENANCE))]


def read(data: bytes) -> None:
    """These bytes are a report, or a sentence says why not."""
    try:
        row = load_row(data, Path("some.json"))
        assert is_failure(row) in {True, False}
        if not is_failure(row) and not is_sealed(row):
            assert isinstance(report_of(row), Report)
    except CaseError as error:
        sentence(error)


@settings(STEADY, max_examples=200)
@given(st.one_of(spoiled([dump_row(row) for row in ROWS]), st.binary(max_size=60)))
def test_whatever_bytes_there_are_they_are_a_report_or_a_sentence(data: bytes) -> None:
    read(data)


@settings(STEADY, max_examples=300)
@given(replaced(json.loads(dump_row(ROWS[0]))) | replaced(json.loads(dump_row(ROWS[2]))))
def test_whatever_stands_in_the_place_of_a_value_is_a_report_or_a_sentence(row: object) -> None:
    read(json.dumps(row).encode())


@settings(STEADY, max_examples=300)
@given(replaced(json.loads(dump_row(ROWS[0]))))
def test_what_is_taken_for_a_report_can_be_written_down_again(row: object) -> None:
    try:
        taken = report_of(load_row(json.dumps(row).encode(), Path("some.json")))
    except CaseError:
        return
    assert report_of(load_row(dump_row(row_of(taken)), Path("some.json"))) == taken


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (("video", "width_px"), "640"),
        (("video", "pixel_aspect"), float("inf")),
        (("coverage", "sampled"), 1e400),
        (("coverage", "has_end_mark"), 1),
        (("verdict", "reasons"), []),
        (("verdict", "reasons", 0, "weight"), float("nan")),
        (("tracks", 0, "findings", 0, "box_xyxy"), [0, 0, float("inf"), 1]),
        (("tracks", 0, "findings", 0, "time_ms"), True),
        (("tracks", 1, "findings", 0, "mask", "width"), 10**30),
        (("provenance", "thresholds"), {"a": {"b": None}}),
        (("faults", 0, "pictures"), None),
        (("conditions",), {"day": "5"}),
    ],
)
def test_a_value_of_another_kind_makes_it_no_report(part: tuple[Any, ...], value: object) -> None:
    row = json.loads(dump_row(ROWS[0]))
    within = row
    for key in part[:-1]:
        within = within[key]
    within[part[-1]] = value
    with pytest.raises(ReportError, match="damaged"):
        report_of(load_row(json.dumps(row).encode(), Path("some.json")))


@pytest.mark.parametrize(
    "data", [b"[" * 5000, b'{"schema":' + b"9" * 5000, b'{"schema":NaN}', b"\xef\xbb\xbf{}", b"\0"]
)
def test_what_readers_stumble_over_is_called_damaged(data: bytes) -> None:
    with pytest.raises(ReportError, match="damaged"):
        load_row(data, Path("some.json"))
