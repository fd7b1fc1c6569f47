from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.nets import squares_net
from triage import weights as weights_module
from triage.durable import sha256_of
from triage.errors import WeightsError
from triage.findings import registry
from triage.findings.detector import Detector
from triage.findings.registry import open_models
from triage.findings.scripted import Scripted
from triage.records import Label, Role
from triage.settings import Detecting, Settings
from triage.weights import Weights, add, user_folder


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Files that a reader was given to open. Nothing is shipped; what there is, the test added."""
    files: list[Path] = []

    def note(weights: Weights, roles: Sequence[Role], settings: Settings) -> Detector:
        files.append(weights.file)
        return Scripted(lambda _: [], roles=tuple(roles), title=weights.name)

    monkeypatch.setattr(registry, "DETECTORS", {"yolo": note})
    monkeypatch.setattr(registry, "READERS", {"pose": note})
    monkeypatch.setattr(weights_module, "shipped", lambda folder: tmp_path / "nothing shipped" / folder)
    return files


def a_file(folder: Path, name: str, text: bytes = b"weights") -> Path:
    file = folder / name
    file.write_bytes(text)
    return file


def add_people(file: Path) -> Weights:
    return add(file, roles=[Role.PEOPLE], labels={"person": Label.PERSON}, input_px=320)


def add_hands(file: Path) -> None:
    add(file, roles=[Role.BOUND_HANDS], labels={"hands": Label.BOUND_HANDS}, input_px=320)
    manifest = user_folder() / "manifest.toml"
    before, name, after = manifest.read_text(encoding="utf-8").rpartition(file.name)
    manifest.write_text(before + name + after.replace('"yolo"', '"pose"'), encoding="utf-8")


def test_nothing_is_opened_where_no_weights_serve_a_role(opened: list[Path]) -> None:
    assert open_models(Settings()) == ([], [])
    assert opened == []


@pytest.mark.parametrize("name", ["yolo11n.pt", "best.pt", "model.onnx"])
def test_a_file_that_no_manifest_names_is_never_opened(
    tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    added = add_people(a_file(tmp_path, "mine.pt"))
    a_file(tmp_path, name, b"a pickle that was not invited")
    a_file(user_folder(), name, b"a pickle that was not invited")
    monkeypatch.chdir(tmp_path)
    open_models(Settings())
    assert opened == [added.file]


def test_a_file_that_was_changed_is_refused_before_it_is_opened(tmp_path: Path, opened: list[Path]) -> None:
    added = add_people(a_file(tmp_path, "mine.pt"))
    added.file.write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"SHA-256 is .* the manifest says .*"):
        open_models(Settings())
    assert opened == []


def test_a_file_without_a_card_is_refused_before_it_is_opened(tmp_path: Path, opened: list[Path]) -> None:
    added = add_people(a_file(tmp_path, "mine.pt"))
    added.card.unlink()
    with pytest.raises(WeightsError, match="no card"):
        open_models(Settings())
    assert opened == []


def test_one_file_that_serves_two_roles_is_opened_once(tmp_path: Path, opened: list[Path]) -> None:
    labels = {"person": Label.PERSON, "gun": Label.WEAPON}
    add(a_file(tmp_path, "both.pt"), roles=[Role.WEAPONS, Role.PEOPLE], labels=labels, input_px=320)
    [detector], _ = open_models(Settings())
    assert len(opened) == 1
    assert detector.roles == (Role.PEOPLE, Role.WEAPONS)


def test_a_role_that_other_weights_took_over_is_taken_from_the_first(tmp_path: Path) -> None:
    labels = {"person": Label.PERSON, "gun": Label.WEAPON}
    add(a_file(tmp_path, "both.pt"), roles=[Role.PEOPLE, Role.WEAPONS], labels=labels, input_px=320)
    add(a_file(tmp_path, "guns.pt", b"more"), roles=[Role.WEAPONS], labels={"gun": Label.HANDGUN}, input_px=320)
    assert [detector.roles for detector in open_models(Settings())[0]] == [(Role.PEOPLE,), (Role.WEAPONS,)]


def test_weights_for_a_role_that_was_not_asked_for_are_not_opened(tmp_path: Path, opened: list[Path]) -> None:
    add_people(a_file(tmp_path, "mine.pt"))
    assert open_models(Settings(detecting=Detecting(roles=(Role.WEAPONS, Role.FACES)))) == ([], [])
    assert opened == []


def test_a_role_that_is_answered_for_people_brings_their_detector_along(tmp_path: Path) -> None:
    add_people(a_file(tmp_path, "mine.pt"))
    add_hands(a_file(tmp_path, "hands.onnx", b"more"))
    detectors, readers = open_models(Settings(detecting=Detecting(roles=(Role.BOUND_HANDS,))))
    assert [detector.roles for detector in detectors] == [(Role.PEOPLE,)]
    assert [reader.roles for reader in readers] == [(Role.BOUND_HANDS,)]


def test_a_role_that_is_answered_for_people_is_not_served_where_nobody_finds_them(
    tmp_path: Path, opened: list[Path]
) -> None:
    add_hands(a_file(tmp_path, "hands.onnx"))
    assert open_models(Settings()) == ([], [])
    assert opened == []


def test_a_reader_that_there_is_not_is_named_with_those_there_are(tmp_path: Path) -> None:
    add_people(a_file(tmp_path, "mine.pt"))
    manifest = user_folder() / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"yolo"', '"detr"'), encoding="utf-8")
    with pytest.raises(WeightsError, match="there is no reader 'detr'; known are yolo, pose"):
        open_models(Settings())


def test_the_real_reader_opens_what_was_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    net = squares_net(tmp_path / "squares.onnx")
    add(net, roles=[Role.PEOPLE], labels={"person": Label.PERSON}, input_px=320)
    [detector], _ = open_models(Settings(detecting=Detecting(device="cpu", roles=(Role.PEOPLE,))))
    assert detector.sha256 == sha256_of(net)


def test_the_registry_loads_no_heavy_library_until_it_is_asked() -> None:
    look = (
        "import sys, triage.findings.registry\n"
        "print({'torch', 'ultralytics', 'openvino', 'cv2', 'supervision'} & set(sys.modules))"
    )
    alone = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert alone.stdout.strip() == "set()"
