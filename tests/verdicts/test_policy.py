from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import STEADY, replaced, sentence, spoiled
from triage.errors import PolicyError
from triage.records import Label, Queue
from triage.settings import load_settings
from triage.shipped import shipped
from triage.verdicts.policy import NEVER_ROUTINE, QUEUES, Policy, load_policy, parse_policy
from triage.verdicts.rules import BESIDES, UNTOLD
from triage.verdicts.words import Likelihood

GOOD = """
[not_wholly_seen]
partial = "urgent"

[groups]
armed = ["weapon", "blade"]

[[rule]]
name = "armed_person"
queue = "urgent"
together = ["armed", "person"]
at_least = "very likely"
within_ms = 500

[[rule]]
name = "faces"
queue = "routine"
together = ["face"]
"""


def parse(text: str) -> Policy:
    return parse_policy(tomllib.loads(text), "mine", text)


def test_a_policy_says_what_its_file_says() -> None:
    policy = parse(GOOD)
    assert (policy.partial, policy.unknown_extent, policy.fault) == (Queue.URGENT, Queue.PRIORITY, Queue.PRIORITY)
    first, second = policy.rules
    assert (first.name, first.queue) == ("armed_person", Queue.URGENT)
    assert first.together == (frozenset({Label.WEAPON, Label.BLADE}), frozenset({Label.PERSON}))
    assert (first.at_least, first.within_ms) == (Likelihood.VERY_LIKELY, 500)
    assert (second.at_least, second.within_ms) == (Likelihood.POSSIBLE, 2000)
    assert policy.text == GOOD


def test_an_empty_policy_has_no_rules_and_safe_floors() -> None:
    policy = parse("")
    assert policy.rules == ()
    assert {policy.partial, policy.unknown_extent, policy.fault} == {Queue.PRIORITY}


def test_the_shipped_policy_names_every_label_that_moves_a_video() -> None:
    policy = load_policy("default")
    named = {label for rule in policy.rules for group in rule.together for label in group}
    assert set(Label) - named == BESIDES | set(UNTOLD)


def test_the_shipped_policy_puts_the_armed_beside_the_bound_and_the_young_first() -> None:
    urgent = [rule.name for rule in load_policy("default").rules if rule.queue is Queue.URGENT]
    assert urgent[:2] == ["armed_beside_bound", "armed_beside_possible_minor"]


def test_the_policy_of_the_default_settings_is_there() -> None:
    assert load_policy(load_settings().settings.judging.policy).rules


def test_a_policy_file_of_ones_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    assert [rule.name for rule in load_policy(str(tmp_path / "mine.toml")).rules] == ["armed_person", "faces"]


@pytest.mark.parametrize("key", NEVER_ROUTINE)
def test_no_policy_can_make_what_was_not_wholly_seen_routine(key: str) -> None:
    with pytest.raises(PolicyError, match=rf"{key}: a video that was not wholly seen is never routine; give urgent or"):
        parse(f'[not_wholly_seen]\n{key} = "routine"')


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[rules]", "there is no section 'rules'; did you mean 'rule'"),
        ("[not_wholly_sen]", "no section 'not_wholly_sen'; did you mean 'not_wholly_seen'"),
        ("groups = 3", r"groups is a section; write \[groups\]"),
        ("not_wholly_seen = 3", r"not_wholly_seen is a section"),
        ("[not_wholly_seen]\npartial = 'unreadable'", r"partial cannot be 'unreadable'"),
        ("[not_wholly_seen]\npartial = 'prioriti'", r"partial cannot be 'prioriti'; did you mean 'priority'"),
        ("[not_wholly_seen]\npartial = 1", r"partial cannot be 1"),
        ("[not_wholly_seen]\nparial = 'urgent'", r"no key 'parial'; did you mean 'partial'"),
        ("[groups]\narmed = []", r"\[groups\] armed: a list of labels is wanted, got \[\]"),
        ("[groups]\narmed = 'weapon'", r"\[groups\] armed: a list of labels is wanted"),
        ("[groups]\narmed = ['wepon']", r"armed: there is no label or group 'wepon'; did you mean 'weapon'"),
        ("[groups]\narmed = [['weapon']]", r"armed: there is no label or group \['weapon'\]"),
        ("[groups]\nweapon = ['face']", r"\[groups\] weapon: that is a label already"),
        ("rule = 3", r"rules are written as \[\[rule\]\]"),
        ("[rule]\nname = 'x'", r"rules are written as \[\[rule\]\]"),
    ],
)
def test_a_mistake_in_a_policy_names_itself(text: str, complaint: str) -> None:
    with pytest.raises(PolicyError, match=f"^mine.*{complaint}"):
        parse(text)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('name = "faces"', "", r"rule \(without a name\): name is missing"),
        ('name = "faces"', 'name = "armed_person"', "two rules have one name"),
        ('name = "faces"', 'name = "partial"', "partial is the name of a reason that is not a rule"),
        ('name = "faces"', 'name = "looked"', "looked is the name of a reason that is not a rule"),
        ('name = "faces"', 'name = "not_looked_for"', "is the name of a reason that is not a rule"),
        ('queue = "routine"', "", "rule faces: queue is missing"),
        ('queue = "routine"', 'queue = "rutine"', "rule faces: queue cannot be 'rutine'; did you mean 'routine'"),
        ('queue = "routine"', 'queue = "unreadable"', "rule faces: queue cannot be 'unreadable'"),
        ('queue = "routine"', 'queue = ["routine"]', "rule faces: queue cannot be"),
        ('together = ["face"]', "", "rule faces: together is missing"),
        ('together = ["face"]', "together = []", "rule faces: together is a list of labels or groups"),
        ('together = ["face"]', 'together = "face"', "rule faces: together is a list of labels or groups"),
        (
            'together = ["face"]',
            'together = ["fase"]',
            "rule faces: there is no label or group 'fase'; did you mean 'face'",
        ),
        ('together = ["face"]', 'together = [["face"]]', r"rule faces: there is no label or group \['face'\]"),
        ('together = ["face"]', "together = [1]", "rule faces: there is no label or group 1"),
        ('"very likely"', '"certain"', "rule armed_person: at_least cannot be 'certain'; known are possible, likely"),
        ('"very likely"', "0.7", r"rule armed_person: at_least cannot be 0\.7"),
        ("within_ms = 500", "within_ms = -1", "within_ms is a whole number of milliseconds, got -1"),
        ("within_ms = 500", "within_ms = 1.5", r"within_ms is a whole number of milliseconds, got 1\.5"),
        ("within_ms = 500", "within_ms = true", "within_ms is a whole number of milliseconds, got True"),
        ("within_ms = 500", "within = 500", "there is no key 'within'; did you mean 'within_ms'"),
    ],
)
def test_a_mistake_in_a_rule_names_the_rule(was: str, becomes: str, complaint: str) -> None:
    assert was in GOOD
    with pytest.raises(PolicyError, match=f"^mine.*{complaint}"):
        parse(GOOD.replace(was, becomes))


