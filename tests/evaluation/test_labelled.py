from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import STEADY, replaced, sentence, spoiled
from triage.errors import UsageError
from triage.evaluation.formats import LabelledSet, Mark
from triage.evaluation.labelled import Meaning, boxes_of, labels_of, meaning, read_labelled, same_label
from triage.records import Label, Role


def marks_of(found: LabelledSet) -> dict[str, tuple[Mark, ...]]:
    return {picture.path.name: picture.marks for picture in found.pictures}


def yolo(folder: Path, told: str, labels: Mapping[str, str], pictures: int = 3) -> Path:
    """A data set of empty pictures 0.jpg, 1.jpg, …; only names are read here."""
    for place in ("images/val", "labels/val"):
        (folder / place).mkdir(parents=True)
    for number in range(pictures):
        (folder / "images/val" / f"{number}.jpg").touch()
    for name, text in labels.items():
        (folder / "labels/val" / name).write_text(text)
    (folder / "data.yaml").write_text(told)
    return folder / "data.yaml"


NAMES = "names: [person, long gun]\nval: images/val\n"


class TestYolo:
    def test_boxes_are_shares_around_a_centre_and_a_picture_without_a_file_has_none(self, tmp_path: Path) -> None:
        found = read_labelled(yolo(tmp_path, NAMES, {"0.txt": "1 0.5 0.5 0.2 0.4\n", "1.txt": "\n"}))
        assert marks_of(found) == {
            "0.jpg": (Mark("long gun", (0.4, 0.3, 0.6, 0.7), is_share=True),),
            "1.jpg": (),
            "2.jpg": (),
        }
        assert found.has_boxes
        assert found.classes == ("person", "long gun")

    def test_an_outline_counts_as_the_box_around_it(self, tmp_path: Path) -> None:
        found = read_labelled(yolo(tmp_path, NAMES, {"0.txt": "0 0.1 0.2 0.5 0.1 0.3 0.9"}))
        assert marks_of(found)["0.jpg"][0].xyxy == (0.1, 0.1, 0.5, 0.9)

    def test_names_may_be_numbered_and_the_pictures_listed(self, tmp_path: Path) -> None:
        told = "path: sub\nnames: {0: person, 7: blade}\nval: list.txt\n"
        path = yolo(tmp_path / "sub", told, {"1.txt": "7 0.5 0.5 1 1"})
        (tmp_path / "sub" / "list.txt").write_text("./images/val/1.jpg\n\n")
        path = path.rename(tmp_path / "mine.yml")
        assert marks_of(read_labelled(path)) == {"1.jpg": (Mark("blade", (0, 0, 1, 1), is_share=True),)}

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("5 0.5 0.5 1 1", "there is no class 5"),
            ("0 0.5 0.5", "wanted are a class and four shares"),
            ("a", "wanted are"),
        ],
    )
    def test_a_line_that_cannot_be_meant_is_the_trouble_of_its_picture_alone(
        self, tmp_path: Path, line: str, why: str
    ) -> None:
        found = read_labelled(yolo(tmp_path, NAMES, {"0.txt": f"0 0.5 0.5 1 1\n{line}\n", "1.txt": ""}))
        assert [bool(picture.trouble) for picture in found.pictures] == [True, False, False]
        assert why in found.pictures[0].trouble
        assert "line 2 of its labels" in found.pictures[0].trouble

    @pytest.mark.parametrize(
        ("told", "said"),
        [
            ("val: images/val", "this file has no names"),
            ("names: [a]", "says neither val: nor test: nor train:"),
            ("names: [a]\nval: pictures", "there is no such folder or list"),
            ("names: a\nval: images/val", "names is a list"),
            ("names: [a\n", "not a YAML file"),
        ],
    )
    def test_a_description_that_cannot_be_meant_is_said(self, tmp_path: Path, told: str, said: str) -> None:
        with pytest.raises(UsageError, match=said):
            read_labelled(yolo(tmp_path, told, {"0.txt": ""}))

    def test_no_labels_at_all_is_a_wrong_layout_and_not_a_set_of_negatives(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none of its 3 pictures has a file of labels; .*labels/val/0.txt"):
            read_labelled(yolo(tmp_path, NAMES, {}))


COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [
        {"image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 5]},
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, 100, 50], "iscrowd": 1},
    ],
    "categories": [{"id": 3, "name": "Person"}],
}


