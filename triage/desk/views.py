"""Pictures that somebody asked to see: each is uncovered for some minutes, for one browser, and then covered again.

A view is named by a word that nobody can guess. Its page opens once; who leaves it and comes back asks again.
"""

from __future__ import annotations

import io
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from triage.case.decisions import Rung
from triage.desk.doors import Session
from triage.desk.refusal import DeskError
from triage.errors import VideoError
from triage.original import Stamp, open_original, stamp_now

COVER_AFTER_S = 5 * 60
"""Without a sign that somebody is still looking."""
LONGEST_S = {Rung.ORIGINAL: 15 * 60}
"""However much somebody looks."""
USUAL_LONGEST_S = 60 * 60
COVERED = "It is covered again. Ask for it anew on the page of the video."
LATE_S = 60
"""After it was covered, in which a page that was left may still say what was seen of it: what a browser sends as it
leaves a page comes in any order."""
MOST_VIEWS = 400


@dataclass(slots=True)
class View:
    """One picture or video, uncovered."""

    session: Session = field(repr=False)
    video: str
    """SHA-256 of what it is of."""
    rung: Rung
    path: Path
    """What is shown."""
    stamp: Stamp
    """It as it was when it was made sure of."""
    media_type: str
    began: float
    shift_ms: int = 0
    """To be added to times in what is shown to have those of the original."""
    last: float = 0.0
    openings: int = 1
    """How often its page may still be opened."""
    covered: float | None = None
    """When somebody covered it; None: nobody did, though its time may be over."""
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def is_still(self) -> bool:
        return self.media_type.startswith("image/")


class Views:
    """What is uncovered at this desk. May be asked by several threads at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._views: dict[str, View] = {}
        self._lock = threading.Lock()

    def open(
        self, session: Session, video: str, rung: Rung, path: Path, stamp: Stamp, media_type: str, shift_ms: int = 0
    ) -> View:
        """Uncover something that was made sure of."""
        now = self._clock()
        view = View(session, video, rung, path, stamp, media_type, began=now, shift_ms=shift_ms, last=now)
        with self._lock:
            kept = [one for one in self._views.values() if self._is_known(one, now)][-(MOST_VIEWS - 1) :]
            self._views = {one.ticket: one for one in [*kept, view]}
        return view

    def of(self, ticket: str, session: Session) -> View:
        """What is uncovered under this word.

        Raises:
            DeskError: it is covered again, or is somebody else's.
        """
        view = self.seen_under(ticket, session)
        if self._is_over(view, self._clock()):
            raise DeskError(410, COVERED)
        return view

    def seen_under(self, ticket: str, session: Session) -> View:
        """What is uncovered under this word, or was until a moment ago: nothing more of it is shown.

        Raises:
            DeskError: it was covered long ago, or is somebody else's.
        """
        with self._lock:
            view = self._views.get(ticket)
            if view is None or view.session is not session or not self._is_known(view, self._clock()):
                raise DeskError(410, COVERED)
            return view

    def turn_to(self, ticket: str, session: Session) -> View | None:
        """The same, for its page, which opens once; None: it is covered."""
        try:
            view = self.of(ticket, session)
        except DeskError:
            return None
        with self._lock:
            if view.openings < 1:
                view.covered = self._clock()
                return None
            view.openings -= 1
            return view

    def keep(self, view: View) -> None:
        """Somebody is still looking."""
        view.last = self._clock()

    def open_again(self, view: View) -> None:
        """Its page may be opened once more: somebody decided on it, and is led back to it."""
        view.openings = 1

    def cover(self, ticket: str, session: Session) -> None:
        """Cover it, also if it was covered before."""
        with self._lock:
            view = self._views.get(ticket)
            if view is not None and view.session is session and view.covered is None:
                view.covered = self._clock()

    def cover_all(self, session: Session) -> None:
        """Cover all that somebody uncovered."""
        with self._lock:
            self._views = {key: one for key, one in self._views.items() if one.session is not session}

    def left_s(self, view: View) -> float:
        """How long it stays uncovered if nobody says that they still look."""
        now = self._clock()
        if view.covered is not None:
            return 0.0
        return max(0.0, min(view.last + COVER_AFTER_S, view.began + _longest_s(view)) - now)

    def _is_over(self, view: View, now: float) -> bool:
        is_late = now - view.last > COVER_AFTER_S or now - view.began > _longest_s(view)
        return view.covered is not None or is_late

    def _is_known(self, view: View, now: float) -> bool:
        return not self._is_over(view, now) or (view.covered is not None and now - view.covered <= LATE_S)


def opened(view: View) -> tuple[int, io.BufferedReader]:
    """Size of what is shown, and it, opened to be read.

    Raises:
        DeskError: it is gone, or is not what it was.
    """
    try:
        file = open_original(view.path)
    except VideoError as error:
        raise DeskError(410, f"It cannot be shown any more: {error}.") from error
    if _stamp(view.path) != view.stamp:  # asked after it was opened: what is open now is no older
        file.close()
        raise DeskError(409, "The file has changed since it was uncovered, so it is not shown any more.")
    return os.fstat(file.fileno()).st_size, file


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_now(path)
    except VideoError:  # it went after it was opened
        return None


def _longest_s(view: View) -> float:
    return LONGEST_S.get(view.rung, USUAL_LONGEST_S)
