from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from triage.report.families import MOST_DRAWN, Family, Relative, graph

Drawn = dict[str, tuple[float, float]]
Pair = tuple[str, str]


def relative(video: str, name: str = "", *, is_there: bool = True) -> Relative:
    return Relative(video, name or f"{video}.mp4", "holds 90 %", (), is_there, is_kept=False)


def family(videos: Sequence[Relative], descents: Sequence[Pair] = (), undecided: Sequence[Pair] = ()) -> Family:
    told = tuple((child, parent, "it is smaller") for child, parent in descents)
    return Family(tuple(videos), told, tuple(undecided), ())


def nowhere(_: str) -> None:
    """No video has a page."""


def boxes(drawn: str) -> Drawn:
    """Title of each node -> its corner."""
    found = {}
    for piece in ET.fromstring(drawn):
        title, box = piece.find("title"), piece.find("rect")
        if title is not None and box is not None and title.text:
            found[title.text] = (float(box.attrib["x"]), float(box.attrib["y"]))
    return found


def test_a_copy_stands_right_of_what_it_may_come_from() -> None:
    made = boxes(graph(family([relative("a"), relative("b"), relative("c")], [("b", "a"), ("c", "b")]), "g", nowhere))
    assert made["a.mp4"][0] < made["b.mp4"][0] < made["c.mp4"][0]


def test_no_two_copies_stand_at_one_place() -> None:
    many = [relative(f"v{number}") for number in range(12)]
    ties = [("v1", "v0"), ("v2", "v0"), ("v3", "v1"), ("v4", "v1"), ("v5", "v2"), ("v7", "v6"), ("v8", "v6")]
    made = boxes(graph(family(many, ties), "g", nowhere))
    assert len(made) == len(set(made.values())) == 12


def test_the_best_surviving_copy_is_one_whose_file_is_there() -> None:
    gone = relative("a", is_there=False)
    assert family([gone, relative("b")]).best == relative("b")
    assert family([gone]).best is None
    drawn = graph(family([gone, relative("b")]), "g", nowhere)
    assert drawn.count("best surviving copy") == 1
    assert "no longer there" in drawn


def test_a_tie_that_cannot_be_told_is_dashed() -> None:
    drawn = graph(family([relative("a"), relative("b")], undecided=[("a", "b")]), "g", nowhere)
    assert "edge undecided" in drawn


def test_a_name_is_never_markup() -> None:
    drawn = graph(
        family([relative("a", '"><script>alert(1)</script>'), relative("b")]), "g", lambda video: f"x/{video}.html"
    )
    assert "<script" not in drawn
    assert '"><script>alert(1)</script>' in boxes(drawn)


def test_a_very_large_group_is_drawn_in_part() -> None:
    many = [relative(f"v{number:03d}") for number in range(MOST_DRAWN + 25)]
    assert len(boxes(graph(family(many), "g", nowhere))) == MOST_DRAWN
