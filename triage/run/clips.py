"""The clips of a bank, as one video after another is compared with them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from triage.case.copies import Known
from triage.errors import VideoError
from triage.matches.bank import Bank
from triage.matches.bank_state import Entry
from triage.matches.compare import compare
from triage.matches.hash_compare import KnownHashes
from triage.matches.signals import Kind
from triage.matches.video_index import VideoIndex
from triage.original import open_original
from triage.records import Fingerprint, Overlap, Segment
from triage.settings import Matching

SAME_FILE = "the same file"
"""What stands among the edits where not a byte is another."""
BLOCK_BYTES = 1 << 20


class Clips:
    """The clips of a bank that count, by name: with fingerprints by one model, or with imported hashes alone."""

    def __init__(self, bank: Bank, model: str, settings: Matching) -> None:
        self._bank = bank
        self._prints = {one.video: one for one in bank.fingerprints(model)}
        self._exact = bank.exact()
        hashed = bank.hash_only()
        self._hashes = {entry.video: entry.name for entry, _ in hashed}
        self._known_hashes = KnownHashes([(entry.video, rows) for entry, rows in hashed])
        entries = [entry for entry in bank.entries() if entry.is_enabled]
        self._printed = {entry.name: entry for entry in entries if entry.video in self._prints}
        exact = {entry.name for by_digits in self._exact.values() for entry in by_digits.values()}
        self.states = {
            entry.name: f"{entry.video[:16]} {entry.name in self._printed} {len(entry.signals)}"
            for entry in entries
            if entry.name in {*self._printed, *self._hashes.values(), *exact}
        }
        """Name of each -> what there is to compare it by; where this changes, it is looked up anew."""
        self._index: VideoIndex | None = None
        for fingerprint in self._prints.values():
            self._index = self._index or VideoIndex(
                model, fingerprint.vectors.shape[2], exact_up_to=settings.exact_up_to
            )
            self._index.add(fingerprint)

    def overlaps(
        self,
        query: Fingerprint,
        wanted: frozenset[str],
        asked_by: frozenset[str],
        settings: Matching,
        files: Callable[[str], Iterable[Path]],
    ) -> Iterator[Known]:
        """What a video shows of the wanted clips, each clip at most once.

        Args:
            asked_by: names of clips for which the video was a candidate; those for which it asks itself come to them.
            files: content -> where its bytes lie; read only where a list of MD5 or SHA-1 leaves no other way.
        """
        same = {entry.name: entry for entry in self._same_bytes(query.video, files)}
        for entry in same.values():
            if entry.name in wanted:
                yield Known(same_file(query, entry.video), self._bank.id, entry.name)
        left = wanted - same.keys()
        printed = left & self._printed.keys()
        near = frozenset(self._index.candidates(query, settings)) if self._index and printed else frozenset()
        for name in sorted(printed):
            clip = self._prints[self._printed[name].video]
            overlap = compare(query, clip, settings) if name in asked_by or clip.video in near else None
            if overlap is not None:
                yield Known(overlap, self._bank.id, name)
        for overlap in self._known_hashes.overlaps(query) if left & set(self._hashes.values()) else ():
            name = self._hashes[overlap.stored]
            if name in left:
                yield Known(overlap, self._bank.id, name)

    def ask(self, names: Iterable[str], videos: VideoIndex, settings: Matching) -> dict[str, set[str]]:
        """Video -> names of those of these clips for which it is a candidate, each asked for with all its views."""
        asked_by: dict[str, set[str]] = defaultdict(set)
        for name in sorted(self._printed.keys() & set(names)):
            for video in videos.candidates(self._prints[self._printed[name].video], settings):
                asked_by[video].add(name)
        return asked_by

    def _same_bytes(self, video: str, files: Callable[[str], Iterable[Path]]) -> Iterator[Entry]:
        """Clips whose file is this one, by whatever hash of it they are known."""
        known = self._exact[Kind.SHA256]
        if video in known:
            yield known[video]
        others = [kind for kind in (Kind.MD5, Kind.SHA1) if _only_so(self._exact[kind])]
        if others:
            digests = _digests(video, files(video), others)
            yield from (self._exact[kind][value] for kind, value in digests.items() if value in self._exact[kind])


def _only_so(by_digits: Mapping[str, Entry]) -> bool:
    """Whether some clip is known by hashes of this kind and not by SHA-256, which needs no file to be read."""
    return any(entry.exact(Kind.SHA256) is None for entry in by_digits.values())


def _digests(video: str, files: Iterable[Path], kinds: Iterable[Kind]) -> dict[Kind, str]:
    """Other hashes of these bytes; none where they do not lie anywhere any more."""
    for path in files:
        digests = {kind: hashlib.new(kind.value, usedforsecurity=False) for kind in kinds}
        sha256 = hashlib.sha256()
        try:
            with open_original(path) as file:
                while block := file.read(BLOCK_BYTES):
                    for digest in (sha256, *digests.values()):
                        digest.update(block)
        except (VideoError, OSError):
            continue
        if sha256.hexdigest() == video:
            return {kind: digest.hexdigest() for kind, digest in digests.items()}
    return {}


def same_file(query: Fingerprint, stored: str) -> Overlap:
    """The overlap of a video with its own bytes."""
    end_ms = max(1, query.length_ms)
    segment = Segment(0, end_ms, 0, end_ms, speed=1.0, mirrored=False, similarity=1.0)
    return Overlap(query.video, stored, (segment,), 1.0, 1.0, (SAME_FILE,))
