"""YOLO and CSV, two of the ways in which labels come, and what all come to. Files are only read."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from triage.errors import UsageError
from triage.settings import excerpt

PICTURE_ENDINGS = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
"""What counts as a picture in a folder; a file that is named counts whatever its ending."""
CORNERS = ("x0", "y0", "x1", "y1")
PARTS = ("val", "test", "train")
"""Of a YOLO data set, the first that there is: a model is not to be measured on what it learned from."""

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One label of a picture, in the data set's own words."""

    name: str
    xyxy: Corners | None = None
    """Corners on the upright picture; None: the label is of the picture as a whole."""
    is_share: bool = False
    """The corners are shares of width and height, not pixels."""
    is_crowd: bool = False
    """A place with several of them that are not told apart."""
    is_undecided: bool = False
    """Something that a model took for one, and nobody has said yet whether it is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture that lies in no file of its own."""

    video: str
    """SHA-256 of the video's file."""
    time_ms: int


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and what is in it."""

    path: Path
    """Of a moment: by which name it is spoken of; there is no such file."""
    marks: tuple[Mark, ...] = ()
    """Empty: nothing of what is labelled is in it."""
    wh: tuple[int, int] | None = None
    """Its size on the data set's word; None: it says nothing."""
    trouble: str = ""
    """Why its labels cannot be used; empty: they can."""
    moment: Moment | None = None
    """Where the picture is to be decoded from; None: it is the file at ``path``."""
    decided: frozenset[str] | None = None
    """Names of what was looked for when it was labelled: of anything else it may show any amount. None: of all."""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Pictures and the names of what may be in them."""

    pictures: tuple[LabelledPicture, ...]
    classes: tuple[str, ...]
    has_boxes: bool
    """Whether its labels say where; else they are of pictures as a whole."""
    about: str
    """What was read, in words."""
    mind: str = ""
    """What figures on these labels cannot tell, as a sentence; empty: nothing is known of that kind."""


def read_yolo(path: Path, pictures: Path | None) -> LabelledSet:
    """A data set as ultralytics describes it: ``names``, ``val``, ``path``; labels in ``labels/`` beside ``images/``.

    Raises:
        UsageError: the description cannot be meant, or no picture has a file of labels.
    """
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a YAML file: {first_line(error)}") from error
    if not isinstance(told, dict) or "names" not in told:
        raise UsageError(f"{path}: a YOLO data set says names: and val:; this file has no names")
    names = _yolo_names(path, told["names"])
    part = next((part for part in PARTS if told.get(part)), None)
    if part is None:
        raise UsageError(f"{path}: it says neither val: nor test: nor train:, so where its pictures are is not known")
    root = pictures or path.parent / _word(path, told.get("path") or "")
    files = sorted({file for place in _as_list(told[part]) for file in _yolo_files(path, root, _word(path, place))})
    labels = [_yolo_labels_file(file) for file in files]
    if files and not any(file.is_file() for file in labels):
        raise UsageError(
            f"{path}: none of its {len(files)} pictures has a file of labels; the first was looked for at {labels[0]}"
        )
    found = tuple(_yolo_picture(file, beside, names) for file, beside in zip(files, labels, strict=True))
    return LabelledSet(found, tuple(dict.fromkeys(names.values())), True, f"YOLO, {part}")


def read_csv(path: Path, pictures: Path | None) -> LabelledSet:
    """A table ``file,label`` or ``file,label,x0,y0,x1,y1`` (pixels); an empty label: nothing is in this picture.

    Raises:
        UsageError: it has other columns, or is no text.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = tuple(column.strip() for column in reader.fieldnames or ())
            reader.fieldnames = columns
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: not a table in UTF-8: {first_line(error)}") from error
    has_boxes = set(CORNERS) <= set(columns)
    if not {"file", "label"} <= set(columns) or (set(CORNERS) & set(columns) and not has_boxes):
        raise UsageError(
            f"{path}: its first line is {excerpt(','.join(columns))}; wanted is file,label or file,label,x0,y0,x1,y1 "
            "(pixels)"
        )
    root = pictures or path.parent
    marks: dict[str, list[Mark]] = {}
    troubles: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        name = (row["file"] or "").strip()
        if not name:
            raise UsageError(f"{path}: line {number} names no file")
        kept = marks.setdefault(name, [])
        try:
            kept += _csv_marks(row, has_boxes=has_boxes)
        except ValueError as error:
            troubles.setdefault(name, f"line {number} of {path.name}: {error}")
    found = tuple(
        LabelledPicture(root / name, tuple(kept), trouble=troubles.get(name, "")) for name, kept in marks.items()
    )
    classes = dict.fromkeys(mark.name for kept in marks.values() for mark in kept)
    return LabelledSet(found, tuple(classes), has_boxes, "CSV")


