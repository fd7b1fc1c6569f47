"""Labelled pictures, as a user has them, in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triage.errors import UsageError
from triage.evaluation.coco import read_coco
from triage.evaluation.formats import LabelledSet, Mark, first_line, read_csv, read_yolo
from triage.records import ROLE_LABELS, Label, Role
from triage.settings import nearest

READERS: Mapping[str, Callable[[Path, Path | None], LabelledSet]] = {
    ".yaml": read_yolo,
    ".yml": read_yolo,
    ".json": read_coco,
    ".csv": read_csv,
}
"""Ending of a file of labels -> what reads it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a data set's classes are to us."""

    label_of: Mapping[str, Label]
    """Class name in the data to our label."""
    ignored: tuple[str, ...]
    """Classes that are none of the role's labels, by name; what bears them counts as not labelled."""


def read_labelled(path: Path, pictures: Path | None = None) -> LabelledSet:
    """A data set in YOLO, COCO or CSV form, told by its ending, or by its first letters where that says nothing.

    Args:
        pictures: folder that the file names are below; None: the folder of ``path``, or what it says itself.

    Raises:
        UsageError: there is no such file, or it is none of the three.
    """
    if path.is_dir():
        inside = next(
            (path / name for name in ("data.yaml", "dataset.yaml", "labels.csv") if (path / name).is_file()), None
        )
        hint = f"give the file in it: {inside}" if inside else "give its YAML, JSON or CSV file"
        raise UsageError(f"{path}: a folder was given, a file of labels is wanted; {hint}")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file of labels; give a YOLO .yaml, a COCO .json or a .csv")
    if pictures is not None and not pictures.is_dir():
        raise UsageError(f"{pictures}: there is no such folder of pictures")
    read = READERS.get(path.suffix.lower()) or _by_content(path)
    try:
        found = read(path, pictures)
    except OSError as error:
        raise UsageError(f"{path}: it, or what it names, cannot be read: {error.strerror or error}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"{path}: it cannot be meant as labels: {first_line(error)}") from error
    if not found.pictures:
        raise UsageError(f"{path}: it names no picture, so there is nothing to measure on")
    return found


def meaning(found: LabelledSet, role: Role, given: Mapping[str, Label], also: Iterable[str] = ()) -> Meaning:
    """The data set's classes as labels of this role: as ``given``, else by equal name.

    Args:
        also: further names that may be given though the data has no such class: those of a model.

    Raises:
        UsageError: a class given is not in the data, or none of its classes is a label of the role.
    """
    known = {*found.classes, *also}
    for name in given:
        if name not in known:
            raise UsageError(f"--labels: the data has no class {name!r}{nearest(name, sorted(known))}")
    meant = {name: given.get(name) or same_label(name) for name in found.classes}
    allowed = ROLE_LABELS[role]
    label_of = {name: label for name, label in meant.items() if label in allowed and label is not None}
    ignored = tuple(sorted(name for name in found.classes if name not in label_of))
    if found.classes and not label_of:
        example = f"{min(found.classes)}={min(allowed)}"
        raise UsageError(
            f"none of the classes in the data ({', '.join(sorted(found.classes))}) is a label of {role} "
            f'({", ".join(sorted(allowed))}); say which is which, such as --labels "{example}"'
        )
    return Meaning(label_of, ignored)


def decided_on(found: LabelledSet, meant: Meaning) -> LabelledSet:
    """Those pictures alone of which the data set says what they hold of this role.

    Raises:
        UsageError: it says so of none.
    """
    some = tuple(one for one in found.pictures if one.decided is None or one.decided & set(meant.label_of))
    if not some:
        raise UsageError(f"none of its {len(found.pictures)} pictures was labelled for this role; give another --role")
    return replace(found, pictures=some)


def same_label(name: str) -> Label | None:
    """Our label of this name, however it is written: ``Long Gun`` and ``long-gun`` are ``long_gun``."""
    plain = "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
    return next((label for label in Label if label == plain), None)


def labels_of(marks: Iterable[Mark], meant: Meaning) -> frozenset[Label]:
    """The labels that a picture bears, boxes or not."""
    return frozenset(
        meant.label_of[mark.name] for mark in marks if mark.name in meant.label_of and not mark.is_undecided
    )


def boxes_of(
    marks: Sequence[Mark], meant: Meaning, wh: tuple[int, int]
) -> tuple[list[tuple[Label, tuple[float, float, float, float]]], list[tuple[float, float, float, float]]]:
    """Labelled boxes, and places where things are not told apart, in pixels of a picture of this size, clipped to it.

    Raises:
        ValueError: a box lies outside the picture or has no area; the sentence says which.
    """
    boxes, crowds = [], []
    for mark in marks:
        if mark.name not in meant.label_of or mark.xyxy is None:
            continue
        x0, y0, x1, y1 = mark.xyxy
        if mark.is_share:
            x0, x1, y0, y1 = x0 * wh[0], x1 * wh[0], y0 * wh[1], y1 * wh[1]
        clipped = (max(x0, 0.0), max(y0, 0.0), min(x1, float(wh[0])), min(y1, float(wh[1])))
        if not (clipped[2] > clipped[0] and clipped[3] > clipped[1]):  # nor where one of them is not a number
            where = ", ".join(f"{value:g}" for value in (x0, y0, x1, y1))
            raise ValueError(f"its box of {mark.name} ({where}) has no area within the picture of {wh[0]}x{wh[1]} px")
        if mark.is_crowd or mark.is_undecided:  # neither right nor wrong to find
            crowds.append(clipped)
        else:
            boxes.append((meant.label_of[mark.name], clipped))
    return boxes, crowds


def _by_content(path: Path) -> Callable[[Path, Path | None], LabelledSet]:
    try:
        with path.open("rb") as file:
            head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    first = head.partition(b"\n")[0]
    if head.startswith(b"{"):
        return read_coco
    if b"," in first and first.lower().startswith(b"file"):
        return read_csv
    if b"names" in head and b":" in head:
        return read_yolo
    raise UsageError(
        f"{path}: cannot be told what it is; wanted is a YOLO data set (.yaml with names and val), COCO labels "
        "(.json), or a table (.csv that begins with file,label)"
    )
