from __future__ import annotations

import pytest

from triage.geometry import Box
from triage.records import Cover, Covered, Style
from triage.redaction.styling import by_style, covered_ms, style_of

BOX = Box(10, 10, 20, 20)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("what", [Covered.FACES, Covered.MINOR_FACES, Covered.PEOPLE, Covered.UNSEEN])
def test_who_somebody_is_is_never_hidden_by_what_can_be_computed_back(what: Covered, style: Style) -> None:
    assert style_of(what, style) in {Style.SOLID, Style.PIXELATE}


def test_what_nobody_saw_is_solid_in_every_style() -> None:
    assert {style_of(Covered.UNSEEN, style) for style in Style} == {Style.SOLID}


def test_a_cover_without_a_box_is_of_the_whole_picture() -> None:
    boxes = by_style([Cover(0, 1, None, Covered.UNSEEN, "")], Style.BLUR, (64, 48))
    assert boxes == {Style.SOLID: [Box(0, 0, 64, 48)]}


def test_a_drawing_is_of_every_picture_and_faces_in_it_are_solid() -> None:
    assert by_style([], Style.DRAWING, (64, 48)) == {Style.DRAWING: []}
    boxes = by_style([Cover(0, 1, BOX, Covered.FACES, "")], Style.DRAWING, (64, 48))
    assert boxes == {Style.DRAWING: [], Style.SOLID: [BOX]}


def test_time_that_is_covered_twice_counts_once() -> None:
    covers = [Cover(start, end, BOX, Covered.FACES, "") for start, end in ((0, 100), (50, 150), (60, 80), (300, 400))]
    assert covered_ms(covers) == 250
