from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.nets import CELL, painted, squares_net
from triage.durable import sha256_of
from triage.errors import DetectorError, WeightsError
from triage.findings.pose import PoseReader
from triage.geometry import Box
from triage.records import JOINTS, Finding, Frame, Joint, Label, Pose, Role, Video
from triage.settings import Detecting
from triage.weights import Weights, all_weights

OFFSETS = [(number - 8.0, 3.0 * (number - 8)) for number in range(len(JOINTS))]
"""Where each joint is, beside the middle of a body's square, in px of the model's picture."""
SIDE = 40


def bodies_net(
    path: Path, *, clear: float = 0.8, joints: int = 17, sees_bars: bool = False, fails_on: float | None = None
) -> Path:
    """A net that sees a body in every red square, its joints at ``OFFSETS``.

    Args:
        clear: the score of every joint.
        sees_bars: whether it sees level bars, one px thick, instead of squares; upright ones it does not see.
    """
    squares_net(path, names={0: "person"}, classes=1, box_px=SIDE, extra=3 * joints, fails_on=fails_on)
    model = onnx.load(str(path))
    nodes = {node.output[0]: node for node in model.graph.node}
    inputs = list(nodes["grid"].input[:5])
    added = []
    for number, (dx, dy) in enumerate(OFFSETS[:joints]):
        for name, start, value in (("x", "x", dx), ("y", "y", dy), ("score", "zero", clear)):
            constant, joint = f"{name}_by_{number}", f"{name}_{number}"
            model.graph.initializer.append(numpy_helper.from_array(np.float32(value).reshape(()), constant))
            added.append(helper.make_node("Add", [start, constant], [joint]))
            inputs.append(joint)
    grid = list(model.graph.node).index(nodes["grid"])
    ordered = [*model.graph.node[:grid], *added, helper.make_node("Concat", inputs, ["grid"], axis=1)]
    ordered += model.graph.node[grid + 1 :]
    if sees_bars:
        ordered[0] = helper.make_node("AveragePool", ["images"], ["mean"], kernel_shape=[1, CELL], strides=[CELL, CELL])
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    onnx.save(model, str(path))
    return path


def reader(file: Path, *, turned: bool = False, input_px: int = 320) -> PoseReader:
    labels, roles = {"bound_hands": Label.BOUND_HANDS}, (Role.BOUND_HANDS,)
    weights = Weights("bodies", roles, file, sha256_of(file), "none", "drawn", labels, input_px, file, reader="pose")
    return PoseReader(weights, roles, Detecting(device="cpu", turned=turned))


def video(width_px: int = 320, height_px: int = 320, pixel_aspect: float = 1.0) -> Video:
    return Video("ab" * 32, Path("drawn"), width_px, height_px, None, "none", "none", pixel_aspect)


def frame(shown: Video, *squares: tuple[int, int, int, int], time_ms: int = 0) -> Frame:
    """Red squares: left, top, right, bottom."""
    drawn = [(*square, 0, 255) for square in squares]
    return Frame(shown, time_ms, painted(shown.width_px, shown.height_px, drawn))


def person(x0: float, y0: float, x1: float, y1: float, label: Label = Label.PERSON) -> Finding:
    return Finding("ab" * 32, 0, label, 0.9, Box(x0, y0, x1, y1), "objects@1")