def coco(folder: Path, **changes: object) -> Path:
    path = folder / "labels.json"
    path.write_text(json.dumps({**COCO, **changes}))
    return path


class TestCoco:
    def test_boxes_are_corner_and_size_in_pixels(self, tmp_path: Path) -> None:
        found = read_labelled(coco(tmp_path))
        assert marks_of(found) == {
            "a.jpg": (Mark("Person", (10, 20, 40, 25)), Mark("Person", (0, 0, 100, 50), is_crowd=True)),
            "b.jpg": (),
        }
        assert [picture.wh for picture in found.pictures] == [(100, 50), None]

    def test_pictures_are_beside_it_or_in_images_or_where_one_says(self, tmp_path: Path) -> None:
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "a.jpg").touch()
        paths = [picture.path for picture in read_labelled(coco(tmp_path)).pictures]
        assert paths == [tmp_path / "images" / "a.jpg", tmp_path / "b.jpg"]
        (tmp_path / "there").mkdir()
        assert read_labelled(coco(tmp_path), tmp_path / "there").pictures[0].path == tmp_path / "there" / "a.jpg"

    def test_labels_without_boxes_are_of_the_picture(self, tmp_path: Path) -> None:
        found = read_labelled(coco(tmp_path, annotations=[{"image_id": 2, "category_id": 3}]))
        assert not found.has_boxes
        assert marks_of(found)["b.jpg"] == (Mark("Person"),)

    @pytest.mark.parametrize(
        "note",
        [{"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}, {"image_id": 1, "category_id": 3, "bbox": [1]}],
    )
    def test_a_label_that_cannot_be_meant_is_the_trouble_of_its_picture(
        self, tmp_path: Path, note: dict[str, object]
    ) -> None:
        found = read_labelled(coco(tmp_path, annotations=[note]))
        assert [bool(picture.trouble) for picture in found.pictures] == [True, False]

    @pytest.mark.parametrize("text", ["[]", "{", '{"images": []}', '{"images": 1, "annotations": 2, "categories": 3}'])
    def test_something_else_in_json_is_said(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "labels.json"
        path.write_text(text)
        with pytest.raises(UsageError, match="not COCO labels"):
            read_labelled(path)


class TestCsv:
    def read(self, folder: Path, text: str) -> LabelledSet:
        path = folder / "labels.csv"
        path.write_bytes(text.encode())
        return read_labelled(path)

    def test_a_row_is_a_box_and_an_empty_label_is_a_picture_without_any(self, tmp_path: Path) -> None:
        found = self.read(
            tmp_path, "\ufefffile,label,x0,y0,x1,y1\r\na.jpg,person,1,2,3,4\r\na.jpg,blade,5,6,7,8\r\nb.jpg,,,,,\r\n"
        )
        assert marks_of(found) == {
            "a.jpg": (Mark("person", (1, 2, 3, 4)), Mark("blade", (5, 6, 7, 8))),
            "b.jpg": (),
        }

    def test_without_corners_labels_are_of_the_picture(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, "file, label\na.jpg, camouflage\nb.jpg,\n")
        assert not found.has_boxes
        assert marks_of(found) == {"a.jpg": (Mark("camouflage"),), "b.jpg": ()}

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            ("a.jpg,person,,,,", "has a person without a box"),
            ("a.jpg,,1,2,3,4", "has a box without a label"),
            ("a.jpg,person,1,2,3,x", "are no four numbers"),
        ],
    )
    def test_a_row_that_cannot_be_meant_is_the_trouble_of_its_picture(self, tmp_path: Path, row: str, why: str) -> None:
        found = self.read(tmp_path, f"file,label,x0,y0,x1,y1\n{row}\nb.jpg,,,,,\n")
        assert [bool(picture.trouble) for picture in found.pictures] == [True, False]
        assert why in found.pictures[0].trouble
        assert "line 2 of labels.csv" in found.pictures[0].trouble

    @pytest.mark.parametrize("head", ["name,label", "file,label,x0,y0", "a.jpg,person", ""])
    def test_other_columns_are_said(self, tmp_path: Path, head: str) -> None:
        with pytest.raises(UsageError, match="wanted is file,label or file,label,x0,y0,x1,y1"):
            self.read(tmp_path, f"{head}\n")

    def test_a_table_without_pictures_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="names no picture"):
            self.read(tmp_path, "file,label\n")


