from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from triage.case.rows import Row
from triage.cli.main import app
from triage.demo import make_dump
from triage.errors import UsageError

Rows = dict[str, Row]
"""File name -> row."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as a newcomer runs it, with the model that ships."""
    folder = tmp_path_factory.mktemp("demo")
    assert CliRunner().invoke(app, ["demo", "--dir", str(folder)]).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def rows(demo: Path) -> Rows:
    exported = CliRunner().invoke(app, ["export", str(demo / "case")]).stdout
    found = [json.loads(line) for line in exported.splitlines()]
    return {Path(path).name: row for row in found for path in row["video"]["paths"]}


def labels(row: Row) -> set[str]:
    return {track["label"] for track in row["tracks"]}


def test_every_file_of_the_demo_has_its_row(demo: Path, rows: Rows) -> None:
    assert set(rows) == {file.name for file in (demo / "dump").rglob("*") if file.is_file()}
    assert rows["half of street.mp4"]["coverage"]["extent"] == "partial"
    assert rows["empty.mp4"]["verdict"]["reasons"][0]["rule"] == "empty_file"
    assert rows["notes.mp4"]["verdict"]["reasons"][0]["rule"] == "not_media"
    assert len(rows["street.mp4"]["video"]["paths"]) == 2


@pytest.mark.parametrize("name", ["street.mp4", "street again.mp4", "half of street.mp4", "armed.mp4"])
def test_the_shipped_model_finds_the_people_of_the_demo(rows: Rows, name: str) -> None:
    assert "person" in labels(rows[name])


@pytest.mark.parametrize("name", ["armed.mp4", "a drawing.mp4"])
def test_the_shipped_model_finds_the_drawn_rifle(rows: Rows, name: str) -> None:
    assert any("likely weapon" in reason["words"] for reason in rows[name]["verdict"]["reasons"])


def test_the_rifle_among_people_is_what_to_look_at_first(rows: Rows) -> None:
    assert next(iter(rows)) == "armed.mp4"
    assert rows["armed.mp4"]["verdict"]["queue"] == "urgent"


@pytest.mark.parametrize("name", ["street.mp4", "street again.mp4"])
def test_where_there_is_no_rifle_a_weapon_is_possible_at_most(rows: Rows, name: str) -> None:
    """The model's card says how often it is wrong; here it must not be sure of it."""
    assert all("likely weapon" not in reason["words"] for reason in rows[name]["verdict"]["reasons"])


def test_a_dump_that_is_there_already_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("mine")
    make_dump(tmp_path)
    assert (tmp_path / "notes.mp4").read_text() == "mine"
    assert not list(tmp_path.glob(".*")), "nothing half-made stays behind"


def test_missing_photographs_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.demo.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"the photograph bus\.jpg of the ultralytics package is not installed"):
        make_dump(tmp_path)
