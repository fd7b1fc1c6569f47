"""Which moments are looked at, without a single picture."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.frames.times import LONGEST_MS, Choice, Chooser, Clock, Glimpse, Why, longest_gap_ms
from triage.settings import Mode, Sampling

QUIET = Glimpse(0, 1, cut=0.0, novelty=0.0, change=255.0)
"""A picture that differs, but by nothing that would be noticed between two steps: the hardest case for the step."""

STEPS, KEYFRAMES, EVERY = Sampling(), Sampling(mode=Mode.KEYFRAMES), Sampling(mode=Mode.EVERY)


def glimpses(times_ms: list[int], *, end_ms: int, change: float = 255.0) -> list[Glimpse]:
    """Pictures at these times, the last until ``end_ms``."""
    ends_ms = [*times_ms[1:], end_ms]
    return [
        replace(QUIET, time_ms=time_ms, end_ms=until_ms, is_last=until_ms == end_ms, change=change)
        for time_ms, until_ms in zip(times_ms, ends_ms, strict=True)
    ]


def choices(sampling: Sampling, pictures: list[Glimpse]) -> list[Choice]:
    chooser = Chooser(sampling)
    return [chooser.choose(picture) for picture in pictures]


def looked_ms(sampling: Sampling, pictures: list[Glimpse]) -> list[int]:
    made = choices(sampling, pictures)
    return [picture.time_ms for picture, choice in zip(pictures, made, strict=True) if choice.is_look]


@st.composite
def any_timing(draw: st.DrawFn) -> list[Glimpse]:
    """Pictures at any rate, steady or not, from 1000 a second to one in three seconds."""
    stays_ms = draw(st.lists(st.one_of(st.integers(1, 50), st.integers(1, 3000)), min_size=1, max_size=80))
    times_ms = [draw(st.integers(0, 2000))]
    for stay_ms in stays_ms:
        times_ms.append(times_ms[-1] + stay_ms)
    return glimpses(times_ms[:-1], end_ms=times_ms[-1])


def unseen_ms(sampling: Sampling, pictures: list[Glimpse]) -> list[int]:
    """How long each stretch is, from the picture after a look to the next look or the end."""
    looks = [*looked_ms(sampling, pictures), pictures[-1].end_ms]
    ends_ms = {picture.time_ms: picture.end_ms for picture in pictures}
    return [after - ends_ms[before] for before, after in pairwise(looks)]


@pytest.mark.parametrize("sampling", [STEPS, replace(STEPS, step_ms=100), KEYFRAMES])
@given(pictures=any_timing())
def test_whatever_is_shown_for_the_step_is_looked_at_at_any_rate_and_phase(
    sampling: Sampling, pictures: list[Glimpse]
) -> None:
    assert all(stretch_ms < longest_gap_ms(sampling) for stretch_ms in unseen_ms(sampling, pictures))


def test_a_picture_that_stays_long_after_a_short_one_is_looked_at() -> None:
    assert looked_ms(STEPS, glimpses([0, 10, 500, 510], end_ms=520)) == [0, 10, 500, 510]


@given(st.integers(1, 240), st.integers(1, 1001), st.integers(0, 999))
def test_rounding_to_milliseconds_never_hides_what_is_shown_for_400_ms(
    rate: int, divisor: int, phase_thousandths: int
) -> None:
    stay_ms = Fraction(1000 * divisor, rate * 1000)
    shift_ms = Fraction(phase_thousandths, 1000) * stay_ms
    times_ms = sorted({round(shift_ms + index * stay_ms) for index in range(120)})
    looks = set(looked_ms(STEPS, glimpses(times_ms, end_ms=times_ms[-1] + 1)))
    length = -(-400 // stay_ms)
    for start in range(len(times_ms) - int(length)):
        assert looks & set(times_ms[start : start + int(length)])


@given(any_timing(), st.sampled_from([STEPS, KEYFRAMES, EVERY]))
def test_the_first_picture_is_always_looked_at(pictures: list[Glimpse], sampling: Sampling) -> None:
    assert choices(sampling, [replace(picture, change=0.0) for picture in pictures])[0] == Choice(Why.FIRST)


@given(any_timing(), st.sampled_from([STEPS, KEYFRAMES, EVERY]))
def test_the_last_picture_is_looked_at_unless_it_is_the_same(pictures: list[Glimpse], sampling: Sampling) -> None:
    assert choices(sampling, pictures)[-1].is_look


@pytest.mark.parametrize("sampling", [STEPS, KEYFRAMES, EVERY])
@given(pictures=any_timing())
def test_a_still_scene_is_looked_at_again_before_the_longest_time_is_over(
    sampling: Sampling, pictures: list[Glimpse]
) -> None:
    still = [replace(picture, change=0.0) for picture in pictures]
    looks = [*looked_ms(sampling, still), still[-1].end_ms]
    stays_ms = {picture.time_ms: picture.end_ms - picture.time_ms for picture in still}
    for before, after in pairwise(looks):
        assert after - before <= max(sampling.longest_same_ms, stays_ms[before]) + longest_gap_ms(sampling)


def test_a_still_scene_costs_one_look_in_ten_seconds() -> None:
    still = glimpses(list(range(0, 30_000, 40)), end_ms=30_000, change=3.9)
    assert len(looked_ms(STEPS, still)) == 3
    assert sum(choice.is_same for choice in choices(STEPS, still)) > 70


@pytest.mark.parametrize(
    ("cut", "novelty", "why"), [(24.0, 0.0, Why.CUT), (0.0, 40.0, Why.NOVELTY), (23.9, 39.9, None)]
)
def test_between_two_steps_only_a_cut_or_something_new_is_looked_at(
    cut: float, novelty: float, why: Why | None
) -> None:
    pictures = glimpses([0, 40, 80, 120], end_ms=160)
    pictures[1] = replace(pictures[1], cut=cut, novelty=novelty)
    assert choices(STEPS, pictures)[1].due is why


def test_a_key_picture_close_to_the_last_look_is_passed_over() -> None:
    pictures = [replace(picture, is_key=True) for picture in glimpses(list(range(0, 2000, 100)), end_ms=2000)]
    assert looked_ms(KEYFRAMES, pictures) == [0, 400, 800, 1200, 1600, 1900]


@pytest.mark.parametrize(("change", "is_look"), [(3.9, False), (4.0, True)])
def test_a_change_at_the_limit_is_a_change(change: float, is_look: bool) -> None:
    pictures = glimpses([0, 40], end_ms=80, change=change)
    assert choices(EVERY, pictures)[1].is_look is is_look


@given(st.lists(st.one_of(st.none(), st.fractions(-5000, 10**7)), max_size=60))
def test_a_clock_never_stands_still_or_goes_back(stored: list[Fraction | None]) -> None:
    clock = Clock(origin_ms=Fraction(1400), picture_ms=Fraction(40))
    told = [clock.tell(time_ms) for time_ms in stored]
    assert told == sorted(set(told))
    assert all(time_ms >= 0 for time_ms in told)


@given(
    st.lists(st.one_of(st.none(), st.fractions(-5000, 10**7), st.fractions(-(2**63), 2**63)), max_size=60),
    st.fractions(-(2**63), 2**63),
    st.fractions(Fraction(1, 1000), 24 * 3600 * 1000),
)
def test_a_clock_goes_up_and_stays_near_a_year_whatever_the_file_says(
    stored: list[Fraction | None], origin_ms: Fraction, picture_ms: Fraction
) -> None:
    clock = Clock(origin_ms=origin_ms, picture_ms=picture_ms)
    told = [clock.tell(time_ms) for time_ms in stored]
    assert told == sorted(set(told))
    assert all(0 <= time_ms <= LONGEST_MS + index for index, time_ms in enumerate(told))


def test_a_time_that_cannot_be_true_is_counted_and_the_clock_goes_on() -> None:
    clock = Clock(origin_ms=Fraction(0), picture_ms=Fraction(40))
    stored = [Fraction(time_ms) for time_ms in (0, 40, 2**61, 2**61 + 40, 160, 200)]
    assert [clock.tell(time_ms) for time_ms in stored] == [0, 40, 80, 120, 160, 200]
    assert clock.false_times == 1


def test_a_look_that_could_not_be_had_is_asked_for_again() -> None:
    chooser = Chooser(STEPS)
    first, second, *_ = [replace(picture, change=0.0) for picture in glimpses([0, 40, 80], end_ms=120)]
    assert chooser.choose(first).due is Why.FIRST
    chooser.take_back()
    assert chooser.choose(second) == Choice(Why.FIRST)


@given(st.integers(1, 240), st.integers(1001, 1001) | st.just(1000), st.integers(0, 10**6))
def test_a_clock_tells_the_stored_times_to_the_millisecond(rate: int, divisor: int, origin: int) -> None:
    clock = Clock(origin_ms=Fraction(origin), picture_ms=Fraction(40))
    stored = [Fraction(index * divisor, rate) for index in range(100)]
    assert [clock.tell(origin + time_ms) for time_ms in stored] == [round(time_ms) for time_ms in stored]


def test_a_picture_without_a_time_follows_one_picture_later() -> None:
    clock = Clock(origin_ms=Fraction(0), picture_ms=Fraction(40))
    assert [clock.tell(time_ms) for time_ms in (None, None, Fraction(200), None)] == [0, 40, 200, 240]


def test_a_clock_that_is_set_anew_goes_on_where_it_was() -> None:
    clock = Clock(origin_ms=Fraction(0), picture_ms=Fraction(40))
    stored = [Fraction(time_ms) for time_ms in (0, 4960, 5000, 0, 40, 140)]
    assert [clock.tell(time_ms) for time_ms in stored] == [0, 4960, 5000, 5040, 5080, 5180]
