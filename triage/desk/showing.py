"""The page of one video: strip, card, what was not looked at, the evidence ladder, and what can be decided."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from triage.case.audit import now_utc
from triage.case.copies import WITHIN
from triage.case.decisions import Decision, Rung
from triage.case.exposure import Day, Exposure, TeamRules
from triage.case.rows import Row, is_failure
from triage.case.spreading import Spread, spread
from triage.case.store import Case
from triage.desk.asking import Asked, shown
from triage.desk.ladder import Ladder, ladder_of
from triage.desk.overview import Overview, State
from triage.desk.reading import Known, known_to
from triage.desk.refusal import DeskError
from triage.desk.subjects import Subject, subjects_of
from triage.desk.views import View
from triage.records import Label
from triage.report.card import Card, card_of, sealed_item
from triage.report.decided import decided_lines
from triage.report.heat import heat_of
from triage.report.models import blind_spots_of_all
from triage.report.strip import PATTERNS, large_strip
from triage.report.svg import Html

CHOICE = tuple(label for label in Label if label is not Label.FACE)
"""What a correction may say that it is."""
MOST_NEAR = 500
"""Copies of copies that are asked for decisions; more than that show a title card and not each other."""
_DIGITS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed and could not be kept, to be shown again."""

    anchor: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """One video, as whoever asks may know it."""

    row: Row
    overview: Overview
    known: Known
    seen: tuple[Exposure, ...]
    """What they saw of it."""
    ladder: Ladder
    spread: tuple[Spread, ...]
    """What was decided of others and holds here too."""
    rules: TeamRules
    day: Day

    @property
    def video(self) -> str:
        return str(self.row["video"]["id"])

    @property
    def length_ms(self) -> int:
        return int(self.row["coverage"]["reached_ms"] or 0)

    def subjects(self, author: str) -> list[Subject]:
        """What can be decided about."""
        return subjects_of(self.row, self.known.of(self.video), self.known.hidden, self.spread, author)


def video_named(asked: Asked) -> str:
    """The content that stands in the address.

    Raises:
        DeskError: there is none of that name.
    """
    video = asked.path["video"]
    if not _DIGITS.fullmatch(video):
        raise DeskError(404, "There is no such video.")
    return video


def open_video(asked: Asked, case: Case, video: str) -> Opened:
    """All that a page of a video needs.

    Raises:
        DeskError: it was never examined, or is sealed.
    """
    row = case.row(video)
    if row is None:
        raise DeskError(404, "This video is not in the case, or is still to be scanned.")
    if case.is_sealed(video):
        raise DeskError(403, "It is sealed: nobody is to look at it, and nothing of it is shown.")
    desk, author = asked.desk, asked.author
    overview, known = desk.overviews.newest(), known_to(desk.overviews.decided(), author)
    if video not in overview.rank:  # it was examined a moment ago
        overview = overview.with_last(video)
    seen = tuple(case.exposure.of(author, video=video))
    return Opened(
        row=row,
        overview=overview,
        known=known,
        seen=seen,
        ladder=ladder_of(case, row, seen, desk.maker, asked.session.role),
        spread=_spread(case, known, video),
        rules=case.exposure.rules(),
        day=case.exposure.today(author),
    )


def video_page(asked: Asked) -> Response:
    """The page, with every picture covered."""
    with asked.desk.reading() as case:
        video = video_named(asked)
        row = case.row(video)
        if row is not None and case.is_sealed(video):
            return shown(asked, "sealed.html", {"item": sealed_item(row)})
        return video_answer(asked, open_video(asked, case, video), None, Typed())


