"""The second reader."""

from __future__ import annotations

import math
from typing import Any

import pytest

from triage.case.decisions import Act, Decision, Judged, Rung
from triage.case.second import FEW, agreement, disagreements, kappa, pairs, waiting, word

VIDEO = "a" * 64


def decision(number: int, act: Act = Act.CONFIRM, **others: Any) -> Decision:
    fields = {"author": "amal", "video": VIDEO, "act": act, "rung": Rung.STRIP, "about": "weapon"}
    return Decision(number, "2026-11-23T13:05:00Z", Judged(**{**fields, **others}))


def second(number: int, act: Act = Act.CONFIRM, **others: Any) -> Decision:
    return decision(number, act, author="omar", is_second=True, **others)


def test_what_was_decided_on_a_chosen_label_waits_until_somebody_read_it_again() -> None:
    made = [decision(1), decision(2, about="person"), decision(3, start_ms=0, end_ms=900)]
    assert [one.number for one in waiting(made, ["weapon"])] == [1, 3]
    assert [one.number for one in waiting([*made, second(4)], ["weapon"])] == [3]
    assert [one.number for one in waiting(made, ["*"])] == [1, 2, 3]
    assert waiting(made, []) == []


def test_a_correction_to_a_chosen_label_waits_too() -> None:
    made = decision(1, Act.CORRECT, about="person", values={"label": "weapon"})
    assert waiting([made], ["weapon"]) == [made]


def test_what_is_about_all_of_a_video_waits_only_where_everything_is_read_twice() -> None:
    made = decision(1, about="")
    assert waiting([made], ["weapon", ""]) == []
    assert waiting([made], ["*"]) == [made]


def test_notes_and_what_does_not_stand_any_more_wait_for_nobody() -> None:
    made = [decision(1), decision(2, Act.DISMISS, supersedes=1), decision(3, Act.NOTE)]
    assert [one.number for one in waiting(made, ["weapon"])] == [2]
    assert waiting([*made, decision(4, Act.UNDO, supersedes=2), decision(5, Act.UNDO, supersedes=1)], ["weapon"]) == []


def test_a_second_reading_that_was_undone_has_to_be_made_again() -> None:
    made = [decision(1), second(2), second(3, Act.UNDO, supersedes=2)]
    assert [one.number for one in waiting(made, ["weapon"])] == [1]
    assert pairs(made) == []


def test_where_two_do_not_say_the_same_it_waits_to_be_settled() -> None:
    made = [decision(1), second(2, Act.DISMISS), decision(3, start_ms=0, end_ms=9), second(4, start_ms=0, end_ms=9)]
    [pair] = disagreements(made)
    assert (pair.first.number, pair.second.number) == (1, 2)
    settled = [*made, decision(5, Act.DISMISS, author="lina", supersedes=1)]
    assert disagreements(settled) == []


def test_settling_a_disagreement_does_not_make_two_readers_agree() -> None:
    made = [decision(1), second(2, Act.DISMISS), decision(3, Act.DISMISS, author="lina", supersedes=1)]
    [pair] = pairs(made)
    assert not pair.agrees
    assert pair.settled is not None
    assert pair.settled.number == 3


@pytest.mark.parametrize(
    ("values", "agrees"),
    [
        ({"grade": 2, "time_ms": 99, "box_xyxy": [1, 2, 3, 4]}, True),
        ({"grade": 3, "time_ms": 5}, False),
        ({"grade": 2, "label": "blade"}, False),
    ],
)
def test_two_corrections_agree_in_what_it_is_and_not_in_where(values: dict[str, Any], agrees: bool) -> None:
    made = [decision(1, Act.CORRECT, values={"grade": 2, "time_ms": 5}), second(2, Act.CORRECT, values=values)]
    assert pairs(made)[0].agrees == agrees


def test_a_word_says_what_was_said() -> None:
    assert word(decision(1)) == "confirm"
    assert word(decision(1, Act.CORRECT, values={"label": "blade", "grade": 2})) == "correct: grade 2, label blade"


def test_kappa_is_that_of_a_table_worked_out_by_hand() -> None:
    # 50 pairs: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no. Observed 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    table = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    said = [pair for pair, many in table.items() for _ in range(many)]
    found = kappa(said)
    assert found is not None
    assert math.isclose(found, 0.4)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([("a", "a"), ("b", "b")], 1.0),
        ([("a", "b"), ("b", "a")], -1.0),
        ([("a", "a")] * 30, None),
        ([], None),
    ],
)
def test_kappa_at_its_ends(said: list[tuple[str, str]], wanted: float | None) -> None:
    assert kappa(said) == wanted


def read_twice(many: int, agreed: int) -> list[Decision]:
    made = []
    for number in range(many):
        span = {"start_ms": number, "end_ms": number + 1}
        first = Act.CONFIRM if number % 2 else Act.DISMISS
        other = Act.DISMISS if first is Act.CONFIRM else Act.CONFIRM
        made.append(decision(2 * number + 1, first, **span))
        made.append(second(2 * number + 2, first if number < agreed else other, **span))
    return made


def test_too_few_pairs_have_no_figure() -> None:
    [few] = agreement(read_twice(FEW - 1, 10))
    assert (few.is_too_few, few.share, few.kappa) == (True, None, None)
    assert (few.pairs, few.agreed) == (FEW - 1, 10)


def test_agreement_is_told_for_each_label_by_itself() -> None:
    other = [decision(999, about="minor"), second(1000, about="minor")]
    minor, weapon = agreement([*read_twice(FEW, 15), *other])
    assert (minor.about, minor.pairs, minor.is_too_few) == ("minor", 1, True)
    assert (weapon.about, weapon.pairs, weapon.agreed, weapon.share) == ("weapon", FEW, 15, 0.75)
    assert weapon.kappa is not None
    assert 0 < weapon.kappa < 0.75
