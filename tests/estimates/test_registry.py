from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.estimates.test_subjects import BODY, track
from triage.estimates import registry
from triage.estimates.registry import ESTIMATORS, estimate
from triage.estimates.subjects import Subject
from triage.records import ROLE_LABELS, ROLE_NEEDS, Label, Role, Track
from triage.settings import Estimating


def unknown_age(subject: Subject, company: Sequence[Subject], settings: Estimating) -> tuple[Track, ...]:
    return (subject.cannot_tell(Label.AGE_UNKNOWN, [f"one of {len(company)}"]),)


@pytest.fixture(autouse=True)
def _one_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ESTIMATORS", {Role.MINORS: unknown_age})


def test_everybody_is_judged_for_the_roles_that_somebody_looked_for() -> None:
    people = [track(Label.PERSON, BODY, 400), track(Label.PERSON, BODY, 0)]
    said = estimate(people, [], [Role.PEOPLE, Role.MINORS], Estimating())
    assert [(answer.start_ms, answer.label) for answer in said] == [(0, Label.AGE_UNKNOWN), (400, Label.AGE_UNKNOWN)]
    assert {answer.estimate.clues for answer in said if answer.estimate} == {("one of 2",)}


def test_nothing_is_said_for_a_role_that_nobody_looked_for() -> None:
    assert estimate([track(Label.PERSON, BODY, 0)], [], [Role.PEOPLE], Estimating()) == ()


@pytest.mark.parametrize("role", ESTIMATORS)
def test_a_role_that_is_judged_over_time_needs_people(role: Role) -> None:
    assert Role.PEOPLE in ROLE_NEEDS[role]


@pytest.mark.parametrize("role", ESTIMATORS)
@pytest.mark.parametrize("label", [Label.PERSON, Label.FACE])
def test_somebody_on_whom_nothing_was_read_is_never_judged(role: Role, label: Label) -> None:
    alone = Subject(track(label, BODY, 0, 400))
    for answer in ESTIMATORS[role](alone, [alone], Estimating()):
        assert answer.label in ROLE_LABELS[role]
        assert answer.label.value.endswith("_unknown")
