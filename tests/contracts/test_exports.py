"""What every exporter owes: text that can be written; and those that give a whole, each row with all that it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples import PROVENANCE, failure, report
from triage.case.rows import row_of, with_paths
from triage.exports.contents import Contents
from triage.exports.registry import BEGINNING, EXPORTS
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


def text_of(name: str, contents: Contents) -> str:
    return "".join(EXPORTS[name].write(contents))


@pytest.mark.parametrize("name", [name for name, one in EXPORTS.items() if one.is_whole])
def test_every_field_of_a_row_arrives(name: str) -> None:
    text = text_of(name, Contents(ROWS))
    for row in ROWS:
        for leaf in leaves(row):
            assert json.dumps(leaf) in text or str(leaf) in text


@pytest.mark.parametrize("name", EXPORTS)
def test_no_row_gives_no_broken_text(name: str) -> None:
    text_of(name, Contents([])).encode()


@pytest.mark.parametrize("name", EXPORTS)
def test_a_name_that_is_no_text_can_still_be_written(name: str) -> None:
    text_of(name, Contents(ROWS)).encode("utf-8")


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_begins_so_that_it_is_known_as_one(name: str) -> None:
    assert text_of(name, Contents(ROWS)).encode().startswith(BEGINNING)


def test_jsonl_reads_back_as_the_rows() -> None:
    lines = text_of("jsonl", Contents(ROWS)).splitlines()
    assert [json.loads(line) for line in lines] == ROWS
