from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.nets import CELL, painted, squares_net
from triage.durable import sha256_of
from triage.errors import DetectorError, WeightsError
from triage.findings import yolo
from triage.findings.yolo import YoloDetector, pick_device
from triage.geometry import Box
from triage.network import switch_off_telemetry
from triage.records import Finding, Frame, Label, Role, Video
from triage.settings import Detecting, Precision
from triage.shipped import shipped
from triage.weights import Weights, read_manifest

BOTH = (Role.PEOPLE, Role.WEAPONS)
OURS: Mapping[str, Label] = MappingProxyType({"person": Label.PERSON, "weapon": Label.WEAPON})
RED, GREEN = 0, 1
ID = "5a" * 32


def weights_of(
    file: Path, *, labels: Mapping[str, Label] = OURS, input_px: int = 320, at_least: float = 0.3
) -> Weights:
    return Weights(
        name=file.stem,
        roles=tuple(role for role in BOTH if role is Role.PEOPLE or Label.WEAPON in labels.values()),
        file=file,
        sha256=sha256_of(file),
        licence="none",
        origin="drawn on the spot",
        labels=labels,
        input_px=input_px,
        card=file.with_suffix(".md"),
        at_least=dict.fromkeys(labels.values(), at_least),
    )


def detector_of(
    file: Path,
    *,
    labels: Mapping[str, Label] = OURS,
    input_px: int = 320,
    settings: Detecting = Detecting(device="cpu"),  # noqa: B008  frozen
    roles: Sequence[Role] = BOTH,
    at_least: float = 0.3,
) -> YoloDetector:
    return YoloDetector(weights_of(file, labels=labels, input_px=input_px, at_least=at_least), roles, settings)


def frame_of(image: npt.NDArray[np.uint8], *, time_ms: int = 0, pixel_aspect: float = 1.0) -> Frame:
    height, width = image.shape[:2]
    image.flags.writeable = False
    return Frame(Video(ID, Path("drawn"), width, height, None, "none", "none", pixel_aspect), time_ms, image)


def seen(detector: YoloDetector, image: npt.NDArray[np.uint8], *, pixel_aspect: float = 1.0) -> list[Finding]:
    [findings] = detector.look([frame_of(image, pixel_aspect=pixel_aspect)])
    return findings


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return squares_net(tmp_path / "squares.onnx")


def test_a_red_square_is_a_person_and_a_green_one_a_weapon(net: Path) -> None:
    image = painted(320, 320, [(32, 64, 48, 80, RED, 250), (160, 192, 176, 208, GREEN, 200)])
    found = {(finding.label, finding.box.xyxy) for finding in seen(detector_of(net), image)}
    assert found == {(Label.PERSON, (32, 64, 48, 80)), (Label.WEAPON, (160, 192, 176, 208))}


def test_a_black_picture_gives_an_empty_list(net: Path) -> None:
    assert seen(detector_of(net), painted(320, 320, [])) == []


def test_a_finding_names_its_video_its_moment_and_its_weights(net: Path) -> None:
    detector = detector_of(net)
    [[finding]] = detector.look([frame_of(painted(320, 320, [(0, 0, 16, 16, RED, 255)]), time_ms=1234)])
    assert (finding.video, finding.time_ms) == (ID, 1234)
    assert finding.detector == detector.name == f"squares@{sha256_of(net)[:8]}"


@pytest.mark.parametrize(
    ("width_px", "height_px", "pixel_aspect", "cell_px"),
    [
        pytest.param(640, 320, 1.0, (32, 32), id="wide"),
        pytest.param(320, 640, 1.0, (32, 32), id="tall"),
        pytest.param(640, 640, 1.0, (32, 32), id="twice the model's size"),
        pytest.param(160, 80, 1.0, (8, 8), id="smaller than the model's"),
        pytest.param(320, 320, 2.0, (16, 32), id="pixels twice as wide as high"),
        pytest.param(640, 320, 0.5, (32, 16), id="pixels half as wide as high"),
    ],
)
@pytest.mark.parametrize("size_hw", [None, (320, 320)], ids=["any size", "fixed size"])
def test_a_box_lies_where_the_square_lies_in_the_full_frame(
    tmp_path: Path,
    width_px: int,
    height_px: int,
    pixel_aspect: float,
    cell_px: tuple[int, int],
    size_hw: tuple[int, int] | None,
) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", size_hw=size_hw))
    width, height = cell_px
    # the third cell from the left and the last from the bottom: padding on either side would show
    square = (2 * width, height_px - height, 3 * width, height_px)
    found = seen(detector, painted(width_px, height_px, [(*square, RED, 255)]), pixel_aspect=pixel_aspect)
    best = found[0]
    # A resized border bleeds into the neighbouring cell, which darkens the score; the box is the cell's all the same.
    assert best.box.xyxy == pytest.approx(square, abs=0.1)


