"""Climbing a rung, the file that it uncovers, and what somebody says of how much of it they saw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import RedirectResponse, Response, StreamingResponse

from triage.case.audit import AuditKind
from triage.case.decisions import Rung
from triage.case.rows import is_failure
from triage.case.store import Case
from triage.desk.asking import Asked, back_to, shown
from triage.desk.ladder import RUNG_WORDS, first_look, looked_at
from triage.desk.making import is_whole, made
from triage.desk.ranges import part, pieces
from triage.desk.refusal import DeskError
from triage.desk.showing import Opened, Typed, media_type, open_video, video_answer, video_named
from triage.desk.views import View, opened
from triage.errors import VideoError
from triage.original import Stamp, open_original, stamp_now

LONGEST_REASON = 2000
MOST_SEEN_MS = 60_000
"""Of a video that one message may say was seen; a player sends one every few seconds."""
STILL_MS = 60_000


def climb(asked: Asked) -> Response:
    """Uncover one rung of a video, and note it; what is not made yet is made first."""
    video, rung = video_named(asked), _rung(asked.form.get("rung", ""))
    with asked.desk.writing() as case:
        one = open_video(asked, case, video)
        step = one.ladder.step(rung)
        if not step.may_be_asked:
            raise DeskError(409, step.why or "A lower rung comes first: one is climbed at a time.")
        if (stop := _stop(asked, one, rung)) is not None:
            return stop
        if rung is Rung.ORIGINAL:
            return _original(asked, case, one)
        found = made(case, video, rung)
        if found is None:
            asked.desk.maker.ask(video, rung, asked.author)
            return back_to(f"/video/{video}#ladder", asked, "It is being made. This page shows it when it is there.")
        if not is_whole(found):
            asked.desk.maker.ask(video, rung, asked.author)
            words = "This copy is not what was searched before it got its name, so it is not shown. It is made anew."
            return back_to(f"/video/{video}#ladder", asked, words)
        kind = "image/jpeg" if rung is Rung.STRIP else "image/png" if found.path.suffix == ".png" else "video/mp4"
        view = _view(asked, video, rung, found.path, kind, _shift_ms(found.path))
        case.exposure.note(first_look(asked.author, one.row, rung, is_still=view.is_still))
    return RedirectResponse(f"/video/{view.video}/view/{view.ticket}", 303)


def make(asked: Asked) -> Response:
    """Have a rung made, or made once more, without showing it."""
    video, rung = video_named(asked), _rung(asked.form.get("rung", ""))
    if rung in {Rung.WORDS, Rung.ORIGINAL}:
        raise DeskError(400, "That is not made.")
    with asked.desk.reading() as case:
        row = open_video(asked, case, video).row
        if is_failure(row):
            raise DeskError(409, "No picture could be read from it, so there is nothing to make.")
    asked.desk.maker.ask(video, rung, asked.author)
    return back_to(f"/video/{video}#ladder")


def progress(asked: Asked) -> Response:
    """How the making of what is asked for on a video's page goes; nothing of what it shows."""
    video = video_named(asked)
    jobs = [job for rung in Rung if (job := asked.desk.maker.job(video, rung)) is not None]
    said = {job.rung.value: {"stage": job.stage.value, "words": job.words} for job in jobs}
    return Response(json.dumps(said), media_type="application/json")


def view_page(asked: Asked) -> Response:
    """The page of a video with what was uncovered of it."""
    desk = asked.desk
    view = desk.views.turn_to(asked.path["ticket"], asked.session)
    video = video_named(asked)
    if view is None or view.video != video:
        return back_to(f"/video/{video}", asked, "It is covered again. Ask for it anew.")
    with desk.reading() as case:
        return video_answer(asked, open_video(asked, case, video), view, Typed())


def view_file(asked: Asked) -> Response:
    """What is uncovered, or the piece of it that a player asks for."""
    view = asked.desk.views.of(asked.path["ticket"], asked.session)
    with asked.desk.reading() as case:
        if case.is_sealed(view.video):
            raise DeskError(403, "It is sealed: nobody is to look at it, and nothing of it is shown.")
    size, file = opened(view)
    try:
        wanted = part(asked.range, size)
    except DeskError:
        file.close()
        raise
    headers = {"accept-ranges": "bytes", "content-disposition": "inline"}
    if wanted is None:
        headers["content-length"] = str(size)
        return StreamingResponse(pieces(file, 0, size), 200, headers, view.media_type)
    headers |= {"content-range": wanted.content_range, "content-length": str(wanted.end - wanted.start)}
    return StreamingResponse(pieces(file, wanted.start, wanted.end), 206, headers, view.media_type)


