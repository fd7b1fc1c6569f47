from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from triage.errors import UsageError
from triage.evaluation.calibrating import calibrate
from triage.evaluation.figures import COMPRESSED, Row, alarms, kinds, rows
from triage.evaluation.looking import Corners, Looked
from triage.findings.calibration import ANY, LEAST_THINGS
from triage.findings.conditions import Condition
from triage.geometry import Box
from triage.records import Finding, Label, Role

ID = "5a" * 32
HERE, THERE = (0.0, 0.0, 50.0, 50.0), (200.0, 200.0, 250.0, 250.0)
WEAPONS = kinds(Role.WEAPONS, [Label.WEAPON], [Label.WEAPON])[0]


def found(label: Label, score: float, where: Corners = HERE) -> Finding:
    return Finding(ID, 0, label, score, Box(*where), "scripted@12345678")


def looked(
    *findings: Finding, real: Sequence[tuple[Label, Corners]] = (), condition: Condition = Condition.DAY
) -> Looked:
    return Looked(Path("a.png"), condition, tuple(real), (), findings)


ARMED = [(Label.WEAPON, HERE)]


def row_on(table: Sequence[Row], on: str) -> Row:
    [row] = [row for row in table if on in row.on]
    return row


def test_precision_and_recall_are_of_what_a_scan_would_find_and_ap_of_all() -> None:
    seen = [
        looked(found(Label.WEAPON, 0.9), real=ARMED),
        looked(found(Label.WEAPON, 0.2), real=ARMED),
        looked(found(Label.WEAPON, 0.1, THERE), found(Label.WEAPON, 0.6, THERE), real=ARMED),
    ]
    row = row_on(rows(WEAPONS, seen, [], {"weapon": 0.3}), "all")
    assert (row.pictures, row.labelled) == (3, 3)
    assert row.precision.value == pytest.approx(1 / 2)
    assert row.recall.value == pytest.approx(1 / 3)
    assert row.ap50.value > 0.5, "the one of score 0.2 counts for the curve"


def test_each_picture_is_held_to_the_threshold_of_its_condition() -> None:
    seen = [
        looked(found(Label.WEAPON, 0.4), real=ARMED),
        looked(found(Label.WEAPON, 0.4), real=ARMED, condition=Condition.NIGHT),
    ]
    table = rows(WEAPONS, seen, [], {"weapon": 0.5, "weapon night": 0.3})
    assert row_on(table, "by day").recall.value == 0
    assert row_on(table, "dark").recall.value == 1
    assert row_on(table, "all").recall.value == 0.5


def test_a_line_without_a_labelled_thing_is_left_out_but_for_the_first() -> None:
    assert [row.on for row in rows(WEAPONS, [looked()], [looked()], {"weapon": 0.5})] == ["all"]
    on = [row.on for row in rows(WEAPONS, [looked(real=ARMED)], [looked(real=ARMED)], {"weapon": 0.5})]
    assert on == ["all", "middle-sized things", "pictures by day", COMPRESSED]


def test_one_thing_that_two_labels_of_a_role_claim_is_counted_once() -> None:
    both = looked(found(Label.WEAPON, 0.9), found(Label.HANDGUN, 0.8), real=ARMED)
    row = row_on(rows(WEAPONS, [both], [], {"weapon": 0.5, "handgun": 0.5}), "all")
    assert (row.precision.value, row.recall.value) == (1, 1)


def test_two_boxes_of_one_label_are_two_answers() -> None:
    twice = looked(found(Label.WEAPON, 0.9), found(Label.WEAPON, 0.8), real=ARMED)
    assert row_on(rows(WEAPONS, [twice], [], {"weapon": 0.5}), "all").precision.value == 0.5


@pytest.mark.parametrize(
    ("role", "real", "answers", "titles"),
    [
        (Role.PEOPLE, [Label.PERSON], [Label.PERSON], ["person"]),
        (Role.WEAPONS, [Label.WEAPON], [Label.WEAPON], ["weapons"]),
        (Role.WEAPONS, [Label.WEAPON], [Label.HANDGUN, Label.BLADE], ["weapons"]),
        (Role.WEAPONS, [Label.HANDGUN, Label.BLADE], [Label.WEAPON, Label.BLADE], ["weapons", "blade"]),
    ],
)
def test_a_kind_is_counted_where_both_the_data_and_the_model_know_it(
    role: Role, real: list[Label], answers: list[Label], titles: list[str]
) -> None:
    assert [kind.title for kind in kinds(role, real, answers)] == titles


def test_a_finer_label_of_the_data_is_a_weapon_to_a_model_that_tells_no_more() -> None:
    pistol = looked(found(Label.WEAPON, 0.9), real=[(Label.HANDGUN, HERE)])
    kind = kinds(Role.WEAPONS, [Label.HANDGUN], [Label.WEAPON])[0]
    assert row_on(rows(kind, [pistol], [], {"weapon": 0.5}), "all").recall.value == 1


