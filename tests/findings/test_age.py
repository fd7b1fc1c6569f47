"""A net that calls dark faces minors and bright ones adults stands in for the one that ships."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from triage.durable import sha256_of
from triage.errors import DetectorError, WeightsError
from triage.findings.age import AgeReader, face_crop, sharpness
from triage.geometry import Box
from triage.records import AgeReading, Finding, Frame, Label, Role, Video
from triage.settings import Estimating, load_settings
from triage.shipped import shipped
from triage.weights import Weights, read_manifest

SIDE = 112
ID = "ab" * 32
Image = npt.NDArray[np.uint8]


def darkness_net(path: Path, *, answers: int = 1, scale: float = 1.0, add: float = 0.0) -> Path:
    """1 for a black picture, 0 for a white one; ``add`` is added to it, ``answers`` columns of it."""
    constants = {"one": 1.0 + add, "scale": scale}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["one", "mean"], ["dark"]),
        helper.make_node("Mul", ["dark", "scale"], ["scaled"]),
        helper.make_node("Unsqueeze", ["scaled", "last"], ["column"]),
        helper.make_node("Concat", ["column"] * answers, ["under_18"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "darkness",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["faces", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("under_18", TensorProto.FLOAT, ["faces", answers])],
        [
            *(numpy_helper.from_array(np.float32(value).reshape(()), name) for name, value in constants.items()),
            numpy_helper.from_array(np.array([1], np.int64), "last"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def reader(file: Path, *overrides: str) -> AgeReader:
    weights = Weights(
        name="minors",
        roles=(Role.MINORS,),
        file=file,
        sha256=sha256_of(file),
        licence="none",
        origin="drawn on the spot",
        labels={"under_18": Label.POSSIBLE_MINOR},
        input_px=SIDE,
        card=file.with_suffix(".md"),
        reader="age",
    )
    return AgeReader(
        weights, (Role.MINORS,), load_settings("default", ["detecting.precision=exact", *overrides]).settings
    )


def frame(image: Image, *, time_ms: int = 0, pixel_aspect: float = 1.0) -> Frame:
    video = Video(ID, Path("drawn"), image.shape[1], image.shape[0], None, "none", "none", pixel_aspect)
    image.flags.writeable = False
    return Frame(video, time_ms, image)


def face(x0: float, y0: float, x1: float, y1: float, *, label: Label = Label.FACE, score: float = 0.9) -> Finding:
    return Finding(ID, 0, label, score, Box(x0, y0, x1, y1), "objects@1")


def grey(brightness: int, height: int = 200, width: int = 300) -> Image:
    return np.full((height, width, 3), brightness, np.uint8)


def striped(pixels: int, height: int = 200, width: int = 300) -> Image:
    """Bars of this width, with edges as sharp as a face's are."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, np.arange(width) // pixels % 2 == 1] = 220
    return image


def the_reading(found: list[list[AgeReading]] | list[list[object]]) -> AgeReading:
    [[reading]] = found
    assert isinstance(reading, AgeReading)
    return reading


def test_every_face_gets_a_reading_with_its_own_box_and_nobody_else_does(tmp_path: Path) -> None:
    ages = reader(darkness_net(tmp_path / "net.onnx"))
    image = grey(255)
    image[:, 150:] = 0
    people = [face(10, 10, 90, 190, label=Label.PERSON), face(20, 20, 60, 70), face(200, 20, 240, 70)]
    one, two = ages.read([frame(image), frame(grey(0), time_ms=400)], [people, []])
    assert two == []
    assert [(reading.box, reading.under_18) for reading in one if isinstance(reading, AgeReading)] == [
        (people[1].box, 0.0),
        (people[2].box, 1.0),
    ]
    assert ages.read([], []) == []


