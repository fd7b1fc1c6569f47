"""A written copy, opened again and searched, in larger pictures than the scan's and in several ways in turn."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from triage.ahead import ahead
from triage.errors import DetectorError, RedactionError, VideoError
from triage.findings.detector import Detector
from triage.frames.pictures import Picture, open_pictures
from triage.geometry import Box
from triage.phrases import clock, counted
from triage.records import Cover, Covered, Finding, Frame, Role, Style, Video
from triage.redaction.check import Adults, Leak, leaks, roles_to_search, shows_through
from triage.redaction.merging import Timeline
from triage.redaction.motion import Luma, is_cut
from triage.redaction.otherwise import EVERY, Way, ways
from triage.settings import Settings

STEP_MS = 250
"""Between two looks at a copy, beside one after each cut. A scan's are 400 apart, so most fall where it had none."""
LONGER = 1.25
"""How much longer the sides of the pictures are that a model is shown than those in a scan."""
STRIDE = 32
MOST_OFF_MS = 2
"""That a picture's time in a copy may be off: both are rounded."""
ROOM = 8
"""Pictures decoded ahead."""
MOST_BYTES = 128 * 2**20
"""Of pictures in one batch."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a copy is to show."""

    times_ms: array[int]
    """Of each picture, on the clock of the original."""
    end_ms: int
    picture_wh: tuple[int, int]
    """Of the original, in whose pixels covers are."""
    covers: Sequence[Cover]
    wanted: Collection[Covered]
    style: Style
    shift_ms: int
    """To be added to times in the copy."""
    was_searched: Callable[[int], bool] = lambda _: False
    """Whether what is shown at a time is, byte for byte, what an earlier search saw there."""


@dataclass(slots=True)
class Searched:
    """How a search went."""

    looks: int = 0
    leaks: list[Leak] = field(default_factory=list)