@pytest.mark.parametrize(
    ("bytes_of", "complaint"),
    [(b"[groups", "not a TOML file"), (b"\xff\xfe\x00", "not a TOML file")],
    ids=["broken", "bytes"],
)
def test_a_file_that_is_no_policy_is_named(tmp_path: Path, bytes_of: bytes, complaint: str) -> None:
    (tmp_path / "mine.toml").write_bytes(bytes_of)
    with pytest.raises(PolicyError, match=rf"mine\.toml: {complaint}"):
        load_policy(str(tmp_path / "mine.toml"))


def test_a_policy_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(PolicyError, match="defalt: there is no such policy; give default or a file's path"):
        load_policy("defalt")


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the policy cannot be read"):
        load_policy(str(tmp_path))


def said_of(name: str) -> str:
    """The sentence that refuses this policy; '': it is taken."""
    try:
        policy = load_policy(name)
    except PolicyError as error:
        return sentence(error)
    assert Queue.ROUTINE not in {policy.partial, policy.unknown_extent, policy.fault}
    assert all(rule.together and rule.within_ms >= 0 for rule in policy.rules)
    return ""


WHOLE = [GOOD.encode(), *(file.read_bytes() for file in sorted((shipped("configs") / "policies").glob("*.toml")))]


@settings(STEADY, max_examples=200)
@given(st.one_of(spoiled(WHOLE), st.binary(max_size=60)))
def test_whatever_is_in_a_file_is_a_policy_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(data)
    said_of(str(file))


@settings(STEADY, max_examples=200)
@given(replaced(tomllib.loads(GOOD)))
def test_whatever_stands_in_the_place_of_a_value_is_a_policy_or_a_sentence(table: object) -> None:
    if not isinstance(table, dict):
        return  # no TOML file is anything else
    try:
        parse_policy(table, "mine", "")
    except PolicyError as error:
        sentence(error)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, object]:
    """Tables of a policy that can be meant."""
    labels = st.sampled_from([label.value for label in Label])
    names = st.text(min_size=1, max_size=12).map(lambda text: f"{text}.")
    rules: st.SearchStrategy[dict[str, object]] = st.builds(
        dict,
        name=names,
        queue=st.sampled_from([queue.value for queue in QUEUES]),
        together=st.lists(labels | st.just("mine"), min_size=1, max_size=3),
        at_least=st.sampled_from([word.value for word in Likelihood]),
        within_ms=st.integers(0, 2**53),
    )
    return {
        "not_wholly_seen": draw(
            st.dictionaries(st.sampled_from(NEVER_ROUTINE), st.sampled_from(["urgent", "priority"]))
        ),
        "groups": {"mine": draw(st.lists(labels, min_size=1, max_size=3))},
        "rule": draw(st.lists(rules, max_size=4, unique_by=lambda rule: rule["name"])),
    }


@settings(STEADY, max_examples=60)
@given(policies(), st.sampled_from(["", "\ufeff"]))
def test_a_policy_that_is_written_down_is_read_as_it_was(tmp_path: Path, table: dict[str, object], mark: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes((mark + tomli_w.dumps(table)).encode())
    read, told = load_policy(str(file)), parse_policy(table, str(file), "")
    assert replace(read, text="") == told
    assert [rule.name for rule in read.rules] == [rule["name"] for rule in table["rule"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x = " + b"[" * 5000, "lists in lists without end"),
        (b"rule = " + b"9" * 5000, "a number too long"),
        (b'[[rule]]\nname = "a"\nqueue = "urgent"\ntogether = [0x' + b"f" * 5000 + b"]", "something without end"),
        (b'[[rule]]\nname = 1\nqueue = "urgent"\ntogether = ["person"]', "its name is a text"),
        (b'[[rule]]\nname = "' + b"a" * 201 + b'"\nqueue = "urgent"\ntogether = ["person"]', "of 1 to 200 letters"),
        (
            b'[[rule]]\nname = "a"\nqueue = "urgent"\ntogether = ["person"]\nwithin_ms = 99999999999999999999',
            "is a whole number",
        ),
    ],
)
def test_what_readers_stumble_over_is_refused_in_a_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(data)
    assert words in said_of(str(file))


def test_what_is_no_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    for name in (str(tmp_path), str(tmp_path / "link"), "a" * 300, f"{tmp_path}\0", "", "."):
        assert said_of(name)
