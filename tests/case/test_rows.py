from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.examples import failure, report
from triage.case.rows import dump_row, is_failure, load_row, report_of, row_of, with_paths
from triage.errors import CaseError, Refusal, ReportError
from triage.records import SCHEMA

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
