"""Any model that ultralytics can read, as a detector. The only file that knows ultralytics and torch.

On a processor an ONNX file or an OpenVINO folder runs in OpenVINO itself, in the shape of the pictures at hand;
everything else (``.pt``, TensorRT, a graphics card) runs in ultralytics' own back ends. Both give the same raw output,
which ultralytics' non-maximum suppression turns into boxes.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from triage.errors import DetectorError, WeightsError
from triage.findings.calibration import Bars
from triage.findings.conditions import Condition, condition
from triage.findings.tiles import is_cut, merged, tiles
from triage.geometry import Box
from triage.network import Images, Network, first_line, switch_off_telemetry
from triage.records import ROLE_LABELS, Finding, Frame, Label, Role, Video
from triage.settings import Detecting, Precision, nearest
from triage.weights import Weights

if TYPE_CHECKING:
    import openvino
    import torch

STRIDE = 32
"""Sides of a YOLO model's input are multiples of its coarsest stride."""
GREY = 114
"""What ultralytics pads training pictures with, so what a model has learned to see nothing in."""
MOST_BOXES = 300
"""Boxes kept per picture: ultralytics' own default."""
TRIAL_PX = 320
"""Side of the picture that a model of any size is tried on when it is opened."""
OVERLAP = 0.6
"""Intersection over union above which the weaker of two boxes of one label is dropped. Between ultralytics' 0.45 and
0.7: people who stand close together must stay two."""


class Engine(Protocol):
    """Runs the network; knows nothing of videos."""

    @property
    def names(self) -> Mapping[int, str]:
        """Class number to the model's own name."""

    @property
    def fixed_hw(self) -> tuple[int, int] | None:
        """The only picture size that it takes; None: any multiple of the stride."""

    @property
    def runs_on(self) -> str:
        """Library, device and precision: the same weights answer a little differently on others."""

    def run(self, images: Images) -> torch.Tensor:
        """Raw predictions as ultralytics lays them out: (N, 4 + classes, anchors), or (N, boxes, 6) end to end."""


class YoloDetector:
    """Boxes of one weights file, for one or several roles."""

    def __init__(self, weights: Weights, roles: Sequence[Role], settings: Detecting) -> None:
        """Open the model.

        Raises:
            WeightsError: the file cannot be read as a model, or has none of the class names in its labels.
        """
        self.name = f"{weights.name}@{weights.sha256[:8]}"
        self.sha256 = weights.sha256
        self.roles = tuple(roles)
        self._engine = open_engine(weights.file, settings.device, settings.precision)
        self.runs_on = self._engine.runs_on
        self._label_of = _labels(weights, roles, self._engine.names)
        self._bars = Bars(weights, self._label_of.values(), settings)
        self._longest_px = settings.image_px or weights.input_px
        self._tiles = settings.tiles
        self.recipe = repr((self.sha256, self.roles, self._label_of, self._bars.recipe, self._longest_px, self._tiles))

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._bars.thresholds

    def look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        if not frames:
            return []
        video = frames[0].video
        has_more_detail = max(video.width_px, video.height_px) > self._longest_px
        pieces = tiles(video.width_px, video.height_px, self._tiles) if has_more_detail else []
        taken = [condition(frame.image) if self._bars.needs_condition else Condition.DAY for frame in frames]
        found = self._look_at(frames, taken, Box(0, 0, video.width_px, video.height_px))
        for piece in pieces:
            for seen, closer in zip(found, self._look_at(frames, taken, piece), strict=True):
                seen.extend(one for one in closer if not is_cut(one.box, piece, video.width_px, video.height_px))
        return [merged(seen) for seen in found] if pieces else found

    def _look_at(self, frames: Sequence[Frame], taken: Sequence[Condition], piece: Box) -> list[list[Finding]]:
        """Findings in one piece, in whole pixels, of each frame; ``taken`` is of the whole frames."""
        left, top, right, bottom = (int(side) for side in piece.xyxy)
        fit = Fit.of(
            replace(frames[0].video, width_px=right - left, height_px=bottom - top),
            self._longest_px,
            self._engine.fixed_hw,
        )
        images = np.stack([fit.picture(frame.image[top:bottom, left:right]) for frame in frames])
        try:
            raw = self._engine.run(images)
            # One last digit lower: suppression compares unrounded scores, and leaves out the threshold itself.
            boxes = suppress(raw, max(self._bars.lowest_raw - 0.0001, 0.0), len(self._engine.names))
        except RuntimeError as error:
            raise DetectorError(f"{self.name} failed: {first_line(error)}") from error
        return [
            self._findings(frame, when, rows[:, :6], fit, (left, top))
            for frame, when, rows in zip(frames, taken, boxes, strict=True)
        ]

    def _findings(
        self, frame: Frame, taken: Condition, rows: npt.NDArray[np.float32], fit: Fit, from_xy: tuple[int, int]
    ) -> list[Finding]:
        """Findings of one frame from (n, 6) rows of x0, y0, x1, y1 in the model's picture, score and class."""
        found: list[tuple[Finding, int]] = []
        for x0, y0, x1, y1, raw_score, class_id in rows.tolist():
            label = self._label_of.get(int(class_id))
            score = self._bars.score(raw_score, label, taken) if label else None
            box = fit.back(x0, y0, x1, y1)
            if label and score is not None and box is not None:
                box = Box(*(round(side, 1) for side in box.moved(*from_xy).xyxy))
                found.append((Finding(frame.video.id, frame.time_ms, label, score, box, self.name), int(class_id)))
        found.sort(key=lambda pair: (-pair[0].score, pair[0].label, pair[0].box.xyxy))
        return _once_per_label(found)


