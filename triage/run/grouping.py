"""The groups of copies in a case, from what matching found."""

from __future__ import annotations

from collections.abc import Iterator

from triage.case.rows import Row, is_failure, is_sealed
from triage.case.store import Case
from triage.matches.clusters import Clusters, find_clusters
from triage.matches.genealogy import Facts
from triage.records import Extent


def group(case: Case) -> Clusters:
    """The groups as they stand; what was not compared with the others of the case is named."""
    compared = case.copies.marks()
    facts, not_compared, sealed = [], [], 0
    for row in case.rows():  # one at a time: those of a large case do not fit into memory
        video = row["video"]["id"]
        if is_sealed(row):
            sealed += 1
        elif video is not None and not is_failure(row):
            if video in compared:
                facts.append(_facts(case, row))
            else:
                not_compared.append(video)
    there = {each.video for each in facts}  # a report that is damaged or gone leaves its overlaps behind
    overlaps = [known.overlap for known in case.copies.within()]
    return find_clusters(
        facts,
        [overlap for overlap in overlaps if {overlap.query, overlap.stored} <= there],
        not_compared=not_compared,
        sealed=sealed,
    )


def _facts(case: Case, row: Row) -> Facts:
    video, coverage = row["video"], row["coverage"]
    return Facts(
        video=video["id"],
        length_ms=coverage["reached_ms"],
        width_px=video["width_px"],
        height_px=video["height_px"],
        codec=video["codec"],
        made_at=video.get("made_at"),
        size_bytes=next(_sizes(case, video["id"]), None),
        is_whole=coverage["extent"] != Extent.PARTIAL,
        blank=tuple(case.copies.blank(video["id"])),
    )


def _sizes(case: Case, video: str) -> Iterator[int]:
    for path in case.files(video):
        try:
            yield path.stat().st_size
        except OSError:
            continue