@pytest.mark.parametrize(
    ("text", "about"),
    [("file,label\na.jpg,person\n", "CSV"), (json.dumps(COCO), "COCO"), ("names: [a]\nval: images/val\n", "YOLO, val")],
)
def test_without_an_ending_the_first_letters_tell(tmp_path: Path, text: str, about: str) -> None:
    yolo(tmp_path, NAMES, {"0.txt": ""})
    (tmp_path / "labels").rename(tmp_path / "kept")
    (tmp_path / "kept").rename(tmp_path / "labels")
    path = tmp_path / "what"
    path.write_text(text)
    assert read_labelled(path).about == about


def test_what_is_no_file_of_labels_is_said(tmp_path: Path) -> None:
    (tmp_path / "what").write_text("hello")
    with pytest.raises(UsageError, match="cannot be told what it is"):
        read_labelled(tmp_path / "what")
    with pytest.raises(UsageError, match="there is no such file of labels"):
        read_labelled(tmp_path / "nothing.csv")
    with pytest.raises(UsageError, match=r"a folder was given, .* give its YAML, JSON or CSV"):
        read_labelled(tmp_path)


def of_classes(*names: str) -> LabelledSet:
    return LabelledSet((), names, has_boxes=True, about="")


@pytest.mark.parametrize("name", ["long_gun", "Long Gun", "LONG-GUN", " long  gun "])
def test_a_class_is_our_label_however_it_is_written(name: str) -> None:
    assert same_label(name) is Label.LONG_GUN


def test_classes_mean_what_is_given_then_what_they_are_called_and_the_rest_is_ignored() -> None:
    meant = meaning(of_classes("rifle", "Handgun", "dog"), Role.WEAPONS, {"rifle": Label.LONG_GUN})
    assert meant.label_of == {"rifle": Label.LONG_GUN, "Handgun": Label.HANDGUN}
    assert meant.ignored == ("dog",)


def test_a_label_of_another_role_is_ignored() -> None:
    assert meaning(of_classes("person", "weapon"), Role.PEOPLE, {}).ignored == ("weapon",)


def test_a_class_that_the_data_does_not_have_is_said_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="the data has no class 'rifel'; did you mean 'rifle'"):
        meaning(of_classes("rifle"), Role.WEAPONS, {"rifel": Label.LONG_GUN})
    assert meaning(of_classes("weapon"), Role.WEAPONS, {"Pistol": Label.HANDGUN}, also=["Pistol"]).label_of


def test_classes_of_which_none_is_asked_for_are_said_with_an_example() -> None:
    with pytest.raises(UsageError, match=r'--labels "gun=blade"'):
        meaning(of_classes("gun"), Role.WEAPONS, {})


def test_pictures_without_any_label_need_no_meaning() -> None:
    assert meaning(of_classes(), Role.WEAPONS, {}).label_of == {}


def test_boxes_are_clipped_to_the_picture_and_crowds_kept_apart() -> None:
    meant = meaning(of_classes("person", "dog"), Role.PEOPLE, {})
    marks = [
        Mark("person", (-0.1, 0.5, 0.5, 1.0), is_share=True),
        Mark("person", (10, 10, 300, 40), is_crowd=True),
        Mark("dog", (0, 0, 5, 5)),
    ]
    boxes, crowds = boxes_of(marks, meant, (200, 100))
    assert boxes == [(Label.PERSON, (0, 50, 100, 100))]
    assert crowds == [(10, 10, 200, 40)]
    assert labels_of(marks, meant) == {Label.PERSON}


