"""What people decided about a video, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from triage.case.decisions import Act, Decision
from triage.case.spreading import Spread
from triage.geometry import Span
from triage.names import shown
from triage.phrases import LABEL_WORDS, roughly
from triage.records import Label
from triage.report.line import Line

ACTS: Mapping[Act, str] = {
    Act.CONFIRM: "confirmed",
    Act.DISMISS: "dismissed",
    Act.CORRECT: "corrected",
    Act.ESCALATE: "escalated",
    Act.NOTE: "noted",
    Act.UNDO: "undone",
}


def decided_lines(
    decisions: Iterable[Decision], spread: Iterable[Spread], name_of: Callable[[str], str]
) -> Iterator[Line]:
    """Decisions on the video itself, then those on what it is a copy of, which are said to be that."""
    for decision in decisions:
        start, end = decision.judged.start_ms, decision.judged.end_ms
        span = None if start is None or end is None else (start, end)
        yield Line(_words(decision, span), () if span is None else (span,))
    for one in spread:
        span = one.start_ms, one.end_ms
        yield Line(
            f"{_words(one.decision, span)}; from a copy: decided on {name_of(one.decision.judged.video)}", (span,)
        )


def day(at: str) -> str:
    """``3 May 2026`` of ``2026-05-03T13:05:00Z``."""
    moment = datetime.strptime(at[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    return f"{moment.day} {moment:%B %Y}"


def _words(decision: Decision, span: Span | None) -> str:
    """``confirmed on 3 May 2026 by Ana: bound hands, 00:12–00:31 (seen as a drawing; "tied with rope")``."""
    judged = decision.judged
    what = [_about(judged.about)] if judged.about else []
    what += [roughly(*span)] if span is not None else ["the whole video"]
    what += [f"now {_value(name, value)}" for name, value in judged.values.items() if isinstance(value, str | int)]
    second = " as second reader" if judged.is_second else ""
    grounds = [f"seen as {judged.rung.value}", *([f"“{shown(judged.why)}”"] if judged.why else [])]
    who = f"{ACTS[judged.act]} on {day(decision.at)} by {shown(judged.author)}{second}"
    return f"{who}: {', '.join(what)} ({'; '.join(grounds)})"


def _about(about: str) -> str:
    return LABEL_WORDS[Label(about)] if about in list(Label) else shown(about)


def _value(name: str, value: str | int) -> str:
    return _about(str(value)) if name == "label" else f"{shown(name).replace('_', ' ')} {shown(str(value))}"
