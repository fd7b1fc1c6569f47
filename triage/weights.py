"""A name -> a file whose hash is the one in a manifest, with a card that says what it can and cannot see.

Two manifests count: ``weights/manifest.toml``, which ships with the program, and the user's own, written by
``triage weights add`` into the user's folder. For a role, what the user added last wins.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import platformdirs
import tomli_w

from triage.cards import BLIND_HEADING, blind_spots
from triage.durable import no_room, sha256_of, write_whole
from triage.errors import UsageError, WeightsError
from triage.records import ROLE_LABELS, Label, Role
from triage.settings import nearest
from triage.shipped import shipped

MANIFEST = "manifest.toml"
NOT_MEASURED = """\
- **Nothing was measured here.** What it misses and what it takes for something else is not known; treat every absence
  as "not looked"."""
NO_BACKGROUND = """\
- **Nothing was measured here.** Which copies it misses and what it takes for a copy is not known.
- **There are no vectors of unrelated pictures with it**, so likeness is not weighed against them: title cards, test
  patterns and dark walls may seem more alike than they are."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One file that a detector, or what finds copies, is made from."""

    name: str
    roles: tuple[Role, ...]
    file: Path
    sha256: str
    licence: str
    origin: str
    labels: Mapping[str, Label]
    """The model's own class names to ours; a class that is absent is ignored."""
    input_px: int
    """Longest side of the picture that it was made for."""
    card: Path
    reader: str = "yolo"
    """The line of ``DETECTORS``, ``READERS`` or ``EMBEDDERS`` that can open it."""
    at_least: Mapping[Label, float] = field(default_factory=dict)
    """Operating point: lowest score that counts, by label."""
    calibration: Path | None = None
    """What its scores mean, measured on labelled pictures; None: not measured."""
    calibration_sha256: str = ""
    yours: bool = False
    """Added by the user, not shipped."""
    background: Path | None = None
    """Vectors of unrelated pictures, which likeness is weighed against; None: there are none."""
    background_sha256: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.input_px, bool) or not isinstance(self.input_px, int) or self.input_px < 32:
            raise WeightsError(f"{self.name}: input_px is a whole number of pixels, at least 32, got {self.input_px!r}")
        for label, score in self.at_least.items():
            if not 0 < score <= 1:  # above 1, the label would never be found and nobody would know
                raise WeightsError(f"{self.name}: at_least for {label} is a score above 0 and up to 1, got {score}")
        allowed = frozenset[Label]().union(*(ROLE_LABELS[role] for role in self.roles))
        if stray := sorted(set(self.labels.values()) - allowed):
            raise WeightsError(
                f"{self.name}: {', '.join(stray)} is not what the roles {', '.join(self.roles)} answer with; "
                f"they answer with {', '.join(sorted(allowed)) or 'no label'}"
            )
        for role in self.roles:
            if ROLE_LABELS[role] and not ROLE_LABELS[role] & set(self.labels.values()):
                raise WeightsError(
                    f"{self.name}: the role {role} needs a label of {', '.join(sorted(ROLE_LABELS[role]))}, "
                    "none of the labels given leads there"
                )
        if Role.COPIES in self.roles and self.roles != (Role.COPIES,):
            raise WeightsError(f"{self.name}: what finds copies looks for nothing else, got {', '.join(self.roles)}")

    def check(self) -> None:
        """Make sure that the files are those the manifest names and that the card says what they are blind to.

        Raises:
            WeightsError: a file is absent, its hash is another, or there is no card, or it says nothing of blind spots.
        """
        mend = f"triage weights remove {self.name}" if self.yours else "git checkout -- weights"
        if not self.file.exists():
            raise WeightsError(f"{self.file}: the weights {self.name!r} are missing; put the file back, or run: {mend}")
        self._check_hash(self.file, self.sha256, mend)
        for beside, wanted, what in (
            (self.calibration, self.calibration_sha256, "calibration"),
            (self.background, self.background_sha256, "background"),
        ):
            if beside is not None:
                if not beside.is_file():
                    raise WeightsError(f"{beside}: the {what} of {self.name!r} is missing; run: {mend}")
                self._check_hash(beside, wanted, mend)
        if not self.card.is_file() or not self.card.read_bytes().strip():
            raise WeightsError(
                f"{self.card}: the weights {self.name!r} have no card, so nobody could know what they are blind to; "
                f"write one there (data, licence, figures, blind spots), or run: {mend}"
            )
        if not blind_spots(self.card):
            raise WeightsError(
                f"{self.card}: the card of {self.name!r} does not say what it is blind to; write a section "
                f'"{BLIND_HEADING}" with a list, even if it says that nothing was measured, or run: {mend}'
            )

    def _check_hash(self, file: Path, wanted: str, mend: str) -> None:
        got = sha256_of(file)
        if got != wanted:
            raise WeightsError(
                f"{file}: SHA-256 is {got[:8]}…, the manifest says {wanted[:8]}…. A changed file is never "
                f"opened; put the right one back, or run: {mend}"
            )


