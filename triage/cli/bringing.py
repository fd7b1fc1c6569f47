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
from triage.settings import Settings, nearest
from triage.shipped import shipped
from triage.weights import Weights, add

NOT_STATED = "not stated"
SCRIPTS = {".pt", ".pth", ".ts", ".torchscript"}
"""Endings of TorchScript files; with others, a net for finding copies is read by OpenVINO."""
SCRIPT_PX, NETWORK_PX = 288, 224
"""Side of the pictures of a net for finding copies, where neither its file nor its user says: SSCD's, and the usual."""
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
    if Role.COPIES in meant_roles:
        if meant_roles != [Role.COPIES] or meant or scores:
            raise UsageError(
                "--role copies goes with no other role and no labels or scores: it finds nothing in a picture"
            )
        return _for_copies(file, input_px, card, licence)
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


def _for_copies(file: Path, input_px: int | None, card: Path | None, licence: str) -> Weights:
    """Add a net that makes what pictures are compared by, after it was tried on one."""
    from triage.matches.registry import open_with

    is_script = not file.is_dir() and file.suffix.lower() in SCRIPTS
    reader, side_px = ("torchscript", SCRIPT_PX) if is_script else ("copies", NETWORK_PX)
    tried = Weights(
        name=file.stem,
        roles=(Role.COPIES,),
        file=file,
        sha256=sha256_of(file),
        licence=licence or NOT_STATED,
        origin="a file",
        labels={},
        input_px=input_px or side_px,
        card=file.with_suffix(".md"),
        reader=reader,
    )
    embedder = open_with(tried, Settings())
    say(f"It was tried on one picture: a vector of {embedder.dim} numbers, on {embedder.runs_on}.")
    say("Copies are looked for among vectors of one model only: banks and cases need theirs made anew with this one.")
    return add(
        file,
        roles=tried.roles,
        labels={},
        input_px=embedder.side_px,
        card=card,
        licence=tried.licence,
        reader=reader,
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
