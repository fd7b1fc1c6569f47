from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.prints import filmed, fingerprint, in_a_mirror, noisy, played, turned_left, upside_down
from triage.matches.compare import compare
from triage.matches.edits import Edit, inverse
from triage.records import VIEWS, Fingerprint, Vectors, View
from triage.settings import Matching

FILM = filmed(1, 60_000)
PICTURES = played(FILM, 0, 20_000)
STORED = fingerprint("stored", PICTURES)
WHOLE = VIEWS.index(View.WHOLE)


def edits(query: Fingerprint, stored: Fingerprint = STORED) -> tuple[str, ...]:
    overlap = compare(query, stored, Matching())
    assert overlap is not None
    return overlap.edits


def with_view(vectors: Vectors, view: View, other: Vectors) -> Vectors:
    changed = vectors.copy()
    changed[:, VIEWS.index(view)] = other
    return changed


def borders(one: Fingerprint, *, top: float) -> Fingerprint:
    return replace(one, borders=np.tile(np.array([0, top, 0, top], np.float32), (len(one), 1)))


COPY = fingerprint("query", noisy(PICTURES, 0.93))


def test_a_copy_to_which_little_was_done_has_no_edits() -> None:
    assert edits(COPY) == ()


def test_the_same_pictures_in_another_file_are_called_so_only_while_their_hashes_are_near() -> None:
    assert edits(fingerprint("query", noisy(PICTURES, 0.999))) == (Edit.SAME,)
    blank = fingerprint("query", noisy(PICTURES, 0.999))
    blank.qualities[:] = 10
    assert edits(blank) == ()


def test_a_mirrored_copy_is_mirrored_and_nothing_else() -> None:
    assert edits(fingerprint("query", in_a_mirror(noisy(PICTURES, 0.93)))) == (Edit.MIRRORED,)


def test_a_turned_copy_is_turned_and_nothing_else() -> None:
    assert edits(fingerprint("query", turned_left(noisy(PICTURES, 0.93)))) == (Edit.TURNED,)
    assert edits(STORED, fingerprint("query", turned_left(noisy(PICTURES, 0.93)))) == (Edit.TURNED,)
    assert edits(fingerprint("query", upside_down(noisy(PICTURES, 0.93)))) == (Edit.UPSIDE_DOWN,)


@pytest.mark.parametrize("view", [View.TOP_RIGHT, View.MIDDLE, View.LEFT, View.BOTTOM])
def test_a_part_of_the_picture_is_cropped_and_the_other_way_round_a_part_of_a_larger_one(view: View) -> None:
    of_part = PICTURES[:, VIEWS.index(view)]
    part = fingerprint("query", with_view(played(filmed(9, 30_000), 0, 20_000), View.WHOLE, of_part))
    assert edits(part) == (Edit.CROPPED,)
    assert edits(STORED, part) == (Edit.INSET,)


def test_borders_are_named_by_who_has_them() -> None:
    assert edits(borders(COPY, top=0.12)) == (Edit.LETTERBOXED,)
    assert edits(COPY, borders(STORED, top=0.12)) == (Edit.UNBOXED,)
    assert edits(borders(COPY, top=0.12), borders(STORED, top=0.11)) == ()


def test_said_of_the_other_one_each_edit_is_its_counterpart() -> None:
    said = (Edit.CROPPED, Edit.LETTERBOXED, Edit.GREY, Edit.SHORTENED, Edit.MIRRORED, "speed ×1.25")
    other = (Edit.INSET, Edit.UNBOXED, Edit.COLOURED, Edit.LONGER, Edit.MIRRORED, "speed ×0.8")
    assert inverse(said) == other
    assert inverse(other) == said


def test_colour_is_called_taken_out_only_where_there_was_some() -> None:
    grey, was_grey = (replace(one, is_grey=np.ones(len(one), np.bool_)) for one in (COPY, STORED))
    assert edits(grey) == (Edit.GREY,)
    assert edits(grey, was_grey) == ()
    assert edits(COPY, was_grey) == (Edit.COLOURED,)


def test_a_quarter_that_alone_is_unlike_has_something_over_it() -> None:
    covered = with_view(COPY.vectors, View.BOTTOM_LEFT, noisy(PICTURES, 0.4)[:, VIEWS.index(View.BOTTOM_LEFT)])
    assert edits(fingerprint("query", covered)) == (Edit.CAPTION,)
    assert edits(fingerprint("query", noisy(PICTURES, 0.7))) == (), "all quarters are unlike"


@pytest.mark.parametrize(("speed", "wanted"), [(1.5, ("speed ×1.5",)), (1.0, ()), (1.01, ())])
def test_a_speed_is_named_with_its_factor(speed: float, wanted: tuple[str, ...]) -> None:
    query = fingerprint("query", noisy(played(FILM, 0, 20_000 / speed, speed=speed), 0.93))
    assert edits(query) == wanted


def test_what_is_lacking_and_what_is_more_are_named() -> None:
    cut = fingerprint("query", noisy(PICTURES[10:30], 0.93))
    assert edits(cut) == (Edit.SHORTENED,)
    assert edits(STORED, cut) == (Edit.LONGER,)
    other = played(filmed(9, 30_000), 0, 8000)
    assert edits(fingerprint("query", np.concatenate((other, noisy(PICTURES[10:30], 0.93))))) == (
        Edit.SHORTENED,
        Edit.LONGER,
    )


def test_the_words_are_few_and_plain() -> None:
    assert all(word == word.lower() and len(word) < 40 for word in Edit)
