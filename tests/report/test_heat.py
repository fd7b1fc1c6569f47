from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.examples import failure, finding, report, video_id
from tests.report.test_card import SEALED, WHOLE, known, row_with, track
from triage.case.copies import Known, with_overlaps
from triage.case.rows import Row
from triage.records import Coverage, Label, Overlap, Segment, Track
from triage.report.heat import CELLS, KIND_OF, LETTERS, Cell, Heat, Kind, Mark, heat_of, runs, words_of
from triage.report.strip import large_strip, small_strip

LONG = Coverage(60_000, 60_000, 400, 150, 0, 0)


def heat(tracks: Sequence[Track] = (), coverage: Coverage = LONG, **rest: Any) -> Heat:
    return heat_of(row_with(tracks, coverage, **rest), {video_id(): 0})


def cells_with(found: Heat, kind: Kind) -> list[int]:
    return [number for number, cell in enumerate(found.cells) if any(mark.kind is kind for mark in cell.marks)]


def copied(row: Row, start_ms: int, end_ms: int, *, is_parked: bool = False) -> Row:
    shared = Segment(start_ms, end_ms, 0, end_ms - start_ms, 1.0, False, 0.9)
    found = Known(Overlap(video_id(), "cd" * 32, (shared,), 0.5, 1.0), "bank", "K-1", is_parked)
    return with_overlaps(row, [found], [], {})


def test_a_sight_marks_its_cells_and_no_others() -> None:
    assert cells_with(heat([track(Label.LONG_GUN, 10_000, 12_000)]), Kind.WEAPON) == [10, 11, 12]


def test_a_sight_shorter_than_a_cell_is_not_lost() -> None:
    hours = replace(LONG, claimed_ms=7_200_000, reached_ms=7_200_000)
    assert cells_with(heat([track(Label.BLADE, 7_199_999)], hours), Kind.WEAPON) == [CELLS - 1]


def test_cells_are_in_the_order_of_what_is_to_be_looked_at_first() -> None:
    found = heat([track(Label.PERSON, 0), track(Label.BOUND_HANDS, 0), track(Label.HANDGUN, 0)])
    assert [mark.kind for mark in found.cells[0].marks] == [Kind.RESTRAINT, Kind.WEAPON, Kind.PERSON]


def test_a_grade_is_the_strength_and_a_score_is_in_thirds() -> None:
    graded = Track(Label.GRAPHIC, (replace(finding(0, Label.GRAPHIC, 0.9), grade=1),))
    assert heat([graded]).cells[0].marks == (Mark(Kind.GRAPHIC, 1),)
    for score, strength in ((0.2, 1), (0.5, 2), (0.7, 3)):
        assert heat([Track(Label.WEAPON, (finding(0, Label.WEAPON, score),))]).cells[0].marks[0].strength == strength


def test_an_end_that_was_not_reached_is_shown_as_not_looked_at() -> None:
    found = heat([], replace(LONG, reached_ms=30_000, short_ms=30_000, why=("it ends",)))
    assert [cell.is_unlooked for cell in found.cells] == [False] * 30 + [True] * 30
    assert found.length_ms == 60_000


def test_nothing_is_seen_beyond_what_was_reached() -> None:
    short = replace(LONG, reached_ms=30_000, short_ms=30_000, why=("it ends",))
    assert cells_with(heat([track(Label.PERSON, 29_900)], short), Kind.PERSON) == [29]


def test_a_fault_is_shown_where_it_was() -> None:
    found = heat_of(known(report()), {video_id(): 0})
    assert any(cell.is_unlooked for cell in found.cells[:6])


def test_a_video_that_failed_is_not_looked_at_at_all() -> None:
    found = heat_of(known(failure()), {video_id(): 0})
    assert found.cells == (Cell(is_unlooked=True),)
    assert "not looked at" in words_of(found)


def test_known_seconds_are_marked_and_parked_clips_know_nothing() -> None:
    row = copied(row_with([], LONG), 0, 30_000)
    found = heat_of(row, {video_id(): 0})
    assert [cell.is_known for cell in found.cells] == [True] * 30 + [False] * 30
    parked = heat_of(copied(row_with([], LONG), 0, 30_000, is_parked=True), {video_id(): 0})
    assert not any(cell.is_known for cell in parked.cells)


