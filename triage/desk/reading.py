"""What somebody may know of a case: its decisions without those that they are to read a second time, unbiased."""

from __future__ import annotations

from dataclasses import dataclass

from triage.case.decisions import Decision
from triage.case.second import waiting
from triage.desk.overview import Decided, State, states_of


@dataclass(frozen=True, slots=True)
class Known:
    """The decisions of a case, as one person may know them."""

    decisions: tuple[Decision, ...]
    """All, in order; who shows one asks first whether it is hidden."""
    hidden: frozenset[int]
    """Numbers of those that this person has not been shown, and that wait for a second reader."""
    waiting: tuple[Decision, ...]
    """All that wait for a second reader, also those that this person made."""

    def of(self, video: str) -> list[Decision]:
        """All about one video, in order."""
        return [one for one in self.decisions if one.judged.video == video]

    def open(self, video: str | None = None) -> list[Decision]:
        """Those that may be shown, of one video or of all."""
        return [
            one
            for one in self.decisions
            if one.number not in self.hidden and (video is None or one.judged.video == video)
        ]

    def states(self) -> dict[str, State]:
        """Content -> how far people are with it, as far as this person may know."""
        return states_of(self.decisions, self.hidden)


def known_to(decided: Decided, author: str) -> Known:
    """What this person may know."""
    decisions = decided.decisions
    wait = tuple(waiting(decisions, decided.second_reader_labels))
    hidden = {one.number for one in wait if one.judged.author != author}
    before = {one.number: one.judged.supersedes for one in decisions}
    for number in list(hidden):  # what it superseded would tell as much
        past = before.get(number)
        while past is not None and past not in hidden:
            hidden.add(past)
            past = before.get(past)
    return Known(decisions, frozenset(hidden), wait)
