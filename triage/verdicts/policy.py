"""A policy file: which findings put a video into which queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from triage.errors import PolicyError
from triage.records import Label, Queue
from triage.settings import MOST_WHOLE, excerpt, nearest, read_toml
from triage.shipped import shipped
from triage.verdicts.words import Likelihood

Word = TypeVar("Word", Queue, Likelihood)
QUEUES = (Queue.URGENT, Queue.PRIORITY, Queue.ROUTINE)
"""Queues that a rule may name; ``unreadable`` is for files that have no pictures."""
LONGEST_NAME = 200
"""Letters of a rule's name, which stands in reports."""
NEVER_ROUTINE = ("partial", "unknown_extent", "fault")
NOT_RULES = frozenset({*NEVER_ROUTINE, "looked", "not_looked_for", "no_rule"})
"""Names of the reasons that every policy has."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires where one thing of each group is seen within ``within_ms`` of the first."""

    name: str
    queue: Queue
    together: tuple[frozenset[Label], ...]
    """One set of labels per thing; never empty. Two things are two tracks."""
    at_least: Likelihood = Likelihood.POSSIBLE
    within_ms: int = 2000


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules, the weightiest first, and what happens to a video that was not wholly seen."""

    name: str
    partial: Queue
    unknown_extent: Queue
    fault: Queue
    rules: tuple[Rule, ...]
    text: str
    """The file as it was read; its hash is part of a report's provenance."""


def load_policy(name: str) -> Policy:
    """A policy that ships with triage, by name, or the one in a file.

    Raises:
        PolicyError: no such policy, or one that cannot be meant; the sentence names the line of thought.
    """
    ours, path = shipped("configs") / "policies" / f"{name}.toml", Path(name)
    try:
        path = ours if ours.is_file() else path
        table, text = read_toml(path)
    except FileNotFoundError:
        known = sorted(file.stem for file in (shipped("configs") / "policies").glob("*.toml"))
        raise PolicyError(f"{name}: there is no such policy; give {' or '.join(known)} or a file's path") from None
    except OSError as error:
        raise PolicyError(f"{path}: the policy cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise PolicyError(f"{path}: not a TOML file: {error}") from error
    return parse_policy(table, name, text)


def parse_policy(table: Mapping[str, Any], name: str, text: str) -> Policy:
    """A policy from the tables of its file.

    Raises:
        PolicyError: a key, label, queue or likelihood is unknown or missing.
    """
    _known(name, table, ("not_wholly_seen", "groups", "rule"), "section")
    floors = _table(name, table, "not_wholly_seen")
    _known(f"{name} [not_wholly_seen]", floors, NEVER_ROUTINE, "key")
    groups = {
        group: _labels(f"{name} [groups] {group}", labels, {})
        for group, labels in _table(name, table, "groups").items()
    }
    for group in groups:
        if group in Label._value2member_map_:
            raise PolicyError(f"{name} [groups] {group}: that is a label already; give the group another name")
    rows = table.get("rule", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PolicyError(f"{name}: rules are written as [[rule]], each with its keys below it")
    rules = tuple(_rule(name, row, groups) for row in rows)
    if len({rule.name for rule in rules}) < len(rules):
        raise PolicyError(f"{name}: two rules have one name; reasons could not be told apart")
    for rule in rules:
        if rule.name in NOT_RULES:
            raise PolicyError(f"{name}: {rule.name} is the name of a reason that is not a rule; give the rule another")
    partial, unknown_extent, fault = (_floor(name, floors, key) for key in NEVER_ROUTINE)
    return Policy(name, partial, unknown_extent, fault, rules, text)


def _rule(policy: str, row: Mapping[str, Any], groups: Mapping[str, frozenset[Label]]) -> Rule:
    named = row.get("name", "(without a name)")
    where = f"{policy} rule {named if isinstance(named, str) and len(named) <= LONGEST_NAME else excerpt(named)}"
    _known(where, row, ("name", "queue", "together", "at_least", "within_ms"), "key")
    for key in ("name", "queue", "together"):
        if key not in row:
            raise PolicyError(f"{where}: {key} is missing")
    if not isinstance(named, str) or not named.strip() or len(named) > LONGEST_NAME:
        raise PolicyError(f"{where}: its name is a text of 1 to {LONGEST_NAME} letters")
    entries, within_ms = row["together"], row.get("within_ms", 2000)
    if not isinstance(entries, list) or not entries:
        raise PolicyError(f"{where}: together is a list of labels or groups, got {excerpt(entries)}")
    if not isinstance(within_ms, int) or isinstance(within_ms, bool) or not 0 <= within_ms <= MOST_WHOLE:
        raise PolicyError(f"{where}: within_ms is a whole number of milliseconds, got {excerpt(within_ms)}")
    return Rule(
        name=named,
        queue=_word(where, "queue", row["queue"], QUEUES),
        together=tuple(_labels(where, [entry], groups) for entry in entries),
        at_least=_word(where, "at_least", row.get("at_least", Likelihood.POSSIBLE), tuple(Likelihood)),
        within_ms=within_ms,
    )


def _floor(policy: str, floors: Mapping[str, Any], key: str) -> Queue:
    queue = _word(f"{policy} [not_wholly_seen]", key, floors.get(key, Queue.PRIORITY), QUEUES)
    if queue is Queue.ROUTINE:
        raise PolicyError(
            f"{policy} [not_wholly_seen] {key}: a video that was not wholly seen is never routine; "
            "give urgent or priority"
        )
    return queue


def _labels(where: str, names: Any, groups: Mapping[str, frozenset[Label]]) -> frozenset[Label]:  # noqa: ANN401  TOML
    if not isinstance(names, list) or not names:
        raise PolicyError(f"{where}: a list of labels is wanted, got {excerpt(names)}")
    found: set[Label] = set()
    for name in names:
        if isinstance(name, str) and name in groups:
            found |= groups[name]
        elif isinstance(name, str) and name in Label._value2member_map_:
            found.add(Label(name))
        else:
            hint = nearest(name, [*groups, *Label]) if isinstance(name, str) else "; it is a text"
            raise PolicyError(f"{where}: there is no label or group {excerpt(name)}{hint}")
    return frozenset(found)


def _word(where: str, key: str, value: object, known: tuple[Word, ...]) -> Word:
    for word in known:
        if word == value:
            return word
    hint = nearest(value if isinstance(value, str) else "", known)
    raise PolicyError(f"{where}: {key} cannot be {excerpt(value)}{hint}")


def _table(policy: str, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise PolicyError(f"{policy}: {key} is a section; write [{key}] and its keys below it")
    return found


def _known(where: str, table: Mapping[str, Any], keys: tuple[str, ...], what: str) -> None:
    for key in table:
        if key not in keys:
            raise PolicyError(f"{where}: there is no {what} {excerpt(key)}{nearest(key, keys)}")
