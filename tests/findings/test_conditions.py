from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from triage.findings.conditions import NIGHT_LUMA, SMALL_PX, Condition, condition

Picture = npt.NDArray[np.uint8]


def picture(
    bgr: tuple[float, float, float] = (90, 120, 160), wh: tuple[int, int] = (640, 480), noise: float = 0
) -> Picture:
    """One colour all over, with noise of this deviation, the same in all colours."""
    drawn = np.ones((wh[1], wh[0], 3)) * bgr + np.random.default_rng(0).normal(0, noise or 1e-9, (wh[1], wh[0], 1))
    return np.clip(drawn, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        pytest.param(picture(), Condition.DAY, id="bright and coloured"),
        pytest.param(picture((10, 30, 50)), Condition.NIGHT, id="dark"),
        pytest.param(picture((120, 120, 120), noise=40), Condition.GREY, id="grey, whatever its pattern"),
        pytest.param(picture((118, 120, 122)), Condition.GREY, id="grey but for the traces that compression leaves"),
        pytest.param(picture((20, 20, 20)), Condition.NIGHT, id="dark and grey is night"),
        pytest.param(picture((120, 120, 120), (160, 120)), Condition.GREY, id="grey and small is grey"),
        pytest.param(picture(wh=(352, SMALL_PX)), Condition.SMALL, id="small"),
        pytest.param(picture(wh=(SMALL_PX, 640)), Condition.SMALL, id="small and upright"),
        pytest.param(picture(wh=(352, SMALL_PX + 1)), Condition.DAY, id="just not small"),
        pytest.param(picture((0, 0, 0)), Condition.NIGHT, id="black"),
        pytest.param(picture(wh=(1, 1)), Condition.SMALL, id="one pixel"),
    ],
)
def test_a_picture_is_of_the_condition_that_costs_most(drawn: Picture, expected: Condition) -> None:
    assert condition(drawn) is expected


@pytest.mark.parametrize(
    "where", [(slice(180, 300), slice(None)), (slice(None), slice(220, 420))], ids=["above and below", "left and right"]
)
def test_black_bars_make_no_night(where: tuple[slice, slice]) -> None:
    barred = np.zeros((480, 640, 3), np.uint8)
    barred[where] = (60, 80, 110)
    assert barred.mean() < NIGHT_LUMA
    assert condition(barred) is Condition.DAY


def test_a_lamp_in_the_dark_is_still_night() -> None:
    street = picture((4, 5, 6))
    street[200:240, 300:340] = 255
    assert condition(street) is Condition.NIGHT


def test_the_picture_is_not_written_to() -> None:
    drawn: Any = picture()
    drawn.flags.writeable = False
    condition(drawn)
