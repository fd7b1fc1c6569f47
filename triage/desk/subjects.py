"""What of a video can be decided about: all of it, and each stretch in which something was seen. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.case.decisions import Act, Decision, standing
from triage.case.rows import Row
from triage.case.spreading import Spread
from triage.geometry import Span, union
from triage.names import shown
from triage.phrases import LABEL_WORDS, roughly
from triage.records import Label
from triage.report.card import JOIN_MS, NEUTRAL
from triage.report.heat import KIND_OF, Kind

MOST_OF_A_LABEL = 40
"""Stretches of one label that are listed one by one; of more, the others are within one that spans them."""

Key = tuple[str, int | None, int | None]
"""About what, from and until."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that somebody can decide about."""

    key: Key
    words: str
    """What it is, without when."""
    when: str
    """Empty for the whole video."""
    grade: int
    """The worst graphic grade found in it; 0: none was."""
    seen: int | None
    """Number of the newest decision on it that is shown; a decision made now has to name it."""
    stands: Decision | None
    """What is decided; None: nothing, or it is not to be known yet."""
    second: Decision | None
    """What a second reader said."""
    waits_for_you: bool
    """Somebody has decided it, and whoever looks is to read it without knowing what they said."""
    from_copies: tuple[Spread, ...]

    @property
    def about(self) -> str:
        return self.key[0]

    @property
    def start_ms(self) -> int | None:
        return self.key[1]

    @property
    def end_ms(self) -> int | None:
        return self.key[2]

    @property
    def anchor(self) -> str:
        """What it is called within its page."""
        start, end = self.key[1:]
        return "whole" if start is None and not self.about else f"{self.about or 'all'}-{start}-{end}"


def subjects_of(
    row: Row, decisions: Sequence[Decision], hidden: Collection[int], spread: Iterable[Spread], author: str
) -> list[Subject]:
    """Everything of a video that can be decided about, the whole first, then what is to be looked at first.

    Args:
        decisions: all about this video, in order.
        hidden: numbers of those that ``author`` is not to know of yet, since they wait for a second reader.
        spread: decisions about others that hold for stretches of it.
    """
    stretches = _stretches(row)
    known: dict[Key, tuple[str, int]] = {("", None, None): ("the whole video", 0)}
    for label, span, grade in stretches:
        known[label.value, span[0], span[1]] = (LABEL_WORDS[label], grade)
    for one in standing(decisions):  # also what was decided about stretches that somebody chose, or an earlier scan saw
        key = key_of(one)
        if one.judged.act is not Act.NOTE and one.number not in hidden:
            known.setdefault(key, (words_of(one.judged.about), 0))
    there = list(spread)
    return [_subject(key, words, grade, decisions, hidden, there, author) for key, (words, grade) in known.items()]


def key_of(decision: Decision) -> Key:
    """What a decision is about, within its video."""
    return decision.judged.about, decision.judged.start_ms, decision.judged.end_ms


def words_of(about: str) -> str:
    """What a decision is about, in words."""
    if not about:
        return "all that is seen there"
    return LABEL_WORDS[Label(about)] if about in list(Label) else shown(about)


def grade_within(row: Row, start_ms: int, end_ms: int) -> int:
    """The worst graphic grade found in a stretch, 0 to 3; what is near it counts too, since looks are steps apart."""
    step_ms = int(row["coverage"]["step_ms"] or 0)
    return max(
        (
            int(finding.get("grade") or 0)
            for track in row["tracks"]
            for finding in track["findings"]
            if start_ms - step_ms <= finding["time_ms"] < end_ms + step_ms
        ),
        default=0,
    )


def _stretches(row: Row) -> list[tuple[Label, Span, int]]:
    order = list(Kind)
    by_label: dict[Label, list[Mapping[str, Any]]] = {}
    for track in row["tracks"]:
        label = Label(track["label"])
        if label in KIND_OF and label not in NEUTRAL:
            by_label.setdefault(label, []).append(track)
    found = []
    for label in sorted(by_label, key=lambda label: (order.index(KIND_OF[label]), label.value)):
        spans = [
            (track["start_ms"], max(track["end_ms"], track["start_ms"] + 1) + JOIN_MS) for track in by_label[label]
        ]
        joined = [(start, end - JOIN_MS) for start, end in union(spans)]
        if len(joined) > MOST_OF_A_LABEL:
            joined = [*joined[: MOST_OF_A_LABEL - 1], (joined[MOST_OF_A_LABEL - 1][0], joined[-1][1])]
        found += [(label, span, grade_within(row, *span) if label is Label.GRAPHIC else 0) for span in joined]
    return found


def _subject(
    key: Key,
    words: str,
    grade: int,
    decisions: Sequence[Decision],
    hidden: Collection[int],
    spread: Sequence[Spread],
    author: str,
) -> Subject:
    same = [one for one in decisions if key_of(one) == key and one.judged.act is not Act.NOTE]
    is_hidden = any(one.number in hidden for one in same)
    firsts = [one for one in same if not one.judged.is_second]
    stands = next(iter(reversed(standing(firsts))), None)
    seconds = [one for one in same if one.judged.is_second]
    second = next(iter(reversed(standing(seconds))), None)
    about, start, end = key
    return Subject(
        key=key,
        words=words,
        when="" if start is None or end is None else roughly(start, end),
        grade=grade,
        seen=_newest(seconds if is_hidden else firsts),
        stands=None if is_hidden else stands,
        second=None if is_hidden and (second is None or second.judged.author != author) else second,
        waits_for_you=is_hidden,
        from_copies=tuple(one for one in spread if _holds(one, about, start, end)),
    )


def _newest(same: Sequence[Decision]) -> int | None:
    return same[-1].number if same else None


def _holds(one: Spread, about: str, start: int | None, end: int | None) -> bool:
    """Whether what was decided of a copy is to be shown at a subject."""
    if start is None or end is None:
        return one.decision.judged.about == ""
    return one.decision.judged.about in {about, ""} and one.start_ms < end and start < one.end_ms
