from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from triage.errors import UsageError
from triage.evaluation.coco import read_coco
from triage.evaluation.formats import LabelledSet, Mark, Moment
from triage.evaluation.labelled import boxes_of, decided_on, labels_of, meaning
from triage.records import Role

VIDEO = "ab" * 32


def written(folder: Path, **more: Any) -> Path:
    """Labels of two moments of a video, as an export has them."""
    told = {
        "schema": 3,
        "info": {},
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "weapon"}],
        "images": [
            image(1, 400, neg_category_ids=[2]),
            image(2, 900, neg_category_ids=[]),
        ],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "iscrowd": 0}],
        "dismissed": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}],
        "undecided": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [90, 20, 30, 40]}],
    }
    path = folder / "labels.json"
    path.write_text(json.dumps({**told, **more}))
    return path


def image(number: int, time_ms: int, **more: Any) -> dict[str, Any]:
    name = f"{VIDEO}_{time_ms}.png"
    return {
        "id": number, "file_name": name, "video_id": VIDEO, "time_ms": time_ms, "width": 160, "height": 120, **more
    }  # fmt: skip


def of_role(found: LabelledSet, role: Role) -> list[str]:
    return [picture.path.name for picture in decided_on(found, meaning(found, role, {})).pictures]


def test_an_image_with_a_video_is_a_moment_of_it_by_its_first_digits(tmp_path: Path) -> None:
    found = read_coco(written(tmp_path), None)
    first = found.pictures[0]
    assert first.moment == Moment(VIDEO, 400)
    assert str(first.path) == "abababababab at 00:00.400"
    assert first.wh == (160, 120)
    assert found.about == "COCO, moments of 1 video"
    assert "recall looks higher than it is" in found.mind


def test_pictures_that_were_made_of_the_moments_are_read_as_pictures(tmp_path: Path) -> None:
    first = read_coco(written(tmp_path), tmp_path).pictures[0]
    assert first.moment is None
    assert first.path == tmp_path / f"{VIDEO}_400.png"
    assert first.decided == frozenset({"person", "weapon"})


def test_an_image_counts_only_for_roles_that_somebody_decided_on(tmp_path: Path) -> None:
    found = read_coco(written(tmp_path), None)
    assert of_role(found, Role.PEOPLE) == ["abababababab at 00:00.400"]
    assert of_role(found, Role.WEAPONS) == ["abababababab at 00:00.400"]
    assert found.pictures[1].decided == frozenset()


def test_a_role_that_nobody_decided_on_has_nothing_to_measure(tmp_path: Path) -> None:
    found = read_coco(written(tmp_path, images=[image(2, 900, neg_category_ids=[])], annotations=[]), None)
    with pytest.raises(UsageError, match="none of its 1 pictures was labelled for this role"):
        decided_on(found, meaning(found, Role.WEAPONS, {}))


def test_in_a_coco_file_of_somebody_else_every_image_is_labelled_for_everything(tmp_path: Path) -> None:
    plain = [{"id": 2, "file_name": "a.png"}]
    found = read_coco(written(tmp_path, images=plain, undecided=[]), None)
    assert of_role(found, Role.WEAPONS) == ["a.png"]
    assert found.mind == ""


def test_what_is_undecided_is_neither_a_label_nor_a_false_alarm(tmp_path: Path) -> None:
    found = read_coco(written(tmp_path), None)
    meant = meaning(found, Role.PEOPLE, {})
    marks = found.pictures[0].marks
    boxes, ignored = boxes_of(marks, meant, (160, 120))
    assert [box for _, box in boxes] == [(10, 20, 40, 60)]
    assert ignored == [(90, 20, 120, 60)]
    assert labels_of([Mark("person", is_undecided=True)], meant) == frozenset()


def test_labels_without_one_thing_that_is_there_have_boxes_all_the_same(tmp_path: Path) -> None:
    assert read_coco(written(tmp_path, annotations=[]), None).has_boxes


@pytest.mark.parametrize(
    "more",
    [
        {"images": [{"id": 1, "file_name": "a", "video_id": VIDEO}]},
        {"undecided": [{"category_id": 1}]},
        {"images": [7]},
        {"images": [{"id": 1, "file_name": "a", "video_id": VIDEO, "time_ms": "soon"}]},
    ],
)
def test_labels_that_cannot_be_meant_are_refused_in_a_sentence(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"labels\.json: not COCO labels"):
        read_coco(written(tmp_path, **more), None)
