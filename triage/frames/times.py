"""Which moments to look at, and when they are. Arithmetic only: nothing here has ever seen a picture.

A picture is chosen when it is seen how long it stays, that is, when the next one has come. So whatever is on screen for
``step_ms`` is looked at, however far apart the pictures are: had it not been looked at, the picture after its end would
come less than ``step_ms`` after a look from before its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from triage.settings import Mode, Sampling

BACKWARDS_MS = 1000
"""A clock that goes back by less has pictures out of order (a few pictures' worth, where times are stored wrongly); one
that goes back by more has been set anew, as where two recordings were joined."""
LONGEST_MS = 366 * 24 * 3600 * 1000
"""A year: whatever puts a picture or an end later than this is damage or a trap. Times stay near it at the most, far
from where 64 bits end."""


class Why(StrEnum):
    """What makes a picture due for a look, in the order in which it is asked."""

    FIRST = "first"
    EVERY = "every"
    KEY = "key"
    CUT = "cut"
    NOVELTY = "novelty"
    STEP = "step"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Glimpse:
    """All that is known of a decoded picture when it is decided whether to look at it."""

    time_ms: int
    end_ms: int
    """When the next picture takes its place."""
    is_key: bool = False
    is_last: bool = False
    cut: float = 255.0
    """Mean difference of luma (0 to 255) against the picture before."""
    novelty: float = 255.0
    """Mean difference of luma in the most changed 1/64th of the picture, against the last look."""
    change: float = 255.0
    """Largest difference of luma or colour in any cell of the small copy, against the last look."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with one picture."""

    due: Why | None
    """None: nothing asked for it."""
    is_same: bool = False
    """Due, and just like the last picture that was looked at."""

    @property
    def is_look(self) -> bool:
        return self.due is not None and not self.is_same


class Chooser:
    """Goes through the pictures of one video in order, and answers for each."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._looked_ms: int | None = None
        self._considered_ms = 0
        self._before: tuple[int | None, int] = (None, 0)

    def choose(self, glimpse: Glimpse) -> Choice:
        """Whether to look at this picture.

        One that is due and the same as the last look counts as considered: the next step is measured from it, while
        the time to the next real look goes on running.
        """
        due = self._due(glimpse)
        if due is None:
            return Choice(None)
        self._before = (self._looked_ms, self._considered_ms)
        self._considered_ms = glimpse.time_ms
        if self._looked_ms is not None and glimpse.end_ms - self._looked_ms < self._sampling.longest_same_ms:
            is_same = glimpse.change < self._sampling.same_difference
            if is_same:
                return Choice(due, is_same=True)
        self._looked_ms = glimpse.time_ms
        return Choice(due)

    def take_back(self) -> None:
        """The last choice was a look and could not be had, so it counts for nothing."""
        self._looked_ms, self._considered_ms = self._before

    def _due(self, glimpse: Glimpse) -> Why | None:
        sampling, mode = self._sampling, self._sampling.mode
        since_ms = glimpse.time_ms - self._considered_ms
        asking = {
            Why.FIRST: self._looked_ms is None,
            Why.EVERY: mode is Mode.EVERY,
            Why.KEY: mode is Mode.KEYFRAMES and glimpse.is_key and since_ms >= sampling.step_ms,
            Why.CUT: mode is Mode.STEPS and glimpse.cut >= sampling.cut_difference,
            Why.NOVELTY: mode is Mode.STEPS and glimpse.novelty >= sampling.novelty_difference,
            Why.STEP: glimpse.end_ms - self._considered_ms >= longest_gap_ms(sampling),
            Why.LAST: glimpse.is_last,
        }
        return next((why for why, asks in asking.items() if asks), None)


def longest_gap_ms(sampling: Sampling) -> int:
    """What is on screen for this long is looked at (or is the same as what was); 0: every picture."""
    return {Mode.KEYFRAMES: sampling.max_gap_ms, Mode.STEPS: sampling.step_ms, Mode.EVERY: 0}[sampling.mode]


class Clock:
    """Turns the times in a file into whole milliseconds that start near 0 and always go up."""

    def __init__(self, *, origin_ms: Fraction, picture_ms: Fraction) -> None:
        """Set the clock.

        Args:
            origin_ms: what the file calls the start of its presentation.
            picture_ms: how long a picture stays when the file does not say; above 0.
        """
        self._shift_ms = -origin_ms
        self._picture_ms = picture_ms
        self._now_ms: Fraction | None = None
        self._told_ms = -1
        self.false_times = 0
        """How often the file gave a time beyond ``LONGEST_MS``."""

    @property
    def exact_ms(self) -> Fraction:
        """The time told last before it was rounded, and as it was told where it was put right after the one before."""
        is_rounded = self._now_ms is not None and round(self._now_ms) == self._told_ms
        return self._now_ms if is_rounded and self._now_ms is not None else Fraction(self._told_ms)

    def tell(self, stored_ms: Fraction | None) -> int:
        """The time of the next picture: 0 to ``LONGEST_MS``, and 1 ms more for each picture when that is reached.

        Args:
            stored_ms: its time in the file. None, where the file has none: one picture after the last.
        """
        next_ms = Fraction(0) if self._now_ms is None else self._now_ms + self._picture_ms
        now_ms = next_ms if stored_ms is None else stored_ms + self._shift_ms
        is_false = stored_ms is not None and now_ms >= LONGEST_MS
        self.false_times += is_false
        if is_false or (stored_ms is not None and now_ms < (self._now_ms or 0) - BACKWARDS_MS):
            self._shift_ms += next_ms - now_ms
            now_ms = next_ms
        self._now_ms = min(now_ms, Fraction(LONGEST_MS))
        self._told_ms = max(round(now_ms), self._told_ms + 1)
        return self._told_ms
