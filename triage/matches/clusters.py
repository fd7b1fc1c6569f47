"""The videos of a case in groups of copies: what each group shows together, who holds what, and which copy to preserve.

Pure. Nothing here deletes, hides or ranks a video out of sight: every copy is a member and says what it alone holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from triage.geometry import Span
from triage.matches.edits import Edit
from triage.matches.genealogy import Descent, Facts, descents, done_to, edits_of, undecided
from triage.matches.groups import apart_without, grouped
from triage.matches.pairs import Pair, Pairs, neighbours, paired, total_ms
from triage.matches.timeline import Timeline, cover, lay_out
from triage.records import Overlap

NEARLY_ALL = 0.95
"""Of what the fullest copy holds; who holds as much is ranked by quality alone."""
ZONES = timedelta(hours=14)
"""As far as a time without a zone can lie from UTC."""
PLAIN = frozenset({Edit.SAME})
"""What sets two copies apart without anything having been done to the pictures."""


@dataclass(frozen=True, slots=True)
class Member:
    """One copy of a group."""

    facts: Facts
    held_ms: int
    """What it shows of all that the group shows together."""
    share: float
    """The same as a share of it, in [0, 1]."""
    lone: tuple[Span, ...]
    """What no other copy here shows, in its own time; see ``timeline.LEAST_MS``."""
    edits: tuple[str, ...]
    """What sets it apart from most of the others, or what was surely done to it."""

    @property
    def video(self) -> str:
        return self.facts.video


@dataclass(frozen=True, slots=True)
class Link:
    """Two videos of different groups, or of none, that share a part."""

    one: str
    other: str
    one_spans: tuple[Span, ...]
    """What of the first is shown in the other."""
    other_spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Copies of one thing; see ``groups.py`` for what makes them that."""

    members: tuple[Member, ...]
    """At least two, the best to preserve first."""
    union_ms: int
    """How long all that they show together is."""
    longest: str
    earliest: tuple[str, ...]
    """By metadata, which can be wrong or forged; several, where they say the same or it cannot be told."""
    least_reencoded: str
    """A guess by what was done to it, the size of its pictures and its bits."""
    keep: tuple[str, ...]
    """A few that together hold every whole second, the best first."""
    descents: tuple[Descent, ...]
    undecided: tuple[tuple[str, str], ...]
    """Either of these two may come from the other."""
    apart: int
    """Into how many groups that share nothing the others would fall without the longest; from 2 on, it is the whole
    recording or was put together from them."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """How the videos of a case hang together."""

    clusters: tuple[Cluster, ...]
    """Those with the most copies first."""
    alone: tuple[str, ...]
    """Videos without a copy."""
    links: tuple[Link, ...]
    compiled: tuple[str, ...]
    """Videos put together from others that have nothing to do with one another."""
    not_compared: tuple[str, ...]
    """Videos without a fingerprint."""
    sealed: int
    """Files that nobody looks at; nothing else is known of them."""

    @property
    def videos(self) -> int:
        """All that are in the case, the sealed ones aside."""
        return len(self.alone) + len(self.not_compared) + sum(len(cluster.members) for cluster in self.clusters)


def find_clusters(
    facts: Iterable[Facts], overlaps: Iterable[Overlap], *, not_compared: Iterable[str] = (), sealed: int = 0
) -> Clusters:
    """The groups, whatever order videos and overlaps come in.

    Args:
        facts: of every video that was compared; sealed ones must not be among them.
        overlaps: among these, each pair once or asked both ways.
        not_compared: ids of videos that have no fingerprint.
        sealed: how many files are sealed.

    Raises:
        ValueError: an overlap is of a video of which there are no facts.
    """
    known = {each.video: each for each in sorted(facts, key=lambda each: each.video)}
    pairs = paired(overlaps)
    strange = sorted({video for key in pairs for video in key} - known.keys())
    if strange:
        raise ValueError(f"an overlap is of a video that was not given: {strange[0][:12]}")
    groups, compiled = grouped({video: each.length_ms for video, each in known.items()}, pairs)
    group_of = {video: number for number, group in enumerate(groups) for video in group}
    within: dict[int, dict[tuple[str, str], Pair]] = {}
    for key, pair in pairs.items():
        if group_of[pair.one] == group_of[pair.other]:
            within.setdefault(group_of[pair.one], {})[key] = pair
    clusters = [
        _cluster({video: known[video] for video in sorted(group)}, within[number])
        for number, group in enumerate(groups)
        if len(group) > 1
    ]
    return Clusters(
        clusters=tuple(sorted(clusters, key=lambda each: (-len(each.members), -each.union_ms, each.longest))),
        alone=tuple(sorted(video for group in groups if len(group) == 1 for video in group)),
        links=tuple(_link(pair) for pair in pairs.values() if group_of[pair.one] != group_of[pair.other]),
        compiled=tuple(sorted(compiled)),
        not_compared=tuple(sorted(not_compared)),
        sealed=sealed,
    )


def clusters_row(clusters: Clusters) -> dict[str, Any]:
    """All groups as JSON, always with the same keys.

    ``groups``: see ``cluster_row``; ``links``: ``videos`` and the ``spans`` of each that they share, pairs of ms;
    ``alone``, ``compiled``, ``not_compared``: videos; ``sealed``: how many.
    """
    return {
        "groups": [cluster_row(cluster) for cluster in clusters.clusters],
        "links": [
            {"videos": [link.one, link.other], "spans": [[list(span) for span in spans] for spans in _spans(link)]}
            for link in clusters.links
        ],
        "alone": list(clusters.alone),
        "compiled": list(clusters.compiled),
        "not_compared": list(clusters.not_compared),
        "sealed": clusters.sealed,
    }


def _spans(link: Link) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    return link.one_spans, link.other_spans


def cluster_row(cluster: Cluster) -> dict[str, Any]:
    """The group as JSON, always with the same keys.

    ``union_ms``; ``longest``, ``earliest``, ``least_reencoded``, ``keep``: videos; ``copies``, the best to preserve
    first: ``video``, ``length_ms``, ``held_ms``, ``share``, ``only_here`` (pairs of ms), ``edits``, ``made_at``;
    ``descents``: ``child``, ``parent``, ``reason``; ``undecided``: pairs of videos.
    """
    return {
        "union_ms": cluster.union_ms,
        "longest": cluster.longest,
        "earliest": list(cluster.earliest),
        "least_reencoded": cluster.least_reencoded,
        "keep": list(cluster.keep),
        "copies": [
            {
                "video": member.video,
                "length_ms": member.facts.length_ms,
                "held_ms": member.held_ms,
                "share": round(member.share, 4),
                "only_here": [list(span) for span in member.lone],
                "edits": list(member.edits),
                "made_at": member.facts.made_at,
            }
            for member in cluster.members
        ],
        "descents": [asdict(descent) for descent in cluster.descents],
        "undecided": [list(pair) for pair in cluster.undecided],
    }


def _cluster(facts: Mapping[str, Facts], pairs: Pairs) -> Cluster:
    timeline = lay_out(
        {video: each.length_ms for video, each in facts.items()},
        pairs,
        {video: each.blank for video, each in facts.items()},
    )
    members = _members(facts, pairs, timeline)
    fullest = max(member.held_ms for member in members)
    ranked = tuple(sorted(members, key=lambda member: _rank(member, fullest)))
    longest = min(facts.values(), key=lambda each: (-each.length_ms, each.video)).video
    found = descents(facts, pairs)
    return Cluster(
        members=ranked,
        union_ms=timeline.length_ms,
        longest=longest,
        earliest=_earliest(facts),
        least_reencoded=min(members, key=_reencoding).video,
        keep=cover(timeline, [member.video for member in ranked]),
        descents=found,
        undecided=undecided(pairs, found),
        apart=apart_without(longest, facts, pairs),
    )


def _members(facts: Mapping[str, Facts], pairs: Pairs, timeline: Timeline) -> list[Member]:
    lone, sharing = timeline.lone(), neighbours(pairs)
    members = []
    for video, each in facts.items():
        held_ms = total_ms(timeline.held(video))
        edits = _edits(video, sharing[video])
        members.append(Member(each, held_ms, held_ms / timeline.length_ms, tuple(lone.get(video, ())), edits))
    return members


def _edits(video: str, pairs: list[Pair]) -> tuple[str, ...]:
    """What was surely done to it, and what sets it apart from more than half of the others, or from the only one."""
    sure = {edit for pair in pairs for edit in done_to(video, pair)}
    apart = [edit for pair in pairs for edit in edits_of(video, pair) if edit not in PLAIN | sure]
    often = {edit for edit in apart if 2 * apart.count(edit) > len(pairs)}
    return tuple(sorted(sure | often))


def _rank(member: Member, fullest_ms: int) -> tuple[Any, ...]:
    """The best to preserve comes first: who holds the most, and of those that hold nearly as much, the clearest."""
    fullness = member.held_ms / fullest_ms
    return 0 if fullness >= NEARLY_ALL else 1 - round(fullness, 2), *_reencoding(member)


def _reencoding(member: Member) -> tuple[Any, ...]:
    """The least re-encoded comes first."""
    facts = member.facts
    return not facts.is_whole, len(member.edits), -facts.pixels, -(facts.density or 0), -member.held_ms, facts.video


def _earliest(facts: Mapping[str, Facts]) -> tuple[str, ...]:
    """Those that may be the earliest by their metadata: all whose date may lie before the latest that is the first."""
    dates = {video: _between(each.made_at) for video, each in facts.items() if each.made_at is not None}
    first = min((latest for _, latest in dates.values()), default=None)
    return tuple(video for video, (soonest, _) in dates.items() if first is not None and soonest <= first)


def _between(made_at: str) -> tuple[datetime, datetime]:
    """Between which times it was: without a zone, some hours are open."""
    if made_at.endswith("Z"):
        time = datetime.fromisoformat(made_at)
        return time, time
    time = datetime.fromisoformat(made_at).replace(tzinfo=UTC)
    return time - ZONES, time + ZONES


def _link(pair: Pair) -> Link:
    return Link(pair.one, pair.other, tuple(pair.spans(pair.one)), tuple(pair.spans(pair.other)))
