from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from triage.geometry import Box
from triage.records import Cover, Covered, Estimate, Finding, Label, Role, Style, Track
from triage.redaction.check import Adults, covered_whole, leaks, mended, roles_to_search, shows_through
from triage.redaction.motion import Luma

VIDEO, WH = "0" * 64, (640, 360)
ALL = frozenset(Covered)


def seen(box: Box, label: Label = Label.FACE, time_ms: int = 1000) -> Finding:
    return Finding(VIDEO, time_ms, label, 0.9, box, "scripted@00000000")


def cover(box: Box | None, what: Covered = Covered.FACES) -> Cover:
    return Cover(0, 2000, box, what, "because")


def leaking(
    found: Finding, covers: Sequence[Cover], style: Style = Style.SOLID, wanted: frozenset[Covered] = ALL
) -> bool:
    return bool(leaks([found], covers, wanted, style, WH))


FACE = Box(100, 100, 150, 160)


@pytest.mark.parametrize(
    ("covers", "is_leak"),
    [
        ([], True),
        ([cover(FACE)], False),
        ([cover(FACE.moved(5, 5))], False),
        ([cover(FACE.moved(20, 0))], True),
        ([cover(Box(100, 100, 125, 160)), cover(Box(125, 100, 150, 160))], False),
        ([cover(Box(100, 100, 125, 160)), cover(Box(100, 100, 126, 160))], True),
        ([cover(None, Covered.UNSEEN)], False),
    ],
)
def test_a_find_leaks_unless_all_covers_together_hide_most_of_it(covers: list[Cover], is_leak: bool) -> None:
    assert leaking(seen(FACE), covers) is is_leak


def test_what_lies_beyond_the_picture_need_not_be_covered() -> None:
    assert not leaking(seen(Box(600, 100, 700, 160)), [cover(Box(600, 100, 640, 160))])


@pytest.mark.parametrize("style", [Style.BLUR, Style.DRAWING])
def test_a_face_under_a_style_for_comfort_leaks(style: Style) -> None:
    blurred = cover(FACE.grown(0.2), Covered.GRAPHIC)
    assert leaking(seen(FACE), [blurred], style)
    assert not leaking(seen(FACE), [blurred], Style.SOLID)


def test_a_wound_under_a_blur_or_in_a_drawing_does_not_leak() -> None:
    wound = seen(FACE, Label.GRAPHIC)
    assert not leaking(wound, [cover(FACE, Covered.GRAPHIC)], Style.BLUR)
    assert leaking(wound, [], Style.BLUR)
    assert not leaking(wound, [], Style.DRAWING), "all of the picture is drawn"


def test_what_may_be_shown_does_not_leak() -> None:
    assert not leaking(seen(FACE, Label.PERSON), [], wanted=frozenset({Covered.FACES}))
    assert not leaking(seen(FACE), [], wanted=frozenset({Covered.WEAPONS}))
    assert leaking(seen(FACE), [], wanted=frozenset({Covered.MINOR_FACES}))
    assert leaking(seen(FACE, Label.HANDGUN), [], wanted=frozenset({Covered.WEAPONS}))


def test_an_adults_face_may_be_shown_where_only_those_of_minors_are_covered() -> None:
    adult = Track(Label.ADULT, (seen(FACE, Label.ADULT),), None, Estimate(0.05, 0.01, 0.1, ("face",)))
    adults = Adults([Track(Label.FACE, (seen(FACE),)), adult], near_ms=400)
    wanted = frozenset({Covered.MINOR_FACES})
    assert not leaks([seen(FACE.moved(3, 3), time_ms=1200)], [], wanted, Style.SOLID, WH, adults)
    assert leaks([seen(FACE, time_ms=1500)], [], wanted, Style.SOLID, WH, adults), "it may be somebody else by then"
    assert leaks([seen(FACE.moved(40, 0))], [], wanted, Style.SOLID, WH, adults)


def test_a_leak_is_covered_beyond_its_box_and_its_moment() -> None:
    [leak] = leaks([seen(FACE)], [], ALL, Style.SOLID, WH)
    [over] = mended([leak], 300)
    assert (over.start_ms, over.end_ms, over.what) == (700, 1300, Covered.UNSEEN)
    assert over.box is not None
    assert FACE.share_in(over.box) == 1
    assert over.box.width == 2 * FACE.width
    assert "face at 00:01.000, found by scripted@00000000" in over.why
    [whole] = covered_whole([leak], 300)
    assert whole.box is None


def test_a_leak_in_the_first_picture_is_covered_from_the_start() -> None:
    [leak] = leaks([seen(FACE, time_ms=0)], [], ALL, Style.SOLID, WH)
    assert mended([leak], 300)[0].start_ms == 0


def test_what_is_searched_for_is_what_is_covered() -> None:
    assert roles_to_search({Covered.GRAPHIC, Covered.MINOR_FACES, Covered.FACES}) == (Role.FACES, Role.GRAPHIC)
    assert roles_to_search({Covered.UNSEEN}) == ()


def small(flat: Box | None = None) -> Luma:
    """A noisy picture, 320 x 180, flat within a box of the original's pixels."""
    image = np.random.default_rng(1).integers(0, 255, (180, 320)).astype(np.uint8)
    if flat is not None:
        image[int(flat.y0 / 2) : int(flat.y1 / 2), int(flat.x0 / 2) : int(flat.x1 / 2)] = 126
    return image


WIDE = Box(100, 100, 220, 220)


def test_a_solid_cover_that_is_not_there_is_seen_without_a_model() -> None:
    assert shows_through(small(), [cover(WIDE)], Style.SOLID, WH) == cover(WIDE)
    assert shows_through(small(WIDE), [cover(WIDE)], Style.SOLID, WH) is None
    assert shows_through(small(WIDE), [cover(None, Covered.UNSEEN)], Style.SOLID, WH) is not None
    assert shows_through(small(WIDE), [cover(WIDE.moved(60, 0))], Style.SOLID, WH) is not None


def test_what_is_not_solid_need_not_be_flat() -> None:
    assert shows_through(small(), [cover(WIDE)], Style.PIXELATE, WH) is None
    assert shows_through(small(), [cover(WIDE, Covered.GRAPHIC)], Style.BLUR, WH) is None
    assert shows_through(small(), [cover(WIDE)], Style.BLUR, WH) is not None, "a face is solid in every style"


def test_the_mark_of_a_copy_is_not_taken_for_something_that_shows() -> None:
    whole = small(Box(0, 0, *WH))
    whole[4:16, 200:316] = 235
    assert shows_through(whole, [cover(None, Covered.UNSEEN)], Style.SOLID, WH) is None


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 3, 3), Box(630, 350, 900, 900), Box(10, 10, 12, 12), Box(-9, -9, -1, -1)]
)
def test_covers_at_and_beyond_the_border_are_no_trouble(box: Box) -> None:
    assert shows_through(small(), [cover(box)], Style.SOLID, WH) is None
