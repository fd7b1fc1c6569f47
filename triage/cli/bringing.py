"""``weights add``: checks what was asked against the model itself, then keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from triage.cli.console import say
from triage.cli.known_models import known_model
from triage.durable import sha256_of
from triage.errors import UsageError, WeightsError
from triage.findings.yolo import open_engine
from triage.phrases import listing
from triage.records import Label, Role
from triage.settings import nearest
from triage.shipped import shipped
from triage.weights import Weights, add

NOT_STATED = "not stated"
USUAL_PX = 640
"""Longest side that ultralytics trains on unless told otherwise."""
Word = TypeVar("Word", Role, Label)


def bring(
    file: Path, roles: Sequence[str], labels: str, input_px: int | None, card: Path | None, licence: str, at_least: str
) -> Weights:
    """Add a user's model. What is not said of a model that is known here is taken from what is known of it.

    Raises:
        UsageError: a role, label or score is missing or cannot be meant, or a file is not there.
        WeightsError: the model cannot be read or has no class of that name.
    """
    meant_roles = [_one_of(role.strip(), list(Role), "role") for given in roles for role in given.split(",")]
    meant = meant_labels(labels)
    scores = {_one_of(label, list(Label), "label"): _score(score) for label, score in _pairs(at_least, "--at-least")}
    for needed in (file, card):
        if needed is not None and not needed.exists():
            raise UsageError(f"{needed}: there is no such file")
    if card is not None and not card.is_file():
        raise UsageError(f"{card}: a card is a Markdown file, not a folder")
    # It is opened before it is kept: a model that cannot be read, or another class name, is better known now.
    engine = open_engine(file, "cpu")
    names = engine.names.values()
    for theirs in meant:
        if theirs not in names:
            raise WeightsError(f"{file}: the model has no class {theirs!r}{nearest(theirs, names)}")
    known = None if meant else known_model(names)
    if known is not None:
        meant, meant_roles, scores = dict(known.labels), meant_roles or [known.role], {**known.at_least, **scores}
        licence = licence or known.licence
        if sha256_of(file) == known.measured.sha256:
            card, input_px = (
                card or shipped("docs") / "cards" / known.measured.card,
                input_px or known.measured.input_px,
            )
        say(f"By its classes this is {known.title}: {listing(meant)} count as {listing(sorted(set(meant.values())))}.")
    if not meant_roles:
        raise UsageError(f"--role is missing: what does it look for? Known are {', '.join(Role)}")
    if not meant:
        raise UsageError(
            f'--labels is missing: which of its classes ({", ".join(names)}) mean what, as "rifle=long_gun"'
        )
    return add(
        file,
        roles=meant_roles,
        labels=meant,
        input_px=input_px or max(engine.fixed_hw or (USUAL_PX,)),
        card=card,
        licence=licence or NOT_STATED,
        at_least=scores,
    )


def meant_labels(text: str) -> dict[str, Label]:
    """``rifle=long_gun,pistol=handgun`` as their class names to our labels.

    Raises:
        UsageError: it is no such list, or we have no such label.
    """
    return {theirs: _one_of(ours, list(Label), "label") for theirs, ours in _pairs(text, "--labels")}


def _one_of(word: str, known: list[Word], what: str) -> Word:
    for item in known:
        if item == word:
            return item
    raise UsageError(f"there is no {what} {word!r}{nearest(word, known)}")


def _pairs(text: str, option: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        left, equals, right = (piece.strip() for piece in part.partition("="))
        if not (left and equals and right):
            raise UsageError(f'{option}: {part!r} is no pair; wanted are pairs such as "rifle=long_gun,pistol=handgun"')
        if left in dict(pairs):
            raise UsageError(f"{option}: {left!r} is given twice")
        pairs.append((left, right))
    return pairs


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 < score <= 1:
        raise UsageError(f"--at-least: {text!r} is no score; wanted is a number above 0 and up to 1")
    return score