def around(x: float, y: float, side: float = SIDE) -> Finding:
    return person(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def places(pose: object) -> list[tuple[float, float]]:
    assert isinstance(pose, Pose)
    return [(point.x, point.y) for point in pose.points]


def test_joints_are_where_the_net_saw_them_in_the_order_of_the_record(tmp_path: Path) -> None:
    [[pose]] = reader(bodies_net(tmp_path / "net.onnx")).read(
        [frame(video(), (96, 128, 112, 144))], [[around(104, 136)]]
    )
    assert places(pose) == [(104 + dx, 136 + dy) for dx, dy in OFFSETS]
    assert isinstance(pose, Pose)
    assert pose[Joint.RIGHT_ANKLE].y == 136 + OFFSETS[-1][1]
    assert all(point.score == pytest.approx(0.8, abs=0.01) for point in pose.points)


def test_joints_are_in_px_of_the_frame_whatever_the_net_was_shown(tmp_path: Path) -> None:
    wide = video(1280, 640)  # shown at a quarter, 320 x 160
    [[pose]] = reader(bodies_net(tmp_path / "net.onnx")).read(
        [frame(wide, (384, 384, 448, 448))], [[around(416, 416, 160)]]
    )
    assert places(pose) == [(416 + 4 * dx, 416 + 4 * dy) for dx, dy in OFFSETS]


def test_joints_are_in_stored_px_where_those_are_not_square(tmp_path: Path) -> None:
    narrow = video(160, 320, pixel_aspect=2.0)  # shown as 320 x 320
    [[pose]] = reader(bodies_net(tmp_path / "net.onnx")).read(
        [frame(narrow, (48, 128, 56, 144))], [[person(42, 116, 62, 156)]]
    )
    assert places(pose) == [(52 + dx / 2, 136 + dy) for dx, dy in OFFSETS]


def test_the_box_is_the_persons_and_each_body_is_one_persons(tmp_path: Path) -> None:
    people = [around(200, 136), around(104, 136), around(112, 140)]
    shown = frame(video(), (96, 128, 112, 144), (192, 128, 208, 144))
    [poses] = reader(bodies_net(tmp_path / "net.onnx")).read([shown], [people])
    assert [pose.box for pose in poses] == [one.box for one in people]
    assert [places(pose)[8] if isinstance(pose, Pose) and pose.score else None for pose in poses] == [
        (200, 136),
        (104, 136),
        None,
    ]


def test_somebody_whose_body_is_not_seen_gets_a_pose_of_score_zero_and_not_silence(tmp_path: Path) -> None:
    [[pose]] = reader(bodies_net(tmp_path / "net.onnx")).read([frame(video())], [[around(104, 136)]])
    assert isinstance(pose, Pose)
    assert pose.score == 0
    assert {point.score for point in pose.points} == {0}


def test_a_joint_beyond_the_edge_counts_as_not_seen(tmp_path: Path) -> None:
    [[pose]] = reader(bodies_net(tmp_path / "net.onnx")).read(
        [frame(video(), (96, 0, 112, 16))], [[person(84, 0, 124, 28)]]
    )
    assert isinstance(pose, Pose)
    for (_, dy), point in zip(OFFSETS, pose.points, strict=True):
        assert (point.score == 0) is (8 + dy < 0)
        assert point.y >= 0


def test_frames_without_people_are_not_looked_at(tmp_path: Path) -> None:
    blind = reader(bodies_net(tmp_path / "net.onnx"))
    net = reader(bodies_net(tmp_path / "failing.onnx", fails_on=float("nan")))
    frames = [frame(video(), (96, 128, 112, 144)), frame(video())]
    weapon = person(96, 128, 112, 144, Label.WEAPON)
    assert net.read(frames, [[weapon], []]) == [[], []]
    assert net.read([], []) == []
    assert [len(poses) for poses in blind.read(frames, [[weapon], [around(104, 136)]])] == [0, 1]


def test_a_net_that_overflows_is_a_failed_look_and_not_nobody(tmp_path: Path) -> None:
    net = reader(bodies_net(tmp_path / "net.onnx", fails_on=float("nan")))
    with pytest.raises(DetectorError, match="not a number"):
        net.read([frame(video())], [[around(104, 136)]])


def test_a_model_without_17_joints_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="17 joints"):
        reader(bodies_net(tmp_path / "net.onnx", joints=16))


def bar(shown: Video, rows: slice, columns: slice) -> Frame:
    image: npt.NDArray[np.uint8] = np.zeros((shown.height_px, shown.width_px, 3), np.uint8)
    image[rows, columns, 2] = 255
    image.flags.writeable = False
    return Frame(shown, 0, image)