@pytest.mark.parametrize("xyxy", [(500, 0, 600, 50), (10, 10, 10, 50), (20, 10, 10, 50), (float("nan"), 0, 9, 9)])
def test_a_box_that_is_nowhere_in_the_picture_is_said(xyxy: tuple[float, float, float, float]) -> None:
    meant = meaning(of_classes("person"), Role.PEOPLE, {})
    with pytest.raises(ValueError, match="has no area within the picture of 200x100 px"):
        boxes_of([Mark("person", xyxy)], meant, (200, 100))


SOME_COCO = {
    "images": [
        {"id": 1, "file_name": "0.jpg", "width": 64, "height": 48},
        {"id": 2, "video_id": "ab" * 32, "time_ms": 5},
    ],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}],
    "undecided": [{"image_id": 2, "category_id": 2, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "blade"}],
}
TABLE = b"file,label,x0,y0,x1,y1\n0.jpg,person,1,2,3,4\n1.jpg,,,,,\n"
DESCRIBED = b"path: .\nnames: {0: person, 7: blade}\nval: list.txt\n"


def said_of(path: Path) -> None:
    """It is read as labels, or a sentence says why not."""
    try:
        found = read_labelled(path)
    except UsageError as error:
        sentence(error)
        return
    for picture in found.pictures:
        for mark in picture.marks:
            with contextlib.suppress(ValueError):  # said of the picture when it is measured
                boxes_of([mark], Meaning({mark.name: Label.PERSON}, ()), (64, 48))


@settings(STEADY, max_examples=80)
@given(
    st.one_of(
        st.tuples(st.just(".json"), spoiled([json.dumps(SOME_COCO).encode()])),
        st.tuples(st.just(".json"), replaced(SOME_COCO).map(lambda told: json.dumps(told).encode())),
        st.tuples(st.just(".csv"), spoiled([TABLE])),
        st.tuples(st.just(".yaml"), spoiled([DESCRIBED])),
        st.tuples(st.just(""), st.binary(max_size=40) | spoiled([TABLE, DESCRIBED])),
    )
)
def test_whatever_is_in_a_file_it_is_labels_or_a_sentence(tmp_path: Path, told: tuple[str, bytes]) -> None:
    (tmp_path / "list.txt").write_bytes(b"images/0.jpg\n")
    path = tmp_path / f"labels{told[0]}"
    path.write_bytes(told[1])
    said_of(path)


@settings(STEADY, max_examples=80)
@given(spoiled([b"0 0.5 0.5 0.2 0.4\n7 0.1 0.2 0.5 0.1 0.3 0.9\n"]), spoiled([b"images/0.jpg\n/\n.\n"]))
def test_whatever_is_in_files_of_yolo_it_is_labels_or_a_sentence(tmp_path: Path, labels: bytes, listed: bytes) -> None:
    for place in ("images", "labels"):
        (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / "labels" / "0.txt").write_bytes(labels)
    (tmp_path / "list.txt").write_bytes(listed)
    (tmp_path / "data.yaml").write_bytes(DESCRIBED)
    said_of(tmp_path / "data.yaml")
    (tmp_path / "list.txt").write_bytes(b"images/0.jpg\n")
    said_of(tmp_path / "data.yaml")


def test_lists_that_hold_one_another_are_not_written_out(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{one}: &a{one} [{', '.join([f'*a{one - 1}'] * 9)}]" for one in range(1, 40))]
    path = tmp_path / "data.yaml"
    for where in ("names: *a39\nval: x", "names: [a]\nval: *a39", "names: [a]\nval: x\npath: *a39"):
        path.write_text("\n".join([*lines, where]))
        with pytest.raises(UsageError, match="a name or a path is wanted where it has a list"):
            read_labelled(path)