def test_nothing_of_what_is_sealed_is_drawn() -> None:
    with pytest.raises(ValueError, match="sealed"):
        heat_of(known(SEALED), {})


def test_damage_that_nobody_can_place_is_shown_along_the_whole_strip() -> None:
    found = heat([], replace(LONG, undecoded=2, why=("it is damaged",)))
    assert found.is_damaged
    assert "damaged somewhere, where is not known" in words_of(found)
    for drawn in (small_strip(found, "v"), large_strip(found, "v")):
        [band] = [piece for piece in ET.fromstring(drawn) if piece.attrib.get("class") == "crossed band"]
        assert band.attrib["width"] == "100.00%"


def test_a_still_picture_is_one_cell() -> None:
    still = replace(WHOLE, claimed_ms=0, reached_ms=0, step_ms=0, sampled=1)
    found = heat([track(Label.WEAPON, 0)], still)
    assert len(found.cells) == 1
    assert words_of(found) == "weapons in it"


def test_the_words_of_a_strip_say_all_that_it_shows() -> None:
    row = copied(row_with([track(Label.LONG_GUN, 10_000, 12_000), track(Label.PERSON, 0)], LONG), 30_000, 40_000)
    said = words_of(heat_of(row, {video_id(): 0}))
    assert said == "weapons 00:10–00:13; people 00:00.0–00:01.0; known already 00:30–00:40"


def test_every_kind_has_a_letter_of_its_own() -> None:
    assert set(LETTERS) == set(Kind) == set(KIND_OF.values())
    assert len(set(LETTERS.values())) == len(Kind)


def test_runs_are_of_one_value_and_without_a_hole() -> None:
    assert list(runs("aabccc")) == [("a", 0, 2), ("b", 2, 3), ("c", 3, 6)]


@pytest.mark.parametrize("draw", [small_strip, large_strip], ids=["small", "large"])
def test_a_strip_is_well_formed_and_has_its_words_beside_it(draw: Any) -> None:
    row = copied(
        row_with([track(Label.LONG_GUN, 10_000, 16_000)], replace(LONG, why=("it is damaged",))), 30_000, 40_000
    )
    found = heat_of(row, {video_id(): 0})
    drawn = draw(found, "v1")
    tree = ET.fromstring(drawn)
    assert tree.attrib["aria-labelledby"] == "t-v1 d-v1"
    [words] = [piece.text for piece in tree if piece.tag == "desc"]
    assert words == words_of(found)
    assert 'fill="url(#p-known)"' in drawn
    assert "style=" not in drawn


def test_a_strip_tells_kinds_apart_without_colour() -> None:
    drawn = small_strip(heat([track(Label.LONG_GUN, 0, 30_000), track(Label.BOUND_HANDS, 40_000, 59_000)]), "v")
    letters = [piece.text for piece in ET.fromstring(drawn) if piece.tag == "text"]
    assert letters == ["W", "R"]


def test_the_large_strip_has_a_lane_for_each_kind_and_says_when() -> None:
    drawn = large_strip(heat([track(Label.LONG_GUN, 10_000, 12_000), track(Label.PERSON, 0)]), "v")
    said = [piece.text for piece in ET.fromstring(drawn) if piece.tag == "text"]
    assert said[:2] == ["W weapons: 00:10–00:13", "P people: 00:00.0–00:01.0"]
    assert said[2:] == ["known already: nothing", "00:00", "00:30", "01:00"]


def test_the_large_strip_has_lanes_for_where_nobody_looked() -> None:
    short = replace(LONG, reached_ms=30_000, short_ms=30_000, undecoded=1, why=("it ends",))
    said = [piece.text for piece in ET.fromstring(large_strip(heat([], short), "v")) if piece.tag == "text"]
    assert said[1:3] == ["not looked at, or not for all: 00:30–01:00", "damaged somewhere, where is not known"]
