from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from triage.ahead import ahead


def workers() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_items_come_in_their_order_and_all_of_them() -> None:
    with ahead(iter(range(100)), room=3) as coming:
        assert list(coming) == list(range(100))
    assert not workers()


def test_an_error_is_raised_where_the_item_is_waited_for_and_not_before() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ZeroDivisionError

    with ahead(broken(), room=8) as coming:
        assert [next(coming), next(coming)] == [1, 2]
        with pytest.raises(ZeroDivisionError):
            next(coming)


def test_no_more_is_made_ahead_than_there_is_room_for() -> None:
    made = []

    def count() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with ahead(count(), room=3) as coming:
        next(coming)
        time.sleep(0.05)
        assert len(made) <= 6, "three waiting, one taken, one in hand"


def left(error: type[BaseException]) -> None:
    """Take one of endless items, then leave."""

    def endless() -> Iterator[int]:
        while True:
            yield 1

    with ahead(endless(), room=2) as coming:
        next(coming)
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_thread_has_ended_when_the_block_is_left_in_whatever_way(error: type[BaseException]) -> None:
    with pytest.raises(error):
        left(error)
    assert not workers()
