"""Two fingerprints -> what one shows of the other, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.errors import MatchIndexError
from triage.matches.align import ZERO_SHARE, Stretch, align, without_echoes
from triage.matches.edits import look, name_edits
from triage.matches.evidence import is_enough
from triage.matches.likeness import FLOOR, alike
from triage.matches.moments import Moments, moments
from triage.matches.motion import as_alike, following, moving_alike
from triage.matches.spans import seen_segment, segment, share
from triage.matches.stills import is_still, seen_in
from triage.records import Fingerprint, Overlap, Segment, Vectors
from triage.settings import Matching

SURELY = 0.8
"""How closely two videos move together where nobody needs to look again by what moves."""


def compare(
    query: Fingerprint, stored: Fingerprint, settings: Matching, *, weights: Vectors | None = None
) -> Overlap | None:
    """What the query shows of the other; None: nothing of it is found.

    Args:
        query: the video that is asked for.
        stored: another.
        weights: (N,) of the query's pictures, in (0, 1]: low for those that are common in the whole collection.

    Raises:
        MatchIndexError: they were made by different models.
        ValueError: both are of the same video.
    """
    if query.model != stored.model:
        raise MatchIndexError(
            f"{query.video[:12]} has a fingerprint by {query.model}, {stored.video[:12]} one by {stored.model}; wanted "
            "are two by the same model: scan or add again the one that is of the old model"
        )
    if query.video == stored.video:
        raise ValueError(f"a video is not compared with itself, got {query.video[:12]} twice")
    queried, known = moments(query, weights), moments(stored)
    if not len(queried) or not len(known):
        return None
    stretches = without_echoes(list(_found(query, stored, queried, known, settings)))
    if not stretches:
        return None
    still = is_still(queried) or is_still(known)
    shown = seen_segment if still else segment
    segments = sorted((shown(stretch, queried, known) for stretch in stretches), key=_in_time)
    query_share = share(((each.query_start_ms, each.query_end_ms) for each in segments), queried.length_ms)
    stored_share = share(((each.stored_start_ms, each.stored_end_ms) for each in segments), known.length_ms)
    return Overlap(
        query=query.video,
        stored=stored.video,
        segments=tuple(segments),
        query_share=query_share,
        stored_share=stored_share,
        edits=name_edits(
            look(query, stored, queried, known, stretches),
            stretches,
            is_video=not still,
            query_share=query_share,
            stored_share=stored_share,
        ),
    )


def _found(
    query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments, settings: Matching
) -> Iterator[Stretch]:
    floor = min(FLOOR, ZERO_SHARE * settings.least_similarity)
    for mirrored in (False, True):
        pairs = alike(query, stored, queried, known, mirrored=mirrored, at_least=floor)
        if is_still(queried) or is_still(known):
            yield from seen_in(pairs, queried, known, settings, mirrored=mirrored)
            continue
        stretches = align(pairs, queried, known, settings, mirrored=mirrored)
        enough = [one for one in stretches if is_enough(one, query, stored, queried, known, settings)]
        alike_only = [one for one in stretches if one.similarity >= settings.least_similarity]
        if alike_only and _together(enough, query, stored, queried, known) < SURELY * _whole(alike_only):
            # One camera that stands sees much the same all day: where they run together is told by what moves.
            like = max(alike_only, key=lambda one: one.evidence_ms)
            pairs = moving_alike(query, stored, queried, known, like, at_least=floor)
            moving = align(pairs, queried, known, settings, mirrored=mirrored)
            seen = [as_alike(one, query, stored, queried, known) for one in moving]
            moving = [one for one in seen if is_enough(one, query, stored, queried, known, settings)]
            if _together(moving, query, stored, queried, known) > _together(enough, query, stored, queried, known):
                enough = moving
        yield from enough


def _whole(stretches: Sequence[Stretch]) -> float:
    return sum(one.evidence_ms for one in stretches)


def _together(
    stretches: Sequence[Stretch], query: Fingerprint, stored: Fingerprint, queried: Moments, known: Moments
) -> float:
    """For how many ms these stretches move together, each counted by how closely."""
    return sum(
        one.evidence_ms
        * max(0.0, following(query, stored, queried.rows[one.query], known.rows[one.stored], mirrored=one.mirrored)[0])
        for one in stretches
    )


def _in_time(segment: Segment) -> tuple[int, int]:
    return segment.query_start_ms, segment.stored_start_ms
