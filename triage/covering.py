"""What of a video is covered and when: its report, and every picture of it glanced at once -> covers."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from triage.ahead import ahead
from triage.frames.sandbox.pictures import Picture, PictureSource, open_pictures
from triage.records import Cover, Coverage, Covered, Label, Report, Role, Style
from triage.redaction.following import follow
from triage.redaction.motion import Luma, is_cut
from triage.redaction.plan import LABELS, NEEDS, Plan, plan
from triage.redaction.sound import Sounding
from triage.redaction.trails import Trail

DEFAULT = (Covered.GRAPHIC, Covered.MINOR_FACES, Covered.FACES)
ROOM = 8
"""Pictures decoded ahead."""
LATE = 1.5
"""How much longer than usual a picture of a damaged video stays if others are missing after it."""


class Pass(StrEnum):
    """What is being done with a video."""

    EXAMINING = "examining"
    FOLLOWING = "following what is covered in"
    WRITING = "writing a copy of"
    CHECKING = "checking the copy of"


OnTime: TypeAlias = Callable[[Pass, int], None]
"""Told the time in the video, in ms."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a copy is to be."""

    asked: tuple[Covered, ...] = DEFAULT
    style: Style = Style.SOLID
    sound: Sounding = Sounding.MUTE
    has_mark: bool = True
    revealed: tuple[Covered, ...] = ()
    """What is shown although it would always be covered."""
    why: str = ""
    """Why it is."""

    def __post_init__(self) -> None:
        if bool(self.revealed) != bool(self.why.strip()):
            raise ValueError("what is revealed has a reason, and a reason reveals something")

    @property
    def wanted(self) -> frozenset[Covered]:
        """All that the copy must not show."""
        return frozenset({*self.asked, Covered.MINOR_FACES, Covered.UNSEEN} - set(self.revealed))


def roles_for(wish: Wish) -> frozenset[Role]:
    """What must have been looked for before it is known what to cover."""
    return frozenset().union(*(NEEDS.get(what, frozenset[Role]()) for what in wish.wanted))


