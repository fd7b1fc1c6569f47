from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.findings.test_yolo import BOTH, GREEN, RED, detector_of, frame_of, net, seen, weights_of
from tests.nets import painted
from triage.durable import sha256_of
from triage.errors import WeightsError
from triage.findings.calibration import (
    ANY,
    LEAST_THINGS,
    Bars,
    Operating,
    dump_calibration,
    read_calibration,
    threshold_of,
)
from triage.findings.conditions import Condition
from triage.findings.yolo import YoloDetector
from triage.records import Label
from triage.settings import Detecting
from triage.weights import Weights

__all__ = ["net"]  # the fixture

DAY = Operating(0.5, (1.0, -1.0), 100, 100)
NIGHT = Operating(0.2, (2.0, 1.5), LEAST_THINGS, 40)


def calibrated(net: Path, night: Operating = NIGHT) -> Weights:
    """The squares' network, whose weapons have a calibration and whose people have none."""
    file = net.with_name("squares.calibration.json")
    file.write_bytes(dump_calibration({Label.WEAPON: {ANY: DAY, "night": night}}))
    return replace(weights_of(net), calibration=file, calibration_sha256=sha256_of(file))


def bars(net: Path, night: Operating = NIGHT, **at_least: float) -> Bars:
    settings = Detecting(device="cpu", at_least={Label(label): score for label, score in at_least.items()})
    return Bars(calibrated(net, night), [Label.PERSON, Label.WEAPON], settings)


def test_without_a_calibration_a_score_is_what_the_model_says(net: Path) -> None:
    plain = Bars(weights_of(net, at_least=0.3), [Label.PERSON], Detecting())
    assert plain.thresholds == {"person": 0.3}
    assert not plain.needs_condition
    assert plain.lowest_raw == pytest.approx(0.3, abs=0.001)
    assert plain.score(0.31, Label.PERSON, Condition.NIGHT) == 0.31
    assert plain.score(0.29999, Label.PERSON, Condition.DAY) == 0.3, "compared as it is shown"
    assert plain.score(0.2999, Label.PERSON, Condition.DAY) is None


def test_a_score_is_the_measured_chance_to_be_right(net: Path) -> None:
    # a = 1, b = -1: at a score of one half the odds are 1 to e
    assert bars(net).score(0.5, Label.WEAPON, Condition.DAY) == pytest.approx(1 / (1 + np.e), abs=0.0001)
    assert bars(net).score(0.5, Label.WEAPON, Condition.NIGHT) == pytest.approx(1 / (1 + np.exp(-1.5)), abs=0.0001)


def test_a_condition_has_its_own_threshold_and_others_share_the_general_one(net: Path) -> None:
    read = bars(net)
    assert set(read.thresholds) == {"person", "weapon", "weapon night"}
    assert read.score(0.49, Label.WEAPON, Condition.DAY) is None
    assert read.score(0.49, Label.WEAPON, Condition.GREY) is None
    assert read.score(0.21, Label.WEAPON, Condition.NIGHT) is not None
    assert read.score(0.19, Label.WEAPON, Condition.NIGHT) is None
    assert threshold_of(read.thresholds, Label.WEAPON, Condition.NIGHT) == read.thresholds["weapon night"]
    assert threshold_of(read.thresholds, Label.WEAPON, Condition.SMALL) == read.thresholds["weapon"]


def test_a_condition_measured_on_too_few_things_is_read_like_all_others(net: Path) -> None:
    read = bars(net, replace(NIGHT, n=LEAST_THINGS - 1))
    assert set(read.thresholds) == {"person", "weapon"}
    assert not read.needs_condition


def test_the_threshold_itself_counts(net: Path) -> None:
    for threshold in (0.05, 0.123, 0.31, 0.5, 0.77):
        read = bars(net, replace(NIGHT, threshold=threshold))
        assert read.score(threshold, Label.WEAPON, Condition.NIGHT) is not None
        assert read.lowest_raw <= threshold


def test_what_the_settings_say_wins_and_is_of_the_score_that_a_report_shows(net: Path) -> None:
    read = bars(net, weapon=0.9)
    for condition in Condition:
        assert threshold_of(read.thresholds, Label.WEAPON, condition) == 0.9
    shown = {raw: read.score(raw, Label.WEAPON, Condition.NIGHT) for raw in (0.55, 0.7, 0.9)}
    assert shown[0.55] is None
    assert all(score is None or score >= 0.9 for score in shown.values())
    low = bars(net, weapon=0.001)
    assert low.score(low.lowest_raw, Label.WEAPON, Condition.DAY) == 0.001, "suppression cuts nothing off before"


