"""The second reader: what waits for one, how often two agree, and where they do not. Pure.

Agreement of two people is no measure of truth, and Cohen's kappa says how far it goes beyond what would come about by
chance. Neither says much about a handful of pairs, so under ``FEW`` of them there is no figure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from triage.case.decisions import Act, Decision, standing

FEW = 20
"""Pairs below which no figure of agreement is given. A judgement: with 20 pairs a share is still uncertain by about 20
points either way."""
EVERYTHING = "*"
"""Among the chosen labels: every decision is read twice."""
_JUDGED = frozenset({Act.CONFIRM, Act.DISMISS, Act.CORRECT, Act.ESCALATE})
_SAID = ("label", "minor", "grade")
"""What of a correction must be equal for two to say the same; where in the picture is not asked."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What two people said of the same."""

    first: Decision
    """As it stood when the second one was made."""
    second: Decision
    settled: Decision | None = None
    """A later decision on it: what was made of a disagreement."""

    @property
    def agrees(self) -> bool:
        return word(self.first) == word(self.second)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two people said the same."""

    about: str
    pairs: int
    agreed: int
    share: float | None
    """In [0, 1]; None: too few pairs."""
    kappa: float | None
    """In [-1, 1]; None: too few pairs, or all of them are of one answer, of which kappa cannot be told."""

    @property
    def is_too_few(self) -> bool:
        return self.pairs < FEW


def word(decision: Decision) -> str:
    """What somebody said, without where and why: ``confirm``, or ``correct: grade 2, label blade``."""
    judged = decision.judged
    said = [f"{key} {judged.values[key]}" for key in sorted(_SAID) if key in judged.values]
    return f"{judged.act.value}: {', '.join(said)}" if said else judged.act.value


def waiting(decisions: Sequence[Decision], labels: Collection[str]) -> list[Decision]:
    """Standing decisions that a second reader is to look at, in order.

    Args:
        decisions: all of the case, in order.
        labels: ``TeamRules.second_reader_labels``; a decision about all of a video, ``""``, is meant by ``*`` alone.
    """
    stand = standing(decisions)
    read = {_subject(one) for one in stand if one.judged.is_second}
    return [
        one
        for one in stand
        if not one.judged.is_second
        and one.judged.act in _JUDGED
        and _is_chosen(one, labels)
        and _subject(one) not in read
    ]


def pairs(decisions: Sequence[Decision]) -> list[Pair]:
    """Every second reading that stands, beside what it was a second reading of, in order."""
    found = []
    for second in standing(decisions):
        if not second.judged.is_second or second.judged.act not in _JUDGED:
            continue
        same = [one for one in decisions if _subject(one) == _subject(second) and not one.judged.is_second]
        before = standing([one for one in same if one.number < second.number])
        first = next((one for one in reversed(before) if one.judged.act in _JUDGED), None)
        if first is not None:
            later = [one for one in standing(same) if one.number > second.number and one.judged.act in _JUDGED]
            found.append(Pair(first, second, later[-1] if later else None))
    return found


def disagreements(decisions: Sequence[Decision]) -> list[Pair]:
    """Pairs that do not say the same, and on which nobody has decided since, in order."""
    return [pair for pair in pairs(decisions) if not pair.agrees and pair.settled is None]


def agreement(decisions: Sequence[Decision]) -> list[Agreement]:
    """How often two people agreed, by what it was about, in the order of the alphabet."""
    by_about: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs(decisions):
        by_about[pair.first.judged.about].append(pair)
    return [_agreement(about, by_about[about]) for about in sorted(by_about)]


def kappa(said: Iterable[tuple[str, str]]) -> float | None:
    """Cohen's kappa of what two said; None: it cannot be told, since only one answer was ever given.

    J. Cohen, A coefficient of agreement for nominal scales, 1960.
    """
    both = list(said)
    if not both:
        return None
    firsts, seconds = (Counter(answers) for answers in zip(*both, strict=True))
    observed = sum(first == second for first, second in both) / len(both)
    expected = sum(firsts[answer] * seconds[answer] for answer in firsts) / len(both) ** 2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _agreement(about: str, found: Sequence[Pair]) -> Agreement:
    agreed = sum(pair.agrees for pair in found)
    if len(found) < FEW:
        return Agreement(about, len(found), agreed, None, None)
    said = [(word(pair.first), word(pair.second)) for pair in found]
    return Agreement(about, len(found), agreed, agreed / len(found), kappa(said))


def _is_chosen(decision: Decision, labels: Collection[str]) -> bool:
    judged = decision.judged
    return EVERYTHING in labels or bool({judged.about, str(judged.values.get("label", ""))} & (set(labels) - {""}))


def _subject(decision: Decision) -> tuple[str, str, int | None, int | None]:
    judged = decision.judged
    return judged.video, judged.about, judged.start_ms, judged.end_ms
