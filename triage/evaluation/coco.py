"""COCO: labels in one JSON file, of pictures in files or, as ``triage export --to coco`` writes, of moments of videos.

Two additions are read. LVIS' ``neg_category_ids`` says of an image what is surely not in it, so that only this and what
it bears was asked about it; and ``undecided``, of our own exports, are boxes that are neither right nor wrong to find.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triage.errors import UsageError
from triage.evaluation.formats import LabelledPicture, LabelledSet, Mark, Moment, first_line
from triage.phrases import clock, counted
from triage.settings import excerpt

MIND = (
    "Mind: these labels are what people decided about findings. What no model found and nobody drew is missing from "
    "them, so recall looks higher than it is; and pictures of one video are alike, so intervals look too narrow."
)

MOST_MS = 2**53
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the file says."""

    names: Mapping[Any, str]
    images: Mapping[Any, Item]
    notes: Mapping[Any, Sequence[Item]]
    """Annotations of each image."""
    undecided: Mapping[Any, Sequence[Item]]
    has_boxes: bool


def read_coco(path: Path, pictures: Path | None) -> LabelledSet:
    """COCO's JSON: ``images``, ``annotations`` with ``bbox`` x, y, width, height in pixels, ``categories``.

    Raises:
        UsageError: it is not that.
    """
    try:
        told = _told(json.loads(path.read_text(encoding="utf-8-sig")))
        found = tuple(_picture(path, pictures, key, told) for key in told.images)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        missing = f"it says nothing of {excerpt(error.args[0])}" if isinstance(error, KeyError) else first_line(error)
        raise UsageError(
            f"{path}: not COCO labels ({missing}); wanted are images, annotations and categories"
        ) from error
    strays = len(set(told.notes) - set(told.images))
    videos = len({one.moment.video for one in found if one.moment})
    about = "COCO" + (f", moments of {counted(videos, 'video', 'videos')}" if videos else "")
    about += f", {strays} of its annotated pictures are not among its images" if strays else ""
    mind = MIND if any("video_id" in item for item in told.images.values()) else ""
    return LabelledSet(found, tuple(dict.fromkeys(told.names.values())), told.has_boxes, about, mind)


def _told(told: Item) -> _Told:
    boxed = [*told["annotations"], *told.get("dismissed", ()), *told.get("undecided", ())]
    return _Told(
        names={item["id"]: str(item["name"]) for item in told["categories"]},
        images={item["id"]: item for item in told["images"]},
        notes=_by_image(told["annotations"]),
        undecided=_by_image(told.get("undecided", ())),
        has_boxes=any("bbox" in row for row in boxed),
    )


def _by_image(rows: Sequence[Item]) -> Mapping[Any, Sequence[Item]]:
    found: dict[Any, list[Item]] = defaultdict(list)
    for row in rows:
        found[row["image_id"]].append(row)
    return dict(found)


def _picture(path: Path, pictures: Path | None, key: object, told: _Told) -> LabelledPicture:
    item, notes = told.images[key], told.notes.get(key, ())
    wh = (int(item["width"]), int(item["height"])) if item.get("width") and item.get("height") else None
    if pictures is None and "video_id" in item:
        moment = Moment(str(item["video_id"]), int(item["time_ms"]))
        if not 0 <= moment.time_ms <= MOST_MS:
            raise ValueError(f"time_ms is {excerpt(item['time_ms'])}")
        # By the first digits alone, as everywhere in what is printed.
        empty = LabelledPicture(Path(f"{moment.video[:12]} at {clock(moment.time_ms)}"), (), wh, moment=moment)
    else:
        empty = LabelledPicture(_file(path, pictures, item["file_name"]), (), wh)
    if "neg_category_ids" in item:
        decided = {*(note["category_id"] for note in notes), *item["neg_category_ids"]}
        empty = replace(empty, decided=frozenset(told.names[number] for number in decided if number in told.names))
    marks: list[Mark] = []
    for note, is_undecided in (*((one, False) for one in notes), *((one, True) for one in told.undecided.get(key, ()))):
        mark = _mark(note, told.names)
        if isinstance(mark, str):
            return replace(empty, trouble=mark)
        marks.append(replace(mark, is_undecided=is_undecided))
    return replace(empty, marks=tuple(marks))


def _mark(note: Item, names: Mapping[Any, str]) -> Mark | str:
    """The label, or why it cannot be used."""
    name = names.get(note["category_id"])
    if name is None:
        return f"there is no category {excerpt(note['category_id'])}"
    if not note.get("bbox"):
        return Mark(name)
    try:
        x, y, width, height = (float(value) for value in note["bbox"])
    except (ValueError, TypeError, OverflowError):
        return f"its bbox reads {excerpt(note['bbox'])}; wanted are four numbers"
    return Mark(name, (x, y, x + width, y + height), is_crowd=bool(note.get("iscrowd")))


def _file(path: Path, pictures: Path | None, name: str) -> Path:
    if pictures is not None:
        return pictures / name
    beside = path.parent / name
    return (
        beside
        if beside.exists()
        else next(
            (
                place / name
                for place in (path.parent / "images", path.parent.parent / "images")
                if (place / name).exists()
            ),
            beside,
        )
    )