def test_the_recipe_tells_one_calibration_from_another(net: Path) -> None:
    assert bars(net).recipe == bars(net).recipe
    assert bars(net).recipe != bars(net, replace(NIGHT, threshold=0.21)).recipe
    assert bars(net).recipe != bars(net, replace(NIGHT, platt=(2.0, 1.4))).recipe
    assert bars(net).recipe != Bars(weights_of(net), [Label.PERSON, Label.WEAPON], Detecting()).recipe


class TestADetector:
    def dark(self) -> Any:
        return frame_of(painted(320, 320, [(160, 192, 176, 208, GREEN, 180), (32, 64, 48, 80, RED, 250)]))

    def grey(self) -> Any:
        """The same squares in daylight as a grey camera shows it, which gives no boxes itself."""
        image = np.full((320, 320, 3), 100, np.uint8)
        for left, top, class_id, bright in ((160, 192, GREEN, 180), (32, 64, RED, 250)):
            image[top : top + 16, left : left + 16] = 0
            image[top : top + 16, left : left + 16, 2 - class_id] = bright
        return frame_of(image)

    def test_finds_by_night_what_it_would_not_believe_by_day(self, net: Path) -> None:
        detector = YoloDetector(calibrated(net), BOTH, Detecting(device="cpu"))
        by_night, by_day = detector.look([self.dark()])[0], detector.look([self.grey()])[0]
        assert {finding.label for finding in by_night} == {Label.PERSON, Label.WEAPON}
        assert {finding.label for finding in by_day} == {Label.PERSON}

    def test_says_the_chance_and_not_the_models_score(self, net: Path) -> None:
        [raw] = [one.score for one in seen(detector_of(net), self.dark().image) if one.label is Label.WEAPON]
        detector = YoloDetector(calibrated(net), BOTH, Detecting(device="cpu"))
        [score] = [one.score for one in detector.look([self.dark()])[0] if one.label is Label.WEAPON]
        assert score == pytest.approx(NIGHT.probability(raw), abs=0.0001)
        assert score != raw
        assert score == round(score, 4)

    def test_without_a_calibration_says_what_it_said_before(self, net: Path) -> None:
        detector = detector_of(net, at_least=0.3)
        assert detector.thresholds == {"person": 0.3, "weapon": 0.3}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        {"weapon": {}},
        {"weapon": {"night": {"threshold": 0.5, "platt": None, "n": 1, "pictures": 1}}},
        {"gun": {"any": {"threshold": 0.5, "platt": None, "n": 1, "pictures": 1}}},
        {"weapon": {"any": {"threshold": 0.0, "platt": None, "n": 1, "pictures": 1}}},
        {"weapon": {"any": {"threshold": 0.5, "platt": [-1, 0], "n": 1, "pictures": 1}}},
        {"weapon": {"any": {"threshold": 0.5, "platt": [1], "n": 1, "pictures": 1}}},
        {"weapon": {"any": {"threshold": 0.5}}},
        {
            "weapon": {
                "any": {"threshold": 0.5, "platt": None, "n": 1, "pictures": 1},
                "dusk": {"threshold": 0.5, "platt": None, "n": 1, "pictures": 1},
            }
        },
    ],
    ids=str,
)
def test_what_is_no_calibration_is_named(tmp_path: Path, rows: object) -> None:
    path = tmp_path / "x.calibration.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(WeightsError, match=r"x\.calibration\.json: not a calibration"):
        read_calibration(path)


def test_a_calibration_reads_as_it_was_written(tmp_path: Path) -> None:
    known = {Label.WEAPON: {ANY: DAY, "night": NIGHT}, Label.PERSON: {ANY: Operating(0.25, None, 40, 30)}}
    path = tmp_path / "x.json"
    path.write_bytes(dump_calibration(known))
    assert read_calibration(path) == known
    assert dump_calibration(read_calibration(path)) == dump_calibration(known)


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("platt", [None, (1.0, -1.0), (0.8, 0.5), (5.0, -5.0)])
def test_a_chance_leads_back_to_the_score_it_came_from(platt: tuple[float, float] | None, probability: float) -> None:
    operating = Operating(0.5, platt, 1, 1)
    assert operating.probability(operating.raw(probability)) == pytest.approx(probability, abs=0.01)
