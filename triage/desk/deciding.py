"""What somebody decides, and takes back. Whoever comes second is told, and keeps what they typed."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from triage.case.decisions import Act, Judged
from triage.desk.asking import Asked, back_to
from triage.desk.ladder import highest
from triage.desk.refusal import DeskError
from triage.desk.showing import Opened, Typed, open_video, video_answer, video_named
from triage.desk.subjects import Key, Subject
from triage.desk.templating import when
from triage.desk.views import View
from triage.errors import DecisionConflict
from triage.phrases import clock
from triage.records import Label
from triage.report.decided import ACTS

LONGEST_WHY = 4000
MINOR = ("yes", "no", "unknown")
GRADES = ("0", "1", "2", "3")
ASKED_OF = frozenset({Act.CONFIRM, Act.DISMISS, Act.CORRECT, Act.ESCALATE, Act.NOTE})
MISSED = "missed"
"""The form for what nobody found."""


def decide(asked: Asked) -> Response:
    """Keep a decision."""
    video = video_named(asked)
    with asked.desk.writing() as case:
        one = open_video(asked, case, video)
        anchor = asked.form.get("anchor", "whole")
        view = _view(asked)
        try:
            key = _key(asked, one)
            subject = next((subject for subject in one.subjects(asked.author) if subject.key == key), None)
            judged = _judged(asked, one, key, subject)
            kept = case.decisions.add(judged, seen=_seen(asked))
        except DecisionConflict as conflict:
            # What was meanwhile decided has to be read anew.
            again = open_video(asked, case, video)
            return video_answer(asked, again, None, Typed(anchor, asked.form, _told(conflict)), 409)
        except DeskError as error:
            return video_answer(asked, one, None, Typed(anchor, asked.form, str(error)), error.status)
    words = f"Kept: {ACTS[kept.judged.act]}{_when(key)}. {'Undo with u.' if asked.session.has_keys else ''}"
    return _back(asked, video, view, anchor, words.strip())


def undo(asked: Asked) -> Response:
    """Take a decision of one's own back."""
    video = video_named(asked)
    number = asked.form.get("number", "")
    with asked.desk.writing() as case:
        one = open_video(asked, case, video)
        own = next((own for own in one.known.open(video) if str(own.number) == number), None)
        if own is None:
            raise DeskError(404, "There is no such decision about this video.")
        if own.judged.author != asked.author:
            raise DeskError(403, "Undoing is for one's own slips. Decide anew instead: yours will then stand.")
        rung = highest(one.seen, own.judged.start_ms, own.judged.end_ms)
        case.decisions.undo(own.number, asked.author, asked.form.get("why", "")[:LONGEST_WHY], rung)
    return _back(asked, video, _view(asked), asked.form.get("anchor", "whole"), "Undone. It stays in the history.")


def _judged(asked: Asked, one: Opened, key: Key, subject: Subject | None) -> Judged:
    form = asked.form
    act = next((act for act in ASKED_OF if act.value == form.get("act", "")), None)
    if act is None:
        raise DeskError(400, "There is no such decision.")
    why = form.get("why", "").strip()
    if len(why) > LONGEST_WHY:
        raise DeskError(400, f"The reason is longer than {LONGEST_WHY} characters; shorten it.")
    if act is Act.NOTE and not why:
        raise DeskError(400, "A note says something: write it first.")
    about, start_ms, end_ms = key
    return Judged(
        author=asked.author,
        video=one.video,
        act=act,
        rung=highest(one.seen, start_ms, end_ms),
        about=about,
        start_ms=start_ms,
        end_ms=end_ms,
        values=_values(asked) if act is Act.CORRECT else {},
        why=why,
        # Somebody decided it already, and this person does not know what: so they are the second reader.
        is_second=act is not Act.NOTE and subject is not None and subject.waits_for_you,
    )


def _values(asked: Asked) -> dict[str, str | int | list[float]]:
    form = asked.form
    values: dict[str, str | int | list[float]] = {}
    if form.get("label"):
        if form["label"] not in list(Label):
            raise DeskError(400, "There is no such label.")
        values["label"] = form["label"]
    if form.get("minor"):
        if form["minor"] not in MINOR:
            raise DeskError(400, "Whether somebody is a minor is yes, no or unknown.")
        values["minor"] = form["minor"]
    if form.get("grade"):
        if form["grade"] not in GRADES:
            raise DeskError(400, "A grade is 0 to 3.")
        values["grade"] = int(form["grade"])
    if not values:
        raise DeskError(400, "A correction says what it is instead: choose a label, a grade, or whether it is a minor.")
    return values


def _key(asked: Asked, one: Opened) -> Key:
    """About what: one of the subjects of the page, or a stretch that somebody chose."""
    form = asked.form
    about = form.get("about", "")
    if about and about not in list(Label) and about not in {"minor", "grade"}:
        raise DeskError(400, "There is no such label.")
    if form.get("anchor") == MISSED:
        about = form.get("label", "")
        start, end = moment(form.get("from", "")), moment(form.get("until", ""))
        end = max(end, start + 1)
    elif form.get("start_ms") or form.get("end_ms"):
        start, end = (_ms(form.get(name, "")) for name in ("start_ms", "end_ms"))
    else:
        return about, None, None
    if not start < end or start > max(one.length_ms, 1):
        raise DeskError(400, f"That is no stretch of this video, which lasts {clock(one.length_ms)}.")
    return about, start, end


def moment(text: str) -> int:
    """Whole ms of ``1:02:03.5``, ``02:03`` or ``3``.

    Raises:
        DeskError: it is no time.
    """
    parts = text.strip().split(":")
    try:
        if not 1 <= len(parts) <= 3 or len(text) > 20 or not all(part.strip("0123456789.") == "" for part in parts):
            raise ValueError(text)
        seconds = 0.0
        for part in parts:
            seconds = seconds * 60 + float(part)
    except ValueError as error:
        raise DeskError(400, f"{text!r} is no time of the video; write it like 02:13 or 1:02:13.5") from error
    return round(seconds * 1000)


def _ms(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise DeskError(400, "That is no stretch of this video.")
    return int(text)


def _seen(asked: Asked) -> int | None:
    text = asked.form.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _told(conflict: DecisionConflict) -> str:
    return f"{str(conflict).replace(conflict.at, when(conflict.at))}. What you typed is still here."


def _when(key: Key) -> str:
    about, start, end = key
    what = f" {about.replace('_', ' ')}" if about else ""
    return f"{what} {clock(start)} to {clock(end)}" if start is not None and end is not None else what


def _view(asked: Asked) -> View | None:
    """What is uncovered on the page that the form came from."""
    try:
        return asked.desk.views.of(asked.form.get("ticket", ""), asked.session)
    except DeskError:
        return None


def _back(asked: Asked, video: str, view: View | None, anchor: str, sentence: str) -> Response:
    """To the page that the form came from; what was uncovered there stays so."""
    asked.session.said = sentence
    place = "".join(character for character in anchor if character.isalnum() or character in "-_")[:100]
    if view is None or view.video != video:
        return back_to(f"/video/{video}#{place}")
    asked.desk.views.open_again(view)
    at = asked.form.get("at", "")
    question = f"?at={at}" if at.isascii() and at.isdigit() else ""
    return RedirectResponse(f"/video/{video}/view/{view.ticket}{question}#{place}", 303)
