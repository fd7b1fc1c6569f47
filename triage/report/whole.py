"""What has to be known of a whole case before one video of it can be told of."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from triage.case.decisions import Decision, standing
from triage.case.spreading import Spread, spread
from triage.case.store import Case, Counts
from triage.report.models import blind_spots_of_all


@dataclass(frozen=True, slots=True)
class Whole:
    """A case at the moment at which a report of it was begun."""

    counts: Counts
    rank: dict[str, int]
    """Content -> its place in the queue, 0 for the first; what is sealed has none."""
    names: Mapping[str, str]
    """Content -> where it lies, harmless to show, below ``root``."""
    root: str
    """The folder that all files of the case lie in; it is in no page, since it tells of whoever made the report."""
    blind: Mapping[str, Sequence[str]]
    decisions: Mapping[str, Sequence[Decision]]
    """Content -> those about it that stand."""
    spreads: Mapping[str, Sequence[Spread]]
    """Content -> those about others that hold for it too."""

    @classmethod
    def of(cls, case: Case) -> Whole:
        """The case as it stands.

        Raises:
            CaseError: it cannot be read.
            WeightsError: a manifest cannot be read, so nobody can say what models are blind to.
        """
        listed = {one.video: one.name for one in case.listing.all()}
        unsealed = case.unsealed()
        root = _root([listed[video] for video in unsealed if video in listed])
        decisions: dict[str, list[Decision]] = defaultdict(list)
        every = case.decisions.every()
        for decision in standing(every):
            decisions[decision.judged.video].append(decision)
        spreads: dict[str, list[Spread]] = defaultdict(list)
        for one in spread(every, [known.overlap for known in case.copies.within()]) if every else ():
            spreads[one.video].append(one)
        return cls(
            counts=case.counts(),
            rank={video: place for place, video in enumerate(unsealed)},
            names={video: _below(root, listed[video]) for video in unsealed if video in listed},
            root=root,
            blind=blind_spots_of_all(),
            decisions=decisions,
            spreads=spreads,
        )

    def name_of(self, video: str) -> str:
        """What to call a content."""
        return self.names.get(video, video[:12])

    def below(self, name: str) -> str:
        """A path without the folder that all files of the case lie in."""
        return _below(self.root, name)


def _root(names: Sequence[str]) -> str:
    folders = {str(PurePath(name).parent) for name in names if os.path.isabs(name)}  # noqa: PTH117  words, no path
    return os.path.commonpath(folders) if folders else ""


def _below(root: str, name: str) -> str:
    return name.removeprefix(root).lstrip("/") if root and name.startswith(f"{root.rstrip('/')}/") else name