def test_more_faces_than_go_at_once_are_all_read_in_order(tmp_path: Path) -> None:
    image = np.broadcast_to(np.arange(300, dtype=np.uint8)[None, :, None] // 2, (200, 300, 3)).copy()
    faces = [face(x, 20, x + 20, 45) for x in range(20, 220)]
    [readings] = reader(darkness_net(tmp_path / "net.onnx")).read([frame(image)], [faces])
    assert [reading.box for reading in readings] == [one.box for one in faces]
    said = [reading.under_18 for reading in readings if isinstance(reading, AgeReading)]
    assert said == sorted(said, reverse=True)


@pytest.mark.parametrize(("px", "worth"), [(14, 0.0), (8, 0.0), (31, 0.5), (48, 1.0), (120, 1.0)])
def test_a_small_face_is_worth_less_and_a_tiny_one_nothing_but_is_not_passed_over(
    tmp_path: Path, px: int, worth: float
) -> None:
    [[reading]] = reader(darkness_net(tmp_path / "net.onnx")).read(
        [frame(striped(max(px // 3, 1)))], [[face(50, 50, 50 + px * 0.75, 50 + px)]]
    )
    assert isinstance(reading, AgeReading)
    assert reading.quality == pytest.approx(worth, abs=0.01)


def test_what_is_hardly_a_face_is_worth_little(tmp_path: Path) -> None:
    ages = reader(darkness_net(tmp_path / "net.onnx"))
    [[sure]], [[doubtful]] = (
        ages.read([frame(striped(26))], [[face(50, 50, 110, 130, score=score)]]) for score in (0.9, 0.25)
    )
    assert isinstance(sure, AgeReading)
    assert isinstance(doubtful, AgeReading)
    assert doubtful.quality == pytest.approx(sure.quality / 2)


def test_blur_and_noise_take_from_what_a_face_is_worth() -> None:
    plain = striped(37, 112, 112)
    noise = np.random.default_rng(0).normal(0, 120, plain.shape)
    noisy = np.clip(plain.astype(float) / 4 + noise, 0, 255).astype(np.uint8)
    assert sharpness(plain) == 1.0
    assert sharpness(cv2.GaussianBlur(plain, (0, 0), 2.5).astype(np.uint8)) < 0.9
    assert sharpness(cv2.GaussianBlur(plain, (0, 0), 8).astype(np.uint8)) < 0.3
    assert sharpness(noisy) < 0.5
    assert sharpness(grey(90, 112, 112)) == 0.0


def test_a_crop_is_the_face_in_the_proportions_of_what_was_filmed() -> None:
    """A square of true side 80 around the face: in stored pixels that are two wide, 40 across and 80 down."""
    image = grey(0)
    image[60:140, 80:120] = 255  # all that the crop may hold
    crop = face_crop(frame(image, pixel_aspect=2.0), Box(85, 60, 115, 140), SIDE)
    assert crop.shape == (SIDE, SIDE, 3)
    assert crop.min() == 255
    wider = face_crop(frame(image, pixel_aspect=2.1), Box(85, 60, 115, 140), SIDE)
    assert wider.min() == 255
    assert face_crop(frame(image, pixel_aspect=1.5), Box(85, 60, 115, 140), SIDE).min() == 0


def test_the_longer_side_is_the_longer_one_of_what_was_filmed() -> None:
    """Stored as 40 by 40, but twice as wide as high: a square of 80, which is 40 across and 80 down."""
    image = grey(0)
    image[60:140, 80:120] = 255
    crop = face_crop(frame(image, pixel_aspect=2.0), Box(80, 80, 120, 120), SIDE)
    assert crop.min() == 255
    image = grey(255)
    image[80:120, 80:120] = 0
    assert face_crop(frame(image, pixel_aspect=2.0), Box(80, 80, 120, 120), SIDE).mean() == pytest.approx(127, abs=3)


def test_beyond_the_picture_its_border_goes_on() -> None:
    image = grey(0)
    image[:50, :50] = 255
    assert face_crop(frame(image), Box(-20, -20, 30, 30), SIDE).min() == 255
    assert face_crop(frame(image), Box(-90, -90, -40, -40), SIDE).min() == 255


def test_a_face_of_less_than_a_pixel_is_read_too(tmp_path: Path) -> None:
    ages = reader(darkness_net(tmp_path / "net.onnx"))
    [[reading]] = ages.read([frame(grey(0))], [[face(10.2, 10.2, 10.4, 10.5)]])
    assert isinstance(reading, AgeReading)
    assert reading.quality == 0.0


def test_a_net_that_gives_more_than_one_number_for_a_face_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"\(2, 2\); wanted is one probability"):
        reader(darkness_net(tmp_path / "net.onnx", answers=2))


def test_a_net_that_gives_years_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="one probability"):
        reader(darkness_net(tmp_path / "net.onnx", scale=40))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("not a model")
    with pytest.raises(WeightsError, match="cannot be read"):
        reader(tmp_path / "net.onnx")


def test_a_net_that_fails_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ages = reader(darkness_net(tmp_path / "net.onnx"))
    monkeypatch.setattr(ages._network, "run", lambda images: [np.full((len(images), 1), np.nan, np.float32)])
    with pytest.raises(DetectorError, match="not a number"):
        ages.read([frame(grey(0))], [[face(10, 10, 60, 70)]])


def test_another_least_size_makes_other_reports(tmp_path: Path) -> None:
    net = darkness_net(tmp_path / "net.onnx")
    assert reader(net).recipe == reader(net).recipe
    assert reader(net).recipe != reader(net, "estimating.minors_least_face_px=20").recipe


def test_the_threshold_that_decides_is_the_one_that_the_shipped_weights_name() -> None:
    [weights] = [one for one in read_manifest(shipped("weights"), yours=False) if one.reader == "age"]
    assert weights.at_least == {Label.POSSIBLE_MINOR: Estimating().minor_from}


@pytest.mark.shared
def test_the_shipped_net_calls_children_possible_minors_and_most_adults_not(shared: Path) -> None:
    """On faces that it was trained on: only a broken chain is red. What it does on others is in its card."""
    ages = shipped_reader()
    least = load_settings().settings.estimating.minor_from
    finder = cv2.FaceDetectorYN.create(str(shared / "weights/yunet_n_dynamic.onnx"), "", (256, 256), 0.6)
    called: dict[str, list[bool]] = defaultdict(list)
    with (shared / "data/fairface_age/labels.csv").open(encoding="utf-8", newline="") as file:
        bands = [(row["file"], row["age_bin"]) for row in csv.DictReader(file)]
    for name, band in bands:
        picture = cv2.imread(str(shared / "data/fairface_age/images" / name))
        assert picture is not None
        found = [face(x, y, x + width, y + height) for x, y, width, height, *_ in finder.detect(picture)[1].tolist()]
        middle = min(found, key=lambda one: abs(one.box.x0 + one.box.x1 - 256) + abs(one.box.y0 + one.box.y1 - 256))
        [[reading]] = ages.read([frame(picture.astype(np.uint8))], [[middle]])
        assert isinstance(reading, AgeReading)
        group = "child" if band in {"0-2", "3-9"} else "teen" if band == "10-19" else "adult"
        called[group].append(reading.under_18 >= least)
    shares = {group: sum(those) / len(those) for group, those in called.items()}
    assert shares["child"] >= 0.95
    assert shares["teen"] >= 0.80
    assert shares["adult"] <= 0.25


def shipped_reader() -> AgeReader:
    [weights] = [one for one in read_manifest(shipped("weights"), yours=False) if one.reader == "age"]
    weights.check()
    return AgeReader(weights, weights.roles, load_settings().settings)