@pytest.mark.parametrize(("width_px", "height_px"), [(321, 200), (1, 1), (60, 700), (999, 37), (32, 33)])
@pytest.mark.parametrize("size_hw", [None, (320, 320), (160, 320)], ids=["any size", "square", "wide"])
def test_boxes_stay_inside_frames_of_any_size(
    tmp_path: Path, width_px: int, height_px: int, size_hw: tuple[int, int] | None
) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", size_hw=size_hw, box_px=90))
    found = seen(detector, painted(width_px, height_px, [(0, 0, width_px, height_px, RED, 255)]))
    assert found
    for finding in found:
        assert finding.box.x0 >= 0
        assert finding.box.y0 >= 0
        assert finding.box.x1 <= width_px
        assert finding.box.y1 <= height_px


def test_a_box_that_leaves_the_picture_is_cut_at_its_border(tmp_path: Path) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", box_px=3 * CELL))
    [corner] = seen(detector, painted(320, 320, [(0, 0, 16, 16, RED, 255)]))
    assert corner.box.xyxy == (0, 0, 32, 32)


def test_what_a_model_sees_in_the_padding_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yolo, "GREY", 255)  # white is red and green to this network: all of the padding is something
    detector = detector_of(squares_net(tmp_path / "squares.onnx", size_hw=(320, 320)))
    assert seen(detector, painted(640, 64, [])) == []
    [finding] = seen(detector, painted(640, 64, [(32, 0, 64, 32, RED, 255)]))
    assert finding.box.xyxy == (32, 0, 64, 32)


def test_a_picture_shrinks_by_means_and_not_by_jumping_over_columns(net: Path) -> None:
    image = np.zeros((3200, 3200, 3), np.uint8)
    for column in (4, 5):  # just those that a resize to a tenth would pick, if it jumped over the others
        image[:, column::10] = 255
    assert seen(detector_of(net, at_least=0.01), image) == []


TILED = Detecting(device="cpu", tiles=2)


def test_what_is_too_small_in_the_whole_picture_is_seen_in_a_piece_of_it(net: Path) -> None:
    small = (1000, 560, 1040, 600, RED, 250)
    image = painted(1280, 720, [small])
    assert seen(detector_of(net), image) == []
    [person] = seen(detector_of(net, settings=TILED), image)
    assert person.label is Label.PERSON
    assert person.box.meets(Box(*small[:4]))


def test_what_the_whole_picture_shows_is_there_as_well_where_pieces_are_looked_at(net: Path) -> None:
    image = painted(640, 640, [(64, 64, 96, 96, RED, 250), (320, 320, 352, 352, GREEN, 250)])
    whole = seen(detector_of(net), image)
    assert len(whole) == 2
    assert all(finding in seen(detector_of(net, settings=TILED), image) for finding in whole)


def test_a_picture_without_more_detail_than_the_model_sees_is_not_cut_into_pieces(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = detector_of(net, settings=TILED)
    monkeypatch.setattr(yolo, "tiles", lambda *_: pytest.fail("it was"))
    assert len(seen(detector, painted(320, 320, [(32, 64, 48, 80, RED, 250)]))) == 1


@pytest.mark.parametrize("bright", range(200, 255, 5))
def test_a_score_that_equals_the_threshold_counts(net: Path, bright: int) -> None:
    image = painted(320, 320, [(0, 0, 16, 16, RED, bright)])
    [finding] = seen(detector_of(net), image)

    def with_threshold(at_least: float) -> list[Finding]:
        return seen(detector_of(net, at_least=at_least), image)

    assert with_threshold(finding.score) == [finding]
    assert with_threshold(finding.score + 0.0001) == []


def test_each_label_has_its_own_threshold_and_the_settings_win_over_the_manifest(net: Path) -> None:
    image = painted(320, 320, [(0, 0, 16, 16, RED, 200), (64, 64, 80, 80, GREEN, 200)])
    [one, other] = seen(detector_of(net), image)
    assert one.score == other.score == pytest.approx(0.569, abs=0.001)
    strict = Detecting(device="cpu", at_least={Label.WEAPON: 0.6})
    assert [finding.label for finding in seen(detector_of(net, settings=strict), image)] == [Label.PERSON]
    lax = Detecting(device="cpu", at_least={Label.WEAPON: 0.5})
    assert [finding.label for finding in seen(detector_of(net, settings=lax, at_least=0.6), image)] == [Label.WEAPON]


def test_findings_come_with_the_best_score_first(net: Path) -> None:
    image = painted(320, 320, [(16 * place, 0, 16 * place + 16, 16, RED, 200 + place) for place in range(0, 20, 2)])
    scores = [finding.score for finding in seen(detector_of(net), image)]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("box_px", "people"),
    [
        pytest.param(32, 2, id="a third shared"),
        pytest.param(48, 2, id="half shared, as two people who stand close"),
        pytest.param(96, 1, id="seven tenths shared, as two boxes of one person"),
    ],
)
def test_two_people_who_stand_close_stay_two_and_one_seen_twice_is_one(
    tmp_path: Path, box_px: int, people: int
) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", box_px=box_px))
    image = painted(320, 320, [(160, 160, 176, 176, RED, 250), (176, 160, 192, 176, RED, 220)])
    found = seen(detector, image)
    assert len(found) == people
    assert found[0].score == pytest.approx(2 * (250 / 255 - 0.5), abs=0.01)