def cover(asked: Asked) -> Response:
    """Cover again what was uncovered."""
    view = _own(asked)
    asked.desk.views.cover(asked.path["ticket"], asked.session)
    return back_to(f"/video/{view.video}" if view else "/")


def saw(asked: Asked) -> Response:
    """Note what of a view was played, or how long it was on the screen; also if it was covered a moment ago."""
    view = asked.desk.views.seen_under(asked.path["ticket"], asked.session)
    start, end = (_whole(asked.form.get(name, "")) for name in ("start_ms", "end_ms"))
    with asked.desk.writing() as case:
        row = case.row(view.video)
        assert row is not None, "it was shown"
        shift = 0 if view.is_still else view.shift_ms
        length_ms = STILL_MS if view.is_still else max(1, int(row["coverage"]["reached_ms"] or 0))
        start, end = max(0, start + shift), min(end + shift, length_ms, start + shift + MOST_SEEN_MS)
        if start < end and view.rung is not Rung.STRIP:
            has_sound = view.rung is Rung.ORIGINAL and asked.form.get("sound") == "1"
            case.exposure.note(looked_at(asked.author, row, view.rung, start, end, has_sound=has_sound))
    asked.desk.views.keep(view)
    return Response(str(round(asked.desk.views.left_s(view))), media_type="text/plain")


def _stop(asked: Asked, one: Opened, rung: Rung) -> Response | None:
    """The page that says that a budget is reached, before anything is uncovered; None: it is not, or is known."""
    rules, day = one.rules, one.day
    if not rules.is_on or day.weight < rules.budget or asked.form.get("anyway") == "1":
        return None
    values = {
        "day": day,
        "rules": rules,
        "rung": rung.value,
        "rung_words": RUNG_WORDS[rung],
        "video": one.video,
        "why": asked.form.get("why", ""),
    }
    return shown(asked, "stop.html", values)


def _original(asked: Asked, case: Case, one: Opened) -> Response:
    """Uncover the original: on record, with the reason, before anything of it is sent."""
    why = asked.form.get("why", "").strip()
    if not why:
        typed = Typed("original", asked.form, "The original is shown for a reason, which is kept: give one.")
        return video_answer(asked, one, None, typed, 400)
    if len(why) > LONGEST_REASON:
        raise DeskError(400, f"The reason is longer than {LONGEST_REASON} characters; shorten it.")
    path, stamp = _unchanged(case, one.video)
    kind = media_type(one.row)
    passed = [rung.value for rung in one.ladder.passed_over]
    what = {"video": one.video, "why": why, **({"not_seen_before": passed} if passed else {})}
    case.audit.add(AuditKind.VIEW_ORIGINAL, asked.author, what)
    served = kind or "application/octet-stream"
    view = asked.desk.views.open(asked.session, one.video, Rung.ORIGINAL, path, stamp, served)
    case.exposure.note(first_look(asked.author, one.row, Rung.ORIGINAL, is_still=view.is_still))
    return RedirectResponse(f"/video/{view.video}/view/{view.ticket}", 303)


def _unchanged(case: Case, video: str) -> tuple[Path, Stamp]:
    """Where the original lies, byte for byte as it was scanned.

    Raises:
        DeskError: it is nowhere any more, or has changed.
    """
    whys = []
    for path in case.files(video):
        try:
            stamp = stamp_now(path)
            if case.known(path, stamp) == video or _has_hash(path, video):
                return path, stamp
            whys.append("its bytes have changed since it was scanned")
        except VideoError as error:
            whys.append(str(error))
    why = "; ".join(dict.fromkeys(whys)) or "it is no longer where it was scanned"
    raise DeskError(409, f"The original cannot be shown: {why}. Nothing was changed; scan its folder again.")


def _has_hash(path: Path, video: str) -> bool:
    with open_original(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == video


def _view(asked: Asked, video: str, rung: Rung, path: Path, kind: str, shift_ms: int) -> View:
    try:
        stamp = stamp_now(path)
    except VideoError as error:
        raise DeskError(409, f"It cannot be shown: {error}.") from error
    return asked.desk.views.open(asked.session, video, rung, path, stamp, kind, shift_ms)


def _shift_ms(copy: Path) -> int:
    """What its sidecar says of its times; 0 where there is none."""
    try:
        found: Mapping[str, Mapping[str, int]] = json.loads(copy.with_name(f"{copy.name}.json").read_bytes())
        return int(found["copy"]["shift_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _own(asked: Asked) -> View | None:
    try:
        return asked.desk.views.of(asked.path["ticket"], asked.session)
    except DeskError:
        return None


def _rung(text: str) -> Rung:
    for one in Rung:
        if one.value == text and one is not Rung.WORDS:
            return one
    raise DeskError(400, "There is no such rung.")


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