def user_folder() -> Path:
    """Where a user's own weights live: ``$TRIAGE_HOME`` or the system's place for a program's data."""
    home = os.environ.get("TRIAGE_HOME")
    return (Path(home) if home else platformdirs.user_data_path("triage", appauthor=False)) / "weights"


def all_weights() -> list[Weights]:
    """Every entry of both manifests: shipped first, then the user's in the order of adding."""
    return [*read_manifest(shipped("weights"), yours=False), *read_manifest(user_folder(), yours=True)]


def chosen(roles: Iterable[Role]) -> dict[Role, Weights]:
    """The weights that serve each role: the last entry that names it. A role that nothing serves is absent."""
    wanted = set(roles)
    return {role: weights for weights in all_weights() for role in weights.roles if role in wanted}


def read_manifest(folder: Path, *, yours: bool) -> list[Weights]:
    """The entries of one manifest; none where there is no manifest.

    Raises:
        WeightsError: the manifest is not TOML, or an entry is incomplete.
    """
    path = folder / MANIFEST
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(f"{path}: the manifest of weights cannot be read: {error}") from error
    items = table.get("weights", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise WeightsError(f"{path}: weights are written as [[weights]], each with its keys below it")
    return [_entry(folder, item, yours=yours) for item in items]


def add(
    file: Path,
    *,
    roles: Sequence[Role],
    labels: Mapping[str, Label],
    input_px: int,
    card: Path | None = None,
    licence: str = "not stated",
    origin: str = "",
    at_least: Mapping[Label, float] = MappingProxyType({}),
    reader: str = "yolo",
) -> Weights:
    """Copy a weights file into the user's folder and make it the one that serves ``roles``.

    The same file added again keeps the roles and labels that it had; what is given now wins over what was given then.

    Args:
        file: a model that its reader can read; a folder for OpenVINO.
        labels: the model's class names to ours.
        card: Markdown that says what the model is blind to; without it, one is written that says nothing was measured.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        WeightsError: the labels do not fit the roles.
        CaseError: the user's folder cannot be written.
    """
    if not file.exists():
        raise UsageError(f"{file}: there is no such weights file")
    try:
        digest = sha256_of(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    name = f"{_plain(_stem(file))}-{digest[:8]}"
    folder = user_folder()
    kept = folder / digest[:16] / file.name  # the file keeps its name: ultralytics tells formats by their endings
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise no_room(kept, error) from error
    entries = read_manifest(folder, yours=True)
    before = next((entry for entry in entries if entry.name == name), None)
    weights = Weights(
        name=name,
        roles=tuple(dict.fromkeys([*(before.roles if before else ()), *roles])),
        file=kept,
        sha256=digest,
        licence=licence,
        origin=origin or f"added by the user from {file.name}",
        labels={**(before.labels if before else {}), **labels},
        input_px=input_px,
        card=folder / f"{name}.md",
        reader=reader,
        at_least={**(before.at_least if before else {}), **at_least},
        calibration=before.calibration if before else None,
        calibration_sha256=before.calibration_sha256 if before else "",
        yours=True,
        background=before.background if before else None,
        background_sha256=before.background_sha256 if before else "",
    )
    try:
        _copy(file, kept)
    except OSError as error:
        raise no_room(kept, error) from error
    if card or not weights.card.exists():  # somebody may have written theirs by now
        write_whole(weights.card, card.read_bytes() if card else _unmeasured(weights).encode())
    _write_manifest(folder, [*(entry for entry in entries if entry.name != name), weights])
    return weights


def keep_calibration(weights: Weights, calibration: bytes) -> Weights:
    """Put a calibration beside a user's own weights; from then on their scores are read by it.

    Raises:
        UsageError: they are not among those that the user added.
        CaseError: the user's folder cannot be written.
    """
    folder = user_folder()
    entries = read_manifest(folder, yours=True)
    if weights.name not in [entry.name for entry in entries]:
        raise UsageError(f"{weights.name}: a calibration is kept only for weights that you added: triage weights add")
    path = folder / f"{weights.name}.calibration.json"
    write_whole(path, calibration)
    kept = replace(weights, calibration=path, calibration_sha256=hashlib.sha256(calibration).hexdigest())
    _write_manifest(folder, [kept if entry.name == kept.name else entry for entry in entries])
    return kept


def remove(name: str) -> Weights:
    """Take one of the user's entries out of the manifest; its file and card stay where they are.

    Raises:
        UsageError: the user added no weights of that name.
    """
    folder = user_folder()
    entries = read_manifest(folder, yours=True)
    gone = [entry for entry in entries if entry.name == name]
    if not gone:
        known = [entry.name for entry in entries]
        raise UsageError(
            f"you have added no weights named {name!r}{nearest(name, known)}" if known else "you have added no weights"
        )
    _write_manifest(folder, [entry for entry in entries if entry.name != name])
    return gone[0]


def _entry(folder: Path, item: Mapping[str, Any], *, yours: bool) -> Weights:
    try:
        return Weights(
            name=item["name"],
            roles=tuple(Role(role) for role in item["roles"]),
            file=folder / item["file"],
            sha256=item["sha256"],
            licence=item["licence"],
            origin=item["origin"],
            labels=MappingProxyType({theirs: Label(ours) for theirs, ours in item["labels"].items()}),
            input_px=item["input_px"],
            card=folder / item["card"],
            reader=item.get("reader", "yolo"),
            at_least=MappingProxyType(
                {Label(label): float(score) for label, score in item.get("at_least", {}).items()}
            ),
            calibration=folder / item["calibration"] if "calibration" in item else None,
            calibration_sha256=item["calibration_sha256"] if "calibration" in item else "",
            yours=yours,
            background=folder / item["background"] if "background" in item else None,
            background_sha256=item["background_sha256"] if "background" in item else "",
        )
    except KeyError as error:
        what = item.get("name", "an entry")
        raise WeightsError(f"{folder / MANIFEST}: {what} says nothing of {error.args[0]!r}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{folder / MANIFEST}: {item.get('name', 'an entry')}: {error}") from error


def _write_manifest(folder: Path, entries: Iterable[Weights]) -> None:
    rows = [
        {
            "name": entry.name,
            "roles": [str(role) for role in entry.roles],
            "file": entry.file.relative_to(folder).as_posix(),
            "sha256": entry.sha256,
            "licence": entry.licence,
            "origin": entry.origin,
            "labels": {theirs: str(ours) for theirs, ours in entry.labels.items()},
            "input_px": entry.input_px,
            "card": entry.card.relative_to(folder).as_posix(),
            "reader": entry.reader,
            "at_least": {str(label): score for label, score in entry.at_least.items()},
            **_beside(folder, "calibration", entry.calibration, entry.calibration_sha256),
            **_beside(folder, "background", entry.background, entry.background_sha256),
        }
        for entry in entries
    ]
    write_whole(folder / MANIFEST, tomli_w.dumps({"weights": rows}).encode())


def _beside(folder: Path, key: str, file: Path | None, sha256: str) -> Mapping[str, str]:
    """What the manifest says of a file that lies beside the weights."""
    return {} if file is None else {key: file.relative_to(folder).as_posix(), f"{key}_sha256": sha256}


def _copy(file: Path, kept: Path) -> None:
    if kept.exists() and kept.samefile(file):
        return
    if file.is_dir():
        if kept.exists():
            shutil.rmtree(kept)  # what came into it since would stay, and its hash would stay wrong
        shutil.copytree(file, kept)
    else:
        shutil.copyfile(file, kept)


def _stem(file: Path) -> str:
    return file.name if file.is_dir() else file.stem


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-") or "weights"


def _unmeasured(weights: Weights) -> str:
    labels = "\n".join(f"- `{theirs}` is reported as `{ours}`" for theirs, ours in weights.labels.items())
    return f"""# {weights.name}

Added by the user, from `{weights.file.name}` (SHA-256 `{weights.sha256}`). Licence: {weights.licence}.
Roles: {", ".join(weights.roles)}.

{labels}

Replace this text with what you know: training data, figures on your own labelled pictures (`triage evaluate` measures
them and writes the table), blind spots.

{BLIND_HEADING}

{NO_BACKGROUND if weights.roles == (Role.COPIES,) else NOT_MEASURED}
"""