def _yolo_names(path: Path, told: object) -> dict[int, str]:
    if isinstance(told, list):
        return {number: _word(path, name) for number, name in enumerate(told)}
    if isinstance(told, dict) and all(isinstance(number, int) for number in told):
        return {number: _word(path, name) for number, name in told.items()}
    raise UsageError(f"{path}: names is a list, or numbers with a name each")


def _word(path: Path, told: object) -> str:
    """A name. Lists are none: those of a YAML file may hold one another, and be endless written out."""
    if isinstance(told, list | tuple | dict | set):
        raise UsageError(f"{path}: a name or a path is wanted where it has a {type(told).__name__}")
    return str(told)


def _yolo_files(path: Path, root: Path, place: str) -> Iterator[Path]:
    where = root / place
    if where.is_dir():
        yield from (file for file in where.rglob("*") if file.suffix.lower() in PICTURE_ENDINGS)
    elif where.is_file():
        lines = (line.strip() for line in where.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines())
        yield from (root / line for line in lines if line and (root / line).name)
    else:
        raise UsageError(f"{path}: it says its pictures are in {where}, and there is no such folder or list")


def _yolo_labels_file(picture: Path) -> Path:
    """``labels/`` in place of the last ``images/`` of the path, else beside the picture."""
    parts = list(picture.with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts)


def _yolo_picture(picture: Path, labels: Path, names: Mapping[int, str]) -> LabelledPicture:
    if not labels.is_file():
        return LabelledPicture(picture)
    marks = []
    for number, line in enumerate(labels.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            class_id, *numbers = (float(word) for word in line.split())
            marks.append(Mark(names[int(class_id)], _yolo_corners(numbers), is_share=True))
        except KeyError:
            return LabelledPicture(
                picture, trouble=f"line {number} of its labels: there is no class {line.split()[0][:60]}"
            )
        except (ValueError, OverflowError):
            why = f"line {number} of its labels reads {line.strip()[:60]!r}; wanted are a class and four shares"
            return LabelledPicture(picture, trouble=why)
    return LabelledPicture(picture, tuple(marks))


def _yolo_corners(numbers: Sequence[float]) -> Corners:
    """Corners from centre and size (four numbers, or five with a score), or around an outline of x, y pairs."""
    if len(numbers) in {4, 5}:
        x, y, width, height = numbers[:4]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
    raise ValueError(numbers)


def _csv_marks(row: Mapping[str, str | None], *, has_boxes: bool) -> list[Mark]:
    name = (row["label"] or "").strip()
    corners = [(row[corner] or "").strip() for corner in CORNERS] if has_boxes else []
    if not name:
        if any(corners):
            raise ValueError("it has a box without a label")
        return []
    if not any(corners):
        if has_boxes:
            raise ValueError(f"it has a {name} without a box")
        return [Mark(name)]
    try:
        x0, y0, x1, y1 = (float(corner) for corner in corners)
    except ValueError:
        raise ValueError(f"{','.join(corners)} are no four numbers") from None
    return [Mark(name, (x0, y0, x1, y1))]


def _as_list(told: object) -> list[object]:
    return list(told) if isinstance(told, list) else [told]


def first_line(error: BaseException) -> str:
    """What went wrong, short."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
