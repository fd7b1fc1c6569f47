"""What every exporter owes: each row arrives with all that it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples import PROVENANCE, failure, report
from triage.case.rows import row_of, with_paths
from triage.exports.registry import EXPORTS, exporter
from triage.records import Sealed

ROWS = [
    with_paths(row_of(report()), ["/dump/a.mp4", "/dump/b\udcff.mp4"], ["/dump/once.mp4"]),
    with_paths(row_of(Sealed("cd" * 32, 1200, "possible sexual content", PROVENANCE)), ["/dump/sealed.mp4"], []),
    with_paths(row_of(failure()), ['/dump/"quoted", with a comma\nand a line.mp4'], []),
]


def leaves(value: object) -> Iterator[Any]:
    """Every text and number in a row, however deep."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None:
        yield value


@pytest.mark.parametrize("name", EXPORTS)
def test_every_field_of_a_row_arrives(name: str) -> None:
    text = "".join(exporter(name)(ROWS))
    for row in ROWS:
        for leaf in leaves(row):
            assert json.dumps(leaf) in text or str(leaf) in text


@pytest.mark.parametrize("name", EXPORTS)
def test_no_row_gives_no_broken_text(name: str) -> None:
    "".join(exporter(name)([])).encode()


@pytest.mark.parametrize("name", EXPORTS)
def test_a_name_that_is_no_text_can_still_be_written(name: str) -> None:
    "".join(exporter(name)(ROWS)).encode("utf-8")


def test_jsonl_reads_back_as_the_rows() -> None:
    lines = "".join(exporter("jsonl")(ROWS)).splitlines()
    assert [json.loads(line) for line in lines] == ROWS