LYING: Sequence[tuple[str, Frame, list[tuple[float, float]]]] = [
    (
        "seen with the picture turned to the left",
        bar(video(320, 256), slice(96, 112), slice(319 - 128, 320 - 128)),
        [(320 - (136 + dy), 104 + dx) for dx, dy in OFFSETS],
    ),
    (
        "seen with the picture turned to the right",
        bar(video(320, 256), slice(256 - 112, 256 - 96), slice(128, 129)),
        [(136 + dy, 256 - (104 + dx)) for dx, dy in OFFSETS],
    ),
    (
        "seen with the picture upside down",
        bar(video(320, 256), slice(255 - 96, 256 - 96), slice(320 - 144, 320 - 128)),
        [(320 - (136 + dx), 256 - (104 + dy)) for dx, dy in OFFSETS],
    ),
]


@pytest.mark.parametrize(("picture", "expected"), [case[1:] for case in LYING], ids=[case[0] for case in LYING])
def test_somebody_who_lies_is_found_where_the_picture_is_turned(
    tmp_path: Path, picture: Frame, expected: list[tuple[float, float]]
) -> None:
    file, (x, y) = bodies_net(tmp_path / "net.onnx", sees_bars=True), expected[8]
    wide, narrow = around(x, y), person(x - 10, y - 30, x + 10, y + 30)
    [[pose]] = reader(file).read([picture], [[wide]])
    assert places(pose) == expected
    [[not_turned_for]] = reader(file).read([picture], [[narrow]])
    assert isinstance(not_turned_for, Pose)
    assert not_turned_for.score == 0
    [[turned_for]] = reader(file, turned=True).read([picture], [[narrow]])
    assert places(turned_for) == expected


@pytest.mark.parametrize(
    ("clear", "turned", "width", "runs"),
    [(0.9, True, 40, 1), (0.4, True, 40, 4), (0.4, True, 20, 4), (0.4, False, 40, 4), (0.4, False, 20, 1)],
)
def test_a_picture_is_turned_only_for_somebody_who_is_not_clearly_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clear: float, turned: bool, width: float, runs: int
) -> None:
    net = reader(bodies_net(tmp_path / "net.onnx", clear=clear), turned=turned)
    calls: list[int] = []
    run = net._engine.run

    def counted_run(images: npt.NDArray[np.uint8]) -> object:
        calls.append(len(images))
        return run(images)

    monkeypatch.setattr(net._engine, "run", counted_run)
    net.read([frame(video(), (96, 128, 112, 144))], [[person(104 - width / 2, 116, 104 + width / 2, 156)]])
    assert len(calls) == runs


def test_another_way_of_looking_is_another_recipe(tmp_path: Path) -> None:
    file = bodies_net(tmp_path / "net.onnx")
    recipes = {reader(file).recipe, reader(file, turned=True).recipe, reader(file, input_px=640).recipe}
    assert len(recipes) == 3


@pytest.mark.shared
def test_the_shipped_net_finds_most_joints_that_people_marked(shared: Path) -> None:
    """A floor well below what was measured (see the card): only a broken chain is red."""
    [weights] = [one for one in all_weights() if one.name == "wrists"]
    net = PoseReader(weights, weights.roles, Detecting(device="cpu"))
    right, marked = 0, 0
    folder = shared / "data" / "pose" / "ultralytics_hub" / "example_datasets" / "coco8-pose"
    for label in sorted((folder / "labels").rglob("*.txt")):
        image = cv2.imread(str(folder / "images" / label.parent.name / f"{label.stem}.jpg"))
        assert image is not None
        image.flags.writeable = False
        size = np.array([image.shape[1], image.shape[0]])
        rows = [np.array(line.split()[1:], float) for line in label.read_text().splitlines()]
        people = [
            person(*np.concatenate([row[:2] - row[2:4] / 2, row[:2] + row[2:4] / 2]) * [*size, *size]) for row in rows
        ]
        [poses] = net.read([Frame(video(*size.tolist()), 0, image.astype(np.uint8, copy=False))], [people])
        for row, pose in zip(rows, poses, strict=True):
            joints = row[4:].reshape(-1, 3)
            gaps = np.linalg.norm(joints[:, :2] * size - places(pose), axis=1) / np.linalg.norm(row[2:4] * size)
            right += int((gaps[joints[:, 2] == 2] < 0.1).sum())
            marked += int((joints[:, 2] == 2).sum())
    assert right / marked >= 0.75, f"{right} of {marked}"
