"""Groups of copies as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from triage.matches.clusters import Cluster, Clusters
from triage.phrases import clock, counted
from triage.run.kin import Names, about_group, about_member, compiled_lines, left_out, link_lines, merits


def cluster_lines(clusters: Clusters, names: Mapping[str, str]) -> Iterator[str]:
    """Every group, each copy with what it alone holds; then what videos of different groups share.

    Args:
        names: of videos, by id, as they lie in the dump; who has none is called by the first digits of the id.
    """
    called = Names(names)
    yield from _summary(clusters, called)
    for number, cluster in enumerate(clusters.clusters, 1):
        yield ""
        yield from _cluster_lines(number, cluster, called)
    if clusters.links:
        yield ""
        yield "Videos that share a part and are not copies of one thing:"
        yield from (f"  - {line}" for line in link_lines(clusters, called))
        yield from (f"  {line}" for line in compiled_lines(clusters, called))


def _summary(clusters: Clusters, called: Names) -> Iterator[str]:
    groups = counted(len(clusters.clusters), "group of copies", "groups of copies")
    alone = counted(len(clusters.alone), "video has", "videos have")
    yield f"{groups} among {counted(clusters.videos, 'video', 'videos')}; {alone} no copy here."
    yield from left_out(clusters, called)
    if clusters.clusters:
        yield "Who comes from whom is a guess from pictures, sizes and lengths; so is what was done to them."
        yield "Only pictures are compared: sound, metadata and sharpness differ, so every copy is worth keeping."


def _cluster_lines(number: int, cluster: Cluster, called: Names) -> Iterator[str]:
    best = cluster.members[0]
    yield f"Group {number}: {len(cluster.members)} copies, {clock(cluster.union_ms)} together"
    yield f"  best copy to preserve: {called(best.video)}  ({'; '.join(merits(cluster, best))})"
    yield from (f"  {line}" for line in about_group(cluster, called))
    for member in cluster.members:
        yield f"  - {called(member.video)}  {member.video[:12]}"
        length = clock(member.facts.length_ms) if member.facts.length_ms else "still picture"
        yield f"      {'; '.join([length, *merits(cluster, member)])}"
        yield from (f"      {line}" for line in about_member(cluster, member, called))
