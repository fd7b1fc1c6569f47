"""Groups of copies in words, for the terminal and for a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from triage.geometry import Span
from triage.matches.clusters import Cluster, Clusters, Link, Member
from triage.matches.pairs import total_ms
from triage.names import shown
from triage.phrases import clock, counted, listing, span

MOST_STRETCHES = 6
"""As many are told one by one; of more, only the first."""
MOST_NAMES = 20
"""As many videos that were not compared are named."""


class Names:
    """What videos are called."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Keep them.

        Args:
            names: of videos, by id; who has none is called by the first digits of the id.
        """
        self._names = names

    def __call__(self, video: str) -> str:
        return shown(self._names.get(video, video[:12]))

    def list(self, videos: Sequence[str]) -> str:
        return listing([self(video) for video in videos])


def left_out(clusters: Clusters, called: Names) -> Iterator[str]:
    """What was not compared, a sentence each."""
    if clusters.not_compared:
        were = counted(len(clusters.not_compared), "video was", "videos were")
        some = _first([called(video) for video in clusters.not_compared], MOST_NAMES)
        yield f"{were} not compared, having no fingerprint (scan again): {some}"
    if clusters.sealed:
        yield f"{counted(clusters.sealed, 'sealed file is', 'sealed files are')} not compared with anything."


def about_group(cluster: Cluster, called: Names) -> Iterator[str]:
    """What holds for all copies of a group together, a sentence each."""
    whole = f"all {clock(cluster.union_ms)}"
    together = f"it holds {whole}" if len(cluster.keep) == 1 else f"together they hold {whole}"
    yield f"keep these: {called.list(cluster.keep)}; {together}"
    if len(cluster.earliest) == 1:
        yield f"earliest by its metadata, which can be wrong or forged: {called(cluster.earliest[0])}"
    elif cluster.earliest:
        yield f"which is the earliest cannot be told by their metadata: {called.list(cluster.earliest)}"
    if cluster.apart > 1:
        yield (
            f"without {called(cluster.longest)} these are {cluster.apart} groups that share nothing: "
            "it is the whole recording, or was put together from them"
        )


def merits(cluster: Cluster, member: Member) -> Iterator[str]:
    """What a copy is, in a few words each."""
    facts = member.facts
    yield f"holds {_percent(member.share)} of what they show"
    if member.video == cluster.longest:
        yield "the longest"
    if member.video == cluster.least_reencoded:
        yield "least re-encoded by a guess"
    yield f"{facts.width_px}x{facts.height_px}{_rate(member)}"
    if not facts.is_whole:
        yield "damaged or not wholly read"
    yield listing(member.edits) if member.edits else "nothing seen that was done to it"


def about_member(cluster: Cluster, member: Member, called: Names) -> Iterator[str]:
    """Where a copy may come from and what only it holds, a sentence each."""
    facts = member.facts
    if facts.made_at:
        yield f"recorded {facts.made_at} by its metadata"
    for descent in cluster.descents:
        if descent.child == member.video:
            yield f"may come from {called(descent.parent)}: {descent.reason}"
    for pair in cluster.undecided:
        if member.video in pair:
            [other] = set(pair) - {member.video}
            yield f"either may come from the other: this one and {called(other)}"
    if member.lone:
        yield f"only in this copy: {_stretches(member.lone)}"
    if facts.blank:
        yield f"could not be compared, black or empty: {_stretches(facts.blank)}"


def link_lines(clusters: Clusters, called: Names) -> Iterator[str]:
    """What videos share that are not copies of one thing, a sentence each."""
    groups = {member.video: number for number, each in enumerate(clusters.clusters, 1) for member in each.members}

    def placed(video: str) -> str:
        return f"{called(video)} (group {groups[video]})" if video in groups else called(video)

    for [link, *others] in _by_group(clusters.links, groups):
        like = f"; and {counted(len(others), 'other pair', 'other pairs')} of the same groups" if others else ""
        yield f"{placed(link.one)} and {placed(link.other)}: {_shared(link)}{like}"


def compiled_lines(clusters: Clusters, called: Names) -> Iterator[str]:
    """Which videos seem to be compilations, a sentence each."""
    for video in clusters.compiled:
        yield f"{called(video)} seems to be put together from videos that have nothing to do with one another"


def _rate(member: Member) -> str:
    facts = member.facts
    if facts.size_bytes is None or not facts.length_ms:
        return ""
    return f" at {facts.size_bytes * 8 / facts.length_ms:.0f} kbit/s"


def _by_group(links: Sequence[Link], groups: Mapping[str, int]) -> Iterator[list[Link]]:
    """The links of the same two groups together, the longest first; a video in no group stands for itself."""
    found: dict[frozenset[str | int], list[Link]] = {}
    for link in links:
        key = frozenset({groups.get(link.one, link.one), groups.get(link.other, link.other)})
        found.setdefault(key, []).append(link)
    for some in found.values():
        yield sorted(some, key=lambda link: (-total_ms(link.one_spans), link.one, link.other))


def _shared(link: Link) -> str:
    return f"{_stretches(link.one_spans)} of the first, {_stretches(link.other_spans)} of the second"


def _stretches(spans: Sequence[Span]) -> str:
    total = f" ({clock(total_ms(spans))})" if len(spans) > 1 else ""
    return _first([span(start, end) for start, end in spans], MOST_STRETCHES) + total


def _first(words: Sequence[str], most: int) -> str:
    """The words, or the first of them and how many more there are."""
    return listing([*words[:most], f"{len(words) - most} more"] if len(words) > most else words)


def _percent(share: float) -> str:
    """Never 100 % where something is missing."""
    return f"{99 if 0.99 < share < 0.999 else round(share * 100)} %"
