"""The reader of clothes: through a drawn net that takes red for camouflage, green for service dress, blue for gear."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.media import Image
from tests.nets import painted
from triage.durable import sha256_of
from triage.errors import DetectorError, WeightsError
from triage.findings.clothing import MOST_AT_ONCE, ClothingReader, crop, worth
from triage.geometry import Box
from triage.records import ClothingReading, Finding, Frame, Label, Reading, Role, Video
from triage.settings import Detecting, Estimating, Precision, Settings
from triage.weights import Weights, all_weights

KINDS = ("civilian", "camouflage", "service_dress", "tactical_gear")
ROLES = (Role.UNIFORMS,)
LEAST_PX = 48
SIZE_HW = (64, 32)
LEAST_AUROC, MOST_FALSE = 0.94, 0.06


def colours_net(
    path: Path, names: tuple[str, ...] = KINDS, *, is_any_size: bool = False, fails_on: float | None = None
) -> Path:
    """(N, 4): what is left of 1, and how far a picture is red, green and blue beyond half on average; grey is none."""
    import onnx
    from onnx import TensorProto, helper

    constants = {
        "half": np.float32(0.5),
        "two": np.float32(2),
        "one": np.float32(1),
        "poison": np.float32(0 if fails_on is None else fails_on),
        "flat": np.array([-1, 3], np.int64),
        "across": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Sub", ["images", "half"], ["above"]),
        helper.make_node("Mul", ["above", "two"], ["bright"]),
        helper.make_node("Relu", ["bright"], ["seen"]),
        helper.make_node("GlobalAveragePool", ["seen"], ["mean"]),
        helper.make_node("Reshape", ["mean", "flat"], ["kinds"]),
        helper.make_node("ReduceSum", ["kinds", "across"], ["any"], keepdims=1),
        helper.make_node("Sub", ["one", "any"], ["none"]),
        helper.make_node("Concat", ["none", "kinds"], ["clean"], axis=1),
        helper.make_node("Add", ["clean", "poison"], ["scores"]),
    ]
    height, width = ("height", "width") if is_any_size else SIZE_HW
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 4])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if names:
        helper.set_model_props(model, {"names": str(dict(enumerate(names)))})
    onnx.save(model, str(path))
    return path


def reader_of(file: Path) -> ClothingReader:
    labels = {kind: Label(kind) for kind in KINDS}
    weights = Weights("colours", ROLES, file, sha256_of(file), "none", "drawn", labels, 64, file.with_suffix(".md"))
    detecting = Detecting(device="cpu", precision=Precision.EXACT)
    return ClothingReader(
        weights, ROLES, Settings(detecting=detecting, estimating=Estimating(clothing_least_px=LEAST_PX))
    )


@pytest.fixture
def reader(tmp_path: Path) -> ClothingReader:
    return reader_of(colours_net(tmp_path / "colours.onnx"))


def frame_of(image: Image, time_ms: int = 0, pixel_aspect: float = 1.0) -> Frame:
    height, width = image.shape[:2]
    kept = image.copy()
    kept.flags.writeable = False
    video = Video("ab" * 32, Path("drawn"), width, height, None, "none", "none", pixel_aspect)
    return Frame(video, time_ms, kept)


def seen(frame: Frame, *boxes: Box, label: Label = Label.PERSON) -> list[Finding]:
    return [Finding(frame.video.id, frame.time_ms, label, 0.9, box, "people@12345678") for box in boxes]


def clothing(reading: Reading) -> ClothingReading:
    assert isinstance(reading, ClothingReading)
    return reading


RED, GREEN = Box(20, 20, 60, 100), Box(120, 20, 160, 100)


def two_people() -> Frame:
    image = np.full((120, 200, 3), 60, np.uint8)
    for box, channel in ((RED, 2), (GREEN, 1)):
        rows, columns = slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))
        image[rows, columns, channel] = 255
        image[rows, columns, :channel] = np.arange(40)[None, :, None] * 3  # folds, so that it is not one flat colour
    return frame_of(image)


def test_each_person_has_a_reading_of_their_own_clothes(reader: ClothingReader) -> None:
    frame = two_people()
    [readings] = reader.read([frame], [seen(frame, RED, GREEN)])
    red, green = map(clothing, readings)
    assert (red.box, green.box) == (RED, GREEN)
    assert red.scores[Label.CAMOUFLAGE] == pytest.approx(1, abs=0.01)
    assert green.scores[Label.SERVICE_DRESS] == pytest.approx(1, abs=0.01)
    assert red.scores[Label.SERVICE_DRESS] == green.scores[Label.CAMOUFLAGE] == 0
    assert min(red.quality, green.quality) > 0


def test_frames_keep_their_order_and_one_without_people_has_no_reading(reader: ClothingReader) -> None:
    nobody, crowd = frame_of(painted(100, 100, [])), two_people()
    answers = reader.read([nobody, crowd, nobody], [[], seen(crowd, GREEN), []])
    assert [len(readings) for readings in answers] == [0, 1, 0]


@pytest.mark.parametrize("label", [Label.FACE, Label.WEAPON])
def test_only_people_are_read(reader: ClothingReader, label: Label) -> None:
    frame = two_people()
    assert reader.read([frame], [seen(frame, RED, label=label)]) == [[]]


def test_somebody_too_small_is_read_as_unknown_and_not_left_out(reader: ClothingReader) -> None:
    frame = two_people()
    [[reading]] = reader.read([frame], [seen(frame, Box(20, 20, 60, 20 + LEAST_PX - 1))])
    assert clothing(reading).quality == 0
    assert set(clothing(reading).scores.values()) == {0.5}


def test_a_crowd_is_read_like_each_of_its_people_alone(reader: ClothingReader) -> None:
    frame = two_people()
    boxes = [Box(20 + shift, 20, 60 + shift, 100) for shift in range(MOST_AT_ONCE + 3)]
    [together] = reader.read([frame], [seen(frame, *boxes)])
    alone = [reader.read([frame], [seen(frame, box)])[0][0] for box in boxes]
    assert together == alone


@pytest.mark.parametrize(
    ("box", "kind"),
    [(Box(120, 20, 500, 400), Label.SERVICE_DRESS), (Box(-20, -300, 60, 100), Label.CAMOUFLAGE)],
    ids=["right and below", "left and above"],
)
def test_a_box_that_reaches_out_of_the_frame_is_read_where_it_is_inside(
    reader: ClothingReader, box: Box, kind: Label
) -> None:
    frame = two_people()
    [[reading]] = reader.read([frame], [seen(frame, box)])
    assert clothing(reading).scores[kind] > 0.1


def textured(height: int = 200, width: int = 100) -> Image:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def test_a_larger_person_is_worth_more() -> None:
    frame = frame_of(textured())
    small, large = (worth(frame, Box(20, 20, 60, 20 + height), LEAST_PX) for height in (60, 160))
    assert 0 < small < large == 1


def test_somebody_in_the_dark_is_worth_less_and_in_pitch_darkness_nothing() -> None:
    box = Box(20, 20, 60, 180)
    light, dusk, night = (worth(frame_of((textured() * gain).astype(np.uint8)), box, LEAST_PX) for gain in (1, 0.15, 0))
    assert light > dusk > night == 0


def test_somebody_whom_the_side_of_the_frame_cuts_off_is_worth_less() -> None:
    frame = frame_of(textured())
    whole, cut, below = (
        worth(frame, box, LEAST_PX) for box in (Box(20, 20, 60, 180), Box(0, 20, 40, 180), Box(20, 40, 60, 200))
    )
    assert cut < whole == below


def test_a_crop_has_the_proportions_of_what_was_filmed() -> None:
    image = np.full((100, 100, 3), 255, np.uint8)
    box = Box(0, 0, 20, 80)
    square, wide = (crop(frame_of(image, pixel_aspect=aspect), box, (64, 32)) for aspect in (1.0, 2.0))
    assert [(shown == 255).all(axis=2).sum() for shown in (square, wide)] == [64 * 16, 64 * 32]


def test_the_recipe_tells_another_least_height_apart(tmp_path: Path) -> None:
    file = colours_net(tmp_path / "colours.onnx")
    labels = {kind: Label(kind) for kind in KINDS}
    weights = Weights("colours", ROLES, file, sha256_of(file), "none", "drawn", labels, 64, file.with_suffix(".md"))
    recipes = {
        ClothingReader(weights, ROLES, Settings(estimating=Estimating(clothing_least_px=px))).recipe for px in (40, 50)
    }
    assert len(recipes) == 2


@pytest.mark.parametrize("names", [(), KINDS[:3], ("civilian", "army", "navy", "police"), (*KINDS, "hat")[1:]])
def test_a_model_that_does_not_name_every_kind_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(WeightsError, match="names in its metadata"):
        reader_of(colours_net(tmp_path / "colours.onnx", names))


def test_a_model_of_any_picture_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="takes pictures of any size"):
        reader_of(colours_net(tmp_path / "colours.onnx", is_any_size=True))


def test_an_answer_that_is_no_number_is_a_failure_and_not_civilian(tmp_path: Path) -> None:
    reader = reader_of(colours_net(tmp_path / "colours.onnx", fails_on=float("nan")))
    frame = two_people()
    with pytest.raises(DetectorError, match="not a number"):
        reader.read([frame], [seen(frame, RED)])


def shipped_reader() -> ClothingReader:
    [weights] = [weights for weights in all_weights() if Role.UNIFORMS in weights.roles]
    return ClothingReader(weights, ROLES, Settings(detecting=Detecting(device="cpu", precision=Precision.EXACT)))


def held_back(shared: Path) -> Iterator[tuple[Frame, list[Box], list[bool]]]:
    """Stills that training did not see: frame, persons' boxes, and whether each wears any of the three kinds."""
    with (Path(__file__).parents[2] / "scripts" / "uniform_labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == "val" and not row["frame"]]
    for name in dict.fromkeys(row["file"] for row in rows if not row["file"].startswith("weapons_cctv")):
        image = cv2.imread(str(shared / "data" / name))
        assert image is not None
        height, width = image.shape[:2]
        own = [row for row in rows if row["file"] == name]
        boxes = [
            Box(
                float(row["x0"]) * width,
                float(row["y0"]) * height,
                float(row["x1"]) * width,
                float(row["y1"]) * height,
            )
            for row in own
        ]
        yield frame_of(image.astype(np.uint8)), boxes, [row["kinds"] != "civilian" for row in own]


@pytest.mark.shared
def test_the_shipped_model_tells_uniforms_from_other_clothes(shared: Path) -> None:
    """Floors below what was measured (see the card): only a broken chain or another model is red."""
    reader = shipped_reader()
    scores: dict[bool, list[float]] = {True: [], False: []}
    for frame, boxes, worn in held_back(shared):
        [readings] = reader.read([frame], [seen(frame, *boxes)])
        for reading, any_kind in zip(map(clothing, readings), worn, strict=True):
            if reading.quality:
                scores[any_kind].append(1 - reading.scores[Label.CIVILIAN])
    wearing, others = np.array(scores[True]), np.array(scores[False])
    assert min(len(wearing), len(others)) >= 50
    assert (wearing[:, None] > others).mean() >= LEAST_AUROC
    assert (others >= Estimating().uniform_from).mean() <= MOST_FALSE
