"""What a person at the screen is told of sealed files, and how a model for sexual content is brought."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import media
from tests.cli.test_commands import triage
from tests.nets import painted, squares_net
from triage.cli.known_models import NUDENET, known_model
from triage.findings import registry
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.records import Frame, Label, Role
from triage.settings import Settings
from triage.shipped import shipped

DROPPED = ("female", "male", "genitalia", "breast", "anus")
"""Words of the model's own classes that must not come any further than its labels."""
VISIBLE = ("MALE_GENITALIA_EXPOSED", "FEMALE_BREAST_EXPOSED", "FACE_FEMALE")
"""Classes that the tiny network can see: as red, green and blue squares."""
NAMES = dict(enumerate([*VISIBLE, *sorted(NUDENET.classes - set(VISIBLE))]))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    media.draw(folder / "bright.mkv", [media.plain(20)] * 25 + [media.plain(240)] * 15)
    media.video(folder / "calm.mp4", pictures=20)
    return folder


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan in which a bright picture stands for sexual content."""

    def say(frame: Frame) -> Said:
        if frame.image.mean() > 200:
            yield Label.SEXUAL, 0.9, Box(50, 40, 90, 60)

    def open_models(_: Settings) -> tuple[list[Scripted], list[object]]:
        return [Scripted(say, (Role.PEOPLE, Role.SEXUAL))], []

    monkeypatch.setattr(registry, "open_models", open_models)


@pytest.mark.usefixtures("seeing")
def test_a_scan_says_how_many_are_sealed_and_that_they_stay_so(dump: Path, tmp_path: Path) -> None:
    first = triage("scan", dump, "--case", tmp_path / "case")
    assert first.exit_code == 0
    assert "1 with" not in first.stderr
    assert "1 examined, 1 sealed;" in first.stderr
    assert "Sealed: 1 file. Do not open them" in first.stderr
    assert "sealed          1" in first.stdout
    again = triage("scan", dump, "--case", tmp_path / "case")
    assert "1 done before, 1 sealed before and not looked at again" in again.stderr


@pytest.mark.usefixtures("seeing")
def test_the_queue_shows_what_is_sealed_first_and_apart_with_what_to_do(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    shown = triage("queue", tmp_path / "case").stdout
    sealed, others = shown.split("\n\n", 1)
    assert sealed.splitlines()[0] == f"   1  SEALED     {dump / 'bright.mkv'}"
    assert "calm.mp4" not in sealed
    assert "calm.mp4" in others
    [row] = [json.loads(line) for line in triage("export", tmp_path / "case").stdout.splitlines() if "bright" in line]
    assert f"SHA-256 {row['video']['id']}" in sealed, "whole, to name the file by"
    assert "- first seen at 00:01.000: possible sexual content, and nobody looked for minors" in sealed
    assert "Do not open it, not even to check. Do not copy, forward, print or photograph it." in sealed
    assert "not legal advice" in sealed
    named = Path(sealed.rpartition("(not legal advice): ")[2])
    assert "This is not legal advice" in named.read_text(encoding="utf-8")
    assert "nothing waits in the queue urgent" in triage("queue", tmp_path / "case", "--queue", "urgent").stdout
    assert "bright.mkv" in triage("queue", tmp_path / "case", "--queue", "sealed").stdout


@pytest.mark.usefixtures("seeing")
def test_the_export_of_a_sealed_file_is_its_id_place_time_reason_and_provenance(dump: Path, tmp_path: Path) -> None:
    triage("scan", dump, "--case", tmp_path / "case")
    sealed, other = (json.loads(line) for line in triage("export", tmp_path / "case").stdout.splitlines())
    assert set(sealed) == set(other), "every row has the same keys, so that no reader stumbles over the gravest one"
    said = {key: value for key, value in sealed["video"].items() if value}
    assert said == {
        "id": sealed["video"]["id"],
        "path": str(dump / "bright.mkv"),
        "paths": [str(dump / "bright.mkv")],
    }
    assert sealed["verdict"]["queue"] == "sealed"
    assert not any(sealed["coverage"].values())
    assert sealed["tracks"] == sealed["faults"] == []


def test_a_status_without_anything_sealed_does_not_say_that_nothing_is(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "open_models", lambda _: ([Scripted(lambda _: ())], []))
    triage("scan", dump, "--case", tmp_path / "case")
    assert "sealed" not in triage("status", tmp_path / "case").stdout


def known_net(folder: Path) -> Path:
    return squares_net(folder / "net.onnx", names=NAMES, classes=3, extra=len(NAMES) - 3)


def test_a_known_model_needs_no_labels_typed_and_says_what_it_takes(tmp_path: Path) -> None:
    added = triage("weights", "add", known_net(tmp_path))
    assert added.exit_code == 0, added.stderr
    assert "By its classes this is NudeNet 3" in added.stderr
    assert "it now serves sexual" in added.stdout
    assert "AGPL-3.0" in triage("weights", "list").stdout
    assert triage("weights", "verify").exit_code == 0
    card = Path(added.stdout.split("its card: ")[1].splitlines()[0])
    assert "Nothing was measured here" in card.read_text(encoding="utf-8"), "the card is of another file"


def test_of_the_known_file_itself_the_card_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.cli.bringing.sha256_of", lambda _: NUDENET.measured.sha256)
    added = triage("weights", "add", known_net(tmp_path), "--role", "sexual")
    card = Path(added.stdout.split("its card: ")[1].splitlines()[0])
    assert card.read_text(encoding="utf-8") == (shipped("docs") / "cards/nudenet.md").read_text(encoding="utf-8")
    assert "320 px" in triage("weights", "list").stdout
    assert triage("weights", "verify").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "person=person"], "--role is missing: what does it look for? Known are people, weapons"),
        (["--role", "people"], "--labels is missing: which of its classes (person, weapon) mean what"),
    ],
)
def test_of_an_unknown_model_what_is_missing_is_asked_for(tmp_path: Path, words: list[str], said: str) -> None:
    result = triage("weights", "add", squares_net(tmp_path / "net.onnx"), *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_model_with_other_classes_is_not_taken_for_the_known_one() -> None:
    assert known_model(NUDENET.classes) is NUDENET
    assert known_model([*NUDENET.classes, "DOG"]) is None
    assert known_model(sorted(NUDENET.classes)[1:]) is None


@pytest.mark.parametrize(("class_id", "queue"), [(0, "sealed"), (1, "sealed"), (2, "routine")])
def test_whose_body_it_is_ends_at_the_models_labels(tmp_path: Path, class_id: int, queue: str) -> None:
    assert triage("weights", "add", known_net(tmp_path)).exit_code == 0
    (tmp_path / "dump").mkdir()
    square = painted(320, 320, [(64, 96, 96, 128, class_id, 240)])
    media.draw(tmp_path / "dump/clip.mkv", [square] * 10, media.Recipe(codec="ffv1", pix_fmt="bgr0"))
    scanned = triage("scan", tmp_path / "dump", "--case", tmp_path / "case", "--set", 'detecting.roles=["sexual"]')
    assert scanned.exit_code == 0, scanned.stderr
    [row] = [json.loads(line) for line in triage("export", tmp_path / "case").stdout.splitlines()]
    assert row["verdict"]["queue"] == queue
    shown = triage("queue", tmp_path / "case").stdout
    kept = b"".join(file.read_bytes() for file in (tmp_path / "case").rglob("*") if file.is_file()).decode("latin-1")
    for word in DROPPED:
        assert word not in (scanned.stdout + scanned.stderr + shown + kept).lower()


def test_the_doctor_says_whether_the_tripwire_is_on_and_how_to_get_a_model(tmp_path: Path) -> None:
    off = triage("doctor").stdout
    assert "Tripwire: off. No model for sexual content is shipped" in off
    assert (shipped("docs") / "cards/nudenet.md").is_file()
    triage("weights", "add", known_net(tmp_path))
    assert "Tripwire: on." in triage("doctor").stdout


def test_the_docs_that_a_command_points_to_come_with_the_package() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["docs"] == "triage/shipped/docs"
