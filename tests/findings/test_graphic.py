"""The detector of graphic content: through a drawn net that takes every red for it, and through the shipped one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.media import Image
from tests.nets import painted, reds_net, squares_net
from triage.durable import sha256_of
from triage.errors import DetectorError, WeightsError
from triage.findings.graphic import CELL, MOST_REGIONS, GraphicDetector, regions_of
from triage.geometry import Box
from triage.records import Finding, Frame, Label, Role, Video
from triage.settings import Detecting
from triage.weights import Weights, all_weights

ROLES = (Role.GRAPHIC,)
SMALL, LARGE = (32, 48, 64, 80, 0, 255), (160, 96, 288, 176, 0, 255)
"""Red squares: left, top, right, bottom, class, brightness."""


def detector_of(file: Path, at_least: float = 0.5) -> GraphicDetector:
    labels = {"graphic": Label.GRAPHIC}
    weights = Weights("reds", ROLES, file, sha256_of(file), "none", "drawn", labels, 320, file.with_suffix(".md"))
    return GraphicDetector(weights, ROLES, Detecting(device="cpu", at_least={Label.GRAPHIC: at_least}))


def frame_of(image: Image, pixel_aspect: float = 1.0) -> Frame:
    height, width = image.shape[:2]
    kept = image.copy()
    kept.flags.writeable = False
    return Frame(Video("ab" * 32, Path("drawn"), width, height, None, "none", "none", pixel_aspect), 0, kept)


def look(folder: Path, image: Image, at_least: float = 0.5, pixel_aspect: float = 1.0) -> list[Finding]:
    [found] = detector_of(reds_net(folder / "reds.onnx"), at_least).look([frame_of(image, pixel_aspect)])
    return found


def test_every_region_is_a_finding_with_its_box_and_the_largest_comes_first(tmp_path: Path) -> None:
    found = look(tmp_path, painted(320, 192, [SMALL, LARGE]))
    assert [finding.box for finding in found] == [Box(160, 96, 288, 176), Box(32, 48, 64, 80)]
    assert {finding.label for finding in found} == {Label.GRAPHIC}


def test_the_mask_says_which_parts_of_the_box(tmp_path: Path) -> None:
    left, below = (64, 64, 96, 128, 0, 255), (64, 112, 160, 128, 0, 255)
    [finding] = look(tmp_path, painted(320, 192, [left, below]))
    assert finding.mask is not None
    cells = finding.mask.cells()
    assert cells.shape == (64 // CELL, 96 // CELL)
    assert cells[:, : 32 // CELL].all()
    assert not cells[: 48 // CELL, 32 // CELL :].any()
    assert cells[48 // CELL :].all()


@pytest.mark.parametrize(
    ("square", "grade"),
    [((64, 64, 72, 72, 0, 255), 1), ((64, 64, 112, 112, 0, 255), 2), (LARGE, 3)],
)
def test_the_grade_rises_with_how_much_there_is(
    tmp_path: Path, square: tuple[int, int, int, int, int, int], grade: int
) -> None:
    assert {finding.grade for finding in look(tmp_path, painted(320, 192, [square]))} == {grade}


def test_the_score_is_the_probability_that_there_is_any(tmp_path: Path) -> None:
    [finding] = look(tmp_path, painted(320, 192, [(64, 64, 96, 96, 0, 204)]))
    assert finding.score == pytest.approx(0.8, abs=0.01)


def test_below_the_operating_point_nothing_is_said(tmp_path: Path) -> None:
    weak = painted(320, 192, [(64, 64, 96, 96, 0, 204)])
    assert look(tmp_path, weak, at_least=0.75)
    assert not look(tmp_path, weak, at_least=0.85)


def test_where_nobody_can_say_where_the_whole_picture_is_meant(tmp_path: Path) -> None:
    detector = detector_of(reds_net(tmp_path / "reds.onnx", masks=False))
    [[finding]] = detector.look([frame_of(painted(320, 192, [LARGE]))])
    assert (finding.box, finding.mask, finding.grade) == (Box(0, 0, 320, 192), None, 3)


def test_boxes_are_in_stored_pixels_whatever_their_shape_and_the_size_of_the_picture(tmp_path: Path) -> None:
    # 640 x 720 stored, each pixel twice as wide as high: filmed as 1280 x 720, which the net sees as 320 x 180
    [finding] = look(tmp_path, painted(640, 720, [(160, 240, 320, 480, 0, 255)]), pixel_aspect=2.0)
    assert finding.box.xyxy == pytest.approx((160, 240, 320, 480), abs=17)


def test_a_hundred_drops_are_no_more_than_ten_findings_that_hold_every_drop(tmp_path: Path) -> None:
    drops = [(x, y, x + 8, y + 8, 0, 255) for x in range(0, 320, 32) for y in range(0, 192, 24)]
    image = painted(320, 192, drops)
    found = look(tmp_path, image)
    assert 1 <= len(found) <= MOST_REGIONS
    for x, y, *_ in drops:
        assert any(f.box.x0 <= x and f.box.y0 <= y and x + 8 <= f.box.x1 and y + 8 <= f.box.y1 for f in found)


def test_what_lies_between_regions_taken_together_stays_unmasked() -> None:
    cells = np.zeros((48, 80), np.bool_)
    cells[::8, ::8] = True
    regions = regions_of(cells)
    assert len(regions) <= MOST_REGIONS
    assert sum(int(mask.sum()) for _, mask in regions) == cells.sum()


def test_few_regions_are_not_taken_together_however_close() -> None:
    cells = np.zeros((8, 8), np.bool_)
    cells[1:3, 1:3] = cells[1:3, 4:7] = True
    assert [corners for corners, _ in regions_of(cells)] == [(4, 1, 7, 3), (1, 1, 3, 3)]


def test_an_empty_mask_has_no_regions() -> None:
    assert regions_of(np.zeros((4, 6), np.bool_)) == []


def test_numbers_that_are_none_are_a_failure_and_not_nothing_seen(tmp_path: Path) -> None:
    detector = detector_of(reds_net(tmp_path / "reds.onnx", fails_on=float("nan")))
    with pytest.raises(DetectorError, match="not a number"):
        detector.look([frame_of(painted(320, 192, [LARGE]))])


@pytest.mark.parametrize("make", [squares_net, lambda path: reds_net(path, grades=2)], ids=["boxes", "two grades"])
def test_a_model_of_another_kind_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(WeightsError, match="wanted are a mask and grades"):
        detector_of(make(tmp_path / "other.onnx"))


# Look-alikes, drawn, through the weights that ship: red that is no injury must not be called clearly visible.


@pytest.fixture(scope="module")
def shipped_detector() -> GraphicDetector:
    [weights] = [one for one in all_weights() if Role.GRAPHIC in one.roles and not one.yours]
    weights.check()
    return GraphicDetector(weights, ROLES, Detecting(device="cpu"))


def graded(detector: GraphicDetector, image: Image) -> int:
    [found] = detector.look([frame_of(image)])
    return max((finding.grade or 0 for finding in found), default=0)


def street(light: float = 1.0) -> Image:
    """A sky, houses, a road, with some grain: 640 x 384."""
    rows = np.linspace(0, 1, 384)[:, None, None]
    image = np.where(rows < 0.55, [225, 190, 160], [95, 98, 100]) * np.ones((1, 640, 1))
    for left, tall, tone in ((0, 150, 140), (150, 190, 165), (330, 120, 120), (470, 170, 150)):
        image[211 - tall : 211, left : left + 140] = (tone, tone, tone + 5)
        image[211 - tall + 20 : 211 - tall + 60 : 12, left + 20 : left + 120 : 9] = 60
    image = image + np.random.default_rng(0).normal(0, 4, (384, 640, 1))
    return np.clip(image * light, 0, 255).astype(np.uint8)


def flag() -> Image:
    image = street()
    image[60:100, 260:420], image[100:140, 260:420], image[140:180, 260:420] = (
        (30, 25, 190),
        (235, 235, 235),
        (120, 60, 30),
    )
    return image


def tomatoes() -> Image:
    image = street()
    for x, y in ((250, 300), (330, 315), (295, 270)):
        for ring in range(40, 0, -1):
            cv2.circle(image, (x - (40 - ring) // 4, y - (40 - ring) // 4), ring, (25, 30, 150 + 2 * (40 - ring)), -1)
        cv2.circle(image, (x - 12, y - 14), 5, (235, 235, 245), -1)
    return image


def sunset() -> Image:
    image = np.zeros((384, 640, 3), np.float32)
    image[:] = np.linspace(0, 1, 384)[:, None, None] * [40, 90, 120] + [70, 40, 120]
    cv2.circle(image, (320, 230), 45, (60, 130, 250), -1)
    image[250:] = (25, 25, 40)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 5), 0, 255).astype(np.uint8)


def brake_lights_at_night() -> Image:
    image = street(0.15).astype(np.float32)
    glow = np.zeros_like(image)
    for x in (180, 260, 430, 480):
        cv2.ellipse(glow, (x, 270), (14, 8), 0, 0, 360, (60, 50, 255), -1)
    lit = image + glow + 2 * np.asarray(cv2.GaussianBlur(glow, (0, 0), 15))
    return np.asarray(np.clip(lit, 0, 255).astype(np.uint8))


def red_car() -> Image:
    image = street()
    body = np.array([(180, 290), (230, 240), (360, 235), (420, 285), (470, 295), (470, 335), (170, 335)])
    cv2.fillPoly(image, [body], (35, 25, 175), cv2.LINE_AA)
    cv2.fillPoly(image, [np.array([(240, 250), (355, 245), (395, 282), (215, 285)])], (90, 75, 60), cv2.LINE_AA)
    for x in (225, 410):
        cv2.circle(image, (x, 335), 24, (25, 25, 25), -1, cv2.LINE_AA)
    return image


def lipstick() -> Image:
    image = street()
    cv2.ellipse(image, (320, 190), (90, 120), 0, 0, 360, (150, 180, 225), -1, cv2.LINE_AA)
    for x in (285, 355):
        cv2.ellipse(image, (x, 165), (14, 7), 0, 0, 360, (245, 245, 245), -1, cv2.LINE_AA)
        cv2.circle(image, (x, 165), 6, (40, 50, 60), -1, cv2.LINE_AA)
    cv2.ellipse(image, (320, 245), (30, 11), 0, 0, 360, (50, 35, 185), -1, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(
    "draw", [street, flag, tomatoes, sunset, brake_lights_at_night, red_car, lipstick], ids=lambda one: one.__name__
)
def test_red_things_are_not_called_clearly_visible(
    shipped_detector: GraphicDetector, draw: Callable[[], Image]
) -> None:
    assert graded(shipped_detector, draw()) < 2


def test_a_drawn_stain_is_seen_where_it_is(shipped_detector: GraphicDetector) -> None:
    image = street()
    stain = np.zeros((384, 640), np.float32)
    random = np.random.default_rng(4)
    for _ in range(14):
        place = (int(random.normal(320, 35)), int(random.normal(310, 14)))
        cv2.ellipse(stain, place, (int(random.integers(12, 34)), int(random.integers(6, 14))), 0, 0, 360, 1, -1)
    through = np.exp(-2.2 * cv2.GaussianBlur(stain, (0, 0), 1.5)[..., None] * np.array([3.0, 3.2, 1.2]))
    stained = (image * through + (1 - through) * [14, 10, 110]).astype(np.uint8)
    assert graded(shipped_detector, stained) >= 2
    [found] = shipped_detector.look([frame_of(stained)])
    assert any(finding.box.overlap(Box(250, 280, 400, 340)) > 0.3 for finding in found)


@pytest.mark.shared
def test_hardly_any_ordinary_picture_is_called_clearly_visible(shipped_detector: GraphicDetector, shared: Path) -> None:
    """Pictures of pose estimation, a set that training never saw. One is allowed; none was when this was written."""
    pictures = [cv2.imread(str(path)) for path in sorted((shared / "data" / "pose").rglob("*.jpg"))]
    alarms = sum(graded(shipped_detector, picture.astype(np.uint8)) >= 2 for picture in pictures if picture is not None)
    assert len(pictures) >= 40
    assert alarms <= 1
