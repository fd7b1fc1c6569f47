"""``triage export --to coco`` and ``triage evaluate --case``: what people decided, and models measured against it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests import media
from tests.examples import PROVENANCE, report
from tests.nets import painted, squares_net
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import open_case
from triage.cli.main import app
from triage.durable import sha256_of
from triage.geometry import Box
from triage.original import Stamp
from triage.records import Finding, Label, Sealed, Track, Video

GREEN, SURE, UNSURE = 1, 250, 175  # scores of about 0.96 and 0.37
SQUARE = Box(64, 64, 80, 80)
SECONDS = 32


def triage(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def drawn(path: Path, bright: int) -> Path:
    """A picture a second with a green square, which a net takes for a weapon if it is bright."""
    picture = painted(320, 320, [(64, 64, 80, 80, GREEN, bright)])
    times_ms = [1000 * second for second in range(SECONDS)]
    return media.draw(path, [picture] * SECONDS, media.Recipe(codec="ffv1", pix_fmt="bgr0"), times_ms=times_ms)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Two clips, of which one shows a weapon all the time by what people decided, and in the other it was none."""
    folder = tmp_path / "case"
    (tmp_path / "dump").mkdir()
    with open_case(folder, make=True) as opened:
        for name, bright, act in (("witness", SURE, Act.CONFIRM), ("bystander", UNSURE, Act.DISMISS)):
            file = drawn(tmp_path / "dump" / f"{name}.mkv", bright)
            video = sha256_of(file)
            opened.note_file(file, Stamp.of(file.stat()), video)
            times_ms = range(0, 1000 * SECONDS, 1000)
            found = tuple(Finding(video, time, Label.WEAPON, 0.5, SQUARE, "squares@00000000") for time in times_ms)
            of = Video(video, Path(), 320, 320, 1000 * SECONDS, "matroska,webm", "ffv1")
            opened.save(replace(report(), video=of, tracks=(Track(Label.WEAPON, found),)))
            opened.decisions.add(Judged("Ana", video, act, Rung.BLURRED, "weapon"), seen=None)
    return folder


@pytest.fixture
def labels(case: Path, tmp_path: Path) -> Path:
    made = triage("export", case, "--to", "coco", "--out", tmp_path / "labels.json")
    assert made.exit_code == 0, made.stderr
    assert "64 moments of 2 videos: 32 boxes that people vouch for, 32 dismissed, 0 beside them" in made.stderr
    return tmp_path / "labels.json"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model of one's own that sees green squares as weapons, from a score that is far too low."""
    added = triage(
        *("weights", "add", squares_net(tmp_path / "squares.onnx"), "--role", "weapons", "--labels", "weapon=weapon"),
        *("--at-least", "weapon=0.2", "--input-px", "320"),
    )
    assert added.exit_code == 0, added.stderr
    return added.stdout.split()[1].rstrip(";")


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in sorted(folder.rglob("*")) if file.is_file()
    }


def test_decisions_are_exported_and_measured_against_without_a_picture_on_disk(
    case: Path, labels: Path, model: str, tmp_path: Path
) -> None:
    before = files(tmp_path)
    measured = measured_in(case, labels, model)
    assert measured.exit_code == 0, measured.stderr
    assert "weapons: 64 pictures of labels.json (COCO, moments of 2 videos)." in measured.stdout
    assert "recall looks higher than it is" in measured.stdout
    [row] = [line.split("|") for line in measured.stdout.splitlines() if line.startswith("| weapons | all | 64 | 32 |")]
    assert row[7].strip().startswith("0.500"), "half of the squares that it takes for weapons are none"
    assert row[8].strip().startswith("1.000")
    after = files(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} <= {str(case / name) for name in RECORDS}
    assert not list(tmp_path.rglob("*.png"))


RECORDS = ("catalogue.sqlite-wal", "catalogue.sqlite-shm")


def test_thresholds_are_chosen_anew_by_what_people_decided(case: Path, labels: Path, model: str) -> None:
    asked = ("evaluate", "--role", "weapons", "--data", labels, "--case", case, "--weights", model)
    chosen = triage(*asked, "--calibrate")
    assert chosen.exit_code == 0, chosen.stderr
    [row] = [line.split("|") for line in chosen.stdout.splitlines() if line.startswith("| weapons | all | 64 | 32 |")]
    assert [cell.strip()[:5] for cell in row[7:9]] == ["1.000", "1.000"], "the doubtful ones count no more"


def test_labels_of_moments_say_what_they_need(case: Path, labels: Path, model: str, tmp_path: Path) -> None:
    alone = triage("evaluate", "--role", "weapons", "--data", labels)
    assert alone.exit_code == 2
    assert "name the case that knows the videos, --case CASE" in " ".join(alone.stderr.split())
    (tmp_path / "mine.csv").write_text("file,label\na.png,weapon\n")
    other = triage("evaluate", "--role", "weapons", "--data", tmp_path / "mine.csv", "--case", case)
    assert other.exit_code == 2
    assert "names pictures, and no moments" in other.stderr


def measured_in(case: Path, labels: Path, model: str) -> Result:
    return triage("evaluate", "--role", "weapons", "--data", labels, "--case", case, "--weights", model)


def test_what_was_sealed_since_is_not_opened_and_not_exported_any_more(case: Path, labels: Path, model: str) -> None:
    video = sha256_of(case.parent / "dump" / "witness.mkv")
    with open_case(case, make=True) as opened:
        opened.save(Sealed(video, 0, "possible sexual content", PROVENANCE))
    measured = measured_in(case, labels, model)
    assert measured.exit_code == 1
    assert f"| {video[:12]} at 00:00.000 | it is sealed" in measured.stdout
    assert "weapons: 32 pictures of labels.json (COCO, moments of 2 videos), 32 left out" in measured.stdout
    again = triage("export", case, "--to", "coco")
    assert video not in again.stdout
    assert "left out: 1 decision about sealed contents" in again.stderr


def test_a_video_that_was_changed_since_is_not_taken_for_the_one_that_was_decided_on(
    case: Path, labels: Path, model: str
) -> None:
    changed = case.parent / "dump" / "bystander.mkv"
    video = sha256_of(changed)
    changed.write_bytes(changed.read_bytes() + b"\0")
    measured = measured_in(case, labels, model)
    assert measured.exit_code == 1
    assert f"| {video[:12]} at 00:00.000 | the video is not where this case knows it, or was changed" in measured.stdout


def test_names_of_people_and_of_files_stay_in_the_case(case: Path, labels: Path) -> None:
    assert "Ana" not in labels.read_text()
    assert "witness" not in labels.read_text()
    named = triage("export", case, "--to", "coco", "--with-authors")
    assert json.loads(named.stdout)["annotations"][0]["author"] == "Ana"
    refused = triage("export", case, "--to", "jsonl", "--with-authors")
    assert refused.exit_code == 2
    assert "holds no decisions" in refused.stderr


def test_labels_are_written_over_an_earlier_export_alone(case: Path, labels: Path, tmp_path: Path) -> None:
    before = labels.read_bytes()
    assert triage("export", case, "--to", "coco", "--out", labels).exit_code == 0
    assert labels.read_bytes() == before
    original = next((tmp_path / "dump").iterdir())
    assert triage("export", case, "--to", "coco", "--out", original).exit_code == 2
