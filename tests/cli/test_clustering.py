from __future__ import annotations

from dataclasses import replace

from tests.matches.families import Show, facts, overlap, overlaps, show
from tests.prints import video_id
from triage.cli.clustering import cluster_lines
from triage.matches.clusters import Clusters, find_clusters
from triage.matches.edits import Edit
from triage.run.kin import MOST_NAMES, MOST_STRETCHES

FILM = show("film", ("a", 0, 60_000))
EXCERPT = show("excerpt", ("a", 10_000, 25_000))
LATE = show("late", ("a", 30_000, 75_000))
SHOWS = (FILM, EXCERPT, LATE)
NAMES = {each.id: f"dump/{each.name}.mp4" for each in SHOWS}


def text(clusters: Clusters) -> str:
    return "\n".join(cluster_lines(clusters, NAMES))


def found(*shows: Show) -> Clusters:
    return find_clusters(map(facts, shows), overlaps(*shows))


def test_a_group_reads_as_an_analyst_would_ask_for_it() -> None:
    known = [
        facts(FILM, made_at="2023-05-06T10:13:14Z", size_bytes=7_500_000),
        facts(EXCERPT, 640, 360),
        facts(LATE, is_whole=False, blank=((0, 2_000),)),
    ]
    among = [overlap(EXCERPT, FILM, (Edit.MIRRORED,)), overlap(LATE, FILM)]
    clusters = find_clusters(known, [each for each in among if each is not None])
    assert text(clusters).splitlines() == [
        "1 group of copies among 3 videos; 0 videos have no copy here.",
        "Who comes from whom is a guess from pictures, sizes and lengths; so is what was done to them.",
        "Only pictures are compared: sound, metadata and sharpness differ, so every copy is worth keeping.",
        "",
        "Group 1: 3 copies, 01:15.000 together",
        "  best copy to preserve: dump/film.mp4  (holds 80 % of what they show; the longest; least re-encoded by a "
        "guess; 1280x720 at 1000 kbit/s; nothing seen that was done to it)",
        "  keep these: dump/film.mp4 and dump/late.mp4; together they hold all 01:15.000",
        "  earliest by its metadata, which can be wrong or forged: dump/film.mp4",
        "  without dump/film.mp4 these are 2 groups that share nothing: it is the whole recording, or was put together "
        "from them",
        f"  - dump/film.mp4  {FILM.id[:12]}",
        "      01:00.000; holds 80 % of what they show; the longest; least re-encoded by a guess; 1280x720 at 1000 "
        "kbit/s; nothing seen that was done to it",
        "      recorded 2023-05-06T10:13:14Z by its metadata",
        "      only in this copy: 00:00.000 to 00:10.000 and 00:25.000 to 00:30.000 (00:15.000)",
        f"  - dump/late.mp4  {LATE.id[:12]}",
        "      00:45.000; holds 60 % of what they show; 1280x720; damaged or not wholly read; nothing seen that was "
        "done to it",
        "      only in this copy: 00:30.000 to 00:45.000",
        "      could not be compared, black or empty: 00:00.000 to 00:02.000",
        f"  - dump/excerpt.mp4  {EXCERPT.id[:12]}",
        "      00:15.000; holds 20 % of what they show; 640x360; mirrored",
        "      may come from dump/film.mp4: 15 s of its 15 s, the other has more, 640x360 instead of 1280x720, "
        "mirrored",
    ]


def test_the_summary_says_what_was_not_compared() -> None:
    clusters = replace(found(*SHOWS, show("other", ("b", 0, 9000))), not_compared=(video_id("new"), FILM.id), sealed=2)
    lines = text(clusters).splitlines()
    assert lines[0] == "1 group of copies among 6 videos; 1 video has no copy here."
    assert lines[1] == (
        f"2 videos were not compared, having no fingerprint (scan again): {video_id('new')[:12]} and dump/film.mp4"
    )
    assert lines[2] == "2 sealed files are not compared with anything."


def test_a_part_in_common_is_said_with_where_it_is_and_whose() -> None:
    other = show("other", ("b", 0, 50_000), ("a", 0, 5_000))
    clusters = found(*SHOWS, other)
    first, second = sorted([other.id, FILM.id])
    names = {FILM.id: "dump/film.mp4 (group 1)", other.id: other.id[:12]}
    spans = {FILM.id: "00:00.000 to 00:05.000", other.id: "00:50.000 to 00:55.000"}
    assert text(clusters).splitlines()[-1] == (
        f"  - {names[first]} and {names[second]}: {spans[first]} of the first, {spans[second]} of the second"
    )


def test_what_copies_of_the_same_groups_share_is_told_once() -> None:
    again = show("film again", ("a", 0, 58_000))
    other = show("other", ("b", 0, 50_000), ("a", 0, 5_000))
    lines = [line for line in text(found(FILM, again, other)).splitlines() if line.endswith("of the same groups")]
    assert len(lines) == 1
    assert lines[0].endswith("; and 1 other pair of the same groups")


def test_a_compilation_is_said_to_be_one() -> None:
    clip, scene = show("clip", ("a", 0, 15_000)), show("scene", ("b", 0, 15_000))
    best_of = show("best of", ("a", 2_000, 12_000), ("b", 2_000, 12_000), ("c", 0, 60_000))
    assert f"{best_of.id[:12]} seems to be put together from videos" in text(found(clip, scene, best_of))


def test_a_name_cannot_command_the_terminal() -> None:
    lines = cluster_lines(found(*SHOWS), {FILM.id: "a\x1b[2J\u202eb"})
    assert "a\\x1b[2J\\u202eb" in "\n".join(lines)
    assert not any("\x1b" in line for line in cluster_lines(found(*SHOWS), {FILM.id: "a\x1b[2J"}))


def test_no_word_asks_to_remove_anything() -> None:
    words = text(found(*SHOWS)).lower()
    assert not any(word in words for word in ("duplicate", "delete", "remove", "redundant"))


def test_long_lists_end_with_how_many_more_there_are() -> None:
    holes = [("b", 4_000 * number, 4_000 * number + 2_000) for number in range(MOST_STRETCHES + 3)]
    spliced = show("spliced", *(part for hole in holes for part in (hole, ("a", hole[1], hole[1] + 2_000))))
    clusters = replace(found(spliced, FILM), not_compared=tuple(map(video_id, map(str, range(MOST_NAMES + 5)))))
    assert "and 3 more (00:18.000)" in text(clusters)
    assert "and 5 more" in text(clusters)


def test_a_share_that_is_not_all_is_not_rounded_up_to_all() -> None:
    almost = show("almost", ("a", 0, 299_000))
    assert "holds 99 % of what they show" in text(found(show("all", ("a", 0, 300_500)), almost))


def test_nothing_in_common_is_one_sentence() -> None:
    assert text(find_clusters([facts(FILM)], [])) == "0 groups of copies among 1 video; 1 video has no copy here."
