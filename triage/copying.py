"""One video -> a review copy that was written, closed, opened again and searched before it got its name.

It reads the original twice: small copies of all pictures, to follow what is covered, then all pictures, to write them.
They are written in parts, so that a leak costs the writing of its part alone, and a copy that was interrupted goes on
from the parts that are there. What is joined from them is searched as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from triage import __version__
from triage.covering import DEFAULT, OnTime, Pass, Seen, Wish, has_findings, roles_for, see
from triage.durable import no_room, sha256_of, write_whole
from triage.errors import RedactionError
from triage.findings.detector import Detector
from triage.frames.sandbox.pictures import open_pictures
from triage.frames.sandbox.sound import open_sound
from triage.geometry import Box
from triage.masking import masked
from triage.phrases import counted
from triage.records import Cover, Covered, Frame, Report, ReviewCopy, Style
from triage.redaction.check import Adults, Leak, covered_whole, mended, trails
from triage.redaction.mark import has_room
from triage.redaction.merging import Timeline
from triage.redaction.naming import ENDING, PICTURE_ENDING, Names
from triage.redaction.quarantine import Quarantine, may_replace, place_for_copies, quarantine, sidecar_of
from triage.redaction.recognising import Left, left_in
from triage.redaction.shape import Shape
from triage.redaction.sidecar import Facts, found_words, load_sidecar, residual_risk, sidecar
from triage.redaction.sound import Heard, Prepared, Sounding, prepare
from triage.redaction.styling import by_style, covered_ms
from triage.redaction.writer import Picture as AnyPicture
from triage.redaction.writer import Written, in_parts, join_copies, write_copy
from triage.searching import (
    STEP_MS,
    Searched,
    Shown,
    make_sure_it_can_be_searched,
    open_searchers,
    search,
    searched_by,
)

__all__ = [
    "DEFAULT",
    "ENDING",
    "PICTURE_ENDING",
    "Left",
    "Made",
    "Names",
    "Pass",
    "Searchers",
    "Sounding",
    "Wish",
    "copy_video",
    "ending_of",
    "has_findings",
    "is_made",
    "left_in",
    "open_searchers",
    "place_for_copies",
    "roles_for",
]

PART_MS = 10_000
"""Length of the parts that a copy is written in: what is lost by an interruption, or written again for a leak."""
SPAN_MS = STEP_MS + 50
"""How long before and after a leak is covered: until the looks around it, and a picture more."""


Searchers: TypeAlias = Sequence[Detector]
"""What looks for the same in a copy as was looked for in its original, otherwise."""


@dataclass(frozen=True, slots=True)
class Made:
    """A copy that stands under its name, and what is to be said of how it came there."""

    copy: ReviewCopy
    length_ms: int
    """0: it is a still picture."""
    leaks: tuple[Leak, ...]
    """What the search of the written file found, and was covered."""

    @property
    def covered_ms(self) -> int:
        """How long anything at all is covered; 0 of a still picture."""
        return covered_ms(self.copy.covers) if self.length_ms else 0


def is_made(target: Path, video: str, wish: Wish) -> bool:
    """Whether a copy of this video as it is wished stands there, whole."""
    row = load_sidecar(sidecar_of(target)) if target.is_file() else None
    if row is None or row["original"]["sha256"] != video:
        return False
    keys = ("style", "asked", "revealed", "audio", "has_mark")
    asked = (
        wish.style.value,
        [what.value for what in wish.asked],
        [what.value for what in wish.revealed],
        wish.sound.value,
        wish.has_mark,
    )
    return tuple(row.get(key) for key in keys) == asked and sha256_of(target) == row["copy"]["sha256"]


def copy_video(
    path: Path,
    report: Report,
    wish: Wish,
    searchers: Searchers,
    target: Path,
    *,
    force: bool = False,
    on_time: OnTime = lambda *_: None,
    make_sure: Callable[[], None] = lambda: None,
) -> Made:
    """Make a copy of a video or a still picture, and its sidecar.

    It stands at ``target`` when this returns, and not a moment before.

    Whoever calls it has made sure that the video is not sealed, and is the only one who makes copies in that folder.

    Args:
        path: the original, which is only read.
        report: what is known of these bytes.
        searchers: what looks for the same in the copy, otherwise than what made the report did.
        target: its final name; what stands there is replaced only with ``force``, and only if it is a copy of ours.
        make_sure: asked before the copy gets its name; raises if the original has changed meanwhile.

    Raises:
        RedactionError: no safe copy could be made, or the name is taken; nothing stands at the target that did not.
        VideoError: the original cannot be read.
        CaseFullError, CaseError: the place cannot be written, or is full.
    """
    may_replace(target, force=force)
    make_sure_it_can_be_searched(report.provenance.looked_for, wish.wanted, searchers)
    if _is_still(report):
        return _copy_still(path, report, wish, searchers, target, make_sure)
    seen = see(path, report, wish, on_time)
    with quarantine(target) as place:
        making = _Making(path, report, wish, searchers, seen, place, on_time)
        checked = making.checked()
        make_sure()
        copy = _review_copy(report, wish, target, seen, checked)
        place.publish(target, sidecar(copy, _facts(path, report, wish, searchers, seen, checked)), place.copy)
    return Made(copy, seen.end_ms - seen.times_ms[0], checked.mended)


def ending_of(report: Report) -> str:
    """How the name of a copy ends."""
    return PICTURE_ENDING if _is_still(report) else ENDING


def _is_still(report: Report) -> bool:
    return report.coverage.claimed_ms == 0


def _copy_still(
    path: Path, report: Report, wish: Wish, searchers: Searchers, target: Path, make_sure: Callable[[], None]
) -> Made:
    """The same for a still picture: a PNG, which holds its pixels and nothing else."""
    seen = see(path, report, wish, lambda *_: None)
    with open_pictures(path, report.video.id) as source:
        picture = next(source.images())
        frame = Frame(source.video, picture.time_ms, picture.image)
    done = masked(frame, Timeline(seen.covers).at(frame.time_ms), wish, searchers)
    _, coded = cv2.imencode(".png", done.image)
    with quarantine(target) as place:
        write_whole(place.picture, coded.tobytes())
        again = cv2.imdecode(np.frombuffer(place.picture.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if again is None or not np.array_equal(again, done.image):
            raise RedactionError("the written copy is not what was written; no copy was kept")
        make_sure()
        height, width = done.image.shape[:2]
        written = Written(1, None, width, height, frame.time_ms, frame.time_ms, 0)
        said = [f"{found_words(len(done.mended), 1)}, as it is, mirrored and a quarter at a time"]
        if done.mended:
            said.append(f"leaks were covered: {found_words(len(done.covered_whole), 1)}")
        if done.covered_whole:
            said.append("it still leaked, so all of it was covered")
        sha256, prepared = sha256_of(place.picture), Prepared(None, "none")
        checked = _Checked(sha256, written, prepared, done.covers, tuple(said), done.mended, done.covered_whole)
        copy = _review_copy(report, wish, target, seen, checked)
        place.publish(target, sidecar(copy, _facts(path, report, wish, searchers, seen, checked)), place.picture)
    return Made(copy, 0, done.mended)


def _review_copy(report: Report, wish: Wish, target: Path, seen: Seen, checked: _Checked) -> ReviewCopy:
    return ReviewCopy(
        video=report.video.id,
        path=target,
        sha256=checked.sha256,
        covers=tuple(_up_to(seen.end_ms, checked.covers)),
        style=wish.style,
        check=(*checked.said, residual_risk(wish.style, wish.revealed, checked.prepared.how)),
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """A copy that lies in quarantine and passed."""

    sha256: str
    written: Written
    prepared: Prepared
    covers: Sequence[Cover]
    said: tuple[str, ...]
    mended: tuple[Leak, ...]
    covered_whole: tuple[Leak, ...]


@dataclass(slots=True)
class _Making:
    """One copy, from writing to searching, as often as it takes."""

    path: Path
    report: Report
    wish: Wish
    searchers: Searchers
    seen: Seen
    place: Quarantine
    on_time: OnTime
    prepared: Prepared = field(init=False)
    searched: set[str] = field(default_factory=set)
    """Keys of the parts that were searched, and written since no more."""

    def checked(self) -> _Checked:
        """Write, search, follow and cover what leaks, write and search again, cover whole what still leaks, write a
        last time.
        """
        covers = list(self.seen.covers)
        sha256, written, first = self._round(covers, self.searchers)
        said = [found_words(len(first.leaks), first.looks)]
        second = Searched()
        if first.leaks:
            also = trails(first.leaks, self.wish.wanted)
            covers = [*see(self.path, self.report, self.wish, self.on_time, also).covers]
            covers += mended(first.leaks, SPAN_MS)
            sha256, written, second = self._round(covers, self.searchers)
            said.append(
                f"leaks were covered and the copy written again: {found_words(len(second.leaks), second.looks)}"
            )
        if second.leaks:
            covers += covered_whole(second.leaks, SPAN_MS)
            sha256, written, _ = self._round(covers, ())
            said.append("what still leaked was covered whole, and the copy written and decoded again")
        if not self.searchers:
            said = ["nothing was to be searched for"]
        said.append(f"all {counted(written.pictures, 'picture', 'pictures')} decoded, each at its time")
        covers.sort(key=lambda cover: (cover.start_ms, cover.end_ms))
        leaks = tuple(sorted(first.leaks, key=lambda leak: leak.time_ms))
        return _Checked(sha256, written, self.prepared, covers, tuple(said), leaks, tuple(second.leaks))

    def _round(self, covers: Sequence[Cover], searchers: Searchers) -> tuple[str, Written, Searched]:
        written = self._write(covers)
        sha256 = sha256_of(self.place.copy)
        wish, seen = self.wish, self.seen
        names = dict(self._keys(covers))
        known = {number for number, key in names.items() if key in self.searched}
        shown = Shown(
            *(seen.times_ms, seen.end_ms, seen.picture_wh, covers, wish.wanted, wish.style, written.shift_ms),
            was_searched=lambda time_ms: time_ms // PART_MS in known,
        )
        # Where all faces are covered it does not matter whose they are.
        is_adult_shown = Covered.FACES not in wish.wanted and Covered.MINOR_FACES in wish.wanted
        adults = Adults(self.report.tracks, self.report.coverage.step_ms) if is_adult_shown else None
        found = search(
            self.place.copy, sha256, shown, searchers, adults, lambda time_ms: self.on_time(Pass.CHECKING, time_ms)
        )
        self.searched.update(names.values())
        return sha256, written, found

    def _write(self, covers: Sequence[Cover]) -> Written:
        """Write the parts that are not there yet, and join all, with the sound."""
        parts = {number: self.place.part(number, key) for number, key in self._keys(covers)}
        self.place.keep_only(parts.values())
        self._write_parts({number: part for number, part in parts.items() if not part.exists()}, covers)
        with self._heard() as heard:
            self.prepared = prepare(heard, self.wish.sound)
            return join_copies(list(parts.values()), self.place.copy, sound=self.prepared.track)

    def _heard(self) -> AbstractContextManager[Heard | None]:
        """The sound of the original, which nobody opens for a copy without."""
        return nullcontext() if self.wish.sound is Sounding.MUTE else open_sound(self.path)

    def _write_parts(self, missing: dict[int, Path], covers: Sequence[Cover]) -> None:
        if not missing:
            return
        timeline, wish, wh = Timeline(covers), self.wish, self.seen.picture_wh

        def covered(picture: AnyPicture) -> Mapping[Style, Sequence[Box]]:
            self.on_time(Pass.WRITING, picture.time_ms)
            return by_style(timeline.at(picture.time_ms), wish.style, wh)

        wide, tall = Shape.of(*wh).shown_wh
        is_undamaged = not self.seen.coverage.undecoded
        with open_pictures(self.path, self.report.video.id, is_undamaged=is_undamaged) as source:
            # It is decoded ahead in its own process.
            for number, pictures in in_parts(source.planes(wide, tall), PART_MS):
                if number not in missing:
                    continue
                part = missing[number]
                waiting = part.with_name(f"{part.name}.part")
                write_copy(source, pictures, waiting, covered, has_mark=wish.has_mark)
                try:
                    waiting.rename(part)
                except OSError as error:
                    raise no_room(part, error) from error
                if number == max(missing):
                    break
        if any(not part.exists() for part in missing.values()):
            raise RedactionError("the original gave other pictures at the second reading: no copy was made")

    def _keys(self, covers: Sequence[Cover]) -> Iterator[tuple[int, str]]:
        """Number of each part, and a hash over all that it is made of."""
        made_of = (__version__, self.report.video.id, self.wish.style, self.wish.has_mark, PART_MS)
        for number in sorted({time_ms // PART_MS for time_ms in self.seen.times_ms}):
            start_ms, end_ms = number * PART_MS, (number + 1) * PART_MS
            own = [repr(cover) for cover in covers if cover.start_ms < end_ms and cover.end_ms > start_ms]
            yield number, hashlib.sha256(repr((*made_of, number, own)).encode()).hexdigest()[:16]


def _facts(path: Path, report: Report, wish: Wish, searchers: Searchers, seen: Seen, checked: _Checked) -> Facts:
    written = checked.written
    has_room_for_mark = has_room(written.width_px, written.height_px)
    return Facts(
        name=path.name,
        pictures=written.pictures,
        width_px=written.width_px,
        height_px=written.height_px,
        duration_ms=seen.end_ms - seen.times_ms[0],
        shift_ms=written.shift_ms,
        asked=wish.asked,
        revealed=wish.revealed,
        why_revealed=wish.why,
        audio=wish.sound.value,
        sound=checked.prepared.how,
        has_mark=wish.has_mark,
        remarks=(
            *written.remarks,
            *(() if has_room_for_mark or not wish.has_mark else ("it is too small for the mark to be read",)),
            *checked.prepared.remarks,
            *seen.coverage.why,
        ),
        mended=checked.mended,
        covered_whole=checked.covered_whole,
        examined=report.provenance,
        searched_by=dict(searched_by(searchers)),
    )


def _up_to(end_ms: int, covers: Iterable[Cover]) -> Iterator[Cover]:
    """The covers as they end with the video."""
    for cover in covers:
        if cover.start_ms < end_ms:
            yield cover if cover.end_ms <= end_ms else replace(cover, end_ms=end_ms)
