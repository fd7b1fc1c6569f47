"""What a team shares: second readings and agreement, exposure and budget, breaks, handover notes, rules."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from triage.case.decisions import Decision
from triage.case.exposure import RUNG_WEIGHTS, TeamRules
from triage.case.second import FEW, Pair, agreement, disagreements, pairs, word
from triage.desk.asking import Asked, back_to, shown
from triage.desk.overview import Overview
from triage.desk.reading import known_to
from triage.desk.refusal import DeskError
from triage.desk.showing import CHOICE, pause_words
from triage.desk.subjects import words_of
from triage.phrases import roughly

MOST_LISTED = 200
NEWEST = 10
"""Handover notes that are shown at once."""
LARGEST_BUDGET = 86_400


@dataclass(frozen=True, slots=True)
class Twice:
    """Something that is read by two, as one line."""

    decision: Decision
    name: str
    about: str
    when: str
    first: str = ""
    second: str = ""
    second_author: str = ""


def second_page(asked: Asked) -> Response:
    """What waits for a second reader, where two disagree, and how often they agree."""
    overview = asked.desk.overviews.newest()
    known = known_to(asked.desk.overviews.decided(), asked.author)
    for_you = [one for one in known.waiting if one.number in known.hidden]
    apart = disagreements(known.decisions)
    values = {
        "for_you": [_twice(one, overview) for one in for_you[:MOST_LISTED]],
        "for_others": len(known.waiting) - len(for_you),
        "apart": [_pair(pair, overview) for pair in apart[:MOST_LISTED]],
        "agreement": agreement(known.decisions),
        "pairs": len(pairs(known.decisions)),
        "few": FEW,
        "words_of": words_of,
        "labels": asked.desk.overviews.decided().second_reader_labels,
    }
    return shown(asked, "second.html", values)


def exposure_page(asked: Asked) -> Response:
    """One's own figures, then what the team agreed on, then handover notes."""
    with asked.desk.reading() as case:
        rules, day = case.exposure.rules(), case.exposure.today(asked.author)
        values = {
            "rules": rules,
            "day": day,
            "weights": RUNG_WEIGHTS,
            "share": min(1.0, day.weight / rules.budget),
            "pause": pause_words(rules, day),
            "notes": list(reversed(case.exposure.handovers()))[:NEWEST],
        }
    return shown(asked, "exposure.html", values)


def hand_over(asked: Asked) -> Response:
    """Leave a note for whoever goes on."""
    with asked.desk.writing() as case:
        case.exposure.handover(asked.author, asked.form.get("words", "")[:20_000])
    return back_to("/exposure#handover", asked, "Your note is kept, for whoever goes on.")


def rules_page(asked: Asked) -> Response:
    """What the team agreed on, and every time that it was changed."""
    with asked.desk.reading() as case:
        values = {
            "rules": case.exposure.rules(),
            "past": list(reversed(case.exposure.past_rules())),
            "labels": CHOICE,
            "words_of": words_of,
        }
    return shown(asked, "rules.html", values)


def set_rules(asked: Asked) -> Response:
    """Change it, on record."""
    form = asked.form
    chosen = [label.value for label in CHOICE if form.get(f"twice-{label.value}")]
    if form.get("twice-all"):
        chosen = ["*"]
    rules = TeamRules(
        budget=_figure(form.get("budget", ""), "The budget", LARGEST_BUDGET),
        break_every_min=int(_figure(form.get("break_every_min", ""), "The time between breaks", 24 * 60)),
        is_on=bool(form.get("is_on")),
        second_reader_labels=tuple(chosen),
    )
    with asked.desk.writing() as case:
        case.exposure.set_rules(rules, asked.author, form.get("why", "")[:4000])
    return back_to("/rules", asked, "The rules are changed, and the change is on record.")


def choose(asked: Asked) -> Response:
    """Whether single keys do something, for this session."""
    asked.session.has_keys = asked.form.get("keys") == "on"
    words = "Single keys work again." if asked.session.has_keys else "Single keys do nothing now."
    return back_to("/keys", asked, words)


def keys_page(asked: Asked) -> Response:
    """Which keys do what."""
    return shown(asked, "keys.html", {})


def making_page(asked: Asked) -> Response:
    """What is being made."""
    overview = asked.desk.overviews.newest()
    jobs = [(job, overview.name_of(job.video)) for job in asked.desk.maker.under_way()]
    return shown(asked, "making.html", {"jobs": jobs})


def _twice(decision: Decision, overview: Overview) -> Twice:
    judged = decision.judged
    start, end = judged.start_ms, judged.end_ms
    when = "" if start is None or end is None else roughly(start, end)
    return Twice(decision, overview.name_of(judged.video), words_of(judged.about), when)


def _pair(pair: Pair, overview: Overview) -> Twice:
    one = _twice(pair.first, overview)
    return Twice(
        *(one.decision, one.name, one.about, one.when),
        first=word(pair.first),
        second=word(pair.second),
        second_author=pair.second.judged.author,
    )


def _figure(text: str, what: str, most: float) -> float:
    try:
        figure = float(text)
    except ValueError:
        figure = 0.0
    if not 1 <= figure <= most:
        raise DeskError(400, f"{what} is a number from 1 to {most:.0f}.")
    return figure
