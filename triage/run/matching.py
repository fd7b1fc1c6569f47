"""Which contents of a case show the same, and which show clips of a bank. Only fingerprints are read, never a video."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from triage.case.copies import Known
from triage.case.store import Case
from triage.errors import CaseError, MatchIndexError
from triage.matches.bank import Bank
from triage.matches.compare import compare
from triage.matches.edits import inverse
from triage.matches.index_folder import HEAD, REBUILD
from triage.matches.spans import uncomparable_ms
from triage.matches.video_index import VideoIndex
from triage.phrases import counted
from triage.records import Fingerprint, Overlap, Segment, Vectors
from triage.run.clips import Clips
from triage.settings import Matching, Settings, listed

KEPT_BYTES = 512 * 2**20
"""Of fingerprints held in memory at once; one of a minute takes 1 MB, one of an hour 64 MB."""

Counting = Callable[[Iterable[str], int], Iterator[str]]
"""Hands on the contents that are worked on, of so many, and shows how far it is."""


def quietly(videos: Iterable[str], _total: int) -> Iterator[str]:
    """Show nothing."""
    yield from videos


@dataclass(slots=True)
class Matched:
    """What one matching did."""

    compared: int = 0
    """Contents that were looked up now."""
    remarks: list[str] = field(default_factory=list)
    """What could not be compared, or else be done, a sentence each."""
    found: list[Known] = field(default_factory=list)
    """Overlaps that are new."""
    gone: list[Known] = field(default_factory=list)
    """Overlaps that were known and are not found any more."""
    parked: tuple[str, ...] = ()
    """Entries of the bank that are found in too many videos to mean anything."""
    missing: tuple[str, ...] = ()
    """Entries of the bank that have no fingerprint by this model."""


class Prints:
    """The fingerprints of a case by one model, read when they are needed, and an index of them that is kept."""

    def __init__(self, case: Case, model: str, settings: Matching, matched: Matched) -> None:
        self._case, self.model, self._settings, self._matched = case, model, settings, matched
        self.videos = tuple(video for video in case.unsealed() if case.copies.has(video, model))
        self._kept: OrderedDict[str, Fingerprint | None] = OrderedDict()
        """Those that were asked for last, the last one at the end."""
        self._kept_bytes = 0

    def __call__(self, video: str) -> Fingerprint | None:
        if video not in self._kept:
            self._keep(video, self._read(video))
        self._kept.move_to_end(video)
        return self._kept[video]

    def _keep(self, video: str, fingerprint: Fingerprint | None) -> None:
        self._kept[video] = fingerprint
        self._kept_bytes += _size(fingerprint)
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= _size(self._kept.popitem(last=False)[1])

    def _read(self, video: str) -> Fingerprint | None:
        try:
            return self._case.copies.load(video, self.model)
        except MatchIndexError as error:
            self._matched.remarks.append(f"not compared: {error}")
            return None

    def index(self) -> VideoIndex:
        """An index of all of them: the one that is kept, with what came since and without what went."""
        folder = self._case.copies.index_folder
        index = self._kept_index(folder)
        if index is not None:
            index.remove(*sorted(frozenset(index.videos()) - frozenset(self.videos)))
        for video in self.videos:
            if (index is None or video not in index) and (fingerprint := self(video)) is not None:
                index = index or self._empty(fingerprint.vectors.shape[2], folder)
                index.add(fingerprint)
        if index is None:
            return self._empty(1)
        if index.is_changed:
            index.save(folder)
        return index

    def _kept_index(self, folder: Path) -> VideoIndex | None:
        """What is whole of the index that is kept: it is only a short cut, and the rest is made anew, and said."""
        exact_up_to, shard_vectors = self._settings.exact_up_to, self._settings.shard_vectors
        remarks: tuple[str, ...] = ()
        index: VideoIndex | None = None
        try:
            index = VideoIndex.load(folder, self.model, exact_up_to=exact_up_to, shard_vectors=shard_vectors)
            remarks = index.remarks
        except MatchIndexError as error:
            remarks = (str(error),) if (folder / HEAD).exists() else ()
        self._matched.remarks += [f"made anew from fingerprints: {why.removesuffix(f'; {REBUILD}')}" for why in remarks]
        return index

    def index_of(self, videos: Iterable[str]) -> VideoIndex | None:
        """An index of these contents alone; None: there is no fingerprint of any."""
        made: VideoIndex | None = None
        for video in videos:
            if (fingerprint := self(video)) is not None:
                made = made or self._empty(fingerprint.vectors.shape[2])
                made.add(fingerprint)
        return made

    def _empty(self, dim: int, folder: Path | None = None) -> VideoIndex:
        exact_up_to, shard_vectors = self._settings.exact_up_to, self._settings.shard_vectors
        return VideoIndex(self.model, dim, exact_up_to=exact_up_to, shard_vectors=shard_vectors, folder=folder)


def _size(fingerprint: Fingerprint | None) -> int:
    """Bytes of its vectors, beside which the rest is little."""
    return 0 if fingerprint is None else fingerprint.vectors.nbytes


def match_within(case: Case, model: str, settings: Settings, counting: Counting = quietly) -> Matched:
    """Compare what is new in the case with everything in it.

    Args:
        model: whose fingerprints.
    """
    matched = Matched()
    prints = Prints(case, model, settings.matching, matched)
    mark = mark_of(model, settings.matching)
    marks = case.copies.marks()
    if any(other != mark for other in marks.values()):
        case.copies.forget_all()
        marks = {}
    new = [video for video in prints.videos if video not in marks]
    if not new:
        return matched
    index = prints.index()
    # An earlier video may show a new one in a corner: each side asks the other with all its views.
    asked_by = defaultdict(set)
    recent = prints.index_of(new) if marks else None
    for video in marks:
        fingerprint = prints(video) if recent else None
        if recent and fingerprint is not None:
            for other in recent.candidates(fingerprint, settings.matching)[: settings.matching.fruitless]:
                asked_by[other].add(video)
    pairs = _Pairs(prints, settings.matching)
    for video in counting(new, len(new)):
        fingerprint = prints(video)
        found: list[Known] = []
        if fingerprint is not None:
            itself = frozenset({video})
            weights = _weights(index.commonness(fingerprint, settings.matching, leave_out=itself))
            others = index.candidates(fingerprint, settings.matching, leave_out=itself)
            for overlap in pairs.overlaps(fingerprint, others, asked_by[video], weights):
                found += [Known(overlap), Known(inverted(overlap))]
            matched.compared += 1
        blank = [] if fingerprint is None else uncomparable_ms(fingerprint)
        case.copies.keep(found, [video], mark, blank=blank)
        matched.found += found
    if pairs.left_out:
        matched.remarks.append(
            f"{counted(pairs.left_out, 'video looks', 'videos look')} a little like more others than were compared: of "
            f"each, comparing ended when {settings.matching.fruitless} in a row showed nothing of it. To compare more: "
            "triage match CASE --rebuild --set matching.fruitless=1000"
        )
    return matched


class _Pairs:
    """Pairs of contents, each compared once."""

    def __init__(self, prints: Prints, settings: Matching) -> None:
        self._prints, self._settings = prints, settings
        self._shows: dict[frozenset[str], bool] = {}
        """Of each pair that was compared, whether the one shows something of the other."""
        self.left_out = 0
        """Contents that more others look a little like than were compared with them."""

    def overlaps(
        self, query: Fingerprint, others: Sequence[str], asked_by: AbstractSet[str], weights: Vectors
    ) -> Iterator[Overlap]:
        """What a video shows of others, as far as it was not told before of the same pair.

        Args:
            others: those that most speaks for first. Where so many in a row showed nothing as ``Matching.fruitless``
                says, those that less speaks for are left out: of a thousand clips of one kind each looks a little like
                all, and comparing all with all would take days.
            asked_by: those that this one most speaks for; all are compared.
        """
        fruitless = 0
        for other in others:
            if fruitless == self._settings.fruitless:
                self.left_out += 1
                break
            yield from self._new(query, other, weights)
            fruitless = 0 if self._shows.get(frozenset({query.video, other})) else fruitless + 1
        for other in sorted(asked_by):
            yield from self._new(query, other, weights)

    def _new(self, query: Fingerprint, other: str, weights: Vectors) -> Iterator[Overlap]:
        pair = frozenset({query.video, other})
        stored = None if pair in self._shows else self._prints(other)
        if stored is None:
            return
        overlap = compare(query, stored, self._settings, weights=weights)
        self._shows[pair] = overlap is not None
        if overlap is not None:
            yield overlap


def match_bank(case: Case, bank: Bank, model: str, settings: Settings, counting: Counting = quietly) -> Matched:
    """Compare what is new in the case with a bank, and what is new in the bank with the case.

    Raises:
        MatchIndexError: the case was compared with another bank of the same name.
    """
    case.copies.note_bank(bank.id, bank.name)
    matched = Matched(missing=tuple(entry.name for entry in bank.missing(model)))
    try:
        bank.note_case(case.folder)
    except CaseError as error:  # it is on a disk that may only be read
        matched.remarks.append(f"what is added to the bank later will not be looked up in this case by itself: {error}")
    before = case.copies.in_bank(bank.id)
    prints = Prints(case, model, settings.matching, matched)
    _compare_with(case, bank, Clips(bank, model, settings.matching), prints, settings.matching, matched, counting)
    matched.parked = _park(case, bank, len(prints.videos), settings.matching)
    after = case.copies.in_bank(bank.id)
    known = {(one.overlap.query, one.entry) for one in before}
    still = {(one.overlap.query, one.entry) for one in after}
    matched.found = [one for one in after if (one.overlap.query, one.entry) not in known]
    matched.gone = [one for one in before if (one.overlap.query, one.entry) not in still]
    return matched


def _compare_with(
    case: Case, bank: Bank, clips: Clips, prints: Prints, settings: Matching, matched: Matched, counting: Counting
) -> None:
    """Compare new videos with all clips and new clips with all videos; forget what was found of clips that went."""
    mark = mark_of(prints.model, settings)
    of_clips = f"{bank.id}/clips"
    """Under which name the catalogue keeps which clips of the bank were compared, and what was known of them then."""
    if any(other != mark for other in case.copies.marks(bank.id).values()):
        case.copies.forget_all(bank.id)
        case.copies.forget_all(of_clips)
    compared = {name for name, state in case.copies.marks(of_clips).items() if clips.states.get(name) == state}
    case.copies.drop(bank.id, sorted(case.copies.marks(of_clips).keys() - compared), of_clips)
    everything = frozenset(clips.states)
    new_clips = everything - compared
    new_videos = frozenset(prints.videos) - case.copies.marks(bank.id).keys()
    asked_by: dict[str, set[str]] = defaultdict(set)
    for names, index in (
        (new_clips, prints.index() if new_clips else None),
        (everything - new_clips, prints.index_of(sorted(new_videos))),
    ):
        for video, asking in clips.ask(names, index, settings).items() if index else ():
            asked_by[video] |= asking
    due = [video for video in prints.videos if video in new_videos or new_clips]
    for video in counting(due, len(due)):
        fingerprint = prints(video)
        wanted = everything if video in new_videos else new_clips
        found: list[Known] = []
        if fingerprint is not None:
            found += clips.overlaps(fingerprint, wanted, frozenset(asked_by[video]), settings, case.files)
            matched.compared += 1
        case.copies.keep(found, [video], mark, bank.id)
    for name in sorted(new_clips):
        case.copies.keep([], [name], clips.states[name], of_clips)


def _weights(videos: npt.NDArray[np.int64]) -> Vectors:
    """How much each picture says, by how many other videos have one like it."""
    return np.asarray(1 / np.log2(1 + np.maximum(1, videos)), np.float32)


def _park(case: Case, bank: Bank, videos: int, settings: Matching) -> tuple[str, ...]:
    """Mark the entries that are found in too many videos, and take the mark from the others; the former's names."""
    in_videos = Counter(one.entry for one in case.copies.in_bank(bank.id))
    most = max(settings.flood_least - 1, settings.flood_share * videos)
    parked = tuple(sorted(name for name, number in in_videos.items() if number > most))
    case.copies.park(bank.id, parked)
    return parked


def inverted(overlap: Overlap) -> Overlap:
    """The same overlap, asked from the other side."""
    segments = tuple(
        Segment(
            query_start_ms=one.stored_start_ms,
            query_end_ms=one.stored_end_ms,
            stored_start_ms=one.query_start_ms,
            stored_end_ms=one.query_end_ms,
            speed=1 / one.speed,
            mirrored=one.mirrored,
            similarity=one.similarity,
        )
        for one in overlap.segments
    )
    in_time = tuple(sorted(segments, key=lambda one: (one.query_start_ms, one.stored_start_ms)))
    return Overlap(
        overlap.stored, overlap.query, in_time, overlap.stored_share, overlap.query_share, inverse(overlap.edits)
    )


def mark_of(model: str, settings: Matching) -> str:
    """What two videos were compared under: with another of these, they are compared anew."""
    values = {name: value for name, value in listed(Settings(matching=settings)) if name.startswith("matching.")}
    return hashlib.sha256(json.dumps([model, values], sort_keys=True).encode()).hexdigest()[:16]