def open_searchers(settings: Settings, wanted: Collection[Covered]) -> list[Detector]:
    """What looks for these in a copy. It must differ from what looked at the original: it sees larger pictures.

    Raises:
        WeightsError: a model is absent or unfit.
    """
    from triage.findings.registry import open_models
    from triage.weights import chosen

    found: list[Detector] = []
    serving = chosen(roles_to_search(wanted))
    for name in sorted({weights.name for weights in serving.values()}):
        weights = next(one for one in serving.values() if one.name == name)
        roles = tuple(role for role, one in serving.items() if one.name == name)
        longest = settings.detecting.image_px or weights.input_px
        image_px = min(4096, -(-round(longest * LONGER) // STRIDE) * STRIDE)
        own = replace(settings, detecting=replace(settings.detecting, roles=roles, image_px=image_px))
        found += open_models(own)[0]
    return found


def make_sure_it_can_be_searched(
    looked_for: Collection[Role], wanted: Collection[Covered], searchers: Sequence[Detector]
) -> None:
    """Say no where something is to be covered by boxes and nobody could see whether it is.

    Args:
        looked_for: in the original. What nobody looked for there needs no search: then all of it is covered.

    Raises:
        RedactionError: a model that looked at the original has gone.
    """
    served = {role for searcher in searchers for role in searcher.roles}
    for role in roles_to_search(wanted):
        if role in looked_for and role not in served:
            raise RedactionError(
                f"no model at hand looks for {role.value} any more, so a copy could not be checked: no copy was made"
            )


def search(
    path: Path,
    sha256: str,
    shown: Shown,
    searchers: Sequence[Detector],
    adults: Adults | None,
    on_time: Callable[[int], None],
) -> Searched:
    """Decode all of a written copy, compare it with what it is to be, and look for what it must not show.

    Args:
        sha256: of the copy.
        searchers: none: it is decoded, and seen to be covered where it was to be.

    Raises:
        RedactionError: it is not whole, or nobody could look.
    """
    looking = _Looking(shown, searchers, adults)
    count = 0
    try:
        # It was just written: if any of it is damaged it is not kept.
        with open_pictures(path, sha256, is_undamaged=True) as source, ahead(iter(source), room=ROOM) as coming:
            for picture in coming:
                time_ms = _time_of(picture, count, shown)
                count += 1
                looking.see(source.video, picture, time_ms)
                on_time(time_ms)
            looking.finish()
            coverage = source.coverage()
            unconverted = source.unconverted
    except VideoError as error:
        raise RedactionError(f"the written copy could not be opened again: {error}; no copy was kept") from error
    except DetectorError as error:
        raise RedactionError(f"the written copy could not be searched: {error}; no copy was kept") from error
    if count != len(shown.times_ms):
        raise _differs(f"{counted(count, 'picture', 'pictures')} instead of {len(shown.times_ms)}")
    if coverage.undecoded or unconverted:
        raise _differs("; ".join(coverage.why) or "pictures that cannot be shown")
    usual_ms = (shown.end_ms - shown.times_ms[0]) // count
    if abs(coverage.reached_ms + shown.shift_ms - shown.end_ms) > usual_ms + MOST_OFF_MS:
        raise _differs(f"an end at {clock(coverage.reached_ms + shown.shift_ms)} instead of {clock(shown.end_ms)}")
    return looking.searched


def find_leaks(
    frame: Frame, covers: Sequence[Cover], wanted: Collection[Covered], style: Style, searchers: Sequence[Detector]
) -> list[Leak]:
    """What leaks in one covered picture, looked at in every way.

    Raises:
        DetectorError: nobody could look.
    """
    found: list[Finding] = []
    for way in EVERY:
        for searcher in searchers:
            found += (way.back(seen, frame.video) for seen in searcher.look([way.shown(frame)])[0])
    return leaks(found, covers, wanted, style, (frame.video.width_px, frame.video.height_px))


def _time_of(picture: Picture, number: int, shown: Shown) -> int:
    """When this picture is shown in the original."""
    here_ms = picture.time_ms + shown.shift_ms
    if number >= len(shown.times_ms):
        raise _differs("more pictures than the original")
    time_ms = shown.times_ms[number]
    if abs(here_ms - time_ms) > MOST_OFF_MS:
        raise _differs(f"a picture at {clock(max(0, here_ms))} that the original shows at {clock(time_ms)}")
    return time_ms


def _differs(how: str) -> RedactionError:
    return RedactionError(f"the written copy is not what was written: it has {how}; no copy was kept")


class _Looking:
    """Chooses which pictures are looked at, and looks at several at once."""

    def __init__(self, shown: Shown, searchers: Sequence[Detector], adults: Adults | None) -> None:
        self.searched = Searched()
        self._shown, self._searchers, self._adults = shown, searchers, adults
        self._timeline = Timeline(shown.covers)
        self._before: Luma | None = None
        self._due_ms = shown.times_ms[0]
        self._waiting: list[tuple[Frame, tuple[Cover, ...]]] = []
        self._number = 0
        """Of the next look, which decides its kind."""

    def see(self, video: Video, picture: Picture, time_ms: int) -> None:
        """The next picture of the copy."""
        covers = self._timeline.at(time_ms)
        if shows_through(picture.small, covers, self._shown.style, self._shown.picture_wh) is not None:
            raise RedactionError(
                f"the written copy does not hide what it was to hide at {clock(time_ms)}; it was not kept"
            )
        if not self._searchers or self._shown.was_searched(time_ms):
            self._before = None
            return
        is_due = time_ms >= self._due_ms or (self._before is not None and is_cut(self._before, picture.small))
        self._before = picture.small
        if not is_due:
            return
        self._due_ms = time_ms + STEP_MS
        if any(cover.box is None and cover.what is Covered.UNSEEN for cover in covers):
            return  # all of it is solid
        self._waiting.append((Frame(video, time_ms, picture.image), covers))
        if len(self._waiting) >= max(1, min(ROOM, MOST_BYTES // picture.image.nbytes)):
            self.finish()

    def finish(self) -> None:
        """Look at what waits."""
        alike: dict[Way, list[tuple[Frame, tuple[Cover, ...]]]] = defaultdict(list)
        for number, one in enumerate(self._waiting, self._number):
            for way in ways(number):
                alike[way].append(one)
        for way, chosen in alike.items():
            answers = self._look([way.shown(frame) for frame, _ in chosen])
            for (frame, covers), found in zip(chosen, answers, strict=True):
                self._weigh([self._placed(way.back(seen, frame.video), frame.video) for seen in found], covers)
        self._number += len(self._waiting)
        self.searched.looks += len(self._waiting)
        self._waiting.clear()

    def _look(self, frames: Sequence[Frame]) -> list[list[Finding]]:
        answers = [detector.look(frames) for detector in self._searchers]
        return [list(chain.from_iterable(of_one)) for of_one in zip(*answers, strict=True)]

    def _weigh(self, found: Sequence[Finding], covers: Sequence[Cover]) -> None:
        shown = self._shown
        self.searched.leaks += leaks(found, covers, shown.wanted, shown.style, shown.picture_wh, self._adults)

    def _placed(self, seen: Finding, video: Video) -> Finding:
        """The find in pixels of the original; a copy may be smaller, and has even sides."""
        box = seen.box
        width, height = self._shown.picture_wh
        across = width / video.width_px if video.width_px not in {width, width + 1} else 1.0
        down = height / video.height_px if video.height_px not in {height, height + 1} else 1.0
        return replace(seen, box=Box(box.x0 * across, box.y0 * down, box.x1 * across, box.y1 * down))


def searched_by(searchers: Sequence[Detector]) -> Iterator[tuple[str, str]]:
    """Names of what searches, and the hashes of their weights."""
    for detector in searchers:
        yield detector.name, detector.sha256