def test_an_alarm_is_what_a_scan_would_find_in_a_picture_without_the_thing() -> None:
    seen = [
        looked(found(Label.WEAPON, 0.9)),
        looked(found(Label.WEAPON, 0.4)),
        looked(found(Label.WEAPON, 0.4), condition=Condition.NIGHT),
        looked(found(Label.WEAPON, 0.9, THERE), real=ARMED),
    ]
    told = {alarm.on: alarm for alarm in alarms(WEAPONS, seen, [], {"weapon": 0.5, "weapon night": 0.3})}
    assert (told["all"].pictures, told["all"].raised) == (3, 2)
    assert (told["dark pictures"].pictures, told["dark pictures"].raised) == (1, 1)


def many(pictures: int, condition: Condition, shift: float = 0.0, label: Label = Label.WEAPON) -> list[Looked]:
    """Pictures with a weapon each, seen with a score around 0.7 + shift, and noise elsewhere around 0.3 + shift."""
    generator = np.random.default_rng(pictures)
    seen = []
    for _ in range(pictures):
        right, wrong = 0.7 + shift + 0.2 * (generator.random(2) - 0.5) - (0, 0.4)
        seen.append(looked(found(label, right), found(label, wrong, THERE), real=ARMED, condition=condition))
    return seen


class TestCalibrating:
    def test_a_condition_gets_a_threshold_of_its_own(self) -> None:
        seen = many(60, Condition.DAY) + many(50, Condition.NIGHT, shift=-0.2)
        known = calibrate(seen, Role.WEAPONS, [Label.WEAPON])[Label.WEAPON]
        assert set(known) == {ANY, "night"}
        assert 0.2 < known["night"].threshold < 0.41
        assert known["night"].platt is not None
        assert known["night"].probability(0.5) - known["night"].probability(0.1) > 0.6
        assert (known[ANY].n, known[ANY].pictures) == (110, 110)

    def test_a_condition_with_too_few_things_has_none(self) -> None:
        seen = many(60, Condition.DAY) + many(LEAST_THINGS - 1, Condition.GREY)
        assert set(calibrate(seen, Role.WEAPONS, [Label.WEAPON])[Label.WEAPON]) == {ANY}

    def test_the_threshold_finds_the_share_that_was_asked_for(self) -> None:
        seen = many(100, Condition.DAY)
        threshold = calibrate(seen, Role.WEAPONS, [Label.WEAPON], recall=0.9)[Label.WEAPON][ANY].threshold
        assert np.mean([one.found[0].score >= threshold for one in seen]) == pytest.approx(0.9, abs=0.011)
        row = row_on(rows(WEAPONS, seen, [], {"weapon": threshold}), "all")
        assert row.recall.value >= 0.9

    def test_where_the_thing_is_rarer_a_score_means_less_and_the_threshold_stays(self) -> None:
        empty = [looked(found(Label.WEAPON, 0.6, THERE)) for _ in range(40)]
        seen = many(80, Condition.DAY) + empty
        here = calibrate(seen, Role.WEAPONS, [Label.WEAPON])[Label.WEAPON][ANY]
        rarer = calibrate(seen, Role.WEAPONS, [Label.WEAPON], prevalence=0.1)[Label.WEAPON][ANY]
        assert rarer.threshold == here.threshold
        assert rarer.probability(0.6) < here.probability(0.6) - 0.1

    def test_a_condition_without_empty_pictures_takes_what_a_score_means_from_all(self) -> None:
        seen = many(60, Condition.DAY) + [looked()] * 40 + many(50, Condition.GREY)
        known = calibrate(seen, Role.WEAPONS, [Label.WEAPON])[Label.WEAPON]
        assert known["grey"].platt == known[ANY].platt

    def test_a_recall_that_no_score_reaches_is_said(self) -> None:
        seen = [*many(60, Condition.DAY), *[looked(real=ARMED)] * 20]
        with pytest.raises(
            UsageError, match=r"no score of weapon reaches a recall of 0.9: 60 of 80 labelled were found"
        ):
            calibrate(seen, Role.WEAPONS, [Label.WEAPON], recall=0.9)

    def test_too_few_labelled_things_are_said(self) -> None:
        with pytest.raises(UsageError, match=r"too little is labelled \(5 weapon\), at least 30"):
            calibrate(many(5, Condition.DAY), Role.WEAPONS, [Label.WEAPON])

    def test_a_label_that_is_scarce_is_left_out_and_the_others_are_not(self) -> None:
        known = calibrate(many(60, Condition.DAY), Role.WEAPONS, [Label.BLADE, Label.WEAPON])
        assert set(known) == {Label.WEAPON}
