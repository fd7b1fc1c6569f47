"""A case as an offline report: what of its pictures goes along, and then its pages."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage.archive import archive_of
from triage.case.audit import now_utc, who
from triage.case.decisions import Rung
from triage.case.review import Copied
from triage.case.rows import is_failure, is_sealed
from triage.case.store import Case
from triage.durable import sha256_of
from triage.errors import CaseError
from triage.matches.clusters import Cluster
from triage.names import shown
from triage.records import Queue
from triage.report.families import Families, Family, Relative
from triage.report.folder import Folder, new_folder, sums_of
from triage.report.page import About, Reporter
from triage.report.pictures import Picture, may_be_taken, strip_name, strip_of, take_copy
from triage.report.whole import Whole
from triage.run.blurring import Original, of_case
from triage.run.grouping import group
from triage.run.kin import Names, about_group, about_member, compiled_lines, left_out, link_lines, merits
from triage.run.sheets import Became, Sheets, Watcher
from triage.settings import Settings

TRIES = 5
"""How often the pages are begun anew since something was sealed meanwhile."""
SEEN = frozenset({Queue.URGENT, Queue.PRIORITY, Queue.ROUTINE})


@dataclass(frozen=True, slots=True)
class Wished:
    """What a report is to hold beside its words."""

    strips: bool = False
    """A strip of drawn pictures of each video; those of an earlier report at the same place are taken over."""
    copies: bool = False
    """The review copies that were made of its videos, if they still are what was searched."""
    limit: int | None = None
    """So many videos, the most urgent first; None: all."""


@dataclass(slots=True)
class Made:
    """What came of it."""

    told: int = 0
    """Videos and unread files that it tells of."""
    pictures: dict[str, list[Picture]] = field(default_factory=lambda: defaultdict(list))
    """Video -> its rungs, the least first."""
    without: list[str] = field(default_factory=list)
    """Why some picture that was wished for is not in it, a sentence each."""
    was_stopped: bool = False
    """Somebody stopped the drawing of strips; the report holds those that were done."""
    sha256: str = ""
    """Of its list of hashes, which names the report as a whole."""


def make_report(
    case: Case,
    out: Path,
    wished: Wished,
    settings: Settings,
    drawing: Callable[[Sequence[Original]], Watcher],
    on_video: Callable[[int], None] = lambda _: None,
) -> Made:
    """Write the report of a case to a folder, whole or not at all.

    Args:
        drawing: told which strips are going to be drawn, makes who is told how that goes on.
        on_video: told how many videos have their pages.

    Raises:
        UsageError: something else stands there.
        WeightsError: a model is absent or unfit, or a manifest cannot be read.
        CaseFullError, CaseError: the case cannot be read, or the folder cannot be written.
    """
    made = Made()
    about = About(shown(case.folder.resolve().name), shown(who()), now_utc())
    with new_folder(out) as folder:
        told = _told(case, wished.limit)
        if wished.strips:
            _draw(case, folder, out, settings, frozenset(told), drawing, made)
        if wished.copies:
            _take_copies(case, folder, told, made)
        made.told = _write(case, folder, about, wished.limit, made, on_video)
        made.sha256 = folder.close()
    return made


def _write(
    case: Case, folder: Folder, about: About, limit: int | None, made: Made, on_video: Callable[[int], None]
) -> int:
    """The pages; anew, where something was sealed while they were written: others may name it."""
    for _ in range(TRIES):
        whole = Whole.of(case)
        families = _families(case, whole) if case.copies.marks() else None
        reporter = Reporter(case, folder, about, whole, lambda video: made.pictures.get(video, ()), families)
        written = reporter.write(limit, on_video)
        sealed = [video for video in {*written.videos, *made.pictures} if case.is_sealed(video)]
        if not sealed:
            return written.told
        folder.drop_pages()
        for picture in (picture for video in sealed for picture in made.pictures.pop(video, ())):
            folder.drop(picture.name)
    raise CaseError(
        f"{case.folder}: a scan goes on sealing videos while this report is being written; wait until it is done"
    )


def _told(case: Case, limit: int | None) -> list[str]:
    """The videos that the report tells of and of which there may be a picture."""
    return [one.video for one in case.listing.all()[:limit] if one.video and one.queue in SEEN]


def _draw(
    case: Case,
    folder: Folder,
    out: Path,
    settings: Settings,
    told: Container[str],
    drawing: Callable[[Sequence[Original]], Watcher],
    made: Made,
) -> None:
    earlier, wanted = sums_of(out), []
    for original in of_case(case, None):
        video, row = original.video, original.row or {}
        if video is None or video not in told or is_sealed(row) or is_failure(row):
            continue
        name = strip_name(video)
        if name in earlier and (out / name).is_file() and sha256_of(out / name) == earlier[name]:
            shutil.copyfile(out / name, folder.place_of(name))
            folder.adopt(name)
            made.pictures[video].append(strip_of(video))
        else:
            wanted.append(original)
    if not wanted:
        return
    watcher = drawing(wanted)
    sheets = Sheets(case, folder.path, settings)
    try:
        for original in wanted:
            watcher.begin(original)
            folder.place_of(strip_name(original.video or ""))
            entry = sheets.draw(original, watcher)
            if entry.became is Became.DRAWN and original.video is not None:
                folder.adopt(entry.strip)
                made.pictures[original.video].append(strip_of(original.video))
            watcher.end_strip(original, is_made=entry.became is Became.DRAWN, why=entry.why)
            if entry.became is Became.REFUSED:
                made.without.append(f"{shown(original.path)}: {entry.why}")
    except KeyboardInterrupt:
        made.was_stopped = True


def _take_copies(case: Case, folder: Folder, told: Sequence[str], made: Made) -> None:
    attempts: dict[str, list[Copied]] = defaultdict(list)
    for one in case.review.all():
        attempts[one.video].append(one)
    for video in told:
        chosen = may_be_taken(attempts[video])
        for rung in (one for one in Rung if one in chosen):
            picture = take_copy(chosen[rung], rung, folder)
            if picture is None:
                why = "is gone, or no longer what was searched, so it is not in the report"
                made.without.append(f"{shown(chosen[rung].path or '')}: {why}")
            else:
                made.pictures[video].append(picture)


def _families(case: Case, whole: Whole) -> Families:
    clusters = group(case)
    called = Names(whole.names)
    groups = tuple(_family(case, cluster, called) for cluster in clusters.clusters)
    links = (*link_lines(clusters, called), *compiled_lines(clusters, called))
    return Families(groups, links, tuple(left_out(clusters, called)))


def _family(case: Case, cluster: Cluster, called: Names) -> Family:
    relatives = tuple(
        Relative(
            video=member.video,
            name=called(member.video),
            merits="; ".join(merits(cluster, member)),
            remarks=tuple(about_member(cluster, member, called)),
            is_there=any((archive_of(path) or path).is_file() for path in case.files(member.video)),
            is_kept=member.video in cluster.keep,
        )
        for member in cluster.members
    )
    descents = tuple((one.child, one.parent, one.reason) for one in cluster.descents)
    return Family(relatives, descents, cluster.undecided, tuple(about_group(cluster, called)))