def test_a_person_and_the_weapon_in_their_hands_do_not_push_each_other_out(tmp_path: Path) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", box_px=160))
    image = painted(320, 320, [(160, 160, 176, 176, RED, 250), (176, 160, 192, 176, GREEN, 220)])
    assert {finding.label for finding in seen(detector, image)} == {Label.PERSON, Label.WEAPON}


def test_one_thing_that_two_classes_of_one_label_claim_is_one_finding(tmp_path: Path) -> None:
    names = {0: "man", 1: "woman"}
    net = squares_net(tmp_path / "squares.onnx", names=names, box_px=160)
    detector = detector_of(net, labels={"man": Label.PERSON, "woman": Label.PERSON}, roles=[Role.PEOPLE])
    image = painted(320, 320, [(160, 160, 176, 176, RED, 220), (176, 160, 192, 176, GREEN, 250)])
    [only] = seen(detector, image)
    assert only.score == pytest.approx(2 * (250 / 255 - 0.5), abs=0.01)


def test_two_things_apart_of_two_classes_of_one_label_are_two_findings(tmp_path: Path) -> None:
    net = squares_net(tmp_path / "squares.onnx", names={0: "man", 1: "woman"})
    detector = detector_of(net, labels={"man": Label.PERSON, "woman": Label.PERSON}, roles=[Role.PEOPLE])
    assert len(seen(detector, painted(320, 320, [(0, 0, 16, 16, RED, 220), (64, 0, 80, 16, GREEN, 250)]))) == 2


@pytest.mark.parametrize(("role", "label"), [(Role.PEOPLE, Label.PERSON), (Role.WEAPONS, Label.WEAPON)])
def test_a_detector_answers_only_for_the_roles_it_was_given(net: Path, role: Role, label: Label) -> None:
    image = painted(320, 320, [(0, 0, 16, 16, RED, 250), (64, 64, 80, 80, GREEN, 250)])
    assert [finding.label for finding in seen(detector_of(net, roles=[role]), image)] == [label]


def test_a_class_that_the_manifest_does_not_name_is_ignored(net: Path) -> None:
    detector = detector_of(net, labels={"person": Label.PERSON}, roles=[Role.PEOPLE])
    image = painted(320, 320, [(0, 0, 16, 16, RED, 250), (64, 64, 80, 80, GREEN, 250)])
    assert [finding.label for finding in seen(detector, image)] == [Label.PERSON]


def test_a_class_that_the_model_does_not_have_is_refused_with_the_nearest_that_it_has(net: Path) -> None:
    with pytest.raises(WeightsError, match="no class 'persons'; did you mean 'person'"):
        detector_of(net, labels={"persons": Label.PERSON})


def test_a_model_without_names_has_numbered_classes(tmp_path: Path) -> None:
    net = squares_net(tmp_path / "squares.onnx", names=None)
    detector = detector_of(net, labels={"class1": Label.PERSON}, roles=[Role.PEOPLE])
    image = painted(320, 320, [(0, 0, 16, 16, RED, 250), (64, 64, 80, 80, GREEN, 250)])
    [finding] = seen(detector, image)
    assert finding.box.xyxy == (64, 64, 80, 80)


def test_a_model_without_names_has_no_class_beyond_its_outputs(tmp_path: Path) -> None:
    net = squares_net(tmp_path / "squares.onnx", names=None, classes=2)
    with pytest.raises(WeightsError, match=r"known are class0, class1|did you mean 'class[01]'"):
        detector_of(net, labels={"class2": Label.PERSON}, roles=[Role.PEOPLE])


