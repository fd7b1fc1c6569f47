from __future__ import annotations

import csv
from pathlib import Path

import pytest

from triage.errors import UsageError
from triage.run.copy_list import HEAD, NAME, CopyList, Line


def line(original: str = "clip.mp4", outcome: str = "copied") -> Line:
    return Line(original, "a" * 64, "clip.review.mp4", "b" * 64, "solid", "faces,graphic", "1.500", outcome)


def rows(folder: Path) -> list[list[str]]:
    with (folder / NAME).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_file_has_one_row_however_often_it_is_copied(tmp_path: Path) -> None:
    CopyList(tmp_path).add(line(outcome="without a copy: no"))
    again = CopyList(tmp_path)
    again.add(line("other.mp4"))
    again.add(line())
    assert rows(tmp_path) == [list(HEAD), [*rows(tmp_path)[1]], [*rows(tmp_path)[2]]]
    assert [(row[0], row[-1]) for row in rows(tmp_path)[1:]] == [("clip.mp4", "copied"), ("other.mp4", "copied")]


def test_no_cell_is_calculated_by_a_spreadsheet(tmp_path: Path) -> None:
    CopyList(tmp_path).add(line("=HYPERLINK(1).mp4"))
    CopyList(tmp_path).add(line("=HYPERLINK(1).mp4"))
    assert [row[0] for row in rows(tmp_path)[1:]] == ["'=HYPERLINK(1).mp4"]


def test_another_table_of_that_name_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="no list of copies by triage"):
        CopyList(tmp_path)
    assert (tmp_path / NAME).read_text() == "a,b\n1,2\n"