def video_answer(asked: Asked, opened: Opened, view: View | None, typed: Typed, status: int = 200) -> Response:
    """The page of a video.

    Args:
        view: what of it is uncovered.
        typed: what could not be kept.
    """
    row, overview, author = opened.row, opened.overview, asked.author
    subjects = opened.subjects(author)
    after = overview.after(opened.video, opened.known.states())
    values = {
        "card": _card(opened),
        "strip": None if is_failure(row) else large_strip(heat_of(row, overview.rank), "heat"),
        "patterns": Html(PATTERNS),
        "video": opened.video,
        "name": overview.name_of(opened.video),
        "row": row,
        "length_ms": opened.length_ms,
        "state": opened.known.states().get(opened.video, State.OPEN),
        "ladder": opened.ladder,
        "rungs": Rung,
        "subjects": subjects,
        "history": history(opened),
        "unshown": sum(one.number in opened.known.hidden for one in opened.known.of(opened.video)),
        "own_last": _own_last(opened, author),
        "labels": CHOICE,
        "after": after,
        "view": view,
        "covers_in": round(asked.desk.views.left_s(view)) if view else 0,
        "evidence": sorted({one.start_ms for one in subjects if one.start_ms is not None}),
        "typed": typed,
        "is_playable": view is None or view.rung is not Rung.ORIGINAL or media_type(row) is not None,
        "pause": pause_words(opened.rules, opened.day),
        "at_ms": _at(asked.query.get("at", "")),
    }
    return shown(asked, "video.html", values, status)


def history(opened: Opened) -> list[tuple[Decision, str, bool]]:
    """Every decision that may be shown with its words and whether it stands, the newest first."""
    known = opened.known.open(opened.video)
    void = _void(known)
    return [
        (one, next(iter(decided_lines([one], [], opened.overview.name_of))).words, one.number not in void)
        for one in reversed(known)
    ]


def pause_words(rules: TeamRules, day: Day) -> str:
    """What is said about a break; empty: nothing is."""
    minutes = day.without_break_ms // 60_000
    if not rules.is_on or minutes < rules.break_every_min:
        return ""
    return (
        f"You have been looking at pictures for {minutes} minutes without a break of ten. Your team agreed on one "
        f"every {rules.break_every_min} minutes."
    )


def media_type(row: Row) -> str | None:
    """What an original is served as; None: browsers cannot show it, as a rule."""
    container, codec = str(row["video"]["container"] or ""), str(row["video"]["codec"] or "")
    if row["coverage"]["claimed_ms"] == 0:
        return PICTURES.get(codec)
    for served, containers, codecs in VIDEOS:
        if set(container.split(",")) & containers and codec in codecs:
            return served
    return None


PICTURES = {"png": "image/png", "mjpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp"}
VIDEOS = (
    ("video/mp4", {"mp4", "mov", "m4a"}, {"h264", "av1", "vp9"}),
    ("video/webm", {"webm", "matroska"}, {"vp8", "vp9", "av1"}),
    ("video/ogg", {"ogg"}, {"theora"}),
    ("image/gif", {"gif"}, {"gif"}),
)
"""What browsers play as a rule, by container and codec as FFmpeg calls them. HEVC is not among them: it depends on the
machine."""


def _spread(case: Case, known: Known, video: str) -> tuple[Spread, ...]:
    """What was decided of copies of a video, and of their copies, and holds here too."""
    if not known.decisions:
        return ()
    overlaps, near, edge = [], {video}, [video]
    while edge and len(near) < MOST_NEAR:
        found = [one.overlap for other in edge for one in case.copies.of(other) if one.bank == WITHIN]
        overlaps += found
        edge = list(dict.fromkeys(one.stored for one in found if one.stored not in near))
        near.update(edge)
    there = [one for one in known.open() if one.judged.video in near]
    return tuple(one for one in spread(there, overlaps) if one.video == video)


def _card(opened: Opened) -> Card:
    known = opened.known
    stand = [
        one for one, _, does_stand in history(opened) if does_stand and one.judged.act.value not in {"undo", "note"}
    ]
    return card_of(
        opened.row,
        opened.overview.rank,
        opened.overview.name_of,
        blind=blind_spots_of_all(),
        decisions=sorted((one for one in stand if one.number not in known.hidden), key=lambda one: one.number),
        spread=opened.spread,
    )


def _void(decisions: list[Decision]) -> set[int]:
    void: set[int] = set()
    for one in reversed(decisions):
        if one.number not in void and one.judged.supersedes is not None:
            void.add(one.judged.supersedes)
    return void


def _own_last(opened: Opened, author: str) -> Decision | None:
    """What undoing undoes: the newest of one's own that stands, if it was made today."""
    for one, _, does_stand in history(opened):
        if one.judged.author == author and does_stand and one.at[:10] == now_utc()[:10]:
            return one
    return None


def _at(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