def test_what_a_segmentation_model_adds_to_each_box_is_left_out(tmp_path: Path) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", extra=32))
    [finding] = seen(detector, painted(320, 320, [(32, 64, 48, 80, RED, 250)]))
    assert finding.box.xyxy == (32, 64, 48, 80)


@pytest.mark.parametrize("batch", [None, 1], ids=["any batch", "one by one"])
@pytest.mark.parametrize("size_hw", [None, (320, 320)], ids=["any size", "fixed size"])
def test_a_batch_answers_as_its_frames_do_alone_and_again(
    tmp_path: Path, batch: int | None, size_hw: tuple[int, int] | None
) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", batch=batch, size_hw=size_hw))
    dice = np.random.default_rng(7)
    frames = [
        frame_of(
            painted(
                640,
                360,
                [
                    (int(x), int(y), int(x) + 40, int(y) + 40, RED, int(bright))
                    for x, y, bright in zip(
                        dice.integers(0, 600, 6), dice.integers(0, 320, 6), dice.integers(190, 256, 6), strict=True
                    )
                ],
            ),
            time_ms=400 * place,
        )
        for place in range(7)
    ]
    together = detector.look(frames)
    assert all(together)
    assert [detector.look([frame])[0] for frame in frames] == together
    assert detector.look(frames[:3]) + detector.look(frames[3:]) == together
    assert detector.look(frames) == together


def test_no_frames_give_no_lists(net: Path) -> None:
    assert detector_of(net).look([]) == []


@pytest.mark.parametrize(
    "bytes_of", [b"", b"\x80\x04not a model", b"# a text\n" * 99, bytes(4096)], ids=["empty", "pickle", "text", "zeros"]
)
@pytest.mark.parametrize("ending", [".onnx", ".pt", ".engine"])
def test_a_file_that_is_no_model_is_a_weights_error(tmp_path: Path, bytes_of: bytes, ending: str) -> None:
    file = tmp_path / f"model{ending}"
    file.write_bytes(bytes_of)
    with pytest.raises(WeightsError, match=r"cannot be read as a detection model.*\.pt, \.onnx"):
        detector_of(file)


def test_half_a_model_is_a_weights_error(net: Path) -> None:
    net.write_bytes(net.read_bytes()[: net.stat().st_size // 2])
    with pytest.raises(WeightsError, match="cannot be read as a detection model"):
        detector_of(net)


def test_a_folder_without_a_model_is_a_weights_error(tmp_path: Path) -> None:
    folder = tmp_path / "model_openvino"
    folder.mkdir()
    with pytest.raises(WeightsError, match="cannot be read as a detection model"):
        detector_of(folder)


def test_an_engine_that_fails_is_a_detector_error_and_not_an_empty_list(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    detector = detector_of(net)
    monkeypatch.setattr(yolo, "suppress", fail)
    with pytest.raises(DetectorError, match=r"squares@[0-9a-f]{8} failed: out of memory"):
        detector.look([frame_of(painted(320, 320, []))] * 3)


def test_a_model_for_exactly_four_pictures_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="takes exactly 4 pictures at once"):
        detector_of(squares_net(tmp_path / "squares.onnx", batch=4))


@pytest.mark.parametrize("names", [None, {0: "person", 1: "weapon", 2: "knife"}])
def test_an_answer_laid_out_otherwise_is_refused_and_not_read_as_nothing(
    tmp_path: Path, names: Mapping[int, str] | None
) -> None:
    file = squares_net(tmp_path / "squares.onnx", classes=3, names=names, is_turned=True)
    with pytest.raises(WeightsError, match=r"its answer has the shape \(1, 400, 7\); wanted is ultralytics'"):
        yolo.open_engine(file, "cpu")


def test_more_names_than_classes_are_refused(tmp_path: Path) -> None:
    file = squares_net(tmp_path / "squares.onnx", names={0: "person", 1: "weapon", 2: "knife"})
    with pytest.raises(WeightsError, match="its answer has the shape"):
        yolo.open_engine(file, "cpu")


def test_a_report_can_say_what_a_model_ran_on_and_exact_means_32_bits(net: Path) -> None:
    assert detector_of(net).runs_on.startswith("OpenVINO CPU ")
    exact = detector_of(net, settings=Detecting(device="cpu", precision=Precision.EXACT))
    assert exact.runs_on == "OpenVINO CPU f32"


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "cuda"])
def test_a_device_that_is_not_there_is_said(net: Path, device: str) -> None:
    with pytest.raises(WeightsError, match=f"device '{device}' is not there"):
        yolo.open_engine(net, device)


