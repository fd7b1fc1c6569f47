"""What is most like one clip, without a threshold that would have to be guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from triage.case.store import Case
from triage.matches.bank import Bank
from triage.matches.compare import compare
from triage.matches.likeness import alike
from triage.matches.moments import moments
from triage.records import Fingerprint, Overlap
from triage.run.clips import same_file
from triage.run.matching import Matched, Prints
from triage.settings import Matching

BEST_PICTURES = 5
"""Pictures that a likeness is the mean of, the most alike ones: a clip may be a small part of either side."""
ALL_UP_TO = 200
"""Videos up to which each is compared; of more, those that the index finds."""
BESIDE = 30
"""Videos that are compared beyond those that are asked for, since the index only guesses their order."""
FAINTLY = 0.05
"""``least_similarity`` under which the index names videos that would otherwise not be worth comparing."""


@dataclass(frozen=True, slots=True)
class Alike:
    """How one video or known clip is like the one that was asked for."""

    name: str
    """A video's id, or a clip's name in its bank."""
    likeness: float
    """Mean of the most alike pictures: 1 the same, 0 no more alike than any two."""
    overlap: Overlap | None
    """What the one that was asked for shows of it; None: no stretch that would be called a copy."""


def find_in_case(query: Fingerprint, case: Case, settings: Matching, top: int) -> tuple[list[Alike], Matched]:
    """The ``top`` contents of a case most like the query, and what could not be compared."""
    matched = Matched()
    prints = Prints(case, query.model, settings, matched)
    videos: Sequence[str] = prints.videos
    if len(videos) > ALL_UP_TO:
        index = prints.index()
        near = index.candidates(query, settings)
        faint = index.candidates(query, replace(settings, least_similarity=FAINTLY))
        videos = list(dict.fromkeys([*near, *faint]))[: top + BESIDE]
    others = ((video, prints(video)) for video in videos)
    return most_alike(query, ((name, one) for name, one in others if one is not None), settings, top), matched


def find_in_bank(query: Fingerprint, bank: Bank, settings: Matching, top: int) -> list[Alike]:
    """The ``top`` clips of a bank most like the query, those that are disabled left out."""
    names = {entry.video: entry.name for entry in bank.entries()}
    clips = ((names[one.video], one) for one in bank.fingerprints(query.model))
    return most_alike(query, clips, settings, top)


def most_alike(
    query: Fingerprint, stored: Iterable[tuple[str, Fingerprint]], settings: Matching, top: int
) -> list[Alike]:
    """Those most like the query: copies first, then by likeness, ties by name."""
    found = [_alike(query, name, one, settings) for name, one in stored]
    return sorted(found, key=lambda one: (one.overlap is None, -one.likeness, one.name))[:top]


def _alike(query: Fingerprint, name: str, stored: Fingerprint, settings: Matching) -> Alike:
    if stored.video == query.video:
        return Alike(name, 1.0, same_file(query, stored.video))
    queried, known = moments(query), moments(stored)
    best = np.zeros(0, np.float32)
    for mirrored in (False, True):
        pairs = alike(query, stored, queried, known, mirrored=mirrored, at_least=0.0)
        of_picture = np.zeros(len(query), np.float32)
        np.maximum.at(of_picture, queried.rows[pairs.query], pairs.likeness)
        best = np.maximum(best, of_picture) if len(best) else of_picture
    likeness = float(np.sort(best)[-BEST_PICTURES:].mean()) if len(best) else 0.0
    return Alike(name, round(min(1.0, likeness), 4), compare(query, stored, settings))
