"""Whose hashes those of a list are, and under which names they come into a bank."""

from __future__ import annotations

import hashlib

from triage.matches.bank_log import Event, What
from triage.matches.bank_state import State, id_of
from triage.matches.importing import Known, Plan, plan
from triage.matches.signals import Kind, Signal


def digits(word: str, kind: Kind) -> Signal:
    value = hashlib.sha512(word.encode()).hexdigest()
    return Signal(kind, value[: {Kind.MD5: 32, Kind.SHA1: 40}.get(kind, 64)])


def state_with(*names: str) -> State:
    """A bank with a clip of each name, known by its SHA-256 and MD5."""
    state = State()
    for name in names:
        values = {"name": name, "note": "", "source": "", "file": "", "model": "m", "length_ms": 1}
        exact = {"video": digits(name, Kind.SHA256).value, "md5": digits(name, Kind.MD5).value}
        state.apply(Event.now(What.ADDED, **values, **exact))
    return state


def planned(*found: Known, state: State | None = None, name: str | None = None) -> Plan:
    return plan(found, state or State(), stem="list", name=name)


def names(planned: Plan) -> list[str]:
    return [listed.name for listed in planned.listed]


def test_names_are_those_of_the_list_or_say_list_and_line() -> None:
    found = (
        Known(1, (digits("a", Kind.MD5),), "given"),
        Known(2, (digits("b", Kind.MD5),), hint="file"),
        Known(3, (digits("c", Kind.MD5),), hint="file"),
        Known(4, (digits("d", Kind.MD5),)),
    )
    assert names(planned(*found)) == ["given", "file", "list-3", "list-4"]
    assert names(planned(*found, name="asked")) == ["asked-given", "asked-2", "asked-3", "asked-4"]
    assert names(planned(found[3])) == ["list"]
    assert names(planned(found[0], name="asked")) == ["asked"]


def test_a_name_that_is_taken_is_not_given_again() -> None:
    state = state_with("list-4", "given", "file")
    found = (
        Known(1, (digits("a", Kind.MD5),), "given"),
        Known(2, (digits("b", Kind.MD5),), hint="file"),
        Known(4, (digits("d", Kind.MD5),)),
    )
    result = planned(*found, state=state)
    assert [(each.line, each.why) for each in result.skipped] == [
        (1, "the name given belongs to another clip; import with --name TEXT")
    ]
    assert names(result) == ["list-2", f"list-{id_of(found[2].signals)}"]


def test_hashes_of_a_known_file_are_its_own_whatever_the_list_calls_it() -> None:
    state = state_with("known")
    pdq = digits("picture", Kind.PDQ)
    result = planned(Known(1, (digits("known", Kind.MD5), pdq), "otherwise"), state=state)
    [listed] = result.listed
    assert (listed.video, listed.name, listed.signals) == (digits("known", Kind.SHA256).value, "known", (pdq,))
    assert (result.new, result.already) == (0, 0)
    assert planned(Known(1, (digits("known", Kind.MD5),)), state=state).already == 1


def test_a_file_that_two_clips_would_have_to_be_is_refused() -> None:
    both = Known(7, (digits("one", Kind.MD5), digits("other", Kind.SHA256)))
    [skipped] = planned(both, state=state_with("one", "other")).skipped
    assert (skipped.line, skipped.why) == (7, "its hashes belong to two different clips of the bank")


def test_a_hash_at_odds_with_a_known_file_is_refused() -> None:
    odd = Known(7, (digits("one", Kind.SHA256), digits("other", Kind.MD5)))
    [skipped] = planned(odd, state=state_with("one")).skipped
    assert "another MD5" in skipped.why


def test_files_that_look_alike_are_not_one_file() -> None:
    pdq = digits("picture", Kind.PDQ)
    found = (Known(1, (digits("a", Kind.MD5), pdq)), Known(2, (digits("b", Kind.MD5), pdq)), Known(3, (pdq,)))
    result = planned(*found)
    assert result.new == 2
    assert result.already == 1, "the picture alone says nothing that is not known"


def test_a_list_that_says_something_twice_has_it_once() -> None:
    once = Known(1, (digits("a", Kind.PDQ),))
    result = planned(once, Known(2, once.signals))
    assert (result.new, result.already, len(result.listed)) == (1, 1, 1)


def test_what_lines_of_one_file_say_adds_up() -> None:
    one, more = digits("a", Kind.MD5), digits("a", Kind.SHA1)
    [listed] = planned(Known(1, (one,)), Known(2, (one, more))).listed
    assert listed.signals == (one, more)


def test_the_id_is_the_files_hash_where_it_is_known_and_else_does_not_depend_on_order() -> None:
    sha256, md5, pdq = (digits("a", kind) for kind in (Kind.SHA256, Kind.MD5, Kind.PDQ))
    assert id_of([md5, sha256, pdq]) == sha256.value
    assert id_of([md5, pdq]) == id_of([pdq, md5]) != id_of([md5])