def test_a_network_that_overflows_is_a_detector_error_and_not_an_empty_list(tmp_path: Path) -> None:
    detector = detector_of(squares_net(tmp_path / "squares.onnx", fails_on=float("nan")))
    with pytest.raises(DetectorError, match="not a number"):
        detector.look([frame_of(painted(320, 320, []))])


def test_an_openvino_folder_answers_as_the_onnx_file_it_was_made_from(tmp_path: Path, net: Path) -> None:
    switch_off_telemetry()
    import openvino

    folder = tmp_path / "squares_openvino_model"
    folder.mkdir()
    openvino.save_model(openvino.Core().read_model(net), folder / "squares.xml", compress_to_fp16=False)
    (folder / "metadata.yaml").write_text("names:\n  0: person\n  1: weapon\n", encoding="utf-8")
    image = painted(640, 360, [(64, 64, 128, 128, RED, 250), (300, 100, 340, 140, GREEN, 230)])
    from_folder, from_file = seen(detector_of(folder), image), seen(detector_of(net), image)
    assert from_folder
    assert [(one.label, one.score, one.box) for one in from_folder] == [
        (one.label, one.score, one.box) for one in from_file
    ]


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "mps", "tpu"])
def test_a_device_that_is_not_there_is_named_with_what_helps(device: str) -> None:
    import torch

    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has Apple's graphics")
    with pytest.raises(WeightsError, match=rf"'{device}' is not there; run triage doctor"):
        pick_device(device)


def test_the_device_auto_is_one_that_is_there() -> None:
    assert pick_device(pick_device("auto")) == pick_device("auto")


@pytest.mark.parametrize("photograph", ["bus.jpg", "zidane.jpg"])
def test_the_shipped_model_finds_people_in_both_photographs_that_ultralytics_ships(photograph: str) -> None:
    switch_off_telemetry()
    from ultralytics.utils import ASSETS

    [weights] = [entry for entry in read_manifest(shipped("weights"), yours=False) if Role.PEOPLE in entry.roles]
    image = np.asarray(cv2.imread(str(ASSETS / photograph)), np.uint8)
    found = seen(YoloDetector(weights, weights.roles, Detecting(device="cpu")), image)
    people = [finding for finding in found if finding.label is Label.PERSON]
    assert len(people) >= 2
    assert all(finding.score >= weights.at_least[Label.PERSON] for finding in people)


ALONE = """
import sys
from pathlib import Path

asked = []

def hook(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        asked.append((event, repr(arguments[1:])))
        raise OSError(f"the network is closed: {event}")
    if event in {"subprocess.Popen", "os.system", "os.posix_spawn"}:
        words = repr(arguments)
        if any(word in words for word in ("install", "download", "curl", "wget")):
            asked.append((event, words))

sys.addaudithook(hook)
sys.path.insert(0, sys.argv[1])

from tests.findings.test_yolo import detector_of, frame_of
from tests.nets import painted
from triage.errors import WeightsError

found = detector_of(Path(sys.argv[2])).look([frame_of(painted(320, 320, [(0, 0, 16, 16, 0, 255)]))])
print(len(found[0]), "found")
for other in sys.argv[3:]:
    try:
        detector_of(Path(other))
    except WeightsError:
        print("refused")
from ultralytics.utils import AUTOINSTALL, ONLINE
from ultralytics.utils.events import events

print("installs, online, events:", AUTOINSTALL, ONLINE, events.enabled)
for line in asked:
    print("ASKED", *line)
"""


NOT_MODELS = {
    "yolo11n.pt": "a name that ultralytics would fetch",
    "yolo11n.onnx": "an ONNX file that is none",
    "model.tflite": "a format whose reader is not installed",
}


def test_a_detector_opens_no_socket_and_neither_downloads_nor_installs(tmp_path: Path, net: Path) -> None:
    others = [tmp_path / name for name in NOT_MODELS]
    for other in others:
        other.write_bytes(b"not a model")
    alone = subprocess.run(
        [sys.executable, "-c", ALONE, Path(__file__).resolve().parents[2], net, *others],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.splitlines() == [
        "1 found",
        *["refused"] * len(others),
        "installs, online, events: False False False",
    ]
    # nothing new lies where it ran
    assert {item.name for item in tmp_path.iterdir() if item.is_file()} == {net.name, *NOT_MODELS}