class Fit:
    """How a video's pictures are laid into a model's input, and boxes back into the video's picture."""

    def __init__(self, video: Video, inner_wh: tuple[int, int], outer_hw: tuple[int, int]) -> None:
        self._video = video
        self._inner_wh = inner_wh
        self._outer_hw = outer_hw
        self._left = (outer_hw[1] - inner_wh[0]) // 2
        self._top = (outer_hw[0] - inner_wh[1]) // 2

    @classmethod
    def of(cls, video: Video, longest_px: int, fixed_hw: tuple[int, int] | None) -> Fit:
        """The largest picture with the true proportions of what was filmed that fits the model's input."""
        true_wh = (video.width_px * video.pixel_aspect, float(video.height_px))
        outer_hw = fixed_hw or (longest_px, longest_px)
        scale = min(outer_hw[1] / true_wh[0], outer_hw[0] / true_wh[1])
        width, height = (max(1, round(side * scale)) for side in true_wh)
        if fixed_hw is None:  # no more padding than the stride asks for: a wide picture costs half of a square one
            outer_hw = (_up_to_stride(height), _up_to_stride(width))
        return cls(video, (width, height), outer_hw)

    def picture(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """(H, W, 3) of the model's input from (h, w, 3) of the video, both BGR."""
        canvas = np.full((*self._outer_hw, 3), GREY, np.uint8)
        inner = cv2.resize(_halved(image, self._inner_wh), self._inner_wh, interpolation=cv2.INTER_LINEAR)
        canvas[self._top : self._top + self._inner_wh[1], self._left : self._left + self._inner_wh[0]] = inner
        return canvas

    def back(self, x0: float, y0: float, x1: float, y1: float) -> Box | None:
        """A box of the model's picture in the video's, clipped to it; None if nothing of it is inside."""
        video = self._video
        x_scale, y_scale = video.width_px / self._inner_wh[0], video.height_px / self._inner_wh[1]
        left, right = (round(min(max((x - self._left) * x_scale, 0), video.width_px), 1) for x in (x0, x1))
        top, bottom = (round(min(max((y - self._top) * y_scale, 0), video.height_px), 1) for y in (y0, y1))
        return Box(left, top, right, bottom) if right > left and bottom > top else None

    def places_back(self, places: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Places (..., 2) of x, y in the model's picture as places in the video's, which may lie outside of it."""
        scale = np.array([self._video.width_px / self._inner_wh[0], self._video.height_px / self._inner_wh[1]])
        moved: npt.NDArray[np.float64] = (places - np.array([self._left, self._top])) * scale
        return moved


def _halved(image: npt.NDArray[np.uint8], inner_wh: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The picture with its sides halved as often as they stay at least as long as ``inner_wh``.

    Halving is a mean over 2 x 2 pixels, so nothing small is jumped over, and several times as fast as a mean over areas
    of odd sizes.
    """
    while image.shape[1] >= 2 * inner_wh[0] and image.shape[0] >= 2 * inner_wh[1]:
        half_wh = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return image


def open_engine(file: Path, device: str, precision: Precision = Precision.FAST) -> Engine:
    """The fastest way to run this file on this device.

    Raises:
        WeightsError: the file cannot be read as a model.
    """
    torch_device = pick_device(device)
    suits_openvino = file.suffix == ".onnx" or (file.is_dir() and any(file.glob("*.xml")))
    try:
        is_ours = suits_openvino and torch_device == "cpu"
        engine: Engine = _OpenVino(file, precision) if is_ours else _Ultralytics(file, torch_device, precision)
        height, width = engine.fixed_hw or (TRIAL_PX, TRIAL_PX)
        answer = tuple(engine.run(np.full((1, height, width, 3), GREY, np.uint8)).shape)
    except WeightsError:
        raise
    # Readers of a dozen formats raise whatever they like on a file that is not theirs, TypeError and KeyError included.
    except Exception as error:
        raise WeightsError(
            f"{file}: cannot be read as a detection model: {first_line(error)}. "
            "Wanted is a file that ultralytics can read (.pt, .onnx, OpenVINO folder, TensorRT .engine)"
        ) from error
    # Another family's layout (YOLOX, SSD) would not fail: it would be read as numbers that never mean anything.
    is_end_to_end = len(answer) == 3 and answer[2] == 6
    if not is_end_to_end and not (len(answer) == 3 and 4 + len(engine.names) <= answer[1] < answer[2]):
        raise WeightsError(
            f"{file}: its answer has the shape {answer}; wanted is ultralytics' (1, 4 + classes, places) or "
            "(1, boxes, 6). Export the model with ultralytics, without its own non-maximum suppression"
        )
    return engine


def pick_device(device: str) -> str:
    """``auto`` as the device that will be used; others as they are.

    Raises:
        WeightsError: the device asked for is not there.
    """
    import torch

    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    cards = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if device not in {"cpu", *cards, *(["mps"] if torch.backends.mps.is_available() else [])}:
        raise WeightsError(
            f"device {device!r} is not there; run triage doctor to see what is, or take detecting.device=auto"
        )
    return device


class _OpenVino:
    """OpenVINO on a processor, in whatever picture size is at hand."""

    def __init__(self, file: Path, precision: Precision) -> None:
        self._network = Network(file, precision)
        self.fixed_hw = self._network.fixed_hw
        self.names: Mapping[int, str] = _class_names(file, self._network.model)
        self.runs_on = self._network.runs_on

    def run(self, images: Images) -> torch.Tensor:
        import torch

        return torch.from_numpy(self._network.run(images)[0])


class _Ultralytics:
    """Whatever format ultralytics' own back ends can run, on any device."""

    def __init__(self, file: Path, device: str, precision: Precision) -> None:
        switch_off_telemetry()
        import torch
        from ultralytics.nn.autobackend import AutoBackend

        self._device = torch.device(device)
        half = device.startswith("cuda") and precision is Precision.FAST
        self._net = AutoBackend(file, device=self._device, fp16=half, verbose=False).eval()
        self.runs_on = f"ultralytics {self._net.format} {device} {'f16' if half else 'f32'}"
        self.names: Mapping[int, str] = dict(self._net.names)
        fixed = self._net.format != "pt" and not getattr(self._net, "dynamic", False)
        side = getattr(self._net, "imgsz", None)
        self.fixed_hw = (int(side[0]), int(side[1])) if fixed and side else None

    def run(self, images: Images) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            pictures = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2).flip(1).float() / 255
            raw = self._net(pictures)
        first: torch.Tensor = raw[0] if isinstance(raw, list | tuple) else raw
        return first.float().cpu()


def suppress(raw: torch.Tensor, at_least: float, classes: int) -> list[npt.NDArray[np.float32]]:
    """Per picture, (n, 6 + more) rows of x0, y0, x1, y1, score, class and what else the model says of each box.

    Weaker doubles are left out.
    """
    switch_off_telemetry()
    import torchvision  # noqa: F401  ultralytics takes torchvision's suppression if that is imported already
    from ultralytics.utils.nms import non_max_suppression

    if raw.isnan().any():  # suppression would drop these without a word, and silence means "looked and saw nothing"
        raise RuntimeError("the network's answer is not a number")
    kept = non_max_suppression(
        raw,
        conf_thres=at_least,
        iou_thres=OVERLAP,
        max_det=MOST_BOXES,
        nc=classes,
        # By default it stops after a while on a slow machine and answers "nothing" for the pictures that are left.
        max_time_img=3600.0,
    )
    return [rows.numpy() for rows in kept]


def _once_per_label(found: Sequence[tuple[Finding, int]]) -> list[Finding]:
    """Findings, each with its class, the best first, without those that another class of the same label has claimed.

    Suppression goes by class: a model with ``man`` and ``woman``, both a person to us, would make two of one.
    """
    kept: list[tuple[Finding, int]] = []
    for finding, class_id in found:
        if not any(
            finding.label is other.label and class_id != other_class and finding.box.overlap(other.box) > OVERLAP
            for other, other_class in kept
        ):
            kept.append((finding, class_id))
    return [finding for finding, _ in kept]


def _class_names(file: Path, model: openvino.Model) -> Mapping[int, str]:
    """Class names from what ultralytics writes beside or into an export; ``class0``, ``class1``… without."""
    beside = file / "metadata.yaml"
    if beside.is_file():
        named = yaml.safe_load(beside.read_text(encoding="utf-8")).get("names")
    else:
        info = model.get_rt_info()  # OpenVINO keeps an ONNX file's metadata under "framework"
        kept = info["framework"] if "framework" in info else {}  # noqa: SIM401  OpenVINO's map has no get()
        try:
            named = ast.literal_eval(kept["names"].value) if "names" in kept else None
        except (ValueError, SyntaxError):  # another tool's metadata; its classes have numbers only
            named = None
    if isinstance(named, dict):
        return {int(number): str(name) for number, name in named.items()}
    shape = model.output(0).partial_shape
    if shape.rank.is_dynamic or shape.rank.get_length() != 3:
        raise WeightsError(f"its answer {shape} is not laid out as a detector's of ultralytics")
    # An end-to-end output, (N, boxes, 6), does not tell how many classes there are; ultralytics assumes as many.
    classes = 999 if shape[2] == 6 or shape[1].is_dynamic else shape[1].get_length() - 4
    return {number: f"class{number}" for number in range(classes)}


def _labels(weights: Weights, roles: Sequence[Role], names: Mapping[int, str]) -> dict[int, Label]:
    """Class number to label, for the labels of these roles; other weights may serve the rest, or nobody asked for it"""
    for wanted in weights.labels:
        if wanted not in names.values():
            raise WeightsError(f"{weights.name}: the model has no class {wanted!r}{nearest(wanted, names.values())}")
    asked = frozenset[Label]().union(*(ROLE_LABELS[role] for role in roles))
    labels = {number: weights.labels[name] for number, name in names.items() if name in weights.labels}
    return {number: label for number, label in labels.items() if label in asked}


def _up_to_stride(side: int) -> int:
    return -(-side // STRIDE) * STRIDE
