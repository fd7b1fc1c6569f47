"""What people decided, as labelled pictures in COCO's form: to measure models with, to choose thresholds, to train.

No picture is written. An image is a moment: the SHA-256 of a video and a time. ``triage evaluate --case`` decodes it
from the original when it is needed; whoever wants files makes them, under the names that ``file_name`` gives.

Beside COCO's own keys: an image says which kinds are surely not in it and of which more may be than is labelled, in the
words of LVIS (``neg_category_ids``, ``not_exhaustive_category_ids``); ``dismissed`` holds boxes that a model was wrong
about, ``undecided`` those of which nobody has said anything. Both look like annotations and are none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from triage import __version__
from triage.case.decisions import Act, Decision, standing
from triage.case.rows import is_failure, is_sealed, report_of
from triage.case.second import disagreements
from triage.exports.contents import Contents
from triage.exports.labelling import Labelled, Standing, Unused, labelled
from triage.phrases import counted
from triage.records import SCHEMA, Label, Video

CATEGORIES: Mapping[Label, int] = {label: number for number, label in enumerate(Label, 1)}
"""The same number for the same label in every export, until a label is put in between."""
ABOUT = (
    "What people decided about findings of triage. An image is a moment of a video, named by its SHA-256 and a time; "
    "no picture is part of this. What no model found and nobody drew is not labelled."
)
LISTS: Mapping[Standing, str] = {
    Standing.VOUCHED: "annotations",
    Standing.DISMISSED: "dismissed",
    Standing.UNDECIDED: "undecided",
}

Entry = dict[str, Any]


def coco(contents: Contents) -> Iterator[str]:
    """One JSON object, an entry a line."""
    unused: Counter[Unused] = Counter()
    images: list[Entry] = []
    boxes: dict[Standing, list[Entry]] = {one: [] for one in Standing}
    used: set[Label] = set()
    for video, seen in _videos(contents, unused):
        for time_ms in sorted({one.time_ms for one in seen}):
            here = [one for one in seen if one.time_ms == time_ms]
            images.append(_image(len(images) + 1, video, time_ms, here))
            for one in here:
                entry = _entry(len(boxes[one.standing]) + 1, len(images), one, with_authors=contents.with_authors)
                boxes[one.standing].append(entry)
                used.update(_settled(one))
    yield from _written(images, boxes, used, unused)
    _tell(contents, images, boxes, unused)


def _videos(contents: Contents, unused: Counter[Unused]) -> Iterator[tuple[Video, list[Labelled]]]:
    by_video: dict[str, list[Decision]] = {}
    for decision in contents.decisions:
        by_video.setdefault(decision.judged.video, []).append(decision)
    disputed = {one.number for pair in disagreements(contents.decisions) for one in (pair.first, pair.second)}
    found = []
    for row in contents.rows:
        decisions = by_video.pop(row["video"]["id"] or "", None)
        if decisions is None:
            continue
        stand = standing(decisions)
        if is_sealed(row) or is_failure(row):
            unused[Unused.SEALED if is_sealed(row) else Unused.NO_REPORT] += _verdicts(stand)
            continue
        report = report_of(row)
        if seen := labelled(report, stand, disputed, unused):
            found.append((report.video, seen))
    unused[Unused.NO_REPORT] += sum(_verdicts(standing(rest)) for rest in by_video.values())
    # By content, and not by urgency, which changes: the same decisions are the same file.
    yield from sorted(found, key=lambda one: one[0].id)


def _verdicts(decisions: Iterable[Decision]) -> int:
    return sum(one.judged.act in {Act.CONFIRM, Act.DISMISS, Act.CORRECT} for one in decisions)


def _image(number: int, video: Video, time_ms: int, here: Sequence[Labelled]) -> Entry:
    labels = {one: {each.label for each in here if each.standing is one} for one in Standing}
    left = {label for each in here for label in _settled(each)} - labels[Standing.VOUCHED] - labels[Standing.UNDECIDED]
    return {
        "id": number,
        "file_name": f"{video.id}_{time_ms}.png",
        "video_id": video.id,
        "time_ms": time_ms,
        "width": video.width_px,
        "height": video.height_px,
        "neg_category_ids": sorted(CATEGORIES[label] for label in left),
        "not_exhaustive_category_ids": sorted(CATEGORIES[label] for label in labels[Standing.UNDECIDED]),
    }


def _settled(one: Labelled) -> set[Label]:
    """Its label, and what a model took it for, unless a finer word of the same role was found for it."""
    is_else = one.taken_for is not None and len(one.roles) > 1
    return {one.label, *([one.taken_for] if is_else and one.taken_for else [])}


def _entry(number: int, image: int, one: Labelled, *, with_authors: bool) -> Entry:
    entry: Entry = {
        "id": number,
        "image_id": image,
        "category_id": CATEGORIES[one.label],
        "bbox": [round(side, 2) for side in (one.box.x0, one.box.y0, one.box.width, one.box.height)],
    }
    if one.standing is Standing.VOUCHED:
        entry |= {"area": round(one.box.area, 2), "iscrowd": 0}
    entry |= {key: value for key, value in (("grade", one.grade), ("score", one.score)) if value is not None}
    if one.decision is not None:
        judged = one.decision.judged
        entry |= {"decision": one.decision.number, "act": judged.act.value, "rung": judged.rung.value}
        if with_authors:
            entry |= {"author": judged.author, "at": one.decision.at}
    return entry


def _written(
    images: Sequence[Entry], boxes: Mapping[Standing, Sequence[Entry]], used: set[Label], unused: Counter[Unused]
) -> Iterator[str]:
    info = {
        "description": ABOUT,
        "version": __version__,
        "unused_decisions": {reason.name.lower(): unused[reason] for reason in Unused},
    }
    categories = [{"id": number, "name": label.value} for label, number in CATEGORIES.items() if label in used]
    # Ours begin with the schema, as exports.registry knows them by.
    yield f'{{"schema": {SCHEMA},\n"info": {json.dumps(info)},\n'
    yield from _list("categories", categories)
    yield from _list("images", images)
    for place, one in enumerate(Standing, 1):
        yield from _list(LISTS[one], boxes[one], is_last=place == len(Standing))
    yield "}\n"


def _list(name: str, entries: Sequence[Entry], *, is_last: bool = False) -> Iterator[str]:
    yield f'"{name}": ['
    for place, entry in enumerate(entries):
        yield ("\n" if place == 0 else ",\n") + json.dumps(entry)
    yield "]\n" if is_last else "],\n"


def _tell(
    contents: Contents, images: Sequence[Entry], boxes: Mapping[Standing, Sequence[Entry]], unused: Counter[Unused]
) -> None:
    videos = len({image["video_id"] for image in images})
    contents.remark(
        f"{counted(len(images), 'moment', 'moments')} of {counted(videos, 'video', 'videos')}: "
        f"{counted(len(boxes[Standing.VOUCHED]), 'box', 'boxes')} that people vouch for, "
        f"{len(boxes[Standing.DISMISSED])} dismissed, {len(boxes[Standing.UNDECIDED])} beside them undecided"
    )
    for reason in Unused:
        if unused[reason]:
            contents.remark(f"left out: {counted(unused[reason], 'decision', 'decisions')} {reason.value}")
