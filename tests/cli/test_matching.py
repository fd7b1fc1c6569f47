"""The whole way from a bank and a dump to seconds that are known, as a user types it, with the weights that ship."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests import media
from tests.examples import nobody
from tests.matches.pictures import scene
from tests.media import Image
from triage.cli.main import app
from triage.findings import registry
from triage.findings.detector import Detector, Reader
from triage.findings.scripted import Scripted
from triage.settings import Settings

RATE = 10


def triage(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(autouse=True)
def nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(_: Settings) -> tuple[Sequence[Detector], Sequence[Reader]]:
        return [Scripted(nobody)], []

    monkeypatch.setattr(registry, "open_models", make)


def shots(*seeds: int) -> list[Image]:
    """Three seconds of each: the camera moves over a drawn scene."""
    wide = [scene(seed, 720, 270) for seed in seeds]
    return [np.ascontiguousarray(one[:, 8 * step : 8 * step + 480]) for one in wide for step in range(3 * RATE)]


def draw(path: Path, pictures: Sequence[Image]) -> Path:
    return media.draw(path, pictures, media.Recipe(fps=Fraction(RATE)))


def mirrored_in_a_letterbox(image: Image) -> Image:
    framed = cv2.copyMakeBorder(image[:, ::-1], 60, 60, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return np.asarray(framed, np.uint8)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A known clip of six seconds, and a dump: an upload of it within other footage, and one that shows none of it."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "dump").mkdir()
    known = shots(1, 2)
    draw(folder / "K-0013.mp4", known)
    edited = [mirrored_in_a_letterbox(picture) for picture in known]
    around = [mirrored_in_a_letterbox(picture) for picture in shots(3)]
    draw(folder / "dump" / "upload.mp4", [*around, *edited, *around[::-1]])
    draw(folder / "dump" / "other.mp4", shots(4, 5))
    return folder


def rows(case: Path, folder: Path) -> dict[str, Any]:
    exported = triage("export", case, "--to", "jsonl", "--out", folder / "rows.jsonl")
    assert exported.exit_code == 0, exported.stderr
    found = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    return {Path(row["video"]["paths"][0]).name: row for row in found}


def test_an_edited_upload_of_a_known_clip_is_told_with_its_seconds(material: Path, tmp_path: Path) -> None:
    bank, case = tmp_path / "bank", tmp_path / "case"
    assert triage("bank", "add", bank, material / "K-0013.mp4").exit_code == 0
    scanned = triage("scan", material / "dump", "--case", case, "--bank", bank)
    assert scanned.exit_code == 0, scanned.stderr
    found = rows(case, tmp_path)
    assert found["other.mp4"]["overlaps"] == []
    [overlap] = found["upload.mp4"]["overlaps"]
    [segment] = overlap["segments"]
    assert overlap["bank_entry"] == "K-0013"
    assert (segment["query_start_ms"], segment["query_end_ms"]) == pytest.approx((3000, 9000), abs=400)
    assert (segment["stored_start_ms"], segment["stored_end_ms"]) == pytest.approx((0, 6000), abs=400)
    assert segment["mirrored"]
    assert {"mirrored", "borders added"} <= set(overlap["edits"])
    assert overlap["query_share"] == pytest.approx(0.5, abs=0.06)
    assert overlap["stored_share"] == pytest.approx(1, abs=0.06)
    queue = triage("queue", case).stdout
    assert "identical to bank clip K-0013" in queue
    assert "unseen: 00:06" in queue or "unseen: 00:05" in queue


def test_a_clip_that_becomes_known_later_is_looked_up_in_what_was_scanned(material: Path, tmp_path: Path) -> None:
    bank, case = tmp_path / "bank", tmp_path / "case"
    assert triage("scan", material / "dump", "--case", case).exit_code == 0
    assert rows(case, tmp_path)["upload.mp4"]["overlaps"] == []
    assert triage("bank", "add", bank, material / "K-0013.mp4").exit_code == 0
    matched = triage("match", case, "--bank", bank)
    assert matched.exit_code == 0, matched.stderr
    assert len(rows(case, tmp_path)["upload.mp4"]["overlaps"]) == 1
    again = triage("match", case, "--bank", bank, "--rebuild")
    assert again.exit_code == 0, again.stderr
    assert len(rows(case, tmp_path)["upload.mp4"]["overlaps"]) == 1


def test_one_clip_is_found_without_being_added_anywhere(material: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert triage("scan", material / "dump", "--case", case).exit_code == 0
    before = triage("export", case, "--to", "jsonl").stdout
    found = triage("find", material / "K-0013.mp4", "--case", case, "--top", "1")
    assert found.exit_code == 0, found.stderr
    assert "upload.mp4" in found.stdout
    assert "other.mp4" not in found.stdout
    assert triage("export", case, "--to", "jsonl").stdout == before


def test_a_picture_of_a_clip_finds_it(material: Path, tmp_path: Path) -> None:
    bank, picture = tmp_path / "bank", tmp_path / "picture.png"
    assert triage("bank", "add", bank, material / "K-0013.mp4").exit_code == 0
    cv2.imwrite(str(picture), shots(1, 2)[40])
    found = triage("find", picture, "--bank", bank)
    assert found.exit_code == 0, found.stderr
    assert "K-0013" in found.stdout


def test_copies_in_a_dump_are_grouped(material: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    scanned = triage("scan", material / "dump", material / "K-0013.mp4", "--case", case)
    assert scanned.exit_code == 0, scanned.stderr
    told = json.loads(triage("clusters", case, "--json").stdout)
    assert len(told["groups"]) == 1
    assert len(told["alone"]) == 1
