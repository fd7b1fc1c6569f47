"""Pictures that nobody looked at, by when there were looks: too far from any, or in a shot that has none."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from triage.phrases import clock
from triage.records import Cover, Covered
from triage.redaction.motion import Picture

LEAST_STEP_MS = 250
"""However densely is looked, so far from a look a picture may be."""


class Unseen:
    """Goes through the pictures of one video in order of time, and covers whole what nobody looked at."""

    def __init__(self, looks: Sequence[tuple[int, int]] | None, sights_ms: Sequence[int], step_ms: int) -> None:
        """Set out.

        Args:
            looks: time of each look, and until when the picture stood still then (its own time, where it did not), in
                order. None: it is only known that what was on screen for ``step_ms`` was looked at.
            sights_ms: times at which something was found, in any order: these were looks in any case.
            step_ms: how far apart looks are at the most.
        """
        self._is_known = looks is not None
        known = looks if looks is not None else [(time_ms, time_ms) for time_ms in sorted(set(sights_ms))]
        self._from_ms = [start_ms for start_ms, _ in known]
        self._until_ms = [end_ms for _, end_ms in known]
        self._step_ms = step_ms
        self._shot_ms: int | None = None
        self._run_ms: int | None = None
        self._flash_ms: int | None = None

    def see(self, picture: Picture) -> Iterator[Cover]:
        """Covers of what came before this picture, as far as they are complete."""
        time_ms = picture.time_ms
        if self._flash_ms is not None and not self._looked(self._flash_ms, time_ms):
            yield _cover(self._flash_ms, time_ms, "one picture unlike those around it, and nobody looked at it")
        self._flash_ms = time_ms if picture.is_flash else None
        if picture.begins_shot:
            yield from self._end_shot(time_ms)
            self._shot_ms = time_ms
        if self._is_known and self._away_ms(time_ms) > max(self._step_ms, LEAST_STEP_MS):
            self._run_ms = time_ms if self._run_ms is None else self._run_ms
        else:
            yield from self._end_run(time_ms)

    def rest(self, end_ms: int) -> Iterator[Cover]:
        """What has not been told yet, when the last picture ends at ``end_ms``."""
        yield from self._end_run(end_ms)
        yield from self._end_shot(end_ms)

    def _end_run(self, end_ms: int) -> Iterator[Cover]:
        if self._run_ms is not None and end_ms > self._run_ms:
            yield _cover(self._run_ms, end_ms, "the nearest look is too far away")
        self._run_ms = None

    def _end_shot(self, end_ms: int) -> Iterator[Cover]:
        start_ms, self._shot_ms = self._shot_ms, None
        if start_ms is None or end_ms <= start_ms or self._looked(start_ms, end_ms):
            return
        if self._is_known or end_ms - start_ms < self._step_ms:
            yield _cover(start_ms, end_ms, "a shot of its own, and nobody looked at it")

    def _looked(self, start_ms: int, end_ms: int) -> bool:
        """Whether a look, or a picture that stood since one, was between these, half-open."""
        first = bisect_left(self._until_ms, start_ms)
        return first < len(self._from_ms) and self._from_ms[first] < end_ms

    def _away_ms(self, time_ms: int) -> int:
        """From the nearest look."""
        before = bisect_right(self._from_ms, time_ms) - 1
        ways = [max(0, time_ms - self._until_ms[before])] if before >= 0 else []
        if before + 1 < len(self._from_ms):
            ways.append(self._from_ms[before + 1] - time_ms)
        return min(ways, default=1 << 60)


def _cover(start_ms: int, end_ms: int, why: str) -> Cover:
    return Cover(start_ms, end_ms, None, Covered.UNSEEN, f"{clock(start_ms)} to {clock(end_ms)}: {why}")
