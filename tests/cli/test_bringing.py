"""``weights add --role copies``: a user's own net for finding copies, tried before it is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.matches.pictures import frame_of, scene
from tests.nets import squares_net, vectors_net
from tests.torch_nets import vectors_script
from triage.cards import blind_spots
from triage.cli.main import app
from triage.matches.registry import open_embedder
from triage.records import Role
from triage.settings import Settings
from triage.weights import chosen, read_manifest, user_folder


def add(file: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["weights", "add", str(file), "--role", "copies", *more])


@pytest.mark.parametrize(
    ("make", "name", "reader", "side_px"),
    [
        (lambda path: vectors_net(path, side_px=96), "mine.onnx", "copies", 96),
        (vectors_script, "mine.torchscript.pt", "torchscript", 288),
    ],
    ids=["onnx", "torchscript"],
)
def test_a_net_for_copies_is_tried_kept_and_used(
    tmp_path: Path, make: Callable[[Path], Path], name: str, reader: str, side_px: int
) -> None:
    result = add(make(tmp_path / name), "--licence", "MIT")
    assert result.exit_code == 0, result.output
    assert "a vector of 16 numbers" in result.output
    mine = chosen([Role.COPIES])[Role.COPIES]
    assert (mine.yours, mine.reader, mine.input_px, mine.licence) == (True, reader, side_px, "MIT")
    mine.check()
    assert any("no vectors of unrelated pictures" in spot for spot in blind_spots(mine.card))
    embedder = open_embedder(Settings())
    assert embedder is not None
    assert embedder.model.startswith(f"{mine.name}@")
    [one] = embedder.embed([frame_of(scene(1))])
    assert not one.background.any()


def test_the_size_of_its_pictures_can_be_said(tmp_path: Path) -> None:
    assert add(vectors_script(tmp_path / "mine.pt"), "--input-px", "128").exit_code == 0
    assert chosen([Role.COPIES])[Role.COPIES].input_px == 128


def test_it_is_shown_as_what_finds_copies(tmp_path: Path) -> None:
    add(vectors_net(tmp_path / "mine.onnx"))
    listed = CliRunner().invoke(app, ["weights", "list"]).stdout
    assert "(yours; in use for copies)" in listed
    assert "finds copies; no vectors of unrelated pictures" in listed
    assert "looks for copies" not in listed
    checked = CliRunner().invoke(app, ["doctor"]).stdout
    assert ": finds copies; card" in checked
    assert "looks for copies" not in checked


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (squares_net, "wanted is one vector"),
        (lambda path: vectors_net(path, fails_on=float("nan")), "not a number"),
    ],
    ids=["a detector", "no numbers"],
)
def test_a_model_of_another_kind_is_refused_and_not_kept(
    tmp_path: Path, make: Callable[[Path], Path], complaint: str
) -> None:
    result = add(make(tmp_path / "other.onnx"))
    assert result.exit_code == 3
    assert complaint in result.output.replace("\n", " ")
    assert read_manifest(user_folder(), yours=True) == []


def test_a_file_that_is_no_torchscript_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_bytes(b"nothing of the kind")
    result = add(tmp_path / "other.pt")
    assert result.exit_code == 3
    assert "cannot be read as TorchScript" in result.output.replace("\n", " ")


@pytest.mark.parametrize("more", [["--labels", "a=person"], ["--role", "people"], ["--at-least", "person=0.5"]])
def test_copies_go_with_no_label_and_no_other_role(tmp_path: Path, more: list[str]) -> None:
    result = add(vectors_net(tmp_path / "mine.onnx"), *more)
    assert result.exit_code == 2
    assert "goes with no other role" in result.output.replace("\n", " ")


def test_nothing_of_it_can_be_evaluated_on_labels(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "--role", "copies", "--data", str(tmp_path / "labels.csv")])
    assert result.exit_code == 2
    assert "labels say nothing of it" in result.output.replace("\n", " ")
