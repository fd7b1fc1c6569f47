from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.examples import PROVENANCE, finding, nobody, report
from triage.errors import DetectorError
from triage.evaluation import whole
from triage.evaluation.formats import LabelledPicture, Mark
from triage.evaluation.labelled import Meaning
from triage.evaluation.looking import LeftOut
from triage.evaluation.whole import Judged, alarms_of, judge_all, whole_rows
from triage.findings.conditions import Condition
from triage.findings.scripted import Said, Scripted
from triage.pipeline import Stages, make_stages
from triage.records import Estimate, Frame, Label, Report, Role, Sealed, Track
from triage.settings import load_settings

MINORS = Meaning({"minor": Label.POSSIBLE_MINOR, "adult": Label.ADULT, "unclear": Label.AGE_UNKNOWN}, ())


def track(label: Label, probability: float) -> Track:
    return Track(label, (finding(0, label),), None, Estimate(probability, 0.0, 1.0, ()))


def stages(detector: Scripted | None = None) -> Stages:
    return make_stages(load_settings().settings, [detector or Scripted(nobody)])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((120, 160, 3), 90, np.uint8))
    return tmp_path / "a.png"


def judged(
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: Sequence[Track] | Sealed,
    role: Role = Role.MINORS,
    marks: tuple[Mark, ...] = (),
) -> Judged | LeftOut:
    """The picture, of which a scan says this."""
    told: Report | Sealed = said if isinstance(said, Sealed) else replace(report(), tracks=tuple(said), faults=())
    monkeypatch.setattr(whole, "examine", lambda *_: told)
    [one] = judge_all([LabelledPicture(picture, marks)], MINORS, role, stages())
    return one


@pytest.mark.parametrize(
    ("role", "said", "alarm", "score", "raised"),
    [
        (Role.MINORS, [track(Label.POSSIBLE_MINOR, 0.7)], Label.POSSIBLE_MINOR, 0.7, True),
        (Role.MINORS, [track(Label.ADULT, 0.1)], Label.POSSIBLE_MINOR, 0.1, False),
        (Role.MINORS, [track(Label.AGE_UNKNOWN, 0.4)], Label.POSSIBLE_MINOR, 0.4, False),
        (Role.MINORS, [track(Label.ADULT, 0.1), track(Label.POSSIBLE_MINOR, 0.6)], Label.POSSIBLE_MINOR, 0.6, True),
        (Role.UNIFORMS, [track(Label.CIVILIAN, 0.9)], Label.CAMOUFLAGE, 0.1, False),
        (Role.UNIFORMS, [track(Label.CAMOUFLAGE, 0.8)], Label.SERVICE_DRESS, 0.0, True),
        (Role.UNIFORMS, [track(Label.CLOTHING_UNKNOWN, 0.5)], Label.SERVICE_DRESS, 0.5, False),
        (Role.BOUND_HANDS, [track(Label.HANDS_UNKNOWN, 0.5)], Label.BOUND_HANDS, 0.0, False),
        (Role.GRAPHIC, [Track(Label.WEAPON, (finding(0, Label.WEAPON),))], Label.GRAPHIC, 0.0, False),
    ],
)
def test_an_answer_says_how_sure_the_alarm_is_also_where_it_was_not_raised(
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: Role,
    said: list[Track],
    alarm: Label,
    score: float,
    raised: bool,
) -> None:
    one = judged(picture, monkeypatch, said, role)
    assert isinstance(one, Judged)
    assert one.scores[alarm] == pytest.approx(score)
    assert bool(one.raised) is raised


def test_what_cannot_be_told_is_counted_apart(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = judged(picture, monkeypatch, [track(Label.AGE_UNKNOWN, 0.5)])
    assert isinstance(one, Judged)
    assert one.is_untold
    [row] = whole_rows([one], Role.MINORS)
    assert row.untold.value == 1


def test_a_picture_of_which_people_cannot_tell_is_left_out(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(judged(picture, monkeypatch, [], marks=(Mark("unclear"),)), LeftOut)
    one = judged(picture, monkeypatch, [], marks=(Mark("adult"),))
    assert isinstance(one, Judged)
    assert one.real == frozenset(), "an adult is a picture without a minor"


def test_a_picture_that_is_sealed_is_in_no_figure(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = Sealed("5a" * 32, 0, "possible sexual content, and a minor could not be excluded", PROVENANCE)
    one = judged(picture, monkeypatch, sealed)
    assert isinstance(one, LeftOut)
    assert "sealed" in one.why


def test_a_picture_on_which_a_model_failed_is_in_no_figure(picture: Path) -> None:
    def broken(_: Frame) -> Said:
        raise DetectorError("scripted failed: out of memory")

    [one] = judge_all([LabelledPicture(picture)], MINORS, Role.MINORS, stages(Scripted(broken)))
    assert isinstance(one, LeftOut)
    assert "out of memory" in one.why


def test_a_picture_that_is_none_is_left_out(tmp_path: Path) -> None:
    [one] = judge_all([LabelledPicture(tmp_path / "gone.png")], MINORS, Role.MINORS, stages())
    assert isinstance(one, LeftOut)


@pytest.mark.parametrize(
    ("role", "alarms"),
    [
        (Role.MINORS, {Label.POSSIBLE_MINOR}),
        (Role.BOUND_HANDS, {Label.BOUND_HANDS}),
        (Role.GRAPHIC, {Label.GRAPHIC}),
        (Role.UNIFORMS, {Label.CAMOUFLAGE, Label.SERVICE_DRESS, Label.TACTICAL_GEAR}),
    ],
)
def test_an_alarm_is_what_somebody_should_look_at(role: Role, alarms: set[Label]) -> None:
    assert alarms_of(role) == alarms


def one_of(real: Label | None, score: float, raised: bool) -> Judged:
    scores = {label: score if label is Label.CAMOUFLAGE else 0.0 for label in alarms_of(Role.UNIFORMS)}
    alarms = frozenset({Label.CAMOUFLAGE}) if raised else frozenset[Label]()
    return Judged(Path("a.png"), Condition.DAY, frozenset({real} if real else ()), scores, alarms, is_untold=False)


def test_any_alarm_of_the_role_comes_first_then_each_kind_that_the_data_tells_apart() -> None:
    seen = [
        *(one_of(Label.CAMOUFLAGE, 0.9, raised=True) for _ in range(3)),
        one_of(Label.SERVICE_DRESS, 0.6, raised=True),
        *(one_of(None, 0.2, raised=False) for _ in range(3)),
        one_of(None, 0.7, raised=True),
    ]
    rows = {row.kind: row for row in whole_rows(seen, Role.UNIFORMS)}
    assert list(rows) == ["uniforms", "camouflage", "service_dress"]
    assert (rows["uniforms"].with_it, rows["uniforms"].without) == (4, 4)
    assert rows["uniforms"].recall.value == 1
    assert rows["uniforms"].false_alarms.value == 0.25
    assert rows["uniforms"].auroc.value == pytest.approx(15 / 16)
    assert rows["service_dress"].recall.value == 0, "the alarm was of another kind"
    assert rows["camouflage"].false_alarms.value == pytest.approx(2 / 5)