def has_findings(report: Report, wish: Wish) -> bool:
    """Whether anything was found that the copy is not to show."""
    labels = {label for what in wish.wanted for label in LABELS.get(what, ())}
    if {Covered.FACES, Covered.MINOR_FACES} & wish.wanted:
        labels |= {Label.FACE, Label.POSSIBLE_MINOR}
    return any(track.label in labels for track in report.tracks)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the first reading of an original gave."""

    covers: tuple[Cover, ...]
    times_ms: array[int]
    end_ms: int
    picture_wh: tuple[int, int]
    coverage: Coverage
    shots_ms: tuple[int, ...]
    """When each shot begins."""


def see(path: Path, report: Report, wish: Wish, on_time: OnTime, also: Sequence[Trail] = ()) -> Seen:
    """Follow what is to be covered through all pictures.

    Args:
        also: what is to be covered beside what the report says.
    """
    is_undamaged = not report.coverage.undecoded
    glance, covers = _followed(path, report, wish, on_time, also, is_undamaged=is_undamaged)
    coverage = glance.coverage
    if is_undamaged and coverage.undecoded:
        glance, covers = _followed(path, report, wish, on_time, also, is_undamaged=False)
        coverage = glance.coverage
    # Only now it is known which pictures are damaged.
    undecoded = max(coverage.undecoded, report.coverage.undecoded)
    why = (*report.coverage.why, *coverage.why)
    examined = replace(report.coverage, undecoded=undecoded, why=why)
    covers += _planned(report, wish, examined, glance.damaged_ms(undecoded)).covers
    covers = [cover for cover in covers if cover.start_ms < glance.end_ms]
    covers.sort(key=lambda cover: (cover.start_ms, cover.end_ms))
    return Seen(tuple(covers), glance.times_ms, glance.end_ms, glance.picture_wh, coverage, tuple(glance.shots_ms))


def _followed(
    path: Path, report: Report, wish: Wish, on_time: OnTime, also: Sequence[Trail], *, is_undamaged: bool
) -> tuple[_Glance, list[Cover]]:
    """One reading: what is remembered of it, and what is covered by boxes."""
    glance = _Glance()
    with open_pictures(path, report.video.id, is_undamaged=is_undamaged, is_rough=True) as source:
        glance.picture_wh = source.video.width_px, source.video.height_px
        planned = replace(_planned(report, wish, report.coverage, (), also), covers=())
        with ahead(glance.at_all(source), room=ROOM) as coming:
            told = _telling(coming, lambda time_ms: on_time(Pass.FOLLOWING, time_ms))
            covers = list(follow(planned, told, glance.picture_wh))
        glance.coverage = source.coverage()
    return glance, covers


def _planned(
    report: Report,
    wish: Wish,
    coverage: Coverage,
    damaged_ms: Sequence[tuple[int, int]] | None,
    also: Sequence[Trail] = (),
) -> Plan:
    return plan(
        report.tracks,
        coverage,
        report.provenance.looked_for,
        report.faults,
        wish.asked,
        revealed=wish.revealed,
        damaged_ms=damaged_ms,
        also=also,
    )


class _Glance:
    """Remembers of all pictures what is needed after the last of them: times, and where something is wrong."""

    picture_wh: tuple[int, int]
    coverage: Coverage
    """What was reached, when all have been read."""

    def __init__(self) -> None:
        self.times_ms = array("q")
        self.end_ms = 0
        self.shots_ms: list[int] = []
        self._before: Luma | None = None
        self._damaged: list[tuple[int, int]] = []
        self._since_ms: int | None = None
        self._pictures = self._missing = 0
        self._lasted_s = 0.0

    def at_all(self, source: PictureSource) -> Iterator[tuple[int, Luma]]:
        """Time and small copy of every picture."""
        for picture in source.small():
            self._note(picture, float(source.usual_s))
            if self._before is None or is_cut(self._before, picture.small):
                self.shots_ms.append(picture.time_ms)
            self._before = picture.small
            yield picture.time_ms, picture.small

    def damaged_ms(self, undecoded: int) -> list[tuple[int, int]] | None:
        """From and until when pictures are damaged, or were decoded from damaged ones; None: it cannot be told of all.

        Args:
            undecoded: how many pieces or pictures are known to be damaged.
        """
        if self._pictures + self._missing < undecoded:
            return None
        open_end = [] if self._since_ms is None else [(self._since_ms, self.end_ms)]
        return [*self._damaged, *open_end] if undecoded else []

    def _note(self, picture: Picture, usual_s: float) -> None:
        is_key = picture.is_key and not picture.is_damaged
        if not self.times_ms and picture.time_ms > 0:
            self._since_ms = 0
            self._missing += max(1, round(picture.time_ms / 1000 / usual_s))
        if self._since_ms is not None and is_key:
            self._damaged.append((self._since_ms, max(picture.time_ms, self._since_ms + 1)))
            self._since_ms = None
        lasts_s = float(picture.lasts)
        # Beside the one before too: on the header's word a picture may usually stay far longer than it does.
        short_s = min(usual_s, self._lasted_s or usual_s)
        is_late = lasts_s > LATE * short_s and not picture.is_last
        if is_late:
            self._missing += max(1, round(lasts_s / usual_s) - 1)
        self._pictures += picture.is_damaged
        if (is_late or picture.is_damaged) and self._since_ms is None:
            self._since_ms = picture.time_ms
        self._lasted_s = lasts_s
        self.times_ms.append(picture.time_ms)
        self.end_ms = picture.end_ms


def _telling(coming: Iterable[tuple[int, Luma]], on_time: Callable[[int], None]) -> Iterator[tuple[int, Luma]]:
    for time_ms, luma in coming:
        on_time(time_ms)
        yield time_ms, luma
