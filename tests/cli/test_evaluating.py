"""``triage evaluate`` and the blind spots that ``triage doctor`` lists, as a user types them."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner, Result

from tests.nets import painted, squares_net
from triage.cli.evaluating import MARK
from triage.cli.main import app
from triage.findings import registry
from triage.findings.detector import Detector, Reader
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.records import Frame, Label, Role
from triage.settings import Settings
from triage.weights import all_weights

RED, GREEN = 0, 1
SURE, UNSURE = 250, 175  # scores of about 0.96 and 0.37


def triage(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def draw(folder: Path, name: str, *squares: tuple[int, int, int, int]) -> str:
    """A picture with weapons (left, top, class, brightness) of 16 px, and the row that labels each."""
    image = painted(320, 320, [(left, top, left + 16, top + 16, kind, bright) for left, top, kind, bright in squares])
    cv2.imwrite(str(folder / name), image)
    rows = [f"{name},gun,{left},{top},{left + 16},{top + 16}" for left, top, kind, _ in squares if kind == GREEN]
    return "\n".join(rows or [f"{name},,,,,"])


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model of one's own that sees green squares as weapons; the name it was added under."""
    net = squares_net(tmp_path / "squares.onnx")
    added = triage(
        *("weights", "add", net, "--role", "weapons", "--labels", "weapon=weapon"),
        *("--at-least", "weapon=0.5", "--input-px", "320"),
    )
    assert added.exit_code == 0, added.stderr
    return added.stdout.split()[1].rstrip(";")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """20 pictures with a weapon that is seen, 20 with one that is doubted, 5 without, in one a red square."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = [draw(folder, f"sure{number}.png", (64, 64, GREEN, SURE)) for number in range(20)]
    rows += [draw(folder, f"unsure{number}.png", (160, 96, GREEN, UNSURE)) for number in range(20)]
    rows += [draw(folder, f"empty{number}.png") for number in range(4)]
    rows += [draw(folder, "red.png", (0, 0, RED, SURE))]
    (folder / "labels.csv").write_text("\n".join(["file,label,x0,y0,x1,y1", *rows, ""]))
    return folder / "labels.csv"


def evaluate(data: Path, *more: str | Path) -> Result:
    return triage("evaluate", "--role", "weapons", "--data", data, "--labels", "gun=weapon", *more)


def cells(result: Result, first: str, second: str) -> list[str]:
    """The cells of the one line of a table that begins so."""
    [line] = [line for line in result.stdout.splitlines() if line.startswith(f"| {first} | {second}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_says_what_is_found_and_missed_with_the_pictures_counted(model: str, data: Path) -> None:
    result = evaluate(data)
    assert result.exit_code == 0, result.stderr
    assert "weapons: 45 pictures of labels.csv (CSV)." in result.stdout
    assert "Labels: gun = weapon." in result.stdout
    assert "It finds from these scores on: weapon 0.5." in result.stdout
    _, _, pictures, labelled, ap50, _, precision, recall = cells(result, "weapons", "all | 4")
    assert (pictures, labelled) == ("45", "40")
    assert ap50.startswith("1.000")
    assert precision.startswith("1.000")
    assert recall.startswith("0.500 (0.3")
    assert cells(result, "weapons", "all | 5")[3] == "0", "a red square is no weapon"


def test_the_table_is_written_for_a_card_and_over_an_earlier_one_alone(model: str, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.md"
    for _ in range(2):
        result = evaluate(data, "--out", out)
        assert result.exit_code == 0, result.stderr
    written = out.read_text()
    assert written.splitlines()[0] == MARK
    assert written.partition("\n")[2].strip() == result.stdout.strip()
    out.write_text("my notes")
    refused = evaluate(data, "--out", out)
    assert refused.exit_code == 2
    assert "is there already and is no earlier table" in refused.stderr
    assert out.read_text() == "my notes"
    assert evaluate(data, "--out", data).exit_code == 2, "the labels are no earlier table either"


def test_pictures_and_labels_are_only_read(model: str, data: Path) -> None:
    files = sorted(data.parent.iterdir())
    before = [(file.name, file.stat().st_mtime_ns, file.read_bytes()) for file in files]
    for file in files:
        file.chmod(stat.S_IRUSR)
    evaluate(data)
    assert [(file.name, file.stat().st_mtime_ns, file.read_bytes()) for file in sorted(data.parent.iterdir())] == before


def test_a_bad_picture_has_a_line_that_says_why_and_is_in_no_figure(model: str, data: Path) -> None:
    (data.parent / "sure0.png").write_text("no picture")
    (data.parent / "sure1.png").unlink()
    result = evaluate(data)
    assert result.exit_code == 1
    assert "weapons: 43 pictures of labels.csv (CSV), 2 left out." in result.stdout
    assert "Left out of all figures: 2 pictures." in result.stdout
    assert "it looks like text" in cells(result, str(data.parent / "sure0.png"), "")[1]
    assert "there is no such picture" in cells(result, str(data.parent / "sure1.png"), "")[1]
    assert cells(result, "weapons", "all | 4")[3] == "38"


@pytest.mark.parametrize("kind", ["yolo", "coco"])
def test_the_same_labels_in_another_form_give_the_same_table(model: str, data: Path, tmp_path: Path, kind: str) -> None:
    told = evaluate(data).stdout
    rows = [line.split(",") for line in data.read_text().splitlines()[1:]]
    if kind == "yolo":
        (tmp_path / "labels").mkdir()
        (tmp_path / "pictures").rename(tmp_path / "images")
        for name, label, *corners in rows:
            left, top, right, bottom = (float(corner or 0) / 320 for corner in corners)
            line = f"0 {(left + right) / 2} {(top + bottom) / 2} {right - left} {bottom - top}\n"
            (tmp_path / "labels" / name).with_suffix(".txt").write_text(line if label else "")
        other = tmp_path / "data.yaml"
        other.write_text("names: [gun]\nval: images\n")
    else:
        names = [row[0] for row in rows]
        notes = [
            {"image_id": name, "category_id": 1, "bbox": [int(corners[0]), int(corners[1]), 16, 16]}
            for name, label, *corners in rows
            if label
        ]
        pictures = [{"id": name, "file_name": name, "width": 320, "height": 320} for name in names]
        other = data.parent / "labels.json"
        other.write_text(
            json.dumps({"images": pictures, "annotations": notes, "categories": [{"id": 1, "name": "gun"}]})
        )
    result = evaluate(other)
    assert result.exit_code == 0, result.stderr

    def table(text: str) -> Sequence[str]:
        return [line for line in text.splitlines() if line.startswith("|")]

    assert table(result.stdout) == table(told)


def test_a_file_that_was_not_added_can_be_measured_before_it_is(data: Path, tmp_path: Path) -> None:
    net = squares_net(tmp_path / "theirs.onnx", names={0: "hat", 1: "Long Gun"}, size_hw=(320, 320))
    result = evaluate(data, "--weights", net)
    assert result.exit_code == 0, result.stderr
    assert "Model: theirs@" in result.stdout
    assert "320 px" in result.stdout
    assert cells(result, "weapons", "all | 4")[7].startswith("1.000"), "the usual 0.25 finds the unsure ones too"
    assert all_weights()[-1].name != "theirs", "it was measured, not added"


def test_a_model_that_looks_for_something_else_is_not_measured_for_this(model: str, data: Path) -> None:
    result = evaluate(data, "--weights", model, "--role", "faces")
    assert result.exit_code == 2
    assert f"{model} looks for weapons" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--weights", "squres"], 2, "there is neither a model 'squres' nor such a file"),
        (["--labels", "gum=weapon"], 2, "the data has no class 'gum'; did you mean 'gun'"),
        (["--labels", "gun=wepon"], 2, "there is no label 'wepon'"),
        (["--labels", ""], 2, "none of the classes in the data (gun) is a label of weapons"),
        (["--data", "nothing.csv"], 2, "there is no such file of labels"),
        (["--pictures", "nowhere"], 2, "there is no such folder of pictures"),
        (["--recall", "0.9"], 2, "--recall says how --calibrate chooses the threshold"),
        (["--calibrate", "--weights", "objects"], 2, "is not a model that you added"),
        (["--role", "weapn"], 2, "Invalid value for '--role'"),
        (["--set", "detecting.device=cuda:9"], 3, "device 'cuda:9' is not there"),
    ],
)
def test_asked_wrongly_it_says_what_was_meant(model: str, data: Path, words: list[str], code: int, said: str) -> None:
    result = evaluate(data, *words)
    assert result.exit_code == code
    assert said in " ".join(result.stderr.replace("│", " ").split())


class TestCalibrating:
    def test_a_threshold_is_chosen_kept_beside_the_model_and_used(self, model: str, data: Path) -> None:
        result = evaluate(data, "--calibrate")
        assert result.exit_code == 0, result.stderr
        assert "from now on scans read the scores of" in result.stderr
        assert "measure on others as well" in result.stderr
        assert cells(result, "weapons", "all | 4")[7].startswith("1.000"), "the unsure half is found now"
        kept = all_weights()[-1]
        assert kept.name == model
        kept.check()
        assert kept.calibration is not None
        assert json.loads(kept.calibration.read_text())["weapon"]["any"]["n"] == 40
        assert cells(evaluate(data), "weapons", "all | 4")[7].startswith("1.000")
        assert "scores calibrated on labelled pictures" in triage("doctor").stdout

    def test_the_same_pictures_give_the_same_calibration_again(self, model: str, data: Path) -> None:
        evaluate(data, "--calibrate")
        first = all_weights()[-1].calibration_sha256
        evaluate(data, "--calibrate")
        assert all_weights()[-1].calibration_sha256 == first

    def test_a_recall_asks_for_less(self, model: str, data: Path) -> None:
        result = evaluate(data, "--calibrate", "--recall", "0.5")
        assert cells(result, "weapons", "all | 4")[7].startswith("0.500")

    def test_too_few_labels_are_said_and_nothing_is_kept(self, model: str, data: Path) -> None:
        rows = data.read_text().splitlines()
        data.write_text("\n".join(rows[:10]))
        result = evaluate(data, "--calibrate")
        assert result.exit_code == 2
        assert "too little is labelled (9 weapon), at least 30 of a kind are wanted" in result.stderr
        assert all_weights()[-1].calibration is None


def bright_is_graphic(frame: Frame) -> Said:
    if frame.image.mean() > 100:
        yield Label.GRAPHIC, 0.8, Box(0, 0, 50, 50)


class TestPicturesAsAWhole:
    @pytest.fixture
    def labels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        def opened(_: Settings) -> tuple[list[Detector], list[Reader]]:
            return [Scripted(bright_is_graphic, roles=(Role.GRAPHIC,))], []

        monkeypatch.setattr(registry, "open_models", opened)
        rows = []
        for number in range(10):
            level = 200 if number in {0, 1, 2, 9} else 20
            picture = painted(160, 120, [(0, 0, 160, 120, channel, level) for channel in range(3)])
            cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
            rows.append(f"{number}.png,{'graphic' if number < 4 else ''}")
        (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows, ""]))
        return tmp_path / "labels.csv"

    def test_the_whole_of_a_scan_is_measured(self, labels: Path) -> None:
        result = triage("evaluate", "--role", "graphic", "--data", labels)
        assert result.exit_code == 0, result.stderr
        _, _, _, auroc, recall, false_alarms, untold = cells(result, "graphic", "4 | 6")
        assert recall.startswith("75.0 %")
        assert false_alarms.startswith("16.7 %")
        assert auroc.startswith(f"{(3 * 5.5 + 0.5 * 5) / 24:.3f}")
        assert untold.startswith("0.0 %")

    def test_a_model_by_name_is_refused_with_a_reason(self, labels: Path) -> None:
        result = triage("evaluate", "--role", "graphic", "--data", labels, "--weights", "objects")
        assert result.exit_code == 2
        assert "measured by the whole of a scan" in result.stderr

    def test_a_role_that_nobody_serves_is_said(self, labels: Path) -> None:
        labels.write_text(labels.read_text().replace("graphic", "possible_minor"))
        result = triage("evaluate", "--role", "minors", "--data", labels)
        assert result.exit_code == 2
        assert "no model at hand looks for minors" in result.stderr


def test_the_doctor_lists_what_each_model_is_blind_to(model: str) -> None:
    shown = triage("doctor")
    assert shown.exit_code == 0
    assert "    Blind: Nothing was measured here." in shown.stdout


def test_a_card_without_blind_spots_is_unfit(model: str) -> None:
    all_weights()[-1].card.write_text("# squares\n\nIt is good.\n")
    shown = triage("doctor")
    assert shown.exit_code == 3
    assert "does not say what it is blind to" in shown.stdout


@pytest.mark.shared
def test_the_shipped_model_is_measured_on_real_pictures(shared: Path, tmp_path: Path) -> None:
    data = shared / "data" / "weapons_cctv"
    pictures = sorted((data / "images" / "val").glob("*.jpg"))[:12]
    (tmp_path / "list.txt").write_text("\n".join(str(picture) for picture in pictures))
    (tmp_path / "data.yaml").write_text("names: [person, weapon]\nval: list.txt\n")
    result = triage("evaluate", "--role", "people", "--data", tmp_path / "data.yaml")
    assert result.exit_code == 0, result.stderr
    assert float(cells(result, "person", "all | 12")[4].split()[0]) > 0.5
